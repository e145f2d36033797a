"""Counts of the competition's own table and annotations, which were made once by other code."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from ssl_behavior.formats.tracks.mabe25.annotations import PairBout, pair_labels, read_bouts
from ssl_behavior.formats.tracks.mabe25.metadata import VideoRow, read_table
from ssl_behavior.recordings.labels import UNSCORED

# Laboratory -> annotated videos, listed actions, bouts.
LABS = {
    "AdaptableSnail": (17, 7, 3407),
    "BoisterousParrot": (8, 1, 201),
    "CRIM13": (21, 7, 1792),
    "CalMS21_supplemental": (297, 10, 30868),
    "CalMS21_task1": (101, 9, 7393),
    "CalMS21_task2": (76, 3, 6336),
    "CautiousGiraffe": (10, 7, 1099),
    "DeliriousFly": (6, 3, 811),
    "ElegantMink": (19, 10, 1260),
    "GroovyShrew": (17, 14, 6126),
    "InvincibleJellyfish": (33, 8, 2137),
    "JovialSwallow": (52, 3, 3180),
    "LyricalHare": (24, 7, 1455),
    "NiftyGoldfinch": (11, 17, 9267),
    "PleasantMeerkat": (35, 4, 918),
    "ReflectiveManatee": (20, 2, 1659),
    "SparklingTapir": (54, 5, 1171),
    "TranquilPanther": (25, 6, 2379),
    "UppityFerret": (21, 8, 2161),
}
ALONE = {"biteobject", "climb", "dig", "exploreobject", "freeze", "genitalgroom", "huddle", "rear", "rest", "run"}
ALONE |= {"selfgroom"}

Videos = list[tuple[VideoRow, list[PairBout]]]


@pytest.fixture(scope="module")
def data(shared_data: Callable[[str], Path]) -> Path:
    return shared_data("mabe25")


@pytest.fixture(scope="module")
def rows(data: Path) -> list[VideoRow]:
    return list(read_table(data / "train.csv.gz").rows.values())


@pytest.fixture(scope="module")
def annotated(data: Path, rows: list[VideoRow]) -> Videos:
    files = [(row, data / "train_annotation" / row.lab / f"{row.video}.parquet") for row in rows]
    return [(row, read_bouts(file)) for row, file in files if file.is_file()]


def test_the_table_has_all_videos_and_cleaned_lists(rows: list[VideoRow]) -> None:
    assert len(rows) == 8_789
    assert sum(bool(row.listed) for row in rows) == 848
    assert sum("'" in entry for row in rows for entry in row.official_list) > 26
    damaged = Counter(row.lab for row in rows if any("'" in entry for entry in row.official_list))
    assert damaged == {"ReflectiveManatee": 20, "DeliriousFly": 6}
    only_damaged = Counter()
    for row in rows:
        clean = {entry for entry in row.official_list if "'" not in entry}
        names = {f"{agent},{'self' if agent == target else target},{action}" for agent, target, action in row.listed}
        only_damaged.update((row.lab, entry) for entry in names - clean)
        assert names >= clean
        assert len(row.listed) == len(names)
    # All other damaged entries stand beside a clean one. The host ignores predictions of these three.
    assert only_damaged == {("ReflectiveManatee", "mouse1,mouse2,attack"): 3}


def test_videos_actions_and_bouts_by_laboratory(annotated: Videos) -> None:
    counts = {
        lab: (
            sum(row.lab == lab for row, _ in annotated),
            len({action for row, _ in annotated if row.lab == lab for _, _, action in row.listed}),
            sum(len(bouts) for row, bouts in annotated if row.lab == lab),
        )
        for lab in sorted({row.lab for row, _ in annotated})
    }
    assert counts == LABS
    assert sum(len(bouts) for _, bouts in annotated) == 83_620
    assert sum(len(row.listed) for row, _ in annotated) == 4_858


def test_cells_kinds_and_empty_bouts(annotated: Videos) -> None:
    cells = {(row.lab, bout.action) for row, bouts in annotated for bout in bouts}
    listed = {(row.lab, action) for row, _ in annotated for _, _, action in row.listed}
    assert cells <= listed
    assert (len(cells), len(listed - cells)) == (119, 12)
    alone = {action for row, _ in annotated for agent, target, action in row.listed if agent == target}
    paired = {action for row, _ in annotated for agent, target, action in row.listed if agent != target}
    assert alone == ALONE
    assert (len(paired), alone & paired) == (26, set())
    assert sum(bout.start == bout.stop for _, bouts in annotated for bout in bouts) == 59


def test_no_frame_of_a_pair_has_two_actions_and_no_bout_lies_outside_its_list(annotated: Videos) -> None:
    for row, bouts in annotated:
        ordered = sorted((bout.agent, bout.target, bout.start, bout.stop) for bout in bouts if bout.start < bout.stop)
        assert all(a[:2] != b[:2] or a[3] <= b[2] for a, b in pairwise(ordered))
        assert {bout[:3] for bout in bouts} <= set(row.listed)


def test_labels_of_real_bouts_are_those_bouts(data: Path, annotated: Videos) -> None:
    actions = read_table(data / "train.csv.gz").actions
    assert len(actions) == 37
    for row, bouts in annotated[::25]:
        frames = max(bout.stop for bout in bouts) + 10
        made = pair_labels(bouts, row.listed, actions, frames)
        assert set(made.notices) <= {notice for notice in made.notices if "of no length" in notice}
        found = {
            (*(labels.pair or ()), bout.behaviour, bout.start, bout.stop)
            for labels in made.labels.values()
            for bout in labels.bouts()
            if bout.behaviour != "other"
        }
        # Two bouts of one action never touch, so each is found as it was written.
        assert found == {tuple(bout) for bout in bouts if bout.start < bout.stop}
        assert all((labels.values != UNSCORED).all() for labels in made.labels.values())
