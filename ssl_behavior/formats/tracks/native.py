"""The fast form: a file per recording, its arrays read by memory map, everything of a Recording kept to the bit.

Folders and globs hold one file per video, as with any format; see ``mapped`` for the layout. Of the positions a file
states the fingerprint: a program that changes them has to leave it out, as what was prepared of others is kept by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, ContentHash, Recording, Skeleton
from ssl_behavior.storage.array_files import SUFFIX, is_kind, read_arrays, write_arrays

NAME = "native"
_KEY = "ssl_behavior.recording"


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
    return is_kind(path, _KEY)


def read(path: Path) -> list[Recording]:
    """The recording of one file. Its arrays stay on disk until they are looked at.

    Raises:
        InputError: the file is cut short or is no recording.
    """
    arrays, about = read_arrays(path, _KEY)
    try:
        return [unpack(arrays, about)]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"{path}: expected a recording that ssl_behavior wrote; convert it again ({error!r})"
        ) from None


def pack(recording: Recording) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A recording as ``write_arrays`` takes it: its arrays by name, and all else."""
    arrays = {"positions": recording.positions}
    if recording.confidence is not None:
        arrays["confidence"] = recording.confidence
    arrays |= {f"labels/{channel}": labels.values for channel, labels in recording.labels.items()}
    arrays |= {f"series/{name}": values for name, values in recording.series.items()}
    skeleton = recording.skeleton
    return arrays, {
        "id": recording.id,
        "individuals": recording.individuals,
        "keypoints": skeleton.keypoints,
        "edges": skeleton.edges,
        "landmarks": dict(skeleton.landmarks),
        "series": list(recording.series),
        "frame_rate": None if recording.needs_frame_rate else recording.frame_rate,
        "labels": {name: {"behaviours": own.behaviours, "pair": own.pair} for name, own in recording.labels.items()},
        "unit": recording.unit,
        "source": recording.source,
        "metadata": dict(recording.metadata),
        "fingerprint": recording.fingerprint(),
    }


def unpack(arrays: Mapping[str, np.ndarray], about: Any) -> Recording:
    """The recording that ``pack`` took apart.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, InputError: something is missing or of another kind.
    """
    labels = {
        channel: Labels(
            _texts(known["behaviours"]),
            _of_kind(arrays[f"labels/{channel}"], "iu"),
            _pair(known["pair"]) if known["pair"] else None,
        )
        for channel, known in about["labels"].items()
    }
    edges = tuple((_text(a), _text(b)) for a, b in about["edges"])
    skeleton = Skeleton(_texts(about["keypoints"]), edges, dict(about["landmarks"]))
    # Files of before 0.1.0 state neither the order of the series nor a fingerprint.
    there = [name.removeprefix("series/") for name in arrays if name.startswith("series/")]
    series = {name: arrays[f"series/{name}"] for name in about.get("series", there)}
    tracks = _of_kind(arrays["positions"], "f"), arrays.get("confidence")
    needs_frame_rate = about["frame_rate"] is None
    stated = ContentHash(str(about["fingerprint"]), tracks) if "fingerprint" in about else None
    return Recording(
        _text(about["id"]),
        tracks[0],
        _texts(about["individuals"]),
        skeleton,
        ASSUMED_FRAME_RATE if needs_frame_rate else about["frame_rate"],
        tracks[1],
        labels,
        series,
        _text(about["unit"]),
        _text(about["source"]),
        dict(about["metadata"]),
        stated,
        needs_frame_rate,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} in place of text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple):
        raise TypeError(f"{values!r:.40} in place of a list of texts")
    return tuple(map(_text, values))


def _pair(values: Any) -> tuple[str, str]:
    agent, target = _texts(values)
    return agent, target


def _of_kind(values: np.ndarray, kinds: str) -> np.ndarray:
    if values.dtype.kind not in kinds:
        raise TypeError(f"numbers of {values.dtype}")
    return values


def pack_all(recordings: Sequence[Recording]) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """As ``pack``, of any number of recordings together.

    Raises:
        ValueError: a recording's metadata would not come back as they are.
    """
    arrays: dict[str, np.ndarray] = {}
    abouts = []
    for number, recording in enumerate(recordings):
        own, about = pack(recording)
        if repr(json.loads(json.dumps(about["metadata"]))) != repr(about["metadata"]):
            raise ValueError(f"metadata of {recording.id!r} are not of JSON's own types")
        arrays |= {f"{number}/{name}": values for name, values in own.items()}
        abouts.append(about)
    return arrays, abouts


def unpack_all(arrays: Mapping[str, np.ndarray], abouts: Any) -> list[Recording]:
    """The recordings that ``pack_all`` took apart, in order.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, InputError: something is missing or of another kind.
    """
    owned: list[dict[str, np.ndarray]] = [{} for _ in abouts]
    for name, values in arrays.items():
        number, _, rest = name.partition("/")
        owned[int(number)][rest] = values
    return [unpack(own, about) for own, about in zip(owned, abouts, strict=True)]


def _write(path: Path, recording: Recording) -> None:
    try:
        arrays, about = pack(recording)
        write_arrays(path, arrays, _KEY, about)
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"{path}: recording {recording.id!r} holds what cannot be written ({error})") from None
