"""A simulated competition has the official columns and types, and its annotations keep to the lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ssl_behavior.simulation.actions import PAIR_ACTIONS, SELF_ACTIONS
from ssl_behavior.simulation.competition import TEST, UNLABELLED, Sizes, competition_videos, write_competition
from ssl_behavior.simulation.laboratories import LABORATORIES

SIZES = Sizes(2, 1, 1, (500, 700))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("competition")
    write_competition(output, SIZES, seed=1)
    return output


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    """The rows of train.csv and test.csv, with the part of each."""
    return pd.concat([pd.read_csv(folder / f"{part}.csv").assign(part=part) for part in ("train", "test")])


def _annotations(folder: Path, row: pd.Series) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{row.part}_annotation" / row.lab_id / f"{row.video_id}.parquet")


def test_the_tables_have_the_official_columns(folder: Path, shared_data: Callable[[str], Path]) -> None:
    official = pd.read_csv(shared_data("mabe25/train.csv.gz"), nrows=5)
    for part in ("train", "test"):
        assert list(pd.read_csv(folder / f"{part}.csv").columns) == list(official.columns)


def test_ids_are_unique_and_every_row_has_its_files(folder: Path, table: pd.DataFrame) -> None:
    assert table.video_id.is_unique
    for part, rows in table.groupby("part"):
        tracks = {path.stem for path in folder.glob(f"{part}_tracking/*/*.parquet")}
        annotated = {path.stem for path in folder.glob(f"{part}_annotation/*/*.parquet")}
        assert tracks == set(rows.video_id.astype(str))
        assert annotated == set(rows.video_id[rows.behaviors_labeled.notna()].astype(str))
    counts = table[table.part == "train"].groupby("lab_id").behaviors_labeled.agg(["count", "size"])
    twice = counts.index.map({laboratory.name: int(laboratory.annotates_twice) for laboratory in LABORATORIES})
    assert (counts["count"] == 2 + twice).all()
    assert (counts["size"] == 3 + twice).all()


def test_tracks_are_long_and_hold_the_parts_and_mice_of_the_row(folder: Path, table: pd.DataFrame) -> None:
    expected = {"video_frame": "int32", "mouse_id": "int8", "bodypart": "string", "x": "float", "y": "float"}
    laboratories = {laboratory.name: laboratory for laboratory in LABORATORIES}
    for _, row in table.iterrows():
        path = folder / f"{row.part}_tracking" / row.lab_id / f"{row.video_id}.parquet"
        assert {field.name: str(field.type) for field in pq.read_schema(path)} == expected
        tracks = pd.read_parquet(path)
        assert set(tracks.bodypart) == set(json.loads(row.body_parts_tracked))
        assert set(tracks.mouse_id) == set(range(1, laboratories[row.lab_id].mice + 1))
        assert tracks[["x", "y"]].notna().all(axis=None)
        assert tracks.x.between(0, row.video_width_pix).all()
        assert tracks.video_frame.max() == pytest.approx(row.video_duration_sec * row.frames_per_second, abs=30)


def test_some_points_are_missing(folder: Path) -> None:
    for path in folder.glob("train_tracking/SteadyDormouse/*.parquet"):
        tracks = pd.read_parquet(path)
        assert 0.8 < len(tracks) / ((tracks.video_frame.max() + 1) * 4 * 14) < 1


def test_annotations_have_the_official_types_and_keep_to_the_list(folder: Path, table: pd.DataFrame) -> None:
    expected = {"agent_id": "int8", "target_id": "int8", "action": "string", "start_frame": "int32"}
    for _, row in table[table.behaviors_labeled.notna()].iterrows():
        path = folder / f"{row.part}_annotation" / row.lab_id / f"{row.video_id}.parquet"
        types = {field.name: str(field.type) for field in pq.read_schema(path)}
        assert types == expected | {"stop_frame": "int32"}
        listed = {entry.replace("'", "") for entry in json.loads(row.behaviors_labeled)}
        for bout in _annotations(folder, row).itertuples():
            target = "self" if bout.agent_id == bout.target_id else f"mouse{bout.target_id}"
            assert f"mouse{bout.agent_id},{target},{bout.action}" in listed
            assert 0 <= bout.start_frame < bout.stop_frame <= row.video_duration_sec * row.frames_per_second + 0.5


def test_no_frame_of_an_ordered_pair_has_two_actions(folder: Path, table: pd.DataFrame) -> None:
    for _, row in table[table.behaviors_labeled.notna()].iterrows():
        for _, bouts in _annotations(folder, row).groupby(["agent_id", "target_id"]):
            ordered = bouts.sort_values("start_frame")
            assert (ordered.start_frame.to_numpy()[1:] >= ordered.stop_frame.to_numpy()[:-1]).all()


def test_lists_differ_between_laboratories_and_ask_for_more_than_is_seen(folder: Path, table: pd.DataFrame) -> None:
    labelled = table[table.behaviors_labeled.notna()]
    lists = labelled.set_index("lab_id").behaviors_labeled.map(json.loads)
    assert all(entry.startswith("mouse1,mouse2") for entries in lists["QuietVole"] for entry in entries)
    assert any("tussle" in entry for entry in lists["SlyHamster"].iloc[0])
    for entries in lists["BoldGerbil"]:
        clean = [entry for entry in entries if "'" not in entry]
        assert sorted(entry.replace("'", "") for entry in entries if "'" in entry) == sorted(clean)
    entries = sum(len(items) for items in lists.drop("BoldGerbil"))
    seen = sum(
        len(_annotations(folder, row)[["agent_id", "target_id", "action"]].drop_duplicates())
        for _, row in labelled[labelled.lab_id != "BoldGerbil"].iterrows()
    )
    assert 0.1 < seen / entries < 0.9


def test_grids_are_in_the_files(folder: Path, table: pd.DataFrame) -> None:
    for laboratory in LABORATORIES:
        rows = table[(table.lab_id == laboratory.name) & table.behaviors_labeled.notna()]
        starts = pd.concat([_annotations(folder, row).start_frame for _, row in rows.iterrows()])
        assert len(starts) > 5
        assert (starts % laboratory.habits.grid == 0).all()
        assert laboratory.habits.grid > 1 or (starts % 2).any()


def test_one_video_has_a_second_annotator(folder: Path, table: pd.DataFrame) -> None:
    rows = table[(table.part == "train") & (table.lab_id == "QuietVole") & table.behaviors_labeled.notna()]
    tracks = [(folder / "train_tracking" / "QuietVole" / f"{video}.parquet").read_bytes() for video in rows.video_id]
    assert [tracks.count(content) for content in tracks].count(2) == 2
    first, second = (
        _annotations(folder, row)
        for (_, row), file in zip(rows.iterrows(), tracks, strict=True)
        if tracks.count(file) == 2
    )
    assert not first.equals(second)


def test_the_oracle_is_a_submission_near_the_annotations(folder: Path, table: pd.DataFrame) -> None:
    oracle = pd.read_csv(folder / "oracle.csv")
    columns = ["row_id", "video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]
    assert list(oracle.columns) == columns
    assert oracle.row_id.tolist() == list(range(len(oracle)))
    assert set(oracle.video_id) <= set(table.video_id[table.part == "test"])
    hits = union = 0
    for _, row in table[table.part == "test"].iterrows():
        truth = _annotations(folder, row)
        truth["agent_id"], truth["target_id"] = (
            "mouse" + truth.agent_id.astype(str),
            np.where(truth.agent_id == truth.target_id, "self", "mouse" + truth.target_id.astype(str)),
        )
        frames = [
            {
                (*key, frame)
                for *key, start, stop in bouts[columns[2:]].itertuples(index=False)
                for frame in range(start, stop)
            }
            for bouts in (truth, oracle[oracle.video_id == row.video_id])
        ]
        hits, union = hits + 2 * len(frames[0] & frames[1]), union + len(frames[0]) + len(frames[1])
    assert 0.6 < hits / union < 0.98


def test_true_bouts_are_exclusive_and_any_mouse_acts_on_any_other() -> None:
    pairs = set()
    for one in competition_videos(Sizes(2, 1, 1, (1500, 1500)), seed=2):
        busy: dict[tuple[int, int], int] = {}
        for bout in one.video.bouts:
            assert (bout.action in SELF_ACTIONS) == (bout.agent == bout.target)
            assert bout.action in {**PAIR_ACTIONS, **SELF_ACTIONS}
            assert bout.start >= busy.get(bout[:2], 0)
            busy[bout[:2]] = bout.stop
            pairs.add((one.laboratory.name, *bout[:2]))
        assert bool(one.listed) == (one.part != UNLABELLED)
    assert {pair[1:] for pair in pairs if pair[0] == "SteadyDormouse"} == {
        (agent, target) for agent in range(1, 5) for target in range(1, 5)
    }


def test_a_video_depends_on_seed_laboratory_part_and_number_only() -> None:
    def tests_of(sizes: Sizes, seed: int) -> list[np.ndarray]:
        return [one.video.positions for one in competition_videos(sizes, seed) if one.part == TEST]

    few, more = tests_of(Sizes(1, 1, 0, (90, 120)), 5), tests_of(Sizes(2, 1, 1, (90, 120)), 5)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(few, more, strict=True))
    other = tests_of(Sizes(1, 1, 0, (90, 120)), 6)
    assert not any(np.array_equal(a, b, equal_nan=True) for a, b in zip(few, other, strict=True))


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    def files_of(folder: str, seed: int) -> dict[str, bytes]:
        output = tmp_path / folder
        output.mkdir()
        write_competition(output, Sizes(1, 1, 1, (90, 120)), seed)
        return {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*") if path.is_file()}

    first, again, other = files_of("first", 0), files_of("again", 0), files_of("other", 1)
    assert first == again
    assert first.keys() == other.keys()
    assert all(other[name] != content for name, content in first.items() if "tracking" in name)
