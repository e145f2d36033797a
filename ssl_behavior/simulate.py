"""Make simulated recordings of a resident and an intruder mouse, in the files of the MABe-2021 challenge (CalMS21).

ssl-behavior simulate --output simulated
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_behavior.cli.run import command
from ssl_behavior.cli.validators import AtLeast, Checked
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.formats.tracks.calms21.submissions import write_submission
from ssl_behavior.plots.style import save, styles
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.mice import HEIGHT, WIDTH
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage.run_folder import writing

SHOWN_SECONDS = 120
MOUSE_COLOURS = ("#222222", "#0072B2")


@dataclass(frozen=True)
class SimulateConfig(Checked):
    """What to simulate, and where to write it.

    Attributes:
        output: folder for the files.
        train_videos: videos with labels, in train.npy.
        test_videos: videos whose labels are in truth.npy only.
        unlabelled_videos: further videos in test.npy whose labels are nowhere, to pretrain on.
        min_frames: frames of the shortest video, at 30 Hz.
        max_frames: frames of the longest video.
        seed: the same seed gives the same files.
        json: write the public JSON layout of CalMS21 too.
        overwrite: write into a folder that is not empty.
    """

    output: Path = Path("simulated")
    train_videos: Annotated[int, AtLeast(1)] = 8
    test_videos: Annotated[int, AtLeast(1)] = 4
    unlabelled_videos: Annotated[int, AtLeast(0)] = 8
    min_frames: Annotated[int, AtLeast(1)] = 1800
    max_frames: int = 9000
    seed: Annotated[int, AtLeast(0)] = 0
    json: bool = False
    overwrite: bool = False


def simulate(settings: SimulateConfig) -> Path:
    """Simulate the videos and write train.npy, test.npy, truth.npy, sample_submission.npy and simulated.png.

    Returns:
        The folder.

    Raises:
        InputError: impossible settings, or an output folder that is in use.
    """
    if settings.min_frames > settings.max_frames:
        raise InputError(
            f"--min-frames {settings.min_frames}: expected no more than --max-frames {settings.max_frames}; "
            "lower it, or raise --max-frames"
        )
    with writing(settings) as output:
        print(_write(output, settings))
    return output


def _write(output: Path, settings: SimulateConfig) -> str:
    labelled = settings.train_videos + settings.test_videos
    recordings = simulate_recordings(
        labelled + settings.unlabelled_videos, settings.seed, (settings.min_frames, settings.max_frames)
    )
    train, test = recordings[: settings.train_videos], recordings[settings.train_videos :]
    truth = recordings[settings.train_videos : labelled]
    calms21.write(output / "train.npy", train)
    calms21.write(output / "test.npy", test, with_labels=False)
    calms21.write(output / "truth.npy", truth)
    sample = {recording.id: np.zeros(recording.frames, np.int16) for recording in test}
    write_submission(output / "sample_submission.npy", sample)
    if settings.json:
        calms21.write(output / "calms21_task1_train.json", train)
        calms21.write(output / "calms21_task1_test.json", truth)
    draw(output / "simulated.png", train[0])
    return _report(output, train, truth, test)


def draw(path: Path, recording: Recording) -> None:
    """Draw the mice in the middle of a bout of each behaviour; labels, speeds and distance over two minutes."""
    figure = Figure(figsize=(13, 7), dpi=110, layout="constrained")
    grid = figure.add_gridspec(4, len(BEHAVIOURS), height_ratios=(3, 0.3, 1.4, 1.4))
    for column, behaviour in enumerate(BEHAVIOURS):
        _draw_mice(figure.add_subplot(grid[0, column]), recording, behaviour)
    shown = _liveliest_span(recording)
    rows = [figure.add_subplot(grid[row, :]) for row in (1, 2, 3)]
    _draw_labels(rows[0], recording, shown)
    _draw_series(rows[1], rows[2], recording, shown)
    figure.suptitle(f"{recording.id}: simulated resident (dark) and intruder (blue)")
    save(figure, path)


def _draw_mice(axes: Axes, recording: Recording, behaviour: str) -> None:
    bouts = [bout for bout in recording.labels[CHANNEL].bouts() if bout.behaviour == behaviour]
    axes.set(title=behaviour, xlim=(0, WIDTH), ylim=(HEIGHT, 0), aspect="equal", xticks=[], yticks=[])
    if not bouts:
        axes.text(WIDTH / 2, HEIGHT / 2, "not in this video", ha="center", va="center", color="0.5")
        return
    bout = max(bouts, key=lambda bout: bout.stop - bout.start)
    middle = (bout.start + bout.stop) // 2
    names = recording.skeleton.keypoints
    for alpha, lag in ((0.2, -12), (0.45, -6), (1.0, 0)):
        frame = max(bout.start, middle + lag)
        for mouse, colour in zip(recording.positions[frame], MOUSE_COLOURS, strict=True):
            for edge in recording.skeleton.edges:
                ends = mouse[[names.index(name) for name in edge]]
                axes.plot(ends[:, 0], ends[:, 1], color=colour, alpha=alpha, lw=1.2)
            axes.plot(*mouse[names.index("nose")], ".", color=colour, alpha=alpha, ms=5)
    seen = recording.positions[middle][np.isfinite(recording.positions[middle, ..., 0])]
    if len(seen):
        # Both mice, however far apart, in a window of the arena's proportions.
        (left, top), (right, bottom) = seen.min(0), seen.max(0)
        half = max(160.0, 60 + (bottom - top) / 2, (60 + (right - left) / 2) * HEIGHT / WIDTH)
        x, y, wide = (left + right) / 2, (top + bottom) / 2, half * WIDTH / HEIGHT
        axes.set(xlim=(x - wide, x + wide), ylim=(y + half, y - half))


def _liveliest_span(recording: Recording) -> slice:
    """The two minutes with the most behaviours, then the most bouts."""
    values, length = recording.labels[CHANNEL].values, int(SHOWN_SECONDS * recording.frame_rate)
    starts = range(0, max(1, len(values) - length + 1), 300)

    def liveliness(start: int) -> tuple[int, int]:
        span = values[start : start + length]
        return len(np.unique(span)), int(np.count_nonzero(np.diff(span)))

    start = max(starts, key=liveliness)
    return slice(start, start + length)


def _draw_labels(axes: Axes, recording: Recording, shown: slice) -> None:
    labels = Labels(BEHAVIOURS, recording.labels[CHANNEL].values[shown])
    for name, (colour, _) in zip(BEHAVIOURS, styles(BEHAVIOURS), strict=True):
        runs = [(bout.start, bout.stop - bout.start) for bout in labels.bouts() if bout.behaviour == name]
        axes.broken_barh(runs, (0, 1), color=colour, lw=0, label=name)
    axes.set(xlim=(0, len(labels.values)), ylim=(0, 1), xticks=[], yticks=[])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(BEHAVIOURS), fontsize=9, frameon=False)


def _draw_series(speeds_axes: Axes, distance_axes: Axes, recording: Recording, shown: slice) -> None:
    rate = recording.frame_rate
    neck = recording.positions[shown, :, recording.skeleton.keypoints.index("neck")]
    seconds = np.arange(len(neck)) / rate
    speeds = np.full(neck.shape[:2], np.nan)
    speeds[3:-3] = np.linalg.norm(neck[6:] - neck[:-6], axis=-1) * rate / 6
    for mouse, colour in enumerate(MOUSE_COLOURS):
        speeds_axes.plot(seconds, speeds[:, mouse], color=colour, lw=0.9)
    distance_axes.plot(seconds, np.linalg.norm(neck[:, 0] - neck[:, 1], axis=-1), color="#009E73", lw=1.1)
    speeds_axes.set(ylabel="speed (px/s)", ylim=(0, 900), xlim=(0, len(neck) / rate))
    distance_axes.set(ylabel="neck to neck (px)", xlabel="time (s)", ylim=(0, 900), xlim=(0, len(neck) / rate))
    for axes in (speeds_axes, distance_axes):
        axes.spines[["top", "right"]].set_visible(False)


def _report(output: Path, train: Sequence[Recording], truth: Sequence[Recording], test: Sequence[Recording]) -> str:
    lines = [f"simulated resident-intruder recordings (not real mice) in {output}:"]
    for name, part, what in (
        ("train.npy", train, "with labels"),
        ("test.npy", test, f"without labels; {len(truth)} to be scored"),
        ("truth.npy", truth, "the labels of those"),
    ):
        frames = sum(recording.frames for recording in part)
        lines.append(f"  {name:10s} {len(part):3d} videos, {frames:7,d} frames, {what}")
    values = np.concatenate([recording.labels[CHANNEL].values for recording in [*train, *truth]])
    shares = ", ".join(f"{name} {np.mean(values == label):.1%}" for label, name in enumerate(BEHAVIOURS))
    lines.append(f"  labelled frames: {shares}")
    lines.append(f"  picture: {output / 'simulated.png'}")
    lines.append(f"next: ssl-behavior pretrain --recordings {output / 'test.npy'} --output runs/simulated")
    return "\n".join(lines)


main = command(SimulateConfig, simulate, "Make simulated recordings of two mice, with labels that are exact.")


if __name__ == "__main__":
    main()
