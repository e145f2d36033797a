"""The time of clustering, and the agreement of its clusters with those of plain UMAP and HDBSCAN.

    python -m experiments.benchmarks.clustering

``cluster`` runs as for a user, with its cards, on an atlas of simulated recordings. Plain UMAP and HDBSCAN get random
frames of the same atlas, all of which they embed and cluster with the same settings and one seed. On ``compared``
frames, with two seeds, the clusters are compared by the adjusted Rand index: over all frames, where noise counts as a
cluster, and over the frames that both put in a cluster. The best possible agreement is that of two plain runs with
different seeds. Each run has one thread; minutes are processor time of one core.
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
        rows: embeddings of simulated recordings for ``cluster``.
        plain: numbers of frames for plain UMAP and HDBSCAN.
        compared: number of frames on which clusters are compared.
    """

    rows: int = 1_000_000
    plain: tuple[int, ...] = (10_000, 100_000, 300_000, 1_000_000)
    compared: int = 100_000


Measured = Mapping[str, Any]
"""``minutes`` of a core, ``gib`` at the most, and of plain the ``labels`` (frame,)."""


def saved(name: str, measure: Callable[[], Measured]) -> Measured:
    """The measurement of this name, from runs/benchmarks if it was made before."""
    path = RUNS / f"{name}.npz"
    if not path.exists():
        np.savez(path, **{name: np.asarray(value) for name, value in measure().items()})
    with np.load(path) as arrays:
        return dict(arrays)


def whole(atlas: Atlas) -> Measured:
    """Run the command as a user does."""
    line = [sys.executable, "-m", "ssl_behavior.cluster", "--atlas", str(atlas.folder), "--overwrite"]
    process = subprocess.Popen(line)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("cluster failed")
    return _spent(usage)


def _spent(usage: struct_rusage) -> Measured:
    return {"minutes": (usage.ru_utime + usage.ru_stime) / 60, "gib": usage.ru_maxrss * 1024 / 2**30}


def plain(folder: Path, frames: int, seed: int) -> Measured:
    """Run plain UMAP and HDBSCAN on random frames."""
    settings = Clustering()
    values = np.concatenate(
        [average_over_time(*one, settings.reach(15.0)) for one in _draw_located(Atlas(folder), frames)]
    )
    values = directions(values, values.mean(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hdbscan
        import umap

        positions = umap.UMAP(n_neighbors=settings.neighbours, min_dist=0.0, random_state=seed).fit_transform(values)
        smallest, largest = (round(share * len(values)) for share in (settings.smallest, settings.largest))
        options = {"min_cluster_size": smallest, "min_samples": 10, "max_cluster_size": largest, "core_dist_n_jobs": 1}
        labels = hdbscan.HDBSCAN(**options).fit_predict(positions)
    return {"labels": labels} | _spent(getrusage(RUSAGE_SELF))


def alone(folder: Path, frames: int, seed: int) -> Measured:
    """Run ``plain`` in a process of its own, whose memory is measured."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(plain, folder, frames, seed).result()


def _draw_located(atlas: Atlas, frames: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Embeddings of each pair, and its random frames in which both animals are located."""
    samples = atlas.draw(frames, seed=7)
    return [(video.embeddings[pair], drawn[video.is_located(pair)[drawn]]) for video, pair, drawn in samples]


def agreement(first: np.ndarray, second: np.ndarray) -> str:
    """Adjusted Rand index over all frames, and over those in a cluster of both."""
    both = (first != NOISE) & (second != NOISE)
    return f"{adjusted_rand_score(first, second):.2f} | {adjusted_rand_score(first[both], second[both]):.2f}"


def compare(config: ClusteringBenchmarkConfig) -> str:
    """Measure everything; returns the tables in Markdown."""
    atlas = simulated(config.rows)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    runs = sorted({(frames, 0) for frames in config.plain} | {(config.compared, seed) for seed in (0, 1)})
    plain_runs = {
        run: saved(f"plain-{atlas.rows}-{run[0]}-{run[1]}", partial(alone, atlas.folder, *run)) for run in runs
    }
    rows = [("`cluster`, with its cards", atlas.rows, saved(f"cluster-{atlas.rows}", partial(whole, atlas)))]
    rows += [(f"plain, seed {seed}", frames, measured) for (frames, seed), measured in plain_runs.items()]
    lines = ["| | frames | minutes | peak memory (GiB) |", "|---|---|---|---|"]
    lines += [f"| {name} | {count:,} | {row['minutes']:.1f} | {row['gib']:.1f} |" for name, count, row in rows]
    clusters = ClusteredAtlas(atlas).clusters
    ours = np.concatenate([clusters.assign(*sample)[0] for sample in _draw_located(atlas, config.compared)])
    labels = {"cluster": ours} | {f"plain, seed {seed}": plain_runs[config.compared, seed]["labels"] for seed in (0, 1)}
    return "\n".join([*lines, "", *_agreements(labels), "", machine.about("umap-learn", "hdbscan", "faiss-cpu")])


def _agreements(labels: Mapping[str, np.ndarray]) -> Iterator[str]:
    frames = len(next(iter(labels.values())))
    yield f"| agreement on the same {frames:,} frames | all frames | those in clusters |"
    yield "|---|---|---|"
    for first, second in combinations(labels, 2):
        yield f"| {first} and {second} | {agreement(labels[first], labels[second])} |"
    counts = [f"{name} {values.max() + 1} and {(values == NOISE).mean():.0%}" for name, values in labels.items()]
    yield f"\nClusters, and the share of frames in none: {'; '.join(counts)}."


def _report(_: ClusteringBenchmarkConfig, text: str) -> None:
    machine.write("clustering", text)


main = cli_run.command(
    ClusteringBenchmarkConfig, compare, "How long clustering takes, and whether it is that of plain UMAP.", _report
)


if __name__ == "__main__":
    main()
