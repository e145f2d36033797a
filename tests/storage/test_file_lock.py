import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.storage import file_lock
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.file_lock import changing

HOLD = """
import sys, time
from pathlib import Path
from ssl_behavior.storage.file_lock import changing
with changing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_changes_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "count.txt"

    def count(_: int) -> None:
        with changing(path):
            before = int(path.read_text()) if path.exists() else 0
            write_text(path, str(before + 1))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(200)))
    assert path.read_text() == "200"
    assert [file.name for file in path.parent.iterdir()] == ["count.txt"]


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "names.yaml"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setattr(file_lock, "_PATIENCE_S", 0.05)
        with (
            pytest.raises(InputError, match=r"names\.yaml: another process has been changing this file"),
            changing(path),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.communicate()
    with changing(path):
        write_text(path, "ours")
    assert [file.name for file in tmp_path.iterdir()] == ["names.yaml"]


def test_a_lock_is_released_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), changing(tmp_path / "a"):
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
