"""The share of silent errors that ``check`` detects, and its false alarms on clean recordings.

    python -m experiments.checks.run

Every recording of the dyads, and pieces of the other real recordings with left and right landmarks, are checked
unchanged and with one fault at a time, beside the other recordings unchanged. A fault counts as detected if a suspicion
is of one of its kinds; exchanged animals count if the frame is right within a second. Suspicions about the unchanged
recordings are listed too; since these come from real tracking, some of them are right.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from experiments.dyads.protocol import CHANNEL, UNJUDGED
from ssl_behavior.compute.progress import progress
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.rules import Kind, Suspicion, check_against_pretraining
from ssl_behavior.quality.suspicions import QualityInput, find_suspicions
from ssl_behavior.quality.vitals import Vitals, measure_vitals, median_vitals
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.matching import attach
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

HERE = Path(__file__).parent
DATA = Path("../shared/data")
WITH_SIDES = (
    "calms21/mouse083_task1_annotator1_alt.csv.gz",
    "mabe22/EGS8X2MN4SSUGFWAV976.h5",
    "deeplabcut/testDLC_h5_table_multi.h5",
    "deeplabcut/testDLC_square_arena.h5",
)
_PIECE_S = 20
_SETTINGS = Preparation()


@dataclass(frozen=True)
class Fault:
    """A fault to put into a recording.

    Attributes:
        name: description.
        kinds: of suspicions that count as its detection.
        apply: recording and random numbers -> the recording with the fault, and its first frame (None: all frames).
    """

    name: str
    kinds: tuple[Kind, ...]
    apply: Callable[[Recording, np.random.Generator], tuple[Recording, int | None]]


def with_tracks(recording: Recording, positions: np.ndarray, confidence: np.ndarray | None = None) -> Recording:
    """The recording with these tracks in place of its own."""
    confidence = recording.confidence if confidence is None else confidence
    return replace(recording, positions=positions, confidence=confidence, content_hash=None)


def swap_axes(recording: Recording, _: np.random.Generator) -> tuple[Recording, None]:
    return with_tracks(recording, recording.positions[..., ::-1]), None


def mirror(recording: Recording, _: np.random.Generator) -> tuple[Recording, None]:
    x = recording.positions[..., 0]
    return with_tracks(recording, np.stack([np.nanmax(x) + np.nanmin(x) - x, recording.positions[..., 1]], -1)), None


def at_rate(factor: float) -> Callable[[Recording, np.random.Generator], tuple[Recording, None]]:
    return lambda recording, _: (replace(recording, frame_rate=recording.frame_rate * factor), None)


def of_size(factor: float) -> Callable[[Recording, np.random.Generator], tuple[Recording, None]]:
    return lambda recording, _: (with_tracks(recording, recording.positions * np.float32(factor)), None)


def exchange_animals(recording: Recording, rng: np.random.Generator) -> tuple[Recording, int]:
    """Exchange the first two individuals from a random frame of the middle half on, in which both are tracked."""
    both = np.flatnonzero(np.isfinite(recording.positions[:, :2, :, 0]).any(2).all(1))
    both = both[(both > recording.frames // 4) & (both < 3 * recording.frames // 4)]
    at = int(rng.choice(both))
    arrays = [recording.positions.copy(), None if recording.confidence is None else recording.confidence.copy()]
    for array in arrays:
        if array is not None:
            array[at:, [0, 1]] = array[at:, [1, 0]]
    positions, confidence = arrays
    assert positions is not None
    return with_tracks(recording, positions, confidence), at


def exchange_nose_and_tail(recording: Recording, _: np.random.Generator) -> tuple[Recording, None]:
    """Exchange the names of the foremost keypoint and of the base of the tail."""
    names = recording.skeleton.keypoints
    front = next(name for name in names if name in ("head", "nose", "snout"))
    rear = next(name for name in names if name in ("tailbase", "tail_base", "tail base", "tail"))
    exchanged = {front: rear, rear: front}
    keypoints = tuple(exchanged.get(name, name) for name in names)
    return replace(recording, skeleton=Skeleton(keypoints, landmarks=recording.skeleton.landmarks)), None


def late_by(seconds: float) -> Callable[[Recording, np.random.Generator], tuple[Recording, None]]:
    def apply(recording: Recording, _: np.random.Generator) -> tuple[Recording, None]:
        frames = round(seconds * recording.frame_rate)
        labels = recording.labels[CHANNEL]
        values = np.concatenate([np.full(frames, UNSCORED), labels.values[: recording.frames - frames]])
        return recording.with_labels({CHANNEL: replace(labels, values=values)}), None

    return apply


FAULTS = (
    Fault("x and y exchanged", ("turned", "mirrored"), swap_axes),
    Fault("mirrored", ("mirrored",), mirror),
    *(Fault(f"frame rate {factor:g} times too high", ("frame rate",), at_rate(factor)) for factor in (1.2, 1.5, 2, 4)),
    *(Fault(f"frame rate {1 / factor:g} times too low", ("frame rate",), at_rate(factor)) for factor in (0.5, 0.25)),
    Fault("pixels twice as large", ("size",), of_size(2)),
    Fault("pixels ten times as large", ("size",), of_size(10)),
    Fault("nose and tail exchanged in the names", ("backwards", "proportions"), exchange_nose_and_tail),
    Fault("two animals exchanged half-way", ("exchanged",), exchange_animals),
)
LABEL_FAULTS = tuple(
    Fault(f"labels {name} late", ("shifted labels",), late_by(seconds))
    for name, seconds in (("one frame", 1 / 30), ("0.5 s", 0.5), ("1 s", 1.0), ("2 s", 2.0), ("5 s", 5.0))
)


@dataclass(frozen=True)
class Material:
    """Clean recordings of one kind, their landmarks and the vitals of each."""

    recordings: Sequence[Recording]
    landmarks: tuple[str, ...]
    measured: Mapping[str, Vitals]

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> Material:
        landmarks = shared_landmarks(recording.skeleton for recording in recordings)
        measured = {
            recording.id: measure_vitals(prepare(recording, landmarks, _SETTINGS), landmarks)
            for recording in recordings
        }
        return cls(recordings, landmarks, measured)

    def suspected(self, recording: Recording) -> list[Suspicion]:
        """The suspicions about a recording, compared with all others."""
        poses = prepare(recording, self.landmarks, _SETTINGS)
        labels = recording.labels[CHANNEL].values[poses.native_frames] if CHANNEL in recording.labels else None
        others = [other for name, other in self.measured.items() if name != recording.id]
        return find_suspicions(
            QualityInput(poses, recording.unit, labels), measure_vitals(poses, self.landmarks), others
        )

    def faulty(self, fault: Fault) -> Iterator[tuple[list[Suspicion], int | None]]:
        """The suspicions about each recording with a fault, and its frame, for recordings that can have the fault."""
        for number, recording in enumerate(self.recordings):
            try:
                faulty, frame = fault.apply(recording, np.random.default_rng(number))
            except (StopIteration, ValueError, IndexError):
                continue
            yield self.suspected(faulty), frame


def is_detected(fault: Fault, suspected: Sequence[Suspicion], frame: int | None) -> bool:
    """Whether a suspicion names the fault, and the right frame if it has one."""
    matches = [suspicion for suspicion in suspected if suspicion.kind in fault.kinds]
    if fault.kinds == ("exchanged",):
        assert frame is not None
        return any(abs(suspected_frame - frame) <= 30 for suspicion in matches for suspected_frame in suspicion.frames)
    return bool(matches)


def dyads(data: Path) -> Material:
    recordings = read_recordings(data / "dyads" / "tracks", frame_rate=30.0)
    annotations = read_annotations(data / "dyads" / "annotations")
    return Material.of(attach(recordings, annotations, CHANNEL, UNJUDGED, notify=lambda _: None))


def with_sides(data: Path) -> list[Material]:
    """Pieces of recordings whose landmarks distinguish left and right; one ``Material`` for each file."""
    materials = []
    for name in WITH_SIDES:
        for recording in read_recordings(data / name, frame_rate=30.0, notify=lambda _: None):
            length = min(_PIECE_S * 30, recording.frames // 4)
            pieces = [
                replace(
                    recording,
                    id=f"{recording.id}-{start}",
                    positions=recording.positions[start : start + length],
                    confidence=None if recording.confidence is None else recording.confidence[start : start + length],
                    labels={},
                    series={},
                    content_hash=None,
                )
                for start in range(0, recording.frames - length + 1, length)
            ]
            materials.append(Material.of(pieces))
    return materials


def strangers(whole: Material, pieces: Sequence[Material]) -> Iterator[str]:
    """Count the recordings that are unlike one half of the dyads: in the other half, and from other laboratories."""
    reference = median_vitals([whole.measured[recording.id] for recording in whole.recordings[::2]])
    held_out = [whole.measured[recording.id] for recording in whole.recordings[1::2]]
    others = [measured for material in pieces for measured in material.measured.values()]
    yield "| strange to an encoder of 20 dyads | recordings | speed or proportions beyond its own |"
    yield "|---|---|---|"
    for name, group in (("the other dyads", held_out), ("pieces of other recordings", others)):
        flagged = [measured for measured in group if any(check_against_pretraining("", measured, reference))]
        yield f"| {name} | {len(group)} | {len(flagged)} |"
    yield ""


def report(data: Path) -> str:
    """Measure everything; returns the tables in Markdown."""
    whole, pieces = dyads(data), with_sides(data)
    count = sum(len(piece.recordings) for piece in pieces)
    lines = [
        f"| fault | seen in {len(whole.recordings)} dyads | seen in {count} pieces of recordings with sides |",
        "|---|---|---|",
    ]
    for fault in progress((*FAULTS, *LABEL_FAULTS), "faults", unit="fault", leave=False):
        columns = []
        for materials in ([whole], pieces):
            if fault in LABEL_FAULTS and materials is pieces:
                columns.append("no labels")
                continue
            detected = [is_detected(fault, *faulty) for material in materials for faulty in material.faulty(fault)]
            columns.append(f"{sum(detected)} of {len(detected)}")
        lines.append(f"| {fault.name} | {' | '.join(columns)} |")
    alarms = [
        [
            suspicion
            for material in materials
            for recording in material.recordings
            for suspicion in material.suspected(recording)
        ]
        for materials in ([whole], pieces)
    ]
    counts = [Counter(suspicion.kind for suspicion in suspected) for suspected in alarms]
    lines += ["", *strangers(whole, pieces)]
    lines += ["| suspected of recordings as they are | dyads | pieces |", "|---|---|---|"]
    for kind in sorted(set(counts[0]) | set(counts[1])):
        lines.append(f"| {kind} | {' | '.join(str(by_kind[kind]) for by_kind in counts)} |")
    lines += ["", *(f"- {alarm.video}: {alarm.kind}: {alarm.evidence}" for suspected in alarms for alarm in suspected)]
    return "\n".join(lines)


def main() -> None:
    """Measure everything, and write results.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real recordings")
    text = f"`python -m experiments.checks.run`\n\n{report(parser.parse_args().data)}\n"
    print(text)
    (HERE / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
