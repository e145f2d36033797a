"""Annotations of any format: detection, errors, and labels that tracks carry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import bento, boris, caltech, frame_csv
from ssl_behavior.formats.annotations.read import read_annotations, read_labels
from ssl_behavior.formats.annotations.values import gaps_between
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.matching import attach
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.recordings.videos import Video, Videos


def recording(name: str, frames: int = 10, labels: Mapping[str, Labels] | None = None) -> Recording:
    return Recording(name, np.zeros((frames, 1, 1, 2)), ("m",), Skeleton(("nose",)), 30.0, labels=labels or {})


def annotation(name: str, bouts: Sequence[tuple[int, int, str]], channel: str = "S1", **fields: object) -> Annotations:
    return Annotations(name, {channel: tuple(Bout(*bout) for bout in bouts)}, source=f"{name}_annot.txt", **fields)  # type: ignore[arg-type]


def test_the_content_decides_the_format(tmp_path: Path) -> None:
    original = annotation("v", [(0, 3, "a"), (5, 9, "b")], "label", frames=9)
    for module, name in [(caltech, "1"), (bento, "2"), (boris, "3"), (frame_csv, "4")]:
        module.write(tmp_path / f"{name}.csv", original, 30.0)
        (annotations,) = read_annotations(tmp_path / f"{name}.csv")
        assert annotations.channels == original.channels, module.NAME


def test_folders_hold_tracks_and_bouts_beside_annotations(tmp_path: Path) -> None:
    frame_csv.write(tmp_path / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    (tmp_path / "v.bouts.csv").write_text("behaviour,start_frame\n")
    (tmp_path / "v2DLC_x.csv").write_text("scorer,x\nbodyparts,nose\n")
    (tmp_path / "v.mp4").write_bytes(b"\0")
    assert [item.id for item in read_annotations(tmp_path)] == ["v"]


def test_bad_files_are_errors_or_are_skipped_with_a_notice(tmp_path: Path) -> None:
    frame_csv.write(tmp_path / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    (tmp_path / "notes.txt").write_text("nothing to see\n")
    with pytest.raises(InputError, match=r"notes\.txt: expected annotations"):
        read_annotations(tmp_path)
    notices: list[str] = []
    assert len(read_annotations(tmp_path, skip_bad_files=True, notify=notices.append)) == 1
    assert "notes.txt" in notices[0]
    with pytest.raises(InputError, match=r"notes\.txt"):
        read_annotations(tmp_path / "notes.txt", skip_bad_files=True, notify=notices.append)
    with pytest.raises(InputError, match="not known"):
        read_annotations(tmp_path, format="excel")


def test_one_video_annotated_twice_is_an_error(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        frame_csv.write(tmp_path / folder / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    with pytest.raises(InputError, match="'v' is annotated twice"):
        read_annotations(tmp_path)


def test_the_error_of_two_files_of_one_video_offers_globs_for_one_kind(tmp_path: Path) -> None:
    """The folder ``review`` of predictions has such files."""
    for name in ("1", "2"):
        caltech.write(tmp_path / f"{name}_annot.txt", annotation(name, [(0, 3, "a")], frames=3))
        boris.write(tmp_path / f"{name}.boris", annotation(name, [(0, 3, "a")], frames=3), 30.0)
    with pytest.raises(InputError, match=r"give files of one kind only, --annotations '(.*)' or") as error:
        read_annotations(tmp_path)
    for pattern in (tmp_path / "*_annot.txt", tmp_path / "*.boris"):
        assert f"--annotations '{pattern}'" in str(error.value)
        assert [item.id for item in read_annotations(pattern)] == ["1", "2"]


def test_gaps_are_the_spans_outside_all_bouts() -> None:
    assert gaps_between([Bout(0, 2, "a"), Bout(4, 5, "a"), Bout(5, 6, "b")], 8) == [(2, 4), (6, 8)]
    assert gaps_between([], 3) == [(0, 3)]
    assert gaps_between([Bout(0, 3, "a")], 3) == []


@pytest.mark.real
def test_real_annotations_merge_into_one_vocabulary(shared_data) -> None:
    annotations = read_annotations(shared_data("dyads/annotations"))
    tracks = [recording(item.id, item.frames or 0) for item in annotations]
    attached = attach(tracks, annotations, "S1", ["base"], lambda _: None)
    assert len(attached) == 40
    assert {labelled.labels["S1"].behaviours for labelled in attached} == {("aggression", "social", "nonsocial")}
    assert sum(int((labelled.labels["S1"].values >= 0).sum()) for labelled in attached) == 481_003


def test_every_failure_of_a_reader_is_an_input_error(tmp_path: Path) -> None:
    frame_csv.write(tmp_path / "good.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    (tmp_path / "long.csv").write_text("frame,label\n0," + "a" * 200_000 + "\n")
    (tmp_path / "latin.boris").write_bytes(b'{"behaviors_conf": {"0": "\xe9"}}')
    (tmp_path / "inf.csv").write_text("frame,label\ninf,a\n")
    notices: list[str] = []
    assert len(read_annotations(tmp_path, skip_bad_files=True, notify=notices.append)) == 1
    assert len(notices) == 3
    for name in ("long.csv", "latin.boris", "inf.csv"):
        assert any(name in notice for notice in notices)
        with pytest.raises(InputError, match=name):
            read_annotations(tmp_path / name)


def test_each_video_takes_its_own_frame_rate(tmp_path: Path) -> None:
    text = "Observation id,Subject,Behavior,Start (s),Stop (s)\na,m,r,1,2\nb,m,r,1,2\nc,m,r,1,2\n"
    (tmp_path / "x.csv").write_text(text)
    annotations = read_annotations(tmp_path / "x.csv", videos=Videos([Video("a", 10.0), Video("b", 50.0)]))
    assert [item.channels["m"] for item in annotations] == [
        (Bout(10, 20, "r"),),
        (Bout(50, 100, "r"),),
        (Bout(30, 60, "r"),),
    ]


def test_labels_come_from_annotations_and_from_tracks(tmp_path: Path) -> None:
    labels = Labels(("attack", "other"), np.array([0, 0, 1]))
    tracks = Recording(
        "t", np.ones((3, 2, 7, 2)), calms21.INDIVIDUALS, calms21.SKELETON, 30.0, labels={"behaviour": labels}
    )
    calms21.write(tmp_path / "t.npy", [tracks])
    frame_csv.write(tmp_path / "v.csv", annotation("v", [(0, 3, "a")], "label", frames=9))
    annotations, recordings = read_labels(tmp_path)
    assert {item.id: list(item.channels) for item in annotations} == {"t": ["behaviour"], "v": ["label"]}
    assert [item.id for item in recordings] == ["t"]
    frame_csv.write(tmp_path / "t.csv", annotation("t", [(0, 3, "a")], "label", frames=9))
    with pytest.raises(InputError, match="'t' is annotated twice"):
        read_labels(tmp_path)
    calms21.write(tmp_path / "bare" / "t.npy", [replace(tracks, labels={})])
    with pytest.raises(InputError, match=r"t\.npy: expected tracks with labels"):
        read_labels(tmp_path / "bare")
