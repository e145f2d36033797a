"""Compares two ways to read pickles: checks in this process, and an allow-list in a child process.

    python -m experiments.benchmarks.unpickling

Compares ``ssl_behavior.formats.untrusted.pickles`` with ``unpickling_child.py`` by lines of code, seconds, memory, the
time to start the child, and the outcome of attacks. Takes some minutes on Linux.
"""

from __future__ import annotations

import ast
import inspect
import io
import json
import os
import pickle
import signal
import site
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks import machine, unpickling_child
from experiments.benchmarks.unpickling_child import peak_memory
from ssl_behavior.cli import run
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.formats.untrusted import numpy_stand_ins, pickles
from ssl_behavior.simulation.simulator import simulate_recordings

_CHILD = Path(unpickling_child.__file__)
_CORPUS = Path(__file__).parents[2] / "tests" / "corpus" / "tracks"
_FOUND = (
    *("bytearray-of-sixteen-gigabytes", "bytes-of-a-terabyte", "memo-of-64-gigabytes"),
    *("key-that-takes-years-to-hash", "vocabulary-of-lists-within-lists"),
)
_SMALLEST = 1 << 30
_MOST_SECONDS = 5
_SPAWN = get_context("spawn")
peaks_of_children = [0]
"""Resident memory of each child at its most, in KiB."""
_NOTES = """\
The child is `python -I -S` with numpy alone. Its result comes back as JSON and the bytes of arrays, never as a
pickle. Memory is the peak beyond that of a process that has loaded its modules, plus the child's peak. Lines
are those of code, without blank ones, comments and docstrings. Other programs kept the cores busy: compare
times with each other only.

**The checks stay.** The child is half as long only while it trusts numpy, and then it is not safe: with a
doctored dtype, numpy releases objects at addresses that the file chose. Here that ends the child by a signal; a
file written with more care could run code in it, with all rights of its user (not tried). Limits of memory and
time confine what a process takes, not what it does. A safe child needs the same checks of states. Then it adds
its own code, a tenth of a second or more for every file that is looked at, a second copy of all arrays, and
checks of what it returns: above it returned text that is none, records, and fifty times the size of the file.
Its limit of memory holds on Linux; macOS is said not to enforce `RLIMIT_AS`, and Python's
`resource` module is not there on Windows (neither was measured).
Multiprocessing's ways to start a child also import the program that uses them,
here with torch. One thing only the child can do: end a pickle that is slow, as many keys of one hash make it.

Until commit 36fa332 the reader noted numpy's states on objects of its own and built the arrays afterwards: 310
lines of code in all, where it now has 269, in the same time (0.05 s for the tracks and 0.12 s for the labels,
processor time)."""


@dataclass(frozen=True)
class UnpicklingBenchmarkConfig:
    """Settings of the benchmark.

    Attributes:
        videos: number of simulated recordings in the file with CalMS21's layout.
        frames: of each recording.
        repeats: of each reading; the fastest counts.
    """

    videos: int = 70
    frames: int = 7200
    repeats: int = 3


def in_child(path: Path, seconds: int = _MOST_SECONDS) -> Any:
    """Read a pickled ``.npy`` in a child process.

    Raises:
        InputError: the child failed.
    """
    memory = _SMALLEST + 8 * path.stat().st_size
    command: list[str | Path] = [
        sys.executable,
        "-I",
        "-S",
        _CHILD,
        *site.getsitepackages()[:1],
        str(memory),
        str(seconds),
    ]
    with open(path, "rb") as file:
        child = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdout
        assert child.stderr
        try:
            line = child.stdout.readline()
            content = _decoded(json.loads(line), child.stdout) if line else None
            peaks_of_children.append(int(child.stdout.read() or 0))
            error = child.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
        finally:
            child.kill()
            child.communicate()
    if child.returncode not in (0, -signal.SIGKILL) or error or not line:
        raise InputError(f"{path}: {error or signal.Signals(-child.returncode).name}")
    return content


