"""Files that are no tracks of keypoints: passed over in a folder, named with what to do, and the advice works."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.other_files import beside_tracks
from ssl_behavior.formats.tracks.read import read_recordings

TRACKS = "scorer,net,net,net\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1,2,0.9\n1,2,3,0.9\n"
BONES = (
    "scorer,net,net,net,net\nbones,nose_tail,nose_tail,b,b\ncoords,length,orientation,length,orientation\n0,4,1,2,3\n"
)
LABELLED = "scorer,,,me,me\nbodyparts,,,nose,nose\ncoords,,,x,y\nlabeled-data,m,img001.png,10,20\n"
LABELLED_ONE = "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\nlabeled-data/m/img001.png,10,20\n"
BODY_NEEDED = r"track keypoints of the body"
AS_TABLE = r"\.csv with the columns frame, nose_x, nose_y, nose_p"
ANALYSED = r"give the \.csv or \.h5 that DeepLabCut writes when it analyses the video"
ANNOTATIONS = r"give it as --annotations"

FILES = [
    ("mDLC_x_skeleton.csv", BONES, "lengths and angles of bones", "the tracks beside it"),
    ("renamed.csv", BONES, "lengths and angles of bones", "give the tracks"),
    ("CollectedData_me.csv", LABELLED, "a person labelled", ANALYSED),
    ("CollectedData_me.csv", LABELLED_ONE, "a person labelled", ANALYSED),
    ("renamed.csv", LABELLED, "a person labelled", ANALYSED),
    ("renamed.csv", LABELLED_ONE, "a person labelled", ANALYSED),
    ("machinelabels-iter0.csv", LABELLED, "chose for labelling", ANALYSED),
    ("m_before_adapt.json", "[]", "detections before and after", ANALYSED),
    ("mDLC_x_meta.pickle", "x", "notes on how it analysed", ANALYSED),
    ("mDLC_x_full.pickle", "x", "detections before tracking", "stitch_tracklets"),
    ("mDLC_x_assemblies.pickle", "x", "detections before tracking", "stitch_tracklets"),
    ("mDLC_x_el.pickle", "x", "tracklets", "stitch_tracklets"),
    ("mDLC_x_bx.pickle", "x", "tracklets", "stitch_tracklets"),
    ("anything.pkl", "x", "could run code", ANALYSED),
    ("trajectories.csv", "seconds,x1,y1,x2,y2\n0,1,2,3,4\n", "idtracker.ai", BODY_NEEDED),
    ("m_fish0.csv", "frame,X (cm),Y (cm)\n0,1,2\n", "TRex", BODY_NEEDED),
    ("m.csv", "frame,X#wcentroid (cm),Y#wcentroid (cm)\n0,1,2\n", "TRex", BODY_NEEDED),
    ("m_fish0.npz", "x", "TRex", BODY_NEEDED),
    ("m.npz", "x", "numpy arrays", "ssl-behavior assemble as --peaks"),
    ("m_raw_feat_top_v1_8.npz", "x", "features that MARS", "_pose_top"),
    ("Raw data-m-Trial 1.xlsx", "x", "EthoVision", AS_TABLE),
    ("Raw data-m-Trial 1.txt", '"Number of header lines:";"38"\n"Experiment";"m"\n', "EthoVision", AS_TABLE),
    ("via.csv", "filename,file_size,file_attributes,region_count\nm.png,1,{},0\n", "VIA annotator", BODY_NEEDED),
    ("via.json", '{"_via_settings": {}}', "VIA annotator", BODY_NEEDED),
    ("coco.json", '{"images": [], "categories": [{"keypoints": ["nose"]}]}', "COCO", ANALYSED),
    ("m.mat", "x", "Matlab", AS_TABLE),
    ("m.parquet", "PAR1", "binary format", AS_TABLE),
    ("m.mp4", "x", "a video", "track it with"),
    ("m_annot.txt", "Caltech Behavior Annotator - Annotation File\n", "annotations", ANNOTATIONS),
    ("m.annot", "Bento annotation file\n", "annotations", ANNOTATIONS),
    ("m.boris", "{}", "annotations", ANNOTATIONS),
    ("m.csv", "Observation id,Behavior\n1,groom\n", "events of BORIS", ANNOTATIONS),
    ("m.csv", "frame,behavior\n0,groom\n", "labels of frames", ANNOTATIONS),
    ("m.csv", "frame,time_s,label,animals_tracked\n0,0,groom,2\n", "predictions of this program", "evaluate"),
    ("m.csv", TRACKS.encode("utf-16"), "text in UTF-16", "save it as UTF-8"),
    ("m.txt", '"Number of header lines:";"38"\r\n'.encode("utf-16"), "EthoVision", AS_TABLE),
    ("m.csv", TRACKS.replace(",", ";"), "not separated by commas", "save it with commas"),
]


@pytest.mark.parametrize(("name", "text", "what", "instead"), FILES)
def test_a_file_given_directly_is_named_with_what_to_do(tmp_path, name, text, what, instead):
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError, match=f"expected tracks of keypoints; found .*{what}.*: .*{instead}") as raised:
        read_recordings(tmp_path / name)
    assert str(raised.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize(("name", "text", "what", "instead"), FILES)
def test_the_same_file_does_not_stop_the_reading_of_its_folder(tmp_path, name, text, what, instead):
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    (tmp_path / "good.csv").write_text(TRACKS)
    notices: list[str] = []
    recordings = read_recordings(tmp_path, frame_rate=30, notify=notices.append)
    assert [recording.id for recording in recordings] == ["good"]
    is_read_from_folders = name.endswith((".csv", ".json", ".parquet"))
    assert [notice for notice in notices if "passed over" in notice and what in notice] == notices
    assert len(notices) == is_read_from_folders


def test_files_of_one_kind_are_passed_over_in_one_line(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}DLC_x.csv").write_text(TRACKS)
        (tmp_path / f"{number}DLC_x_skeleton.csv").write_text(BONES)
    notices: list[str] = []
    assert len(read_recordings(tmp_path, frame_rate=30, notify=notices.append)) == 3
    (notice,) = notices
    assert "0DLC_x_skeleton.csv and 2 more: passed over" in notice


def test_a_folder_of_such_files_alone_is_refused_in_their_words(tmp_path):
    (tmp_path / "CollectedData_me.csv").write_text(LABELLED)
    with pytest.raises(InputError, match=r"CollectedData_me\.csv: .*a person labelled"):
        read_recordings(tmp_path)


@pytest.mark.parametrize("name", ["trajectories_day1DLC_x.csv", "x_fish0.csv", "machinelabels.csv", "m_skeleton.csv"])
def test_good_tracks_are_read_whatever_their_name_suggests(tmp_path, name):
    (tmp_path / name).write_text(TRACKS)
    (recording,) = read_recordings(tmp_path / name, frame_rate=30)
    assert recording.positions[1, 0, 0].tolist() == [2, 3]


def test_labelled_frames_in_an_h5_are_named_by_their_index(tmp_path):
    with h5py.File(tmp_path / "renamed.h5", "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs.update({"pandas_type": b"frame", "nblocks": 1, "block0_items_nlevels": 3})
        for level, names in enumerate((["me"], ["nose"], ["x", "y"])):
            group[f"block0_items_level{level}"] = np.array(names, "S")
            group[f"block0_items_label{level}"] = np.array([0, 1] if level == 2 else [0, 0], "i1")
        group["block0_values"] = np.ones((1, 2))
        group["axis1"] = np.array([b"labeled-data/m/img001.png"])
    with pytest.raises(InputError, match=r"renamed\.h5: expected a row per frame .*a person labelled: give the table"):
        read_recordings(tmp_path / "renamed.h5")


def test_trajectories_of_idtracker_are_known_by_their_content(tmp_path):
    tree = {"trajectories": np.ones((5, 2, 2)), "frames_per_second": 30.0, "video_paths": ["m.mp4"]}
    np.save(tmp_path / "renamed.npy", tree, allow_pickle=True)
    with h5py.File(tmp_path / "renamed.h5", "w") as file:
        file["trajectories"] = np.ones((5, 2, 2))
    for name in ("renamed.npy", "renamed.h5"):
        with pytest.raises(InputError, match=f"{name}: .*idtracker.ai, one point per animal"):
            read_recordings(tmp_path / name)


def test_poses_of_mars_are_read_as_the_tracks_of_calms21_that_they_are(tmp_path):
    keypoints = np.arange(1, 4 * 2 * 2 * 7 + 1, dtype=float).reshape(4, 2, 2, 7)
    tree = {"keypoints": keypoints.tolist(), "scores": np.full((4, 2, 7), 0.5).tolist(), "bbox": [[1, 2]]}
    (tmp_path / "m.json").write_text(json.dumps(tree))
    (recording,) = read_recordings(tmp_path / "m.json", notify=(notices := []).append)
    assert recording.id == "m"
    assert recording.individuals == ("resident", "intruder")
    assert recording.positions[3, 1, 6].tolist() == keypoints[3, 1, :, 6].tolist()
    assert recording.confidence[0, 0, 0] == 0.5
    assert any("no frame rate" in notice for notice in notices)


def test_other_poses_in_the_layout_of_mars_are_named(tmp_path):
    (tmp_path / "m_pose_top.json").write_text(json.dumps({"keypoints": np.ones((4, 2, 2, 3)).tolist()}))
    with pytest.raises(InputError, match=rf"m_pose_top\.json: .*MARS's top camera.*found \(4, 2, 2, 3\): .*{AS_TABLE}"):
        read_recordings(tmp_path / "m_pose_top.json")


def test_a_file_that_nobody_knows_gets_the_same_way_on(tmp_path):
    (tmp_path / "m.csv").write_text("a,b\n1,2\n")
    np.save(tmp_path / "m.npy", np.ones((5, 2)))
    for name in ("m.csv", "m.npy"):
        with pytest.raises(InputError, match=rf"{name}: expected tracks from .*: write its points as a {AS_TABLE}"):
            read_recordings(tmp_path / name)


def test_addresses_in_a_store_are_known_by_their_names():
    assert "bones" in beside_tracks("s3://bucket/tracks/mDLC_x_skeleton.csv")
    assert beside_tracks("s3://bucket/tracks/mDLC_x.csv") == ""
    assert beside_tracks("s3://bucket/tracks/m_annot.csv") == "annotations"


def test_the_advised_table_is_read(tmp_path):
    """The advice of many messages: a column for x, y and confidence of each keypoint, numbered by animal."""
    (tmp_path / "one.csv").write_text("frame,nose_x,nose_y,nose_p\n0,1,2,0.9\n1,2,3,0.9\n")
    (one,) = read_recordings(tmp_path / "one.csv", frame_rate=30)
    assert one.positions[1, 0, 0].tolist() == [2, 3]
    header = ",".join(f"{part}_{i}_{axis}" for i in (1, 2) for part in ("nose", "hip", "tail") for axis in "xyp")
    (tmp_path / "two.csv").write_text(f"frame,{header}\n0,{','.join(f'{i},{i + 1},0.9' for i in range(1, 18, 3))}\n")
    (two,) = read_recordings(tmp_path / "two.csv", frame_rate=30)
    assert len(two.individuals) == 2
    assert two.positions[0, 1, 0].tolist() == [10, 11]


def test_the_advised_commas_work(tmp_path):
    path: Path = tmp_path / "m.csv"
    path.write_text(TRACKS.replace(",", ";"))
    with pytest.raises(InputError, match="save it with commas"):
        read_recordings(path)
    path.write_text(path.read_text().replace(";", ","))
    assert len(read_recordings(path, frame_rate=30)) == 1
