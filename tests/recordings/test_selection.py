"""Recordings and labels chosen by name."""

from __future__ import annotations

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.selection import choose_videos, select_labels
from ssl_behavior.recordings.skeleton import Skeleton

FRAMES = 4


def recording(name: str, labelled: bool = False) -> Recording:
    labels = {"own": Labels(("groom", "other"), np.array([0, 0, 1, 1]))} if labelled else {}
    series = {"speed": np.arange(FRAMES, dtype=float)} if labelled else {}
    positions = np.ones((FRAMES, 1, 1, 2))
    return Recording(name, positions, ("m",), Skeleton(("nose",)), 30.0, labels=labels, series=series)


def test_only_the_chosen_channel_stays_and_unscored_behaviours_leave_it() -> None:
    a, c = select_labels([recording("a", labelled=True), recording("c")], "own", ("other",), "the files")
    assert a.labels["own"].behaviours == ("groom",)
    assert a.labels["own"].values.tolist() == [0, 0, -1, -1]
    assert (dict(a.series), dict(c.labels)) == ({}, {})


def test_a_series_is_chosen_by_its_name() -> None:
    (a,) = select_labels([recording("a", labelled=True)], "speed", (), "the files")
    assert (dict(a.labels), list(a.series)) == ({}, ["speed"])


def test_names_of_no_channel_and_no_behaviour_are_errors() -> None:
    recordings = [recording("a", labelled=True)]
    with pytest.raises(InputError, match="--channel S1: expected a channel of the files; found own, speed"):
        select_labels(recordings, "S1", (), "the files")
    with pytest.raises(InputError, match=r"--unscored othr: .*groom, other"):
        select_labels(recordings, "own", ("othr",), "the files")


def test_videos_are_chosen_in_the_order_of_the_recordings() -> None:
    recordings = [recording(name) for name in "abc"]
    assert [chosen.id for chosen in choose_videos(recordings, ("c", "a"))] == ["a", "c"]
    assert choose_videos(recordings, ()) == recordings
    with pytest.raises(InputError, match="--videos d: expected ids among the recordings; found a, b, c"):
        choose_videos(recordings, ("d",))


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (("day1/*",), ["day1/a", "day1/b"]),
        (("day2_a",), ["day2/a"]),
        (("b",), ["day1/b"]),
        (("[x]", "day2/?"), ["day2/a", "[x]"]),
    ],
)
def test_videos_are_chosen_by_patterns_and_by_names_of_files(named: tuple[str, ...], expected: list[str]) -> None:
    recordings = [recording(name) for name in ("day1/a", "day1/b", "day2/a", "[x]")]
    assert [chosen.id for chosen in choose_videos(recordings, named)] == expected


@pytest.mark.parametrize(
    ("named", "message"), [("day3/*", "--videos day3/[*]: expected ids"), ("a", "found that of day1/a, day2/a")]
)
def test_a_pattern_or_name_of_none_or_several_is_an_error(named: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_videos([recording("day1/a"), recording("day2/a")], (named,))
