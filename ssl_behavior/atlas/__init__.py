"""Embeddings of every frame on disk, an index to search them, and their clusters."""
