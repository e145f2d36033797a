"""Transfer between skeletons: probes do not leak, and the comparison runs on simulated recordings."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.transfer import comparison, networks, probes, report, run, windows
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.checkpoints import save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings

MICE = shared_landmarks([SKELETON])
DYADS = ("head", "centre", "tail base", "tail middle", "tail tip")
SLOW = Preparation(windows.FRAME_RATE)
QUICK = probes.Protocol(labelled=(5, 10), folds=3, repeats=2)


@pytest.fixture(scope="module")
def cut() -> Any:
    """Windows of simulated recordings like CalMS21's: every fifth frame, some overlap, each with its label."""
    positions, labels = [], []
    for recording in simulate_recordings(6, seed=3, frames=1500):
        for start in sorted([*range(0, 1430, 80), *range(10, 1430, 240)]):
            positions.append(recording.positions[start : start + 61 : 5])
            labels.append(recording.labels[CHANNEL].values[start + 30])
    shown = {name: np.array(labels) == BEHAVIOURS.index(name) for name in windows.BEHAVIOURS}
    return windows.Windows(np.stack(positions), shown)


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(MICE, SLOW, Architecture(channels=8, blocks=2)).eval()


@pytest.fixture
def folder(cut: Any, tmp_path: Path) -> Path:
    (tmp_path / "calms21").mkdir()
    native_axes = np.nan_to_num(cut.positions).swapaxes(3, 4)
    np.save(tmp_path / "calms21" / "windows_keypoints.npy", native_axes)
    for name, shown in cut.shows.items():
        np.save(tmp_path / "calms21" / f"windows_{name}.npy", shown[:, None].astype(np.int64))
    return tmp_path


def test_windows_hold_the_values_of_the_files(cut: Any, folder: Path) -> None:
    read = windows.read_windows(folder / "calms21")
    assert np.array_equal(read.positions, cut.positions, equal_nan=True)
    assert all(np.array_equal(read.shows[name], cut.shows[name]) for name in cut.shows)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("windows_keypoints.npy", np.zeros((3, 13, 2, 7, 2), np.float32)),
        ("windows_mount.npy", np.zeros(3, int)),
        ("windows_mount.npy", None),
    ],
)
def test_files_that_cannot_be_used_are_named(name: str, values: np.ndarray | None, folder: Path) -> None:
    path = folder / "calms21" / name
    path.unlink() if values is None else np.save(path, values)
    with pytest.raises(InputError, match=f"{name}: expected"):
        windows.read_windows(folder / "calms21")


def test_windows_with_similar_frames_are_of_one_moment() -> None:
    still = np.zeros((6, 3, 2, 7, 2), np.float32)
    still += np.array([0, 30, 38, 300, 309, 330], np.float32)[:, None, None, None, None]
    # 30 and 38 in both coordinates are 11.3 px apart, 300 and 309 are 12.7 px.
    assert len(set(windows.same_moments(still, alike=10).tolist())) == 6
    assert windows.same_moments(still, alike=12).tolist() == [0, 1, 1, 2, 3, 4]
    linked = still.copy()
    linked[0, 2] = linked[5, 0]  # one shared frame
    assert windows.same_moments(linked, alike=12).tolist() == [0, 1, 1, 2, 3, 0]
    linked[0, 2, 0, 0] = np.nan
    assert windows.same_moments(linked, alike=12).tolist() == [0, 1, 1, 2, 3, 4]


@pytest.mark.parametrize(("rate", "frames"), [(6.0, 13), (30.0, 61)])
def test_a_clip_does_not_depend_on_neighbouring_windows(rate: float, frames: int, cut: Any) -> None:
    clips = cut.clips(MICE, Preparation(rate))
    assert clips.positions.shape == (len(cut.positions), frames, 2, len(MICE), 2)
    whole = np.isfinite(cut.positions).all((1, 2, 3, 4))
    assert clips.anchored[torch.from_numpy(whole)].all()
    moved = cut.positions.copy()
    moved[1::2] += 5
    others = replace(cut, positions=moved).clips(MICE, Preparation(rate))
    assert all(torch.allclose(a[::2], b[::2], atol=1e-4) for a, b in zip(clips, others, strict=True))
    assert (clips.positions[1::2] - others.positions[1::2]).abs().max() > 0.01


