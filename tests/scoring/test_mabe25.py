import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssl_behavior.errors import InputError
from ssl_behavior.scoring.mabe25 import COUNTS, KEY, SPAN, score

COLUMNS = [*KEY, *SPAN]
OF_LISTS = {
    ("A", 1): ["mouse1,mouse2,sniff", "mouse1,mouse2,attack", "mouse2,self,rear"],
    ("A", 2): ["mouse1,mouse2,sniff", "mouse2,mouse1,sniff", "mouse1,mouse2,attack"],
    ("B", 3): ["mouse1,mouse2,attack", "mouse2,self,rear", "mouse2,self,dig"],
}


def cases(data: Path) -> list[dict]:
    path = data.parents[1] / "facts" / "mabe25_metric_cases.json"
    if not path.exists():
        pytest.skip(f"the worked cases are not at {path}")
    return json.loads(path.read_text())["cases"]


def table(rows: list[dict], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


def test_the_worked_cases_of_the_competition_have_their_scores(shared_data: Callable[[str], Path]) -> None:
    worked = cases(shared_data("mabe25"))
    assert len(worked) == 21
    for case in worked:
        solution = table(case["solution"], [*COLUMNS, "lab_id", "behaviors_labeled"])
        submission = table(case["submission"], COLUMNS)
        if case["expected"] == "error":
            with pytest.raises(InputError):
                score(solution, submission, case["beta"])
        else:
            assert score(solution, submission, case["beta"]).mean == pytest.approx(case["expected"], abs=1e-12), case


def by_sets(solution: pd.DataFrame, submission: pd.DataFrame) -> float | None:
    """The official score by sets of frames; None where the host raises an error."""
    scores = []
    for lab in solution["lab_id"].unique():
        of_lab = solution[solution["lab_id"] == lab]
        true: dict[tuple, set[int]] = defaultdict(set)
        found: dict[tuple, set[int]] = defaultdict(set)
        for row in of_lab.itertuples():
            true[row.video_id, row.agent_id, row.target_id, row.action] |= set(range(row.start_frame, row.stop_frame))
        for video in of_lab["video_id"].unique():
            listed = json.loads(of_lab[of_lab["video_id"] == video]["behaviors_labeled"].iloc[0])
            taken: dict[tuple, set[int]] = defaultdict(set)
            for row in submission[submission["video_id"] == video].itertuples():
                if f"{row.agent_id},{row.target_id},{row.action}" not in listed:
                    continue
                key = (video, row.agent_id, row.target_id, row.action)
                new = set(range(row.start_frame, row.stop_frame)) - found[key]
                if taken[key[:3]] & new:
                    return None
                found[key] |= new
                taken[key[:3]] |= new
        counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(3))
        for key in {*true, *found}:
            counts[key[3]] += [len(true[key] & found[key]), len(found[key] - true[key]), len(true[key] - found[key])]
        scores.append(np.mean([2 * tp / (2 * tp + fp + fn) if tp else 0 for tp, fp, fn in counts.values()]))
    return float(np.mean(scores))


def bouts(videos: list[int]) -> st.SearchStrategy[list[tuple]]:
    span = st.tuples(st.integers(0, 12), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
    who = st.sampled_from([("mouse1", "mouse2"), ("mouse2", "mouse1"), ("mouse2", "self"), ("mouse2", "mouse2")])
    action = st.sampled_from(["sniff", "attack", "rear", "dig"])
    one = st.tuples(st.sampled_from(videos), who, action, span).map(lambda row: (row[0], *row[1], row[2], *row[3]))
    return st.lists(one, min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(bouts([1, 2, 3]), bouts([1, 2, 3, 9]))
def test_scores_are_those_of_sets_of_frames(annotated: list[tuple], predicted: list[tuple]) -> None:
    solution, submission = (pd.DataFrame(rows, columns=COLUMNS) for rows in (annotated, predicted))
    lab_of = {video: lab for lab, video in OF_LISTS}
    solution["lab_id"] = solution["video_id"].map(lab_of)
    solution["behaviors_labeled"] = [json.dumps(OF_LISTS[lab_of[video], video]) for video in solution["video_id"]]
    expected = by_sets(solution, submission)
    if expected is None:
        with pytest.raises(InputError, match="one action at a time"):
            score(solution, submission)
        return
    result = score(solution, submission)
    assert result.mean == pytest.approx(expected, abs=1e-12)
    assert result.mean == pytest.approx(np.mean(list(result.labs.values())))
    assert (result.videos.groupby(["lab", "action"])[COUNTS].sum().to_numpy() == result.cells[COUNTS].to_numpy()).all()


def one_bout(**changed: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    row = {"video_id": 1, "agent_id": "mouse1", "target_id": "mouse2", "action": "sniff", "start_frame": 0}
    row |= {"stop_frame": 10}
    solution = pd.DataFrame([{**row, "lab_id": "A", "behaviors_labeled": json.dumps(OF_LISTS["A", 1])}])
    return solution, pd.DataFrame([{**row, **changed}])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"video_id": 1.0}, "video ids of one type; found int64 .* and float64"),
        ({"video_id": "1"}, "video ids of one type"),
        ({"stop_frame": 9.5}, "whole numbers as stop_frame"),
        ({"start_frame": 11}, "from frame 11 to 10: exchange"),
    ],
)
def test_a_submission_that_the_host_refuses_is_refused_with_the_reason(changed: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score(*one_bout(**changed))


def test_a_missing_column_is_named() -> None:
    solution, submission = one_bout()
    with pytest.raises(InputError, match="found no stop_frame"):
        score(solution, submission.drop(columns="stop_frame"))


def test_the_action_is_what_follows_the_last_underscore() -> None:
    solution, submission = one_bout(action="sniff_face")
    listed = json.dumps(["mouse1,mouse2,sniff_face", "mouse1,mouse2,lick_face"])
    both = pd.concat([solution, solution], ignore_index=True)
    both["action"], both["behaviors_labeled"] = ["sniff_face", "lick_face"], listed
    both["start_frame"], both["stop_frame"] = [0, 20], [10, 30]
    cells = score(both, submission).cells
    assert cells["action"].tolist() == ["face"]
    assert cells["f_score"].tolist() == pytest.approx([2 * 10 / (2 * 10 + 10)])


def test_all_bouts_of_the_training_set_are_scored_in_a_second(shared_data: Callable[[str], Path]) -> None:
    from ssl_behavior.formats.tracks.mabe25.annotations import read_bouts
    from ssl_behavior.formats.tracks.mabe25.metadata import read_table

    data = shared_data("mabe25")
    rows = read_table(data / "train.csv.gz").rows
    records = []
    for path in data.glob("train_annotation/*/*.parquet"):
        row = rows[path.parent.name, path.stem]
        facts = (row.lab, json.dumps(row.official_list))
        for agent, target, action, start, stop in read_bouts(path):
            records.append((row.video, agent, "self" if agent == target else target, action, start, stop, *facts))
    solution = pd.DataFrame(records, columns=[*COLUMNS, "lab_id", "behaviors_labeled"])
    assert len(solution) == 83_620
    began = time.perf_counter()
    result = score(solution, solution[COLUMNS])
    assert time.perf_counter() - began < 5  # a third of a second on a quiet machine
    assert result.mean == 1
    assert len(result.labs) == 19
    late = solution[COLUMNS].assign(**{name: solution[name] + 5 for name in SPAN})
    assert score(solution, late).mean == pytest.approx(0.886, abs=5e-4)
