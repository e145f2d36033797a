import numpy as np
import pytest

from ssl_behavior.scoring import calibrate, expected_calibration_error, fit_temperature


def logits_and_labels(temperature: float, frames: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are ``temperature`` times too large, and labels drawn from their calibrated probabilities."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 1.5, (frames, 3))
    labels = (calibrate(logits, 1.0).cumsum(1) < generator.random((frames, 1))).sum(1)
    return logits * temperature, np.minimum(labels, 2)


def test_the_calibration_error_agrees_with_paper() -> None:
    # Confidences of .9 (right, wrong) and .6 (right): |1 - 1.8| and |1 - .6| over three frames.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.5, 0.5]])
    assert expected_calibration_error(np.array([0, 1, 0, -1]), probabilities) == pytest.approx((0.8 + 0.4) / 3)
    assert np.isnan(expected_calibration_error(np.array([-1]), probabilities[:1]))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_fitted_temperature_calibrates(temperature: float) -> None:
    logits, labels = logits_and_labels(temperature)
    fitted = fit_temperature(logits, labels)
    assert fitted == pytest.approx(temperature, rel=0.05)
    assert expected_calibration_error(labels, calibrate(logits, fitted)) < 0.02
    if temperature != 1:
        assert expected_calibration_error(labels, calibrate(logits, 1.0)) > 0.05


def test_unscored_frames_do_not_count() -> None:
    logits, labels = logits_and_labels(2.0, 2000)
    hidden = np.where(np.arange(2000) % 2, labels, -1)
    assert fit_temperature(logits, hidden) == fit_temperature(logits[1::2], labels[1::2])
    assert fit_temperature(logits, np.full(2000, -1)) == 1.0


def test_calibrated_probabilities_sum_to_one_and_keep_the_order() -> None:
    logits, _ = logits_and_labels(1.0, 100)
    values = calibrate(logits, 3.0)
    np.testing.assert_allclose(values.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(values.argmax(1), logits.argmax(1))


def test_probabilities_weighted_by_frequencies_agree_with_paper() -> None:
    no_evidence = np.zeros((1, 3))
    np.testing.assert_allclose(calibrate(no_evidence, 2.0, np.array([0.1, 0.3, 0.6])), [[0.1, 0.3, 0.6]], rtol=1e-6)
    # The evidence for the first is four to one; a temperature of 2 takes its square root.
    logits = np.log([[0.8, 0.2]])
    np.testing.assert_allclose(calibrate(logits, 2.0, np.array([0.25, 0.75])), [[0.4, 0.6]], rtol=1e-6)
    # A class that never occurs is nearly impossible, and divides nothing by zero.
    probabilities = calibrate(no_evidence, 1.0, np.array([0.5, 0.5, 0.0]))
    np.testing.assert_allclose(probabilities, [[0.5, 0.5, 1e-6]], rtol=1e-5)


def test_equal_frequencies_change_nothing() -> None:
    logits, labels = logits_and_labels(1.5, 2000)
    equal = np.full(3, 1 / 3)
    np.testing.assert_allclose(calibrate(logits, 2.0, equal), calibrate(logits, 2.0), rtol=1e-5)
    assert fit_temperature(logits, labels, equal) == pytest.approx(fit_temperature(logits, labels), rel=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_temperature_is_fitted_apart_from_the_frequencies(temperature: float) -> None:
    """The frequencies of the labels differ, and the logits are those of equally frequent behaviours."""
    generator = np.random.default_rng(0)
    shares = np.array([0.05, 0.25, 0.7])
    labels = generator.choice(3, 40_000, p=shares)
    # Positions with unit noise around the corners of a triangle have logits that are linear in the position.
    positions = np.eye(3)[labels] * 1.5 + generator.normal(size=(40_000, 3))
    evidence = 1.5 * positions
    fitted = fit_temperature(evidence * temperature, labels, shares)
    assert fitted == pytest.approx(temperature, rel=0.05)
    probabilities = calibrate(evidence * temperature, fitted, shares)
    assert expected_calibration_error(labels, probabilities) < 0.02
    np.testing.assert_allclose(probabilities.mean(0), shares, atol=0.01)
    assert np.abs(calibrate(evidence * temperature, fitted).mean(0) - shares).max() > 0.05
