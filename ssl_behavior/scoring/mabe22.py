"""The evaluator of MABe22: linear probes that read many tasks off frozen embeddings.

A task is a yes or no in every frame, or a quantity. Each task has three probes, each fitted to a random 90 % of the
training sequences. All three predict every scored frame of sequences that none of them was fitted to. A probe is a
ridge regression with a penalty of 1 on the embeddings as they are: to +-1 with balanced classes for a yes or no, which
is scored by F1, and to the quantity, which is scored by mean squared error.

The three probes are combined as in the challenge's own code: a quantity is their mean, and a frame is a yes where any
of them predicts it. (The challenge's code calls this their most frequent answer.) A task with one label per sequence is
probed by frames too, and scored once more with the mean of each sequence's predictions.

Sun et al. 2023, "MABe22: A Multi-Species Multi-Task Benchmark for Learned Representations of Behavior",
arXiv:2207.10553, and the challenge's public evaluator (AIcrowd, mabe-2022-public-evaluator).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.model_selection import train_test_split

from ssl_behavior.scoring.tasks import Level, Task

SEEDS = (42, 43, 44)
RIDGE = 1.0
_LEFT_OUT = 0.1
_FOLDS_SEED = 0

Split = tuple[Sequence[int], Sequence[int]]
"""Indices of the sequences to fit probes to, and of the sequences to score."""


@dataclass(frozen=True)
class TaskScore:
    """The scores of one task: F1 of the yes, or mean squared error.

    Attributes:
        task: name of the task.
        level: ``frame`` if labels vary within sequences, else ``sequence``.
        metric: ``F1`` (higher is better) or ``MSE`` (lower is better).
        score: score of the three probes combined, over frames; NaN if neither truth nor prediction has a yes.
        mean_of_single_probes: mean score of the three probes, each by itself.
        score_by_sequence: score of the mean prediction of each sequence; None for tasks of frames.
        chance: score without embeddings: of yes everywhere, or of the mean of the scored frames.
        sequences: number of scored sequences.
        frames: number of scored frames.
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


def folds_of(sequences: Sequence[int], folds: int) -> list[Split]:
    """Split sequences so that each is scored once, by probes that were fitted to other sequences."""
    order = np.random.default_rng(_FOLDS_SEED).permutation(np.asarray(sequences, int))
    parts = np.array_split(order, min(folds, len(order)))
    return [(sorted(set(sequences) - set(part.tolist())), sorted(part.tolist())) for part in parts]


def training_subsets(sequences: Sequence[int]) -> list[list[int]]:
    """Choose the 90 % of the sequences, at least one, that the probe of each seed is fitted to."""
    if len(sequences) < 2:
        return [list(sequences)] * len(SEEDS)
    return [train_test_split(list(sequences), test_size=_LEFT_OUT, random_state=seed)[0] for seed in SEEDS]


def score_task(embeddings: Sequence[np.ndarray], task: Task, folds: int = 5, split: Split | None = None) -> TaskScore:
    """Fit and score the probes of one task.

    Args:
        embeddings: per sequence (time, number).
        task: task with a value per sequence and frame; it must vary (``Task.varies``), and have labels on both sides
            of ``split`` if there is one.
        folds: number of parts of the sequences, each scored by probes that were fitted to the others.
        split: sequences to fit and to score, in place of folds.
    """
    if split is None:
        splits = folds_of(sorted(task.labelled), folds)
    else:
        splits = [([i for i in split[0] if i in task.labelled], [i for i in split[1] if i in task.labelled])]
    truth, predicted = [], []
    for probes, scored in zip(_fit(embeddings, task, splits), (scored for _, scored in splits), strict=True):
        for i in scored:
            is_scored = ~np.isnan(task.values[i])
            values = embeddings[i][is_scored] @ probes[:-1] + probes[-1]
            truth.append(task.values[i][is_scored].astype(np.float64))
            predicted.append((values > 0).astype(np.float64) if task.is_discrete else values)
    return _score_predictions(task, truth, predicted)


def _score_predictions(task: Task, truth: list[np.ndarray], predicted: list[np.ndarray]) -> TaskScore:
    """Score per-sequence truth (time,) and predictions (time, seed)."""
    metric = f1 if task.is_discrete else mean_squared_error
    combine = np.max if task.is_discrete else np.mean
    combined = [combine(of_sequence, axis=1) for of_sequence in predicted]
    frames, single_probes = np.concatenate(truth), np.concatenate(predicted)
    by_sequence = None
    if task.level == "sequence":
        means = np.array([of_sequence.mean() for of_sequence in combined])
        labels = np.array([of_sequence[0] for of_sequence in truth])
        by_sequence = metric(labels, means >= 0.5 if task.is_discrete else means)
    return TaskScore(
        task.name,
        task.level,
        "F1" if task.is_discrete else "MSE",
        metric(frames, np.concatenate(combined)),
        float(np.mean([metric(frames, probe) for probe in single_probes.T])),
        by_sequence,
        metric(frames, np.full_like(frames, 1.0 if task.is_discrete else frames.mean())),
        len(truth),
        len(frames),
    )


