"""Untrusted pickles: data come in unchanged, whatever could act is refused by name."""

import os
import pickle
import pickletools
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import pickles


class _Calls:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def with_state(self, state):
        self.reduced = (*self.reduced[:2], state)
        return self

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


def test_dtype_that_hides_objects_does_not_make_pointers_of_bytes(tmp_path):
    """A dtype's own __setstate__ would take the state below: an object field, and flags that deny it."""
    state = (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)

    class Pointers:
        def __reduce__(self):
            reconstruct, arguments, _ = np.zeros(1).__reduce__()
            return reconstruct, arguments, (1, (1,), _Calls(np.dtype, "V8").with_state(state), False, b"A" * 8)

    path = _save(tmp_path / "evil.npy", {"sequences": {"x": {"keypoints": Pointers()}}})
    code = f"from ssl_behavior.formats import read_recordings; read_recordings({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # and not a signal
    assert "evil.npy: the pickled data are cut short or broken (ValueError: a dtype that is not plain" in done.stderr


@pytest.mark.parametrize(
    "state",
    [
        (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0),
        (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 1),  # numpy would release what the bytes point to
        (3, "<", (np.dtype("f4"), (2,)), None, None, -1, -1, 0),
        (3, "<", None, None, None, 800, -1, 0),
        (3, "x", None, None, None, -1, -1, 0),
        (3, "<", None, None, None, -1, -1),
        None,
        7,
    ],
)
def test_dtype_takes_its_byte_order_only(tmp_path, state):
    with pytest.raises(InputError, match=r"a\.npy: .*broken"):
        pickles.load(_save(tmp_path / "a.npy", [_Calls(np.dtype, "f8").with_state(state or (None, {"_dtype": 1}))]))


@pytest.mark.parametrize("code", ["V8", "M8", "m8", "i4,O", "(9999999,9999999)f8", "f8\n", "S9999999999", 3, "c7"])
def test_dtypes_that_are_not_plain_are_refused(tmp_path, code):
    with pytest.raises(InputError, match=r"a\.npy: .*broken"):
        pickles.load(_save(tmp_path / "a.npy", [_Calls(np.dtype, code)] if code != "M8" else [np.datetime64(1, "D")]))


def test_other_byte_orders_come_back_equal(tmp_path):
    """In this machine's order, as numpy itself reads them."""
    arrays = [np.arange(3, dtype=code) for code in (">f4", "<f8", ">i2", "u1")] + [np.array(["ab", "c"], ">U2")]
    path = _save(tmp_path / "a.npy", {"all": arrays})
    trusting = np.load(path, allow_pickle=True).item()["all"]
    for given, expected, loaded in zip(arrays, trusting, pickles.load(path)["all"], strict=True):
        np.testing.assert_array_equal(loaded, given)
        assert loaded.dtype == expected.dtype


def test_what_numpy_saves_comes_back_equal(tmp_path):
    """A dict of dicts as the challenges' files are, through numpy's own np.save, with empty and shared values."""
    shared = np.arange(4)
    sequence = {"keypoints": np.ones((3, 2, 2, 7)), "annotations": [0, 1, 2], "annotator_id": np.int64(0)}
    content = {"sequences": {"a": sequence, "b": {**sequence, "keypoints": np.zeros((0, 2, 2, 7))}}}
    content |= {"vocabulary": ["attack", "other"], "empty": np.str_(""), "name": np.str_("é"), "yes": np.bool_(True)}
    content |= {"shared": [shared, (shared,)], "dtype": np.dtype("f4"), "list of one": np.array([None, [1]], object)}
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    found = pickles.load(tmp_path / "a.npy")
    expected = np.load(tmp_path / "a.npy", allow_pickle=True).item()
    np.testing.assert_equal(found, expected)
    assert found["shared"][0] is found["shared"][1][0]
    assert found["sequences"]["b"]["keypoints"].shape == (0, 2, 2, 7)
    assert type(found["sequences"]["a"]["annotator_id"]) is np.int64


def _array_of(shape: object, data: object, code: str) -> object:
    reconstruct, arguments, _ = np.zeros(1).__reduce__()
    return _Calls(reconstruct, *arguments).with_state((1, shape, np.dtype(code), False, data))


@pytest.mark.parametrize(
    "content",
    [
        [_array_of((10**13, 0), b"", "f8")],
        [_array_of((2, 2), [1, 2, 3], "O")],
        [_array_of((1,), b"12345678", "O")],
        [_array_of((-1,), b"", "f8")],
        [_array_of((1.0,), b"12345678", "f8")],
        [_array_of((1,), b"\xff" * 4, "U1")],
        [_array_of((10**9,), b"", "U0")],
        {_Calls(np.dtype, "f8"): 1},
        {(_Calls(np.dtype, "f8"),)},
        [np.ndarray],
        [_Calls(np.zeros(1).__reduce__()[0], np.ndarray, (0,), b"b")],
    ],
)
def test_arrays_that_are_not_whole_are_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"a\.npy: .*broken"):
        pickles.load(_save(tmp_path / "a.npy", content))


