"""Objectives of pretraining, one idea per file, and their weighted sum in ``pretraining``."""
