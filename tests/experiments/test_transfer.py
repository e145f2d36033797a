"""Transfer across skeletons: what is probed with does not leak, and the comparison runs on simulated stand-ins."""

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
def given() -> Any:
    """Windows cut from simulated recordings as CalMS21's were: every fifth frame, some overlap, each with its label."""
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
def folder(given: Any, tmp_path: Path) -> Path:
    (tmp_path / "calms21").mkdir()
    native_axes = np.nan_to_num(given.positions).swapaxes(3, 4)
    np.save(tmp_path / "calms21" / "windows_keypoints.npy", native_axes)
    for name, shown in given.shows.items():
        np.save(tmp_path / "calms21" / f"windows_{name}.npy", shown[:, None].astype(np.int64))
    return tmp_path


def test_windows_are_what_the_files_hold(given: Any, folder: Path) -> None:
    read = windows.read_windows(folder / "calms21")
    assert np.array_equal(read.positions, given.positions, equal_nan=True)
    assert all(np.array_equal(read.shows[name], given.shows[name]) for name in given.shows)


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


def test_windows_of_one_moment_on_paper() -> None:
    still = np.zeros((6, 3, 2, 7, 2), np.float32)
    still += np.array([0, 30, 38, 300, 309, 330], np.float32)[:, None, None, None, None]
    # 30 and 38 in both coordinates are 11.3 px apart, 300 and 309 are 12.7 px.
    assert len(set(windows.same_moments(still, alike=10).tolist())) == 6
    assert windows.same_moments(still, alike=12).tolist() == [0, 1, 1, 2, 3, 4]
    linked = still.copy()
    linked[0, 2] = linked[5, 0]  # a single frame in common
    assert windows.same_moments(linked, alike=12).tolist() == [0, 1, 1, 2, 3, 0]
    linked[0, 2, 0, 0] = np.nan
    assert windows.same_moments(linked, alike=12).tolist() == [0, 1, 1, 2, 3, 4]


@pytest.mark.parametrize(("rate", "frames"), [(6.0, 13), (30.0, 61)])
def test_each_window_is_a_clip_of_its_own(rate: float, frames: int, given: Any) -> None:
    clips = given.clips(MICE, Preparation(rate))
    assert clips.positions.shape == (len(given.positions), frames, 2, len(MICE), 2)
    whole = np.isfinite(given.positions).all((1, 2, 3, 4))
    assert clips.anchored[torch.from_numpy(whole)].all()
    moved = given.positions.copy()
    moved[1::2] += 5
    others = replace(given, positions=moved).clips(MICE, Preparation(rate))
    assert all(torch.allclose(a[::2], b[::2], atol=1e-4) for a, b in zip(clips, others, strict=True))
    assert (clips.positions[1::2] - others.positions[1::2]).abs().max() > 0.01


def test_no_moment_is_both_learned_from_and_tested_on(given: Any) -> None:
    shown = given.shows["investigation"]
    found = list(probes.draws(shown, given.moments, QUICK))
    assert len(set(given.moments)) < len(given.moments)
    assert {draw.split for draw in found} == set(range(6))
    for draw in found:
        assert set(given.moments[draw.train]) & set(given.moments[draw.test]) == set()
        assert set(draw.labelled) <= set(draw.train)
        if draw.size != "all":
            assert np.bincount(shown[draw.labelled]).tolist() == [int(draw.size)] * 2
    for repeat in (found[:9], found[9:]):
        tested = np.concatenate([draw.test for draw in repeat if draw.size == "all"])
        assert sorted(tested) == list(range(len(shown)))
    first = {draw.size: set(draw.labelled) for draw in found[:3]}
    assert first["5"] < first["10"] < first["all"]


def test_sizes_that_a_rare_behaviour_has_not_are_left_out() -> None:
    shown = np.arange(60) < 12
    assert {draw.size for draw in probes.draws(shown, np.arange(60), QUICK)} == {"5", "all"}


def mean_auc(values: np.ndarray, shown: np.ndarray, moments: np.ndarray) -> float:
    """With all windows of a fold labelled, where most could leak."""
    every = [draw for draw in probes.draws(shown, moments, QUICK) if draw.size == "all"]
    return float(np.mean([probes.probe(values, shown, draw)["AUC"] for draw in every]))


def test_shuffled_labels_fall_to_chance(given: Any) -> None:
    values = probes.hand_made(given.clips(MICE, SLOW), SLOW.frame_rate)
    shown = given.shows["investigation"]
    shuffled = np.random.default_rng(0).permutation(shown)
    assert mean_auc(values, shown, given.moments) > 0.7
    assert abs(mean_auc(values, shuffled, given.moments) - 0.5) < 0.1


