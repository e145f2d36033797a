"""JSON in a stream: equal to json.load, for every cut of its blocks, and one sentence for what is broken."""

import gzip
import json
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.formats.untrusted import json_arrays

_TREE = {
    'group ]}[{ \\ "quoted"': {
        "a": {"keypoints": np.arange(24.0).reshape(2, 3, 2, 2).tolist(), "flat": [1, -2.5e-3, 3], "one": [[7]]},
        "empty": {},
        "none": [],
    },
    "vocabulary": ["attack", "mount"],
    "number": 3,
    "null": None,
    "text": "ünïcode",
}


def _plain(tree):
    if isinstance(tree, np.ndarray):
        return tree.tolist()
    return {key: _plain(value) for key, value in tree.items()} if isinstance(tree, dict) else tree


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 0, 3])
def test_equals_json_for_any_block_size_and_white_space(tmp_path, monkeypatch, block, indent):
    monkeypatch.setattr(json_arrays, "_BLOCK", block)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(_TREE, indent=indent, ensure_ascii=False), encoding="utf-8")
    expected = json.loads(json.dumps(_TREE), parse_float=lambda text: float(np.float32(text)))
    assert _plain(json_arrays.load(path)) == expected


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 50),
)
def test_every_float32_comes_back_to_the_bit(tmp_path_factory, rows, block):
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps({"x": rows}))
    before = json_arrays._BLOCK
    json_arrays._BLOCK = block
    try:
        np.testing.assert_array_equal(json_arrays.load(path)["x"], np.array(rows, np.float32))
    finally:
        json_arrays._BLOCK = before


def test_missing_numbers_are_nan_and_gzip_is_read(tmp_path):
    with gzip.open(tmp_path / "a.json.gz", "wt") as file:
        file.write('{"x": [[null, 1], [2, NaN]], "y": [null, 2]}')
    tree = json_arrays.load(tmp_path / "a.json.gz")
    np.testing.assert_array_equal(tree["x"], [[np.nan, 1], [2, np.nan]])
    np.testing.assert_array_equal(tree["y"], [np.nan, 2])


@pytest.mark.parametrize(
    "text",
    [
        '{"x": [[1, 2], [3]]}',
        '{"x": [[1, 2], [3], [4, 5, 6]]}',
        '{"x": [[1, 2], 3, 4]}',
        '{"x": [1, , 2]}',
        '{"x": [1, 2,]}',
        '{"x": [1, "a"]}',
        '{"x": [[1, 2], [3, 4]}',
        '{"x": [1, 2',
        '{"x": 1, "x": 2}',
        '{"x": tru}',
        '{"x": "a',
        '{"x" 1}',
        '{"x": 1} 2',
        "[" * 100,
        "",
    ],
)
def test_broken_json_is_one_sentence_with_the_file(tmp_path, text):
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(InputError, match=r"broken\.json"):
        json_arrays.load(tmp_path / "broken.json")


def test_peak_memory_is_under_three_times_the_arrays(tmp_path):
    """One long sequence is the hardest case: its text and its arrays cannot lie in memory one after the other."""
    frames = 250_000
    random = np.random.default_rng(0)
    frame = json.dumps((random.random((2, 2, 7)) * 1000).tolist())
    scores = json.dumps(random.random((2, 7)).tolist())
    with open(tmp_path / "a.json", "w") as file:
        file.write('{"annotator-id_0": {"a": {"keypoints": [' + ",".join([frame] * frames) + '], "scores": [')
        file.write(",".join([scores] * frames) + '], "annotations": [' + ",".join(["1"] * frames))
        file.write('], "metadata": {"vocab": {"attack": 0, "other": 1}}}}}')
    tracemalloc.start()
    (recording,) = calms21.read(tmp_path / "a.json")
    peak = tracemalloc.get_traced_memory()[1] + pa.default_memory_pool().max_memory()
    tracemalloc.stop()
    arrays = recording.positions.nbytes + recording.confidence.nbytes + recording.labels["behaviour"].values.nbytes
    assert arrays > 40_000_000
    assert arrays < peak < 3 * arrays