def _decoded(value: Any, file: Any) -> Any:
    """The value that JSON describes; its arrays are read from the file in order."""
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "dict":
        return {_decoded(key, file): _decoded(inner, file) for key, inner in content}
    if kind in ("list", "tuple", "set", "frozenset"):
        items = [_decoded(inner, file) for inner in content]
        return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind](items)
    if kind in ("bytes", "bytearray"):
        return content.encode("latin1")
    if kind == "complex":
        return complex(*content)
    if kind == "objects":
        flat = np.empty(len(content[1]), object)
        for i, inner in enumerate(content[1]):
            flat[i] = _decoded(inner, file)
        return flat.reshape(content[0])
    if kind == "dtype":
        return np.dtype(content)
    code, shape, _ = content
    array = np.empty(shape, np.dtype(code))
    if array.nbytes:
        file.readinto(array.reshape(-1).view(np.uint8))
    return array if kind == "array" else array[()]


def trusting(path: Path) -> Any:
    """Read a trusted file with numpy alone."""
    return np.load(path, allow_pickle=True).item()


WAYS: dict[str, Callable[[Path], Any]] = {"checks in this process": pickles.load, "child process": in_child}


def _write_files(folder: Path, config: UnpicklingBenchmarkConfig) -> dict[str, Path]:
    """Write files like those of the challenges; returns description -> path."""
    tracks = calms21.write(folder / "calms21.npy", simulate_recordings(config.videos, frames=config.frames))
    labels, small = folder / "submission.npy", folder / "small.npy"
    lists = {f"v{i}": (np.arange(config.frames) % 4).tolist() for i in range(config.videos)}
    np.save(labels, np.array(lists, object), allow_pickle=True)
    calms21.write(small, simulate_recordings(1, frames=90))
    return {"tracks of CalMS21's size": tracks, "labels, as lists of numbers": labels, "tracks of 3 s": small}


def _cost(read: Callable[[Path], Any], path: Path, repeats: int) -> tuple[float, float]:
    """Measure the fastest reading in seconds and its memory in MB, in a process of its own."""
    before = peak_memory()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        content = read(path)
        seconds.append(time.perf_counter() - start)
        del content
    return min(seconds), (peak_memory() - before + max(peaks_of_children)) / 1024


def reading_rows(config: UnpicklingBenchmarkConfig, folder: Path) -> list[list[str]]:
    """Rows of seconds and memory for each file and way."""
    rows = []
    for name, path in _write_files(folder, config).items():
        for way, read in {"numpy, trusting the file": trusting, **WAYS}.items():
            with ProcessPoolExecutor(1, _SPAWN) as alone:
                seconds, memory = alone.submit(_cost, read, path, config.repeats).result()
            rows.append([f"{name}, {path.stat().st_size / 1e6:.1f} MB", way, f"{seconds:.3f}", f"{memory:.0f}"])
            print(*rows[-1], sep="; ", flush=True)
    return rows


def start_rows() -> list[list[str]]:
    """Rows of the seconds until a new process of each kind has imported numpy."""
    code = f"import sys; sys.path.append({site.getsitepackages()[0]!r}); import numpy"
    bare = [_seconds(lambda: subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)) for _ in range(3)]
    server = get_context("forkserver")
    server.set_forkserver_preload(["numpy"])
    spawned, forked = ([_seconds(partial(_start, context)) for _ in range(3)] for context in (_SPAWN, server))
    return [
        ["subprocess, -I -S", f"{min(bare):.2f}"],
        ["spawn", f"{min(spawned):.2f}"],
        ["fork server, first", f"{forked[0]:.2f}"],
        ["fork server, next", f"{min(forked[1:]):.2f}"],
    ]


def _start(context: Any) -> None:
    with context.Pool(1) as pool:
        pool.apply(np.zeros, (1,))


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


