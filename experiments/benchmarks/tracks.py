"""Recordings to measure on: simulated mice, in files that people have, of any number of animals and keypoints."""

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
# Keypoints that the simulator has not: so far on the way from one that it has to another, beyond it above 1.
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
    """Write tracks as the CSV table of a multi-animal DeepLabCut project; what is not tracked is left empty."""
    columns = [
        (animal, part, coordinate)
        for animal in recording.individuals
        for part in recording.skeleton.keypoints
        for coordinate in ("x", "y", "likelihood")
    ]
    sure = recording.confidence
    if sure is None:
        sure = np.isfinite(recording.positions[..., 0]).astype(np.float32)
    values = np.concatenate([recording.positions, sure[..., None]], -1).reshape(recording.frames, -1)
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
    """Write each recording to a folder of its own under a name that DeepLabCut gives, as LISBET looks for them."""
    for number, recording in enumerate(recordings):
        write_deeplabcut(folder / f"video{number:03d}" / f"video{number:03d}DLC_shuffle1.csv", recording)


def mice(frames: int, individuals: int = 2, keypoints: int = 7, seed: int = 0) -> Recording:
    """A simulated recording of any number of mice, with labels of the group.

    Mice beyond the second are those of further simulated recordings, some way off; keypoints beyond the simulator's
    seven lie on lines through these, under names that an encoder knows, so that they cost what any other costs.

    Args:
        frames: at 30 Hz.
        individuals: 1 or more.
        keypoints: 4 to ``MOST_KEYPOINTS``.
        seed: of the simulation.
    """
    several = [simulate_recording(place, seed, frames, "mice") for place in range(-(-individuals // 2))]
    positions = np.concatenate([one.positions + _APART_PX * place for place, one in enumerate(several)], 1)
    sure = np.concatenate([one.confidence for one in several if one.confidence is not None], 1)
    names = several[0].skeleton.keypoints
    values = with_keypoints(np.concatenate([positions, sure[..., None]], -1)[:, :individuals], names, keypoints)
    labels = {channel: Labels(one.behaviours, one.values) for channel, one in several[0].labels.items()}
    return replace(
        several[0],
        positions=values[..., :2],
        confidence=values[..., 2].clip(0, 1),
        individuals=tuple(f"mouse{number + 1}" for number in range(individuals)),
        skeleton=Skeleton(keypoint_names(names, keypoints)),
        labels=labels,
    )


def keypoint_names(names: Sequence[str], keypoints: int) -> tuple[str, ...]:
    """The names of so many keypoints, given those of the simulator."""
    if not len(_FEWEST) <= keypoints <= MOST_KEYPOINTS:
        raise ValueError(f"keypoints must be {len(_FEWEST)} to {MOST_KEYPOINTS}; got {keypoints}")
    ordered = [*_FEWEST, *(name for name in names if name not in _FEWEST), *_BETWEEN]
    return tuple(ordered[:keypoints])


def with_keypoints(values: np.ndarray, names: Sequence[str], keypoints: int) -> np.ndarray:
    """Values (time, individual, keypoint, ...) of so many keypoints, from those of the simulator's, of these names."""
    chosen = []
    for name in keypoint_names(names, keypoints):
        start, end, share = _BETWEEN.get(name, (name, name, 0.0))
        chosen.append(values[:, :, names.index(start)] * (1 - share) + values[:, :, names.index(end)] * share)
    return np.stack(chosen, 2).astype(np.float32)


def tiled(recording: Recording, frames: int, longest: int = 100_000) -> list[Recording]:
    """Recordings of at most ``longest`` frames and ``frames`` in all: the same tracks, each with a noise of its own."""
    found = []
    for number, start in enumerate(range(0, frames, longest)):
        count = min(longest, frames - start, recording.frames)
        rng = np.random.default_rng(number)
        noise = rng.standard_normal(recording.positions[:count].shape, np.float32) * 0.3
        found.append(
            replace(
                recording,
                id=f"{recording.id}{number:05d}",
                positions=recording.positions[:count] + noise,
                confidence=None if recording.confidence is None else recording.confidence[:count],
                labels={},
            )
        )
    return found
