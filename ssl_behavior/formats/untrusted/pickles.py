"""Pickled ``.npy`` files, read without trust: numpy arrays, scalars and plain containers come in, nothing else.

A pickle is a program that names functions, calls them, and hands objects a state. Here it finds only the functions of
``numpy_stand_ins``, which check their arguments. An instruction that data never need is refused, and the result is
checked once more. Memory is bounded by the size of the file.

An allow-list in a child process with limits was measured and is not used (``experiments/benchmarks/unpickling.md``). It
takes half as many lines (115 instead of 223), but only if it trusts numpy. Given a doctored dtype, numpy follows the
file's bytes as pointers, and a limit of memory does not stop an attacker who has taken over the process. A safe child
needs the same checks, and also costs 0.1 to 0.2 s for every file and a second copy of all arrays.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from os import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import npy_header
from ssl_behavior.formats.untrusted.numpy_stand_ins import StandIns


def load(path: str | Path) -> Any:
    """Load the object in a pickled ``.npy``, usually a dict. Its arrays are read-only and lie in memory once.

    Raises:
        InputError: the file is no pickled ``.npy``, is cut short, or its pickle asks for anything that could act.
    """
    with open(path, "rb") as file:
        _skip_header(file, path)
        content = _unpickled(file, path)
    return content.item() if isinstance(content, np.ndarray) and content.shape == () else content


def loads(data: bytes, where: str | Path) -> Any:
    """Load the object in pickled bytes, under the same restrictions. ``where`` names the bytes in an error.

    Raises:
        InputError: as for ``load``.
    """
    return _unpickled(io.BytesIO(data), where)


def is_pickled(path: str | Path) -> bool:
    """Return whether the file is a ``.npy`` that holds Python objects, from its header alone."""
    try:
        with open(path, "rb") as file:
            _skip_header(file, path)
    except (InputError, OSError):
        return False
    return True


def first_shape(path: str | Path, dimensions: int) -> tuple[int, ...] | None:
    """Return the shape of the first array of at least ``dimensions`` dimensions; the rest of the file is not read."""
    try:
        with open(path, "rb") as file:
            _skip_header(file, path)
            _Unpickler(file, path, _stopping_at(dimensions)).load()
    except _ShapeFound as match:
        return match.shape
    except Exception:
        return None  # load() says what is wrong with the file
    return None


def _stopping_at(dimensions: int) -> Callable[[tuple[int, ...]], None]:
    def look(shape: tuple[int, ...]) -> None:
        if len(shape) >= dimensions:
            raise _ShapeFound(shape)

    return look


def bare_array(path: str | Path) -> tuple[np.dtype, tuple[int, ...]] | None:
    """Return dtype and shape of a ``.npy`` that holds numbers; None for any other file."""
    try:
        with open(path, "rb") as file:
            header = npy_header.read(file)
    except (ValueError, OSError):
        return None
    return None if header.dtype.hasobject else (header.dtype, header.shape)


def _skip_header(file: BinaryIO, path: str | Path) -> None:
    try:
        header = npy_header.read(file)
    except ValueError as error:
        raise InputError(f"{path}: expected a .npy file; found none ({error})") from None
    if not header.dtype.hasobject:
        raise InputError(
            f"{path}: expected a pickled dict of sequences with ids; found a bare {header.dtype} array of shape "
            f"{header.shape}"
        )


def _unpickled(file: BinaryIO, where: str | Path) -> Any:
    try:
        unpickler = _Unpickler(file, where)
        content = unpickler.load()
        unpickler.stand_ins.require_data(content)
        return content
    except InputError:
        raise
    except Exception as error:  # a broken pickle can fail in any way
        raise InputError(
            f"{where}: the pickled data are cut short or broken ({type(error).__name__}: {error}); get the file again"
        ) from None


class _BoundedFile:
    """A file that refuses to read more than it holds. Python would first allocate as much as the pickle requests."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.readline, self._file, self._size = file.readline, file, size

    def read(self, size: int) -> bytes:
        if size > self._size:
            raise ValueError("data of more than the file can hold")
        return self._file.read(size)


_PythonUnpickler: Any = pickle._Unpickler


class _Unpickler(_PythonUnpickler):
    """Finds stand-ins for the few functions and types that numpy pickles by.

    The base class is the unpickler in Python. The one in C allocates as many memo entries as a file of 20 bytes states,
    and offers no way to check the states of objects.
    """

    def __init__(
        self, file: BinaryIO, where: str | Path, look: Callable[[tuple[int, ...]], None] = lambda _: None
    ) -> None:
        position = file.tell()
        size = file.seek(0, SEEK_END)
        file.seek(position)
        super().__init__(_BoundedFile(file, size), encoding="latin1")
        self.where = where
        self.stand_ins = StandIns(size, look)
        # Keyed by the tuple's id. The tuple is kept too, so that no other object gets its id.
        self.tuple_sizes: dict[int, tuple[Any, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        stand_in = self.stand_ins.find(module, name)
        if stand_in is None:
            raise InputError(
                f"{self.where}: refused, as its pickle asks for {module}.{name} and only numpy arrays, scalars and "
                "plain containers are read; do not open the file elsewhere unless you trust its origin"
            )
        return stand_in

    def load_build(self) -> None:
        state = self.stack.pop()
        self.stand_ins.set_state(self.stack[-1], state)

    def load_bytearray(self) -> None:
        """Read a bytearray. Python's own method allocates as many bytes as the file states before it reads them."""
        length = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(length)))

    def refuse_instruction(self) -> None:
        raise ValueError("an instruction that no data need")

    def check_tuple(self) -> None:
        """Count the latest tuple and its content; an object counts as often as the tuple holds it.

        Raises:
            ValueError: it is larger than the file; as a key of a dict it could take years to hash.
        """
        latest = self.stack[-1]
        size = 1 + sum(self.tuple_sizes.get(id(item), (None, 1))[1] for item in latest)
        self.tuple_sizes[id(latest)] = latest, size
        self.stand_ins.require(size)


def _then_checked(make_tuple: Callable[[_Unpickler], None]) -> Callable[[_Unpickler], None]:
    def checked(unpickler: _Unpickler) -> None:
        make_tuple(unpickler)
        unpickler.check_tuple()

    return checked


_MAKE_TUPLES = (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)
_NEEDLESS = (
    *(pickle.OBJ, pickle.INST, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2, pickle.EXT4),
    *(pickle.PERSID, pickle.BINPERSID, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
)
_Unpickler.dispatch = {
    **_Unpickler.dispatch,
    **{code[0]: _then_checked(_Unpickler.dispatch[code[0]]) for code in _MAKE_TUPLES},
    **dict.fromkeys((code[0] for code in _NEEDLESS), _Unpickler.refuse_instruction),
    pickle.BUILD[0]: _Unpickler.load_build,
    pickle.BYTEARRAY8[0]: _Unpickler.load_bytearray,
}


class _ShapeFound(Exception):
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
