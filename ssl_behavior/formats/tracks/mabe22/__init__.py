"""MABe22 mouse triplets: three mice with twelve keypoints, one value per frame and task, submissions of embeddings.

The challenge has four kinds of pickled ``.npy``, each a dict:

- tracks, with or without the labels of some tasks: ``sequences``, ``vocabulary``;
- the labels of all tasks: ``label_array`` (task, frame), ``task_type``, ``vocabulary``, ``frame_number_map``;
- submissions: ``embeddings`` (frame, dimension), ``frame_number_map``;
- the ``frame_number_map`` alone: the span of every sequence among the frames of all sequences.

A JSON file lists the sequences for training and for scoring.

Sun et al. 2023, "MABe22: A Multi-Species Multi-Task Benchmark for Learned Representations of Behavior",
arXiv:2207.10553.
"""

from ssl_behavior.formats.tracks.mabe22.read import NAME, attach_task_labels, detect, holds_task_labels, read
from ssl_behavior.formats.tracks.mabe22.submissions import (
    MAX_DIMENSIONS,
    FrameNumberMap,
    read_frame_number_map,
    read_split,
    read_submission,
    write_submission,
)

__all__ = [
    "MAX_DIMENSIONS",
    "NAME",
    "FrameNumberMap",
    "attach_task_labels",
    "detect",
    "holds_task_labels",
    "read",
    "read_frame_number_map",
    "read_split",
    "read_submission",
    "write_submission",
]
