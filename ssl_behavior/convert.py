"""ssl-behavior convert: recordings of any format into the fast form, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.cli.run import command
from ssl_behavior.formats.tracks import native
from ssl_behavior.storage.run_folder import writing


@dataclass(frozen=True)
class ConvertConfig(TracksConfig):
    """Settings of ``convert``.

    Attributes:
        output: folder for the converted files, one per recording.
    """

    output: Path


def convert(settings: ConvertConfig) -> list[Path]:
    """Write every recording in the fast form and return the files."""
    with writing(settings) as output:
        recordings = settings.read()
        files = native.write(output, recordings)
    frames = sum(recording.frames for recording in recordings)
    print(f"wrote {len(files)} recordings, {frames:,} frames, to {output}")
    print(f"next: ssl-behavior pretrain --recordings {output} --output runs/{output.name}")
    return files


main = command(ConvertConfig, convert, "Convert recordings of any format into a form that is read by memory map.")


if __name__ == "__main__":
    main()
