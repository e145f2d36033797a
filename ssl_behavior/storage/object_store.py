"""Files on a disk or in an object store such as S3: listed, fetched, written and removed by their address."""

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

from ssl_behavior.errors import InputError, natural_key
from ssl_behavior.storage.atomic import write_atomically
from ssl_behavior.storage.digests import file_digest
from ssl_behavior.storage.paths import expand

_PARALLEL_READS = 16  # a small file takes a round trip to the store, so the time is spent waiting


@dataclass(frozen=True)
class InputFile:
    """An input file of a job.

    Attributes:
        address: a path, or a URL such as ``s3://bucket/tracks/7.csv``.
        stamp: changes when the content does. It is the SHA-256 of a file on a disk, and the store's own checksum of a
            file in a store (S3: the ETag), so that no file is downloaded only to see whether it has changed.
    """

    address: str
    stamp: str


def require_cluster_packages() -> None:
    """Make sure that the packages of the commands on Ray are installed.

    Raises:
        InputError: one is missing.
    """
    if missing := [name for name in ("ray", "fsspec") if importlib.util.find_spec(name) is None]:
        raise InputError(f"expected {' and '.join(missing)} to be installed; run pip install 'ssl_behavior[cluster]'")


def absolute(address: str) -> str:
    """The address as every worker understands it: an absolute path, or a URL as it is."""
    fs, path = _open(address)
    return str(path) if _is_local(fs) else address.rstrip("/")


def input_files(addresses: Sequence[str], suffixes: tuple[str, ...] | None = None) -> list[InputFile]:
    """List the files that addresses of files, folders and globs stand for: each once, in natural order of their names.

    Args:
        addresses: paths and URLs.
        suffixes: endings of the files to take from a folder; files that are named directly are always taken.

    Raises:
        InputError: there are no such files, or a store cannot be reached.
    """
    by_address: dict[str, InputFile] = {}
    for address in addresses:
        fs, path = _open(address)
        with store_errors(address):
            files = _on_disk(path, suffixes) if _is_local(fs) else _in_store(fs, path, address, suffixes)
            by_address.update((file.address, file) for file in files)
    return sorted(by_address.values(), key=lambda file: (natural_key(file.address.rpartition("/")[2]), file.address))


def _on_disk(path: str, suffixes: tuple[str, ...] | None) -> Iterator[InputFile]:
    for file in expand(path, suffixes):
        yield InputFile(str(file), file_digest(file))


def _in_store(fs: Any, path: str, address: str, suffixes: tuple[str, ...] | None) -> Iterator[InputFile]:
    fs.invalidate_cache()  # fsspec remembers listings, and other machines write to the store
    if glob.has_magic(path) and not fs.exists(path):  # a file may be named cage[1]
        infos = fs.glob(path, detail=True)
    elif fs.isdir(path):
        inside = fs.find(path, detail=True)
        infos = {name: info for name, info in inside.items() if suffixes is None or name.lower().endswith(suffixes)}
    else:
        infos = {path: fs.info(path)} if fs.exists(path) else {}
    files = {name: info for name, info in infos.items() if info["type"] == "file"}
    if not files:
        raise InputError(f"{address}: expected files and found none; check the address")
    for name, info in files.items():
        yield InputFile(fs.unstrip_protocol(name), str(info.get("ETag") or fs.checksum(name)).strip('"'))


def fetch(address: str, folder: Path) -> Path:
    """Return a local path of a file: its own on a disk, or that of a copy in ``folder``.

    Raises:
        InputError: the store cannot be reached, or has no such file.
    """
    fs, path = _open(address)
    if _is_local(fs):
        return Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / path.rpartition("/")[2]
    with store_errors(address):
        fs.get_file(path, str(copy))
    return copy


def fetch_folder(address: str, folder: Path) -> Path:
    """Return a local path of a folder: its own on a disk, or ``folder``, with a copy of all files.

    Raises:
        InputError: the store cannot be reached.
    """
    fs, path = _open(address)
    if _is_local(fs):
        return Path(path)
    for name in Store(address).names():
        fetch(f"{address}/{name}", (folder / name).parent)
    return folder


