"""The MABe22 evaluator: how much of the labels of many tasks linear probes read off frozen embeddings.

Each task has three probes, each fitted to a random 90 % of the sequences that may be learned from, and all three
predict every scored frame of sequences that none of them saw. A task of yes and no is read by ridge regression to +-1
with balanced classes and scored by F1, a quantity by ridge regression and mean squared error; the ridge is 1 and the
embeddings stay as they are. The three are combined as the challenge's own code does it: a quantity is their mean, and
a frame is a yes where any of them says so (there under the name of the most repeated). Tasks whose label is one per
sequence are probed by frames too, and scored once more with the mean of each sequence's predictions.

Sun et al. 2023, "MABe22: A Multi-Species Multi-Task Benchmark for Learned Representations of Behavior",
arXiv:2207.10553, and the challenge's public evaluator (AIcrowd, mabe-2022-public-evaluator).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.model_selection import train_test_split

from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import Recording

SEEDS = (42, 43, 44)
RIDGE = 1.0
_LEFT_OUT = 0.1
_FOLDS_SEED = 0

Level = Literal["frame", "sequence"]
Split = tuple[Sequence[int], Sequence[int]]
"""Sequences to learn from, and sequences to score."""


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be read off the embeddings.

    Attributes:
        name: of the behaviour, or of the quantity.
        is_discrete: whether it is a yes or no, 1 or 0; else a quantity.
        values: per sequence (time,) float32, NaN where unscored.
    """

    name: str
    is_discrete: bool
    values: tuple[np.ndarray, ...]

    @property
    def level(self) -> Level:
        """``sequence`` if every sequence has one value only, as a strain or an hour of the day have."""
        scored = (one[~np.isnan(one)] for one in self.values)
        return "sequence" if all((one == one[:1]).all() for one in scored) else "frame"

    @property
    def labelled(self) -> frozenset[int]:
        """The sequences of which any frame is scored."""
        return frozenset(i for i, one in enumerate(self.values) if not np.isnan(one).all())

    @property
    def varies(self) -> bool:
        """Whether there are two values to tell apart, and two sequences to learn and score on."""
        ends = {float(end(self.values[i])) for i in self.labelled for end in (np.nanmin, np.nanmax)}
        return len(ends) > 1 and len(self.labelled) > 1


@dataclass(frozen=True)
class TaskScore:
    """How well one task is read off; F1 of the yes, or mean squared error.

    Attributes:
        task: its name.
        level: whether labels vary within sequences.
        metric: ``F1`` (higher is better) or ``MSE`` (lower is).
        score: of the three probes combined, over frames; NaN where neither truth nor prediction has a yes.
        mean_of_single_probes: of each of the three alone.
        score_by_sequence: of each sequence's mean prediction; None for tasks of frames.
        chance: of what needs no embedding: yes everywhere, or the mean of what is scored.
        sequences: that were scored.
        frames: that were scored.
    """

    task: str
    level: Level
    metric: Literal["F1", "MSE"]
    score: float
    mean_of_single_probes: float
    score_by_sequence: float | None
    chance: float
    sequences: int
    frames: int


def tasks_of(recordings: Sequence[Recording]) -> list[Task]:
    """The tasks that the labels of recordings hold, each with a value per recording and frame.

    Every behaviour of a channel but ``other`` is a yes or no. Every series of one number per frame is a quantity.
    """
    channels = list(dict.fromkeys(name for one in recordings for name in one.labels))
    tasks = []
    for channel in channels:
        labels = [one.labels.get(channel) for one in recordings]
        behaviours = dict.fromkeys(name for one in labels if one for name in one.behaviours if name.lower() != "other")
        for name in behaviours:
            title = name if len(channels) == 1 or name.startswith(channel) else f"{channel}: {name}"
            values = [_occurs(one, name, recording.frames) for one, recording in zip(labels, recordings, strict=True)]
            tasks.append(Task(title, True, tuple(values)))
    series = dict.fromkeys(name for one in recordings for name, values in one.series.items() if values.ndim == 1)
    for name in series:
        quantities = [one.series.get(name, np.full(one.frames, np.nan)).astype(np.float32) for one in recordings]
        tasks.append(Task(name, False, tuple(quantities)))
    return tasks


