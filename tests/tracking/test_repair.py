"""Recordings whose tracker exchanged animals are repaired, and what was not exchanged stays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.tracking.exchanges import Change, Exchange
from ssl_behavior.tracking.repair import apply_changes, repair_recording
from tests.tracking.animals import exchanged, recorded, walkers


def test_lasting_exchanges_and_slips_are_told_with_what_speaks_for_them() -> None:
    whole = recorded(walkers(5))
    spoilt = recorded(exchanged(walkers(5), 150, 300, 310))
    result = repair_recording(spoilt)
    np.testing.assert_array_equal(result.recording.positions, whole.positions)
    lasting, slip = result.changes
    assert lasting.exchange == Exchange(150, None, (0, 1))
    assert slip.exchange == Exchange(300, 310, (0, 1))
    for change in result.changes:
        assert change.probability > 0.99
        assert change.margin > 5
        assert change.distance > 0
    assert "2 exchanges, 1 of them taken back within 2 s, 0 doubtful; 60% of the frames" in result.describe()


def test_confidence_goes_with_the_tracks_and_the_original_stays() -> None:
    tracks = exchanged(walkers(5), 200)
    confidence = exchanged(np.broadcast_to(np.array([0.2, 0.8])[:, None], tracks.shape[:3]), 200).astype(np.float32)
    source = replace(recorded(tracks), confidence=confidence)
    result = repair_recording(source)
    assert (result.recording.confidence == np.float32([0.2, 0.8])[:, None]).all()
    np.testing.assert_array_equal(source.positions, tracks.astype(np.float32))


def test_a_sound_recording_stays_as_it_is() -> None:
    source = recorded(walkers(7, animals=4))
    result = repair_recording(source)
    assert result.changes == ()
    assert result.recording.fingerprint() == source.fingerprint()


def test_shapes_undo_what_motion_cannot_see() -> None:
    # The animals are hidden for a second now and then, and come out at each other's places.
    whole = walkers(frames=6000, sizes=(1.0, 1.2))
    starts = np.arange(200, 6000, 200)
    for start in starts:
        whole[start : start + 30] = np.nan
    spoilt = exchanged(whole, *starts[[3, 9, 20]])
    result = repair_recording(recorded(spoilt))
    is_wrong = (np.nan_to_num(result.recording.positions) != np.nan_to_num(whole.astype(np.float32))).any((1, 2, 3))
    assert is_wrong.mean() < 0.01
    alike = walkers(frames=6000)
    for start in starts:
        alike[start : start + 30] = np.nan
    assert len(repair_recording(recorded(alike)).changes) <= 2


def test_a_doubtful_exchange_has_a_low_probability() -> None:
    tracks = walkers(5)
    tracks[150:190] = np.nan  # both are gone for more than a second
    middle = tracks[[149, 190]].mean((0, 1, 2))
    tracks[190:] += middle - tracks[190].mean((0, 1))
    result = repair_recording(recorded(tracks), penalty=0.0)
    assert all(change.probability < 0.95 for change in result.changes if 150 <= change.exchange.start <= 191)


@pytest.mark.parametrize("file", ["tracking/clip.slp", "calms21/mouse083_task1_annotator1_alt.csv.gz"])
def test_real_tracks_are_repaired_exactly_and_sound_ones_stay(file: str, shared_data: Callable[[str], Path]) -> None:
    (source,) = read_recordings(shared_data(file), notify=lambda _: None)
    assert repair_recording(source).changes == ()
    frames = [source.frames // 3, source.frames // 2]
    spoilt = exchanged(source.positions, *frames)
    result = repair_recording(replace(source, positions=spoilt, content_hash=None))
    np.testing.assert_array_equal(result.recording.positions, source.positions)


def test_a_lone_animal_and_a_recording_without_poses_are_refused() -> None:
    with pytest.raises(InputError, match=r"pair\.csv: expected two individuals or more; found 1 individual"):
        repair_recording(recorded(walkers(animals=1)))
    with pytest.raises(InputError, match=r"pair\.csv: expected animals that are seen"):
        repair_recording(recorded(np.full((9, 2, 4, 2), np.nan)))


def test_a_persons_exchanges_are_made_in_turn() -> None:
    source = recorded(walkers(animals=3))
    wanted = [Exchange(100, None, (0, 1)), Exchange(200, 250, (1, 2)), Exchange(300, None, (0, 1))]
    result = apply_changes(source, [Change(each, np.nan, np.nan, np.nan) for each in wanted])
    expected = exchanged(exchanged(source.positions, 100), 200, 250, pair=(1, 2))
    np.testing.assert_array_equal(result.recording.positions, exchanged(expected, 300))