def test_no_moment_is_in_both_training_and_test(cut: Any) -> None:
    shown = cut.shows["investigation"]
    drawn = list(probes.draws(shown, cut.moments, QUICK))
    assert len(set(cut.moments)) < len(cut.moments)
    assert {draw.split for draw in drawn} == set(range(6))
    for draw in drawn:
        assert set(cut.moments[draw.train]) & set(cut.moments[draw.test]) == set()
        assert set(draw.labelled) <= set(draw.train)
        if draw.size != "all":
            assert np.bincount(shown[draw.labelled]).tolist() == [int(draw.size)] * 2
    for repeat in (drawn[:9], drawn[9:]):
        tested = np.concatenate([draw.test for draw in repeat if draw.size == "all"])
        assert sorted(tested) == list(range(len(shown)))
    by_size = {draw.size: set(draw.labelled) for draw in drawn[:3]}
    assert by_size["5"] < by_size["10"] < by_size["all"]


def test_numbers_of_labels_that_a_rare_behaviour_lacks_are_left_out() -> None:
    shown = np.arange(60) < 12
    assert {draw.size for draw in probes.draws(shown, np.arange(60), QUICK)} == {"5", "all"}


def mean_auc(values: np.ndarray, shown: np.ndarray, moments: np.ndarray) -> float:
    """The mean AUC with all training windows labelled, where most could leak."""
    every = [draw for draw in probes.draws(shown, moments, QUICK) if draw.size == "all"]
    return float(np.mean([probes.probe(values, shown, draw)["AUC"] for draw in every]))


def test_shuffled_labels_fall_to_chance(cut: Any) -> None:
    values = probes.hand_made(cut.clips(MICE, SLOW), MICE, SLOW.frame_rate)
    shown = cut.shows["investigation"]
    shuffled = np.random.default_rng(0).permutation(shown)
    assert mean_auc(values, shown, cut.moments) > 0.7
    assert abs(mean_auc(values, shuffled, cut.moments) - 0.5) < 0.1


def test_features_that_only_identify_moments_are_at_chance() -> None:
    """Such features give a label away through neighbouring windows, as overlapping windows do in plain splits."""
    rng = np.random.default_rng(0)
    moments = np.repeat(np.arange(80), 4)
    values = rng.normal(size=(80, 60))[moments] + 0.01 * rng.normal(size=(320, 60))
    shown = (rng.permutation(80) < 40)[moments]
    assert abs(mean_auc(values, shown, moments) - 0.5) < 0.1
    assert mean_auc(values, shown, np.arange(320)) > 0.8


def test_features_that_equal_the_labels_are_perfect() -> None:
    shown = np.random.default_rng(0).random(90) < 0.4
    assert mean_auc(shown[:, None] * np.ones(3), shown, np.arange(90)) == 1


def test_labels_of_test_windows_affect_nothing_but_the_scores(cut: Any, encoder: Encoder) -> None:
    """If all labels of test windows are inverted, the AUC is one minus the former AUC."""
    clips, shown = cut.clips(MICE, SLOW), cut.shows["investigation"]
    draw = next(iter(probes.draws(shown, cut.moments, QUICK)))
    inverted = shown.copy()
    inverted[draw.test] = ~inverted[draw.test]
    values = probes.embedded(encoder, clips)
    fits: list[Callable[[np.ndarray], dict[str, float]]] = [
        lambda labels: probes.probe(values, labels, draw),
        lambda labels: networks.train(encoder, False, clips, labels, draw, steps=2, seed=0),
    ]
    for fit in fits:
        assert fit(inverted)["AUC"] == pytest.approx(1 - fit(shown)["AUC"])


def test_pooled_embeddings_hold_both_orders_of_the_animals(cut: Any, encoder: Encoder) -> None:
    swapped = replace(cut, positions=cut.positions[:, :, ::-1])
    original, mirrored = (probes.embedded(encoder, windows_.clips(MICE, SLOW)) for windows_ in (cut, swapped))
    assert original.shape == (len(cut.positions), 4 * 8)
    np.testing.assert_allclose(np.roll(original, 16, 1), mirrored, atol=1e-3)
    assert np.abs(original - mirrored).max() > 0.01


def test_hand_made_features_on_paper(cut: Any) -> None:
    clips = cut.clips(MICE, SLOW)
    known = probes.features(clips, SLOW.frame_rate, range(len(MICE)))[1].numpy()
    values = probes.hand_made(clips, MICE, SLOW.frame_rate)
    kinematics = probes.features(clips, SLOW.frame_rate, range(len(MICE)))[0].double().numpy()
    window, feature = 3, np.flatnonzero(known[3].all(0))[0]
    half = values.shape[1] // 2
    assert values[window, feature] == pytest.approx(kinematics[window, :, feature].mean())
    assert values[window, half + feature] == pytest.approx(kinematics[window, :, feature].std())
    nothing = clips.map(lambda tensor: torch.cat([tensor, torch.zeros_like(tensor[:1])]))
    flags = 4 * len(MICE) // 2  # flags of seen landmarks are always known
    np.testing.assert_allclose(
        probes.hand_made(nothing, MICE, SLOW.frame_rate)[-1, : half - flags], values.mean(0)[: half - flags], atol=0.1
    )


