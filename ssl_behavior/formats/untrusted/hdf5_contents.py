"""Everything in an HDF5 file, looked at before any of it is read.

HDF5 lets a file link to other files, keep data in any file of the machine, declare far more than it stores, and store
one text to which a million entries point. HDF5 keeps some 4 kB for each chunk of an array that it reads, and unpacks a
chunk to whatever size its bytes have. A few bytes could take all memory in each of these ways.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5r, h5t, h5z

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import limits

_MOST_OBJECTS = 100_000
_MOST_NAMES = 500_000
"""Links, attributes and texts in a file."""
_CHUNK_BYTES = 4096
"""Memory that HDF5 takes for each chunk while it reads an array of many, measured; the chunk's data come on top."""
_MOST_UNPACKED = 1032
"""The largest number of bytes that gzip unpacks from one."""
_LEAST = 64 << 20
"""Bytes of memory that an HDF5 file may take, however small it is."""
_PACKERS = {h5z.FILTER_DEFLATE: "gzip", h5z.FILTER_LZF: "lzf"}
_FILTERS = {*_PACKERS, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}


def require_plain(file: h5py.File, path: Path) -> None:
    """Make sure that a file is complete in itself, and takes no more memory than its size allows.

    Raises:
        InputError: it links to other files, keeps data in other files, or declares too much.
        OSError, KeyError, ValueError, TypeError, RuntimeError: the file is damaged.
    """
    contents = _Contents(path)
    unvisited: list[h5py.Group] = [file]
    visited = {h5py.h5o.get_info(file.id).addr}
    contents.add(file, "/")
    while unvisited:
        group = unvisited.pop()
        for name in group:
            contents.count_names(1)
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise InputError(f"{path}: refused, as its {name!r} is a link to another file, {link.filename!r}")
            if not isinstance(link, h5py.HardLink):
                continue  # a soft link leads to an object that is visited anyway, or to none
            item = group[name]
            # Hard links may form circles: an object is known by its address in the file, not by its name.
            if (address := h5py.h5o.get_info(item.id).addr) in visited:
                continue
            visited.add(address)
            if len(visited) > _MOST_OBJECTS:
                raise InputError(f"{path}: expected tracks; found more than {_MOST_OBJECTS:,} groups and arrays")
            contents.add(item, name)
            if isinstance(item, h5py.Group):
                unvisited.append(item)
    for reference in contents.references:
        if h5py.h5o.get_info(h5r.dereference(reference, file.id)).addr not in visited:
            raise InputError(f"{path}: refused, as it refers to an object that none of its groups holds")


