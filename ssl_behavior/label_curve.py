"""``ssl-behavior label_curve``: how good labels get with the number of labelled videos, on your own data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np

from ssl_behavior.cli import run
from ssl_behavior.cli.validators import Above, Share
from ssl_behavior.compute.devices import choose_device
from ssl_behavior.compute.progress import progress_bar
from ssl_behavior.errors import InputError, some
from ssl_behavior.learning_curve.bands import curve
from ssl_behavior.learning_curve.fitting import VARIANTS, Fitting, Variant, fit_and_predict
from ssl_behavior.learning_curve.picture import label_curve_picture
from ssl_behavior.learning_curve.points import Point, Points, Task
from ssl_behavior.learning_curve.report import about_resamples, advice, plain, rows, shown, table
from ssl_behavior.learning_curve.study import Study
from ssl_behavior.learning_curve.videos import hold_out, require_distinct
from ssl_behavior.models import checkpoints
from ssl_behavior.poses.labelled import LabelledPoses, behaviour_counts, describe_shares
from ssl_behavior.scoring.frames import confusion, counted
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.training.inputs import LearningConfig, labelled_poses

_FEWEST_VIDEOS, _FEWEST_TESTED = 3, 2
_NAMED_IN_TITLE = 4
_MARK = "label_curve"
"""On its output; which run it is tells the points that are there."""


@dataclass(frozen=True)
class LabelCurveConfig(LearningConfig):
    """Settings of the label-efficiency curve.

    Attributes:
        output: folder for the curve; points that are there are not fitted again, whatever sizes, draws and variants
            are asked for.
        sizes: numbers of labelled videos to learn from; chosen from the number of videos if none are given.
        draws: random choices of as many videos, at each size.
        test_videos: ids of the videos to test on; chosen so that every behaviour occurs if none are given.
        test_share: of the labelled videos to test on, where their ids are not given; two videos at least.
        variants: what is fitted: pretrained and from-scratch as finetune does it, expert-features (the boosted trees
            alone), frozen-linear (a linear head alone).
    """

    output: Path = Path("runs/label_curve")
    sizes: tuple[int, ...] = ()
    draws: Annotated[int, Above(0)] = 3
    test_videos: tuple[str, ...] = ()
    test_share: Annotated[float, Above(0), Share()] = 0.25
    variants: tuple[str, ...] = ("pretrained", "from-scratch", "expert-features")


def label_curve(config: LabelCurveConfig) -> dict[str, Any]:
    """Fit every variant to every number of videos, score it on the same test videos, and write the curve.

    Returns:
        What ``curve.json`` holds.

    Raises:
        InputError: encoder, recordings and annotations do not go together, there are too few videos, or the output is
            taken.
    """
    variants = _check(config)
    fitting = Fitting(config.supervision, choose_device(config.device), config.precision)
    output = config.output.expanduser()
    if not (output / "points" / "run.json").exists():
        run_folder.check_output(output, config.overwrite, of=_MARK)
    with run_folder.alone_in(output), run_folder.marked(output, _MARK):
        return _label_curve(output, config, variants, fitting)


def _label_curve(
    output: Path, config: LabelCurveConfig, variants: Sequence[Variant], fitting: Fitting
) -> dict[str, Any]:
    study = _study(config)
    tasks = study.tasks(config.sizes, config.draws, variants, config.seed)
    key = study.key((config.supervision, config.seed, config.device, config.precision))
    points = Points(output / "points", key, asdict(config), config.overwrite)
    run.save_settings(config, output / "settings.yaml")
    missing = [task for task in tasks if task not in points]
    if len(missing) < len(tasks):
        print(f"{len(tasks) - len(missing)} of {len(tasks)} points are there already")
    with progress_bar(len(missing), None, unit="point", smoothing=0, shown=bool(missing)) as bar:
        for task in missing:
            told = f"{shown(task.variant)}, {task.size} labelled, draw {task.draw + 1} of {config.draws}"
            bar.set_description(told)
            points.add(_fit(task, study, fitting, config.seed + task.draw))
            bar.update()
    return _write(output, [point for task in tasks if (point := points.get(task))], study)


def _check(config: LabelCurveConfig) -> tuple[Variant, ...]:
    """Refuse settings that do not go together; returns the variants that can."""
    if unknown := set(config.variants) - set(VARIANTS):
        raise InputError(f"--variants {some(unknown)}: expected some of {', '.join(VARIANTS)}")
    variants = tuple(dict.fromkeys(config.variants))
    if not variants:
        raise InputError(f"--variants: expected some of {', '.join(VARIANTS)}; found none")
    if "expert-features" in variants and not config.supervision.trees:
        raise InputError("--variants expert-features: expected --supervision.trees above 0; found 0")
    return cast(tuple[Variant, ...], variants)


def _study(config: LabelCurveConfig) -> Study:
    """Read what the settings name, and choose the videos to test on."""
    encoder = checkpoints.load_encoder(config.encoder)
    recordings = config.read_labelled()
    ((channel, labels),) = recordings[0].labels.items()
    clip_seconds = config.supervision.clip_seconds
    videos = labelled_poses(recordings, channel, encoder, clip_seconds, config.skip_bad_files)
    if len(videos) < _FEWEST_VIDEOS:
        raise InputError(
            f"expected at least {_FEWEST_VIDEOS} labelled videos, {_FEWEST_TESTED} of them to test on, and found "
            f"{len(videos)}; label more videos"
        )
    require_distinct([video.poses for video in videos])
    behaviours = labels.behaviours
    test = _test_videos(videos, len(behaviours), config)
    tested = {videos[i].poses.id: videos[i].poses.fingerprint() for i in test}
    truth = {one.id: one.labels[channel].values for one in recordings}
    known = checkpoints.load_pretraining_fingerprints(config.encoder)
    # By name too: the same video filtered or cut anew has other content, and the encoder has seen it all the same.
    seen = None if known is None else {name for name, one in tested.items() if name in known or one in known.values()}
    study = Study(videos, truth, behaviours, channel, test, encoder, seen)
    print(f"labelled videos: {len(videos)} ({describe_shares(videos, behaviours)})")
    print(f"tested on {len(test)} of them: {some(tested)}")
    print("\n".join([study.about_pretraining(), *study.warnings()]))
    return study


def _test_videos(videos: Sequence[LabelledPoses], behaviours: int, config: LabelCurveConfig) -> list[int]:
    ids, wanted = [video.poses.id for video in videos], set(config.test_videos)
    if not wanted:
        number = min(max(_FEWEST_TESTED, round(config.test_share * len(ids))), len(ids) - 1)
        return hold_out(behaviour_counts(videos, behaviours), number, config.seed)
    if missing := wanted - set(ids):
        raise InputError(
            f"--test-videos {some(missing)}: expected ids among the labelled videos; found {some(ids, 10)}"
        )
    if not _FEWEST_TESTED <= len(wanted) < len(ids):
        raise InputError(
            f"--test-videos: expected at least {_FEWEST_TESTED} of the {len(ids)} labelled videos, and some that are "
            f"left to learn from; found {len(wanted)}"
        )
    return [i for i, name in enumerate(ids) if name in wanted]


def _fit(task: Task, study: Study, fitting: Fitting, seed: int) -> Point:
    started = time.perf_counter()
    test = [study.videos[i] for i in study.test]
    train = [video for video in study.videos if video.poses.id in task.videos]
    found = fit_and_predict(task.variant, train, test, study.behaviours, study.encoder, fitting, seed)
    truth = [study.truth[video.poses.id] for video in test]
    counts = [confusion(true, labels, len(study.behaviours)) for true, labels in zip(truth, found, strict=True)]
    return Point(task, np.stack(counts), (time.perf_counter() - started) / 60)


def _write(output: Path, points: Sequence[Point], study: Study) -> dict[str, Any]:
    """Write and print the curve."""
    found = curve(points, study.behaviours)
    draws = len({point.task.draw for point in points})
    is_in_means = counted(study.behaviours) & (study.counts(study.test).sum(0) > 0)
    means = [name for name, kept in zip(study.behaviours, is_in_means, strict=True) if kept]
    report = {
        "channel": study.channel,
        "behaviours": list(study.behaviours),
        "in_the_means": means,
        "test_videos": list(study.ids(study.test)),
        "other_videos": list(study.ids(study.pool)),
        "test_videos_seen_in_pretraining": None if study.seen is None else sorted(study.seen),
        "draws": draws,
        **plain(found),
        "advice": advice(found, len(study.test), draws),
    }
    write_text(output / "curve.csv", rows(points, found))
    write_text(output / "curve.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    what = ", ".join(means) if len(means) <= _NAMED_IN_TITLE else f"{len(means)} behaviours"
    notes = [*_notes(study, draws), *about_resamples(found)]
    label_curve_picture(output / "curve.png", found, f"F1 of {what} on {len(study.test)} held-out videos", notes, means)
    print(f"\nmacro F1 of {what} on {len(study.test)} held-out videos, channel {study.channel}")
    print("\n".join([*notes, "", table(found), "", *report["advice"]]))
    return report


def _notes(study: Study, draws: int) -> Iterator[str]:
    means = f"Means over {draws} draws of labelled videos (dashes)" if draws > 1 else "One draw of labelled videos"
    over = "test videos and draws" if draws > 1 else "test videos only"
    yield f"{means}; bands: 95 % of resamples of {over}."
    yield study.about_pretraining()


def _next_steps(config: LabelCurveConfig, _: dict[str, Any]) -> None:
    """Print where the results are, and what to run next."""
    print(f"\ncurve: {config.output}   (curve.png; curve.csv has every draw and behaviour, curve.json the bands)")


main = run.command(
    LabelCurveConfig, label_curve, "Draw F1 against the number of labelled videos: how many to label.", _next_steps
)


if __name__ == "__main__":
    main()
