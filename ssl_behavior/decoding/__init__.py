"""Probabilities to labels: thresholds, smoothing in time, the most probable path."""

from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.decoding.fitting import balance, fit_decoder, fit_transition_rates
from ssl_behavior.decoding.reading import Reading

__all__ = ["Decoder", "Reading", "balance", "fit_decoder", "fit_transition_rates"]
