"""Affinities from lengths: lengths are found without knowing who is who, and likely limbs are the right ones."""

import numpy as np
import pytest
from scipy import stats

from ssl_behavior.recordings.peaks import Peaks
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.tracking.affinities import LimbLengths, limb_lengths, limbs_of_lengths

SKELETON = Skeleton(("nose", "neck", "tail"), (("nose", "neck"), ("neck", "tail")))


def two_animals(frames: int = 300, apart: float = 60.0, lengths: tuple[float, float] = (10.0, 30.0)) -> Peaks:
    """Stiff animals side by side with turning headings; the peak of animal a and keypoint k is row 3 a + k."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, (frames, 2, 1))
    along = np.cumsum([0, *lengths])
    bodies = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    positions = bodies + rng.uniform(0, 400, (frames, 1, 1, 2)) + np.array([[0, 0], [apart, 0]])[:, None]
    frame, _, keypoint = (index.ravel() for index in np.indices((frames, 2, 3)))
    return Peaks("", SKELETON, frame, keypoint, positions.reshape(-1, 2).astype(np.float32), None, frames)


@pytest.mark.parametrize("apart", [200.0, 60.0, 25.0])
def test_lengths_are_measured_without_knowing_who_is_who(apart: float) -> None:
    np.testing.assert_allclose(limb_lengths(two_animals(apart=apart)).typical, [10, 30], rtol=0.05)


def test_the_typical_length_is_likelier_than_others_and_a_far_one_is_chance() -> None:
    lengths = LimbLengths(np.array([10.0]), area=1e5)
    assert lengths.affinity(0, np.array([10.0])) > lengths.affinity(0, np.array([14.0])) > 0
    assert lengths.affinity(0, np.array([100.0])) < 0


def test_the_density_over_the_plane_is_that_of_student() -> None:
    """In rings that begin where the smallest circle ends, at .3 of the typical length."""
    lengths, radii = LimbLengths(np.array([10.0]), area=1.0), np.linspace(3, 1000, 100_000)
    density = np.exp(lengths.affinity(0, radii)) / 50 * 2 * np.pi * radii  # the odds were 50 before
    expected = np.diff(stats.t(3, loc=10, scale=3).cdf([3, 1000]))
    assert np.trapezoid(density, radii) == pytest.approx(expected[0], rel=1e-4)


def test_likely_limbs_are_those_of_one_animal_when_animals_are_apart() -> None:
    peaks = two_animals(apart=300)
    limbs, dropped = limbs_of_lengths(peaks, limb_lengths(peaks))
    assert len(limbs) == 300 * 2 * 2
    assert (limbs.source // 3 == limbs.target // 3).all()
    assert dropped == 300 * 2 * 2
    assert (limbs.affinity >= 0).all()


def test_the_threshold_drops_limbs_that_are_hardly_likelier_than_by_chance() -> None:
    peaks = two_animals(apart=60)
    lengths = limb_lengths(peaks)
    (all_likely, _), (surer, dropped) = (limbs_of_lengths(peaks, lengths, least) for least in (0.0, 3.0))
    assert len(surer) < len(all_likely)
    assert surer.affinity.min() >= 3
    assert len(surer) + dropped == 300 * 2 * 4


def test_pixels_or_millimetres_give_the_same_affinities() -> None:
    peaks = two_animals()
    larger = Peaks("", SKELETON, peaks.frame, peaks.keypoint, 8 * peaks.positions, None, peaks.frames)
    (first, _), (second, _) = (limbs_of_lengths(each, limb_lengths(each)) for each in (peaks, larger))
    np.testing.assert_allclose(first.affinity, second.affinity, rtol=1e-3)


def test_keypoints_that_are_never_seen_together_have_no_limbs() -> None:
    peaks = two_animals(frames=10)
    positions = peaks.positions.copy()
    positions[peaks.keypoint == 2] = np.nan
    unseen = Peaks("", SKELETON, peaks.frame, peaks.keypoint, positions, None, 10)
    lengths = limb_lengths(unseen)
    assert np.isnan(lengths.typical).tolist() == [False, True]
    limbs, _ = limbs_of_lengths(unseen, lengths)
    assert set(limbs.edge.tolist()) == {0}
    positions[:] = np.nan
    nothing = Peaks("", SKELETON, peaks.frame, peaks.keypoint, positions, None, 10)
    assert len(limbs_of_lengths(nothing, limb_lengths(nothing))[0]) == 0


def test_peaks_at_one_place_have_finite_affinities() -> None:
    peaks = two_animals(frames=5, apart=0, lengths=(0, 0))
    limbs, _ = limbs_of_lengths(peaks, limb_lengths(peaks))
    assert np.isfinite(limbs.affinity).all()
