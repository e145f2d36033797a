"""Labels and bouts: one is made from the other, and vocabularies change without changing the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.recordings.labels import Bout, Labels, scored_frames
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

BEHAVIOURS = ("attack", "mount", "other")
LABELS = Labels(BEHAVIOURS, np.array([2, 0, 0, -1, 1]), ("m1", "m2"))


def test_frames_in_no_bout_are_unscored_or_the_background() -> None:
    bouts = [Bout(1, 3, "attack"), Bout(4, 9, "mount")]
    assert Labels.from_bouts(bouts, BEHAVIOURS, 6).values.tolist() == [-1, 0, 0, -1, 1, 1]
    assert Labels.from_bouts(bouts, BEHAVIOURS, 6, "other").values.tolist() == [2, 0, 0, 2, 1, 1]


def test_bouts_are_the_runs_of_scored_frames() -> None:
    assert LABELS.bouts() == [Bout(0, 1, "other"), Bout(1, 3, "attack"), Bout(4, 5, "mount")]
    assert Labels(BEHAVIOURS, np.zeros(0)).bouts() == []


@given(st.lists(st.integers(-1, 2), max_size=40))
def test_labels_made_from_their_own_bouts_are_the_same(values: list[int]) -> None:
    labels = Labels(BEHAVIOURS, np.array(values, np.int16))
    assert Labels.from_bouts(labels.bouts(), BEHAVIOURS, len(values)).values.tolist() == values


def test_another_vocabulary_keeps_labels_and_pair() -> None:
    reordered = LABELS.with_behaviours(("other", "sniff", "mount", "attack"))
    assert reordered.values.tolist() == [0, 3, 3, -1, 2]
    assert reordered.pair == ("m1", "m2")
    with pytest.raises(InputError, match="'mount' is not in the vocabulary"):
        LABELS.with_behaviours(("attack", "other"))


def test_behaviours_that_are_left_out_become_unscored() -> None:
    labels = LABELS.without(["attack"])
    assert labels.behaviours == ("mount", "other")
    assert labels.values.tolist() == [1, -1, -1, -1, 0]


def test_values_outside_the_vocabulary_and_empty_bouts_are_errors() -> None:
    with pytest.raises(InputError, match=r"-1 \(unscored\) or an index"):
        Labels(BEHAVIOURS, np.array([0, 3]))
    with pytest.raises(InputError, match="0 <= start < stop"):
        Bout(3, 3, "attack")


def test_values_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        LABELS.values[0] = 0


def test_only_scored_frames_count() -> None:
    assert scored_frames(LABELS.values, 4).tolist() == [2, 1, 1, 0]


def test_behaviours_that_nobody_asked_for_survive_a_change_of_vocabulary_and_a_file(tmp_path: Path) -> None:
    labels = Labels(("mount", "attack", "other"), np.array([1, 2, 2]), ("a", "b"), asked=("attack", "other"))
    assert labels.with_behaviours(("attack", "mount", "other", "rear")).asked == ("attack", "other")
    assert labels.without(["other"]).asked == ("attack",)
    recording = Recording("v", np.zeros((3, 2, 1, 2)), ("a", "b"), Skeleton(("nose",)), 30.0, labels={"a-b": labels})
    native.write(tmp_path / "v.safetensors", [recording])
    (read,) = native.read(tmp_path / "v.safetensors")
    assert (read.labels["a-b"].asked, read.labels["a-b"].pair) == (("attack", "other"), ("a", "b"))


def test_asking_for_a_behaviour_outside_the_vocabulary_is_an_error() -> None:
    with pytest.raises(InputError, match="asked"):
        Labels(("attack", "other"), np.array([0]), asked=("rear",))


def test_labels_of_one_animal_hold_for_its_pairs_with_every_other_one() -> None:
    labels = Labels(("rear", "other"), np.array([0, 1]), pair=("a", "a"))
    assert labels.is_of_one
    assert [labels.holds_for(*pair) for pair in (("a", "b"), ("a", "c"), ("b", "a"))] == [True, True, False]
