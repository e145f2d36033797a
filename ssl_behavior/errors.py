"""The one exception that users are meant to read, and helpers for the wording of messages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

PROGRAM = "ssl-behavior"
"""The program's name in the shell, before the name of a command."""

# A message may quote a file of any length. Its end says what to do, so the middle is cut out.
_MAX_CHARACTERS, _CHARACTERS_OF_END = 1000, 250


class InputError(ValueError):
    """The user's input cannot be used.

    The message is one sentence: the file, what was expected, what was found and what to do. Commands print it and exit
    with code 2. Any other exception that escapes is a bug in this package. Because a message may quote a file, it is
    reduced to one line of bounded length, and control characters, which could steer a terminal, are escaped.

    Messages name options as the shell has them. In Python, ``--clip-seconds`` is the setting ``clip_seconds`` of the
    command's config, and ``--supervision.steps`` is ``supervision=sb.Supervision(steps=...)``.

    Examples:
        >>> raise InputError("a.csv: expected tracks and found an empty file; export it again")
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: str) -> str:
    """Return a text of any origin as one line of bounded length; control characters are escaped."""
    if len(text) > _MAX_CHARACTERS:
        text = f"{text[: _MAX_CHARACTERS - _CHARACTERS_OF_END]} ... {text[-_CHARACTERS_OF_END:]}"
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out: numpy's, or torch's on a GPU or a CPU."""
    # torch raises a plain RuntimeError on the CPU, which only its text tells apart from others.
    message = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or "out of memory" in message or "can't allocate memory" in message


def memory_message(error: BaseException) -> str:
    """The part of an out-of-memory error that says how much was asked for, or the name of the error's class."""
    wanted = r"CUDA out of memory|Unable to allocate [\d.]+ \w+|tried to allocate \d+ bytes"
    match = re.search(wanted, str(error))
    return match[0] if match else type(error).__name__


def count_of(number: int, thing: str) -> str:
    """A number of things in words.

    Examples:
        >>> count_of(1, "video"), count_of(12_345, "frame")
        ('1 video', '12,345 frames')
    """
    return f"{number:,} {thing}{'s' * (number != 1)}"


def error_message(error: InputError | OSError) -> str:
    """The line that a user reads about an error; it names the file where the error does."""
    if not isinstance(error, OSError):
        return str(error)
    file = f"{error.filename}: " if error.filename is not None else ""
    return one_line(f"{file}{error.strerror or error}")


def command_line(command: str, *words: object) -> str:
    """A command to type, in which paths and names with blanks are quoted.

    Examples:
        >>> command_line("cluster", "--atlas", Path("my atlas"))
        "ssl-behavior cluster --atlas 'my atlas'"
    """
    return shlex.join([PROGRAM, command, *map(str, words)])


def natural_key(name: str) -> list[tuple[int, str]]:
    """A sort key that puts ``2`` before ``10``."""
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"(\d+)", name)]


def list_names(names: Iterable[str], limit: int = 20) -> str:
    """Names for a message, in natural order; "none" if there are none.

    Args:
        names: in any order.
        limit: how many names to list; the rest are counted.

    Examples:
        >>> list_names(["10", "9", "1"], limit=2)
        '1, 9 and 1 more'
    """
    ordered = sorted(names, key=natural_key)
    return list_in_order(ordered, limit)


def list_in_order(names: Iterable[object], limit: int) -> str:
    """Names or numbers for a message, in their own order; "none" if there are none.

    Args:
        names: in the order of the message.
        limit: how many names to list; the rest are counted.
    """
    shown = [str(name) for name in names] or ["none"]
    return ", ".join(shown[:limit]) + (f" and {len(shown) - limit} more" if len(shown) > limit else "")


def with_path(error: InputError, path: Path) -> InputError:
    """The error with the path in front of its message, or as it is if the message already names the path."""
    return error if str(path) in str(error) else InputError(f"{path}: {error}")
