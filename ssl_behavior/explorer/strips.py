"""The ethogram of a video: bouts of its clusters, labels and predictions, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.explorer.scene import Scene, runs

COLUMNS = {"video": np.int16, "agent": np.int16, "target": np.int16, "row": np.int16, "code": np.int16}
SECONDS = ("left", "right")


def strips(scene: Scene, video: EmbeddedVideo, pairs: list[tuple[int, int]] | None = None) -> dict[str, np.ndarray]:
    """The bouts of a video.

    Args:
        scene: that the video is in.
        video: whose.
        pairs: of these pairs; of all if None.

    Returns:
        columns, each (bout,): places of the ``video``, of ``agent`` and ``target`` among its individuals and of the
        ``row`` in the scene; the ``code`` in that row; ``left`` and ``right`` in seconds.
    """
    rate = video.poses.frame_rate
    number = scene.atlas.ids.index(video.id)
    parts: list[dict[str, Any]] = []
    for pair in pairs or list(video.embeddings):
        for row, codes in enumerate(scene.codes(video, pair).values()):
            starts, stops, own = runs(codes)
            same = {"video": number, "agent": pair[0], "target": pair[1], "row": row}
            part = {name: np.full(len(own), value, np.int16) for name, value in same.items()}
            times = {"left": (starts / rate).astype(np.float32), "right": (stops / rate).astype(np.float32)}
            parts.append(part | {"code": own.astype(np.int16)} | times)
    return {name: np.concatenate([part[name] for part in parts]) for name in (*COLUMNS, *SECONDS)}


def lengths(scene: Scene) -> np.ndarray:
    """(video,) seconds of each video."""
    return np.array([len(video.poses.positions) / video.poses.frame_rate for video in scene.atlas.videos()], np.float32)
