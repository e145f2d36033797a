"""DeepLabCut tables: small ones written here as pandas writes them, and all real ones."""

import csv
import gzip
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import deeplabcut
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.formats.untrusted.pytables import read_table

_COORDINATES = ("x", "y", "likelihood")


def _table(path: Path, columns, rows, levels=("scorer", "individuals", "bodyparts", "coords"), frames=None) -> Path:
    """Write columns (tuples, a name per level) and rows of numbers as DeepLabCut does."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="") as file:
        writer = csv.writer(file)
        for i, level in enumerate(levels):
            writer.writerow([level, *(column[i] for column in columns)])
        for frame, row in zip(frames if frames is not None else range(len(rows)), rows, strict=True):
            writer.writerow([frame, *("" if np.isnan(value) else value for value in row)])
    return path


def _columns(individuals, parts, coordinates=_COORDINATES):
    return [("net", individual, part, axis) for individual in individuals for part in parts for axis in coordinates]


def _three_rows(parts, coordinates=_COORDINATES):
    return [("net", part, axis) for part in parts for axis in coordinates]


_LEVELS_3 = ("scorer", "bodyparts", "coords")


@pytest.mark.parametrize("name", ["v1DLC_resnet50.csv", "v1DLC_resnet50.csv.gz"])
def test_four_header_rows_name_the_individuals(tmp_path, name):
    rows = np.arange(1.0, 25.0).reshape(2, 12)
    rows[:, 2::3] = 0.5
    rows[1, 3:5] = np.nan
    (recording,) = deeplabcut.read(_table(tmp_path / name, _columns(["m1", "m2"], ["nose", "tail"]), rows))
    assert recording.id == "v1"
    assert recording.individuals == ("m1", "m2")
    assert recording.skeleton.keypoints == ("nose", "tail")
    assert recording.positions[0].tolist() == [[[1, 2], [4, 5]], [[7, 8], [10, 11]]]
    assert np.isnan(recording.positions[1, 0, 1]).all()
    assert recording.confidence[0].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert recording.confidence[1].tolist() == [[0.5, 0], [0.5, 0.5]]
    assert recording.frame_rate_is_assumed


def test_three_header_rows_are_one_individual(tmp_path):
    rows = [[1, 2, 1, 4, 5, 1]]
    (recording,) = deeplabcut.read(_table(tmp_path / "a.csv", _three_rows(["nose", "tail"]), rows, _LEVELS_3))
    assert recording.individuals == ("individual1",)
    assert recording.positions[0, 0].tolist() == [[1, 2], [4, 5]]


def test_exact_zeros_are_unseen(tmp_path):
    rows = [[0, 0, 0, 0, 5, 1]]
    (recording,) = deeplabcut.read(_table(tmp_path / "a.csv", _three_rows(["nose", "tail"]), rows, _LEVELS_3))
    assert np.isnan(recording.positions[0, 0, 0]).all()
    assert recording.positions[0, 0, 1].tolist() == [0, 5]


def test_three_dimensions_without_likelihood(tmp_path):
    rows = [[1, 2, 3]]
    (recording,) = deeplabcut.read(_table(tmp_path / "a.csv", _three_rows(["nose"], "xyz"), rows, _LEVELS_3))
    assert recording.positions[0, 0, 0].tolist() == [1, 2, 3]
    assert recording.confidence is None


def test_bodyparts_of_the_individual_single_become_a_series(tmp_path):
    columns = _columns(["m1"], ["nose"]) + _columns(["single"], ["corner1", "corner2"])
    (recording,) = deeplabcut.read(_table(tmp_path / "a.csv", columns, [[1, 2, 1, 4, 5, 1, 7, 8, 1]]))
    assert recording.individuals == ("m1",)
    assert recording.skeleton.keypoints == ("nose",)
    assert recording.metadata["single_keypoints"] == ["corner1", "corner2"]
    assert recording.series["single"].tolist() == [[[4, 5], [7, 8]]]


def test_a_bodypart_that_an_individual_lacks_is_unseen(tmp_path):
    columns = _columns(["m1"], ["nose", "tail"]) + _columns(["m2"], ["nose"])
    (recording,) = deeplabcut.read(_table(tmp_path / "a.csv", columns, [[1, 2, 1, 4, 5, 1, 7, 8, 1]]))
    assert recording.skeleton.keypoints == ("nose", "tail")
    assert np.isnan(recording.positions[0, 1, 1]).all()
    assert recording.confidence[0, 1, 1] == 0


def test_the_scorer_row_may_name_the_individuals(tmp_path):
    columns = [(individual, "nose", axis) for individual in ("Resident", "Intruder") for axis in _COORDINATES]
    (recording,) = deeplabcut.read(_table(tmp_path / "a.csv", columns, [[1, 2, 1, 3, 4, 1]], _LEVELS_3))
    assert recording.individuals == ("resident", "intruder")
    assert recording.positions[0, :, 0].tolist() == [[1, 2], [3, 4]]


def test_missing_frames_are_unseen(tmp_path):
    path = _table(tmp_path / "a.csv", _three_rows(["nose"]), [[1, 2, 1], [3, 4, 1]], _LEVELS_3, frames=[1, 3])
    (recording,) = deeplabcut.read(path)
    assert np.isnan(recording.positions[:, 0, 0, 0]).tolist() == [True, False, True, False]
    assert recording.positions[3, 0, 0].tolist() == [3, 4]


BODY = ("scorer,net,net,net\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n", "0,1,2,0.9\n1,2,3,0.8\n2,3,4,0.7\n")
"""A table of three frames: its header rows, and its frames."""


@pytest.mark.parametrize(
    ("header", "frames", "notice"),
    [
        (*BODY, ""),
        (BODY[0], "0.0,1,2,0.9\n1.0,2,3,0.8\n2.0,3,4,0.7\n", ""),
        (BODY[0], "2,3,4,0.7\n0,1,2,0.9\n1,2,3,0.8\n", "not in the order of their frames"),
        (BODY[0] + "frame,,,\n", BODY[1], ""),
        (BODY[0].replace("bodyparts", "bodypart").replace("coords", "coord"), BODY[1], ""),
        (BODY[0].replace("bodyparts", "individuals,m,m,m\nbodyparts"), BODY[1], ""),
        ("scorer,net,net,net\nbodyparts,nose,nose,nose\nindividuals,m,m,m\ncoords,x,y,likelihood\n", BODY[1], ""),
        (BODY[0].replace("bodyparts", "lab,mine,mine,mine\nbodyparts"), BODY[1], ""),
        (BODY[0].replace("x,y,likelihood", "likelihood,y,x"), "0,.9,2,1\n1,.8,3,2\n2,.7,4,3\n", ""),
        ("\ufeff" + BODY[0], BODY[1], ""),
        (BODY[0].replace("\n", ",,\n"), BODY[1].replace("\n", ",,\n"), ""),
        (BODY[0].replace("\n", "\r\n"), BODY[1].replace("\n", "\r\n"), ""),
    ],
)
def test_the_same_table_written_otherwise_gives_the_same_points(tmp_path, header, frames, notice):
    (tmp_path / "m.csv").write_text(header + frames, newline="")
    notices: list[str] = []
    (recording,) = read_recordings(tmp_path / "m.csv", frame_rate=30, notify=notices.append)
    assert recording.positions[:, 0, 0].tolist() == [[1, 2], [2, 3], [3, 4]]
    np.testing.assert_allclose(recording.confidence[:, 0, 0], [0.9, 0.8, 0.7], rtol=1e-6)
    assert len(notices) == bool(notice)
    assert all(notice in text for text in notices)


def test_columns_rows_and_individuals_in_any_order_give_the_same_points(tmp_path):
    columns = _columns(["m1", "m2", "m3"], ["nose", "ear", "tail"])
    rng = np.random.default_rng(3)
    values = rng.uniform(1, 500, (6, len(columns))).round(1)
    values[:, 2::3] = 0.5
    straight = read_recordings(_table(tmp_path / "a.csv", columns, values), frame_rate=30)[0]
    order, frames = rng.permutation(len(columns)), rng.permutation(6)
    path = _table(tmp_path / "b.csv", [columns[i] for i in order], values[frames][:, order], frames=frames)
    mixed = read_recordings(path, frame_rate=30, notify=lambda _: None)[0]
    assert mixed.individuals != straight.individuals
    for name in straight.individuals:
        for part in straight.skeleton.keypoints:
            first, second = (
                recording.positions[:, recording.individuals.index(name), recording.skeleton.keypoints.index(part)]
                for recording in (straight, mixed)
            )
            np.testing.assert_array_equal(first, second)


def test_minus_one_of_deeplabcut_3_is_unseen(tmp_path):
    """The empty slots of SuperAnimal hold -1, -1, -1."""
    columns = _columns(["animal0", "animal1"], ["nose", "tail"])
    rows = np.full((3, len(columns)), -1.0)
    rows[:, :6] = [5, 6, 0.9, 7, 8, 0.9]
    notices: list[str] = []
    (recording,) = read_recordings(_table(tmp_path / "a.csv", columns, rows), frame_rate=30, notify=notices.append)
    assert recording.individuals == ("animal0",)
    assert "animal1: never seen" in notices[0]


def test_bodyparts_of_single_alone_are_those_of_an_animal(tmp_path):
    (recording,) = deeplabcut.read(_table(tmp_path / "a.csv", _columns(["single"], ["nose"]), [[1, 2, 0.9]]))
    assert recording.individuals == ("single",)
    assert recording.positions[0, 0, 0].tolist() == [1, 2]


def test_a_header_row_that_says_more_is_refused_by_name_and_can_be_deleted(tmp_path):
    columns = [("net", part, axis, view) for part in ("nose", "tail") for axis in "xy" for view in ("top",)]
    columns = [(*column[:3], "top" if column[1] == "nose" else "side") for column in columns]
    rows = [[1, 2, 3, 4]]
    levels = ("scorer", "bodyparts", "coords", "view")
    ordered = [(scorer, view, part, axis) for scorer, part, axis, view in columns]
    path = _table(tmp_path / "a.csv", ordered, rows, ("scorer", "view", "bodyparts", "coords"))
    with pytest.raises(InputError, match=r"a\.csv: .*found one called 'view' too: delete it"):
        read_recordings(path)
    path = _table(tmp_path / "a.csv", [column[:3] for column in columns], rows, levels[:3])
    assert read_recordings(path, frame_rate=30)[0].positions[0, 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("frames", "message", "advised"),
    [
        (
            "0,1,2,1\n0,1,2,1\n",
            "found several of 1 frames, the first 0: .*number the rows from 0",
            "0,1,2,1\n1,1,2,1\n",
        ),
        ("-1,1,2,1\n0,1,2,1\n", "found -1: number the rows from 0", "0,1,2,1\n1,1,2,1\n"),
        ("0.5,1,2,1\n", "whole numbers of frames; found 0.5: number the rows from 0", "0,1,2,1\n"),
        ("a,1,2,1\n", "expected frame numbers; found 'a': number the rows from 0", "0,1,2,1\n"),
        (",1,2,1\n0,1,2,1\n", "rows without one: number them from 0", "0,1,2,1\n1,1,2,1\n"),
        ("0,1,2,1\n99999,1,2,1\n", "correct the frame numbers", "0,1,2,1\n1,1,2,1\n"),
    ],
)
def test_the_advice_about_frame_numbers_works(tmp_path, frames, message, advised):
    (tmp_path / "m.csv").write_text(BODY[0] + frames)
    with pytest.raises(InputError, match=rf"m\.csv: .*{message}"):
        read_recordings(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_text(BODY[0] + advised)
    assert read_recordings(tmp_path / "m.csv", frame_rate=30)[0].frames == advised.count("\n")


def test_frames_before_the_first_row_and_between_rows_are_said(tmp_path):
    (tmp_path / "m.csv").write_text(BODY[0] + "2,1,2,1\n4,1,2,1\n")
    (recording,) = read_recordings(tmp_path / "m.csv", frame_rate=30, notify=(notices := []).append)
    assert np.isnan(recording.positions[:, 0, 0, 0]).tolist() == [True, True, False, True, False]
    assert "some frames have no row" in notices[0]


def _fixed(path: Path, names: list[tuple[str, ...]], values: np.ndarray) -> Path:
    """The fixed layout of pandas, as in the real files."""
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs.update({"pandas_type": b"frame", "nblocks": 1, "block0_items_nlevels": len(names[0])})
        for i, level in enumerate(zip(*names, strict=True)):
            values_of_level = sorted(set(level))
            group[f"block0_items_level{i}"] = np.array(values_of_level, "S")
            group[f"block0_items_label{i}"] = np.array([values_of_level.index(name) for name in level], "i1")
        group["block0_values"] = values
        group["axis1"] = np.arange(len(values))
    return path


def test_h5_and_csv_of_the_same_table_are_equal(tmp_path):
    rows = np.arange(1.0, 25.0).reshape(2, 12) / 32
    columns = _columns(["m1", "m2"], ["nose", "tail"])
    (from_csv,) = deeplabcut.read(_table(tmp_path / "a.csv", columns, rows))
    (from_h5,) = deeplabcut.read(_fixed(tmp_path / "a.h5", columns, rows))
    np.testing.assert_array_equal(from_csv.positions, from_h5.positions)
    np.testing.assert_array_equal(from_csv.confidence, from_h5.confidence)
    assert from_csv.skeleton.keypoints == from_h5.skeleton.keypoints


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,q\n0,1,2\n", "coords x, y, z and likelihood; found 'q'"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,x\n0,1,2\n", "occurs twice"),
        ("scorer,a\nbodyparts,nose\ncoords,x\n0,1\n", "coords x and y"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\n0,1,2,3\n", "cannot be read to its end"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\n0,one,2\n", "cannot be read to its end"),
        ("scorer,a,a\nbodyparts,nose\ncoords,x,y\n0,1,2\n", "header rows of one length"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\n0,1,2\n0,1,2\n", "several of 1 frames, the first 0"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\n0,1,2\n900000000,1,2\n", "2 rows for frames 0 to 900000000"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\n0,1,2\n,1,2\n", "frame number in every row"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\nimg1.png,1,2\n", "pictures that a person labelled"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\n", "bad.csv"),
    ],
)
def test_the_error_of_a_wrong_table_is_one_sentence_that_names_the_file(tmp_path, text, message):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        read_recordings(tmp_path / "bad.csv")
    assert "bad.csv" in str(raised.value)


def test_a_truncated_gzip_file_is_refused(tmp_path):
    path = _table(tmp_path / "a.csv.gz", _three_rows(["nose"]), np.random.default_rng(0).random((999, 3)), _LEVELS_3)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"a\.csv\.gz"):
        read_recordings(path)


def test_an_h5_that_declares_more_than_it_holds_is_refused(tmp_path):
    path = _fixed(tmp_path / "a.h5", _columns(["m1"], ["nose"]), np.ones((2, 3)))
    with h5py.File(path, "r+") as file:
        del file["df_with_missing/block0_values"]
        file["df_with_missing"].create_dataset("block0_values", (10**12, 3), "f8", chunks=(1024, 3))
    with pytest.raises(InputError, match=r"a\.h5.*declares the shape \(1000000000000, 3\)"):
        read_recordings(path)


def test_a_truncated_h5_is_refused(tmp_path):
    path = _fixed(tmp_path / "a.h5", _columns(["m1"], ["nose"]), np.ones((900, 3)))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"a\.h5"):
        read_recordings(path, format="deeplabcut")


def test_pickled_names_that_call_something_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = b"frame_table"
        group["table"] = np.zeros(3, [("index", "i8"), ("values_block_0", "f8", (3,))])
        group["table"].attrs["values_block_0_kind"] = np.bytes_(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(InputError, match=r"a\.h5: refused, as its pickle asks for os\.system"):
        read_recordings(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("name", "individuals", "shape"),
    [
        ("testDLC_csv_table_madlc.csv", ("mouse_black_tail", "mouse_white_tail"), (97, 2, 14, 2)),
        ("testDLC_csv_table_multi.csv", ("B", "W"), (98, 2, 14, 2)),
        ("testDLC_h5_table_madlc.h5", ("mouse_black_tail", "mouse_white_tail"), (100, 2, 14, 2)),
        ("testDLC_h5_table_multi.h5", ("B", "W"), (100, 2, 14, 2)),
        ("testDLC_square_arena.h5", ("individual1",), (451, 1, 14, 2)),
    ],
)
def test_real_tables_have_the_positions_that_pandas_reads(shared_data, name, individuals, shape):
    path = shared_data("deeplabcut") / name
    (recording,) = read_recordings(path, notify=lambda _: None)
    assert recording.id == "test"
    assert recording.individuals == individuals
    assert recording.positions.shape == shape
    if path.suffix == ".csv":
        rows = 4 if "madlc" in name else 3
        values = pd.read_csv(path, header=None, skiprows=rows, index_col=0).to_numpy(np.float32)
        _, order, _ = deeplabcut._read_csv(path)
        assert len(order) == len(values)
        x = values[:, ::3].reshape(shape[:3])
        seen = np.isfinite(recording.positions[..., 0])
        np.testing.assert_allclose(recording.positions[..., 0][seen], x[seen], rtol=1e-6)
        assert (x[~seen] == 0).all()


def test_real_csv_and_h5_of_one_video_agree(shared_data):
    folder = shared_data("deeplabcut")
    (from_csv,) = read_recordings(folder / "testDLC_csv_table_madlc.csv", notify=lambda _: None)
    (from_h5,) = read_recordings(folder / "testDLC_h5_table_madlc.h5", notify=lambda _: None)
    order = [from_h5.skeleton.keypoints.index(name) for name in from_csv.skeleton.keypoints]
    np.testing.assert_allclose(from_csv.positions, from_h5.positions[: from_csv.frames, :, order], rtol=1e-6)


def test_a_real_calms21_table_and_a_mabe22_triplet_are_read(shared_data):
    (pair,) = read_recordings(shared_data("calms21") / "mouse083_task1_annotator1_alt.csv.gz", notify=lambda _: None)
    assert pair.individuals == ("resident", "intruder")
    assert pair.positions.shape == (4881, 2, 7, 2)
    np.testing.assert_allclose(pair.positions[0, 0, 0], [403.97611, 193.31476], rtol=1e-6)
    np.testing.assert_allclose(pair.positions[0, 1, 0], [651.32465, 178.87732], rtol=1e-6)
    (triplet,) = read_recordings(shared_data("mabe22"), notify=lambda _: None)
    assert triplet.positions.shape == (1800, 3, 12, 2)
    _, _, values = read_table(shared_data("mabe22") / "EGS8X2MN4SSUGFWAV976.h5")
    assert np.isnan(triplet.positions).sum() == (values == 0).sum()


def test_the_real_dyads_are_40_pairs_with_missing_keypoints(shared_data):
    notices: list[str] = []
    recordings = read_recordings(shared_data("dyads/tracks"), notify=notices.append)
    assert len(recordings) == 40
    assert [recording.id for recording in recordings[:3]] == ["1", "2", "4"]
    assert all(recording.individuals == ("individual1", "individual2") for recording in recordings)
    assert recordings[0].skeleton.keypoints == ("top", "body", "tail", "tail-m", "tail-e")
    assert {recording.frame_rate for recording in recordings} == {30.0}
    assert len(notices) == 1
    missing = [np.isnan(recording.positions[..., 0]).mean() for recording in recordings]
    assert min(missing) > 0.25
    assert max(missing) < 0.5
