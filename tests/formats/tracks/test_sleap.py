"""SLEAP: analysis files in every axis order, and .slp, written here and real."""

import json

import h5py
import numpy as np
import pytest
import sleap_io

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import sleap
from ssl_behavior.formats.tracks.read import read_recordings

_LEGACY = ("track", "xy", "node", "frame")
_STANDARD = ("frame", "track", "node", "xy")


def _tracks() -> np.ndarray:
    """(frame, track, node, xy) = (4, 2, 3, 2), all different; one point missing."""
    tracks = np.arange(1.0, 49.0).reshape(4, 2, 3, 2)
    tracks[1, 0, 2] = np.nan
    return tracks


def _write(path, dims=_LEGACY, state_dims=False, preset=None, names=("a", "b"), nodes=("head", "body", "tail")):
    tracks = _tracks()
    order = [_STANDARD.index(axis) for axis in dims]
    score_dims = [axis for axis in dims if axis != "xy"]
    with h5py.File(path, "w") as file:
        file["tracks"] = tracks.transpose(order)
        file["point_scores"] = tracks[..., 0].transpose([_STANDARD.index(axis) for axis in score_dims]) / 48
        file["node_names"] = np.array(nodes, "S")
        file["edge_inds"] = np.array([[0, 1], [1, 2]])
        if names is not None:
            file["track_names"] = np.array(names, "S")
        if preset:
            file.attrs["preset"] = preset
        if state_dims:
            file["tracks"].attrs["dims"] = json.dumps(dims)
            file["point_scores"].attrs["dims"] = json.dumps(score_dims)
    return path


@pytest.mark.parametrize(
    ("dims", "state_dims", "preset"),
    [
        (_LEGACY, False, None),
        (_LEGACY, True, "matlab"),
        (_STANDARD, True, "standard"),
        (_STANDARD, False, "standard"),
        (("xy", "frame", "node", "track"), True, None),
    ],
)
def test_every_axis_order_gives_the_same_recording(tmp_path, dims, state_dims, preset):
    (recording,) = sleap.read(_write(tmp_path / "v.analysis.h5", dims, state_dims, preset))
    assert recording.id == "v"
    assert recording.individuals == ("a", "b")
    assert recording.skeleton.edges == (("head", "body"), ("body", "tail"))
    np.testing.assert_array_equal(recording.positions, _tracks())
    assert recording.confidence[1, 0].tolist() == [np.float32(13 / 48), np.float32(15 / 48), 0]


@pytest.mark.parametrize("names", [None, (), ("a", "a")])
def test_untracked_files_have_numbered_individuals(tmp_path, names):
    (recording,) = sleap.read(_write(tmp_path / "v.h5", names=names))
    assert recording.individuals == ("individual1", "individual2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": ("head", "body")}, r"tracks of 2 nodes"),
        ({"dims": ("frame", "track", "node", "time"), "state_dims": True}, "axes"),
    ],
)
def test_the_error_of_axes_that_do_not_fit_names_the_file(tmp_path, changes, message):
    path = tmp_path / "v.h5"
    if "dims" in changes:
        _write(path, _STANDARD, True)
        with h5py.File(path, "r+") as file:
            file["tracks"].attrs["dims"] = json.dumps(changes["dims"])
    else:
        _write(path, **changes)
    with pytest.raises(InputError, match=rf"v\.h5: .*{message}"):
        read_recordings(path)


def test_a_broken_attribute_dims_is_an_error_that_names_the_file(tmp_path):
    path = _write(tmp_path / "v.h5", state_dims=True)
    with h5py.File(path, "r+") as file:
        file["tracks"].attrs["dims"] = "not json"
    with pytest.raises(InputError, match=r"v\.h5"):
        read_recordings(path)


def _labels(tracked: bool) -> sleap_io.Labels:
    skeleton = sleap_io.Skeleton(["head", "tail"], edges=[("head", "tail")])
    video = sleap_io.Video("film.mp4", open_backend=False)
    track = sleap_io.Track("a") if tracked else None

    def predicted(x):
        return sleap_io.PredictedInstance.from_numpy(
            np.array([[x, 1.0], [x, 2.0]]), skeleton, np.array([0.5, 0.75]), 0.9, track=track
        )

    by_hand = sleap_io.Instance.from_numpy(np.array([[50.0, 1.0], [np.nan, np.nan]]), skeleton, track=track)
    frames = [
        sleap_io.LabeledFrame(video=video, frame_idx=2, instances=[predicted(10.0)]),
        sleap_io.LabeledFrame(video=video, frame_idx=4, instances=[by_hand, predicted(20.0)] if tracked else [by_hand]),
    ]
    return sleap_io.Labels(frames)


