"""``ssl-behavior probe``: score frozen embeddings with linear probes, as the MABe22 challenge does."""

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
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device, choose_device
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.tracks import mabe22
from ssl_behavior.models import checkpoints
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.labelled import labelled_pairs
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.probing.challenge_files import read_embeddings, read_split, submission_rows
from ssl_behavior.probing.groups import Group, embed_groups, kinematics
from ssl_behavior.probing.picture import probes_picture
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.selection import choose_videos, select_labels
from ssl_behavior.scoring.mabe22 import Split, TaskScore, format_scores, mean_scores, score_task
from ssl_behavior.scoring.tasks import Task, tasks_of
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text


@dataclass(frozen=True)
class ProbeConfig(LabelledTracksConfig):
    """Settings of probing.

    Attributes:
        encoder: folder that pretrain wrote.
        embeddings: a submission .npy of embeddings, to score instead of an encoder's.
        annotations: files, folders or globs of annotations, or the MABe22 challenge's file of task labels; without any,
            the labels in the recordings' own files.
        channel: channel of the annotations; needed only if there are several. Without annotations, all channels are
            probed.
        unscored: behaviours to leave out of training and scores, such as "not annotated".
        videos: use only the recordings with these ids, or those that a pattern such as 'day1/*' fits.
        split: JSON file of the recordings to train on (SubmissionTrain, or train) and to score (publicTest and
            privateTest, or test): the challenge's own split, or one that keeps the pieces of a video together.
        folds: without a split, the recordings are divided into this number of folds, and each is scored by probes that
            were trained on the others.
        frame_number_map: the challenge's file of that name, which gives each recording its rows in the submission.
        output: folder for the embeddings and the scores.
        device: auto takes a GPU if there is one.
    """

    encoder: Path | None = None
    embeddings: Path | None = None
    split: Path | None = None
    folds: Annotated[int, AtLeast(2)] = 5
    frame_number_map: Path | None = None
    output: Path = Path("runs/probe")
    device: Device = "auto"


@check_arguments
def probe(config: ProbeConfig) -> dict[str, Any]:
    """Embed every frame, write the embeddings in the challenge's layout, and score probes if there are labels.

    Returns:
        The content of ``scores.json``; without labels, it holds no scores.

    Raises:
        InputError: encoder, recordings and annotations do not go together, or the output is taken.
    """
    _check(config)
    with run_folder.open_output(config) as output:
        return _probe(output, config)


def _probe(output: Path, config: ProbeConfig) -> dict[str, Any]:
    recordings = _recordings(config)
    results: dict[str, list[TaskScore]] = {}
    if config.embeddings:
        embeddings = read_embeddings(config.embeddings, recordings)
        tasks, split = _tasks(recordings, config)
        results["embeddings"] = _scores(embeddings, tasks, config.folds, split)
    else:
        results = _probe_encoder(output, recordings, config)
    report = {
        "embeddings": {
            name: {"means": mean_scores(scores), "tasks": [_plain_values(score) for score in scores]}
            for name, scores in results.items()
        },
        "settings": asdict(config),
    }
    _remove_scores(output)
    if results:
        print(f"\n{format_scores(results)}\n")
        print("F1: higher is better; chance is a yes in every frame. MSE: lower is better; chance predicts the mean.")
        write_text(output / "scores.json", json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n")
        probes_picture(output / "scores.png", results)
    run.save_settings(config, output / "settings.yaml")
    return report


def _probe_encoder(output: Path, recordings: Sequence[Recording], config: ProbeConfig) -> dict[str, list[TaskScore]]:
    """Score the encoder and, to see what it adds, its input kinematics; write the submission."""
    device = choose_device(config.device)
    encoder = checkpoints.load_encoder(config.encoder or Path()).to(device)
    places = submission_rows(config.frame_number_map, recordings)
    poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files)
    usable = {recording.id for recording in poses}
    recordings = [recording for recording in recordings if recording.id in usable]
    tasks, split = _tasks(recordings, config)
    groups = _groups(poses, recordings)
    results = {}
    for name, source in {"encoder": partial(embed, encoder), "kinematics": partial(kinematics, encoder)}.items():
        vectors = embed_groups(source, groups, places, mabe22.MAX_DIMENSIONS, name)
        print(f"{name}: {vectors.shape[1]} dimensions per frame")
        if name == "encoder":
            mabe22.write_submission(output / "submission.npy", places, vectors)
        if not tasks:
            break
        embeddings = [vectors[slice(*places[recording.id])] for recording in recordings]
        results[name] = _scores(embeddings, tasks, config.folds, split)
    return results


def _remove_scores(output: Path) -> None:
    """Delete the scores of an earlier run, which may have had other labels."""
    for name in ("scores.json", "scores.png"):
        (output / name).unlink(missing_ok=True)


