"""Settings of the commands that read labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ssl_behavior.cli.validators import Above, Checked
from ssl_behavior.formats.labelled import add_labels, agent_and_target, label_recordings
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.individuals import describe_individuals
from ssl_behavior.recordings.recording import Recording


@dataclass(frozen=True, kw_only=True)
class TracksConfig(Checked):
    """Settings of every command that reads tracks.

    Attributes:
        recordings: files, folders or globs of tracks.
        format: of the recordings, if it is not to be told from their content.
        frame_rate: of the recordings in Hz, where their files do not say it or say it wrongly.
        skeleton: YAML or JSON file that says which landmark each keypoint is.
        mixed_skeletons: let recordings differ in their keypoints.
        skip_bad_files: report files that cannot be used and go on.
        overwrite: write over an output that is there.
    """

    recordings: tuple[Path, ...]
    format: str | None = None
    frame_rate: Annotated[float, Above(0)] | None = None
    skeleton: Path | None = None
    mixed_skeletons: bool = False
    skip_bad_files: bool = False
    overwrite: bool = False

    def read(self) -> list[Recording]:
        """The recordings that these settings name; says how many individuals and ordered pairs they have."""
        recordings = read_recordings(
            self.recordings,
            self.format,
            self.skip_bad_files,
            self.frame_rate,
            self.skeleton,
            mixed_skeletons=self.mixed_skeletons,
        )
        for line in describe_individuals(recordings):
            print(line)
        return recordings


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
        # Checked before the reading, which may take minutes.
        pair = agent_and_target(self.agent, self.target)
        return label_recordings(
            self.read(), self.annotations, self.channel, self.unscored, pair, self.videos, self.skip_bad_files
        )
