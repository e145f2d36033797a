"""Coverage on the dyads: how often the 95 % interval that ``finetune`` prints holds the score on all other videos.

    python -m experiments.dyads.coverage

Draws 3, 5, 8, 10 or 20 labelled videos from the 40, fits a model as ``finetune`` does, cross-validation and decoder
included, and scores it on the videos that were not drawn. To be affordable, the model is a linear head on a frozen
encoder (300 steps of pretraining, 10 Hz), without trees and with few steps. All videos are embedded once.

A second table scores the final model on 3, 5, 8 or 10 of the other videos, as ``evaluate`` does, and counts how often
that interval holds the score on the remaining ones.

The target is itself a sample. The score on 40 - n videos differs by chance from the score on all videos of the kind,
so even a perfect interval of the latter holds less than 95 % of the former: the variance of the difference is larger
by the factor 40 / (40 - n), which is 1.1 for 3 videos and 2 for 20. The table therefore gives two numbers: how often
the interval as printed holds the score on the rest, and how often it does once it is widened by the root of that
factor, which is its coverage of the score on all videos of the kind.

The printed interval was chosen among several on the first 24 draws of each size; ``later`` in the table is its coverage
in the draws after these. Draws of 20 of 40 videos overlap, so their rows depend on each other more than those of 3 do.
Fitted draws stay in runs/dyads/coverage and are not computed again; delete the folder after a change of the training or
the decoder.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.dyads import protocol
from experiments.dyads.protocol import DATA, RUNS, Dyads
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.inference import EmbeddingsByPair, embed_all
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.bootstrap import allow_for_learning, interval, resamples, score_resamples
from ssl_behavior.scoring.frames import class_scores, confusion
from ssl_behavior.scoring.report import ScoredVideo
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.training.cross_validation import fit_calibrated_decoder
from ssl_behavior.training.finetuning import cross_validate
from ssl_behavior.training.supervised import Supervision, train_classifier

HERE, FOLDER = Path(__file__).parent, RUNS / "coverage"
SIZES = (3, 5, 8, 10, 20)
_RESAMPLES = 1000
_CHOSEN_ON = 24
_PREPARATION = Preparation(frame_rate=10.0)
_HEAD = Supervision(tune="linear", steps=40, learning_rate=3e-3, trees=0)


@dataclass(frozen=True, eq=False)
class Draw:
    """Confusions of a draw's videos, by models that saw others, and of all other videos, by the final model.

    ``labels`` count decoded labels, ``chances`` sum calibrated probabilities: (video, class, class), true class by row.
    """

    labels: np.ndarray
    chances: np.ndarray
    rest_labels: np.ndarray
    rest_chances: np.ndarray


def load_encoder_and_dyads(data: Path) -> tuple[Encoder, Dyads]:
    """Read the videos, and pretrain the encoder on all their tracks unless that was done before."""
    folder = FOLDER / "encoder"
    if not (folder / "config.yaml").exists():
        pretrain(
            PretrainConfig(
                recordings=(data / "tracks",), output=folder, steps=300, preparation=_PREPARATION, probe_every=0,
                frame_rate=30.0,
            )
        )  # fmt: skip
    return load_encoder(folder), protocol.load(data, _PREPARATION.frame_rate)


def split(videos: Sequence[LabelledPoses], size: int, number: int) -> tuple[list[LabelledPoses], list[LabelledPoses]]:
    """Return the videos of a draw, and all others."""
    order = np.random.default_rng((size, number)).permutation(len(videos))
    chosen, rest = ([videos[i] for i in sorted(part)] for part in (order[:size], order[size:]))
    return chosen, rest


def fit(
    chosen: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    encoder: Encoder,
    embedded: EmbeddingsByPair,
    seed: int,
) -> tuple[list[np.ndarray], Model]:
    """Return the logits of the chosen videos, from models that saw others, and the final model."""
    torch.manual_seed(seed)
    classifier = Classifier(encoder, "linear", len(behaviours))
    logits, _ = cross_validate(classifier, chosen, behaviours, _HEAD, seed, "float32", embedded)
    train_classifier(classifier, chosen, _HEAD, seed, "float32", embedded)
    return logits, Model((classifier.eval(),))


def fit_draw(
    chosen: Sequence[LabelledPoses],
    rest: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    encoder: Encoder,
    embedded: EmbeddingsByPair,
    seed: int,
) -> Draw:
    """Cross-validate, fit the decoder and the final model, and count what both find."""
    rate = encoder.preparation.frame_rate
    logits, model = fit(chosen, behaviours, encoder, embedded, seed)
    decoder, held_out = fit_calibrated_decoder(logits, chosen, behaviours, rate)
    found = []
    for video in rest:
        probabilities = decoder.probabilities(model.logits(video, embedded))
        labels = decoder.decoder.decode(probabilities, rate)
        found.append(ScoredVideo(video.poses.id, video.labels, labels, probabilities, rate))
    return Draw(*_counts(held_out, len(behaviours)), *_counts(found, len(behaviours)))


def _counts(videos: Sequence[ScoredVideo], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames by true class and by predicted class, or by probability: twice (video, class, class)."""
    labels = np.stack([confusion(video.truth, video.predicted, classes) for video in videos])
    chances = np.zeros(labels.shape)
    for video, sums in zip(videos, chances, strict=True):
        is_scored = video.truth != UNSCORED
        np.add.at(sums, video.truth[is_scored], np.asarray(video.probabilities)[is_scored])
    return labels, chances


