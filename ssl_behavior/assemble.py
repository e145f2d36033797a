"""``ssl-behavior assemble``: make peaks and affinities of a bottom-up network into instances of animals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from ssl_behavior.cli.run import command
from ssl_behavior.cli.validators import AtLeast, AtMost, Checked, FrameRate
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, command_line, count_of, with_path
from ssl_behavior.formats import peaks, skeletons
from ssl_behavior.formats.tracks import native
from ssl_behavior.recordings.ids import with_distinct_ids
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.names import require_usable_ids
from ssl_behavior.storage.paths import expand, with_skip_hint
from ssl_behavior.storage.run_folder import open_output
from ssl_behavior.tracking.assembly import require_tree
from ssl_behavior.tracking.instances import AssemblyResult, assemble_peaks
from ssl_behavior.tracking.tracks import MOST_ANIMALS


@dataclass(frozen=True, kw_only=True)
class AssembleConfig(Checked):
    """Settings of ``assemble``.

    Attributes:
        peaks: .npz files, folders or globs, one file per video.
        skeleton: YAML or JSON file with the edges between keypoints, which form a tree.
        output: folder for the instances, one recording per video.
        individuals: most instances in a frame; those with the greatest sums of affinities are kept. By default all, up
            to 50.
        threshold: candidate limbs with a lower affinity are dropped.
        frame_rate: of the videos in Hz, if their files do not state it or state it wrongly.
        skip_bad_files: report files that cannot be used, and go on without them.
        overwrite: replace an existing output.
    """

    peaks: tuple[Path, ...]
    skeleton: Path
    output: Path
    individuals: Annotated[int, AtLeast(1), AtMost(MOST_ANIMALS)] | None = None
    threshold: Annotated[float, AtLeast(0)] = 0.0
    frame_rate: FrameRate | None = None
    skip_bad_files: bool = False
    overwrite: bool = False


@check_arguments
def assemble(config: AssembleConfig) -> list[Path]:
    """Assemble the peaks of every video into instances, and write them as recordings.

    Returns:
        The files, one per video.

    Raises:
        InputError: no file can be read, the skeleton is no tree, or the output exists.

    Examples:
        >>> assemble(AssembleConfig(peaks=Path("peaks"), skeleton=Path("skeleton.yaml"), output=Path("detections")))
    """
    with open_output(config) as output:
        skeleton = skeletons.read(config.skeleton)
        try:
            require_tree(skeleton)
        except InputError as error:
            raise with_path(error, config.skeleton) from None
        results = list(_results(config, skeleton))
        if not results:
            raise InputError("none of the files could be read as peaks: see the reasons above")
        recordings = [result.recording for result in results]
        sources = [Path(recording.source) for recording in recordings]
        recordings = with_distinct_ids(recordings, sources, print)
        files = native.write(output, recordings)
    for result, recording in zip(results, recordings, strict=True):
        print(*replace(result, recording=recording).describe(), sep="\n")
    if without_rate := sum(recording.frame_rate_is_assumed for recording in recordings):
        print(
            f"no frame rate in the files of {without_rate} of {count_of(len(recordings), 'video')}: assuming "
            f"{ASSUMED_FRAME_RATE:g} Hz (--frame-rate sets another)"
        )
    print(f"wrote {count_of(len(files), 'recording')} to {output}")
    number = () if config.individuals is None else ("--individuals", config.individuals)
    print(f"next: {command_line('track', '--recordings', output, *number, '--output', f'{output}-tracked')}")
    return files


def _results(config: AssembleConfig, skeleton: Skeleton) -> Iterator[AssemblyResult]:
    """Assemble the peaks of one file after the other."""
    files = expand(config.peaks, (peaks.SUFFIX,))
    for file in progress(files, "assembling", unit="file", shown=len(files) > 1, leave=False):
        try:
            found, limbs = peaks.read(file, skeleton)
            require_usable_ids([found.id], file)
            for notice in found.notices:
                print(f"{file}: {notice}")
            if config.frame_rate is not None:
                found = replace(found, frame_rate=config.frame_rate)
            yield assemble_peaks(found, limbs, config.individuals, config.threshold)
        except InputError as error:
            if not config.skip_bad_files:
                raise with_skip_hint(error, len(files)) from None
            print(f"skipped: {error}")


main = command(AssembleConfig, assemble, "Make peaks and affinities of a bottom-up network into instances of animals.")


if __name__ == "__main__":
    main()
