"""``ssl-behavior probe``: what frozen embeddings hold, by linear probes, as the MABe22 challenge scores."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import LabelledTracksConfig
from ssl_behavior.cli.validators import AtLeast
from ssl_behavior.compute.devices import Device, choose_device
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, how_many, some
from ssl_behavior.formats.tracks import mabe22
from ssl_behavior.models import checkpoints
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.labelled import labelled_pairs
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.probing.groups import Group, embed_groups, kinematics
from ssl_behavior.probing.picture import probes_picture
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.selection import choose_videos, select_labels
from ssl_behavior.scoring.mabe22 import Split, Task, TaskScore, means, score_task, table, tasks_of
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text


@dataclass(frozen=True)
class ProbeConfig(LabelledTracksConfig):
    """Settings of probing.

    Attributes:
        encoder: folder that pretrain wrote.
        embeddings: a submission .npy of embeddings, to score them in place of an encoder's.
        annotations: files, folders or globs of annotations, or the MABe22 challenge's file of task labels; what the
            recordings' own files hold if none are given.
        channel: of the annotations; needed only where there are several. Of the recordings' own labels, all count.
        unscored: behaviours that are no judgement: their frames are left out.
        videos: use only the recordings with these ids.
        split: JSON file of the recordings to learn from (SubmissionTrain, or train) and to score (publicTest and
            privateTest, or test): the challenge's own split, or one that keeps the pieces of a video together.
        folds: without a split, recordings are put into so many parts, each scored by probes that learned from others.
        frame_number_map: the challenge's file of that name, to place each recording in the submission as it asks.
        output: folder for the embeddings and the scores.
        device: auto takes a GPU where there is one.
    """

    encoder: Path | None = None
    embeddings: Path | None = None
    split: Path | None = None
    folds: Annotated[int, AtLeast(2)] = 5
    frame_number_map: Path | None = None
    output: Path = Path("runs/probe")
    device: Device = "auto"


def probe(config: ProbeConfig) -> dict[str, Any]:
    """Embed every frame, write the embeddings in the challenge's layout, and score probes where there are labels.

    Returns:
        What ``scores.json`` holds; without scores where there are no labels.

    Raises:
        InputError: encoder, recordings and annotations do not go together, or the output is taken.
    """
    _check(config)
    with run_folder.writing(config) as output:
        return _probe(output, config)


def _probe(output: Path, config: ProbeConfig) -> dict[str, Any]:
    recordings = _recordings(config)
    results: dict[str, list[TaskScore]] = {}
    if config.embeddings:
        embeddings = _given(config.embeddings, recordings)
        tasks, split = _tasks(recordings, config)
        results["embeddings"] = _scores(embeddings, tasks, config.folds, split)
    else:
        results = _of_encoder(output, recordings, config)
    report = {
        "embeddings": {
            name: {"means": means(scores), "tasks": [_plain(one) for one in scores]} for name, scores in results.items()
        },
        "settings": asdict(config),
    }
    _remove_former(output)
    if results:
        print(f"\n{table(results)}\n\nchance: F1 of yes everywhere, squared error of the mean")
        write_text(output / "scores.json", json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n")
        probes_picture(output / "scores.png", results)
    run.save_settings(config, output / "settings.yaml")
    return report


def _of_encoder(output: Path, recordings: Sequence[Recording], config: ProbeConfig) -> dict[str, list[TaskScore]]:
    """Scores of the encoder and, to see what it adds, of the kinematics it is given; writes the submission."""
    device = choose_device(config.device)
    encoder = checkpoints.load_encoder(config.encoder or Path()).to(device)
    places = _places(config.frame_number_map, recordings)
    poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files)
    usable = {one.id for one in poses}
    recordings = [one for one in recordings if one.id in usable]
    tasks, split = _tasks(recordings, config)
    groups = _groups(poses, recordings)
    results = {}
    for name, source in {"encoder": partial(embed, encoder), "kinematics": partial(kinematics, encoder)}.items():
        whole = embed_groups(source, groups, places, mabe22.MAX_DIMENSIONS, name)
        print(f"{name}: {whole.shape[1]} numbers per frame")
        if name == "encoder":
            mabe22.write_submission(output / "submission.npy", places, whole)
        if not tasks:
            break
        embeddings = [whole[slice(*places[one.id])] for one in recordings]
        results[name] = _scores(embeddings, tasks, config.folds, split)
    return results


def _remove_former(output: Path) -> None:
    """Take away the scores of an earlier run, which may have had other labels."""
    for name in ("scores.json", "scores.png"):
        (output / name).unlink(missing_ok=True)


def _check(config: ProbeConfig) -> None:
    """Refuse settings that do not go together."""
    if (config.encoder is None) == (config.embeddings is None):
        found = "neither" if config.encoder is None else "both"
        raise InputError(f"expected either --encoder or --embeddings; found {found}")
    if (config.agent or config.target) and (config.embeddings or not config.annotations):
        raise InputError(
            "--agent and --target say whose embedding an --encoder makes for --annotations; found them without both"
        )
    _require_files(config)
    if config.embeddings and config.frame_number_map:
        raise InputError("--frame-number-map places what is written, and with --embeddings nothing is; leave it out")


def _require_files(config: ProbeConfig) -> None:
    """Refuse files that are not there, before any work is done."""
    for option, path, expected in (
        ("--embeddings", config.embeddings, "a submission .npy of embeddings"),
        ("--split", config.split, "a JSON file of lists of ids"),
        ("--frame-number-map", config.frame_number_map, "the challenge's .npy of where each recording goes"),
    ):
        if path is not None and not path.is_file():
            raise InputError(f"{option} {path}: expected {expected}; there is no such file")


def _recordings(config: ProbeConfig) -> list[Recording]:
    """The recordings, with the labels to probe for and no others."""
    files = [path.expanduser() for path in config.annotations]
    where = "the recordings' own files, as no --annotations are given"
    if len(files) == 1 and mabe22.holds_task_labels(files[0]):
        recordings, where = mabe22.attach_task_labels(config.read(), files[0]), str(files[0])
    elif files:
        return [replace(one, series={}) for one in config.read_labelled()]
    else:
        recordings = config.read()
    return choose_videos(select_labels(recordings, config.channel, config.unscored, where), config.videos)


def _tasks(recordings: Sequence[Recording], config: ProbeConfig) -> tuple[list[Task], Split | None]:
    """What can be probed for, and the recordings to learn from and to score if they are given."""
    split = None if config.split is None else _split(config.split, recordings)
    found = tasks_of(recordings)
    tasks = [one for one in found if one.varies and (split is None or all(one.labelled & set(part) for part in split))]
    if len(tasks) < len(found):
        left_out = some((one.name for one in found if one not in tasks), 10)
        sides = "" if split is None else ", and labels on both sides of the split,"
        print(f"not probed, as two labelled recordings and two values{sides} are needed: {left_out}")
    if not tasks and (config.annotations or config.embeddings):
        raise InputError(
            f"{(config.annotations or config.recordings)[0]}: expected labels that differ, in at least two of the "
            f"{how_many(len(recordings), 'recording')}; found none"
        )
    return tasks, split


def _split(path: Path, recordings: Sequence[Recording]) -> Split:
    """Indices of the recordings to learn from and to score."""
    learned, scored = ([i for i, one in enumerate(recordings) if one.id in ids] for ids in mabe22.read_split(path))
    if not learned or not scored:
        raise InputError(
            f"{path}: expected some of the recordings {some((one.id for one in recordings), 5)} on both sides; found "
            f"{len(learned)} to learn from and {len(scored)} to score"
        )
    return learned, scored


def _groups(poses: Sequence[Poses], recordings: Sequence[Recording]) -> list[Group]:
    """The pair that all labels speak of, or all ordered pairs, of each recording."""
    named = {labels.pair for one in recordings for labels in one.labels.values()}
    pair = named.pop() if len(named) == 1 else None
    frames = sum(one.frames for one in poses)
    whom = f"what {pair[0]} does to {pair[1]}" if pair else "all ordered pairs, pooled"
    print(f"{how_many(len(poses), 'recording')}, {how_many(frames, 'frame')}; embeddings of {whom}")
    return [(one, labelled_pairs(one, pair)) for one in poses]


def _places(path: Path | None, recordings: Sequence[Recording]) -> dict[str, tuple[int, int]]:
    """Where each recording's frames are in the submission: as the challenge's map says, or one after the other."""
    if path is None:
        stops = np.cumsum([one.frames for one in recordings]).tolist()
        return {one.id: (stop - one.frames, stop) for one, stop in zip(recordings, stops, strict=True)}
    places = mabe22.read_frame_number_map(path)
    frames = {one.id: one.frames for one in recordings}
    if differing := {name for name, (a, b) in places.items() if frames.get(name) != b - a} | frames.keys() - places:
        raise InputError(
            f"{path}: expected the ids and numbers of frames of {how_many(len(frames), 'recording')}; found others for "
            f"{some(differing, 5)}"
        )
    return places


def _given(path: Path, recordings: Sequence[Recording]) -> list[np.ndarray]:
    """The embeddings of the recordings in a submission."""
    submission = mabe22.read_submission(path)
    for one in recordings:
        if len(submission.get(one.id, ())) != one.frames:
            raise InputError(
                f"{path}: {one.id!r}: expected embeddings of {one.frames} frames and found "
                f"{len(submission.get(one.id, ()))}"
            )
    return [submission[one.id] for one in recordings]


def _scores(
    embeddings: Sequence[np.ndarray], tasks: Sequence[Task], folds: int, split: Split | None
) -> list[TaskScore]:
    return [score_task(embeddings, task, folds, split) for task in progress(tasks, "probing", unit="task")]


def _plain(score: TaskScore) -> dict[str, Any]:
    """As JSON has it: no score is null."""
    values = asdict(score).items()
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values}


def _next_steps(config: ProbeConfig, report: dict[str, Any]) -> None:
    """Print where the results are, and what to run next."""
    output = config.output
    if config.encoder:
        print(f"\nembeddings: {output / 'submission.npy'}   (the MABe22 challenge's layout)")
    if report["embeddings"]:
        print(f"scores:     {output}   (scores.json, scores.png)")
    else:
        print("scores:     none, as the recordings' files have no labels; --annotations names files that do")


main = run.command(
    ProbeConfig, probe, "Probe what embeddings hold, linearly, as the MABe22 challenge does.", _next_steps
)


if __name__ == "__main__":
    main()
