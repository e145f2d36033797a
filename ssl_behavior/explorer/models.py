"""The models of the page that hold data: what is shown, what plays, what is asked for, and how it is coloured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource

from ssl_behavior.explorer.clips import tracks
from ssl_behavior.explorer.colours import Colouring, colourings
from ssl_behavior.explorer.points import Points
from ssl_behavior.explorer.scene import Scene
from ssl_behavior.explorer.strips import COLUMNS, SECONDS
from ssl_behavior.poses.landmarks import edges

CLIP_S = 6.0
"""Length of the clip that is played around a moment."""


@dataclass(frozen=True, eq=False)
class Sources:
    """Bokeh's sources; those of one row hold one thing with its parts as columns.

    Attributes:
        points: of the map, a row each.
        clips: ``x, y`` of their poses, flat over (point, time, individual, landmark), int16.
        at: which frame of its clip each point is.
        about: of each video, its rates and length.
        colourings: ways to colour the map, a row each.
        kinds: what bouts in the ethogram can be of, a row each.
        strips: bouts of some videos.
        asked: the moment that is to be played.
        clip: what plays.
        found: moments that are like it.
        held: bouts in the lasso.
    """

    points: ColumnDataSource
    clips: ColumnDataSource
    at: ColumnDataSource
    about: ColumnDataSource
    colourings: ColumnDataSource
    kinds: ColumnDataSource
    strips: ColumnDataSource
    asked: ColumnDataSource
    clip: ColumnDataSource
    found: ColumnDataSource
    held: ColumnDataSource


def sources(scene: Scene, points: Points) -> Sources:
    """The sources as they are when the page opens."""
    flat = points.clips.reshape(-1, 2)
    columns: dict[str, Any] = dict(points.columns) | {"value": points.columns["cluster"].astype(np.float32)}
    columns["video_name"] = [points.videos[place] for place in columns["video"]]
    columns["pair_name"] = [points.pairs[place] for place in columns["pair"]]
    poses = [video.poses for video in scene.atlas.videos()]
    about = {
        "native_rate": [one.native_rate for one in poses],
        "seconds": [len(one.positions) / one.frame_rate for one in poses],
    }
    strips = {name: np.zeros(0, np.float32) for name in (*COLUMNS, *SECONDS)}
    return Sources(
        points=ColumnDataSource(columns, name="points"),
        clips=ColumnDataSource({"x": flat[:, 0].copy(), "y": flat[:, 1].copy()}),
        at=ColumnDataSource({"at": points.at}),
        about=ColumnDataSource(about),
        colourings=ColumnDataSource(table(colourings(scene, points))),
        kinds=ColumnDataSource(kinds(scene)),
        strips=ColumnDataSource(strips, name="strips"),
        asked=ColumnDataSource({"video": [], "agent": [], "target": [], "frame": [], "count": []}, name="asked"),
        clip=ColumnDataSource({}, name="clip"),
        found=ColumnDataSource({name: [] for name in FOUND}, name="found"),
        held=ColumnDataSource({name: [] for name in HELD}, name="held"),
    )


HELD = ("point", "video", "pair", "time", "seconds", "cluster")
_MOMENT = ("at_video", "at_agent", "at_target", "at_frame")
FOUND = ("video", "pair", "time", "cluster", "similarity", "x", "y", *_MOMENT)
MARKED = ("video", "pair", "time", "seconds", "channel", "label", *_MOMENT)


def table(found: Sequence[Colouring]) -> dict[str, list[Any]]:
    """Colourings as columns."""
    rows = [asdict(one) for one in found]
    return {name: [row[name] for row in rows] for name in rows[0]}


def kinds(scene: Scene) -> dict[str, list[str]]:
    """The kinds of bouts as columns."""
    rows = scene.kinds()
    return {name: [getattr(row, name) for row in rows] for name in ("row", "name", "colour", "hatch")}


def clip(scene: Scene, video: int, pair: tuple[int, int], frame: int, seconds: float = CLIP_S) -> dict[str, list[Any]]:
    """What the player needs to play a moment: the columns of ``Sources.clip``, a value each.

    Args:
        scene: that it is in.
        video: place of the video in the atlas.
        pair: individuals.
        frame: of the poses; one past an end of the video is moved to it.
        seconds: length of the clip.
    """
    whole = scene.atlas.video(scene.atlas.ids[video])
    poses = whole.poses
    frames = len(poses.positions)
    frame = min(max(frame, 0), frames - 1)
    length = max(1, min(round(seconds * poses.frame_rate), frames))
    found, at = tracks(poses, pair, np.array([frame]), length, others=True)
    names = [poses.individuals[i] for i in dict.fromkeys(pair)]
    told: dict[str, Any] = {
        "x": found[..., 0].ravel(),
        "y": found[..., 1].ravel(),
        "names": names,
        "title": poses.id,
        "point": -1,
    }
    told |= {"frames": length, "animals": found.shape[2], "landmarks": found.shape[3], "at": int(at[0])}
    told |= {"first": frame - int(at[0]), "rate": poses.frame_rate, "native_rate": poses.native_rate}
    told |= {"seconds": frames / poses.frame_rate, "video": video, "agent": pair[0], "target": pair[1]}
    drawn = np.arange(told["first"], told["first"] + length)
    places = scene.clustered.clusters.assign(whole.embeddings[pair], drawn)[1]
    told |= {"map_x": places[:, 0], "map_y": places[:, 1]}
    return {name: [value] for name, value in told.items()}


def middle(scene: Scene) -> int:
    """The landmark whose trail is drawn: the first of those in the middle of the body that there is."""
    names = scene.atlas.made_by.landmarks
    return next((names.index(name) for name in ("centre", "neck", "tail base", "head") if name in names), 0)


def joined(scene: Scene) -> list[tuple[int, int]]:
    """Landmarks that are drawn joined."""
    return edges(scene.atlas.made_by.landmarks)
