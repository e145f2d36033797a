"""Settings that several commands share: those of tracks and of labels."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ssl_behavior.cli.validators import Checked, FrameRate
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError
from ssl_behavior.formats.labelled import add_labels, agent_and_target, label_recordings
from ssl_behavior.formats.tracks.animals import IndividualsFrom
from ssl_behavior.formats.tracks.read import TRACK_SUFFIXES, read_recordings
from ssl_behavior.formats.tracks.write import TracksFormat, left_behind, write_recordings
from ssl_behavior.recordings.individuals import describe_individuals
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.paths import expand, with_skip_hint

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class TracksConfig(Checked):
    """Settings of every command that reads tracks.

    Attributes:
        recordings: files, folders or globs of tracks.
        format: of the recordings: native, calms21, mabe22, sleap, nwb, jabs, simba, deeplabcut or movement; recognised
            by their content if it is not given.
        frame_rate: of the recordings in Hz, if their files do not state it or state it wrongly.
        skeleton: YAML or JSON file that names the landmark of each keypoint.
        mixed_skeletons: accept recordings whose keypoints differ.
        individuals: names of the animals to use, in this order; by default all that are ever seen.
        individuals_from: where the names of the animals stand: header (the file's own list), prefix (B_nose) or suffix
            (nose_1) of the keypoints, none (one animal has all keypoints); auto takes the list, and prefixes or
            suffixes where the file lists one animal and these repeat a whole body.
        skip_bad_files: report files that cannot be used, and go on without them.
        overwrite: replace an existing output.
    """

    recordings: tuple[Path, ...]
    format: str | None = None
    frame_rate: FrameRate | None = None
    skeleton: Path | None = None
    mixed_skeletons: bool = False
    individuals: tuple[str, ...] = ()
    individuals_from: IndividualsFrom = "auto"
    skip_bad_files: bool = False
    overwrite: bool = False

    @property
    def reading_options(self) -> str:
        """The options that say how recordings are read, for a command to run next; empty if all have their defaults."""
        values = {
            "--format": self.format,
            "--frame-rate": None if self.frame_rate is None else f"{self.frame_rate:g}",
            "--skeleton": None if self.skeleton is None else str(self.skeleton),
            "--individuals-from": None if self.individuals_from == "auto" else self.individuals_from,
            "--individuals": ",".join(self.individuals) or None,
        }
        words = [word for name, value in values.items() if value is not None for word in (name, value)]
        return "".join(f" {shlex.quote(word)}" for word in [*words, *["--mixed-skeletons"] * self.mixed_skeletons])

    def read(self) -> list[Recording]:
        """Read the recordings; prints how many individuals and ordered pairs they have.

        Raises:
            InputError: a file cannot be used.
        """
        recordings = self.read_files(self.individuals)
        for line in describe_individuals(recordings):
            print(line)
        return recordings

    def read_files(self, individuals: tuple[str, ...] = ()) -> list[Recording]:
        """Read these individuals of the recordings, or all.

        Raises:
            InputError: a file cannot be used.
        """
        return read_recordings(
            self.recordings,
            self.format,
            self.skip_bad_files,
            self.frame_rate,
            self.skeleton,
            mixed_skeletons=self.mixed_skeletons,
            individuals=individuals,
            individuals_from=self.individuals_from,
        )


@dataclass(frozen=True, kw_only=True)
class WrittenTracksConfig(TracksConfig):
    """Settings of every command that reads tracks and writes tracks.

    Attributes:
        output_format: of the files that are written: native (read by memory map), slp (SLEAP), sleap-analysis (SLEAP's
            .analysis.h5) or deeplabcut (.csv); only native keeps everything.
    """

    output_format: TracksFormat = "native"

    def each(self, work: Callable[[Recording], Result], recordings: Sequence[Recording], doing: str) -> list[Result]:
        """Do some work on each recording; with ``skip_bad_files``, report those that cannot be used, and go on.

        Args:
            work: makes a result of a recording.
            recordings: the recordings.
            doing: the work in one word, such as "tracking".

        Raises:
            InputError: a recording cannot be used, or none can.
        """
        results = []
        for recording in progress(recordings, doing):
            try:
                results.append(work(recording))
            except InputError as error:
                if not self.skip_bad_files:
                    raise with_skip_hint(error, len(recordings)) from None
                print(f"skipped: {error}")
        if not results:
            raise InputError("none of the recordings could be used: see the reasons above")
        return results

    def write(self, folder: Path, recordings: Sequence[Recording]) -> list[Path]:
        """Write recordings to a folder, one file each; prints what the format does not hold.

        Raises:
            InputError: a recording cannot be written in this format, or the folder holds some that were read.
        """
        self._require_apart(folder)
        files = write_recordings(folder, recordings, self.output_format)
        for line in left_behind(recordings, files, self.output_format):
            print(line)
        return files

    def _require_apart(self, folder: Path) -> None:
        """Make sure that no recording that was read lies where recordings are written: it would be lost."""
        for file in expand(self.recordings, TRACK_SUFFIXES if self.format is None else None):
            if folder.resolve() in file.resolve().parents:
                raise InputError(
                    f"--output {folder}: expected a folder without the recordings that are read; found {file.name} in "
                    "it, which would be replaced or lie beside a second one of its name: choose another --output"
                )


@dataclass(frozen=True, kw_only=True)
class LabelsConfig(Checked):
    """Settings of every command that reads annotations.

    Attributes:
        annotations: files, folders or globs of annotations; if none are given, those in the files of the recordings.
        channel: of the annotations; needed only if they have several.
        unscored: labels that are not behaviours, such as "unsure"; training and scores leave out their frames.
    """

    annotations: tuple[Path, ...] = ()
    channel: str | None = None
    unscored: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AnnotatedTracksConfig(LabelsConfig, TracksConfig):
    """Settings of every command that reads tracks, and labels if there are any."""

    def read_with_labels(self, *, every_channel: bool) -> list[Recording]:
        """Read the recordings, each with its labels, if there are any.

        Args:
            every_channel: without ``channel``, read every channel; otherwise the annotations must have a single one.

        Raises:
            InputError: recordings and annotations do not match, or a setting names something that they do not have.
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
        agent: the individual whose behaviour towards the target was annotated; without it, labels are of the group.
        target: the individual that the agent's behaviour is directed at.
        videos: use only the labelled videos with these ids, or those that a pattern such as 'day1/*' fits.
    """

    agent: str | None = None
    target: str | None = None
    videos: tuple[str, ...] = ()

    def read_labelled(self, *, every_pair: bool = False) -> list[Recording]:
        """Read the labelled recordings, each with the labels of one channel.

        Args:
            every_pair: take the labels of every ordered pair, where the annotations say who does what to whom and no
                channel or pair is named.

        Raises:
            InputError: recordings and annotations do not match, or a setting names something that they do not have.
        """
        # Checked before the reading, which may take minutes.
        pair = agent_and_target(self.agent, self.target)
        return label_recordings(
            self.read(), self.annotations, self.channel, self.unscored, pair, self.videos, self.skip_bad_files,
            every_pair=every_pair,
        )  # fmt: skip
