"""From the paths that users give to files."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from ssl_behavior.errors import InputError, natural_key


def expand(paths: str | Path | Sequence[str | Path], suffixes: tuple[str, ...] | None = None) -> list[Path]:
    """List the files that paths, folders and globs stand for: each once, in an order that depends on names only.

    Args:
        paths: files, folders (all files below them that are not hidden) and globs (``**`` searches subfolders).
        suffixes: endings of the files to take from a folder; files that are named directly are always taken.

    Raises:
        InputError: a path does not exist, a folder holds no such file, or a glob matches nothing.

    Examples:
        >>> expand(["tracks", "more/*.csv"], (".csv", ".h5"))
        [PosixPath('tracks/2.csv'), PosixPath('more/10.csv')]
    """
    entries = [paths] if isinstance(paths, str | Path) else list(paths)
    if not entries:
        raise InputError("no files given; name at least one file, folder or glob")
    files: set[Path] = set()
    for entry in entries:
        path = Path(entry).expanduser()
        if path.exists():
            files.update(_files(path, suffixes))
        elif glob.has_magic(str(path)):
            matches = [Path(match) for match in glob.glob(str(path), recursive=True)]
            if not matches:
                raise InputError(f"{entry}: no file matches this pattern")
            for match in matches:
                files.update([match] if match.is_file() else _files(match, suffixes, may_be_empty=True))
        else:
            raise InputError(f"{entry}: no such file or folder")
    # Several paths may lead to one file. In reverse order, the first of them by name is the one that stays.
    unique = {path.resolve(): path for path in sorted(files, key=str, reverse=True)}
    return sorted(unique.values(), key=lambda path: (natural_key(path.name), str(path)))


def _files(path: Path, suffixes: tuple[str, ...] | None, may_be_empty: bool = False) -> list[Path]:
    """The file itself, or the files with these endings below a folder."""
    if not path.is_dir():
        if not path.is_file():  # a device, or a pipe, which can be read once only and may never end
            raise InputError(f"{path}: expected a file or folder; found something else")
        return [path]
    files = [file for file in path.rglob("*") if file.is_file() and _is_wanted(file.relative_to(path), suffixes)]
    if not files and not may_be_empty:
        ending = f" that ends in one of {', '.join(suffixes)}" if suffixes else ""
        raise InputError(f"{path}: the folder holds no file{ending}")
    return files


def _is_wanted(relative: Path, suffixes: tuple[str, ...] | None) -> bool:
    is_hidden = any(name.startswith(".") for name in relative.parts)
    return not is_hidden and (suffixes is None or relative.name.lower().endswith(suffixes))


def with_skip_hint(error: InputError, file_count: int) -> InputError:
    """The error of one of several files or recordings, with the option that skips it; as it is for a single one."""
    return InputError(f"{error} (--skip-bad-files leaves it out)") if file_count > 1 else error
