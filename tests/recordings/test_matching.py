"""Annotations matched with the recordings they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import Annotations, merge_vocabularies
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.matching import annotations_from_recordings, attach, choose_channel
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton


def recording(name: str, frames: int = 10, labels: Mapping[str, Labels] | None = None) -> Recording:
    return Recording(name, np.zeros((frames, 1, 1, 2)), ("m",), Skeleton(("nose",)), 30.0, labels=labels or {})


def annotation(name: str, bouts: Sequence[tuple[int, int, str]], channel: str = "S1", **fields: object) -> Annotations:
    return Annotations(name, {channel: tuple(Bout(*bout) for bout in bouts)}, source=f"{name}_annot.txt", **fields)  # type: ignore[arg-type]


def test_attached_labels_share_one_vocabulary_and_end_with_the_tracks() -> None:
    annotations = [annotation("1", [(0, 4, "base"), (4, 6, "b"), (6, 12, "a")]), annotation("2", [(2, 10, "a")])]
    notices: list[str] = []
    first, second = attach([recording("1"), recording("2")], annotations, None, ["base"], notices.append)
    assert (first.id, second.id) == ("1", "2")
    assert first.labels["S1"].behaviours == second.labels["S1"].behaviours == ("a", "b")
    assert first.labels["S1"].values.tolist() == [-1, -1, -1, -1, 1, 1, 0, 0, 0, 0]
    assert second.labels["S1"].values.tolist() == [-1, -1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert notices == ["frames annotated past the end of the tracks, dropped: 2 in 1"]


def test_videos_without_a_match_are_left_out_with_a_notice_or_are_an_error() -> None:
    annotations = [annotation("1", [(0, 4, "a")]), annotation("9", [(0, 4, "b")]), annotation("2", [(0, 4, "x")], "S2")]
    tracks = [recording("1"), recording("2"), recording("3")]
    with pytest.raises(InputError, match="annotations without tracks: 9"):
        attach(tracks, annotations, "S1", notify=lambda _: None)
    notices: list[str] = []
    (labelled,) = attach(tracks, annotations, "S1", notify=notices.append, strict=False)
    assert labelled.id == "1"
    assert notices == [
        "annotations without tracks, left out: 9",
        "tracks without annotations, left out: 3",
        "annotations without channel S1, left out: 2",
    ]
    with pytest.raises(
        InputError, match="no annotation matches a video: the tracks are of 7; the annotations are of 1"
    ):
        attach([recording("7")], annotations[:1], None)


def test_the_later_of_overlapping_bouts_holds_with_a_notice() -> None:
    notices: list[str] = []
    (labelled,) = attach([recording("1")], [annotation("1", [(4, 10, "b"), (0, 6, "a")])], None, notify=notices.append)
    assert labelled.labels["S1"].values.tolist() == [0] * 4 + [1] * 6
    (notice,) = notices
    assert "two behaviours at once" in notice
    assert "2 in 1" in notice


def test_several_channels_need_a_choice() -> None:
    annotations = [annotation("1", [(0, 4, "a")]), annotation("2", [(0, 4, "x")], "S2")]
    assert choose_channel(annotations[:1], None) == "S1"
    with pytest.raises(InputError, match="S1, S2; choose one with --channel"):
        choose_channel(annotations, None)
    with pytest.raises(InputError, match="no channel 'S3'; the channels are S1, S2"):
        choose_channel(annotations, "S3")


def test_leaving_everything_unscored_is_an_error() -> None:
    with pytest.raises(InputError, match="no behaviour but a"):
        attach([recording("1")], [annotation("1", [(0, 4, "a")])], None, ["a"])


def test_labels_of_recordings_keep_their_order_pair_and_unused_behaviours() -> None:
    labels = Labels(("z", "never", "a"), np.array([0, 0, -1, 2, 2, -1, -1, 0, 2, -1]), ("m", "m"))
    original = recording("1", labels={"task1": labels})
    (labelled,) = attach([original], annotations_from_recordings([original, recording("2")]), None)
    assert labelled.labels["task1"].behaviours == labels.behaviours
    assert labelled.labels["task1"].pair == ("m", "m")
    np.testing.assert_array_equal(labelled.labels["task1"].values, labels.values)


def test_merged_vocabularies_keep_the_order_of_each() -> None:
    assert merge_vocabularies([("social", "nonsocial"), ("aggression", "social")]) == (
        "aggression",
        "social",
        "nonsocial",
    )
    assert merge_vocabularies([("b",), ("a",), ("c", "a")]) == ("b", "c", "a")
    assert merge_vocabularies([("a", "b"), ("b", "a")]) == ("a", "b")


def test_behaviours_that_differ_in_writing_only_are_noticed() -> None:
    notices: list[str] = []
    annotations = [annotation("1", [(0, 6, "groom"), (6, 8, "rear")]), annotation("2", [(0, 6, "Groom")])]
    attach([recording("1"), recording("2")], annotations, None, notify=notices.append)
    (notice,) = [notice for notice in notices if "differ in writing only" in notice]
    assert "groom, Groom" in notice or "Groom, groom" in notice
    assert "rear" not in notice
