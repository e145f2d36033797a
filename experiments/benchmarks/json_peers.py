"""Readers of CalMS21's JSON with other libraries, each to float32 arrays, as ``untrusted.json_arrays`` does.

Some of these libraries stream. Others need the whole text in memory; they show what that would gain.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = ("keypoints", "scores", "annotations")


def _arrays(sequences: Mapping[str, Any]) -> list[np.ndarray]:
    return [np.array(fields[name], np.float32) for fields in sequences.values() for name in FIELDS]


def ijson_items(path: Path) -> list[np.ndarray]:
    """ijson's fastest backend, one sequence after the other as lists."""
    import ijson

    backend = ijson.get_backend("yajl2_c")
    with open(path, "rb") as file:
        sequences = backend.kvitems(file, "annotator-id_0", use_float=True)
        return [array for name, fields in sequences for array in _arrays({name: fields})]


def ijson_events(path: Path) -> list[np.ndarray]:
    """ijson, number by number, without nested lists."""
    import ijson

    backend = ijson.get_backend("yajl2_c")
    arrays = []
    with open(path, "rb") as file:
        events = backend.basic_parse(file, use_float=True)
        for event, value in events:
            if event == "map_key" and value in FIELDS:
                arrays.append(np.fromiter(_numbers(events), np.float32))
    return arrays


def _numbers(events: Iterator[tuple[str, Any]]) -> Iterator[float]:
    depth = 0
    for event, value in events:
        if event == "number":
            yield value
        else:
            depth += 1 if event == "start_array" else -1
            if not depth:
                return


def json_stream_lists(path: Path) -> list[np.ndarray]:
    """json-stream with its tokenizer in Rust, one sequence after the other."""
    import json_stream

    with open(path, encoding="utf-8") as file:
        groups = json_stream.load(file)
        sequences = groups["annotator-id_0"].items()
        return [array for name, fields in sequences for array in _arrays({name: json_stream.to_standard_types(fields)})]


def standard(path: Path) -> list[np.ndarray]:
    """Python's ``json``, the whole tree as Python objects."""
    import json

    return _arrays(json.loads(path.read_bytes())["annotator-id_0"])


def orjson_loads(path: Path) -> list[np.ndarray]:
    """orjson, the whole tree as Python objects."""
    import orjson

    return _arrays(orjson.loads(path.read_bytes())["annotator-id_0"])


def msgspec_decode(path: Path) -> list[np.ndarray]:
    """msgspec, the whole tree as Python objects."""
    import msgspec

    return _arrays(msgspec.json.decode(path.read_bytes())["annotator-id_0"])


def simdjson_buffers(path: Path) -> list[np.ndarray]:
    """simdjson, numbers straight into buffers without Python objects."""
    import simdjson

    parser = simdjson.Parser()
    groups: Any = parser.parse(path.read_bytes())
    return [
        np.frombuffer(fields[name].as_buffer(of_type="d"), float).astype(np.float32)
        for fields in map(groups["annotator-id_0"].__getitem__, groups["annotator-id_0"].keys())
        for name in FIELDS
    ]


STREAMING: dict[str, Callable[[Path], object]] = {
    "ijson yajl2_c, items": ijson_items,
    "ijson yajl2_c, events": ijson_events,
    "json_stream, Rust tokenizer": json_stream_lists,
}
WHOLE: dict[str, Callable[[Path], object]] = {
    "simdjson, buffers": simdjson_buffers,
    "orjson": orjson_loads,
    "msgspec": msgspec_decode,
    "json of Python": standard,
}
SLOW = {"json_stream, Rust tokenizer"}
"""Given a smaller file."""


def is_installed(peer: str) -> bool:
    """Whether the library of this name is installed."""
    from importlib.util import find_spec

    return find_spec(peer.split()[0].strip(",")) is not None
