"""Annotations of who does what to whom become labels of every pair."""

from __future__ import annotations

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.matching import annotations_from_recordings, attach
from ssl_behavior.recordings.pair_matching import are_of_pairs, attach_pairs, labelled_by_pairs
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

ANIMALS = ("a", "b", "c")


def recording(name: str, frames: int = 20) -> Recording:
    return Recording(name, np.zeros((frames, 3, 1, 2)), ANIMALS, Skeleton(("nose",)), 30.0)


def annotated(name: str, bouts: dict[tuple[str, str], Bout], **more: dict[str, tuple[str, ...]]) -> Annotations:
    channels = {f"{agent} on {target}": (bout,) for (agent, target), bout in bouts.items()}
    pairs = dict(zip(channels, bouts, strict=True))
    return Annotations(name, channels, OTHER, f"{name}.csv", pairs=pairs, **more)


FIRST = annotated("first", {("a", "b"): Bout(2, 5, "attack"), ("b", "a"): Bout(5, 9, "flee")})
SECOND = annotated("second", {("c", "c"): Bout(0, 4, "rear")})


def test_every_pair_gets_its_labels_over_one_vocabulary_that_ends_in_nothing() -> None:
    first, second = attach_pairs([recording("first"), recording("second")], [FIRST, SECOND], notify=lambda _: None)
    assert set(first.labels) == {"a-b", "b-a", "c"}
    assert first.labels["a-b"].behaviours == ("attack", "flee", "rear", OTHER)
    assert first.labels["a-b"].pair == ("a", "b")
    assert first.labels["a-b"].values[:6].tolist() == [3, 3, 0, 0, 0, 3]
    assert second.labels["c"].values[:5].tolist() == [2, 2, 2, 2, 3]


def test_without_a_list_a_pair_without_bouts_did_nothing() -> None:
    first, second = attach_pairs([recording("first"), recording("second")], [FIRST, SECOND], notify=lambda _: None)
    assert (first.labels["c"].values == 3).all()
    assert (second.labels["a-b"].values == 3).all()


def test_with_a_list_only_listed_pairs_have_labels() -> None:
    listed = annotated("first", {("a", "b"): Bout(2, 5, "attack")}, asked={"a on b": ("attack", OTHER)})
    other = annotated("second", {("b", "a"): Bout(2, 5, "flee")}, asked={"b on a": ("attack", "flee", OTHER)})
    first, second = attach_pairs([recording("first"), recording("second")], [listed, other], notify=lambda _: None)
    assert set(first.labels) == {"a-b"}
    assert first.labels["a-b"].asked == ("attack", OTHER)
    assert second.labels["b-a"].asked == ("attack", "flee", OTHER)


def test_an_unscored_behaviour_leaves_its_frames_unjudged() -> None:
    (first,) = attach_pairs([recording("first")], [FIRST], ("flee",), lambda _: None)
    assert first.labels["b-a"].behaviours == ("attack", OTHER)
    assert (first.labels["b-a"].values[5:9] == -1).all()


def test_labels_survive_as_annotations_of_their_recordings() -> None:
    attached = attach_pairs([recording("first")], [FIRST], notify=lambda _: None)
    again = annotations_from_recordings(attached)
    assert are_of_pairs(again)
    (once_more,) = attach_pairs([recording("first")], again, notify=lambda _: None)
    assert once_more.labels["b-a"].values.tolist() == attached[0].labels["b-a"].values.tolist()
    assert labelled_by_pairs([once_more])


def test_an_animal_that_the_tracks_do_not_have_is_an_error_that_names_it() -> None:
    unknown = annotated("first", {("a", "resident"): Bout(2, 5, "attack"), ("a", "b"): Bout(6, 7, "attack")})
    with pytest.raises(InputError, match=r"first\.csv.*a, b, c.*resident"):
        attach_pairs([recording("first")], [unknown], notify=lambda _: None)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([FIRST], True),
        ([Annotations("v", {"x": (Bout(0, 1, "a"),), "y": (Bout(0, 1, "a"),)})], False),
        ([annotated("v", {("a", "b"): Bout(0, 1, "attack")})], False),
        ([annotated("v", {("a", "b"): Bout(0, 1, "attack")}, asked={"a on b": ("attack",)})], True),
    ],
)
def test_several_channels_with_pairs_or_one_with_a_list_say_who_does_what(
    annotations: list[Annotations], expected: bool
) -> None:
    assert are_of_pairs(annotations) is expected


@pytest.mark.parametrize(("animal", "expected"), [("a", ("a", "a")), ("black mouse", None)])
def test_one_channel_keeps_its_pair_only_where_the_tracks_have_its_animals(
    animal: str, expected: tuple[str, str] | None
) -> None:
    alone = annotated("first", {(animal, animal): Bout(2, 5, "rear")})
    (labelled,) = attach([recording("first")], [alone], None, notify=lambda _: None)
    (labels,) = labelled.labels.values()
    assert labels.pair == expected
