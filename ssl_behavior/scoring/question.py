"""The question that scores answer: the settings that they depend on. Only scores of the same question are replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError, natural_key

_PATHS = ("annotations", "tracks", "truth")
_NAMES = ("unscored", "videos")
_VALUES = ("channel", "frame_rate", "match_within")


def question(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that scores depend on, with the same paths and names always written the same way.

    Args:
        settings: of ``evaluate``; an older version may have had fewer.
    """
    paths = {
        name: sorted({str(Path(path).expanduser().resolve()) for path in settings.get(name, ())}) for name in _PATHS
    }
    names = {name: sorted(settings.get(name, ()), key=natural_key) for name in _NAMES}
    return {**paths, **names, **{name: settings.get(name) for name in _VALUES}}


def require_same_question(scores: Path, settings: Mapping[str, Any]) -> None:
    """Make sure that existing scores answer the same question, so that no other scores are lost.

    Args:
        scores: ``scores.json``, which may not exist.
        settings: those of the new scores.

    Raises:
        InputError: the existing scores were computed with other settings.
    """
    if not scores.exists():
        return
    try:
        stated = json.loads(scores.read_text(encoding="utf-8"))["settings"]
        existing, current = question(stated), question(settings)
        differing = [name for name, value in existing.items() if value != current[name]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{scores}: expected former scores; found another file: choose a new folder with --output, or pass "
            "--overwrite"
        ) from None
    if differing:
        flags = ", ".join("--" + name.replace("_", "-") for name in differing)
        raise InputError(
            f"{scores}: expected no scores, or those of these settings; found scores that were made with another "
            f"{flags}: choose a new folder for these with --output, or replace those with --overwrite"
        )
