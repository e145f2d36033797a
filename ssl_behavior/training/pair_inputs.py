"""Labels of ordered pairs as input of training: one entry per video and pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.pair_scheme import Shown
from ssl_behavior.poses.labelled import LabelledPoses, labelled_pairs
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.poses.sampling import require_length
from ssl_behavior.recordings.annotations import OTHER
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import Recording, lab_of
from ssl_behavior.scoring.pair_report import count_bouts


def shown_behaviours(recordings: Iterable[Recording]) -> dict[str, Shown]:
    """Return laboratory -> the behaviours with at least one frame in its recordings; "" for those of all.

    Args:
        recordings: recordings with labels of pairs.
    """
    alone: dict[str, set[str]] = {"": set()}
    to_others: dict[str, set[str]] = {"": set()}
    for recording in recordings:
        for labels in recording.labels.values():
            names = {labels.behaviours[i] for i in np.unique(labels.values) if i != UNSCORED} - {OTHER}
            for lab in ("", lab_of(recording)):
                (alone if labels.is_of_one else to_others).setdefault(lab, set()).update(names)
    return {
        lab: Shown(tuple(sorted(alone.get(lab, ()))), tuple(sorted(to_others.get(lab, ()))))
        for lab in dict.fromkeys([*alone, *to_others])
    }


def pair_units(
    recordings: Sequence[Recording], encoder: Encoder, clip_seconds: float, skip_bad: bool = False
) -> tuple[list[LabelledPoses], tuple[str, ...]]:
    """Prepare recordings for an encoder, with an entry for each labelled pair.

    A behaviour was looked for in a pair if the annotations list it; where they list nothing, if the laboratory shows it
    in any pair (or in any single animal, for what an animal does by itself).

    Args:
        recordings: recordings with labels of pairs, as from ``attach_pairs``.
        encoder: encoder that determines the landmarks and the preparation.
        clip_seconds: length of the clips to train on; shorter recordings cannot be used.
        skip_bad: print a recording that cannot be used and go on without it.

    Returns:
        The entries, video by video; and the behaviours that occur, ``OTHER`` last.

    Raises:
        InputError: a recording cannot be used, or no behaviour but ``OTHER`` occurs.
    """
    shown = shown_behaviours(recordings)
    behaviours = (*sorted({*shown[""].alone, *shown[""].to_others}), OTHER)
    if len(behaviours) < 2:
        raise InputError(
            f"expected bouts in {count_of(len(recordings), 'labelled video')}; found none: check --annotations, "
            "--unscored and --videos"
        )
    frames = round(clip_seconds * encoder.preparation.frame_rate)
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, skip_bad)
    recording_of = {recording.id: recording for recording in recordings}
    units = []
    for poses in require_length(all_poses, frames, skip_bad, "--supervision.clip-seconds"):
        recording = recording_of[poses.id]
        lab = lab_of(recording)
        for labels in recording.labels.values():
            if labels.pair is None or not set(labels.pair) <= set(poses.individuals):
                continue
            asked = _asked(labels, shown[lab], behaviours)
            values = labels.without({*labels.behaviours} - {*behaviours}).with_behaviours(behaviours).values
            values = values[poses.native_frames]
            if (values != UNSCORED).any() and asked.sum() > 1:
                pairs = labelled_pairs(poses, labels.pair)
                units.append(LabelledPoses(poses, values, pairs, asked, lab, labels.pair))
    return units, behaviours


def _asked(labels: Labels, shown: Shown, behaviours: Sequence[str]) -> np.ndarray:
    """Return (behaviour,) bool, the behaviours that were looked for in a pair."""
    names = labels.asked if labels.asked is not None else shown.alone if labels.is_of_one else shown.to_others
    occurring = {labels.behaviours[i] for i in np.unique(labels.values) if i != UNSCORED}
    return np.array([name in names or name in occurring or name == OTHER for name in behaviours])


def describe_units(units: Sequence[LabelledPoses], behaviours: Sequence[str]) -> list[str]:
    """Return lines to print about labelled pairs: laboratories, videos, pairs, behaviours and those with few bouts."""
    labs = sorted({unit.lab for unit in units} - {""})
    videos = {unit.poses.id for unit in units}
    bouts = dict.fromkeys(behaviours[:-1], 0)
    for unit in units:
        for i, name in enumerate(behaviours[:-1]):
            bouts[name] += count_bouts(unit.labels == i)
    lines = [
        f"labelled videos: {len(videos)}, with {count_of(len(units), 'labelled pair')} (animals by themselves included)"
        + (f", of the laboratories {list_names(labs, 20)}" if labs else "")
    ]
    lines.append(
        "bouts: " + ", ".join(f"{name} {count:,}" for name, count in sorted(bouts.items(), key=lambda x: -x[1]))
    )
    return lines
