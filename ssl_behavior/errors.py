"""The one exception a user is meant to read, and how messages say things."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

PROGRAM = "ssl-behavior"
"""What people type before the name of a command."""


_LONGEST, _LAST = 1000, 250
"""Characters of a message, and of its end, which says what to do."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence that names the file, what was expected, what was found and what to do. Commands print
    it and exit with code 2; anything else that escapes is a bug of ours. It may quote a file, so it is kept to one line
    of bounded length, and what would steer a terminal is spelt out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


def _one_line(text: str) -> str:
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - _LAST]} ... {text[-_LAST:]}"
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had: numpy's, or torch's on a GPU or a CPU."""
    told = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or "out of memory" in told or "can't allocate memory" in told


def memory_told(error: BaseException) -> str:
    """What an error of memory says of how much it was, in few words."""
    wanted = r"CUDA out of memory|Unable to allocate [\d.]+ \w+|tried to allocate \d+ bytes"
    found = re.search(wanted, str(error))
    return found[0] if found else type(error).__name__


def how_many(number: int, thing: str) -> str:
    """A number of things in words: ``1 video``, ``3 videos``, ``12,345 frames``."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def sentence(error: InputError | OSError) -> str:
    """What a user is told about an error."""
    if not isinstance(error, OSError):
        return str(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    return _one_line(f"{where}{error.strerror or error}")


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key that puts ``2`` before ``10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def some(names: Iterable[str], limit: int = 20) -> str:
    """Names for a message, in natural order, with only the number of those beyond ``limit``; "none" for none."""
    ordered = sorted(names, key=natural) or ["none"]
    return ", ".join(ordered[:limit]) + (f" and {len(ordered) - limit} more" if len(ordered) > limit else "")


def named(error: InputError, path: Path) -> InputError:
    """The error, with the file's name before it unless it says it."""
    return error if str(path) in str(error) else InputError(f"{path}: {error}")
