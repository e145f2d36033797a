"""CalMS21 and the MABe-2021 challenge: the public JSON, the .npy converted from it, and AIcrowd's train and test .npy.

All layouts are trees of dicts whose leaves are sequences. They differ in the levels above a sequence and in the level
that holds the vocabulary. Sun et al. 2021, "The Multi-Agent Behavior Dataset: Mouse Dyadic Social Interactions",
arXiv:2104.02710.
"""

from ssl_behavior.formats.tracks.calms21.layout import CHANNEL, FRAME_RATE, INDIVIDUALS, KEYPOINTS, NAME, SKELETON
from ssl_behavior.formats.tracks.calms21.read import detect, read
from ssl_behavior.formats.tracks.calms21.write import write

__all__ = ["CHANNEL", "FRAME_RATE", "INDIVIDUALS", "KEYPOINTS", "NAME", "SKELETON", "detect", "read", "write"]
