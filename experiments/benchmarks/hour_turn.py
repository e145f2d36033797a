"""One measurement of ``hour``: runs a command and prints the times of its steps as a line of JSON.

python -m experiments.benchmarks.hour_turn predict RECORDING MODEL OUTPUT
python -m experiments.benchmarks.hour_turn embed RECORDING ENCODER OUTPUT
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

from experiments.benchmarks.stopwatch import Stopwatch, Watched

_START = time.perf_counter()

from torch import Tensor, nn  # noqa: E402  (importing is timed)

from ssl_behavior.atlas import atlas  # noqa: E402
from ssl_behavior.cli.inputs import TracksConfig  # noqa: E402
from ssl_behavior.compute.malloc import keep_freed_memory  # noqa: E402
from ssl_behavior.decoding import CalibratedDecoder, Decoder  # noqa: E402
from ssl_behavior.models import checkpoints, encoder, inference, trees  # noqa: E402
from ssl_behavior.poses import expert_features  # noqa: E402
from ssl_behavior.poses.poses import Poses  # noqa: E402
from ssl_behavior.predictions import folder, labelling  # noqa: E402

predict, embedding = (import_module(f"ssl_behavior.{name}") for name in ("predict", "embed"))
_IMPORTS = time.perf_counter() - _START
NETWORK = "encoder's network"
_SHARED: tuple[Watched, ...] = (
    (TracksConfig, "read", "read"),
    (inference, "pair_clip", "clips"),
    (encoder.Encoder, "kinematics", "encoder's kinematics"),
    (encoder.TCN, "step", NETWORK),
)
PREDICTING: tuple[Watched, ...] = (
    *_SHARED,
    (checkpoints, "load_model", "load the model"),
    (predict, "prepare_all", "prepare"),
    (labelling, "count_tracked_animals", "count tracked animals"),
    (expert_features, "expert_features", "expert features"),
    (trees.Trees, "predict", "trees"),
    (CalibratedDecoder, "probabilities", "decode"),
    (Decoder, "decode", "decode"),
    (Poses, "to_native", "decode"),
    (folder.PredictionFolder, "write", "write"),
)
EMBEDDING: tuple[Watched, ...] = (
    *_SHARED,
    (checkpoints, "load_encoder", "load the encoder"),
    (embedding, "prepare_each", "prepare"),
    (atlas.Atlas, "add", "write"),
)


class Network:
    """Counts the work of the encoder's network.

    Attributes:
        operations: floating-point operations of its matrix products: two for each weight and frame.
        shapes: (frames, inputs, outputs) of the products of the largest call, by weight.
    """

    def __init__(self) -> None:
        self.operations = 0
        self.shapes: list[tuple[int, int, int]] = []
        self._step = encoder.TCN.step

    def __call__(self, network: nn.Module, x: Tensor, *arguments: Any, **keywords: Any) -> Any:
        """Count a call, and return the network's result."""
        frames = x.shape[0] * x.shape[1]
        matrices = [tuple(weight.shape) for weight in network.parameters() if weight.ndim == 2]
        self.operations += sum(2 * frames * inputs * outputs for outputs, inputs in matrices)
        self.shapes = max(self.shapes, [(frames, inputs, outputs) for outputs, inputs in matrices])
        return self._step(network, x, *arguments, **keywords)

    def counting(self) -> Any:
        """Within the block, calls of the network are counted."""
        return mock.patch.object(encoder.TCN, "step", lambda *arguments, **keywords: self(*arguments, **keywords))


def measure(command: str, recording: Path, checkpoint: Path, output: Path) -> dict[str, Any]:
    """Measure ``predict`` or ``embed`` of one recording: seconds in all and by step, and operations of the network.

    Args:
        command: predict or embed.
        recording: a file of tracks at 30 Hz.
        checkpoint: the model's folder, or the encoder's.
        output: folder for the results.
    """
    stopwatch, network = Stopwatch(), Network()
    start = time.perf_counter()
    with network.counting(), stopwatch.watching(PREDICTING if command == "predict" else EMBEDDING):
        if command == "predict":
            config = predict.PredictConfig(recordings=(recording,), frame_rate=30.0, model=checkpoint, output=output)
            predict.predict(config)
        else:
            embedding.embed_recordings(
                embedding.EmbedConfig(recordings=(recording,), frame_rate=30.0, encoder=checkpoint, output=output)
            )
    seconds = time.perf_counter() - start
    result = {"imports": _IMPORTS, "seconds": seconds, "steps": dict(stopwatch.seconds)}
    return {**result, "operations": network.operations, "shapes": network.shapes}


if __name__ == "__main__":
    keep_freed_memory()  # as every command does
    print(json.dumps(measure(sys.argv[1], *map(Path, sys.argv[2:]))))
