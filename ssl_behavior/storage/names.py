"""Names that come from files and people: of animals, keypoints, behaviours, channels, clusters, marks and videos."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from ssl_behavior.errors import InputError

MAX_NAME_LENGTH = 200

_CONTROL = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, of bytes that are no text, and of breaks between lines."""


def require_name(text: object, noun: str) -> None:
    """Check that a text can be a name: short, and without control characters.

    Terminals and file formats interpret control characters, so a name must not smuggle any in.

    Args:
        text: the name.
        noun: description of the name, for the error message: "cluster's name".

    Raises:
        InputError: the text cannot be a name.

    Examples:
        >>> require_name("left ear", "keypoint's name")
    """
    if not isinstance(text, str):
        raise InputError(f"expected text for the {noun}; found {text!r:.40}")
    if len(text) > MAX_NAME_LENGTH:
        raise InputError(
            f"expected at most {MAX_NAME_LENGTH} characters for the {noun}; found {len(text):,} ({text[:40]}...)"
        )
    if any(unicodedata.category(character) in _CONTROL for character in text):
        raise InputError(f"expected a {noun} without control characters; found {text!a}")


def require_names(texts: Iterable[object], noun: str) -> None:
    """Check that all texts can be names, as ``require_name`` does.

    Raises:
        InputError: one of them cannot, or there is a single text in place of several.
    """
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise InputError(f"expected several texts, each a {noun}; found {texts!r:.40}")
    for text in texts:
        require_name(text, noun)


def require_usable_ids(ids: Iterable[str], source: str | Path) -> None:
    """Make sure that ids can name files and be printed.

    Args:
        ids: ids of the videos of one file.
        source: the file, for the error.

    Raises:
        InputError: an id is empty, ``.`` or ``..``, or holds control characters.
    """
    for name in ids:
        if any(unicodedata.category(letter) in _CONTROL for letter in name):
            found = f"{name!a}, with control characters"
        elif not name.strip() or name in (".", ".."):
            found = f"{name!r}, which names nothing"
        else:
            continue
        raise InputError(
            f"{source}: expected a name for each video; found {found}: rename the video, in the file or the file itself"
        )
