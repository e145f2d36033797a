"""Constants that all files of CalMS21 share: two mice, seven keypoints, 30 Hz."""

from __future__ import annotations

from ssl_behavior.recordings.skeleton import Skeleton

NAME = "calms21"
CHANNEL = "behaviour"
INDIVIDUALS = ("resident", "intruder")
KEYPOINTS = ("nose", "left_ear", "right_ear", "neck", "left_hip", "right_hip", "tail_base")
FRAME_RATE = 30.0
EDGES = (
    ("nose", "left_ear"),
    ("nose", "right_ear"),
    ("left_ear", "neck"),
    ("right_ear", "neck"),
    ("neck", "left_hip"),
    ("neck", "right_hip"),
    ("left_hip", "tail_base"),
    ("right_hip", "tail_base"),
)
SKELETON = Skeleton(KEYPOINTS, EDGES)
SHAPE = (len(INDIVIDUALS), 2, len(KEYPOINTS))
"""Shape of one frame in the files: (mouse, xy, part)."""
