"""What every command shares: settings in, results out, and errors that a user can read.

A command is a frozen dataclass of settings and a function that takes it. The function is also the notebook's entry
point; ``main = command(...)`` is the shell's.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.cli.settings import load_settings, parse, save_settings
from ssl_behavior.compute.interrupts import reader_may_leave
from ssl_behavior.compute.malloc import keep_freed_memory
from ssl_behavior.compute.progress import close_bars
from ssl_behavior.errors import PROGRAM, InputError, is_out_of_memory, memory_told, sentence
from ssl_behavior.storage import cache

__all__ = ["Command", "command", "load_settings", "run", "save_settings"]


Settings = TypeVar("Settings")


Result = TypeVar("Result")


@dataclass(frozen=True)
class Command(Generic[Settings, Result]):
    """A command of the shell, which is called without arguments or with the words after its name.

    Attributes:
        settings_class: a dataclass; each field is an option ``--field-name`` with the help its docstring gives.
        function: what the command does; also the notebook's entry point.
        description: the first lines of ``--help``.
        report: prints where the results are and what to run next.
    """

    settings_class: type[Settings]
    function: Callable[[Settings], Result]
    description: str
    report: Callable[[Settings, Result], None] | None = None

    def __call__(self, argv: Sequence[str] | None = None) -> None:
        """Run the command with the words of the shell, or with ``argv``.

        ``python -m ssl_behavior.pretrain`` runs the module under the name ``__main__``. Settings would then be of
        other classes than those that the rest of the package imports, so the command of the imported module runs.
        """
        spec = sys.modules["__main__"].__spec__ if self.function.__module__ == "__main__" else None
        if spec is not None:
            importlib.import_module(spec.name).main(argv)
        else:
            run(self.settings_class, self._act, self.description, argv, self.name)

    @property
    def name(self) -> str:
        """How people call it: ``ssl-behavior pretrain``, or ``python -m`` and the module where it is no part of us."""
        package, _, module = self.function.__module__.partition(".")
        return (
            f"{PROGRAM} {module}" if package == __name__.partition(".")[0] else f"python -m {self.function.__module__}"
        )

    def _act(self, config: Settings) -> None:
        result = self.function(config)
        if self.report is not None:
            self.report(config, result)


def command(
    settings_class: type[Settings],
    function: Callable[[Settings], Result],
    description: str,
    report: Callable[[Settings, Result], None] | None = None,
) -> Command[Settings, Result]:
    """The ``main`` of a command's module; see ``Command``.

    Example:
        >>> main = command(EmbedConfig, embed_recordings, "Write the embedding of every frame.", _next_steps)
    """
    return Command(settings_class, function, description, report)


def run(
    settings_class: type[Settings],
    function: Callable[[Settings], object],
    description: str,
    argv: Sequence[str] | None = None,
    name: str | None = None,
) -> None:
    """Parse the settings, call the function, and turn what the user must know into one sentence and an exit code.

    Args:
        settings_class: a dataclass; each field is an option ``--field-name`` with the help its docstring gives.
        function: what the command does.
        description: the first lines of ``--help``.
        argv: the words after the command; those of the shell by default.
        name: how people call the command, for help and errors; ``python -m`` and the function's module by default.

    Raises:
        SystemExit: 2 on unusable input or settings, 130 when interrupted, 143 on SIGTERM (as schedulers send it),
            1 when the reader of a pipe has gone.
    """
    keep_freed_memory()
    try:
        arguments = sys.argv[1:] if argv is None else argv
        if issubclass(settings_class, TracksConfig):
            description = f"{description} Note: {cache.notice()}."
        with reader_may_leave(), _ended_like_interrupted():
            function(parse(settings_class, arguments, description, name or f"python -m {function.__module__}"))
    except KeyboardInterrupt as stop:
        _stop(
            "interrupted before the end; the same command starts again (pretrain and finetune from the last step they "
            "kept, embed, label_curve, embed_many, predict_many and sweep with what is missing)",
            143 if isinstance(stop, _Ended) else 130,
        )
    except (InputError, OSError) as error:
        _stop(f"error: {sentence(error)}", 2)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _stop(
            f"error: there is not enough memory ({memory_told(error)}); give fewer recordings at a time, or "
            "--device cpu if it is the GPU's, or end other programs",
            2,
        )


class _Ended(KeyboardInterrupt):
    """The process was told to end."""


@contextmanager
def _ended_like_interrupted() -> Iterator[None]:
    """Inside, SIGTERM, which only the main thread can be told of, is what Ctrl-C is."""

    def end(*_: object) -> NoReturn:
        raise _Ended

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


def _stop(message: str, code: int) -> NoReturn:
    close_bars()
    print(" ".join(message.split()), file=sys.stderr)
    sys.exit(code)
