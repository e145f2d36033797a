"""Parts of a file that cannot be read, beside others that can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ssl_behavior.errors import InputError, count_of
from ssl_behavior.recordings.recording import Recording


def with_left_out(recordings: Sequence[Recording], errors: Sequence[InputError], path: Path) -> list[Recording]:
    """Return the good recordings of a file, with a notice of the first bad one and the number of the others.

    Args:
        recordings: one or more.
        errors: what is wrong with the parts that are left out.
        path: the file, whose name the notice does not repeat.
    """
    first, *others = recordings
    if not errors:
        return list(recordings)
    number = f" and {count_of(len(errors) - 1, 'other')}" if len(errors) > 1 else ""
    notice = f"left out: {str(errors[0]).removeprefix(f'{path}: ')}{number}"
    return [replace(first, notices=(*first.notices, notice)), *others]
