"""The header of an array in numpy's format, which numpy reads as an expression of Python."""

from __future__ import annotations

import warnings
from tokenize import TokenError
from typing import IO, NamedTuple

import numpy as np


class Header(NamedTuple):
    """Shape and type of an array, before its bytes.

    Attributes:
        shape: of the array.
        is_transposed: whether the first axis runs fastest.
        dtype: of the values.
    """

    shape: tuple[int, ...]
    is_transposed: bool
    dtype: np.dtype


def read(file: IO[bytes]) -> Header:
    """Read a header up to the first byte of the values.

    Raises:
        ValueError: there is no header of an array.
    """
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # numpy's, about headers that Python 2 wrote
            return Header(*read_header(file))
    except (SyntaxError, TokenError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"a header that cannot be read: {error}") from None
