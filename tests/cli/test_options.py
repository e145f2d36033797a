"""Options of a command and short names of nested ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ssl_behavior.cli.options import short_options
from ssl_behavior.cli.settings import parse
from ssl_behavior.errors import InputError
from ssl_behavior.finetune import FinetuneConfig


@dataclass(frozen=True)
class Left:
    """Left.

    Attributes:
        width: in px.
        clip_seconds: of a clip.
        names: of videos.
    """

    width: int = 1
    clip_seconds: float = 2.0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Right:
    """Right.

    Attributes:
        width: in px.
        seed: of this group.
    """

    width: int = 1
    seed: int = 3


@dataclass(frozen=True)
class TwoConfig:
    """Two groups.

    Attributes:
        seed: of the command.
        left: the first group.
        right: the second group.
    """

    seed: int = 0
    left: Left = field(default_factory=Left)
    right: Right = field(default_factory=Right)


def test_a_nested_option_has_its_last_name_as_a_short_name_if_no_other_option_has_it() -> None:
    assert short_options(TwoConfig) == {"--clip-seconds": "--left.clip-seconds", "--names": "--left.names"}
    for words in ("--clip-seconds 5", "--clip_seconds=5", "--left.clip-seconds 5"):
        assert parse(TwoConfig, words.split()).left == Left(clip_seconds=5.0)
    assert parse(TwoConfig, ["--names", "a,b", "c"]).left.names == ("a", "b", "c")


def test_an_option_of_the_command_takes_precedence_over_a_nested_one_of_the_same_name() -> None:
    assert parse(TwoConfig, ["--seed", "5"]) == TwoConfig(seed=5)


def test_an_ambiguous_last_name_is_refused_with_all_options_that_have_it() -> None:
    with pytest.raises(InputError, match=r"no option --width; did you mean --left\.width or --right\.width\?"):
        parse(TwoConfig, ["--width", "5"])


@pytest.mark.parametrize(
    ("wrong", "right"), [("--stpes", "--steps"), ("--learning-rat", "--learning-rate"), ("--sede", "--seed")]
)
def test_a_misspelt_nested_option_is_guessed(wrong: str, right: str) -> None:
    with pytest.raises(InputError, match=rf"did you mean {right}\?"):
        parse(FinetuneConfig, [wrong, "3"])


def test_steps_and_batch_of_finetune_are_short_names() -> None:
    config = parse(FinetuneConfig, ["--encoder", "e", "--recordings", "r", "--steps", "40", "--batch", "3"])
    assert (config.supervision.steps, config.supervision.batch, config.encoder) == (40, 3, Path("e"))


def test_help_names_the_short_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(TwoConfig, ["--help"])
    assert "of a clip. (default: 2.0) (also --clip-seconds)" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["my tracks"], r"as in --recordings 'my tracks'"),
        (["--steps", "3", "tracks"], r"found tracks without an option before it; .* --recordings tracks"),
        (["-o", "out"], r"there is no option -o; options begin with two dashes"),
    ],
)
def test_a_word_without_an_option_is_told_which_it_may_be_meant_for(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(FinetuneConfig, words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--train-videos"], "--train-videos takes a whole number; got nothing"),
        (["--supervision.tune", "--seed", "3"], r"--supervision\.tune takes one of \w+.*; got nothing"),
        (["--device"], "--device takes one of auto, cpu, cuda; got nothing"),
        (["--encoder"], "--encoder takes a path; got nothing"),
        (["--config"], "--config takes a path; got nothing"),
    ],
)
def test_an_option_without_its_value_is_told_what_it_takes(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(FinetuneConfig, words)
