"""Changes of bytes: cuts, flip_bits bits, splices, and in text other line ends, encodings and values."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random], bytes]

_WORDS = (
    *(b"NaN", b"nan", b"inf", b"-Infinity", b"1e999", b"-1", b"0", b"1e300", b"99999999999999999999", b"0x10", b"1_0"),
    *(b"null", b"true", b'""', b"[]", b"{}", b"[[]]", b'"', b",", b";", b"\t", b"\0", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"9" * 5000, b"[" * 3000, b"*a", b"&a ", b"!!python/object/apply:os.system ['true']", b"<<: ", b"2026-99-99"),
    *(b"\x1b[2J", b"..", b"/etc/passwd", b"label", b"frame", "é".encode(), "é".encode("latin1"), b"1:30", b"- - - "),
)


def truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def flip_bits(data: bytes, rng: Random) -> bytes:
    """Flip some bits of the whole file, or of the first kilobyte, where headers are."""
    changed = bytearray(data)
    reach = len(changed) if rng.random() < 0.5 else min(len(changed), 1024)
    for _ in range(rng.choice((1, 1, 2, 8, 64)) if reach else 0):
        changed[rng.randrange(reach)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def splice(data: bytes, rng: Random) -> bytes:
    """Copy, move or delete a piece of the file."""
    start, at = (rng.randrange(len(data) + 1) for _ in range(2))
    piece = data[start : start + rng.choice((1, 4, 40, 4000))]
    return data[:at] + piece * rng.choice((0, 1, 1, 3)) + data[at + len(piece) * rng.randrange(2) :]


def insert_word(data: bytes, rng: Random) -> bytes:
    """Insert words that some parsers treat in a special way, anywhere."""
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.choice(_WORDS) + data[at + rng.choice((0, 1, 4)) :]
    return data


def replace_value(data: bytes, rng: Random) -> bytes:
    """Replace the text between two separators by such a word."""
    marks = [i for i, byte in enumerate(data[: 1 << 16]) if byte in b',:[]{}\n\t "']
    if len(marks) < 2:
        return insert_word(data, rng)
    i = rng.randrange(len(marks) - 1)
    return data[: marks[i] + 1] + rng.choice(_WORDS) + data[marks[i + 1] :]


def reencode(data: bytes, rng: Random) -> bytes:
    """Other or mixed line ends, a byte order mark, or another encoding."""
    ends = (b"\r\n", b"\r", b"\n\n", b"\x0b", b"\0\n")
    text = data.decode("utf-8", "replace")
    return rng.choice(
        (
            data.replace(b"\n", rng.choice(ends)),
            b"".join(line + rng.choice(ends) for line in data.split(b"\n")),
            b"\xef\xbb\xbf" + data,
            text.encode("utf-16"),
            text.encode("latin1", "replace").replace(b"e", b"\xe9"),
            data.replace(b",", rng.choice((b";", b"\t", b",,", b' ,"'))),
        )
    )


def repeat_line(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    return b"\n".join(lines[:at] + [lines[at]] * rng.choice((0, 2, 2, 50)) + lines[at + 1 :])


ANY: tuple[Mutation, ...] = (truncate, flip_bits, splice, insert_word)
TEXT: tuple[Mutation, ...] = (*ANY, replace_value, replace_value, reencode, repeat_line)


def in_gzip(mutation: Mutation) -> Mutation:
    """The same change, of the content of a .gz file."""
    return lambda data, rng: gzip.compress(mutation(gzip.decompress(data), rng), 1)
