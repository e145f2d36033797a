import numpy as np
import pandas as pd
import pytest

from ssl_behavior.cluster_cards.measures import summaries, transitions
from ssl_behavior.poses.expert_features import KINEMATICS


def bouts(rows: list[tuple[str, str, int, float]]) -> pd.DataFrame:
    """(video, agent, cluster, seconds) rows, one after the other."""
    table = pd.DataFrame(rows, columns=["video", "agent", "cluster", "seconds"])
    table["target"] = "other"
    table["start"] = range(len(table))
    for name in KINEMATICS:
        table[name] = np.float32(1.0)
    return table


def test_shares_and_lengths() -> None:
    table = summaries(bouts([("a", "x", 0, 1.0), ("a", "x", 1, 2.0), ("b", "x", 0, 3.0), ("b", "y", -1, 4.0)]), 3)
    assert table.index.tolist() == [-1, 0, 1, 2]
    assert table["share"].tolist() == [0.4, 0.4, 0.2, 0.0]
    assert table["bouts"].tolist() == [1, 2, 1, 0]
    assert table["videos"].tolist() == [1, 2, 1, 0]
    assert table.loc[0, "seconds 0.5"] == pytest.approx(2.0)
    assert np.isnan(table.loc[2, "seconds 0.5"])


def test_kinematics_count_by_time_and_only_where_known() -> None:
    given = bouts([("a", "x", 0, 1.0), ("a", "x", 0, 8.0), ("a", "x", 0, 1.0), ("a", "x", 0, 50.0)])
    given["distance"] = np.array([1.0, 2.0, 3.0, np.nan], np.float32)
    table = summaries(given, 1)
    assert table.loc[0, "distance 0.5"] == pytest.approx(2.0)
    # Most of the time it is 2, so the middle half is near it.
    assert 1.4 < table.loc[0, "distance 0.25"] < 2 < table.loc[0, "distance 0.75"] < 2.6


def test_transitions_pass_over_noise_and_stay_within_a_pair() -> None:
    rows = [("a", "x", cluster, 1.0) for cluster in (0, -1, 1, 0, -1, 0, 2)]
    rows += [("a", "y", cluster, 1.0) for cluster in (1, 2)]
    table = transitions(bouts(rows), 3).set_index(["before", "after"])
    counts = table["count"]
    assert counts.loc[0, 1] == 1
    assert counts.loc[1, 0] == 1
    assert counts.loc[0, 2] == 1  # and none from 0 to 0 across the noise
    assert counts.loc[1, 2] == 1
    assert counts.sum() == 4
    assert (0, 0) not in table.index


def test_by_chance_what_follows_goes_by_how_often_it_comes() -> None:
    rng = np.random.default_rng(0)
    sequence = rng.choice(3, 20_000, p=[0.5, 0.3, 0.2])
    sequence = sequence[np.flatnonzero(np.diff(sequence, prepend=-1))]
    table = transitions(bouts([("a", "x", int(cluster), 1.0) for cluster in sequence]), 3)
    np.testing.assert_allclose(table["ratio"], 1.0, atol=0.12)
    for side in ("before", "after"):
        sums = table.groupby(side)[["count", "expected"]].sum()
        np.testing.assert_allclose(sums["expected"], sums["count"], rtol=1e-6)
