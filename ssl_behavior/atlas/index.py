"""Nearest neighbours of embeddings with FAISS (Douze et al. 2024, https://arxiv.org/abs/2401.08281).

The distance is the angle between embeddings, measured from the mean of the atlas. Without subtracting the mean, all
embeddings point in nearly the same direction.

A small atlas (see ``kind_for``) is held in memory, and a query is compared with every embedding. For a large one,
memory holds only a short code of each embedding. The codes select candidates, and the query is then compared with the
candidates' own embeddings, read from the atlas. So similarities are exact; an index of codes can only miss a neighbour,
namely one whose code is not among the nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.compute.progress import progress_bar
from ssl_behavior.errors import InputError
from ssl_behavior.storage import cache
from ssl_behavior.storage.atomic import write_atomically
from ssl_behavior.storage.digests import digest, file_digest

Kind = Literal["exact", "codes"]
EXACT_UP_TO = 1_000_000
"""Embeddings up to which a query is compared with all: half a gigabyte at 128 channels, and some 10 ms a search.

Above, users would notice both, and codes take a sixteenth of the memory (``experiments/benchmarks/index.md``).
"""
_FILES = "index-*.faiss"
_WRITTEN_BY_USER = "indexes"
"""Folder in the user's cache that holds an empty file for each index that this user wrote."""
_CHUNK = 65_536
"""Embeddings to read at a time, which bounds memory."""
_TRAINED_PER_LIST = 40
"""Embeddings to train each inverted list with: FAISS warns below 39."""
_MAX_LISTS = 10_000
_PROBED_LISTS = 32
"""Inverted lists that a search looks into."""
_VARIANCE_KEPT = 0.99
"""Share of the variance that the codes represent."""
_CANDIDATES_PER_NEIGHBOUR = 10
"""Candidates for each neighbour: codes are coarse, so the true neighbours are among many that look equally near."""
_NO_COSINE = float(np.finfo(np.float32).min)
"""Cosine of a missing neighbour, the same as FAISS gives."""
_TIE_TOLERANCE = 1e-6
"""Difference in cosine up to which neighbours count as equally near: FAISS and numpy round differently."""


def kind_for(rows: int) -> Kind:
    """Return the kind of index for a number of embeddings: ``exact`` up to ``EXACT_UP_TO``, else ``codes``."""
    return "exact" if rows <= EXACT_UP_TO else "codes"


