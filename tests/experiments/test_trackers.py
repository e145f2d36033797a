"""The benchmark of trackers: known answers of the paper's algorithm, and what the conditions take away."""

import numpy as np
import pytest

from experiments.tracking import trackers
from ssl_behavior.recordings.individuals import NOBODY

BODY = np.array([[0.0, 0], [4, 0], [8, 2]])
# Two bodies (time, animal, keypoint, space) that move by a fifth of a pixel a frame, far from each other.
APART = np.arange(200)[:, None, None, None] * [0.2, 0] + np.array([[0.0, 0], [100, 0]])[:, None] + BODY


def test_the_paper_follows_slow_animals_and_opens_a_track_after_a_long_gap() -> None:
    instances, truth = trackers.shuffled(APART, np.random.default_rng(0))
    tracks = trackers.paper(instances, 2)
    assert len(np.unique(tracks)) == 2
    assert len(np.unique(tracks[truth == 0])) == 1
    instances[50:56] = np.nan  # longer than the window of five frames
    tracks = trackers.paper(instances, 2)
    assert (tracks[50:56] == NOBODY).all()
    assert not set(tracks[:50].ravel()) & set(tracks[56:].ravel())


def test_the_paper_loses_animals_that_move_by_pixels() -> None:
    """exp(-d2) of 30 pixels is 0 to the last bit."""
    fast = APART + np.arange(200)[:, None, None, None] * [0, 30.0]
    instances, _ = trackers.shuffled(fast, np.random.default_rng(0))
    assert len(np.unique(trackers.paper(instances, 2))) == 400


def test_conditions_take_away_what_they_say() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(trackers.degraded(APART, rng, every=8), APART[::8])
    missing = np.isnan(trackers.degraded(APART, rng, points=True)[..., 0])
    assert missing.mean() == pytest.approx(0.4, abs=0.05)
    close = np.concatenate([APART[:, :1], APART[:, :1] + 1], axis=1)
    lost = [np.isnan(trackers.degraded(each, rng, gaps=True)[..., 0]).mean() for each in (APART, close)]
    assert lost[1] > 2 * lost[0]


def test_every_condition_has_a_row_for_each_tracker() -> None:
    rows = list(trackers.rows({"apart": APART}))
    assert len(rows) == len(trackers.CONDITIONS) * len(trackers.TRACKERS)
    ours = {row["condition"]: row["switches per 1,000 frames"] for row in rows if row["tracker"] == "associate"}
    assert ours["clean"] == 0
