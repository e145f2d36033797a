"""One reader on one file in a process of its own, with little memory and time: what became of it."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.errors import InputError, sentence

SECONDS = 20.0
MEGABYTES = 2048
"""Of memory that a reader may add; the largest array that any file may become is 512, and some steps copy it."""
_LONGEST = 1100


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        kind: "result" and "refused" are right; "unclear", "wrong", "crash", "died", "memory" and "slow" are finds.
        told: the message, or the last lines of a traceback.
    """

    kind: str
    told: str = ""

    @property
    def is_find(self) -> bool:
        return self.kind not in ("result", "refused")


class WrongResult(Exception):
    """A reader gave what it must not give."""


def run(read: Callable[[Path], object], path: Path) -> Outcome:
    """What a reader does with a file."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(read, path, writing)
    os.close(writing)
    told = _until_closed(reading, child)
    _, status = os.waitpid(child, 0)
    if told is None:
        return Outcome("slow", f"more than {SECONDS:g} s")
    if not told:
        return Outcome("died", f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {status}")
    return Outcome(*json.loads(told))


def _until_closed(reading: int, child: int) -> bytes | None:
    """What a process writes; None if it takes too long, and is ended."""
    told, until = b"", time.monotonic() + SECONDS
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            if not (block := pipe.read(65536)):
                return told
            told += block
    os.kill(child, signal.SIGKILL)
    return None


def _in_child(read: Callable[[Path], object], path: Path, writing: int) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (MEGABYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcome = outcome_of(read, path)
    os.write(writing, json.dumps([outcome.kind, outcome.told[-2000:]]).encode())
    os._exit(0)


def outcome_of(read: Callable[[Path], object], path: Path) -> Outcome:
    """As ``run``, in this process."""
    try:
        read(path)
    except WrongResult as wrong:
        return Outcome("wrong", str(wrong))
    except (InputError, OSError) as error:
        return _judged(error, path)
    except SystemExit as stop:
        return Outcome("crash" if stop.code else "result", f"SystemExit {stop.code}")
    except MemoryError:
        return Outcome("memory", traceback.format_exc(limit=-3))
    except Exception:
        return Outcome("crash", traceback.format_exc(limit=-3))
    return Outcome("result")


def _judged(error: InputError | OSError, path: Path) -> Outcome:
    told = sentence(error)
    if "MemoryError" in told or "llocate" in told:
        return Outcome("memory", told)
    names = (path.name, path.parent.name, path.parent.parent.name)
    if len(told) > _LONGEST or len(told.splitlines()) != 1 or not any(name in told for name in names):
        return Outcome("unclear", told)
    return Outcome("refused", told)
