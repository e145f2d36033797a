"""Datasets of ``movement``, and the files that only it reads, as the installed version writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats import read_recordings
from ssl_behavior.formats.tracks.movement import from_dataset

RNG = np.random.default_rng(0)
POSITIONS = RNG.uniform(1, 100, (6, 2, 3, 2)).astype(np.float32)
"""(time, individual, keypoint, space), in px."""
CONFIDENCE = RNG.uniform(0, 1, POSITIONS.shape[:3]).astype(np.float32)
INDIVIDUALS, KEYPOINTS = ("resident", "intruder"), ("nose", "neck", "tail")


def dataset(plural: str = "s", **attributes: Any) -> Any:
    """A dataset made without movement; its dimensions have plural names before version 0.16, singular ones since."""
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    dimensions = ("time", "space", f"keypoint{plural}", f"individual{plural}")
    coordinates = dict(zip(dimensions[1:], (["x", "y"], list(KEYPOINTS), list(INDIVIDUALS)), strict=True))
    variables = {
        "position": (dimensions, POSITIONS.transpose(0, 3, 2, 1)),
        "confidence": ((dimensions[0], *dimensions[2:]), CONFIDENCE.transpose(0, 2, 1)),
    }
    return xarray.Dataset(variables, coordinates, attributes)


def movement_dataset(individuals: int = 2) -> Any:
    """A dataset that movement makes."""
    io = pytest.importorskip("movement.io", reason="movement is not installed")
    return io.load_poses.from_numpy(
        POSITIONS[:, :individuals].transpose(0, 3, 2, 1),
        CONFIDENCE[:, :individuals].transpose(0, 2, 1),
        list(INDIVIDUALS[:individuals]),
        list(KEYPOINTS),
        fps=25,
        source_software="SLEAP",
    )


def keypoint_order(keypoints: tuple[str, ...]) -> list[int]:
    """The index of each of ``KEYPOINTS``: movement sorts those of some formats by name."""
    assert len(keypoints) == len(KEYPOINTS)
    return [keypoints.index(name) for name in KEYPOINTS]


@pytest.mark.parametrize("plural", ["s", ""])
def test_a_dataset_of_any_version_becomes_a_recording(plural: str) -> None:
    recording = from_dataset(dataset(plural, fps=25.0, source_software="SLEAP", source_file="pair.slp"), "day1")
    assert (recording.id, recording.frame_rate, recording.unit, recording.source) == ("day1", 25, "px", "pair.slp")
    assert (recording.individuals, recording.skeleton.keypoints) == (INDIVIDUALS, KEYPOINTS)
    assert recording.metadata["source_software"] == "SLEAP"
    np.testing.assert_array_equal(recording.positions, POSITIONS)
    np.testing.assert_array_equal(recording.confidence, CONFIDENCE)


def test_a_dataset_without_a_frame_rate_needs_one() -> None:
    with pytest.raises(InputError, match=r"'day1'.*fps.*frame_rate="):
        from_dataset(dataset(), "day1")
    recording = from_dataset(dataset(), "day1", frame_rate=50)
    assert (recording.frame_rate, recording.frame_rate_is_assumed) == (50, False)
    assert from_dataset(dataset(fps=25.0), "day1", frame_rate=50).frame_rate == 50


def test_datasets_that_hold_no_poses_are_refused() -> None:
    with pytest.raises(InputError, match="dataset of poses"):
        from_dataset(dataset(fps=25.0).drop_vars("position"), "day1")
    boxes = dataset(fps=25.0).isel(keypoints=0)
    with pytest.raises(InputError, match=r"dimensions time, space, keypoints and individuals"):
        from_dataset(boxes, "day1")


def test_a_dataset_that_movement_makes_is_one_of_those() -> None:
    recording = from_dataset(movement_dataset(), "day1")
    np.testing.assert_array_equal(recording.positions, POSITIONS)
    assert recording.frame_rate == 25


def test_netcdf_files_hold_the_same_as_the_dataset(tmp_path: Path) -> None:
    movement_dataset().to_netcdf(tmp_path / "pair.nc")
    (recording,) = read_recordings(tmp_path / "pair.nc")
    assert (recording.id, recording.frame_rate, recording.unit) == ("pair", 25, "px")
    assert (recording.individuals, recording.skeleton.keypoints) == (INDIVIDUALS, KEYPOINTS)
    np.testing.assert_array_equal(recording.positions, POSITIONS)
    np.testing.assert_array_equal(recording.confidence, CONFIDENCE)


@pytest.mark.parametrize("plural", ["s", ""])
def test_netcdf_files_of_any_version_are_read(tmp_path: Path, plural: str) -> None:
    pytest.importorskip("movement.io", reason="movement is not installed")
    dataset(plural, fps=25.0, source_software="SLEAP").to_netcdf(tmp_path / "pair.nc")
    (recording,) = read_recordings(tmp_path / "pair.nc")
    assert (recording.individuals, recording.skeleton.keypoints) == (INDIVIDUALS, KEYPOINTS)
    np.testing.assert_array_equal(recording.positions, POSITIONS)


def test_anipose_tables_have_three_dimensions(tmp_path: Path) -> None:
    pytest.importorskip("movement.io", reason="movement is not installed")
    positions = RNG.uniform(1, 100, (6, 3, 3)).astype(np.float32)
    columns = {f"{name}_{axis}": positions[:, k, a] for k, name in enumerate(KEYPOINTS) for a, axis in enumerate("xyz")}
    further = [*(f"{name}_{suffix}" for name in KEYPOINTS for suffix in ("error", "ncams", "score")), "fnum"]
    further += [f"M_{row}{column}" for row in range(3) for column in range(3)] + [f"center_{row}" for row in range(3)]
    frames = [2, 3, 4, 6, 7, 8]
    table = pd.DataFrame({**columns, **dict.fromkeys(further, 1.0), "fnum": frames})
    table.to_csv(tmp_path / "walk.csv", index=False)
    notices: list[str] = []
    (recording,) = read_recordings(tmp_path / "walk.csv", notify=notices.append)
    assert "at frame 2: nothing is seen in the 2 frames before" in notices[0]
    assert recording.unit == "calibrated"
    order = keypoint_order(recording.skeleton.keypoints)
    np.testing.assert_allclose(recording.positions[frames][:, 0, order], positions, rtol=1e-6)
    assert np.isnan(recording.positions[[0, 1, 5]]).all()


def test_nwb_files_hold_the_same_as_the_dataset(tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="pynwb is not installed")
    from movement.io import save_poses

    with pynwb.NWBHDF5IO(tmp_path / "one.nwb", "w") as file:
        file.write(save_poses.to_nwb_file(movement_dataset(individuals=1)))
    (recording,) = read_recordings(tmp_path / "one.nwb")
    assert (recording.id, recording.frame_rate, recording.individuals) == ("one", 25, ("resident",))
    order = keypoint_order(recording.skeleton.keypoints)
    np.testing.assert_array_equal(recording.positions[:, :, order], POSITIONS[:, :1])


def _seen(recording: Any) -> list[int]:
    return np.flatnonzero(np.isfinite(recording.positions[:, 0, 0, 0])).tolist()


@pytest.mark.parametrize(
    ("times", "frames", "frame_rate"),
    [
        (np.arange(6) / 50 + 2, range(100, 106), 50),
        (np.arange(6) / 25, range(6), 25),
        (np.array([0, 1, 4, 5, 6, 9]) / 50, [0, 1, 4, 5, 6, 9], 50),
        (np.arange(6) / 50 + 0.002 * np.array([0, 1, -1, 1, 0, -1]), range(6), 50),
        (np.arange(6) * np.timedelta64(20, "ms") + np.timedelta64(1, "s"), range(50, 56), 50),
        (np.datetime64("2024-05-01T10:00:00") + np.arange(6) * np.timedelta64(20, "ms"), range(6), 50),
    ],
)
def test_rows_stand_at_the_frames_of_their_times(times: np.ndarray, frames: Any, frame_rate: float) -> None:
    recording = from_dataset(dataset(fps=50.0).assign_coords(time=times), "day1")
    assert (_seen(recording), recording.frame_rate) == (list(frames), frame_rate)
    np.testing.assert_array_equal(recording.positions[list(frames)], POSITIONS)
    np.testing.assert_array_equal(recording.confidence[list(frames)], CONFIDENCE)


def test_times_in_frames_need_a_frame_rate() -> None:
    numbered = dataset(time_unit="frames").assign_coords(time=np.arange(3, 9))
    assert _seen(from_dataset(numbered, "day1", frame_rate=50)) == list(range(3, 9))
    with pytest.raises(InputError, match="fps"):
        from_dataset(numbered, "day1")


def test_a_file_of_every_second_frame_has_half_the_frame_rate(tmp_path: Path) -> None:
    movement_dataset().isel(time=slice(1, None, 2)).to_netcdf(tmp_path / "pair.nc")
    notices: list[str] = []
    (recording,) = read_recordings(tmp_path / "pair.nc", notify=notices.append)
    assert (recording.frame_rate, recording.frames) == (12.5, 3)
    assert "0.08 s apart, where 0.04 s are stated" in notices[0]


@pytest.mark.parametrize("axes", [["y", "x"], ["x", "y"]])
def test_coordinates_are_taken_by_their_name_not_their_place(axes: list[str]) -> None:
    recording = from_dataset(dataset(fps=25.0).sel(space=axes), "day1")
    np.testing.assert_array_equal(recording.positions, POSITIONS)


def test_bounding_boxes_are_named_as_such() -> None:
    boxes = dataset(fps=25.0, ds_type="bboxes").isel(keypoints=0, drop=True)
    with pytest.raises(InputError, match="found bounding boxes, which have no keypoints: track the keypoints"):
        from_dataset(boxes, "day1")


def test_a_dataset_without_confidence_is_read_and_one_with_a_wrong_one_is_refused() -> None:
    assert from_dataset(dataset(fps=25.0).drop_vars("confidence"), "day1").confidence is None
    odd = dataset(fps=25.0)
    odd["confidence"] = odd.confidence.isel(individuals=0)
    with pytest.raises(InputError, match="expected confidence as numbers over time, individuals, keypoints"):
        from_dataset(odd, "day1")


@pytest.mark.parametrize("times", [[0, 1, 1, 2, 3, 4], list("abcdef")])
def test_times_that_are_none_are_refused(times: Any) -> None:
    with pytest.raises(InputError, match="expected times"):
        from_dataset(dataset(fps=25.0).assign_coords(time=times), "day1")
