"""Files on a disk or in an object store, by their address: which are meant, and how they come and go."""

from __future__ import annotations

import glob
import importlib.util
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError, natural
from ssl_behavior.storage.atomic import replacing
from ssl_behavior.storage.digests import file_digest
from ssl_behavior.storage.paths import expand

_AT_ONCE = 16
"""Small files that are asked for at a time."""


@dataclass(frozen=True)
class InputFile:
    """A file that a unit reads.

    Attributes:
        address: a path, or a URL such as ``s3://bucket/tracks/7.csv``.
        stamp: of its content: SHA-256 of a file on a disk, and of one in a store the checksum that the store keeps
            (S3: the ETag), so that nothing is downloaded to see whether it has changed.
    """

    address: str
    stamp: str


def require_extra() -> None:
    """Make sure that what the commands on Ray need is installed.

    Raises:
        InputError: it is not.
    """
    if missing := [name for name in ("ray", "fsspec") if importlib.util.find_spec(name) is None]:
        raise InputError(
            f"expected {' and '.join(missing)} to be installed and found none: install with "
            "pip install 'ssl_behavior[cluster]'"
        )


def absolute(address: str) -> str:
    """The address as every worker understands it: a path from the root, a URL as it is."""
    fs, path = _opened(address)
    return str(path) if _is_local(fs) else address.rstrip("/")


def input_files(addresses: Sequence[str], suffixes: tuple[str, ...] | None = None) -> list[InputFile]:
    """The files that addresses of files, folders and globs stand for, each once, in an order that depends on names.

    Args:
        addresses: paths and URLs.
        suffixes: endings that a file found in a folder must have to be meant; files named outright always are.

    Raises:
        InputError: nothing is there, or a store cannot be reached.
    """
    found: dict[str, InputFile] = {}
    for address in addresses:
        fs, path = _opened(address)
        with reaching(address):
            some = _on_disk(path, suffixes) if _is_local(fs) else _in_store(fs, path, address, suffixes)
            found.update((one.address, one) for one in some)
    return sorted(found.values(), key=lambda one: (natural(one.address.rpartition("/")[2]), one.address))


def _on_disk(path: str, suffixes: tuple[str, ...] | None) -> Iterator[InputFile]:
    for file in expand(path, suffixes):
        yield InputFile(str(file), file_digest(file))


def _in_store(fs: Any, path: str, address: str, suffixes: tuple[str, ...] | None) -> Iterator[InputFile]:
    fs.invalidate_cache()
    if glob.has_magic(path):
        about = fs.glob(path, detail=True)
    elif fs.isdir(path):
        inside = fs.find(path, detail=True)
        about = {name: one for name, one in inside.items() if suffixes is None or name.lower().endswith(suffixes)}
    else:
        about = {path: fs.info(path)} if fs.exists(path) else {}
    files = {name: one for name, one in about.items() if one["type"] == "file"}
    if not files:
        raise InputError(f"{address}: expected files and found none; check the address")
    for name, one in files.items():
        yield InputFile(fs.unstrip_protocol(name), str(one.get("ETag") or fs.checksum(name)).strip('"'))


def fetch(address: str, folder: Path) -> Path:
    """A file to read: itself where it lies on a disk, else a copy in ``folder``."""
    fs, path = _opened(address)
    if _is_local(fs):
        return Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / path.rpartition("/")[2]
    with reaching(address):
        fs.get_file(path, str(copy))
    return copy


def fetch_folder(address: str, folder: Path) -> Path:
    """A folder to read: itself where it lies on a disk, else a copy of its files in ``folder``."""
    fs, path = _opened(address)
    if _is_local(fs):
        return Path(path)
    for name in Store(address).names():
        fetch(f"{address}/{name}", (folder / name).parent)
    return folder


@dataclass(frozen=True)
class Store:
    """A folder that results go to.

    Attributes:
        address: of the folder, as ``absolute`` makes it.
    """

    address: str

    def names(self, folder: str = "") -> list[str]:
        """Names of the files below ``folder`` as they are seen from the store's own, without what is half written."""
        fs, root = _opened(self.address)
        with reaching(self.address):
            fs.invalidate_cache()
            found = [name.removeprefix(root).lstrip("/") for name in fs.find(f"{root}/{folder}".rstrip("/"))]
        return [name for name in found if not name.rpartition("/")[2].startswith(".")]

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of those of the named files that are there."""
        fs, root = _opened(self.address)

        def content(name: str) -> bytes | None:
            try:
                return bytes(fs.cat_file(f"{root}/{name}"))  # which takes no [ for a pattern, as cat would
            except FileNotFoundError:
                return None

        asked = list(dict.fromkeys(names))
        with reaching(self.address), ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(zip(asked, pool.map(content, asked), strict=True))
        return {name: one for name, one in found.items() if one is not None}

    def put(self, name: str, file: Path) -> None:
        """Copy a file to the store, whole or not at all: on a disk aside and renamed, as object stores do anyway."""
        fs, root = _opened(self.address)
        with reaching(self.address):
            if _is_local(fs):
                with replacing(f"{root}/{name}") as aside:
                    shutil.copyfile(file, aside)
            else:
                fs.put_file(str(file), f"{root}/{name}")

    def remove(self, names: Iterable[str]) -> None:
        """Take away those of the named files that are there."""
        fs, root = _opened(self.address)
        with reaching(self.address):
            for name in names:
                with suppress(FileNotFoundError):
                    fs.rm_file(f"{root}/{name}")


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """What goes wrong between here and a store, in one sentence that names the address."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # every kind of store has errors of its own
        what = " ".join(str(error).split())
        raise InputError(
            f"{address}: cannot be read or written ({type(error).__name__}: {what}); check the address, and for a "
            "store its credentials and endpoint"
        ) from error


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    import fsspec

    with reaching(address):
        fs, path = fsspec.core.url_to_fs(str(address))
    return fs, path.rstrip("/")


def _is_local(fs: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(fs, LocalFileSystem)
