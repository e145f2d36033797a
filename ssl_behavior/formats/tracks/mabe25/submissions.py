"""Submissions to MABe-2025: a CSV of bouts, and what the host would refuse, count against them, or ignore."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.text_files import first_line
from ssl_behavior.formats.tracks.mabe25.metadata import SELF
from ssl_behavior.formats.untrusted.arrow_tables import opened_natively
from ssl_behavior.recordings.annotations import OTHER
from ssl_behavior.storage.atomic import write_atomically

COLUMNS = ("row_id", "video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame")
_ROW, _VIDEO, _AGENT, _TARGET, _ACTION, _START, _STOP = COLUMNS
_PAIR = [_VIDEO, _AGENT, _TARGET]
_NAMED = 5
_WHOLE = r"-?\d{1,15}"

Lists = Mapping[str, Collection[str]]
"""Video id -> entries "agent,target,action" of its list; all videos of the test set."""

Effect = Literal["refused", "costly", "ignored"]


@dataclass(frozen=True)
class Finding:
    """Something about a submission that its author should know.

    Attributes:
        effect: "refused" if the host raises an error or the rows can never score, "costly" if rows may lower the score
            and can never raise it, "ignored" if the host passes over rows without harm.
        message: one sentence.
    """

    effect: Effect
    message: str


def detect(path: Path) -> bool:
    """Return whether the file is a CSV whose first line has the columns of a submission."""
    if path.suffix.lower() != ".csv":
        return False
    return set(COLUMNS[1:]) <= {name.strip().strip('"') for name in first_line(path).split(",")}


def read_submission(
    path: str | Path, lists: Lists | None = None, notify: Callable[[str], None] = print
) -> pd.DataFrame:
    """Read a submission and check it.

    Args:
        path: the ``.csv``.
        lists: lists of the videos of the test set, if they are known.
        notify: called with what is costly or ignored.

    Returns:
        The columns ``COLUMNS``: ids and actions as texts, frames as int64.

    Raises:
        InputError: the file is no CSV, or the host would refuse it.
    """
    try:
        with opened_natively(path) as file:
            options = pa.csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
            content = pa.csv.read_csv(file, convert_options=options)
        table = pd.DataFrame({name: content[name].to_pylist() for name in content.column_names if name in COLUMNS})
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise InputError(
            f"{path}: expected a submission, a CSV with {', '.join(COLUMNS)}; found none ({error}): write it again"
        ) from None
    findings = validate(table, lists)
    if refused := [finding.message for finding in findings if finding.effect == "refused"]:
        raise InputError(f"{path}: the host would refuse this submission: {'; '.join(refused)}")
    for finding in findings:
        notify(f"{path}: {finding.message}")
    return table.astype({_START: np.int64, _STOP: np.int64})


def write_submission(path: str | Path, bouts: pd.DataFrame, videos: Sequence[str]) -> Path:
    """Write a submission.

    The host refuses a submission without rows. If nothing was found, one row says that the first mouse of the first
    video does "other". No list has that action, so the host ignores the row: it is neither right nor wrong.

    Args:
        path: the ``.csv`` to write.
        bouts: the columns ``COLUMNS`` without ``row_id``, one row per bout; the target is "self" where a mouse does
            something by itself.
        videos: ids of all videos that were predicted, at least one.

    Raises:
        InputError: the host would refuse the bouts or they could only lower the score, or a video is not among
            ``videos``; nothing is written.

    Examples:
        >>> bout = {"video_id": "7", "agent_id": "mouse1", "target_id": "self", "action": "rear"}
        >>> table = pd.DataFrame([{**bout, "start_frame": 3, "stop_frame": 9}])
        >>> write_submission("submission.csv", table, ["7", "8"])  # doctest: +SKIP
        PosixPath('submission.csv')
    """
    rows = pd.DataFrame(bouts, columns=COLUMNS[1:]).reset_index(drop=True)
    if rows.empty:
        nothing = dict(zip(COLUMNS[1:], (videos[0], "mouse1", SELF, OTHER, 0, 1), strict=True))
        rows = pd.DataFrame([nothing])
    rows.insert(0, _ROW, range(len(rows)))
    strangers = set(rows[_VIDEO].astype(str)) - set(videos)
    problems = [f"bouts of videos that were not predicted ({list_names(strangers, _NAMED)})"] if strangers else []
    problems += [finding.message for finding in validate(rows) if finding.effect != "ignored"]
    if problems:
        raise InputError(f"{path}: expected bouts that the host takes; found {'; '.join(problems)}")
    with write_atomically(path) as aside:
        rows.to_csv(aside, index=False)
    return Path(path)


def validate(table: pd.DataFrame, lists: Lists | None = None) -> list[Finding]:
    """Return everything that the host would refuse, count against a submission, or ignore.

    Args:
        table: a submission; its values may be of any type.
        lists: lists of the videos of the test set; without them, every action counts as listed.
    """
    if lacking := [name for name in COLUMNS if name not in table]:
        return [Finding("refused", f"the column {' and '.join(lacking)} is missing; add it")]
    if table.empty:
        return [Finding("refused", "it has no rows; a submission needs one even if nothing was found")]
    rows = table[list(COLUMNS)].fillna("").astype(str)
    findings = list(_check_ids(rows, lists))
    whole = rows[_START].str.fullmatch(_WHOLE) & rows[_STOP].str.fullmatch(_WHOLE)
    if not whole.all():
        return [*findings, _of_rows("refused", rows[~whole], "have frames that are no whole numbers; round them")]
    rows = rows.astype({_START: np.int64, _STOP: np.int64})
    backwards = rows[_START] > rows[_STOP]
    empty = rows[_START] == rows[_STOP]
    if backwards.any():
        findings.append(_of_rows("refused", rows[backwards], "stop before they start; exchange the two frames"))
    if empty.any():
        findings.append(
            _of_rows("costly", rows[empty], "are empty (start = stop), which may only lower the score; leave them out")
        )
    if (before := rows[_START] < 0).any():
        findings.append(_of_rows("costly", rows[before], "start before frame 0, where nothing can be right; cut them"))
    counted = rows if lists is None else rows[_is_listed(rows, lists)]
    overlapping = _overlapping(counted[counted[_START] < counted[_STOP]])
    if len(overlapping):
        findings.append(
            _of_rows(
                "refused", overlapping, "overlap with another action of the same video, agent and target; keep one"
            )
        )
    return findings


def _check_ids(rows: pd.DataFrame, lists: Lists | None) -> Iterator[Finding]:
    """Yield findings about the columns that are no frames."""
    if rows[_ROW].duplicated().any():
        yield _of_rows("refused", rows[rows[_ROW].duplicated()], "repeat a row_id; number the rows from 0 on")
    known = set() if lists is None else set(lists)
    is_known = rows[_VIDEO].isin(known)
    decimal = rows[_VIDEO].str.fullmatch(r"\d+\.0*") & ~is_known
    if decimal.any():
        yield _of_rows("refused", rows[decimal], "have a video_id with a decimal point; write whole numbers")
    bare = rows[_AGENT].str.fullmatch(r"\d+(\.0*)?") | rows[_TARGET].str.fullmatch(r"\d+(\.0*)?")
    if bare.any():
        yield _of_rows("refused", rows[bare], "have bare numbers as ids, which score 0; write mouse1, mouse2, self")
    as_self = (rows[_AGENT] == rows[_TARGET]) & ~bare
    if as_self.any():
        yield _of_rows("refused", rows[as_self], f"name the agent as its own target, which scores 0; write {SELF}")
    if lists is None:
        return
    unknown = ~is_known & ~decimal
    if unknown.any():
        videos = list_names(set(rows[_VIDEO][unknown]), _NAMED)
        yield _of_rows("ignored", rows[unknown], f"are of videos that are not in the test set ({videos}), and ignored")
    unlisted = is_known & ~bare & ~as_self & ~_is_listed(rows, lists)
    if unlisted.any():
        actions = list_names(set(rows[_ACTION][unlisted]), _NAMED)
        yield _of_rows(
            "ignored", rows[unlisted], f"have actions that their video's list lacks ({actions}), and are ignored"
        )


def _is_listed(rows: pd.DataFrame, lists: Lists) -> np.ndarray:
    """Return (row,) bool: whether the list of the row's video has its agent, target and action."""
    entries = (rows[_AGENT] + "," + rows[_TARGET] + "," + rows[_ACTION]).tolist()
    return np.array([entry in lists.get(video, ()) for video, entry in zip(rows[_VIDEO], entries, strict=True)], bool)


def _overlapping(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row of each span that another action of the same video, agent and target reaches into."""
    ordered = rows.sort_values([*_PAIR, _ACTION, _START])
    key = [*_PAIR, _ACTION]
    reached = ordered.groupby(key, sort=False)[_STOP].cummax()
    # Bouts of one action that overlap are joined; the spans that result share no frame with each other.
    is_new = ordered[_START] > reached.groupby([ordered[name] for name in key], sort=False).shift(fill_value=-(2**62))
    spans = ordered[is_new.to_numpy()].assign(**{_STOP: reached.groupby(is_new.cumsum()).max().to_numpy()})
    spans = spans.sort_values([*_PAIR, _START])
    earlier = spans.groupby(_PAIR, sort=False)[_STOP].shift(fill_value=-(2**62))
    return spans[(spans[_START] < earlier).to_numpy()]


def _of_rows(effect: Effect, rows: pd.DataFrame, what: str) -> Finding:
    """Return a finding about some rows: their number, the number of the first in the file, and what they do."""
    first = rows.index[0] + 1
    return Finding(effect, f"{count_of(len(rows), 'row')} (the first is row {first} below the header) {what}")
