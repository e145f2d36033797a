"""Peaks and affinities of a bottom-up network, one ``.npz`` per video.

``keypoints`` names the keypoints. Each peak is a row of the arrays ``frame``, ``keypoint`` (its place in
``keypoints``), ``x`` and ``y``, and perhaps ``score``. Each candidate limb is a row of the arrays ``source`` and
``target``, the rows of its two peaks, and ``affinity``. A peak has a frame and a keypoint, so a limb needs neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_in_order, list_names
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted import npz
from ssl_behavior.formats.untrusted.limits import most_bytes
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.recordings.peaks import Limbs, Peaks
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

SUFFIX = ".npz"
_PEAKS = ("frame", "keypoint", "x", "y")
_LIMBS = ("source", "target", "affinity")
_OTHERS = ("keypoints", "score", "frame_rate", "frames")
_LARGEST = 1e9  # pixels: above it, recordings are refused as well
_MOST_PEAKS = 1_000
"""Peaks of one keypoint in one frame. The work for a frame grows with the third power of their number."""


def read(path: Path, skeleton: Skeleton) -> tuple[Peaks, Limbs | None]:
    """Read the peaks of one video, and its candidate limbs if it has affinities.

    Args:
        path: an ``.npz`` file.
        skeleton: whose keypoints and edges the file must have.

    Raises:
        InputError: the file cannot be read, an array is missing or does not fit the others, or keypoints or limbs are
            those of another skeleton.
    """
    arrays = npz.load(path, (*_PEAKS, *_LIMBS, *_OTHERS))
    if missing := [name for name in ("keypoints", *_PEAKS) if name not in arrays]:
        raise InputError(
            f"{path}: expected arrays of peaks; found none called {list_in_order(missing, 5)}: write keypoints, frame, "
            "keypoint, x and y with np.savez"
        )
    peaks = _read_peaks(arrays, path, skeleton)
    found = [name for name in _LIMBS if name in arrays]
    if found and len(found) < len(_LIMBS):
        raise InputError(
            f"{path}: expected source, target and affinity; found {list_in_order(found, 3)} alone: write all three, or "
            "none to compute affinities from lengths"
        )
    return peaks, _read_limbs(arrays, path, peaks) if found else None


def _read_peaks(arrays: Mapping[str, np.ndarray], path: Path, skeleton: Skeleton) -> Peaks:
    places = _places(arrays["keypoints"], path, skeleton)
    frame = _whole_numbers(arrays, "frame", path)
    keypoint = _whole_numbers(arrays, "keypoint", path, len(places))
    x, y = _numbers(arrays, "x", path), _numbers(arrays, "y", path)
    columns = {"frame": frame, "keypoint": keypoint, "x": x, "y": y}
    score = _numbers(arrays, "score", path) if "score" in arrays else None
    _require_one_length(columns | ({} if score is None else {"score": score}), path, "peaks")
    _require_few(frame * len(places) + keypoint, path)
    positions = mask_unseen(np.stack([x, y], axis=1))
    if len(positions) and (largest := float(np.abs(np.nan_to_num(positions)).max())) > _LARGEST:
        raise InputError(f"{path}: expected pixels of at most {_LARGEST:g}; found {largest:g}: write NaN for no peak")
    confidence, notices = (None, ()) if score is None else bound_confidence(score, positions, path)
    return Peaks(
        video_id(path),
        skeleton,
        frame,
        places[keypoint],
        positions,
        confidence,
        _number_of_frames(arrays, path, frame, skeleton),
        _frame_rate(arrays, path),
        str(path),
        notices,
    )


def _read_limbs(arrays: Mapping[str, np.ndarray], path: Path, peaks: Peaks) -> Limbs:
    ends = [_whole_numbers(arrays, name, path, len(peaks.frame)) for name in ("source", "target")]
    affinity = _numbers(arrays, "affinity", path)
    _require_one_length(dict(zip(_LIMBS, [*ends, affinity], strict=True)), path, "limbs")
    source, target = ends
    if (apart := peaks.frame[source] != peaks.frame[target]).any():
        row = int(np.flatnonzero(apart)[0])
        raise InputError(
            f"{path}: expected limbs between two peaks of one frame; found one of frames {peaks.frame[source[row]]} "
            f"and {peaks.frame[target[row]]} in row {row}: number the peaks by their rows, from 0"
        )
    edge = np.full((len(peaks.skeleton.keypoints),) * 2, -1)
    for number, (first, second) in enumerate(peaks.edges):
        edge[first, second] = number
    forward, backward = (edge[peaks.keypoint[a], peaks.keypoint[b]] for a, b in ((source, target), (target, source)))
    if (alien := (forward < 0) & (backward < 0)).any():
        names = [peaks.skeleton.keypoints[peaks.keypoint[end[alien][0]]] for end in ends]
        raise InputError(
            f"{path}: expected limbs along the edges of the skeleton; found one from {names[0]!r} to {names[1]!r}: add "
            "this edge to the skeleton file, or leave out its limbs"
        )
    is_turned = forward < 0
    source, target = np.where(is_turned, target, source), np.where(is_turned, source, target)
    limbs = Limbs(np.where(is_turned, backward, forward), source, target, affinity)
    if len(np.unique(limbs.source * len(peaks.frame) + limbs.target)) < len(limbs):
        raise InputError(f"{path}: expected each limb once; found a pair of peaks twice: write one affinity for each")
    return limbs.subset(peaks.is_found[limbs.source] & peaks.is_found[limbs.target] & np.isfinite(affinity))


def _places(names: np.ndarray, path: Path, skeleton: Skeleton) -> np.ndarray:
    """Return (keypoint of the file,) its place in the skeleton."""
    if names.ndim != 1 or names.dtype.kind != "U":
        raise InputError(f"{path}: expected a list of names as 'keypoints'; found something else: write texts")
    listed = names.tolist()
    if sorted(listed) != sorted(skeleton.keypoints):
        raise InputError(
            f"{path}: expected the keypoints of the skeleton, {list_names(skeleton.keypoints)}; found "
            f"{list_names(listed)}: give --skeleton the file of this network"
        )
    return np.array([skeleton.keypoints.index(name) for name in listed], np.int64)


def _whole_numbers(arrays: Mapping[str, np.ndarray], name: str, path: Path, below: int | None = None) -> np.ndarray:
    """Return an array of whole numbers from 0 on as int64; ``below`` is the first that is too large."""
    values = arrays[name]
    largest = 2**53 if below is None else below
    is_in_range = values.dtype.kind in "iuf" and bool(((values >= 0) & (values < largest)).all())
    if not is_in_range or (values % 1 != 0).any():
        upper = "" if below is None else f" to {below - 1:,}"
        raise InputError(f"{path}: expected whole numbers from 0{upper} as {name!r}; found others: number from 0")
    return values.astype(np.int64)


def _numbers(arrays: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    if arrays[name].dtype.kind not in "iuf":
        raise InputError(f"{path}: expected numbers as {name!r}; found {arrays[name].dtype}: write an array of numbers")
    with np.errstate(over="ignore"):  # numbers beyond float64 become infinite, and so unseen
        return arrays[name].astype(np.float64)


def _require_one_length(columns: Mapping[str, np.ndarray], path: Path, rows: str) -> None:
    if any(values.ndim != 1 for values in columns.values()) or len({values.size for values in columns.values()}) > 1:
        shapes = [f"{name} {values.shape}" for name, values in columns.items()]
        raise InputError(
            f"{path}: expected arrays of {rows} with one value a row; found {list_in_order(shapes, 6)}: write them "
            "with one length"
        )


def _require_few(kinds: np.ndarray, path: Path) -> None:
    """Make sure that few peaks are of one kind, that is, of one frame and keypoint."""
    most = int(np.unique(kinds, return_counts=True)[1].max(initial=0))
    if most > _MOST_PEAKS:
        raise InputError(
            f"{path}: expected at most {_MOST_PEAKS:,} peaks of a keypoint in a frame; found {most:,}: leave out those "
            "with low scores"
        )


def _number_of_frames(arrays: Mapping[str, np.ndarray], path: Path, frame: np.ndarray, skeleton: Skeleton) -> int:
    last = int(frame.max(initial=-1))
    frames = last + 1
    if "frames" in arrays:
        stated = _whole_numbers(arrays, "frames", path)
        if stated.shape != () or stated < frames:
            raise InputError(f"{path}: expected a number of frames above that of every peak, {last}; found {stated}")
        frames = int(stated)
    # A frame of one animal in a recording, with its confidence.
    most = most_bytes(path.stat().st_size) // (3 * np.dtype(np.float32).itemsize * len(skeleton.keypoints))
    if frames > most:
        raise InputError(
            f"{path}: expected frame numbers that {count_of(len(frame), 'peak')} justify; found {frames:,} frames: "
            "correct the frame numbers"
        )
    return frames


def _frame_rate(arrays: Mapping[str, np.ndarray], path: Path) -> float | None:
    if "frame_rate" not in arrays:
        return None
    rate = arrays["frame_rate"]
    value = rate.item() if rate.shape == () else rate.tolist()
    require_frame_rate(value, str(path))
    return float(value)
