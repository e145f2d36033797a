"""Bouts similar to an example."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.index import EmbeddingIndex
from ssl_behavior.atlas.video import EmbeddedVideo

_PER_RESULT = 200
"""Frames looked at for each bout that is asked for: a bout has many, and all are near."""


_MARGIN_S = 1.0


@dataclass(frozen=True)
class Hit:
    """A bout that is like the example.

    Attributes:
        video: id.
        agent: whose behaviour it is.
        target: towards whom.
        start: first frame of the recording.
        stop: the frame after the last.
        seconds: from the start of the recording to the first frame.
        similarity: cosine between the example and the bout's nearest frame.
    """

    video: str
    agent: str
    target: str
    start: int
    stop: int
    seconds: float
    similarity: float


def when(seconds: float) -> str:
    """A time in a video: ``2:05.3``."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def similar(
    atlas: Atlas,
    index: EmbeddingIndex,
    video: EmbeddedVideo,
    frames: tuple[int, int],
    pairs: list[tuple[int, int]],
    top: int,
) -> list[Hit]:
    """Bouts like some frames of a video.

    Every frame that is near to the mean embedding of the example is a candidate; candidates that lie closer than the
    example is long are one bout, and the example's own neighbourhood in time is left out.

    Args:
        atlas: that is searched.
        index: of the atlas.
        video: that the example is of.
        frames: first and past the last, of the video's poses.
        pairs: whose behaviour it is; of several, each candidate counts with the nearest.
        top: bouts to find.
    """
    low, high = frames
    asked = np.stack([np.asarray(video.embeddings[pair][low:high], np.float32).mean(0) for pair in pairs])
    length = high - low
    margin = length + round(_MARGIN_S * video.poses.frame_rate)
    wanted = top * _PER_RESULT
    while True:
        similarities, rows = index.search(asked, min(wanted, atlas.rows))
        bouts = _bouts(atlas, similarities.ravel(), rows.ravel(), (video.id, low - margin, high + margin), length)
        hits = list(islice(bouts, top))
        if len(hits) == top or wanted >= atlas.rows:
            return hits
        wanted *= 4


def _bouts(
    atlas: Atlas, similarities: np.ndarray, rows: np.ndarray, own: tuple[str, int, int], length: int
) -> Iterator[Hit]:
    """Candidates joined to bouts, best first."""
    order = np.argsort(-similarities, kind="stable")
    taken: dict[str, list[tuple[int, int]]] = {own[0]: [own[1:]]}
    opened = cache(atlas.video)
    for place in order[rows[order] >= 0]:
        piece, frame = atlas.place(int(rows[place]))
        spans = taken.setdefault(piece.video, [])
        if any(first <= frame < last for first, last in spans):
            continue
        first = max(0, min(frame - length // 2, piece.frames - length))
        last = min(first + length, piece.frames)
        spans.append((first - length, last + length))
        yield _hit(opened(piece.video), piece.pair, first, last, float(similarities[place]))


def _hit(video: EmbeddedVideo, pair: tuple[int, int], first: int, last: int, similarity: float) -> Hit:
    poses = video.poses
    agent, target = (poses.individuals[i] for i in pair)
    start, stop = (int(frame) for frame in np.append(poses.native_frames, poses.frames)[[first, last]])
    return Hit(video.id, agent, target, start, stop, start / poses.native_rate, similarity)


def table(hits: list[Hit]) -> str:
    """The bouts as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "video", "agent", "target", "start", "stop", "seconds", "similarity"])
    for rank, hit in enumerate(hits, 1):
        writer.writerow(
            [rank, hit.video, hit.agent, hit.target, hit.start, hit.stop, f"{hit.seconds:.2f}", f"{hit.similarity:.4f}"]
        )
    return text.getvalue()
