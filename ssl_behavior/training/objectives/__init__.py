"""Objectives of pretraining, one idea per file."""
