"""What cross-validation chooses, and what it leaves alone with few videos."""

import numpy as np
import pytest

from ssl_behavior.decoding import default_decoder
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.scoring.calibration import fit_temperature
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.cross_validation import fit_calibrated_decoder

BEHAVIOURS, RATE = ("attack", "mount", "other"), 15.0


@pytest.fixture(scope="module")
def videos() -> list[LabelledPoses]:
    """Twelve videos of one minute; their labels are drawn at random in bouts of two seconds."""
    poses = [prepare(one, ("nose", "tail base"), Preparation()) for one in simulate_recordings(12, 0, frames=1800)]
    rng = np.random.default_rng(0)
    labels = [np.repeat(rng.choice(3, 30, p=(0.1, 0.3, 0.6)), 30).astype(np.int16) for _ in poses]
    return [LabelledPoses(one, values, ((0, 1),)) for one, values in zip(poses, labels, strict=True)]


def logits_of(videos: list[LabelledPoses], confidence: float) -> list[np.ndarray]:
    """Logits that are right in most frames and flicker, and are surer than they should be if confidence is above 1."""
    rng = np.random.default_rng(1)
    return [
        (confidence * (2 * np.eye(3)[video.labels] + rng.normal(0, 1, (len(video.labels), 3)))).astype(np.float32)
        for video in videos
    ]


def test_with_few_videos_the_decoder_is_the_default_one_whatever_they_show(videos: list[LabelledPoses]) -> None:
    for count in (2, 3, 9):
        for confidence in (0.5, 4.0):
            few = videos[:count]
            chosen, _ = fit_calibrated_decoder(logits_of(few, confidence), few, BEHAVIOURS, RATE)
            assert chosen.decoder == default_decoder(frequencies(few, 3))
    # From ten on it is chosen: such frames, each a guess of its own, ask for another smoothing.
    many, _ = fit_calibrated_decoder(logits_of(videos[:10], 1.0), videos[:10], BEHAVIOURS, RATE)
    assert many.decoder != default_decoder(frequencies(videos[:10], 3))


@pytest.mark.parametrize(("count", "weight"), [(3, 0.5), (9, 0.75), (12, 0.8)])
def test_the_temperature_is_shrunk_by_the_weight_of_three_videos(
    count: int, weight: float, videos: list[LabelledPoses]
) -> None:
    some = videos[:count]
    logits, truth = logits_of(some, 4.0), np.concatenate([video.labels for video in some])
    best = fit_temperature(np.concatenate(logits), truth, frequencies(some, 3))
    assert best > 1.5
    chosen, _ = fit_calibrated_decoder(logits, some, BEHAVIOURS, RATE)
    assert np.log(chosen.temperature) == pytest.approx(weight * np.log(best))
