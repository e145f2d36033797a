"""Commands of the shell: from settings and a function to options, a report, readable errors and exit codes.

A command is a frozen dataclass of settings and a function that takes it. Notebooks call the function; the shell calls
``main = command(...)`` in the function's module.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.cli.settings import load_settings, parse, save_settings
from ssl_behavior.compute.interrupts import exit_on_closed_pipe
from ssl_behavior.compute.malloc import keep_freed_memory
from ssl_behavior.compute.progress import close_bars
from ssl_behavior.errors import PROGRAM, InputError, error_message, is_out_of_memory, memory_message
from ssl_behavior.storage import cache

__all__ = ["Command", "CommandGroup", "command", "command_group", "load_settings", "run", "save_settings"]


Settings = TypeVar("Settings")


Result = TypeVar("Result")


@dataclass(frozen=True)
class Command(Generic[Settings, Result]):
    """A command of the shell; call it without arguments, or with the words after its name.

    Attributes:
        settings_class: a dataclass; each field is an option ``--field-name`` with help from its docstring.
        function: does the work; notebooks call it directly.
        description: the first lines of ``--help``.
        report: prints where the results are and what to run next.
        word: name of the command in its group; empty if it stands alone.
    """

    settings_class: type[Settings]
    function: Callable[[Settings], Result]
    description: str
    report: Callable[[Settings, Result], None] | None = None
    word: str = ""

    def __call__(self, argv: Sequence[str] | None = None) -> None:
        """Run the command with the words of the shell, or with ``argv``.

        Raises:
            SystemExit: as ``run``.
        """
        if (imported := _imported_main(self.function)) is not None:
            imported(argv)
        else:
            run(self.settings_class, self._run_and_report, self.description, argv, self.name)

    @property
    def name(self) -> str:
        """The command as users type it: ``ssl-behavior pretrain``, or ``python -m MODULE`` outside this package."""
        package, _, module = self.function.__module__.partition(".")
        is_own = package == __name__.partition(".")[0]
        name = f"{PROGRAM} {module}" if is_own else f"python -m {self.function.__module__}"
        return f"{name} {self.word}".rstrip()

    def _run_and_report(self, config: Settings) -> None:
        result = self.function(config)
        if self.report is not None:
            self.report(config, result)


def command(
    settings_class: type[Settings],
    function: Callable[[Settings], Result],
    description: str,
    report: Callable[[Settings, Result], None] | None = None,
) -> Command[Settings, Result]:
    """Make the ``main`` of a command's module; see ``Command`` for the arguments.

    Examples:
        >>> main = command(EmbedConfig, embed_recordings, "Write the embedding of every frame.", _next_steps)
    """
    return Command(settings_class, function, description, report)


@dataclass(frozen=True)
class CommandGroup:
    """Several commands under one name, such as ``ssl-behavior experiments post``; the first word says which.

    Attributes:
        description: the first line of ``--help``.
        commands: word -> command.
    """

    description: str
    commands: Mapping[str, Command[Any, Any]]

    def __call__(self, argv: Sequence[str] | None = None) -> None:
        """Run the command that the first word names, or list the commands.

        Raises:
            SystemExit: 2 if there is no such command, else as ``run``.
        """
        first = next(iter(self.commands.values()))
        imported, words = _imported_main(first.function), list(sys.argv[1:] if argv is None else argv)
        if imported is not None:
            imported(argv)
        elif not words or words[0] in ("-h", "--help", "help"):
            with exit_on_closed_pipe():
                print("\n".join(self._overview()))
        elif words[0] in self.commands:
            self.commands[words[0]](words[1:])
        else:
            self._refuse(words[0], first.name.rpartition(" ")[0])

    def _overview(self) -> Iterator[str]:
        yield self.description
        yield ""
        for command in self.commands.values():
            yield f"  {command.name:<32} {command.description}"

    def _refuse(self, word: str, name: str) -> NoReturn:
        if word.startswith("-"):
            reason = f"there is no option {word} before the command"
        else:
            reason = f"there is no command {name} {word}"
        similar = difflib.get_close_matches(word, self.commands, 1)
        hint = (
            f"did you mean {name} {similar[0]}?" if similar else f"give one of {', '.join(self.commands)} after {name}"
        )
        _stop(f"error: {reason}; {hint}", 2)


def command_group(description: str, commands: Mapping[str, Command[Any, Any]]) -> CommandGroup:
    """Make the ``main`` of a module with several commands; see ``CommandGroup`` for the arguments.

    Examples:
        >>> main = command_group("Trainings as messages.", {"post": command(PostConfig, post, "Post messages.")})
    """
    return CommandGroup(description, {word: dataclasses.replace(one, word=word) for word, one in commands.items()})


def _imported_main(function: Callable[..., Any]) -> Callable[[Sequence[str] | None], None] | None:
    """The ``main`` to run in place of one in the module ``__main__``; None elsewhere.

    ``python -m ssl_behavior.pretrain`` runs the module under the name ``__main__``. Its classes then differ from those
    that the rest of the package imports, so the command of the imported module runs in its place.
    """
    spec = sys.modules["__main__"].__spec__ if function.__module__ == "__main__" else None
    return None if spec is None else importlib.import_module(spec.name).main


def run(
    settings_class: type[Settings],
    function: Callable[[Settings], object],
    description: str,
    argv: Sequence[str] | None = None,
    name: str | None = None,
) -> None:
    """Parse the settings, call the function, and turn errors into one line and an exit code.

    Args:
        settings_class: a dataclass; each field is an option ``--field-name`` with help from its docstring.
        function: does the work.
        description: the first lines of ``--help``.
        argv: the words after the command; by default those of the shell.
        name: how users call the command, for help and errors; by default ``python -m`` and the function's module.

    Raises:
        SystemExit: 2 on unusable input or settings, 130 when interrupted, 143 on SIGTERM (as schedulers send it),
            1 when the reader of a pipe is gone. Other exceptions are bugs and keep their traceback.
    """
    keep_freed_memory()
    try:
        arguments = sys.argv[1:] if argv is None else argv
        if issubclass(settings_class, TracksConfig):
            description = f"{description} Note: {cache.notice()}."
        with exit_on_closed_pipe(), _sigterm_interrupts():
            function(parse(settings_class, arguments, description, name or f"python -m {function.__module__}"))
    except KeyboardInterrupt as stop:
        _stop(
            "interrupted; run the same command again to continue (pretrain and finetune from the last saved step; "
            "embed, label_curve, embed_many, predict_many, sweep and experiments work with the missing results)",
            143 if isinstance(stop, _Terminated) else 130,
        )
    except (InputError, OSError) as error:
        _stop(f"error: {error_message(error)}", 2)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _stop(
            f"error: out of memory ({memory_message(error)}); {_ways_to_save_memory(settings_class)}",
            2,
        )


class _Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Within the block, SIGTERM raises an exception as Ctrl-C does, so that commands can save their state."""

    def end(*_: object) -> NoReturn:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():  # Python sets handlers in the main thread only
        yield
        return
    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _ways_to_save_memory(settings_class: type[Any]) -> str:
    names = {field.name for field in dataclasses.fields(settings_class)}
    ways = ["give fewer recordings at a time"] if "recordings" in names else []
    ways += ["add --device cpu if the GPU's memory is full"] if "device" in names else []
    return ", or ".join([*ways, "end other programs"])


def _stop(message: str, code: int) -> NoReturn:
    close_bars()  # a bar that the exception left open would overwrite the message
    print(" ".join(message.split()), file=sys.stderr)
    sys.exit(code)
