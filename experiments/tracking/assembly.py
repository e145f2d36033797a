"""Assembly of real animals whose points are shuffled: which points of a frame are of one animal?

    python -m experiments.tracking.assembly    (three minutes)

Frames are used in which every point of every animal is seen. The points of each keypoint are shuffled in each frame;
the file's animals are the truth. Conditions: all seen; those of these frames in which the centres of two animals are
nearer than .6 of a body ("in contact"); 10 % of the points missing; 3 % of a body of jitter; and one wrong peak,
anywhere, for ten points. Means of three seeds. Affinities:

- ``nearest``: the shorter the likelier, as a baseline;
- ``lengths``: those of ``ssl-behavior assemble`` without a network, with lengths measured on the shuffled points;
- ``fields``: those of a network without errors. At ten places along the candidate, its direction is multiplied with
  the part affinity field of the true limbs (Cao et al. 2017), which reaches 5 % of a body to either side of a limb;
  candidates below .3 are dropped.

"points" is the share of the true points in the instance of their animal; each animal is matched with one instance.
"animals" is the share of animals of which all points are in one instance without others. "frames per s" are those of
the processor's time on one core; with lengths they include measuring them, and with fields the assembly alone.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from experiments.dyads.coverage import write
from experiments.tracking.trackers import DATA, sequences
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.peaks import Limbs, Peaks
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.tracking.affinities import LimbLengths, limb_lengths, limbs_of_lengths
from ssl_behavior.tracking.assembly import best_limbs, join
from ssl_behavior.tracking.association import typical_length

HERE = Path(__file__).parent
_FLY = [(1, 0), (1, 2), (1, 3), (1, 4), *((1, leg) for leg in range(5, 11)), (0, 11), (0, 12)]
_MOUSE = [(0, 3), (1, 3), (2, 3)]  # nose and ears to the neck
_TAIL = [(0, 1), (1, 2), (2, 3), (3, 4)]  # top, body, tail base, middle and end of the tail
TREES: Mapping[str, list[tuple[int, int]]] = {
    "fly pair, 1": _FLY,
    "fly pair, 2": _FLY,
    "CalMS21": [*_MOUSE, (3, 6), (6, 4), (6, 5)],
    "MABe22": [*_MOUSE, (3, 6), (6, 4), (6, 5), (6, 9), (9, 7), (9, 8), (9, 10), (10, 11)],
    "dyad 20": _TAIL,
    "dyad 40": _TAIL,
}
"""Recording -> edges, as places of keypoints: along the back, and from it to the limbs."""
DYADS = ("dyad 20", "dyad 40")
"""Recordings that were looked at only after all settings were chosen, on the others and on dyads 1, 2, 4, 7 and 10."""
CONDITIONS: Mapping[str, Mapping[str, float]] = {
    "all seen": {},
    "points missing": {"missing": 0.1},
    "jitter": {"jitter": 0.03},
    "wrong peaks": {"wrong": 0.1},
}
_SEEDS = 3
_FEWEST = 30
"""Frames of a row."""
_PLACES = 10
_WIDTH = 0.05
_LEAST = 0.3
WRONG = -1
"""Animal of a peak that is of none."""


def shuffled_peaks(
    tracks: np.ndarray,
    edges: list[tuple[int, int]],
    rng: np.random.Generator,
    missing: float = 0.0,
    jitter: float = 0.0,
    wrong: float = 0.0,
) -> tuple[Peaks, np.ndarray]:
    """Make peaks in random order of tracks (time, animal, keypoint, 2), and return the animal (peak,) of each."""
    frame, animal, keypoint = (index.ravel() for index in np.indices(tracks.shape[:3]))
    positions = tracks.reshape(-1, 2) + rng.normal(0, jitter * typical_length(tracks) + 1e-9, (animal.size, 2))
    kept = rng.permutation(animal.size)[: round(animal.size * (1 - missing))]
    added = rng.choice(animal.size, round(animal.size * wrong), replace=False)
    anywhere = rng.uniform(positions.min(0), positions.max(0), (len(added), 2))
    rows = np.concatenate([kept, added])
    order = rng.permutation(len(rows))
    places = np.concatenate([positions[kept], anywhere])[order].astype(np.float32)
    truth = np.where(np.arange(len(rows)) < len(kept), animal[rows], WRONG)[order]
    names = tuple(map(str, range(tracks.shape[2])))
    skeleton = Skeleton(names, tuple((names[a], names[b]) for a, b in edges))
    return Peaks("", skeleton, frame[rows][order], keypoint[rows][order], places, None, len(tracks)), truth


def all_pairs(peaks: Peaks) -> tuple[Limbs, np.ndarray]:
    """Return all candidate limbs, and their lengths (limb,)."""
    limbs, _ = limbs_of_lengths(peaks, LimbLengths(np.ones(len(peaks.edges)), 1.0), -np.inf)
    lengths = np.linalg.norm(peaks.positions[limbs.target] - peaks.positions[limbs.source].astype(float), axis=1)
    return limbs, lengths


def nearest(peaks: Peaks, _: np.ndarray) -> Limbs:
    limbs, lengths = all_pairs(peaks)
    return Limbs(limbs.edge, limbs.source, limbs.target, lengths.max() - lengths)


def lengths(peaks: Peaks, _: np.ndarray) -> Limbs:
    return limbs_of_lengths(peaks, limb_lengths(peaks))[0]


def fields(peaks: Peaks, tracks: np.ndarray) -> Limbs:
    """Compute the affinities of a network whose fields are those of the true limbs (before jitter)."""
    limbs, lengths = all_pairs(peaks)
    width = _WIDTH * typical_length(tracks)
    starts = peaks.positions[limbs.source].astype(float)
    steps = peaks.positions[limbs.target] - starts
    ends = np.array(peaks.edges)[limbs.edge]
    frame = peaks.frame[limbs.source]
    affinity = np.zeros(len(limbs))
    for part in np.linspace(0, 1, _PLACES):
        places = starts + part * steps
        total, near = np.zeros(places.shape), np.zeros(len(places))
        for animal in range(tracks.shape[1]):
            first, last = (tracks[frame, animal, ends[:, end]] for end in (0, 1))
            limb = last - first
            length = np.linalg.norm(limb, axis=1) + 1e-9
            along = np.clip(((places - first) * limb).sum(1) / length**2, 0, 1)
            is_near = np.linalg.norm(places - first - along[:, None] * limb, axis=1) <= width
            total[is_near] += (limb / length[:, None])[is_near]
            near += is_near
        field = total / np.maximum(near, 1)[:, None]
        affinity += (field * steps).sum(1) / (lengths + 1e-9) / _PLACES
    kept = affinity >= _LEAST
    return Limbs(limbs.edge, limbs.source, limbs.target, affinity).subset(kept)


AFFINITIES: Mapping[str, Callable[[Peaks, np.ndarray], Limbs]] = {
    "nearest": nearest,
    "lengths": lengths,
    "fields": fields,
}


def regrouped(peaks: Peaks, truth: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of points (frame,) and of animals (frame,) that are regrouped rightly.

    Args:
        peaks: of one video.
        truth: (peak,) the animal of each, or ``WRONG``.
        groups: (peak,) the group of each.
    """
    by_frame = np.argsort(peaks.frame, kind="stable")
    points, animals = np.full((2, peaks.frames), np.nan)
    for rows in np.split(by_frame, np.flatnonzero(np.diff(peaks.frame[by_frame])) + 1):
        _, group = np.unique(groups[rows], return_inverse=True)
        animal = truth[rows]
        shared = np.zeros((animal.max() + 1, group.max() + 1), int)
        np.add.at(shared, (animal[animal >= 0], group[animal >= 0]), 1)
        size, own = np.bincount(group), shared.sum(1)
        chosen = linear_sum_assignment(np.where(size > 1, shared, 0), maximize=True)
        common = np.where(size > 1, shared, 0)[chosen]
        frame = peaks.frame[rows[0]]
        points[frame] = common.sum() / own.sum()
        animals[frame] = ((common == own[chosen[0]]) & (common == size[chosen[1]])).sum() / (own > 0).sum()
    return points, animals