def _occurs(labels: Labels | None, behaviour: str, frames: int) -> np.ndarray:
    if labels is None or behaviour not in labels.behaviours:
        return np.full(frames, np.nan, np.float32)
    occurs = (labels.values == labels.behaviours.index(behaviour)).astype(np.float32)
    return np.where(labels.values == UNSCORED, np.float32(np.nan), occurs)


def folds_of(sequences: Sequence[int], folds: int) -> list[Split]:
    """Splits that score every sequence once, by probes that learned from other sequences."""
    order = np.random.default_rng(_FOLDS_SEED).permutation(np.asarray(sequences, int))
    parts = np.array_split(order, min(folds, len(order)))
    return [(sorted(set(sequences) - set(part.tolist())), sorted(part.tolist())) for part in parts]


def taught(sequences: Sequence[int]) -> list[list[int]]:
    """The 90 % of the sequences, at least one, that the probe of each seed is fitted to."""
    if len(sequences) < 2:
        return [list(sequences)] * len(SEEDS)
    return [train_test_split(list(sequences), test_size=_LEFT_OUT, random_state=seed)[0] for seed in SEEDS]


def score_task(embeddings: Sequence[np.ndarray], task: Task, folds: int = 5, split: Split | None = None) -> TaskScore:
    """Fit and score the probes of one task.

    Args:
        embeddings: per sequence (time, number).
        task: that varies, with a value per sequence and frame; with a split, on both its sides.
        folds: sequences are put into so many parts, each scored by probes that learned from the others.
        split: sequences to learn from and to score, in place of folds.
    """
    if split is None:
        splits = folds_of(sorted(task.labelled), folds)
    else:
        splits = [([i for i in split[0] if i in task.labelled], [i for i in split[1] if i in task.labelled])]
    truth, found = [], []
    for probes, scored in zip(_fit(embeddings, task, splits), (scored for _, scored in splits), strict=True):
        for i in scored:
            judged = ~np.isnan(task.values[i])
            each = embeddings[i][judged] @ probes[:-1] + probes[-1]
            truth.append(task.values[i][judged].astype(np.float64))
            found.append((each > 0).astype(np.float64) if task.is_discrete else each)
    return _scored(task, truth, found)


def _scored(task: Task, truth: list[np.ndarray], found: list[np.ndarray]) -> TaskScore:
    metric = f1 if task.is_discrete else mean_squared_error
    combine = np.max if task.is_discrete else np.mean
    combined = [combine(each, axis=1) for each in found]
    frames, every = np.concatenate(truth), np.concatenate(found)
    by_sequence = None
    if task.level == "sequence":
        means = np.array([one.mean() for one in combined])
        by_sequence = metric(np.array([one[0] for one in truth]), means >= 0.5 if task.is_discrete else means)
    return TaskScore(
        task.name,
        task.level,
        "F1" if task.is_discrete else "MSE",
        metric(frames, np.concatenate(combined)),
        float(np.mean([metric(frames, probe) for probe in every.T])),
        by_sequence,
        metric(frames, np.full_like(frames, 1.0 if task.is_discrete else frames.mean())),
        len(truth),
        len(frames),
    )


def f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """F1 of the yes, from arrays of 0 and 1; NaN where there is none in either."""
    hits, yes = float((truth * predicted).sum()), float(truth.sum() + predicted.sum())
    return 2 * hits / yes if yes else float("nan")


