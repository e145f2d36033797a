"""False alarms and power of the cards' tests of differences, where animals have moods that last for minutes.

    python -m experiments.atlas.differs    (five minutes on one busy core)

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

from ssl_behavior.cluster_cards.chance import LEVEL, against_chance
from ssl_behavior.compute.progress import progress

HERE = Path(__file__).parent
MOODS_MIN = (0.5, 2.0, 4.0, 10.0)
VIDEOS, MINUTES, BOUT_S = 12, 10, 3.0
SHARES = np.array([[0.3, 0.2, 0.2, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.2, 0.2, 0.3]])
"""(mood, cluster) share of time."""
CLUSTERS = SHARES.shape[1]
DIFFERENCE = 1.5
GROUPS = {f"v{video}": "treated" if video % 2 else "control" for video in range(VIDEOS)}


def simulate(mood_min: float, factor: float, seed: int) -> np.ndarray:
    """Simulate the clusters of a page.

    Args:
        mood_min: mean duration of a mood in minutes.
        factor: how many times as often the second animal is in the first cluster; 1 for equal animals.
        seed: seed of the page.

    Returns:
        (video, animal, minute, cluster) seconds.
    """
    rng = np.random.default_rng(seed)
    steps = round(60 * MINUTES / BOUT_S)
    changes = rng.random((VIDEOS, 2, steps)) < 1 - np.exp(-BOUT_S / (60 * mood_min))
    changes[..., 0] = rng.random((VIDEOS, 2)) < 0.5
    mood = np.cumsum(changes, axis=2) % 2
    shares = np.stack([SHARES, SHARES * np.where(np.arange(CLUSTERS) == 0, factor, 1.0)])  # (animal, mood, cluster)
    limits = np.cumsum(shares / shares.sum(2, keepdims=True), axis=2)[np.arange(2)[:, None], mood]
    cluster = (rng.random(mood.shape)[..., None] > limits[..., :-1]).sum(-1)
    is_in = cluster[..., None] == np.arange(CLUSTERS)
    return BOUT_S * is_in.reshape(VIDEOS, 2, MINUTES, -1, CLUSTERS).sum(3)


def exchange_minutes(page: np.ndarray) -> pd.DataFrame:
    """Test individuals as if minutes were independent; columns as in ``frequencies``."""
    return _corrected(_individuals(page.reshape(VIDEOS, -1, CLUSTERS), MINUTES))


def exchange_animals(page: np.ndarray) -> pd.DataFrame:
    """Test individuals and groups as ``frequencies`` does, without its bouts."""
    videos = page.sum((1, 2))
    groups = against_chance(videos, videos.sum(1), list(GROUPS.values())).assign(of="group")
    return _corrected(pd.concat([_individuals(page.sum(2), 1), groups]))


def _individuals(units: np.ndarray, per_animal: int) -> pd.DataFrame:
    """Exchange (video, unit, cluster) units between the animals of a video."""
    seconds = units.reshape(-1, CLUSTERS)
    agents, within = np.tile(np.repeat(["a", "b"], per_animal), VIDEOS), np.repeat(list(GROUPS), 2 * per_animal)
    return against_chance(seconds, seconds.sum(1), agents, within).assign(of="individual")


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    q = false_discovery_control(table["p"].to_numpy())
    return table.assign(q=q, differs=q <= LEVEL)


def measure(mood_min: float, pages: int, powers: int, minutes: bool) -> dict[str, str]:
    """Measure one test at one duration of moods; returns the cells of its row."""
    test = exchange_minutes if minutes else exchange_animals
    name = f"{'minutes' if minutes else 'animals'}, moods of {mood_min:g} min"
    pages = pages // 4 if minutes else pages
    equal = [test(simulate(mood_min, 1.0, seed)) for seed in progress(range(pages), name, unit="page", leave=False)]
    other = [test(simulate(mood_min, DIFFERENCE, seed)) for seed in range(pages, pages + powers)]
    listed = [bool(table[(table["of"] == "individual") & (table["cluster"] == 0)]["differs"].any()) for table in other]
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
    parser.add_argument("--pages", type=int, default=1000, help="pages of equal animals (1000); a quarter for minutes")
    parser.add_argument("--powers", type=int, default=200, help="pages with a true difference for each row (200)")
    arguments = parser.parse_args()
    rows = [
        measure(mood, arguments.pages, arguments.powers, minutes) for minutes in (True, False) for mood in MOODS_MIN
    ]
    lines = [
        f"Percent (standard error) of {arguments.pages} pages of equal animals ({arguments.pages // 4} with minutes "
        f"exchanged), and of {arguments.powers} pages with a difference.",
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
