import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ssl_behavior.cluster_cards.labels import Overlap, agreement, enrichment, overlap_agreement

# (cluster + noise, behaviour): cluster 0 is all fights, cluster 1 has none.
COUNTS = np.array([[30, 0], [0, 60], [10, 20]])


def test_ratios_compare_with_all_frames() -> None:
    table = enrichment(Overlap("S1", ("fight", "rest"), np.stack([COUNTS] * 4))).set_index(["cluster", "behaviour"])
    assert table.loc[(0, "fight"), "frames"] == 120
    assert table.loc[(0, "fight"), "share"] == 1
    assert table.loc[(0, "fight"), "overall"] == pytest.approx(1 / 3)
    assert table.loc[(0, "fight"), "ratio"] == pytest.approx(3)
    assert table.loc[(1, "fight"), "ratio"] == 0
    assert table.loc[(-1, "rest"), "ratio"] == pytest.approx(1)
    # Identical videos give the same ratio in every bootstrap sample.
    np.testing.assert_allclose(table["low"], table["ratio"])
    np.testing.assert_allclose(table["high"], table["ratio"])


def test_intervals_contain_the_ratio() -> None:
    rng = np.random.default_rng(0)
    counts = np.stack([COUNTS * rng.integers(0, 4, (3, 1)) for _ in range(20)])
    table = enrichment(Overlap("S1", ("fight", "rest"), counts)).set_index(["cluster", "behaviour"])
    row = table.loc[(0, "fight")]
    assert row["low"] < row["ratio"] < row["high"]


def test_a_cluster_without_scored_frames_has_no_share() -> None:
    counts = np.stack([COUNTS * np.array([[0], [1], [1]])] * 2)
    table = enrichment(Overlap("S1", ("fight", "rest"), counts)).set_index(["cluster", "behaviour"])
    assert table.loc[(0, "fight"), ["share", "ratio", "low", "high"]].isna().all()


def test_agreement_from_counts_equals_that_of_the_frames() -> None:
    scores = overlap_agreement(Overlap("S1", ("fight", "rest"), np.stack([COUNTS, COUNTS])))
    cluster = np.repeat([0, 0, 1, 1, 2, 2], 2 * COUNTS.ravel())
    truth = np.repeat([0, 1, 0, 1, 0, 1], 2 * COUNTS.ravel())
    assert scores["ARI"] == pytest.approx(adjusted_rand_score(truth, cluster))
    assert scores == pytest.approx(agreement(truth, cluster) | {"clustered": 90 / 120})
