"""Untrusted pickles: data come in unchanged, whatever could act is refused by name."""

import os
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats import pickles


class _Calls:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def _save(path: Path, content: object, protocol: int = 4) -> Path:
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(np.array(content, dtype=object), file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_scalars_and_containers_come_back_equal(tmp_path, protocol):
    content = {
        "float": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "text": np.array(["attack", "mount"]),
        "scalar": np.int64(7),
        "plain": [1, 2.5, None, True, "x", b"y", (1, 2), {3}, OrderedDict(a=1)],
        "nested": {"ragged": np.array([[1], [2, 3]], dtype=object)},
    }
    loaded = pickles.load(_save(tmp_path / "a.npy", content, protocol))
    for name in ("float", "fortran", "text"):
        np.testing.assert_array_equal(loaded[name], content[name])
        assert loaded[name].dtype == content[name].dtype
    assert loaded["scalar"] == 7
    assert loaded["plain"] == content["plain"]
    assert loaded["nested"]["ragged"][1] == [2, 3]


def test_file_of_numpy_1_names_is_read(tmp_path):
    path = _save(tmp_path / "a.npy", {"x": np.arange(3)}, protocol=2)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    np.testing.assert_array_equal(pickles.load(path)["x"], [0, 1, 2])


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (_Calls(os.system, "touch HIT"), "system"),
        (_Calls(eval, "open('HIT', 'w')"), "builtins.eval"),
        (_Calls(getattr, "text", "upper"), "builtins.getattr"),
        (_Calls(np.load, "HIT"), "numpy.*load"),
        ({"deep": [np.array([_Calls(os.system, "touch HIT")], dtype=object)]}, "system"),
        (Path("a"), "pathlib"),
    ],
)
def test_pickle_that_calls_something_is_refused_by_name(tmp_path, monkeypatch, content, named):
    monkeypatch.chdir(tmp_path)
    path = _save(tmp_path / "evil.npy", content)
    with pytest.raises(InputError, match=f"evil.npy: refused.*{named}"):
        pickles.load(path)
    assert not (tmp_path / "HIT").exists()


def test_array_that_would_be_allocated_before_its_data_is_refused(tmp_path):
    reconstruct = np.empty(0).__reduce__()[0]
    path = _save(tmp_path / "huge.npy", _Calls(reconstruct, np.ndarray, (10**13,), b"b"))
    with pytest.raises(InputError, match=r"huge.npy: .*broken"):
        pickles.load(path)


def test_declared_shape_beyond_the_data_is_refused(tmp_path):
    array = np.zeros(3)
    state = (1, (10**13,), array.dtype, False, array.tobytes())

    class Lies:
        def __reduce__(self):
            return (*array.__reduce__()[:2], state)

    with pytest.raises(InputError, match=r"huge\.npy"):
        pickles.load(_save(tmp_path / "huge.npy", {"x": Lies()}))


@pytest.mark.parametrize("left", [0, 5, 60, 200, -1])
def test_file_cut_short_is_one_sentence(tmp_path, left):
    path = _save(tmp_path / "cut.npy", {"x": np.arange(100)})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=r"cut\.npy"):
        pickles.load(path)


def test_bare_array_is_named_as_such(tmp_path):
    np.save(tmp_path / "bare.npy", np.zeros((4, 2)))
    with pytest.raises(InputError, match=r"bare float64 array of shape \(4, 2\)"):
        pickles.load(tmp_path / "bare.npy")
    assert not pickles.is_pickled(tmp_path / "bare.npy")


def test_first_shape_reads_only_as_far_as_the_array(tmp_path):
    path = _save(tmp_path / "a.npy", {"labels": np.zeros(9), "x": np.zeros((500, 3, 12, 2)), "y": np.zeros(10**5)})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])  # in the middle of y
    assert pickles.first_shape(path, 4) == (500, 3, 12, 2)
    assert pickles.first_shape(path, 5) is None


def test_loads_reads_plain_bytes_and_refuses_the_rest():
    assert pickles.loads(pickle.dumps([("a", "b")], protocol=0), "here") == [("a", "b")]
    evil = pickletools.optimize(pickle.dumps(_Calls(os.system, "true"), protocol=0))
    with pytest.raises(InputError, match="here: refused"):
        pickles.loads(evil, "here")
