"""One measurement of ssl_behavior for ``pretraining``; the last line printed is JSON.

python -m experiments.benchmarks.own_turn train FOLDER OUTPUT STEPS
python -m experiments.benchmarks.own_turn embed RECORDING ENCODER ATLAS
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from experiments.benchmarks.stopwatch import Stopwatch, Watched
from ssl_behavior.compute.malloc import keep_freed_memory
from ssl_behavior.embed import EmbedConfig, embed_recordings
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.models import checkpoints
from ssl_behavior.models import encoder as models_encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses import sampling
from ssl_behavior.poses.prepare import prepare
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.training import state
from ssl_behavior.training.objectives import pretraining, summaries

STEP = "rest"
WATCHED: tuple[Watched, ...] = (
    (state.TrainingState, "advance", STEP),
    (sampling.ClipSampler, "draw", "data"),
    (pretraining, "warp", "views"),
    (pretraining, "augment", "views"),
    (pretraining, "mask", "masking"),
    (models_encoder.Encoder, "kinematics", "kinematics"),
    (models_encoder.Encoder, "mask_kinematics", "kinematics"),
    (summaries, "summaries", "summaries' targets"),
    (pretraining, "effective_rank", "rank"),
    (pretraining.Pretraining, "forward", "forward"),
    (torch.Tensor, "backward", "backward"),
    (torch.nn.utils, "clip_grad_norm_", "optimiser"),
    (torch.optim.AdamW, "step", "optimiser"),
)
"""Steps of pretraining; the forward pass is what is left of the objective: the network, its heads and the losses."""


def train(folder: Path, output: Path, steps: int) -> dict[str, Any]:
    """Measure the seconds of each step of ``pretrain`` with its default settings, and the shares of their parts.

    Args:
        folder: with tracks at 30 Hz.
        output: for the encoder.
        steps: of training.
    """
    config = PretrainConfig(recordings=(folder,), frame_rate=30.0, output=output, steps=steps, probe_every=0)
    stopwatch, starts, modules = Stopwatch(), [], []
    advance = state.TrainingState.advance

    def note_step(run: state.TrainingState, *arguments: Any) -> dict[str, float]:
        starts.append(time.perf_counter())
        modules[:] = [run.module.module]  # the module within Fabric's wrapper
        if run.step == steps // 2:
            stopwatch.seconds.clear()  # drop the first half, which includes warming up
        return advance(run, *arguments)

    with mock.patch.object(state.TrainingState, "advance", note_step), stopwatch.watching(WATCHED):
        pretrain(config)
    sizes = {name: sum(p.numel() for p in child.parameters()) for name, child in modules[0].named_children()}
    return {
        "seconds": [stop - start for start, stop in pairwise(starts)],
        "passes": config.batch * round(config.clip_seconds * config.preparation.frame_rate) * _views(config),
        "parameters": sizes["encoder"],
        "with heads": sum(sizes.values()),
        "split": {name: seconds / stopwatch.seconds.total() for name, seconds in stopwatch.seconds.items()},
    }


def _views(config: PretrainConfig) -> int:
    return 2 if "contrast" in config.objective.weights() else 1


def embedding(recording: Path, encoder: Path, atlas: Path) -> dict[str, Any]:
    """Measure the seconds of ``inference.embed`` for one ordered pair, and of the whole command ``embed``.

    Args:
        recording: a file of tracks at 30 Hz.
        encoder: folder that pretrain wrote.
        atlas: folder for the atlas.
    """
    network = checkpoints.load_encoder(encoder)
    poses = prepare(read_recordings(recording, frame_rate=30.0)[0], network.landmarks, network.preparation)
    embed(network, poses, poses.pairs()[0])  # to warm up
    start = time.perf_counter()
    frames = len(embed(network, poses, poses.pairs()[0]))
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    config = EmbedConfig(recordings=(recording,), frame_rate=30.0, encoder=encoder, output=atlas, overwrite=True)
    embedded = embed_recordings(config)
    return {"frames": frames, "seconds": seconds, "rows": embedded.rows, "all seconds": time.perf_counter() - start}


if __name__ == "__main__":
    keep_freed_memory()  # as every command does
    task, *words = sys.argv[1:]
    paths = [Path(word) for word in words[:2]]
    print(json.dumps(train(*paths, int(words[2])) if task == "train" else embedding(*paths, Path(words[2]))))
