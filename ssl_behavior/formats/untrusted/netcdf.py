"""netCDF files of the formats before HDF5, looked at before a library reads them.

The library of netCDF takes as much memory as the head of a file declares, and fills in numbers that the file lacks.
"""

from __future__ import annotations

import struct
from pathlib import Path

import scipy.io

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.limits import most_bytes

_BROKEN = (OSError, EOFError, KeyError, ValueError, TypeError, IndexError, OverflowError, MemoryError, struct.error)


def require_whole(path: Path) -> None:
    """Make sure that a file holds all numbers that its head declares.

    Raises:
        InputError: numbers are missing, many variables share the same ones, or this is no such file.
    """
    try:
        with open(path, "rb") as start:
            if (head := start.read(4)) not in (b"CDF\x01", b"CDF\x02"):
                raise ValueError(f"it begins with {head!r}")
        # Memory-mapped: every variable is a view of the file, so that one beyond its end is an error.
        with scipy.io.netcdf_file(path, mmap=True) as file:
            size = sum(variable.data.nbytes for variable in file.variables.values())
    except _BROKEN as error:
        raise InputError(
            f"{path}: expected a complete netCDF file; found a damaged one, or another format ({error}): write it "
            "again with to_netcdf"
        ) from None
    if size > most_bytes(path.stat().st_size):
        raise InputError(f"{path}: its variables declare {size:,} bytes, more than the file can hold")
