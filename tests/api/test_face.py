"""``import ssl_behavior as sb``: what it offers, how fast, and in whatever order modules are imported."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssl_behavior as sb
from tests.commands import every_command

SOURCE = Path(sb.__file__)
TABLE = {name: (f"ssl_behavior.{module}", original) for name, (module, original) in sb._PUBLIC.items()}


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def declared_names() -> dict[str, tuple[str, str]]:
    """Public name -> its module and its name there, as the block for type checkers declares them."""
    blocks = (node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    (block,) = (node for node in blocks if ast.unparse(node.test) == "TYPE_CHECKING")
    declared, renamed = {}, {}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            declared |= {alias.name: (str(node.module), alias.name) for alias in node.names}
        elif isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            assert isinstance(node.value, ast.Name)
            renamed[target.id] = node.value.id
    for module in ("experiments", "plots"):
        declared.pop(module)
    return declared | {name: declared.pop(original) for name, original in renamed.items()}


def test_type_checkers_see_the_names_that_exist() -> None:
    assert declared_names() == TABLE


@pytest.mark.parametrize("name", TABLE)
def test_every_name_is_what_its_module_defines(name: str) -> None:
    module, original = TABLE[name]
    assert getattr(sb, name) is getattr(importlib.import_module(module), original)


@pytest.mark.parametrize("words", every_command())
def test_every_command_has_its_function_and_its_settings(words: str) -> None:
    name, _, word = words.partition(" ")
    public, function = (getattr(sb, name), word) if word else (sb, name)
    settings_class = every_command()[words].settings_class
    assert getattr(public, function).__module__ == f"ssl_behavior.{name}"
    assert getattr(public, settings_class.__name__) is settings_class


@pytest.mark.parametrize("words", every_command())
def test_nested_settings_have_names_too(words: str) -> None:
    settings = every_command()[words].settings_class
    nested = {field.default_factory for field in settings.__dataclass_fields__.values()}
    classes = {kind for kind in nested if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")}
    assert classes <= {getattr(sb, name) for name in TABLE}


@pytest.mark.parametrize(
    "code",
    [
        "import ssl_behavior as sb; sb.evaluate; import ssl_behavior.evaluate",
        "import ssl_behavior.evaluate; import ssl_behavior as sb",
        "from ssl_behavior.evaluate import EvaluateConfig; import ssl_behavior as sb",
        "import importlib; importlib.import_module('ssl_behavior.evaluate'); import ssl_behavior as sb",
        "from ssl_behavior import evaluate; import ssl_behavior.evaluate; import ssl_behavior as sb",
    ],
)
def test_a_command_is_its_function_whatever_was_imported_first(code: str) -> None:
    assert in_a_fresh_process(f"{code}; print(sb.evaluate.__module__, sb.evaluate.__name__)") == (
        "ssl_behavior.evaluate evaluate"
    )


def test_a_command_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "ssl_behavior.evaluate", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "--predictions" in done.stdout
    assert done.stderr == ""


def test_importing_is_fast() -> None:
    code = "import time; start = time.perf_counter(); import ssl_behavior; print(time.perf_counter() - start)"
    assert min(float(in_a_fresh_process(code)) for _ in range(5)) < 0.2


def test_names_are_completed_before_they_are_loaded() -> None:
    names = in_a_fresh_process("import ssl_behavior as sb, sys; print(*dir(sb), 'torch' in sys.modules)").split()
    assert {"BehaviourEncoder", "PretrainConfig", "plots", "pretrain", "__version__", "False"} <= set(names)


def test_a_star_imports_the_public_names() -> None:
    names = in_a_fresh_process("from ssl_behavior import *; print(*[name for name in dir() if name[0] != '_'])").split()
    assert set(names) == {*TABLE, "experiments", "plots"}


def test_a_misspelt_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"ssl_behavior.*no attribute 'pretrian'"):
        sb.pretrian  # type: ignore[attr-defined] # noqa: B018
    assert not hasattr(sb, "numpy")


def test_reading_and_simulating_load_no_torch() -> None:
    code = "import ssl_behavior as sb, sys; sb.read_recordings, sb.read_labelled, sb.simulate_recordings(1, frames=9)"
    assert in_a_fresh_process(f"{code}; print('torch' in sys.modules)") == "False"


face: Any = sb  # so that a type checker lets wrong types pass
RECORDING: Any = sb.Recording("a", np.zeros((3, 1, 1, 2)), ("m",), sb.Skeleton(("n",)), 30.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: face.pretrain("path"), r"config: expected PretrainConfig\(...\); found 'path'"),
        (lambda: face.embed(None), r"config: expected EmbedConfig\(...\); found None"),
        (lambda: face.read_recordings(None), "paths: expected text or a path or a list of texts or paths; found None"),
        (lambda: face.read_recordings("tracks", frame_rate="a"), "frame_rate: expected a number or None; found 'a'"),
        (lambda: face.read_recordings("tracks", skip_bad_files="x"), "skip_bad_files: expected true or false"),
        (lambda: face.read_labelled("tracks", agent=5), "agent: expected text or None; found 5"),
        (lambda: face.simulate_recordings("3"), "videos: expected a whole number; found '3'"),
        (lambda: face.load_encoder(None), "folder: expected text or a path; found None"),
        (lambda: face.load_model(5), "folder: expected text or a path; found 5"),
        (lambda: face.Atlas(None), "folder: expected text or a path; found None"),
        (lambda: face.ClusteredAtlas(5), "atlas: expected"),
        (lambda: face.frame_table(RECORDING, channel=5), "channel: expected text or None; found 5"),
        (lambda: face.plots.skeleton(RECORDING, frame="a"), "frame: expected a whole number; found 'a'"),
        (lambda: face.plots.skeleton(RECORDING, 0, ax="x"), "ax: expected a value of the type Axes or None; found 'x'"),
        (lambda: face.plots.skeleton([RECORDING, replace(RECORDING, id="b")], 0), "expected one recording; found 2"),
        (lambda: face.plots.ethogram(RECORDING, ax=3), "ax: expected a value of the type Axes"),
        (lambda: face.Skeleton("nose"), "expected several texts, each a keypoint's name; found 'nose'"),
        (lambda: face.Skeleton((1, 2)), "expected text for the keypoint's name; found 1"),
        (lambda: face.Labels(("a",), "x"), "expected an array of numbers"),
        (lambda: face.Bout(0, "2", "a"), "a bout needs"),
        (lambda: replace(RECORDING, positions="b"), "expected an array of numbers"),
        (lambda: replace(RECORDING, skeleton=None), "expected a Skeleton; found None"),
        (lambda: replace(RECORDING, frame_rate="a"), "frame rate must be a positive number of Hz"),
        (lambda: replace(RECORDING, frame_rate=1e9), "frame rate must be a positive number of Hz"),
        (lambda: replace(RECORDING, individuals=("m\0",)), "individual's name without control characters"),
    ],
)
def test_an_argument_of_another_type_is_one_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(sb.InputError, match=message):
        call()
