"""``ssl-behavior search``: find bouts that are similar to an example."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.index import load
from ssl_behavior.atlas.similarity import Hit, as_clock, find_similar, hits_csv
from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.cli import run
from ssl_behavior.cli.validators import Above, Checked
from ssl_behavior.cluster_cards.animations import animate
from ssl_behavior.cluster_cards.pictures import filmstrip_picture
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError
from ssl_behavior.poses.landmarks import edges
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text


@dataclass(frozen=True)
class SearchConfig(Checked):
    """Settings of a search by example.

    Attributes:
        atlas: folder that embed wrote.
        video: id of the video that shows the example.
        frames: frames of the example, as START:STOP in the recording's own frames from 0, STOP excluded; for
            example 5400:5460.
        agent: agent of the pair that shows the example; without it, the best match over all pairs counts.
        target: target of the pair that shows the example.
        top: number of bouts to find.
        output: a .csv file for the bouts; they are only printed if none is given.
        figure: a .png file for the example and the bouts, as filmstrips of skeletons.
        overwrite: replace outputs that exist.
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


@check_arguments
def search(config: SearchConfig) -> list[Hit]:
    """Find the bouts of the atlas that are most similar to the example, the most similar first.

    Raises:
        InputError: there is no such video, or it has no such frames or individuals.

    Examples:
        >>> hits = search(SearchConfig(Path("atlas"), "video1", "5400:5460", top=5))  # doctest: +SKIP
        >>> hits[0].video, hits[0].start, hits[0].stop  # doctest: +SKIP
        ('video3', 1200, 1260)
    """
    for option, path, suffix in (("--output", config.output, ".csv"), ("--figure", config.figure, ".png")):
        if path is not None:
            if path.suffix != suffix:
                raise InputError(f"{option} {path}: expected a name that ends in {suffix}: add it")
            run_folder.check_output(path, config.overwrite, suffix, option)
    atlas = Atlas(config.atlas)
    video = atlas.video(config.video)
    example = _example_frames(config, video)
    pairs = video.pairs_of(config.agent, config.target)
    hits = find_similar(atlas, load(atlas), video, example, pairs, config.top)
    if config.output is not None:
        write_text(config.output, hits_csv(hits))
    if config.figure is not None:
        _draw(config.figure, atlas, video, example, pairs[0], hits)
    return hits


def _draw(
    path: Path,
    atlas: Atlas,
    video: EmbeddedVideo,
    example: tuple[int, int],
    pair: tuple[int, int],
    hits: Sequence[Hit],
) -> None:
    """Draw the example and the hits as filmstrips, one per row."""
    agent, target = (video.poses.individuals[i] for i in pair)
    seconds = (example[1] - example[0]) / video.poses.frame_rate
    animations = [animate(video, agent, target, *example, seconds=seconds)]
    titles = [f"example: video {video.id}, {pair_name(agent, target)}"]
    for rank, hit in enumerate(hits, 1):
        hit_video = atlas.video(hit.video)
        start, stop = np.searchsorted(hit_video.poses.native_frames, (hit.start, hit.stop))
        seconds = (stop - start) / hit_video.poses.frame_rate
        animations.append(animate(hit_video, hit.agent, hit.target, start, stop, seconds))
        pair_text = pair_name(hit.agent, hit.target)
        titles.append(f"{rank}: video {hit.video}, {as_clock(hit.seconds)}, {pair_text}, {hit.similarity:.3f}")
    filmstrip_picture(path, animations, titles, edges(atlas.meta.landmarks))


def _example_frames(config: SearchConfig, video: EmbeddedVideo) -> tuple[int, int]:
    """Return the example as a first frame of the poses and the frame after its last.

    Raises:
        InputError: ``--frames`` is no such range, or lies outside the video.
    """
    poses = video.poses
    match = re.fullmatch(r"(\d+):(\d+)", config.frames)
    if not match or not int(match[1]) < int(match[2]) <= poses.frames:
        raise InputError(
            f"--frames {config.frames}: expected START:STOP, such as 0:{min(60, poses.frames)}; START is the first "
            f"frame of the example, counted from 0, and STOP the one after its last, at most {poses.frames} in video "
            f"{video.id}"
        )
    ratio = poses.frame_rate / poses.native_rate
    low = min(int(int(match[1]) * ratio), len(poses.positions) - 1)
    return low, max(low + 1, min(round(int(match[2]) * ratio), len(poses.positions)))


def _next_steps(config: SearchConfig, hits: Sequence[Hit]) -> None:
    """Print the bouts and where the results are."""
    columns = "{:>4}  {:<20} {:<28} {:<16} {:>9}  {}"
    print(columns.format("", "video", "pair", "frames", "time", "similarity"))
    for rank, hit in enumerate(hits, 1):
        pair, frames = pair_name(hit.agent, hit.target), f"{hit.start}:{hit.stop}"
        print(columns.format(rank, hit.video, pair, frames, as_clock(hit.seconds), f"{hit.similarity:.3f}"))
    if config.output is not None:
        print(f"\nbouts: {config.output}")
    if config.figure is not None:
        print(f"\npicture: {config.figure}")


main = run.command(SearchConfig, search, "Find bouts that are similar to an example.", _next_steps)


if __name__ == "__main__":
    main()