@pytest.mark.parametrize("tracked", [True, False])
def test_slp_keeps_frame_numbers_and_prefers_points_corrected_by_hand(tmp_path, tracked):
    sleap_io.save_slp(_labels(tracked), str(tmp_path / "film.slp"))
    (recording,) = read_recordings(tmp_path / "film.slp", notify=lambda _: None)
    assert recording.id == "film"
    assert recording.individuals == (("a",) if tracked else ("individual1",))
    assert recording.skeleton.edges == (("head", "tail"),)
    assert recording.positions.shape == (5, 1, 2, 2)
    assert np.isnan(recording.positions[[0, 1, 3]]).all()
    assert recording.positions[2, 0].tolist() == [[10, 1], [10, 2]]
    assert recording.confidence[2, 0].tolist() == [0.5, 0.75]
    assert recording.positions[4, 0, 0].tolist() == [50, 1]
    assert recording.confidence[4, 0].tolist() == [1, 0]


def test_a_truncated_slp_is_refused(tmp_path):
    sleap_io.save_slp(_labels(True), str(tmp_path / "film.slp"))
    (tmp_path / "film.slp").write_bytes((tmp_path / "film.slp").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"film\.slp"):
        read_recordings(tmp_path / "film.slp")


def test_real_analysis_files_of_both_orders_agree(shared_data):
    folder = shared_data("sleap")
    matlab, standard = (sleap.read(folder / f"centered_pair_{name}.analysis.h5")[0] for name in ("matlab", "standard"))
    assert matlab.positions.shape == (1100, 27, 24, 2)
    np.testing.assert_array_equal(matlab.positions, standard.positions)
    np.testing.assert_array_equal(matlab.confidence, standard.confidence)
    assert matlab.skeleton == standard.skeleton
    assert matlab.skeleton.edges[0] == ("neck", "head")
    (simple,) = sleap.read(folder / "simple_standard.analysis.h5")
    assert (simple.id, simple.individuals) == ("simple_standard", ("animal1",))


@pytest.mark.parametrize(
    ("name", "individuals", "frames"),
    [("clip.slp", ("female", "male"), 1500), ("testDLC_sleap.slp", ("track_0",), 101)],
)
def test_a_real_slp_has_the_positions_that_sleap_io_reads(shared_data, name, individuals, frames):
    path = shared_data("sleap") / name
    (recording,) = sleap.read(path)
    assert recording.individuals == individuals
    assert recording.frames == frames
    expected = sleap_io.load_slp(str(path), open_videos=False).numpy()
    np.testing.assert_array_equal(recording.positions, expected.astype(np.float32))


def _notices(path):
    (recording,) = sleap.read(path)
    return " ".join(recording.notices)


def test_an_analysis_file_without_a_track_is_refused(tmp_path):
    path = _write(tmp_path / "v.h5", names=())
    with h5py.File(path, "r+") as file:
        del file["tracks"], file["point_scores"]
        file["tracks"] = np.empty((0, 2, 3, 4))
    with pytest.raises(InputError, match=r"v\.h5: expected a track or more; found none: track the video"):
        read_recordings(path)


def test_what_an_analysis_file_leaves_open_is_said(tmp_path):
    path = _write(tmp_path / "v.h5")
    assert _notices(path) == ""
    with h5py.File(path, "r+") as file:
        file["track_occupancy"] = np.array([[1, 1], [1, 1], [0, 1], [1, 1]], np.uint8)
    assert "1 of 8 poses are in frames that track_occupancy leaves empty" in _notices(path)
    assert "its 3 track names cannot tell 2 tracks apart" in _notices(_write(tmp_path / "w.h5", names=("a", "b", "c")))
    with h5py.File(path, "r+") as file:
        tracks = file["tracks"][:1]
        del file["tracks"], file["point_scores"], file["track_names"]
        file["tracks"] = tracks
    assert "of several untracked animals it holds one per frame" in _notices(path)


@pytest.mark.parametrize("order", [_LEGACY, _STANDARD])
def test_an_occupancy_of_odd_shape_does_not_cost_the_tracks(tmp_path, order):
    path = _write(tmp_path / "v.h5", order, True)
    with h5py.File(path, "r+") as file:
        file["track_occupancy"] = np.ones(5)
    np.testing.assert_array_equal(sleap.read(path)[0].positions, _tracks())
