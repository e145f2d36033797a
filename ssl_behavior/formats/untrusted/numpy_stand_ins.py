"""What a pickle gets in place of numpy's own types.

A pickle calls ``__setstate__`` of whatever it is handed, and numpy's trust the file: a dtype of theirs can be made to
take the file's bytes for pointers. So a pickle is handed objects that only note what they are told, and the arrays are
made from these notes afterwards, from the bytes that are there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

CONTAINERS: Mapping[tuple[str, str], type] = {
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "complex"): complex,
    ("collections", "OrderedDict"): dict,
}

_CODE = re.compile(r"[biufcSU]\d{1,9}|O[48]?")
_LARGEST_CHARACTER = 0x10FFFF


class Allowance:
    """How much arrays may hold: what a file declares takes up no less room in it, give or take a shared value."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = 2 * size + 4096

    def take(self, amount: int) -> None:
        """Use some of it up.

        Raises:
            ValueError: too little is left.
        """
        self.left -= amount
        if self.left < 0:
            raise ValueError("arrays of more than the file can hold")


class _StandIn:
    __slots__ = ("_allowance",)

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function of numpy's is not pickled with a state")


class NdArray(_StandIn):
    """Stands for numpy.ndarray, which a pickle passes on and never needs to call."""

    __slots__ = ()


class Kind:
    """Notes a dtype of one plain code and its byte order; it has no fields and no subdtype."""

    __slots__ = ("_dtype", "_is_set")

    def __init__(self, code: Any) -> None:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise ValueError(f"a dtype that is not plain: {code!r:.60}")
        self._dtype = np.dtype("O" if code[0] == "O" else code)
        self._is_set = False

    def __setstate__(self, state: Any) -> None:
        if self._is_set or type(state) is not tuple or len(state) != 8 or state[0] != 3:
            raise ValueError("a dtype is not pickled as numpy does it")
        order, (subdtype, names, fields), size = state[1], state[2:5], state[5]
        if order not in ("<", ">", "|", "=") or not subdtype is names is fields is None:
            raise ValueError("a dtype with fields or a shape of its own")
        if size not in (-1, self._dtype.itemsize):
            raise ValueError("a dtype whose size is not that of its code")
        self._is_set = True
        self._dtype = self._dtype.newbyteorder(order)

    def to_dtype(self) -> np.dtype:
        """The dtype that was noted."""
        return self._dtype