def test_memory_is_bounded_by_the_file(tmp_path):
    """Many arrays over one and the same run of bytes or list would together be far larger than the file."""
    for data, code, length in ((bytes(10**6), "i1", 10**6), ([None] * 10**5, "O", 10**5)):
        path = _save(tmp_path / "many.npy", [_array_of((length,), data, code) for _ in range(50)])
        with pytest.raises(InputError, match="more than the file can hold"):
            pickles.load(path)


def test_containers_that_hold_themselves_or_each_other_too_often_are_refused(tmp_path):
    """Whoever wrote or hashed what they hold would not come to an end."""
    ring: list[object] = [np.arange(2)]
    ring.append({"ring": ring})
    lists: list[object] = []
    tuples: tuple[object, ...] = ()
    for _ in range(60):
        lists, tuples = [lists, lists], (tuples, tuples)
    for content in ({"ring": ring}, {"vocabulary": lists}, {"a": tuples}):
        with pytest.raises(InputError, match=r"a\.npy: .*broken"):
            pickles.load(_save(tmp_path / "a.npy", content))


def test_a_tuple_that_takes_years_to_hash_is_refused_before_it_is_a_key(tmp_path):
    twice = [pickle.BINGET + bytes([i]) + pickle.BINGET + bytes([i]) + pickle.TUPLE2 for i in range(60)]
    nested = pickle.EMPTY_TUPLE + b"".join(pickle.MEMOIZE + pickle.POP + pair for pair in twice)
    content = pickle.PROTO + b"\x04" + pickle.EMPTY_DICT + nested + pickle.NONE + pickle.SETITEM + pickle.STOP
    with pytest.raises(InputError, match="more than the file can hold"):
        pickles.loads(content, "here")


EMPTY_ARRAY = (
    b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + pickle.INT + b"0\n" + pickle.TUPLE1 + b"Vb\ntR"
)
DTYPE = b"cnumpy\ndtype\n(Vf8\ntR"


def _state(order: bytes) -> bytes:
    return b"(I3\nV" + order + b"\nNNNI-1\nI-1\nI0\nt" + pickle.BUILD


def test_the_pieces_that_the_next_tests_put_together_make_an_array():
    dtype = DTYPE + _state(b"<")
    whole = EMPTY_ARRAY + b"(I1\nI1\n" + pickle.TUPLE1 + dtype + b"I00\n" + pickle.BINUNICODE
    whole += (8).to_bytes(4, "little") + bytes(8) + b"t" + pickle.BUILD + pickle.STOP
    np.testing.assert_array_equal(pickles.loads(whole, "here"), np.zeros(1))


@pytest.mark.parametrize(
    "content",
    [
        DTYPE + _state(b"<") + _state(b">"),  # a state twice
        DTYPE,  # no state
        b"cnumpy\ndtype\n" + b"}V__defaults__\n(I1\nts" + pickle.BUILD,  # a state for one of our functions
        b"cnumpy\nndarray\n(I9\ntR",  # the class called
        b"(cnumpy\nndarray\nI9\no",  # the class called by another instruction
        b"ccollections\nOrderedDict\n)" + pickle.NEWOBJ,
        b"(Vx\nicollections\nOrderedDict\n",
        b"\x80\x05" + pickle.BYTEARRAY8 + (1).to_bytes(8, "little") + b"x" + pickle.READONLY_BUFFER,
        b"](cbuiltins\nset\ne",  # a function among data
    ],
)
def test_instructions_that_no_data_need_are_refused(content):
    with pytest.raises(InputError, match=r"here: .*(broken|refused)"):
        pickles.loads(content + pickle.STOP, "here")


def test_text_cannot_be_changed_into_no_characters_once_it_was_checked():
    """An array over a bytearray, into which the pickle writes afterwards."""
    data = pickle.BYTEARRAY8 + (4).to_bytes(8, "little") + bytes(4) + b"p0\n"
    dtype = b"cnumpy\ndtype\n(VU1\ntR(I3\nV<\nNNNI4\nI4\nI8\nt" + pickle.BUILD
    array = b"cnumpy._core.numeric\n_frombuffer\n(g0\n" + dtype + b"(I1\ntVC\ntR"
    overwrite = b"".join(b"I%d\nI255\ns" % i for i in range(4))
    text, changed = pickles.loads(b"(" + data + b"0" + array + b"g0\n" + overwrite + b"t" + pickle.STOP, "here")
    assert changed == b"\xff" * 4
    assert text.tolist() == [""]


def test_containers_of_one_long_text_are_refused(tmp_path):
    """Each takes a few bytes of the file, and as long as the text to make."""
    text = pickle.UNICODE + b"x" * 10**5 + b"\n" + pickle.PUT + b"0\n"
    sets = b"cbuiltins\nset\n(g0\ntR0" * 100
    with pytest.raises(InputError, match="more than the file can hold"):
        pickles.loads(text + sets + pickle.STOP, "here")


def test_a_note_of_an_absurd_number_takes_no_room():
    """The unpickler in C would make room for as many notes, 64 GB of them."""
    content = pickle.PROTO + b"\x04" + pickle.NONE + pickle.LONG_BINPUT + b"\xff\xff\xff\xff" + pickle.STOP
    assert pickles.loads(content, "here") is None
