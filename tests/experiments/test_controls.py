import csv
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from experiments.controls import cnn_lstm, mabe_cnn, small_tcn, windows, xgboost_expert
from experiments.dyads import decisions, few_labels, protocol, tables
from experiments.dyads.protocol import DRAWS, HELD_OUT, Dyads, FitPredict, Found, Task, Video
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.trees import Boosting
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings

LANDMARKS = shared_landmarks([SKELETON])
BOTH = xgboost_expert.ORDERS["XGBoost, both orders"]


def simulated(videos: int, frames: int, seed: int) -> list[Video]:
    recordings = simulate_recordings(videos, seed, frames)
    return [
        Video(prepare(recording, LANDMARKS, Preparation(30.0)), recording.labels[CHANNEL].values)
        for recording in recordings
    ]


@pytest.fixture(scope="module")
def task() -> Task:
    """Two labelled videos of half a minute and one to label, of other lengths."""
    first, second, test = simulated(3, 900, seed=5)
    hidden = replace(second, filmed=np.where(np.arange(900) < 100, -1, second.labels))
    return Task((first, hidden), (test.poses,), BEHAVIOURS, LANDMARKS, seed=0)


@pytest.fixture(scope="module")
def dyads() -> Dyads:
    """Forty videos with the ids of the real ones, made of four."""
    four, ids = simulated(4, 300, seed=1), sorted({*HELD_OUT, *DRAWS[30][0]}, key=int)
    videos = {name: replace(four[i % 4], poses=replace(four[i % 4].poses, id=name)) for i, name in enumerate(ids)}
    return Dyads(videos, BEHAVIOURS, LANDMARKS)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(protocol, "RUNS", tmp_path)
    return tmp_path


CONTROLS: dict[str, FitPredict] = {
    "XGBoost, one order": partial(xgboost_expert.fit_predict, orders=((0, 1),), settings=Boosting(trees=3)),
    "XGBoost, both orders": partial(xgboost_expert.fit_predict, orders=BOTH, settings=Boosting(trees=3)),
    "trees of the default": few_labels.trees,
    "CNN": partial(mabe_cnn.fit_predict, training=mabe_cnn.Training(most_steps=3, batch=8)),
    "CNN, augmented": partial(mabe_cnn.fit_predict, training=mabe_cnn.Training(True, most_steps=3, batch=8)),
    "small TCN": partial(small_tcn.fit_predict, training=small_tcn.Training(channels=8, steps=3, batch=2, frames=64)),
    "CNN-LSTM": partial(cnn_lstm.fit_predict, training=cnn_lstm.Training(steps=3, batch=8)),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_learns_and_predicts(name: str, task: Task) -> None:
    predicted, again = CONTROLS[name](task), CONTROLS[name](task)
    assert set(predicted) == {poses.id for poses in task.test}
    for values in predicted.values():
        assert values.shape == (900, 4)
        assert values.min() >= 0
        np.testing.assert_allclose(values.sum(1), 1, atol=1e-2)  # bfloat16 where the machine has it
        assert np.ptp(values, axis=0).max() > 0
    np.testing.assert_array_equal(predicted[task.test[0].id], again[task.test[0].id])


@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "XGBoost, one order"])
def test_the_order_of_the_animals_does_not_matter(name: str, task: Task) -> None:
    poses = task.test[0]
    arrays = {name_: getattr(poses, name_)[:, ::-1] for name_ in ("positions", "seen", "centre", "heading")}
    swapped = replace(poses, id="swapped", **arrays)
    predicted = CONTROLS[name](replace(task, test=(poses, swapped)))
    np.testing.assert_allclose(predicted["swapped"], predicted[poses.id], atol=1e-2)


