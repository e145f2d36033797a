"""One turn of ssl_behavior, in a process of its own; the last line printed is JSON. See ``pretraining``.

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
    (models_encoder.Encoder, "masked", "kinematics"),
    (summaries, "summaries", "summaries' targets"),
    (pretraining, "effective_rank", "rank"),
    (pretraining.Pretraining, "forward", "forward"),
    (torch.Tensor, "backward", "backward"),
    (torch.nn.utils, "clip_grad_norm_", "optimiser"),
    (torch.optim.AdamW, "step", "optimiser"),
)
"""Steps of pretraining; the forward pass is what is left of the objective: the network, its heads and the losses."""


def train(folder: Path, output: Path, steps: int) -> dict[str, Any]:
    """Seconds of each step of ``pretrain`` with the shipped settings, and which share of them went where.

    Args:
        folder: of tracks at 30 Hz.
        output: for the encoder.
        steps: to take.
    """
    config = PretrainConfig(recordings=(folder,), frame_rate=30.0, output=output, steps=steps, probe_every=0)
    stopwatch, starts, modules = Stopwatch(), [], []
    advance = state.TrainingState.advance

    def noted(run: state.TrainingState, *given: Any) -> dict[str, float]:
        starts.append(time.perf_counter())
        modules[:] = [run.module.module]  # within what Fabric makes of it
        if run.step == steps // 2:
            stopwatch.seconds.clear()  # of the first half, in which all is done for the first time
        return advance(run, *given)

    with mock.patch.object(state.TrainingState, "advance", noted), stopwatch.watching(WATCHED):
        pretrain(config)
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in modules[0].named_children()}
    return {
        "seconds": [stop - start for start, stop in pairwise(starts)],
        "passes": config.batch * round(config.clip_seconds * config.preparation.frame_rate) * _views(config),
        "parameters": parts["encoder"],
        "with heads": sum(parts.values()),
        "split": {name: seconds / stopwatch.seconds.total() for name, seconds in stopwatch.seconds.items()},
    }


def _views(config: PretrainConfig) -> int:
    return 2 if "contrast" in config.objective.weights() else 1


def embedding(recording: Path, encoder: Path, atlas: Path) -> dict[str, Any]:
    """Seconds for one ordered pair of a recording by ``encoders.embed``, and for all that the command ``embed`` does.

    Args:
        recording: a file of tracks at 30 Hz.
        encoder: folder that pretrain wrote.
        atlas: folder for the atlas.
    """
    network = checkpoints.load_encoder(encoder)
    poses = prepare(read_recordings(recording, frame_rate=30.0)[0], network.landmarks, network.preparation)
    embed(network, poses, poses.pairs()[0])  # once to warm up
    start = time.perf_counter()
    frames = len(embed(network, poses, poses.pairs()[0]))
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    config = EmbedConfig(recordings=(recording,), frame_rate=30.0, encoder=encoder, output=atlas, overwrite=True)
    made = embed_recordings(config)
    return {"frames": frames, "seconds": seconds, "rows": made.rows, "all seconds": time.perf_counter() - start}


if __name__ == "__main__":
    keep_freed_memory()  # as commands do
    what, *given = sys.argv[1:]
    folders = [Path(one) for one in given[:2]]
    print(json.dumps(train(*folders, int(given[2])) if what == "train" else embedding(*folders, Path(given[2]))))
