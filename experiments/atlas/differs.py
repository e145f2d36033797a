"""False alarms and power of the cards' tests of differences, where animals have moods that last for minutes.

    python -m experiments.atlas.differs    (about 10 minutes on one core)

Each page has 12 videos of 10 minutes with the same two animals; half of the videos are treated. An animal is in one of
two moods, which change at random and last .5, 2, 4 or 10 minutes on average. The mood sets the probabilities of six
clusters, in bouts of three seconds. Equal animals have the same probabilities; where there is a true difference, one
animal is in the first cluster 1.5 times as often, before its probabilities are scaled to a sum of 1.

- "Animals" is the test of the cards: whole animals are exchanged within videos, and whole videos between groups.
- "Minutes" exchanges minutes within videos, between individuals, as the cards once did.
- False alarms are the share of tests with p < .05 among equal animals, in all clusters of one individual and of one
  group of each page. The standard error in brackets is that over pages, because the clusters of a page depend on each
  other. "Pages" is the share of pages on which any difference is listed after correction.
- Power is the share of pages that list the first cluster for the animals, at the true difference.

The script writes differs.md beside this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from ssl_behavior.cluster_cards.chance import LEVEL, against_chance, frequencies
from ssl_behavior.compute.progress import progress

HERE = Path(__file__).parent
MOODS_MIN = (0.5, 2.0, 4.0, 10.0)
VIDEOS, MINUTES, BOUT_S = 12, 10, 3.0
SHARES = np.array([[0.3, 0.2, 0.2, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.2, 0.2, 0.3]])
"""(mood, cluster) share of time."""
CLUSTERS = SHARES.shape[1]
DIFFERENCE = 1.5
GROUPS = {f"v{video}": "treated" if video % 2 else "control" for video in range(VIDEOS)}
_KEYS = ["video", "agent"]


def simulate(mood_min: float, factor: float, seed: int) -> pd.DataFrame:
    """Simulate the clusters of a page.

    Args:
        mood_min: mean duration of a mood in minutes.
        factor: how many times as often animal ``b`` is in the first cluster; 1 for equal animals.
        seed: seed of the page.

    Returns:
        Columns ``video, agent, minute, cluster, seconds``.
    """
    rng = np.random.default_rng(seed)
    steps = round(60 * MINUTES / BOUT_S)
    starts_mood = rng.random((VIDEOS, 2, steps)) < 1 - np.exp(-BOUT_S / (60 * mood_min))
    starts_mood[..., 0] = rng.random((VIDEOS, 2)) < 0.5
    mood = np.cumsum(starts_mood, axis=2) % 2
    shares = np.stack([SHARES, SHARES * np.where(np.arange(CLUSTERS) == 0, factor, 1.0)])  # (animal, mood, cluster)
    limits = np.cumsum(shares / shares.sum(2, keepdims=True), axis=2)[np.arange(2)[:, None], mood]
    cluster = (rng.random(mood.shape)[..., None] > limits[..., :-1]).sum(-1)
    video, agent, step = np.indices(cluster.shape).reshape(3, -1)
    names = {"video": [f"v{one}" for one in video], "agent": np.array(["a", "b"])[agent]}
    table = pd.DataFrame(names | {"minute": (step * BOUT_S // 60).astype(int), "cluster": cluster.ravel()})
    return table.assign(seconds=BOUT_S).groupby([*_KEYS, "minute", "cluster"], as_index=False)["seconds"].sum()


def exchange_minutes(page: pd.DataFrame) -> pd.DataFrame:
    """Test individuals as if minutes were independent; columns as in ``frequencies``."""
    units = page.pivot_table("seconds", [*_KEYS, "minute"], "cluster", "sum", fill_value=0.0).reset_index()
    seconds = units.reindex(columns=range(CLUSTERS), fill_value=0.0).to_numpy()
    tested = against_chance(seconds, seconds.sum(1), units["agent"].to_numpy(str), units["video"].to_numpy(str))
    return tested.assign(of="individual", differs=false_discovery_control(tested["p"].to_numpy()) <= LEVEL)


def exchange_animals(page: pd.DataFrame) -> pd.DataFrame:
    """Test individuals and groups as the cards do."""
    return frequencies(page, CLUSTERS, GROUPS)


def measure(mood_min: float, pages: int, powers: int, minutes: bool) -> dict[str, str]:
    """Measure one test at one duration of moods; returns the cells of its row."""
    test = exchange_minutes if minutes else exchange_animals
    name = f"{'minutes' if minutes else 'animals'}, moods of {mood_min:g} min"
    equal = [test(simulate(mood_min, 1.0, seed)) for seed in progress(range(pages), name, unit="page", leave=False)]
    other = [test(simulate(mood_min, DIFFERENCE, seed)) for seed in range(pages, pages + powers)]
    listed = [bool(table.query("of == 'individual' and cluster == 0")["differs"].any()) for table in other]
    return {
        "exchanged": "minutes" if minutes else "animals",
        "mood (min)": f"{mood_min:g}",
        "individuals": _percent([alarms(table, "individual", "a") for table in equal]),
        "groups": "-" if minutes else _percent([alarms(table, "group", "treated") for table in equal]),
        "pages": _percent([bool(table["differs"].any()) for table in equal]),
        "power": _percent(listed),
    }


def alarms(table: pd.DataFrame, of: str, group: str) -> float:
    """Return the share of clusters with p < .05 in one group."""
    p = table.loc[(table["of"] == of) & (table["group"] == group), "p"]
    return float((p < LEVEL).mean())


def _percent(values: list[float] | list[bool]) -> str:
    rates = 100 * np.asarray(values, float)
    return f"{rates.mean():.1f} ({rates.std(ddof=1) / np.sqrt(len(rates)):.1f})"


def main() -> None:
    """Measure both tests, and write differs.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=300, help="pages of equal animals for each row (300)")
    parser.add_argument("--powers", type=int, default=50, help="pages with a true difference for each row (50)")
    arguments = parser.parse_args()
    rows = [
        measure(mood, arguments.pages, arguments.powers, minutes) for minutes in (True, False) for mood in MOODS_MIN
    ]
    lines = [
        f"Percent (standard error) of {arguments.pages} pages of equal animals; power of {arguments.powers} pages.",
        "",
        "| exchanged | mean mood (min) | individuals, p < .05 | groups, p < .05 | pages with a false alarm | power |",
        "|" + "---|" * len(rows[0]),
        *(f"| {' | '.join(row.values())} |" for row in rows),
    ]
    text = "\n".join(lines) + "\n"
    (HERE / "differs.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
