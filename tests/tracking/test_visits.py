"""Animals that enter and leave: each stay is a track of its own."""

import numpy as np

from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.tracking.tracks import track_recording
from ssl_behavior.tracking.visits import separate_visits
from tests.tracking.animals import recorded, walkers


def visiting() -> np.ndarray:
    """A resident, and an animal that visits twice, away for ten seconds."""
    tracks = walkers(4, frames=900)
    tracks[:100, 1] = tracks[400:700, 1] = np.nan
    return tracks


def test_each_visit_is_a_track_and_the_resident_is_one_throughout() -> None:
    result = track_recording(recorded(visiting()), individuals=2, at_least=1).recording
    assert len(result.individuals) == 3
    seen = np.isfinite(result.positions[..., 0, 0])
    resident = int(seen.all(0).argmax())
    assert seen[:, resident].all()
    np.testing.assert_array_equal(seen.sum(0)[[i for i in range(3) if i != resident]], [300, 200])
    np.testing.assert_array_equal(seen.sum(1), np.isfinite(visiting()[..., 0, 0]).sum(1))


def test_a_fixed_number_of_animals_stays_fixed() -> None:
    assert len(track_recording(recorded(visiting()), individuals=2).recording.individuals) == 2


def test_an_animal_is_not_gone_while_too_few_others_are_there() -> None:
    identities = np.full((40, 2), NOBODY)
    identities[:, 0] = 0
    identities[[*range(10), *range(30, 40)], 1] = 1
    assert separate_visits(identities, at_least=1, longest_absence=5).max() == 2
    assert separate_visits(identities, at_least=2, longest_absence=5).max() == 1
    assert separate_visits(identities, at_least=1, longest_absence=20).max() == 1
    identities[20, 0] = NOBODY
    np.testing.assert_array_equal(separate_visits(identities, 1, 50), identities)


def test_an_animal_that_left_for_good_does_not_count_as_there() -> None:
    identities = np.full((60, 3), NOBODY)
    identities[[*range(10), *range(30, 60)], 0] = 0
    identities[:, 1] = 1
    identities[:20, 2] = 2
    assert separate_visits(identities, 2, 3).max() == 2
    assert separate_visits(identities, 1, 3).max() == 3


def test_visits_are_numbered_by_their_first_frames() -> None:
    identities = np.full((60, 2), NOBODY)
    identities[:, 0] = 1
    identities[[*range(5, 10), *range(40, 60)], 1] = 0
    visits = separate_visits(identities, 1, 5)
    assert visits[0, 0] == 0
    assert visits[5, 1] == 1
    assert visits[40, 1] == 2
