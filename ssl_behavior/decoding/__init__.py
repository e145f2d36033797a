"""Probabilities to labels: thresholds, smoothing in time, the most probable path."""

from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.decoding.fitting import balance, fit_decoder, fit_transition_rates

__all__ = ["Decoder", "balance", "fit_decoder", "fit_transition_rates"]
