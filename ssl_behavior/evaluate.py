"""Score predictions against what people annotated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ssl_behavior.cli.inputs import LabelsConfig
from ssl_behavior.cli.run import command
from ssl_behavior.cli.settings import save_settings
from ssl_behavior.cli.validators import Above, AtLeast
from ssl_behavior.errors import InputError, how_many, natural
from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.scores import confusion_picture
from ssl_behavior.plots.strips import Strip
from ssl_behavior.plots.style import save
from ssl_behavior.predictions.comparison import GroundTruth, compare_folder, compare_submission
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.report import ScoredVideo, score, table
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.paths import file_stem
from ssl_behavior.storage.run_folder import alone_in, check_output, identity, marked, notices

DESCRIPTION = "Score predictions against annotations: F1, precision, average precision, bouts, confusion, pictures."


_IN_ONE_PICTURE = 40


@dataclass(frozen=True)
class EvaluateConfig(LabelsConfig):
    """What to score against what.

    Attributes:
        predictions: the folder that predict wrote, or a submission .npy.
        annotations: files, folders or globs of annotations, or tracks that carry labels (CalMS21 .npy or .json).
        unscored: behaviours that stand for frames nobody judged: these frames are not scored, and the behaviours are in
            no mean.
        videos: score these videos only; all by default.
        output: where scores.json and the pictures go; by default a folder "scores" with the predictions, written anew
            where it holds scores of the same videos against the same annotations.
        overwrite: write into an output folder that is not empty, or over other scores.
        frame_rate: Hz of annotations in seconds that do not state it; by default each prediction's own.
        bootstrap: how often videos are drawn anew for the intervals; 0 for none.
        seed: of the bootstrap.
        skip_bad_files: report a bad annotation file and go on.
    """

    predictions: Path
    annotations: tuple[Path, ...] = field(kw_only=True)
    videos: tuple[str, ...] = ()
    output: Path | None = None
    overwrite: bool = False
    frame_rate: Annotated[float, Above(0)] | None = None
    bootstrap: Annotated[int, AtLeast(0)] = 1000
    seed: Annotated[int, AtLeast(0)] = 0
    skip_bad_files: bool = False


def evaluate(settings: EvaluateConfig) -> dict[str, Any]:
    """Score, print a table, write ``scores.json``, a confusion and ethograms.

    Returns:
        What ``scores.json`` holds.

    Raises:
        InputError: unreadable input, no video that is both predicted and annotated, a label that the predictions do not
            know, or an output that is in the way.
    """
    path = Path(settings.predictions).expanduser()
    if not path.exists():
        raise InputError(f"{path}: expected a folder of predictions or a submission .npy; there is none")
    if path.is_file() and path.suffix.lower() != ".npy":
        raise InputError(
            f"--predictions {path}: expected a folder and found a file; give the folder that predict wrote, or a "
            "submission .npy (--videos scores some of the folder's videos only)"
        )
    output = settings.output or (path / "scores" if path.is_dir() else path.with_suffix(".scores"))
    if not settings.annotations:
        raise InputError("expected --annotations: files, folders or globs to score against; got none")
    if settings.output is not None:
        output = check_output(output, settings.overwrite, of=identity(settings))
    with alone_in(output), marked(output, identity(settings)):
        return _evaluate(output, path, settings)


def _evaluate(output: Path, path: Path, settings: EvaluateConfig) -> dict[str, Any]:
    for notice in notices([path]):
        print(notice)
    truth = GroundTruth(
        annotations=settings.annotations,
        channel=settings.channel,
        unscored=settings.unscored,
        videos=settings.videos,
        frame_rate=settings.frame_rate,
        skip_bad_files=settings.skip_bad_files,
    )
    videos, behaviours = (compare_folder if path.is_dir() else compare_submission)(path, truth)
    if not any((video.truth != UNSCORED).any() for video in videos):
        raise InputError(
            f"--annotations {settings.annotations[0]}: expected scored frames and found none in "
            f"{how_many(len(videos), 'video')}; check --channel and --unscored"
        )
    # After the reading, which tells what is wrong with the settings; a difference from former ones may be no fault.
    if settings.output is None and not settings.overwrite:
        _check_same_question(output / "scores.json", settings)
    report = score(videos, behaviours, settings.bootstrap, settings.seed, settings.unscored)
    report["settings"] = {**asdict(settings), **_question(asdict(settings))}
    print(f"\n{table(report)}\n")
    if report["mean_average_precision"] is None:
        print("labels without probabilities: average precision and calibration are not known")
    _write(output, report, videos, behaviours)
    save_settings(settings, output / "settings.yaml")
    print(f"scores and pictures are in {output}: scores.json, confusion.png, ethogram.png, one picture per video")
    return report


def _write(output: Path, report: dict[str, Any], videos: Sequence[ScoredVideo], behaviours: Sequence[str]) -> None:
    _remove_former(output)
    write_text(output / "scores.json", json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n")
    confusion_picture(output / "confusion.png", np.array(report["confusion"]), behaviours)
    strips = [Strip(one.id, one.frame_rate, {"truth": one.truth, "predicted": one.predicted}) for one in videos]
    save(ethogram(strips[:_IN_ONE_PICTURE], behaviours), output / "ethogram.png")
    for strip in strips:
        save(ethogram([strip], behaviours), output / "videos" / f"{file_stem(strip.id)}.png")


def _check_same_question(scores: Path, settings: EvaluateConfig) -> None:
    """Make sure that scores which are there answer the same question, so that none is lost unasked.

    Raises:
        InputError: they are of other settings.
    """
    if not scores.exists():
        return
    try:
        former = json.loads(scores.read_text(encoding="utf-8"))["settings"]
        now = _question(asdict(settings))
        other = [name for name, value in _question(former).items() if value != now[name]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{scores}: expected former scores and found none; give --output, or --overwrite") from None
    if other:
        flags = ", ".join("--" + name.replace("_", "-") for name in other)
        raise InputError(
            f"{scores}: found scores of another {flags}; give a folder for these with --output, or write over those "
            "with --overwrite"
        )


def _question(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that scores depend on, so that the same question reads the same however it is put."""
    paths = sorted({str(Path(path).expanduser().resolve()) for path in settings["annotations"]})
    names = {name: sorted(settings[name], key=natural) for name in ("unscored", "videos")}
    return {"annotations": paths, "channel": settings["channel"], **names, "frame_rate": settings["frame_rate"]}


def _remove_former(output: Path) -> None:
    """Take away the pictures of an earlier evaluation, whose videos may not be among these."""
    if (output / "scores.json").exists():
        for picture in (output / "videos").glob("*.png"):
            picture.unlink()


main = command(EvaluateConfig, evaluate, DESCRIPTION)


if __name__ == "__main__":
    main()
