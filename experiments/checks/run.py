"""How many silent errors does ``check`` see, and how often is it wrong on clean recordings?

    python -m experiments.checks.run

Every recording of the dyads, and pieces of the other real recordings with left and right landmarks, are given as they
are and with one fault at a time, beside the others as they are. A fault is seen if a suspicion of its kind names it (or
of either kind that it shows as), an exchange if it is named within a second. What is suspected of the recordings as
they are is listed, too: they are as people tracked them, and some of it is so.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.dyads.protocol import CHANNEL, UNJUDGED
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
    """What is done to a recording.

    Attributes:
        name: in words.
        kinds: of suspicion that name it.
        apply: recording and random numbers -> the recording with the fault, and the frame where it begins, or None.
    """

    name: str
    kinds: tuple[Kind, ...]
    apply: Callable[[Recording, np.random.Generator], tuple[Recording, int | None]]


def changed(recording: Recording, positions: np.ndarray, confidence: np.ndarray | None = None) -> Recording:
    """The recording with other tracks."""
    confidence = recording.confidence if confidence is None else confidence
    return replace(recording, positions=positions, confidence=confidence, content_hash=None)


def turned(one: Recording, _: np.random.Generator) -> tuple[Recording, None]:
    return changed(one, one.positions[..., ::-1]), None


def mirrored(one: Recording, _: np.random.Generator) -> tuple[Recording, None]:
    x = one.positions[..., 0]
    return changed(one, np.stack([np.nanmax(x) + np.nanmin(x) - x, one.positions[..., 1]], -1)), None


def at_rate(factor: float) -> Callable[[Recording, np.random.Generator], tuple[Recording, None]]:
    return lambda one, _: (replace(one, frame_rate=one.frame_rate * factor), None)


def of_size(factor: float) -> Callable[[Recording, np.random.Generator], tuple[Recording, None]]:
    return lambda one, _: (changed(one, one.positions * np.float32(factor)), None)


def exchanged(one: Recording, rng: np.random.Generator) -> tuple[Recording, int]:
    """The first two individuals exchanged from a random frame of the middle half on, at which both are tracked."""
    both = np.flatnonzero(np.isfinite(one.positions[:, :2, :, 0]).any(2).all(1))
    both = both[(both > one.frames // 4) & (both < 3 * one.frames // 4)]
    at = int(rng.choice(both))
    arrays = [one.positions.copy(), None if one.confidence is None else one.confidence.copy()]
    for array in arrays:
        if array is not None:
            array[at:, [0, 1]] = array[at:, [1, 0]]
    positions, confidence = arrays
    assert positions is not None
    return changed(one, positions, confidence), at


def nose_for_tail(one: Recording, _: np.random.Generator) -> tuple[Recording, None]:
    """The foremost keypoint named as the base of the tail, and the other way round."""
    names = one.skeleton.keypoints
    front = next(name for name in names if name in ("head", "nose", "snout"))
    rear = next(name for name in names if name in ("tailbase", "tail_base", "tail base", "tail"))
    exchanged = {front: rear, rear: front}
    keypoints = tuple(exchanged.get(name, name) for name in names)
    return replace(one, skeleton=Skeleton(keypoints, landmarks=one.skeleton.landmarks)), None


def late_by(seconds: float) -> Callable[[Recording, np.random.Generator], tuple[Recording, None]]:
    def apply(one: Recording, _: np.random.Generator) -> tuple[Recording, None]:
        frames = round(seconds * one.frame_rate)
        own = one.labels[CHANNEL]
        values = np.concatenate([np.full(frames, UNSCORED), own.values[: one.frames - frames]])
        return one.with_labels({CHANNEL: replace(own, values=values)}), None

    return apply


FAULTS = (
    Fault("x and y exchanged", ("turned", "mirrored"), turned),
    Fault("mirrored", ("mirrored",), mirrored),
    *(Fault(f"frame rate {factor:g} times too high", ("frame rate",), at_rate(factor)) for factor in (1.2, 1.5, 2, 4)),
    *(Fault(f"frame rate {1 / factor:g} times too low", ("frame rate",), at_rate(factor)) for factor in (0.5, 0.25)),
    Fault("pixels twice as large", ("size",), of_size(2)),
    Fault("pixels ten times as large", ("size",), of_size(10)),
    Fault("nose and tail exchanged in the names", ("backwards", "proportions"), nose_for_tail),
    Fault("two animals exchanged half-way", ("exchanged",), exchanged),
)
LABEL_FAULTS = tuple(
    Fault(f"labels {name} late", ("shifted labels",), late_by(seconds))
    for name, seconds in (("one frame", 1 / 30), ("0.5 s", 0.5), ("1 s", 1.0), ("2 s", 2.0), ("5 s", 5.0))
)


@dataclass(frozen=True)
class Material:
    """Clean recordings of one kind, their landmarks, and what each of them measures."""

    recordings: Sequence[Recording]
    landmarks: tuple[str, ...]
    measured: Mapping[str, Vitals]

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> Material:
        landmarks = shared_landmarks(one.skeleton for one in recordings)
        measured = {one.id: measure_vitals(prepare(one, landmarks, _SETTINGS), landmarks) for one in recordings}
        return cls(recordings, landmarks, measured)

    def suspected(self, one: Recording) -> list[Suspicion]:
        """What is suspected of a recording beside all others."""
        poses = prepare(one, self.landmarks, _SETTINGS)
        labels = one.labels[CHANNEL].values[poses.native_frames] if CHANNEL in one.labels else None
        others = [found for name, found in self.measured.items() if name != one.id]
        return find_suspicions(QualityInput(poses, one.unit, labels), measure_vitals(poses, self.landmarks), others)

    def faulty(self, fault: Fault) -> Iterator[tuple[list[Suspicion], int | None]]:
        """What is suspected of each recording with a fault, and where that is; of those that can have it."""
        for number, one in enumerate(self.recordings):
            try:
                given, where = fault.apply(one, np.random.default_rng(number))
            except (StopIteration, ValueError, IndexError):
                continue
            yield self.suspected(given), where


def is_seen(fault: Fault, found: Sequence[Suspicion], where: int | None) -> bool:
    """Whether a suspicion names the fault, and where it is."""
    own = [one for one in found if one.kind in fault.kinds]
    if fault.kinds == ("exchanged",):
        assert where is not None
        return any(abs(frame - where) <= 30 for one in own for frame in one.frames)
    return bool(own)


def dyads(data: Path) -> Material:
    recordings = read_recordings(data / "dyads" / "tracks", frame_rate=30.0)
    annotations = read_annotations(data / "dyads" / "annotations")
    return Material.of(attach(recordings, annotations, CHANNEL, UNJUDGED, notify=lambda _: None))


def with_sides(data: Path) -> list[Material]:
    """Pieces of the recordings whose landmarks tell left from right, each file's on their own."""
    made = []
    for name in WITH_SIDES:
        for one in read_recordings(data / name, frame_rate=30.0, notify=lambda _: None):
            length = min(_PIECE_S * 30, one.frames // 4)
            pieces = [
                replace(
                    one,
                    id=f"{one.id}-{start}",
                    positions=one.positions[start : start + length],
                    confidence=None if one.confidence is None else one.confidence[start : start + length],
                    labels={},
                    series={},
                    content_hash=None,
                )
                for start in range(0, one.frames - length + 1, length)
            ]
            made.append(Material.of(pieces))
    return made


def strangers(whole: Material, pieces: Sequence[Material]) -> Iterator[str]:
    """What an encoder of one half of the dyads finds strange in the other half, and in recordings of other labs."""
    known = median_vitals([whole.measured[one.id] for one in whole.recordings[::2]])
    held_out = [whole.measured[one.id] for one in whole.recordings[1::2]]
    others = [found for material in pieces for found in material.measured.values()]
    yield "| strange to an encoder of 20 dyads | recordings | speed or proportions beyond its own |"
    yield "|---|---|---|"
    for name, given in (("the other dyads", held_out), ("pieces of other recordings", others)):
        seen = [found for found in given if any(check_against_pretraining("", found, known))]
        yield f"| {name} | {len(given)} | {len(seen)} |"
    yield ""


def report(data: Path) -> str:
    """The tables, in Markdown."""
    whole, pieces = dyads(data), with_sides(data)
    count = sum(len(one.recordings) for one in pieces)
    lines = [
        f"| fault | seen in {len(whole.recordings)} dyads | seen in {count} pieces of recordings with sides |",
        "|---|---|---|",
    ]
    for fault in tqdm((*FAULTS, *LABEL_FAULTS), "faults", leave=False):
        columns = []
        for materials in ([whole], pieces):
            if fault in LABEL_FAULTS and materials is pieces:
                columns.append("no labels")
                continue
            seen = [is_seen(fault, *one) for material in materials for one in material.faulty(fault)]
            columns.append(f"{sum(seen)} of {len(seen)}")
        lines.append(f"| {fault.name} | {' | '.join(columns)} |")
    alarms = [
        [found for material in materials for one in material.recordings for found in material.suspected(one)]
        for materials in ([whole], pieces)
    ]
    counts = [Counter(one.kind for one in found) for found in alarms]
    lines += ["", *strangers(whole, pieces)]
    lines += ["| suspected of recordings as they are | dyads | pieces |", "|---|---|---|"]
    for kind in sorted(set(counts[0]) | set(counts[1])):
        lines.append(f"| {kind} | {' | '.join(str(found[kind]) for found in counts)} |")
    lines += ["", *(f"- {one.video}: {one.kind}: {one.evidence}" for found in alarms for one in found)]
    return "\n".join(lines)


def main() -> None:
    """Measure, and write and print results.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the real recordings")
    text = f"`python -m experiments.checks.run`\n\n{report(parser.parse_args().data)}\n"
    print(text)
    (HERE / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
