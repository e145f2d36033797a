import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.mabe25 import read as mabe25
from ssl_behavior.formats.tracks.mabe25 import tracking as tracking_tables
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.landmarks import LANDMARKS, landmark_of
from ssl_behavior.recordings.recording import Recording, lab_of, listed_behaviours
from tests.formats.tracks.mabe25.layout import (
    LAB,
    LISTED,
    PARTS,
    competition,
    walks,
    write_annotation,
    write_csv,
    write_tracking,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return competition(tmp_path / "mabe25")


def read(path: Path, **options: object) -> tuple[dict[str, Recording], list[str]]:
    notices: list[str] = []
    recordings = read_recordings(path, notify=notices.append, **options)  # type: ignore[arg-type]
    return {recording.id: recording for recording in recordings}, notices


def tracking(folder: Path, video: str, part: str = "train") -> Path:
    return folder / f"{part}_tracking" / LAB / f"{video}.parquet"


def test_a_competition_folder_is_read_with_tracks_labels_and_facts(folder: Path) -> None:
    recordings, notices = read(folder)
    assert list(recordings) == ["10", "11", "20"]
    first = recordings["10"]
    assert first.individuals == ("mouse1", "mouse2")
    assert first.skeleton.keypoints == tuple(sorted(PARTS))
    order = [PARTS.index(name) for name in first.skeleton.keypoints]
    np.testing.assert_allclose(first.positions, walks(90, 2, 5, 0)[:, :, order] / 16, rtol=1e-6)
    assert (first.unit, first.frame_rate, first.frame_rate_is_assumed) == ("cm", 25.0, False)
    assert lab_of(first) == LAB
    assert first.metadata["mouse1_sex"] == "male"
    assert "mouse2_sex" not in first.metadata
    assert notices == [f"reading 3 files of {folder}: 2 in train_tracking/{LAB}, 1 in test_tracking/{LAB}"]


def test_each_pair_has_its_own_channel_over_one_vocabulary(folder: Path) -> None:
    write_csv(
        folder / "train.csv", [{"video_id": "10"}, {"video_id": "11", "behaviors_labeled": '["mouse1,self,dig"]'}]
    )
    write_annotation(folder / "train_annotation" / LAB / "11.parquet", [(1, 1, "dig", 3, 5)])
    recordings, _ = read(folder / "train")
    labels = recordings["10"].labels
    assert {name: each.pair for name, each in labels.items()} == {
        "mouse1-mouse2": ("mouse1", "mouse2"),
        "mouse2": ("mouse2", "mouse2"),
    }
    assert labels["mouse1-mouse2"].behaviours == ("attack", "dig", "rear", "sniff", "other")
    assert labels["mouse1-mouse2"].asked == ("attack", "sniff", "other")
    assert labels["mouse2"].asked == ("rear", "other")
    bouts = [(bout.start, bout.stop, bout.behaviour) for bout in labels["mouse1-mouse2"].bouts()]
    assert bouts == [(0, 5, "other"), (5, 15, "sniff"), (15, 20, "other"), (20, 40, "attack"), (40, 90, "other")]
    assert [bout.behaviour for bout in recordings["11"].labels["mouse1"].bouts()] == ["other", "dig", "other"]


def test_test_videos_have_lists_and_never_labels(folder: Path) -> None:
    recordings, _ = read(folder / "test")
    assert not recordings["20"].labels
    expected = {("mouse1", "mouse2"): ("sniff", "attack"), ("mouse2", "mouse2"): ("rear",)}
    assert listed_behaviours(recordings["20"]) == expected
    assert listed_behaviours(read(folder)[0]["10"]) == expected


def test_parts_labs_and_single_files_can_be_read(folder: Path) -> None:
    assert list(read(folder / "train")[0]) == ["10", "11"]
    assert list(read(folder / "test")[0]) == ["20"]
    assert list(read(folder / "test_tracking" / LAB)[0]) == ["20"]
    assert list(read(tracking(folder, "11"))[0]) == ["11"]
    with gzip.open(folder / "train.csv.gz", "wb") as packed:
        packed.write((folder / "train.csv").read_bytes())
    (folder / "train.csv").unlink()
    assert read(tracking(folder, "11"))[0]["11"].labels


def test_a_folder_called_train_with_ordinary_tracks_is_not_taken_for_the_competition(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.csv").write_text("frame,nose_x,nose_y,nose_p\n0,1,2,1\n1,2,3,1\n")
    (tmp_path / "train.csv").write_text("frame,nose_x,nose_y,nose_p\n0,1,2,1\n1,2,3,1\n")
    assert list(read(tmp_path / "train")[0]) == ["a"]
    shutil.rmtree(folder / "train_tracking")
    shutil.rmtree(folder / "test_tracking")
    with pytest.raises(InputError, match="expected a folder train_tracking beside the table"):
        read(folder)


def test_row_groups_of_any_size_and_order_give_the_same_tracks(folder: Path) -> None:
    path = tracking(folder, "10")
    before = read(path)[0]["10"].positions
    table = pq.read_table(path)
    shuffled = table.take(np.random.default_rng(0).permutation(len(table)))
    for rows_in_group in (7, 10_000):
        pq.write_table(shuffled, path, row_group_size=rows_in_group)
        np.testing.assert_array_equal(read(path)[0]["10"].positions, before)


def test_row_groups_are_read_one_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tracking(folder, "10")
    positions = walks(20_000, 2, 5)
    write_tracking(path, positions, rows_in_group=2_000)
    monkeypatch.setattr(tracking_tables, "_BATCH", 2_000)
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        table = tracking_tables.read_tracking(path)
    finally:
        pa.set_memory_pool(before)
    assert pool.max_memory() < positions.nbytes / 4
    assert table.positions.shape == positions.shape


def test_points_without_row_are_unseen_and_mice_are_those_of_the_tracks(folder: Path) -> None:
    positions = walks(60, 3, 5)
    positions[10:20, 0] = np.nan
    write_tracking(tracking(folder, "10"), positions, mice=(1, 2, 4))
    recording = read(tracking(folder, "10"))[0]["10"]
    assert recording.individuals == ("mouse1", "mouse2", "mouse4")
    assert recording.frames == 60
    np.testing.assert_array_equal(np.isnan(recording.positions).all((1, 2, 3)), np.zeros(60, bool))
    assert np.isnan(recording.positions[10:20, 0]).all()


def test_points_on_a_device_are_left_out_and_told(folder: Path) -> None:
    parts = (*PARTS, "headpiece_topfrontleft", "headpiece_topfrontright")
    write_tracking(tracking(folder, "10"), walks(30, 2, 7), parts)
    recordings, notices = read(tracking(folder, "10"))
    assert recordings["10"].skeleton.keypoints == tuple(sorted(PARTS))
    assert any("on a device: headpiece_topfrontleft, headpiece_topfrontright" in notice for notice in notices)


def test_a_video_without_scale_stays_in_px(folder: Path) -> None:
    write_csv(folder / "train.csv", [{"video_id": "10", "pix_per_cm_approx": "", "frames_per_second": ""}])
    recordings, notices = read(tracking(folder, "10"))
    assert recordings["10"].unit == "px"
    assert np.nanmax(recordings["10"].positions) > 300
    assert any("positions are in px" in notice for notice in notices)
    assert any("assuming 30 Hz" in notice for notice in notices)


def test_odd_bouts_are_left_out_or_cut_and_told(folder: Path) -> None:
    rows = [
        (1, 2, "sniff", 5, 5),  # empty
        (2, 1, "sniff", 5, 9),  # not in the list
        (1, 2, "sniff", 80, 95),  # past the end
        (1, 2, "sniff", 10, 30),
        (1, 2, "attack", 20, 25),  # during the other
    ]
    write_annotation(folder / "train_annotation" / LAB / "10.parquet", rows)
    recordings, notices = read(tracking(folder, "10"))
    bouts = [(bout.start, bout.stop, bout.behaviour) for bout in recordings["10"].labels["mouse1-mouse2"].bouts()]
    assert [bout for bout in bouts if bout[2] != "other"] == [
        (10, 20, "sniff"),
        (20, 25, "attack"),
        (25, 30, "sniff"),
        (80, 90, "sniff"),
    ]
    told = "\n".join(notices)
    assert "1 bout of no length" in told
    assert "1 bout that the video's list does not have" in told
    assert "1 bout past the end of the tracks" in told
    assert "5 frames in two bouts of one pair" in told


def test_listed_mice_that_are_not_tracked_are_left_out_of_list_and_labels(folder: Path) -> None:
    listed = json.dumps([*LISTED, "mouse1,mouse3,sniff", "mouse3,self,rear"])
    write_csv(folder / "train.csv", [{"video_id": "10", "behaviors_labeled": listed}])
    recordings, notices = read(tracking(folder, "10"))
    assert set(recordings["10"].labels) == {"mouse1-mouse2", "mouse2"}
    assert set(listed_behaviours(recordings["10"]) or {}) == {("mouse1", "mouse2"), ("mouse2", "mouse2")}
    assert any("mouse3: listed and not in the tracks: 2 of 5 entries left out" in notice for notice in notices)


def test_a_listed_video_without_annotation_file_has_no_labels(folder: Path) -> None:
    (folder / "train_annotation" / LAB / "10.parquet").unlink()
    recordings, notices = read(tracking(folder, "10"))
    assert not recordings["10"].labels
    assert any("no annotation file" in notice for notice in notices)


def test_the_cache_sees_changes_of_the_table_and_of_the_annotations(folder: Path) -> None:
    path = tracking(folder, "10")
    assert read(path)[0]["10"].labels["mouse2"].bouts()[0].stop == 10
    write_annotation(folder / "train_annotation" / LAB / "10.parquet", [(2, 2, "rear", 0, 30)])
    assert read(path)[0]["10"].labels["mouse2"].bouts()[0].stop == 30
    write_csv(folder / "train.csv", [{"video_id": "10", "frames_per_second": 50}])
    assert read(path)[0]["10"].frame_rate == 50


def test_a_tracking_file_without_row_or_folders_is_refused_even_among_others(folder: Path, tmp_path: Path) -> None:
    shutil.copy(tracking(folder, "10"), tracking(folder, "99"))
    with pytest.raises(InputError, match=f"expected a row of video 99 of lab {LAB} in .*train.csv; found none"):
        read(folder)
    other = folder / "train_tracking" / "OtherLab" / "10.parquet"
    other.parent.mkdir()
    shutil.copy(tracking(folder, "10"), other)
    with pytest.raises(InputError, match=f"found that video of {LAB}"):
        read(other)
    shutil.copy(tracking(folder, "10"), tmp_path / "10.parquet")
    with pytest.raises(InputError, match="keep the competition's folders"):
        read(tmp_path / "10.parquet")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("video_frame", pa.array([0, -1, 2]), "expected numbers from 0"),
        ("video_frame", pa.array([0, None, 2]), "whole numbers"),
        ("video_frame", pa.array([0.0, 1.0, 2.0]), "whole numbers"),
        ("video_frame", pa.array([0, 1, 2**40]), "expected frames"),
        ("mouse_id", pa.array(["a", "b", "c"]), "whole numbers"),
        ("bodypart", pa.array([1, 2, 3]), "texts"),
        ("bodypart", pa.array(["headpiece_a"] * 3), "body parts"),
        ("x", pa.array(["1", "2", "3"]), "numbers"),
    ],
)
def test_tables_of_other_values_are_refused(folder: Path, column: str, values: pa.Array, message: str) -> None:
    columns = {
        "video_frame": pa.array([0, 1, 2]),
        "mouse_id": pa.array([1, 1, 1]),
        "bodypart": pa.array(["nose", "nose", "tail_base"]),
        "x": pa.array([1.0, 2.0, 3.0]),
        "y": pa.array([1.0, 2.0, 3.0]),
    }
    pq.write_table(pa.table({**columns, column: values}), tracking(folder, "10"))
    with pytest.raises(InputError, match=message):
        read(tracking(folder, "10"))


