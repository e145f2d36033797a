"""Probes beside their command: vectors of whole groups of animals, a picture of scores, and a probe while learning."""
