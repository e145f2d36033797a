import numpy as np
import pandas as pd
import pytest

from experiments.atlas import differs
from ssl_behavior.cluster_cards.chance import against_chance, frequencies


def test_a_group_that_differs_is_reported() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(["calm", "wild", "wild too"], 40)
    seconds = np.stack([np.where(groups == "calm", 5.0, 20.0) + rng.normal(0, 3, 120), rng.normal(30, 3, 120)], 1)
    table = against_chance(seconds, np.full(120, 60.0), groups, draws=500).set_index(["group", "cluster"])
    assert table.loc[("calm", 0), "p"] < 0.01
    assert table.loc[("calm", 0), "share"] == pytest.approx(5 / 60, abs=0.02)
    assert table.loc[("calm", 0), "overall"] == pytest.approx(15 / 60, abs=0.02)
    assert table.loc[("calm", 1), "p"] > 0.05


def test_p_values_are_uniform_if_nothing_differs() -> None:
    rng = np.random.default_rng(1)
    p_values = []
    for draw in range(20):
        seconds = rng.exponential(1.0, (60, 3))
        groups = np.repeat(np.arange(6).astype(str), 10)
        p_values.append(against_chance(seconds, np.full(60, 9.0), groups, draws=200, seed=draw)["p"].to_numpy())
    p = np.concatenate(p_values)
    assert abs((p < 0.2).mean() - 0.2) < 0.06
    assert p.min() >= 1 / 201


def test_units_are_exchanged_within_their_stratum_only() -> None:
    # Each video has its own level. Within a video, the individuals do not differ.
    video, agent = np.repeat(["a", "b"], 20), np.tile(["x", "y"], 20)
    seconds = np.where(video == "a", 10.0, 50.0)[:, None]
    table = against_chance(seconds, np.full(40, 60.0), agent, within=video, draws=100)
    assert (table["p"] == 1).all()
    assert against_chance(seconds, np.full(40, 60.0), video, draws=100)["p"].max() < 0.05


@pytest.mark.parametrize(("videos", "p"), [(5, np.nan), (6, 2 / 64), (9, 2 / 512)])
def test_two_individuals_need_six_videos(videos: int, p: float) -> None:
    # All videos agree, so only the observed arrangement and its mirror image are as extreme.
    agent, video = np.tile(["x", "y"], videos), np.repeat(np.arange(videos).astype(str), 2)
    seconds = np.where(agent == "x", 30.0, 10.0)[:, None]
    table = against_chance(seconds, np.full(2 * videos, 60.0), agent, video, draws=20_000)
    assert table["p"].tolist() == pytest.approx([p, p], rel=0.2, nan_ok=True)


def test_an_individual_is_compared_with_the_others_of_its_own_videos() -> None:
    # Videos of x and y are wild, those of y and z calm. The individuals of a video are equal.
    agent = np.array(["x", "y"] * 8 + ["y", "z"] * 8)
    seconds = np.repeat([40.0, 10.0], 16)[:, None]
    table = against_chance(seconds, np.full(32, 60.0), agent, np.repeat(np.arange(16), 2).astype(str)).set_index(
        "group"
    )
    assert table["share"].tolist() == pytest.approx([40 / 60, 25 / 60, 10 / 60])
    assert table["overall"].tolist() == pytest.approx(table["share"].tolist())
    assert (table["p"] == 1).all()


def tracks(share: dict[tuple[str, str], float]) -> pd.DataFrame:
    """Ten minutes of each (video, agent): about this share is cluster 0 and the rest noise."""
    rng, rows = np.random.default_rng(0), []
    for (video, agent), mean in share.items():
        seconds = 600 * float(np.clip(mean + rng.normal(0, 0.01), 0.01, 0.99))
        rows += [(video, agent, 0, seconds), (video, agent, -1, 600 - seconds)]
    return pd.DataFrame(rows, columns=["video", "agent", "cluster", "seconds"])


def test_individuals_and_groups_are_compared_and_videos_are_listed() -> None:
    share = {
        (f"v{i}", agent): 0.1 + 0.3 * (i >= 6) + 0.2 * (agent == "bold") for i in range(12) for agent in ("bold", "shy")
    }
    groups = {f"v{i}": "treated" if i >= 6 else "control" for i in range(12)}
    table = frequencies(tracks(share), 1, groups).set_index(["of", "group"])
    assert set(table.index.get_level_values("of")) == {"video", "individual", "group"}
    for row, expected in ((("group", "treated"), 0.5), (("individual", "bold"), 0.45), (("video", "v0"), 0.2)):
        assert table.loc[row, "share"] == pytest.approx(expected, abs=0.02)
    assert table.loc[("group", "treated"), "differs"]
    assert table.loc[("individual", "bold"), "differs"]
    assert table.loc["video", "p"].isna().all()
    assert not table.loc["video", "differs"].any()
    assert set(frequencies(tracks(share), 1)["of"]) == {"video", "individual"}


def test_a_page_with_few_videos_has_no_p_value_and_no_difference() -> None:
    table = frequencies(tracks({("v", "bold"): 0.9, ("v", "shy"): 0.1}), 2, {"v": "treated"})
    assert table["p"].isna().all()
    assert not table["differs"].any()


def test_the_page_corrects_all_clusters_and_comparisons_together() -> None:
    page = differs.simulate(2.0, 1.0, 0)
    video, agent, _, cluster = np.indices(page.shape).reshape(4, -1)
    bouts = pd.DataFrame({"video": np.array(list(differs.GROUPS))[video], "agent": np.array(["a", "b"])[agent]})
    table = frequencies(bouts.assign(cluster=cluster, seconds=page.ravel()), differs.CLUSTERS, differs.GROUPS)
    p = table["p"].dropna().sort_values().to_numpy()
    assert len(p) == 2 * 2 * differs.CLUSTERS  # two individuals and two groups
    by_hand = np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    np.testing.assert_allclose(np.sort(table["q"].dropna()), by_hand)
    # The simulation tests as the page does. Random permutations differ a little where videos are in another order.
    simulated = differs.exchange_animals(page)
    keys = ["of", "group", "cluster"]
    both = table.merge(simulated, on=keys, suffixes=("", " simulated"))
    np.testing.assert_allclose(both["share"], both["share simulated"])
    np.testing.assert_allclose(both["p"], both["p simulated"], atol=0.05)
    assert len(both) == len(simulated)


def test_lasting_moods_of_equal_animals_cause_no_false_alarms() -> None:
    pages = [differs.simulate(10.0, 1.0, seed) for seed in range(40)]
    rates = {
        test: np.mean([differs.alarms(test(page), "individual", "a") for page in pages])
        for test in (differs.exchange_minutes, differs.exchange_animals)
    }
    assert rates[differs.exchange_minutes] > 0.15
    assert rates[differs.exchange_animals] < 0.11  # 5 % and twice the standard error of 40 pages


def test_a_true_difference_is_found() -> None:
    found = [differs.exchange_animals(differs.simulate(0.5, 2.0, seed)) for seed in range(5)]
    assert all(table.query("of == 'individual' and cluster == 0")["differs"].all() for table in found)
