"""Scores of tracks against true tracks: of each recording and of all, as a report, a table to read, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import pandas as pd

from ssl_behavior.errors import InputError, count_of, list_in_order
from ssl_behavior.scoring.clear_mot import match_frames, switches
from ssl_behavior.scoring.identities import IdentityScores, best_tracks, score_identities
from ssl_behavior.scoring.similarities import Similarities, similarities_of_poses
from ssl_behavior.tracking.association import typical_length
from ssl_behavior.tracking.comparison import TracksWithTruth

_LISTED = 20
"""Recordings whose animals are printed; all are in the report."""
_NAMED = 10

_COLUMNS = {
    "frames": "frames",
    "switches per 1,000 frames": "switches_per_1000_frames",
    "exchanges": "exchanges",
    "IDF1": "idf1",
    "MOTA": "mota",
    "HOTA": "hota",
    "misses": "misses",
    "false": "false_positives",
}


def score_tracks(recordings: Sequence[TracksWithTruth], match_within: float | None = None) -> dict[str, Any]:
    """Score the tracks of recordings.

    Args:
        recordings: one or more.
        match_within: mean distance of keypoints, in the unit of the recordings, up to which a tracked pose can be that
            of a true animal; half the typical length of a true pose (``typical_length``) if it is None.

    Returns:
        ``recordings``, a list with the scores of each; with its ``animals``, each with the ``track`` that IDF1 matches
        it with and its ``share`` of the true poses; and with its ``changes``, a row for each switch. ``all`` has the
        scores of all poses together.

    Raises:
        InputError: the distance is not given and cannot be measured.
    """
    scored, of_recordings = [], []
    for recording in recordings:
        within = match_within if match_within is not None else _half_a_length(recording)
        similarities = similarities_of_poses(recording.truth.positions, recording.tracked.positions, within)
        scores = score_identities(similarities)
        scored.append(scores)
        about = {
            "match_within": within,
            "unit": recording.truth.unit,
            "animals": _animals(recording, similarities),
            "changes": _changes(recording, similarities),
        }
        empty = int((~similarities.truth.any(1) & similarities.tracked.any(1)).sum())
        of_recordings.append({"id": recording.id, **_values(scores), **about, "tracked_without_truth": empty})
    return {"recordings": of_recordings, "all": _values(reduce(add, scored))}


def _half_a_length(recording: TracksWithTruth) -> float:
    length = typical_length(recording.truth.positions)
    if not length > 0:
        raise InputError(
            f"{recording.truth.source or 'the truth'} ({recording.id}): expected poses with two keypoints, whose "
            "length says how near a tracked pose must be; found none: give the distance with --match-within"
        )
    return length / 2


def _values(scores: IdentityScores) -> dict[str, int | float]:
    names = ("true", "tracked", "switches", *_COLUMNS.values())
    return {name: getattr(scores, name) for name in names}


def _animals(recording: TracksWithTruth, similarities: Similarities) -> list[dict[str, Any]]:
    """Return the track that is matched with each true animal, and the share of the animal's poses that it holds."""
    rows = []
    for name, poses, best in zip(
        recording.truth.individuals, similarities.truth.sum(0), best_tracks(similarities), strict=True
    ):
        track, share = (None, 0.0) if best is None else (recording.tracked.individuals[best[0]], best[1] / poses)
        rows.append({"animal": name, "track": track, "share": float(share), "poses": int(poses)})
    return rows


def _changes(recording: TracksWithTruth, similarities: Similarities) -> list[dict[str, Any]]:
    animals, tracks = recording.truth.individuals, recording.tracked.individuals
    return [
        {"frame": frame, "animal": animals[animal], "track_before": tracks[before], "track": tracks[after]}
        for frame, animal, before, after in switches(match_frames(similarities))
    ]


def switch_table(report: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with a row for each switch: recording, frame, animal, and its track before and from then on."""
    rows = [{"recording": one["id"], **change} for one in report["recordings"] for change in one["changes"]]
    return pd.DataFrame(rows, columns=["recording", "frame", "animal", "track_before", "track"])


def track_table(report: Mapping[str, Any]) -> pd.DataFrame:
    """Return the scores as a table with a row for each recording, and a last one, "all"."""
    rows = [*report["recordings"], {"id": "all", **report["all"]}]
    left_out = ("animals", "changes", "tracked_without_truth")
    return pd.DataFrame([{name: value for name, value in row.items() if name not in left_out} for row in rows])


def format_track_report(report: Mapping[str, Any]) -> str:
    """Format the values of ``score_tracks`` as text: a table, what needs a word, and the track of each animal."""
    return "\n".join([*_table_rows(report), "", *_notes(report), *_animal_rows(report)])


def _table_rows(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [(row["id"], row) for row in report["recordings"]] + [("all", report["all"])]
    width = max(9, *(len(name) for name, _ in rows))
    yield "  ".join([f"{'recording':<{width}}", *(f"{title:>8}" for title in _COLUMNS)])
    for name, row in rows if len(rows) > 2 else rows[:1]:
        cells = [f"{_number(row[key]):>{max(8, len(title))}}" for title, key in _COLUMNS.items()]
        yield "  ".join([f"{name:<{width}}", *cells])


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    for row in report["recordings"]:
        if frames := row["tracked_without_truth"]:
            yield (
                f"{row['id']}: {count_of(frames, 'frame')} with tracked poses have no true animal, so that these poses "
                "count as false"
            )
    within = sorted(row["match_within"] for row in report["recordings"])
    distances = " to ".join(dict.fromkeys(f"{distance:.3g}" for distance in (within[0], within[-1])))
    yield (
        f"a tracked pose counts as a true one up to {distances} {report['recordings'][0]['unit']} from it "
        "(--match-within sets another distance)"
    )


def _animal_rows(report: Mapping[str, Any]) -> Iterator[str]:
    for row in report["recordings"][:_LISTED]:
        names = [
            f"{one['animal']} is {one['track']} ({one['share']:.1%})"
            for one in row["animals"]
            if one["track"] is not None
        ]
        without = [one["animal"] for one in row["animals"] if one["track"] is None]
        lacking = f"; no track for {list_in_order(without, _NAMED)}" if without else ""
        yield f"{row['id']}: {list_in_order(names, _NAMED)}{lacking}"
    if (more := len(report["recordings"]) - _LISTED) > 0:
        yield f"and {count_of(more, 'recording')} more, in scores.json"
