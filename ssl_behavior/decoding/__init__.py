"""From probabilities to labels: calibration, class weights, smoothing in time, the most probable path."""

from ssl_behavior.decoding.action_fitting import DecodedUnit, count_unit, default_action_decoder, fit_action_decoder
from ssl_behavior.decoding.action_rules import ActionDecoder
from ssl_behavior.decoding.balance import balancing_weights, rebalance
from ssl_behavior.decoding.calibrated import CalibratedDecoder
from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.decoding.fitting import default_decoder, fit_decoder, fit_transition_rates

__all__ = [
    "ActionDecoder",
    "DecodedUnit",
    "count_unit",
    "default_action_decoder",
    "fit_action_decoder",
    "Decoder",
    "CalibratedDecoder",
    "balancing_weights",
    "rebalance",
    "default_decoder",
    "fit_decoder",
    "fit_transition_rates",
]
