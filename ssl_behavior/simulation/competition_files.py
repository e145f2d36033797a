"""The files of a simulated competition, with the columns and types of MABe-2025."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ssl_behavior.simulation.annotators import Bout
from ssl_behavior.simulation.arena_video import ARENA_PIXELS_PER_CM
from ssl_behavior.simulation.laboratories import Laboratory
from ssl_behavior.simulation.mice import HEIGHT, WIDTH

MOST_MICE = 4
_OF_A_MOUSE = ("strain", "color", "sex", "id", "age", "condition")
CSV_COLUMNS = (
    "lab_id",
    "video_id",
    *(f"mouse{mouse}_{field}" for mouse in range(1, MOST_MICE + 1) for field in _OF_A_MOUSE),
    "frames_per_second",
    "video_duration_sec",
    "pix_per_cm_approx",
    "video_width_pix",
    "video_height_pix",
    "arena_width_cm",
    "arena_height_cm",
    "arena_shape",
    "arena_type",
    "body_parts_tracked",
    "behaviors_labeled",
    "tracking_method",
)
TRACKING_SCHEMA = pa.schema(
    [
        ("video_frame", pa.int32()),
        ("mouse_id", pa.int8()),
        ("bodypart", pa.string()),
        ("x", pa.float32()),
        ("y", pa.float32()),
    ]
)
ANNOTATION_SCHEMA = pa.schema(
    [
        ("agent_id", pa.int8()),
        ("target_id", pa.int8()),
        ("action", pa.string()),
        ("start_frame", pa.int32()),
        ("stop_frame", pa.int32()),
    ]
)
_ROWS_PER_GROUP = 1 << 19


def csv_row(laboratory: Laboratory, video: int, frames: int, listed: Sequence[str] | None) -> dict[str, object]:
    """The row of a video in train.csv or test.csv.

    Args:
        laboratory: its laboratory.
        video: its id.
        frames: its number of frames.
        listed: entries of its list; None if nothing was annotated.
    """
    scale = laboratory.pixels_per_cm / ARENA_PIXELS_PER_CM
    row: dict[str, object] = {"lab_id": laboratory.name, "video_id": video}
    for mouse in range(1, laboratory.mice + 1):
        has_device = any(part.startswith("headpiece") for part in laboratory.parts)
        values = ("simulated", "black", "male", mouse, "8-12 weeks", "wireless device" if has_device else None)
        row.update({f"mouse{mouse}_{field}": value for field, value in zip(_OF_A_MOUSE, values, strict=True)})
    return row | {
        "frames_per_second": laboratory.frame_rate,
        "video_duration_sec": frames / laboratory.frame_rate,
        "pix_per_cm_approx": laboratory.pixels_per_cm,
        "video_width_pix": round(WIDTH * scale),
        "video_height_pix": round(HEIGHT * scale),
        "arena_width_cm": round(WIDTH / ARENA_PIXELS_PER_CM, 1),
        "arena_height_cm": round(HEIGHT / ARENA_PIXELS_PER_CM, 1),
        "arena_shape": "rectangular",
        "arena_type": "familiar",
        "body_parts_tracked": json.dumps(sorted(laboratory.parts)),
        "behaviors_labeled": None if listed is None else json.dumps(listed),
        "tracking_method": laboratory.tracking_method,
    }


def write_csv(path: Path, rows: Iterable[dict[str, object]]) -> None:
    """Write train.csv or test.csv from the rows of ``csv_row``."""
    pd.DataFrame(rows, columns=list(CSV_COLUMNS)).to_csv(path, index=False)


def write_tracking(path: Path, positions: np.ndarray, laboratory: Laboratory) -> None:
    """Write the long table of tracks; points that are not tracked have no row.

    Args:
        path: file to write; its folder is made.
        positions: (time, mouse, part, 2) in px, NaN where not tracked.
        laboratory: its body parts are the ``parts``.
    """
    frame, mouse, part = np.nonzero(np.isfinite(positions).all(-1))
    x, y = positions[frame, mouse, part].T
    names = pa.DictionaryArray.from_arrays(pa.array(part.astype(np.int8)), pa.array(laboratory.parts))
    columns = [frame.astype(np.int32), (mouse + 1).astype(np.int8), names.cast(pa.string()), x, y]
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table([pa.array(column) for column in columns], schema=TRACKING_SCHEMA)
    pq.write_table(table, path, row_group_size=_ROWS_PER_GROUP)


def write_annotation(path: Path, bouts: Sequence[Bout]) -> None:
    """Write the bouts of a video, in order of time; the folder of the file is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted(bouts, key=lambda bout: (bout.start, bout.agent, bout.target))
    columns = list(zip(*rows, strict=True)) or [()] * len(ANNOTATION_SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, ANNOTATION_SCHEMA, strict=True)]
    pq.write_table(pa.table(arrays, schema=ANNOTATION_SCHEMA), path)


def submission_rows(video: int, bouts: Iterable[Bout]) -> list[tuple[object, ...]]:
    """Rows of a submission, without their numbers, in the order of ``submissions.COLUMNS``."""
    return [
        (str(video), f"mouse{agent}", "self" if target == agent else f"mouse{target}", action, start, stop)
        for agent, target, action, start, stop in bouts
    ]
