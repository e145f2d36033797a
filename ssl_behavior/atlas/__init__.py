"""Embeddings on disk, their index and their clusters."""