def f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """F1 of the yes, from arrays of 0 and 1; NaN if neither has a 1."""
    hits, yes = float((truth * predicted).sum()), float(truth.sum() + predicted.sum())
    return 2 * hits / yes if yes else float("nan")


def mean_squared_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of the squared differences."""
    return float(np.square(truth - predicted).mean())


def _fit(embeddings: Sequence[np.ndarray], task: Task, splits: Sequence[Split]) -> np.ndarray:
    """Fit the probes of every split.

    A ridge regression needs only the second moments of its data, and these add up over sequences. So each sequence is
    read once, however many probes are fitted to it, and the embeddings are never copied as a whole.

    Returns:
        (split, number + 1, seed) weights, with the intercept last.
    """
    subsets = [[set(subset) for subset in training_subsets(sequences)] for sequences, _ in splits]
    size = embeddings[0].shape[1] + 2
    classes = 2 if task.is_discrete else 1
    moments = np.zeros((len(splits), len(SEEDS), classes, size, size))
    for i, (values, target) in enumerate(zip(embeddings, task.values, strict=True)):
        is_fitted = np.array([[i in subset for subset in of_split] for of_split in subsets])
        for c in range(classes if is_fitted.any() else 0):
            is_of_class = target == c if task.is_discrete else ~np.isnan(target)
            aim = (
                np.full(is_of_class.sum(), 2.0 * c - 1) if task.is_discrete else target[is_of_class].astype(np.float64)
            )
            rows = np.column_stack([values[is_of_class].astype(np.float64), np.ones(len(aim)), aim])
            moments[is_fitted, c] += rows.T @ rows
    return np.stack([np.stack([_solve_ridge(of_seed) for of_seed in of_split], axis=1) for of_split in moments])


def _solve_ridge(moments: np.ndarray) -> np.ndarray:
    """Weights and intercept (number + 1,) from second moments (class, number + 2, number + 2), classes balanced.

    The last two columns of the data are a constant 1 and the target.
    """
    counts = moments[:, -2, -2]
    occurs = counts > 0
    weights = np.where(occurs, counts.sum() / np.maximum(counts, 1) / max(occurs.sum(), 1), 0.0)
    total = np.tensordot(weights, moments, 1)
    mean = total[-2] / max(total[-2, -2], 1.0)
    # Centred, as the penalty must not shrink the intercept.
    centred = total - np.outer(mean, mean) * total[-2, -2]
    inputs = centred[:-2, :-2] + RIDGE * np.eye(len(mean) - 2)
    slopes = np.linalg.solve(inputs, centred[:-2, -1])
    return np.append(slopes, mean[-1] - mean[:-2] @ slopes)


def mean_scores(scores: Sequence[TaskScore]) -> dict[str, float]:
    """The challenge's summary: mean F1 of the tasks of frames, of sequences and of all, and mean squared error."""
    discrete = [of_task for of_task in scores if of_task.metric == "F1"]
    groups = {
        "F1 of frame tasks": [of_task.score for of_task in discrete if of_task.level == "frame"],
        "F1 of sequence tasks": [of_task.score for of_task in discrete if of_task.level == "sequence"],
        "F1": [of_task.score for of_task in discrete],
        "MSE": [of_task.score for of_task in scores if of_task.metric == "MSE"],
    }
    return {name: float(np.nanmean(values)) for name, values in groups.items() if not np.isnan(values).all()}


def format_scores(results: Mapping[str, Sequence[TaskScore]]) -> str:
    """Format scores as text, with a row per task and a column per kind of embedding.

    Args:
        results: kind of embedding -> scores of the same tasks.
    """
    tasks = next(iter(results.values()))
    name_width = max(20, *(len(task.task) for task in tasks))
    widths = [max(10, len(name)) for name in results]
    heads = "  ".join(f"{name:>{width}}" for name, width in zip(results, widths, strict=True))
    lines = [f"{'task':<{name_width}}  level     metric  {heads}      chance  sequences      frames"]
    for i, task in enumerate(tasks):
        cells = _cells([scores[i].score for scores in results.values()], widths)
        lines.append(
            f"{task.task:<{name_width}}  {task.level:<8}  {task.metric:<6}  {cells}  {task.chance:>10.4g}  "
            f"{task.sequences:>9,}  {task.frames:>10,}"
        )
        if task.score_by_sequence is not None:
            cells = _cells([scores[i].score_by_sequence for scores in results.values()], widths)
            lines.append(f"{'':<{name_width}}  by sequence       {cells}")
    lines.append("")
    means = [mean_scores(scores) for scores in results.values()]
    for name in means[0]:
        cells = _cells([of_kind[name] for of_kind in means], widths)
        lines.append(f"{'mean ' + name:<{name_width + 18}}  {cells}")
    return "\n".join(lines)


def _cells(values: Sequence[float | None], widths: Sequence[int]) -> str:
    shown = ["-" if value is None or np.isnan(value) else f"{value:.4g}" for value in values]
    return "  ".join(f"{text:>{width}}" for text, width in zip(shown, widths, strict=True))
