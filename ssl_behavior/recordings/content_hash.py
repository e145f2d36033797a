"""Content hashes, which identify recordings by their arrays. A hash stored in the file spares reading the arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssl_behavior.storage.digests import digest


class ContentHash(NamedTuple):
    """Content hash stored in the file, with the arrays it was computed from.

    It allows recordings to be compared without reading their arrays.

    Attributes:
        digest: the result of ``fingerprint`` when the arrays were written.
        arrays: the array objects as they were read; the digest says nothing about any other object.
    """

    digest: str
    arrays: tuple[np.ndarray | None, ...]


def fingerprint(arrays: Sequence[np.ndarray | None], content_hash: ContentHash | None = None) -> str:
    """Return 32 characters that only equal arrays share.

    Args:
        arrays: shapes, types and values all count; None counts as a missing array.
        content_hash: stored hash; if it holds these very objects, its digest is returned and no array is read.
    """
    # Identity, not equality: comparing values would read the mapped arrays, which the stored hash is there to avoid.
    if content_hash is not None and all(a is b for a, b in zip(arrays, content_hash.arrays, strict=True)):
        return content_hash.digest
    parts: list[str | np.ndarray] = []
    for array in arrays:
        parts += [repr(None)] if array is None else [repr((array.shape, array.dtype.str)), array]
    return digest(*parts, length=32)
