"""Label every ordered pair of a recording, and every animal by itself, with a model of pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ssl_behavior.errors import count_of, list_names
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.pair_scheme import PairScheme
from ssl_behavior.poses.labelled import LabelledPoses, labelled_pairs
from ssl_behavior.poses.poses import Poses
from ssl_behavior.predictions.labelling import count_tracked_animals
from ssl_behavior.predictions.tables import Prediction, bout_table
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording, lab_of, listed_behaviours


def predict_pairs(model: Model, scheme: PairScheme, poses: Poses, recording: Recording) -> list[Prediction]:
    """Label every frame of every pair in which some behaviour is looked for.

    Labels are decided at the frame rate of the recording itself, so that bouts start and stop as exactly as they can.

    Args:
        model: model that predicts.
        scheme: behaviours and decoder that belong to the model.
        poses: the recording, prepared for the model's encoder.
        recording: the recording itself; where it lists what to look for in which pair, nothing else is.

    Returns:
        A prediction per pair, at the recording's own frame rate; probabilities are 0 for behaviours that are not looked
        for.
    """
    lab, listed = lab_of(recording), listed_behaviours(recording)
    tracked = count_tracked_animals(recording, model.encoder.landmarks, model.encoder.preparation)
    units = units_to_predict(scheme, poses, lab, listed)
    predictions = []
    for (unit, asked), logits in zip(units, model.logits_of_pairs([unit for unit, _ in units]), strict=True):
        probabilities = poses.to_native(scheme.probabilities(logits))
        labels = scheme.decoder.decode(probabilities, recording.frame_rate, lab, asked)
        predictions.append(
            Prediction(poses.id, scheme.behaviours, probabilities, labels, recording.frame_rate, tracked, unit.pair)
        )
    return predictions


def units_to_predict(
    scheme: PairScheme, poses: Poses, lab: str, listed: Mapping[tuple[str, str], tuple[str, ...]] | None
) -> list[tuple[LabelledPoses, np.ndarray]]:
    """Return an unlabelled entry for each pair, and each animal by itself, in which some behaviour is looked for.

    With each comes (behaviour,) bool, the behaviours to look for.

    Args:
        scheme: behaviours of the model.
        poses: the recording.
        lab: name of its laboratory.
        listed: pair -> behaviours to look for; None if the recording lists nothing.
    """
    unlabelled = np.zeros(len(poses.positions), np.int16)
    pairs = scheme.pairs_of(poses.individuals) if listed is None else list(listed)
    units = []
    for pair in (pair for pair in pairs if set(pair) <= set(poses.individuals)):
        asked = scheme.asked(lab, pair, listed)
        if asked.sum() > 1:
            unit = LabelledPoses(poses, unlabelled, labelled_pairs(poses, pair), asked, lab, pair)
            units.append((unit, asked))
    return units


def summarize_pairs(predictions: Iterable[Sequence[Prediction]], background: str) -> Iterator[str]:
    """Describe predicted bouts in a few lines.

    Args:
        predictions: predictions of the pairs of each video; each is used once and not kept.
        background: the behaviour of frames in which nothing of interest happens.
    """
    bouts, seconds, videos, pairs = Counter[str](), defaultdict[str, float](float), 0, 0
    for of_video in predictions:
        videos, pairs = videos + 1, pairs + len(of_video)
        for each in of_video:
            for bout in Labels(each.behaviours, each.labels).bouts():
                if bout.behaviour != background:
                    bouts[bout.behaviour] += 1
                    seconds[bout.behaviour] += (bout.stop - bout.start) / each.frame_rate
    yield f"{count_of(videos, 'video')}, {count_of(pairs, 'pair')} (animals by themselves included)"
    if not bouts:
        yield "no bouts were found"
    for name, number in bouts.most_common():
        yield f"  {name}: {count_of(number, 'bout')}, {seconds[name]:,.1f} s"


def describe_labs(scheme: PairScheme, recordings: Sequence[Recording]) -> Iterator[str]:
    """Yield a sentence about recordings of laboratories that the model does not know.

    Examples:
        >>> list(describe_labs(scheme, recordings))  # doctest: +SKIP
        ['new lab: the model knows Adams and Brown; the rules over all laboratories hold']
    """
    unknown = sorted({lab_of(recording) for recording in recordings} - {"", *scheme.labs})
    if unknown and scheme.labs:
        yield (
            f"{list_names(unknown, 5)}: the model was trained on {list_names(scheme.labs, 5)}; what it learned of all "
            "of these is used, as annotators of other laboratories may have other habits"
        )


def submission_rows(prediction: Prediction, background: str) -> pd.DataFrame:
    """Return the bouts of a pair as rows of a submission to MABe-2025, without those of the background.

    Returns:
        The columns ``video_id``, ``agent_id``, ``target_id``, ``action``, ``start_frame`` and ``stop_frame``.
    """
    agent, target = prediction.pair or ("", "")
    bouts = bout_table(prediction)
    bouts = bouts[bouts["behaviour"] != background]
    return pd.DataFrame(
        {
            "video_id": prediction.id,
            "agent_id": agent,
            "target_id": "self" if agent == target else target,
            "action": bouts["behaviour"],
            "start_frame": bouts["start_frame"],
            "stop_frame": bouts["stop_frame"],
        }
    )
