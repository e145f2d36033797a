from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import bento, boris, caltech, frame_csv
from ssl_behavior.formats.annotations.read import read_annotations, read_labels
from ssl_behavior.formats.annotations.values import uncovered
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.recordings.annotations import Annotations, merged_vocabulary
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.matching import attach, choose_channel, from_recordings
from ssl_behavior.recordings.recording import Recording, Skeleton


def recording(name: str, frames: int = 10, labels: Mapping[str, Labels] | None = None) -> Recording:
    return Recording(name, np.zeros((frames, 1, 1, 2)), ("m",), Skeleton(("nose",)), 30.0, labels=labels or {})


def annotation(name: str, bouts: Sequence[tuple[int, int, str]], channel: str = "S1", **known: object) -> Annotations:
    return Annotations(name, {channel: tuple(Bout(*bout) for bout in bouts)}, source=f"{name}_annot.txt", **known)  # type: ignore[arg-type]


def test_the_format_is_found_from_the_content(tmp_path: Path) -> None:
    given = annotation("v", [(0, 3, "a"), (5, 9, "b")], "label", frames=9)
    for module, name in [(caltech, "1"), (bento, "2"), (boris, "3"), (frame_csv, "4")]:
        module.write(tmp_path / f"{name}.csv", given, 30.0)
        (found,) = read_annotations(tmp_path / f"{name}.csv")
        assert found.channels == given.channels, module.NAME


