"""Figures: style, ethograms, scores."""
