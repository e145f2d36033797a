"""Probabilities to labels: thresholds, smoothing in time, the most probable path."""

from ssl_behavior.decoding.balance import balance, balanced
from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.decoding.fitting import fit_decoder, fit_transition_rates
from ssl_behavior.decoding.reading import Reading

__all__ = ["Decoder", "Reading", "balance", "balanced", "fit_decoder", "fit_transition_rates"]
