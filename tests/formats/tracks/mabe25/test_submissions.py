from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.mabe25.submissions import (
    COLUMNS,
    detect,
    read_submission,
    validate,
    write_submission,
)

LISTS = {"7": ("mouse1,mouse2,sniff", "mouse1,mouse2,attack", "mouse2,self,rear")}
Bout = tuple[str, str, str, str, int, int]
GOOD: list[Bout] = [
    ("7", "mouse1", "mouse2", "sniff", 0, 10),
    ("7", "mouse1", "mouse2", "attack", 10, 20),
    ("7", "mouse2", "self", "rear", 5, 15),
]


def bouts(*rows: Bout) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=COLUMNS[1:])


def submission(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=COLUMNS[1:])
    table.insert(0, "row_id", range(len(table)))
    return table


def test_a_written_submission_is_read_back(tmp_path: Path) -> None:
    path = write_submission(tmp_path / "s.csv", bouts(*GOOD), ["7", "8"])
    assert path.read_text().splitlines()[:2] == [",".join(COLUMNS), "0,7,mouse1,mouse2,sniff,0,10"]
    notices: list[str] = []
    table = read_submission(path, LISTS, notices.append)
    assert [tuple(row[1:]) for row in table.itertuples(index=False)] == GOOD
    assert notices == []
    assert detect(path)


def test_where_nothing_was_found_there_is_one_row_that_the_host_ignores(tmp_path: Path) -> None:
    path = write_submission(tmp_path / "s.csv", bouts(), ["7"])
    notices: list[str] = []
    assert len(read_submission(path, LISTS, notices.append)) == 1
    assert [finding.effect for finding in validate(pd.read_csv(path), LISTS)] == ["ignored"]
    assert "list lacks (other), and are ignored" in notices[0]


REFUSED = [
    (("7", "mouse1", "mouse2", "sniff", 5, 2), "stop before they start"),
    (("7", "1", "2", "sniff", 0, 2), "bare numbers"),
    (("7", "mouse2", "mouse2", "rear", 0, 2), "write self"),
    (("7", "mouse1", "mouse2", "sniff", 0.5, 2), "no whole numbers"),
    (("7", "mouse1", "mouse2", "sniff", 0.0, 2), "no whole numbers"),
    (("7", "mouse1", "mouse2", "sniff", "", 2), "no whole numbers"),
    (("7.0", "mouse1", "mouse2", "sniff", 0, 2), "decimal point"),
    (("7", "mouse1", "mouse2", "sniff", 15, 18), "overlap with another action"),
]


@pytest.mark.parametrize(("row", "message"), REFUSED)
def test_what_the_host_would_refuse_or_score_0_is_refused(tmp_path: Path, row: tuple, message: str) -> None:
    submission(*GOOD, row).to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(InputError, match=message):
        read_submission(tmp_path / "s.csv", LISTS)
    if "decimal" not in message:
        with pytest.raises(InputError, match=message):
            write_submission(tmp_path / "w.csv", bouts(*GOOD, row), ["7"])
        assert not (tmp_path / "w.csv").exists()


def test_no_rows_a_missing_column_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    submission().to_csv(path, index=False)
    with pytest.raises(InputError, match="no rows"):
        read_submission(path)
    submission(*GOOD).drop(columns="row_id").to_csv(path, index=False)
    assert detect(path)
    with pytest.raises(InputError, match="row_id is missing"):
        read_submission(path)
    path.write_text("a,b\n1,2,3\n")
    assert not detect(path)
    with pytest.raises(InputError, match="expected a submission"):
        read_submission(path)
    path.write_bytes(",".join(COLUMNS).encode() + b",\xdf\n" + b"1," * 7 + b"1\n")
    with pytest.raises(InputError, match="expected a submission"):
        read_submission(path)
    path.write_text("")
    with pytest.raises(InputError, match="expected a submission"):
        read_submission(path)


def test_a_repeated_row_id_is_refused() -> None:
    table = submission(*GOOD).assign(row_id=0)
    assert [finding.effect for finding in validate(table, LISTS)] == ["refused"]


@pytest.mark.parametrize(
    ("row", "effect", "message"),
    [
        (("7", "mouse2", "self", "rear", 30, 30), "costly", "empty"),
        (("7", "mouse2", "self", "rear", -3, 2), "costly", "before frame 0"),
        (("9", "mouse1", "mouse2", "sniff", 0, 2), "ignored", "not in the test set"),
        (("7", "mouse1", "mouse2", "mount", 0, 2), "ignored", "list lacks"),
    ],
)
def test_what_the_host_takes_is_told_with_its_effect(row: tuple, effect: str, message: str) -> None:
    (finding,) = validate(submission(*GOOD, row), LISTS)
    assert finding.effect == effect
    assert message in finding.message
    assert "row 4 below the header" in finding.message


def test_overlaps_of_one_action_and_of_unlisted_actions_are_accepted() -> None:
    assert validate(submission(*GOOD, GOOD[0]), LISTS) == []
    (finding,) = validate(submission(*GOOD, ("7", "mouse1", "mouse2", "mount", 0, 20)), LISTS)
    assert finding.effect == "ignored"


def test_bouts_of_a_video_that_was_not_predicted_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not predicted \(7\)"):
        write_submission(tmp_path / "s.csv", bouts(*GOOD), ["8"])


SPAN = st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from(["sniff", "attack", "rear"]))


@settings(max_examples=80, deadline=None)
@given(st.lists(SPAN, min_size=1, max_size=6))
def test_overlaps_are_those_of_sets_of_frames(spans: list[tuple[int, int, str]]) -> None:
    rows = [("7", "mouse1", "mouse2", action, start, start + length) for start, length, action in spans]
    frames: dict[str, set[int]] = {}
    for *_, action, start, stop in rows:
        frames.setdefault(action, set()).update(range(start, stop))
    overlaps = sum(map(len, frames.values())) > len(set().union(*frames.values()))
    assert bool(validate(submission(*rows))) == overlaps
