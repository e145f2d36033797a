"""Files are written completely or not at all, and one run at a time writes to an output folder."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.array_files import write_arrays
from ssl_behavior.storage.atomic import write_atomically, write_text
from ssl_behavior.storage.run_folder import check_output, is_unfinished, lock_folder, open_output, unfinished_notices
from tests.fuzz.forks import ForkServer


@dataclass(frozen=True)
class Settings:
    output: Path
    overwrite: bool = False
    seed: int = 0


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_an_output_folder_is_made_and_removed_again_if_nothing_is_written(tmp_path: Path) -> None:
    for path in (tmp_path / "a" / "v1.2", str(tmp_path / "a" / "v1.2")):
        with open_output(Settings(Path(path))) as output:
            assert output.is_dir()
            assert is_unfinished(output)
        assert not output.exists()  # nothing was written


def test_the_parent_folder_of_an_output_file_is_made(tmp_path: Path) -> None:
    with open_output(Settings(tmp_path / "b" / "submission.npy"), ".npy") as path:
        assert path.parent.is_dir()
        assert not path.exists()


@pytest.mark.parametrize("suffix", [None, ".npy"])
def test_a_file_name_that_the_command_cannot_write_is_refused(suffix: str | None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a folder.*found a file's name"):
        check_output(tmp_path / "table.csv", True, suffix)
    assert not any(tmp_path.iterdir())


def test_existing_output_needs_overwrite(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine.npy").write_text("mine")
    for path in (tmp_path / "runs", tmp_path / "runs" / "mine.npy"):
        with pytest.raises(InputError, match="--overwrite"):
            check_output(path, False, ".npy")
        assert check_output(path, True, ".npy") == path
    assert (tmp_path / "runs" / "mine.npy").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_in_place_of_a_folder_and_a_folder_in_place_of_a_file_are_refused(
    overwrite: bool, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.npy").mkdir()
    for path in ("file", "file/below", "file/below/a.npy", "folder.npy"):
        with pytest.raises(InputError, match="choose another --output"):
            check_output(tmp_path / path, overwrite)


def test_a_run_that_fails_before_it_writes_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bad"), open_output(Settings(tmp_path / "out")):
        raise InputError("bad")
    assert not any(tmp_path.iterdir())


def test_a_run_that_fails_half_way_may_start_again_and_other_settings_may_not(tmp_path: Path) -> None:
    def run() -> None:
        with open_output(Settings(tmp_path)) as output:
            write_text(output / "first", "1")
            if not (output / "second").exists():
                write_text(output / "second", "2")
                raise InputError("bad")

    with pytest.raises(InputError, match="bad"):
        run()
    assert is_unfinished(tmp_path)
    (notice,) = unfinished_notices([tmp_path, tmp_path / "nowhere"])
    assert notice.startswith(f"{tmp_path}: ")
    assert "did not finish" in notice
    with pytest.raises(InputError, match="run with other settings"), open_output(Settings(tmp_path, seed=1)):
        pass
    run()
    assert names(tmp_path) == {"first", "second"}
    with pytest.raises(InputError, match="not empty"):
        run()


def test_results_that_a_failed_overwrite_left_still_need_overwrite(tmp_path: Path) -> None:
    write_text(tmp_path / "results", "1")
    with pytest.raises(InputError, match="bad"), open_output(Settings(tmp_path, overwrite=True)):
        raise InputError("bad")
    assert names(tmp_path) == {"results"}
    with suppress(InputError), open_output(Settings(tmp_path, overwrite=True)) as output:
        write_text(output / "results", "2")
        raise InputError("bad")
    assert names(tmp_path) == {"results"}
    with pytest.raises(InputError, match="not empty"):
        check_output(tmp_path, False)


HOLD = """
import sys, time
from pathlib import Path
from ssl_behavior.storage.run_folder import lock_folder
with lock_folder(Path(sys.argv[1])):
    (Path(sys.argv[1]) / "begun").touch()
    print("holding", flush=True)
    time.sleep(100)
