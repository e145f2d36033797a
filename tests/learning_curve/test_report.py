import csv
import json

import numpy as np
import pytest

from ssl_behavior.learning_curve.bands import Curve
from ssl_behavior.learning_curve.fitting import Variant
from ssl_behavior.learning_curve.points import Point, Task
from ssl_behavior.learning_curve.report import about_resamples, advice, plain, rows, table

BEHAVIOURS = ("attack", "mount")


def made(spread: float, **scores: dict[int, float]) -> Curve:
    """A curve with these macro F1s by variant and size; differences between sizes and variants spread as told."""
    rng = np.random.default_rng(0)
    by_draw, resampled = {}, {}
    for name, by_size in scores.items():
        for size, score in by_size.items():
            place: tuple[Variant, int] = (name.replace("_", "-"), size)  # type: ignore[assignment]
            by_draw[place] = np.full((2, 3), score)
            resampled[place] = score + rng.normal(0, spread, (1000, 1)) * np.ones(3)
    return Curve(BEHAVIOURS, by_draw, resampled)


def test_the_table_has_a_row_per_size() -> None:
    lines = table(made(0.001, pretrained={3: 0.6, 10: 0.7}, from_scratch={3: 0.5, 10: 0.65})).splitlines()
    assert lines[0].split("  ")[0] == "videos"
    assert [line.split()[0] for line in lines[1:]] == ["3", "10"]
    assert "0.600 (0.598 to 0.602)" in lines[1]
    assert lines[0].index("from scratch") == lines[1].index("0.500")


@pytest.mark.parametrize(
    ("spread", "last", "verdict"),
    [
        (0.001, 0.70, "gained 0.10 (0.10 to 0.10): more labels still help"),
        (0.1, 0.70, "may be chance, as the interval holds 0"),
        (0.003, 0.601, "more labels of this kind will hardly help"),
        (0.001, 0.50, "changed by -0.10 (-0.10 to -0.10): more labels did not help here"),
    ],
)
def test_what_the_last_step_gained(spread: float, last: float, verdict: str) -> None:
    told = advice(made(spread, pretrained={10: 0.6, 20: last}), 10, 3)
    assert told[0].startswith(f"At 20 labelled videos: pretrained {last:.2f}")
    assert told[1].startswith("Going from 10 to 20 labelled videos, pretrained ")
    assert verdict in told[1]
    assert len(told) == 2


def test_who_is_ahead_is_said_once_and_only_if_it_is_sure() -> None:
    scores = {
        "pretrained": {3: 0.7, 10: 0.75},
        "from_scratch": {3: 0.6, 10: 0.69},
        "expert_features": {3: 0.8, 10: 0.81},
    }
    told = "\n".join(advice(made(0.001, **scores), 10, 3))
    assert "Pretrained is ahead of from scratch by 0.08 (" in told
    assert "most at 3 videos: 0.10 (" in told
    assert "Pretrained is behind expert features by 0.08 (" in told
    assert "most at 3 videos: 0.10 (" in told.splitlines()[-1]
    told = "\n".join(advice(made(0.2, **scores), 10, 3))
    assert "No difference is shown between pretrained and from scratch" in told
    assert "ahead" not in told


def test_enough_is_said_only_where_it_is_sure() -> None:
    scores = {2: 0.5, 5: 0.695, 10: 0.7, 20: 0.7}
    assert any(
        one.startswith("5 videos do almost as well as 20") for one in advice(made(0.002, pretrained=scores), 9, 3)
    )
    assert not any("almost as well" in one for one in advice(made(0.05, pretrained=scores), 9, 3))


def test_little_to_go_by_is_said() -> None:
    """And no variant is called better for it, however narrow the bands are; what was seen is told as it is."""
    found = made(0.001, pretrained={1: 0.6, 3: 0.7}, from_scratch={1: 0.5, 3: 0.5})
    told = advice(found, 2, 1)
    assert told[1] == "Going from 1 to 3 labelled videos, pretrained gained 0.10 (0.10 to 0.10)."
    assert told[2].startswith("Pretrained scored above from scratch here, by 0.15 (0.15 to 0.15)")
    assert told[3].startswith("Caution: only 2 videos tested on and one draw of labelled videos")
    assert len(told) == 4
    behind = made(0.001, pretrained={1: 0.5}, from_scratch={1: 0.6})
    assert "From scratch scored above pretrained here, by 0.10 (0.10 to 0.10)." in advice(behind, 2, 1)
    unsure = made(0.2, pretrained={1: 0.6}, from_scratch={1: 0.5})
    assert advice(unsure, 2, 1)[1].startswith("No difference is shown between pretrained and from scratch: 0.10 (-")
    assert "Pretrained is ahead of from scratch" in advice(found, 5, 2)[2]
    assert not any("Caution" in one for one in advice(found, 5, 2))
    assert advice(made(0.001, pretrained={1: 0.6}), 5, 2)[0].startswith("At 1 labelled video: pretrained 0.60")


def test_without_any_interval_nothing_is_claimed() -> None:
    found = made(0.001, pretrained={1: 0.6, 3: 0.7}, from_scratch={1: 0.5, 3: 0.5})
    bare = Curve(BEHAVIOURS, found.by_draw, {place: scores[:0] for place, scores in found.resampled.items()}, 1000)
    told = advice(bare, 10, 3)
    assert told[1].endswith("pretrained gained 0.10: how sure that is cannot be told.")
    assert told[2].startswith("No difference is shown between pretrained and from scratch: 0.15")
    assert not any("nan" in one for one in [*told, table(bare)])
    assert plain(bare)["resamples_left_out"] == 1000
    assert list(about_resamples(bare)) == [
        "Bands: 1,000 of 1,000 resamples of the test videos lack all true frames of a behaviour and are left out."
    ]
    assert list(about_resamples(found)) == []


def test_rows_and_plain_values() -> None:
    found = made(0.001, pretrained={3: 0.6, 10: 0.7}, from_scratch={3: 0.5, 10: 0.65})
    points = [
        Point(Task(variant, size, draw, ("a b", "c")), np.zeros((2, 2, 2), int), 0.5)
        for variant, size in found.by_draw
        for draw in (0, 1)
    ]
    table = list(csv.DictReader(rows(points, found).splitlines()))
    assert len(table) == 8
    assert table[0] == {
        "size": "3", "draw": "0", "variant": "pretrained", "macro F1": "0.6000", "attack": "0.6000",
        "mount": "0.6000", "minutes": "0.50", "videos": "a b; c",
    }  # fmt: skip
    report = json.loads(json.dumps(plain(found), allow_nan=False))
    assert report == plain(found)
    assert [(one["variant"], one["size"]) for one in report["curve"]][:2] == [("pretrained", 3), ("pretrained", 10)]
    assert report["gains"][0]["macro_f1"]["mean"] == pytest.approx(0.1)
    assert report["differences"][0]["over"] == "from scratch"
    assert report["differences"][0]["on_average"]["mean"] == pytest.approx(0.075)
