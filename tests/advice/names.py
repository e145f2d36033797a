"""The commands, options and public names that a text names, and those of them that do not exist."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Set
from functools import cache

import ssl_behavior as sb
from ssl_behavior.__main__ import COMMANDS
from ssl_behavior.cli.options import option_types, short_options
from tests.commands import commands_of
from tests.test_imports import PROJECT, graph

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9_.-]*[a-z0-9]")
COMMAND = re.compile(r"(?:ssl-behavior |-m ssl_behavior\.)([a-z]\w+)")
PUBLIC = re.compile(r"(?<!\w)sb\.([a-zA-Z_]\w*)")
EXTRA = re.compile(r"ssl_behavior\[(\w+)\]")
# Options of every command, of the program itself, of other programs, and the placeholder of usage lines.
OTHERS = {"--help", "--config", "--print-config", "--version", "--print-completion"} | {
    "--head", "--ntasks", "--ntasks-per-node", "--option",
}  # fmt: skip


@cache
def options(command: str) -> frozenset[str]:
    """All options of a command, or of all in a group, and the short names of nested ones."""
    classes = [one.settings_class for one in commands_of(command).values()]
    return frozenset(option for one in classes for option in (*option_types(one), *short_options(one)))


def functions(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each function, and of the rest of a module: all that it can say, without docstrings.

    A call of ``command_line`` reads as the command that it makes. What is filled in at run time reads as ``{}``.
    """
    tree = ast.parse(source)
    definitions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inner = {id(child) for node in definitions for child in ast.walk(node) if child is not node}
    for node in [*(node for node in definitions if id(node) not in inner), tree]:
        skipped = set() if node is not tree else {id(child) for one in definitions for child in ast.walk(one)}
        yield getattr(node, "lineno", 1), " ".join(_texts(node, skipped))


def _texts(node: ast.AST, skipped: set[int]) -> Iterator[str]:
    if id(node) in skipped or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        yield "".join(map(str, parts))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "command_line":
        words = [word.value if isinstance(word, ast.Constant) else "{}" for word in node.args]
        yield " ".join(["ssl-behavior", *map(str, words)])
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
            yield from _texts(child, skipped)


def reached_by(module: str) -> list[str]:
    """The commands that can run a module's code: a command's own file is its own, whoever else imports it."""
    return [module] if module in COMMANDS else [command for command in COMMANDS if module in _below(command)]


_graph = cache(graph)


@cache
def _below(module: str) -> frozenset[str]:
    edges, seen, to_do = _graph(), {module}, [module]
    while to_do:
        new = edges.get(to_do.pop(), set()) - seen
        seen |= new
        to_do += new
    return frozenset(seen)


def unknown_names(text: str, own_commands: Set[str]) -> list[str]:
    """The commands, options, public names and extras in a text that do not exist.

    Args:
        text: may name options of ``own_commands``, and of every command that it names.
        own_commands: commands that can print the text.
    """
    named = COMMAND.findall(text)
    known = {option for command in {*own_commands, *named} & set(COMMANDS) for option in options(command)} | OTHERS
    wrong = [f"ssl-behavior {name}" for name in named if name not in COMMANDS]
    wrong += [option for option in OPTION.findall(text) if option.replace("_", "-") not in known]
    wrong += [f"sb.{name}" for name in PUBLIC.findall(text) if name not in sb.__all__]
    return wrong + [f"extra {name}" for name in EXTRA.findall(text) if name not in _extras()]


@cache
def _extras() -> frozenset[str]:
    return frozenset(tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
