import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ssl_behavior.cluster_cards.labels import Overlap, agreement, enrichment, overlap_agreement

# (cluster + noise, behaviour): cluster 0 is all fights, cluster 1 has none.
COUNTS = np.array([[30, 0], [0, 60], [10, 20]])
# Shares of three labels in two clusters and in noise.
LABELS = ("fight", "rest", "groom")
SHARES = np.array([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5]])


def test_ratios_compare_with_all_frames() -> None:
    table = enrichment(Overlap("S1", ("fight", "rest"), np.stack([COUNTS] * 4))).set_index(["cluster", "behaviour"])
    assert table.loc[(0, "fight"), "frames"] == 120
    assert table.loc[(0, "fight"), "share"] == 1
    assert table.loc[(0, "fight"), "overall"] == pytest.approx(1 / 3)
    assert table.loc[(0, "fight"), "ratio"] == pytest.approx(3)
    assert table.loc[(1, "fight"), "ratio"] == 0
    assert table.loc[(-1, "rest"), "ratio"] == pytest.approx(1)
    # Identical videos give the same ratio in every bootstrap sample. A label that never occurs has no interval.
    occurs = table[table["ratio"] > 0]
    np.testing.assert_allclose(occurs["low"], occurs["ratio"])
    np.testing.assert_allclose(occurs["high"], occurs["ratio"])
    assert table.loc[(1, "fight"), ["low", "high"]].isna().all()


def test_intervals_contain_the_ratio() -> None:
    rng = np.random.default_rng(0)
    counts = np.stack([COUNTS * rng.integers(0, 4, (3, 1)) for _ in range(20)])
    table = enrichment(Overlap("S1", ("fight", "rest"), counts)).set_index(["cluster", "behaviour"])
    row = table.loc[(0, "fight")]
    assert row["low"] < row["ratio"] < row["high"]


def test_a_cluster_in_two_videos_has_no_interval() -> None:
    counts = np.stack([COUNTS, 2 * COUNTS, COUNTS * np.array([[0], [1], [1]])])
    table = enrichment(Overlap("S1", ("fight", "rest"), counts)).set_index(["cluster", "behaviour"])
    assert table["ratio"].notna().all()
    assert table.loc[0, ["low", "high"]].isna().all().all()
    assert table.loc[-1, ["low", "high"]].notna().all().all()
    fewer = enrichment(Overlap("S1", ("fight", "rest"), counts[:2]))
    assert fewer[["low", "high"]].isna().all().all()


@pytest.mark.parametrize("videos", [3, 5, 10])
def test_intervals_hold_the_ratio_of_the_population(videos: int) -> None:
    rng, draws = np.random.default_rng(1), 100
    truth = enrichment(Overlap("S1", LABELS, _clusters_that_differ_by_video(5_000, rng)), draws=2)["ratio"]
    held = np.zeros(len(truth))
    for _ in range(draws):
        table = enrichment(Overlap("S1", LABELS, _clusters_that_differ_by_video(videos, rng)), draws=200)
        held += table["low"].le(truth) & truth.le(table["high"])
    assert 0.9 < held.mean() / draws < 0.99


def _clusters_that_differ_by_video(videos: int, rng: np.random.Generator) -> np.ndarray:
    """Counts (video, cluster + noise, label); how long a cluster is seen and what it holds vary between videos."""
    frames = rng.gamma(1.0, 300, (videos, len(SHARES))).astype(int) + 1
    rows = [
        rng.multinomial(of_cluster, rng.dirichlet(4 * shares, videos))
        for of_cluster, shares in zip(frames.T, SHARES, strict=True)
    ]
    return np.stack(rows, axis=1)


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
