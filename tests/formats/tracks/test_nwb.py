"""NWB with poses: files written here by the published layout of ndx-pose, and by the programs that write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats import read_recordings
from ssl_behavior.formats.tracks import nwb

NODES = ("nose", "left ear", "tail")
POSITIONS = np.random.default_rng(0).uniform(1, 100, (8, 2, 3, 2)).astype(np.float32)
"""(time, individual, keypoint, space)"""


def _group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    group = parent.require_group(name)
    group.attrs["neurodata_type"] = kind
    return group


def _series(
    parent: h5py.Group,
    name: str,
    data: np.ndarray,
    times: np.ndarray | None = None,
    rate: float | None = None,
    start: float = 0.0,
    confidence: bool = True,
    unit: str = "pixels",
    conversion: float = 1.0,
) -> None:
    group = _group(parent, name, "PoseEstimationSeries")
    group["data"] = data
    group["data"].attrs.update({"unit": unit, "conversion": conversion})
    if times is not None:
        group["timestamps"] = times
    else:
        group["starting_time"] = start
        group["starting_time"].attrs.update({"rate": rate, "unit": "seconds"})
    if confidence:
        group["confidence"] = np.full(len(data), 0.5, np.float32)


def _write(
    path: Path,
    animals: Mapping[str, np.ndarray],
    module: str = "behavior",
    nodes: Sequence[str] = NODES,
    skeleton: bool = True,
    names: Sequence[str] = NODES,
    texts: Mapping[str, Any] | None = None,
    **series: Any,
) -> Path:
    """Write a file with a container for each animal, whose values are (time, keypoint, space)."""
    with h5py.File(path, "a") as file:
        file.attrs["nwb_version"] = "2.6.0"
        of_module = _group(file, f"processing/{module}", "ProcessingModule")
        for animal, values in animals.items():
            container = _group(of_module, animal, "PoseEstimation")
            for part, name in enumerate(names):
                _series(container, name, values[:, part], **series)
            for name, value in (texts or {}).items():
                container[name] = value
            if skeleton:
                group = _group(of_module, "Skeletons/mouse", "Skeleton")
                if "nodes" not in group:
                    group["nodes"] = np.array(nodes, dtype=h5py.string_dtype())
                    group["edges"] = np.array([[0, 1], [0, 2]], np.uint8)
                container["skeleton"] = h5py.SoftLink(group.name)
            elif nodes:
                container["nodes"] = np.array(nodes, dtype=h5py.string_dtype())
    return path


def test_containers_of_one_module_are_animals(tmp_path):
    path = _write(tmp_path / "pair.nwb", {"m2": POSITIONS[:, 1], "m1": POSITIONS[:, 0]}, rate=25.0)
    (recording,) = read_recordings(path)
    assert (recording.id, recording.frame_rate, recording.unit) == ("pair", 25, "px")
    assert (recording.individuals, recording.skeleton.keypoints) == (("m1", "m2"), NODES)
    assert recording.skeleton.edges == (("nose", "left ear"), ("nose", "tail"))
    np.testing.assert_array_equal(recording.positions, POSITIONS)
    assert (recording.confidence == 0.5).all()


@pytest.mark.parametrize(
    ("skeleton", "nodes", "names", "expected"),
    [
        (True, NODES, NODES, NODES),
        (False, NODES, NODES, NODES),
        (True, NODES, ["PoseEstimationSeriesNose", "PoseEstimationSeriesLeftEar", "PoseEstimationSeriesTail"], NODES),
        (True, ("tail", "nose", "left ear"), NODES, ("tail", "nose", "left ear")),
        (True, (*NODES, "paw"), NODES, NODES),
        (False, (), NODES, ("left ear", "nose", "tail")),
    ],
)
def test_keypoints_have_the_names_and_the_order_of_the_skeleton(tmp_path, skeleton, nodes, names, expected):
    path = _write(
        tmp_path / "a.nwb", {"PoseEstimation": POSITIONS[:, 0]}, "behavior", nodes, skeleton, names, rate=25.0
    )
    (recording,) = nwb.read(path)
    assert recording.skeleton.keypoints == expected
    order = [NODES.index(name) for name in expected]
    np.testing.assert_array_equal(recording.positions[:, 0], POSITIONS[:, 0, order])


def test_a_lone_animal_is_the_subject(tmp_path):
    path = _write(tmp_path / "a.nwb", {"PoseEstimation": POSITIONS[:, 0]}, rate=25.0, confidence=False)
    assert nwb.read(path)[0].individuals == ("individual1",)
    with h5py.File(path, "a") as file:
        file["general/subject/subject_id"] = "resident"
    (recording,) = nwb.read(path)
    assert (recording.individuals, recording.confidence) == (("resident",), None)


@pytest.mark.parametrize(
    ("times", "frames", "frame_rate", "notice"),
    [
        (np.arange(8) / 30, range(8), 30, None),
        (np.arange(8) / 30 + 812.5, range(8), 30, "times begin at 812.5 s of the session"),
        (np.array([0, 1, 2, 5, 6, 7, 8, 11]) / 30, [0, 1, 2, 5, 6, 7, 8, 11], 30, "leave out 4 frames"),
        ([0, 0.03, 0.1, 0.11, 0.18, 0.2, 0.23, 0.28], range(8), 25, "times are irregular"),
    ],
)
def test_rows_stand_at_the_frames_of_their_timestamps(tmp_path, times, frames, frame_rate, notice):
    path = _write(tmp_path / "a.nwb", {"PoseEstimation": POSITIONS[:, 0]}, times=np.asarray(times, float))
    (recording,) = nwb.read(path)
    assert recording.frame_rate == frame_rate
    assert np.flatnonzero(np.isfinite(recording.positions[:, 0, 0, 0])).tolist() == list(frames)
    np.testing.assert_array_equal(recording.positions[list(frames), 0], POSITIONS[:, 0])
    assert (notice is None and not recording.notices) or notice in " ".join(recording.notices)


def test_keypoints_that_begin_at_different_times_share_the_frames(tmp_path):
    path = _write(tmp_path / "a.nwb", {"PoseEstimation": POSITIONS[:, 0]}, names=NODES[:2], rate=25.0)
    with h5py.File(path, "a") as file:
        _series(file["processing/behavior/PoseEstimation"], "tail", POSITIONS[:4, 0, 2], rate=25.0, start=0.16)
    (recording,) = nwb.read(path)
    assert np.isnan(recording.positions[:4, 0, 2]).all()
    np.testing.assert_array_equal(recording.positions[4:, 0, 2], POSITIONS[:4, 0, 2])


def test_positions_are_in_their_unit(tmp_path):
    path = _write(tmp_path / "a.nwb", {"PoseEstimation": POSITIONS[:, 0]}, rate=25.0, unit="meters", conversion=0.001)
    (recording,) = nwb.read(path)
    assert recording.unit == "meters"
    np.testing.assert_allclose(recording.positions[:, 0], POSITIONS[:, 0] / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"texts": {"original_videos": ["/d/v1.mp4"]}}, {"texts": {"original_videos": ["/d/v2.mp4"]}}, ["v1", "v2"]),
        ({"module": "SLEAP_VIDEO_000_v1"}, {"module": "SLEAP_VIDEO_001_v2"}, None),
    ],
)
def test_videos_of_one_file_are_recordings_of_their_own(tmp_path, first, second, names):
    _write(tmp_path / "p.nwb", {"track=a": POSITIONS[:, 0]}, rate=25.0, **first)
    _write(tmp_path / "p.nwb", {"track=b" if names else "track=a": POSITIONS[:, 1]}, rate=25.0, **second)
    recordings = nwb.read(tmp_path / "p.nwb")
    ids = [f"p/{name}" for name in names or ["SLEAP_VIDEO_000_v1/track=a", "SLEAP_VIDEO_001_v2/track=a"]]
    assert [recording.id for recording in recordings] == ids
    for number, recording in enumerate(recordings):
        np.testing.assert_array_equal(recording.positions[:, 0], POSITIONS[:, number])


def test_two_cameras_are_no_two_animals(tmp_path):
    animals = {"LeftCamera": POSITIONS[:, 0], "RightCamera": POSITIONS[:, 1]}
    recordings = nwb.read(_write(tmp_path / "p.nwb", animals, rate=25.0))
    assert [recording.id for recording in recordings] == ["p/LeftCamera", "p/RightCamera"]


def test_sleaps_times_are_frames_of_the_video_unless_it_was_given_others(tmp_path):
    path = _write(tmp_path / "a.nwb", {"track=a": POSITIONS[:, 0]}, "SLEAP_VIDEO_000_v", rate=1.0, start=3.0)
    (recording,) = nwb.read(path)
    assert (recording.individuals, recording.frames) == (("a",), 11)
    assert recording.frame_rate_is_assumed
    np.testing.assert_array_equal(recording.positions[3:, 0], POSITIONS[:, 0])
    path = _write(tmp_path / "b.nwb", {"track=a": POSITIONS[:, 0]}, "SLEAP_VIDEO_000_v", rate=50.0, start=0.06)
    (recording,) = nwb.read(path)
    assert (recording.frames, recording.frame_rate, recording.frame_rate_is_assumed) == (11, 50, False)


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({"rate": 0.0}, "found a rate of 0: write the NWB file with timestamps"),
        ({"times": np.zeros(8)}, "expected times that rise"),
        ({"times": np.arange(7.0)}, "expected a time and a confidence for each of 8 rows"),
        ({"times": np.array([0, 1, 2, 3, 4, 5, 6, 1e12])}, "cut the recording"),
    ],
)
def test_series_that_cannot_be_placed_are_refused_in_one_sentence(tmp_path, series, message):
    path = _write(tmp_path / "a.nwb", {"PoseEstimation": np.tile(POSITIONS[:, 0], (1, 1, 1))}, **series)
    with pytest.raises(InputError, match=rf"a\.nwb: .*{message}"):
        nwb.read(path)


def test_a_damaged_video_does_not_cost_the_others(tmp_path):
    _write(tmp_path / "p.nwb", {"a": POSITIONS[:, 0]}, "one", rate=25.0)
    _write(tmp_path / "p.nwb", {"b": POSITIONS[:, 0]}, "two", rate=0.0)
    (recording,) = nwb.read(tmp_path / "p.nwb")
    assert recording.id == "p/a"
    assert "left out: series 'nose': expected times or a positive rate" in recording.notices[0]


def test_a_file_without_poses_says_so(tmp_path):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
    with pytest.raises(InputError, match=r"a\.nwb: expected poses of the extension ndx-pose .* found none"):
        read_recordings(tmp_path / "a.nwb")


def test_points_in_space_come_before_the_views_of_their_cameras(tmp_path):
    space = np.dstack([POSITIONS[:, 0], POSITIONS[:, 1, :, :1]])
    path = _write(tmp_path / "a.nwb", {"all": space}, rate=25.0, unit="meters")
    with h5py.File(path, "a") as file:
        file["processing/behavior/all"].attrs["neurodata_type"] = "MultiCameraPoseEstimation"
        view = _group(file["processing/behavior/all"], "top", "PoseEstimation")
        _series(view, "nose", POSITIONS[:, 0, 0], rate=25.0)
    (recording,) = nwb.read(path)
    np.testing.assert_array_equal(recording.positions[:, 0], space)


def test_a_file_of_pynwb_and_ndx_pose_is_read(tmp_path):
    pynwb, ndx_pose = pytest.importorskip("pynwb"), pytest.importorskip("ndx_pose")
    file = pynwb.NWBFile("session", "1", datetime(2024, 5, 1, tzinfo=UTC))
    module = file.create_processing_module("behavior", "poses")
    skeleton = ndx_pose.Skeleton(name="mouse", nodes=list(NODES), edges=np.array([[0, 1]], "uint8"))
    module.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    times = np.arange(8) / 40
    for number, animal in enumerate(["m1", "m2"]):
        series: list[Any] = []
        for part in (2, 0, 1):
            shared = series[0] if series else times  # pynwb writes a link in place of times that are shared
            series.append(
                ndx_pose.PoseEstimationSeries(
                    name=NODES[part],
                    data=POSITIONS[:, number, part],
                    unit="pixels",
                    reference_frame="top left",
                    timestamps=shared,
                    confidence=np.ones(8, "float32"),
                )
            )
        module.add(ndx_pose.PoseEstimation(name=animal, pose_estimation_series=series, skeleton=skeleton))
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "w") as output:
        output.write(file)
    (recording,) = nwb.read(tmp_path / "a.nwb")
    assert (recording.frame_rate, recording.individuals) == (40, ("m1", "m2"))
    assert recording.skeleton.keypoints == NODES
    assert recording.skeleton.edges == (("nose", "left ear"),)
    np.testing.assert_array_equal(recording.positions, POSITIONS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_file_of_sleap_io_is_read(tmp_path):
    predictions = pytest.importorskip("sleap_io.io.nwb_predictions")
    import sleap_io

    skeleton = sleap_io.Skeleton(list(NODES), name="mouse")
    tracks, video = [sleap_io.Track("m1"), sleap_io.Track("m2")], sleap_io.Video("film.mp4", open_backend=False)
    frames = [
        sleap_io.LabeledFrame(
            video=video,
            frame_idx=number,
            instances=[
                sleap_io.PredictedInstance.from_numpy(pose, skeleton, np.full(3, 0.5), 0.9, track=track)
                for pose, track in zip(poses, tracks, strict=True)
            ],
        )
        for number, poses in enumerate(POSITIONS)
    ]
    predictions.write_nwb(sleap_io.Labels(frames), str(tmp_path / "a.nwb"))
    (recording,) = nwb.read(tmp_path / "a.nwb")
    assert (recording.individuals, recording.skeleton.keypoints) == (("m1", "m2"), NODES)
    assert recording.frame_rate_is_assumed
    np.testing.assert_array_equal(recording.positions, POSITIONS)
