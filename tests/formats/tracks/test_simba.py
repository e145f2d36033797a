"""SimBA's tables: with one header row and with three, with further columns, and what would be lost in them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings

PARTS = ("Nose", "Ear_left", "Ear_right", "Center", "Tail_base")
NAMES = [f"{part}_{mouse}" for mouse in (1, 2) for part in PARTS]
COLUMNS = [f"{name}_{axis}" for name in NAMES for axis in "xyp"]


def rows(frames: int = 3, columns: int = len(COLUMNS)) -> list[list[float]]:
    values = np.arange(1, frames * columns + 1, dtype=float).reshape(frames, columns)
    values[:, 2::3] = 0.5
    return values.tolist()


def write(path: Path, header: list[list[object]], body: list[list[object]]) -> Path:
    text = "\n".join(",".join(map(str, row)) for row in [*header, *body]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def indexed(body, first: int = 0) -> list[list[object]]:
    return [[first + number, *row] for number, row in enumerate(body)]


def read(path: Path, **options):
    notices: list[str] = []
    (recording,) = read_recordings(path, frame_rate=30, notify=notices.append, **options)
    return recording, notices


IMPORTED = [["scorer", *["IMPORTED_POSE"] * len(COLUMNS)], ["bodypart", *["IMPORTED_POSE"] * len(COLUMNS)]]


@pytest.mark.parametrize(
    ("name", "header"),
    [("m.csv", [["", *COLUMNS]]), ("m.csv.gz", [["", *COLUMNS]]), ("m.csv", [*IMPORTED, ["coords", *COLUMNS]])],
)
def test_one_and_three_header_rows_give_two_animals(tmp_path, name, header):
    recording, notices = read(write(tmp_path / name, header, indexed(rows())))
    assert recording.id == "m"
    assert recording.individuals == ("individual1", "individual2")
    assert recording.skeleton.keypoints == PARTS
    values = np.asarray(rows(), np.float32).reshape(3, 2, 5, 3)
    np.testing.assert_array_equal(recording.positions, values[..., :2])
    np.testing.assert_array_equal(recording.confidence, values[..., 2])
    assert len(notices) == 1
    assert "suffix 1, 2" in notices[0]


@pytest.mark.parametrize("header", [[["", *COLUMNS]], [*IMPORTED, ["coords", *COLUMNS]]])
def test_comments_above_the_header_are_passed_over(tmp_path, header):
    plain, _ = read(write(tmp_path / "m.csv", header, indexed(rows())))
    remarked, _ = read(write(tmp_path / "n.csv", [["# tracked on Monday"], ["# by me"], *header], indexed(rows())))
    np.testing.assert_array_equal(remarked.positions, plain.positions)
    assert remarked.skeleton == plain.skeleton


def test_columns_in_any_order_give_the_same_points(tmp_path):
    straight, _ = read(write(tmp_path / "a.csv", [COLUMNS], rows()))
    order = np.random.default_rng(0).permutation(len(COLUMNS))
    mixed = write(tmp_path / "b.csv", [[COLUMNS[i] for i in order]], [[row[i] for i in order] for row in rows()])
    other, _ = read(mixed)
    for name in straight.individuals:
        for part in PARTS:
            points = [
                item.positions[:, item.individuals.index(name), item.skeleton.keypoints.index(part)]
                for item in (straight, other)
            ]
            np.testing.assert_array_equal(*points)


def test_features_and_targets_are_not_read_and_said(tmp_path):
    header = [["", *COLUMNS, "Movement_mouse_1", "Probability_Attack", "Attack"]]
    recording, notices = read(write(tmp_path / "m.csv", header, [[*row, 7, 0.5, 1] for row in indexed(rows())]))
    assert recording.skeleton.keypoints == PARTS
    assert any("not read: Movement_mouse_1, Probability_Attack, Attack" in notice for notice in notices)


def test_a_plain_table_of_keypoints_is_read(tmp_path):
    """The layout that messages about unreadable files advise to write."""
    header = [["frame", "nose_x", "nose_y", "nose_p", "tail_base_x", "tail_base_y", "tail_base_p"]]
    recording, notices = read(write(tmp_path / "m.csv", header, indexed(rows(3, 6), first=2)))
    assert recording.skeleton.keypoints == ("nose", "tail_base")
    assert np.isnan(recording.positions[:2]).all()
    assert recording.positions[2, 0].tolist() == [[1, 2], [4, 5]]
    assert notices == [f"{tmp_path / 'm.csv'}: some frames have no row: nothing is seen in them"]


def test_unseen_keypoints_are_empty_or_zero(tmp_path):
    header = [["nose_x", "nose_y", "nose_p", "tail_x", "tail_y", "tail_p"]]
    recording, _ = read(write(tmp_path / "m.csv", header, [["", "", "", 4, 5, 1], [0, 0, 0, 4, 5, 1]]))
    assert np.isnan(recording.positions[:, 0, 0]).all()
    assert (recording.confidence[:, 0, 0] == 0).all()


@pytest.mark.parametrize("column", ["track", "mouse_id", "animal", "Animal ID", "video", "file"])
def test_a_column_of_animals_or_videos_is_refused_by_name(tmp_path, column):
    path = write(tmp_path / "m.csv", [[column, *COLUMNS]], indexed(rows()))
    with pytest.raises(
        InputError, match=rf"m\.csv: expected (a row per frame|one video).*found a column '{column}'.*: "
    ):
        read(path)
    # What the message advises: the column is deleted.
    assert len(read(write(tmp_path / "m.csv", [COLUMNS], rows()))[0].individuals) == 2


POINTS = ["nose_x", "nose_y", "nose_p"]


@pytest.mark.parametrize(
    ("header", "body", "rate"),
    [
        (["fps", *POINTS], [[25, 1, 2, 1], [25, 1, 2, 1]], 25),
        (["time_s", *POINTS], [[f"{frame / 25:.3f}", 1, 2, 1] for frame in range(9)], 25),
        (["Time (s)", *POINTS], [[f"{frame / 30:.2f}", 1, 2, 1] for frame in range(301)], 30),
        (["frame", "time", *POINTS], [[frame, frame / 50, 1, 2, 1] for frame in (0, 1, 5, 6)], 50),
    ],
)
def test_a_column_of_times_or_rates_gives_the_frame_rate(tmp_path, header, body, rate):
    (recording,) = read_recordings(write(tmp_path / "m.csv", [header], body), notify=(notices := []).append)
    assert recording.frame_rate == pytest.approx(rate)
    assert any("the frame rate is that of the column" in notice for notice in notices)
    assert not any("assuming" in notice for notice in notices)


@pytest.mark.parametrize(
    ("column", "times"),
    [
        ("time", [0, 40, 80, 120]),  # frames, or milliseconds
        ("t", [0, 0.001, 0.002, 0.003]),  # minutes
        ("time", [0, 1, 2, 3]),  # frames, or seconds
        ("time", ["00:00:00", "00:00:01", "00:00:02", "00:00:03"]),
        ("fps", [25, 25, 30, 25]),
    ],
)
def test_times_that_do_not_say_where_rows_belong_are_refused_and_the_advice_works(tmp_path, column, times):
    path = write(tmp_path / "m.csv", [[column, *POINTS]], [[time, 1, 2, 1] for time in times])
    with pytest.raises(InputError, match=r"m\.csv: .*expected .*delete the column, and give --frame-rate"):
        read(path)
    write(path, [POINTS], [[1, 2, 1] for _ in times])
    assert read(path)[0].frames == 4


@pytest.mark.parametrize("nothing", ["", "NaN", "None", "NA", "null", "-"])
def test_words_for_nothing_are_unseen(tmp_path, nothing):
    path = write(tmp_path / "m.csv", [POINTS], [[nothing] * 3, [1, 2, 1]])
    assert np.isnan(read(path)[0].positions[0]).all()


@pytest.mark.parametrize(
    ("header", "body", "message"),
    [
        (["nose_x", "nose_y", "nose_p"], [["left", 2, 1]], "column nose_x: expected numbers; found text"),
        (["nose_x", "nose_y", "nose_p", "nose_x"], [[1, 2, 1, 3]], "several of nose_x: rename"),
        (["frame", "nose_x", "nose_y", "nose_p"], [[0.5, 1, 2, 1]], "whole numbers of frames; found 0.5"),
        (["frame", "nose_x", "nose_y", "nose_p"], [["a.png", 1, 2, 1]], "expected frame numbers; found 'a.png'"),
        (["frame", "nose_x", "nose_y", "nose_p"], [[0, 1, 2, 1], [0, 1, 2, 1]], "several of 1 frames, the first 0"),
        (["nose_x", "nose_y", "nose_p"], [[1, 2, 1, 4]], "cannot be read to its end"),
        (["nose_x", "nose_y", "nose_p"], [], "expected a row per frame"),
    ],
)
def test_the_error_of_a_wrong_table_is_one_sentence_that_names_the_file(tmp_path, header, body, message):
    with pytest.raises(InputError, match=message) as raised:
        read(write(tmp_path / "bad.csv", [header], body))
    assert "bad.csv" in str(raised.value)


def with_confidences(path: Path, scores) -> Path:
    body = [[frame + 5, 6, score, 9, 9] for frame, score in enumerate(scores)]
    return write(path, [["nose_x", "nose_y", "nose_p", "tail_x", "tail_y"]], body)


def test_confidences_in_percent_are_divided_by_100_and_said(tmp_path):
    recording, (notice,) = read(with_confidences(tmp_path / "m.csv", [5, 99, 100, 0.5]))
    np.testing.assert_allclose(recording.confidence[:, 0, 0], [0.05, 0.99, 1, 0.005])
    assert (recording.confidence[:, 0, 1] == 1).all()  # the tail has none
    assert "up to 100: they are read as percentages" in notice


def test_heights_of_peaks_above_1_become_1_and_are_said(tmp_path):
    recording, (notice,) = read(with_confidences(tmp_path / "m.csv", [0.3, 1.25, 0.9]))
    np.testing.assert_allclose(recording.confidence[:, 0, 0], [0.3, 1, 0.9])
    assert "above 1 (up to 1.25) are read as 1" in notice


@pytest.mark.parametrize("scores", [[250, 3, 0], [6, 9, 10], [0.9] * 30 + [40], [-4.5, -0.2, -7], [float("inf"), 1, 1]])
def test_confidences_on_no_known_scale_are_refused(tmp_path, scores):
    with pytest.raises(
        InputError, match=r"m\.csv: expected confidences from 0 to 1.*found .*leave out the confidences"
    ):
        read(with_confidences(tmp_path / "m.csv", scores))


@pytest.mark.parametrize("score", [["0.9"], ["0"], ["-1"], [""], []])
def test_points_at_minus_one_are_unseen(tmp_path, score):
    header = ["nose_x", "nose_y", *["nose_p"][: len(score)], "tail_x", "tail_y"]
    recording, notices = read(write(tmp_path / "m.csv", [header], [[-1, -1, *score, -1, 4], [3, -1, *score, 5, 5]]))
    assert np.isnan(recording.positions[0, 0, 0]).all()
    assert recording.positions[0, 0, 1].tolist() == [-1, 4]
    assert np.isnan(recording.positions[1, 0, 0]).all() == (score == ["-1"])
    assert notices == []


def test_times_in_minutes_are_not_taken_for_seconds(tmp_path):
    body = [[frame / 1800, frame, 5, 1, frame + 9, 5, 1] for frame in range(4)]
    header = ["time (min)", "nose_x", "nose_y", "nose_p", "tail_x", "tail_y", "tail_p"]
    (recording,) = read_recordings(write(tmp_path / "m.csv", [header], body), notify=(notices := []).append)
    assert recording.frame_rate_is_assumed
    assert any("are not read: time (min)" in notice for notice in notices)


@pytest.mark.parametrize("column", ["frame", "Unnamed: 0", ""])
def test_rows_numbered_from_1_are_read_from_frame_0_and_said(tmp_path, column):
    body = [[frame, frame, 5, 1, frame + 9, 5, 1] for frame in range(1, 5)]
    header = [column, "nose_x", "nose_y", "nose_p", "tail_x", "tail_y", "tail_p"]
    recording, notices = read(write(tmp_path / "m.csv", [header], body))
    assert recording.frames == 4
    assert recording.positions[0, 0, 0].tolist() == [1, 5]
    assert any("numbered from 1" in notice for notice in notices)
    # What the notice advises.
    recording, notices = read(write(tmp_path / "m.csv", [header], [[0, *[""] * 6], *body]))
    assert recording.frames == 5
    assert notices == []


def at_times(path: Path, header, times):
    """Read rows whose nose is at (100 + row, 5): the frame of each row, the frame rate, and all notices."""
    body = [[*([time] if len(header) == 1 else time), 100 + row, 5, 1] for row, time in enumerate(times)]
    (recording,) = read_recordings(write(path, [[*header, *POINTS]], body), notify=(notices := []).append)
    seen = recording.positions[:, 0, 0, 0]
    return [int(np.flatnonzero(seen == 100 + row)[0]) for row in range(len(times))], recording.frame_rate, notices


@pytest.mark.parametrize(
    ("name", "times", "frames", "rate"),
    [
        ("time", [2, 2.04, 2.08, 2.12], [50, 51, 52, 53], 25),
        ("time_s", [0, 0.04, 0.16, 0.2], [0, 1, 4, 5], 25),
        ("time_ms", [0, 40, 80, 120], [0, 1, 2, 3], 25),
        ("timestamp (ms)", [400, 440, 480, 520], [10, 11, 12, 13], 25),
        ("Trial time", [1, 1.04, 1.08, 1.12], [25, 26, 27, 28], 25),
        ("seconds", [0, 1, 2, 3], [0, 1, 2, 3], 1),
        ("timestamp", [1700000000, 1700000000.04, 1700000000.08, 1700000000.12], [0, 1, 2, 3], 25),
        ("t", [0.04, 0.08, 0.12, 0.16], [0, 1, 2, 3], 25),
    ],
)
def test_rows_stand_at_the_frames_of_their_times(tmp_path, name, times, frames, rate):
    found, found_rate, notices = at_times(tmp_path / "m.csv", [name], times)
    assert found == frames
    assert found_rate == pytest.approx(rate, rel=1e-3)
    assert any(f"the frame rate is that of the column {name}" in notice for notice in notices)
    if frames != [0, 1, 2, 3]:
        assert any("nothing is seen" in notice for notice in notices)


@pytest.mark.parametrize(
    ("number", "frames", "notice"),
    [
        ("frame", [0, 1, 2, 3], "would have the rows at frames 50 to 53.*numbers are 0 to 3: the numbers are used"),
        ("", [50, 51, 52, 53], "numbers of the rows are not frames by their times: time"),
    ],
)
def test_frame_numbers_count_more_than_times_and_numbers_of_rows_less(tmp_path, number, frames, notice):
    rows = [(row, 2 + row / 25) for row in range(4)]
    found, rate, notices = at_times(tmp_path / "m.csv", [number, "time"], rows)
    assert found == frames
    assert rate == pytest.approx(25)
    assert any(re.search(notice, text) for text in notices)


def test_times_of_a_clock_beside_frames_give_the_rate_alone(tmp_path):
    rows = [(row, 1700000000 + row / 25) for row in (3, 4, 5, 8)]
    found, rate, notices = at_times(tmp_path / "m.csv", ["frame", "timestamp"], rows)
    assert found == [3, 4, 5, 8]
    assert rate == pytest.approx(25, rel=1e-3)
    assert not any("numbers are used" in notice for notice in notices)
