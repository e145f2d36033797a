"""Arrow's way from a file to numbers: how it opens a file, and a table of it as a numpy array."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa

from ssl_behavior.formats.untrusted import limits


def matrix(table: pa.Table) -> np.ndarray:
    """Convert a table with columns of one type to (row, column); missing numbers of floating-point columns are NaN.

    pyarrow's own ``to_numpy`` would load pandas, which takes half a second.

    Raises:
        pyarrow.ArrowTypeError: a column of whole numbers lacks one.
    """
    is_floating = any(pa.types.is_floating(kind) for kind in table.schema.types)
    blocks = [batch.to_tensor(null_to_nan=is_floating).to_numpy() for batch in table.to_batches()]
    if not blocks:
        return np.empty((0, table.num_columns), np.float32 if is_floating else np.int64)
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def opened_natively(path: str | Path) -> pa.NativeFile:
    """Open a file for Arrow's readers; a ``.gz`` is unpacked first.

    Arrow reads ahead in threads of its own. Those must not hold an object of Python: one that is still at work when the
    interpreter ends would abort the process.

    Raises:
        InputError: a ``.gz`` is damaged or unpacks to more than a file of its size may take.
    """
    if not str(path).lower().endswith(".gz"):
        return pa.OSFile(str(path), "rb")
    unpacked = pa.BufferOutputStream()
    with limits.opened(path) as file:
        shutil.copyfileobj(file, unpacked, 1 << 20)
    return pa.BufferReader(unpacked.getvalue())
