"""The benchmark of assembly: its scores on paper, and what the conditions do to the points."""

import numpy as np
import pytest

from experiments.tracking import assembly
from ssl_behavior.recordings.peaks import Peaks
from ssl_behavior.recordings.skeleton import Skeleton

EDGES = [(0, 1), (1, 2)]
BODY = np.array([[0.0, 0], [20, 0], [40, 20]])
FRAMES = 40
# Two stiff bodies side by side (time, animal, keypoint, space).
APART = np.arange(FRAMES)[:, None, None, None] * [1.0, 0] + np.array([[0.0, 0], [0, 150]])[:, None] + BODY


def test_shares_are_those_counted_by_hand() -> None:
    skeleton = Skeleton(("0", "1", "2"), (("0", "1"), ("1", "2")))
    frame = np.repeat([0, 1], [6, 6])
    peaks = Peaks("", skeleton, frame, np.tile([0, 1, 2], 4), np.zeros((12, 2), np.float32), None, 2)
    truth = np.tile([0, 0, 0, 1, 1, 1], 2)
    groups = np.array([0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 4, 3])  # a part is lost in frame 0, two change places in frame 1
    points, animals = assembly.regrouped(peaks, truth, groups)
    np.testing.assert_allclose(points, [5 / 6, 4 / 6])
    np.testing.assert_allclose(animals, [0.5, 0])


def test_a_wrong_peak_in_an_instance_spoils_the_animal_and_not_its_points() -> None:
    skeleton = Skeleton(("0", "1"), (("0", "1"),))
    peaks = Peaks("", skeleton, np.zeros(2, int), np.array([0, 1]), np.zeros((2, 2), np.float32), None, 1)
    points, animals = assembly.regrouped(peaks, np.array([0, assembly.WRONG]), np.array([0, 0]))
    assert (points.tolist(), animals.tolist()) == ([1], [0])


def test_conditions_change_what_they_say() -> None:
    rng = np.random.default_rng(0)
    whole, truth = assembly.shuffled_peaks(APART, EDGES, rng)
    assert len(whole.frame) == APART[..., 0].size
    np.testing.assert_allclose(whole.positions, APART[whole.frame, truth, whole.keypoint], atol=1e-3)
    less, _ = assembly.shuffled_peaks(APART, EDGES, rng, missing=0.1)
    assert len(less.frame) == pytest.approx(0.9 * len(whole.frame), abs=1)
    more, animal = assembly.shuffled_peaks(APART, EDGES, rng, wrong=0.1)
    assert (animal == assembly.WRONG).sum() == len(more.frame) - len(whole.frame) == len(whole.frame) // 10


def test_animals_that_are_apart_are_regrouped_with_every_affinity() -> None:
    assert not assembly.in_contact(APART).any()
    assert assembly.in_contact(APART * [1, 0.1]).all()
    for affinity in assembly.AFFINITIES:
        points, animals, speed = assembly._scores(affinity, APART, EDGES, {})
        assert points.min() == animals.min() == 1
        assert speed > 0


def test_a_field_runs_from_source_to_target() -> None:
    peaks, truth = assembly.shuffled_peaks(APART, EDGES, np.random.default_rng(0))
    limbs = assembly.fields(peaks, APART)
    assert (truth[limbs.source] == truth[limbs.target]).all()
    np.testing.assert_allclose(limbs.affinity, 1, atol=0.05)
