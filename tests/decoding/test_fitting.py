import numpy as np
import pytest
from scipy.special import softmax

from ssl_behavior.decoding import Decoder, balancing_weights, default_decoder, fit_decoder
from ssl_behavior.scoring import macro_f1

BEHAVIOURS = ("attack", "social", "nonsocial")


def videos(
    count: int, frames: int, rare_bias: float = 0.0, noise_frames: int = 20
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Bouts of 2 s, with noisy evidence that may underrate the first behaviour."""
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


def shares(labels: list[np.ndarray]) -> np.ndarray:
    every = np.concatenate(labels)
    return np.bincount(every[every >= 0], minlength=3) / (every >= 0).sum()


def test_the_chosen_decoder_is_better_on_new_videos() -> None:
    probabilities, labels = videos(8, 6000, rare_bias=-2.0, noise_frames=5)
    frequencies = shares(labels[:4])
    decoder = fit_decoder(probabilities[:4], labels[:4], BEHAVIOURS, 30.0, frequencies)
    assert decoder.behaviour_weights == balancing_weights(frequencies)
    assert decoder.smoothing_s > 0 or decoder.transition_rates
    chosen, balanced_only, plain = (
        together(one, probabilities[4:], labels[4:])
        for one in (decoder, Decoder(balancing_weights(frequencies)), Decoder())
    )
    assert chosen > balanced_only + 0.05
    assert balanced_only > plain + 0.05


def test_smoothing_is_dropped_where_bouts_are_short() -> None:
    """Bouts of a tenth of a second would be smoothed away."""
    generator = np.random.default_rng(0)
    labels = [np.repeat(generator.choice(3, 1000), 3).astype(np.int16) for _ in range(10)]
    sure, frequencies = [0.8 * np.eye(3)[one] + 0.2 / 3 for one in labels], shares(labels)
    decoder = fit_decoder(sure, labels, BEHAVIOURS, 30.0, frequencies)
    assert decoder.smoothing_s == 0
    assert together(decoder, sure, labels) == 1


@pytest.mark.parametrize(("rare_bias", "power"), [(-1.5, 1.0), (1.0, 0.0)])
def test_balance_is_chosen_only_if_rare_behaviours_are_underrated(rare_bias: float, power: float) -> None:
    """Behaviours that are overrated already get no further weight."""
    probabilities, labels = videos(8, 6000, rare_bias)
    frequencies = shares(labels)
    assert fit_decoder(probabilities, labels, BEHAVIOURS, 30.0, frequencies).behaviour_weights == balancing_weights(
        frequencies, power
    )


def test_perfect_probabilities_are_not_smoothed() -> None:
    _, labels = videos(3, 2000)
    sure, frequencies = [np.eye(3)[np.maximum(one, 0)] for one in labels], shares(labels)
    assert fit_decoder(sure, labels, BEHAVIOURS, 30.0, frequencies) == Decoder(balancing_weights(frequencies))


def test_a_single_video_gets_the_default_decoder() -> None:
    probabilities, labels = videos(1, 2000, rare_bias=-2.0)
    frequencies = shares(labels)
    default = default_decoder(frequencies)
    assert fit_decoder(probabilities, labels, BEHAVIOURS, 30.0, frequencies) == default
    unscored = [np.full_like(one, -1) for one in labels]
    assert fit_decoder(probabilities * 3, labels + unscored * 2, BEHAVIOURS, 30.0, frequencies) == default


def test_a_behaviour_that_never_occurs_gets_no_weight() -> None:
    probabilities, labels = videos(4, 3000)
    without = [np.where(one == 0, 1, one) for one in labels]
    decoder = fit_decoder(probabilities, without, BEHAVIOURS, 30.0, shares(without))
    assert decoder.behaviour_weights[0] == 1
    assert np.isfinite(decoder.behaviour_weights).all()


def test_flickering_labels_are_smoothed_though_frames_hardly_gain() -> None:
    _, labels = videos(6, 4000)
    generator, frequencies = np.random.default_rng(1), shares(labels)
    probabilities = []
    for one in labels:
        sure = 0.8 * np.eye(3)[np.maximum(one, 0)] + 0.2 / 3
        flicker = generator.random(len(one)) < 0.01
        sure[flicker] = sure[flicker][:, [1, 2, 0]]
        probabilities.append(sure)
    decoder = fit_decoder(probabilities, labels, BEHAVIOURS, 30.0, frequencies)
    assert decoder.smoothing_s > 0 or decoder.transition_rates
    assert together(Decoder(balancing_weights(frequencies)), probabilities, labels) > 0.97