def test_other_tables_in_parquet_are_passed_over_in_a_folder(folder: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), folder / "train_tracking" / "notes.parquet")
    recordings, notices = read(folder)
    assert list(recordings) == ["10", "11", "20"]
    assert any("notes.parquet: passed over" in notice for notice in notices)


def test_a_table_of_videos_is_parsed_once_for_all_its_videos(folder: Path) -> None:
    from ssl_behavior.formats.tracks.mabe25 import metadata

    metadata._read_table.cache_clear()
    read(folder)
    assert metadata._read_table.cache_info().misses == 2


def test_all_body_parts_of_the_real_table_are_landmarks(shared_data: Callable[[str], Path]) -> None:
    from ssl_behavior.formats.tracks.mabe25.metadata import read_table
    from ssl_behavior.recordings.skeleton import Skeleton

    rows = read_table(shared_data("mabe25/train.csv.gz")).rows.values()
    for parts in {str(row.facts["body_parts_tracked"]) for row in rows}:
        names = tuple(name for name in json.loads(parts) if not name.startswith("headpiece_"))
        meanings = [landmark_of(name, Skeleton(names)) for name in names]
        assert len(set(meanings)) == len(names)
        # A tail may have two points between base and tip, and there is one landmark for these.
        assert set(meanings) - set(LANDMARKS) <= {"tail_middle_2"}


def test_the_format_is_told_apart_by_its_columns(folder: Path) -> None:
    assert mabe25.detect(tracking(folder, "10"))
    assert not mabe25.detect(folder / "train_annotation" / LAB / "10.parquet")
    assert not mabe25.detect(folder / "train.csv")
