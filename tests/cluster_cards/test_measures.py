import numpy as np
import pandas as pd
import pytest

from ssl_behavior.cluster_cards.measures import summaries, transitions
from ssl_behavior.poses.expert_features import KINEMATICS


def bouts(rows: list[tuple[str, str, int, float]]) -> pd.DataFrame:
    """Return bouts from rows (video, agent, cluster, seconds), in order of time."""
    table = pd.DataFrame(rows, columns=["video", "agent", "cluster", "seconds"])
    table["target"] = "other"
    table["start"] = range(len(table))
    for name in KINEMATICS:
        table[name] = np.float32(1.0)
    return table


def test_shares_counts_and_durations_are_those_of_the_bouts() -> None:
    table = summaries(bouts([("a", "x", 0, 1.0), ("a", "x", 1, 2.0), ("b", "x", 0, 3.0), ("b", "y", -1, 4.0)]), 3)
    assert table.index.tolist() == [-1, 0, 1, 2]
    assert table["share"].tolist() == [0.4, 0.4, 0.2, 0.0]
    assert table["bouts"].tolist() == [1, 2, 1, 0]
    assert table["videos"].tolist() == [1, 2, 1, 0]
    assert table.loc[0, "seconds 0.5"] == pytest.approx(2.0)
    assert np.isnan(table.loc[2, "seconds 0.5"])


def test_kinematics_are_weighted_by_time_and_skip_unknown_values() -> None:
    table_of_bouts = bouts([("a", "x", 0, 1.0), ("a", "x", 0, 8.0), ("a", "x", 0, 1.0), ("a", "x", 0, 50.0)])
    table_of_bouts["distance"] = np.array([1.0, 2.0, 3.0, np.nan], np.float32)
    table = summaries(table_of_bouts, 1)
    assert table.loc[0, "distance 0.5"] == pytest.approx(2.0)
    # The distance is 2 most of the time, so the quartiles are near 2.
    assert 1.4 < table.loc[0, "distance 0.25"] < 2 < table.loc[0, "distance 0.75"] < 2.6


def test_transitions_skip_noise_and_stay_within_a_pair() -> None:
    rows = [("a", "x", cluster, 1.0) for cluster in (0, -1, 1, 0, -1, 0, 2)]
    rows += [("a", "y", cluster, 1.0) for cluster in (1, 2)]
    table = transitions(bouts(rows), 3).set_index(["before", "after"])
    counts = table["count"]
    assert counts.loc[0, 1] == 1
    assert counts.loc[1, 0] == 1
    assert counts.loc[0, 2] == 1  # 0 to 0 across noise is not counted
    assert counts.loc[1, 2] == 1
    assert counts.sum() == 4
    assert (0, 0) not in table.index


def test_a_random_sequence_has_the_expected_transitions() -> None:
    rng = np.random.default_rng(0)
    sequence = rng.choice(3, 20_000, p=[0.5, 0.3, 0.2])
    sequence = sequence[np.flatnonzero(np.diff(sequence, prepend=-1))]
    table = transitions(bouts([("a", "x", int(cluster), 1.0) for cluster in sequence]), 3)
    np.testing.assert_allclose(table["ratio"], 1.0, atol=0.12)
    for side in ("before", "after"):
        sums = table.groupby(side)[["count", "expected"]].sum()
        np.testing.assert_allclose(sums["expected"], sums["count"], rtol=1e-6)
