"""JSON, read as a stream; nested lists of numbers become float32 arrays.

CalMS21's JSON is 1.2 GB of text, nearly all of it numbers in nested lists. An event parser such as ijson makes a Python
object of each of its 40 million brackets and numbers. Here Python parses only objects, keys and short values. A list of
numbers is cut into blocks of whole rows, and pyarrow's CSV reader turns each block into an array. This is two to four
times faster, checks the nesting of every row, and needs memory for the arrays and a few blocks of text only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.formats.untrusted.arrow_tables import matrix

_BLOCK = 1 << 20
_LONGEST_ROW = 4 << 20
_LONGEST_VALUE = 1 << 20
_DEEPEST = 32
_SPACE = b" \t\r\n"
_BLANK = re.compile(rb"[ \t\r\n]*")
_NUMBER = b"0123456789.eE+-NaInfityul"  # and NaN, Infinity, null
_STARTS_NUMBER = b"0123456789-NIn"


def load(path: str | Path) -> Any:
    """Read a JSON file (``.json`` or ``.json.gz``).

    Returns:
        Dicts, lists, strings and numbers, and a float32 array for each list of numbers.

    Raises:
        InputError: the file is not JSON, is cut short, has a list whose rows differ in length, or an object with the
            same key twice.
    """
    with limits.opened(path) as file:
        stream = _Stream(file, path)
        content = stream.value()
        if stream.next_byte(at_end=True):
            raise stream.error("more text after the end of the JSON")
    return content


class _Stream:
    """A parser that holds one block of the text at a time.

    ``text`` is the current block, ``at`` the position in it, and ``read`` the number of bytes read so far.
    """

    def __init__(self, file: IO[bytes], path: str | Path) -> None:
        self.file = file
        self.path = path
        self.text = b""
        self.at = 0
        self.read = 0

    def value(self, depth: int = 0) -> Any:
        """Parse the value that comes next, at this depth of nesting."""
        if depth > _DEEPEST:
            raise self.error(f"nesting deeper than {_DEEPEST}")
        first = self.next_byte()
        if first == b"{":
            return self._object(depth)
        if first == b"[":
            return self._numbers() if self._holds_numbers() else self._list(depth)
        return self._string() if first == b'"' else self._scalar()

    def next_byte(self, at_end: bool = False) -> bytes:
        """Return the next byte that is not white space, without moving past it; b"" where the file may end."""
        while True:
            self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at : self.at + 1]
            if not self._more(at_end):
                return b""

    def error(self, content: str) -> InputError:
        """Make the error for an unexpected text at this position."""
        return InputError(
            f"{self.path}: expected complete JSON; found {content} near byte {self.read - len(self.text) + self.at}"
        )

    def _more(self, at_end: bool = False) -> bool:
        """Read another block. Returns False at the end of the file, which is an error unless ``at_end``."""
        try:
            block = self.file.read(_BLOCK)
        except (OSError, EOFError) as error:
            raise InputError(f"{self.path}: cannot be read to its end ({error})") from None
        if not block and not at_end:
            raise self.error("its end")
        self.text = self.text[self.at :] + block
        self.at = 0
        self.read += len(block)
        return bool(block)

    def _take(self, expected: bytes) -> bytes:
        """Move past the next byte, which has to be one of those expected."""
        byte = self.next_byte()
        if byte not in expected:
            raise self.error(f"{byte.decode('latin1')!r} in place of {' or '.join(expected.decode())}")
        self.at += 1
        return byte

    def _object(self, depth: int) -> dict[str, Any]:
        content: dict[str, Any] = {}
        self._take(b"{")
        if self.next_byte() == b"}":
            self.at += 1
            return content
        while True:
            self.next_byte()
            key = self._string()
            if key in content:
                raise self.error(f"the key {key!r} for the second time")
            self._take(b":")
            content[key] = self.value(depth + 1)
            if self._take(b",}") == b"}":
                return content

    def _list(self, depth: int) -> list[Any]:
        content: list[Any] = []
        self._take(b"[")
        if self.next_byte() == b"]":
            self.at += 1
            return content
        while True:
            content.append(self.value(depth + 1))
            if self._take(b",]") == b"]":
                return content

    def _string(self) -> str:
        return str(self._literal(re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL), "a string in quotes"))

    def _scalar(self) -> Any:
        return self._literal(re.compile(rb"[^\s,\]}]+(?=[\s,\]}])"), "a value")

    def _literal(self, pattern: re.Pattern[bytes], expected: str) -> Any:
        """Parse a string or short value, and read more blocks if it does not end in this one."""
        while not (match := pattern.match(self.text, self.at)):
            if self.text[self.at : self.at + 1] != b'"' and expected.startswith("a string"):
                raise self.error(f"no {expected.removeprefix('a ')}")
            if len(self.text) - self.at > _LONGEST_VALUE or not self._more(at_end=True):
                raise self.error(f"no end of {expected}")
        try:
            content = json.loads(match[0])
        except ValueError:
            raise self.error(f"{match[0][:40].decode('latin1')!r}, which is not a JSON value,") from None
        self.at = match.end()
        return content

    def _holds_numbers(self) -> bool:
        """Return whether the list that starts here has a number in its first, innermost place."""
        while not (match := re.compile(rb"[\s\[]+([^\s\[])").match(self.text, self.at)):
            self._require_shallow(self.text[self.at :])
            self._more()
        self._require_shallow(match[0])
        return match[1] in [bytes([byte]) for byte in _STARTS_NUMBER]

    def _require_shallow(self, brackets: bytes) -> None:
        if brackets.count(b"[") > _DEEPEST or len(brackets) > _LONGEST_VALUE:
            raise self.error(f"nesting deeper than {_DEEPEST}")

    def _numbers(self) -> np.ndarray:
        """Parse a nested list of numbers: one array for each block of rows, joined at the end."""
        depth = len(re.compile(rb"[\s\[]+").match(self.text, self.at)[0].translate(None, _SPACE))  # type: ignore[index]
        self._take(b"[")
        rows = _Rows(depth)
        blocks = []
        for text in self._rows(depth):
            try:
                blocks.append(rows.parse(text))
            except ValueError as error:
                raise self.error(f"{error}") from None
        return np.concatenate(blocks).reshape(-1, *rows.shape)

    def _rows(self, depth: int) -> Iterator[bytes]:
        """Yield blocks of whole rows, without white space, the outer brackets and the comma at the end."""
        between = b"]" * (depth - 1) + b","
        while (stop := self._beyond_numbers()) < 0:
            inside = self.text[self.at :].translate(None, _SPACE)
            cut = inside.rfind(between, 0, max(len(inside) - depth - 1, 0))  # the last bytes may be the end of the list
            if cut >= 0:
                yield inside[: cut + depth - 1]
                inside = inside[cut + depth :]
            elif len(inside) > _LONGEST_ROW:
                raise self.error(f"a row of numbers longer than {_LONGEST_ROW >> 20} MB")
            self.text, self.at = inside, 0
            if not self._more(at_end=True):
                stop = len(self.text)
                break
        inside = self.text[self.at : stop].rstrip(_SPACE + b",")
        self.at += len(inside)
        inside = inside.translate(None, _SPACE)
        if not inside.endswith(b"]" * depth):
            raise self.error("no end of a list of numbers")
        yield inside[:-1]

    def _beyond_numbers(self) -> int:
        """Return the position of the first byte that cannot be part of a list of numbers; -1 if the block has none."""
        return min((at for mark in (b'"', b"{", b"}") if (at := self.text.find(mark, self.at)) >= 0), default=-1)


class _Rows:
    """Parses blocks of rows, all of which need the nesting of the first row.

    Args:
        depth: depth of nesting, 1 for a flat list.
    """

    def __init__(self, depth: int) -> None:
        self.close = b"]" * (depth - 1)
        self.nesting: bytes | None = None
        self.shape: tuple[int, ...] = ()

    def parse(self, text: bytes) -> np.ndarray:
        """Parse a block to (row, number) float32.

        Raises:
            ValueError: rows differ in nesting or length, or hold something else than numbers.
        """
        if self.nesting is None:
            row = text[: text.find(self.close) + len(self.close)] if self.close else b"0"
            self.nesting = row.translate(None, _NUMBER)
            if row.count(b",") > limits.MOST_COLUMNS:
                raise ValueError(f"rows of more than {limits.MOST_COLUMNS:,} numbers")
            self.shape = np.array(json.loads(row.replace(b"null", b"NaN"))).shape
        # Without its numbers, a block is the first row's brackets and commas, once for each row.
        nesting = text.translate(None, _NUMBER)
        count = (len(nesting) + 1) // (len(self.nesting) + 1)
        if nesting != b",".join([self.nesting] * count):
            raise ValueError("a list whose rows are uneven or hold something else than numbers")
        lines = text.replace(self.close + b",", b"\n").translate(None, b"[]")
        table = pa.csv.read_csv(
            pa.BufferReader(lines),
            pa.csv.ReadOptions(column_names=self.names, use_threads=False, block_size=2 * len(lines) + 1),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(self.names, pa.float32()), null_values=["null", "NaN"]
            ),
        )
        if table.num_rows != count:
            raise ValueError("a list with a number left out")
        return matrix(table)

    @property
    def names(self) -> list[str]:
        return [str(i) for i in range(int(np.prod(self.shape, dtype=int)))]
