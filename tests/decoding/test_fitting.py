import numpy as np
import pytest
from scipy.special import softmax

from ssl_behavior.decoding import Decoder, fit_decoder
from ssl_behavior.decoding.fitting import _BIASES, _confusions, _fit_bias
from ssl_behavior.scoring import confusion, macro_f1

BEHAVIOURS = ("attack", "social", "nonsocial")


def videos(
    count: int, frames: int, rare_bias: float = 0.0, noise_frames: int = 20
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Bouts of 2 s; evidence that is noisy, over some frames, and that may under-rate the first behaviour."""
    generator = np.random.default_rng(0)
    probabilities, labels = [], []
    for _ in range(count):
        truth = np.repeat(generator.choice(3, frames // 60 + 1, p=(0.1, 0.45, 0.45)), 60)[:frames]
        noise = np.repeat(generator.normal(size=(frames // noise_frames + 1, 3)), noise_frames, axis=0)[:frames]
        logits = 2.0 * np.eye(3)[truth] + 1.2 * noise
        logits[:, 0] += rare_bias
        probabilities.append(softmax(logits, axis=1).astype(np.float32))
        labels.append(np.where(np.arange(frames) < 30, -1, truth).astype(np.int16))
    return probabilities, labels


def together(decoder: Decoder, probabilities: list[np.ndarray], labels: list[np.ndarray]) -> float:
    decoded = np.concatenate([decoder.decode(one, 30.0) for one in probabilities])
    return macro_f1(np.concatenate(labels), decoded, BEHAVIOURS)


def test_what_is_chosen_pays_on_videos_it_never_saw() -> None:
    probabilities, labels = videos(8, 6000, rare_bias=-2.0, noise_frames=5)
    decoder = fit_decoder(probabilities[:4], labels[:4], BEHAVIOURS, 30.0)
    assert decoder.log_bias[0] > max(decoder.log_bias[1:])
    assert decoder.smoothing_s > 0 or decoder.transition_rates
    assert together(decoder, probabilities[4:], labels[4:]) > together(Decoder(), probabilities[4:], labels[4:]) + 0.05


def test_perfect_probabilities_and_single_videos_get_the_plain_decoder() -> None:
    _, labels = videos(3, 2000)
    sure = [np.eye(3)[np.maximum(one, 0)] for one in labels]
    assert fit_decoder(sure, labels, BEHAVIOURS, 30.0) == Decoder()
    probabilities, labels = videos(1, 2000, rare_bias=-2.0)
    assert fit_decoder(probabilities, labels, BEHAVIOURS, 30.0) == Decoder()
    unscored = [np.full_like(one, -1) for one in labels]
    assert fit_decoder(probabilities * 3, labels + unscored * 2, BEHAVIOURS, 30.0) == Decoder()


@pytest.mark.parametrize("column", [0, 1, 2])
def test_all_steps_in_one_pass_equal_each_step_alone(column: int) -> None:
    generator = np.random.default_rng(column)
    scores, labels = generator.normal(size=(2000, 3)), generator.integers(0, 3, 2000)
    added = generator.permutation(_BIASES)
    found = _confusions(scores, labels, column, added)
    for step, value in enumerate(added):
        shifted = scores.copy()
        shifted[:, column] += value
        np.testing.assert_array_equal(found[step], confusion(labels, shifted.argmax(1), 3))


def test_the_bias_search_finds_a_known_shift() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 30_000)
    scores = np.log(softmax(1.5 * np.eye(3)[labels] + generator.normal(size=(30_000, 3)), axis=1))
    scores[:, 1] -= 1.5
    bias = _fit_bias(scores, labels, BEHAVIOURS)
    assert bias[1] - (bias[0] + bias[2]) / 2 == pytest.approx(1.5, abs=0.3)


def test_labels_that_flicker_are_smoothed_though_frames_hardly_gain() -> None:
    _, labels = videos(6, 4000)
    generator = np.random.default_rng(1)
    probabilities = []
    for one in labels:
        sure = 0.8 * np.eye(3)[np.maximum(one, 0)] + 0.2 / 3
        flicker = generator.random(len(one)) < 0.01
        sure[flicker] = sure[flicker][:, [1, 2, 0]]
        probabilities.append(sure)
    decoder = fit_decoder(probabilities, labels, BEHAVIOURS, 30.0)
    assert decoder.smoothing_s > 0 or decoder.transition_rates
    assert together(Decoder(), probabilities, labels) > 0.98
