"""Known attacks on every reader: nothing runs, nothing outside the file is read, and the message says what is wrong."""

import gzip
import io
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.bout_tables import read_bouts
from ssl_behavior.cli.settings import load_settings, parse
from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks import calms21, mabe22, native
from ssl_behavior.formats.tracks.calms21 import SKELETON, submissions
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.jobs.grid import read_grid
from ssl_behavior.models.checkpoints import load_encoder, save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predictions import table_reading
from ssl_behavior.predictions.folder import PredictionFolder
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.pretrain import PretrainConfig
from ssl_behavior.simulation.simulator import simulate_recordings

MARKER = "HIT"
CALTECH = "Caltech Behavior Annotator - Annotation File"
TOUCH = f"touch {MARKER}"
PICKLE_READERS: list[Callable[[Path], object]] = [
    lambda path: read_recordings(path, notify=lambda _: None),
    lambda path: read_recordings(path, "calms21", notify=lambda _: None),
    lambda path: read_recordings(path, "mabe22", notify=lambda _: None),
    lambda path: mabe22.attach_task_labels([], path),
    submissions.read_submission,
    mabe22.read_submission,
    mabe22.read_frame_number_map,
]


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path, monkeypatch):
    """The attacks would make a file in the folder they run in."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / MARKER).exists()


class Calls:
    def __init__(self, function, *arguments, state=None):
        self.made = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.made


def _inst(module: bytes, name: bytes, argument: bytes) -> bytes:
    """Protocol 0's way to call: a mark, the arguments, INST."""
    return b"(S'" + argument + b"'\ni" + module + b"\n" + name + b"\n."


def _chain() -> bytes:
    """getattr(__import__("os"), "system")(...), of opcodes that name no dangerous function in one piece."""
    load = b"cbuiltins\n__import__\n(S'os'\ntR"
    return b"cbuiltins\ngetattr\n(" + load + b"S'system'\ntR(S'" + TOUCH.encode() + b"'\ntR."


GADGETS = {
    "os.system": pickle.dumps(Calls(os.system, TOUCH)),
    "eval": pickle.dumps(Calls(eval, f"__import__('os').system({TOUCH!r})")),
    "exec": pickle.dumps(Calls(exec, f"open({MARKER!r}, 'w')"), protocol=2),
    "getattr": _chain(),
    "inst": _inst(b"os", b"system", TOUCH.encode()),
    "python 2's eval": _inst(b"__builtin__", b"eval", b'open("HIT", "w")'),
    "a dotted name": b"\x80\x04\x8c\x08builtins\x8c\x0ceval.__call__\x93\x8c\x11open('HIT', 'wb')\x85R.",
    "nested": pickle.dumps({"sequences": {"a": {"keypoints": [({"x": Calls(Path.touch, Path(MARKER))},)]}}}),
    "an argument": pickle.dumps(Calls(np.dtype, Calls(os.system, TOUCH))),
    "a state": pickle.dumps(Calls(np.dtype, "f8", state=Calls(os.system, TOUCH))),
    "an array's state": pickle.dumps(
        Calls(np.zeros(1).__reduce__()[0], np.ndarray, (0,), b"b", state=Calls(eval, "1"))
    ),
    "numpy's own loader": pickle.dumps(Calls(np.load, "other.npy", None, True)),
    "numpy's own runner": b'cnumpy.testing._private.utils\nrunstring\n(S\'open("HIT","w")\'\n}tR.',
    "numpy.core, renamed": b"cnumpy.core.multiarray\nfrombuffer\n(S'x'\ntR.",
    "an extension": b"\x80\x02\x82\x01(S'x'\ntR.",
    "a person's id": b"Pos.system\n.",
}


