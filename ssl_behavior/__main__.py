"""``ssl-behavior``, or ``python -m ssl_behavior``: which commands there are, and what to run first."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from ssl_behavior import __version__
from ssl_behavior.compute.interrupts import reader_may_leave
from ssl_behavior.errors import PROGRAM

SHELLS = ("bash", "zsh")

# In the order in which they are used.
COMMANDS = {
    "simulate": "make recordings of two mice with exact labels, to try everything without data",
    "check": "look for errors in recordings that nothing else tells of: mirrored, exchanged, shifted, wrong frame rate",
    "convert": "store recordings of any format once in a form that loads fast",
    "pretrain": "learn an encoder from tracks alone",
    "finetune": "teach the encoder your behaviours from labelled recordings",
    "predict": "label new recordings frame by frame and bout by bout",
    "evaluate": "score predictions against annotations",
    "label_curve": "see how good labels get with the number of labelled videos",
    "embed": "write the embedding of every frame, to explore",
    "search": "find bouts like an example",
    "suggest": "see which clips to label next, and correct them",
    "cluster": "find clusters in an atlas, and see what each of them is",
    "explore": "see an atlas in the browser: map, skeletons, search, names and marks",
    "probe": "see what a frozen encoder knows, by linear probes",
    "embed_many": "embed thousands of recordings on a Ray cluster, to disk or S3",
    "predict_many": "label thousands of recordings on a Ray cluster",
    "sweep": "pretrain and fine-tune over a grid of settings on a Ray cluster",
}


def main(argv: Sequence[str] | None = None) -> None:
    """List the commands, or run the one that is named.

    Raises:
        SystemExit: 2 for a command that does not exist, and what the command itself raises.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    with reader_may_leave():
        if not words or words[0] in ("-h", "--help"):
            print(overview())
        elif words[0] == "--version":
            print(f"ssl_behavior {__version__}")
        elif words[0] == "--print-completion":
            _print_completion(words[1:])
        else:
            name = _existing(words[0])
            importlib.import_module(f"ssl_behavior.{name}").main(words[1:])


def overview() -> str:
    """The commands with a line each."""
    lines = [f"  {PROGRAM} {name:<12} {line}" for name, line in COMMANDS.items()]
    return "\n".join(
        [
            f"ssl_behavior {__version__}: from pose tracks to labels, with few labelled videos",
            "",
            *lines,
            "",
            f"To see it run on simulated recordings, without any data:  {PROGRAM} pretrain",
            f"All options of a command:                                 {PROGRAM} pretrain --help",
            "The same where the program is not on the path:            python -m ssl_behavior.pretrain --help",
            f"Completion of commands and options in the shell:          {PROGRAM} --print-completion bash (or zsh)",
        ]
    )


def _existing(word: str) -> str:
    """The command that a word names, spelt with ``-`` or ``_``.

    Raises:
        SystemExit: 2 where there is none.
    """
    name = word.replace("-", "_")
    if name in COMMANDS:
        return name
    near = difflib.get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
    return _refuse(f"there is no command {word}; {hint}")


def _print_completion(words: Sequence[str]) -> None:
    if len(words) != 1 or words[0] not in SHELLS:
        _refuse(f"--print-completion takes one of {', '.join(SHELLS)}; found {' '.join(words) or 'nothing'}")
    from ssl_behavior.cli.completion import completion_script  # loads every command, which takes seconds

    print(completion_script(COMMANDS, words[0]))


def _refuse(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
