"""Settings of the commands that read labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.commands import TracksConfig
from ssl_behavior.formats.labelled import add_labels, read_labelled
from ssl_behavior.recordings import Recording
from ssl_behavior.validators import Checked


@dataclass(frozen=True, kw_only=True)
class LabelsConfig(Checked):
    """Settings of every command that reads annotations.

    Attributes:
        annotations: files, folders or globs of annotations; those in the recordings' own files if none are given.
        channel: of the annotations; needed only where there are several.
        unscored: behaviours that are no judgement: their frames are left out of training and scores.
    """

    annotations: tuple[Path, ...] = ()
    channel: str | None = None
    unscored: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AnnotatedTracksConfig(LabelsConfig, TracksConfig):
    """Settings of every command that reads tracks, with labels where there are some."""

    def read_with_labels(self, *, every_channel: bool) -> list[Recording]:
        """The recordings that these settings name, each with the labels that there are, perhaps none.

        Args:
            every_channel: without ``channel``, take every channel of the annotations; else there must be one only.

        Raises:
            InputError: recordings and annotations do not go together, or a name is not among them.
        """
        return add_labels(
            self.read(),
            self.annotations,
            self.channel,
            self.unscored,
            every_channel=every_channel,
            skip_bad_files=self.skip_bad_files,
        )


@dataclass(frozen=True, kw_only=True)
class LabelledTracksConfig(AnnotatedTracksConfig):
    """Settings of every command that needs labels.

    Attributes:
        agent: the individual whose behaviour towards the target was annotated; without it, labels hold for the group.
        target: the individual that the agent's behaviour is directed at.
        videos: use only the labelled videos with these ids.
    """

    agent: str | None = None
    target: str | None = None
    videos: tuple[str, ...] = ()

    def read_labelled(self) -> list[Recording]:
        """The labelled recordings that these settings name, each with the labels of one channel.

        Raises:
            InputError: recordings and annotations do not go together, or a name is not among them.
        """
        return read_labelled(
            self.recordings,
            self.annotations,
            self.channel,
            self.unscored,
            self.frame_rate,
            self.agent,
            self.target,
            self.videos,
            self.format,
            self.skeleton,
            self.mixed_skeletons,
            self.skip_bad_files,
        )