def _npy(path: Path, pickled: bytes) -> Path:
    """A .npy whose array of one object is this pickle, in place of numpy's own."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    path.write_bytes(header.getvalue() + pickled)
    return path


def test_the_gadgets_do_what_they_say(tmp_path):
    """The tests below would prove nothing if they did not."""
    for name in ("os.system", "eval", "getattr", "inst", "nested"):
        pickle.loads(GADGETS[name])
        (tmp_path / MARKER).unlink()


@pytest.mark.parametrize("gadget", GADGETS)
def test_pickles_call_nothing(gadget, tmp_path):
    path = _npy(tmp_path / "a.npy", GADGETS[gadget])
    for read in PICKLE_READERS:
        with pytest.raises(InputError, match=r"a\.npy: .*(refused|broken)"):
            read(path)


def test_pickles_in_an_array_of_objects_or_an_archive_call_nothing(tmp_path):
    hidden = np.array([[Calls(os.system, TOUCH)]], object)
    np.save(tmp_path / "a.npy", np.array({"sequences": {"s": {"keypoints": hidden}}}, object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "b.npy", "w") as file:
        file.write(tmp_path / "a.npy", "keypoints.npy")
    for read in PICKLE_READERS:
        with pytest.raises(InputError, match=r"a\.npy: refused"):
            read(tmp_path / "a.npy")
        with pytest.raises(InputError, match=r"b\.npy: expected"):
            read(tmp_path / "b.npy")


def test_pickles_in_a_table_of_pandas_call_nothing(tmp_path):
    path = tmp_path / "a.h5"
    rows = np.zeros(3, [("index", "i8"), ("values_block_0", "f8", (2,))])
    with h5py.File(path, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = "frame_table"
        group["table"] = rows
        for name in GADGETS:
            group["table"].attrs["values_block_0_kind"] = np.void(GADGETS[name])
            file.flush()
            with pytest.raises(InputError, match=r"a\.h5: .*(refused|broken)"):
                read_recordings(path)


YAML_ATTACKS = [
    f"a: !!python/object/apply:os.system ['{TOUCH}']",
    f"!!python/object/new:os.system ['{TOUCH}']",
    f"nose: !!python/object/apply:builtins.exec [\"open('{MARKER}', 'w')\"]",
    "nose: !!python/name:os.system",
    "nose: !!python/module:os",
    "a: &a [x, x]\nb: &b [*a, *a]\nnose: [*b, *b]",
    "a: &a {x: 1}\nb: {<<: [*a, *a]}",
    "[" * 10_000,
    "nose: nose\nnose: tail base",
    "nose: 2026-99-99",
    "nose: " + "9" * 5_000,
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("attacked") / "encoder"
    save_encoder(folder, Encoder(shared_landmarks([SKELETON]), Preparation(30.0), Architecture(8, 1)))
    return folder


@pytest.mark.parametrize("text", YAML_ATTACKS, ids=range(len(YAML_ATTACKS)))
def test_yaml_makes_plain_values_only(text, tmp_path, encoder):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    native.write(tmp_path / "good.safetensors", simulate_recordings(1, seed=0, frames=9))
    for read in (
        lambda: read_recordings(tmp_path / "good.safetensors", skeleton=path),
        lambda: parse(PretrainConfig, ["--config", str(path)]),
        lambda: load_settings(PretrainConfig, path),
        lambda: read_grid(path, ("pretrain", "finetune")),
    ):
        with pytest.raises(InputError, match=r"a\.yaml") as told:
            read()
        assert len(str(told.value)) < 1100
    for name, read_folder in (("config.yaml", load_encoder), ("atlas.yaml", Atlas)):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=str(tmp_path)):
            read_folder(tmp_path)
    (tmp_path / "written.yaml").write_text(text)
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / "written.yaml").write_text(text)
    (tmp_path / "b_annot.txt").write_text("somebody's")
    (tmp_path / "c.bouts.csv").write_text("somebody's")
    with pytest.raises(InputError, match="edited since"):
        ReviewFolder(tmp_path).require_unedited(["b"])
    with pytest.raises(InputError, match="same model"):
        PredictionFolder(tmp_path, "model", ["a"])


def _link(file, name):
    file[name] = h5py.ExternalLink("/etc/passwd", "/x")


def _storage(file, name):
    file.create_dataset(name, (16,), "u1", external=[("/etc/passwd", 0, 16)])


def _virtual(file, name):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "x", (4,))
    file.create_virtual_dataset(name, layout)


def _huge(file, name):
    file.create_dataset(name, (10**6, 2, 9, 10**4), "f8", chunks=(1, 2, 9, 10))


def _bomb(file, name):
    file.create_dataset(name, (400, 10**4), "f8", chunks=(1, 10**4), compression="gzip", data=np.zeros((400, 10**4)))


def _wide_chunks(file, name):
    file.create_dataset(name, (1,), "f8", maxshape=(None,), chunks=(10**9,))


def _deep(file, name):
    file[f"{name}/a/b/c/d"] = h5py.ExternalLink("/etc/passwd", "/x")


HDF5_ATTACKS = [_link, _storage, _virtual, _huge, _bomb, _wide_chunks, _deep]


def _hdf5(path: Path, attack: Callable[[h5py.File, str], None], place: str) -> Path:
    """A file of the kind that its name says, with something else in this place."""
    with h5py.File(path, "w") as file:
        names = {"a.h5": ("node_names", "track_names"), "a.slp": ("metadata", "videos_json"), "b.h5": ("df/axis1",)}
        for name in (*names.get(path.name, ()), "tracks"):
            if name != place:
                file[name] = np.array([b"a", b"b"])
        if path.name == "b.h5":
            file["df"].attrs["pandas_type"] = "frame"
        file.attrs["nwb_version"] = "2.5"
        attack(file, place)
    return path


@pytest.mark.parametrize("attack", HDF5_ATTACKS)
@pytest.mark.parametrize(
    ("name", "place"),
    [("a.h5", "tracks"), ("a.h5", "track_names"), ("a.h5", "elsewhere"), ("a.slp", "instances"), ("b.h5", "df/block")],
)
def test_hdf5_leads_nowhere_and_holds_what_it_says(attack, name, place, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "LEAST", 1 << 20)
    with h5py.File("secret.h5", "w") as file:
        file["x"] = np.arange(4.0)
    path = _hdf5(tmp_path / name, attack, place)
    with pytest.raises(InputError, match=r"refused|more than the file can hold") as told:
        read_recordings(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize("attack", HDF5_ATTACKS)
@pytest.mark.parametrize("name", ["a.nwb", "a.nc"])
def test_what_movement_opens_is_looked_at_first(attack, name, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "LEAST", 1 << 20)
    for module in ("movement", "movement.io", "xarray"):  # which would have opened it
        monkeypatch.setitem(sys.modules, module, type(sys)(module))
    path = _hdf5(tmp_path / name, attack, "acquisition")
    with pytest.raises(InputError, match=r"refused|more than the file can hold"):
        read_recordings(path)


def test_links_within_a_file_that_go_in_circles_come_to_an_end(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = h5py.SoftLink("/tracks")
        file["node_names"] = h5py.SoftLink("/nowhere")
        file["group/again"] = file["/"]
    with pytest.raises(InputError, match=r"a\.h5: cannot be read"):
        read_recordings(tmp_path / "a.h5")


@pytest.mark.parametrize("byte", [b" ", b"[", b"0", b'"', b",", b"\n", b"scorer,"])
@pytest.mark.parametrize(("name", "head"), [("a.json.gz", b'{"sequences": '), ("a.csv.gz", b"scorer,x\nbodyparts,y\n")])
def test_a_gz_that_holds_far_more_than_its_size_is_refused(name, head, byte, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "LEAST", 1 << 20)
    (tmp_path / name).write_bytes(gzip.compress(head + byte * (20 << 20), 1))
    for read in (read_recordings, read_annotations):
        with pytest.raises(InputError) as told:
            read(tmp_path / name)
        assert name in str(told.value)
        assert len(str(told.value)) < 1100


def test_weights_that_are_a_pickle_call_nothing(tmp_path, encoder):
    for attack in (pickle.dumps(Calls(os.system, TOUCH)), None):
        folder = tmp_path / f"{attack is None}"
        folder.mkdir()
        if attack is None:
            torch.save({"x": Calls(os.system, TOUCH)}, folder / "weights.safetensors")
        else:
            (folder / "weights.safetensors").write_bytes(attack)
        size, former = (folder / "weights.safetensors").stat().st_size, (encoder / "weights.safetensors").stat().st_size
        text = (encoder / "config.yaml").read_text().replace(f"weights_bytes: {former}", f"weights_bytes: {size}")
        (folder / "config.yaml").write_text(text)
        with pytest.raises(InputError, match="expected a whole checkpoint"):
            load_encoder(folder)


def test_a_column_of_arrow_that_names_a_python_class_makes_none(tmp_path):
    """As pyarrow before 14.0.1 unpickled what such a column says (CVE-2023-47248)."""
    told = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": GADGETS["os.system"]}
    schema = pa.schema([pa.field("video", pa.binary(), metadata=told)])
    pyarrow.parquet.write_table(pa.table([[b"x"]], schema=schema), tmp_path / "a.parquet")
    assert isinstance(read_bouts(tmp_path / "a.parquet", ["video"]), pd.DataFrame)
    with pytest.raises(InputError, match=r"a\.parquet: expected bouts"):
        read_bouts(tmp_path / "a.parquet", None)


def test_a_table_of_bouts_that_says_a_value_many_times_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "LEAST", 1 << 20)
    path = tmp_path / "a.parquet"
    rows = pa.table({"video": ["a"] * 2_000_000, "start": np.zeros(2_000_000, np.int64)})
    pyarrow.parquet.write_table(rows, path, compression="zstd")
    assert path.stat().st_size < 20_000
    with pytest.raises(InputError, match=r"a\.parquet: .*more rows than the file can hold"):
        read_bouts(path, ["start"])
    pyarrow.parquet.write_table(pa.table({"video": ["x" * 5000] * 1000}), path)
    with pytest.raises(InputError, match=r"a\.parquet: .*longer texts than the file can hold"):
        read_bouts(path, ["video"])
    pyarrow.parquet.write_table(pa.table({"video": ["a", None, "é"], "start": [1, 2, 3]}), path)
    read = read_bouts(path, ["video", "start"])
    assert read["video"].dropna().tolist() == ["a", "é"]
    assert read["start"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("columns", [(3, 1_000_000), (1_000_000, 1_000_000), (40_000, 40_000)])
def test_a_table_of_predictions_with_a_million_columns_is_refused(columns, tmp_path):
    names, values = columns
    head = "frame,time_s,label,animals_tracked" + ",a" * names
    (tmp_path / "a.csv").write_text(f"{head}\n0,0,a,1{',0' * values}\n")
    with pytest.raises(InputError, match=r"a\.csv: expected a number per behaviour"):
        table_reading.read(tmp_path / "a.csv")


def test_pipes_and_devices_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    for path in (tmp_path / "a.csv", Path("/dev/zero")):
        for read in (read_recordings, read_annotations):
            with pytest.raises(InputError, match=str(path)):
                read(path)
        with pytest.raises(InputError, match=str(path)):
            read_grid(path, ("pretrain",))


@pytest.mark.parametrize("name", ["v.annot", "v_annot.txt"])
def test_lines_that_could_be_read_in_many_ways_take_no_longer(name, tmp_path):
    """Read by a pattern that tries every way, or looked up in a list, these would take an hour."""
    head = {
        "v.annot": "Bento annotation file\nList of annotations:\n",
        "v_annot.txt": f"{CALTECH}\nConfiguration file:\n",
    }
    names = "".join(f"n{i} k\n" if name.endswith("txt") else f"n{i}\n" for i in range(20_000))
    rows = {
        "v.annot": "Ch1---\n" + "".join(f">n{i}\n1 2 1\n" for i in range(20_000)) + "-" * 300_000 + "x\n",
        "v_annot.txt": "S1: start end type\n"
        + "".join(f"{i + 1} {i + 1} n{i}\n" for i in range(20_000))
        + ":" * 300_000,
    }
    (tmp_path / name).write_text(f"{head[name]}{names}\n{rows[name]}")
    with pytest.raises(InputError, match=r"line \d+: expected"):
        read_annotations(tmp_path / name)


def test_links_of_the_file_system_are_followed(tmp_path):
    """What a person links to is theirs to read."""
    (one,) = simulate_recordings(1, seed=0, frames=9)
    calms21.write(tmp_path / "real.npy", [one])
    (tmp_path / "link.npy").symlink_to(tmp_path / "real.npy")
    (found,) = read_recordings(tmp_path / "link.npy")
    np.testing.assert_array_equal(found.positions, one.positions)


def test_what_a_file_says_does_not_steer_the_terminal(tmp_path):
    (tmp_path / "v_annot.txt").write_text(
        f"{CALTECH}\n\nConfiguration file:\na\tb\n\nS1: start end type\n1 2 \x1b[2J\x07x\n"
    )
    with pytest.raises(InputError) as told:
        read_annotations(tmp_path / "v_annot.txt")
    assert r"\x1b[2J" in str(told.value)
    assert str(told.value).isprintable()


@pytest.mark.parametrize("kind", [h5py.vlen_dtype(np.int32), h5py.ref_dtype])
def test_attributes_and_names_that_are_no_texts_are_not_read_as_such(kind, tmp_path):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
        file.create_group("processing").attrs["neurodata_type"] = file.ref
    with pytest.raises(InputError, match=r"a\.nwb: expected poses"):
        read_recordings(tmp_path / "a.nwb")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = np.zeros((1, 2, 1, 4))
        file.create_dataset("node_names", (1,), kind)
    with pytest.raises(InputError, match=r"a\.h5: expected a list of names in 'node_names'"):
        read_recordings(tmp_path / "a.h5")
