"""python -m ssl_behavior.convert: recordings of any format into the fast form, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.commands import TracksConfig, run
from ssl_behavior.formats import native
from ssl_behavior.outputs import writing


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
    print(f"next: python -m ssl_behavior.pretrain --recordings {output} --output runs/{output.name}")
    return files


def main() -> None:
    """Run the command."""
    run(ConvertConfig, convert, "Convert recordings of any format into a form that is read by memory map.")


if __name__ == "__main__":
    from ssl_behavior.convert import main as imported_main  # the settings class must live in an imported module

    imported_main()
