"""Tracks in the formats of SLEAP and DeepLabCut: what is written reads back equal, here and in other programs."""

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import sleap_io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssl_behavior.errors import InputError
from ssl_behavior.formats.in_memory import as_recordings
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.formats.tracks.write import left_behind, write_recordings
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

OTHERS = ("slp", "sleap-analysis", "deeplabcut")
EVERY = ("native", *OTHERS)
KEYPOINTS = Skeleton(("nose", "left ear", "tail"), (("nose", "tail"), ("left ear", "tail")))


def two_animals(frames: int = 40, seed: int = 0) -> Recording:
    """Two animals of which points, whole animals, and all animals of the first and last frames are not seen."""
    rng = np.random.default_rng(seed)
    positions = rng.uniform(1, 500, (frames, 2, 3, 2)).astype(np.float32)
    positions[rng.random((frames, 2, 3)) < 0.2] = np.nan
    positions[5:9, 0] = np.nan
    positions[[0, -1, -2]] = np.nan
    confidence = np.where(np.isnan(positions[..., 0]), 0, rng.random((frames, 2, 3))).astype(np.float32)
    return Recording("mouse 1", positions, ("resident", "größer"), KEYPOINTS, 25.0, confidence)


def written_and_read(recording: Recording, folder: Path, format: str) -> Recording:
    (file,) = write_recordings(folder, [recording], format)  # type: ignore[arg-type]
    (back,) = read_recordings(file, notify=lambda _: None)
    return back


def known_confidence(recording: Recording) -> np.ndarray:
    """Confidence as files hold it: 1 where it is not known, 0 where nothing is seen."""
    confidence = 1 if recording.confidence is None else recording.confidence
    return np.where(np.isnan(recording.positions[..., 0]), 0, confidence)


def assert_same_tracks(back: Recording, recording: Recording) -> None:
    np.testing.assert_array_equal(back.positions, recording.positions)
    np.testing.assert_array_equal(known_confidence(back), known_confidence(recording))
    assert back.skeleton.keypoints == recording.skeleton.keypoints
    assert back.id == recording.id


@pytest.mark.parametrize("format", EVERY)
def test_tracks_read_back_to_the_bit(format: str, tmp_path: Path) -> None:
    recording = two_animals()
    back = written_and_read(recording, tmp_path, format)
    assert_same_tracks(back, recording)
    assert back.individuals == recording.individuals
    if format != "deeplabcut":  # whose tables have no place for them
        assert back.skeleton.edges == KEYPOINTS.edges
        assert back.frame_rate == 25
        assert not back.frame_rate_is_assumed


@pytest.mark.parametrize("format", EVERY)
def test_an_assumed_frame_rate_is_not_stated(format: str, tmp_path: Path) -> None:
    recording = replace(two_animals(), frame_rate=30.0, frame_rate_is_assumed=True)
    assert written_and_read(recording, tmp_path, format).frame_rate_is_assumed


@pytest.mark.parametrize("format", OTHERS)
def test_unknown_confidence_becomes_1_where_a_point_is_seen(format: str, tmp_path: Path) -> None:
    recording = replace(two_animals(), confidence=None)
    back = written_and_read(recording, tmp_path, format)
    assert_same_tracks(back, recording)
    assert set(np.unique(back.confidence)) == {0, 1}


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=8)
trimmed = names.map(str.strip).filter(lambda name: name not in ("", "single"))


