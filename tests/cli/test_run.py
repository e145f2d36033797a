"""Commands of the shell: words and files become settings, errors become one line and an exit code."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

import ssl_behavior
from ssl_behavior.__main__ import COMMANDS, main
from ssl_behavior.cli.run import _ways_to_save_memory, run
from ssl_behavior.cli.settings import load_settings, parse, save_settings
from ssl_behavior.errors import InputError
from tests.commands import every_command
from tests.fuzz.forks import ForkServer


@dataclass(frozen=True)
class Width:
    """Nested settings.

    Attributes:
        hidden_units: of each layer.
    """

    hidden_units: int = 3


@dataclass(frozen=True)
class Base:
    """Settings of several commands.

    Attributes:
        recordings: files, folders or globs.
        skip_bad_files: report a bad file and go on.
    """

    recordings: tuple[Path, ...] = ()
    skip_bad_files: bool = False


@dataclass(frozen=True)
class ExampleConfig(Base):
    """Settings of an example.

    Attributes:
        output: where results go.
        train_videos: use this many, some 50 % perhaps.
        videos: use these.
        overlaps: of bouts.
        device: where to compute.
    """

    output: Path = Path("runs/example")
    train_videos: int | None = None
    videos: tuple[str, ...] | None = None
    overlaps: tuple[float, ...] = (0.5,)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    rate: float = 1e-3
    """Learning rate of the encoder."""
    seed: int = 0
    shuffle: bool = True
    width: Width = field(default_factory=Width)


@dataclass(frozen=True)
class NeedyConfig:
    """Settings without a default.

    Attributes:
        model: a folder.
        videos: some.
    """

    model: Path
    videos: list[str] = field(default_factory=list)


def nothing(config: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("", {}),
        ("--train-videos 3", {"train_videos": 3}),
        ("--train_videos 3", {"train_videos": 3}),
        ("--train-videos=3", {"train_videos": 3}),
        ("--train-videos null", {}),
        ("--recordings a b/*.csv c,d", {"recordings": (Path("a"), Path("b/*.csv"), Path("c,d"))}),
        ("--recordings a --recordings b", {"recordings": (Path("a"), Path("b"))}),
        ("--videos 7,42,47", {"videos": ("7", "42", "47")}),
        ("--videos 7, 42 x", {"videos": ("7", "42", "x")}),
        ("--videos=7,42", {"videos": ("7", "42")}),
        ('--videos ["7","a,b"]', {"videos": ("7", "a,b")}),
        ("--overlaps 0.3,0.5 -1", {"overlaps": (0.3, 0.5, -1.0)}),
        ("--skip-bad-files", {"skip_bad_files": True}),
        ("--skip-bad-files --rate -1e-4", {"skip_bad_files": True, "rate": -1e-4}),
        ("--skip_bad_files true --shuffle false", {"skip_bad_files": True, "shuffle": False}),
        ("--skip-bad-files=false", {}),
        ("--device cuda", {"device": "cuda"}),
        ("--width.hidden_units 5", {"width": Width(5)}),
    ],
)
def test_words_become_settings(words: str, changed: dict[str, Any]) -> None:
    assert parse(ExampleConfig, words.split()) == replace(ExampleConfig(), **changed)


def test_a_comma_in_the_name_of_an_existing_file_does_not_separate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a,b").touch()
    assert parse(ExampleConfig, ["--videos", "a,b", "c,d"]).videos == ("a,b", "c", "d")


def test_options_take_precedence_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("train_videos: 4\nvideos: [a, b]\nrate: 0.5\nwidth: {hidden_units: 9}\n")
    config = parse(ExampleConfig, ["--rate", "0.25", "--config", str(path), "--videos", "c", "--rate", "0.25"])
    assert config == replace(ExampleConfig(), train_videos=4, videos=("c",), rate=0.25, width=Width(9))


@pytest.mark.parametrize(
    "config",
    [
        ExampleConfig(),
        ExampleConfig(
            recordings=(Path("a b"), Path("ü.csv")),
            videos=("7", "null", "true", "1e3", "1.5e3", "0x1F", "a: b"),
            width=Width(7),
        ),
        ExampleConfig(train_videos=0, videos=(), rate=1e-5, shuffle=False, overlaps=(1, 2)),
    ],
)
def test_saved_settings_are_equal_when_loaded(config: ExampleConfig, tmp_path: Path) -> None:
    save_settings(config, tmp_path / "config.yaml")
    assert load_settings(ExampleConfig, tmp_path / "config.yaml") == config
    assert parse(ExampleConfig, ["--config", str(tmp_path / "config.yaml")]) == config
    assert set(yaml.safe_load((tmp_path / "config.yaml").read_text())) == set(ExampleConfig.__dataclass_fields__)


@pytest.mark.parametrize(
    ("words", "key_words"),
    [
        ("--trian-videos 3", ["--trian-videos", "did you mean --train-videos"]),
        ("--train 3", ["--train"]),
        ("--width.hidden-unit 3", ["no option --width.hidden-unit; did you mean --width.hidden-units?"]),
        ("--width.deep 3", ["--width.deep"]),
        ("--width 3.yaml", ["--width takes a YAML file of its settings", "--width.hidden-units", "got 3.yaml"]),
        (f"--config {sys.executable}", ["expected YAML"]),
        ("--width.hidden-units x", ["--width.hidden-units takes a whole number; got x"]),
        ("stray", ["stray"]),
        ("-x", ["-x"]),
        ("--train-videos many", ["--train-videos", "whole number", "many"]),
        ("--train-videos", ["--train-videos"]),
        ("--rate fast", ["--rate", "a number", "fast"]),
        ("--skip-bad-files maybe", ["--skip-bad-files", "true or false", "maybe"]),
        ("--device tpu", ["--device", "auto, cpu, cuda", "tpu"]),
        ("--overlaps a", ["--overlaps", "a number"]),
        ("--recordings", ["--recordings", "at least one"]),
        ("--config none.yaml", ["none.yaml"]),
    ],
)
def test_unusable_options_are_named_in_one_line(
    words: str, key_words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[ExampleConfig] = []
    with pytest.raises(SystemExit) as stop:
        run(ExampleConfig, called.append, "", words.split())
    out, err = capsys.readouterr()
    assert stop.value.code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert out == ""
    assert not called
    assert [word for word in key_words if word not in err] == []


@pytest.mark.parametrize(
    ("text", "key_words"),
    [
        ("train_vidoes: 3", ["settings.yaml", "train_vidoes"]),
        ("width: {hidden: 3}", ["settings.yaml", "hidden"]),
        ("rate: fast", ["settings.yaml", "--rate", "fast"]),
        ("width: {hidden_units: no}", ["settings.yaml", "width.hidden-units takes a whole number"]),
        ("videos: [7]", ["settings.yaml", "--videos", "quotes"]),
        ("a: [1", ["settings.yaml", "line 1"]),
        ("- 1", ["settings.yaml"]),
    ],
)
def test_an_unusable_file_is_named(text: str, key_words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as loading:
        load_settings(ExampleConfig, path)
    with pytest.raises(InputError) as parsing:
        parse(ExampleConfig, ["--config", str(path)])
    assert str(path) in str(loading.value)
    for error in (loading, parsing):
        assert [word for word in key_words if word not in str(error.value)] == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        load_settings(ExampleConfig, tmp_path / "none.yaml")


def test_missing_settings_are_named() -> None:
    with pytest.raises(InputError, match="missing: --model;"):
        parse(NeedyConfig, [])
    assert parse(NeedyConfig, ["--model", "m"]) == NeedyConfig(Path("m"))


def test_help_has_every_field_with_its_docstring_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run(ExampleConfig, nothing, "An example of a command.", ["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    for part in (
        "An example of a command.",
        "--recordings PATH ... files, folders or globs.",
        "--train-videos N use this many, some 50 % perhaps.",
        "--output PATH where results go. (default: runs/example)",
        "--overlaps X ... of bouts. (default: 0.5)",
        "--device {auto,cpu,cuda} where to compute. (default: auto)",
        "--rate X Learning rate of the encoder. (default: 0.001)",
        "--seed N seed (default: 0)",
        "(default: true)",
        "of each layer.",
    ):
        assert part in text


@dataclass(frozen=True)
class Outer:
    """Settings in settings.

    Attributes:
        width: of a layer.
        name: `` quoted`` and so on.
    """

    width: Width = field(default_factory=lambda: Width(7))
    name: str = "x"


@dataclass(frozen=True)
class NestedConfig:
    """Settings in settings in settings.

    Attributes:
        outer: what is ``in`` here.
    """

    outer: Outer = field(default_factory=Outer)


def test_nested_settings_have_the_same_help_as_others(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(NestedConfig, nothing, "", ["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "what is in here:" in text
    assert "--outer FILE YAML file of the settings below." in text
    assert "--outer.width.hidden_units N of each layer. (default: 7)" in text
    assert "--outer.name NAME quoted and so on. (default: x)" in text
    assert "``" not in text
    assert parse(NestedConfig, ["--outer.width.hidden_units", "5"]).outer == Outer(Width(5))


def test_help_marks_required_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(NeedyConfig, nothing, "", ["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--model PATH a folder. (required) --videos NAME ... some." in text


def test_the_printed_config_can_be_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run(ExampleConfig, nothing, "", ["--rate", "0.5", "--print-config"])
    assert stop.value.code == 0
    (tmp_path / "c.yaml").write_text(capsys.readouterr().out)
    assert load_settings(ExampleConfig, tmp_path / "c.yaml") == ExampleConfig(rate=0.5)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("a.csv: expected tracks,\n  found none"), 2, "error: a.csv: expected tracks, found none\n"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again to continue"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: No space left on device\n"),
        (PermissionError(errno.EACCES, "Permission denied", "out/a"), 2, "error: out/a: Permission denied\n"),
        (FileNotFoundError(errno.ENOENT, "No such file", "b"), 2, "error: b: No such file\n"),
    ],
)
def test_errors_become_a_sentence_and_a_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(config: ExampleConfig) -> None:
        raise error

    with pytest.raises(SystemExit) as stop:
        run(ExampleConfig, fail, "", [])
    printed = capsys.readouterr().err
    assert stop.value.code == code
    assert printed.startswith(message)
    assert printed.count("\n") == 1


def test_sigterm_interrupts_as_ctrl_c_does(capsys: pytest.CaptureFixture[str]) -> None:
    former = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        run(ExampleConfig, lambda _: signal.raise_signal(signal.SIGTERM), "", [])
    assert (stop.value.code, signal.getsignal(signal.SIGTERM)) == (143, former)
    assert "run the same command again" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback() -> None:
    def fail(config: ExampleConfig) -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        run(ExampleConfig, fail, "", [])


def test_a_reader_that_closes_the_pipe_is_no_error() -> None:
    code = (
        "from dataclasses import dataclass\n"
        "from ssl_behavior.cli.run import run\n"
        "@dataclass(frozen=True)\nclass C:\n    x: int = 1\n"
        "def talk(config):\n    for i in range(100_000): print(i)\n"
        "run(C, talk, '', [])\n"
    )
    reader, writer = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    os.close(reader)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "MemoryError"),
        (MemoryError("Unable to allocate 7.28 TiB for an array with shape (9,)"), "Unable to allocate 7.28 TiB"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "CUDA out of memory"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
                         "you tried to allocate 4000 bytes. Error code 12 (Cannot allocate memory)"),
            "tried to allocate 4000 bytes",
        ),
    ],
)  # fmt: skip
def test_an_error_of_memory_is_one_line_with_advice(
    error: Exception, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: ExampleConfig) -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        run(ExampleConfig, fail, "", [])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: out of memory ({message}); give fewer recordings at a time")


@pytest.mark.parametrize("words", every_command())
def test_a_lack_of_memory_is_answered_with_options_of_the_command(words: str) -> None:
    settings_class = every_command()[words].settings_class
    names = {field.name for field in fields(settings_class)}
    ways = _ways_to_save_memory(settings_class)
    assert ("--device" in ways) == ("device" in names)
    assert ("recordings" in ways) == ("recordings" in names)
    assert ways.endswith("end other programs")


def test_other_runtime_errors_are_not_taken_for_errors_of_memory() -> None:
    def fail(_: ExampleConfig) -> None:
        raise RuntimeError("sizes differ")

    with pytest.raises(RuntimeError, match="sizes differ"):
        run(ExampleConfig, fail, "", [])


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f"ssl-behavior {name} " not in out] == []
    assert "python -m ssl_behavior.pretrain" in out


def test_a_group_lists_its_commands_and_refuses_others(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"]):
        main(["experiments", *words])
        out = capsys.readouterr().out
        assert all(f"ssl-behavior experiments {word} " in out for word in ("post", "work", "status"))
    for word, advice in {
        "pots": "did you mean ssl-behavior experiments post?",
        "--output": "give one of post, work",
    }.items():
        with pytest.raises(SystemExit) as stop:
            main(["experiments", word])
        assert stop.value.code == 2
        assert advice in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"ssl_behavior {ssl_behavior.__version__}\n"


def test_an_unknown_command_is_refused_with_a_similar_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["pretrian"])
    assert stop.value.code == 2
    assert "did you mean pretrain?" in capsys.readouterr().err


def test_a_command_may_be_spelt_with_a_hyphen_or_an_underscore() -> None:
    for name in ("label_curve", "label-curve"):
        with pytest.raises(SystemExit) as stop:
            main([name, "--help"])
        assert stop.value.code == 0


@pytest.mark.parametrize("words", ["", "--version", "evaluate --help", "-h"])
def test_a_reader_may_stop_reading_the_output(words: str) -> None:
    reader, writer = os.pipe()
    call = [sys.executable, "-m", "ssl_behavior", *words.split()]
    process = subprocess.Popen(call, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    os.close(reader)
    assert process.communicate(timeout=60)[1] == ""


def test_a_module_and_the_program_run_the_same_command(tmp_path: Path) -> None:
    # Both use the settings of the imported module, also where it runs as `__main__`.
    (tmp_path / "settings.yaml").write_text("min_frames: 9\nmax_frames: 3\n")
    calls = (["-m", "ssl_behavior.simulate"], ["-m", "ssl_behavior", "simulate"])
    done = [
        subprocess.run(
            [sys.executable, *call, "--config", str(tmp_path / "settings.yaml")], capture_output=True, text=True
        )
        for call in calls
    ]
    assert [process.returncode for process in done] == [2, 2]
    assert done[0].stderr == done[1].stderr
    assert "--min-frames" in done[0].stderr


@pytest.mark.parametrize("wrong", ["", "fish", "bash zsh"])
def test_completion_of_an_unknown_shell_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--print-completion", *wrong.split()])
    assert stop.value.code == 2
    assert "bash, zsh" in capsys.readouterr().err


def test_completion_for_bash_offers_commands_options_and_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--print-completion", "bash"])
    (tmp_path / "completion").write_text(capsys.readouterr().out)
    assert subprocess.run(["bash", "-n", str(tmp_path / "completion")]).returncode == 0
    lines = [
        f"source {tmp_path / 'completion'}",
        "COMP_WORDS=(ssl-behavior finetune --supervision.st); COMP_CWORD=2; _shtab_ssl_behavior; echo ${COMPREPLY[@]}",
        "COMP_WORDS=(ssl-behavior finetune --device c); COMP_CWORD=3; _shtab_ssl_behavior; echo ${COMPREPLY[@]}",
        "COMP_WORDS=(ssl-behavior label); COMP_CWORD=1; _shtab_ssl_behavior; echo ${COMPREPLY[@]}",
        "COMP_WORDS=(ssl-behavior experiments st); COMP_CWORD=2; _shtab_ssl_behavior; echo ${COMPREPLY[@]}",
        "COMP_WORDS=(ssl-behavior experiments work --le); COMP_CWORD=3; _shtab_ssl_behavior; echo ${COMPREPLY[@]}",
    ]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["--supervision.steps", "cpu cuda", "label_curve", "status", "--lease"]


@pytest.mark.parametrize("words", every_command())
def test_each_command_has_help_and_refuses_an_unknown_option(words: str, forks: ForkServer, tmp_path: Path) -> None:
    helped = forks.run([f"ssl_behavior.{words.split()[0]}", *words.split()[1:], "--help"], tmp_path)
    assert (helped.code, helped.err) == (0, "")
    assert "--config" in helped.out
    refused = forks.run(["ssl_behavior", *words.split(), "--no-such-option", 1], tmp_path)
    assert refused.code == 2
    assert refused.err.startswith("error: there is no option --no-such-option")
    assert refused.err.count("\n") == 1
