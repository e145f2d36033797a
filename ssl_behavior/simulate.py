"""``ssl-behavior simulate``: simulate recordings of mice, in the files of MABe-2021 (CalMS21) or MABe-2025."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from ssl_behavior.cli.run import command
from ssl_behavior.cli.validators import AtLeast, Checked
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.formats.tracks.calms21.submissions import write_submission
from ssl_behavior.plots.competition import competition_picture
from ssl_behavior.plots.simulated import simulated_picture
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.competition import TEST, TRAIN, UNLABELLED, Sizes, Written, write_competition
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage.run_folder import open_output

Layout = Literal["calms21", "mabe25"]

_USUAL_SIZES: dict[Layout, Sizes] = {
    "calms21": Sizes(8, 4, 8, (1800, 9000)),
    "mabe25": Sizes(8, 4, 4, (1800, 5400)),
}


@dataclass(frozen=True)
class SimulateConfig(Checked):
    """Settings of ``simulate``.

    Attributes:
        output: folder for the files.
        train_videos: number of videos with labels: in train.npy (default: 8), or in each laboratory of mabe25
            (default: 8).
        test_videos: number of videos in test.npy whose labels are in truth.npy only (default: 4); in each laboratory
            of mabe25, with labels in test_annotation (default: 4).
        unlabelled_videos: number of further videos without labels anywhere, to pretrain on: in test.npy (default: 8);
            in train.csv, in each laboratory of mabe25 (default: 4).
        min_frames: number of frames of the shortest video, at 30 Hz (default: 1800). At another frame rate it lasts as
            long.
        max_frames: number of frames of the longest video, at 30 Hz (default: 9000; mabe25: 5400).
        seed: the same seed gives the same files.
        layout: calms21 is a resident and an intruder in the files of MABe-2021; mabe25 is a competition of five
            laboratories in the files of MABe-2025.
        json: write the public JSON layout of CalMS21 too.
        overwrite: write into a folder that is not empty.
    """

    output: Path = Path("simulated")
    train_videos: Annotated[int, AtLeast(1)] | None = None
    test_videos: Annotated[int, AtLeast(1)] | None = None
    unlabelled_videos: Annotated[int, AtLeast(0)] | None = None
    min_frames: Annotated[int, AtLeast(1)] | None = None
    max_frames: int | None = None
    seed: Annotated[int, AtLeast(0)] = 0
    layout: Layout = "calms21"
    json: bool = False
    overwrite: bool = False


@check_arguments
def simulate(config: SimulateConfig) -> Path:
    """Simulate videos and write the files of a challenge, and the picture simulated.png.

    In the layout calms21 they are train.npy, test.npy, truth.npy and sample_submission.npy; in the layout mabe25
    train.csv, test.csv, and folders of tracks and annotations, with oracle.csv.

    Returns:
        The folder.

    Raises:
        InputError: a setting is out of bounds, or the output folder is not empty.

    Examples:
        >>> simulate(SimulateConfig(Path("simulated"), train_videos=2))
    """
    sizes = _sizes(config)
    if config.json and config.layout != "calms21":
        raise InputError(f"--json: expected --layout calms21 with it, and found {config.layout}: leave out --json")
    with open_output(config) as output:
        print(
            _write_mabe25(output, config, sizes) if config.layout == "mabe25" else _write_calms21(output, config, sizes)
        )
    return output


def _sizes(config: SimulateConfig) -> Sizes:
    """The sizes that were asked for, with those usual in the layout in place of the others."""
    usual = _USUAL_SIZES[config.layout]
    train, test, unlabelled = (
        usual_size if size is None else size
        for size, usual_size in (
            (config.train_videos, usual.train_videos),
            (config.test_videos, usual.test_videos),
            (config.unlabelled_videos, usual.unlabelled_videos),
        )
    )
    fewest = usual.frames[0] if config.min_frames is None else config.min_frames
    most = usual.frames[1] if config.max_frames is None else config.max_frames
    if fewest > most:
        raise InputError(
            f"--min-frames {fewest}: expected no more than --max-frames {most}: lower it, or raise --max-frames"
        )
    return Sizes(train, test, unlabelled, (fewest, most))


def _write_calms21(output: Path, config: SimulateConfig, sizes: Sizes) -> str:
    """Write the files of MABe-2021, and return what to print about them."""
    labelled = sizes.train_videos + sizes.test_videos
    recordings = simulate_recordings(labelled + sizes.unlabelled_videos, config.seed, sizes.frames)
    train, test = recordings[: sizes.train_videos], recordings[sizes.train_videos :]
    truth = recordings[sizes.train_videos : labelled]
    calms21.write(output / "train.npy", train)
    calms21.write(output / "test.npy", test, with_labels=False)
    calms21.write(output / "truth.npy", truth)
    sample = {recording.id: np.zeros(recording.frames, np.int16) for recording in test}
    write_submission(output / "sample_submission.npy", sample)
    if config.json:
        calms21.write(output / "calms21_task1_train.json", train)
        calms21.write(output / "calms21_task1_test.json", truth)
    simulated_picture(output / "simulated.png", train[0])
    return _report_calms21(output, train, truth, test)


def _report_calms21(
    output: Path, train: Sequence[Recording], truth: Sequence[Recording], test: Sequence[Recording]
) -> str:
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


def _write_mabe25(output: Path, config: SimulateConfig, sizes: Sizes) -> str:
    """Write the files of MABe-2025, and return what to print about them."""
    written = write_competition(output, sizes, config.seed)
    competition_picture(output / "simulated.png", written.examples)
    return _report_mabe25(output, written)


def _report_mabe25(output: Path, written: Written) -> str:
    lines = [f"simulated recordings of {len(written.examples)} laboratories (not real mice) in {output}:"]
    for lab, its_videos in written.counts.groupby("lab", sort=False):
        videos = its_videos["part"].value_counts()
        train, test, unlabelled = (int(videos.get(part, 0)) for part in (TRAIN, TEST, UNLABELLED))
        lines.append(
            f"  {lab:15s} {train:3d} videos to train on, {unlabelled:3d} unlabelled, {test:3d} to test on, "
            f"{its_videos['minutes'].sum():6,.0f} min, {its_videos['bouts'].sum():6,d} bouts"
        )
    lines += [
        "  the real competition keeps test_annotation to itself; it is here to score submissions",
        f"  oracle: {output / 'oracle.csv'} is what an observer submits who knows the actions and has the annotators' "
        "habits",
        f"  picture: {output / 'simulated.png'}",
    ]
    steps = (
        command_line("pretrain", "--recordings", output, "--output", "runs/mabe25"),
        command_line("finetune", "--encoder", "runs/mabe25", "--recordings", output, "--output", "runs/actions"),
        command_line(
            "predict", "--model", "runs/actions", "--recordings", output / "test", "--output", "submission.csv"
        ),
        command_line("evaluate", "--predictions", "submission.csv", "--annotations", output),
    )
    return "\n".join([*lines, *(f"next: {step}" for step in steps)])


main = command(
    SimulateConfig, simulate, "Simulate recordings of mice, with exact labels or as several laboratories do."
)


if __name__ == "__main__":
    main()