class Unbuilt:
    """Notes the state of one array, once."""

    __slots__ = ("_allowance", "_state")

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._state: tuple[tuple[int, ...], np.dtype, str, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if self._state is not None or type(state) is not tuple or len(state) != 5 or state[0] != 1:
            raise ValueError("an array is not pickled as numpy does it")
        _, shape, kind, is_fortran, data = state
        self.note(shape, kind, "F" if is_fortran else "C", data)

    def note(self, shape: Any, kind: Any, order: str, data: Any) -> None:
        """Note the state.

        Raises:
            ValueError: shape or dtype is none, or more than the file can hold.
        """
        if type(kind) is not Kind:
            raise ValueError("an array without a dtype")
        _check_shape(shape, self._allowance)
        self._state = (shape, kind.to_dtype(), order, data)

    def to_array(self, done: dict[int, tuple[Any, Any]]) -> np.ndarray:
        """The array, entered in ``done`` before its elements are.

        Raises:
            ValueError: it is not complete.
        """
        if self._state is None:
            raise ValueError("an array without its data")
        shape, dtype, order, data = self._state
        if not dtype.hasobject:
            array = _from_bytes(data, dtype, shape, order, self._allowance)
            done[id(self)] = (self, array)
            return array
        if type(data) is not list or len(data) != math.prod(shape):
            raise ValueError("an array of objects that are not all there")
        self._allowance.take(len(data))
        flat = np.empty(len(data), object)
        done[id(self)] = (self, flat.reshape(shape))
        for i, inner in enumerate(data):
            flat[i] = _finished(inner, done, self._allowance)
        return done[id(self)][1]


class Dtype(_StandIn):
    """Stands for numpy.dtype."""

    __slots__ = ()

    def __call__(self, code: Any, _align: Any = False, _copy: Any = False) -> Kind:
        """A dtype whose byte order may follow."""
        return Kind(code)


class Reconstruct(_StandIn):
    """Stands for numpy's ``_reconstruct``, which makes an empty array whose state follows."""

    __slots__ = ()

    def __call__(self, kind: Any, shape: Any, _code: Any) -> Unbuilt:
        """An array whose state follows."""
        if type(kind) is not NdArray or shape != (0,):
            raise ValueError("an array is not pickled as numpy does it")
        return Unbuilt(self._allowance)


class FromBuffer(_StandIn):
    """Stands for numpy's ``_frombuffer``, by which protocol 5 writes arrays."""

    __slots__ = ()

    def __call__(self, data: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> Unbuilt:
        """An array whose state is known."""
        if order not in ("C", "F") or axes is not None:  # numpy.save writes no protocol that has others
            raise ValueError("an array in an order of its own")
        array = Unbuilt(self._allowance)
        array.note(shape, kind, order, data)
        return array


class Scalar(_StandIn):
    """Stands for numpy's ``scalar``."""

    __slots__ = ()

    def __call__(self, kind: Any, data: Any) -> Any:
        """The scalar."""
        if type(kind) is not Kind or kind.to_dtype().hasobject:
            raise ValueError("a scalar is not pickled as numpy does it")
        dtype = kind.to_dtype()
        return _from_bytes(data, dtype, (1,), "C", self._allowance)[0] if dtype.itemsize else dtype.type()


class Encode(_StandIn):
    """Stands for _codecs.encode, by which protocol 2 writes bytes."""

    __slots__ = ()

    def __call__(self, text: Any, encoding: Any) -> bytes:
        """The bytes."""
        if encoding != "latin1" or type(text) is not str:
            raise ValueError("bytes are not pickled as Python does it")
        self._allowance.take(len(text) // 2)  # the array that takes them counts them too
        return text.encode("latin1")


STAND_INS: Mapping[tuple[str, str], type[_StandIn]] = {
    ("numpy", "ndarray"): NdArray,
    ("numpy", "dtype"): Dtype,
    ("numpy._core.multiarray", "_reconstruct"): Reconstruct,
    ("numpy._core.multiarray", "scalar"): Scalar,
    ("numpy._core.numeric", "_frombuffer"): FromBuffer,
    ("_codecs", "encode"): Encode,
}


def finished(content: Any, allowance: Allowance) -> Any:
    """What a pickle gave, with arrays and dtypes in place of the notes on them.

    A list or dict counts as often as others hold it, as whoever writes or copies it will take it apart so often.

    Raises:
        ValueError: a note is incomplete, its data do not fit it, one is where no array can be, or it is all too much.
        RecursionError: a list or dict holds itself.
    """
    return _finished(content, {}, allowance)


def _finished(value: Any, done: dict[int, tuple[Any, Any]], allowance: Allowance) -> Any:
    """As ``finished``; ``done`` maps an id to the object, kept so that its id stays its own, and what became of it."""
    if type(value) not in _WALKED:
        return value
    if id(value) in done:
        return done[id(value)][1]
    if isinstance(value, _StandIn):
        raise ValueError("a function of numpy's in place of data")
    if isinstance(value, Kind):
        return value.to_dtype()
    if isinstance(value, Unbuilt):
        return value.to_array(done)
    allowance.take(1 + len(value))
    if isinstance(value, tuple):
        made = tuple(_finished(inner, done, allowance) for inner in value)
        return made if any(one is not other for one, other in zip(made, value, strict=True)) else value
    _fill(value, done, allowance)
    return value


def _fill(container: Any, done: dict[int, tuple[Any, Any]], allowance: Allowance) -> None:
    if isinstance(container, dict):
        for key in container:
            _check_unchanged(key, done, allowance)
    elif not isinstance(container, list):
        for inner in container:
            _check_unchanged(inner, done, allowance)
        return
    for place, inner in container.items() if isinstance(container, dict) else enumerate(container):
        if type(inner) in _WALKED:  # else a long list of numbers would be written anew
            container[place] = _finished(inner, done, allowance)


def _from_bytes(data: Any, dtype: np.dtype, shape: Any, order: Any, allowance: Allowance) -> np.ndarray:
    if type(data) is str:  # as Python 2 wrote it
        data = data.encode("latin1")
    if type(data) not in (bytes, bytearray) or len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} and {dtype} without all its data")
    allowance.take(len(data))
    if dtype.kind == "U" and data:
        characters = np.frombuffer(data, np.dtype("u4").newbyteorder(dtype.byteorder))
        if characters.max() > _LARGEST_CHARACTER:
            raise ValueError("text of no characters")
    array = np.frombuffer(data, dtype).reshape(shape, order=order)
    array.flags.writeable = False
    return array


def _check_shape(shape: Any, allowance: Allowance) -> None:
    if type(shape) is not tuple or len(shape) > 32 or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("an array whose shape is none")
    # An array of no elements is as long as it says in its other dimensions.
    allowance.take(0 if math.prod(shape) else math.prod(max(n, 1) for n in shape))
    if math.prod(shape) > allowance.left:
        raise ValueError("arrays of more than the file can hold")


def _check_unchanged(value: Any, done: dict[int, tuple[Any, Any]], allowance: Allowance) -> None:
    if _finished(value, done, allowance) is not value:
        raise ValueError("an array where none can be")


_WALKED = frozenset({dict, list, tuple, set, frozenset, Kind, Unbuilt, *STAND_INS.values()})
