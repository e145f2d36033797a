"""Cluster cards: what each cluster of an atlas is, on one page of plain HTML with its tables beside it."""

from ssl_behavior.cluster_cards.page import Measured, write_cards

__all__ = ["Measured", "write_cards"]
