"""Decoding alone, on the real annotations of MABe-2025: what do rules per laboratory and action gain?

    python -m experiments.mabe25.decoding        (twenty minutes on one core)

No tracks of the competition are at hand, but its 847 annotation files are. For every listed pair this command makes up
the scores of a model at 15 Hz, and decodes them in several ways. A score is the truth, .1 s late and smoothed over .2
s, times a quality, plus noise: a part that changes within .3 s, a part that changes within 3 s, and an offset for each
video and action, as some animals are harder. The prior of each action in its laboratory is added, as a model learns it,
with an error for each laboratory and action (standard deviation .7 in log odds); the quality differs between them by a
third. So the numbers say how much decoding gains at a given quality of scores, and nothing about features or about a
place in the competition.

Each video is decoded with what was fitted to the videos of four other folds. No way that fits anything finds an action
that a laboratory never shows, and thresholds of the seed are fitted to what its own moving average leaves. The score is
F1 of frames at 15 Hz, mean over the actions of a laboratory, then over the 19 laboratories. Seeds change the noise and
the folds.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.special import softmax

from experiments.dyads.coverage import write
from ssl_behavior.decoding import ActionDecoder, DecodedUnit, count_unit, fit_action_decoder
from ssl_behavior.decoding.action_fitting import UnitCounts
from ssl_behavior.decoding.action_rules import ActionRule, runs
from ssl_behavior.formats.tracks.mabe25.metadata import clean_list
from ssl_behavior.recordings.annotations import OTHER
from ssl_behavior.scoring.pair_report import ScoredPair, pair_counts, pooled_score

HERE = Path(__file__).parent
QUALITIES = {"low": 3.0, "middle": 5.0, "high": 8.0}
"""Size of the truth in the scores; the noise has a standard deviation of about 2."""
_RATE, _LATE_S, _BLUR_S, _FOLDS = 15.0, 0.1, 0.2, 5
_SHORT_S = 0.2
_SEED_SMOOTHING, _SEED_GAP, _SEED_LEAST, _FIFTH_LEAST = 5, 2, 3, 5
"""Frames of the video in the post-processing of others."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The labels of one listed pair at 15 Hz, over the shared vocabulary."""

    video: str
    lab: str
    labels: np.ndarray
    asked: np.ndarray
    native_rate: float


