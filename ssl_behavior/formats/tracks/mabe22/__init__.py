"""MABe22 mouse triplets: three mice of twelve keypoints, a value per frame for each task, submissions of embeddings.

The challenge has four kinds of pickled ``.npy``, each a dict: tracks with or without the labels of some tasks
(``sequences``, ``vocabulary``); the labels of all tasks (``label_array`` (task, frame), ``task_type``, ``vocabulary``,
``frame_number_map``); submissions (``embeddings`` (frame, number), ``frame_number_map``); and the ``frame_number_map``
alone, the place of every sequence among all frames. A JSON file says which sequences to learn from and which to score.

Sun et al. 2023, "MABe22: A Multi-Species Multi-Task Benchmark for Learned Representations of Behavior",
arXiv:2207.10553.
"""

from ssl_behavior.formats.tracks.mabe22.read import NAME, attach_task_labels, detect, holds_task_labels, read
from ssl_behavior.formats.tracks.mabe22.submissions import (
    MOST_NUMBERS,
    Places,
    read_frame_number_map,
    read_split,
    read_submission,
    write_submission,
)

__all__ = [
    "MOST_NUMBERS",
    "NAME",
    "Places",
    "attach_task_labels",
    "detect",
    "holds_task_labels",
    "read",
    "read_frame_number_map",
    "read_split",
    "read_submission",
    "write_submission",
]
