"""Faults that the experiment makes are where it says, and are detected."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from experiments.checks import changes, faults, run
from experiments.checks.material import Material, changed
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate_recordings(4, seed=0, frames=1800)


@pytest.fixture(scope="module")
def material(recordings: Sequence[Recording]) -> Material:
    return Material.of(recordings)


def test_a_fault_is_detected_and_a_clean_recording_is_not_suspected(material: Material) -> None:
    assert run.count_detected(faults.MIRROR, [material], for_setting=False, alone=False) == "2 of 2"
    assert run.count_detected(faults.MIRROR, [material], for_setting=True, alone=True) == "2 of 2"
    unchanged = replace(faults.NO_FAULTS[0], kinds=("mirrored", "same track", "frozen", "jump"))
    assert run.count_detected(unchanged, [material], for_setting=False, alone=True) == "0 of 2"


def test_the_count_of_a_random_fault_has_a_range(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([True, True, False, False, True, False])
    monkeypatch.setattr(run, "is_detected", lambda *_: next(found))
    fault = replace(faults.MIRROR, is_random=True)
    assert run.count_detected(fault, [material], for_setting=False, alone=False) == "1 (0 to 2) of 2"


def test_a_fault_that_no_recording_can_have_is_not_counted(recordings: list[Recording]) -> None:
    lone = [changes.one_animal(recording, RNG(0), ())[0] for recording in recordings[:2]]
    material = Material.of(lone)
    roles = faults.TO_AN_ENCODER[-1]
    assert changed(material, lone[0], roles.apply, 0) is None
    assert run.count_detected(roles, [material], for_setting=False, alone=True) == "-"


def test_a_date_must_be_right_within_a_second(material: Material) -> None:
    recording = material.recordings[0]
    joined = next(fault for fault in faults.WITHIN if fault.name == "two videos in one")
    faulty, frame = changes.join(recording, RNG(0), material.others(recording))
    assert frame == 900
    suspected = material.suspected(faulty)
    assert run.is_detected(joined, suspected, 900, 30.0)
    assert not run.is_detected(joined, suspected, 1000, 30.0)


def test_faults_begin_at_the_frame_that_they_state(recordings: list[Recording]) -> None:
    tracks = recordings[0].positions
    exchanged, at = changes.exchange_animals(recordings[0], RNG(0), ())
    assert at is not None
    np.testing.assert_array_equal(exchanged.positions[:at], tracks[:at])
    np.testing.assert_array_equal(exchanged.positions[at:], tracks[at:, ::-1])
    held, at = changes.frozen(2.0)(recordings[0], RNG(0), ())
    assert at is not None
    assert (held.positions[at : at + 60] == held.positions[at]).all()
    np.testing.assert_array_equal(held.positions[at + 60 :], tracks[at + 60 :])
    shorter, at = changes.cut(2.0)(recordings[0], RNG(0), ())
    assert at is not None
    np.testing.assert_array_equal(shorter.positions[at:], tracks[at + 60 :])
    followed, at = changes.same_track(0.5)(recordings[0], RNG(0), ())
    assert at == 900
    np.testing.assert_array_equal(followed.positions[900:, 1], tracks[900:, 0])


def test_frames_are_dropped_and_doubled_with_their_labels(recordings: list[Recording]) -> None:
    labels = recordings[0].labels[CHANNEL].values
    dropped, _ = changes.drop_every(5)(recordings[0], RNG(0), ())
    np.testing.assert_array_equal(dropped.labels[CHANNEL].values[:8], labels[[0, 1, 2, 3, 5, 6, 7, 8]])
    doubled, _ = changes.double_every(5)(recordings[0], RNG(0), ())
    np.testing.assert_array_equal(doubled.labels[CHANNEL].values[:7], labels[[0, 1, 2, 3, 4, 4, 5]])
    assert doubled.frames == 1800 + 360


def test_labels_of_another_video_are_cut_or_continued_as_unscored(recordings: list[Recording]) -> None:
    other = changes.with_frames(recordings[1], np.arange(1000))
    given, _ = changes.of_another_video(recordings[0], RNG(0), [other])
    np.testing.assert_array_equal(given.labels[CHANNEL].values[:1000], recordings[1].labels[CHANNEL].values[:1000])
    assert (given.labels[CHANNEL].values[1000:] == UNSCORED).all()
    assert given.positions is recordings[0].positions


def test_sides_and_ends_are_exchanged_in_the_names() -> None:
    assert changes.sides_exchanged(("nose", "left_ear", "right_ear")) == ("nose", "right_ear", "left_ear")
    assert changes.nose_and_tail_exchanged(("nose", "neck", "tail_base")) == ("tail_base", "neck", "nose")