def test_folders_hold_tracks_and_bouts_beside_annotations(tmp_path: Path) -> None:
    frame_csv.write(tmp_path / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    (tmp_path / "v.bouts.csv").write_text("behaviour,start_frame\n")
    (tmp_path / "v2DLC_x.csv").write_text("scorer,x\nbodyparts,nose\n")
    (tmp_path / "v.mp4").write_bytes(b"\0")
    assert [one.id for one in read_annotations(tmp_path)] == ["v"]


def test_bad_files_are_errors_or_skipped_and_told(tmp_path: Path) -> None:
    frame_csv.write(tmp_path / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    (tmp_path / "notes.txt").write_text("nothing to see\n")
    with pytest.raises(InputError, match=r"notes\.txt: expected annotations"):
        read_annotations(tmp_path)
    told: list[str] = []
    assert len(read_annotations(tmp_path, skip_bad_files=True, notify=told.append)) == 1
    assert "notes.txt" in told[0]
    with pytest.raises(InputError, match=r"notes\.txt"):
        read_annotations(tmp_path / "notes.txt", skip_bad_files=True, notify=told.append)
    with pytest.raises(InputError, match="not known"):
        read_annotations(tmp_path, format="excel")


def test_one_video_annotated_twice_is_an_error(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        frame_csv.write(tmp_path / folder / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    with pytest.raises(InputError, match="'v' is annotated twice"):
        read_annotations(tmp_path)


def test_two_files_of_one_video_are_told_how_to_name_those_of_one_kind(tmp_path: Path) -> None:
    """As in the folder ``review`` of predictions, of which one file was corrected."""
    for name in ("1", "2"):
        caltech.write(tmp_path / f"{name}_annot.txt", annotation(name, [(0, 3, "a")], frames=3))
        boris.write(tmp_path / f"{name}.boris", annotation(name, [(0, 3, "a")], frames=3), 30.0)
    with pytest.raises(InputError, match=r"give files of one kind only, --annotations '(.*)' or") as error:
        read_annotations(tmp_path)
    for pattern in (tmp_path / "*_annot.txt", tmp_path / "*.boris"):
        assert f"--annotations '{pattern}'" in str(error.value)
        assert [one.id for one in read_annotations(pattern)] == ["1", "2"]


def test_attached_labels() -> None:
    given = [annotation("1", [(0, 4, "base"), (4, 6, "b"), (6, 12, "a")]), annotation("2", [(2, 10, "a")])]
    told: list[str] = []
    one, two = attach([recording("2"), recording("1"), recording("3")][1::-1], given, None, ["base"], told.append)
    assert (one.id, two.id) == ("1", "2")
    assert one.labels["S1"].behaviours == two.labels["S1"].behaviours == ("a", "b")
    assert one.labels["S1"].values.tolist() == [-1, -1, -1, -1, 1, 1, 0, 0, 0, 0]
    assert two.labels["S1"].values.tolist() == [-1, -1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert told == ["frames annotated past the end of the tracks, dropped: 2 in 1"]


def test_what_does_not_match_is_told_or_an_error() -> None:
    given = [annotation("1", [(0, 4, "a")]), annotation("9", [(0, 4, "b")]), annotation("2", [(0, 4, "x")], "S2")]
    tracks = [recording("1"), recording("2"), recording("3")]
    with pytest.raises(InputError, match="annotations without tracks: 9"):
        attach(tracks, given, "S1", notify=lambda _: None)
    told: list[str] = []
    (found,) = attach(tracks, given, "S1", notify=told.append, strict=False)
    assert found.id == "1"
    assert told == [
        "annotations without tracks, left out: 9",
        "tracks without annotations, left out: 3",
        "annotations without channel S1, left out: 2",
    ]
    with pytest.raises(
        InputError, match="no annotation matches a video: the tracks are of 7; the annotations are of 1"
    ):
        attach([recording("7")], given[:1], None)


def test_overlapping_bouts_are_told_and_the_later_holds() -> None:
    told: list[str] = []
    (found,) = attach([recording("1")], [annotation("1", [(4, 10, "b"), (0, 6, "a")])], None, notify=told.append)
    assert found.labels["S1"].values.tolist() == [0] * 4 + [1] * 6
    assert told == ["frames with two behaviours at once, of which the one that starts later holds: 2 in 1"]


def test_the_channel_must_be_clear() -> None:
    given = [annotation("1", [(0, 4, "a")]), annotation("2", [(0, 4, "x")], "S2")]
    assert choose_channel(given[:1], None) == "S1"
    with pytest.raises(InputError, match="S1, S2; choose one with --channel"):
        choose_channel(given, None)
    with pytest.raises(InputError, match="no channel 'S3'; the channels are S1, S2"):
        choose_channel(given, "S3")


def test_leaving_everything_unscored_is_an_error() -> None:
    with pytest.raises(InputError, match="no behaviour but a"):
        attach([recording("1")], [annotation("1", [(0, 4, "a")])], None, ["a"])


def test_labels_of_recordings_survive_with_order_pair_and_unused_behaviours() -> None:
    labels = Labels(("z", "never", "a"), np.array([0, 0, -1, 2, 2, -1, -1, 0, 2, -1]), ("m", "m"))
    given = recording("1", labels={"task1": labels})
    (found,) = attach([given], from_recordings([given, recording("2")]), None)
    assert found.labels["task1"].behaviours == labels.behaviours
    assert found.labels["task1"].pair == ("m", "m")
    np.testing.assert_array_equal(found.labels["task1"].values, labels.values)


def test_merged_vocabularies_keep_each_order() -> None:
    assert merged_vocabulary([("social", "nonsocial"), ("aggression", "social")]) == (
        "aggression",
        "social",
        "nonsocial",
    )
    assert merged_vocabulary([("b",), ("a",), ("c", "a")]) == ("b", "c", "a")
    assert merged_vocabulary([("a", "b"), ("b", "a")]) == ("a", "b")


def test_uncovered_stretches() -> None:
    assert uncovered([Bout(0, 2, "a"), Bout(4, 5, "a"), Bout(5, 6, "b")], 8) == [(2, 4), (6, 8)]
    assert uncovered([], 3) == [(0, 3)]
    assert uncovered([Bout(0, 3, "a")], 3) == []


@pytest.mark.real
def test_real_annotations_share_an_order(shared_data) -> None:
    found = read_annotations(shared_data("dyads/annotations"))
    tracks = [recording(one.id, one.frames or 0) for one in found]
    attached = attach(tracks, found, "S1", ["base"], lambda _: None)
    assert len(attached) == 40
    assert {one.labels["S1"].behaviours for one in attached} == {("aggression", "social", "nonsocial")}
    assert sum(int((one.labels["S1"].values >= 0).sum()) for one in attached) == 481_003


def test_no_reader_lets_another_error_out(tmp_path: Path) -> None:
    frame_csv.write(tmp_path / "good.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    (tmp_path / "long.csv").write_text("frame,label\n0," + "a" * 200_000 + "\n")
    (tmp_path / "latin.boris").write_bytes(b'{"behaviors_conf": {"0": "\xe9"}}')
    (tmp_path / "inf.csv").write_text("frame,label\ninf,a\n")
    told: list[str] = []
    assert len(read_annotations(tmp_path, skip_bad_files=True, notify=told.append)) == 1
    assert len(told) == 3
    for name in ("long.csv", "latin.boris", "inf.csv"):
        assert any(name in notice for notice in told)
        with pytest.raises(InputError, match=name):
            read_annotations(tmp_path / name)


def test_each_video_has_its_own_rate(tmp_path: Path) -> None:
    text = "Observation id,Subject,Behavior,Start (s),Stop (s)\na,m,r,1,2\nb,m,r,1,2\nc,m,r,1,2\n"
    (tmp_path / "x.csv").write_text(text)
    found = read_annotations(tmp_path / "x.csv", frame_rate={"a": 10.0, "b": 50.0})
    assert [one.channels["m"] for one in found] == [
        (Bout(10, 20, "r"),),
        (Bout(50, 100, "r"),),
        (Bout(30, 60, "r"),),  # of no known video: the median
    ]
    for wrong in (0.0, float("nan"), {"a": -1.0}):
        with pytest.raises(InputError, match="positive number of Hz"):
            read_annotations(tmp_path / "x.csv", frame_rate=wrong)


def test_labels_come_from_annotations_and_from_tracks(tmp_path: Path) -> None:
    labels = Labels(("attack", "other"), np.array([0, 0, 1]))
    tracks = Recording(
        "t", np.ones((3, 2, 7, 2)), calms21.INDIVIDUALS, calms21.SKELETON, 30.0, labels={"behaviour": labels}
    )
    calms21.write(tmp_path / "t.npy", [tracks])
    frame_csv.write(tmp_path / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    annotations, recordings = read_labels(tmp_path)
    assert {one.id: list(one.channels) for one in annotations} == {"t": ["behaviour"], "v": ["label"]}
    assert [one.id for one in recordings] == ["t"]
    frame_csv.write(tmp_path / "t.csv", annotation("t", [(0, 3, "a")], "label", frames=9))
    with pytest.raises(InputError, match="'t' is annotated twice"):
        read_labels(tmp_path)
    calms21.write(tmp_path / "bare" / "t.npy", [replace(tracks, labels={})])
    with pytest.raises(InputError, match=r"t\.npy: expected tracks with labels"):
        read_labels(tmp_path / "bare")
