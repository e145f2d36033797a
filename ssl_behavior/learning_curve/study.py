"""The videos that a curve is measured on, and the points to fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.learning_curve.points import PointTask
from ssl_behavior.learning_curve.variants import Variant
from ssl_behavior.learning_curve.videos import default_sizes, draw_orders
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.labelled import LabelledPoses, behaviour_counts
from ssl_behavior.storage.digests import digest
from ssl_behavior.training.inputs import about_pretraining
from ssl_behavior.training.state import run_key


@dataclass(frozen=True, eq=False)
class Study:
    """Labelled videos, divided into test videos and a pool to train on.

    Attributes:
        videos: all labelled videos.
        truth: video id -> (time,) labels at the frame rate of the recording itself.
        behaviours: names of the labels.
        channel: channel of the annotations.
        test: indices of the test videos.
        encoder: the pretrained encoder.
        seen_in_pretraining: ids of the test videos whose tracks the encoder was pretrained on; None if that is unknown.
    """

    videos: list[LabelledPoses]
    truth: dict[str, np.ndarray]
    behaviours: tuple[str, ...]
    channel: str
    test: list[int]
    encoder: Encoder
    seen_in_pretraining: set[str] | None

    @property
    def pool(self) -> list[int]:
        """Indices of the videos to train on."""
        return [i for i in range(len(self.videos)) if i not in self.test]

    def ids(self, chosen: Sequence[int]) -> tuple[str, ...]:
        """Return the ids of the videos with these indices."""
        return tuple(self.videos[i].poses.id for i in chosen)

    def counts(self, chosen: Sequence[int]) -> np.ndarray:
        """Return (video, behaviour) scored frames of the videos with these indices."""
        return behaviour_counts([self.videos[i] for i in chosen], len(self.behaviours))

    def tasks(self, sizes: Sequence[int], draws: int, variants: Sequence[Variant], seed: int) -> list[PointTask]:
        """List all points to fit, draw by draw, so that an interrupted run has whole curves.

        Args:
            sizes: numbers of videos to train on; if empty, ``default_sizes`` chooses them.
            draws: number of random choices of videos, at each size.
            variants: variants to fit.
            seed: seed of the random choices.

        Raises:
            InputError: a size is larger than the pool, or its videos show fewer than two behaviours.
        """
        pool, sizes = self.pool, sorted(set(sizes) or default_sizes(len(self.pool)))
        if impossible := [size for size in sizes if not 1 <= size <= len(pool)]:
            raise InputError(
                f"--sizes {' '.join(map(str, impossible))}: expected 1 to {len(pool)}, the number of labelled videos "
                f"without the {len(self.test)} test videos; give other sizes, or fewer test videos"
            )
        counts = self.counts(pool)
        tasks = []
        for draw, order in enumerate(draw_orders(counts, draws, seed)):
            for size in sizes:
                chosen = sorted(order[:size])
                names = self.ids([pool[i] for i in chosen])
                if not _shows_two(counts[chosen]):
                    advice = _enough_videos(counts, draws, seed)
                    raise InputError(
                        f"--sizes {size}: expected videos that show two behaviours; found a single one in "
                        f"{list_names(names, 10)}: {advice}"
                    )
                tasks += [PointTask(variant, size, draw, names) for variant in variants]
        return tasks

    def key(self, settings: object) -> str:
        """Return a hash of everything that points depend on: these settings and the content of the inputs."""
        inputs = (settings, self.encoder.fingerprint(), self.behaviours, self.ids(self.test))
        labels = [part for video in self.videos for part in (video.labels, repr(video.pairs))]
        return digest(run_key(inputs, [video.poses for video in self.videos]), *labels, length=32)

    def warnings(self) -> Iterator[str]:
        """Yield a line for each behaviour that occurs only in test videos, or only in the others."""
        test_frames, pool_frames = self.counts(self.test).sum(0), self.counts(self.pool).sum(0)
        for name, in_test, in_pool in zip(self.behaviours, test_frames, pool_frames, strict=True):
            if in_pool and not in_test:
                yield f"{name} does not occur in the test videos: it has no F1 and does not count in means"
            if in_test and not in_pool:
                yield f"{name} does not occur in the training videos: its F1 is 0"

    def about_pretraining(self) -> str:
        """Return a sentence on whether the encoder was pretrained on the tracks of the test videos."""
        return about_pretraining(self.seen_in_pretraining, len(self.test), "test videos")


def _shows_two(counts: np.ndarray) -> bool:
    """Return whether videos with these counts (video, behaviour) show at least two behaviours."""
    return int((counts.sum(0) > 0).sum()) >= 2


def _enough_videos(counts: np.ndarray, draws: int, seed: int) -> str:
    """Say which sizes suffice to show two behaviours in every draw of the pool."""
    orders = draw_orders(counts, draws, seed)
    for size in range(1, len(counts) + 1):
        if all(_shows_two(counts[order[:size]]) for order in orders):
            return f"give --sizes of {size} or more"
    return "label other videos, or choose others to test on with --test-videos"
