"""Files of tracks of any size: a few simulated recordings, repeated with different noise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.formats.tracks import calms21
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings

COLUMNS = [
    (individual, keypoint, axis)
    for individual in calms21.INDIVIDUALS
    for keypoint in calms21.KEYPOINTS
    for axis in "xyp"
]
_SIMULATED, _LONGEST = 4, 9_000


def recordings(count: int, frames: int) -> list[Recording]:
    """Recordings of two mice with confidence and labels; no two of them hold the same numbers."""
    simulated = simulate_recordings(_SIMULATED, 0, min(frames, _LONGEST))
    result = []
    for number in range(count):
        recording, rng = simulated[number % _SIMULATED], np.random.default_rng(number)
        positions = np.resize(recording.positions, (frames, *recording.positions.shape[1:]))
        noisy = positions + rng.normal(0, 0.1, positions.shape).astype(np.float32)
        labels = {
            name: replace(channel, values=np.resize(channel.values, frames))
            for name, channel in recording.labels.items()
        }
        sure = rng.random(positions.shape[:3], np.float32)
        result.append(replace(recording, id=f"video{number}", positions=noisy, confidence=sure, labels=labels))
    return result


def write_tables(folder: Path, count: int, frames: int) -> None:
    """Write DeepLabCut tables of ``recordings``, with as many digits as DeepLabCut writes."""
    folder.mkdir(parents=True)
    heads = zip(("individuals", "bodyparts", "coords"), *COLUMNS, strict=True)
    header = [("scorer", *["DLC_net"] * len(COLUMNS)), *heads]
    text = "".join(",".join("likelihood" if cell == "p" else cell for cell in row) + "\n" for row in header)
    for recording in recordings(count, frames):
        assert recording.confidence is not None
        values = (
            np.concatenate([recording.positions, recording.confidence[..., None]], -1).reshape(frames, -1).astype(float)
        )
        table = pa.table([np.arange(frames), *values.T], [str(i) for i in range(len(COLUMNS) + 1)])
        with open(folder / f"{recording.id}DLC_net.csv", "wb") as file:
            file.write(text.encode())
            pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=False))


def write_json(path: Path, count: int, frames: int) -> None:
    """Write CalMS21's JSON of ``recordings``."""
    calms21.write(path, recordings(count, frames))
