"""A small folder in the layout of MABe-2025, made of random walks."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LAB = "QuietVole"
PARTS = ("nose", "ear_left", "ear_right", "body_center", "tail_base")
LISTED = ("mouse1,mouse2,sniff", "mouse1,mouse2,attack", "mouse2,self,rear")
Row = tuple[int, int, str, int, int]
"""(agent_id, target_id, action, start_frame, stop_frame)"""


def walks(frames: int, mice: int, parts: int, seed: int = 0) -> np.ndarray:
    """(time, mouse, part, 2) positions in px."""
    steps = np.random.default_rng(seed).normal(0, 3, (frames, mice, 1, 2)).cumsum(0)
    offsets = np.random.default_rng(seed + 1).normal(0, 20, (1, 1, parts, 2))
    return (400 + steps + offsets).astype(np.float32)


def write_tracking(
    path: Path,
    positions: np.ndarray,
    parts: Sequence[str] = PARTS,
    mice: Sequence[int] = (1, 2),
    rows_in_group: int = 500,
) -> None:
    """Write positions (time, mouse, part, 2) as a long table; points that are NaN have no row."""
    frame, mouse, part = np.nonzero(np.isfinite(positions[..., 0]))
    columns = {
        "video_frame": frame.astype(np.int32),
        "mouse_id": np.array(mice, np.int8)[mouse],
        "bodypart": np.array(parts)[part],
        "x": positions[frame, mouse, part, 0],
        "y": positions[frame, mouse, part, 1],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=rows_in_group)


def write_annotation(path: Path, rows: Sequence[Row]) -> None:
    names = ("agent_id", "target_id", "action", "start_frame", "stop_frame")
    types = (pa.int8(), pa.int8(), pa.large_string(), pa.int16(), pa.int16())
    columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(types)]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns, names), path)


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a table of videos; each row may change these fields."""
    defaults = {
        "lab_id": LAB,
        "mouse1_sex": "male",
        "mouse2_sex": "",
        "frames_per_second": 25.0,
        "pix_per_cm_approx": 16.0,
        "body_parts_tracked": json.dumps(PARTS),
        "behaviors_labeled": json.dumps(LISTED),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    filled = [{**defaults, **row} for row in rows]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(filled[0]))
        writer.writeheader()
        writer.writerows(filled)


def competition(folder: Path, frames: int = 90) -> Path:
    """Write two annotated training videos, one test video, and the truth of the test video."""
    write_csv(folder / "train.csv", [{"video_id": "10"}, {"video_id": "11"}])
    write_csv(folder / "test.csv", [{"video_id": "20"}])
    for seed, (part, video) in enumerate((("train", "10"), ("train", "11"), ("test", "20"))):
        write_tracking(folder / f"{part}_tracking" / LAB / f"{video}.parquet", walks(frames, 2, len(PARTS), seed))
        rows = [(1, 2, "sniff", 5, 15), (1, 2, "attack", 20, 40), (2, 2, "rear", 0, 10 + seed)]
        write_annotation(folder / f"{part}_annotation" / LAB / f"{video}.parquet", rows)
    return folder
