"""CalMS21's JSON by other people's parsers: each reads a file to float32 arrays, as ``formats.json_stream`` does.

Some stream; others need the whole text in memory, and stand here to show what that would bring.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = ("keypoints", "scores", "annotations")


def _arrays(sequences: Mapping[str, Any]) -> list[np.ndarray]:
    return [np.array(fields[name], np.float32) for fields in sequences.values() for name in FIELDS]


def ijson_items(path: Path) -> list[np.ndarray]:
    """One sequence after the other as lists, by the fastest of ijson's backends."""
    import ijson

    backend = ijson.get_backend("yajl2_c")
    with open(path, "rb") as file:
        found = backend.kvitems(file, "annotator-id_0", use_float=True)
        return [array for name, fields in found for array in _arrays({name: fields})]


def ijson_events(path: Path) -> list[np.ndarray]:
    """Number by number, without lists of lists."""
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
    """One sequence after the other, with the tokenizer in Rust."""
    import json_stream

    with open(path, encoding="utf-8") as file:
        groups = json_stream.load(file)
        sequences = groups["annotator-id_0"].items()
        return [array for name, one in sequences for array in _arrays({name: json_stream.to_standard_types(one)})]


def standard(path: Path) -> list[np.ndarray]:
    """Python's own."""
    import json

    return _arrays(json.loads(path.read_bytes())["annotator-id_0"])


def orjson_loads(path: Path) -> list[np.ndarray]:
    """The whole tree as Python objects."""
    import orjson

    return _arrays(orjson.loads(path.read_bytes())["annotator-id_0"])


def msgspec_decode(path: Path) -> list[np.ndarray]:
    """The whole tree as Python objects."""
    import msgspec

    return _arrays(msgspec.json.decode(path.read_bytes())["annotator-id_0"])


def simdjson_buffers(path: Path) -> list[np.ndarray]:
    """Numbers straight into buffers; the tree stays simdjson's."""
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
    """Whether the library behind a peer's name is there."""
    from importlib.util import find_spec

    return find_spec(peer.split()[0].strip(",")) is not None
