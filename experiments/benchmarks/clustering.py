"""How long does clustering take, and are its clusters those of plain UMAP and HDBSCAN?

    python -m experiments.benchmarks.clustering

``cluster`` is run as a user runs it, cards and all, on an atlas of simulated recordings. Plain UMAP and HDBSCAN get
frames of the same atlas, drawn at random, and lay all of them out, with the same settings and one seed. On ``compared``
frames, with two seeds, the clusters of both are compared by the adjusted Rand index: over all frames, noise counting as
a cluster, and over those that both have in a cluster. What two plain runs that differ in their seed only agree in is
what can be hoped for. Each has one thread, and minutes are of one core, not counting when others had it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage, struct_rusage
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from experiments.benchmarks import machine
from experiments.benchmarks.atlases import RUNS, simulated
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import NOISE, Clustering, average_over_time, directions
from ssl_behavior.cli import run as cli_run


@dataclass(frozen=True)
class ClusteringBenchmarkConfig:
    """Settings of the benchmark.

    Attributes:
        rows: embeddings of simulated recordings that ``cluster`` is run on.
        plain: how many of these plain UMAP and HDBSCAN get.
        compared: on how many the clusters are compared.
    """

    rows: int = 1_000_000
    plain: tuple[int, ...] = (10_000, 100_000, 300_000, 1_000_000)
    compared: int = 100_000


Measured = Mapping[str, Any]
"""``minutes`` of a core, ``gib`` at the most, and of plain the ``labels`` (frame,)."""


def kept(name: str, measure: Callable[[], Measured]) -> Measured:
    """What is measured, or was before and is kept in runs/benchmarks."""
    path = RUNS / f"{name}.npz"
    if not path.exists():
        np.savez(path, **{name: np.asarray(value) for name, value in measure().items()})
    with np.load(path) as found:
        return dict(found)


def whole(atlas: Atlas) -> Measured:
    """The command as a user runs it."""
    line = [sys.executable, "-m", "ssl_behavior.cluster", "--atlas", str(atlas.folder), "--overwrite"]
    process = subprocess.Popen(line)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("cluster failed")
    return _spent(usage)


def _spent(usage: struct_rusage) -> Measured:
    return {"minutes": (usage.ru_utime + usage.ru_stime) / 60, "gib": usage.ru_maxrss * 1024 / 2**30}


def plain(folder: Path, frames: int, seed: int) -> Measured:
    """UMAP and HDBSCAN as they come, of randomly drawn frames."""
    settings = Clustering()
    values = np.concatenate([average_over_time(*one, settings.reach(15.0)) for one in _drawn(Atlas(folder), frames)])
    values = directions(values, values.mean(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hdbscan
        import umap

        places = umap.UMAP(n_neighbors=settings.neighbours, min_dist=0.0, random_state=seed).fit_transform(values)
        smallest, largest = (round(share * len(values)) for share in (settings.smallest, settings.largest))
        given = {"min_cluster_size": smallest, "min_samples": 10, "max_cluster_size": largest, "core_dist_n_jobs": 1}
        labels = hdbscan.HDBSCAN(**given).fit_predict(places)
    return {"labels": labels} | _spent(getrusage(RUSAGE_SELF))


def alone(folder: Path, frames: int, seed: int) -> Measured:
    """``plain`` in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(plain, folder, frames, seed).result()


def _drawn(atlas: Atlas, frames: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Embeddings of pairs and the frames of them that were drawn, of located animals."""
    drawn = atlas.draw(frames, seed=7)
    return [(video.embeddings[pair], own[video.is_located(pair)[own]]) for video, pair, own in drawn]


def agreement(one: np.ndarray, other: np.ndarray) -> str:
    """Adjusted Rand index over all frames and over those in clusters."""
    both = (one != NOISE) & (other != NOISE)
    return f"{adjusted_rand_score(one, other):.2f} | {adjusted_rand_score(one[both], other[both]):.2f}"


def compare(config: ClusteringBenchmarkConfig) -> str:
    """The tables."""
    atlas = simulated(config.rows)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    runs = sorted({(frames, 0) for frames in config.plain} | {(config.compared, seed) for seed in (0, 1)})
    found = {run: kept(f"plain-{atlas.rows}-{run[0]}-{run[1]}", partial(alone, atlas.folder, *run)) for run in runs}
    rows = [("`cluster`, with its cards", atlas.rows, kept(f"cluster-{atlas.rows}", partial(whole, atlas)))]
    rows += [(f"plain, seed {seed}", frames, one) for (frames, seed), one in found.items()]
    lines = ["| | frames | minutes | peak memory (GiB) |", "|---|---|---|---|"]
    lines += [f"| {name} | {count:,} | {one['minutes']:.1f} | {one['gib']:.1f} |" for name, count, one in rows]
    clusters = ClusteredAtlas(atlas).clusters
    ours = np.concatenate([clusters.assign(*one)[0] for one in _drawn(atlas, config.compared)])
    labels = {"cluster": ours} | {f"plain, seed {seed}": found[config.compared, seed]["labels"] for seed in (0, 1)}
    return "\n".join([*lines, "", *_agreements(labels), "", machine.about("umap-learn", "hdbscan", "faiss-cpu")])


def _agreements(labels: Mapping[str, np.ndarray]) -> Iterator[str]:
    frames = len(next(iter(labels.values())))
    yield f"| agreement on the same {frames:,} frames | all frames | those in clusters |"
    yield "|---|---|---|"
    for one, other in combinations(labels, 2):
        yield f"| {one} and {other} | {agreement(labels[one], labels[other])} |"
    told = [f"{name} {own.max() + 1} and {(own == NOISE).mean():.0%}" for name, own in labels.items()]
    yield f"\nClusters, and the share of frames in none: {'; '.join(told)}."


def _report(_: ClusteringBenchmarkConfig, text: str) -> None:
    machine.write("clustering", text)


main = cli_run.command(
    ClusteringBenchmarkConfig, compare, "How long clustering takes, and whether it is that of plain UMAP.", _report
)


if __name__ == "__main__":
    main()
