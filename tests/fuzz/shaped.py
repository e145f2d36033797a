"""Changes of what a format defines: files that an attacker would write."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
from random import Random

import h5py
import numpy as np

from tests.fuzz.bytes import ANY, Mutation

_DTYPES = ("f8", "f4", "i8", "u8", "u1", "S4", "c16", "?")


def hdf5(data: bytes, rng: Random) -> bytes:
    """Change one dataset, link or attribute of an HDF5 file."""
    file = io.BytesIO(data)
    with h5py.File(file, "r+") as opened:
        paths: list[str] = []
        opened.visit(paths.append)
        path = rng.choice(paths)
        _HDF5[rng.randrange(len(_HDF5))](opened, path, rng)
    return file.getvalue()


def _replaced(file: h5py.File, path: str, rng: Random) -> None:
    attributes = dict(file[path].attrs) if isinstance(file[path], h5py.Dataset) else {}
    shape = tuple(rng.choice((0, 1, 2, 3, 7)) for _ in range(rng.randrange(5)))
    del file[path]
    file[path] = np.full(shape, rng.choice((0, 1, 9)), np.dtype(rng.choice(_DTYPES)))
    for name, value in attributes.items():
        file[path].attrs[name] = value


def _huge(file: h5py.File, path: str, rng: Random) -> None:
    shape = rng.choice([(10**12,), (10**6, 10**6), (10**5, 2, 13, 10**5), (1, 0, 10**15), (10**8,)])
    del file[path]
    file.create_dataset(path, shape, "f8", chunks=tuple(min(n, 1024) or 1 for n in shape))


def _bomb(file: h5py.File, path: str, _: Random) -> None:
    del file[path]
    shape = (200, 1 << 20)
    file.create_dataset(path, shape, "f8", chunks=(1, 1 << 20), compression="gzip", compression_opts=1)
    file[path][0] = 0.0


def _external_link(file: h5py.File, path: str, rng: Random) -> None:
    del file[path]
    file[path] = h5py.ExternalLink(rng.choice(("/etc/passwd", "other.h5", "")), "/tracks")


def _soft_link(file: h5py.File, path: str, rng: Random) -> None:
    del file[path]
    file[path] = h5py.SoftLink(rng.choice((f"/{path}", "/", "/nowhere", "..")))


def _external_storage(file: h5py.File, path: str, _: Random) -> None:
    del file[path]
    file.create_dataset(path, (16,), "u1", external=[("/etc/passwd", 0, 16)])


def _virtual(file: h5py.File, path: str, _: Random) -> None:
    del file[path]
    layout = h5py.VirtualLayout((4, 4), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4, 4))
    file.create_virtual_dataset(path, layout)


def _loop(file: h5py.File, _: str, rng: Random) -> None:
    file[f"{rng.randrange(10**6)}"] = file["/"]


def _attribute(file: h5py.File, path: str, rng: Random) -> None:
    owner = file[path] if rng.random() < 0.7 else file
    names = list(owner.attrs) or ["dims"]
    values = (5, "[[[", "[" * 5000, b"\xff\xfe", np.zeros((3, 3)), pickle.dumps(print, 0), "null", -1, 10**9)
    owner.attrs[rng.choice(names)] = rng.choice(values)


def _values(file: h5py.File, path: str, rng: Random) -> None:
    dataset = file[path]
    if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in "fiu" and dataset.size:
        at = tuple(rng.randrange(n) for n in dataset.shape)
        choices = (np.inf, -np.inf, np.nan, 1e300) if dataset.dtype.kind == "f" else (-1, 10**6, 127)
        value = np.array(rng.choice(choices))
        with np.errstate(all="ignore"):
            dataset[at] = value.astype(dataset.dtype)


_HDF5 = (
    *(_replaced, _replaced, _huge, _bomb, _external_link, _soft_link, _external_storage, _virtual, _loop),
    *(_attribute, _attribute, _values, _values),
)


def safetensors(data: bytes, rng: Random) -> bytes:
    """Change the header of a safetensors file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    name = rng.choice([key for key in header if key != "__metadata__"])
    kind = rng.randrange(7)
    if kind == 0:
        return struct.pack("<Q", rng.choice((0, 1, 2**63, length + 10**6, len(data)))) + data[8:]
    if kind == 1:
        header[name]["shape"] = rng.choice([[10**12], [-1, -1], [0, 10**15], [1.5], "12", [], [1e999], None])
    elif kind == 2:
        header[name]["dtype"] = rng.choice(["F64", "BOOL", "I8", "O", [], None, "BF16"])
    elif kind == 3:
        header[name]["data_offsets"] = rng.choice([[0, 10**12], [-8, 8], [8, 0], [0.5, 1], "ab", [0], [0, 0]])
    elif kind == 4:
        header[name] = header.pop(rng.choice([key for key in header if key != "__metadata__"]))
    elif kind == 5:
        header["__metadata__"] = rng.choice([None, [], "ssl_behavior.recording", {}, 5])
    else:
        kind_of_file = next(iter(header["__metadata__"]))
        text = header["__metadata__"][kind_of_file].encode()
        header["__metadata__"][kind_of_file] = values(text, rng).decode("utf-8", "replace")
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data[8 + length :]


