import numpy as np
import pandas as pd
import pytest

from ssl_behavior.cluster_cards.chance import against_chance, frequencies, seconds_by_minute


def test_bouts_are_split_at_minutes() -> None:
    bouts = pd.DataFrame(
        {
            "video": "a",
            "agent": "x",
            "target": "y",
            "cluster": [0, 1, -1],
            "start_s": [0.0, 50.0, 130.0],
            "seconds": [50.0, 80.0, 20.0],
        }
    )
    table = seconds_by_minute(bouts, 2)
    assert table.index.get_level_values("minute").tolist() == [0, 1, 2]
    np.testing.assert_allclose(table[0], [50, 0, 0])
    np.testing.assert_allclose(table[1], [10, 60, 10])
    np.testing.assert_allclose(table["all"], [60, 60, 30])


def test_a_group_that_differs_is_reported() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(["calm", "wild", "wild too"], 40)
    seconds = np.stack([np.where(groups == "calm", 5.0, 20.0) + rng.normal(0, 3, 120), rng.normal(30, 3, 120)], 1)
    table = against_chance(seconds, np.full(120, 60.0), groups, draws=500).set_index(["group", "cluster"])
    assert table.loc[("calm", 0), "differs"]
    assert table.loc[("calm", 0), "share"] == pytest.approx(5 / 60, abs=0.02)
    assert table.loc[("calm", 0), "overall"] == pytest.approx(15 / 60, abs=0.02)
    assert not table.loc[("calm", 1), "differs"]


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
    video = np.repeat(["a", "b"], 20)
    agent = np.tile(["x", "y"], 20)
    seconds = np.where(video == "a", 10.0, 50.0)[:, None]
    table = against_chance(seconds, np.full(40, 60.0), agent, within=video, draws=100)
    assert (table["p"] == 1).all()
    assert against_chance(seconds, np.full(40, 60.0), video, draws=100)["differs"].all()


def minutes(share: dict[tuple[str, str], float]) -> pd.DataFrame:
    """Ten minutes of each (video, agent): a share is cluster 0 and the rest noise."""
    rng, rows = np.random.default_rng(0), []
    for (video, agent), mean in share.items():
        for minute in range(10):
            seconds = 60 * float(np.clip(mean + rng.normal(0, 0.02), 0.01, 0.99))
            rows.append((video, agent, 0, 60.0 * minute, seconds))
            rows.append((video, agent, -1, 60.0 * minute + seconds, 60 - seconds))
    return pd.DataFrame(rows, columns=["video", "agent", "cluster", "start_s", "seconds"]).assign(target="t")


def test_videos_individuals_and_groups_are_compared() -> None:
    share = {
        (f"v{i}", agent): 0.1 + 0.3 * (i >= 6) + 0.2 * (agent == "bold") for i in range(12) for agent in ("bold", "shy")
    }
    groups = {f"v{i}": "treated" if i >= 6 else "control" for i in range(12)}
    table = frequencies(minutes(share), 1, groups).set_index(["of", "group"])
    assert set(table.index.get_level_values("of")) == {"video", "individual", "group"}
    for row, expected in ((("group", "treated"), 0.5), (("individual", "bold"), 0.45), (("video", "v0"), 0.2)):
        assert table.loc[row, "share"] == pytest.approx(expected, abs=0.02)
        assert table.loc[row, "differs"]
    assert set(frequencies(minutes(share), 1)["of"]) == {"video", "individual"}
