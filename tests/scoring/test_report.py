import json

import numpy as np
import pytest

from ssl_behavior.scoring import macro_f1
from ssl_behavior.scoring.report import ScoredVideo, score, table

BEHAVIOURS = ("attack", "mount", "other")


def videos(count: int, with_probabilities: bool = True) -> list[ScoredVideo]:
    generator = np.random.default_rng(0)
    found = []
    for i in range(count):
        truth = np.repeat(generator.integers(-1, 3, 40), 10)
        probabilities = generator.dirichlet(np.ones(3), 400) + np.eye(3)[truth]
        probabilities /= probabilities.sum(1, keepdims=True)
        known = probabilities if with_probabilities else None
        found.append(ScoredVideo(f"v{i}", truth, probabilities.argmax(1), known, 30.0))
    return found


def test_the_report_is_the_scores_of_all_frames_together() -> None:
    given = videos(4)
    report = json.loads(json.dumps(score(given, BEHAVIOURS, draws=200), allow_nan=False))
    truth, predicted = (np.concatenate([getattr(one, name) for one in given]) for name in ("truth", "predicted"))
    assert report["macro_f1"] == pytest.approx(macro_f1(truth, predicted, BEHAVIOURS))
    assert report["macro_f1_interval"][0] <= report["macro_f1"] <= report["macro_f1_interval"][1]
    assert report["frames"] == (truth >= 0).sum() == np.sum(report["confusion"])
    assert report["in_the_means"] == ["attack", "mount"]
    assert report["macro_f1"] == pytest.approx(np.mean([report["classes"][name]["f1"] for name in ("attack", "mount")]))
    assert list(report["bout_f1"]) == ["0.1", "0.25", "0.5", "0.75"]
    assert list(report["per_video"]) == ["v0", "v1", "v2", "v3"]


def test_the_table_shows_what_the_report_holds() -> None:
    report = score(videos(3), BEHAVIOURS, draws=100)
    text = table(report)
    assert f"macro F1                {report['macro_f1']:.3f}   95 % interval" in text
    for name in BEHAVIOURS:
        assert f"{report['classes'][name]['f1']:.3f}" in text
    assert f"{report['confusion'][2][2]:,}" in text


def test_without_probabilities_and_with_one_video() -> None:
    report = score(videos(1, with_probabilities=False), BEHAVIOURS)
    assert (
        report["mean_average_precision"] is report["expected_calibration_error"] is report["macro_f1_interval"] is None
    )
    assert "mean average precision  -" in table(report)
