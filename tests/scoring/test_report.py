import json
from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.scoring import macro_f1
from ssl_behavior.scoring.report import ScoredVideo, score
from ssl_behavior.scoring.report_table import format_report

BEHAVIOURS = ("attack", "mount", "other")


def videos(count: int, with_probabilities: bool = True) -> list[ScoredVideo]:
    generator = np.random.default_rng(0)
    scored = []
    for i in range(count):
        truth = np.repeat(generator.integers(-1, 3, 40), 10)
        probabilities = generator.dirichlet(np.ones(3), 400) + np.eye(3)[truth]
        probabilities /= probabilities.sum(1, keepdims=True)
        shown = probabilities if with_probabilities else None
        scored.append(ScoredVideo(f"v{i}", truth, probabilities.argmax(1), shown, 30.0))
    return scored


def test_the_report_has_the_scores_of_all_frames_together() -> None:
    scored = videos(5)
    report = json.loads(json.dumps(score(scored, BEHAVIOURS, draws=200), allow_nan=False))
    truth, predicted = (np.concatenate([getattr(video, name) for video in scored]) for name in ("truth", "predicted"))
    assert report["macro_f1"] == pytest.approx(macro_f1(truth, predicted, BEHAVIOURS))
    assert report["macro_f1_interval"][0] <= report["macro_f1"] <= report["macro_f1_interval"][1]
    assert report["frames"] == (truth >= 0).sum() == np.sum(report["confusion"])
    assert report["in_the_means"] == ["attack", "mount"]
    assert report["macro_f1"] == pytest.approx(np.mean([report["classes"][name]["f1"] for name in ("attack", "mount")]))
    assert list(report["bout_f1"]) == ["0.1", "0.25", "0.5", "0.75"]
    assert list(report["per_video"]) == ["v0", "v1", "v2", "v3", "v4"]


def test_the_table_shows_the_values_of_the_report() -> None:
    report = score(videos(5), BEHAVIOURS, draws=100)
    text = format_report(report)
    assert f"macro F1                {report['macro_f1']:.3f}   95 % interval" in text
    for name in BEHAVIOURS:
        assert f"{report['classes'][name]['f1']:.3f}" in text
    assert f"{report['confusion'][2][2]:,}" in text


def test_without_probabilities_or_several_videos_some_scores_are_missing() -> None:
    report = score(videos(1, with_probabilities=False), BEHAVIOURS)
    assert (
        report["mean_average_precision"] is report["expected_calibration_error"] is report["macro_f1_interval"] is None
    )
    assert "mean average precision  -" in format_report(report)


@pytest.mark.parametrize("count", [1, 2])
def test_few_videos_give_no_interval_and_the_table_says_so(count: int) -> None:
    unscored = ScoredVideo("unscored", np.full(9, -1), np.zeros(9, int), None, 30.0)
    report = score([*videos(count, with_probabilities=False), unscored], BEHAVIOURS)
    assert (
        report["macro_f1_interval"] is report["bout_f1_interval"] is report["classes"]["mount"]["f1_interval"] is None
    )
    assert report["resamples"] == report["resamples_left_out"] == 0
    text = format_report(report)
    assert "no intervals: they need at least 3 videos" in text
    assert "95 % interval " not in text.partition("behaviour")[0]
    assert "no intervals" not in format_report(score(videos(count), BEHAVIOURS, draws=0))


def test_intervals_of_a_cross_validation_allow_for_the_labels_that_its_models_lacked() -> None:
    generator, noisy = np.random.default_rng(0), []
    for video in videos(10):
        bouts = generator.random(40).repeat(10) < generator.uniform(0.2, 0.6)
        noisy.append(
            replace(video, predicted=np.where(bouts, generator.integers(0, 3, 40).repeat(10), video.predicted))
        )
    plain, of_folds = (score(noisy, BEHAVIOURS, training_share=share) for share in (1.0, 2 / 3))
    assert of_folds["macro_f1"] == plain["macro_f1"]
    for (low, high), (same, higher) in (
        (plain["macro_f1_interval"], of_folds["macro_f1_interval"]),
        (plain["bout_f1_interval"]["0.5"], of_folds["bout_f1_interval"]["0.5"]),
        (plain["classes"]["mount"]["f1_interval"], of_folds["classes"]["mount"]["f1_interval"]),
    ):
        assert same == low < high < higher < 1


def scored_video(truth: list[int], predicted: list[int], rate: float = 30.0) -> ScoredVideo:
    return ScoredVideo(f"v{rate}", np.array(truth), np.array(predicted), None, rate)


def test_a_behaviour_without_true_frames_counts_only_where_it_is_predicted() -> None:
    report = score(
        [scored_video([0, 0, -1], [0, 1, 1]), *[scored_video([0, 0], [0, 0], 25.0 - i) for i in range(4)]],
        ("attack", "mount", "sniff"),
    )
    assert report["without_true_frames"] == ["mount", "sniff"]
    assert report["in_the_means"] == ["attack", "mount"]
    assert report["macro_f1"] == pytest.approx(2 * 9 / (10 + 9) / 2)
    # The mean of every resample is over both, as the mean itself is.
    assert report["macro_f1_interval"][1] < 0.6
    text = format_report(report)
    assert "5 videos, 10 scored frames at 22 to 30 Hz; means over attack, mount" in text
    assert "no true frames of mount; predicted all the same: its F1 is 0 and counts in the mean" in text
    assert "no true frames of sniff; not in the mean" in text
    assert "1 video, 1 scored frame at 30 Hz;" in format_report(score([scored_video([0], [0])], ("attack", "mount")))


def test_the_number_of_resamples_left_out_is_reported() -> None:
    report = score(
        [scored_video([0, 1], [0, 1], 10.0 + i) if not i else scored_video([0, 0], [0, 0], 10.0 + i) for i in range(5)],
        ("a", "b"),
    )
    assert report["resamples"] == 1000
    assert report["resamples_left_out"] == pytest.approx(1000 * (4 / 5) ** 5, abs=50)
    assert f"{report['resamples_left_out']} of 1,000 resamples of the videos lack all true frames" in format_report(
        report
    )
    assert report["macro_f1_interval"] == [1, 1]
