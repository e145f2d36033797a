"""Assembled peaks as recordings: what is kept, what is left out, and what is in doubt."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.tracking.assembly import TREES, regrouped, shuffled_peaks
from experiments.tracking.trackers import FILES
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.peaks import Limbs, Peaks
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.tracking.affinities import limb_lengths, limbs_of_lengths
from ssl_behavior.tracking.assembly import best_limbs, join
from ssl_behavior.tracking.instances import assemble_peaks

SKELETON = Skeleton(("A", "B", "C"), (("A", "B"), ("B", "C")))


def scene(present: list[tuple[int, str]], joined: list[tuple[int, int, float]]) -> tuple[Peaks, Limbs]:
    """Peaks (frame, keypoint) at x = row, y = 1, and limbs (source, target, affinity) along the skeleton."""
    frame, names = np.array([f for f, _ in present]), [name for _, name in present]
    keypoint = np.array(["ABC".index(name) for name in names])
    positions = np.stack([np.arange(len(names)), np.ones(len(names))], 1).astype(np.float32)
    score = np.linspace(0.5, 1, len(names), dtype=np.float32)
    source, target, affinity = (np.array(column) for column in zip(*joined, strict=True))
    limbs = Limbs(keypoint[source], source, target, affinity.astype(float))  # the edge from A is 0, that from B is 1
    return Peaks("v", SKELETON, frame, keypoint, positions, score, int(frame.max()) + 2), limbs


WHOLE = [(0, "A"), (0, "B"), (0, "C")]


def test_instances_have_their_peaks_and_scores_and_empty_frames_stay_empty() -> None:
    peaks, limbs = scene([*WHOLE, (1, "A"), (1, "B"), (1, "C")], [(0, 1, 0.9), (1, 2, 0.8), (4, 5, 0.7)])
    result = assemble_peaks(peaks, limbs)
    assert result.recording.individuals == ("instance1",)
    np.testing.assert_array_equal(result.recording.positions[0, 0, :, 0], [0, 1, 2])
    np.testing.assert_array_equal(result.recording.positions[1, 0, :, 0], [np.nan, 4, 5])
    np.testing.assert_allclose(result.recording.confidence[1, 0], [0, 0.9, 1.0])
    assert np.isnan(result.recording.positions[2]).all()
    assert (result.peaks, result.instances, result.alone, result.crowded) == (6, 2, 1, 0)
    assert result.recording.skeleton.edges == SKELETON.edges


def test_affinities_below_the_threshold_are_dropped() -> None:
    peaks, limbs = scene(WHOLE, [(0, 1, 0.9), (1, 2, 0.2)])
    result = assemble_peaks(peaks, limbs, threshold=0.3)
    assert (result.dropped, result.alone, result.instances) == (1, 1, 1)
    assert result.unused == (("B", "C"),)
    assert assemble_peaks(peaks, limbs, threshold=0.2).dropped == 0
    with pytest.raises(InputError, match=r"found none among 3 peaks \(2 limbs dropped\): lower --threshold"):
        assemble_peaks(peaks, limbs, threshold=0.95)


def test_negative_affinities_join_nothing() -> None:
    peaks, limbs = scene(WHOLE, [(0, 1, 0.9), (1, 2, -0.2)])
    assert assemble_peaks(peaks, limbs).alone == 1


def test_of_too_many_instances_those_with_the_greatest_sums_are_kept() -> None:
    peaks, limbs = scene(WHOLE * 3, [(0, 1, 0.4), (1, 2, 0.4), (3, 4, 0.9), (4, 5, 0.5), (6, 7, 0.5), (7, 8, 0.5)])
    result = assemble_peaks(peaks, limbs, individuals=2)
    assert (result.instances, result.crowded) == (2, 1)
    np.testing.assert_array_equal(result.recording.positions[0, :, 0, 0], [3, 6])
    assert any("1 instance left out, in frames with more than 2" in line for line in result.describe())


def test_one_crowded_frame_of_a_long_video_does_not_take_all_memory() -> None:
    joined = [(3 * i + j, 3 * i + j + 1, 0.9) for i in range(50) for j in (0, 1)]
    peaks, limbs = scene(WHOLE * 50, joined)
    long = replace(peaks, frames=1_000_000)
    with pytest.raises(InputError, match="found up to 50 in one of 1,000,000 frames: state the number"):
        assemble_peaks(long, limbs)
    assert assemble_peaks(long, limbs, individuals=2).crowded == 48


def test_frames_in_which_a_missing_inner_node_may_have_split_an_animal_are_counted() -> None:
    split = [*WHOLE, (0, "A"), (0, "C")]  # the second animal of frame 0 lacks its B
    peaks, limbs = scene([*split, (1, "A"), (1, "B"), (1, "C")], [(0, 1, 0.9), (1, 2, 0.9), (5, 6, 0.9), (6, 7, 0.9)])
    assert assemble_peaks(peaks, limbs, individuals=2).split == 1
    assert assemble_peaks(peaks, limbs, individuals=1).split == 0  # the one animal is whole in both frames
    lines = list(assemble_peaks(peaks, limbs).describe())
    assert "in 1 frame a missing keypoint may have split an animal" in lines[-1]


def test_two_parts_with_a_common_keypoint_are_two_animals() -> None:
    peaks, limbs = scene([(0, "A"), (0, "B"), (0, "B"), (0, "C")], [(0, 1, 0.9), (2, 3, 0.9)])
    assert assemble_peaks(peaks, limbs, individuals=2).split == 0


def test_nothing_to_join_is_refused() -> None:
    peaks, _ = scene(WHOLE, [(0, 1, 0.9)])
    nothing = Peaks("v", SKELETON, peaks.frame, peaks.keypoint, np.full((3, 2), np.nan, np.float32), None, 1)
    none = Limbs(*(np.empty(0, np.int64) for _ in range(3)), np.empty(0))
    for limbs in (none, None):
        with pytest.raises(InputError, match="found none among 0 peaks"):
            assemble_peaks(nothing, limbs)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "settings", "points", "animals"),
    [
        ("fly pair, 1", {}, 0.999, 0.99),
        ("CalMS21", {}, 0.95, 0.87),
        ("CalMS21", {"jitter": 0.03}, 0.94, 0.85),
        ("CalMS21", {"missing": 0.1}, 0.87, 0.67),
        ("CalMS21", {"wrong": 0.1}, 0.93, 0.82),
    ],
)
def test_shuffled_points_of_real_animals_are_regrouped_by_lengths(
    shared_data: Callable[[str], Path], name: str, settings: dict[str, float], points: float, animals: float
) -> None:
    (recording,) = read_recordings(shared_data(FILES[name]), notify=lambda _: None)
    tracks = np.asarray(recording.positions, float)
    tracks = tracks[np.isfinite(tracks).all((1, 2, 3))][:1500]
    peaks, truth = shuffled_peaks(tracks, TREES[name], np.random.default_rng(0), **settings)
    limbs, _ = limbs_of_lengths(peaks, limb_lengths(peaks))
    found = regrouped(peaks, truth, join(peaks, best_limbs(peaks, limbs)))
    assert found[0].mean() > points
    assert found[1].mean() > animals