def xgboost_f1(train: list[Video], test: list[Video]) -> float:
    task = Task(tuple(train), tuple(video.poses for video in test), BEHAVIOURS, LANDMARKS, seed=0)
    predicted = xgboost_expert.fit_predict(task, BOTH, Boosting(trees=30))
    decided = [decisions.decide(predicted[video.id], video.poses, task.frequencies, "balanced") for video in test]
    return float(f1_score(np.concatenate([video.labels for video in test]), np.concatenate(decided), average="macro"))


def test_shuffled_labels_give_chance() -> None:
    train, test = (videos := simulated(6, 900, seed=5))[:4], videos[4:]
    rng = np.random.default_rng(0)
    truth = np.concatenate([video.labels for video in test])
    chance = max(f1_score(truth, rng.permutation(truth), average="macro") for _ in range(5))
    # Shuffled over all videos: within one, the frequency of a behaviour would still depend on the distance of the mice.
    mixed = np.split(rng.permutation(np.concatenate([video.labels for video in train])), 4)
    shuffled = [replace(video, filmed=labels) for video, labels in zip(train, mixed, strict=True)]
    assert xgboost_f1(shuffled, test) < 1.2 * chance
    assert xgboost_f1(train, test) > 1.5 * chance


def test_draws_are_fixed_and_leave_the_held_out_videos_alone() -> None:
    assert {size: len(draws) for size, draws in DRAWS.items()} == {3: 5, 10: 3, 20: 3, 30: 3}
    assert len(set(HELD_OUT)) == 10
    for size, draws in DRAWS.items():
        for draw in draws:
            assert len(set(draw)) == size
            assert not set(draw) & set(HELD_OUT)
    assert all(set(draw) <= set(DRAWS[30][0]) for draw in DRAWS[20])
    assert len(set(DRAWS[20])) == 3
    assert set(DRAWS[30][0]) == {video for size in (3, 10) for draw in DRAWS[size] for video in draw}


def test_no_label_of_a_held_out_video_reaches_a_control(dyads: Dyads, runs: Path) -> None:
    tasks: list[Task] = []

    def remember(task: Task) -> Found:
        tasks.append(task)
        return {poses.id: np.zeros(len(poses.positions), int) for poses in task.test}

    protocol.run("remember", remember, dyads, decisions=("its own",))
    assert [len(task.train) for task in tasks] == [3] * 5 + [10] * 3 + [20] * 3 + [30] * 3
    assert [task.seed for task in tasks] == [0, 1, 2, 3, 4, *[0, 1, 2] * 3]
    for task in tasks:
        assert not {video.id for video in task.train} & set(HELD_OUT)
        assert {poses.id for poses in task.test} == set(HELD_OUT)
        assert not any(hasattr(poses, "labels") for poses in task.test)


def test_existing_results_are_not_computed_again(dyads: Dyads, runs: Path) -> None:
    calls: list[int] = []

    def count(task: Task) -> Found:
        calls.append(task.seed)
        rng = np.random.default_rng(task.seed)
        return {poses.id: rng.dirichlet(np.ones(4), len(poses.positions)) for poses in task.test}

    rows = protocol.run("a name", count, dyads, [3], decisions=("most probable", "balanced"))
    assert len(rows) == 10
    assert len(list((runs / "a-name").glob("3-*.json"))) == 5
    assert protocol.run("a name", count, dyads, [3], decisions=("most probable", "balanced")) == rows
    assert calls == [0, 1, 2, 3, 4]
    for file in (runs / "a-name").glob("3-2.*"):
        file.unlink()
    protocol.run("a name", count, dyads, [3], decisions=("most probable", "balanced"))
    assert calls == [0, 1, 2, 3, 4, 2]
    # Another decision is made of the predictions that exist, with the minutes of their fits.
    smoothed = protocol.run("a name", count, dyads, [3], decisions=("balanced, smoothed",))
    assert [row["decision"] for row in smoothed] == ["balanced, smoothed"] * 5
    assert len(calls) == 6
    # All existing rows are written, not only those of the last call.
    two = protocol.run("another", count, dyads, [10], draws=2, decisions=("balanced",))
    assert [row["seed"] for row in two] == [0, 1]
    assert [(row["variant"], row["labelled videos"], row["seed"]) for row in protocol.done(["another", "a name"])] == [
        *(("a name", 3, draw) for draw in range(5) for _ in range(3)),
        *(("another", 10, draw) for draw in range(2)),
    ]


