"""Decoders on the dyads: is one that cross-validation over few labelled videos chooses better than a fixed one?

    python -m experiments.dyads.decoder_choice --sizes 3 5 8 10 --draws 24

Takes the draws, the encoder and the linear head of ``coverage``, and decodes all videos that were not drawn in several
ways: with the decoder that held-out videos choose (``decoding.fit_decoder``); with the balanced decision, smoothed
over a fixed time; and with less balance. The temperature is the fitted one. The last columns compare temperatures by
the log loss of the probabilities: the fitted one, the shrunk one (``shrunk_temperature``), and none.

Draws whose videos lack a behaviour are left out. Draws stay in the folder ``decoder_choice`` of ``protocol.RUNS`` and
are not computed again; delete it after a change of the training or the decoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.dyads.coverage import arguments, fit, load_encoder_and_dyads, split, write
from experiments.dyads.protocol import RUNS
from ssl_behavior.decoding import Decoder, balancing_weights, fit_decoder
from ssl_behavior.models.inference import embed_all
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.bouts import bout_counts, macro_bout_f1
from ssl_behavior.scoring.calibration import calibrate, fit_temperature
from ssl_behavior.scoring.frames import class_scores, confusion, macro_mean
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.training.cross_validation import shrunk_temperature

HERE = Path(__file__).parent
Scores = dict[str, list[float]]
"""Name of a decoder -> macro F1 of frames and of bouts; ``log loss`` -> one for each temperature."""


def decoders(shares: np.ndarray) -> dict[str, Decoder]:
    """Fixed decoders by name, for behaviours of these shares in training."""
    full, less = balancing_weights(shares), balancing_weights(shares, 0.75)
    named = {f"balanced, smoothed over {seconds:g} s": Decoder(full, seconds) for seconds in (0.0, 0.25, 0.5, 1.0)}
    return {**named, "balanced to the power 0.75, smoothed over 0.5 s": Decoder(less, 0.5)}


def scores(
    chosen: Sequence[LabelledPoses],
    held_out: Sequence[np.ndarray],
    rest: Sequence[LabelledPoses],
    logits: Sequence[np.ndarray],
    behaviours: Sequence[str],
    rate: float,
) -> Scores:
    """Score every decoder on the rest.

    Args:
        chosen: labelled videos.
        held_out: (time, behaviour) of each of them, from models that saw the others.
        rest: the videos to score.
        logits: (time, behaviour) of each of these.
        behaviours: names of the outputs.
        rate: Hz of the logits.
    """
    shares, truth = frequencies(chosen, len(behaviours)), [video.labels for video in chosen]
    temperature = fit_temperature(np.concatenate(held_out), np.concatenate(truth), shares)
    probabilities = [calibrate(values, temperature, shares) for values in held_out]
    chosen_decoder = fit_decoder(probabilities, truth, behaviours, rate, shares)
    calibrated = [calibrate(values, temperature, shares) for values in logits]
    tried = {"chosen by cross-validation": chosen_decoder, **decoders(shares)}
    found = {name: _f1(decoder, calibrated, rest, behaviours, rate) for name, decoder in tried.items()}
    shrunk = shrunk_temperature(temperature, len(chosen))
    return {**found, "log loss": [_log_loss(logits, rest, shares, each) for each in (temperature, shrunk, 1.0)]}


def _f1(
    decoder: Decoder,
    probabilities: Sequence[np.ndarray],
    videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    rate: float,
) -> list[float]:
    classes = len(behaviours)
    frames, bouts = np.zeros((classes, classes)), np.zeros((1, classes, 3))
    for values, video in zip(probabilities, videos, strict=True):
        labels = decoder.decode(values, rate)
        frames += confusion(video.labels, labels, classes)
        bouts += bout_counts(video.labels, labels, classes, (0.25,))
    return [float(macro_mean(class_scores(frames).f1, behaviours)), float(macro_bout_f1(bouts, behaviours)[0])]


def _log_loss(
    logits: Sequence[np.ndarray], videos: Sequence[LabelledPoses], shares: np.ndarray, temperature: float
) -> float:
    labels = np.concatenate([video.labels for video in videos])
    probabilities = calibrate(np.concatenate(logits), temperature, shares)[labels != UNSCORED]
    of_truth = probabilities[np.arange(len(probabilities)), labels[labels != UNSCORED]]
    return float(-np.log(np.maximum(of_truth, 1e-6)).mean())


def scored_draws(data: Path, sizes: Sequence[int], draws: int) -> Iterator[tuple[int, Scores]]:
    """Yield every draw with its number of labelled videos; those that are stored are not computed again."""
    encoder, dyads = load_encoder_and_dyads(data)
    videos = [video.labelled for video in dyads.videos.values()]
    embedded, rate = embed_all(encoder, videos), encoder.preparation.frame_rate
    for size, number in [(size, number) for size in sizes for number in range(draws)]:
        chosen, rest = split(videos, size, number)
        if not frequencies(chosen, len(dyads.behaviours)).all():
            continue
        path = RUNS / "decoder_choice" / f"{size}-{number}.json"
        if not path.exists():
            held_out, model = fit(chosen, dyads.behaviours, encoder, embedded, number)
            logits = [model.logits(video, embedded) for video in rest]
            write_text(path, json.dumps(scores(chosen, held_out, rest, logits, dyads.behaviours, rate)) + "\n")
        yield size, json.loads(path.read_text())


def rows(draws: Sequence[tuple[int, Scores]]) -> Iterator[Mapping[str, Any]]:
    """Yield a row for each number of labelled videos and decoder: means over draws, and spreads."""
    for size in sorted({size for size, _ in draws}):
        of_size = [found for each, found in draws if each == size]
        fitted, shrunk, none = np.mean([found["log loss"] for found in of_size], axis=0).tolist()
        for name in of_size[0]:
            if name != "log loss":
                values = np.array([found[name] for found in of_size])
                (frames, bouts), (spread, bout_spread) = values.mean(0).tolist(), values.std(0, ddof=1).tolist()
                yield {
                    "labelled videos": size,
                    "decoder": name,
                    "draws": len(of_size),
                    "macro F1": frames,
                    "spread": spread,
                    "bout F1@.25": bouts,
                    "spread of bouts": bout_spread,
                    "log loss, fitted temperature": fitted,
                    "shrunk": shrunk,
                    "none": none,
                }


def main() -> None:
    """Score the missing draws, then write decoder_choice.csv and decoder_choice.md beside this file."""
    options = arguments(__doc__)
    write(list(rows(list(scored_draws(options.data, options.sizes, options.draws)))), HERE / "decoder_choice")


if __name__ == "__main__":
    main()
