"""One measurement of LISBET (https://github.com/BelloneLab/lisbet); run it with the Python that has LISBET.

    PYTHON lisbet_turn.py train FOLDER OUTPUT STEPS    the command ``betman train_model`` for so many steps
    PYTHON lisbet_turn.py embed FOLDER OUTPUT FRAMES   an embedding of so many frames by the model that train wrote

Only the counter of LISBET's training loop is replaced: ours notes the time of every step and stops after the last. The
last line printed is JSON. This file imports nothing of this project, which is not installed there.
"""

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

TASKS = ("cons", "order", "shift", "warp")
BATCH, WINDOW = 32, 200
FIRST = 500
"""Frames that are embedded to be left out: a run's start is as long for few frames as for many."""


def train(folder, output, steps):
    from lisbet.cli import main
    from lisbet.training import core

    starts = []

    def counted(_batches, **_shown):
        for step in range(steps):
            starts.append(time.perf_counter())
            yield step
        starts.append(time.perf_counter())

    core.trange = counted
    words = ["train_model", folder, "--task_ids", ",".join(TASKS), "--epochs", "1", "--backbone_preset"]
    words += ["transformer-base", "--batch_size", str(BATCH), "--window_size", str(WINDOW), "--run_id", "turn"]
    sys.argv = ["betman", *words, "--output_path", output]
    main.app()
    seconds = [stop - start for start, stop in pairwise(starts)]
    return {"seconds": seconds, "passes": BATCH * len(TASKS) * WINDOW, **parameters(output)}


def parameters(output):
    import torch

    weights = torch.load(Path(output) / "models/turn/weights/weights_last.pt", weights_only=True)
    sizes = {name: value.numel() for name, value in weights.items()}
    return {"parameters": sum(n for name, n in sizes.items() if "backbone" in name), "with heads": sum(sizes.values())}


def embed(folder, output, frames):
    from lisbet.inference import common, embedding
    from lisbet.io import export_embedder, load_records

    models, remarks = Path(output) / "models", {}
    try:
        weights = models / "turn/weights/weights_last.pt"
        export_embedder(models / "turn/model_config.yml", weights, Path(output))
        model, _ = common.load_model_and_config(
            models / "turn-embedder/model_config.yml", models / "turn-embedder/weights/weights_last.pt", "cpu"
        )
    except Exception as error:  # any error; the table names it
        model, remarks = build(models), {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}
    record = load_records("DLC", folder)[0]
    import torch

    took = []
    for count in (FIRST, FIRST + frames):
        record_of = type(record)(id=record.id, posetracks=record.posetracks.isel(time=slice(count)), annotations=None)
        start = time.perf_counter()
        embeddings = common.predict_record(
            record_of, model, torch.device("cpu"), WINDOW, 0, 1.0, 128, embedding._embedding_forward
        )
        took.append(time.perf_counter() - start)
        assert len(embeddings) == count
    return {"frames": frames, "seconds": took[1] - took[0], **remarks}


def build(models):
    """Make the model as export_embedder does, by the functions that it calls."""
    import torch
    import yaml
    from lisbet.config.schemas import ModelConfig
    from lisbet.modeling.factory import create_model_from_config

    config = yaml.safe_load((models / "turn/model_config.yml").read_text())
    config["out_heads"] = {"embedding": {"output_token_idx": -1}}
    model = create_model_from_config(ModelConfig.model_validate(config))
    weights = torch.load(models / "turn/weights/weights_last.pt", weights_only=True)
    model.load_state_dict(weights, strict=False)
    return model.eval()


if __name__ == "__main__":
    task, folder, output, number = sys.argv[1:]
    print(json.dumps({"train": train, "embed": embed}[task](folder, output, int(number))))
