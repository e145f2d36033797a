"""Embeddings for notebooks: an array, with an index that gives video, frame and pair of each row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ssl_behavior.errors import count_of

INDEX = ("video", "frame", "agent", "target")


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings:
    """Embeddings of the frames of ordered pairs.

    Attributes:
        values: (row, channel) float32, never NaN. Where animals are not seen, an embedding is a guess from the frames
            around.
        index: of the rows, with the levels ``video``, ``frame``, ``agent`` and ``target``. Rows are at the encoder's
            frame rate; ``frame`` is the recording's own frame nearest to the row, counted from 0. An animal that was
            filmed alone is agent and target. A recording that is slower than the encoder has several rows for a frame.
        frame_rate: of the rows of one pair, in Hz.

    Examples:
        The embeddings of one pair, with the label of each row:

        >>> recording = sb.read_recordings("tracks")[0]
        >>> table = sb.load_encoder("encoder").embed(recording).to_frame()
        >>> pair = table.xs(("resident", "intruder"), level=("agent", "target"))
        >>> labels = recording.labels["behaviour"].values[pair.index.get_level_values("frame")]
    """

    values: np.ndarray
    index: pd.MultiIndex
    frame_rate: float

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.index):
            raise ValueError(f"values must be (row, channel) of {len(self.index)} rows; got {self.values.shape}")

    def __len__(self) -> int:
        return len(self.values)

    def to_frame(self) -> pd.DataFrame:
        """Return the embeddings as a table: a row per frame of a pair, a column per channel, numbered from 0."""
        columns = pd.RangeIndex(self.values.shape[1], name="channel")
        return pd.DataFrame(self.values, index=self.index, columns=columns)

    def __repr__(self) -> str:
        videos = self.index.get_level_values("video").nunique()
        pairs = self.index.droplevel("frame").nunique()
        rows, channels = self.values.shape
        size = f"{count_of(rows, 'row')} of {count_of(channels, 'channel')}"
        return f"Embeddings: {size} at {self.frame_rate:g} Hz\n{count_of(videos, 'video')}, {count_of(pairs, 'pair')}"
