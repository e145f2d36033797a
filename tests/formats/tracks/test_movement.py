"""Files that only ``movement`` reads, as the version installed here writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.recording import Recording

pytest.importorskip("movement.io", reason="movement is not installed")

RNG = np.random.default_rng(0)
POSITIONS = RNG.uniform(1, 100, (6, 2, 3, 2)).astype(np.float32)
"""(time, individual, keypoint, space), in px."""
CONFIDENCE = RNG.uniform(0, 1, POSITIONS.shape[:3]).astype(np.float32)
INDIVIDUALS, KEYPOINTS = ("resident", "intruder"), ("nose", "neck", "tail")


def order(recording: Recording) -> list[int]:
    """Where each of the keypoints is in a recording: movement sorts some by name."""
    assert len(recording.skeleton.keypoints) == len(KEYPOINTS)
    return [recording.skeleton.keypoints.index(name) for name in KEYPOINTS]


def test_netcdf(tmp_path: Path) -> None:
    from movement.io import load_poses

    data = load_poses.from_numpy(
        POSITIONS.transpose(0, 3, 2, 1),
        CONFIDENCE.transpose(0, 2, 1),
        [*INDIVIDUALS],
        [*KEYPOINTS],
        fps=25,
        source_software="SLEAP",
    )
    data.to_netcdf(tmp_path / "pair.nc")
    (recording,) = read_recordings(tmp_path / "pair.nc")
    assert (recording.id, recording.frame_rate, recording.unit) == ("pair", 25, "px")
    assert (recording.individuals, recording.skeleton.keypoints) == (INDIVIDUALS, KEYPOINTS)
    np.testing.assert_array_equal(recording.positions, POSITIONS)
    np.testing.assert_array_equal(recording.confidence, CONFIDENCE)


@pytest.mark.parametrize("plural", ["s", ""])
def test_dimensions_have_the_names_of_movement_before_and_since_0_16(tmp_path: Path, plural: str) -> None:
    import xarray

    dimensions = ("time", f"individual{plural}", f"keypoint{plural}", "space")
    names = dict(zip(dimensions[1:], (list(INDIVIDUALS), list(KEYPOINTS), ["x", "y"]), strict=True))
    data = xarray.Dataset({"position": (dimensions, POSITIONS)}, names, {"fps": 25.0, "source_software": "SLEAP"})
    data.to_netcdf(tmp_path / "pair.nc")
    (recording,) = read_recordings(tmp_path / "pair.nc")
    assert (recording.individuals, recording.skeleton.keypoints) == (INDIVIDUALS, KEYPOINTS)
    np.testing.assert_array_equal(recording.positions, POSITIONS)


def test_anipose(tmp_path: Path) -> None:
    places = RNG.uniform(1, 100, (6, 3, 3)).astype(np.float32)
    columns = {f"{name}_{axis}": places[:, k, a] for k, name in enumerate(KEYPOINTS) for a, axis in enumerate("xyz")}
    others = [*(f"{name}_{of}" for name in KEYPOINTS for of in ("error", "ncams", "score")), "fnum"]
    others += [*(f"M_{row}{column}" for row in range(3) for column in range(3)), *(f"center_{row}" for row in range(3))]
    pd.DataFrame({**columns, **dict.fromkeys(others, 1.0)}).to_csv(tmp_path / "walk.csv", index=False)
    (recording,) = read_recordings(tmp_path / "walk.csv")
    assert recording.unit == "calibrated"
    np.testing.assert_allclose(recording.positions[:, 0, order(recording)], places, rtol=1e-6)


def test_nwb(tmp_path: Path) -> None:
    import pynwb
    from movement.io import load_poses, save_poses

    data = load_poses.from_numpy(
        POSITIONS[:, :1].transpose(0, 3, 2, 1), CONFIDENCE[:, :1].transpose(0, 2, 1), ["resident"], [*KEYPOINTS], fps=25
    )
    with pynwb.NWBHDF5IO(tmp_path / "one.nwb", "w") as file:
        file.write(save_poses.to_nwb_file(data))
    (recording,) = read_recordings(tmp_path / "one.nwb")
    assert (recording.id, recording.frame_rate, recording.individuals) == ("one", 25, ("resident",))
    np.testing.assert_array_equal(recording.positions[:, :, order(recording)], POSITIONS[:, :1])
