"""Recordings for benchmarks: simulated mice, of any number of animals and keypoints, in common file formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recording

HOUR = 108_000
"""Frames of an hour at 30 Hz."""
MOST_KEYPOINTS = 20
_APART_PX = 150.0
# Keypoints that the simulator lacks: their position on the line between two of its keypoints (above 1: beyond).
_BETWEEN: dict[str, tuple[str, str, float]] = {
    "head": ("left_ear", "right_ear", 0.5),
    "centre": ("neck", "tail_base", 0.5),
    "front spine": ("neck", "tail_base", 0.25),
    "rear spine": ("neck", "tail_base", 0.75),
    "left side": ("left_ear", "left_hip", 0.6),
    "right side": ("right_ear", "right_hip", 0.6),
    "left shoulder": ("left_ear", "left_hip", 0.3),
    "right shoulder": ("right_ear", "right_hip", 0.3),
    "left forepaw": ("neck", "left_hip", 0.4),
    "right forepaw": ("neck", "right_hip", 0.4),
    "left hindpaw": ("neck", "left_hip", 1.1),
    "right hindpaw": ("neck", "right_hip", 1.1),
    "tail middle": ("neck", "tail_base", 1.4),
}
_FEWEST = ("nose", "left_ear", "right_ear", "tail_base")


def write_deeplabcut(path: Path, recording: Recording) -> Path:
    """Write tracks as the CSV table of a multi-animal DeepLabCut project; missing points are empty cells."""
    columns = [
        (animal, keypoint, coordinate)
        for animal in recording.individuals
        for keypoint in recording.skeleton.keypoints
        for coordinate in ("x", "y", "likelihood")
    ]
    confidence = recording.confidence
    if confidence is None:
        confidence = np.isfinite(recording.positions[..., 0]).astype(np.float32)
    values = np.concatenate([recording.positions, confidence[..., None]], -1).reshape(recording.frames, -1)
    rows = [["simulated"] * len(columns), *zip(*columns, strict=True)]
    header = [[name, *row] for name, row in zip(("scorer", "individuals", "bodyparts", "coords"), rows, strict=True)]
    table = {"frame": pa.array(np.arange(recording.frames))}
    table |= {str(i): pa.array(column, from_pandas=True) for i, column in enumerate(values.round(3).T.copy())}
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write("".join(f"{','.join(row)}\n" for row in header).encode())
        pa.csv.write_csv(pa.table(table), file, pa.csv.WriteOptions(include_header=False))
    return path


def write_folders(folder: Path, recordings: Sequence[Recording]) -> None:
    """Write each recording to a folder of its own, under a name as DeepLabCut gives it; LISBET expects this layout."""
    for number, recording in enumerate(recordings):
        write_deeplabcut(folder / f"video{number:03d}" / f"video{number:03d}DLC_shuffle1.csv", recording)


def mice(frames: int, individuals: int = 2, keypoints: int = 7, seed: int = 0) -> Recording:
    """A simulated recording of any number of mice, with labels of the group.

    Mice beyond the second come from further simulated recordings, moved aside. Keypoints beyond the simulator's seven
    lie on lines through these, under names of landmarks, so that they cost as much as any other.

    Args:
        frames: at 30 Hz.
        individuals: 1 or more.
        keypoints: 4 to ``MOST_KEYPOINTS``.
        seed: of the simulation.
    """
    pairs = [simulate_recording(number, seed, frames, "mice") for number in range(-(-individuals // 2))]
    positions = np.concatenate([recording.positions + _APART_PX * number for number, recording in enumerate(pairs)], 1)
    confidence = np.concatenate([recording.confidence for recording in pairs if recording.confidence is not None], 1)
    names = pairs[0].skeleton.keypoints
    values = with_keypoints(np.concatenate([positions, confidence[..., None]], -1)[:, :individuals], names, keypoints)
    labels = {name: Labels(directed.behaviours, directed.values) for name, directed in pairs[0].labels.items()}
    return replace(
        pairs[0],
        positions=values[..., :2],
        confidence=values[..., 2].clip(0, 1),
        individuals=tuple(f"mouse{number + 1}" for number in range(individuals)),
        skeleton=Skeleton(keypoint_names(names, keypoints)),
        labels=labels,
    )


def keypoint_names(names: Sequence[str], keypoints: int) -> tuple[str, ...]:
    """The names of so many keypoints, given the simulator's names."""
    if not len(_FEWEST) <= keypoints <= MOST_KEYPOINTS:
        raise ValueError(f"keypoints must be {len(_FEWEST)} to {MOST_KEYPOINTS}; got {keypoints}")
    ordered = [*_FEWEST, *(name for name in names if name not in _FEWEST), *_BETWEEN]
    return tuple(ordered[:keypoints])


def with_keypoints(values: np.ndarray, names: Sequence[str], keypoints: int) -> np.ndarray:
    """Values (time, individual, keypoint, ...) of so many keypoints, from the values of the simulator's keypoints."""
    chosen = []
    for name in keypoint_names(names, keypoints):
        start, end, share = _BETWEEN.get(name, (name, name, 0.0))
        chosen.append(values[:, :, names.index(start)] * (1 - share) + values[:, :, names.index(end)] * share)
    return np.stack(chosen, 2).astype(np.float32)


def tiled(recording: Recording, frames: int, longest: int = 100_000) -> list[Recording]:
    """Recordings of ``frames`` frames in all, each at most ``longest``: the same tracks with different noise."""
    recordings = []
    for number, start in enumerate(range(0, frames, longest)):
        count = min(longest, frames - start, recording.frames)
        rng = np.random.default_rng(number)
        noise = rng.standard_normal(recording.positions[:count].shape, np.float32) * 0.3
        recordings.append(
            replace(
                recording,
                id=f"{recording.id}{number:05d}",
                positions=recording.positions[:count] + noise,
                confidence=None if recording.confidence is None else recording.confidence[:count],
                labels={},
            )
        )
    return recordings
