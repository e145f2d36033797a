"""Tracks and annotations read together: which labels hold, and what the error of each mistake says."""

from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.cli.inputs import LabelledTracksConfig
from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.labelled import add_labels, read_labelled
from ssl_behavior.formats.tracks import native
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

FRAMES = 8


def recording(name: str, labels: dict[str, Labels] | None = None) -> Recording:
    positions = np.ones((FRAMES, 2, 1, 2))
    return Recording(name, positions, ("m1", "m2"), Skeleton(("nose",)), 30.0, labels=labels or {})


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


def test_without_annotations_the_labels_in_the_files_of_the_tracks_hold(folder: Path) -> None:
    a, b = read_labelled(folder / "tracks")
    assert (a.id, b.id) == ("a", "b")
    assert a.labels["own"].values.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]


def test_annotations_replace_the_labels_in_the_files_of_the_tracks(folder: Path) -> None:
    b, c = read_labelled(folder / "tracks", folder / "annotations", "S1", unscored=("base",))
    assert [list(labelled.labels) for labelled in (b, c)] == [["S1"], ["S1"]]
    assert b.labels["S1"].behaviours == ("fight",)
    assert b.labels["S1"].values.tolist() == [-1, 0, 0, 0, -1, -1, -1, -1]
    assert c.labels["S1"].values.tolist() == [-1, -1, -1, -1, 0, 0, 0, -1]


def test_labels_of_an_agent_and_a_target_name_the_pair(folder: Path) -> None:
    (a,) = read_labelled(folder / "tracks", agent="m2", target="m1", videos=["a"])
    assert a.labels["own"].pair == ("m2", "m1")


def test_a_single_name_stands_for_a_list_of_one(folder: Path) -> None:
    (found,) = read_labelled(folder / "tracks", unscored="other", videos="b")
    assert found.id == "b"
    assert found.labels["own"].behaviours == ("groom",)


def test_videos_without_the_channel_are_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only_s2 = Annotations("a", {"S2": (Bout(0, 5, "rest"),)}, "base", frames=FRAMES)
    caltech.write(folder / "annotations" / "a_annot.txt", only_s2)
    (b,) = read_labelled(folder / "tracks", folder / "annotations", "S1", videos=("a", "b"))
    assert b.id == "b"
    assert "annotations without channel S1, left out: a" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"channel S1: .*--channel"):
        read_labelled(folder / "tracks", folder / "annotations", "S1", videos=("a",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"agent": "m1"}, "--agent and --target together"),
        ({"agent": "m1", "target": "m1"}, "expected two individuals of m1, m2"),
        ({"channel": "S9"}, "no channel 'S9'"),
        ({"unscored": ["nap"]}, "--unscored nap.* groom, other"),
        ({"videos": ["z"]}, "--videos z: expected ids among the recordings; found a, b, c"),
        ({"videos": ["c"]}, "--videos c: expected ids among the annotations; found a, b"),
    ],
)
def test_arguments_that_contradict_the_files_or_each_other_are_an_error(
    folder: Path, arguments: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_labelled(folder / "tracks", **arguments)


def test_tracks_without_labels_need_annotations(folder: Path) -> None:
    with pytest.raises(InputError, match=r"c: expected labels .*--annotations"):
        read_labelled(folder / "tracks" / "c.safetensors")


def test_recordings_without_annotations_stay_when_labels_are_added(folder: Path) -> None:
    recordings = [recording("a", groom(np.s_[:2])), recording("b", groom(np.s_[2:])), recording("c")]
    one_channel = add_labels(recordings, folder / "annotations", "S1", (), every_channel=True)
    assert [list(labelled.labels) for labelled in one_channel] == [["own"], ["S1"], ["S1"]]
    all_channels = add_labels(recordings, folder / "annotations", None, ("rest", "base"), every_channel=True)
    assert [list(labelled.labels) for labelled in all_channels] == [["own"], ["own", "S1"], ["S1"]]
    with pytest.raises(InputError, match="several channels are annotated: S1, S2"):
        add_labels(recordings, folder / "annotations", None, (), every_channel=False)


def test_recordings_that_stay_without_labels_are_not_said_to_be_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caltech.write(folder / "annotations" / "b_annot.txt", Annotations("b", {"S2": (Bout(0, 5, "rest"),)}, "base"))
    recordings = [recording(name) for name in ("a", "b", "c")]
    assert len(add_labels(recordings, folder / "annotations", "S1", (), every_channel=True)) == 3
    printed = capsys.readouterr().out
    assert "tracks without annotations, kept as they are: a" in printed
    assert "annotations without channel S1, kept as they are: b" in printed
    assert "left out" not in printed


def test_annotations_without_tracks_are_said_once_when_all_channels_are_added(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_labels([recording("c")], folder / "annotations", None, (), every_channel=True)
    assert capsys.readouterr().out.count("annotations without tracks, left out: b") == 1


def test_commands_that_need_labels_print_the_number_of_individuals_and_pairs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = LabelledTracksConfig(recordings=(folder / "tracks",))
    assert [labelled.id for labelled in config.read_labelled()] == ["a", "b"]
    assert "2 individuals in each of 3 recordings, which make 2 ordered pairs" in capsys.readouterr().out


def test_an_agent_without_a_target_is_an_error_before_any_file_is_read() -> None:
    with pytest.raises(InputError, match="--agent and --target together"):
        LabelledTracksConfig(recordings=(Path("nowhere"),), agent="m1").read_labelled()


def test_a_word_that_readers_take_for_unscored_may_be_named_as_such(folder: Path) -> None:
    (folder / "words").mkdir()
    (folder / "words" / "a.csv").write_text("label\nna\nfight\nfight\nna\nrest\nrest\nrest\nrest\n")
    (a,) = read_labelled(folder / "tracks", folder / "words", unscored=("na",), videos=("a",))
    assert a.labels["label"].values.tolist() == [-1, 0, 0, -1, 1, 1, 1, 1]


def test_annotations_without_a_behaviour_are_refused_as_such(folder: Path) -> None:
    (folder / "words").mkdir()
    (folder / "words" / "a.csv").write_text("label\nNaN\nNaN\n")
    with pytest.raises(InputError, match=r"a\.csv: channel label: expected behaviours; found unscored frames only"):
        read_labelled(folder / "tracks", folder / "words", videos=("a",))
