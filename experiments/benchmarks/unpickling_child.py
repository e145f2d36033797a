"""The way of ``unpickling`` that is not used: an unpickler with an allow-list, for a child process with limits.

    python -I -S unpickling_child.py SITE_PACKAGES BYTES_OF_MEMORY SECONDS < FILE > TREE

It resolves numpy's own functions and types only. The result is written as a line of JSON, in which arrays are numbered,
and the bytes of the arrays, so that the parent unpickles nothing.
"""

from __future__ import annotations

import json
import pickle
import sys
from typing import Any, BinaryIO

ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "complex"),
    ("collections", "OrderedDict"),
}


class AllowList(pickle.Unpickler):
    """Python's unpickler in C, restricted to the allowed names."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed function or type of numpy."""
        module = module.replace("__builtin__", "builtins").replace("numpy.core", "numpy._core")
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"refused, as its pickle asks for {module}.{name}")
        return super().find_class(module, name)


def encoded(value: Any, arrays: list[Any]) -> Any:
    """Encode a value for JSON as a pair of its type and its content. Arrays are appended to ``arrays``."""
    kind = type(value).__name__
    if value is None or kind in ("bool", "int", "float", "str"):
        return value
    if kind in ("dict", "OrderedDict"):
        return ["dict", [[encoded(key, arrays), encoded(inner, arrays)] for key, inner in value.items()]]
    if kind in ("list", "tuple", "set", "frozenset"):
        return [kind, [encoded(inner, arrays) for inner in value]]
    if kind in ("bytes", "bytearray"):
        return [kind, value.decode("latin1")]
    if kind == "complex":
        return [kind, [value.real, value.imag]]
    if kind == "ndarray" and value.dtype.hasobject:
        return ["objects", [list(value.shape), [encoded(inner, arrays) for inner in value.ravel().tolist()]]]
    if hasattr(value, "tobytes"):
        arrays.append(value)
        return ["array" if kind == "ndarray" else "scalar", [value.dtype.str, list(value.shape), len(arrays) - 1]]
    return ["dtype", value.str]


def peak_memory() -> int:
    """The peak of this process's resident memory in KiB (Linux)."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def main(site_packages: str, memory: int, seconds: int, file: BinaryIO, out: BinaryIO) -> None:
    """Read one pickled ``.npy`` within limits."""
    import resource  # here, because Windows lacks it

    sys.path.append(site_packages)
    import numpy as np

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    version = np.lib.format.read_magic(file)
    assert version == (1, 0)
    np.lib.format.read_array_header_1_0(file)
    content = AllowList(file, encoding="latin1").load()
    arrays: list[Any] = []
    if isinstance(content, np.ndarray) and content.shape == ():
        content = content.item()
    out.write(json.dumps(encoded(content, arrays)).encode() + b"\n")
    for array in arrays:
        out.write(np.ascontiguousarray(array).data if array.size else b"")
    out.write(str(peak_memory()).encode())
    out.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdin.buffer, sys.stdout.buffer)
