"""The points of the map: a sample of an atlas's frames, with all that they can be coloured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.compute.progress import progress
from ssl_behavior.explorer.clips import UNSEEN, tracks
from ssl_behavior.explorer.scene import CLUSTER, Scene
from ssl_behavior.poses.expert_features import KINEMATICS, kinematics


@dataclass(frozen=True, eq=False)
class Points:
    """A sample of the frames of an atlas.

    Attributes:
        columns: name -> (point,): the place ``x, y`` on the map; ``video``, ``pair`` (places in the lists below),
            ``agent``, ``target`` (places among the video's individuals), ``frame`` of the poses and ``native`` frame of
            the recording; ``seconds`` from its start; ``start, stop``, the seconds of the bout of a cluster that it is
            in; a code for each row of the scene; and the kinematics.
        videos: ids.
        pairs: in words.
        clips: (point, time, individual, landmark, 2) int16, see ``clips.tracks``; of one frame, or of some seconds.
        at: (point,) which frame of its clip a point is.
        embeddings: (point, channel) float32.
        total: frames in the atlas.
    """

    columns: Mapping[str, np.ndarray]
    videos: tuple[str, ...]
    pairs: tuple[str, ...]
    clips: np.ndarray
    at: np.ndarray
    embeddings: np.ndarray
    total: int

    def __len__(self) -> int:
        return len(self.at)

    def telling(self) -> int:
        """A point to begin with: of the largest cluster, and as much of the animals seen as anywhere in it."""
        place = np.arange(len(self))
        seen = (self.clips[place, self.at, ..., 0] != UNSEEN).sum((1, 2))
        return int(np.argmax(seen + 1_000 * (self.columns[CLUSTER] == 0)))


def draw(scene: Scene, count: int, clip_frames: int = 1, seed: int = 0) -> Points:
    """Draw points at random from all frames of all pairs.

    Args:
        scene: to draw from.
        count: of points; all frames if there are fewer.
        clip_frames: length of the clip that each point brings along.
        seed: of the draw.
    """
    atlas = scene.atlas
    total = atlas.rows
    pairs: dict[str, int] = {}
    parts, clips, embeddings = [], [], []
    for video, pair, frames in progress(
        atlas.draw(count, seed), "looking at", total=len(atlas.pieces), unit="pair", leave=False
    ):
        name = pair_name(*(video.poses.individuals[i] for i in pair))
        own = _columns(scene, video, pair, frames)
        own["video"] = np.full(len(frames), atlas.ids.index(video.id), np.int16)
        own["pair"] = np.full(len(frames), pairs.setdefault(name, len(pairs)), np.int16)
        parts.append(own)
        clips.append(tracks(video.poses, pair, frames, clip_frames))
        embeddings.append(np.asarray(video.embeddings[pair][frames], np.float32))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    shown, at = (np.concatenate(each) for each in zip(*clips, strict=True))
    return Points(columns, atlas.ids, tuple(pairs), shown, at, np.concatenate(embeddings), total)


def _columns(scene: Scene, video: EmbeddedVideo, pair: tuple[int, int], frames: np.ndarray) -> dict[str, np.ndarray]:
    poses = video.poses
    codes = scene.codes(video, pair)
    starts = np.flatnonzero(np.diff(codes[CLUSTER], prepend=codes[CLUSTER][0] - 1))
    stops = np.append(starts[1:], len(codes[CLUSTER]))
    bout = np.searchsorted(starts, frames, side="right") - 1
    found = {name: values[frames] for name, values in codes.items()}
    found |= {
        "agent": np.full(len(frames), pair[0], np.int16),
        "target": np.full(len(frames), pair[1], np.int16),
        "frame": frames.astype(np.int32),
        "native": poses.native_frames[frames].astype(np.int32),
        "seconds": (frames / poses.frame_rate).astype(np.float32),
        "start": (starts[bout] / poses.frame_rate).astype(np.float32),
        "stop": (stops[bout] / poses.frame_rate).astype(np.float32),
    }
    places = scene.clustered.clusters.assign(video.embeddings[pair], frames)[1]
    found |= {"x": places[:, 0], "y": places[:, 1]}
    known = kinematics(poses, pair)
    return found | {name: known[name][frames].astype(np.float32) for name in KINEMATICS}
