"""The evaluator of MABe22 agrees with scikit-learn and with paper, and takes no leak for a score."""

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
    f1,
    folds_of,
    format_scores,
    mean_scores,
    mean_squared_error,
    score_task,
    training_subsets,
)
from ssl_behavior.scoring.tasks import Task, tasks_of


def embeddings_of(sequences: int = 8, frames: int = 150, numbers: int = 6, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(frames + i, numbers)).astype(np.float32) * 3 + 1 for i in range(sequences)]


def rare_yes(embeddings: list[np.ndarray], seed: int = 1) -> Task:
    """A yes or no that two of the numbers hint at; some frames and the whole first sequence are unscored."""
    rng = np.random.default_rng(seed)
    values = [(x[:, 0] + x[:, 1] + rng.normal(0, 3, len(x)) > 6).astype(np.float32) for x in embeddings]
    for of_sequence in values:
        of_sequence[rng.random(len(of_sequence)) < 0.1] = np.nan
    values[0][:] = np.nan
    return Task("attack", True, tuple(values))


def quantity(embeddings: list[np.ndarray], seed: int = 2) -> Task:
    rng = np.random.default_rng(seed)
    values = [(x[:, 2] * 2 + 100 + rng.normal(0, 1, len(x))).astype(np.float32) for x in embeddings]
    values[3][::3] = np.nan
    return Task("speed", False, tuple(values))


def by_scikit_learn(embeddings: list[np.ndarray], task: Task, folds: int) -> tuple[float, float]:
    """Score of the three combined, and mean of the three alone."""
    truth, predicted = [], []
    for fitted, scored in folds_of(sorted(task.labelled), folds):
        each = []
        for sequences in training_subsets(fitted):
            x, y = (np.concatenate([arrays[i] for i in sequences]) for arrays in (embeddings, task.values))
            is_scored = ~np.isnan(y)
            model = RidgeClassifier(class_weight="balanced") if task.is_discrete else Ridge()
            model.fit(x[is_scored].astype(np.float64), y[is_scored].astype(np.float64))
            each.append([model.predict(embeddings[i][~np.isnan(task.values[i])].astype(np.float64)) for i in scored])
        predicted.append(np.stack([np.concatenate(of_seed) for of_seed in each]))
        truth += [task.values[i][~np.isnan(task.values[i])] for i in scored]
    y, single = np.concatenate(truth), np.concatenate(predicted, 1)
    metric = f1_score if task.is_discrete else reference_mse
    # As in the challenge's code: a mean prediction above 0 is a yes.
    combined = (single.mean(0) > 0).astype(float) if task.is_discrete else single.mean(0)
    return metric(y, combined), float(np.mean([metric(y, of_seed) for of_seed in single]))


@pytest.mark.parametrize("make", [rare_yes, quantity])
@pytest.mark.parametrize("folds", [2, 5])
def test_probes_agree_with_scikit_learn(make, folds):  # type: ignore[no-untyped-def]
    embeddings = embeddings_of()
    task = make(embeddings)
    score = score_task(embeddings, task, folds)
    assert (score.score, score.mean_of_single_probes) == pytest.approx(
        by_scikit_learn(embeddings, task, folds), rel=1e-6
    )
    assert score.level == "frame"
    assert score.score_by_sequence is None
    assert score.sequences == len(task.labelled)
    assert score.frames == sum(int((~np.isnan(values)).sum()) for values in task.values)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_agree_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guess = (rng.random((2, 500)) < rng.uniform(0.02, 0.98, (2, 1))).astype(float)
    assert f1(truth, guess) == pytest.approx(f1_score(truth, guess))
    assert mean_squared_error(truth * 9, guess) == pytest.approx(reference_mse(truth * 9, guess))


def test_f1_without_any_yes_is_not_defined() -> None:
    assert math.isnan(f1(np.zeros(5), np.zeros(5)))
    assert f1(np.zeros(5), np.ones(5)) == 0


@pytest.mark.parametrize(("count", "folds"), [(2, 5), (3, 2), (7, 3), (40, 5)])
def test_no_sequence_is_scored_by_a_probe_fitted_to_it(count: int, folds: int) -> None:
    sequences = [3 * i for i in range(count)]
    splits = folds_of(sequences, folds)
    assert sorted(i for _, scored in splits for i in scored) == sequences
    for fitted, scored in splits:
        assert sorted([*fitted, *scored]) == sequences
        subsets = training_subsets(fitted)
        assert len(subsets) == len(SEEDS)
        for subset in subsets:
            assert subset
            assert set(subset) <= set(fitted)
            assert not set(subset) & set(scored)


def test_each_seed_is_fitted_to_another_90_percent() -> None:
    subsets = training_subsets(range(40))
    assert [len(subset) for subset in subsets] == [36] * 3
    assert all(set(a) != set(b) for a, b in pairwise(subsets))


