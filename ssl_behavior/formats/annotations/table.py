"""Tables of text: separators, names of columns in the spellings of many programs, and columns that nobody used."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssl_behavior.errors import InputError, list_in_order, list_names
from ssl_behavior.formats.annotations.thousands import without_thousands
from ssl_behavior.formats.annotations.values import media_names
from ssl_behavior.formats.text_files import decode, read_text, start_of_table
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE
from ssl_behavior.recordings.videos import Video, Videos

BEHAVIOUR = ("behaviour", "behavior", "label", "action", "class", "event", "annotation", "state")
"""Words for the behaviour, the surest first."""

VIDEO = (
    "video",
    "recording",
    "media",
    "movie",
    "file",
    "filename",
    "observation",
    "session",
    "trial",
    "sequence",
)
ANIMAL = ("animal", "subject", "individual", "mouse", "agent")
TARGET = ("target", "recipient", "receiver")
CHANNEL = ("channel",)
_ENDINGS = ("", "s", "_id", "_name", "_file_name", "_file", "_path")
_ENDINGS_OF_BEHAVIOUR = ("", "s", "_name", "_label", "_type")

_PEOPLE = ("annotator", "observer", "rater", "coder", "scorer", "experimenter", "annotator_id", "observer_id")
"""Columns of who judged: two people in one table judge the same frames twice."""

_HARMLESS = re.compile(
    r"(comments?|notes?|remarks?|description|.*probability.*|.*confidence.*|score|colou?r|key|date|unnamed.*|index|"
    r"|bout|bout_(number|id|index|nr|no)|number|nr|no|row|animals_tracked|.*category|fps|frame_rate|.*duration.*|"
    r"bout_time|length.*|date_time|.*_date)"
)
"""Columns that change no label."""

_MAX_COLUMNS = 5
_HEAD_BYTES, _HEAD_ROWS = 65536, 50
"""Columns that a notice names."""


@dataclass
class Table:
    """A table of text.

    Attributes:
        path: the file.
        names: the names of the columns as the file has them.
        keys: the names in lower case, with ``_`` between words.
        rows: cells without blanks at their ends.
        separator: between cells. With semicolons, commas stand before decimals.
        used: keys of the columns that a reader has taken.
        assumed: a notice of how numbers in them were read.
    """

    path: Path
    names: list[str]
    keys: list[str]
    rows: list[list[str]]
    separator: str = ","
    used: set[str] = field(default_factory=set)
    assumed: str | None = None

    def column(self, key: str) -> list[str]:
        """Return the cells of a column, which counts as used. Numbers have no commas between thousands.

        Raises:
            InputError: commas may be between thousands or before decimals.
        """
        self.used.add(key)
        position = self.keys.index(key)
        cells = [row[position] for row in self.rows]
        if self.separator == ";":
            return cells
        cells, notice = without_thousands(cells, key, self.rows, f"{self.path}: column {self.name(key)!r}")
        self.assumed = self.assumed or notice
        return cells

    def name(self, key: str) -> str:
        """Return a column's name as the file has it."""
        return self.names[self.keys.index(key)]

    def find(self, words: Collection[str]) -> str | None:
        """Return the key of the first column, by the order of ``words``, that has one of these names; None without."""
        return find_key(self.keys, words)

    def require_one_judge(self) -> None:
        """Refuse labels by several people.

        Raises:
            InputError: a column names several annotators.
        """
        for key in (key for key in self.keys if key in _PEOPLE):
            people = {cell for cell in self.column(key) if cell}
            if len(people) > 1:
                raise InputError(
                    f"{self.path}: expected labels by one person; found {list_names(people, 5)} in the column "
                    f"{self.name(key)!r}: keep one person's rows in a file"
                )

    def require_unique(self, keys: Collection[str]) -> None:
        """Refuse a column that the table has twice.

        Raises:
            InputError: one of ``keys`` repeats.
        """
        if repeated := [key for key in keys if self.keys.count(key) > 1]:
            raise InputError(
                f"{self.path}: expected one column {repeated[0]!r}; found {self.keys.count(repeated[0])}: rename or "
                "remove the others"
            )

    def require_no_shift(self) -> None:
        """Refuse a column that shifts times.

        Raises:
            InputError: an unused column such as ``time_offset`` holds a number other than 0.
        """
        for key in self.keys:
            if key in self.used or "offset" not in key.split("_"):
                continue
            if any(cell.strip("0., ") for cell in self.column(key)):
                raise InputError(
                    f"{self.path}: expected times from the start of the video; found the column {self.name(key)!r}, "
                    "which shifts them: add it to the times, or subtract it if they contain it, and remove the column"
                )

    def column_notices(self) -> Iterator[str]:
        """Yield notices of how numbers were read, and of the columns that were not read and may mean something."""
        if self.assumed:
            yield self.assumed
        unused = [
            name
            for name, key in zip(self.names, self.keys, strict=True)
            if key not in self.used and not _HARMLESS.fullmatch(key)
        ]
        if unused:
            yield f"columns that are not used: {list_in_order(unused, _MAX_COLUMNS)}"