def test_the_decision_of_the_default_uses_labels_of_the_labelled_videos_alone(dyads: Dyads, runs: Path) -> None:
    tasks: list[Task] = []

    def noisy(task: Task) -> Found:
        """The truth of every video that has labels, flickering: one frame in three shows another behaviour."""
        tasks.append(task)
        rng, found = np.random.default_rng(0), {}
        for poses in task.test:
            truth = dyads.videos[poses.id].labels
            shown = np.where(rng.random(len(truth)) < 1 / 3, rng.integers(0, 4, len(truth)), truth)
            found[poses.id] = np.eye(4, dtype=np.float32)[shown] * 0.4 + 0.15
        return found

    plain, smoothed = protocol.run("noisy", noisy, dyads, [10], draws=1, decisions=("most probable", "as the default"))
    assert smoothed["bout F1@.25"] > plain["bout F1@.25"] + 0.1
    assert smoothed["macro F1"] > plain["macro F1"]
    whole, *folds = tasks
    assert [task.seed for task in folds] == [1, 2, 3]
    labelled = {video.id for video in whole.train}
    for fold in folds:
        tested, learned = ({video.id for video in videos} for videos in (fold.test, fold.train))
        assert learned == labelled - tested
        assert not tested & set(HELD_OUT)
    assert sorted(poses.id for fold in folds for poses in fold.test) == sorted(labelled)
    # The fits and both rows are on disk.
    protocol.run("noisy", noisy, dyads, [10], draws=1, decisions=("most probable", "as the default"))
    assert len(tasks) == 4


