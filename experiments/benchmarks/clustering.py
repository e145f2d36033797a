"""How long does clustering take, and are its clusters those of plain UMAP and HDBSCAN?

    python -m experiments.benchmarks.clustering --rows 1000000 --plain 10000 30000 100000

``cluster`` is run as a user runs it, cards and all, on an atlas of simulated recordings. Plain UMAP and HDBSCAN get
frames of the same atlas, drawn at random, and lay all of them out, with the same settings and one seed, twice on the
largest number of them. On those, the clusters of both are compared by the adjusted Rand index: over all frames, noise
counting as a cluster, and over those that both have in a cluster. What two plain runs that differ in their seed only
agree in is what can be hoped for. Each has one thread, and minutes are of one core, not counting when others had it.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage, struct_rusage

import numpy as np
from sklearn.metrics import adjusted_rand_score

from experiments.benchmarks import machine
from experiments.benchmarks.atlases import simulated
from ssl_behavior import commands
from ssl_behavior.clustered import ClusteredAtlas
from ssl_behavior.clusters import NOISE, Clustering, averaged, directions
from ssl_behavior.embeddings import Atlas

_GIB = 2**30


@dataclass(frozen=True)
class ClusteringBenchmarkConfig:
    """Settings of the benchmark.

    Attributes:
        rows: embeddings of simulated recordings that ``cluster`` is run on.
        plain: how many of these plain UMAP and HDBSCAN get, rising, at least two; the last number twice.
    """

    rows: int = 1_000_000
    plain: tuple[int, ...] = (10_000, 30_000, 100_000)


def whole(atlas: Atlas) -> tuple[float, float]:
    """Minutes and GiB of the command."""
    line = [sys.executable, "-m", "ssl_behavior.cluster", "--atlas", str(atlas.folder), "--overwrite"]
    process = subprocess.Popen(line)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("cluster failed")
    return _spent(usage)


def _spent(usage: struct_rusage) -> tuple[float, float]:
    """Minutes of a core, and GiB at the most."""
    return (usage.ru_utime + usage.ru_stime) / 60, usage.ru_maxrss * 1024 / _GIB


def plain(folder: Path, frames: int, seed: int) -> tuple[np.ndarray, float, float]:
    """Clusters (frame,) of randomly drawn frames by UMAP and HDBSCAN as they come, and the minutes and GiB it took."""
    settings = Clustering()
    values = np.concatenate([averaged(*one, settings.reach(15.0)) for one in _drawn(Atlas(folder), frames)])
    values = directions(values, values.mean(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hdbscan
        import umap

        places = umap.UMAP(n_neighbors=settings.neighbours, min_dist=0.0, random_state=seed).fit_transform(values)
        smallest, largest = (round(share * len(values)) for share in (settings.smallest, settings.largest))
        given = {"min_cluster_size": smallest, "min_samples": 10, "max_cluster_size": largest, "core_dist_n_jobs": 1}
        labels = hdbscan.HDBSCAN(**given).fit_predict(places)
    return labels, *_spent(getrusage(RUSAGE_SELF))


def _drawn(atlas: Atlas, frames: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Embeddings of pairs and the frames of them that were drawn, of located animals."""
    drawn = atlas.draw(frames, seed=7)
    return [(video.embeddings[pair], own[video.located(pair)[own]]) for video, pair, own in drawn]


def agreement(one: np.ndarray, other: np.ndarray) -> str:
    """Adjusted Rand index over all frames and over those in clusters."""
    both = (one != NOISE) & (other != NOISE)
    return f"{adjusted_rand_score(one, other):.2f} | {adjusted_rand_score(one[both], other[both]):.2f}"


def compare(config: ClusteringBenchmarkConfig) -> str:
    """The tables."""
    atlas = simulated(config.rows)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    rows, found = [("`cluster`, with its cards", atlas.rows, *whole(atlas))], []
    for frames, seed in [*((frames, 0) for frames in config.plain), (config.plain[-1], 1)]:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            labels, minutes, gib = alone.submit(plain, atlas.folder, frames, seed).result()
        rows.append((f"plain UMAP and HDBSCAN, seed {seed}", frames, minutes, gib))
        found.append(labels)
    growth = math.log(rows[-2][2] / rows[-3][2], config.plain[-1] / config.plain[-2])
    clusters = ClusteredAtlas(atlas).clusters
    ours = np.concatenate([clusters.assign(*one)[0] for one in _drawn(atlas, config.plain[-1])])
    compared = {"cluster": ours, "plain, seed 0": found[-2], "plain, seed 1": found[-1]}
    lines = ["| | frames | minutes | peak memory (GiB) |", "|---|---|---|---|"]
    lines += [f"| {name} | {count:,} | {minutes:.1f} | {gib:.1f} |" for name, count, minutes, gib in rows]
    hours = rows[-2][2] / 60 * (atlas.rows / config.plain[-1]) ** growth
    lines += [
        "",
        f"Plain took the power of {growth:.2f} in its last step; going on so, all frames take {hours:.1f} h.",
    ]
    lines += ["", f"| agreement on the same {len(ours):,} frames | all frames | those in clusters |", "|---|---|---|"]
    lines += [
        f"| {one} and {other} | {agreement(compared[one], compared[other])} |"
        for one, other in combinations(compared, 2)
    ]
    lines += [
        "",
        "Clusters and share of noise: "
        + "; ".join(
            f"{name} {labels.max() + 1} and {(labels == NOISE).mean():.0%}" for name, labels in compared.items()
        )
        + ".",
    ]
    return "\n".join([*lines, "", machine.about("umap-learn", "hdbscan", "faiss-cpu")])


def main() -> None:
    """The shell's way in."""

    def command(config: ClusteringBenchmarkConfig) -> None:
        machine.write("clustering", compare(config))

    commands.run(ClusteringBenchmarkConfig, command, "How long clustering takes, and whether it is that of plain UMAP.")


if __name__ == "__main__":
    # Through the import, so that the settings' classes are those of the module and not of __main__.
    from experiments.benchmarks.clustering import main as imported_main

    imported_main()