def test_what_only_tells_moments_apart_is_at_chance() -> None:
    """Features by which a window's neighbours give its label away, as overlapping windows would in plain splits."""
    rng = np.random.default_rng(0)
    moments = np.repeat(np.arange(80), 4)
    values = rng.normal(size=(80, 60))[moments] + 0.01 * rng.normal(size=(320, 60))
    shown = (rng.permutation(80) < 40)[moments]
    assert abs(mean_auc(values, shown, moments) - 0.5) < 0.1
    assert mean_auc(values, shown, np.arange(320)) > 0.8


def test_what_tells_all_is_perfect() -> None:
    shown = np.random.default_rng(0).random(90) < 0.4
    assert mean_auc(shown[:, None] * np.ones(3), shown, np.arange(90)) == 1


def test_labels_of_test_windows_are_only_scored_by(given: Any, encoder: Encoder) -> None:
    """With every test window's label turned round, the area under the curve is what was above it."""
    clips, shown = given.clips(MICE, SLOW), given.shows["investigation"]
    draw = next(iter(probes.draws(shown, given.moments, QUICK)))
    turned = shown.copy()
    turned[draw.test] = ~turned[draw.test]
    values = probes.embedded(encoder, clips)
    fits: list[Callable[[np.ndarray], dict[str, float]]] = [
        lambda labels: probes.probe(values, labels, draw),
        lambda labels: networks.trained(encoder, False, clips, labels, draw, steps=2, seed=0),
    ]
    for fit in fits:
        assert fit(turned)["AUC"] == pytest.approx(1 - fit(shown)["AUC"])


def test_both_orders_are_seen(given: Any, encoder: Encoder) -> None:
    swapped = replace(given, positions=given.positions[:, :, ::-1])
    here, there = (probes.embedded(encoder, one.clips(MICE, SLOW)) for one in (given, swapped))
    assert here.shape == (len(given.positions), 4 * 8)
    np.testing.assert_allclose(np.roll(here, 16, 1), there, atol=1e-3)
    assert np.abs(here - there).max() > 0.01


def test_hand_made_features_on_paper(given: Any) -> None:
    clips = given.clips(MICE, SLOW)
    known = probes.features(clips, SLOW.frame_rate)[1].numpy()
    values = probes.hand_made(clips, SLOW.frame_rate)
    kinematics = probes.features(clips, SLOW.frame_rate)[0].double().numpy()
    window, feature = 3, np.flatnonzero(known[3].all(0))[0]
    half = values.shape[1] // 2
    assert values[window, feature] == pytest.approx(kinematics[window, :, feature].mean())
    assert values[window, half + feature] == pytest.approx(kinematics[window, :, feature].std())
    nothing = clips.map(lambda tensor: torch.cat([tensor, torch.zeros_like(tensor[:1])]))
    flags = 4 * len(MICE) // 2  # what is seen is always known
    np.testing.assert_allclose(
        probes.hand_made(nothing, SLOW.frame_rate)[-1, : half - flags], values.mean(0)[: half - flags], atol=0.1
    )


def test_training_moves_a_copy(given: Any, encoder: Encoder) -> None:
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    clips, shown = given.clips(MICE, SLOW), given.shows["investigation"]
    draw = next(iter(probes.draws(shown, given.moments, QUICK)))
    found = [networks.trained(encoder, False, clips, shown, draw, steps, seed=0) for steps in (2, 2, 4)]
    assert found[0] == found[1] != found[2]
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_the_simulators_mice_with_the_dyads_landmarks() -> None:
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
def test_the_whole_comparison(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    save_encoder(folder / "given", Encoder(DYADS, SLOW, Architecture(channels=8, blocks=2)))
    config = comparison.TransferConfig(
        data=folder,
        steps=2,
        seeds=1,
        dyads_encoder=folder / "given",
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
def test_the_dyads_are_pretrained_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stand-ins: simulated mice with the dyads' keypoints."""
    monkeypatch.chdir(folder)
    names = {"head": "top", "centre": "body", "tail base": "tail"}
    few = [comparison.with_landmarks(one, DYADS) for one in simulate_recordings(2, seed=1, frames=1200)]
    native.write(
        folder / "dyads" / "tracks",
        [replace(one, skeleton=Skeleton(tuple(names[name] for name in one.skeleton.keypoints))) for one in few],
    )
    setup = comparison.set_up(comparison.TransferConfig(data=folder, steps=1, seeds=1))
    assert setup.landmarks == {comparison.CALMS21: MICE, comparison.DYADS: ("head", "centre", "tail base")}
    assert setup.preparation.frame_rate == windows.FRAME_RATE
    assert [piece.source for piece in setup.encoders] == ["dyads", "simulator", "simulator"]
    assert len(setup.pieces(seeds=3)) == 2 + 2 * 3 + 3


@pytest.mark.real
def test_the_windows_themselves(shared_data: Callable[[str], Path]) -> None:
    read = windows.read_windows(shared_data("calms21"))
    assert {name: int(shown.sum()) for name, shown in read.shows.items()} == {"investigation": 543, "mount": 60}
    assert read.positions.shape == (2000, 13, 2, 7, 2)
    assert not (read.shows["investigation"] & read.shows["mount"]).any()