def test_a_code_of_one_sequence_does_not_help_with_others() -> None:
    """Every sequence encodes the yes in another number, so no probe can use what it was fitted to."""
    rng = np.random.default_rng(4)
    values = [rng.integers(0, 2, 200).astype(np.float32) for _ in range(6)]
    embeddings = [np.zeros((200, 6), np.float32) for _ in values]
    for i, of_sequence in enumerate(values):
        embeddings[i][:, i] = 2 * of_sequence - 1
    score = score_task(embeddings, Task("code", True, tuple(values)))
    assert score.score < score.chance + 0.02
    # Control: probes that were fitted to the scored sequence read its code.
    leaking = score_task(embeddings, Task("code", True, tuple(values)), split=(range(6), range(6)))
    assert leaking.score > 0.8


@pytest.mark.parametrize("make", [rare_yes, quantity])
def test_shuffled_labels_fall_to_chance(make):  # type: ignore[no-untyped-def]
    embeddings = embeddings_of(frames=600)
    task = make(embeddings)
    rng = np.random.default_rng(5)
    shuffled = score_task(embeddings, replace(task, values=tuple(rng.permutation(values) for values in task.values)))
    real = score_task(embeddings, task)
    if task.is_discrete:
        assert real.score > real.chance + 0.1
        assert shuffled.score < shuffled.chance + 0.02
    else:
        assert real.score < 0.1 * real.chance
        assert shuffled.score == pytest.approx(shuffled.chance, rel=0.05)


def test_unscored_frames_change_neither_probes_nor_scores() -> None:
    embeddings = embeddings_of()
    task = rare_yes(embeddings)
    dirty = [np.where(np.isnan(y)[:, None], np.float32(1e4), x) for x, y in zip(embeddings, task.values, strict=True)]
    assert score_task(dirty, task) == score_task(embeddings, task)


def test_tasks_of_frames_and_of_sequences_are_distinguished() -> None:
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
    """Two of three frames encode the strain, so a third of the frames is wrong and no sequence is."""
    strain = [i % 2 for i in range(20)]
    embeddings = [np.array([[2 * s - 1], [2 * s - 1], [1 - 2 * s]], np.float32) for s in strain]
    task = Task("strain", True, tuple(np.full(3, s, np.float32) for s in strain))
    score = score_task(embeddings, task)
    assert score.level == "sequence"
    assert score.score_by_sequence == 1
    assert score.score == pytest.approx(2 / 3)
    assert score.chance == pytest.approx(2 / 3)


def test_a_probe_fitted_to_one_label_always_predicts_it() -> None:
    embeddings = embeddings_of(4, 20)
    values = (np.ones(20), np.ones(21), np.zeros(22), np.ones(23))
    score = score_task(embeddings, Task("task", True, values), split=([0, 1], [2, 3]))
    assert score.score == score.chance
    assert score.sequences == 2


def recording(name: str, labels: dict[str, Labels], series: dict[str, np.ndarray]) -> Recording:
    return Recording(name, np.zeros((4, 1, 1, 2)), ("a",), Skeleton(("nose",)), 30.0, labels=labels, series=series)


def test_every_behaviour_and_every_series_is_a_task() -> None:
    values = np.array([0, 1, -1, 2])
    both = {"S1": Labels(("Other", "mount", "attack"), values), "night": Labels(("other", "night"), np.ones(4))}
    first = recording("a", both, {"speed": np.arange(4.0), "features": np.zeros((4, 3))})
    other = recording("b", {"S1": Labels(("attack",), np.zeros(4))}, {})
    tasks = {task.name: task for task in tasks_of([first, other])}
    assert list(tasks) == ["S1: mount", "S1: attack", "night", "speed"]
    np.testing.assert_array_equal(tasks["S1: mount"].values[0], [0, 1, np.nan, 0])
    # A behaviour that is missing from the vocabulary was not looked for: unscored.
    assert np.isnan(tasks["S1: mount"].values[1]).all()
    np.testing.assert_array_equal(tasks["S1: attack"].values[1], [1, 1, 1, 1])
    assert np.isnan(tasks["night"].values[1]).all()
    np.testing.assert_array_equal(tasks["speed"].values[0], [0, 1, 2, 3])
    assert [task.is_discrete for task in tasks.values()] == [True, True, True, False]
    assert [task.name for task in tasks_of([other])] == ["attack"]


def test_the_table_shows_the_scores_and_means_are_by_level() -> None:
    embeddings = embeddings_of()
    scores = [score_task(embeddings, task) for task in (rare_yes(embeddings), quantity(embeddings))]
    strain = Task("strain", True, tuple(np.full(len(x), i % 2, np.float32) for i, x in enumerate(embeddings)))
    scores.append(score_task(embeddings, strain))
    means = mean_scores(scores)
    assert means["F1 of frame tasks"] == scores[0].score
    assert means["F1 of sequence tasks"] == scores[2].score
    assert means["F1"] == pytest.approx((scores[0].score + scores[2].score) / 2)
    assert means["MSE"] == scores[1].score
    text = format_scores({"encoder": scores, "kinematics": scores})
    assert len({len(line) for line in text.splitlines() if line.startswith(("attack", "speed", "strain", "task"))}) == 1
    assert f"{scores[0].score:.4g}" in text