class _Calls:
    """An object that is pickled as a call of a function, with a state for the result."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def _attacks(folder: Path) -> dict[str, Path]:
    """Write hostile files, from earlier faults and with forged states of numpy; returns description -> path."""
    # A field of objects, with flags that deny it, and with flags that admit references but no list of objects.
    denied, pointers = (
        _Calls(np.dtype, ("V8",), (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, flags)) for flags in (0, 1)
    )
    reduced: Any = np.zeros(1).__reduce__()
    make, arguments = reduced[:2]

    def array(shape: tuple[int, ...], dtype: Any, data: Any) -> _Calls:
        return _Calls(make, arguments, (1, shape, dtype, False, data))

    contents: dict[str, Any] = {
        "a call of os.system": _Calls(os.system, ("true",)),
        "a dtype that hides objects": array((1,), denied, b"A" * 8),
        "a dtype that makes pointers of bytes": array((1,), pointers, b"A" * 8),
        "text of no characters": array((1,), np.dtype("U1"), b"\xff" * 4),
        "an array of 8 TB of nothing": _Calls(make, (np.ndarray, (10**12,), b"b")),
    }
    shared = bytes(20 << 20)
    contents["fifty arrays over the same 20 MB"] = [array((20 << 20,), np.dtype("i1"), shared) for _ in range(50)]
    files = {}
    for i, (name, content) in enumerate(contents.items()):
        files[name] = folder / f"{i}.npy"
        with open(files[name], "wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
            pickle.dump(content, file, protocol=4)
    return files | {name.replace("-", " "): _CORPUS / f"{name}.npy" for name in _FOUND}


def attack_rows(folder: Path) -> list[list[str]]:
    """Rows of the outcome of each attack for each way."""
    rows = []
    for name, path in _attacks(folder).items():
        rows.append([name, *(_outcome(read, path) for read in WAYS.values())])
        print(*rows[-1], sep="; ", flush=True)
    return rows


def _outcome(read: Callable[[Path], Any], path: Path) -> str:
    start = time.perf_counter()
    try:
        read(path)
        outcome = "read"
    except Exception as error:
        message = str(error).replace(str(path), "").strip(": ").partition(";")[0]
        outcome = message.removeprefix("the pickled data are cut short or broken ")[:80]
    return f"{outcome} ({time.perf_counter() - start:.1f} s)"


def line_rows() -> list[list[str]]:
    """Rows of the lines of code of each way. Both need the functions that read a file's header."""
    door = ("load", "is_pickled", "first_shape", "bare_array", "_header", "_skip_header")
    header = sum(_lines(inspect.getsource(getattr(pickles, name))) for name in door)
    child = _lines(inspect.getsource(unpickling_child)) + sum(
        _lines(inspect.getsource(function)) for function in (in_child, _decoded)
    )
    checks = _lines(inspect.getsource(pickles)) + _lines(inspect.getsource(numpy_stand_ins)) - header
    rows = [("looking at a file's header, which each needs", header), ("checks in this process", checks)]
    rows += [("child process, without checks of states", child)]
    return [[name, str(number)] for name, number in rows]


def _lines(source: str) -> int:
    """The number of lines of code, without blank lines, comments and docstrings."""
    occupied: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.string.strip() and token.type != tokenize.COMMENT:
            occupied |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            occupied -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(occupied)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def measure(config: UnpicklingBenchmarkConfig) -> str:
    """Measure everything; returns the tables in Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = [
            _table(["", "lines of code"], line_rows()),
            _table(["a new process with numpy", "seconds"], start_rows()),
            _table(["file", "read by", "seconds", "MB"], reading_rows(config, folder)),
            _table(["attack", *WAYS], attack_rows(folder)),
        ]
    return "\n\n".join(tables)


def main() -> None:
    """Run the benchmark from the shell."""

    def command(config: UnpicklingBenchmarkConfig) -> None:
        machine.write("unpickling", "\n\n".join([measure(config), _NOTES, machine.about()]))

    run.run(UnpicklingBenchmarkConfig, command, "Whether a child process reads pickles better than checks do.")


if __name__ == "__main__":
    # Imported, so that the classes of the settings are those of the module and not of __main__.
    from experiments.benchmarks.unpickling import main as imported_main

    imported_main()
