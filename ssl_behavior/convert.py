"""python -m ssl_behavior.convert: recordings of any format into the fast form, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.commands import prepare_output, run
from ssl_behavior.formats import native, read_recordings


@dataclass(frozen=True)
class ConvertConfig:
    """Settings of ``convert``.

    Attributes:
        recordings: Files, folders or globs of recordings, of any format.
        output: Folder for the converted files, one per recording.
        format: The files' format, where it is not to be told from their content.
        frame_rate: In Hz, overrules what the files say.
        skeleton: YAML or JSON file that maps keypoints' names to landmarks.
        skip_bad_files: Report files that cannot be read, and go on.
        overwrite: Write into a folder that is not empty.
    """

    recordings: list[str]
    output: Path
    format: str | None = None
    frame_rate: float | None = None
    skeleton: Path | None = None
    skip_bad_files: bool = False
    overwrite: bool = False


def convert(settings: ConvertConfig) -> list[Path]:
    """Write every recording in the fast form and return the files."""
    output = prepare_output(settings.output, settings.overwrite)
    recordings = read_recordings(
        settings.recordings,
        settings.format,
        settings.skip_bad_files,
        settings.frame_rate,
        settings.skeleton,
        mixed_skeletons=True,
    )
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
