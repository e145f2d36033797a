"""The native format: one file per recording, which keeps every bit of it and is read by memory map.

``storage.array_files`` describes the layout. The file stores a hash of the positions, which keys the pose cache, and
checksums: a file whose arrays were edited in place is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.content_hash import ContentHash
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.array_files import SUFFIX, is_kind, read_arrays, write_arrays
from ssl_behavior.storage.video_names import file_stems

NAME = "native"
_KEY = "ssl_behavior.recording"


def write(path: str | Path, recordings: Iterable[Recording]) -> list[Path]:
    """Write each recording to its own file in a folder, or one recording to one file.

    Args:
        path: a file if it ends in ``.safetensors``; otherwise a folder, in which ``file_stems`` of the
            recordings' ids name the files.
        recordings: exactly one if ``path`` is a file.

    Returns:
        The files, in the order of the recordings.

    Raises:
        InputError: a recording holds a value that neither an array nor JSON can.
    """
    path = Path(path)
    recordings = list(recordings)
    if path.suffix == SUFFIX:
        if len(recordings) != 1:
            raise InputError(f"{path}: one file takes one recording and there are {len(recordings)}; give a folder")
        files = [path]
    else:
        stems = file_stems(recording.id for recording in recordings)
        files = [path / f"{stems[recording.id]}{SUFFIX}" for recording in recordings]
    for file, recording in zip(files, recordings, strict=True):
        _write(file, recording)
    return files


def detect(path: Path) -> bool:
    """Return whether the file is a .safetensors file that holds a recording (and not, for example, weights)."""
    return is_kind(path, _KEY)


def read(path: Path) -> list[Recording]:
    """Read the recording of one file. Its arrays stay on disk until their values are used.

    Raises:
        InputError: the file is cut short or holds no recording.
    """
    arrays, about = read_arrays(path, _KEY)
    try:
        return [unpack(arrays, about)]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"{path}: expected a recording that ssl_behavior wrote; convert it again ({error!r})"
        ) from None


def pack(recording: Recording) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return a recording as ``write_arrays`` takes it: name -> array, and a dict of JSON values for everything else."""
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
        "frame_rate": None if recording.frame_rate_is_assumed else recording.frame_rate,
        "labels": {channel: describe_labels(labels) for channel, labels in recording.labels.items()},
        "unit": recording.unit,
        "source": recording.source,
        "metadata": dict(recording.metadata),
        "fingerprint": recording.fingerprint(),
        "notices": recording.notices,
    }


def unpack(arrays: Mapping[str, np.ndarray], about: Any) -> Recording:
    """Return the recording that ``pack`` took apart.

    Args:
        arrays: name -> array.
        about: the other values, from a file that may have been damaged or made by anybody.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, InputError: a value is missing or of the wrong type.
    """
    labels = {channel: labels_of(arrays[f"labels/{channel}"], fields) for channel, fields in about["labels"].items()}
    edges = tuple((_text(a), _text(b)) for a, b in about["edges"])
    skeleton = Skeleton(_texts(about["keypoints"]), edges, dict(about["landmarks"]))
    # Files from before version 0.1.0 store neither the order of the series nor a fingerprint.
    names_of_series = [name.removeprefix("series/") for name in arrays if name.startswith("series/")]
    series = {name: arrays[f"series/{name}"] for name in about.get("series", names_of_series)}
    positions, confidence = _require_kind(arrays["positions"], "f"), arrays.get("confidence")
    frame_rate_is_assumed = about["frame_rate"] is None
    has_hash = "fingerprint" in about
    return Recording(
        id=_text(about["id"]),
        positions=positions,
        individuals=_texts(about["individuals"]),
        skeleton=skeleton,
        frame_rate=ASSUMED_FRAME_RATE if frame_rate_is_assumed else about["frame_rate"],
        confidence=confidence,
        labels=labels,
        series=series,
        unit=_text(about["unit"]),
        source=_text(about["source"]),
        metadata=dict(about["metadata"]),
        content_hash=ContentHash(str(about["fingerprint"]), (positions, confidence)) if has_hash else None,
        frame_rate_is_assumed=frame_rate_is_assumed,
        notices=_texts(about.get("notices", [])),
    )


def describe_labels(labels: Labels) -> dict[str, Any]:
    """Return everything about labels but their values, as values of JSON."""
    return {"behaviours": labels.behaviours, "pair": labels.pair, "asked": labels.asked}


def labels_of(values: np.ndarray, about: Any) -> Labels:
    """Return the labels of which ``about`` is the description (``describe_labels``).

    Raises:
        KeyError, TypeError, ValueError, InputError: something is missing or of the wrong type.
    """
    # Files from before version 0.3 do not say what was asked.
    asked = about.get("asked")
    return Labels(
        _texts(about["behaviours"]),
        _require_kind(values, "iu"),
        _pair(about["pair"]) if about["pair"] else None,
        None if asked is None else _texts(asked),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r:.40}")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple):
        raise TypeError(f"expected a list of texts, got {values!r:.40}")
    return tuple(map(_text, values))


def _pair(values: Any) -> tuple[str, str]:
    agent, target = _texts(values)
    return agent, target


def _require_kind(values: np.ndarray, kinds: str) -> np.ndarray:
    """Return an array whose dtype has one of numpy's kind letters: "iu" for integers, "f" for real numbers."""
    if values.dtype.kind not in kinds:
        raise TypeError(f"expected an array of kind {kinds}, got {values.dtype}")
    return values


def pack_all(recordings: Sequence[Recording]) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return several recordings as ``write_arrays`` takes them (see ``pack``).

    Raises:
        ValueError: metadata of a recording would not come back unchanged.
    """
    arrays: dict[str, np.ndarray] = {}
    abouts = []
    for number, recording in enumerate(recordings):
        packed, about = pack(recording)
        # JSON turns tuples into lists and numbers as keys into text; repr shows such a change, == may not.
        if repr(json.loads(json.dumps(about["metadata"]))) != repr(about["metadata"]):
            raise ValueError(f"metadata of {recording.id!r} hold other types than JSON has")
        arrays |= {f"{number}/{name}": values for name, values in packed.items()}
        abouts.append(about)
    return arrays, abouts


def unpack_all(arrays: Mapping[str, np.ndarray], abouts: Any) -> list[Recording]:
    """Return the recordings that ``pack_all`` took apart, in order.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, InputError: a value is missing or of the wrong type.
    """
    arrays_of_each: list[dict[str, np.ndarray]] = [{} for _ in abouts]
    for name, values in arrays.items():
        number, _, own_name = name.partition("/")
        arrays_of_each[int(number)][own_name] = values
    return [unpack(own_arrays, about) for own_arrays, about in zip(arrays_of_each, abouts, strict=True)]


def _write(path: Path, recording: Recording) -> None:
    try:
        arrays, about = pack(recording)
        write_arrays(path, arrays, _KEY, about)
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"{path}: recording {recording.id!r} holds a value that cannot be written ({error})") from None
