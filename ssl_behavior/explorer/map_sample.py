"""The points of the map: a random sample of an atlas's frames, and the values that colour it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from bokeh.palettes import Cividis256

from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.compute.progress import progress
from ssl_behavior.explorer.scene import CLUSTER, LABEL, Scene
from ssl_behavior.plots.style import cluster_colours
from ssl_behavior.poses.expert_features import KINEMATICS, kinematics
from ssl_behavior.poses.poses import Poses

RESOLUTION = 100
"""Steps of a stored coordinate per body length."""
UNSEEN = -32768
GREY = cluster_colours(0)[-1]
"""The colour of points without a category, or of unknown value."""
_QUANTILES = (0.01, 0.99)


@dataclass(frozen=True, eq=False)
class MapSample:
    """A sample of the frames of an atlas.

    Attributes:
        columns: name -> (point,): the position ``x, y`` on the map; indices of ``video``, ``lab`` and ``pair`` in the
            lists below, and of ``agent`` and ``target`` among the video's individuals; ``frame`` of the poses and
            ``native`` frame of the recording; ``seconds`` from its start; ``start, stop``, the seconds at which the
            bout of a cluster that holds the point begins and ends; a code for each row of the ethogram; and the
            kinematics.
        videos: ids of the videos.
        labs: names of the laboratories.
        pairs: names of pairs.
        clips: (point, time, individual, landmark, 2) int16, see ``pose_clips``; of one frame, or of some seconds.
        frame_in_clip: (point,) index of the point's frame in its clip.
        embeddings: (point, channel) float32.
        total: number of frames in the atlas.
    """

    columns: Mapping[str, np.ndarray]
    videos: tuple[str, ...]
    labs: tuple[str, ...]
    pairs: tuple[str, ...]
    clips: np.ndarray
    frame_in_clip: np.ndarray
    embeddings: np.ndarray
    total: int

    def __len__(self) -> int:
        return len(self.frame_in_clip)

    def first_moment(self) -> dict[str, int]:
        """Return the moment that plays first: in the largest cluster, with as many keypoints seen as anywhere in it."""
        seen = (self.clips[np.arange(len(self)), self.frame_in_clip, ..., 0] != UNSEEN).sum((1, 2))
        point = int(np.argmax(seen + 1_000 * (self.columns[CLUSTER] == 0) if CLUSTER in self.columns else seen))
        return {name: int(self.columns[name][point]) for name in ("video", "agent", "target", "frame")}


def draw_sample(scene: Scene, count: int, clip_frames: int = 1, seed: int = 0) -> MapSample:
    """Draw points at random from all frames of all pairs.

    Args:
        scene: scene to draw from.
        count: number of points; all frames if there are fewer.
        clip_frames: length of the clip around each point.
        seed: seed of the draw.
    """
    atlas = scene.atlas
    pairs: dict[str, int] = {}
    labs: dict[str, int] = {}
    tables, clips, embeddings = [], [], []
    drawn = progress(atlas.draw(count, seed), "drawing the map", total=len(atlas.pair_rows), unit="pair", leave=False)
    for video, pair, frames in drawn:
        name = pair_name(*(video.poses.individuals[i] for i in pair))
        table = _columns(scene, video, pair, frames)
        table["video"] = np.full(len(frames), atlas.ids.index(video.id), np.int16)
        table["lab"] = np.full(len(frames), labs.setdefault(video.lab or "unknown", len(labs)), np.int16)
        table["pair"] = np.full(len(frames), pairs.setdefault(name, len(pairs)), np.int16)
        tables.append(table)
        clips.append(pose_clips(video.poses, pair, frames, clip_frames))
        embeddings.append(np.asarray(video.embeddings[pair][frames], np.float32))
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    poses, frame_in_clip = (np.concatenate(arrays) for arrays in zip(*clips, strict=True))
    return MapSample(
        columns, atlas.ids, tuple(labs), tuple(pairs), poses, frame_in_clip, np.concatenate(embeddings), atlas.rows
    )


def _columns(scene: Scene, video: EmbeddedVideo, pair: tuple[int, int], frames: np.ndarray) -> dict[str, np.ndarray]:
    poses = video.poses
    sections = scene.sections(video, pair)
    starts = np.flatnonzero(np.diff(sections, prepend=sections[0] - 1))
    stops = np.append(starts[1:], len(sections))
    bout = np.searchsorted(starts, frames, side="right") - 1
    positions = scene.positions(video.embeddings[pair], frames)
    measures = kinematics(poses, pair)
    return {
        **{name: values[frames] for name, values in scene.codes(video, pair).items()},
        "agent": np.full(len(frames), pair[0], np.int16),
        "target": np.full(len(frames), pair[1], np.int16),
        "frame": frames.astype(np.int32),
        "native": poses.native_frames[frames].astype(np.int32),
        "seconds": (frames / poses.frame_rate).astype(np.float32),
        "start": (starts[bout] / poses.frame_rate).astype(np.float32),
        "stop": (stops[bout] / poses.frame_rate).astype(np.float32),
        "x": positions[:, 0],
        "y": positions[:, 1],
        **{name: measures[name][frames].astype(np.float32) for name in KINEMATICS},
    }


def pose_clips(
    poses: Poses, pair: tuple[int, int], frames: np.ndarray, length: int, others: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Cut clips around some frames of a pair, as small integers that a page can hold.

    Args:
        poses: poses of a video.
        pair: agent and target, which come first.
        frames: (clip,) frames in the middle of the clips; near an end of the video, a clip is moved to lie within it.
        length: length of a clip in frames; a shorter video is followed by frames in which nothing is seen.
        others: whether the other individuals of the video are included.

    Returns:
        (clip, time, individual, landmark, 2) int16 in hundredths of a body length from the middle of the clip, -32768
        where unseen; a lone animal comes once; and (clip,) index of each of ``frames`` in its clip.
    """
    positions = poses.positions
    individuals = list(dict.fromkeys(pair)) + [i for i in range(positions.shape[1]) if others and i not in pair]
    first = np.clip(frames - length // 2, 0, max(0, len(positions) - length))
    indices = first[:, None] + np.arange(length)
    values = positions[np.minimum(indices, len(positions) - 1)][:, :, individuals].astype(np.float32)
    values[indices >= len(positions)] = np.nan
    is_seen = ~np.isnan(values[..., :1])
    within_clip = (1, 2, 3)
    middle = np.where(is_seen, values, 0).sum(within_clip) / np.maximum(is_seen.sum(within_clip), 1)
    scaled = np.rint((values - middle[:, None, None, None]) * RESOLUTION)
    is_out_of_range = np.isnan(scaled) | (np.abs(scaled) > -UNSEEN - 1)
    return np.where(is_out_of_range, UNSEEN, scaled).astype(np.int16), (frames - first).astype(np.int32)


@dataclass(frozen=True)
class Colouring:
    """One way to colour the map.

    Attributes:
        column: column of the sample.
        title: title in the menu.
        is_categories: whether values are codes; otherwise they are numbers.
        names: names of the codes from 0; none for numbers.
        colours: colours of the codes from 0; for numbers from low to high.
        hatches: hatches of the codes from 0, as in the ethogram; none for numbers.
        low: number that has the first colour.
        high: number that has the last colour.
        note: a line below the legend.
    """

    column: str
    title: str
    is_categories: bool
    names: tuple[str, ...]
    colours: tuple[str, ...]
    hatches: tuple[str, ...]
    low: float
    high: float
    note: str


def colourings(scene: Scene, sample: MapSample) -> list[Colouring]:
    """Return all ways to colour the sample, in the order of the menu."""
    rows = [_row(scene, row) for row in scene.rows]
    lists = {"video": sample.videos}
    lists |= {name: names for name, names in (("lab", sample.labs), ("pair", sample.pairs)) if len(names) > 1}
    for title, names in lists.items():
        rows.append(_categories(title, title, names, [(colour, "") for colour in cluster_colours(len(names))[:-1]], ""))
    rows.append(_numbers("seconds", "time in the video", sample, "s"))
    measured = [name for name in KINEMATICS if not np.isnan(sample.columns[name]).all()]
    return rows + [_numbers(name, name, sample, KINEMATICS[name][1]) for name in measured]


def _row(scene: Scene, row: str) -> Colouring:
    rest = "in no cluster" if row == CLUSTER else "not labelled" if row.startswith(LABEL) else "not predicted"
    title = f"labels {row.removeprefix(LABEL)}" if row.startswith(LABEL) else row
    return _categories(row, title, scene.names(row), scene.looks(row), rest)


def _categories(
    column: str, title: str, names: Sequence[str], looks: Sequence[tuple[str, str]], rest: str
) -> Colouring:
    colours, hatches = tuple(colour for colour, _ in looks), tuple(hatch[:1] or " " for _, hatch in looks)
    notes = [f"grey: {rest}"] if rest else []
    if len(set(colours)) < len(names):
        notes.append(f"colours repeat after {len(set(colours))}: choose one under “Show only” to tell them apart")
    return Colouring(column, title, True, tuple(names), colours, hatches, 0, len(names) - 1, "; ".join(notes))


def _numbers(column: str, title: str, sample: MapSample, unit: str) -> Colouring:
    values = sample.columns[column]
    low, high = (float(limit) for limit in np.nanquantile(values, _QUANTILES))
    is_cut = low > np.nanmin(values) or high < np.nanmax(values)
    notes = ["grey: unknown"] * bool(np.isnan(values).any()) + ["one percent lies beyond either end"] * bool(is_cut)
    title = f"{title} ({unit})"
    return Colouring(column, title, False, (), tuple(Cividis256), (), low, max(high, low + 1e-6), "; ".join(notes))
