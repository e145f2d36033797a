"""Trackers on real animals whose identities are taken away, from clean tracks to a fourth of the frames with gaps.

    python -m experiments.tracking.trackers    (two minutes)

The instances of every frame are shuffled. Then trackers say which is which, and the identities of the files are the
truth. Conditions: as they are; every eighth frame; whole animals missing for a mean of 12 frames, more often near
another one; 40 % of the points missing and the others displaced by 3 % of a body; and all of these on every fourth
frame. Random conditions are means of three seeds.

- ``identify``: the tracker of ``ssl-behavior track``, with the number of animals;
- ``associate``: its first step alone, from frame to frame;
- ``paper``: algorithm 1 of SLEAP's supplement (Pereira et al. 2022, doi:10.1038/s41592-022-01426-1) without optical
  flow, which needs the video: instances of the last five frames are candidates, the similarity is that of equation 1 in
  pixels, each track counts with its best candidate, and instances without a match open tracks.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from experiments.dyads.coverage import write
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.scoring.identities import identity_scores
from ssl_behavior.tracking.association import associate, seen_instances, typical_length
from ssl_behavior.tracking.tracks import identify

HERE = Path(__file__).parent
DATA = Path("../shared/data")
FILES = {
    "fly pair, 1": "tracking/clip.slp",
    "fly pair, 2": "tracking/predictions.analysis.h5",
    "fly pair, 3": "tracking/centered_pair_predictions.slp",
    "CalMS21": "calms21/mouse083_task1_annotator1_alt.csv.gz",
    "MABe22": "mabe22/EGS8X2MN4SSUGFWAV976.h5",
}
CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "clean": {},
    "every 8th frame": {"every": 8},
    "animals missing": {"gaps": True},
    "points missing, jitter": {"points": True},
    "all three, every 4th": {"every": 4, "gaps": True, "points": True},
}
_WINDOW = 5
_SEEDS = 3


def sequences(data: Path) -> dict[str, np.ndarray]:
    """Read positions (time, animal, keypoint, 2); of fragments, those that are seen throughout."""
    found = {}
    for name, file in FILES.items():
        (recording,) = read_recordings(data / file, notify=lambda _: None)
        positions = np.asarray(recording.positions, float)
        is_seen = np.isfinite(positions[..., 0]).any(2).mean(0)
        found[name] = positions[:, is_seen > 0.5]
    return found


def degraded(
    tracks: np.ndarray, rng: np.random.Generator, every: int = 1, gaps: bool = False, points: bool = False
) -> np.ndarray:
    """Take frames, animals or points away from tracks (time, animal, keypoint, 2)."""
    tracks = tracks[::every].copy()
    length = typical_length(tracks)
    if gaps:
        with np.errstate(invalid="ignore"):
            centres = np.nansum(tracks, axis=2) / np.isfinite(tracks).sum(2)
        for animal in range(tracks.shape[1]):
            frame = 0
            while frame < len(tracks):
                others = np.delete(centres[frame], animal, 0) - centres[frame, animal]
                is_near = bool((np.linalg.norm(others, axis=-1) < 0.6 * length).any())
                missing = rng.geometric(1 / 12) if rng.random() < (0.04 if is_near else 0.004) else 0
                tracks[frame : frame + missing, animal] = np.nan
                frame += max(missing, 1)
    if points:
        tracks[rng.random(tracks.shape[:3]) < 0.4] = np.nan
        tracks += rng.normal(0, 0.03 * length, tracks.shape)
    return tracks


def shuffled(tracks: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return instances (time, instance, keypoint, 2) in random order, and the animal of each that is seen."""
    order = np.stack([rng.permutation(tracks.shape[1]) for _ in tracks])
    instances = np.take_along_axis(tracks, order[:, :, None, None], 1)
    return instances, np.where(seen_instances(instances), order, NOBODY)


def paper(instances: np.ndarray, _: int) -> np.ndarray:
    """Track by the paper's algorithm; returns the track (time, instance) of each instance."""
    tracks = np.full(instances.shape[:2], NOBODY, np.int64)
    past: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=_WINDOW)
    opened = 0
    for poses, found in zip(instances, tracks, strict=True):
        seen = np.flatnonzero(np.isfinite(poses).all(2).any(1))
        candidates = np.concatenate([each for each, _ in past]) if past else np.empty((0, *poses.shape[1:]))
        of_candidate = np.concatenate([each for _, each in past]) if past else np.empty(0, np.int64)
        names, which = np.unique(of_candidate, return_inverse=True)
        best = np.zeros((len(names), len(seen)))
        if len(names) and len(seen):
            squared = ((candidates[:, None] - poses[seen]) ** 2).sum(-1)
            visible = np.isfinite(candidates).all(2).sum(1)
            np.maximum.at(best, which, np.nansum(np.exp(-squared), axis=2) / visible[:, None])
        for row, column in zip(*linear_sum_assignment(best, maximize=True), strict=True):
            if best[row, column] > 0:
                found[seen[column]] = names[row]
        for instance in seen[found[seen] == NOBODY]:
            found[instance] = opened
            opened += 1
        past.append((poses[seen], found[seen]))
    return tracks


TRACKERS: Mapping[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "paper": paper,
    "associate": associate,
    "identify": identify,
}


def rows(tracks: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Yield a row per condition and tracker: means over the sequences, and their switches one by one."""
    for condition, settings in CONDITIONS.items():
        seeds = range(_SEEDS if {"gaps", "points"} & set(settings) else 1)
        for tracker, track in TRACKERS.items():
            means = {
                name: np.mean([_scores(track, each, settings, seed) for seed in seeds], 0)
                for name, each in tracks.items()
            }
            switches, exchanges, idf1, hota, speed = np.mean(list(means.values()), axis=0).tolist()
            yield {
                "condition": condition,
                "tracker": tracker,
                "switches per 1,000 frames": switches,
                "exchanges per 1,000 frames": exchanges,
                "IDF1": idf1,
                "HOTA": hota,
                "frames per s": f"{speed:,.0f}",
                **{f"switches, {name}": float(mean[0]) for name, mean in means.items()},
            }


def _scores(
    track: Callable[[np.ndarray, int], np.ndarray], whole: np.ndarray, settings: Mapping[str, Any], seed: int
) -> list[float]:
    rng = np.random.default_rng(seed)
    instances, truth = shuffled(degraded(whole, rng, **settings), rng)
    started = time.perf_counter()
    found = track(instances, whole.shape[1])
    seconds = time.perf_counter() - started
    scores = identity_scores(truth, found)
    exchanges = 1000 * scores.exchanges / scores.frames
    return [scores.switches_per_1000_frames, exchanges, scores.idf1, scores.hota, scores.frames / seconds]


def main() -> None:
    """Run all trackers, then write trackers.csv and trackers.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the recordings")
    tracks = sequences(parser.parse_args().data)
    identify(next(iter(tracks.values()))[:200], 2)  # compiles
    write(list(rows(tracks)), HERE / "trackers")


if __name__ == "__main__":
    main()
