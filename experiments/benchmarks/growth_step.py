"""Prepares recordings one after the other, as every command does; it is a step of ``growth``.

python -m experiments.benchmarks.growth_step RECORDINGS ENCODER
"""

from __future__ import annotations

import sys
from pathlib import Path

from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.models import checkpoints
from ssl_behavior.poses.prepare import prepare_each


def main(recordings: Path, encoder: Path) -> None:
    """Prepare every recording and drop it."""
    network = checkpoints.load_encoder(encoder)
    frames = 0
    for _, poses in prepare_each(read_recordings(recordings), network.landmarks, network.preparation):
        frames += poses.frames
    print(f"{frames:,} frames prepared")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
