"""What a curve is measured on, and the points it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.learning_curve.fitting import Variant
from ssl_behavior.learning_curve.points import Task
from ssl_behavior.learning_curve.videos import default_sizes, draw_orders
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.labelled import LabelledPoses, behaviour_counts
from ssl_behavior.storage.digests import digest
from ssl_behavior.training.loop import run_key


@dataclass(frozen=True, eq=False)
class Study:
    """Labelled videos, of which some are tested on.

    Attributes:
        videos: all labelled ones.
        truth: by video id, (time,) labels at the recording's own frame rate.
        behaviours: names of the labels.
        channel: of the annotations.
        test: indices of the videos that are tested on.
        encoder: pretrained.
        seen: ids of the test videos whose tracks the encoder was pretrained on, or None where that is not known.
    """

    videos: list[LabelledPoses]
    truth: dict[str, np.ndarray]
    behaviours: tuple[str, ...]
    channel: str
    test: list[int]
    encoder: Encoder
    seen: set[str] | None

    @property
    def pool(self) -> list[int]:
        """Indices of the videos that may be learned from."""
        return [i for i in range(len(self.videos)) if i not in self.test]

    def ids(self, chosen: Sequence[int]) -> tuple[str, ...]:
        """Ids of the videos with these indices."""
        return tuple(self.videos[i].poses.id for i in chosen)

    def counts(self, chosen: Sequence[int]) -> np.ndarray:
        """(video, behaviour) scored frames of the videos with these indices."""
        return behaviour_counts([self.videos[i] for i in chosen], len(self.behaviours))

    def tasks(self, sizes: Sequence[int], draws: int, variants: Sequence[Variant], seed: int) -> list[Task]:
        """All points, draw by draw, so that an interrupted run has whole curves.

        Args:
            sizes: numbers of videos to learn from; chosen if none are given.
            draws: random choices of as many videos.
            variants: what is fitted.
            seed: of the random choices.

        Raises:
            InputError: more videos than there are, or videos that show one behaviour only.
        """
        pool, sizes = self.pool, sorted(set(sizes) or default_sizes(len(self.pool)))
        if wrong := [size for size in sizes if not 1 <= size <= len(pool)]:
            raise InputError(
                f"--sizes {' '.join(map(str, wrong))}: expected 1 to {len(pool)}, the number of labelled videos beside "
                f"the {len(self.test)} that are tested on; give other sizes, or fewer videos to test on"
            )
        counts = self.counts(pool)
        tasks = []
        for draw, order in enumerate(draw_orders(counts, draws, seed)):
            for size in sizes:
                chosen = sorted(order[:size])
                names = self.ids([pool[i] for i in chosen])
                if (counts[chosen].sum(0) > 0).sum() < 2:
                    raise InputError(
                        f"--sizes {size}: expected videos that show two behaviours and found one in "
                        f"{', '.join(names)}; give larger sizes"
                    )
                tasks += [Task(variant, size, draw, names) for variant in variants]
        return tasks

    def key(self, settings: object) -> str:
        """A name for all that points depend on: these settings and the content, not the paths, of what is read."""
        told = (settings, self.encoder.fingerprint(), self.behaviours, self.ids(self.test))
        labels = [part for video in self.videos for part in (video.labels, repr(video.pairs))]
        return digest(run_key(told, [video.poses for video in self.videos]), *labels, length=32)

    def warnings(self) -> Iterator[str]:
        """Behaviours that occur on one side only."""
        tested, taught = self.counts(self.test).sum(0), self.counts(self.pool).sum(0)
        for name, here, there in zip(self.behaviours, tested, taught, strict=True):
            if there and not here:
                yield f"{name} occurs in none of the videos that are tested on: it has no F1 and is in no mean"
            if here and not there:
                yield f"{name} occurs in none of the videos that are learned from: its F1 is 0"

    def about_pretraining(self) -> str:
        """Whether the encoder has seen the tracks of the videos that are tested on."""
        if self.seen is None:
            return "Whether the encoder was pretrained on the test videos' tracks is not known."
        if not self.seen:
            return "Inductive: the encoder was pretrained on other tracks than the test videos'."
        how_many = "all" if len(self.seen) == len(self.test) else f"{len(self.seen)} of the {len(self.test)}"
        return f"Transductive: the encoder was pretrained on the tracks, not the labels, of {how_many} test videos."
