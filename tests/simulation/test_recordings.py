"""Simulated recordings depend on the seed only, and resemble real mice in sizes, speeds and bouts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21 import CHANNEL, KEYPOINTS
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS, MEDIAN_LENGTH
from ssl_behavior.simulation.simulator import simulate_recordings

NOSE, NECK, LEFT_HIP, RIGHT_HIP, TAIL = (KEYPOINTS.index(name) for name in KEYPOINTS if "ear" not in name)


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate_recordings(8, seed=5, frames=4000)


def _labels(recordings: list[Recording]) -> np.ndarray:
    return np.concatenate([recording.labels[CHANNEL].values for recording in recordings])


def _between(positions: np.ndarray, first: int, second: int) -> np.ndarray:
    """Median distance of two keypoints per individual."""
    return np.nanmedian(np.linalg.norm(positions[:, :, first] - positions[:, :, second], axis=-1), axis=0)


def _same(a: Recording, b: Recording) -> bool:
    return np.array_equal(a.positions, b.positions, equal_nan=True) and np.array_equal(
        a.labels[CHANNEL].values, b.labels[CHANNEL].values
    )


def test_a_video_depends_only_on_the_seed_and_its_number() -> None:
    two = simulate_recordings(2, seed=3, frames=(200, 400))
    three = simulate_recordings(3, seed=3, frames=(200, 400))
    other = simulate_recordings(2, seed=4, frames=(200, 400))
    assert all(_same(a, b) for a, b in zip(two, three, strict=False))
    assert not _same(two[0], three[2])
    assert not _same(two[0], other[0])


def test_a_recording_has_names_labels_and_confidence() -> None:
    for i, recording in enumerate(simulate_recordings(3, seed=1, frames=(100, 300), prefix="sim")):
        assert recording.id == f"sim{i:03d}"
        assert 100 <= recording.frames <= 300
        assert recording.individuals == ("resident", "intruder")
        assert recording.frame_rate == 30.0
        assert recording.labels[CHANNEL].pair == ("resident", "intruder")
        assert recording.labels[CHANNEL].behaviours == BEHAVIOURS
        seen = np.isfinite(recording.positions).all(-1)
        assert recording.confidence is not None
        assert np.array_equal(recording.confidence > 0, seen)
        assert (recording.positions[seen] >= 0).all()
        assert (recording.positions[seen] <= (1023, 569)).all()


def test_ten_thousand_frames_take_less_than_two_seconds() -> None:
    began = time.process_time()
    simulate_recordings(1, seed=0, frames=10_800)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    ("videos", "seed", "frames"), [(0, 0, 100), (1, -1, 100), (1, 0, 0), (1, 0, (200, 100))], ids=str
)
def test_an_impossible_number_is_an_error(videos: int, seed: int, frames: int | tuple[int, int]) -> None:
    with pytest.raises(InputError, match="must be"):
        simulate_recordings(videos, seed, frames)


def test_every_four_videos_have_each_disposition(recordings: list[Recording]) -> None:
    shown = [{bout.behaviour for bout in recording.labels[CHANNEL].bouts()} for recording in recordings]
    for i, behaviours in enumerate(shown):
        assert {"investigation", "other"} <= behaviours
        assert "attack" not in behaviours or i % 4 in (0, 1)
        assert "mount" not in behaviours or i % 4 in (0, 2)
    assert any("attack" in behaviours for behaviours in shown)
    assert any("mount" in behaviours for behaviours in shown)


def test_bouts_are_as_long_as_the_fitted_ones(recordings: list[Recording]) -> None:
    bouts = [bout for recording in recordings for bout in recording.labels[CHANNEL].bouts()[1:-1]]
    for behaviour, expected in zip(BEHAVIOURS, MEDIAN_LENGTH, strict=True):
        lengths = [bout.stop - bout.start for bout in bouts if bout.behaviour == behaviour]
        assert len(lengths) >= 8
        assert 0.5 < np.median(lengths) / expected < 2.0


def test_scored_behaviours_happen_in_contact_and_other_mostly_does_not(recordings: list[Recording]) -> None:
    labels, gaps = _labels(recordings), []
    for recording in recordings:
        nose = recording.positions[:, 0, NOSE]
        gaps.append(np.linalg.norm(nose[:, None] - recording.positions[:, 1], axis=-1).min(1))
    gap = np.concatenate(gaps)
    for behaviour in ("attack", "investigation", "mount"):
        assert np.nanpercentile(gap[labels == BEHAVIOURS.index(behaviour)], 90) < 110
    other = gap[labels == BEHAVIOURS.index("other")]
    assert np.nanmedian(other) > 90
    # The hard frames of "other": the nose is right at the intruder, without investigation.
    assert np.nanmean(other < 40) > 0.05


def test_a_mounting_mouse_lies_along_the_other(recordings: list[Recording]) -> None:
    positions, labels = np.concatenate([recording.positions for recording in recordings]), _labels(recordings)
    trunk = positions[:, :, NECK] - positions[:, :, [LEFT_HIP, RIGHT_HIP]].mean(2)
    axis = np.arctan2(trunk[..., 1], trunk[..., 0])
    aligned = np.cos(axis[:, 0] - axis[:, 1])
    assert np.nanmedian(aligned[labels == BEHAVIOURS.index("mount")]) > 0.85
    assert abs(np.nanmedian(aligned[labels == BEHAVIOURS.index("other")])) < 0.5


def test_bodies_speeds_and_turns_resemble_calms21_mice(
    recordings: list[Recording], shared_data: Callable[[str], Path]
) -> None:
    table = pd.read_csv(shared_data("calms21") / "mouse083_task1_annotator1_alt.csv.gz", header=[0, 1, 2], index_col=0)
    real = table.to_numpy(float).reshape(len(table), 2, 7, 3)[..., :2]
    for parts in ((NOSE, NECK), (NECK, TAIL), (LEFT_HIP, RIGHT_HIP)):
        simulated = np.mean([_between(recording.positions, *parts) for recording in recordings], axis=0)
        np.testing.assert_allclose(simulated, _between(real, *parts), rtol=0.15)
    for of_mice in (_speed, _turning):
        each = [of_mice(recording.positions) for recording in recordings]
        # The activity of a pair differs by such factors between real videos too.
        for percentile, factor in ((50, 2.5), (95, 1.8)):
            simulated = np.mean([np.nanpercentile(values, percentile, axis=0) for values in each], axis=0)
            ratio = simulated / np.nanpercentile(of_mice(real), percentile, axis=0)
            assert ((ratio > 1 / factor) & (ratio < factor)).all(), (of_mice.__name__, percentile, ratio)


def _speed(positions: np.ndarray) -> np.ndarray:
    """(time, individual) px/s of the neck over a fifth of a second."""
    return np.asarray(np.linalg.norm(positions[6:, :, NECK] - positions[:-6, :, NECK], axis=-1) * 5)


def _turning(positions: np.ndarray) -> np.ndarray:
    """(time, individual) absolute rad/s of the trunk over a fifth of a second."""
    trunk = positions[:, :, NECK] - positions[:, :, [LEFT_HIP, RIGHT_HIP]].mean(2)
    axis = np.arctan2(trunk[..., 1], trunk[..., 0])
    return np.asarray(np.abs((axis[6:] - axis[:-6] + np.pi) % (2 * np.pi) - np.pi) * 5)


def test_the_fitted_bout_lengths_are_near_the_real_ones(shared_data: Callable[[str], Path]) -> None:
    videos = np.load(shared_data("calms21") / "train_annotations_first_2000_frames.npy", allow_pickle=False)
    bouts = [bout for values in videos for bout in Labels(BEHAVIOURS, values).bouts()[1:-1]]
    for behaviour, expected in zip(BEHAVIOURS, MEDIAN_LENGTH, strict=True):
        lengths = [bout.stop - bout.start for bout in bouts if bout.behaviour == behaviour]
        assert 0.8 < np.median(lengths) / expected < 1.25
