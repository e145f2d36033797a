import csv
import json

import numpy as np
import pytest

from ssl_behavior.learning_curve.bands import Curve
from ssl_behavior.learning_curve.points import Point, PointTask
from ssl_behavior.learning_curve.report import advice, csv_text, plain_values, resamples_notes, table
from ssl_behavior.learning_curve.variants import Variant

BEHAVIOURS = ("attack", "mount")


def curve_with(spread: float, **scores: dict[int, float]) -> Curve:
    """A curve with these macro F1s by variant and size; ``spread`` is the uncertainty of differences."""
    rng = np.random.default_rng(0)
    by_draw, resampled = {}, {}
    for name, by_size in scores.items():
        for size, score in by_size.items():
            place: tuple[Variant, int] = (name.replace("_", "-"), size)  # type: ignore[assignment]
            by_draw[place] = np.full((2, 3), score)
            resampled[place] = score + rng.normal(0, spread, (1000, 1)) * np.ones(3)
    return Curve(BEHAVIOURS, by_draw, resampled, test_videos=10)


def test_the_table_has_a_row_per_size() -> None:
    lines = table(curve_with(0.001, pretrained={3: 0.6, 10: 0.7}, from_scratch={3: 0.5, 10: 0.65})).splitlines()
    assert lines[0].split("  ")[0] == "videos"
    assert [line.split()[0] for line in lines[1:]] == ["3", "10"]
    assert "0.600 (0.598 to 0.602)" in lines[1]
    assert lines[0].index("from scratch") == lines[1].index("0.500")


@pytest.mark.parametrize(
    ("spread", "last", "verdict"),
    [
        (0.001, 0.70, "gained 0.10 (0.10 to 0.10): more labels still help"),
        (0.1, 0.70, "may be chance, as the interval includes 0"),
        (0.003, 0.601, "more labels of this kind will hardly help"),
        (0.001, 0.50, "changed by -0.10 (-0.10 to -0.10): more labels did not help here"),
    ],
)
def test_the_verdict_on_the_last_gain(spread: float, last: float, verdict: str) -> None:
    sentences = advice(curve_with(spread, pretrained={10: 0.6, 20: last}), 10, 3)
    assert sentences[0].startswith(f"At 20 labelled videos: pretrained {last:.2f}")
    assert sentences[1].startswith("Going from 10 to 20 labelled videos, pretrained ")
    assert verdict in sentences[1]
    assert len(sentences) == 2


def test_a_variant_is_called_better_once_and_only_if_it_is_certain() -> None:
    scores = {
        "pretrained": {3: 0.7, 10: 0.75},
        "from_scratch": {3: 0.6, 10: 0.69},
        "expert_features": {3: 0.8, 10: 0.81},
    }
    text = "\n".join(advice(curve_with(0.001, **scores), 10, 3))
    assert "Pretrained is ahead of from scratch by 0.08 (" in text
    assert "most at 3 videos: 0.10 (" in text
    assert "Pretrained is behind expert features by 0.08 (" in text
    assert "most at 3 videos: 0.10 (" in text.splitlines()[-1]
    text = "\n".join(advice(curve_with(0.2, **scores), 10, 3))
    assert "No difference is shown between pretrained and from scratch" in text
    assert "ahead" not in text


def test_fewer_videos_are_recommended_only_if_it_is_certain() -> None:
    scores = {2: 0.5, 5: 0.695, 10: 0.7, 20: 0.7}
    assert any(
        sentence.startswith("5 videos do almost as well as 20")
        for sentence in advice(curve_with(0.002, pretrained=scores), 9, 3)
    )
    assert not any("almost as well" in sentence for sentence in advice(curve_with(0.05, pretrained=scores), 9, 3))


def test_little_data_is_pointed_out_and_nothing_is_judged() -> None:
    """No variant is called better, however narrow the bands are."""
    curve = curve_with(0.001, pretrained={1: 0.6, 3: 0.7}, from_scratch={1: 0.5, 3: 0.5})
    sentences = advice(curve, 2, 1)
    assert sentences[1] == "Going from 1 to 3 labelled videos, pretrained gained 0.10 (0.10 to 0.10)."
    assert sentences[2].startswith("Pretrained scored above from scratch here, by 0.15 (0.15 to 0.15)")
    assert sentences[3].startswith("Caution: only 2 test videos and a single draw of labelled videos")
    assert len(sentences) == 4
    behind = curve_with(0.001, pretrained={1: 0.5}, from_scratch={1: 0.6})
    assert "From scratch scored above pretrained here, by 0.10 (0.10 to 0.10)." in advice(behind, 2, 1)
    unsure = curve_with(0.2, pretrained={1: 0.6}, from_scratch={1: 0.5})
    assert advice(unsure, 2, 1)[1].startswith("No difference is shown between pretrained and from scratch: 0.10 (-")
    assert "Pretrained is ahead of from scratch" in advice(curve, 5, 2)[2]
    assert not any("Caution" in sentence for sentence in advice(curve, 5, 2))
    assert advice(curve_with(0.001, pretrained={1: 0.6}), 5, 2)[0].startswith("At 1 labelled video: pretrained 0.60")


def test_without_any_interval_nothing_is_claimed() -> None:
    curve = curve_with(0.001, pretrained={1: 0.6, 3: 0.7}, from_scratch={1: 0.5, 3: 0.5})
    bare = Curve(
        BEHAVIOURS, curve.by_draw, {condition: scores[:0] for condition, scores in curve.resampled.items()}, 10, 1000
    )
    sentences = advice(bare, 10, 3)
    assert sentences[1].endswith("pretrained gained 0.10: the uncertainty of this gain is unknown.")
    assert sentences[2].startswith("No difference is shown between pretrained and from scratch: 0.15")
    assert not any("nan" in sentence for sentence in [*sentences, table(bare)])
    assert plain_values(bare)["resamples_left_out"] == 1000
    assert list(resamples_notes(bare)) == [
        "Bands: 1,000 of 1,000 resamples of the test videos lack all true frames of a behaviour and are left out."
    ]
    assert list(resamples_notes(curve)) == []


def test_rows_and_plain_values() -> None:
    curve = curve_with(0.001, pretrained={3: 0.6, 10: 0.7}, from_scratch={3: 0.5, 10: 0.65})
    points = [
        Point(PointTask(variant, size, draw, ("a b", "c")), np.zeros((2, 2, 2), int), 0.5)
        for variant, size in curve.by_draw
        for draw in (0, 1)
    ]
    table = list(csv.DictReader(csv_text(points, curve).splitlines()))
    assert len(table) == 8
    assert table[0] == {
        "size": "3", "draw": "0", "variant": "pretrained", "macro F1": "0.6000", "attack": "0.6000",
        "mount": "0.6000", "minutes": "0.50", "videos": "a b; c",
    }  # fmt: skip
    report = json.loads(json.dumps(plain_values(curve), allow_nan=False))
    assert report == plain_values(curve)
    assert [(point["variant"], point["size"]) for point in report["curve"]][:2] == [
        ("pretrained", 3),
        ("pretrained", 10),
    ]
    assert report["gains"][0]["macro_f1"]["mean"] == pytest.approx(0.1)
    assert report["differences"][0]["over"] == "from scratch"
    assert report["differences"][0]["on_average"]["mean"] == pytest.approx(0.075)
