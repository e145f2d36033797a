"""``ssl-behavior search``: find bouts like this one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.index import load
from ssl_behavior.atlas.similarity import Hit, similar, table, when
from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.cli import run
from ssl_behavior.cli.validators import Above, Checked
from ssl_behavior.cluster_cards.exemplars import cut
from ssl_behavior.cluster_cards.pictures import filmstrip_picture
from ssl_behavior.errors import InputError
from ssl_behavior.poses.landmarks import edges
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text


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


def search(config: SearchConfig) -> list[Hit]:
    """The bouts of the atlas most like the example, the nearest first.

    Raises:
        InputError: no such video, frames or individuals.
    """
    for option, path, suffix in (("--output", config.output, ".csv"), ("--figure", config.figure, ".png")):
        if path is not None:
            if path.suffix != suffix:
                raise InputError(f"{option} {path}: expected a name that ends in {suffix}")
            run_folder.check_output(path, config.overwrite, suffix, option)
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


main = run.command(SearchConfig, search, "Find bouts like an example.", _next_steps)


if __name__ == "__main__":
    main()
