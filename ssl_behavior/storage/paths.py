"""Which files are meant, and which video a file is of."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from ssl_behavior.errors import InputError, natural

# What programs append to a video's name, longest first; a name like "mouse1.2024.csv" loses the last one only.
_SUFFIXES = (
    ".predictions.analysis.h5",
    ".predictions.slp",
    ".analysis.h5",
    ".bouts.csv",
    ".csv.gz",
    ".json.gz",
    ".csv",
    ".tsv",
    ".json",
    ".h5",
    ".hdf5",
    ".npy",
    ".slp",
    ".nwb",
    ".txt",
    ".annot",
    ".boris",
    ".parquet",
    ".safetensors",
)


def expand(paths: str | Path | Sequence[str | Path], suffixes: tuple[str, ...] | None = None) -> list[Path]:
    """The files that paths, folders and globs stand for: each once, in an order that depends on the names only.

    Args:
        paths: files, folders (all files below them that are not hidden) and globs (``**`` goes into folders).
        suffixes: endings that a file found in a folder must have to be meant; files named outright always are.

    Raises:
        InputError: a path does not exist, a folder holds no such file, or a glob matches nothing.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise InputError("no files given; name at least one file, folder or glob")
    found: set[Path] = set()
    for entry in given:
        path = Path(entry).expanduser()
        if path.exists():
            found.update(_files(path, suffixes))
        elif glob.has_magic(str(path)):
            matches = [Path(match) for match in glob.glob(str(path), recursive=True)]
            if not matches:
                raise InputError(f"{entry}: no file matches this pattern")
            for match in matches:
                found.update([match] if match.is_file() else _files(match, suffixes, may_be_empty=True))
        else:
            raise InputError(f"{entry}: no such file or folder")
    unique = {path.resolve(): path for path in sorted(found, key=str, reverse=True)}
    return sorted(unique.values(), key=lambda path: (natural(path.name), str(path)))


def _files(path: Path, suffixes: tuple[str, ...] | None, may_be_empty: bool = False) -> list[Path]:
    if not path.is_dir():
        if not path.is_file():  # a pipe, which is read once and may never end, or a device
            raise InputError(f"{path}: expected a file or folder; found something else")
        return [path]
    files = [file for file in path.rglob("*") if file.is_file() and _is_meant(file.relative_to(path), suffixes)]
    if not files and not may_be_empty:
        wanted = f" that ends in one of {', '.join(suffixes)}" if suffixes else ""
        raise InputError(f"{path}: the folder holds no file{wanted}")
    return files


def _is_meant(inside: Path, suffixes: tuple[str, ...] | None) -> bool:
    hidden = any(part.startswith(".") for part in inside.parts)
    return not hidden and (suffixes is None or inside.name.lower().endswith(suffixes))


def skippable(error: InputError, of: int) -> InputError:
    """The error of one of several files or recordings, with the option that leaves it out."""
    return InputError(f"{error} (--skip-bad-files leaves it out)") if of > 1 else error


def video_id(path: str | Path) -> str:
    """The id of the video that a file of tracks, annotations or predictions is of.

    The file name without its endings (``.csv.gz``, ``.analysis.h5`` ...), up to ``DLC_`` where DeepLabCut wrote it,
    without the ``_annot`` of an annotator's file.
    """
    name = Path(path).name
    if suffix := next((ending for ending in _SUFFIXES if name.lower().endswith(ending)), Path(name).suffix):
        name = name[: -len(suffix)]
    if (cut := name.find("DLC_")) > 0:
        name = name[:cut].removesuffix("_")
    return name.removesuffix("_annot") or name


def file_stem(video: str) -> str:
    """A video id as it stands in file names: ``/`` becomes ``_``."""
    return video.replace("/", "_").replace("\\", "_")
