"""Tracks and annotations read together: whose labels hold, and what each mistake says."""

from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.labelled import add_labels, choose_videos, own_labels, read_labelled
from ssl_behavior.formats.tracks import native
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.recording import Recording, Skeleton

FRAMES = 8


def recording(name: str, labels: dict[str, Labels] | None = None, series: dict[str, np.ndarray] | None = None):
    positions = np.ones((FRAMES, 2, 1, 2))
    return Recording(name, positions, ("m1", "m2"), Skeleton(("nose",)), 30.0, labels=labels or {}, series=series or {})


def groom(frames: slice) -> dict[str, Labels]:
    values = np.ones(FRAMES, np.int16)
    values[frames] = 0
    return {"own": Labels(("groom", "other"), values)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tracks of a, b and c; labels in the tracks of a and b; annotations of b and c, in channels S1 and S2."""
    native.write(
        tmp_path / "tracks", [recording("a", groom(np.s_[:2])), recording("b", groom(np.s_[2:])), recording("c")]
    )
    for name, start in (("b", 1), ("c", 4)):
        channels = {"S1": (Bout(start, start + 3, "fight"),), "S2": (Bout(0, 5, "rest"),)}
        caltech.write(
            tmp_path / "annotations" / f"{name}_annot.txt", Annotations(name, channels, "base", frames=FRAMES)
        )
    return tmp_path


def test_without_annotations_the_labels_in_the_tracks_files_hold(folder: Path) -> None:
    a, b = read_labelled(folder / "tracks")
    assert (a.id, b.id) == ("a", "b")
    assert a.labels["own"].values.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]


def test_annotations_take_the_place_of_the_labels_in_the_tracks_files(folder: Path) -> None:
    b, c = read_labelled(folder / "tracks", folder / "annotations", "S1", unscored=("base",))
    assert [list(one.labels) for one in (b, c)] == [["S1"], ["S1"]]
    assert b.labels["S1"].behaviours == ("fight",)
    assert b.labels["S1"].values.tolist() == [-1, 0, 0, 0, -1, -1, -1, -1]
    assert c.labels["S1"].values.tolist() == [-1, -1, -1, -1, 0, 0, 0, -1]


def test_labels_of_an_agent_and_a_target_name_the_pair(folder: Path) -> None:
    (a,) = read_labelled(folder / "tracks", agent="m2", target="m1", videos=["a"])
    assert a.labels["own"].pair == ("m2", "m1")


def test_videos_without_the_channel_are_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only_s2 = Annotations("a", {"S2": (Bout(0, 5, "rest"),)}, "base", frames=FRAMES)
    caltech.write(folder / "annotations" / "a_annot.txt", only_s2)
    (b,) = read_labelled(folder / "tracks", folder / "annotations", "S1", videos=("a", "b"))
    assert b.id == "b"
    assert "annotations without channel S1, left out: a" in capsys.readouterr().out
    with pytest.raises(InputError, match="channel S1: expected annotations of some recordings"):
        read_labelled(folder / "tracks", folder / "annotations", "S1", videos=("a",))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"agent": "m1"}, "--agent and --target together"),
        ({"agent": "m1", "target": "m1"}, "expected two individuals of m1, m2"),
        ({"channel": "S9"}, "no channel 'S9'"),
        ({"unscored": ["nap"]}, "--unscored nap.* groom, other"),
        ({"videos": ["z"]}, "--videos z: expected ids among the recordings; found a, b, c"),
        ({"videos": ["c"]}, "--videos c: expected ids among the annotations; found a, b"),
    ],
)
def test_what_does_not_go_together_is_an_error(folder: Path, given: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labelled(folder / "tracks", **given)


def test_tracks_without_labels_need_annotations(folder: Path) -> None:
    with pytest.raises(InputError, match=r"c\.safetensors: expected labels .*--annotations"):
        read_labelled(folder / "tracks" / "c.safetensors")


def test_added_labels_leave_recordings_without_any_where_they_are(folder: Path) -> None:
    recordings = [recording("a", groom(np.s_[:2])), recording("b", groom(np.s_[2:])), recording("c")]
    of_one = add_labels(recordings, folder / "annotations", "S1", (), every_channel=True)
    assert [list(one.labels) for one in of_one] == [["own"], ["S1"], ["S1"]]
    of_every = add_labels(recordings, folder / "annotations", None, ("rest", "base"), every_channel=True)
    assert [list(one.labels) for one in of_every] == [["own"], ["own", "S1"], ["S1"]]
    with pytest.raises(InputError, match="several channels are annotated: S1, S2"):
        add_labels(recordings, folder / "annotations", None, (), every_channel=False)


def test_own_labels_are_reduced_to_one_channel_and_its_scored_behaviours() -> None:
    speed = {"speed": np.arange(FRAMES, dtype=float)}
    recordings = [recording("a", groom(np.s_[:2]), speed), recording("c")]
    a, c = own_labels(recordings, "own", ("other",), "the files")
    assert a.labels["own"].values.tolist() == [0, 0, -1, -1, -1, -1, -1, -1]
    assert (dict(a.series), dict(c.labels)) == ({}, {})
    (a, _) = own_labels(recordings, "speed", (), "the files")
    assert (dict(a.labels), list(a.series)) == ({}, ["speed"])
    with pytest.raises(InputError, match="--channel S1: expected a channel of the files; found own, speed"):
        own_labels(recordings, "S1", (), "the files")


def test_videos_are_chosen_in_the_order_of_the_recordings() -> None:
    recordings = [recording(name) for name in "abc"]
    assert [one.id for one in choose_videos(recordings, ("c", "a"))] == ["a", "c"]
    assert choose_videos(recordings, ()) == recordings
    with pytest.raises(InputError, match="--videos d: expected ids among the recordings; found a, b, c"):
        choose_videos(recordings, ("d",))
