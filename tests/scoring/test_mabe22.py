"""The evaluator against scikit-learn, on paper, and where it must not be fooled."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import f1_score
from sklearn.metrics import mean_squared_error as reference_mse

from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.scoring.mabe22 import (
    SEEDS,
    Task,
    f1,
    folds_of,
    mean_squared_error,
    means,
    score_task,
    table,
    tasks_of,
    taught,
)


def made(sequences: int = 8, frames: int = 150, numbers: int = 6, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(frames + i, numbers)).astype(np.float32) * 3 + 1 for i in range(sequences)]


def rare_yes(embeddings: list[np.ndarray], seed: int = 1) -> Task:
    """A yes or no that two numbers hint at, with some frames and the first sequence unscored."""
    rng = np.random.default_rng(seed)
    values = [(one[:, 0] + one[:, 1] + rng.normal(0, 3, len(one)) > 6).astype(np.float32) for one in embeddings]
    for one in values:
        one[rng.random(len(one)) < 0.1] = np.nan
    values[0][:] = np.nan
    return Task("attack", True, tuple(values))


def quantity(embeddings: list[np.ndarray], seed: int = 2) -> Task:
    rng = np.random.default_rng(seed)
    values = [(one[:, 2] * 2 + 100 + rng.normal(0, 1, len(one))).astype(np.float32) for one in embeddings]
    values[3][::3] = np.nan
    return Task("speed", False, tuple(values))


def by_scikit_learn(embeddings: list[np.ndarray], task: Task, folds: int) -> tuple[float, float]:
    """Score of the three combined, and mean of the three alone."""
    truth, found = [], []
    for learned, scored in folds_of(sorted(task.labelled), folds):
        each = []
        for sequences in taught(learned):
            x, y = (np.concatenate([part[i] for i in sequences]) for part in (embeddings, task.values))
            known = ~np.isnan(y)
            model = RidgeClassifier(class_weight="balanced") if task.is_discrete else Ridge()
            model.fit(x[known].astype(np.float64), y[known].astype(np.float64))
            each.append([model.predict(embeddings[i][~np.isnan(task.values[i])].astype(np.float64)) for i in scored])
        found.append(np.stack([np.concatenate(one) for one in each]))
        truth += [task.values[i][~np.isnan(task.values[i])] for i in scored]
    y, every = np.concatenate(truth), np.concatenate(found, 1)
    metric = f1_score if task.is_discrete else reference_mse
    # The challenge's own: np.mean(predictions) > 0 is a yes.
    combined = (every.mean(0) > 0).astype(float) if task.is_discrete else every.mean(0)
    return metric(y, combined), float(np.mean([metric(y, one) for one in every]))


@pytest.mark.parametrize("make", [rare_yes, quantity])
@pytest.mark.parametrize("folds", [2, 5])
def test_probes_are_those_of_scikit_learn(make, folds):  # type: ignore[no-untyped-def]
    embeddings = made()
    task = make(embeddings)
    found = score_task(embeddings, task, folds)
    assert (found.score, found.mean_of_single_probes) == pytest.approx(
        by_scikit_learn(embeddings, task, folds), rel=1e-6
    )
    assert found.level == "frame"
    assert found.score_by_sequence is None
    assert found.sequences == len(task.labelled)
    assert found.frames == sum(int((~np.isnan(one)).sum()) for one in task.values)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guess = (rng.random((2, 500)) < rng.uniform(0.02, 0.98, (2, 1))).astype(float)
    assert f1(truth, guess) == pytest.approx(f1_score(truth, guess))
    assert mean_squared_error(truth * 9, guess) == pytest.approx(reference_mse(truth * 9, guess))


def test_f1_of_nothing_is_none() -> None:
    assert math.isnan(f1(np.zeros(5), np.zeros(5)))
    assert f1(np.zeros(5), np.ones(5)) == 0


@pytest.mark.parametrize(("count", "folds"), [(2, 5), (3, 2), (7, 3), (40, 5)])
def test_no_sequence_is_scored_by_what_it_taught(count: int, folds: int) -> None:
    sequences = [3 * i for i in range(count)]
    splits = folds_of(sequences, folds)
    assert sorted(i for _, scored in splits for i in scored) == sequences
    for learned, scored in splits:
        assert sorted([*learned, *scored]) == sequences
        parts = taught(learned)
        assert len(parts) == len(SEEDS)
        for part in parts:
            assert part
            assert set(part) <= set(learned)
            assert not set(part) & set(scored)


def test_each_seed_learns_from_another_90_percent() -> None:
    parts = taught(range(40))
    assert [len(part) for part in parts] == [36] * 3
    assert all(set(a) != set(b) for a, b in pairwise(parts))


def test_what_only_a_sequences_own_code_says_is_not_read() -> None:
    """Every sequence has a code of its own for the yes, which helps with no other."""
    rng = np.random.default_rng(4)
    values = [rng.integers(0, 2, 200).astype(np.float32) for _ in range(6)]
    embeddings = [np.zeros((200, 6), np.float32) for _ in values]
    for i, one in enumerate(values):
        embeddings[i][:, i] = 2 * one - 1
    found = score_task(embeddings, Task("code", True, tuple(values)))
    assert found.score < found.chance + 0.02
    # The control: where two of the three probes have learned from the sequence, it is read off.
    leaking = score_task(embeddings, Task("code", True, tuple(values)), split=(range(6), range(6)))
    assert leaking.score > 0.8


@pytest.mark.parametrize("make", [rare_yes, quantity])
def test_shuffled_labels_fall_to_chance(make):  # type: ignore[no-untyped-def]
    embeddings = made(frames=600)
    task = make(embeddings)
    rng = np.random.default_rng(5)
    shuffled = score_task(embeddings, replace(task, values=tuple(rng.permutation(one) for one in task.values)))
    real = score_task(embeddings, task)
    if task.is_discrete:
        assert real.score > real.chance + 0.1
        assert shuffled.score < shuffled.chance + 0.02
    else:
        assert real.score < 0.1 * real.chance
        assert shuffled.score == pytest.approx(shuffled.chance, rel=0.05)


def test_unscored_frames_neither_teach_nor_count() -> None:
    embeddings = made()
    task = rare_yes(embeddings)
    dirty = [np.where(np.isnan(y)[:, None], np.float32(1e4), x) for x, y in zip(embeddings, task.values, strict=True)]
    assert score_task(dirty, task) == score_task(embeddings, task)


def test_frames_and_sequences_are_told_apart() -> None:
    nan = np.nan
    strain = Task("strain", True, (np.array([nan, 1.0, 1.0]), np.zeros(2), np.full(3, nan)))
    chase = replace(strain, values=(np.array([nan, 1.0, 0.0]), np.zeros(2), np.full(3, nan)))
    assert (strain.level, chase.level) == ("sequence", "frame")
    assert strain.varies
    assert chase.varies
    assert strain.labelled == {0, 1}
    assert not replace(strain, values=(np.ones(2), np.ones(3))).varies
    assert not replace(strain, values=(np.array([0.0, 1.0]), np.full(3, nan))).varies


def test_a_sequence_is_scored_by_the_mean_of_its_frames() -> None:
    """Two of three frames say the strain, so frames err and no sequence does."""
    strain = [i % 2 for i in range(20)]
    embeddings = [np.array([[2 * s - 1], [2 * s - 1], [1 - 2 * s]], np.float32) for s in strain]
    task = Task("strain", True, tuple(np.full(3, s, np.float32) for s in strain))
    found = score_task(embeddings, task)
    assert found.level == "sequence"
    assert found.score_by_sequence == 1
    assert found.score == pytest.approx(2 / 3)
    assert found.chance == pytest.approx(2 / 3)


def test_one_label_to_learn_from_is_always_said() -> None:
    embeddings = made(4, 20)
    values = (np.ones(20), np.ones(21), np.zeros(22), np.ones(23))
    found = score_task(embeddings, Task("task", True, values), split=([0, 1], [2, 3]))
    assert found.score == found.chance
    assert found.sequences == 2


def recording(name: str, labels: dict[str, Labels], series: dict[str, np.ndarray]) -> Recording:
    return Recording(name, np.zeros((4, 1, 1, 2)), ("a",), Skeleton(("nose",)), 30.0, labels=labels, series=series)


def test_tasks_of_labels() -> None:
    values = np.array([0, 1, -1, 2])
    both = {"S1": Labels(("Other", "mount", "attack"), values), "night": Labels(("other", "night"), np.ones(4))}
    one = recording("a", both, {"speed": np.arange(4.0), "features": np.zeros((4, 3))})
    other = recording("b", {"S1": Labels(("attack",), np.zeros(4))}, {})
    tasks = {task.name: task for task in tasks_of([one, other])}
    assert list(tasks) == ["S1: mount", "S1: attack", "night", "speed"]
    np.testing.assert_array_equal(tasks["S1: mount"].values[0], [0, 1, np.nan, 0])
    # Where a vocabulary lacks a behaviour, nobody looked for it.
    assert np.isnan(tasks["S1: mount"].values[1]).all()
    np.testing.assert_array_equal(tasks["S1: attack"].values[1], [1, 1, 1, 1])
    assert np.isnan(tasks["night"].values[1]).all()
    np.testing.assert_array_equal(tasks["speed"].values[0], [0, 1, 2, 3])
    assert [task.is_discrete for task in tasks.values()] == [True, True, True, False]
    assert [task.name for task in tasks_of([other])] == ["attack"]


def test_table_and_means() -> None:
    embeddings = made()
    scores = [score_task(embeddings, task) for task in (rare_yes(embeddings), quantity(embeddings))]
    strain = Task("strain", True, tuple(np.full(len(one), i % 2, np.float32) for i, one in enumerate(embeddings)))
    scores.append(score_task(embeddings, strain))
    found = means(scores)
    assert found["F1 of frame tasks"] == scores[0].score
    assert found["F1 of sequence tasks"] == scores[2].score
    assert found["F1"] == pytest.approx((scores[0].score + scores[2].score) / 2)
    assert found["MSE"] == scores[1].score
    text = table({"encoder": scores, "kinematics": scores})
    assert len({len(line) for line in text.splitlines() if line.startswith(("attack", "speed", "strain", "task"))}) == 1
    assert f"{scores[0].score:.4g}" in text
