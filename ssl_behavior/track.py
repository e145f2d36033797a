"""``ssl-behavior track``: make untracked instances, or fragments of tracks, into the tracks of a number of animals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ssl_behavior.cli.inputs import WrittenTracksConfig
from ssl_behavior.cli.run import command, save_settings
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, command_line, count_of
from ssl_behavior.formats.untrusted.videos import require_video_package
from ssl_behavior.formats.video_files import find_video_files, images_of, require_fit
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.run_folder import open_output
from ssl_behavior.tracking.optical_flow import FlowField, flow_fields
from ssl_behavior.tracking.tracks import MOST_ANIMALS, TrackingResult, track_recording


@dataclass(frozen=True)
class TrackConfig(WrittenTracksConfig):
    """Settings of ``track``.

    Attributes:
        output: folder for the tracked recordings, one file each.
        individuals: number of animals in each recording, or their names; by default, the number that is seen together
            in a fifth of the frames or more. A range such as 1-3 is for animals that enter and leave: each stay of an
            animal becomes a track.
        videos: files, folders or globs of the recordings' videos, each with the name of its recording. Poses are then
            moved along with the image (optical flow) before they are compared; without videos, the animals' own motion
            moves them.
    """

    output: Path
    individuals: tuple[str, ...] = field(default=(), kw_only=True)
    videos: tuple[Path, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if numbers := [name for name in self.names if not re.search(r"[^\W\d_]", name)]:
            raise InputError(
                f"--individuals {numbers[0]}: expected a number of animals such as 2, a range of them such as 1-3, or "
                "names with a letter; found none of these: correct it"
            )
        if self.animals is not None and not max(1, self.at_least or 0) <= self.animals <= MOST_ANIMALS:
            raise InputError(
                f"--individuals {','.join(self.individuals)}: expected 1 to {MOST_ANIMALS} animals, or a range of them "
                "such as 1-3"
            )

    @property
    def animals(self) -> int | None:
        """Number of animals that are there at most; None if they are to be counted."""
        if self._number is None:
            return len(self.individuals) or None
        return int(self._number["most"])

    @property
    def at_least(self) -> int | None:
        """Number of animals that are there at any time, if animals enter and leave."""
        return None if self._number is None or self._number["least"] is None else int(self._number["least"])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the animals; empty if there are none."""
        return self.individuals if self._number is None else ()

    @property
    def _number(self) -> re.Match[str] | None:
        return re.fullmatch(r"((?P<least>\d{1,9})-)?(?P<most>-?\d{1,9})", ",".join(self.individuals))


@check_arguments
def track(config: TrackConfig) -> list[Path]:
    """Track the animals of every recording, and write the tracks to files of their own.

    Returns:
        The files, one per recording.

    Raises:
        InputError: no recording can be read, OpenCV or a video is missing, a video does not fit its recording,
            or the output exists.

    Examples:
        >>> track(TrackConfig(recordings=(Path("fragments.slp"),), output=Path("tracked"), individuals=("2",)))
    """
    if config.videos:
        require_video_package()  # before the recordings are read, which may take minutes
    with open_output(config) as output:
        recordings = config.read_files()
        videos = find_video_files(config.videos, recordings) if config.videos else {}
        if videos:
            recordings = config.each(lambda each: require_fit(videos[each.id], each), recordings, "checking videos")

        def follow(recording: Recording) -> TrackingResult:
            flow = _flow(videos[recording.id], recording) if videos else None
            return track_recording(recording, config.animals, config.names, config.at_least, flow)

        results = config.each(follow, recordings, "tracking")
        files = config.write(output, [result.recording for result in results])
        save_settings(config, output / "settings.yaml")
    for result in results:
        print(*result.describe(), sep="\n")
        if videos:
            print(f"{result.source.id}: poses were moved along with the image of {videos[result.source.id]}")
    print(f"wrote {count_of(len(files), 'recording')} to {output}")
    print(f"next: {command_line('check', '--recordings', output)}")
    return files


def _flow(video: Path, recording: Recording) -> Iterator[FlowField]:
    """Compute the flow of the video of a recording frame by frame, and show the progress."""
    images = images_of(video, recording)
    return flow_fields(progress(images, f"flow of {recording.id}", total=recording.frames, unit="frame", leave=False))


main = command(TrackConfig, track, "Make untracked instances, or fragments of tracks, into the tracks of animals.")


if __name__ == "__main__":
    main()
