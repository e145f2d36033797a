"""The fast form: a file per recording, its arrays read by memory map, everything of a Recording kept to the bit.

The file is in the safetensors layout: the length of a header, a JSON header that names type, shape and place of each
array, then the plain bytes. Against a folder of .npy files it is one file that is whole or not there, and folders and
globs hold one file per video as with any format; against .npz it can be mapped into memory; nothing in it can act, and
numpy, torch, JAX and R read it without us. What is no array goes into the header as one JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ssl_behavior.errors import InputError
from ssl_behavior.formats.paths import replacing
from ssl_behavior.recordings import Labels, Recording, Skeleton

NAME = "native"
SUFFIX = ".safetensors"
_KEY = "ssl_behavior.recording"
_LONGEST_HEADER = 100 << 20
_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}


def write(path: str | Path, recordings: Iterable[Recording]) -> list[Path]:
    """Write each recording to a file of its own in the folder ``path``, or one recording to the file ``path``.

    A name that ends in ``.safetensors`` is a file. In a folder a file is named by its recording's id, ``/`` as ``_``.

    Raises:
        InputError: two ids give one name, or a recording holds what neither an array nor JSON can say.
    """
    path = Path(path)
    recordings = list(recordings)
    if path.suffix == SUFFIX:
        if len(recordings) != 1:
            raise InputError(f"{path}: one file takes one recording and there are {len(recordings)}; give a folder")
        files = [path]
    else:
        files = [path / f"{recording.id.replace('/', '_')}{SUFFIX}" for recording in recordings]
        if len(set(files)) < len(files):
            raise InputError(f"{path}: two recordings' ids differ only in / and _; give them other ids")
    for file, recording in zip(files, recordings, strict=True):
        _write(file, recording)
    return files


def detect(path: Path) -> bool:
    """A .safetensors file that holds a recording and not, say, weights."""
    if path.suffix != SUFFIX:
        return False
    try:
        return _KEY in _header(path)[0].get("__metadata__", {})
    except (InputError, OSError):
        return False


def read(path: Path) -> list[Recording]:
    """The recording of one file. Its arrays stay on disk until they are looked at.

    Raises:
        InputError: the file is cut short or is no recording.
    """
    header, start = _header(path)
    try:
        about = json.loads(header.pop("__metadata__")[_KEY])
        arrays = {name: _mapped(path, start, entry) for name, entry in header.items()}
        labels = {
            channel: Labels(
                tuple(known["behaviours"]), arrays[f"labels/{channel}"], known["pair"] and tuple(known["pair"])
            )
            for channel, known in about["labels"].items()
        }
        skeleton = Skeleton(
            tuple(about["keypoints"]), tuple((a, b) for a, b in about["edges"]), dict(about["landmarks"])
        )
        series = {name.removeprefix("series/"): values for name, values in arrays.items() if name.startswith("series/")}
        return [
            Recording(
                about["id"],
                arrays["positions"],
                tuple(about["individuals"]),
                skeleton,
                about["frame_rate"],
                arrays.get("confidence"),
                labels,
                series,
                about["unit"],
                about["source"],
                about["metadata"],
            )
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: expected a recording that ssl_behavior wrote; convert it again ({error!r})"
        ) from None


def _write(path: Path, recording: Recording) -> None:
    arrays = {"positions": recording.positions}
    if recording.confidence is not None:
        arrays["confidence"] = recording.confidence
    arrays |= {f"labels/{channel}": labels.values for channel, labels in recording.labels.items()}
    arrays |= {f"series/{name}": values for name, values in recording.series.items()}
    skeleton = recording.skeleton
    about = {
        "id": recording.id,
        "individuals": recording.individuals,
        "keypoints": skeleton.keypoints,
        "edges": skeleton.edges,
        "landmarks": dict(skeleton.landmarks),
        "frame_rate": recording.frame_rate,
        "labels": {name: {"behaviours": own.behaviours, "pair": own.pair} for name, own in recording.labels.items()},
        "unit": recording.unit,
        "source": recording.source,
        "metadata": dict(recording.metadata),
    }
    try:
        text = json.dumps(about, default=_plain)
        with replacing(path) as aside:
            save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, aside, {_KEY: text})
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"{path}: recording {recording.id!r} holds what cannot be written ({error})") from None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | set | frozenset):
        return sorted(value) if not isinstance(value, tuple) else list(value)
    raise TypeError(f"{type(value).__name__} is neither an array nor plain text or numbers")


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The header and where the arrays' bytes start."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size):
            raise InputError(f"{path}: expected a safetensors file and found none, or one that is cut short")
        try:
            header = json.loads(file.read(length))
        except ValueError:
            raise InputError(f"{path}: expected a safetensors file and found a header that is no JSON") from None
    if not isinstance(header, dict):
        raise InputError(f"{path}: expected a safetensors file and found a header that is no JSON object")
    return header, 8 + length


def _mapped(path: Path, start: int, entry: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    shape = tuple(int(length) for length in entry["shape"])
    first, last = entry["data_offsets"]
    if last - first != dtype.itemsize * int(np.prod(shape, dtype=object)) or start + last > path.stat().st_size:
        raise InputError(f"{path}: it is cut short; convert it again")
    if first == last:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start + first, shape)
