"""A folder on a disk and a bucket in an object store behave alike."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.storage.object_store import Store, absolute, fetch, fetch_folder, input_files

pytestmark = pytest.mark.slow


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return Store(str(tmp_path / "store"))
    return Store(f"{request.getfixturevalue('s3')}/{tmp_path.name}/store")


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Store, str, str], None]:
    def write(store: Store, name: str, content: str) -> None:
        (tmp_path / "content").write_text(content)
        store.put(name, tmp_path / "content")

    return write


def test_files_that_are_put_can_be_listed_read_and_removed(
    store: Store, put: Callable[[Store, str, str], None]
) -> None:
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


def test_a_file_is_created_once_and_written_again_and_again(store: Store) -> None:
    assert store.create("claims/1", b"mine")
    assert not store.create("claims/1", b"mine, too")
    assert store.read(["claims/1"]) == {"claims/1": b"mine"}
    store.write("claims/1", b"still mine")
    assert store.read(["claims/1"]) == {"claims/1": b"still mine"}
    store.remove(["claims/1"])
    assert store.create("claims/1", b"yours")
    assert store.names("claims") == ["claims/1"]


def test_several_that_create_a_file_at_once_agree_on_who_did(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: store.create("claims/1", str(number).encode()), range(8)))
    assert sum(made) == 1
    assert store.read(["claims/1"])["claims/1"] == str(made.index(True)).encode()


def test_a_file_whose_name_could_be_a_pattern_is_listed(store: Store) -> None:
    store.write("cage[1].csv", b"x")
    (file,) = input_files([f"{store.address}/cage[1].csv"])
    assert file.address == f"{store.address}/cage[1].csv"


def test_half_written_files_are_not_listed(tmp_path: Path, put: Callable[[Store, str, str], None]) -> None:
    store = Store(str(tmp_path / "store"))
    put(store, "a", "1")
    (tmp_path / "store" / ".b.1.part").write_text("half")
    assert store.names() == ["a"]


def test_a_stamp_changes_with_the_content_and_with_nothing_else(
    store: Store, put: Callable[[Store, str, str], None]
) -> None:
    for name, content in {"t/10.csv": "x", "t/9.csv": "y", "t/deep/8.csv": "x", "t/notes.md": "z"}.items():
        put(store, name, content)

    def stamps(name: str) -> dict[str, str]:
        files = input_files([f"{store.address}/{name}"], (".csv",))
        return {file.address.removeprefix(f"{store.address}/"): file.stamp for file in files}

    before = stamps("t")
    assert list(before) == ["t/deep/8.csv", "t/9.csv", "t/10.csv"]
    assert before["t/deep/8.csv"] == before["t/10.csv"] != before["t/9.csv"]
    assert list(stamps("t/*.csv")) == ["t/9.csv", "t/10.csv"]
    assert stamps("t/9.csv") == {"t/9.csv": before["t/9.csv"]}
    put(store, "t/9.csv", "y")
    assert stamps("t") == before
    put(store, "t/9.csv", "changed")
    assert {name for name, stamp in stamps("t").items() if stamp != before[name]} == {"t/9.csv"}


def test_files_and_folders_are_fetched(store: Store, put: Callable[[Store, str, str], None], tmp_path: Path) -> None:
    put(store, "encoder/config.yaml", "1")
    put(store, "encoder/deep/weights", "2")
    assert fetch(f"{store.address}/encoder/config.yaml", tmp_path / "here").read_text() == "1"
    copy = fetch_folder(f"{store.address}/encoder", tmp_path / "there")
    assert (copy / "deep" / "weights").read_text() == "2"


def test_an_address_without_files_is_named_in_the_error(store: Store) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        input_files([f"{store.address}/none.csv"])
    with pytest.raises(InputError, match=r"\*\.csv"):
        input_files([f"{store.address}/*.csv"])


def test_a_store_that_cannot_be_reached_is_named_in_the_error(s3: str) -> None:
    with pytest.raises(InputError, match=r"s3://no-such-bucket/x.*cannot be read or written"):
        Store("s3://no-such-bucket/x").put("a", Path(__file__))
    with pytest.raises(InputError, match="nowhere://a: cannot be read or written"):
        input_files(["nowhere://a"])


def test_addresses_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("runs/atlas/") == os.fspath(tmp_path / "runs" / "atlas")
    assert absolute("s3://bucket/atlas/") == "s3://bucket/atlas"