_PLAIN = (
    None,
    5,
    -1,
    1e308,
    float("nan"),
    float("inf"),
    True,
    "",
    "a" * 2000,
    [],
    {},
    [[]],
    [1, [2]],
    10**400,
    "\x1b[2J",
)


def npz(data: bytes, rng: Random) -> bytes:
    """Change one array of an .npz, in its header, its values, its type or its shape."""
    file, changed = io.BytesIO(data), io.BytesIO()
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    if rng.random() < 0.5:
        members[name] = rng.choice(ANY)(members[name], rng)
    else:
        shape = tuple(rng.choice((0, 1, 2, 8, 9)) for _ in range(rng.choice((0, 1, 1, 2))))
        array = np.full(shape, rng.choice((0, 1, 10**6, -1, "nose")))
        np.save(content := io.BytesIO(), array.astype(rng.choice((array.dtype, "f8", "U4")), casting="unsafe"))
        members[name] = content.getvalue()
    with zipfile.ZipFile(changed, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content_of_member in members.items():
            archive.writestr(name, content_of_member)
    return changed.getvalue()


def change(tree: object, rng: Random) -> object:
    """Change one value or key of nested dicts and lists."""
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        key = rng.choice(list(tree))
        if rng.random() < 0.1:
            return {name: value for name, value in tree.items() if name != key}
        return {**tree, key: change(tree[key], rng)}
    if isinstance(tree, list) and tree and rng.random() < 0.8:
        at = rng.randrange(len(tree))
        return [*tree[:at], change(tree[at], rng), *tree[at + 1 :]]
    return rng.choice(_PLAIN)


def values(data: bytes, rng: Random) -> bytes:
    """Change one value of a JSON file."""
    try:
        return json.dumps(change(json.loads(data), rng)).encode()
    except ValueError:
        return data


def pickled(data: bytes, rng: Random) -> bytes:
    """Change one value of the pickled dict in a .npy file, perhaps to an array of another shape and type."""
    tree = np.load(io.BytesIO(data), allow_pickle=True).item()
    array = np.full(tuple(rng.choice((0, 1, 2, 7)) for _ in range(rng.randrange(5))), 1, rng.choice(_DTYPES))
    tree = put_value(tree, rng, rng.choice((*_PLAIN, array, array, np.array([None, {}]), {1: 2}, (1, 2), {1}, b"x")))
    out = io.BytesIO()
    np.save(out, np.array(tree, object), allow_pickle=True)
    return out.getvalue()


def put_value(tree: object, rng: Random, value: object) -> object:
    """Put a value at a random place in nested dicts."""
    if not isinstance(tree, dict) or not tree or rng.random() < 0.1:
        return value
    key = rng.choice(list(tree))
    return {**tree, key: put_value(tree[key], rng, value)}


def bomb(data: bytes, rng: Random) -> bytes:
    """A .gz file that expands to the beginning of the file and a gigabyte of one byte."""
    head = gzip.decompress(data)[: rng.randrange(2000)]
    block = rng.choice((b" ", b"0", b"[", b",", b"\n", b'"', b"a")) * (1 << 20)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(1024):
            file.write(block)
    return out.getvalue()


def wide(data: bytes, rng: Random) -> bytes:
    """A table of ten million columns."""
    separator = rng.choice((b",", b";", b"\t", b"\r"))
    lines = data.split(b"\n")
    at = rng.randrange(min(5, len(lines)))
    return b"\n".join([*lines[:at], lines[at] + (separator + rng.choice((b"x", b"1", b'"'))) * 10**7, *lines[at + 1 :]])


def long_row(data: bytes, rng: Random) -> bytes:
    """JSON in which a list has ten million numbers, or a thousand brackets."""
    at = data.find(b"[", rng.randrange(len(data)))
    return data[: at + 1] + rng.choice((b"1," * 10**7, b"[1" + b",1" * 10**7 + b"],", b"[" * 10**6)) + data[at + 1 :]


def laughs(data: bytes, rng: Random) -> bytes:
    """YAML whose aliases or merged keys expand to a billion values, before or after the content."""
    lines = [b"a0: &a0 {k0: x, k1: y}"]
    for i in range(1, 12):
        alias = b"*a%d" % (i - 1)
        lines.append(
            b"a%d: &a%d " % (i, i)
            + rng.choice((b"[" + b",".join([alias] * 10) + b"]", b"{<<: [" + b",".join([alias] * 10) + b"]}"))
        )
    return rng.choice((b"\n".join(lines) + b"\n" + data, data + b"\n" + b"\n".join(lines), b"[" * 10**5))


RARE: tuple[Mutation, ...] = (bomb, wide, long_row)
"""Changes that take long to make."""
