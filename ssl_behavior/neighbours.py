"""Nearest neighbours of embeddings with FAISS (Douze et al. 2024, https://arxiv.org/abs/2401.08281).

Near means a small angle between embeddings from which the atlas's mean was taken: without that, all point nearly one
way. The kind of index goes by the number of embeddings (``kind_for``); all of them are built in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from tqdm import tqdm

from ssl_behavior.embeddings import Atlas
from ssl_behavior.errors import InputError
from ssl_behavior.formats.paths import replacing

Kind = Literal["exact", "ivf", "ivfpq"]
EXACT_UP_TO, FLAT_UP_TO = 1_000_000, 10_000_000
"""Embeddings up to which neighbours are exact, and up to which they are stored whole."""
_FILE = "index.faiss"
_CHUNK = 65_536
_PER_LIST = 40
_MOST_TRAINED = 400_000
_PROBED = 32


def kind_for(rows: int) -> Kind:
    """How so many embeddings are indexed.

    Exact up to a million, where a search takes milliseconds. Beyond, inverted lists (IVF), of which a search looks at
    the nearest; and beyond ten million, product-quantised ones (IVF-PQ) at a byte for each eight numbers.
    """
    if rows <= EXACT_UP_TO:
        return "exact"
    return "ivf" if rows <= FLAT_UP_TO else "ivfpq"


@dataclass(frozen=True, eq=False)
class Neighbours:
    """An index over the rows of an atlas.

    Attributes:
        index: FAISS's own; its transforms centre and normalise what it is given.
        on_gpu: whether it lies on a GPU.
        kind: of the index.
    """

    index: Any
    on_gpu: bool
    kind: Kind

    def search(self, embeddings: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest rows of each embedding.

        Args:
            embeddings: (query, channel).
            neighbours: how many.

        Returns:
            cosine similarities (query, neighbour), falling, and rows (query, neighbour), -1 where there are no more.
        """
        found = self.index.search(np.ascontiguousarray(embeddings, np.float32), neighbours)
        return found[0], found[1]

    def directions(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings (time, channel) as the index compares them: from the atlas's mean, of length 1."""
        values = np.ascontiguousarray(embeddings, np.float32)
        for place in range(self.index.chain.size()):
            values = self.index.chain.at(place).apply(values)
        return values

    def save(self, folder: Path) -> Path:
        """Write the index to the atlas's ``folder``, for ``load``; one that is exact is as soon built as read."""
        path = folder / _FILE
        index = faiss.index_gpu_to_cpu(self.index) if self.on_gpu else self.index
        with replacing(path) as aside:
            faiss.write_index(index, str(aside))
        return path


def build(atlas: Atlas, kind: Kind | None = None, seed: int = 0, description: str | None = "indexing") -> Neighbours:
    """Index every row of an atlas.

    Args:
        atlas: of at least one row.
        kind: of index; by the number of rows if none is given.
        seed: of the sample that lists and codes are trained on.
        description: of a progress bar; none if None.

    Raises:
        InputError: the atlas is empty.
    """
    rows, channels = atlas.rows, atlas.made_by.channels
    if not rows:
        raise InputError(f"{atlas.folder}: expected embeddings; found none: run python -m ssl_behavior.embed first")
    kind = kind or kind_for(rows)
    inner, lists = _empty(kind, rows, channels)
    index = faiss.IndexPreTransform(inner)
    normalised, centred = faiss.NormalizationTransform(channels, 2.0), faiss.CenteringTransform(channels)
    index.prepend_transform(normalised)
    index.prepend_transform(centred)
    index.train(sample(atlas, min(rows, max(_PER_LIST * lists, 50_000)), seed))
    index, on_gpu = _on_gpu(index)
    with tqdm(total=rows, desc=description, unit="frame", leave=False, disable=description is None) as bar:
        for chunk in _chunks(atlas):
            index.add(chunk)
            bar.update(len(chunk))
    return Neighbours(index, on_gpu, kind)


def load(atlas: Atlas, notify: Callable[[str], None] = print) -> Neighbours:
    """The index of an atlas: built at once if it is exact; else read, or built and kept beside the embeddings.

    The file may be deleted at any time; one that is damaged, or of other embeddings, is made anew.
    """
    kind, path = kind_for(atlas.rows), atlas.folder / _FILE
    if kind == "exact":
        return build(atlas, description=None)
    if path.is_file():
        with suppress(RuntimeError):  # how FAISS says that a file is none of its own
            index = faiss.read_index(str(path))
            if (index.ntotal, index.d) == (atlas.rows, atlas.made_by.channels):
                return Neighbours(*_on_gpu(index), kind)
    found = build(atlas, kind)
    found.save(atlas.folder)
    notify(f"indexed {atlas.rows:,} embeddings ({kind}); recall at 10 against exact: {recall(found, atlas):.3f}")
    return found


def recall(found: Neighbours, atlas: Atlas, neighbours: int = 10, queries: int = 200, seed: int = 0) -> float:
    """Share of the exact nearest neighbours of random rows that the index finds too; 1 for an exact index."""
    asked = sample(atlas, min(queries, atlas.rows), seed + 1)
    pairs = zip(found.search(asked, neighbours)[1], _exact(found, atlas, asked, neighbours), strict=True)
    return float(np.mean([len(set(own) & set(true)) / len(true) for own, true in pairs]))


def _exact(found: Neighbours, atlas: Atlas, asked: np.ndarray, neighbours: int) -> np.ndarray:
    """(query, neighbour) rows nearest in truth, with one chunk of the atlas in memory at a time."""
    asked = found.directions(asked)
    best, rows = np.zeros((len(asked), 0), np.float32), np.zeros((len(asked), 0), np.int64)
    start = 0
    for chunk in _chunks(atlas):
        best = np.concatenate([best, asked @ found.directions(chunk).T], axis=1)
        rows = np.concatenate(
            [rows, np.broadcast_to(np.arange(start, start + len(chunk)), (len(asked), len(chunk)))], 1
        )
        nearest = np.argsort(-best, axis=1, kind="stable")[:, :neighbours]
        best, rows = np.take_along_axis(best, nearest, 1), np.take_along_axis(rows, nearest, 1)
        start += len(chunk)
    return rows


def sample(atlas: Atlas, rows: int, seed: int) -> np.ndarray:
    """Embeddings (row, channel) of random rows of the atlas, float32."""
    parts = [video.embeddings[pair][frames] for video, pair, frames in atlas.draw(rows, seed)]
    return np.concatenate(parts).astype(np.float32)


def _empty(kind: Kind, rows: int, channels: int) -> tuple[Any, int]:
    """An index without embeddings, and how many lists it sorts them into."""
    if kind == "exact":
        return faiss.IndexFlatIP(channels), 0
    lists = int(min(4 * rows**0.5, rows / _PER_LIST, _MOST_TRAINED / _PER_LIST))
    quantiser: Any = faiss.IndexFlatIP(channels)
    index: Any
    if kind == "ivf":
        index = faiss.IndexIVFFlat(quantiser, channels, lists, faiss.METRIC_INNER_PRODUCT)
    else:
        index = faiss.IndexIVFPQ(quantiser, channels, lists, channels // 2, 8, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = min(_PROBED, lists)
    quantiser.this.disown()  # the index frees it
    index.own_fields = True
    return index, lists


def _chunks(atlas: Atlas) -> Iterator[np.ndarray]:
    for video in atlas.videos():
        for values in video.embeddings.values():
            for start in range(0, len(values), _CHUNK):
                yield np.ascontiguousarray(values[start : start + _CHUNK], np.float32)


def _on_gpu(index: Any) -> tuple[Any, bool]:
    """The index on a GPU where this FAISS has them (the package ``faiss-gpu``), else as it is."""
    if not getattr(faiss, "get_num_gpus", lambda: 0)():
        return index, False
    return faiss.index_cpu_to_all_gpus(index), True
