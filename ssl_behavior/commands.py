"""What every command shares: settings in, results out, and errors that a user can read.

A command is a frozen dataclass of settings and a function that takes it. The function is also the notebook's entry
point; ``run`` is the shell's.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

from tqdm import tqdm

from ssl_behavior.errors import InputError, is_out_of_memory, memory_told, sentence
from ssl_behavior.formats import cache, read_recordings
from ssl_behavior.memory import keep_freed_memory
from ssl_behavior.recordings import Recording
from ssl_behavior.settings import load_settings, parse, save_settings
from ssl_behavior.validators import Above, Checked

__all__ = ["TracksConfig", "load_settings", "run", "save_settings"]

Settings = TypeVar("Settings")


def run(
    settings_class: type[Settings],
    function: Callable[[Settings], object],
    description: str,
    argv: Sequence[str] | None = None,
) -> None:
    """Parse the settings, call the function, and turn what the user must know into one sentence and an exit code.

    Args:
        settings_class: a dataclass; each field is an option ``--field-name`` with the help its docstring gives.
        function: what the command does.
        description: the first lines of ``--help``.
        argv: the words after the command; those of the shell by default.

    Raises:
        SystemExit: 2 on unusable input or settings, 130 when interrupted, 143 when told to end (SIGTERM, as schedulers
            send it), 1 when the reader of a pipe has gone.
    """
    keep_freed_memory()
    try:
        arguments = sys.argv[1:] if argv is None else argv
        if issubclass(settings_class, TracksConfig):
            description = f"{description} Note: {cache.notice()}."
        with _ended_like_interrupted():
            function(parse(settings_class, arguments, description, f"python -m {function.__module__}"))
            sys.stdout.flush()
    except KeyboardInterrupt as stop:
        _stop(
            "interrupted before the end; the same command starts again (pretrain and finetune from the last step they "
            "kept, embed, label_curve, embed_many, predict_many and sweep with what is missing)",
            143 if isinstance(stop, _Ended) else 130,
        )
    except BrokenPipeError:
        # Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
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


@dataclass(frozen=True, kw_only=True)
class TracksConfig(Checked):
    """Settings of every command that reads tracks.

    Attributes:
        recordings: files, folders or globs of tracks.
        format: of the recordings, if it is not to be told from their content.
        frame_rate: of the recordings in Hz, where their files do not say it or say it wrongly.
        skeleton: YAML or JSON file that says which landmark each keypoint is.
        mixed_skeletons: let recordings differ in their keypoints.
        skip_bad_files: report files that cannot be used and go on.
        overwrite: write over an output that is there.
    """

    recordings: tuple[Path, ...]
    format: str | None = None
    frame_rate: Annotated[float, Above(0)] | None = None
    skeleton: Path | None = None
    mixed_skeletons: bool = False
    skip_bad_files: bool = False
    overwrite: bool = False

    def read(self) -> list[Recording]:
        """The recordings that these settings name."""
        return read_recordings(
            self.recordings,
            self.format,
            self.skip_bad_files,
            self.frame_rate,
            self.skeleton,
            mixed_skeletons=self.mixed_skeletons,
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
    # Of loops that the error has left: the message would stand behind them.
    for bar in [*tqdm._instances]:  # type: ignore[attr-defined]
        bar.close()
    print(" ".join(message.split()), file=sys.stderr)
    sys.exit(code)
