"""Functions that stand in for numpy's when a pickle calls them.

numpy's own functions trust the file: a doctored dtype makes them take bytes of the file for pointers. The stand-ins
check all arguments first, and then call numpy only with arguments that numpy itself would have written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sized
from functools import partial
from typing import Any

import numpy as np

_NAMES = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("numpy._core.multiarray", "_reconstruct"): "empty_array",
    ("numpy._core.numeric", "_frombuffer"): "array",
    ("numpy._core.multiarray", "scalar"): "scalar",
    ("_codecs", "encode"): "encode",
}
_CONTAINERS = {
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "complex"): complex,
    ("collections", "OrderedDict"): dict,
}
_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray})
_DTYPE_CODE = re.compile(r"[biufcSU]\d{1,9}|O[48]?")
_MOST_DIMENSIONS = 32
_LARGEST_CHARACTER = 0x10FFFF


class StandIns:
    """The functions that one pickle may call, and the memory that they may still allocate for it.

    Args:
        size: bytes of the file. All objects together may be twice as large, because values can be shared.
        look: called with the shape of each array before it is made; it may raise to stop the unpickling.
    """

    ndarray = object()
    """Stands for the class ``numpy.ndarray``, which a pickle only passes on, so it need not be callable."""

    def __init__(self, size: int, look: Callable[[tuple[int, ...]], None]) -> None:
        self._left = 2 * size + 4096
        self._look = look
        # Keyed by id. Each object takes one state, and is kept alive so that no other object gets its id.
        self._without_state: dict[int, np.dtype | np.ndarray] = {}

    def find(self, module: str, name: str) -> Any:
        """Return the stand-in for a function or class; None if a pickle may not have it."""
        # Python 2 and numpy 1 used other names for the same modules.
        key = {"__builtin__": "builtins"}.get(module, module).replace("numpy.core", "numpy._core"), name
        if key in _CONTAINERS:
            return partial(self._container, _CONTAINERS[key])
        return getattr(self, _NAMES[key]) if key in _NAMES else None

    def take(self, amount: int) -> None:
        """Count the bytes or elements of a new object.

        Raises:
            ValueError: the objects are larger than the file can hold.
        """
        self.require(amount)
        self._left -= amount

    def require(self, amount: int) -> None:
        """Raise ValueError if ``amount`` is more than the file can still hold."""
        if amount > self._left:
            raise ValueError("arrays or containers of more than the file can hold")

    def dtype(self, code: Any, _align: Any = False, _copy: Any = False) -> np.dtype:
        """Make a dtype from a plain code. Its byte order follows as its state."""
        if not isinstance(code, str) or not _DTYPE_CODE.fullmatch(code):
            raise ValueError(f"a dtype that is not plain: {code!r:.60}")
        dtype = np.dtype(code, False, True)  # copied, because its state will change it
        self._without_state[id(dtype)] = dtype
        return dtype

    def empty_array(self, kind: Any, shape: Any, _code: Any) -> np.ndarray:
        """Make an array, whose shape and data follow as its state."""
        if kind is not self.ndarray or shape != (0,):
            raise ValueError("an array is not pickled as numpy does it")
        array = np.empty(0, np.int8)
        self._without_state[id(array)] = array
        return array

    def set_state(self, target: Any, state: Any) -> None:
        """Give an array or dtype that was made here its state, once.

        Raises:
            ValueError: the object takes no state, or another one.
        """
        if self._without_state.pop(id(target), None) is None or type(state) is not tuple:
            raise ValueError("a state is not pickled as numpy does it")
        is_array = isinstance(target, np.ndarray)
        target.__setstate__(self._array_state(state) if is_array else self._dtype_state(target, state))
        if is_array:
            target.flags.writeable = False  # its memory may be that of an immutable bytes object

    def array(self, data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> np.ndarray:
        """Make a whole array, as protocol 5 writes it."""
        if order not in ("C", "F") or axes is not None:  # numpy.save writes no protocol that has others
            raise ValueError("an array in another order than numpy writes")
        dtype, data = self._checked(shape, dtype, data)
        array = np.frombuffer(data, dtype).reshape(shape, order=order)
        array.flags.writeable = False
        return array

    def scalar(self, dtype: Any, data: Any) -> Any:
        """Make a numpy scalar."""
        dtype, data = self._checked((1,), dtype, data)
        if dtype.hasobject:
            raise ValueError("a scalar is not pickled as numpy does it")
        return np.frombuffer(data, dtype)[0] if dtype.itemsize else dtype.type()

    def encode(self, text: Any, encoding: Any) -> bytes:
        """Make bytes, as protocol 2 writes them."""
        if encoding != "latin1" or type(text) is not str:
            raise ValueError("bytes are not pickled as Python does it")
        self.take(len(text) // 2)  # the array that takes them counts them as well
        return text.encode("latin1")

    def require_data(self, content: Any) -> None:
        """Make sure that a pickle made data and nothing else, and no more than the file can hold.

        A list or dict counts as often as others hold it, because writing or copying the whole visits it as often. So a
        container that holds itself is refused as well.

        Raises:
            ValueError: a value is a function or lacks its state, or the values are larger than the file can hold.
        """
        if self._without_state:
            raise ValueError("an array without its data")
        waiting: list[Any] = [[content]]
        arrays = set()
        while waiting:
            value = waiting.pop()
            if isinstance(value, np.ndarray) and value.dtype.hasobject:
                if id(value) in arrays:
                    continue
                arrays.add(id(value))
                inner = value.ravel().tolist()
            elif isinstance(value, np.ndarray | np.generic | np.dtype):
                continue
            elif type(value) in (dict, list, tuple, set, frozenset):
                inner = [*value, *value.values()] if type(value) is dict else value
                self.take(1 + len(value))
            else:
                raise ValueError("a function in place of data")
            waiting.extend(item for item in inner if type(item) not in _PLAIN)

    def _container(self, kind: type, *arguments: Any) -> Any:
        self.take(sum(len(argument) for argument in arguments if isinstance(argument, Sized)))
        return kind(*arguments)

    def _array_state(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        version, shape, dtype, is_fortran, data = state
        if version != 1:
            raise ValueError("an array is not pickled as numpy does it")
        dtype, data = self._checked(shape, dtype, data)
        return 1, shape, dtype, bool(is_fortran), data

    def _dtype_state(self, dtype: np.dtype, state: tuple[Any, ...]) -> tuple[Any, ...]:
        # A state can describe fields and flags that turn bytes into pointers. Only the two that numpy writes pass.
        if state not in [plain.__reduce__()[2] for plain in (dtype.newbyteorder("<"), dtype.newbyteorder(">"))]:
            raise ValueError("a dtype with fields, a shape or flags")
        return state

    def _checked(self, shape: Any, dtype: Any, data: Any) -> tuple[np.dtype, Any]:
        """Return dtype and data of an array, once it is certain that they are complete and fit its shape."""
        if (
            type(shape) is not tuple
            or len(shape) > _MOST_DIMENSIONS
            or not all(type(n) is int and n >= 0 for n in shape)
        ):
            raise ValueError("an array without a valid shape")
        if not isinstance(dtype, np.dtype):
            raise ValueError("an array without a dtype")
        self._look(shape)
        dtype = np.dtype(dtype.str)  # the array's own, because the pickle may change the other later
        if type(data) is str:  # as Python 2 wrote it
            data = data.encode("latin1")
        elements = math.prod(shape)
        length = elements if dtype.hasobject else elements * dtype.itemsize
        if type(data) not in ([list] if dtype.hasobject else [bytes, bytearray]) or len(data) != length:
            raise ValueError(f"an array of shape {shape} and {dtype} without all its data")
        # An array without elements, or with elements of no size, can still be of any length in its dimensions.
        self.take(max(len(data), math.prod(max(n, 1) for n in shape)))
        if dtype.kind == "U" and data:
            characters = np.frombuffer(data, np.dtype("u4").newbyteorder(dtype.byteorder))
            if characters.max() > _LARGEST_CHARACTER:
                raise ValueError("text of no characters")
        return dtype, bytes(data) if type(data) is bytearray else data  # a bytearray could still be changed
