"""The ways of learning from labels that the curve compares."""

from __future__ import annotations

from typing import Literal, get_args

Variant = Literal["pretrained", "from-scratch", "expert-features", "frozen-linear"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


def variant_name(variant: Variant) -> str:
    """Return the variant's name as tables and pictures show it: "from scratch" for ``from-scratch``."""
    return variant.replace("-", " ")
