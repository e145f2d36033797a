"""Every command of the program, those of groups one by one."""

from __future__ import annotations

import importlib
from typing import Any

from ssl_behavior.__main__ import COMMANDS
from ssl_behavior.cli.run import Command, CommandGroup


def commands_of(name: str) -> dict[str, Command[Any, Any]]:
    """Words that users type -> command: ``sweep``, or ``experiments post`` and so on for a group."""
    main = importlib.import_module(f"ssl_behavior.{name}").main
    if isinstance(main, CommandGroup):
        return {f"{name} {word}": command for word, command in main.commands.items()}
    return {name: main}


def every_command() -> dict[str, Command[Any, Any]]:
    """Words that users type -> command, for the whole program."""
    return {words: command for name in COMMANDS for words, command in commands_of(name).items()}
