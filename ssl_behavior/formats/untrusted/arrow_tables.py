"""Numbers of an Arrow table as a numpy array; pyarrow's ``to_numpy`` would load pandas, which takes half a second."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def matrix(table: pa.Table) -> np.ndarray:
    """Convert a table with columns of one type to (row, column); missing numbers of floating-point columns are NaN.

    Raises:
        pyarrow.ArrowTypeError: a column of whole numbers lacks one.
    """
    is_floating = any(pa.types.is_floating(kind) for kind in table.schema.types)
    blocks = [batch.to_tensor(null_to_nan=is_floating).to_numpy() for batch in table.to_batches()]
    if not blocks:
        return np.empty((0, table.num_columns), np.float32 if is_floating else np.int64)
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