@dataclass(frozen=True)
class Store:
    """A folder for results, on a disk or in an object store.

    Attributes:
        address: of the folder, as ``absolute`` returns it.

    Examples:
        >>> store = Store(absolute("s3://bucket/atlas"))
        >>> store.put("videos/7.safetensors", Path("7.safetensors"))
        >>> store.names("videos")
        ['videos/7.safetensors']
    """

    address: str

    def names(self, folder: str = "") -> list[str]:
        """Names of all complete files below ``folder``, relative to the store.

        Args:
            folder: relative to the store.

        Raises:
            InputError: the store cannot be reached.
        """
        fs, root = _open(self.address)
        with store_errors(self.address):
            fs.invalidate_cache()
            names = [name.removeprefix(root).lstrip("/") for name in fs.find(f"{root}/{folder}".rstrip("/"))]
        return [name for name in names if not name.rpartition("/")[2].startswith(".")]  # temporary files are hidden

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """Read files; name -> content, without the files that do not exist.

        Args:
            names: relative to the store.

        Raises:
            InputError: the store cannot be reached.
        """
        fs, root = _open(self.address)

        def content(name: str) -> bytes | None:
            try:
                return bytes(fs.cat_file(f"{root}/{name}"))  # fs.cat would take a [ in a name for a pattern
            except FileNotFoundError:
                return None

        unique = list(dict.fromkeys(names))
        with store_errors(self.address), ThreadPoolExecutor(_PARALLEL_READS) as pool:
            contents = dict(zip(unique, pool.map(content, unique), strict=True))
        return {name: data for name, data in contents.items() if data is not None}

    def put(self, name: str, file: Path) -> None:
        """Copy a file to the store, completely or not at all.

        Args:
            name: relative to the store.
            file: a local file.

        Raises:
            InputError: the store cannot be written to.
        """
        fs, root = _open(self.address)
        with store_errors(self.address):
            if _is_local(fs):
                with write_atomically(f"{root}/{name}") as temporary:
                    shutil.copyfile(file, temporary)
            else:  # an object store shows a file only once it is complete
                fs.put_file(str(file), f"{root}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, completely or not at all, in place of one with this name.

        Args:
            name: relative to the store.
            content: of the file.

        Raises:
            InputError: the store cannot be written to.
        """
        fs, root = _open(self.address)
        with store_errors(self.address):
            if _is_local(fs):
                with write_atomically(f"{root}/{name}") as temporary:
                    temporary.write_bytes(content)
            else:
                fs.pipe_file(f"{root}/{name}", content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file unless there is one with this name; of several processes that do so, one succeeds.

        Another process may see the file on a disk before its content. An object store needs conditional writes, which
        S3 and Google's store have.

        Args:
            name: relative to the store.
            content: of the file.

        Returns:
            Whether this call made the file.

        Raises:
            InputError: the store cannot be written to.

        Examples:
            >>> store = Store(absolute("s3://bucket/sweep"))
            >>> store.create("claims/7", b"mine"), store.create("claims/7", b"mine, too")
            (True, False)
        """
        fs, root = _open(self.address)
        with store_errors(self.address), suppress(FileExistsError):
            if _is_local(fs):
                file = Path(f"{root}/{name}")
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("xb") as new:
                    new.write(content)
            else:
                fs.pipe_file(f"{root}/{name}", content, mode="create")
            return True
        return False

    def remove(self, names: Iterable[str]) -> None:
        """Delete files; names that do not exist are ignored.

        Args:
            names: relative to the store.

        Raises:
            InputError: the store cannot be written to.
        """
        fs, root = _open(self.address)
        with store_errors(self.address):
            for name in names:
                with suppress(FileNotFoundError):
                    fs.rm_file(f"{root}/{name}")


@contextmanager
def store_errors(address: str) -> Iterator[None]:
    """Turn any error of a store into an ``InputError`` that names the address."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each kind of store has its own classes of errors
        reason = " ".join(str(error).split())
        raise InputError(
            f"{address}: cannot be read or written ({type(error).__name__}: {reason}); check the address, and for an "
            "object store its credentials and endpoint"
        ) from error


def _open(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    import fsspec

    with store_errors(address):
        fs, path = fsspec.core.url_to_fs(str(address))
    return fs, path.rstrip("/")


def _is_local(fs: Any) -> bool:
    # fsspec belongs to the optional packages, so it is imported where it is used.
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(fs, LocalFileSystem)
