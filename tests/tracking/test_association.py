"""Association of instances with animals: answers on paper, and real tracks with their identities taken away."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.scoring.identities import IdentityScores, identity_scores
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.tracking.association import associate, seen_instances

BODY = np.array([[0.0, 0], [10, 0], [20, 5]])


def walk(places: np.ndarray) -> np.ndarray:
    """Poses (time, keypoint, space) of a body at these places (time, space)."""
    return places[:, None] + BODY


def line(start: tuple[float, float], step: tuple[float, float], frames: int = 100) -> np.ndarray:
    return walk(np.array(start) + np.arange(frames)[:, None] * np.array(step))


def shuffled(tracks: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The instances (time, instance, keypoint, space) in random order, and the animal of each, if it is seen."""
    rng = np.random.default_rng(seed)
    order = np.stack([rng.permutation(tracks.shape[1]) for _ in tracks])
    instances = np.take_along_axis(tracks, order[:, :, None, None], 1)
    return instances, np.where(seen_instances(instances), order, NOBODY)


def scores(tracks: np.ndarray, seed: int = 0) -> IdentityScores:
    instances, truth = shuffled(tracks, seed)
    return identity_scores(truth, associate(instances, tracks.shape[1]))


def test_animals_that_pass_each_other_keep_their_identities() -> None:
    passing = np.stack([line((0, 0), (5, 0)), line((500, 30), (-5, 0)), line((250, 300), (0, 0))], axis=1)
    assert scores(passing).switches == 0


def test_a_vanished_animal_does_not_exchange_the_others() -> None:
    """The one that stays near its place must not get the identity of the one that is lost ("connect single breaks")."""
    tracks = np.stack([line((0, 0), (1, 0)), line((30, 0), (1, 0))], axis=1)
    tracks[20:60, 1] = np.nan
    tracks[70:72, 0] = np.nan
    assert scores(tracks).switches == 0


def test_an_animal_that_was_lost_for_long_does_not_take_the_poses_of_another() -> None:
    tracks = np.stack([line((0, 0), (0.5, 0), 2000), line((0, 400), (0, 0), 2000)], axis=1)
    tracks[50:1900, 1] = np.nan
    assert scores(tracks).switches == 0


def test_one_far_jump_does_not_move_the_others() -> None:
    """Least sums of distances would exchange animals to shorten one long way."""
    tracks = np.stack([line((100 * i, 0), (0, 0)) for i in range(4)], axis=1)
    tracks[50:, 0] += [350, 0]  # jumps past all others
    assert scores(tracks).switches == 0


def test_frames_with_more_instances_than_animals_leave_out_those_that_fit_worst() -> None:
    tracks = np.stack([line((0, 0), (1, 0)), line((200, 0), (0, 1)), line((900, 900), (0, 0))], axis=1)
    tracks[:40, 2] = np.nan  # a spurious instance comes late
    instances, truth = shuffled(tracks)
    identities = associate(instances, 2)
    assert (identities[truth == 2] == NOBODY).all()
    assert (identities[truth >= 0][truth[truth >= 0] < 2] != NOBODY).all()


def test_keypoints_that_come_and_go_do_not_move_the_body() -> None:
    rng = np.random.default_rng(0)
    tracks = np.stack([line((0, 0), (1, 0), 500), line((40, 10), (1, 0), 500)], axis=1)
    tracks[rng.random(tracks.shape[:3]) < 0.6] = np.nan
    assert scores(tracks).switches == 0


@pytest.mark.parametrize(
    "change", [lambda p: 7 * p + 100, lambda p: p[..., ::-1], lambda p: np.stack([*p.T, p.T[0]]).T]
)
def test_unit_axes_and_dimensions_do_not_matter(change: object) -> None:
    recording = simulate_recordings(1, 0, 600)[0]
    instances, truth = shuffled(np.asarray(recording.positions, float))
    plain, changed = associate(instances, 2), associate(change(instances), 2)  # type: ignore[operator]
    assert identity_scores(plain, changed).idf1 == 1
    assert identity_scores(truth, plain).idf1 > 0.9


def test_fifty_animals_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 1000, (50, 2)) + rng.normal(0, 2, (200, 50, 2)).cumsum(0)
    tracks = places[:, :, None] + BODY
    assert scores(tracks).idf1 > 0.97


def test_nothing_seen_gets_no_animal() -> None:
    instances = np.full((5, 2, 3, 2), np.nan)
    assert (associate(instances, 2) == NOBODY).all()
    assert associate(instances[:0], 2).shape == (0, 2)
    with pytest.raises(ValueError, match="one animal"):
        associate(instances, 0)
    with pytest.raises(ValueError, match="keypoint, space"):
        associate(instances[0], 2)


@pytest.mark.real
@pytest.mark.parametrize(
    ("file", "every", "most_switches"),
    [
        ("tracking/clip.slp", 1, 0),
        ("tracking/clip.slp", 8, 0),
        ("tracking/predictions.analysis.h5", 1, 0),
        ("tracking/predictions.analysis.h5", 8, 0),
        ("mabe22/EGS8X2MN4SSUGFWAV976.h5", 1, 0),
        ("calms21/mouse083_task1_annotator1_alt.csv.gz", 1, 2),
    ],
)
def test_real_animals_keep_their_identities(
    shared_data: Callable[[str], Path], file: str, every: int, most_switches: int
) -> None:
    recording = read_recordings(shared_data(file), notify=lambda _: None)[0]
    assert scores(np.asarray(recording.positions[::every], float)).switches <= most_switches
