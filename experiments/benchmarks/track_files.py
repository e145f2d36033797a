"""Files of tracks to read, as large as one likes: a few simulated recordings over and over, with noise of their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.formats.tracks import calms21
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings

COLUMNS = [(one, part, axis) for one in calms21.INDIVIDUALS for part in calms21.KEYPOINTS for axis in "xyp"]
_SIMULATED, _LONGEST = 4, 9_000


def recordings(count: int, frames: int) -> list[Recording]:
    """Recordings of two mice with confidence and labels, of which no two hold the same numbers."""
    simulated = simulate_recordings(_SIMULATED, 0, min(frames, _LONGEST))
    made = []
    for number in range(count):
        one, rng = simulated[number % _SIMULATED], np.random.default_rng(number)
        positions = np.resize(one.positions, (frames, *one.positions.shape[1:]))
        noisy = positions + rng.normal(0, 0.1, positions.shape).astype(np.float32)
        labels = {name: replace(own, values=np.resize(own.values, frames)) for name, own in one.labels.items()}
        sure = rng.random(positions.shape[:3], np.float32)
        made.append(replace(one, id=f"video{number}", positions=noisy, confidence=sure, labels=labels))
    return made


def write_tables(folder: Path, count: int, frames: int) -> None:
    """DeepLabCut tables of ``recordings``, with as many digits as DeepLabCut writes."""
    folder.mkdir(parents=True)
    heads = zip(("individuals", "bodyparts", "coords"), *COLUMNS, strict=True)
    header = [("scorer", *["DLC_net"] * len(COLUMNS)), *heads]
    text = "".join(",".join("likelihood" if cell == "p" else cell for cell in row) + "\n" for row in header)
    for one in recordings(count, frames):
        assert one.confidence is not None
        values = np.concatenate([one.positions, one.confidence[..., None]], -1).reshape(frames, -1).astype(float)
        table = pa.table([np.arange(frames), *values.T], [str(i) for i in range(len(COLUMNS) + 1)])
        with open(folder / f"{one.id}DLC_net.csv", "wb") as file:
            file.write(text.encode())
            pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=False))


def write_json(path: Path, count: int, frames: int) -> None:
    """CalMS21's JSON of ``recordings``."""
    calms21.write(path, recordings(count, frames))
