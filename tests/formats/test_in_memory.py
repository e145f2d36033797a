"""Recordings that a notebook has in memory already."""

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.in_memory import as_recordings
from ssl_behavior.simulation.simulator import simulate_recordings

xarray = pytest.importorskip("xarray")


def dataset(**attributes: Any) -> Any:
    """What ``movement`` loads: 4 frames, 2 coordinates, 3 keypoints, 2 individuals."""
    positions = np.arange(48, dtype=float).reshape(4, 2, 3, 2) + 1
    coordinates = {
        "time": np.arange(4) / 25,
        "space": ["x", "y"],
        "keypoints": ["nose", "centre", "tail base"],
        "individuals": ["a", "b"],
    }
    return xarray.Dataset(
        {"position": (("time", "space", "keypoints", "individuals"), positions)}, coordinates, attributes
    )


def test_a_movement_dataset_becomes_a_recording() -> None:
    (recording,) = as_recordings(dataset(fps=25, source_file="/data/pair 7.slp"))
    assert (recording.id, recording.frame_rate, recording.individuals) == ("pair 7", 25, ("a", "b"))
    assert recording.skeleton.keypoints == ("nose", "centre", "tail base")
    np.testing.assert_array_equal(recording.positions[2, 1, 0], dataset().position[2, :, 0, 1])


def test_datasets_without_a_file_are_numbered() -> None:
    recordings = as_recordings([dataset(fps=25), *simulate_recordings(1, frames=5), dataset(fps=25)])
    assert [recording.id for recording in recordings] == ["dataset0", "video000", "dataset2"]


def test_a_dataset_without_a_frame_rate_is_refused() -> None:
    with pytest.raises(InputError, match="fps"):
        as_recordings(dataset().drop_vars("time"))
    with pytest.raises(InputError, match="fps"):
        as_recordings(dataset(time_unit="frames").assign_coords(time=np.arange(4)))
    (recording,) = as_recordings(dataset())
    assert (recording.frame_rate, recording.frame_rate_is_assumed) == (25, False)


@pytest.mark.parametrize(
    ("rows", "frame_rate", "frames", "notice"),
    [
        (slice(None, None, 2), 12.5, [0, 1], "times are 0.08 s apart, where 0.04 s are stated"),
        ([0, 1, 3], 25, [0, 1, 3], "times leave out 1 frame"),
        (slice(1, 3), 25, [1, 2], "nothing is seen in the 1 frame before"),
    ],
)
def test_rows_of_a_dataset_stand_at_the_frames_of_their_times(
    rows: Any, frame_rate: float, frames: list[int], notice: str
) -> None:
    printed: list[str] = []
    (recording,) = as_recordings(dataset(fps=25).isel(time=rows), printed.append)
    assert recording.frame_rate == frame_rate
    assert np.flatnonzero(np.isfinite(recording.positions[:, 0, 0, 0])).tolist() == frames
    np.testing.assert_array_equal(recording.positions[frames, 1, 0], dataset().position[rows, :, 0, 1])
    assert len(printed) == 1
    assert printed[0].startswith("dataset0: ")
    assert notice in printed[0]
    assert recording.notices == ()


@pytest.mark.parametrize("fps", [25, np.float32(25)])
def test_times_may_be_frames_or_jitter(fps: Any) -> None:
    numbered = dataset(fps=fps, time_unit="frames").assign_coords(time=np.arange(4))
    jittered = dataset(fps=fps).assign_coords(time=np.arange(4) / 25 + [0, 0.005, -0.005, 0])
    assert [recording.frame_rate for recording in as_recordings([numbered, jittered])] == [25, 25]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "empty"),
        ("tracks/mice.csv", "read_recordings"),
        ([3], "found int"),
        (3, "found int"),
        (["a.csv"], "found str"),
        ({"a": simulate_recordings(1, frames=5)[0]}, "found dict"),
        (pd.DataFrame({"x": [1.0]}), "found DataFrame"),
    ],
)
def test_what_is_no_recording_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_recordings(given)


def test_recordings_of_the_same_id_are_refused() -> None:
    with pytest.raises(InputError, match="video000"):
        as_recordings(simulate_recordings(1, frames=5) * 2)


def test_a_recording_is_copied_and_pickled_whole() -> None:
    (recording,) = simulate_recordings(1, frames=5)
    for other in (pickle.loads(pickle.dumps(recording)), copy.deepcopy(recording)):
        assert other.fingerprint() == recording.fingerprint()
        assert other.skeleton == recording.skeleton
        assert dict(other.metadata) == dict(recording.metadata)
        np.testing.assert_array_equal(other.labels["behaviour"].values, recording.labels["behaviour"].values)


@pytest.mark.parametrize("name", ["", "..", "a\0b"])
def test_an_id_that_names_nothing_is_refused_in_memory_too(name: str) -> None:
    recording = replace(simulate_recordings(1, seed=0, frames=3)[0], id=name)
    with pytest.raises(InputError, match="expected a name for each video"):
        as_recordings(recording)
