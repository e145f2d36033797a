"""The container of tracks: what it refuses, and how it prints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.content_hash import ContentHash, fingerprint
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

PAIR = Recording(
    "day1/a",
    np.ones((1200, 2, 3, 2)),
    ("resident", "intruder"),
    Skeleton(("nose", "neck", "tail")),
    29.97,
    labels={"behaviour": Labels(("attack", "other"), np.zeros(1200))},
    source="tracks/a.csv",
)


def test_a_recording_prints_as_two_lines() -> None:
    assert repr(PAIR).splitlines() == [
        "Recording 'day1/a': 1,200 frames at 29.97 Hz; individuals: resident, intruder",
        "  keypoints: nose, neck, tail; labels: behaviour; source: tracks/a.csv",
    ]


def test_long_lists_of_names_are_cut_and_missing_ones_are_none() -> None:
    names = tuple(f"k{i}" for i in range(24))
    bare = Recording("a", np.ones((1, 1, 24, 2)), ("m",), Skeleton(names), 30.0)
    assert repr(bare).splitlines() == [
        "Recording 'a': 1 frame at 30 Hz; individuals: m",
        "  keypoints: k0, k1, k2, k3, k4, k5, k6, k7 and 16 more; labels: none; source: none",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": np.ones((5, 2, 3))}, r"\(time, individual, keypoint, space\)"),
        ({"positions": np.ones((5, 2, 4, 2))}, "3 keypoints"),
        ({"individuals": ("m", "m")}, "individuals' names must differ"),
        ({"confidence": np.ones((5, 2, 3))}, "confidence has shape"),
        ({"frame_rate": 0.0}, "positive number of Hz"),
        ({"series": {"speed": np.ones(5)}}, "'speed' has 5 frames"),
    ],
)
def test_arrays_and_names_that_disagree_are_an_error_that_names_the_file(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=rf"tracks/a\.csv \(day1/a\): .*{message}"):
        replace(PAIR, **changes)


def test_a_content_hash_holds_only_for_the_arrays_it_came_with() -> None:
    arrays = (PAIR.positions, None)
    stored = ContentHash("stored", arrays)
    assert fingerprint(arrays, stored) == "stored"
    assert fingerprint((PAIR.positions.copy(), None), stored) == PAIR.fingerprint() != "stored"