def in_contact(tracks: np.ndarray) -> np.ndarray:
    """Return (time,) whether the centres of two animals are nearer than .6 of a body."""
    centres, least = tracks.mean(2), 0.6 * typical_length(tracks)
    pairs = combinations(range(tracks.shape[1]), 2)
    return np.any([np.linalg.norm(centres[:, i] - centres[:, j], axis=1) < least for i, j in pairs], axis=0)


def rows(tracks: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Yield a row per recording and condition: shares of points and animals with each affinity, and the speed."""
    for name, edges in TREES.items():
        if name not in tracks:
            continue
        whole = tracks[name][np.isfinite(tracks[name]).all((1, 2, 3))]
        contact = in_contact(whole)
        for condition, settings in CONDITIONS.items():
            scores = {affinity: _scores(affinity, whole, edges, settings) for affinity in AFFINITIES}
            subsets = {condition: np.ones(len(whole), bool)}
            if condition == "all seen":
                subsets |= {"all seen, in contact": contact} if contact.sum() >= _FEWEST else {}
            for subset, frames in subsets.items():
                row: dict[str, Any] = {"recording": name, "condition": subset, "frames": int(frames.sum())}
                for i, measure in enumerate(("points", "animals")):
                    row |= {
                        f"{measure}, {key}": float(np.nanmean(found[i][:, frames])) for key, found in scores.items()
                    }
                yield row | {f"frames per s, {key}": f"{scores[key][2]:,.0f}" for key in ("lengths", "fields")}


def _scores(
    affinity: str, whole: np.ndarray, edges: list[tuple[int, int]], settings: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return shares of points and of animals (seed, frame), and frames per second."""
    found = defaultdict(list)
    for seed in range(_SEEDS):
        peaks, truth = shuffled_peaks(whole, edges, np.random.default_rng(seed), **settings)
        started = time.process_time()
        limbs = AFFINITIES[affinity](peaks, whole)
        if affinity == "fields":
            started = time.process_time()
        groups = join(peaks, best_limbs(peaks, limbs))
        found["speed"].append(len(whole) / (time.process_time() - started))
        points, animals = regrouped(peaks, truth, groups)
        found["points"].append(points)
        found["animals"].append(animals)
    return np.array(found["points"]), np.array(found["animals"]), float(np.mean(found["speed"]))


def main() -> None:
    """Assemble all, then write assembly.csv and assembly.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the recordings")
    data = parser.parse_args().data
    tracks = sequences(data)
    for name in DYADS:
        file = str(data / "dyads" / "tracks" / f"{name.split()[1]}DLC*.csv.gz")
        tracks[name] = np.asarray(read_recordings(file, notify=lambda _: None)[0].positions, float)
    write(list(rows(tracks)), HERE / "assembly")


if __name__ == "__main__":
    main()
