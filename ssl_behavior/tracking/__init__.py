"""Identities: which instance of each frame is which animal."""