@pytest.mark.parametrize("format", OTHERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    individuals=st.lists(trimmed, min_size=2, max_size=3, unique=True),
    keypoints=st.lists(trimmed, min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 99),
    scale=st.sampled_from([1e-3, 1.0, 1e6]),
)
def test_any_names_and_numbers_read_back(
    format: str, individuals: list[str], keypoints: list[str], seed: int, scale: float, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    positions = (rng.normal(0, scale, (6, len(individuals), len(keypoints), 2))).astype(np.float32)
    recording = Recording("m", positions, tuple(individuals), Skeleton(tuple(keypoints)), 30.0)
    back = written_and_read(recording, tmp_path, format)
    assert_same_tracks(back, recording)
    assert back.individuals == recording.individuals


@pytest.mark.real
@pytest.mark.parametrize("format", OTHERS)
@pytest.mark.parametrize(
    "file",
    [
        "sleap/centered_pair_matlab.analysis.h5",
        "sleap/testDLC_sleap.slp",
        "tracking/predictions.analysis.h5",
        "deeplabcut/testDLC_csv_table_madlc.csv",
        "deeplabcut/testDLC_square_arena.h5",
        "mabe22/EGS8X2MN4SSUGFWAV976.h5",
        "calms21/mouse083_task1_annotator1_alt.csv.gz",
    ],
)
def test_real_tracks_read_back(file: str, format: str, shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    (recording,) = read_recordings(shared_data(file), notify=lambda _: None)
    back = written_and_read(recording, tmp_path, format)
    assert_same_tracks(back, recording)
    if format != "deeplabcut":
        assert set(back.skeleton.edges) == set(recording.skeleton.edges)
    if len(recording.individuals) > 1:
        assert back.individuals == recording.individuals


def test_sleap_io_reads_the_slp(tmp_path: Path) -> None:
    recording = two_animals()
    (file,) = write_recordings(tmp_path, [recording], "slp")
    labels = sleap_io.load_slp(str(file), open_videos=False)
    np.testing.assert_array_equal(labels.numpy()[: recording.frames - 2], recording.positions[:-2])
    assert [track.name for track in labels.tracks] == list(recording.individuals)
    assert tuple(map(tuple, labels.skeleton.edge_names)) == KEYPOINTS.edges
    (video,) = labels.videos
    assert (video.filename, video.shape[0], video.backend_metadata["fps"]) == ("mouse 1.mp4", 40, 25)
    instance = labels[0].instances[0]
    assert isinstance(instance, sleap_io.PredictedInstance)
    seen = np.isfinite(instance.numpy()[:, 0])
    scores = instance.numpy(scores=True)[:, 2]
    assert instance.score == pytest.approx(scores[seen].mean())
    labels.save(str(tmp_path / "again.slp"))  # every reference within the file holds


def test_sleap_io_reads_the_analysis_file(tmp_path: Path) -> None:
    recording = two_animals()
    (file,) = write_recordings(tmp_path, [recording], "sleap-analysis")
    labels = sleap_io.load_analysis_h5(str(file))
    np.testing.assert_array_equal(labels.numpy()[: recording.frames - 2], recording.positions[:-2])
    assert labels.skeleton.node_names == list(KEYPOINTS.keypoints)
    assert len(labels.skeleton.edges) == 2


def test_the_analysis_file_has_the_layout_of_sleap(tmp_path: Path) -> None:
    recording = two_animals()
    (file,) = write_recordings(tmp_path, [recording], "sleap-analysis")
    with h5py.File(file) as content:
        shapes = {name: dataset.shape for name, dataset in content.items()}
        occupancy = content["track_occupancy"][:]
        video, provenance = content["video_path"].asstr()[()], json.loads(content["provenance"].asstr()[()])
    assert shapes == {
        "tracks": (2, 2, 3, 40),
        "point_scores": (2, 3, 40),
        "instance_scores": (2, 40),
        "tracking_scores": (2, 40),
        "track_occupancy": (40, 2),
        "track_names": (2,),
        "node_names": (3,),
        "edge_inds": (2, 2),
        "edge_names": (2, 2),
        "video_path": (),
        "video_ind": (),
        "labels_path": (),
        "provenance": (),
    }
    np.testing.assert_array_equal(occupancy, np.isfinite(recording.positions).any((2, 3)))
    assert video == "mouse 1.mp4"
    assert provenance["written_by"] == "ssl_behavior"


def test_symmetries_stay_in_an_analysis_file(tmp_path: Path) -> None:
    recording = replace(two_animals(), metadata={"symmetries": [["nose", "tail"]]})
    assert written_and_read(recording, tmp_path, "sleap-analysis").metadata == recording.metadata


@pytest.mark.parametrize(("format", "reader"), [("deeplabcut", "from_dlc_file"), ("sleap-analysis", "from_sleap_file")])
def test_movement_reads_the_file(format: str, reader: str, tmp_path: Path) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses")
    recording = two_animals()
    (file,) = write_recordings(tmp_path, [recording], format)  # type: ignore[arg-type]
    with warnings.catch_warnings(action="ignore"):
        (again,) = as_recordings(getattr(load_poses, reader)(file, fps=25))
    np.testing.assert_array_equal(again.positions, recording.positions)
    assert again.individuals == recording.individuals
    assert again.skeleton.keypoints == KEYPOINTS.keypoints


def test_a_table_of_deeplabcut_has_its_header_and_name(tmp_path: Path) -> None:
    recording = two_animals()
    (file,) = write_recordings(tmp_path, [recording], "deeplabcut")
    assert file.name == "mouse 1DLC_ssl_behavior.csv"
    table = pd.read_csv(file, header=[0, 1, 2, 3], index_col=0)  # as DeepLabCut reads it
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert set(table.columns.get_level_values("scorer")) == {"DLC_ssl_behavior"}
    nose = table["DLC_ssl_behavior"]["größer"]["nose"]
    np.testing.assert_array_equal(nose[["x", "y"]].to_numpy(np.float32), recording.positions[:, 1, 0])


def test_one_animal_has_three_header_rows_in_deeplabcut(tmp_path: Path) -> None:
    recording = replace(
        two_animals(), positions=two_animals().positions[:, :1], confidence=None, individuals=("resident",)
    )
    (file,) = write_recordings(tmp_path, [recording], "deeplabcut")
    assert [line.split(",")[0] for line in file.read_text().splitlines()[:4]] == ["scorer", "bodyparts", "coords", "0"]
    (line,) = left_behind([recording], [file], "deeplabcut")
    assert "lone individual" in line


@pytest.mark.parametrize("format", OTHERS)
def test_what_a_format_does_not_hold_is_said(format: str, tmp_path: Path) -> None:
    rich = replace(
        two_animals(),
        labels={"behaviour": Labels(("rest",), np.zeros(40, np.int16))},
        series={"speed": np.zeros(40)},
        unit="cm",
        id="day1/m",
    )
    files = write_recordings(tmp_path, [rich], format)  # type: ignore[arg-type]
    (line,) = left_behind([rich], files, format)  # type: ignore[arg-type]
    assert all(part in line for part in ("labels", "time series", "(cm)", "the ids of day1/m"))
    assert ("frame rates" in line) == ("edges" in line) == (format == "deeplabcut")


def test_one_animal_whose_keypoints_look_like_two_is_read_as_one_if_told_so(tmp_path: Path) -> None:
    names = tuple(f"{animal}_{part}" for animal in "BW" for part in ("nose", "neck", "tail"))
    recording = Recording("m", np.ones((4, 1, 6, 2)), ("individual1",), Skeleton(names), 30.0)
    (file,) = write_recordings(tmp_path, [recording], "sleap-analysis")
    (line,) = left_behind([recording], [file], "sleap-analysis")
    assert "(--individuals-from none reads it so)" in line
    (back,) = read_recordings(file, notify=lambda _: None, individuals_from="none")
    assert_same_tracks(back, recording)


@pytest.mark.parametrize("format", ["native", "slp", "sleap-analysis"])
def test_nothing_is_said_where_nothing_is_lost(format: str, tmp_path: Path) -> None:
    files = write_recordings(tmp_path, [two_animals()], format)  # type: ignore[arg-type]
    assert list(left_behind([two_animals()], files, format)) == []  # type: ignore[arg-type]


BAD = {
    "three dimensions": (lambda r: replace(r, positions=np.ones((40, 2, 3, 3))), OTHERS, "found three"),
    "a point at zero": (lambda r: replace(r, positions=np.zeros((40, 2, 3, 2))), OTHERS, "exactly 0, 0"),
    "nothing seen": (lambda r: replace(r, positions=np.full((40, 2, 3, 2), np.nan)), OTHERS, "seen in some frame"),
    "a point at -1": (lambda r: replace(r, positions=-np.ones((40, 2, 3, 2))), ("deeplabcut",), "exactly -1, -1"),
    "a blank at the end": (lambda r: replace(r, individuals=("a", "b ")), ("deeplabcut",), "found 'b '"),
    "an empty name": (lambda r: replace(r, skeleton=Skeleton(("", "x", "y"))), ("deeplabcut",), "found ''"),
    "an animal that is none": (lambda r: replace(r, individuals=("a", "single")), ("deeplabcut",), "'single'"),
}


@pytest.mark.parametrize(("name", "format"), [(name, one) for name, (_, formats, _) in BAD.items() for one in formats])
def test_a_recording_that_a_format_cannot_hold_is_refused_before_anything_is_written(
    name: str, format: str, tmp_path: Path
) -> None:
    change, _, says = BAD[name]
    recordings = [two_animals(), change(replace(two_animals(), id="bad", confidence=None))]
    with pytest.raises(InputError, match=says) as error:
        write_recordings(tmp_path / "out", recordings, format)  # type: ignore[arg-type]
    assert "(bad)" in str(error.value)
    assert re.search("choose --output-format native|leave out the recording", str(error.value))
    assert not (tmp_path / "out").exists()


def test_names_of_files_that_do_not_tell_videos_apart_are_refused(tmp_path: Path) -> None:
    recordings = [replace(two_animals(), id=name) for name in ("m", "mDLC_resnet")]
    with pytest.raises(InputError, match="found 'm' for both"):
        write_recordings(tmp_path, recordings, "slp")
    assert len(write_recordings(tmp_path, recordings, "native")) == 2
