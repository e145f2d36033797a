from __future__ import annotations

import io
import subprocess
import sys
import time

from ssl_behavior.compute.progress import ProgressLines


class QuickLines(ProgressLines):
    """Lines a tenth of a second apart."""

    seconds_between = 0.1


def test_lines_in_a_file_are_some_time_apart_and_hold_no_control_characters() -> None:
    file = io.StringIO()
    with QuickLines(total=40, desc="training", file=file, mininterval=0) as bar:
        for step in range(40):
            time.sleep(0.01)
            bar.set_postfix(loss=step, refresh=False)
            bar.update()
            QuickLines.write("a notice", file=io.StringIO())
    lines = file.getvalue().splitlines()
    assert 2 <= len(lines) <= 6
    assert all(line.startswith("training: ") and line.isprintable() for line in lines)
    assert lines[-1].startswith("training: 100%")
    assert "loss=39" in lines[-1]


def test_a_short_loop_leaves_one_line_or_none() -> None:
    file = io.StringIO()
    assert list(ProgressLines(range(3), "reading", file=file, leave=False)) == [0, 1, 2]
    assert file.getvalue() == ""
    assert list(ProgressLines(range(3), "reading", file=file)) == [0, 1, 2]
    assert file.getvalue().count("\n") == 1


def test_a_new_description_is_written_at_once() -> None:
    file = io.StringIO()
    with ProgressLines(total=2, file=file) as bar:
        for name in ("first", "second"):
            bar.set_description(name)
            bar.update()
    assert [line.split(":")[0] for line in file.getvalue().splitlines()] == ["first", "second", "second"]


def test_nested_bars_write_lines() -> None:
    file = io.StringIO()
    for _ in QuickLines(range(3), "outer", file=file):
        for _ in QuickLines(range(3), "inner", file=file):
            time.sleep(0.06)
    assert {line.split(":")[0] for line in file.getvalue().splitlines()} == {"outer", "inner"}
    assert "\r" not in file.getvalue()
    assert "\x1b" not in file.getvalue()


def test_stderr_without_a_terminal_gets_lines() -> None:
    code = (
        "from ssl_behavior.compute.progress import progress\nfor _ in progress(range(5), 'working', unit='step'): pass"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.startswith("working: 100%")
    assert done.stderr.count("\n") == 1
    assert "\r" not in done.stderr
