"""``ssl-behavior convert``: write recordings of any format as files that are read by memory map, or for SLEAP or
DeepLabCut.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssl_behavior.cli.inputs import WrittenTracksConfig
from ssl_behavior.cli.run import command
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import command_line
from ssl_behavior.storage.run_folder import open_output


@dataclass(frozen=True)
class ConvertConfig(WrittenTracksConfig):
    """Settings of ``convert``.

    Attributes:
        output: folder for the converted files, one per recording.
    """

    output: Path


@check_arguments
def convert(config: ConvertConfig) -> list[Path]:
    """Convert every recording once, so that later commands read it without parsing, or another program reads it.

    Returns:
        The files, one per recording.

    Raises:
        InputError: no recording can be read, the format cannot hold one, or the output exists.

    Examples:
        >>> convert(ConvertConfig(recordings=(Path("tracks"),), output=Path("converted")))
    """
    with open_output(config) as output:
        recordings = config.read()
        files = config.write(output, recordings)
    frames = sum(recording.frames for recording in recordings)
    print(f"wrote {len(files)} recordings, {frames:,} frames, to {output}")
    print(f"next: {command_line('pretrain', '--recordings', output, '--output', f'runs/{output.resolve().name}')}")
    return files


main = command(
    ConvertConfig,
    convert,
    "Convert recordings of any format to files that are read by memory map, without parsing, or to files of SLEAP or "
    "DeepLabCut.",
)


if __name__ == "__main__":
    main()
