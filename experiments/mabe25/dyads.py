"""Two laboratories made of the dyads: what masks, laboratories, rules and stacked trees are worth on real tracks.

    python -m experiments.mabe25.dyads          (a quarter of an hour for each seed, after experiments.dyads.few_labels)

The 40 videos of two rodents are rendered as recordings of two laboratories, twenty each:

- **A** has five keypoints at 30 Hz, and asks for ``aggression`` and ``social``.
- **B** has three keypoints at 25 Hz in other units, asks for ``social`` and for seven rare kinds of aggression (channel
  S2), not for ``aggression``, and marks everything .2 s late.

Every model is trained five times, each time without a fifth of the videos of both laboratories. Temperatures, rules and
stacked trees are fitted to the videos of the other folds. The score is that of MABe-2025: F1 of frames, mean over the
behaviours of a laboratory, then over laboratories. The spread of a difference is the standard deviation over 1,000
resamples of the videos, paired.

The encoder was pretrained on the tracks of thirty of these videos. The trainings are shorter than the default ones, and
without trees beside the network.
Results stay in runs/mabe25 and are not computed again; delete a file there after a change of the code.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.dyads.coverage import write
from experiments.dyads.protocol import DATA
from experiments.mabe25.stack import stack_logits
from ssl_behavior.decoding import DecodedUnit
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.pairs import pair_channel
from ssl_behavior.recordings.recording import LAB, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.scoring.pair_report import ScoredPair, pair_counts, pooled_score
from ssl_behavior.training.finetuning import train_model
from ssl_behavior.training.pair_finetuning import calibrated_units, decode_held_out
from ssl_behavior.training.pair_inputs import pair_units
from ssl_behavior.training.supervised import Supervision

HERE, RUNS = Path(__file__).parent, Path("runs/mabe25/dyads")
ENCODER = Path("runs/dyads/0.2.0/encoder")
SETTINGS = Supervision(steps=20, trees=0, folds=5)
_KINDS = ("bite", "chase", "clinch", "freezing", "keepdown", "lateralthreat", "uprightposture")
_ASKED = {"A": ("aggression", "social"), "B": ("social", *_KINDS)}
_BEHAVIOURS = (*sorted({name for names in _ASKED.values() for name in names}), OTHER)
_MARGIN, _LATE_S, _RATE = 150, 0.2, {"A": 30.0, "B": 25.0}
_DRAWS = 1000


def recordings(data: Path) -> list[Recording]:
    """Return the forty videos as recordings of the two laboratories."""
    annotations = {item.id: item for item in read_annotations(data / "annotations", notify=lambda _: None)}
    tracks = read_recordings(data / "tracks", frame_rate=30.0, notify=lambda _: None)
    labelled = [recording for recording in tracks if recording.id in annotations]
    rendered = []
    for number, recording in enumerate(labelled):
        item, lab = annotations[recording.id], "AB"[number % 2]
        names, kinds = (_names(item, channel, recording.frames) for channel in ("S1", "S2"))
        values = np.full(recording.frames, len(_BEHAVIOURS) - 1, np.int16)
        for i, name in enumerate(_BEHAVIOURS[:-1]):
            if name in _ASKED[lab]:
                values[(kinds if name in _KINDS else names) == name] = i
        values[names == "base"] = UNSCORED
        rendered.append(_render(recording, values, lab))
    return rendered


def _names(annotations: Annotations, channel: str, frames: int) -> np.ndarray:
    """Return the name of the label of each frame, ``base`` where there is none."""
    if channel not in annotations.channels:
        return np.full(frames, "base")
    labels = annotations.labels(channel, annotations.vocabulary[channel], frames)
    return np.array([*labels.behaviours, "base"])[labels.values]


def _render(recording: Recording, values: np.ndarray, lab: str) -> Recording:
    """Return a recording of a laboratory: its keypoints, its frame rate, its unit, and its annotators' lateness."""
    scored = np.flatnonzero(values != UNSCORED)
    start, stop = max(0, scored[0] - _MARGIN), min(recording.frames, scored[-1] + 1 + _MARGIN)
    if lab == "B":
        late = round(_LATE_S * recording.frame_rate)
        values = np.where(values == UNSCORED, UNSCORED, np.concatenate([values[:1].repeat(late), values[:-late]]))
    frames = np.arange(start, stop, recording.frame_rate / _RATE[lab]).astype(int)
    points = [0, 1, 2] if lab == "B" else list(range(5))
    positions = recording.positions[frames][:, :, points] * (1.7 if lab == "B" else 1.0)
    confidence = None if recording.confidence is None else recording.confidence[frames][:, :, points]
    asked = (*_ASKED[lab], OTHER)
    first, second = recording.individuals
    labels = {
        pair_channel(pair): Labels(_BEHAVIOURS, values[frames], pair, asked)
        for pair in ((first, second), (second, first))
    }
    return replace(
        recording,
        positions=positions,
        confidence=confidence,
        skeleton=Skeleton(tuple(recording.skeleton.keypoints[i] for i in points)),
        frame_rate=_RATE[lab],
        labels=labels,
        metadata={LAB: lab},
        content_hash=None,
    )


