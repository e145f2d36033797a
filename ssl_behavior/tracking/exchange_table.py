"""The table of exchanges that ``repair`` writes, that a person reviews, and that ``repair --apply`` reads."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.tracking.exchanges import Change, Exchange

EXCHANGE, KEEP = "exchange", "keep"
COLUMNS_NEEDED = ("video", "start", "stop", "individual_1", "individual_2", "decision")
_COLUMNS = (*COLUMNS_NEEDED[:-1], "distance", "margin", "probability", "decision", "fingerprint")
_FINGERPRINT = 12
"""Characters of a recording's fingerprint that tell one recording from another."""


def exchange_table(exchanged: Iterable[tuple[Recording, Sequence[Change]]]) -> str:
    """Return the exchanges of recordings, as they were read, as CSV: a row each."""
    rows: list[Mapping[str, object]] = []
    for recording, changes in exchanged:
        fingerprint = recording.fingerprint()[:_FINGERPRINT]
        for change in changes:
            exchange = change.exchange
            names = [recording.individuals[i] for i in exchange.pair]
            stop = "" if exchange.stop is None else exchange.stop
            numbers = [_rounded(value, 3) for value in (change.distance, change.margin, change.probability)]
            values = [recording.id, exchange.start, stop, *names, *numbers, EXCHANGE, fingerprint]
            rows.append(dict(zip(_COLUMNS, values, strict=True)))
    return rows_as_csv(rows)


def rows_as_csv(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows of the table as CSV; columns that a row lacks are empty, and others are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _rounded(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def read_exchanges(path: Path, recordings: Sequence[Recording]) -> dict[str, list[Change]]:
    """Read which exchanges a person wants.

    Args:
        path: CSV with the columns video, start, stop (empty for the end), individual_1, individual_2 and decision.
        recordings: the recordings as they were read.

    Returns:
        Recording's id -> exchanges of the rows whose decision is ``exchange``, by start. Every recording has an entry.

    Raises:
        InputError: the file is no such table, or a row does not fit its recording.
    """
    by_id = {recording.id: recording for recording in recordings}
    changes: dict[str, list[Change]] = {recording.id: [] for recording in recordings}
    for number, row in enumerate(read_rows(path), start=2):
        where = f"{path}, line {number}"
        if row["video"] not in by_id:
            raise InputError(
                f"{where}: expected one of the recordings {list_names(by_id, 5)}; found video {row['video']!r}: give "
                "its recording too, or remove the row"
            )
        recording = by_id[row["video"]]
        decision = row["decision"].lower()
        if decision not in (EXCHANGE, KEEP):
            raise InputError(
                f"{where}: expected the decision {EXCHANGE} or {KEEP}; found {row['decision']!r}: correct it"
            )
        fingerprint = row.get("fingerprint") or ""
        if fingerprint and not recording.fingerprint().startswith(fingerprint):
            raise InputError(
                f"{where}: expected the recording {recording.id} that was repaired; found other tracks of this name: "
                "give the recordings that the table was made of"
            )
        if decision == EXCHANGE:
            exchange = _exchange(row, recording, where)
            changes[recording.id].append(Change(exchange, *(_number(row, name) for name in _COLUMNS[5:8])))
    return {video: sorted(of_video, key=lambda change: change.exchange.start) for video, of_video in changes.items()}


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a table as text.

    Raises:
        InputError: the file does not exist, or is no such table.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected the table of exchanges that repair wrote; found no such file")
    try:
        with limits.opened(path) as file:
            text = file.read().decode("utf-8-sig")
        # Spreadsheets of some countries separate by semicolons.
        delimiter = ";" if ";" in text.partition("\n")[0] else ","
        reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
        rows = [{str(name): (value or "").strip() for name, value in row.items() if name} for row in reader]
    except (UnicodeError, csv.Error, AttributeError):
        raise InputError(
            f"{path}: expected a table with commas in UTF-8; found something else: save it as CSV"
        ) from None
    if missing := [name for name in COLUMNS_NEEDED if name not in (reader.fieldnames or [])]:
        raise InputError(
            f"{path}: expected the columns {', '.join(COLUMNS_NEEDED)}; found no {', '.join(missing)}: give the "
            "table that repair wrote"
        )
    return rows


def _exchange(row: Mapping[str, str], recording: Recording, where: str) -> Exchange:
    pair = []
    for name in (row["individual_1"], row["individual_2"]):
        if name not in recording.individuals:
            raise InputError(
                f"{where}: expected individuals of {recording.id}, {list_names(recording.individuals, 5)}; found "
                f"{name!r}: correct it"
            )
        pair.append(recording.individuals.index(name))
    # pandas writes whole numbers beside empty cells with a decimal.
    start, stop = (row[name].removesuffix(".0") for name in ("start", "stop"))
    frames = [start, stop] if stop else [start]
    if not all(text.isdecimal() for text in frames) or pair[0] == pair[1]:
        raise InputError(
            f"{where}: expected two individuals and frames, counted from 0; found {row['individual_1']!r}, "
            f"{row['individual_2']!r}, {', '.join(frames)}: correct the row"
        )
    numbers = [int(text) for text in frames]
    if not 0 <= numbers[0] < recording.frames or (not numbers[0] < numbers[-1] <= recording.frames and stop):
        raise InputError(
            f"{where}: expected a start below the stop, within the {recording.frames} frames of {recording.id}; found "
            f"{', '.join(frames)}: correct the row"
        )
    return Exchange(numbers[0], numbers[1] if stop else None, (min(pair), max(pair)))


def _number(row: Mapping[str, str], name: str) -> float:
    """A number that says what spoke for an exchange; NaN where a person added the row."""
    try:
        return float(row.get(name) or "nan")
    except ValueError:
        return math.nan