def test_training_changes_a_copy_of_the_encoder_only(cut: Any, encoder: Encoder) -> None:
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    clips, shown = cut.clips(MICE, SLOW), cut.shows["investigation"]
    draw = next(iter(probes.draws(shown, cut.moments, QUICK)))
    results = [networks.train(encoder, False, clips, shown, draw, steps, seed=0) for steps in (2, 2, 4)]
    assert results[0] == results[1] != results[2]
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_simulated_mice_can_have_the_landmarks_of_the_dyads() -> None:
    recording = simulate_recordings(1, seed=0, frames=200)[0]
    few = comparison.with_landmarks(recording, DYADS)
    assert few.skeleton.keypoints == ("head", "centre", "tail base")
    ears = recording.positions[:, :, 1:3].mean(2)
    np.testing.assert_allclose(few.positions[:, :, 0], ears, atol=1e-3)
    assert few.confidence is not None
    assert few.confidence.shape == few.positions.shape[:3]


def test_differences_are_between_the_same_splits() -> None:
    rows = [
        {"source": source, "landmarks": "L", "labelled": "5", "split": split, "AUC": auc}
        for source, split, auc in [("a", 0, 0.9), ("a", 1, 0.6), ("a", 0, 0.8), ("b", 0, 0.7), ("b", 1, 0.7)]
    ]
    assert report.paired(rows, ("a", "L"), ("b", "L"), "5") == pytest.approx([0.2, -0.1, 0.1])


@pytest.mark.slow
def test_the_comparison_runs_and_does_not_compute_results_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    save_encoder(folder / "encoder", Encoder(DYADS, SLOW, Architecture(channels=8, blocks=2)))
    config = comparison.TransferConfig(
        data=folder,
        steps=2,
        seeds=1,
        dyads_encoder=folder / "encoder",
        repeats=1,
        trained_splits=1,
        train_steps=2,
        jobs=1,
    )
    path = run.transfer(config, folder)
    text = path.read_text()
    assert "unseen in these recordings: tail middle, tail tip; not used: nose, left_hip, right_hip" in text
    assert "do not say which video" in text
    with (folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["source"], row["use"]) for row in rows} == {
        ("hand-made", "frozen"),
        *((source, use) for source in ("untrained", "dyads", "simulator") for use in ("frozen", "trained")),
    }
    assert {row["behaviour"] for row in rows} == set(windows.BEHAVIOURS)
    written = {file: file.stat().st_mtime_ns for file in (folder / "runs").rglob("*") if file.is_file()}
    run.transfer(config, folder)
    assert {file: file.stat().st_mtime_ns for file in written} == written
    assert path.read_text() == text


@pytest.mark.slow
def test_encoders_are_pretrained_on_the_dyads_and_on_simulated_mice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated mice with the dyads' keypoints stand in for the dyads."""
    monkeypatch.chdir(folder)
    names = {"head": "top", "centre": "body", "tail base": "tail"}
    few = [comparison.with_landmarks(recording, DYADS) for recording in simulate_recordings(2, seed=1, frames=1200)]
    native.write(
        folder / "dyads" / "tracks",
        [replace(mice, skeleton=Skeleton(tuple(names[name] for name in mice.skeleton.keypoints))) for mice in few],
    )
    setup = comparison.set_up(comparison.TransferConfig(data=folder, steps=1, seeds=1))
    assert setup.landmarks == {comparison.CALMS21: MICE, comparison.DYADS: ("head", "centre", "tail base")}
    assert setup.preparation.frame_rate == windows.FRAME_RATE
    assert [piece.source for piece in setup.encoders] == ["dyads", "simulator", "simulator"]
    assert len(setup.pieces(seeds=3)) == 2 + 2 * 3 + 3


@pytest.mark.real
def test_the_real_windows_are_read(shared_data: Callable[[str], Path]) -> None:
    read = windows.read_windows(shared_data("calms21"))
    assert {name: int(shown.sum()) for name, shown in read.shows.items()} == {"investigation": 543, "mount": 60}
    assert read.positions.shape == (2000, 13, 2, 7, 2)
    assert not (read.shows["investigation"] & read.shows["mount"]).any()
