"""``ssl-behavior simulate``: simulate recordings of two mice, in the files of the MABe-2021 challenge (CalMS21)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior.cli.run import command
from ssl_behavior.cli.validators import AtLeast, Checked
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.formats.tracks.calms21.submissions import write_submission
from ssl_behavior.plots.simulated import simulated_picture
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage.run_folder import open_output


@dataclass(frozen=True)
class SimulateConfig(Checked):
    """Settings of ``simulate``.

    Attributes:
        output: folder for the files.
        train_videos: number of videos with labels, in train.npy.
        test_videos: number of videos in test.npy whose labels are in truth.npy only.
        unlabelled_videos: number of further videos in test.npy without labels anywhere, to pretrain on.
        min_frames: number of frames of the shortest video, at 30 Hz.
        max_frames: number of frames of the longest video, at 30 Hz.
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


@check_arguments
def simulate(config: SimulateConfig) -> Path:
    """Simulate videos and write train.npy, test.npy, truth.npy, sample_submission.npy and simulated.png.

    Returns:
        The folder.

    Raises:
        InputError: a setting is out of bounds, or the output folder is not empty.

    Examples:
        >>> simulate(SimulateConfig(Path("simulated"), train_videos=2))
    """
    if config.min_frames > config.max_frames:
        raise InputError(
            f"--min-frames {config.min_frames}: expected no more than --max-frames {config.max_frames}: lower "
            "it, or raise --max-frames"
        )
    with open_output(config) as output:
        print(_write(output, config))
    return output


def _write(output: Path, config: SimulateConfig) -> str:
    """Write the files, and return what to print about them."""
    labelled = config.train_videos + config.test_videos
    recordings = simulate_recordings(
        labelled + config.unlabelled_videos, config.seed, (config.min_frames, config.max_frames)
    )
    train, test = recordings[: config.train_videos], recordings[config.train_videos :]
    truth = recordings[config.train_videos : labelled]
    calms21.write(output / "train.npy", train)
    calms21.write(output / "test.npy", test, with_labels=False)
    calms21.write(output / "truth.npy", truth)
    sample = {recording.id: np.zeros(recording.frames, np.int16) for recording in test}
    write_submission(output / "sample_submission.npy", sample)
    if config.json:
        calms21.write(output / "calms21_task1_train.json", train)
        calms21.write(output / "calms21_task1_test.json", truth)
    simulated_picture(output / "simulated.png", train[0])
    return _report(output, train, truth, test)


def _report(output: Path, train: Sequence[Recording], truth: Sequence[Recording], test: Sequence[Recording]) -> str:
    lines = [f"simulated resident-intruder recordings (not real mice) in {output}:"]
    for name, recordings, remark in (
        ("train.npy", train, "with labels"),
        ("test.npy", test, f"without labels; the first {len(truth)} have theirs in truth.npy"),
        ("truth.npy", truth, "with labels, to score predictions of test.npy"),
    ):
        frames = sum(recording.frames for recording in recordings)
        lines.append(f"  {name:10s} {len(recordings):3d} videos, {frames:7,d} frames, {remark}")
    values = np.concatenate([recording.labels[CHANNEL].values for recording in [*train, *truth]])
    shares = ", ".join(f"{name} {np.mean(values == label):.1%}" for label, name in enumerate(BEHAVIOURS))
    lines.append(f"  labelled frames: {shares}")
    lines.append(f"  picture: {output / 'simulated.png'}")
    following = command_line("pretrain", "--recordings", output / "test.npy", "--output", "runs/simulated")
    lines.append(f"next: {following}")
    return "\n".join(lines)


main = command(SimulateConfig, simulate, "Simulate recordings of two mice, with exact labels.")


if __name__ == "__main__":
    main()