def find_key(keys: Sequence[str], words: Collection[str]) -> str | None:
    """Return the first of ``keys``, by the order of ``words``, that is one of them, with or without an ending."""
    for word in words:
        for ending in _ENDINGS_OF_BEHAVIOUR if words == BEHAVIOUR else _ENDINGS:
            if word + ending in keys:
                return word + ending
    return None


def split_header(line: str) -> tuple[list[str], str]:
    """Return the names of the columns in a line, and the separator: the most frequent of comma, semicolon and tab."""
    separator = max(",;\t", key=line.count)
    return [cell.strip() for cell in next(csv.reader([line.rstrip("\r\n")], delimiter=separator), [])], separator


def read_head(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns and the first rows of a table; nothing for a file that is no table of text.

    Args:
        path: any file.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    text = decode(head)
    lines = text[start_of_table(text) :].splitlines()
    if "\0" in text or not lines:
        return [], []
    # A large table's last line may be cut.
    body = (lines[:-1] if len(head) == _HEAD_BYTES else lines)[1 : _HEAD_ROWS + 1]
    try:
        names, separator = split_header(lines[0])
        return names, [row for row in csv.reader(body, delimiter=separator) if len(row) >= len(names)]
    except csv.Error:  # a cell without an end
        return [], []


def to_key(name: str) -> str:
    """Return a column's name in lower case, with ``_`` between words.

    Examples:
        >>> to_key("Start (s)"), to_key("startFrame"), to_key("End-Time")
        ('start_s', 'start_frame', 'end_time')
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s_\-()\[\]{}.:/#]+", "_", words).strip("_").lower()


def read_table(path: Path) -> Table:
    """Read a table whose first line names the columns.

    Raises:
        InputError: there are no rows, a column's name repeats, or a row is shorter than the others.
    """
    text = read_text(path)
    with io.StringIO(text[start_of_table(text) :], newline="") as file:
        names, separator = split_header(file.readline(LONGEST_LINE))
        rows: list[list[str]] = []
        for row in csv.reader(file, delimiter=separator):
            if row and len(row) < len(names):
                where = f"{path}: expected {len(names)} cells in every row"
                raise InputError(f"{where}; found {len(row)} in row {len(rows) + 1} under the names")
            if row:
                rows.append([cell.strip() for cell in row])
    if not rows:
        raise InputError(f"{path}: expected rows under the names of the columns; found none")
    keys = [to_key(name) for name in names]
    return Table(Path(path), names, keys, rows, separator)


def videos_of(table: Table, videos: Videos) -> list[Video]:
    """Return the video of each row: the one that its column names, or else the one that the file's name stands for.

    Raises:
        InputError: a column ``id`` may name videos or animals.
    """
    key = table.find(VIDEO) or _id_of_videos(table, videos)
    if key is None:
        return [videos.find(Path(table.path))] * len(table.rows)
    names = table.column(key)
    found = {name: videos.find(*media_names(name) or [Path(table.path)]) for name in set(names)}
    return [found[name] for name in names]


def channels_of(table: Table, default: str) -> list[str]:
    """Return the channel of each row: the one it names, or that of its animal, or that of its agent and target."""
    if key := table.find(CHANNEL):
        return [cell or default for cell in table.column(key)]
    animal_key, target_key = table.find(ANIMAL), table.find(TARGET)
    agents = table.column(animal_key) if animal_key else [default] * len(table.rows)
    targets = table.column(target_key) if target_key else [""] * len(table.rows)
    return [
        f"{one or default}-{other}" if other else one or default for one, other in zip(agents, targets, strict=True)
    ]


def pairs_of(table: Table, default: str) -> dict[str, tuple[str, str]]:
    """Return channel -> (agent, target) of channels that the columns of an agent and its target make.

    An agent without a target has the same name twice: what it does may be directed at any other animal, or at none. A
    table with a column of channels has none.
    """
    animal_key, target_key = table.find(ANIMAL), table.find(TARGET)
    if table.find(CHANNEL) or not animal_key:
        return {}
    agents = table.column(animal_key)
    targets = table.column(target_key) if target_key else agents
    channels = channels_of(table, default)
    return {
        channel: (agent, target or agent)
        for channel, agent, target in zip(channels, agents, targets, strict=True)
        if agent
    }


def _id_of_videos(table: Table, videos: Videos) -> str | None:
    """Return the column ``id`` if it names videos, None if it numbers rows."""
    if "id" not in table.keys:
        return None
    cells = table.column("id")
    if len(set(cells)) == len(cells) and all(cell.isdecimal() for cell in cells):
        return None
    if all(videos.find(*media_names(cell)).frames is not None for cell in set(cells) if cell):
        return "id"
    raise InputError(
        f"{table.path}: expected the column 'id' to number the rows, or to name videos that have tracks; found "
        f"{list_names(set(cells), 5)}: rename it to video or animal, or remove it"
    )