@dataclass(frozen=True, eq=False)
class EmbeddingIndex:
    """An index over the rows of an atlas.

    Attributes:
        atlas: the atlas.
        index: the FAISS index; its transforms centre and normalise the vectors that it is given.
        on_gpu: whether the FAISS index is on a GPU.
        kind: exact or codes.
    """

    atlas: Atlas
    index: Any
    on_gpu: bool
    kind: Kind

    def search(self, embeddings: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest rows of each embedding.

        Args:
            embeddings: (query, channel).
            neighbours: number of rows to find for each query.

        Returns:
            Cosine similarities (query, neighbour) in falling order, and rows (query, neighbour). Rows are -1 where the
            index has no more neighbours.
        """
        queries = np.ascontiguousarray(embeddings, np.float32)
        if self.kind == "exact":
            cosines, rows = self.index.search(queries, neighbours)
            return cosines, rows
        count = min(_CANDIDATES_PER_NEIGHBOUR * neighbours, self.index.ntotal)
        candidates = self.index.search(queries, count)[1]
        ranked = [
            self._rank(query, own_candidates, neighbours)
            for query, own_candidates in zip(self.directions(queries), candidates, strict=True)
        ]
        return np.stack([cosines for cosines, _ in ranked]), np.stack([rows for _, rows in ranked])

    def _rank(self, query: np.ndarray, candidates: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
        """Compare candidates (candidate,) with the direction of a query (channel,) by their own embeddings."""
        rows = np.sort(candidates[candidates >= 0])  # rising, as Atlas.take reads them
        cosines = self.directions(self.atlas.take(rows)) @ query
        best = np.argsort(-cosines, kind="stable")[:neighbours]
        padding = (0, neighbours - len(best))
        return (
            np.pad(cosines[best], padding, constant_values=_NO_COSINE),
            np.pad(rows[best], padding, constant_values=-1),
        )

    def directions(self, embeddings: np.ndarray) -> np.ndarray:
        """Return embeddings (time, channel) as the index compares them: minus the atlas's mean, of length 1."""
        values = np.ascontiguousarray(embeddings, np.float32)
        for step in range(self.index.chain.size()):
            values = self.index.chain.at(step).apply(values)
        return values

    def save(self) -> Path:
        """Write the index to the atlas's folder, for ``load``, and delete former ones.

        Saving is useful for codes only: building an exact index is as fast as reading one.
        """
        path = _path(self.atlas, self.kind)
        index = faiss.index_gpu_to_cpu(self.index) if self.on_gpu else self.index
        with write_atomically(path) as aside:
            faiss.write_index(index, str(aside))
            _remember_written(aside)
        for former in set(self.atlas.folder.glob(_FILES)) - {path}:
            former.unlink(missing_ok=True)
        return path


def build(
    atlas: Atlas, kind: Kind | None = None, seed: int = 0, description: str | None = "indexing"
) -> EmbeddingIndex:
    """Index every row of an atlas.

    Args:
        atlas: an atlas with at least one row.
        kind: kind of index; by default the one for the number of rows.
        seed: seed of the sample that lists and codes are trained on.
        description: text of the progress bar; None shows no bar.

    Raises:
        InputError: the atlas is empty.
    """
    rows, channels = atlas.rows, atlas.meta.channels
    if not rows:
        raise InputError(f"{atlas.folder}: expected embeddings; found none: run ssl-behavior embed first")
    kind = kind or kind_for(rows)
    lists = int(min(rows**0.5, rows / _TRAINED_PER_LIST, _MAX_LISTS))
    trained_on = sample(atlas, max(_TRAINED_PER_LIST * lists, 50_000), seed)
    index = faiss.IndexPreTransform(faiss.IndexFlatIP(channels) if kind == "exact" else _code_index(trained_on, lists))
    # Each prepended transform goes before the former: the index centres first, then normalises.
    for transform in (faiss.NormalizationTransform(channels, 2.0), faiss.CenteringTransform(channels)):
        index.prepend_transform(transform)
    index.train(trained_on)
    index, on_gpu = _to_gpu(index)
    with progress_bar(rows, description, unit="frame", leave=False, shown=description is not None) as bar:
        for chunk in _chunks(atlas):
            index.add(chunk)
            bar.update(len(chunk))
    return EmbeddingIndex(atlas, index, on_gpu, kind)


def load(atlas: Atlas, notify: Callable[[str], None] = print) -> EmbeddingIndex:
    """Return the index of an atlas: read if a usable file exists, else built.

    A large atlas keeps its index in a file beside the embeddings, which may be deleted at any time. The file is built
    again if it is damaged, if the embeddings have changed, or if another user wrote it.

    Args:
        atlas: the atlas.
        notify: called with a message after a new index was built and saved.

    Raises:
        InputError: the atlas is empty.
    """
    kind = kind_for(atlas.rows)
    if kind == "exact":
        return build(atlas, description=None)
    path = _path(atlas, kind)
    # FAISS trusts all sizes in a file, so a crafted one could crash this process. Only the user's own are read.
    if path.is_file() and _was_written_by_user(path):
        with suppress(RuntimeError):  # raised by FAISS if the file holds no index
            index = faiss.read_index(str(path))
            if (index.ntotal, index.d) == (atlas.rows, atlas.meta.channels):
                return EmbeddingIndex(atlas, *_to_gpu(index), kind)
    built = build(atlas, kind)
    built.save()
    notify(f"indexed {atlas.rows:,} embeddings ({kind}); recall at 10 against exact: {recall(built):.3f}")
    return built


def recall(
    index: EmbeddingIndex, queries: np.ndarray | None = None, neighbours: int = 10, sample_size: int = 200
) -> float:
    """Measure which share of the exact nearest neighbours an index finds; 1 for an exact index.

    Rows at the same distance count as equal. (Embeddings of animals that are not seen are all alike.)

    Args:
        index: the index.
        queries: (query, channel) embeddings; by default those of random rows of the atlas.
        neighbours: neighbours of each query.
        sample_size: number of random rows, if no queries are given.
    """
    queries = sample(index.atlas, sample_size, seed=1) if queries is None else queries
    least = _exact_cosines(index, index.directions(queries), neighbours)[:, -1:]
    return float((index.search(queries, neighbours)[0] >= least - _TIE_TOLERANCE).mean())


def sample(atlas: Atlas, rows: int, seed: int) -> np.ndarray:
    """Return embeddings (row, channel) float32 of random rows of the atlas, without repetition."""
    parts = [video.embeddings[pair][frames] for video, pair, frames in atlas.draw(rows, seed)]
    return np.concatenate(parts).astype(np.float32)


def _exact_cosines(index: EmbeddingIndex, queries: np.ndarray, neighbours: int) -> np.ndarray:
    """Return cosines (query, neighbour) to the true nearest rows in falling order, with one chunk in memory at once."""
    best = np.zeros((len(queries), 0), np.float32)
    for chunk in _chunks(index.atlas):
        near = faiss.knn(queries, index.directions(chunk), min(neighbours, len(chunk)), faiss.METRIC_INNER_PRODUCT)[0]
        best = -np.sort(-np.concatenate([best, near], axis=1), axis=1)[:, :neighbours]
    return best


def _code_index(trained_on: np.ndarray, lists: int) -> Any:
    """Return an empty index of codes: four bits per principal direction, in inverted lists (IVF) by nearness.

    A rotation (PCAR) gives all directions similar ranges. Every code has the same number of bits for each direction, so
    equal ranges waste none.
    """
    values = trained_on - trained_on.mean(0)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    variance = np.linalg.eigvalsh(np.cov(values, rowvar=False))[::-1]
    kept = 1 + int(np.searchsorted(np.cumsum(variance), _VARIANCE_KEPT * variance.sum()))
    index = faiss.index_factory(len(variance), f"PCAR{min(kept, len(variance))},IVF{lists},SQ4")
    faiss.extract_index_ivf(index).nprobe = min(_PROBED_LISTS, lists)
    return index


def _chunks(atlas: Atlas) -> Iterator[np.ndarray]:
    """Yield all embeddings of the atlas, at most ``_CHUNK`` at a time, in the order of its rows."""
    for video in atlas.videos(verify=True):
        for pair, values in video.embeddings.items():
            for start in range(0, len(values), _CHUNK):
                yield np.ascontiguousarray(atlas.finite(video, pair, slice(start, start + _CHUNK)), np.float32)


def _to_gpu(index: Any) -> tuple[Any, bool]:
    """Move the index to the GPUs if this FAISS supports them (the package ``faiss-gpu``); return it and whether."""
    if not getattr(faiss, "get_num_gpus", lambda: 0)():
        return index, False
    return faiss.index_cpu_to_all_gpus(index), True


def _path(atlas: Atlas, kind: Kind) -> Path:
    """Return the path of the index file. Its name depends on everything that was indexed."""
    embedded = [(video, atlas.fingerprint(video)) for video in atlas.ids]
    return atlas.folder / _FILES.replace("*", digest(repr((kind, atlas.meta, embedded))))


def _was_written_by_user(path: Path) -> bool:
    """Return whether this user wrote a file with this content, according to the user's own cache."""
    folder = cache.folder()
    return folder is not None and (folder / _WRITTEN_BY_USER / file_digest(path)).is_file()


def _remember_written(path: Path) -> None:
    """Record in the user's cache that this user wrote a file with this content."""
    folder = cache.folder()
    with suppress(OSError):  # the cache may be read-only; the index is then built again next time
        if folder is not None:
            (folder / _WRITTEN_BY_USER).mkdir(parents=True, exist_ok=True)
            (folder / _WRITTEN_BY_USER / file_digest(path)).touch()
