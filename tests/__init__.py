"""Tests; a package of its own, as others install one of this name."""
