import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.storage.object_store import Store, absolute, fetch, fetch_folder, input_files

pytestmark = pytest.mark.slow


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return Store(str(tmp_path / "store"))
    return Store(request.getfixturevalue("folder")("store"))


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Store, str, str], None]:
    def write(store: Store, name: str, content: str) -> None:
        (tmp_path / "content").write_text(content)
        store.put(name, tmp_path / "content")

    return write


def test_what_is_put_is_there(store: Store, put: Callable[[Store, str, str], None]) -> None:
    assert store.names() == []
    assert store.read(["a", "b/c"]) == {}
    put(store, "a", "1")
    put(store, "b/c", "2")
    assert sorted(store.names()) == ["a", "b/c"]
    assert store.names("b") == ["b/c"]
    assert store.read(["a", "none", "b/c"]) == {"a": b"1", "b/c": b"2"}
    put(store, "a", "3")
    assert store.read(["a"]) == {"a": b"3"}
    store.remove(["a"])
    assert store.names() == ["b/c"]


def test_half_written_files_are_not_there(tmp_path: Path, put: Callable[[Store, str, str], None]) -> None:
    store = Store(str(tmp_path / "store"))
    put(store, "a", "1")
    (tmp_path / "store" / ".b.1.part").write_text("half")
    assert store.names() == ["a"]


def test_stamps_are_of_the_content(store: Store, put: Callable[[Store, str, str], None]) -> None:
    for name, content in {"t/10.csv": "x", "t/9.csv": "y", "t/deep/8.csv": "x", "t/notes.md": "z"}.items():
        put(store, name, content)

    def stamps(place: str) -> dict[str, str]:
        found = input_files([f"{store.address}/{place}"], (".csv",))
        return {one.address.removeprefix(f"{store.address}/"): one.stamp for one in found}

    before = stamps("t")
    assert list(before) == ["t/deep/8.csv", "t/9.csv", "t/10.csv"]
    assert before["t/deep/8.csv"] == before["t/10.csv"] != before["t/9.csv"]
    assert list(stamps("t/*.csv")) == ["t/9.csv", "t/10.csv"]
    assert stamps("t/9.csv") == {"t/9.csv": before["t/9.csv"]}
    put(store, "t/9.csv", "y")
    assert stamps("t") == before
    put(store, "t/9.csv", "changed")
    assert {name for name, one in stamps("t").items() if one != before[name]} == {"t/9.csv"}


def test_files_and_folders_are_fetched(store: Store, put: Callable[[Store, str, str], None], tmp_path: Path) -> None:
    put(store, "encoder/config.yaml", "1")
    put(store, "encoder/deep/weights", "2")
    assert fetch(f"{store.address}/encoder/config.yaml", tmp_path / "here").read_text() == "1"
    found = fetch_folder(f"{store.address}/encoder", tmp_path / "there")
    assert (found / "deep" / "weights").read_text() == "2"


def test_nothing_there_is_named(store: Store) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        input_files([f"{store.address}/none.csv"])
    with pytest.raises(InputError, match=r"\*\.csv"):
        input_files([f"{store.address}/*.csv"])


def test_a_store_that_is_not_there_is_named(s3: str) -> None:
    with pytest.raises(InputError, match=r"s3://no-such-bucket/x.*cannot be read or written"):
        Store("s3://no-such-bucket/x").put("a", Path(__file__))
    with pytest.raises(InputError, match="nowhere://a: cannot be read or written"):
        input_files(["nowhere://a"])


def test_addresses_hold_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("runs/atlas/") == os.fspath(tmp_path / "runs" / "atlas")
    assert absolute("s3://bucket/atlas/") == "s3://bucket/atlas"
