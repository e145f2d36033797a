"""A table of frames that scikit-learn can split, with the video of each frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.in_memory import Recordings, as_recordings
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.recording import Recording


@check_arguments
def frame_table(recordings: Recordings, channel: str | None = None) -> pd.DataFrame:
    """Make a table with a row per frame, which can be split by video, classified or filtered.

    Args:
        recordings: one or several: a ``Recording``, or a dataset of ``movement``.
        channel: of the recordings' labels; needed only if there are several.

    Returns:
        A table with the columns ``recording`` (the Recording itself), ``video``, ``frame`` (from 0), ``time_s`` and
        ``label``, which is missing (NaN) where nobody judged the frame.

    Raises:
        InputError: there are several channels of labels and no ``channel``, or ``channel`` is none of them.

    Examples:
        >>> frames = sb.frame_table(sb.read_recordings("tracks")).dropna(subset=["label"])
        >>> every_fifth = frames[frames["frame"] % 5 == 0]
    """
    recording_list = as_recordings(recordings)
    channels = {name for recording in recording_list for name in recording.labels}
    if channel is None and len(channels) == 1:
        (channel,) = channels
    if channel is None and channels:
        raise InputError(
            f"expected labels of one channel; found the channels {list_names(channels)}: name one with channel="
        )
    if channel is not None and channel not in channels:
        raise InputError(f"channel {channel!r}: expected a channel of the labels; found {list_names(channels)}")
    return pd.concat([_rows(recording, channel) for recording in recording_list], ignore_index=True)


def require_frame_table(table: pd.DataFrame) -> None:
    """Check that a table holds rows of ``frame_table``.

    Raises:
        InputError: it lacks a column or has no rows, or a row has no frame or no video.
    """
    if missing := [name for name in ("recording", "video", "frame") if name not in table.columns]:
        raise InputError(f"expected rows of sb.frame_table; found a table without the column {', '.join(missing)}")
    if table.empty:
        raise InputError("expected rows of sb.frame_table; found a table without rows")
    if not (pd.api.types.is_integer_dtype(table["frame"]) and table["video"].notna().all()):
        raise InputError("expected rows of sb.frame_table; found a frame that is no whole number or a missing video")


def _rows(recording: Recording, channel: str | None) -> pd.DataFrame:
    frames = np.arange(recording.frames)
    names = np.full(recording.frames, None, object)
    if channel is not None and channel in recording.labels:
        labels = recording.labels[channel]
        scored = labels.values != UNSCORED
        names[scored] = np.array(labels.behaviours, object)[labels.values[scored]]
    objects = np.empty(recording.frames, object)
    objects.fill(recording)
    return pd.DataFrame(
        {
            "recording": objects,
            "video": recording.id,
            "frame": frames,
            "time_s": frames / recording.frame_rate,
            "label": names,
        }
    )
