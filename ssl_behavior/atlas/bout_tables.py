"""Tables of bouts: the cluster of a pair over time, computed from its embeddings and stored in Parquet.

The bouts of a pair cover all its frames, noise included. pandas, Polars, DuckDB and R read the files without this
package.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from ssl_behavior.atlas.clusters import NOISE, Clusters
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.formats.untrusted.limits import most_bytes
from ssl_behavior.poses.expert_features import KINEMATICS, kinematics
from ssl_behavior.storage.atomic import write_atomically

COLUMNS = [
    *("video", "agent", "target", "cluster", "start", "stop", "start_frame", "stop_frame", "start_s", "seconds"),
    *("x", "y", *KINEMATICS),
]
_TRACKS_KEY = "tracks"
"""Parquet metadata: the fingerprint of the tracks whose bouts a file holds."""


def write_bouts(path: Path, video: EmbeddedVideo, clusters: Clusters) -> None:
    """Assign all pairs of a video to clusters, and write their bouts to ``path``, complete or not at all."""
    bouts = pd.concat([_pair_bouts(video, pair, clusters) for pair in video.embeddings], ignore_index=True)
    table = pyarrow.Table.from_pandas(bouts, preserve_index=False)
    table = table.replace_schema_metadata({_TRACKS_KEY: video.poses.fingerprint()})
    with write_atomically(path) as aside:
        pyarrow.parquet.write_table(table, aside)


def read_tracks_fingerprint(path: Path) -> str | None:
    """Return the fingerprint of the tracks whose bouts a file holds; None if the file is missing or damaged."""
    if not path.is_file():
        return None
    try:
        metadata = pyarrow.parquet.read_schema(path).metadata or {}
    except (pyarrow.ArrowException, OSError):
        return None
    return metadata.get(_TRACKS_KEY.encode(), b"").decode()


def read_bouts(path: Path, columns: list[str] | None) -> pd.DataFrame:
    """Read a file of bouts as plain values.

    Args:
        path: a Parquet file.
        columns: columns to read; all if None.

    Raises:
        InputError: the file is damaged, or lacks a column.
    """
    try:
        table = _read_table(path, columns)
        if missing := set(columns or COLUMNS) - set(table.column_names):
            raise KeyError(min(missing))
        # Metadata in the file could ask pandas for any type of column; it is not trusted.
        return table.to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
        atlas = path.parents[2]
        raise InputError(
            f"{path}: expected bouts of clusters; found a damaged file ({error}): delete it, and run "
            f"{command_line('cluster', '--atlas', atlas, '--apply', atlas)}"
        ) from None


def _read_table(path: Path, columns: list[str] | None) -> pyarrow.Table:
    """Read a Parquet file that takes no more memory than its size allows; a few bytes may say "0, a billion times".

    Raises:
        ValueError: it takes more.
    """
    most = most_bytes(path.stat().st_size)
    with pyarrow.parquet.ParquetFile(path) as file:
        leaves = [file.schema.column(i) for i in range(len(file.schema))]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    if any("." in name for name in texts):
        raise ValueError("lists of texts")
    # A text that many rows share is kept once, until it is known how long all of them are.
    with pyarrow.parquet.ParquetFile(path, read_dictionary=texts) as file:
        parts = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        stored = [part.column(i) for part in parts for i in range(part.num_columns)]
        if sum(max(8 * column.num_values, column.total_uncompressed_size) for column in stored) > most:
            raise ValueError("more rows than the file can hold")
        table = file.read(columns)
    for i, name in enumerate(table.column_names):
        kind = table.schema.field(i).type
        if not pyarrow.types.is_dictionary(kind):
            continue
        lengths = [
            pyarrow.compute.sum(pyarrow.compute.take(pyarrow.compute.binary_length(part.dictionary), part.indices))
            for part in table.column(i).chunks
        ]
        if sum(length.as_py() or 0 for length in lengths) > most:
            raise ValueError("longer texts than the file can hold")
        table = table.set_column(i, name, table.column(i).cast(kind.value_type))
    return table


def frame_labels(bouts: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    """Return the cluster of every frame (time,) of each pair (agent, target), from the bouts of one video."""
    return {
        (str(agent), str(target)): np.repeat(of_pair["cluster"].to_numpy(), of_pair["stop"] - of_pair["start"])
        for (agent, target), of_pair in bouts.groupby(["agent", "target"], sort=False)
    }


def _pair_bouts(video: EmbeddedVideo, pair: tuple[int, int], clusters: Clusters) -> pd.DataFrame:
    """Return the bouts of one pair; they cover every frame."""
    poses, values = video.poses, video.embeddings[pair]
    labels, positions = clusters.assign(values)
    labels[~video.is_located(pair)] = NOISE
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    lengths = np.diff(starts, append=len(labels))
    stops = starts + lengths
    columns = {
        "video": video.id,
        "agent": poses.individuals[pair[0]],
        "target": poses.individuals[pair[1]],
        "cluster": labels[starts],
        "start": starts,
        "stop": stops,
        "start_frame": poses.native_frames[starts],
        "stop_frame": np.append(poses.native_frames, poses.frames)[stops],
        "start_s": poses.native_frames[starts] / poses.native_rate,
        "seconds": lengths / poses.frame_rate,
        "x": np.add.reduceat(positions[:, 0], starts) / lengths,
        "y": np.add.reduceat(positions[:, 1], starts) / lengths,
    }
    columns |= {name: _bout_means(series, starts) for name, series in kinematics(poses, pair).items()}
    pooled = np.add.reduceat(values, starts, axis=0, dtype=np.float32) / lengths[:, None].astype(np.float32)
    return pd.DataFrame(columns | {"embedding": list(pooled)})


def _bout_means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the mean (bout,) of the values (time,) that are not NaN; NaN for a bout without any."""
    is_known = ~np.isnan(values)
    count = np.add.reduceat(is_known, starts, dtype=np.float32)
    total = np.add.reduceat(np.where(is_known, values, 0), starts)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
