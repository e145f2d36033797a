"""F1 on ten held-out videos of the dyads for 3, 10 and 30 labelled videos: what pretraining and trees each add.

    python -m experiments.dyads.few_labels --jobs 2

Pretrains an encoder on the tracks of the 30 videos that are not held out (inductive: nothing of the ten is seen), then
learns from each draw of labelled videos (see ``protocol``) in several ways, all with the shipped defaults:

- ``default``: encoder tuned, trees beside it, read by what cross-validation over the labelled videos chooses;
- ``default from scratch``: the same, from random weights;
- ``network`` and ``network from scratch``: the network alone, the balanced decision, no cross-validation;
- ``frozen linear``: a linear head on the frozen encoder, read in the same way.

What is done is kept in runs/dyads and not done again: remove a variant's folder after a change of the code.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.dyads import protocol
from experiments.dyads.protocol import HELD_OUT, RUNS, Dyads, Found, Task
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.inference import embed_all
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


def pretrained(data: Path, name: str = "encoder", **settings: Any) -> Path:
    """Folder of an encoder pretrained on the tracks of all but the held-out videos, made if it is not there.

    Args:
        data: of the dyads.
        name: of the folder.
        settings: of ``PretrainConfig``, where they are not the defaults.
    """
    folder = RUNS / name
    if not (folder / "config.yaml").exists():
        tracks = sorted((data / "tracks").glob("*.csv.gz"))
        chosen = tuple(file for file in tracks if file.name.split("DLC")[0] not in HELD_OUT)
        pretrain(PretrainConfig(recordings=chosen, output=folder, **settings))
    return folder


def default(task: Task, encoder: Path, from_scratch: bool) -> Found:
    """Labels by what ``finetune`` makes."""
    train_videos, test_videos = _videos(task)
    learned = finetune_encoder(
        load_encoder(encoder), train_videos, task.behaviours, DEFAULTS, task.seed, "auto", from_scratch
    )
    found = {video.poses.id: learned.label(video) for video in test_videos}
    if not from_scratch:
        np.savez(RUNS / f"labels-{len(train_videos)}-{task.seed}.npz", **found)
    return found


def network(task: Task, encoder: Path, from_scratch: bool, settings: Supervision = DEFAULTS) -> Found:
    """Labels by the network alone, each frame the most probable behaviour if all were equally frequent."""
    train_videos, test_videos = _videos(task)
    settings = replace(settings, encoder_rate=1.0) if from_scratch else settings
    start = load_encoder(encoder)
    start = fresh_encoder(start, train_videos, task.seed) if from_scratch else start
    torch.manual_seed(task.seed)
    classifier = Classifier(copy.deepcopy(start), "linear", len(task.behaviours))
    embedded = embed_all(classifier.encoder, train_videos) if settings.tune == "linear" else None
    train_classifier(classifier, train_videos, settings, task.seed, "auto", embedded)
    model = Model(classifier.eval(), None)
    return {video.poses.id: video.poses.to_native(model.logits(video).argmax(1)) for video in test_videos}


def _videos(task: Task) -> tuple[list[LabelledPoses], list[LabelledPoses]]:
    """What is learned from, and what is tested on, without labels."""
    taught = [LabelledPoses(one.poses, one.labels, tuple(one.poses.pairs())) for one in task.train]
    blind = [
        LabelledPoses(one, np.full(len(one.positions), UNSCORED, np.int16), tuple(one.pairs())) for one in task.test
    ]
    return taught, blind


def picture(dyads: Dyads, videos: tuple[str, ...] = ("23", "46", "52")) -> None:
    """Draw truth over prediction of three held-out videos, learned from the first draw of ten, if that is done."""
    path = RUNS / "labels-10-0.npz"
    if not path.exists():
        return
    with np.load(path) as found:
        strips = [
            Strip(video, one.poses.native_rate, {"truth": one.filmed, "predicted": found[video]})
            for video in videos
            for one in [dyads.videos[video]]
        ]
    save(ethogram(strips, dyads.behaviours), HERE / "ethogram.png")


def main() -> None:
    """Run what is missing, then write few_labels.csv, few_labels.md and ethogram.png beside this file."""
    variants = {
        "default": partial(default, from_scratch=False),
        "default from scratch": partial(default, from_scratch=True),
        "network": partial(network, from_scratch=False),
        "network from scratch": partial(network, from_scratch=True),
        "frozen linear": partial(network, from_scratch=False, settings=Supervision(tune="linear")),
    }
    arguments = protocol.arguments(__doc__, variants)
    encoder = pretrained(arguments.data)
    dyads = protocol.load(arguments.data, Preparation().frame_rate)
    for name in arguments.variants:
        fit_predict = partial(variants[name], encoder=encoder)
        protocol.run(name, fit_predict, dyads, arguments.sizes, arguments.draws, arguments.jobs)
    protocol.write(protocol.done(variants), HERE / "few_labels")
    picture(dyads)


if __name__ == "__main__":
    main()
