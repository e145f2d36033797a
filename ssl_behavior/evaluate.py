"""``ssl-behavior evaluate``: score predictions against annotations, or tracks against true tracks."""

from __future__ import annotations

import glob
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from ssl_behavior.cli.inputs import LabelsConfig
from ssl_behavior.cli.options import option_of
from ssl_behavior.cli.run import command
from ssl_behavior.cli.settings import save_settings
from ssl_behavior.cli.validators import Above, AtLeast, FrameRate
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, count_of
from ssl_behavior.formats.tracks.mabe25 import submissions
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.predictions.comparison import GroundTruth, compare_folder, compare_submission
from ssl_behavior.predictions.official_scores import score_submission
from ssl_behavior.predictions.score_pictures import draw_scores, remove_pictures
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.scoring.mabe25_report import format_official_report, official_report
from ssl_behavior.scoring.question import question, require_same_question
from ssl_behavior.scoring.report import score
from ssl_behavior.scoring.report_table import format_report
from ssl_behavior.scoring.track_report import format_track_report, score_tracks, switch_table, track_table
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.run_folder import check_output, lock_folder, mark_unfinished, run_identity, unfinished_notices
from ssl_behavior.tracking.comparison import match_with_truth

_DESCRIPTION = (
    "Score predictions against annotations (F1, precision, average precision, bouts, confusion, pictures), or --tracks "
    "against --truth (identity switches, exchanges, IDF1, MOTA, HOTA)."
)
_OF_PREDICTIONS = ("annotations", "channel", "unscored", "frame_rate", "bootstrap", "seed")
_OF_TRACKS = ("truth", "match_within")
"""Settings that only scores of predictions, or only those of tracks, depend on."""
_NOT_OF_BOUTS = ("channel", "unscored", "frame_rate")
"""Settings that the official score of a submission of bouts does not depend on."""


@dataclass(frozen=True)
class EvaluateConfig(LabelsConfig):
    """Settings of ``evaluate``.

    Attributes:
        predictions: folder that predict wrote, or a submission (.npy, or MABe-2025's .csv); scored against annotations.
        annotations: files, folders or globs of annotations, or of tracks that carry labels (CalMS21 .npy or .json); for
            a .csv, the competition's folder.
        tracks: files, folders or globs of tracks in any format, such as the output of track; scored against truth.
        truth: files, folders or globs of the true tracks of the same videos.
        match_within: distance, in the unit of the tracks, up to which a tracked pose can be a true one; by default half
            the typical length of an animal.
        unscored: behaviours that stand for frames nobody judged: these frames are not scored, and the behaviours are in
            no mean.
        videos: score only the videos with these ids, or those that a pattern such as 'day1/*' fits.
        output: folder for scores.json, tables and pictures; by default a folder "scores" with the predictions, or one
            beside the tracks, which is replaced if it holds the answer to the same question.
        overwrite: replace the files of an output folder that is not empty, or other scores.
        frame_rate: frame rate in Hz of annotations in seconds that do not state it; by default that of each prediction.
        bootstrap: number of resamples of the videos for the intervals; 0 for none.
        seed: seed of the resamples.
        skip_bad_files: report a bad annotation file and continue without it.
    """

    predictions: Path | None = None
    annotations: tuple[Path, ...] = field(default=(), kw_only=True)
    tracks: tuple[Path, ...] = field(default=(), kw_only=True)
    truth: tuple[Path, ...] = field(default=(), kw_only=True)
    match_within: Annotated[float, Above(0)] | None = field(default=None, kw_only=True)
    videos: tuple[str, ...] = ()
    output: Path | None = None
    overwrite: bool = False
    frame_rate: FrameRate | None = None
    bootstrap: Annotated[int, AtLeast(0)] = 1000
    seed: Annotated[int, AtLeast(0)] = 0
    skip_bad_files: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.predictions is None) == (not self.tracks):
            found = "both" if self.tracks else "neither"
            raise InputError(
                f"expected --predictions with --annotations, or --tracks with --truth; found {found} of --predictions "
                "and --tracks: name what is to be scored"
            )
        mine, other = ("--tracks", "--predictions") if self.tracks else ("--predictions", "--tracks")
        unused = _OF_PREDICTIONS if self.tracks else _OF_TRACKS
        defaults = {one.name: one.default for one in fields(self)}
        if given := [name for name in unused if getattr(self, name) != defaults[name]]:
            raise InputError(
                f"{option_of(given[0])}: expected it beside {other} only; found it beside {mine}, whose scores do not "
                "depend on it: leave it out"
            )


