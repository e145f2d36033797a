"""From the paths that users give to files."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from ssl_behavior.errors import InputError, natural_key

PARTS = ("train", "test")
TRACKING, ANNOTATION, _TABLES = "_tracking", "_annotation", (".csv", ".csv.gz")
"""Endings of the folders and tables of a part of MABe-2025, after its name."""


def expand(paths: str | Path | Sequence[str | Path], suffixes: tuple[str, ...] | None = None) -> list[Path]:
    """List the files that paths, folders and globs stand for: each once, in an order that depends on names only.

    Args:
        paths: files, folders (all files below them that are not hidden) and globs (``**`` searches subfolders). A
            folder in the layout of MABe-2025 means its tracking files (see ``tracking_folders``).
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
        if folders := tracking_folders(path):
            files.update(*(_files(folder, suffixes) for folder in folders))
        elif path.exists():
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


def tracking_folders(path: Path) -> list[Path]:
    """Return the folders of tracking files that a path of MABe-2025 stands for; none for any other path.

    Args:
        path: ``FOLDER`` in the competition's layout, which stands for its training and test parts, or one part:
            ``FOLDER/train`` or ``FOLDER/test``, if there is no such file or folder.

    Raises:
        InputError: the folder has the tables and annotations of the competition, but no tracking files.
    """
    is_part = path.name in PARTS and not path.exists()
    folder = path.parent if is_part else path
    wanted = [path.name] if is_part else PARTS
    parts = [part for part in wanted if any((folder / f"{part}{ending}").is_file() for ending in _TABLES)]
    folders = [tracking for part in parts if (tracking := folder / f"{part}{TRACKING}").is_dir()]
    if not folders and any((folder / f"{part}{ANNOTATION}").is_dir() for part in parts):
        raise InputError(
            f"{path}: expected a folder {parts[0]}{TRACKING} beside the table {parts[0]}{_TABLES[0]}; found none: put "
            "the competition's tracking files there"
        )
    return folders


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
