"""Find bouts that are similar to an example."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.index import EmbeddingIndex
from ssl_behavior.atlas.video import EmbeddedVideo

_CANDIDATES_PER_HIT = 200
"""Candidates to look up for each hit. All frames of a bout are near the example, so most join an earlier hit."""
_MARGIN_S = 1.0
"""Seconds around the example that are excluded, in addition to its length: they show the same moment."""


@dataclass(frozen=True)
class Hit:
    """A bout similar to the example.

    Attributes:
        video: video id.
        agent: the individual whose behaviour it is.
        target: the individual that the behaviour is directed at.
        start: first frame of the recording.
        stop: the frame after the last.
        seconds: time from the start of the recording to the first frame, in seconds.
        similarity: cosine between the example and the nearest frame of the bout.
    """

    video: str
    agent: str
    target: str
    start: int
    stop: int
    seconds: float
    similarity: float


def as_clock(seconds: float) -> str:
    """Format a time in a video.

    Examples:
        >>> as_clock(125.3)
        '2:05.3'
    """
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def find_similar(
    atlas: Atlas,
    index: EmbeddingIndex,
    video: EmbeddedVideo,
    frames: tuple[int, int],
    pairs: Sequence[tuple[int, int]],
    top: int,
) -> list[Hit]:
    """Find the bouts that are most similar to some frames of a video.

    Every frame near the mean embedding of the example is a candidate. Candidates closer to each other than the length
    of the example form one bout. The frames around the example itself are excluded.

    Args:
        atlas: the atlas to search.
        index: index of the atlas.
        video: video of the example.
        frames: first frame of the example and the frame after its last, counted in the poses of the video.
        pairs: pairs that show the example; with several, a candidate counts by its similarity to the nearest.
        top: number of bouts to find.

    Returns:
        At most ``top`` bouts, the most similar first.
    """
    low, high = frames
    queries = np.stack([np.asarray(atlas.finite(video, pair, slice(low, high)), np.float32).mean(0) for pair in pairs])
    length = high - low
    margin = length + round(_MARGIN_S * video.poses.frame_rate)
    count = top * _CANDIDATES_PER_HIT
    while True:
        similarities, rows = index.search(queries, min(count, atlas.rows))
        bouts = _join_candidates(
            atlas, similarities.ravel(), rows.ravel(), (video.id, low - margin, high + margin), length
        )
        hits = list(islice(bouts, top))
        if len(hits) == top or count >= atlas.rows:
            return hits
        count *= 4


def hits_csv(hits: Sequence[Hit]) -> str:
    """Return bouts as CSV, a row per bout, the first one with rank 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "video", "agent", "target", "start", "stop", "seconds", "similarity"])
    for rank, hit in enumerate(hits, 1):
        writer.writerow(
            [rank, hit.video, hit.agent, hit.target, hit.start, hit.stop, f"{hit.seconds:.2f}", f"{hit.similarity:.4f}"]
        )
    return text.getvalue()


def _join_candidates(
    atlas: Atlas, similarities: np.ndarray, rows: np.ndarray, excluded: tuple[str, int, int], length: int
) -> Iterator[Hit]:
    """Join candidate rows to bouts of ``length`` frames, the most similar first.

    Args:
        atlas: the atlas.
        similarities: (candidate,) cosines.
        rows: (candidate,) rows of the atlas, -1 for none.
        excluded: video id, first frame and the frame after the last around the example; candidates there are dropped.
        length: frames of a bout.
    """
    order = np.argsort(-similarities, kind="stable")
    # A moment belongs to one bout, whichever pair shows it, so spans are kept by video and not by pair.
    taken: dict[str, list[tuple[int, int]]] = {excluded[0]: [excluded[1:]]}
    open_video = cache(atlas.video)
    for candidate in order[rows[order] >= 0]:
        span, frame = atlas.locate(int(rows[candidate]))
        spans = taken.setdefault(span.video, [])
        if any(start <= frame < stop for start, stop in spans):
            continue
        start = max(0, min(frame - length // 2, span.frames - length))
        stop = min(start + length, span.frames)
        spans.append((start - length, stop + length))
        yield _hit(open_video(span.video), span.pair, start, stop, float(similarities[candidate]))


def _hit(video: EmbeddedVideo, pair: tuple[int, int], start: int, stop: int, similarity: float) -> Hit:
    """Return frames of the poses as a hit, which counts the recording's own frames."""
    poses = video.poses
    agent, target = (poses.individuals[i] for i in pair)
    native_start, native_stop = (int(frame) for frame in np.append(poses.native_frames, poses.frames)[[start, stop]])
    return Hit(video.id, agent, target, native_start, native_stop, native_start / poses.native_rate, similarity)
