"""Real recordings of each kind, prepared, measured, and checked beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from experiments.checks.changes import CannotBe, Change
from experiments.dyads.protocol import CHANNEL, UNJUDGED
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.labelled import add_labels
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.rules import Suspicion
from ssl_behavior.quality.suspicions import QualityInput, find_suspicions
from ssl_behavior.quality.vitals import Vitals, measure_vitals, median_vitals
from ssl_behavior.recordings.matching import attach
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings

WITH_SIDES = (
    "calms21/mouse083_task1_annotator1_alt.csv.gz",
    "mabe22/EGS8X2MN4SSUGFWAV976.h5",
    "deeplabcut/testDLC_h5_table_multi.h5",
    "deeplabcut/testDLC_square_arena.h5",
)
_PIECE_S = 20
_SETTINGS = Preparation()


@dataclass(frozen=True)
class Material:
    """Sound recordings of one kind, their landmarks, poses and the vitals of each.

    Every second recording, from the first on, is for setting thresholds; ``tested`` are the others.
    """

    recordings: Sequence[Recording]
    landmarks: tuple[str, ...]
    poses: Mapping[str, Poses]
    measured: Mapping[str, Vitals]

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> Material:
        landmarks = shared_landmarks(recording.skeleton for recording in recordings)
        poses = {recording.id: prepare(recording, landmarks, _SETTINGS) for recording in recordings}
        measured = {name: measure_vitals(one, landmarks) for name, one in poses.items()}
        return cls(recordings, landmarks, poses, measured)

    def half(self, *, for_setting: bool) -> Sequence[Recording]:
        """The recordings on which thresholds may be set, or those that they are reported on."""
        return self.recordings[0 if for_setting else 1 :: 2]

    def others(self, recording: Recording) -> list[Recording]:
        """All recordings but one."""
        return [other for other in self.recordings if other.id != recording.id]

    def suspected(self, recording: Recording) -> list[Suspicion]:
        """The suspicions about a recording, compared with all others."""
        quality_input, vitals = self._measure(recording)
        return find_suspicions(quality_input, vitals, [self.measured[other.id] for other in self.others(recording)])

    def suspected_alone(self, recording: Recording, pretraining: Vitals) -> list[Suspicion]:
        """The suspicions about one new recording, given what its encoder was pretrained on."""
        quality_input, vitals = self._measure(recording)
        return find_suspicions(quality_input, vitals, (), pretraining)

    def pretraining(self, without: Recording) -> Vitals:
        """What an encoder of all recordings but one would store."""
        return median_vitals([self.measured[other.id] for other in self.others(without)])

    def _measure(self, recording: Recording) -> tuple[QualityInput, Vitals]:
        poses = prepare(recording, self.landmarks, _SETTINGS)
        labels = next((labels.values[poses.native_frames] for labels in recording.labels.values()), None)
        return QualityInput(poses, recording, labels), measure_vitals(poses, self.landmarks)


def read_material(data: Path) -> dict[str, list[Material]]:
    """Read every kind of recording: a ``Material`` for each set of recordings that are compared with each other.

    Args:
        data: folder of the real recordings.
    """
    return {
        "dyads": [_dyads(data)],
        "mice3d": [_on_the_floor(data / "mice3d", 20.0)],
        "boxes": [_on_the_floor(data / "boxes", 30.0)],
        "pieces": _with_sides(data),
        "simulated": [Material.of(simulate_recordings(12, seed=7, frames=9000))],
    }


def _dyads(data: Path) -> Material:
    recordings = read_recordings(data / "dyads" / "tracks", frame_rate=30.0)
    annotations = read_annotations(data / "dyads" / "annotations")
    return Material.of(attach(recordings, annotations, CHANNEL, UNJUDGED, notify=lambda _: None))


def _on_the_floor(folder: Path, frame_rate: float) -> Material:
    """Recordings with labels for some of them; of three coordinates, the height is left out."""
    recordings = read_recordings(folder / "tracks", frame_rate=frame_rate, notify=lambda _: None)
    labelled = add_labels(recordings, (folder / "annotations",), None, (), every_channel=True, skip_bad_files=True)
    return Material.of(
        [replace(recording, positions=recording.positions[..., :2], content_hash=None) for recording in labelled]
    )


def _with_sides(data: Path) -> list[Material]:
    """Pieces of recordings whose landmarks distinguish left and right; one ``Material`` for each file."""
    materials = []
    for name in WITH_SIDES:
        for recording in read_recordings(data / name, frame_rate=30.0, notify=lambda _: None):
            length = min(_PIECE_S * 30, recording.frames // 4)
            starts = range(0, recording.frames - length + 1, length)
            materials.append(Material.of([_piece(recording, start, length) for start in starts]))
    return materials


def _piece(recording: Recording, start: int, length: int) -> Recording:
    frames = np.arange(start, start + length)
    return replace(
        recording,
        id=f"{recording.id}-{start}",
        positions=recording.positions[frames],
        confidence=None if recording.confidence is None else recording.confidence[frames],
        labels={},
        series={},
        content_hash=None,
    )


def changed(material: Material, recording: Recording, change: Change, seed: int) -> tuple[Recording, int | None] | None:
    """The changed recording and its first faulty frame; None if it cannot have the fault."""
    number = material.recordings.index(recording)
    try:
        return change(recording, np.random.default_rng([seed, number]), material.others(recording))
    except CannotBe:
        return None
