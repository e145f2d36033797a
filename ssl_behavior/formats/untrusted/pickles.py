"""Pickled .npy are untrusted: numpy arrays, scalars and plain containers come in, anything else is refused by name."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from os import SEEK_END
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.numpy_stand_ins import (
    CONTAINERS,
    STAND_INS,
    Allowance,
    FromBuffer,
    Reconstruct,
    finished,
)


def load(path: str | Path) -> Any:
    """The object in a pickled ``.npy``: usually a dict, whose arrays lie in memory once and are read-only.

    Raises:
        InputError: the file is no pickled ``.npy``, is cut short, or its pickle asks for anything that could act.
    """
    with open(path, "rb") as file:
        _skip_header(file, path)
        content = _unpickle(_Restricted(file, path), path)
    return content.item() if isinstance(content, np.ndarray) and content.shape == () else content


def loads(data: bytes, where: str | Path) -> Any:
    """The object in pickled bytes, under the same restriction; ``where`` names them in an error."""
    return _unpickle(_Restricted(io.BytesIO(data), where), where)


def is_pickled(path: str | Path) -> bool:
    """Whether the file is a ``.npy`` that holds Python objects. Reads the header only."""
    try:
        with open(path, "rb") as file:
            _skip_header(file, path)
    except (InputError, OSError):
        return False
    return True


def first_shape(path: str | Path, dimensions: int) -> tuple[int, ...] | None:
    """The shape of the first array of at least so many dimensions, without reading what comes after it."""
    try:
        with open(path, "rb") as file:
            _skip_header(file, path)
            _Peeking(file, path, dimensions).load()
    except _Found as found:
        return found.shape
    except Exception:
        return None  # load() says what is wrong with the file
    return None


def bare_array(path: str | Path) -> tuple[np.dtype, tuple[int, ...]] | None:
    """Type and shape of the array in a .npy without pickled data; None if the file is no such one."""
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


def _unpickle(unpickler: _Restricted, where: str | Path) -> Any:
    try:
        return finished(unpickler.load(), unpickler.allowance)
    except InputError:
        raise
    except Exception as error:  # a broken pickle can fail in any way
        raise InputError(
            f"{where}: the pickled data are cut short or broken ({type(error).__name__}: {error}); get the file again"
        ) from None


class _Within:
    """A file of which nobody asks for more than it has, and for which no room is made in vain."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.readline, self._file, self._size = file.readline, file, size

    def read(self, size: int) -> bytes:
        if size > self._size:
            raise ValueError("data of more than the file can hold")
        return self._file.read(size)


_InPython: Any = pickle._Unpickler


class _Restricted(_InPython):
    """Finds stand-ins for the few functions and types that numpy pickles by.

    It is the unpickler in Python, as that in C makes room for as many notes ("memo") as a file of 20 bytes says.
    """

    def __init__(self, file: BinaryIO, where: str | Path) -> None:
        position = file.tell()
        size = file.seek(0, SEEK_END)
        file.seek(position)
        super().__init__(_Within(file, size), encoding="latin1")
        self.where = where
        self.allowance = Allowance(size)
        self.sizes: dict[int, tuple[Any, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins"}.get(module, module).replace("numpy.core", "numpy._core")
        if stand_in := STAND_INS.get((module, name)):
            return stand_in(self.allowance)
        if (module, name) in CONTAINERS:
            return CONTAINERS[module, name]
        raise InputError(
            f"{self.where}: refused, as its pickle asks for {module}.{name} and only numpy arrays, scalars and plain "
            "containers are read; do not open the file elsewhere unless you trust its origin"
        )

    def check_tuple(self) -> None:
        """Make sure that the tuple made last is no larger than the file, however often it holds another.

        Raises:
            ValueError: to hash it, as a key, could take years.
        """
        made = self.stack[-1]
        size = 1 + sum(self.sizes.get(id(one), (None, 1))[1] for one in made)
        self.sizes[id(made)] = made, size  # kept, so that its id stays its own
        if size > self.allowance.left:
            raise ValueError("tuples within each other of more than the file can hold")


def _then_checked(load: Callable[[_Restricted], None]) -> Callable[[_Restricted], None]:
    def checked(unpickler: _Restricted) -> None:
        load(unpickler)
        unpickler.check_tuple()

    return checked


def _load_bytearray(unpickler: _Restricted) -> None:
    """As pickle does, which makes room for as many bytes as the file says before it reads them."""
    length = int.from_bytes(unpickler.read(8), "little")
    unpickler.append(bytearray(unpickler.read(length)))


_MAKE_TUPLES = [code[0] for code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)]
_Restricted.dispatch = {
    **_Restricted.dispatch,
    **{code: _then_checked(_Restricted.dispatch[code]) for code in _MAKE_TUPLES},
    pickle.BYTEARRAY8[0]: _load_bytearray,
}


class _Found(Exception):
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape


class _Peeking(_Restricted):
    def __init__(self, file: BinaryIO, where: str | Path, dimensions: int) -> None:
        super().__init__(file, where)
        self.dimensions = dimensions

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return _Unmade(self.dimensions) if isinstance(found, Reconstruct | FromBuffer) else found


class _Unmade:
    """Makes arrays that only look at the shape they are given; the outermost array, of no dimension, is kept open."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions

    def __call__(self, *arguments: Any) -> _Unmade:
        if len(arguments) >= 4:  # numpy's _frombuffer
            self._look(arguments[2])
        return self

    def __setstate__(self, state: Sequence[Any]) -> None:
        self._look(state[1])

    def _look(self, shape: Sequence[int]) -> None:
        if len(shape) >= self.dimensions:
            raise _Found(tuple(shape))
