"""Fits the simulator's bout lengths and transitions to real annotations, and prints the constants for its code.

The real annotations (CalMS21 task 1, train: the first 2,000 frames of 60 videos) are not part of the project. Only the
few numbers that this script prints are, in ``ssl_behavior/simulation/ethogram.py``.

    python experiments/fit_simulator.py ../shared/data/calms21/train_annotations_first_2000_frames.npy
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats

from ssl_behavior.recordings.labels import Labels
from ssl_behavior.simulation.ethogram import BEHAVIOURS

FAMILIES = {"lognorm": stats.lognorm, "gamma": stats.gamma, "weibull_min": stats.weibull_min}


def bout_lengths(videos: np.ndarray, behaviour: str) -> tuple[np.ndarray, np.ndarray]:
    """Lengths in frames of complete bouts, and of bouts that the end of the annotations cuts.

    The first bout of a video is left out: it is the wait for the intruder, often a single frame.
    """
    whole, cut = [], []
    for values in videos:
        *inner, last = Labels(BEHAVIOURS, values).bouts()[1:] or Labels(BEHAVIOURS, values).bouts()
        whole += [bout.stop - bout.start for bout in inner if bout.behaviour == behaviour]
        cut += [last.stop - last.start] if last.behaviour == behaviour else []
    return np.array(whole, float), np.array(cut, float)


def fit_lengths(whole: np.ndarray, cut: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Family name -> (AIC, shape, scale), with the location fixed at 0 and cut bouts as censored data."""
    fits = {}
    for name, family in FAMILIES.items():
        shape, _, scale = family.fit(stats.CensoredData(uncensored=whole, right=cut), floc=0)
        likelihood = family.logpdf(whole, shape, 0, scale).sum() + family.logsf(cut, shape, 0, scale).sum()
        fits[name] = (4 - 2 * likelihood, shape, scale)
    return fits


def transitions(videos: np.ndarray) -> np.ndarray:
    """Probabilities (behaviour, next behaviour) of the behaviour after a bout.

    Attack and mount are absent from most videos. Transitions to them are therefore counted only over the videos that
    show them: the simulator needs what a mouse that attacks does, not how many mice attack.
    """
    size = len(BEHAVIOURS)
    counts = np.zeros((len(videos), size, size))
    for video, values in enumerate(videos):
        order = values[np.r_[True, np.diff(values) != 0]]
        np.add.at(counts[video], (order[:-1], order[1:]), 1)
    shows = np.array([[(values == label).any() for label in range(size)] for values in videos])
    odds = np.zeros((size, size))
    for after in range(size):
        seen = counts[shows[:, after]]
        odds[:, after] = seen[..., after].sum(0) / np.maximum(seen.sum((0, 2)), 1)
    np.fill_diagonal(odds, 0)
    return odds / odds.sum(1, keepdims=True)


def main(path: Path) -> None:
    """Print the constants, and the numbers of videos and bouts behind them."""
    videos = np.load(path, allow_pickle=False)
    print(
        f"{len(videos)} videos of {videos.shape[1]} frames; first frame always:", {BEHAVIOURS[i] for i in videos[:, 0]}
    )
    for label, behaviour in enumerate(BEHAVIOURS):
        whole, cut = bout_lengths(videos, behaviour)
        fits = fit_lengths(whole, cut)
        _, shape, scale = fits["lognorm"]
        print(
            f"{behaviour:14s} in {(videos == label).any(1).mean():4.0%} of videos, {whole.size} whole bouts; "
            f"lognormal median {scale:.1f} frames, sigma {shape:.3f}; AIC "
            + ", ".join(f"{name} {aic:.0f}" for name, (aic, _, _) in fits.items())
        )
    print("transitions, rows before, columns after:", BEHAVIOURS)
    print(np.array2string(transitions(videos), precision=3, suppress_small=True, separator=", "))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
