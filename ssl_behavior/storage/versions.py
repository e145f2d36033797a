"""Versions of the package in the files that it writes."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import ssl_behavior
from ssl_behavior.errors import InputError

_KINEMATICS = (0, 2)
"""The version that introduced today's kinematics: turning, the ends of recordings, gaps between frames."""


def require_not_newer(path: Path, version: object) -> None:
    """Refuse a file of a newer version, whose fields may mean something else there.

    Args:
        path: the file or folder to read.
        version: of the package that wrote it, as the file states it. A file that states no version is accepted.

    Raises:
        InputError: the version is newer in its first two numbers.
    """
    if _numbers(version) > _numbers(ssl_behavior.__version__):
        raise InputError(
            f"{path}: written by ssl_behavior {version}, which is newer than this version, {ssl_behavior.__version__}; "
            f"install ssl_behavior {version} or newer, or create the file again with this version"
        )


def version_hint(version: object) -> str:
    """An addition to the error about a file that cannot be read, if another version wrote it; empty if this one did."""
    if not _numbers(version) or version == ssl_behavior.__version__:
        return ""
    return (
        f" (it was written by ssl_behavior {version}, and this is version {ssl_behavior.__version__}; "
        "that version can read it)"
    )


def has_older_kinematics(version: object) -> bool:
    """Return whether a version computes other kinematics from the same tracks than this one does."""
    return () < _numbers(version) < _KINEMATICS


def _numbers(version: object) -> tuple[int, ...]:
    """The first two numbers of a version; empty if it has none."""
    # The limits on the length keep a damaged file from costing time in int() or the regular expression.
    if not isinstance(version, str) or len(version) >= 40:
        return ()
    match = re.match(r"(\d{1,6})\.(\d{1,6})(\D|$)", version)
    return (int(match[1]), int(match[2])) if match else ()


@cache
def source_commit() -> str | None:
    """Return the commit of the source that is running, with ``-dirty`` if files have changed since; None without git.

    An installed package has no commit, even where its environment lies in the repository of another project.
    """
    file = Path(ssl_behavior.__file__)
    try:
        if not _git(file.parent, "ls-files", file.name):
            return None
        has_changed = bool(_git(file.parent, "status", "-s", "-uno", "."))
        return _git(file.parent, "rev-parse", "HEAD") + "-dirty" * has_changed
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
