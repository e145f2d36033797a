"""Self-supervised representation learning for animal behaviour, from pose tracks to reviewed labels."""

__version__ = "0.1.0"
