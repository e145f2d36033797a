"""Recordings of fragments and of untracked instances become recordings of animals."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.scoring.identities import identity_scores
from ssl_behavior.tracking.association import seen_instances
from ssl_behavior.tracking.tracks import count_animals, identify, track_recording


def fragments(frames: int = 90) -> Recording:
    """Two animals in five fragments: the first one is cut twice, the second one once."""
    positions = np.full((frames, 5, 2, 2), np.nan, np.float32)
    first, second = (np.array([[0, y], [10, y]]) + np.arange(frames)[:, None, None] * [1, 0] for y in (0, 300))
    for fragment, (start, stop) in enumerate([(0, 30), (35, 60), (60, 90)]):
        positions[start:stop, fragment] = first[start:stop]
    positions[:50, 3], positions[50:, 4] = second[:50], second[50:]
    confidence = np.where(np.isnan(positions[..., 0]), np.nan, np.arange(5)[:, None] / 5)
    group = Labels(("rest", "move"), np.zeros(frames, np.int16))
    labels = {"group": group, "directed": replace(group, pair=("a", "b"))}
    keypoints = Skeleton(("nose", "tail"))
    return Recording("cut", positions, tuple("abcde"), keypoints, 30.0, confidence, labels)


def test_fragments_are_joined_across_gaps() -> None:
    source = fragments()
    result = track_recording(source)
    tracked = result.recording
    assert tracked.individuals == ("a", "d")  # the fragments of which they hold most
    y = tracked.positions[:, :, 0, 1]
    assert np.nanmax(np.abs(y - [0, 300])) == 0
    assert np.isnan(y[30:35, 0]).all()
    assert np.isfinite(np.delete(y[:, 0], np.r_[30:35])).all()
    np.testing.assert_array_equal(tracked.confidence[[0, 40, 70], 0, 0], np.float32([0, 0.2, 0.4]))
    assert set(tracked.labels) == {"group"}
    lines = list(result.describe())
    assert "175 instances in 5 tracks made into 2 animals; 0 instances left out" in lines[0]
    assert "directed" in lines[1]


def test_a_number_that_is_too_small_is_noticed() -> None:
    lines = list(track_recording(fragments(), individuals=1).describe())
    assert "warning: 49% of the instances were left out" in lines[1]


def test_names_can_be_given_and_animals_that_are_never_seen_stay_empty() -> None:
    tracked = track_recording(fragments(), names=("resident", "intruder", "pup")).recording
    assert tracked.individuals == ("resident", "intruder", "pup")
    assert np.isfinite(tracked.positions).any((0, 2, 3)).sum() >= 2


def test_the_number_of_animals_is_that_which_is_often_seen_together() -> None:
    source = fragments()
    assert count_animals(source) == 2
    spurious = np.array(source.positions)
    spurious[:10, 2] = 500
    assert count_animals(replace(source, positions=spurious)) == 2
    unseen = replace(source, positions=np.full_like(source.positions, np.nan))
    with pytest.raises(InputError, match="expected instances of animals; found none"):
        track_recording(unseen)


def test_too_many_animals_are_refused() -> None:
    crowd = Recording("crowd", np.zeros((5, 60, 1, 2)), tuple(map(str, range(60))), Skeleton(("centre",)), 30.0)
    with pytest.raises(InputError, match="found 60 instances together"):
        track_recording(crowd)


@pytest.mark.real
def test_27_tracks_of_two_flies_become_two(shared_data: Callable[[str], Path]) -> None:
    (source,) = read_recordings(shared_data("tracking/centered_pair_predictions.slp"), notify=lambda _: None)
    result = track_recording(source)
    assert result.recording.individuals == ("1", "2")
    for i, name in enumerate(result.recording.individuals):  # two of the tracks are whole, the others repeat poses
        whole = source.positions[:, source.individuals.index(name)]
        is_whole = (result.recording.positions[:, i] == whole) | np.isnan(whole)
        assert is_whole.all((1, 2)).mean() > 0.97
    assert "74 instances left out" in next(result.describe())


@pytest.mark.parametrize(
    ("file", "animals"), [("calms21/mouse083_task1_annotator1_alt.csv.gz", 2), ("mabe22/EGS8X2MN4SSUGFWAV976.h5", 3)]
)
def test_real_mice_whose_names_are_taken_away_get_them_back(
    file: str, animals: int, shared_data: Callable[[str], Path]
) -> None:
    (recording,) = read_recordings(shared_data(file), notify=lambda _: None)
    order = np.random.default_rng(0).permuted(np.tile(np.arange(animals), (recording.frames, 1)), axis=1)
    instances = np.take_along_axis(np.asarray(recording.positions), order[:, :, None, None], 1)
    truth = np.where(seen_instances(instances), order, NOBODY)
    scores = identity_scores(truth, identify(instances, animals))
    assert scores.idf1 > 0.99
    assert scores.switches_per_1000_frames < 1.5