@pytest.mark.slow
def test_jobs_give_the_same_rows(dyads: Dyads, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fit = CONTROLS["XGBoost, one order"]
    rows = [protocol.run(name, fit, dyads, [3], jobs=jobs) for name, jobs in (("alone", 1), ("together", 2))]
    differing = ("variant", "minutes")
    alone, together = ([{k: v for k, v in row.items() if k not in differing} for row in of_run] for of_run in rows)
    assert alone == together


def test_scores_are_those_of_the_held_out_frames(dyads: Dyads) -> None:
    rng = np.random.default_rng(0)
    labels = {video: rng.integers(0, 4, 300) for video in dyads.videos}
    row = protocol.score(labels, dyads)
    truth = np.concatenate([dyads.videos[video].labels for video in HELD_OUT])
    guess = np.concatenate([labels[video] for video in HELD_OUT])
    by_behaviour = f1_score(truth, guess, average=None, labels=range(4))
    assert [row[name] for name in BEHAVIOURS] == pytest.approx(by_behaviour)
    counted = [f1 for name, f1 in zip(BEHAVIOURS, by_behaviour, strict=True) if name != "other"]
    assert row["macro F1"] == pytest.approx(np.mean(counted))
    perfect = protocol.score({name: video.filmed for name, video in dyads.videos.items()}, dyads)
    assert perfect["macro F1"] == perfect["bout F1@.25"] == 1


def test_decisions_balance_and_smooth(dyads: Dyads) -> None:
    frequencies = np.array([0.1, 0.9])
    poses = prepare(simulate_recordings(1, 0, 30)[0], LANDMARKS, Preparation(15.0))
    probabilities = np.repeat([[0.2, 0.8], [0.05, 0.95], [0.05, 0.95]], 5, axis=0)
    # At the frames of the video file, which are twice as many.
    assert decisions.decide(probabilities, poses, frequencies, "most probable").tolist() == [1] * 30
    assert decisions.decide(probabilities, poses, frequencies, "balanced").tolist() == [0] * 9 + [1] * 21
    flicker = np.where(np.arange(15)[:, None] == 7, probabilities[:1], probabilities[-1:])
    assert 0 in decisions.decide(flicker, poses, frequencies, "balanced")
    assert decisions.decide(flicker, poses, frequencies, "balanced, smoothed").tolist() == [1] * 30
    labels = np.arange(30) % 2
    assert decisions.decide(labels, poses, frequencies, "its own") is labels


def test_rows_are_written_with_their_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [made(seed, f1) for seed, f1 in enumerate((0.6, 0.7))]
    tables.write(rows, tmp_path / "trees.py")
    with (tmp_path / "trees.csv").open() as file:
        assert [float(row["macro F1"]) for row in csv.DictReader(file)] == [0.6, 0.7]
    text = (tmp_path / "trees.md").read_text()
    assert "| 3 | trees | 0.2.0 | balanced | 2 | 0.650 ± 0.071 | 0.500 ± 0.000 | 2.0 |" in text
    assert text in capsys.readouterr().out


def made(
    seed: int, f1: float, version: str = "0.2.0", variant: str = "trees", decision: str = "balanced"
) -> tables.Row:
    head = {
        "version": version,
        "variant": variant,
        "labelled videos": 3,
        "draw": "7 42 47",
        "seed": seed,
        "decision": decision,
    }
    return {**head, "macro F1": f1, "bout F1@.25": 0.5, "minutes": 2.0}


def test_rows_that_are_not_measured_again_stay_in_the_table(tmp_path: Path) -> None:
    older = [made(0, 0.5, "0.1.0"), made(0, 0.4, "0.1.0", "another", "as the default"), made(1, 0.6)]
    tables.write(older, tmp_path / "trees")
    tables.write([made(0, 0.7), made(1, 0.8)], tmp_path / "trees")
    scores = [line.split("|")[3:7] for line in (tmp_path / "trees.md").read_text().splitlines()[2:]]
    assert [[cell.strip() for cell in row] for row in scores] == [
        ["0.2.0", "balanced", "2", "0.750 ± 0.071"],
        ["0.1.0", "balanced", "1", "0.500"],
        ["0.1.0", "as the default", "1", "0.400"],
    ]


def test_windows_are_around_their_frames() -> None:
    series = [np.arange(1, 6, dtype=float)[:, None], np.arange(11, 14, dtype=float)[:, None]]
    cut = windows.Windows(series, range(-2, 3, 2))
    values = cut[cut.frames][:, 0].cpu().tolist()
    assert values == [[0, 1, 3], [0, 2, 4], [1, 3, 5], [2, 4, 0], [3, 5, 0], [0, 11, 13], [0, 12, 0], [11, 13, 0]]


def test_examples_are_windows_around_scored_frames_with_their_labels() -> None:
    labels = [np.array([0, -1, 1, 2]), np.array([-1, 2])]
    series = [np.array([[0.0], [9], [1], [2]]), np.array([[9.0], [2]])]
    values, labels_drawn = windows.Examples(series, labels, [0]).draw(100, torch.Generator().manual_seed(0))
    assert values.flatten().tolist() == labels_drawn.tolist()
    assert set(labels_drawn.tolist()) == {0, 1, 2}


def test_tracks_have_no_gaps_and_do_not_depend_on_the_arena(task: Task) -> None:
    poses = task.test[0]
    placed = windows.tracks(poses, (0, 1))
    assert np.isfinite(placed).all()
    assert np.abs(placed).max() < 1
    np.testing.assert_allclose(
        windows.tracks(replace(poses, positions=poses.positions * 3 + 7), (0, 1)), placed, atol=1e-5
    )
    np.testing.assert_array_equal(windows.tracks(poses, (1, 0)), placed[:, ::-1])
    values = np.array([[np.nan, np.nan], [1, np.nan], [np.nan, np.nan], [3, np.nan]])
    np.testing.assert_array_equal(windows.interpolate(values), [[1, 0], [1, 0], [2, 0], [3, 0]])


def test_turning_and_shifting_keeps_distances() -> None:
    original = torch.rand(5, 2 * 3 * 2, 7)
    moved = mabe_cnn.turn_and_shift(original, torch.Generator().manual_seed(0))
    before, after = (values.unflatten(1, (6, 2)) for values in (original, moved))
    torch.testing.assert_close((after[:, 1:] - after[:, :1]).norm(dim=2), (before[:, 1:] - before[:, :1]).norm(dim=2))
    torch.testing.assert_close(after.diff(dim=3).norm(dim=2), before.diff(dim=3).norm(dim=2))
    assert (moved - original).abs().amax((1, 2)).min() > 0.01


def test_the_cnn_has_the_official_number_of_parameters() -> None:
    model = mabe_cnn.Baseline(28, 4)
    # With 7 keypoints: normalisations, convolutions, and 21 frames of 32 channels to 4 behaviours.
    expected = (
        2 * (28 + 128 + 64 + 32) + (28 * 5 + 1) * 128 + (128 * 5 + 1) * 64 + (64 * 5 + 1) * 32 + (21 * 32 + 1) * 4
    )
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    assert model(torch.zeros(2, 28, 201)).shape == (2, 4)


def test_the_features_of_the_cnn_lstm_are_those_on_paper(task: Task, walk: Callable) -> None:
    assert cnn_lstm.features(task.test[0], (0, 1)).shape == (900, 48)
    centres = np.zeros((60, 2, 2))
    centres[:, 1, 0] = 3 - np.arange(60) / 60  # the second comes towards the first, which faces it
    five = ("nose", "left ear", "right ear", "centre", "tail base")
    poses = prepare(walk(centres, [0.0, 0.0]), five, Preparation(30.0))
    features, width = cnn_lstm.features(poses, (0, 1))[30], np.ptp(np.nanpercentile(poses.positions[..., 0], (1, 99)))
    size = poses.body_length * width  # of the arena, in the walk's lengths
    assert len(features) == 40
    distances, speeds = features[20:24] * size, features[28:30] * size * 30
    apart, nose = 3 - 30 / 60, 0.7 - 0.24  # the mean keypoint lies .24 ahead of the centre
    np.testing.assert_allclose(distances, [apart, apart, apart - nose, apart + nose], atol=0.01)
    np.testing.assert_allclose(speeds, [0, 0.5], atol=0.01)
    np.testing.assert_allclose(features[32:34] * size * 30, [0.5, 0.5], atol=0.01)  # approach
    np.testing.assert_allclose(features[34:38], [1, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(features[38:], [0, np.pi], atol=1e-3)


def test_the_focal_loss_is_that_of_the_paper() -> None:
    logits, labels, weights = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([1.0, 2.0, 0.5])
    plain = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(cnn_lstm.focal_loss(logits, labels, torch.ones(3), 0.0), plain.mean())
    expected = (weights[labels] * (1 - (-plain).exp()) ** 2 * plain).mean()
    torch.testing.assert_close(cnn_lstm.focal_loss(logits, labels, weights, 2.0), expected)


@pytest.mark.real
def test_the_real_dyads_are_read(shared_data: Callable[[str], Path]) -> None:
    dyads = protocol.load(shared_data("dyads"))
    assert {video.poses.frame_rate for video in dyads.videos.values()} == {30.0}
    assert set(dyads.videos) == {*HELD_OUT, *DRAWS[30][0]}
    assert dyads.behaviours == ("aggression", "social", "nonsocial")
    assert len(dyads.landmarks) == 5
    for video in dyads.videos.values():
        assert video.labels.shape == video.poses.positions.shape[:1]
        assert 11_000 < (video.labels >= 0).sum() < 14_000
