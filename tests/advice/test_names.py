"""Messages name only commands, options and public names that exist."""

from __future__ import annotations

import pytest

from tests.advice.names import COMMAND, OPTION, functions, reached_by, unknown_names
from tests.test_imports import modules


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_names_options_and_commands_that_exist(module: str) -> None:
    commands = set(reached_by(module))
    found = [(line, unknown_names(text, commands)) for line, text in functions(modules()[module].read_text())]
    assert [(line, wrong) for line, wrong in found if wrong] == []


@pytest.mark.parametrize(
    ("text", "commands", "wrong"),
    [
        ("give --frames 0:60", {"search"}, []),
        ("give --frames 0:60", {"embed"}, ["--frames"]),
        ("run ssl-behavior search --frames 0:60", {"embed"}, []),
        ("lower --steps or --supervision.steps", {"finetune"}, []),
        ("run ssl-behavior serach", {"embed"}, ["ssl-behavior serach"]),
        ("see sb.read_labelled and sb.read_lables", set(), ["sb.read_lables"]),
        ("pip install 'ssl_behavior[clutser]'", set(), ["extra clutser"]),
    ],
)
def test_the_check_sees_what_it_should(text: str, commands: set[str], wrong: list[str]) -> None:
    assert unknown_names(text, commands) == wrong


def test_the_check_reads_all_that_a_module_can_say() -> None:
    source = '''
"""Not --this."""
A = "--one"
def f():
    """Nor --that."""
    def g():
        return f"--two {x!r} " "--three"
    raise InputError(f"run {command_line('cluster', '--four', path)}")
'''
    said = " ".join(text for _, text in functions(source))
    assert OPTION.findall(said) == ["--two", "--three", "--four", "--one"]
    assert COMMAND.findall(said) == ["cluster"]
