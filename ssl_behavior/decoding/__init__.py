"""Probabilities to labels: thresholds, smoothing in time, the most probable path."""

from ssl_behavior.decoding.balance import balance, balanced
from ssl_behavior.decoding.calibrated import CalibratedDecoder
from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.decoding.fitting import fit_decoder, fit_transition_rates

__all__ = ["Decoder", "CalibratedDecoder", "balance", "balanced", "fit_decoder", "fit_transition_rates"]
