"""Bounds of settings hold in the shell, in files and in notebooks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from ssl_behavior.cli.settings import load_settings, parse
from ssl_behavior.cli.validators import Above, AtLeast, AtMost, Checked, Share, field_bounds
from ssl_behavior.errors import InputError
from ssl_behavior.finetune import FinetuneConfig
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.pretrain import PretrainConfig
from tests.commands import every_command


@dataclass(frozen=True)
class Inner:
    """Settings in settings.

    Attributes:
        clip_seconds: length of a clip.
    """

    clip_seconds: Annotated[float, Above(0)] = 1.0


@dataclass(frozen=True)
class BoundedConfig(Checked):
    """Settings with bounds.

    Attributes:
        port: of a server.
        share: of everything.
        rate: in Hz.
        inner: settings in settings.
    """

    port: Annotated[int, AtLeast(0), AtMost(10)] = 5
    share: Annotated[float, Share()] = 0.5
    rate: Annotated[float, Above(0)] | None = None
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--port -1", "--port: expected 0 or more and found -1"),
        ("--port 11", "--port: expected 10 or less and found 11"),
        ("--share 1", "--share: expected a share of at least 0 and below 1 and found 1"),
        ("--rate 0", "--rate: expected a number above 0 and found 0"),
        ("--inner.clip-seconds 0", "--inner.clip-seconds: expected a number above 0 and found 0"),
    ],
)
def test_values_out_of_bounds_are_refused_with_the_name_of_the_option(words: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(BoundedConfig, words.split())


def test_values_on_the_bounds_are_accepted() -> None:
    assert parse(BoundedConfig, ["--port", "10", "--share", "0", "--rate", "null"]) == BoundedConfig(10, 0.0)


def test_a_file_with_a_value_out_of_bounds_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("inner: {clip_seconds: -2}\n")
    with pytest.raises(InputError, match=r"settings.yaml: --inner.clip-seconds: .* above 0 and found -2"):
        load_settings(BoundedConfig, tmp_path / "settings.yaml")


def test_settings_that_a_notebook_makes_are_checked_too() -> None:
    with pytest.raises(InputError, match="--steps: expected a number above 0 and found -1"):
        PretrainConfig(steps=-1)
    with pytest.raises(InputError, match=r"--inner\.clip-seconds"):
        BoundedConfig(inner=Inner(math.nan))
    with pytest.raises(InputError, match="--port"):
        replace(BoundedConfig(), port=11)


def test_a_notebook_gives_text_for_paths_and_single_values_for_several() -> None:
    config = PretrainConfig(recordings="tracks", output="encoder", skeleton="parts.yaml")  # type: ignore[arg-type]
    assert config == PretrainConfig(recordings=(Path("tracks"),), output=Path("encoder"), skeleton=Path("parts.yaml"))
    listed = PretrainConfig(recordings=["a.csv", Path("b.csv")])  # type: ignore[arg-type]
    assert listed.recordings == (Path("a.csv"), Path("b.csv"))
    assert replace(config, format="sleap").format == "sleap"
    assert PretrainConfig(skeleton=None).skeleton is None


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="--steps: expected a number above 0; found 'many'"):
        PretrainConfig(steps="many")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recordings": 5}, "--recordings: expected a list of paths; found 5"),
        ({"recordings": [Inner()]}, r"--recordings: expected a list of paths; found \(Inner"),
        ({"steps": 1.5}, "--steps: expected a whole number; found 1.5"),
        ({"steps": True}, "--steps: expected a whole number; found True"),
        ({"overwrite": "no"}, "--overwrite: expected true or false; found 'no'"),
        ({"output": None}, "--output: expected a path; found None"),
        ({"device": "gpu"}, "--device: expected one of auto, cpu, cuda; found 'gpu'"),
        ({"architecture": 5}, "--architecture: expected Architecture"),
        (
            {"architecture": replace(Architecture(), channels=8.5)},
            "--architecture.channels: expected a whole number; found 8.5",
        ),
        ({"learning_rate": math.inf}, "--learning-rate: expected a number; found inf"),
        ({"frame_rate": "a"}, "--frame-rate: expected 0.1 or more; found 'a'"),
        ({"frame_rate": 1e-9}, "--frame-rate: expected 0.1 or more and found 1e-09"),
        ({"frame_rate": 1e9}, "--frame-rate: expected 100000 or less and found 1e"),
        ({"preparation": Preparation(1e9)}, "--preparation.frame-rate: expected 100000 or less"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_name_of_the_option(
    changed: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        PretrainConfig(**changed)  # type: ignore[arg-type]


def test_a_setting_that_is_missing_is_none_and_none_is_no_path() -> None:
    with pytest.raises(InputError, match="--encoder: expected a path; found None"):
        FinetuneConfig(encoder=None, recordings="tracks")  # type: ignore[arg-type]


def test_paths_from_a_glob_can_be_given_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    config = PretrainConfig(recordings=tmp_path.glob("*.csv"))  # type: ignore[arg-type]
    assert config.recordings == (tmp_path / "a.csv",)


def test_numbers_of_numpy_are_stored_as_plain_numbers() -> None:
    config = PretrainConfig(steps=np.int64(7), learning_rate=np.float32(0.5))  # type: ignore[arg-type]
    assert (type(config.steps), type(config.learning_rate)) == (int, float)


def test_help_shows_default_and_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(BoundedConfig, ["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for part in ("of a server. (default: 5; 0 or more; 10 or less)", "in Hz. (above 0)", "(default: 1.0; above 0"):
        assert part in text


@pytest.mark.parametrize("words", every_command())
def test_settings_of_every_command_are_checked_and_its_defaults_are_in_bounds(words: str) -> None:
    settings_class = every_command()[words].settings_class
    assert issubclass(settings_class, Checked)
    for name, bounds in field_bounds(settings_class).items():
        default = getattr(settings_class, name, None)
        assert default is None or all(bound.allows(default) for bound in bounds)
