"""Damaged files and stopped commands by the thousand; `make soak` runs many, the tests here a few."""
