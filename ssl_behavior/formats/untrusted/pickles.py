"""Pickled ``.npy`` files, read without trust: numpy arrays, scalars and plain containers come in, nothing else.

A pickle is a program that names functions, calls them, and hands objects a state. Here it finds only the functions of
``numpy_stand_ins``, which check what they are given; an instruction that no data need is refused; and what comes out is
walked through once more. Memory is bounded by the size of the file.

An allow-list in a child process with limits was measured and is not used (``experiments/benchmarks/unpickling.md``). It
takes half as many lines (115 beside 223), but only while it trusts numpy: given a doctored dtype, numpy follows the
file's bytes as pointers, and a limit of memory does not keep what has taken over a process from acting. A safe child
needs the same checks, and then adds .1 to .2 s to every file that is looked at and a second copy of all arrays.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from os import SEEK_END
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.numpy_stand_ins import StandIns


def load(path: str | Path) -> Any:
    """The object in a pickled ``.npy``: usually a dict. Its arrays are read-only and lie in memory once.

    Raises:
        InputError: the file is no pickled ``.npy``, is cut short, or its pickle asks for anything that could act.
    """
    with open(path, "rb") as file:
        _skip_header(file, path)
        content = _unpickled(file, path)
    return content.item() if isinstance(content, np.ndarray) and content.shape == () else content


def loads(data: bytes, where: str | Path) -> Any:
    """The object in pickled bytes, under the same restrictions. ``where`` names the bytes in an error.

    Raises:
        InputError: as for ``load``.
    """
    return _unpickled(io.BytesIO(data), where)


def is_pickled(path: str | Path) -> bool:
    """Whether the file is a ``.npy`` that holds Python objects. Reads the header only."""
    try:
        with open(path, "rb") as file:
            _skip_header(file, path)
    except (InputError, OSError):
        return False
    return True


def first_shape(path: str | Path, dimensions: int) -> tuple[int, ...] | None:
    """The shape of the first array of at least ``dimensions`` dimensions, without reading what comes after it."""
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
    """Dtype and shape of a ``.npy`` that holds numbers; None if the file is not one, or holds Python objects."""
    try:
        with open(path, "rb") as file:
            shape, dtype = _header(file)
    except (ValueError, OSError):
        return None
    return None if dtype.hasobject else (dtype, shape)


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read_header(file)
    except (SyntaxError, TokenError, TypeError, RecursionError, MemoryError) as error:  # numpy reads it as Python does
        raise ValueError(f"a header that cannot be read: {error}") from None
    return shape, dtype


def _skip_header(file: BinaryIO, path: str | Path) -> None:
    try:
        shape, dtype = _header(file)
    except ValueError as error:
        raise InputError(f"{path}: expected a .npy file and found none ({error})") from None
    if not dtype.hasobject:
        raise InputError(
            f"{path}: expected a pickled dict of sequences with ids and found a bare {dtype} array of shape {shape}"
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
    """A file that refuses to read more than it holds. Python would first make room for as much as is asked for."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.readline, self._file, self._size = file.readline, file, size

    def read(self, size: int) -> bytes:
        if size > self._size:
            raise ValueError("data of more than the file can hold")
        return self._file.read(size)


_PythonUnpickler: Any = pickle._Unpickler


class _Unpickler(_PythonUnpickler):
    """Finds stand-ins for the few functions and types that numpy pickles by.

    The base is the unpickler in Python. The one in C makes room for as many notes ("memo") as a file of 20 bytes says,
    and lets nobody look at the states that objects are given.
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
        # By the tuple's id; the tuple itself is kept so that no other object takes its id.
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
        """Python's own makes room for as many bytes as the file says before it reads them."""
        length = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(length)))

    def refuse_instruction(self) -> None:
        raise ValueError("an instruction that no data need")

    def check_tuple(self) -> None:
        """Count the tuple made last, with all that it holds as often as it holds it.

        Raises:
            ValueError: it is larger than the file; as a key of a dict it could take years to hash.
        """
        made = self.stack[-1]
        size = 1 + sum(self.tuple_sizes.get(id(item), (None, 1))[1] for item in made)
        self.tuple_sizes[id(made)] = made, size
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
