"""Cluster cards: one HTML page that shows what each cluster of an atlas is, with its tables beside it."""

from ssl_behavior.cluster_cards.page import CardData, write_cards

__all__ = ["CardData", "write_cards"]
