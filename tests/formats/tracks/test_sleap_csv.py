"""Tables of SLEAP and sleap-io, in every layout, against poses known on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sleap_io

from ssl_behavior.errors import InputError
from ssl_behavior.formats import read_recordings
from ssl_behavior.formats.tracks import sleap

A, B = sleap_io.Track("a"), sleap_io.Track("b")
SKELETON = sleap_io.Skeleton(["nose", "tail.base"], name="mouse")
HEADER = "track,frame_idx,instance.score,nose.x,nose.y,nose.score,tail.x,tail.y,tail.score\n"


def _labels() -> Any:
    """Frames 1, 2 and 4 of two animals; a person corrected b in frame 4."""

    def pose(x: float, track: Any) -> Any:
        points = np.array([[x, 1.0], [x, 5.0]])
        return sleap_io.PredictedInstance.from_numpy(points, SKELETON, np.array([0.5, 0.75]), 0.9, track=track)

    by_hand = sleap_io.Instance.from_numpy(np.array([[54.0, 1.0], [np.nan, np.nan]]), SKELETON, track=B)
    video = sleap_io.Video("film.mp4", open_backend=False)
    instances = {1: [pose(11, A), pose(51, B)], 2: [pose(52, B), pose(12, A)], 4: [pose(14, A), pose(99, B), by_hand]}
    frames = [sleap_io.LabeledFrame(video=video, frame_idx=i, instances=each) for i, each in instances.items()]
    return sleap_io.Labels(frames)


def _noses(recording: Any, individual: str) -> list[float]:
    nose = recording.skeleton.keypoints.index("nose")
    return np.nan_to_num(recording.positions[:, recording.individuals.index(individual), nose, 0], nan=-1).tolist()


@pytest.mark.parametrize("layout", ["sleap", "instances", "points", "frames"])
def test_every_layout_of_sleap_io_gives_the_same_recording(tmp_path: Path, layout: str) -> None:
    pytest.importorskip("sleap_io.io.csv", reason="this sleap-io writes no tables")
    sleap_io.save_csv(_labels(), str(tmp_path / "film.csv"), format=layout)
    notices: list[str] = []
    (recording,) = read_recordings(tmp_path / "film.csv", notify=notices.append)
    assert (recording.id, recording.individuals) == ("film", ("a", "b"))
    assert sorted(recording.skeleton.keypoints) == ["nose", "tail.base"]
    assert _noses(recording, "a") == [-1, 11, 12, -1, 14]
    assert _noses(recording, "b") == [-1, 51, 52, -1, 54]
    tail = recording.skeleton.keypoints.index("tail.base")
    assert recording.positions[1, 1, tail].tolist() == [51, 5]
    assert np.isnan(recording.positions[4, 1, tail]).all()
    assert recording.confidence[[1, 4], 1, 1 - tail].tolist() == [0.5, 1]
    assert "1 prediction corrected by hand" in notices[0]


@pytest.mark.parametrize("arguments", [{"include_score": False}, {"include_empty": True}])
def test_tables_without_scores_or_with_empty_frames_are_read(tmp_path: Path, arguments: dict[str, bool]) -> None:
    pytest.importorskip("sleap_io.io.csv", reason="this sleap-io writes no tables")
    sleap_io.save_csv(_labels(), str(tmp_path / "film.csv"), **arguments)
    (recording,) = sleap.read(tmp_path / "film.csv")
    assert _noses(recording, "b") == [-1, 51, 52, -1, 54]


def test_the_table_of_sleap_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    columns = "nose.y,nose.x,tail.x,tail.y,frame_idx,track\n"
    (tmp_path / "v.csv").write_text(f"{columns}1,11,12,2,3,a\n1,10,12,2,0,a\n,,,,5,nan\n")
    (recording,) = sleap.read(tmp_path / "v.csv")
    assert _noses(recording, "a") == [10, -1, -1, 11, -1, -1]
    assert recording.positions[0, 0].tolist() == [[10, 1], [12, 2]]
    assert recording.confidence is None


def test_a_table_without_tracks_is_of_numbered_animals(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(HEADER + ",0,0.9,10,1,1,12,2,1\n,1,0.9,11,1,1,12,2,1\n")
    (recording,) = sleap.read(tmp_path / "v.csv")
    assert _noses(recording, "individual1") == [10, 11]


def test_tracks_as_prefixes_name_the_animals(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(
        "frame_idx,m1.track_score,m1.nose.x,m1.nose.y,m2.nose.x,m2.nose.y,m2.track_score\n0,,10,1,50,1,\n"
    )
    (recording,) = sleap.read(tmp_path / "v.csv")
    assert (_noses(recording, "m1"), _noses(recording, "m2")) == ([10], [50])


def test_videos_of_a_table_that_names_them_are_recordings_of_their_own(tmp_path: Path) -> None:
    rows = "".join(f"{video},0,a,{x},1,0.5,0.9\n" for video, x in (("/d/v1.mp4", 10), ("/d/v2.mp4", 20)))
    (tmp_path / "p.csv").write_text(f"video_path,frame_idx,track,nose.x,nose.y,nose.score,score\n{rows}")
    recordings = sleap.read(tmp_path / "p.csv")
    assert [(one.id, _noses(one, "a")) for one in recordings] == [("p/v1", [10]), ("p/v2", [20])]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,0,0.9,1,1,1,2,2,1\na,0,0.9,5,5,1,6,6,1\n", "expected one video; found 1 of 2 poses"),
        ("a,0.5,0.9,1,1,1,2,2,1\n", "whole numbers from 0 in frame_idx; found 0.5"),
        ("a,-1,0.9,1,1,1,2,2,1\n", "whole numbers from 0"),
        ("a,1e300,0.9,1,1,1,2,2,1\n", "whole numbers from 0"),
        ("a,900000000,0.9,1,1,1,2,2,1\n", "expected frame numbers of one video"),
        ("a,,0.9,1,1,1,2,2,1\n", "whole numbers from 0"),
        ("a,0,0.9,1,1\n", "cannot be read to its end"),
        ("a,0,0.9,left,1,1,2,2,1\n", "cannot be read to its end"),
        ("", "expected a row per instance; found none"),
    ],
)
def test_the_error_of_a_table_that_cannot_be_read_names_it(tmp_path: Path, rows: str, message: str) -> None:
    (tmp_path / "v.csv").write_text(HEADER + rows)
    with pytest.raises(InputError, match=rf"v\.csv: .*{message}"):
        read_recordings(tmp_path / "v.csv")


def test_other_tables_are_none_of_sleap(tmp_path: Path) -> None:
    for text in ("frame_idx,behavior\n0,groom\n", "frame,x,y\n0,1,2\n", "", "\x00\x01,frame_idx.x\n"):
        (tmp_path / "v.csv").write_text(text)
        assert not sleap.detect(tmp_path / "v.csv")
