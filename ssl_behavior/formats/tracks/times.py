"""Rows of tracks that state their times: the frame of each row, and the frame rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssl_behavior.errors import InputError, count_of
from ssl_behavior.formats.untrusted.limits import most_bytes

_SAME_RATE = 5e-4
"""Relative difference of a stated rate and that of the times which rounding explains; 29.97 Hz is not 30 Hz."""
_MAX_RESIDUAL = 0.15
"""Steps: times further from a grid on average are not on it (random times would be 0.25 away)."""
_LONGEST_VIDEO = 7 * 24 * 3600
"""Seconds; times that begin later are those of a clock."""

_LARGEST_GAP, _LARGEST_FRAME = 2.0**36, 2.0**53
"""Frames between two rows, and before the first, beyond any video."""


@dataclass(frozen=True)
class FrameTimes:
    """Places of rows in their video.

    Attributes:
        frames: (row,) int64, the frame of each row.
        frame_rate: Hz; None if it is unknown.
        notices: what the times mean where that is not plain.
    """

    frames: np.ndarray
    frame_rate: float | None
    notices: tuple[str, ...] = ()


def frames_of_times(
    times: np.ndarray, stated: float | None, where: str, in_frames: bool = False, from_zero: bool = True
) -> FrameTimes:
    """Return the frame of each row and the frame rate.

    The times count where they disagree with the stated rate, as the times of some rows stay right when others are
    taken away.

    Args:
        times: (row,) seconds, or numbers of frames.
        stated: Hz, the frame rate that the file states beside the times; None if it states none.
        where: the file or dataset, for the error.
        in_frames: the times are numbers of frames.
        from_zero: the video begins at time 0; otherwise it begins with the first row.

    Raises:
        InputError: times do not rise from row to row, or are no numbers.
    """
    steps = np.diff(times)
    if not np.isfinite(times).all() or (steps <= 0).any():
        wrong = int(np.argmax(~(steps > 0))) + 1 if len(steps) else 0
        raise InputError(
            f"{where}: expected times that rise from row to row; found {times[wrong]:g} in row {wrong}, after "
            f"{times[max(wrong - 1, 0)]:g}: sort the rows, and take out those without a time or with the same time"
        )
    unit = "frames" if in_frames else "s"
    expected = 1.0 if in_frames else 1 / stated if stated else None
    step, multiples = _grid(steps, expected, in_frames)
    notices = []
    if step is None:
        if not len(steps):
            return FrameTimes(np.zeros(len(times), np.int64), stated)
        step, multiples = float(steps.mean()), np.ones(len(steps), np.int64)
        notices.append(
            f"times are irregular, {steps.min():.3g} to {steps.max():.3g} {unit} apart: every row is read as a frame"
        )
    frame_rate = _frame_rate(step, stated, in_frames)
    if expected is not None and abs(step / expected - 1) >= _SAME_RATE:
        notices.append(
            f"times are {step:.4g} {unit} apart, where {expected:.4g} {unit} are stated: the frame rate is "
            + (f"{frame_rate:g} Hz" if frame_rate else "not that of the video")
        )
    first, more = _first_frame(float(times[0]), step, in_frames) if from_zero else (0, [])
    if missing := int(multiples.sum()) - len(multiples):
        more.append(f"times leave out {count_of(missing, 'frame')}, in which nothing is seen")
    frames = first + np.concatenate([[0], np.cumsum(multiples)]).astype(np.int64)
    return FrameTimes(frames, frame_rate, (*notices, *more))


def at_frames(values: np.ndarray, frames: np.ndarray, where: str) -> np.ndarray:
    """Return values (row, ...) as (frame, ...), NaN in frames without a row.

    Raises:
        InputError: the frames are so far apart that filling the gaps would take too much memory.
    """
    length = int(frames[-1]) + 1 if len(frames) else 0
    if length == len(values):
        return values
    if length * (values.nbytes // len(values)) > most_bytes(values.nbytes):
        raise InputError(
            f"{where}: expected times of one video; found {len(values):,} rows for {length:,} frames: cut the "
            "recording where its rows lie apart"
        )
    filled = np.full((length, *values.shape[1:]), np.nan, values.dtype)
    filled[frames] = values
    return filled


def _grid(steps: np.ndarray, expected: float | None, in_frames: bool) -> tuple[float | None, np.ndarray]:
    """Return the time of one frame and (row - 1,) the frames from each row to the next; None if the times fit none."""
    if not len(steps):
        return expected, np.empty(0, np.int64)
    # The stated time of a frame, then the median; many missing frames leave the shortest steps as those of a frame.
    median, shortest = float(np.median(steps)), float(np.quantile(steps, 0.05))
    attempts = [(expected, False), (expected, True)]
    attempts += [] if in_frames else [(median, False), (shortest, False), (median, True)]
    for candidate, may_jitter in attempts:
        if candidate is None or not 0 < candidate < np.inf:
            continue
        ratio = np.minimum(steps / candidate, _LARGEST_GAP)
        multiples = np.rint(ratio).astype(np.int64)
        drift = abs(float(ratio.sum()) - int(multiples.sum()))
        if may_jitter:  # single times may lie far from the grid if no frame is missing and their number is right
            fits = bool((multiples == 1).all()) and drift < 1
        else:
            fits = multiples.min() >= 1 and np.abs(ratio - multiples).mean() < _MAX_RESIDUAL
        if fits:
            multiples //= (common := int(np.gcd.reduce(multiples)))
            is_exact = candidate == expected and drift < 1
            return candidate * common if is_exact else float(steps.sum() / multiples.sum()), multiples
    return None, np.empty(0, np.int64)


def _frame_rate(step: float, stated: float | None, in_frames: bool) -> float | None:
    if in_frames:
        return round(stated / step, 4) if stated else None
    if stated and abs(step * stated - 1) < _SAME_RATE:
        return stated
    # Times are rounded, so the last digits of their rate mean nothing.
    return round(1 / step, 3) if step < 1 else 1 / step


def _first_frame(start: float, step: float, in_frames: bool) -> tuple[int, list[str]]:
    """Return the frame of the first row, and a notice if it is not 0."""
    first = round(min(start / step, _LARGEST_FRAME))
    unit = "frame" if in_frames else "s"
    if first < 0 or (not in_frames and start > _LONGEST_VIDEO):
        kind = "before the video" if first < 0 else "as on a clock"
        return 0, [f"times begin at {start:g} {unit}, {kind}: the first row is read as frame 0"]
    if first == 0:
        return 0, []
    at = f"at frame {start:g}" if in_frames else f"at {start:.6g} s"
    return first, [f"times begin {at}: nothing is seen in the {count_of(first, 'frame')} before"]