def held_out_logits(
    name: str, seed: int, units: Sequence[LabelledPoses], drop_labs: float = SETTINGS.drop_labs
) -> list[np.ndarray]:
    """Return the logits of each unit by models that were trained on other videos, from a file if there is one."""
    file = RUNS / f"{name}-{seed}.npz"
    if not file.exists():
        settings, labs = replace(SETTINGS, drop_labs=drop_labs), tuple(_ASKED)
        _, logits = train_model(load_encoder(ENCODER), units, _BEHAVIOURS, settings, seed, "auto", members=5, labs=labs)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, *logits)
    with np.load(file) as arrays:
        return [arrays[key] for key in arrays.files]


def variants(units: Sequence[LabelledPoses], seed: int, stack: bool) -> dict[str, list[ScoredPair]]:
    """Return the held-out labels of every variant."""
    masked = held_out_logits("masked", seed, units)
    everything = [replace(unit, asked=np.ones(len(_BEHAVIOURS), bool)) for unit in units]
    unmasked = held_out_logits("unlisted-as-no", seed, everything)
    of_lab = held_out_logits("laboratory", seed, units, drop_labs=0.3)
    calibrated = calibrated_units(units, masked, _BEHAVIOURS)[0]
    found = {
        "all of it": _decoded(calibrated),
        "unlisted behaviours as absent": _decoded(calibrated_units(units, unmasked, _BEHAVIOURS)[0]),
        "the network knows the laboratory": _decoded(calibrated_units(units, of_lab, _BEHAVIOURS)[0]),
        "one rule for both laboratories": _decoded(calibrated, common=True),
    }
    if stack:
        of_stack, _ = stack_logits(units, masked, _BEHAVIOURS, seed)
        found["trees stacked on it"] = _decoded(calibrated_units(units, of_stack, _BEHAVIOURS)[0])
    return found


def _decoded(units: Sequence[DecodedUnit], common: bool = False) -> list[ScoredPair]:
    if not common:
        return decode_held_out(units, _BEHAVIOURS)
    decoded = decode_held_out([replace(unit, lab="") for unit in units], _BEHAVIOURS)
    return [replace(pair, lab=unit.lab) for pair, unit in zip(decoded, units, strict=True)]


def rows(found: Mapping[str, list[ScoredPair]], seed: int) -> list[dict[str, object]]:
    """Return a row per variant: its score, that of each laboratory, and the difference from the first one."""
    counts = {name: pair_counts(pairs, _BEHAVIOURS) for name, pairs in found.items()}
    videos = next(iter(counts.values()))[0]
    rng = np.random.default_rng(0)
    by_lab = [[i for i, (lab, _) in enumerate(videos) if lab == name] for name in "AB"]
    times = np.zeros((_DRAWS, len(videos)))
    for of_lab in by_lab:
        times[:, of_lab] = rng.multinomial(len(of_lab), np.full(len(of_lab), 1 / len(of_lab)), _DRAWS)
    score = {name: pooled_score(values, by_lab) for name, (_, values) in counts.items()}
    drawn = {
        name: np.array([pooled_score(values * each[:, None, None], by_lab)[0] for each in times])
        for name, (_, values) in counts.items()
    }
    first = next(iter(found))
    return [
        {
            "seed": seed,
            "variant": name,
            "F1": round(score[name][0], 4),
            "A": round(score[name][1][0], 4),
            "B": round(score[name][1][1], 4),
            "difference": round(score[name][0] - score[first][0], 4),
            "spread": round(float(np.std(drawn[name] - drawn[first])), 4),
        }
        for name in found
    ]


def main() -> None:
    """Compute what is missing, then write dyads.csv and dyads.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--stack", action="store_true", help="the row of stacked trees too (ten more minutes for a seed)"
    )
    arguments = parser.parse_args()
    units, behaviours = pair_units(recordings(arguments.data), load_encoder(ENCODER), SETTINGS.clip_seconds)
    assert behaviours == _BEHAVIOURS
    table = [row for seed in range(arguments.seeds) for row in rows(variants(units, seed, arguments.stack), seed)]
    frame = pd.DataFrame(table)
    frame.to_csv(HERE / "dyads_by_seed.csv", index=False, lineterminator="\n")
    write(summary(frame), HERE / "dyads")


def summary(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return a row per variant: means over the seeds, and of the differences with the spread over videos and seeds."""
    lines: list[dict[str, object]] = []
    for name, group in table.groupby("variant", sort=False):
        spread = np.sqrt((group["spread"] ** 2).mean() + group["difference"].var(ddof=0))
        lines.append(
            {
                "variant": name,
                "seeds": len(group),
                "F1": f"{group['F1'].mean():.3f}",
                "F1 of A": f"{group['A'].mean():.3f}",
                "F1 of B": f"{group['B'].mean():.3f}",
                "difference": "" if not lines else f"{group['difference'].mean():+.3f} ± {spread:.3f}",
            }
        )
    return lines


if __name__ == "__main__":
    main()