@check_arguments
def evaluate(settings: EvaluateConfig) -> dict[str, Any]:
    """Score predictions or tracks, print a table, and write ``scores.json`` with the tables or pictures beside it.

    Returns:
        The content of ``scores.json``.

    Raises:
        InputError: the input cannot be read, no video is both predicted and annotated (or tracked and in the truth), a
            label is not among the predicted behaviours, tracks and truth of a video do not fit each other, or the
            output exists.

    Examples:
        >>> report = evaluate(EvaluateConfig(Path("predictions"), annotations=(Path("annotations"),)))
        >>> report["macro_f1"]
        >>> evaluate(EvaluateConfig(tracks=(Path("tracked"),), truth=(Path("truth"),)))["all"]["idf1"]
    """
    run_id = run_identity(settings)
    path = _predictions(settings)
    default = (
        _beside_tracks(settings) if path is None else path / "scores" if path.is_dir() else path.with_suffix(".scores")
    )
    output = settings.output or default
    if settings.output is not None:
        output = check_output(output, settings.overwrite, run_id=run_id)
    with lock_folder(output), mark_unfinished(output, run_id):
        if path is None:
            return _evaluate_tracks(output, settings)
        is_of_bouts = path.is_file() and path.suffix.lower() == ".csv"
        return (_evaluate_official if is_of_bouts else _evaluate)(output, path, settings)


def _predictions(settings: EvaluateConfig) -> Path | None:
    """Return the predictions to score; None if tracks are to be scored.

    Raises:
        InputError: there are no predictions at that place, or nothing to score against.
    """
    against = "truth" if settings.predictions is None else "annotations"
    if not getattr(settings, against):
        raise InputError(f"--{against}: expected files, folders or globs to score against; found none: name some")
    if settings.predictions is None:
        return None
    path = settings.predictions.expanduser()
    if not path.exists():
        raise InputError(
            f"--predictions {path}: expected a folder of predictions, or a submission .npy; found no such file or "
            "folder: give the --output of ssl-behavior predict"
        )
    if path.is_file() and path.suffix.lower() != ".npy" and not submissions.detect(path):
        raise InputError(
            f"--predictions {path}: expected a folder; found a file: give the --output of ssl-behavior predict, or a "
            "submission, .npy or .csv (--videos scores some of the folder's videos only)"
        )
    return path


def _beside_tracks(settings: EvaluateConfig) -> Path:
    """Return the default output for scores of tracks: a scores.json among tracks would be taken for tracks."""
    first = settings.tracks[0].expanduser()
    if settings.output is None and glob.has_magic(str(first)):
        raise InputError(f"--tracks {first}: expected --output for the scores of a pattern; found none: name a folder")
    return (
        first.with_suffix(".scores") if first.is_file() else first.resolve().with_name(f"{first.resolve().name}.scores")
    )


def _evaluate_tracks(output: Path, settings: EvaluateConfig) -> dict[str, Any]:
    # These scores do not depend on the frame rate, so nobody needs to state one.
    tracked, truth = (
        read_recordings(paths, None, settings.skip_bad_files, ASSUMED_FRAME_RATE, mixed_skeletons=True)
        for paths in (settings.tracks, settings.truth)
    )
    recordings = match_with_truth(tracked, truth, settings.videos)
    if settings.output is None and not settings.overwrite:
        require_same_question(output / "scores.json", asdict(settings))
    report = score_tracks(recordings, settings.match_within)
    report["settings"] = {**asdict(settings), **question(asdict(settings))}
    print(f"\n{format_track_report(report)}\n")
    _write(output, report)
    write_text(output / "scores.csv", track_table(report).to_csv(index=False))
    write_text(output / "switches.csv", switch_table(report).to_csv(index=False))
    save_settings(settings, output / "settings.yaml")
    print(f"scores: {output} (scores.json, scores.csv; frames of the switches: switches.csv)")
    return report


def _evaluate_official(output: Path, path: Path, settings: EvaluateConfig) -> dict[str, Any]:
    if given := [name for name in _NOT_OF_BOUTS if getattr(settings, name)]:
        raise InputError(
            f"{option_of(given[0])}: expected none, as the official score of {path} does not depend on it; leave it out"
        )
    scores = score_submission(path, settings.annotations, settings.videos)
    if settings.output is None and not settings.overwrite:
        require_same_question(output / "scores.json", asdict(settings))
    report = official_report(scores, settings.bootstrap, settings.seed)
    report["settings"] = {**asdict(settings), **question(asdict(settings))}
    print(f"\n{format_official_report(report)}\n")
    _write(output, report)
    write_text(output / "scores.csv", scores.cells.to_csv(index=False))
    save_settings(settings, output / "settings.yaml")
    print(f"scores: {output} (scores.json, scores.csv)")
    return report


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
        require_same_question(output / "scores.json", asdict(settings))
    report = score(videos, behaviours, settings.bootstrap, settings.seed, settings.unscored)
    report["settings"] = {**asdict(settings), **question(asdict(settings))}
    print(f"\n{format_report(report)}\n")
    if report["mean_average_precision"] is None:
        print("a submission has no probabilities: average precision and calibration are not known")
    _write(output, report)
    draw_scores(output, report, videos, truth)
    save_settings(settings, output / "settings.yaml")
    print(f"scores and pictures: {output} (scores.json, confusion.png, ethogram.png, one picture per video)")
    return report


def _write(output: Path, report: dict[str, Any]) -> None:
    remove_pictures(output)
    write_text(output / "scores.json", json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n")


main = command(EvaluateConfig, evaluate, _DESCRIPTION)


if __name__ == "__main__":
    main()
