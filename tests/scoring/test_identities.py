"""Scores of identities: answers on paper, those of motmetrics, and the definition of HOTA."""

import motmetrics
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.scoring.hota import THRESHOLDS
from ssl_behavior.scoring.identities import best_tracks, identity_scores, score_identities
from ssl_behavior.scoring.similarities import MATCH, Similarities, similarities_of_poses

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


def crowd(seed: int, frames: int = 150, animals: int = 4, tracks: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Poses of animals that pass near each other, and of tracks that are jittered, exchanged, lost and made up."""
    rng = np.random.default_rng(seed)
    places = rng.normal(0, 1, (frames, animals, 2)).cumsum(0) + rng.uniform(0, 12, (animals, 2))
    truth = places[:, :, None] + rng.normal(0, 1, (3, 2))
    tracked = np.full((frames, tracks, 3, 2), np.nan)
    for frame in range(frames):
        if frame % 20 == 0:
            of_animal = rng.permutation(tracks)[:animals]
        tracked[frame, of_animal] = truth[frame] + rng.normal(0, 0.8, (animals, 3, 2))
    truth[rng.random((frames, animals)) < 0.1] = np.nan
    tracked[rng.random((frames, tracks)) < 0.1] = np.nan
    tracked[rng.random((frames, tracks, 3)) < 0.2] = np.nan
    made_up = rng.random((frames, tracks)) < 0.05
    tracked[made_up] = rng.uniform(-10, 25, (made_up.sum(), 3, 2))
    return truth, tracked


def dense(similarities: Similarities) -> np.ndarray:
    """(time, animal, track)"""
    values = np.zeros((len(similarities.truth), similarities.truth.shape[1], similarities.tracked.shape[1]))
    values[similarities.frames, similarities.animals, similarities.tracks] = similarities.values
    return values


@pytest.mark.parametrize("seed", range(4))
def test_scores_of_other_poses_are_those_of_motmetrics(seed: int) -> None:
    similarities = similarities_of_poses(*crowd(seed), match_within=2.0)
    reference = motmetrics.MOTAccumulator(auto_id=True)
    for true, tracked, values in zip(similarities.truth, similarities.tracked, dense(similarities), strict=True):
        animals, tracks = np.flatnonzero(true), np.flatnonzero(tracked)
        distances = 1 - values[np.ix_(animals, tracks)]
        reference.update(animals, tracks, np.where(distances <= 1 - MATCH, distances, np.nan))
    metrics = ["idf1", "mota", "num_switches", "num_misses", "num_false_positives"]
    expected = motmetrics.metrics.create().compute(reference, metrics=metrics, return_dataframe=False)
    scores = score_identities(similarities)
    assert (scores.switches, scores.misses, scores.false_positives) == tuple(expected[name] for name in metrics[2:])
    assert scores.switches > 10
    assert scores.idf1 == pytest.approx(expected["idf1"])
    assert scores.mota == pytest.approx(expected["mota"])


def hota_by_definition(similarities: Similarities) -> float:
    """HOTA from a table of all similarities, in the words of Luiten et al. 2021, section 4 and appendix."""
    values, truth, tracked = dense(similarities), similarities.truth, similarities.tracked
    in_both = truth.sum(0)[:, None] + tracked.sum(0)
    union = values.sum(1, keepdims=True) + values.sum(2, keepdims=True) - values
    soft = np.divide(values, union, where=union > 0, out=np.zeros_like(values)).sum(0)
    alignment = soft / np.maximum(in_both - soft, 1e-12)
    of_thresholds = []
    for threshold in THRESHOLDS:
        counts = np.zeros(alignment.shape)
        for frame in values:
            for animal, track in zip(*linear_sum_assignment(alignment * frame, maximize=True), strict=True):
                counts[animal, track] += frame[animal, track] > 0 and frame[animal, track] >= threshold - 1e-9
        accuracy = counts / np.maximum(in_both - counts, 1)
        hits = counts.sum()
        detection = hits / (truth.sum() + tracked.sum() - hits)
        of_thresholds.append(np.sqrt(detection * (counts * accuracy).sum() / max(hits, 1)))
    return float(np.mean(of_thresholds))


@pytest.mark.parametrize("seed", range(3))
def test_hota_is_its_definition(seed: int) -> None:
    similarities = similarities_of_poses(*crowd(seed), match_within=2.0)
    assert score_identities(similarities).hota == pytest.approx(hota_by_definition(similarities))


def test_hota_of_shifted_poses_is_the_share_of_the_thresholds_that_they_reach() -> None:
    truth, step = np.zeros((10, 1, 2, 2)) + np.array([[0, 0], [10, 0]]), np.array([3, 4])
    scores = score_identities(similarities_of_poses(truth, truth + step, match_within=6.25))  # 1 - 5 / 12.5
    assert scores.hota == pytest.approx(12 / 19)  # .05 to .6
    assert (scores.idf1, scores.mota) == (1, 1)
    too_far = score_identities(similarities_of_poses(truth, truth + step, match_within=4.9))
    assert (too_far.idf1, too_far.misses, too_far.false_positives) == (0, 10, 10)


def test_an_animal_keeps_its_track_while_another_comes_nearer() -> None:
    truth = np.zeros((3, 2, 1, 2))
    truth[:, 1, 0, 0] = [10, 3, 10]
    tracked = truth + 0.1
    tracked[1] = tracked[1, ::-1]  # in the frame in which the two nearly touch
    assert score_identities(similarities_of_poses(truth, tracked, match_within=4)).switches == 0
    assert score_identities(similarities_of_poses(truth, tracked, match_within=2)).switches == 4


@pytest.mark.parametrize("seed", range(3))
def test_tracks_of_the_true_detections_are_scored_as_given_detections(seed: int) -> None:
    truth, tracks = wandering_tracks(seed)
    rng = np.random.default_rng(seed)
    places = rng.normal(0, 1, (*truth.shape, 3, 2))  # a pose of each detection, near all others

    def poses_of(identities: np.ndarray) -> np.ndarray:
        poses = np.full((len(identities), identities.max() + 1, 3, 2), np.nan)
        frames, detections = np.nonzero(identities != NOBODY)
        poses[frames, identities[frames, detections]] = places[frames, detections]
        return poses

    similarities = similarities_of_poses(poses_of(truth), poses_of(tracks), match_within=10)
    assert score_identities(similarities) == identity_scores(truth, tracks)


def test_scores_of_two_recordings_add_up() -> None:
    one, other = (identity_scores(*wandering_tracks(seed)) for seed in (1, 2))
    both = one + other
    assert both.switches == one.switches + other.switches
    assert both.idf1 == pytest.approx(2 * (one.identified + other.identified) / (both.true + both.tracked))
    twice = one + one
    assert (twice.mota, twice.hota) == (pytest.approx(one.mota), pytest.approx(one.hota))
    assert twice.switches_per_1000_frames == one.switches_per_1000_frames


def test_the_track_of_an_animal_is_that_of_idf1() -> None:
    truth = np.zeros((10, 3, 1, 2)) + np.array([0, 100, 200])[:, None, None]
    tracked = truth[:, [1, 0]].copy()
    tracked[7:] = tracked[7:, ::-1]
    assert best_tracks(similarities_of_poses(truth, tracked, match_within=5)) == [(1, 7), (0, 7), None]
