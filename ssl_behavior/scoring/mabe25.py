"""The official score of MABe-2025: F of frames by action, averaged over the actions of a laboratory, then over these.

Bouts are half-open, [start, stop). Per laboratory, frames are pooled over its videos:

- A prediction counts only if the list of its video has its agent, target and action. Others are ignored, and so are
  predictions of videos without annotations.
- Frames that the predictions of one action share count once. A frame in which a pair has two listed actions is an
  error.
- An action takes part if it has an annotated bout in some video, or a predicted one that counts, even an empty one. An
  action without any frame that is right has an F of 0.

The result is that of the host's code, which works with sets of frames; this module works with the bounds of bouts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ssl_behavior.errors import InputError, list_names

KEY = ["video_id", "agent_id", "target_id", "action"]
SPAN = ["start_frame", "stop_frame"]
OF_SOLUTION = ["lab_id", "behaviors_labeled"]
COUNTS = ["true_positives", "false_positives", "false_negatives"]


@dataclass(frozen=True, eq=False)
class OfficialScore:
    """The official score and the counts that it is computed from.

    Attributes:
        mean: the official score, the mean over laboratories.
        labs: laboratory -> mean over its actions.
        cells: a row per ``lab`` and ``action``: frames counted as ``COUNTS``, and ``f_score``.
        videos: the same counts by ``lab``, ``action`` and ``video``.
    """

    mean: float
    labs: Mapping[str, float]
    cells: pd.DataFrame
    videos: pd.DataFrame


def score(solution: pd.DataFrame, submission: pd.DataFrame, beta: float = 1.0) -> OfficialScore:
    """Score a submission.

    Args:
        solution: annotated bouts, with the columns ``KEY``, ``SPAN`` and ``OF_SOLUTION``. The list of a video is that
            of its first row, a JSON list of "agent,target,action".
        submission: predicted bouts, with the columns ``KEY`` and ``SPAN``.
        beta: weight of recall against precision; the competition has 1.

    Raises:
        InputError: the host would refuse the submission: it has no rows or lacks a column, its video ids are of another
            type than those of the solution, frames are no whole numbers, a bout stops before it starts, or two listed
            actions of one video, agent and target share a frame.

    Examples:
        >>> truth = {"video_id": 1, "agent_id": "mouse1", "target_id": "self", "action": "rear", "start_frame": 0}
        >>> listed = {"lab_id": "A", "behaviors_labeled": '["mouse1,self,rear"]'}
        >>> solution = pd.DataFrame([{**truth, "stop_frame": 10, **listed}])
        >>> score(solution, pd.DataFrame([{**truth, "stop_frame": 30}])).mean
        0.5
    """
    _require_bouts(solution, [*KEY, *SPAN, *OF_SOLUTION], "annotated bouts")
    _require_bouts(submission, [*KEY, *SPAN], "a submission")
    if solution["video_id"].dtype.kind != submission["video_id"].dtype.kind:
        raise InputError(
            f"expected video ids of one type; found {solution['video_id'].dtype} in the annotations and "
            f"{submission['video_id'].dtype} in the submission: write the ids as the competition's table has them"
        )
    truth = _as_keys(solution, solution["lab_id"].astype(str))
    predicted = _listed_predictions(solution, submission)
    bouts = pd.concat([truth.assign(is_predicted=False), predicted.assign(is_predicted=True)], ignore_index=True)
    counts = _count_frames(bouts)
    # The host takes the part of a key after its last underscore for the action.
    counts["action"] = counts["action"].str.rsplit("_", n=1).str[-1]
    videos = counts.groupby(["lab", "action", "video"], as_index=False)[COUNTS].sum()
    cells = videos.groupby(["lab", "action"], as_index=False)[COUNTS].sum()
    cells["f_score"] = f_scores(cells[COUNTS].to_numpy(), beta)
    labs = {str(lab): float(value) for lab, value in cells.groupby("lab")["f_score"].mean().items()}
    return OfficialScore(float(np.mean(list(labs.values()))), labs, cells, videos)


def f_scores(counts: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """Return the F of counts (..., 3) of ``COUNTS``; 0 where all are 0."""
    right, wrong, missed = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    weighted = (1 + beta**2) * right
    total = weighted + beta**2 * missed + wrong
    return np.divide(weighted, total, out=np.zeros_like(total), where=total > 0)


def _require_bouts(table: pd.DataFrame, columns: list[str], what: str) -> None:
    if lacking := [name for name in columns if name not in table]:
        raise InputError(
            f"expected {what} with the columns {', '.join(columns)}; found no {', '.join(lacking)}: add it"
        )
    if not len(table):
        raise InputError(f"expected {what}; found no rows: a submission needs one row even if nothing was found")
    for name in SPAN:
        if table[name].dtype.kind not in "iu":
            raise InputError(f"expected {what} with whole numbers as {name}; found {table[name].dtype}: round them")
    backwards = table[table["start_frame"] > table["stop_frame"]]
    if len(backwards):
        raise InputError(
            f"expected bouts that stop after they start; found {len(backwards)} that do not, the first in video "
            f"{backwards['video_id'].iloc[0]}, from frame {backwards['start_frame'].iloc[0]} to "
            f"{backwards['stop_frame'].iloc[0]}: exchange the two"
        )


def _as_keys(bouts: pd.DataFrame, labs: pd.Series) -> pd.DataFrame:
    """Return bouts with the columns lab, video, agent, target, action, start and stop, all but frames as texts."""
    texts = dict(zip(("video", "agent", "target", "action"), (bouts[name].astype(str) for name in KEY), strict=True))
    frames = dict(zip(("start", "stop"), (bouts[name].astype(np.int64) for name in SPAN), strict=True))
    return pd.DataFrame({"lab": labs, **texts, **frames})


def _listed_predictions(solution: pd.DataFrame, submission: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions that count, each with the laboratory of its video."""
    lists = solution.drop_duplicates(["lab_id", "video_id"])
    listed = pd.DataFrame(
        {
            "lab": lists["lab_id"].astype(str),
            "video": lists["video_id"].astype(str),
            "entry": [sorted(set(json.loads(entries))) for entries in lists["behaviors_labeled"]],
        }
    ).explode("entry")
    predicted = _as_keys(submission, pd.Series("", submission.index)).drop(columns="lab")
    predicted["entry"] = predicted["agent"] + "," + predicted["target"] + "," + predicted["action"]
    return predicted.merge(listed, on=["video", "entry"]).drop(columns="entry")