def read_truth(data: Path) -> tuple[list[Truth], tuple[str, ...]]:
    """Read all listed pairs of the annotated videos, and the vocabulary with ``OTHER`` at its end."""
    with gzip.open(data / "train.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["behaviors_labeled"]]
    lists = {row["video_id"]: clean_list(row["behaviors_labeled"], row["video_id"]) for row in rows}
    behaviours = (*sorted({action for entries in lists.values() for _, _, action in entries}), OTHER)
    truths = []
    for row in rows:
        file = data / "train_annotation" / row["lab_id"] / f"{row['video_id']}.parquet"
        if file.exists():
            truths += _pairs(row, lists[row["video_id"]], pq.read_table(file).to_pandas(), behaviours)
    return truths, behaviours


def _pairs(
    row: Mapping[str, str], entries: Sequence[tuple[str, str, str]], bouts: pd.DataFrame, behaviours: Sequence[str]
) -> Iterator[Truth]:
    rate = float(row["frames_per_second"])
    # The tracks have the true length; without them, take what is annotated or stated, whichever is longer.
    seconds = max(float(row["video_duration_sec"]), bouts["stop_frame"].max() / rate)
    index = {name: i for i, name in enumerate(behaviours)}
    for agent, target in dict.fromkeys((agent, target) for agent, target, _ in entries):
        asked = np.array([(agent, target, name) in entries or name == OTHER for name in behaviours])
        labels = np.full(int(seconds * _RATE) + 1, len(behaviours) - 1, np.int16)
        own = bouts[(bouts["agent_id"] == int(agent[5:])) & (bouts["target_id"] == int(target[5:]))]
        for action, start, stop in zip(own["action"], own["start_frame"], own["stop_frame"], strict=True):
            if stop > start and asked[index[action]]:
                first = round(start * _RATE / rate)
                labels[first : max(first + 1, round(stop * _RATE / rate))] = index[action]
        yield Truth(row["video_id"], row["lab_id"], labels, asked, rate)


def simulate_scores(truths: Sequence[Truth], behaviours: int, quality: float, seed: int) -> list[DecodedUnit]:
    """Make up the probabilities of a model for each pair."""
    rng = np.random.default_rng(seed)
    priors = _priors(truths, behaviours)
    units, offsets = [], dict[str, np.ndarray]()
    labs = sorted(priors)
    errors = dict(zip(labs, rng.normal(0, 0.7, (len(labs), behaviours)), strict=True))
    factors = dict(zip(labs, np.exp(rng.normal(0, 0.3, (len(labs), behaviours))), strict=True))
    for truth in truths:
        chosen = np.flatnonzero(truth.asked)
        offset = offsets.setdefault(truth.video, rng.normal(0, 0.7, behaviours))
        shown = np.eye(behaviours, dtype=np.float32)[truth.labels][:, chosen]
        shown = gaussian_filter1d(np.roll(shown, round(_LATE_S * _RATE), 0), _BLUR_S * _RATE, axis=0)
        noise = sum(
            gaussian_filter1d(rng.normal(0, 1, shown.shape).astype(np.float32), sigma, axis=0) * size
            for sigma, size in ((0.3 * _RATE, 1.4 * _unit(0.3 * _RATE)), (3 * _RATE, 1.2 * _unit(3 * _RATE)))
        )
        prior = np.log(priors[truth.lab][chosen]) + errors[truth.lab][chosen]
        logits = quality * factors[truth.lab][chosen] * shown + noise + offset[chosen] + prior
        values = np.zeros((len(truth.labels), behaviours), np.float32)
        values[:, chosen] = softmax(logits, axis=1)
        units.append(DecodedUnit(truth.video, truth.lab, _RATE, values, truth.labels, truth.asked, truth.video))
    return units


def _unit(sigma: float) -> float:
    """Return what gives white noise, smoothed by a Gaussian of ``sigma`` frames, a standard deviation of 1 again."""
    return float(np.sqrt(2 * np.sqrt(np.pi) * sigma))


def _priors(truths: Sequence[Truth], behaviours: int) -> dict[str, np.ndarray]:
    """Return laboratory -> (behaviour,) share of each behaviour among the frames in which it was looked for."""
    priors = {}
    for lab in {truth.lab for truth in truths}:
        of_lab = [truth for truth in truths if truth.lab == lab]
        counts = sum(np.bincount(truth.labels, minlength=behaviours) for truth in of_lab)
        frames = sum(len(truth.labels) * truth.asked for truth in of_lab)
        priors[lab] = np.maximum(counts / np.maximum(frames, 1), 1e-5)
    return priors


def decoded(
    units: Sequence[DecodedUnit], truths: Sequence[Truth], behaviours: tuple[str, ...], seed: int
) -> dict[str, list[np.ndarray]]:
    """Return way of decoding -> held-out labels of all pairs."""
    videos = list(dict.fromkeys(unit.video for unit in units))
    fold_of = dict(zip(videos, np.random.default_rng(seed).permutation(len(videos)) % _FOLDS, strict=True))
    counts = [count_unit(unit) for unit in units]
    counts_of_seed = [count_unit(_as_the_seed_smooths(*pair)) for pair in zip(units, truths, strict=True)]
    found = {name: [np.empty(0)] * len(units) for name in _WAYS}
    for fold in range(_FOLDS):
        others = [i for i, unit in enumerate(units) if fold_of[unit.video] != fold]
        decoders = fitted([counts[i] for i in others], [counts_of_seed[i] for i in others], behaviours)
        for i, unit in enumerate(units):
            if fold_of[unit.video] == fold:
                for name, labels in _decode(unit, truths[i], decoders).items():
                    found[name][i] = labels
    return found


def _as_the_seed_smooths(unit: DecodedUnit, truth: Truth) -> DecodedUnit:
    frames = max(1, round(_SEED_SMOOTHING * _RATE / truth.native_rate))
    return replace(unit, probabilities=uniform_filter1d(unit.probabilities, frames, axis=0))


_OURS = "rules per laboratory and action"
_WAYS = (
    "argmax", "argmax, at least 5 frames (5th place)", "seed's post-processing, threshold .5",
    "seed's post-processing, thresholds per action", "rules per action",
    "rules per laboratory and action, not shrunk", f"{_OURS}, not smoothed", f"{_OURS}, no short bouts", _OURS,
)  # fmt: skip


def fitted(
    others: Sequence[UnitCounts], others_of_seed: Sequence[UnitCounts], behaviours: tuple[str, ...]
) -> dict[str, ActionDecoder]:
    """Return the decoders that are fitted to the videos of other folds."""
    ours = fit_action_decoder(others, behaviours)
    return {
        "rules per action": _common(ours),
        "rules per laboratory and action, not shrunk": fit_action_decoder(others, behaviours, shrinkage_bouts=0.0),
        f"{_OURS}, not smoothed": fit_action_decoder(others, behaviours, smoothings=(0,)),
        _OURS: ours,
        "seed's": _common(fit_action_decoder(others_of_seed, behaviours, smoothings=(0,))),
    }


def _common(decoder: ActionDecoder) -> ActionDecoder:
    """Return the decoder with the rules of all laboratories for each; none finds what a laboratory never shows."""
    return replace(decoder, rules={key: decoder.rules["", key[1]] for key in decoder.rules})


def _decode(unit: DecodedUnit, truth: Truth, decoders: Mapping[str, ActionDecoder]) -> dict[str, np.ndarray]:
    nothing = len(unit.asked) - 1
    argmax = unit.probabilities.argmax(1).astype(np.int16)
    frames = truth.native_rate / _RATE
    of_seed = decoders["seed's"]
    fixed = replace(of_seed, rules=dict.fromkeys(of_seed.rules, ActionRule(0.5)))
    smoothed = _as_the_seed_smooths(unit, truth).probabilities
    labels = {
        "argmax": argmax,
        "argmax, at least 5 frames (5th place)": _without_short(argmax, _FIFTH_LEAST / frames, nothing),
    }
    for name, decoder in (("threshold .5", fixed), ("thresholds per action", of_seed)):
        values = decoder.decode(smoothed, _RATE, unit.lab, unit.asked)
        values = _without_gaps(values, _SEED_GAP / frames, nothing)
        labels[f"seed's post-processing, {name}"] = _without_short(values, _SEED_LEAST / frames, nothing)
    for name, decoder in decoders.items():
        if name in _WAYS:
            labels[name] = decoder.decode(unit.probabilities, _RATE, unit.lab, unit.asked)
    labels[f"{_OURS}, no short bouts"] = _without_short(labels[_OURS], _SHORT_S * _RATE, nothing)
    return labels


def _without_short(labels: np.ndarray, frames: float, nothing: int) -> np.ndarray:
    labels = labels.copy()
    for behaviour in np.unique(labels[labels != nothing]):
        for start, stop in runs(labels == behaviour):
            if stop - start < frames:
                labels[start:stop] = nothing
    return labels


def _without_gaps(labels: np.ndarray, frames: float, nothing: int) -> np.ndarray:
    labels = labels.copy()
    for start, stop in runs(labels == nothing):
        is_inside = start > 0 and stop < len(labels)
        if is_inside and stop - start <= frames and labels[start - 1] == labels[stop]:
            labels[start:stop] = labels[start - 1]
    return labels


def rows(truths: Sequence[Truth], behaviours: tuple[str, ...], quality: str, seed: int) -> list[dict[str, object]]:
    """Return a row for each way of decoding."""
    units = simulate_scores(truths, len(behaviours), QUALITIES[quality], seed)
    table: list[dict[str, object]] = []
    for name, labels in decoded(units, truths, behaviours, seed).items():
        pairs = [ScoredPair(u.video, u.lab, u.truth, values) for u, values in zip(units, labels, strict=True)]
        videos, counts = pair_counts(pairs, behaviours)
        labs = sorted({lab for lab, _ in videos})
        score, of_labs = pooled_score(counts, [[i for i, (lab, _) in enumerate(videos) if lab == one] for one in labs])
        table.append(
            {"quality": quality, "seed": seed, "way": name, "F1": score, **dict(zip(labs, of_labs, strict=True))}
        )
    return table


def main() -> None:
    """Write decoding.csv, decoding.md and decoding_by_lab.csv beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mabe25"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    truths, behaviours = read_truth(arguments.data)
    table = pd.DataFrame(
        [
            row
            for quality in QUALITIES
            for seed in range(arguments.seeds)
            for row in rows(truths, behaviours, quality, seed)
        ]
    )
    mean = table.groupby(["way", "quality"], sort=False).mean(numeric_only=True).drop(columns="seed")
    mean.round(4).to_csv(HERE / "decoding_by_lab.csv", lineterminator="\n")
    by_seed = table.pivot(index=["quality", "seed"], columns="way", values="F1")
    lines = []
    for way in _WAYS:
        line: dict[str, object] = {"way of decoding": way}
        for quality in QUALITIES:
            scores = by_seed.loc[quality][way]
            spread = f" ± {scores.std(ddof=1):.3f}" if len(scores) > 1 else ""
            line[f"{quality} quality"] = f"{scores.mean():.3f}{spread}"
        lines.append(line)
    write(lines, HERE / "decoding")


if __name__ == "__main__":
    main()
