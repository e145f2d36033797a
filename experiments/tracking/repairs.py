"""Are exchanges that were inserted into tracks found again, and is nothing else changed?

    python -m experiments.tracking.repairs    (three minutes)

Two animals are exchanged for good at random frames at which both are seen: far apart (more than 1.5 body lengths) or
close (less than .7).

- Real tracks whose names are true (those of ``trackers``): three exchanges in each, of the first two animals, four
  seeds; as they are, with animals or points missing, and every eighth frame. An exchange is repaired if the names are
  true, or all exchanged, from a second before it to a second after. *Wrong* is the share of frames whose names are not
  true in the end. Without inserted exchanges every change is wrong.
- The dyads, whose names are not known to be true: five exchanges in each recording. An exchange is repaired if the
  names agree, from three seconds before it to three seconds after, with those of the repaired recording into which
  nothing was inserted. *Other* counts changes of the names beside these. The penalty was chosen with the first half of
  the recordings; the second half was not looked at before.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.dyads.coverage import write
from experiments.tracking.trackers import CONDITIONS, DATA, degraded, sequences
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare_all
from ssl_behavior.quality.identity_swaps import find_swaps
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.tracking.association import typical_length
from ssl_behavior.tracking.exchanges import exchanged_names
from ssl_behavior.tracking.repair import DOUBTFUL, RepairResult, repair_recording

HERE = Path(__file__).parent
_FAR, _CLOSE = 1.5, 0.7
_SEEDS = 4
_INSERTED = {"true names": 3, "dyads": 5}
_MARGIN = 100
"""Frames at both ends of a recording without inserted exchanges."""


def spoilt(recording: Recording, rng: np.random.Generator, is_far: bool, number: int) -> tuple[Recording, np.ndarray]:
    """Exchange the first two animals at random frames; returns the frames, or none if there are too few."""
    tracks = np.asarray(recording.positions, float)
    with np.errstate(invalid="ignore"):
        centres = np.nansum(tracks, axis=2) / np.isfinite(tracks).sum(2)
    apart = np.linalg.norm(centres[:, 0] - centres[:, 1], axis=-1) / typical_length(tracks)
    fits = apart > _FAR if is_far else apart < _CLOSE
    fits[:_MARGIN] = fits[-_MARGIN:] = False
    if not number or fits.sum() < number:
        return recording, np.zeros(0, int)
    frames = np.sort(rng.choice(np.flatnonzero(fits), number, replace=False))
    is_exchanged = np.zeros(len(tracks), bool)
    for frame in frames:
        is_exchanged[frame:] ^= True
    tracks[is_exchanged, :2] = tracks[is_exchanged, 1::-1]
    return replace(recording, positions=tracks, content_hash=None), frames


def names_after(result: RepairResult) -> np.ndarray:
    """Return (time, animal) the track of each animal after a repair."""
    exchanges = [change.exchange for change in result.changes]
    return exchanged_names(exchanges, result.source.frames, len(result.source.individuals))


def is_true(names: np.ndarray, inserted: Sequence[int]) -> np.ndarray:
    """Return (time,) whether names (time, animal) undo the inserted exchanges of the first two animals."""
    undone = np.tile(np.arange(names.shape[1]), (len(names), 1))
    for frame in inserted:
        undone[frame:, :2] = undone[frame:, 1::-1]
    return np.asarray((names == undone).all(1))


def repaired(agrees: np.ndarray, inserted: Sequence[int], around: int) -> int:
    """Count the inserted exchanges around which names agree throughout, or nowhere."""
    windows = [agrees[max(frame - around, 0) : frame + around] for frame in inserted]
    return sum(bool(window.all() or not window.any()) for window in windows)


def _recording(name: str, tracks: np.ndarray, rate: float) -> Recording:
    individuals = tuple(f"animal{i}" for i in range(tracks.shape[1]))
    return Recording(name, tracks, individuals, Skeleton(tuple(f"k{i}" for i in range(tracks.shape[2]))), rate)


def true_names(whole: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Yield a row for each condition: inserted exchanges in tracks whose names are true."""
    for condition, settings in CONDITIONS.items():
        rate = 30 / settings.get("every", 1)
        row: dict[str, Any] = {"recordings": "true names", "condition": condition}
        for distance in ("none", "far", "close"):
            found = total = 0
            wrong, changes = [], []
            for name, tracks in whole.items():
                for seed in range(_SEEDS):
                    rng = np.random.default_rng(seed)
                    recording = _recording(name, degraded(tracks, rng, **settings), rate)
                    number = 0 if distance == "none" else _INSERTED["true names"]
                    recording, inserted = spoilt(recording, rng, distance == "far", number)
                    result = repair_recording(recording)
                    agrees = is_true(names_after(result), inserted)
                    found += repaired(agrees, inserted, round(rate))
                    total += len(inserted)
                    wrong.append(min((~agrees).mean(), agrees.mean()))
                    changes.append(1000 * len(result.changes) / recording.frames)
            if distance == "none":
                row["changes per 1,000 frames, none inserted"] = float(np.mean(changes))
            else:
                row[f"repaired, {distance}"] = f"{found} of {total}"
            row[f"wrong, {distance}"] = float(np.mean(wrong))
        yield row


def dyads(recordings: Sequence[Recording], name: str) -> dict[str, Any]:
    """Return a row: inserted exchanges in the dyads."""
    row: dict[str, Any] = {"recordings": "dyads", "condition": name}
    results = [repair_recording(recording) for recording in recordings]
    whole = [names_after(result) for result in results]
    changes = [change for result in results for change in result.changes]
    row["changes per recording"] = len(changes) / len(recordings)
    row["doubtful"] = sum(change.probability < DOUBTFUL for change in changes) / len(recordings)
    row["counted by check"] = counted_by_check([result.source for result in results]) / len(recordings)
    row["counted after"] = counted_by_check([result.recording for result in results]) / len(recordings)
    for distance in ("far", "close"):
        found = total = other = 0
        for seed, (recording, expected) in enumerate(zip(recordings, whole, strict=True)):
            changed, inserted = spoilt(recording, np.random.default_rng(seed), distance == "far", _INSERTED["dyads"])
            names = names_after(repair_recording(changed))
            undone = names[:, 0] ^ (np.searchsorted(inserted, np.arange(len(names)), side="right") % 2)
            agrees = undone == expected[:, 0]
            found += repaired(agrees, inserted, 90)
            total += len(inserted)
            other += int((np.diff(agrees) != 0).sum())
        row[f"repaired, {distance}"] = f"{found} of {total}"
        row[f"other, {distance}"] = other
    return row


def counted_by_check(recordings: Sequence[Recording]) -> int:
    """Count the exchanges that ``check`` sees; no independent evidence, as it looks at the same jumps."""
    landmarks = shared_landmarks(recording.skeleton for recording in recordings)
    prepared = prepare_all(recordings, landmarks, Preparation())
    return sum(len(find_swaps(poses)) for poses in prepared)


def main() -> None:
    """Insert exchanges, repair them, then write true_names.csv, inserted.csv and their .md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the recordings")
    data = parser.parse_args().data
    rows = list(true_names(sequences(data)))
    write(rows, HERE / "true_names")
    recordings = read_recordings(data / "dyads/tracks", notify=lambda _: None)
    halves = {"penalty chosen with them": recordings[::2], "not looked at before": recordings[1::2]}
    write([dyads(half, name) for name, half in halves.items()], HERE / "inserted")


if __name__ == "__main__":
    main()
