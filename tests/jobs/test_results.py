from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.jobs.results import Results, Unit, files_below, unit_digest
from ssl_behavior.storage.object_store import InputFile, Store


@pytest.fixture
def results(tmp_path: Path) -> Results:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    return Results(Store(str(tmp_path / "results")))


def write_result(tmp_path: Path, content: str) -> dict[str, Path]:
    file = tmp_path / "result" / "videos" / "7.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return files_below(tmp_path / "result")


def test_digests_depend_on_all_parts() -> None:
    assert unit_digest("a", {"x": 1, "y": (2,)}) == unit_digest("a", {"y": [2], "x": 1})
    assert len({unit_digest("a"), unit_digest("b"), unit_digest("a", None), unit_digest(["a"]), unit_digest()}) == 5


def test_a_unit_is_done_once_its_result_is_stored(results: Results, tmp_path: Path) -> None:
    unit, other = (Unit(name, unit_digest(name), (InputFile(f"{name}.csv", "stamp"),)) for name in ("7.1", "8"))
    assert results.missing([unit, other]) == [unit, other]
    results.put(unit, write_result(tmp_path, "result"), {"score": 0.5})
    assert results.missing([unit, other]) == [other]
    assert results.notes([unit, other]) == {unit: {"inputs": ["7.1.csv"], "files": ["videos/7.txt"], "score": 0.5}}
    assert results.store.read(["videos/7.txt"]) == {"videos/7.txt": b"result"}


def test_a_result_replaces_that_of_other_inputs(results: Results, tmp_path: Path) -> None:
    unit, changed = Unit("7", unit_digest("before")), Unit("7", unit_digest("after"))
    results.put(unit, write_result(tmp_path, "before"), {})
    (missing,) = results.missing([changed])
    assert missing == changed
    assert [note["inputs"] for note in results.former_notes(missing)] == [[]]
    results.put(missing, write_result(tmp_path, "after"), {})
    assert results.missing([unit, changed]) == [unit]
    assert results.store.read(["videos/7.txt"]) == {"videos/7.txt": b"after"}


def test_a_half_replaced_result_is_not_done(results: Results, tmp_path: Path) -> None:
    unit, changed = Unit("7", unit_digest("before")), Unit("7", unit_digest("after"))
    results.put(unit, write_result(tmp_path, "before"), {})
    (missing,) = results.missing([changed])
    with pytest.raises(InputError, match=r"nowhere\.txt"):
        results.put(missing, {**write_result(tmp_path, "after"), "z": tmp_path / "nowhere.txt"}, {})
    assert results.missing([unit, changed]) == [unit, changed]


def test_results_of_another_checkpoint_need_overwrite(results: Results, tmp_path: Path) -> None:
    def claim(content: bytes, overwrite: bool = False) -> None:
        results.claim("about.yaml", content, overwrite, lambda name: name.startswith("videos/"))

    claim(b"encoder 1")
    unit = Unit("7", unit_digest("before"))
    results.put(unit, write_result(tmp_path, "before"), {})
    results.store.write("notes.txt", b"mine")
    claim(b"encoder 1")
    assert results.missing([unit]) == []
    with pytest.raises(InputError, match=r"results: expected results of the same checkpoint.*--overwrite"):
        claim(b"encoder 2")
    assert results.missing([unit]) == []
    claim(b"encoder 2", overwrite=True)
    assert sorted(results.store.names()) == ["about.yaml", "notes.txt"]


def test_folders_with_other_files_are_refused(results: Results) -> None:
    results.require_own_folder()
    results.store.write("table.csv", b"mine")
    with pytest.raises(InputError, match=r"expected an empty folder.*table\.csv"):
        results.claim("about.yaml", b"encoder", True, lambda name: "/" in name)
    with pytest.raises(InputError, match=r"found table\.csv"):
        results.require_own_folder()
    results.require_own_folder("table.csv")
    assert results.store.names() == ["table.csv"]


def test_a_unit_with_deleted_results_is_not_done(results: Results, tmp_path: Path) -> None:
    unit = Unit("7", unit_digest("7"))
    results.put(unit, write_result(tmp_path, "result"), {})
    results.store.remove(["videos/7.txt"])
    assert results.missing([unit]) == [unit]


def test_results_of_another_command_are_kept(results: Results, tmp_path: Path) -> None:
    for name, content in write_result(tmp_path, "of embed").items():
        results.store.put(name, content)
    results.store.write("about.yaml", b"encoder")
    with pytest.raises(InputError, match="expected an empty folder"):
        results.claim("about.yaml", b"encoder", True, lambda name: name.startswith("videos/"))


def test_names_with_brackets_are_not_patterns(results: Results, tmp_path: Path) -> None:
    unit = Unit("cage[1]", unit_digest("1"))
    results.store.write("cage1", b"another")
    for name in (unit.mark, "cage[1]"):
        results.store.write(name, b"{}")
        assert results.store.read([name]) == {name: b"{}"}
        results.store.remove([name])
        assert name not in results.store.names()
    assert "cage1" in results.store.names()
