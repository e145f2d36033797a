"""``ssl-behavior label_curve``: measure how predictions improve with the number of labelled videos."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np

from ssl_behavior.cli import run
from ssl_behavior.cli.validators import Above, Share
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import choose_device
from ssl_behavior.compute.progress import progress_bar
from ssl_behavior.errors import InputError, command_line, list_names
from ssl_behavior.learning_curve.bands import make_curve
from ssl_behavior.learning_curve.fitting import FitSettings, fit_and_predict
from ssl_behavior.learning_curve.picture import label_curve_picture
from ssl_behavior.learning_curve.points import Point, PointStore, PointTask
from ssl_behavior.learning_curve.report import advice, csv_text, plain_values, resamples_notes, table
from ssl_behavior.learning_curve.study import Study
from ssl_behavior.learning_curve.variants import VARIANTS, Variant, variant_name
from ssl_behavior.learning_curve.videos import hold_out, require_distinct
from ssl_behavior.models import checkpoints
from ssl_behavior.poses.labelled import LabelledPoses, behaviour_counts, describe_shares
from ssl_behavior.scoring.bootstrap import FEWEST_VIDEOS
from ssl_behavior.scoring.frames import confusion, counts_in_means
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.training.inputs import LearningConfig, labelled_poses, seen_in_pretraining

_FEWEST_VIDEOS, _FEWEST_TESTED = 3, 2
_NAMED_IN_TITLE = 4
# Marks the output folder as belonging to this command; the stored points identify the run.
_MARK = "label_curve"


@dataclass(frozen=True)
class LabelCurveConfig(LearningConfig):
    """Settings of the learning curve.

    Attributes:
        output: folder for the curve. Points that it holds are not fitted again, so sizes, draws and variants can be
            added later.
        sizes: numbers of labelled videos to train on; without any, they are chosen from the number of videos.
        draws: number of random choices of training videos, at each size.
        test_videos: ids of the test videos; without any, they are chosen so that every behaviour occurs.
        test_share: share of the labelled videos to test on if no ids are given; at least two videos.
        variants: variants to compare: pretrained and from-scratch (as finetune trains them), expert-features (boosted
            trees only), frozen-linear (a linear head only).
    """

    output: Path = Path("runs/label_curve")
    sizes: tuple[int, ...] = ()
    draws: Annotated[int, Above(0)] = 3
    test_videos: tuple[str, ...] = ()
    test_share: Annotated[float, Above(0), Share()] = 0.25
    variants: tuple[str, ...] = ("pretrained", "from-scratch", "expert-features")


@check_arguments
def label_curve(config: LabelCurveConfig) -> dict[str, Any]:
    """Fit every variant to every number of videos, score all on the same test videos, and write the curve.

    Returns:
        The content of ``curve.json``.

    Raises:
        InputError: encoder, recordings and annotations do not go together, there are too few videos, or the output is
            taken.
    """
    variants = _check(config)
    fit_settings = FitSettings(config.supervision, choose_device(config.device), config.precision)
    output = config.output.expanduser()
    if not (output / "points" / "run.json").exists():
        run_folder.check_output(output, config.overwrite, run_id=_MARK)
    with run_folder.lock_folder(output), run_folder.mark_unfinished(output, _MARK):
        return _label_curve(output, config, variants, fit_settings)


def _label_curve(
    output: Path, config: LabelCurveConfig, variants: Sequence[Variant], fit_settings: FitSettings
) -> dict[str, Any]:
    study = _study(config)
    tasks = study.tasks(config.sizes, config.draws, variants, config.seed)
    key = study.key((config.supervision, config.seed, config.device, config.precision))
    points = PointStore(output / "points", key, asdict(config), config.overwrite)
    run.save_settings(config, output / "settings.yaml")
    missing = [task for task in tasks if task not in points]
    if len(missing) < len(tasks):
        print(f"{len(tasks) - len(missing)} of {len(tasks)} points were fitted before")
    with progress_bar(len(missing), None, unit="point", smoothing=0, shown=bool(missing)) as bar:
        for task in missing:
            name = f"{variant_name(task.variant)}, {task.size} labelled, draw {task.draw + 1} of {config.draws}"
            bar.set_description(name)
            points.add(_fit(task, study, fit_settings, config.seed + task.draw))
            bar.update()
    return _write(output, [point for task in tasks if (point := points.get(task))], study)


def _check(config: LabelCurveConfig) -> tuple[Variant, ...]:
    """Refuse settings that do not go together; return the variants, each once."""
    if unknown := set(config.variants) - set(VARIANTS):
        raise InputError(f"--variants {list_names(unknown)}: expected names among {', '.join(VARIANTS)}: choose some")
    variants = tuple(dict.fromkeys(config.variants))
    if not variants:
        raise InputError(f"--variants: expected at least one of {', '.join(VARIANTS)}; found none: name some")
    if "expert-features" in variants and not config.supervision.trees:
        raise InputError(
            "--variants expert-features: expected --supervision.trees above 0; found 0: give e.g. "
            "--supervision.trees 200"
        )
    return cast(tuple[Variant, ...], variants)


def _study(config: LabelCurveConfig) -> Study:
    """Read the inputs and choose the test videos."""
    encoder = checkpoints.load_encoder(config.encoder)
    recordings = config.read_labelled()
    ((channel, labels),) = recordings[0].labels.items()
    clip_seconds = config.supervision.clip_seconds
    videos = labelled_poses(recordings, channel, encoder, clip_seconds, config.skip_bad_files)
    if len(videos) < _FEWEST_VIDEOS:
        raise InputError(
            f"expected at least {_FEWEST_VIDEOS} labelled videos, {_FEWEST_TESTED} of them to test on; found "
            f"{len(videos)}: label more videos"
        )
    require_distinct([video.poses for video in videos])
    behaviours = labels.behaviours
    test = _test_videos(videos, len(behaviours), config)
    truth = {recording.id: recording.labels[channel].values for recording in recordings}
    seen = seen_in_pretraining(config.encoder, [videos[i] for i in test])
    study = Study(videos, truth, behaviours, channel, test, encoder, seen)
    print(f"labelled videos: {len(videos)} ({describe_shares(videos, behaviours)})")
    print(f"tested on {len(test)} of them: {list_names(study.ids(test))}")
    print("\n".join([study.about_pretraining(), *study.warnings()]))
    return study


def _test_videos(videos: Sequence[LabelledPoses], behaviours: int, config: LabelCurveConfig) -> list[int]:
    ids, requested = [video.poses.id for video in videos], set(config.test_videos)
    if not requested:
        number = min(max(_FEWEST_TESTED, round(config.test_share * len(ids))), len(ids) - 1)
        return hold_out(behaviour_counts(videos, behaviours), number, config.seed)
    if missing := requested - set(ids):
        raise InputError(
            f"--test-videos {list_names(missing)}: expected ids among the labelled videos "
            f"{list_names(ids, 10)}; check their spelling"
        )
    if not _FEWEST_TESTED <= len(requested) < len(ids):
        raise InputError(
            f"--test-videos: expected at least {_FEWEST_TESTED} of the {len(ids)} labelled videos, but "
            f"not all, as some must be left to train on; found {len(requested)}"
        )
    return [i for i, name in enumerate(ids) if name in requested]


def _fit(task: PointTask, study: Study, fit_settings: FitSettings, seed: int) -> Point:
    started = time.perf_counter()
    test = [study.videos[i] for i in study.test]
    train = [video for video in study.videos if video.poses.id in task.videos]
    predicted = fit_and_predict(task.variant, train, test, study.behaviours, study.encoder, fit_settings, seed)
    truth = [study.truth[video.poses.id] for video in test]
    counts = [confusion(true, labels, len(study.behaviours)) for true, labels in zip(truth, predicted, strict=True)]
    return Point(task, np.stack(counts), (time.perf_counter() - started) / 60)


def _write(output: Path, points: Sequence[Point], study: Study) -> dict[str, Any]:
    """Write and print the curve."""
    curve = make_curve(points, study.behaviours)
    draws = len({point.task.draw for point in points})
    is_in_means = counts_in_means(study.behaviours) & (study.counts(study.test).sum(0) > 0)
    means = [name for name, counts in zip(study.behaviours, is_in_means, strict=True) if counts]
    seen = study.seen_in_pretraining
    report = {
        "channel": study.channel,
        "behaviours": list(study.behaviours),
        "in_the_means": means,
        "test_videos": list(study.ids(study.test)),
        "other_videos": list(study.ids(study.pool)),
        "test_videos_seen_in_pretraining": None if seen is None else sorted(seen),
        "draws": draws,
        **plain_values(curve),
        "advice": advice(curve, len(study.test), draws),
    }
    write_text(output / "curve.csv", csv_text(points, curve))
    write_text(output / "curve.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    names = ", ".join(means) if len(means) <= _NAMED_IN_TITLE else f"{len(means)} behaviours"
    notes = [*_notes(study, draws), *resamples_notes(curve)]
    label_curve_picture(
        output / "curve.png", curve, f"F1 of {names} on {len(study.test)} held-out videos", notes, means
    )
    print(f"\nmacro F1 of {names} on {len(study.test)} held-out videos, channel {study.channel} (1 is perfect)")
    print("\n".join([*notes, "", table(curve), "", *report["advice"]]))
    return report


def _notes(study: Study, draws: int) -> Iterator[str]:
    means = f"Means over {draws} draws of labelled videos (dashes)" if draws > 1 else "One draw of labelled videos"
    source = "test videos and draws" if draws > 1 else "test videos only"
    bands = f"bands: 95 % intervals over {source}"
    if len(study.test) < FEWEST_VIDEOS:
        bands = f"no bands: they need at least {FEWEST_VIDEOS} test videos"
    yield f"{means}; {bands}."
    yield study.about_pretraining()


def _next_steps(config: LabelCurveConfig, _: dict[str, Any]) -> None:
    """Print where the results are, and what to run next."""
    print(f"\ncurve: {config.output}   (curve.png; curve.csv holds every draw and behaviour, curve.json the intervals)")
    print("next:  label as many videos as the curve suggests, then")
    labels = [] if config.channel is None else ["--channel", config.channel]
    labels += ["--agent", config.agent, "--target", config.target] if config.agent and config.target else []
    labels += ["--unscored", *config.unscored] if config.unscored else []
    inputs = ["--recordings", "TRACKS", *(["--annotations", "ANNOTATIONS"] if config.annotations else [])]
    print(f"       {command_line('finetune', '--encoder', config.encoder, *inputs)} \\")
    print(f"           {shlex.join([*labels, '--output', 'runs/model'])}")


main = run.command(
    LabelCurveConfig,
    label_curve,
    "Draw F1 against the number of labelled videos, to see how many to label.",
    _next_steps,
)


if __name__ == "__main__":
    main()
