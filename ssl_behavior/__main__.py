"""``ssl-behavior``, or ``python -m ssl_behavior``: lists the commands, and runs one."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from ssl_behavior import __version__
from ssl_behavior.compute.interrupts import exit_on_closed_pipe
from ssl_behavior.errors import PROGRAM

SHELLS = ("bash", "zsh")

# In the order of use.
COMMANDS = {
    "simulate": "make recordings of two mice with exact labels, to try the commands without data",
    "check": "find silent errors in recordings: mirrored or exchanged tracks, shifted labels, a wrong frame rate",
    "convert": "store recordings of any format in one that loads fast, or in SLEAP's or DeepLabCut's",
    "assemble": "join the peaks of a bottom-up network into instances of animals",
    "track": "follow animals through untracked instances or fragments of tracks",
    "repair": "find where a tracker exchanged animals, and exchange them back",
    "pretrain": "learn an encoder from tracks alone",
    "finetune": "teach the encoder your behaviours from labelled recordings",
    "predict": "label new recordings frame by frame and bout by bout",
    "evaluate": "score predictions against annotations, or tracks against true ones",
    "label_curve": "measure how scores grow with the number of labelled videos",
    "embed": "write the embedding of every frame to an atlas",
    "search": "find bouts that resemble an example",
    "suggest": "choose the clips to label next, with draft labels to correct",
    "cluster": "find clusters in an atlas, with a report card of each",
    "explore": "explore an atlas in the browser: map, skeletons, search, names and marks",
    "probe": "test a frozen encoder with linear probes",
    "embed_many": "embed thousands of recordings on a Ray cluster, to disk or S3",
    "predict_many": "label thousands of recordings on a Ray cluster",
    "sweep": "pretrain and fine-tune over a grid of settings on a Ray cluster",
    "experiments": "post, work and status: the trainings of a grid as messages that workers on any machines take",
}


def main(argv: Sequence[str] | None = None) -> None:
    """List the commands, or run the one that is named.

    Raises:
        SystemExit: 2 if there is no such command, or the command's own exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    with exit_on_closed_pipe():
        if not words or words[0] in ("-h", "--help", "help"):
            print(overview())
        elif words[0] == "--version":
            print(f"ssl_behavior {__version__}")
        elif words[0] == "--print-completion":
            _print_completion(words[1:])
        else:
            name = _command_name(words[0])
            importlib.import_module(f"ssl_behavior.{name}").main(words[1:])


def overview() -> str:
    """A page with one line for each command."""
    lines = [f"  {PROGRAM} {name:<12} {line}" for name, line in COMMANDS.items()]
    return "\n".join(
        [
            f"ssl_behavior {__version__}: from pose tracks to labels, with few labelled videos",
            "",
            *lines,
            "",
            f"To try it on simulated recordings, without any data:  {PROGRAM} pretrain",
            f"To see all options of a command:                      {PROGRAM} pretrain --help",
            "The same if the program is not on the path:           python -m ssl_behavior.pretrain --help",
            f"To complete commands and options in the shell:        {PROGRAM} --print-completion bash (or zsh)",
            f"To see the version:                                   {PROGRAM} --version",
        ]
    )


def _command_name(word: str) -> str:
    """The command that a word names, which may be spelt with ``-`` or ``_``.

    Raises:
        SystemExit: 2 if there is no such command.
    """
    name = word.replace("-", "_")
    if name in COMMANDS:
        return name
    similar = difflib.get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean {similar[0]}?" if similar else f"the commands are {', '.join(COMMANDS)}"
    return _refuse(f"there is no command {word}; {hint}")


def _print_completion(words: Sequence[str]) -> None:
    if len(words) != 1 or words[0] not in SHELLS:
        _refuse(f"--print-completion takes one of {', '.join(SHELLS)}; found {' '.join(words) or 'nothing'}")
    from ssl_behavior.cli.completion import completion_script  # here, as it imports every command, which takes seconds

    print(completion_script(COMMANDS, words[0]))


def _refuse(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