def _check(config: ProbeConfig) -> None:
    """Refuse settings that do not go together."""
    if (config.encoder is None) == (config.embeddings is None):
        number = "neither" if config.encoder is None else "both"
        raise InputError(f"expected either --encoder or --embeddings; found {number}: give one of them")
    if (config.agent or config.target) and (config.embeddings or not config.annotations):
        raise InputError(
            "--agent and --target name the pair that an --encoder embeds for --annotations; give --encoder and "
            "--annotations too, or leave both out"
        )
    _require_files(config)
    if config.embeddings and config.frame_number_map:
        raise InputError(
            "--frame-number-map gives the rows of a submission, and --embeddings writes no submission; leave one out"
        )


def _require_files(config: ProbeConfig) -> None:
    """Refuse files that do not exist, before any work is done."""
    for option, path, expected in (
        ("--embeddings", config.embeddings, "a submission .npy of embeddings"),
        ("--split", config.split, "a JSON file of lists of ids"),
        ("--frame-number-map", config.frame_number_map, "the challenge's .npy of the rows of each recording"),
    ):
        if path is not None and not path.is_file():
            raise InputError(f"{option} {path}: expected {expected}; there is no such file, check the path")


def _recordings(config: ProbeConfig) -> list[Recording]:
    """Read the recordings, with only the labels to probe for."""
    files = [path.expanduser() for path in config.annotations]
    source = "the recordings' own files, as no --annotations are given"
    if len(files) == 1 and mabe22.holds_task_labels(files[0]):
        recordings, source = mabe22.attach_task_labels(config.read(), files[0]), str(files[0])
    elif files:
        return [replace(recording, series={}) for recording in config.read_labelled()]
    else:
        recordings = config.read()
    return choose_videos(select_labels(recordings, config.channel, config.unscored, source), config.videos)


def _tasks(recordings: Sequence[Recording], config: ProbeConfig) -> tuple[list[Task], Split | None]:
    """Return the tasks that can be probed, and the split if one is given.

    A task needs values that vary, in at least two recordings, and labels on both sides of the split.
    """
    split = None if config.split is None else read_split(config.split, recordings)
    all_tasks = tasks_of(recordings)
    tasks = [
        task
        for task in all_tasks
        if task.varies and (split is None or all(task.labelled & set(side) for side in split))
    ]
    if len(tasks) < len(all_tasks):
        left_out = list_names((task.name for task in all_tasks if task not in tasks), 10)
        sides = "" if split is None else ", and labels on both sides of the split,"
        print(f"not probed, as two labelled recordings and two values{sides} are needed: {left_out}")
    if not tasks and (config.annotations or config.embeddings):
        raise InputError(
            f"{(config.annotations or config.recordings)[0]}: expected labels that vary, in at least two of the "
            f"{count_of(len(recordings), 'recording')}; found none: give {'other ' * bool(config.annotations)}"
            f"--annotations{' or another --split' * (split is not None)}"
        )
    return tasks, split


def _groups(poses: Sequence[Poses], recordings: Sequence[Recording]) -> list[Group]:
    """Return the pair that all labels describe, or all ordered pairs, of each recording."""
    label_pairs = {labels.pair for recording in recordings for labels in recording.labels.values()}
    pair = label_pairs.pop() if len(label_pairs) == 1 else None
    frames = sum(recording.frames for recording in poses)
    subject = f"what {pair[0]} does to {pair[1]}" if pair else "all ordered pairs, pooled"
    print(f"{count_of(len(poses), 'recording')}, {count_of(frames, 'frame')}; embeddings of {subject}")
    return [(recording, labelled_pairs(recording, pair)) for recording in poses]


def _scores(
    embeddings: Sequence[np.ndarray], tasks: Sequence[Task], folds: int, split: Split | None
) -> list[TaskScore]:
    return [score_task(embeddings, task, folds, split) for task in progress(tasks, "probing", unit="task")]


def _plain_values(score: TaskScore) -> dict[str, Any]:
    """Return the score as JSON values: NaN, which JSON lacks, becomes null."""
    values = asdict(score).items()
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values}


def _next_steps(config: ProbeConfig, report: dict[str, Any]) -> None:
    """Print where the results are."""
    output = config.output
    if config.encoder:
        print(f"\nembeddings: {output / 'submission.npy'}   (the MABe22 challenge's layout)")
    if report["embeddings"]:
        print(f"scores:     {output}   (scores.json, scores.png)")
    else:
        print("scores:     none, as the recordings' files hold no labels; give --annotations to have some")


main = run.command(
    ProbeConfig, probe, "Score embeddings with linear probes, as the MABe22 challenge does.", _next_steps
)


if __name__ == "__main__":
    main()
