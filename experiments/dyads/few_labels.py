"""F1 on ten held-out videos of the dyads for 3 to 30 labelled videos, with and without pretraining and trees.

    python -m experiments.dyads.few_labels --jobs 2

Pretrains an encoder on the tracks of the 30 videos that are not held out (inductive: it never sees the ten). Then
learns from each draw of labelled videos (see ``protocol``) in several ways, all with default settings:

- ``default``: the encoder tuned, with trees, and the decoder that cross-validation over the labelled videos chooses;
- ``default from scratch``: the same from random weights;
- ``network`` and ``network from scratch``: the network alone, without cross-validation;
- ``frozen linear``: a linear head on the frozen encoder;
- ``trees of the default``: these trees alone, also with the decision of the default.

All but the default are decided in several ways (see ``decisions``).

Results stay in runs/dyads and are not computed again; delete a variant's folder after a change of the code. Rows of
earlier versions stay in the table.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from scipy.special import softmax

from experiments.dyads import protocol, tables
from experiments.dyads.decisions import FREE, Decision
from experiments.dyads.protocol import HELD_OUT, RUNS, Dyads, FitPredict, Found, Task
from ssl_behavior.decoding import rebalance
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.ensemble import Model, tree_logits
from ssl_behavior.models.inference import embed_all
from ssl_behavior.models.tree_examples import fit_tree_member, tree_examples
from ssl_behavior.models.trees import Trees
from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.strips import Strip
from ssl_behavior.plots.style import save
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.finetuning import finetune_encoder, fresh_encoder
from ssl_behavior.training.supervised import Supervision, train_classifier

HERE = Path(__file__).parent
DEFAULTS = Supervision()
TREES = "trees of the default"
DECISIONS: Mapping[str, tuple[Decision, ...]] = {
    "default": ("its own",),
    "default from scratch": ("its own",),
    TREES: (*FREE, "as the default"),
}
"""Decisions of the variants that are not decided in all of ``FREE``."""


def pretrained(data: Path, name: str = "encoder", **settings: Any) -> Path:
    """Pretrain an encoder on the tracks of all but the held-out videos, unless it exists; returns its folder.

    Args:
        data: folder with tracks/ and annotations/ of the dyads.
        name: of the encoder's folder.
        settings: of ``PretrainConfig`` that differ from the defaults.
    """
    folder = RUNS / name
    if not (folder / "config.yaml").exists():
        tracks = sorted((data / "tracks").glob("*.csv.gz"))
        chosen = tuple(file for file in tracks if file.name.split("DLC")[0] not in HELD_OUT)
        pretrain(PretrainConfig(recordings=chosen, output=folder, **settings))
    return folder


def default(task: Task, encoder: Path, from_scratch: bool) -> Found:
    """Labels of the test videos by a model as ``finetune`` makes it."""
    train_videos, test_videos = _videos(task)
    learned = finetune_encoder(
        load_encoder(encoder), train_videos, task.behaviours, DEFAULTS, task.seed, "auto", from_scratch
    )
    return {video.poses.id: learned.label(video) for video in test_videos}


def network(task: Task, encoder: Path, from_scratch: bool, settings: Supervision = DEFAULTS) -> Found:
    """Probabilities (time, behaviour) of the test videos by the network alone."""
    train_videos, test_videos = _videos(task)
    settings = replace(settings, encoder_rate=1.0) if from_scratch else settings
    start = load_encoder(encoder)
    start = fresh_encoder(start, train_videos, task.seed) if from_scratch else start
    torch.manual_seed(task.seed)
    classifier = Classifier(copy.deepcopy(start), "linear", len(task.behaviours))
    embedded = embed_all(classifier.encoder, train_videos) if settings.tune == "linear" else None
    train_classifier(classifier, train_videos, settings, task.seed, "auto", embedded)
    model = Model((classifier.eval(),))
    return {video.poses.id: _probabilities(model.logits(video), task) for video in test_videos}


def trees(task: Task) -> Found:
    """Probabilities (time, behaviour) of the test videos by the trees of ``default`` alone."""
    train_videos, test_videos = _videos(task)
    examples = tree_examples(train_videos)
    grown = cast(Trees, fit_tree_member(examples, len(task.behaviours), DEFAULTS.trees, task.seed, description=None))
    return {video.poses.id: _probabilities(tree_logits(grown, video), task) for video in test_videos}


def _probabilities(logits: np.ndarray, task: Task) -> np.ndarray:
    """Probabilities for behaviours as frequent as in training, from log probabilities of equally frequent ones."""
    return rebalance(softmax(logits, axis=1), task.frequencies, power=-1.0)


def _videos(task: Task) -> tuple[list[LabelledPoses], list[LabelledPoses]]:
    """The labelled videos, and the test videos without labels."""
    labelled = [video.labelled for video in task.train]
    unlabelled = [
        LabelledPoses(poses, np.full(len(poses.positions), UNSCORED, np.int16), tuple(poses.pairs()))
        for poses in task.test
    ]
    return labelled, unlabelled


def picture(dyads: Dyads, videos: tuple[str, ...] = ("23", "46", "52")) -> None:
    """Draw truth and prediction of three held-out videos, by the model of the first draw of ten, if it exists."""
    path = RUNS / "default" / "10-0.0.npz"
    if not path.exists():
        return
    with np.load(path) as predicted:
        strips = [
            Strip(video, truth.poses.native_rate, {"truth": truth.filmed, "predicted": predicted[video]})
            for video in videos
            for truth in [dyads.videos[video]]
        ]
    save(ethogram(strips, dyads.behaviours), HERE / "ethogram.png")


def variants(encoder: Path) -> dict[str, FitPredict]:
    """Name of a variant -> the function that fits it, with this pretrained encoder."""
    return {
        "default": partial(default, encoder=encoder, from_scratch=False),
        "default from scratch": partial(default, encoder=encoder, from_scratch=True),
        "network": partial(network, encoder=encoder, from_scratch=False),
        "network from scratch": partial(network, encoder=encoder, from_scratch=True),
        "frozen linear": partial(network, encoder=encoder, from_scratch=False, settings=Supervision(tune="linear")),
        TREES: trees,
    }


def main() -> None:
    """Run the missing variants, then write few_labels.csv, few_labels.md and ethogram.png beside this file."""
    named = variants(RUNS / "encoder")
    arguments = protocol.arguments(__doc__, named)
    pretrained(arguments.data)
    dyads = protocol.load(arguments.data, Preparation().frame_rate)
    for name in arguments.variants:
        decisions = DECISIONS.get(name, FREE)
        protocol.run(name, named[name], dyads, arguments.sizes, arguments.draws, arguments.jobs, decisions)
    tables.write(protocol.done(named), HERE / "few_labels")
    picture(dyads)


if __name__ == "__main__":
    main()