"""


def test_a_second_run_is_refused_until_the_first_has_ended_even_by_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        with pytest.raises(InputError, match="another run is writing to this folder"), lock_folder(tmp_path):
            pass
        assert names(tmp_path) == {"begun", ".lock"}
        process.kill()
    with lock_folder(tmp_path):
        assert names(tmp_path) == {"begun", ".lock"}
    assert names(tmp_path) == {"begun"}


def test_old_temporary_files_of_killed_runs_are_removed_and_no_others(tmp_path: Path) -> None:
    stale = ("inner/.a.csv.0123456789ab.part", "..unfinished.0123456789ab.part")
    others = (".gitignore", "a.part", ".b.part", ".tmpZYQy12", ".c.csv.ffffffffffff.part")
    for name in (*stale, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        if name != others[-1]:
            os.utime(tmp_path / name, (1, 1))
    with lock_folder(tmp_path):
        assert names(tmp_path) == {"inner", ".lock", *others}
    assert names(tmp_path) == {"inner", *others}


@contextmanager
def no_space(max_bytes: int) -> Iterator[None]:
    """Within the block no file may grow beyond this size, as on a disk that is nearly full."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize("max_bytes", [0, 10, 200])
def test_a_full_disk_leaves_the_former_files_unchanged(max_bytes: int, tmp_path: Path) -> None:
    write_text(tmp_path / "text", "former")
    write_arrays(tmp_path / "arrays", {"a": np.arange(3)}, "kind", {})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with no_space(max_bytes):
        with pytest.raises(OSError, match="cannot be written") as refused:
            write_text(tmp_path / "text", "new" * 100)
        with pytest.raises(OSError, match="cannot be written"):
            write_arrays(tmp_path / "arrays", {"a": np.arange(300)}, "kind", {})
    assert refused.value.filename == str(tmp_path / "text")
    assert "free some space" in str(refused.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_error_of_a_file_that_the_block_reads_names_that_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing, write_atomically(tmp_path / "copy"):
        (tmp_path / "nowhere").read_text()
    assert missing.value.filename == str(tmp_path / "nowhere")
    assert not any(tmp_path.iterdir())


READ_ONLY = "import os; os.setegid(65534); os.seteuid(65534)"


def test_a_read_only_folder_is_refused_in_one_line(forks: ForkServer, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "ours").mkdir(mode=0o755)
    before = READ_ONLY if os.geteuid() == 0 else f"import os; os.chmod({str(tmp_path / 'ours')!r}, 0o555)"
    for output in ("ours", "ours/out"):
        done = forks.run(["ssl_behavior.simulate", "--output", output], tmp_path, before)
        assert done.code == 2
        assert done.err.startswith("error: ours")
        assert done.err.count("\n") == 1
    assert names(tmp_path) == {"ours"}


def test_results_are_written_on_file_systems_without_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(run_folder.fcntl, "flock", refuse)
    with open_output(Settings(tmp_path / "out")) as output:
        write_text(output / "a", "a")
    assert names(tmp_path / "out") == {"a"}


def test_sigkill_ends_a_command_at_once(forks: ForkServer, tmp_path: Path) -> None:
    """Tests that kill commands would prove nothing if the signal did not end them."""
    running = forks.start(["ssl_behavior.simulate", "--output", "out"], tmp_path, "import time; time.sleep(50)")
    running.send(signal.SIGKILL)
    assert running.wait().code == -signal.SIGKILL


def test_an_error_within_an_atomic_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with write_atomically(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_a_file_gets_the_mode_that_the_umask_asks_for(umask: int, tmp_path: Path) -> None:
    usual = os.umask(umask)
    try:
        with write_atomically(tmp_path / "weights") as temporary:
            temporary.unlink()
            temporary.touch(0o600)
    finally:
        os.umask(usual)
    assert (tmp_path / "weights").stat().st_mode & 0o777 == 0o666 & ~umask
