"""The fuzzer distinguishes right outcomes from faults."""

import importlib
import os
import time
from collections import Counter
from random import Random

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.simulation.simulator import simulate_recordings
from tests.fuzz import guided, sandbox
from tests.fuzz.bytes import ANY, TEXT
from tests.fuzz.fuzz import fuzz, table
from tests.fuzz.shaped import laughs, safetensors, values
from tests.fuzz.targets import Target


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("result", lambda path: path),
        ("refused", lambda path: _raise(InputError(f"{path}: expected more"))),
        ("refused", lambda path: _raise(FileNotFoundError(2, "No such file", str(path)))),
        ("unclear", lambda _: _raise(InputError("expected more"))),
        ("wrong", lambda _: _raise(sandbox.WrongResult("infinite"))),
        ("crash", lambda _: _raise(KeyError("x"))),
        ("memory", lambda _: bytearray(2 * sandbox.MEGABYTES << 20)),
        ("died", lambda _: os._exit(3)),
        ("slow", lambda _: time.sleep(60)),
    ],
)
def test_each_kind_of_outcome_is_recognised(kind, read, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "SECONDS", 0.5 if kind == "slow" else 30.0)
    assert sandbox.run(read, tmp_path / "a.csv").kind == kind


def test_mutations_change_files_and_files_that_show_a_fault_are_saved(tmp_path):
    good = tmp_path / "a.csv"
    good.write_text("frame,label\n0,a\n1,b\n")
    target = Target("a reader", [good], lambda path: _raise(KeyError(path.read_text(errors="replace"))), TEXT)
    assert fuzz(target, 3, 0, tmp_path / "finds") == Counter(crash=3)
    assert len(list((tmp_path / "finds" / "a_reader").glob("*.message"))) == 3
    assert "| all | 3 | 0 | 0 | 0 | 0 | 3 |" in table({"a reader": Counter(crash=3)})
    native.write(tmp_path / "a.safetensors", simulate_recordings(1, seed=0, frames=9))
    data = (tmp_path / "a.safetensors").read_bytes()
    for mutation in (*ANY, safetensors):
        assert len({mutation(data, Random(seed)) for seed in range(9)}) > 3
    assert len({values(b'{"a": [1, {"b": 2}]}', Random(seed)) for seed in range(9)}) > 3
    assert b"&a3" in laughs(b"a: 1", Random(1)) or b"[[[" in laughs(b"a: 1", Random(1))


def test_files_and_edges_are_counted_from_the_log_of_libfuzzer():
    log = "#2\tINITED cov: 5 ft: 9\n#512\tpulse  cov: 17 ft: 20\n#1024\tDONE cov: 18 ft: 20\n"
    assert guided.counts(log) == ("1,024", "18")
    assert {name.rpartition(".")[2] for *_, name in guided.READERS.values()} >= {"npy", "csv", "h5"}


@pytest.mark.parametrize("name", guided.READERS)
def test_every_reader_of_the_guided_fuzzer_exists(name):
    module, function, _ = guided.READERS[name]
    assert callable(getattr(importlib.import_module(f"ssl_behavior.formats.{module}"), function))
