"""Probing: embeddings of whole groups of animals, a picture of scores, and the probe that runs during pretraining."""
