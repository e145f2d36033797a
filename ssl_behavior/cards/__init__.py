"""Cluster cards: what each cluster of an atlas is, on one page of plain HTML with its tables beside it."""

from ssl_behavior.cards.page import write_cards

__all__ = ["write_cards"]
