"""``ssl-behavior search``: find bouts like this one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior import commands, outputs
from ssl_behavior.cards.exemplars import cut
from ssl_behavior.cards.pictures import filmstrip_picture
from ssl_behavior.embedded import EmbeddedVideo, pair_name
from ssl_behavior.embeddings import Atlas
from ssl_behavior.errors import InputError
from ssl_behavior.neighbours import Neighbours, load
from ssl_behavior.outputs import write_text
from ssl_behavior.poses.landmarks import edges
from ssl_behavior.validators import Above, Checked

_PER_RESULT = 200
"""Frames looked at for each bout that is asked for: a bout has many, and all are near."""
_MARGIN_S = 1.0


@dataclass(frozen=True)
class SearchConfig(Checked):
    """Settings of a search by example.

    Attributes:
        atlas: folder that embed wrote.
        video: id of the video of the example.
        frames: first and last frame of the example, last one left out, as 5400:5460; the recording's own, from 0.
        agent: of the pair in the example; the best over all pairs if none is given.
        target: of the pair in the example.
        top: bouts to find.
        output: a .csv file for the bouts; printed only if none is given.
        figure: a picture file for the example and the bouts, as filmstrips of skeletons.
        overwrite: write over an output that is there.
    """

    atlas: Path
    video: str
    frames: str
    agent: str | None = None
    target: str | None = None
    top: Annotated[int, Above(0)] = 20
    output: Path | None = None
    figure: Path | None = None
    overwrite: bool = False


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


def search(config: SearchConfig) -> list[Hit]:
    """The bouts of the atlas most like the example, the nearest first.

    Raises:
        InputError: no such video, frames or individuals.
    """
    for option, path, suffix in (("--output", config.output, ".csv"), ("--figure", config.figure, ".png")):
        if path is not None:
            if path.suffix != suffix:
                raise InputError(f"{option} {path}: expected a name that ends in {suffix}")
            outputs.check_output(path, config.overwrite, suffix, option)
    atlas = Atlas(config.atlas)
    video = atlas.video(config.video)
    start, stop = _example(config, video)
    pairs = video.pairs_of(config.agent, config.target)
    hits = similar(atlas, load(atlas), video, (start, stop), pairs, config.top)
    if config.output is not None:
        write_text(config.output, table(hits))
    if config.figure is not None:
        _draw(config.figure, atlas, video, (start, stop), pairs[0], hits)
    return hits


def _draw(
    path: Path, atlas: Atlas, video: EmbeddedVideo, example: tuple[int, int], pair: tuple[int, int], hits: list[Hit]
) -> None:
    """The example and what was found, row by row."""
    agent, target = (video.poses.individuals[place] for place in pair)
    clips = [cut(video, agent, target, *example, seconds=(example[1] - example[0]) / video.poses.frame_rate)]
    titles = [f"example: video {video.id}, {pair_name(agent, target)}"]
    for rank, hit in enumerate(hits, 1):
        found = atlas.video(hit.video)
        start, stop = np.searchsorted(found.poses.native_frames, (hit.start, hit.stop))
        clips.append(cut(found, hit.agent, hit.target, start, stop, (stop - start) / found.poses.frame_rate))
        titles.append(
            f"{rank}: video {hit.video}, {when(hit.seconds)}, {pair_name(hit.agent, hit.target)}, {hit.similarity:.3f}"
        )
    filmstrip_picture(path, clips, titles, edges(atlas.made_by.landmarks))


def when(seconds: float) -> str:
    """A time in a video: ``2:05.3``."""
    tenths = round(10 * seconds)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def similar(
    atlas: Atlas,
    index: Neighbours,
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


def _example(config: SearchConfig, video: EmbeddedVideo) -> tuple[int, int]:
    """The example's frames among those of the poses."""
    poses = video.poses
    match = re.fullmatch(r"(\d+):(\d+)", config.frames)
    if not match or not int(match[1]) < int(match[2]) <= poses.frames:
        raise InputError(
            f"--frames {config.frames}: expected first:last of the {poses.frames} frames of video {video.id}, such as "
            f"0:{min(60, poses.frames)}"
        )
    ratio = poses.frame_rate / poses.native_rate
    low = min(int(int(match[1]) * ratio), len(poses.positions) - 1)
    return low, max(low + 1, min(round(int(match[2]) * ratio), len(poses.positions)))


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


def _next_steps(config: SearchConfig, hits: list[Hit]) -> None:
    """Print where the results are, and what to run next."""
    columns = "{:>4}  {:<20} {:<28} {:<16} {:>9}  {}"
    print(columns.format("", "video", "pair", "frames", "time", "similarity"))
    for rank, hit in enumerate(hits, 1):
        pair, frames = pair_name(hit.agent, hit.target), f"{hit.start}:{hit.stop}"
        print(columns.format(rank, hit.video, pair, frames, when(hit.seconds), f"{hit.similarity:.3f}"))
    if config.output is not None:
        print(f"\nbouts: {config.output}")
    if config.figure is not None:
        print(f"\npicture: {config.figure}")


main = commands.command(SearchConfig, search, "Find bouts like an example.", _next_steps)


if __name__ == "__main__":
    main()