def _count_frames(bouts: pd.DataFrame) -> pd.DataFrame:
    """Count right, wrong and missed frames of each (lab, video, agent, target, action).

    Raises:
        InputError: two predicted actions of one (lab, video, agent, target) share a frame.
    """
    names = ["lab", "video", "agent", "target", "action"]
    group = bouts.groupby(names, sort=False).ngroup().to_numpy()
    keys = bouts[names].drop_duplicates(ignore_index=True)
    # Between two bounds next to each other, the number of open bouts does not change.
    bounds = np.concatenate([bouts["start"], bouts["stop"]])
    step = np.repeat([1, -1], len(bouts))
    is_predicted = np.tile(bouts["is_predicted"].to_numpy(bool), 2)
    groups = np.tile(group, 2)
    order = np.lexsort((bounds, groups))
    bounds, groups, step, is_predicted = bounds[order], groups[order], step[order], is_predicted[order]
    lengths = np.where(np.diff(groups, append=-1) == 0, np.diff(bounds, append=0), 0)
    is_true_here = np.cumsum(np.where(is_predicted, 0, step)) > 0
    is_predicted_here = np.cumsum(np.where(is_predicted, step, 0)) > 0
    _require_one_action(keys, groups, bounds, np.where(is_predicted_here, lengths, 0))
    kinds = (is_true_here & is_predicted_here, ~is_true_here & is_predicted_here, is_true_here & ~is_predicted_here)
    for name, kind in zip(COUNTS, kinds, strict=True):
        keys[name] = np.bincount(groups, np.where(kind, lengths, 0), len(keys)).astype(np.int64)
    return keys


def _require_one_action(keys: pd.DataFrame, groups: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> None:
    """Check that predicted spans of different actions of a pair share no frame.

    Args:
        keys: a row per group.
        groups: (span,) row of ``keys``; the spans of one group do not overlap.
        starts: (span,) first frame.
        lengths: (span,) number of frames.
    """
    pair_of_group = keys.groupby(["lab", "video", "agent", "target"], sort=False).ngroup().to_numpy()
    filled = lengths > 0
    groups, starts, stops = groups[filled], starts[filled], (starts + lengths)[filled]
    pairs = pair_of_group[groups]
    order = np.lexsort((starts, pairs))
    groups, starts, stops, pairs = groups[order], starts[order], stops[order], pairs[order]
    overlaps = np.flatnonzero((pairs[1:] == pairs[:-1]) & (starts[1:] < stops[:-1]))
    if overlaps.size:
        first = overlaps[0]
        key = keys.iloc[groups[first]]
        actions = {keys["action"].iloc[groups[i]] for i in (first, first + 1)}
        raise InputError(
            f"expected one action at a time of {key['agent']} towards {key['target']}; found {list_names(actions)} in "
            f"frame {starts[first + 1]} of video {key['video']}: keep one of them"
        )
