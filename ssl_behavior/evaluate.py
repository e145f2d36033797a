"""``ssl-behavior evaluate``: score predictions against annotations."""

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
from ssl_behavior.cli.validators import AtLeast, FrameRate
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, count_of, natural_key
from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.scores import confusion_picture
from ssl_behavior.plots.strips import Strip
from ssl_behavior.plots.style import save
from ssl_behavior.predictions.comparison import GroundTruth, compare_folder, compare_submission
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.report import ScoredVideo, score
from ssl_behavior.scoring.report_table import format_report
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.run_folder import check_output, lock_folder, mark_unfinished, run_identity, unfinished_notices
from ssl_behavior.storage.video_names import file_stems

_DESCRIPTION = "Score predictions against annotations: F1, precision, average precision, bouts, confusion, pictures."
_IN_ONE_PICTURE = 40
"""Videos in ethogram.png at most; more rows would be too thin to see."""


@dataclass(frozen=True)
class EvaluateConfig(LabelsConfig):
    """Settings of ``evaluate``.

    Attributes:
        predictions: folder that predict wrote, or a submission .npy.
        annotations: files, folders or globs of annotations, or of tracks that carry labels (CalMS21 .npy or .json).
        unscored: behaviours that stand for frames nobody judged: these frames are not scored, and the behaviours are in
            no mean.
        videos: score only the videos with these ids, or those that a pattern such as 'day1/*' fits.
        output: folder for scores.json and the pictures; by default a folder "scores" with the predictions, which is
            replaced if it holds scores of the same videos against the same annotations.
        overwrite: replace the files of an output folder that is not empty, or other scores.
        frame_rate: frame rate in Hz of annotations in seconds that do not state it; by default that of each prediction.
        bootstrap: number of resamples of the videos for the intervals; 0 for none.
        seed: seed of the resamples.
        skip_bad_files: report a bad annotation file and continue without it.
    """

    predictions: Path
    annotations: tuple[Path, ...] = field(kw_only=True)
    videos: tuple[str, ...] = ()
    output: Path | None = None
    overwrite: bool = False
    frame_rate: FrameRate | None = None
    bootstrap: Annotated[int, AtLeast(0)] = 1000
    seed: Annotated[int, AtLeast(0)] = 0
    skip_bad_files: bool = False


@check_arguments
def evaluate(settings: EvaluateConfig) -> dict[str, Any]:
    """Score predictions, print a table, and write ``scores.json``, a confusion matrix and ethograms.

    Returns:
        The content of ``scores.json``.

    Raises:
        InputError: the input cannot be read, no video is both predicted and annotated, a label is not among the
            predicted behaviours, or the output exists.

    Examples:
        >>> report = evaluate(EvaluateConfig(Path("predictions"), annotations=(Path("annotations"),)))
        >>> report["macro_f1"]
    """
    path = Path(settings.predictions).expanduser()
    if not path.exists():
        raise InputError(
            f"--predictions {path}: expected a folder of predictions, or a submission .npy; found no such file or "
            "folder: give the --output of ssl-behavior predict"
        )
    if path.is_file() and path.suffix.lower() != ".npy":
        raise InputError(
            f"--predictions {path}: expected a folder; found a file: give the --output of ssl-behavior predict, or a "
            "submission .npy (--videos scores some of the folder's videos only)"
        )
    output = settings.output or (path / "scores" if path.is_dir() else path.with_suffix(".scores"))
    if not settings.annotations:
        raise InputError("--annotations: expected files, folders or globs to score against; found none: name some")
    if settings.output is not None:
        output = check_output(output, settings.overwrite, run_id=run_identity(settings))
    with lock_folder(output), mark_unfinished(output, run_identity(settings)):
        return _evaluate(output, path, settings)


def _evaluate(output: Path, path: Path, settings: EvaluateConfig) -> dict[str, Any]:
    for notice in unfinished_notices([path]):
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
            f"{count_of(len(videos), 'video')}; check --channel and --unscored"
        )
    # Check this after reading the inputs: their errors are more useful than "settings differ from the previous run".
    if settings.output is None and not settings.overwrite:
        _require_same_question(output / "scores.json", settings)
    report = score(videos, behaviours, settings.bootstrap, settings.seed, settings.unscored)
    report["settings"] = {**asdict(settings), **_question(asdict(settings))}
    print(f"\n{format_report(report)}\n")
    if report["mean_average_precision"] is None:
        print("a submission has no probabilities: average precision and calibration are not known")
    _write(output, report)
    _draw(output, report, videos, truth)
    save_settings(settings, output / "settings.yaml")
    print(f"scores and pictures: {output} (scores.json, confusion.png, ethogram.png, one picture per video)")
    return report


def _write(output: Path, report: dict[str, Any]) -> None:
    _remove_pictures(output)
    write_text(output / "scores.json", json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n")


def _draw(output: Path, report: dict[str, Any], videos: Sequence[ScoredVideo], truth: GroundTruth) -> None:
    behaviours = report["behaviours"]
    confusion_picture(output / "confusion.png", np.array(report["confusion"]), behaviours)
    strips = []
    for video in videos:
        # A behaviour that stands for frames nobody judged is drawn as such where it is predicted, too.
        predicted = truth.mask_unscored(video.predicted, behaviours)
        strips.append(Strip(video.id, video.frame_rate, {"truth": video.truth, "predicted": predicted}))
    save(ethogram(strips[:_IN_ONE_PICTURE], behaviours), output / "ethogram.png")
    stems = file_stems(strip.id for strip in strips)
    for strip in strips:
        save(ethogram([strip], behaviours), output / "videos" / f"{stems[strip.id]}.png")


def _require_same_question(scores: Path, settings: EvaluateConfig) -> None:
    """Make sure that existing scores answer the same question, so that no other scores are lost.

    Raises:
        InputError: they were computed with other settings.
    """
    if not scores.exists():
        return
    try:
        existing = _question(json.loads(scores.read_text(encoding="utf-8"))["settings"])
        current = _question(asdict(settings))
        differing = [name for name, value in existing.items() if value != current[name]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{scores}: expected former scores; found another file: choose a new folder with --output, or pass "
            "--overwrite"
        ) from None
    if differing:
        flags = ", ".join("--" + name.replace("_", "-") for name in differing)
        raise InputError(
            f"{scores}: expected no scores, or those of these settings; found scores that were made with another "
            f"{flags}: choose a new folder for these with --output, or replace those with --overwrite"
        )


def _question(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that scores depend on, with the same paths and names always written the same way."""
    paths = sorted({str(Path(path).expanduser().resolve()) for path in settings["annotations"]})
    names = {name: sorted(settings[name], key=natural_key) for name in ("unscored", "videos")}
    return {"annotations": paths, "channel": settings["channel"], **names, "frame_rate": settings["frame_rate"]}


def _remove_pictures(output: Path) -> None:
    """Remove the pictures of an earlier evaluation, which may have scored other videos."""
    if (output / "scores.json").exists():
        for picture in (output / "videos").glob("*.png"):
            picture.unlink()


main = command(EvaluateConfig, evaluate, _DESCRIPTION)


if __name__ == "__main__":
    main()
