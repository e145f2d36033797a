"""The review of exchanged animals: decisions about the rows of the table that ``repair`` wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.file_lock import changing
from ssl_behavior.tracking.exchange_table import EXCHANGE, KEEP, read_rows, rows_as_csv

Row = dict[str, str]


class ExchangeReview:
    """A table of exchanges; every change is written at once, and can be undone.

    Args:
        path: the table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changes: list[tuple[list[Row], list[Row]]] = []

    @property
    def rows(self) -> list[Row]:
        """The rows of the table.

        Raises:
            InputError: the file is no such table.
        """
        return read_rows(self.path)

    def add(self, video: str, frame: int, first: str, second: str) -> None:
        """Exchange two animals from a frame of the recording to its end."""
        names = {"individual_1": first, "individual_2": second}
        row = {"video": video, "start": str(frame), "stop": "", **names, "decision": EXCHANGE}
        self._change(lambda rows: [*rows, row])

    def decide(self, row: Row) -> str:
        """Refuse an exchange, or accept it again if it was refused; returns the decision.

        Raises:
            InputError: the table has no such row any more.
        """
        decision = KEEP if row["decision"] == EXCHANGE else EXCHANGE

        def change(rows: list[Row]) -> list[Row]:
            if row not in rows:
                raise InputError("this exchange was changed already: reload the page to see the table as it is")
            place = rows.index(row)
            return [*rows[:place], {**row, "decision": decision}, *rows[place + 1 :]]

        self._change(change)
        return decision

    def undo(self) -> None:
        """Undo the last change that was made here.

        Raises:
            InputError: there is none, or the table was changed elsewhere since.
        """
        if not self._changes:
            raise InputError("nothing was changed here yet")
        before, after = self._changes[-1]
        with changing(self.path):
            if self.rows != after:
                raise InputError("the table was changed elsewhere since: reload the page to see it as it is")
            write_text(self.path, rows_as_csv(before))
        self._changes.pop()

    def _change(self, change: Callable[[list[Row]], list[Row]]) -> None:
        with changing(self.path):
            before = self.rows
            write_text(self.path, rows_as_csv(change(before)))
            self._changes.append((before, self.rows))
