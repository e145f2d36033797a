"""Arrays of an ``.npz`` that somebody else wrote: no pickle is read, and a header that lies takes no memory.

``np.load`` allocates what the header of an array declares before it reads the array. Here the declared size is
compared with the bytes that follow it.
"""

from __future__ import annotations

import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import npy_header
from ssl_behavior.formats.untrusted.limits import RATIO, most_bytes

_SUFFIX = ".npy"
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, OverflowError, MemoryError),
    *(NotImplementedError, RuntimeError),  # a method of packing that Python lacks, and an encrypted array
)


def load(path: str | Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read those arrays of an ``.npz`` that have one of these names.

    Args:
        path: of the file.
        names: of the arrays to read; others are neither read nor checked.

    Returns:
        Name -> array of numbers, booleans or texts, for the names that the file has. The arrays are read-only.

    Raises:
        InputError: the file is no ``.npz``, is damaged, unpacks to far more than its size, or one of the arrays holds
            something else, such as Python objects.
    """
    wanted = {f"{name}{_SUFFIX}": name for name in names}
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename in wanted]
            if len({member.filename for member in members}) < len(members):
                raise InputError(f"{path}: expected each array once; found one twice: write the file again")
            if sum(member.file_size for member in members) > most_bytes(Path(path).stat().st_size):
                raise InputError(
                    f"{path}: expected arrays of at most {RATIO} times the file's size; found larger ones: write the "
                    "file again"
                )
            return {wanted[member.filename]: _array(archive, member, path) for member in members}
    except InputError:
        raise
    except _DAMAGE as error:
        message = str(error) or type(error).__name__
        raise InputError(f"{path}: expected arrays that np.savez wrote; found a damaged file ({message})") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str | Path) -> np.ndarray:
    name = member.filename.removesuffix(_SUFFIX)
    with archive.open(member) as file:
        header = npy_header.read(file)
        if header.dtype.kind not in "biufU":
            objects = "Python objects, which could run code"
            found = objects if header.dtype.hasobject else f"values of type {header.dtype}"
            raise InputError(
                f"{path}: expected numbers or texts as {name!r}; found {found}: store an array of numbers, or of texts "
                "with dtype=str"
            )
        content = file.read(member.file_size)
    declared = header.dtype.itemsize * math.prod(header.shape)
    if declared != len(content):
        raise ValueError(f"{name} has {len(content):,} bytes where its header declares {declared:,}")
    if header.dtype.kind == "U":
        # numpy makes strings of any bytes, and Python fails later on those that are no characters.
        codes = np.frombuffer(content, np.dtype(np.uint32).newbyteorder(header.dtype.byteorder))
        if codes.max(initial=0) > sys.maxunicode:
            raise ValueError(f"{name} holds texts of characters that do not exist")
    if not declared:
        return np.zeros(header.shape, header.dtype)
    return np.ndarray(header.shape, header.dtype, content, order="F" if header.is_transposed else "C")