class _Contents:
    """The size of the objects of a file, and the objects that they refer to.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        # A small file cannot hold what any file may take: its numbers would all be ones that it does not store.
        self.left = min(limits.most_bytes(self.size), max(_LEAST, _MOST_UNPACKED * self.size))
        self.names_left = _MOST_NAMES
        self.references: list[Any] = []

    def add(self, item: Any, name: str) -> None:
        """Look at an object and its attributes.

        Raises:
            InputError: it keeps data elsewhere, or takes more than is left.
        """
        if isinstance(item, h5py.Dataset):
            self._add_dataset(item, name)
        for i in range(h5a.get_num_attrs(item.id)):
            self.count_names(1)
            attribute = h5a.open(item.id, index=i)
            count, kind = math.prod(attribute.shape or ()), attribute.get_type()
            self._take(count * kind.get_size(), f"an attribute of {name!r}")
            if variable := count * _variable_parts(kind, self.path):
                # HDF5 reads an attribute as a whole, and each of its texts may be as long as the file.
                if variable * self.size > limits.most_bytes(self.size):
                    raise self._too_much(f"an attribute of {name!r} has {variable:,} texts")
                self._measure(item.attrs[attribute.name.decode()], name)
            elif _holds_references(kind):
                self._measure(item.attrs[attribute.name.decode()], name)

    def count_names(self, count: int) -> None:
        """Count links, attributes or texts.

        Raises:
            InputError: there are too many.
        """
        self.names_left -= count
        if self.names_left < 0:
            raise InputError(f"{self.path}: expected tracks; found more than {_MOST_NAMES:,} names and texts")

    def _add_dataset(self, dataset: h5py.Dataset, name: str) -> None:
        if dataset.is_virtual or dataset.external:
            raise InputError(f"{self.path}: refused, as the data of its {name!r} are in other files")
        if dataset.shape is None:
            return
        kind = dataset.id.get_type()
        size = math.prod(dataset.shape) * kind.get_size()
        if dataset.chunks:
            chunk = math.prod(dataset.chunks) * kind.get_size()  # HDF5 unpacks whole chunks
            self._take(max(size, chunk), f"{name!r} declares the shape {dataset.shape}")
            count = math.prod(-(-length // step) for length, step in zip(dataset.shape, dataset.chunks, strict=True))
            self._take(count * _CHUNK_BYTES, f"{name!r} is cut into {count:,} chunks")
            self._require_small_chunks(dataset, name, chunk)
        else:
            self._take(size, f"{name!r} declares the shape {dataset.shape}")
        if parts := _variable_parts(kind, self.path):
            self.count_names(dataset.size * parts)
            for value in _pieces(dataset, max(1, limits.LEAST // (self.size * parts))):
                self._measure(value, name)
        elif _holds_references(kind):
            self.count_names(dataset.size)
            self._measure(dataset[()], name)

    def _require_small_chunks(self, dataset: h5py.Dataset, name: str, chunk: int) -> None:
        """Make sure that the chunks unpack to no more than a chunk, as HDF5 does not."""
        settings = dataset.id.get_create_plist()
        filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
        packers = [number for number in filters if number in _PACKERS]
        if others := [number for number in filters if number not in _FILTERS]:
            raise InputError(
                f"{self.path}: expected {name!r} to be packed with gzip, lzf or not at all; found HDF5's filter "
                f"{others[0]}: rewrite the file with h5repack -f GZIP=4"
            )
        if len(packers) > 1:
            raise InputError(f"{self.path}: refused, as its {name!r} is packed {len(packers)} times")
        if h5z.FILTER_DEFLATE not in filters:
            return  # lzf unpacks at most 90 bytes from one
        most = max(chunk, limits.LEAST)
        if dataset.id.get_storage_size() * _MOST_UNPACKED <= most:
            return
        large: list[tuple[int, ...]] = []

        def note(stored: Any) -> None:
            if stored.size * _MOST_UNPACKED > most:
                large.append(stored.chunk_offset)

        dataset.id.chunk_iter(note)
        for place in large:
            _, packed = dataset.id.read_direct_chunk(place)
            if not _unpacks_to(packed, chunk):
                raise self._too_much(f"a chunk of {name!r} unpacks to more than its {chunk:,} bytes")

    def _measure(self, value: Any, name: str) -> None:
        """Take the memory of texts that were read, and note references."""
        if isinstance(value, bytes | str):
            self._take(len(value), f"{name!r} holds long texts")
        elif isinstance(value, h5py.Reference | h5py.RegionReference):
            if value:
                self.references.append(value)
        elif isinstance(value, np.ndarray | np.void) and value.dtype.hasobject:
            for part in np.ravel(value).tolist() if value.dtype.names is None else np.atleast_1d(value).tolist():
                self._measure(part, name)
        elif isinstance(value, np.ndarray):
            self._take(value.nbytes, f"{name!r} holds long lists")
        elif isinstance(value, tuple | list):
            for part in value:
                self._measure(part, name)

    def _take(self, size: int, what: str) -> None:
        self.left -= size
        if self.left < 0:
            raise self._too_much(what)

    def _too_much(self, what: str) -> InputError:
        return InputError(f"{self.path}: {what}, more than the file can hold")


def _unpacks_to(packed: bytes, most: int) -> bool:
    """Return whether bytes of gzip unpack to at most this many, without unpacking more than a megabyte at a time."""
    unpacker = zlib.decompressobj()
    count, rest = 0, packed
    while rest and not unpacker.eof:
        count += len(unpacker.decompress(rest, 1 << 20))
        rest = unpacker.unconsumed_tail
        if count > most:
            return False
    return True


def _pieces(dataset: h5py.Dataset, length: int) -> Iterator[Any]:
    """Yield the entries of a dataset, at most so many at a time: all may point to the same long text, stored once."""
    if dataset.shape == ():
        yield dataset[()]
        return
    for place in np.ndindex(dataset.shape[:-1]):
        for start in range(0, dataset.shape[-1], length):
            yield dataset[(*place, slice(start, start + length))]


def _variable_parts(kind: Any, path: Path) -> int:
    """Return how many texts or lists of any length a value of this type holds."""
    if isinstance(kind, h5t.TypeStringID):
        return int(kind.is_variable_str())
    if isinstance(kind, h5t.TypeVlenID):
        if _variable_parts(kind.get_super(), path):
            raise InputError(f"{path}: refused, as it has lists of lists of any length")
        return 1
    if isinstance(kind, h5t.TypeArrayID):
        return math.prod(kind.get_array_dims()) * _variable_parts(kind.get_super(), path)
    if isinstance(kind, h5t.TypeCompoundID):
        return sum(_variable_parts(kind.get_member_type(i), path) for i in range(kind.get_nmembers()))
    return 0


def _holds_references(kind: Any) -> bool:
    if isinstance(kind, h5t.TypeCompoundID):
        return any(_holds_references(kind.get_member_type(i)) for i in range(kind.get_nmembers()))
    if isinstance(kind, h5t.TypeArrayID | h5t.TypeVlenID):
        return _holds_references(kind.get_super())
    return isinstance(kind, h5t.TypeReferenceID)
