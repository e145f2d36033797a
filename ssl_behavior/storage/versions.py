"""Which version of the package wrote what is read."""

from __future__ import annotations

import re
from pathlib import Path

import ssl_behavior
from ssl_behavior.errors import InputError


def require_not_newer(where: Path, version: object) -> None:
    """Make sure that what a newer version wrote is not read as if it meant what it means to this one.

    Args:
        where: that which is read.
        version: of the package that wrote it, as it says itself; what says none is read.

    Raises:
        InputError: it is newer in its first two numbers.
    """
    if _numbers(version) > _numbers(ssl_behavior.__version__):
        raise InputError(
            f"{where}: written by ssl_behavior {version}, which is newer than this one, {ssl_behavior.__version__}: "
            "install that version or a later one, or make it anew"
        )


def of_another(version: object) -> str:
    """What to add to an error if another version wrote what cannot be read; nothing if this one did."""
    if not _numbers(version) or version == ssl_behavior.__version__:
        return ""
    return f" (it was written by ssl_behavior {version}, and this is {ssl_behavior.__version__}: that version reads it)"


def _numbers(version: object) -> tuple[int, ...]:
    """The first two numbers of a version; none of what is no version."""
    found = re.match(r"(\d{1,6})\.(\d{1,6})(\D|$)", version) if isinstance(version, str) and len(version) < 40 else None
    return (int(found[1]), int(found[2])) if found else ()
