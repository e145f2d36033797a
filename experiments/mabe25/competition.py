"""A simulated competition of five laboratories: the official score of simple rules, of trees and of our model.

    python -m experiments.mabe25.competition        (an hour and a half on two cores)

``simulate --layout mabe25`` writes the competition. Every row learns from its training videos, and is scored on its
test videos as the host scores:

- ``oracle``: an observer who knows the true actions and has the annotators' habits;
- ``commonest action``: the action with the most frames of a laboratory, in every frame of every pair that lists it;
- ``expert trees``: boosted trees on expert features alone;
- ``from scratch`` and ``pretrained``: our model, a network and trees, without and with pretraining on all tracks;
- ``ten networks``: ten pretrained networks, with the trees of five folds;
- ``stacked``: trees on the held-out scores of ``pretrained`` and on expert features.

Rules of decoding come from cross-validation over the training videos. Trainings are shorter than the default ones, and
the same for all rows. Results stay in runs/mabe25/competition; delete a file there after a change of the code.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.dyads.coverage import write
from experiments.mabe25.stack import stack_logits
from ssl_behavior.decoding import count_unit, fit_action_decoder
from ssl_behavior.formats.tracks.mabe25.submissions import write_submission
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import tree_logits
from ssl_behavior.models.pair_scheme import PairScheme
from ssl_behavior.models.tree_examples import fit_tree_member, tree_examples
from ssl_behavior.models.trees import Trees
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.predictions.official_scores import score_submission
from ssl_behavior.predictions.pair_labelling import submission_rows, units_to_predict
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.recordings.annotations import OTHER
from ssl_behavior.recordings.recording import Recording, lab_of, listed_behaviours
from ssl_behavior.simulate import SimulateConfig, simulate
from ssl_behavior.training.cross_validation import folds_by_video
from ssl_behavior.training.finetuning import train_model
from ssl_behavior.training.pair_finetuning import calibrated_units
from ssl_behavior.training.pair_inputs import pair_units, shown_behaviours
from ssl_behavior.training.supervised import Supervision

HERE, RUNS = Path(__file__).parent, Path("runs/mabe25/competition")
SETTINGS = Supervision(steps=40, trees=60)
PRETRAINING_STEPS = 2000


@dataclass(frozen=True, eq=False)
class Competition:
    """The videos of one competition, prepared for an encoder.

    Attributes:
        folder: its files.
        train: labelled pairs of the training videos.
        behaviours: names of the labels.
        scheme: the meaning of labels, with a decoder that is replaced for each row.
        recordings: test videos.
        test: pairs to predict in each of them.
    """

    folder: Path
    train: list[LabelledPoses]
    behaviours: tuple[str, ...]
    scheme: PairScheme
    recordings: list[Recording]
    test: list[list[LabelledPoses]]


Logits = tuple[list[np.ndarray], list[np.ndarray]]
"""(time, behaviour) of each pair of the training videos, by models of other videos; and of each of the test videos."""


def load(folder: Path, encoder: Encoder) -> Competition:
    """Read and prepare the videos of a competition."""
    train = [each for each in read_recordings(folder / "train", notify=lambda _: None) if each.labels]
    test = read_recordings(folder / "test", notify=lambda _: None)
    units, behaviours = pair_units(train, encoder, SETTINGS.clip_seconds)
    shares = calibrated_units(units, [], behaviours)[2]
    decoder = fit_action_decoder([], behaviours)
    scheme = PairScheme(behaviours, OTHER, shown_behaviours(train), (), (), tuple(shares.tolist()), 1.0, decoder)
    poses = prepare_all(test, encoder.landmarks, encoder.preparation)
    to_predict = [
        [unit for unit, _ in units_to_predict(scheme, each, lab_of(recording), listed_behaviours(recording))]
        for each, recording in zip(poses, test, strict=True)
    ]
    return Competition(folder, units, behaviours, scheme, test, to_predict)


def networks(
    competition: Competition, encoder: Encoder, seed: int, from_scratch: bool = False, members: int = 1
) -> Logits:
    """Scores of our model."""
    labs = tuple(sorted({unit.lab for unit in competition.train}))
    model, held_out = train_model(
        encoder, competition.train, competition.behaviours, SETTINGS, seed, "auto", from_scratch, None, members, labs
    )
    return held_out, [logits for units in competition.test for logits in model.logits_of_pairs(units)]


def trees(competition: Competition, seed: int) -> Logits:
    """Scores of boosted trees on expert features alone."""
    units, labs = competition.train, tuple(sorted({unit.lab for unit in competition.train}))
    examples, behaviours = tree_examples(units), len(competition.behaviours)

    def grown(chosen: Sequence[int]) -> Trees:
        found = fit_tree_member([examples[i] for i in chosen], behaviours, SETTINGS.trees, seed, None, labs)
        assert found is not None
        return found

    held_out = [np.empty(0)] * len(units)
    for fold in folds_by_video(units, behaviours, SETTINGS.folds):
        of_others = grown([i for i in range(len(units)) if i not in fold])
        for i in fold:
            held_out[i] = tree_logits(of_others, units[i])
    of_all = grown(range(len(units)))
    return held_out, [tree_logits(of_all, unit) for of_video in competition.test for unit in of_video]


def stacked(competition: Competition, found: Logits, seed: int) -> Logits:
    """Scores of trees on the scores of another row and on expert features."""
    test = [unit for units in competition.test for unit in units]
    return stack_logits(competition.train, found[0], competition.behaviours, seed, test, found[1])


def cached(name: str, compute: Callable[[], Logits]) -> Logits:
    """Return the scores in a file, or compute and store them."""
    file = RUNS / f"{name}.npz"
    if not file.exists():
        held_out, test = compute()
        file.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"held_out{i:05d}": values for i, values in enumerate(held_out)}
        np.savez(file, **arrays, **{f"test{i:05d}": values for i, values in enumerate(test)})
    with np.load(file) as stored:
        return tuple(  # type: ignore[return-value]
            [stored[key] for key in sorted(stored.files) if key.startswith(part)] for part in ("held_out", "test")
        )


def submit(competition: Competition, found: Logits, output: Path) -> Path:
    """Decode the scores of a row with rules from its held-out scores, and write the submission."""
    units, temperature, shares = calibrated_units(competition.train, found[0], competition.behaviours)
    decoder = fit_action_decoder([count_unit(unit) for unit in units], competition.behaviours)
    scheme = PairScheme(
        competition.behaviours, OTHER, competition.scheme.shown, (), (), tuple(shares.tolist()), temperature, decoder
    )
    rows, logits = [pd.DataFrame()], iter(found[1])
    for recording, of_video in zip(competition.recordings, competition.test, strict=True):
        for unit in of_video:
            values = unit.poses.to_native(scheme.probabilities(next(logits)))
            assert unit.asked is not None
            labels = decoder.decode(values, recording.frame_rate, unit.lab, unit.asked)
            tracked = np.ones(len(labels), int)
            prediction = Prediction(
                recording.id, scheme.behaviours, values, labels, recording.frame_rate, tracked, unit.pair
            )
            rows.append(submission_rows(prediction, OTHER))
    return write_submission(output, pd.concat(rows), [recording.id for recording in competition.recordings])


def commonest(competition: Competition, output: Path) -> Path:
    """Submit the action with the most frames of each laboratory, in every frame of every pair that lists it."""
    frames: dict[str, np.ndarray] = {}
    for unit in competition.train:
        counts = np.bincount(unit.labels[unit.labels >= 0], minlength=len(competition.behaviours))
        frames[unit.lab] = frames.get(unit.lab, np.zeros_like(counts)) + counts
    rows = [pd.DataFrame()]
    for recording in competition.recordings:
        action = competition.behaviours[int(frames[lab_of(recording)][:-1].argmax())]
        for (agent, target), listed in (listed_behaviours(recording) or {}).items():
            if action in listed:
                bout = {"video_id": recording.id, "agent_id": agent, "target_id": "self" if agent == target else target}
                rows.append(
                    pd.DataFrame([{**bout, "action": action, "start_frame": 0, "stop_frame": recording.frames}])
                )
    return write_submission(output, pd.concat(rows), [recording.id for recording in competition.recordings])


def rows_of(seed: int, members: int) -> list[dict[str, object]]:
    """Return a row per way for the competition of a seed."""
    folder = RUNS / f"files-{seed}"
    if not (folder / "test.csv").exists():
        simulate(SimulateConfig(folder, layout="mabe25", seed=seed, overwrite=True))
    encoders = RUNS / f"encoder-{seed}"
    if not (encoders / "config.yaml").exists():
        pretrain(
            PretrainConfig(recordings=(folder,), output=encoders, steps=PRETRAINING_STEPS, seed=seed, overwrite=True)
        )
    encoder = load_encoder(encoders)
    competition = load(folder, encoder)
    ways: dict[str, Callable[[], Logits]] = {
        "expert trees": lambda: trees(competition, seed),
        "from scratch": lambda: networks(competition, encoder, seed, from_scratch=True),
        "pretrained": lambda: networks(competition, encoder, seed),
    }
    if members:
        ways["ten networks"] = lambda: networks(competition, encoder, seed, members=members)
    ways["stacked"] = lambda: stacked(
        competition, cached(f"pretrained-{seed}", lambda: networks(competition, encoder, seed)), seed
    )
    submissions = {
        "oracle": folder / "oracle.csv",
        "commonest action": commonest(competition, RUNS / f"commonest-{seed}.csv"),
    }
    for name, way in ways.items():
        found = cached(f"{name.replace(' ', '-')}-{seed}", way)
        submissions[name] = submit(competition, found, RUNS / f"{name.replace(' ', '-')}-{seed}.csv")
    table = []
    for name, file in submissions.items():
        score = score_submission(file, [folder])
        table.append({"seed": seed, "row": name, "score": score.mean, **score.labs})
    return table


def main() -> None:
    """Compute what is missing, then write competition.csv and competition.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=int, default=10, help="networks of the row of several; 0 leaves it out")
    arguments = parser.parse_args()
    table = pd.DataFrame([row for seed in range(arguments.seeds) for row in rows_of(seed, arguments.members)])
    table.round(4).to_csv(HERE / "competition_by_seed.csv", index=False, lineterminator="\n")
    oracle = table.loc[table["row"] == "oracle"].set_index("seed")["score"]
    lines = []
    for name, group in table.groupby("row", sort=False):
        share = group.set_index("seed")["score"] / oracle
        spread = "" if len(group) < 2 else f" ± {group['score'].std(ddof=1):.3f}"
        line: dict[str, object] = {"row": name, "seeds": len(group), "score": f"{group['score'].mean():.3f}{spread}"}
        line["of the oracle"] = f"{share.mean():.2f}"
        line |= {lab: f"{group[lab].mean():.3f}" for lab in table.columns[3:]}
        lines.append(line)
    write(lines, HERE / "competition")


if __name__ == "__main__":
    main()