def fitted_draws(data: Path, sizes: Sequence[int], draws: int) -> Iterator[tuple[int, Draw]]:
    """Yield every draw with its number of labelled videos; those that are stored are not fitted again."""
    wanted = [(size, number) for number in range(draws) for size in sizes]
    if all(_path(*each).exists() for each in wanted):
        yield from ((size, _read(_path(size, number))) for size, number in wanted)
        return
    encoder, dyads = load_encoder_and_dyads(data)
    videos = [video.labelled for video in dyads.videos.values()]
    embedded = embed_all(encoder, videos)
    for size, number in wanted:
        if not _path(size, number).exists():
            chosen, rest = split(videos, size, number)
            draw = fit_draw(chosen, rest, dyads.behaviours, encoder, embedded, number)
            with_lists = {name: values.tolist() for name, values in asdict(draw).items()}
            write_text(_path(size, number), json.dumps(with_lists) + "\n")
        yield size, _read(_path(size, number))


def _path(size: int, number: int) -> Path:
    return FOLDER / f"{size}-{number}.json"


def _read(path: Path) -> Draw:
    return Draw(**{name: np.array(values) for name, values in json.loads(path.read_text()).items()})


def percentiles(counts: np.ndarray, _: float) -> tuple[float, float]:
    """Return the interval as it was before: percentiles of the resamples."""
    low, high = np.quantile(_resampled(counts), [0.025, 0.975])
    return float(low), float(high)


def as_printed(counts: np.ndarray, share: float) -> tuple[float, float]:
    """Return the interval of the product, for models that saw a share of the labelled videos."""
    bounds = allow_for_learning(interval(_macro_f1(counts.sum(0)), _resampled(counts), len(counts)), share)
    assert bounds is not None  # there are three videos or more
    return float(bounds[0]), float(bounds[1])


METHODS = {"percentiles": percentiles, "as printed": as_printed}


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    return np.nanmean(class_scores(sums).f1, -1)


def _resampled(counts: np.ndarray) -> np.ndarray:
    times_drawn = resamples(counts.sum(-1), _RESAMPLES, np.random.default_rng(0))
    return np.nanmean(score_resamples(counts, times_drawn, lambda sums: class_scores(sums).f1), -1)


def finetune_rows(draws: Sequence[tuple[int, Draw]]) -> Iterator[dict[str, Any]]:
    """Yield a row per number of labelled videos and method: how often the interval holds the score on the rest."""
    for size in sorted({size for size, _ in draws}):
        chosen = [draw for number, draw in draws if number == size]
        share = 1 - math.ceil(size / _HEAD.folds) / size
        cases = [(draw.labels, draw.rest_labels) for draw in chosen]
        yield from _rows(f"finetune, {size} labelled", cases, share, 1)


def evaluate_rows(draws: Sequence[tuple[int, Draw]]) -> Iterator[dict[str, Any]]:
    """Yield the same for some of the rest as test videos, and the remaining ones as the target."""
    for size in (3, 5, 8, 10):
        cases = []
        for number, (_, draw) in enumerate(draws):
            order = np.random.default_rng(number).permutation(len(draw.rest_labels))
            cases.append((draw.rest_labels[order[:size]], draw.rest_labels[order[size:]]))
        yield from _rows(f"evaluate, {size} tested", cases, 1.0, len({size for size, _ in draws}))


def _rows(
    what: str, cases: Sequence[tuple[np.ndarray, np.ndarray]], share: float, per_draw: int
) -> Iterator[dict[str, Any]]:
    scores = np.array([(_macro_f1(counts.sum(0)), _macro_f1(rest.sum(0))) for counts, rest in cases])
    widening = np.array([np.sqrt(1 + len(counts) / len(rest)) for counts, rest in cases])
    for name, method in METHODS.items():
        bounds = np.array([method(counts, share) for counts, _ in cases])
        (score, target), (low, high) = scores.T, bounds.T
        wide_low, wide_high = score - (score - low) * widening, score + (high - score) * widening
        held = (low <= target) & (target <= high)
        yield {
            "interval of": what,
            "method": name,
            "draws": len(cases),
            "score": score.mean(),
            "score on the rest": target.mean(),
            "holds it": held.mean(),
            "later": held[_CHOSEN_ON * per_draw :].mean(),
            "standard error": np.sqrt(held.mean() * (1 - held.mean()) / len(cases)),
            "holds it, widened": ((wide_low <= target) & (target <= wide_high)).mean(),
            "rest below": (target < low).mean(),
            "rest above": (target > high).mean(),
            "width": (high - low).mean(),
        }


def write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write ``path``.csv and ``path``.md, and print the table."""
    shown = [{key: f"{x:.3f}" if isinstance(x, float) else str(x) for key, x in row.items()} for row in rows]
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(shown[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(shown)
    lines = [f"| {' | '.join(shown[0])} |", "|---" * len(shown[0]) + "|"]
    lines += [f"| {' | '.join(row.values())} |" for row in shown]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def arguments(description: str | None) -> argparse.Namespace:
    """Parse the data's folder, the numbers of labelled videos and the number of draws of each."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with tracks/ and annotations/")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="numbers of labelled videos")
    parser.add_argument("--draws", type=int, default=60, help="draws of each number")
    return parser.parse_args()


def main() -> None:
    """Fit the missing draws, then write coverage.csv and coverage.md beside this file."""
    options = arguments(__doc__)
    draws = list(fitted_draws(options.data, options.sizes, options.draws))
    write([*finetune_rows(draws), *evaluate_rows(draws)], HERE / "coverage")


if __name__ == "__main__":
    main()
