"""The data of the page: Bokeh's sources, under the names that they have in Python, in the page and in its scripts.

A source of one row holds one object, with its attributes as columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource

from ssl_behavior.explorer.map_sample import Colouring, MapSample, colourings, pose_clips
from ssl_behavior.explorer.scene import BOUT_COLUMNS, CLUSTER, BoutStyle, Scene

CLIP_S = 6.0
"""Length of the clip that plays around a moment."""
MOMENT = ("video", "agent", "target", "frame")
_ROW_MOMENT = ("at_video", "at_agent", "at_target", "at_frame")
MATCH_COLUMNS = ("video", "pair", "time", "cluster", "similarity", "x", "y", *_ROW_MOMENT)
MARK_COLUMNS = ("video", "pair", "time", "seconds", "mark", *_ROW_MOMENT)
EXCHANGE_COLUMNS = ("video", "pair", "time", "probability", "decision", *_ROW_MOMENT)
_SELECTION_COLUMNS = ("point", "video", "pair", "time", "seconds", "cluster")
_DRAWN_BOUT_COLUMNS = (
    *("left", "right", "top", "bottom", "row", "name", "colour", "hatch"),
    "row_name",
    "from",
    "until",
)

_EMPTY: dict[str, Sequence[str]] = {
    "bouts": BOUT_COLUMNS,  # of the video that plays
    "request": (*MOMENT, "count"),  # the moment to play
    "clip": (),  # the clip that plays, see ``clip``
    "exchange_lines": ("x", "colour"),  # exchanges of names in the video that plays, on its ethogram
    "here": ("frame", "count"),  # the frame of the clip at which a button was pressed
    "matches": MATCH_COLUMNS,  # moments like the one that plays
    "selection": _SELECTION_COLUMNS,  # bouts within the lasso
    # The browser alone fills and updates the sources below; the server does not see them.
    "skeletons": ("xs", "ys", "colour", "alpha", "width"),
    "keypoints": ("x", "y", "colour", "alpha", "size"),
    "scale_bar": ("xs", "ys", "x", "y", "text"),
    "drawn_bouts": _DRAWN_BOUT_COLUMNS,
    "cursor": ("x",),  # the current moment in the ethogram
    "map_position": ("x", "y"),  # the current moment on the map
    "map_path": ("x", "y"),  # the last seconds on the map
    "stills": ("point",),  # points in the lasso that are drawn as small skeletons
    "still_lines": ("xs", "ys", "colour"),
    "still_noses": ("x", "y", "colour"),
}


def sources(scene: Scene, sample: MapSample) -> dict[str, ColumnDataSource]:
    """Make the sources by name, filled as far as the page needs when it opens."""
    flat = sample.clips.reshape(-1, 2)
    first_colouring = next(iter(scene.rows), "video")
    points = dict(sample.columns) | {"value": sample.columns[first_colouring].astype(np.float32)}
    poses = [video.poses for video in scene.atlas.videos()]
    data: dict[str, dict[str, Any]] = {
        "points": points,
        "point_clips": {"x": flat[:, 0].copy(), "y": flat[:, 1].copy()},  # flat over point, time, individual, landmark
        "frame_in_clip": {"frame": sample.frame_in_clip},
        "videos": {
            "native_rate": [video.native_rate for video in poses],
            "seconds": [len(video.positions) / video.frame_rate for video in poses],
        },
        "colourings": colouring_columns(colourings(scene, sample)),
        "bout_styles": bout_style_columns(scene),
        "cluster_numbers": _cluster_numbers(scene),
    }
    data |= {name: {column: [] for column in columns} for name, columns in _EMPTY.items()}
    return {name: ColumnDataSource(columns, name=name) for name, columns in data.items()}


def colouring_columns(rows: Sequence[Colouring]) -> dict[str, list[Any]]:
    """Return colourings as columns."""
    plain = [asdict(row) for row in rows]
    return {name: [row[name] for row in plain] for name in plain[0]}


def bout_style_columns(scene: Scene) -> dict[str, list[str]]:
    """Return the appearance of bouts as columns."""
    return {name: [getattr(style, name) for style in scene.bout_styles()] for name in BoutStyle._fields}


def _cluster_numbers(scene: Scene) -> dict[str, Any]:
    """Return columns ``x, y`` (the middle of a cluster on the map), ``text`` and ``colour``, with a row per cluster."""
    if scene.clustered is None:
        return {"x": [], "y": [], "text": [], "colour": []}
    fitted = scene.clustered.clusters
    middles = [np.median(fitted.map_positions[fitted.labels == number], axis=0) for number in range(fitted.count)]
    x, y = np.array(middles).reshape(-1, 2).T
    colours = [colour for colour, _ in scene.looks(CLUSTER)]
    return {"x": x, "y": y, "text": [str(number) for number in range(fitted.count)], "colour": colours}


def clip(scene: Scene, video: int, pair: tuple[int, int], frame: int, seconds: float = CLIP_S) -> dict[str, list[Any]]:
    """Return the columns of the source ``clip``, each with one value.

    Args:
        scene: scene of the video.
        video: index of the video in the atlas.
        pair: individuals.
        frame: frame of the poses; one past an end of the video is moved to it.
        seconds: length of the clip.
    """
    embedded = scene.atlas.video(scene.atlas.ids[video])
    poses = embedded.poses
    frames = len(poses.positions)
    frame = min(max(frame, 0), frames - 1)
    length = max(1, min(round(seconds * poses.frame_rate), frames))
    clips, frame_in_clip = pose_clips(poses, pair, np.array([frame]), length, others=True)
    first = frame - int(frame_in_clip[0])
    path = scene.positions(embedded.embeddings[pair], np.arange(first, first + length))
    columns: dict[str, Any] = {
        **dict(zip(MOMENT, (video, *pair, frame), strict=True)),
        "title": poses.id,
        "names": [poses.individuals[i] for i in dict.fromkeys(pair)],
        "point": -1,  # which of the page's points plays, where a page without a server plays its own clips
        **{"x": clips[..., 0].ravel(), "y": clips[..., 1].ravel()},
        **{"frames": length, "animals": clips.shape[2], "landmarks": clips.shape[3]},
        **{"first": first, "frame_in_clip": int(frame_in_clip[0])},
        **{"rate": poses.frame_rate, "native_rate": poses.native_rate, "seconds": frames / poses.frame_rate},
        **{"map_x": path[:, 0], "map_y": path[:, 1]},
    }
    return {name: [value] for name, value in columns.items()}
