"""Nearest neighbours of embeddings with FAISS (Douze et al. 2024, https://arxiv.org/abs/2401.08281).

Near means a small angle between embeddings from which the atlas's mean was taken: without that, all point nearly one
way. Few embeddings (``kind_for``) are held in memory and all compared. Of many, memory holds a short code each, by
which candidates are found; these are then compared by their embeddings themselves, read from the atlas. So similarities
are exact, and what is missed is a neighbour whose code is not among the nearest.
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
from ssl_behavior.storage.atomic import replacing
from ssl_behavior.storage.digests import digest, file_digest

Kind = Literal["exact", "codes"]
EXACT_UP_TO = 1_000_000
"""Embeddings that are all compared: half a gigabyte at 128 channels, and hundredths of a second to a search.

Beyond, either would be felt, and codes take a sixteenth of the memory (``experiments/benchmarks/index.md``).
"""
_FILES, _OWN = "index-*.faiss", "indexes"
_CHUNK = 65_536
_PER_LIST, _MOST_LISTS = 40, 10_000
"""Embeddings that a list is trained on, and lists at most."""
_PROBED = 32
"""Lists that a search looks at."""
_KEPT = 0.99
"""Share of the variance that codes tell of."""
_CANDIDATES = 10
"""Candidates for each neighbour, as codes tell frames apart that are not too near."""
_NONE = float(np.finfo(np.float32).min)
_TIED = 1e-6


def kind_for(rows: int) -> Kind:
    """How so many embeddings are indexed: up to ``EXACT_UP_TO`` as they are, beyond as codes."""
    return "exact" if rows <= EXACT_UP_TO else "codes"


@dataclass(frozen=True, eq=False)
class EmbeddingIndex:
    """An index over the rows of an atlas.

    Attributes:
        atlas: whose rows they are.
        index: FAISS's own; its transforms centre and normalise what it is given.
        on_gpu: whether it lies on a GPU.
        kind: of the index.
    """

    atlas: Atlas
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
        asked = np.ascontiguousarray(embeddings, np.float32)
        if self.kind == "exact":
            cosines, rows = self.index.search(asked, neighbours)
            return cosines, rows
        found = self.index.search(asked, min(_CANDIDATES * neighbours, self.index.ntotal))[1]
        compared = [self._compared(*one, neighbours) for one in zip(self.directions(asked), found, strict=True)]
        return np.stack([cosines for cosines, _ in compared]), np.stack([rows for _, rows in compared])

    def _compared(self, asked: np.ndarray, found: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest of the candidates (candidate,), -1 where there are no more, to one direction (channel,)."""
        rows = np.sort(found[found >= 0])
        cosines = self.directions(self.atlas.take(rows)) @ asked
        best = np.argsort(-cosines, kind="stable")[:neighbours]
        missing = (0, neighbours - len(best))
        return (
            np.pad(cosines[best], missing, constant_values=_NONE),
            np.pad(rows[best], missing, constant_values=-1),
        )

    def directions(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings (time, channel) as the index compares them: from the atlas's mean, of length 1."""
        values = np.ascontiguousarray(embeddings, np.float32)
        for place in range(self.index.chain.size()):
            values = self.index.chain.at(place).apply(values)
        return values

    def save(self) -> Path:
        """Write the index to the atlas, for ``load``, in place of former ones; an exact one is as soon built."""
        path = _path(self.atlas, self.kind)
        index = faiss.index_gpu_to_cpu(self.index) if self.on_gpu else self.index
        with replacing(path) as aside:
            faiss.write_index(index, str(aside))
            _note_own(aside)
        for former in set(self.atlas.folder.glob(_FILES)) - {path}:
            former.unlink(missing_ok=True)
        return path


def build(
    atlas: Atlas, kind: Kind | None = None, seed: int = 0, description: str | None = "indexing"
) -> EmbeddingIndex:
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
        raise InputError(f"{atlas.folder}: expected embeddings; found none: run ssl-behavior embed first")
    kind = kind or kind_for(rows)
    lists = int(min(rows**0.5, rows / _PER_LIST, _MOST_LISTS))
    drawn = sample(atlas, max(_PER_LIST * lists, 50_000), seed)
    index = faiss.IndexPreTransform(faiss.IndexFlatIP(channels) if kind == "exact" else _codes(drawn, lists))
    for transform in (faiss.NormalizationTransform(channels, 2.0), faiss.CenteringTransform(channels)):
        index.prepend_transform(transform)
    index.train(drawn)
    index, on_gpu = _on_gpu(index)
    with progress_bar(rows, description, unit="frame", leave=False, shown=description is not None) as bar:
        for chunk in _chunks(atlas):
            index.add(chunk)
            bar.update(len(chunk))
    return EmbeddingIndex(atlas, index, on_gpu, kind)


def load(atlas: Atlas, notify: Callable[[str], None] = print) -> EmbeddingIndex:
    """The index of an atlas: built at once if it is exact; else read, or built and kept beside the embeddings.

    The file may be deleted at any time; one that is damaged, of other embeddings, or that another user wrote, is made
    anew: FAISS believes what it reads.
    """
    kind = kind_for(atlas.rows)
    if kind == "exact":
        return build(atlas, description=None)
    path = _path(atlas, kind)
    if path.is_file() and _is_own(path):
        with suppress(RuntimeError):  # how FAISS says that a file is none of its own
            index = faiss.read_index(str(path))
            if (index.ntotal, index.d) == (atlas.rows, atlas.made_by.channels):
                return EmbeddingIndex(atlas, *_on_gpu(index), kind)
    found = build(atlas, kind)
    found.save()
    notify(f"indexed {atlas.rows:,} embeddings ({kind}); recall at 10 against exact: {recall(found):.3f}")
    return found


def _is_own(path: Path) -> bool:
    """Whether this user wrote a file of this content, as the user's own cache has it."""
    folder = cache.folder()
    return folder is not None and (folder / _OWN / file_digest(path)).is_file()


def _note_own(path: Path) -> None:
    folder = cache.folder()
    with suppress(OSError):  # a cache that cannot be written to
        if folder is not None:
            (folder / _OWN).mkdir(parents=True, exist_ok=True)
            (folder / _OWN / file_digest(path)).touch()


def _path(atlas: Atlas, kind: Kind) -> Path:
    """The file of an index, named by what it is of."""
    embedded = [(video, atlas.fingerprint(video)) for video in atlas.ids]
    return atlas.folder / _FILES.replace("*", digest(repr((kind, atlas.made_by, embedded))))


def recall(found: EmbeddingIndex, asked: np.ndarray | None = None, neighbours: int = 10, queries: int = 200) -> float:
    """Share of the exact nearest neighbours that the index finds too; 1 for an exact index.

    Of rows that are equally near (animals that are not seen all look alike), one is as good as another.

    Args:
        found: the index.
        asked: (query, channel) embeddings; those of random rows of the atlas if None.
        neighbours: of each that are looked at.
        queries: rows drawn.
    """
    asked = sample(found.atlas, queries, seed=1) if asked is None else asked
    least = _exact(found, found.directions(asked), neighbours)[:, -1:]
    return float((found.search(asked, neighbours)[0] >= least - _TIED).mean())


def _exact(found: EmbeddingIndex, asked: np.ndarray, neighbours: int) -> np.ndarray:
    """(query, neighbour) cosines of the rows that are nearest in truth, falling; memory holds one chunk at a time."""
    best = np.zeros((len(asked), 0), np.float32)
    for chunk in _chunks(found.atlas):
        near = faiss.knn(asked, found.directions(chunk), min(neighbours, len(chunk)), faiss.METRIC_INNER_PRODUCT)[0]
        best = -np.sort(-np.concatenate([best, near], axis=1), axis=1)[:, :neighbours]
    return best


def sample(atlas: Atlas, rows: int, seed: int) -> np.ndarray:
    """Embeddings (row, channel) of random rows of the atlas, float32."""
    parts = [video.embeddings[pair][frames] for video, pair, frames in atlas.draw(rows, seed)]
    return np.concatenate(parts).astype(np.float32)


def _codes(drawn: np.ndarray, lists: int) -> Any:
    """An empty index of codes: four bits for each direction that matters, in inverted lists (IVF) by nearness.

    The directions are rotated (PCAR), so that all have alike ranges, of which the bits are the same shares.
    """
    values = drawn - drawn.mean(0)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    variance = np.linalg.eigvalsh(np.cov(values, rowvar=False))[::-1]
    kept = 1 + int(np.searchsorted(np.cumsum(variance), _KEPT * variance.sum()))
    index = faiss.index_factory(len(variance), f"PCAR{min(kept, len(variance))},IVF{lists},SQ4")
    faiss.extract_index_ivf(index).nprobe = min(_PROBED, lists)
    return index


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
