import numpy as np
import pytest
from scipy.special import softmax

from ssl_behavior.decoding import Decoder, balance, balanced


def test_balance_on_paper() -> None:
    frequencies = np.array([0.01, 0.25, 0.74, 0.0])
    assert balance(frequencies) == pytest.approx((100, 4, 1 / 0.74, 1))
    assert balance(frequencies, 0.5) == pytest.approx((10, 2, 0.74**-0.5, 1))
    assert balance(frequencies, 0.0) == (1, 1, 1, 1)
    # What never occurs gets no weight, and is not made possible by one.
    decided = Decoder(balance(frequencies)).decode(np.array([[0.009, 0.1, 0.8, 0.091], [0.011, 0.1, 0.8, 0.089]]), 30.0)
    assert decided.tolist() == [2, 0]


def test_balance_takes_the_likeliest_where_frequencies_count_nothing() -> None:
    """A behaviour is decided for where its evidence is best, however rare it is."""
    generator = np.random.default_rng(0)
    evidence, frequencies = generator.normal(size=(500, 3)), np.array([0.02, 0.18, 0.8])
    probabilities = softmax(evidence + np.log(frequencies), axis=1)
    np.testing.assert_array_equal(Decoder(balance(frequencies)).decode(probabilities, 30.0), evidence.argmax(1))
    np.testing.assert_array_equal(balanced(probabilities, frequencies).argmax(1), evidence.argmax(1))


def test_balancing_divides_by_the_frequency() -> None:
    probabilities, frequencies = np.array([[0.2, 0.6, 0.2]]), np.array([0.1, 0.6, 0.3])
    np.testing.assert_allclose(balanced(probabilities, frequencies), np.array([[2, 1, 2 / 3]]) / (11 / 3), rtol=1e-6)
    np.testing.assert_allclose(balanced(probabilities, frequencies, 0.0), probabilities, rtol=1e-6)
    assert balanced(probabilities, frequencies, 0.1).argmax() == 1
