import numpy as np
import pytest
import yaml

from ssl_behavior.decoding import Decoder, fit_transition_rates
from ssl_behavior.errors import InputError


def noisy(frames: int = 300) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(3), frames)


def test_the_plain_decoder_takes_the_most_probable() -> None:
    np.testing.assert_array_equal(Decoder().decode(noisy(), 30.0), noisy().argmax(1))


def test_a_weight_moves_the_threshold() -> None:
    probabilities = np.array([[0.7, 0.3], [0.6, 0.4], [0.1, 0.9]])
    assert Decoder(behaviour_weights=(1.0, 2.0)).decode(probabilities, 30.0).tolist() == [0, 1, 1]


def test_smoothing_is_in_seconds_and_outvotes_one_certain_frame() -> None:
    probabilities = np.tile([0.7, 0.3], (61, 1))
    probabilities[30] = [1e-9, 1.0]
    assert Decoder(smoothing_s=0.1).decode(probabilities, 30.0).tolist() == [0] * 61
    # At 1 Hz a tenth of a second is nothing.
    assert Decoder(smoothing_s=0.1).decode(probabilities, 1.0).tolist() == probabilities.argmax(1).tolist()


def test_a_larger_transition_weight_gives_fewer_changes() -> None:
    rates = ((0.0, 0.5, 0.5),) * 3
    changes = [
        int((np.diff(Decoder(transition_rates=rates, transition_weight=weight).decode(noisy(), 30.0)) != 0).sum())
        for weight in (0.1, 1.0, 10.0)
    ]
    assert changes[0] > changes[1] > changes[2]


def test_rates_are_changes_per_second() -> None:
    labels = np.tile(np.repeat([0, 1], [100, 50]), 400)
    rates = fit_transition_rates([labels], 2, frame_rate=50.0)
    np.testing.assert_allclose(rates, [[0, 0.5], [1.0, 0]], rtol=0.01)
    assert (fit_transition_rates([np.array([0, -1, 1])], 3, 50.0) >= 0).all()


def test_saved_as_yaml_and_read_is_equal() -> None:
    decoder = Decoder((0.25, 1 / 3), 0.1, ((0.0, 0.123456789), (1 / 3, 0.0)), 4.0)
    assert Decoder.from_dict(yaml.safe_load(yaml.safe_dump(decoder.to_dict()))) == decoder
    assert Decoder.from_dict(Decoder().to_dict()) == Decoder()
    with pytest.raises(InputError, match=r"settings of a decoder.*colour"):
        Decoder.from_dict({"behaviour_weights": [], "transition_rates": [], "colour": 1})
    with pytest.raises(InputError, match="must be above 0"):
        Decoder.from_dict(Decoder((1.0, 0.0)).to_dict())


def test_another_number_of_behaviours_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2 behaviours.*found 3"):
        Decoder(behaviour_weights=(1.0, 2.0)).decode(noisy(), 30.0)
