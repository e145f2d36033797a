import numpy as np
import pytest
from scipy.special import softmax

from ssl_behavior.decoding import Decoder, balancing_weights, rebalance


def test_balance_on_paper() -> None:
    frequencies = np.array([0.01, 0.25, 0.74, 0.0])
    assert balancing_weights(frequencies) == pytest.approx((100, 4, 1 / 0.74, 1))
    assert balancing_weights(frequencies, 0.5) == pytest.approx((10, 2, 0.74**-0.5, 1))
    assert balancing_weights(frequencies, 0.0) == (1, 1, 1, 1)
    # A behaviour that never occurs gets the weight 1, which does not make it more probable.
    decided = Decoder(balancing_weights(frequencies)).decode(
        np.array([[0.009, 0.1, 0.8, 0.091], [0.011, 0.1, 0.8, 0.089]]), 30.0
    )
    assert decided.tolist() == [2, 0]


def test_the_balanced_decision_follows_the_evidence_alone() -> None:
    """Each frame gets the behaviour with the best evidence, however rare it is."""
    generator = np.random.default_rng(0)
    evidence, frequencies = generator.normal(size=(500, 3)), np.array([0.02, 0.18, 0.8])
    probabilities = softmax(evidence + np.log(frequencies), axis=1)
    np.testing.assert_array_equal(
        Decoder(balancing_weights(frequencies)).decode(probabilities, 30.0), evidence.argmax(1)
    )
    np.testing.assert_array_equal(rebalance(probabilities, frequencies).argmax(1), evidence.argmax(1))


def test_balancing_divides_by_the_frequency() -> None:
    probabilities, frequencies = np.array([[0.2, 0.6, 0.2]]), np.array([0.1, 0.6, 0.3])
    np.testing.assert_allclose(rebalance(probabilities, frequencies), np.array([[2, 1, 2 / 3]]) / (11 / 3), rtol=1e-6)
    np.testing.assert_allclose(rebalance(probabilities, frequencies, 0.0), probabilities, rtol=1e-6)
    assert rebalance(probabilities, frequencies, 0.1).argmax() == 1
