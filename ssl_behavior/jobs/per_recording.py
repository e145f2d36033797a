"""Shared parts of the commands over many recordings: each recording is a unit, and the worker of the unit reads it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from ssl_behavior.cli.settings import save_settings
from ssl_behavior.cli.validators import FrameRate
from ssl_behavior.compute.devices import Precision
from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.tracks.animals import IndividualsFrom
from ssl_behavior.formats.tracks.other_files import beside_tracks
from ssl_behavior.formats.tracks.read import FORMATS, TRACK_SUFFIXES, read_recordings
from ssl_behavior.jobs.ray_connection import RayConfig
from ssl_behavior.jobs.results import Results, Unit, unit_digest
from ssl_behavior.recordings.individuals import crowding_warning
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage import cache
from ssl_behavior.storage.object_store import Store, absolute, fetch, input_files
from ssl_behavior.storage.video_names import distinct_ids, file_stem, stem_of_file, unique_stem


@dataclass(frozen=True, kw_only=True)
class PerRecordingConfig(RayConfig):
    """Settings of every command over many recordings.

    Attributes:
        recordings: files, folders or globs of tracks, on a disk that all workers see or in an object store
            (s3://BUCKET/*.csv); one file per recording, named by its video id.
        format: format of the recordings; by default it is detected from their content.
        frame_rate: frame rate of the recordings in Hz, if their files do not give it or give it wrongly.
        skeleton: YAML or JSON file that says which landmark each keypoint is.
        individuals: names of the animals to use, in this order; by default all that are ever seen.
        individuals_from: where the names of the animals stand: header (the file's own list), prefix (B_nose) or suffix
            (nose_1) of the keypoints, none (one animal has all keypoints); auto takes the list, and prefixes or
            suffixes where the file lists one animal and these repeat a whole body.
        precision: precision of the encoder; auto takes bfloat16 where the hardware supports it natively.
        output: folder for the results, on a disk that all workers see or in an object store.
        overwrite: remove existing results of another checkpoint.
    """

    recordings: tuple[str, ...]
    format: str | None = None
    frame_rate: FrameRate | None = None
    skeleton: str | None = None
    individuals: tuple[str, ...] = ()
    individuals_from: IndividualsFrom = "auto"
    precision: Precision = "auto"
    output: str
    overwrite: bool = False

    def with_absolute_addresses(self) -> Self:
        """Return the same settings with addresses that mean the same to every worker."""
        skeleton = absolute(self.skeleton) if self.skeleton is not None else None
        return replace(self, output=absolute(self.output), skeleton=skeleton)

    @property
    def results(self) -> Results:
        """The folder of the results."""
        return Results(Store(self.output))

    def units(self, *dependencies: object) -> list[Unit]:
        """Return a unit for each recording.

        Args:
            *dependencies: everything that the results depend on besides the recording and these settings, such as the
                fingerprint of the checkpoint.

        Raises:
            InputError: there are no recordings, two have the same video id, or a setting is unusable.
        """
        self.require_usable_ray()
        if self.format is not None and self.format not in FORMATS:
            raise InputError(f"--format {self.format}: expected one of {', '.join(FORMATS)}")
        files = []
        for file in input_files(self.recordings, TRACK_SUFFIXES if self.format is None else None):
            if file.address not in self.recordings and (what := beside_tracks(file.address)):
                print(f"{file.address}: passed over, as this is no tracks but {what}")
            else:
                files.append(file)
        skeleton = [file.stamp for file in input_files([self.skeleton])] if self.skeleton else []
        labels = [stem_of_file(video) for video in distinct_ids([file.address for file in files])]
        if repeated := [label for label, count in Counter(labels).items() if count > 1]:
            raise InputError(
                f"--recordings: expected one file per video; found several of {list_names(repeated, 5)}: a glob such "
                "as 'folder/*.csv' selects one kind of file"
            )
        shared = [dependencies, self.format, self.frame_rate, skeleton, self.individuals, self.individuals_from]
        return [
            Unit(label, unit_digest(label, file.stamp, shared), (file,))
            for label, file in zip(labels, files, strict=True)
        ]

    def read_recording(self, unit: Unit, folder: Path) -> Recording:
        """Read the recording of a unit.

        Args:
            unit: one of ``units``.
            folder: folder for a copy of the file, if the file is in an object store.

        Raises:
            InputError: the file has changed, or holds no recording, several, or one whose id is not the file's name.
        """
        # Each unit is done once, so entries in the cache would never be read again.
        os.environ.setdefault(cache.VARIABLE, "")
        address = unit.inputs[0].address
        if input_files([address]) != list(unit.inputs):
            raise InputError(f"{address}: expected the same content as at the start; found another: run again")
        file = fetch(address, folder / "recording")
        skeleton = fetch(self.skeleton, folder / "skeleton") if self.skeleton else None
        try:
            recordings = read_recordings(
                file,
                self.format,
                frame_rate=self.frame_rate,
                skeleton=skeleton,
                individuals=self.individuals,
                individuals_from=self.individuals_from,
                notify=lambda notice: print(notice.replace(str(file), address)),
            )
        except InputError as error:
            # The message names the address, because users do not know the copy.
            message = str(error).replace(str(file), address)
            raise InputError(message.replace(str(skeleton), str(self.skeleton)) if skeleton else message) from None
        names = [_named(recording.id, unit.label, address) for recording in recordings]
        if len(recordings) != 1 or names[0] is None:
            raise InputError(
                f"{address}: expected one recording named as its file; found "
                f"{list_names(recording.id for recording in recordings)}: ssl-behavior convert writes such files"
            )
        for warning in crowding_warning(recordings):
            print(warning)
        return replace(recordings[0], id=names[0], source=recordings[0].source.replace(str(file), address))

    def save(self) -> None:
        """Write the settings beside the results."""
        with TemporaryDirectory() as folder:
            save_settings(self, Path(folder) / "settings.yaml")
            self.results.store.put("settings.yaml", Path(folder) / "settings.yaml")


def _named(video: str, label: str, address: str) -> str | None:
    """Return a video's id with the folders of its file that a label has before it; None if it is of another video."""
    *folders, _ = address.split("/")
    ids = ("/".join([*folders[len(folders) - count :], video]) for count in range(len(folders) + 1))
    return next((name for name in ids if label in (file_stem(name), unique_stem(name))), None)
