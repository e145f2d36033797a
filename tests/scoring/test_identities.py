"""Scores of identities: answers on paper, and those of motmetrics."""

import motmetrics
import numpy as np
import pytest

from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.scoring.identities import identity_scores

TWO = np.tile([0, 1], (10, 1))


def test_tracks_that_never_change_are_perfect() -> None:
    scores = identity_scores(TWO, 1 - TWO)  # names do not matter
    assert (scores.switches, scores.exchanges, scores.idf1, scores.mota, scores.hota) == (0, 0, 1, 1, 1)


def test_an_exchange_at_half_time_is_two_switches_and_halves_the_identities() -> None:
    tracks = TWO.copy()
    tracks[5:] = [1, 0]
    scores = identity_scores(TWO, tracks)
    assert (scores.switches, scores.exchanges) == (2, 1)
    assert scores.switches_per_1000_frames == 200
    assert scores.idf1 == pytest.approx(0.5)
    assert scores.mota == pytest.approx(1 - 2 / 20)
    # Each detection shares its track with 5 of its animal's 10 detections; 5 more of the track are another's.
    assert scores.hota == pytest.approx((5 / 15) ** 0.5)


def test_a_third_animal_that_takes_no_part_makes_no_exchange() -> None:
    three = np.tile([0, 1, 2], (6, 1))
    tracks = three.copy()
    tracks[3:, 2] = 3  # a new track
    scores = identity_scores(three, tracks)
    assert (scores.switches, scores.exchanges) == (1, 0)


def test_animals_that_exchange_one_after_the_other_make_one_exchange() -> None:
    tracks = TWO.copy()
    tracks[4] = [1, NOBODY]  # the second is lost in the frame in which the first takes its track
    tracks[5:] = [1, 0]
    assert identity_scores(TWO, tracks).exchanges == 1


def test_impossible_tracks_are_refused() -> None:
    with pytest.raises(ValueError, match="frame 3 has one twice"):
        identity_scores(TWO, np.where(np.arange(10)[:, None] == 3, 0, TWO))
    with pytest.raises(ValueError, match="time, detection"):
        identity_scores(TWO, TWO[:5])
    with pytest.raises(ValueError, match="none"):
        identity_scores(np.full_like(TWO, NOBODY), TWO)


def wandering_tracks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four animals in any order, some unseen, under tracks that change now and then and miss some."""
    rng = np.random.default_rng(seed)
    truth = np.stack([rng.permutation(4) for _ in range(200)])
    truth[rng.random(truth.shape) < 0.2] = NOBODY
    names = np.arange(7)  # tracks of animals, which change now and then
    tracks = np.full_like(truth, NOBODY)
    for frame in range(len(truth)):
        if rng.random() < 0.1:
            names = rng.permutation(names)
        tracks[frame] = np.where(truth[frame] == NOBODY, NOBODY, names[truth[frame]])
    tracks[rng.random(truth.shape) < 0.1] = NOBODY
    return truth, tracks


@pytest.mark.parametrize("seed", range(5))
def test_hota_is_the_mean_over_all_detections(seed: int) -> None:
    truth, tracks = wandering_tracks(seed)
    hits = [(a, b) for a, b in zip(truth.ravel(), tracks.ravel(), strict=True) if a != NOBODY and b != NOBODY]
    shares = []
    for animal, track in hits:
        both = hits.count((animal, track))
        shares.append(both / ((truth == animal).sum() + (tracks == track).sum() - both))
    detections = (truth != NOBODY).sum()  # no track has a false one
    expected = np.sqrt(len(hits) / detections * np.mean(shares))
    assert identity_scores(truth, tracks).hota == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_motmetrics(seed: int) -> None:
    truth, tracks = wandering_tracks(seed)
    reference = motmetrics.MOTAccumulator(auto_id=True)
    for true, found in zip(truth, tracks, strict=True):
        places, guesses = np.flatnonzero(true != NOBODY), np.flatnonzero(found != NOBODY)
        distances = np.where(places[:, None] == guesses, 0.0, np.nan)
        reference.update(true[places], found[guesses], distances)
    metrics = ["idf1", "mota", "num_switches"]
    expected = motmetrics.metrics.create().compute(reference, metrics=metrics, return_dataframe=False)
    scores = identity_scores(truth, tracks)
    assert scores.idf1 == pytest.approx(expected["idf1"])
    assert scores.mota == pytest.approx(expected["mota"])
    assert scores.switches == expected["num_switches"]
