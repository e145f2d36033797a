"""Runs one reader on one file in a process of its own, with limited memory and time, and judges the outcome."""

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

from ssl_behavior.errors import InputError, error_message

SECONDS = 20.0
MEGABYTES = 2048
"""Memory that a reader may add. The largest array that a file may hold takes 512 MB, and some steps copy it."""
_MAX_MESSAGE = 1100  # characters; an InputError has 1,000 at most, and a path may stand before it


@dataclass(frozen=True)
class Outcome:
    """The outcome of reading a file.

    Attributes:
        kind: "result" and "refused" are right; "unclear", "wrong", "crash", "died", "memory" and "slow" are faults.
        message: of the error, or the last lines of a traceback.
    """

    kind: str
    message: str = ""

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("result", "refused")


class WrongResult(Exception):
    """A reader returned a result that breaks a rule of its type."""


def run(read: Callable[[Path], object], path: Path) -> Outcome:
    """Read a file in a child process."""
    sys.stdout.flush()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _in_child(read, path, write_end)
    os.close(write_end)
    report = _read_all(read_end, child)
    _, status = os.waitpid(child, 0)
    if report is None:
        return Outcome("slow", f"more than {SECONDS:g} s")
    if not report:
        return Outcome("died", f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {status}")
    return Outcome(*json.loads(report))


def _read_all(read_end: int, child: int) -> bytes | None:
    """All that a process writes; None if it takes too long, after which it is killed."""
    report, deadline = b"", time.monotonic() + SECONDS
    with os.fdopen(read_end, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            if not (block := pipe.read(65536)):
                return report
            report += block
    os.kill(child, signal.SIGKILL)
    return None


def _in_child(read: Callable[[Path], object], path: Path, write_end: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (MEGABYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcome = outcome_of(read, path)
    os.write(write_end, json.dumps([outcome.kind, outcome.message[-2000:]]).encode())
    os._exit(0)


def outcome_of(read: Callable[[Path], object], path: Path) -> Outcome:
    """As ``run``, in this process and without limits."""
    try:
        read(path)
    except WrongResult as wrong:
        return Outcome("wrong", str(wrong))
    except (InputError, OSError) as error:
        return _judge(error, path)
    except SystemExit as stop:
        return Outcome("crash" if stop.code else "result", f"SystemExit {stop.code}")
    except MemoryError:
        return Outcome("memory", traceback.format_exc(limit=-3))
    except Exception:
        return Outcome("crash", traceback.format_exc(limit=-3))
    return Outcome("result")


def _judge(error: InputError | OSError, path: Path) -> Outcome:
    """Whether an error is one line that names the file or one of the folders around it."""
    message = error_message(error)
    if "MemoryError" in message or "llocate" in message:  # a reader must not pass this off as a fault of the file
        return Outcome("memory", message)
    names = (path.name, path.parent.name, path.parent.parent.name)
    is_one_line = len(message) <= _MAX_MESSAGE and len(message.splitlines()) == 1
    return Outcome("refused" if is_one_line and any(name in message for name in names) else "unclear", message)