def mean_squared_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of the squared differences."""
    return float(np.square(truth - predicted).mean())


def _fit(embeddings: Sequence[np.ndarray], task: Task, splits: Sequence[Split]) -> np.ndarray:
    """Probes (split, number + 1, seed): weights, and the intercept last.

    A ridge regression needs no more of the data than its second moments, and these add up over sequences. So each
    sequence is read once, however many probes learn from it, and the whole never lies in memory twice.
    """
    learners = [[set(part) for part in taught(sequences)] for sequences, _ in splits]
    size = embeddings[0].shape[1] + 2
    classes = 2 if task.is_discrete else 1
    moments = np.zeros((len(splits), len(SEEDS), classes, size, size))
    for i, (values, target) in enumerate(zip(embeddings, task.values, strict=True)):
        learns = np.array([[i in part for part in parts] for parts in learners])
        for c in range(classes if learns.any() else 0):
            chosen = target == c if task.is_discrete else ~np.isnan(target)
            aim = np.full(chosen.sum(), 2.0 * c - 1) if task.is_discrete else target[chosen].astype(np.float64)
            rows = np.column_stack([values[chosen].astype(np.float64), np.ones(len(aim)), aim])
            moments[learns, c] += rows.T @ rows
    return np.stack([np.stack([_ridge(one) for one in seeds], axis=1) for seeds in moments])


def _ridge(moments: np.ndarray) -> np.ndarray:
    """Weights and intercept (number + 1,) from second moments (class, number + 2, number + 2), classes balanced."""
    counts = moments[:, -2, -2]
    present = counts > 0
    weights = np.where(present, counts.sum() / np.maximum(counts, 1) / max(present.sum(), 1), 0.0)
    total = np.tensordot(weights, moments, 1)
    mean = total[-2] / max(total[-2, -2], 1.0)
    centred = total - np.outer(mean, mean) * total[-2, -2]
    inputs = centred[:-2, :-2] + RIDGE * np.eye(len(mean) - 2)
    slopes = np.linalg.solve(inputs, centred[:-2, -1])
    return np.append(slopes, mean[-1] - mean[:-2] @ slopes)


def means(scores: Sequence[TaskScore]) -> dict[str, float]:
    """The challenge's summary: mean F1 of the tasks of frames, of sequences and of all, and mean squared error."""
    groups = {
        "F1 of frame tasks": [one.score for one in scores if one.metric == "F1" and one.level == "frame"],
        "F1 of sequence tasks": [one.score for one in scores if one.metric == "F1" and one.level == "sequence"],
        "F1": [one.score for one in scores if one.metric == "F1"],
        "MSE": [one.score for one in scores if one.metric == "MSE"],
    }
    return {name: float(np.nanmean(values)) for name, values in groups.items() if not np.isnan(values).all()}


def table(results: Mapping[str, Sequence[TaskScore]]) -> str:
    """Scores as text, a row per task and a column per kind of embedding."""
    first = next(iter(results.values()))
    name_width = max(20, *(len(one.task) for one in first))
    widths = [max(10, len(name)) for name in results]
    heads = "  ".join(f"{name:>{width}}" for name, width in zip(results, widths, strict=True))
    lines = [f"{'task':<{name_width}}  level     metric  {heads}      chance  sequences      frames"]
    for i, task in enumerate(first):
        cells = _cells([scores[i].score for scores in results.values()], widths)
        lines.append(
            f"{task.task:<{name_width}}  {task.level:<8}  {task.metric:<6}  {cells}  {task.chance:>10.4g}  "
            f"{task.sequences:>9,}  {task.frames:>10,}"
        )
        if task.score_by_sequence is not None:
            cells = _cells([scores[i].score_by_sequence for scores in results.values()], widths)
            lines.append(f"{'':<{name_width}}  by sequence       {cells}")
    lines.append("")
    each = [means(scores) for scores in results.values()]
    lines += [f"{'mean ' + name:<{name_width + 18}}  {_cells([one[name] for one in each], widths)}" for name in each[0]]
    return "\n".join(lines)


def _cells(values: Sequence[float | None], widths: Sequence[int]) -> str:
    shown = ["-" if value is None or np.isnan(value) else f"{value:.4g}" for value in values]
    return "  ".join(f"{text:>{width}}" for text, width in zip(shown, widths, strict=True))
