"""The speed, size and recall of the index of an atlas.

    python -m experiments.benchmarks.index --rows 1000000 10000000

Each index is built in a process of its own, from embeddings in half precision on disk. The indexes are those of
``ssl_behavior.atlas.index`` and FAISS's IndexIVFFlat, whose inverted lists hold whole embeddings; exact and whole ones
are left out where they would take more than ``--most-gib``. Recall is the share of the 10 exact neighbours that are
found, where equally near rows are interchangeable. It is measured for frames of the atlas, whose neighbours are mostly
in the same bout, and for frames of other recordings, whose neighbours never are. The first run makes the atlases, which
takes a quarter of an hour on two cores for ten million embeddings.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import faiss
import numpy as np

from experiments.benchmarks import machine
from experiments.benchmarks.atlases import filmed, simulated
from experiments.dyads.protocol import DATA
from ssl_behavior.atlas import index as atlas_index
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.index import EmbeddingIndex, recall, sample
from ssl_behavior.cli import run

_QUERIES = 300
_WHOLE = "IVF, whole"
_COLUMNS = (
    *("embeddings", "index", "built in (s)", "µs per embedding", "bytes per embedding", "peak GiB, anonymous"),
    *("peak GiB, all", "recall, same recordings", "recall, others", "µs per query"),
)

_NOTES = (
    "Embeddings have 128 channels and lie on disk in half precision. Memory is what building takes beyond a program "
    "that has loaded its modules (anonymous), and the whole process with what it maps of the atlas (all). Recall at 10 "
    f"is over {_QUERIES} frames of the same recordings and of others; a query is one embedding, asked for alone. Times "
    "are of one core, not counting when others had it."
)


@dataclass(frozen=True)
class IndexBenchmarkConfig:
    """Settings of the benchmark.

    Attributes:
        rows: embeddings of simulated recordings, one atlas each.
        data: folder with tracks/ of real recordings.
        most_gib: largest memory of whole embeddings.
    """

    rows: tuple[int, ...] = (1_000_000, 10_000_000)
    data: Path = DATA
    most_gib: float = 1.0


def measure(config: IndexBenchmarkConfig) -> list[list[str]]:
    """Measure every index; returns a row of the table for each atlas and index."""
    others = simulated(100_000, seed=1)
    atlases = [("filmed", *filmed(config.data / "tracks"))]
    atlases += [("simulated", simulated(rows), others) for rows in config.rows]
    table = []
    for name, atlas, other in atlases:
        gib = atlas.rows * atlas.meta.channels * 4 / 2**30
        for kind in ("exact", _WHOLE, "codes"):
            if kind == "codes" or gib <= config.most_gib:
                with ProcessPoolExecutor(1, get_context("spawn")) as alone:
                    numbers = alone.submit(_measure, atlas.folder, other.folder, kind).result()
                table.append([f"{atlas.rows:,} {name}", kind, *numbers])
                print(*table[-1], sep="; ")
    return table


def _measure(folder: Path, other: Path, kind: str) -> list[str]:
    faiss.omp_set_num_threads(1)
    atlas = Atlas(folder)
    rows, started = atlas.rows, time.process_time()
    with _memory() as peak:
        index = _whole(atlas) if kind == _WHOLE else atlas_index.build(atlas, kind, description=None)
    seconds = time.process_time() - started
    queries = sample(Atlas(other), _QUERIES, seed=0)
    index.search(queries, 10)  # reads its files into memory
    started = time.process_time()
    for query in queries:
        index.search(query[None], 10)
    per_query = (time.process_time() - started) / len(queries)
    size = len(faiss.serialize_index(index.index)) / rows
    shares = (recall(index, sample_size=_QUERIES), recall(index, queries))
    return [
        *(
            f"{seconds:.0f}",
            f"{1e6 * seconds / rows:.1f}",
            f"{size:.0f}",
            *(f"{size / 2**30:.2f}" for size in peak),
        ),
        *(f"{share:.3f}" for share in shares),
        f"{1e6 * per_query:.0f}",
    ]


def _whole(atlas: Atlas) -> EmbeddingIndex:
    """FAISS's IndexIVFFlat with as many lists as ours, behind the same transforms."""
    channels, lists = atlas.meta.channels, int(atlas.rows**0.5)
    index = faiss.index_factory(channels, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.nprobe = 32
    index = faiss.IndexPreTransform(index)
    transforms = faiss.NormalizationTransform(channels, 2.0), faiss.CenteringTransform(channels)
    for transform in transforms:
        index.prepend_transform(transform)
    index.train(sample(atlas, 40 * lists, 0))
    for video in atlas.videos():
        for values in video.embeddings.values():
            index.add(np.asarray(values, np.float32))
    return EmbeddingIndex(atlas, index, False, "exact")  # "exact": FAISS computes the similarities itself


@contextmanager
def _memory() -> Iterator[list[float]]:
    """Yield a list that holds the peaks of additional anonymous memory and of all additional memory after the block."""
    peak, ended = [0.0, 0.0], threading.Event()
    before = _anonymous()

    def watch() -> None:
        while not ended.wait(0.05):
            peak[0] = max(peak[0], _anonymous() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield peak
    ended.set()
    watcher.join()
    peak[1] = getrusage(RUSAGE_SELF).ru_maxrss * 1024


def _anonymous() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * float(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def _report(_: IndexBenchmarkConfig, measured: list[list[str]]) -> None:
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in measured]
    machine.write("index", "\n".join([*lines, "", _NOTES, "", machine.about("faiss-cpu")]))


main = run.command(IndexBenchmarkConfig, measure, "How fast, large and right the index of an atlas is.", _report)


if __name__ == "__main__":
    main()
