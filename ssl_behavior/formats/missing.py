"""Words that programs and people write into a cell that holds no value."""

from __future__ import annotations

_WORDS = ("", "nan", "na", "n/a", "null", "none", "-")
SPELLINGS = list(dict.fromkeys(spelt for word in _WORDS for spelt in (word, word.upper(), word.title(), "NaN")))
"""Every usual spelling, for readers of tables that compare them letter by letter."""


def is_missing(cell: str) -> bool:
    """Tell whether a cell holds no value.

    Examples:
        >>> is_missing(" NaN "), is_missing("0")
        (True, False)
    """
    return cell.strip().lower() in _WORDS
