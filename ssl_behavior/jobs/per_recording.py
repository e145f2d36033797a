"""What commands over many recordings share: a recording is a unit, read by the worker that does it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Self

from ssl_behavior.cli.settings import save_settings
from ssl_behavior.cli.validators import Above
from ssl_behavior.compute.devices import Precision
from ssl_behavior.errors import InputError, some
from ssl_behavior.formats.tracks.read import FORMATS, TRACK_SUFFIXES, read_recordings
from ssl_behavior.jobs.ray_pool import FleetConfig
from ssl_behavior.jobs.results import Results, Unit, unit_digest
from ssl_behavior.recordings.individuals import crowding_warning
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage import cache
from ssl_behavior.storage.object_store import Store, absolute, fetch, input_files
from ssl_behavior.storage.paths import file_stem, video_id


@dataclass(frozen=True, kw_only=True)
class ManyConfig(FleetConfig):
    """Settings of every command over many recordings.

    Attributes:
        recordings: files, folders or globs of tracks, on a disk that all workers see or in a store (s3://BUCKET/*.csv);
            a file per recording, named by its video id.
        format: of the recordings, if it is not to be told from their content.
        frame_rate: of the recordings in Hz, where their files do not say it or say it wrongly.
        skeleton: YAML or JSON file that says which landmark each keypoint is.
        precision: of the encoder; auto takes bfloat16 where the hardware multiplies it natively.
        output: folder for the results, on a disk that all workers see or in a store.
        overwrite: take away what is there of another checkpoint.
    """

    recordings: tuple[str, ...]
    format: str | None = None
    frame_rate: Annotated[float, Above(0)] | None = None
    skeleton: str | None = None
    precision: Precision = "auto"
    output: str
    overwrite: bool = False

    def located(self) -> Self:
        """The same settings with addresses that every worker understands."""
        skeleton = absolute(self.skeleton) if self.skeleton is not None else None
        return replace(self, output=absolute(self.output), skeleton=skeleton)

    @property
    def results(self) -> Results:
        """Where the results go."""
        return Results(Store(self.output))

    def units(self, *made_by: object) -> list[Unit]:
        """A unit for each recording.

        Args:
            made_by: what the results depend on besides the recording: the checkpoint's fingerprint and settings.

        Raises:
            InputError: there are none, two are of the same video, or a setting cannot be.
        """
        self.require_fleet()
        if self.format is not None and self.format not in FORMATS:
            raise InputError(f"format {self.format!r} is not known; choose one of {', '.join(FORMATS)}")
        files = input_files(self.recordings, TRACK_SUFFIXES if self.format is None else None)
        skeleton = [one.stamp for one in input_files([self.skeleton])] if self.skeleton else []
        labels = [file_stem(video_id(file.address)) for file in files]
        if twice := [name for name, times in Counter(labels).items() if times > 1]:
            raise InputError(
                f"--recordings: expected a file per video and found several of {some(twice, 5)}; a glob like "
                "folder/*.csv picks one kind of file"
            )
        of_all = [made_by, self.format, self.frame_rate, skeleton]
        return [
            Unit(label, unit_digest(label, file.stamp, of_all), (file,))
            for label, file in zip(labels, files, strict=True)
        ]

    def read_one(self, unit: Unit, folder: Path) -> Recording:
        """The recording of a unit; a file in a store is copied to ``folder``.

        Raises:
            InputError: the file holds no recording, several, or one of another id than the file's name says.
        """
        # A unit is done once: what the cache would keep of thousands of them, nobody would read again.
        os.environ.setdefault(cache.VARIABLE, "")
        address = unit.inputs[0].address
        if input_files([address]) != list(unit.inputs):
            raise InputError(f"{address}: expected the content of the start and found another: run again")
        file = fetch(address, folder / "recording")
        skeleton = fetch(self.skeleton, folder / "skeleton") if self.skeleton else None
        try:
            found = read_recordings(file, self.format, frame_rate=self.frame_rate, skeleton=skeleton)
        except InputError as error:
            told = str(error).replace(str(file), address)
            raise InputError(told.replace(str(skeleton), str(self.skeleton)) if skeleton else told) from None
        if [file_stem(one.id) for one in found] != [unit.label]:
            raise InputError(
                f"{address}: expected one recording named as its file, and found {some(one.id for one in found)}; "
                "ssl-behavior convert makes such files"
            )
        for warning in crowding_warning(found):
            print(warning)
        return replace(found[0], source=found[0].source.replace(str(file), address))

    def save(self) -> None:
        """Write the settings beside the results."""
        with TemporaryDirectory() as folder:
            save_settings(self, Path(folder) / "settings.yaml")
            self.results.store.put("settings.yaml", Path(folder) / "settings.yaml")
