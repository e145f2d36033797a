"""Score predictions against what people annotated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ssl_behavior import predictions as prediction_files
from ssl_behavior.commands import command, save_settings
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.figures import Strip, confusion_picture, ethogram
from ssl_behavior.formats.annotated import Annotations
from ssl_behavior.formats.annotations import choose_channel, cut_short, read_labels, require_behaviours
from ssl_behavior.formats.labelled import require_videos
from ssl_behavior.formats.paths import natural, some
from ssl_behavior.formats.submissions import read_submission
from ssl_behavior.inputs import LabelsConfig
from ssl_behavior.outputs import alone_in, check_output, identity, marked, notices, write_text
from ssl_behavior.predictions import Prediction, file_stem
from ssl_behavior.recordings import ASSUMED_FRAME_RATE, UNSCORED
from ssl_behavior.scoring.report import ScoredVideo, score, table
from ssl_behavior.validators import Above, AtLeast

DESCRIPTION = "Score predictions against annotations: F1, precision, average precision, bouts, confusion, pictures."

_IN_ONE_PICTURE = 40
_IN_ONE_SENTENCE = 5


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
    videos, behaviours = (_of_folder if path.is_dir() else _of_submission)(path, settings)
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


def _of_folder(path: Path, settings: EvaluateConfig) -> tuple[list[ScoredVideo], tuple[str, ...]]:
    predicted = prediction_files.read_folder(path)
    rates = _RateByStem({one.id: one.frame_rate for one in predicted})
    annotations, _ = read_labels(settings.annotations, settings.frame_rate or rates, settings.skip_bad_files)
    channel = choose_channel(annotations, settings.channel)
    by_name = {file_stem(one.id): one for one in annotations if channel in one.channels}
    by_prediction = {one.id: one for one in predicted}
    matched = _matched(set(by_prediction), set(by_name), settings)
    require_behaviours(settings.unscored, annotations, channel, predicted[0].behaviours)
    lengths = [(by_name[name], len(by_prediction[name].labels)) for name in matched]
    for notice in cut_short(lengths, channel, "predictions"):
        print(notice)
    return [_scored(by_prediction[name], by_name[name], channel, settings) for name in matched], predicted[0].behaviours


def _of_submission(path: Path, settings: EvaluateConfig) -> tuple[list[ScoredVideo], tuple[str, ...]]:
    submission = read_submission(path)
    annotations, recordings = read_labels(
        settings.annotations, settings.frame_rate or ASSUMED_FRAME_RATE, settings.skip_bad_files
    )
    counting = {one.id: one for one in recordings if one.labels and one.metadata.get("annotator", 0) in (0, None)}
    if not counting:
        raise InputError(
            f"{settings.annotations[0]}: a submission is scored against labelled sequences of annotator 0 in CalMS21's "
            "layout, which also says what its numbers mean; found none"
        )
    if len(counting) < len(recordings):
        print(f"{len(counting)} of {how_many(len(recordings), 'sequence')} count: those labelled by annotator 0")
    annotations = [one for one in annotations if one.id in counting]
    channel = choose_channel(annotations, settings.channel)
    require_behaviours(settings.unscored, annotations, channel)
    with_channel = {name: one for name, one in counting.items() if channel in one.labels}
    behaviours = next(iter(with_channel.values())).labels[channel].behaviours
    matched = _matched(set(submission), set(with_channel), settings)
    videos = []
    for name in matched:
        truth, labels = with_channel[name].labels[channel], submission[name]
        if len(labels) != len(truth.values):
            raise InputError(f"{path}: {name} has {len(labels)} labels and the sequence {len(truth.values)} frames")
        if labels.size and not 0 <= labels.min() <= labels.max() < len(behaviours):
            found = f"{labels.min()} to {labels.max()}"
            raise InputError(f"{path}: {name}: labels must be indices of {list(behaviours)}; found {found}")
        values = truth.renamed(behaviours).values.copy()
        values[np.isin(values, [i for i, known in enumerate(behaviours) if known in settings.unscored])] = UNSCORED
        videos.append(ScoredVideo(name, values, labels, None, with_channel[name].frame_rate))
    return videos, behaviours


def _matched(predicted: set[str], annotated: set[str], settings: EvaluateConfig) -> list[str]:
    """The videos to score; tells what has no counterpart."""
    if settings.videos:
        chosen = {file_stem(name) if file_stem(name) in predicted | annotated else name for name in settings.videos}
        require_videos(chosen, predicted & annotated, "videos that are both predicted and annotated")
        predicted, annotated = predicted & chosen, annotated & chosen
    if not predicted & annotated:
        raise InputError(
            f"no video is both predicted and annotated: the predictions are of {some(predicted, _IN_ONE_SENTENCE)}; "
            f"the annotations are of {some(annotated, _IN_ONE_SENTENCE)}; file names must begin with the same video id"
        )
    if only := predicted - annotated:
        print(f"predicted and not annotated, left out: {some(only)}")
    if only := annotated - predicted:
        print(f"annotated and not predicted, left out: {some(only)}")
    return sorted(predicted & annotated, key=natural)


def _scored(prediction: Prediction, truth: Annotations, channel: str, settings: EvaluateConfig) -> ScoredVideo:
    names = tuple(dict.fromkeys([*prediction.behaviours, *truth.vocabulary[channel]]))
    values = truth.labels(channel, names, len(prediction.labels)).values.copy()
    values[np.isin(values, [i for i, name in enumerate(names) if name in settings.unscored])] = UNSCORED
    unknown = np.flatnonzero(values >= len(prediction.behaviours))
    if unknown.size:
        name = names[values[unknown[0]]]
        why = ", which frames in no bout have," if name == truth.background else ""
        raise InputError(
            f"{truth.source}: label {name!r}{why} is not in the vocabulary {list(prediction.behaviours)} of the "
            f"predictions, and {unknown.size} of the {len(values)} frames of {truth.id} have it, from frame "
            f"{unknown[0]} on; choose another --channel, or name it with --unscored if nobody judged those frames"
        )
    return ScoredVideo(truth.id, values, prediction.labels, prediction.probabilities, prediction.frame_rate)


class _RateByStem(dict[str, float]):
    """Predictions' frame rates, found by video ids too where those cannot stand in file names."""

    def __missing__(self, video: str) -> float:
        if (stem := file_stem(video)) == video:
            raise KeyError(video)
        return self[stem]


def _write(output: Path, report: dict[str, Any], videos: Sequence[ScoredVideo], behaviours: Sequence[str]) -> None:
    _remove_former(output)
    write_text(output / "scores.json", json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n")
    confusion_picture(output / "confusion.png", np.array(report["confusion"]), behaviours)
    strips = [Strip(one.id, one.frame_rate, {"truth": one.truth, "predicted": one.predicted}) for one in videos]
    ethogram(output / "ethogram.png", strips[:_IN_ONE_PICTURE], behaviours)
    for strip in strips:
        ethogram(output / "videos" / f"{file_stem(strip.id)}.png", [strip], behaviours)


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
