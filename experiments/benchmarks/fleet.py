"""The overhead of a recording on Ray, against the plain command on the same files.

    python -m experiments.benchmarks.fleet

Both embed the same simulated recordings with an encoder of the default size and random weights, from and to a disk,
each process with one thread. Each worker embeds one recording before the clock starts, so that it is running and has
imported its modules. The overhead of a recording is measured with one worker.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "SSL_BEHAVIOR_CACHE": ""}

import logging
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import ray
import torch

from experiments.benchmarks import machine
from ssl_behavior.embed import EmbedConfig, embed_recordings
from ssl_behavior.embed_many import EmbedManyConfig, embed_many
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoints import save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.simulation.simulator import simulate_recordings

RECORDINGS, FRAMES = 30, 3000


def plain(folder: Path) -> float:
    """Measure ``embed``, in seconds."""
    torch.set_num_threads(1)
    config = EmbedConfig(encoder=folder / "encoder", recordings=(folder / "first",), output=folder / "plain")
    config = replace(config, device="cpu")
    embed_recordings(config)
    began = time.perf_counter()
    embed_recordings(replace(config, recordings=(folder / "tracks",)))
    return time.perf_counter() - began


def fleet(folder: Path, workers: int) -> float:
    """Measure ``embed_many`` with this number of workers, in seconds."""
    ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    output = str(folder / f"fleet-{workers}")
    config = EmbedManyConfig(encoder=str(folder / "encoder"), recordings=(str(folder / "first"),), output=output)
    embed_many(config)
    began = time.perf_counter()
    embed_many(replace(config, recordings=(str(folder / "tracks"),)))
    seconds = time.perf_counter() - began
    ray.shutdown()
    return seconds


def main() -> None:
    torch.manual_seed(0)
    with TemporaryDirectory() as name:
        folder = Path(name)
        save_encoder(folder / "encoder", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture()))
        recordings = simulate_recordings(RECORDINGS + 2, seed=0, frames=FRAMES)
        native.write(folder / "first", recordings[:2])  # one for each worker
        native.write(folder / "tracks", recordings[2:])
        seconds = {"`embed`, one process": plain(folder)}
        seconds |= {f"`embed_many`, {n} worker{'s' * (n > 1)}": fleet(folder, n) for n in (1, 2)}
    plain_time, worker_time, _ = seconds.values()
    rows = "\n".join(
        f"| {name} | {time:.1f} | {RECORDINGS / time:.1f} | {plain_time / time:.2f} |" for name, time in seconds.items()
    )
    machine.write(
        "fleet",
        f"""{RECORDINGS} recordings of {FRAMES:,} frames, two animals, embedded from and to a disk; starting Ray and its
workers is left out.

| | seconds | recordings per second | times `embed` |
|---|---|---|---|
{rows}

A unit costs {(worker_time - plain_time) / RECORDINGS * 1000:.0f} ms besides the embedding (one worker against `embed`).

{machine.about("ray")}""",
    )


if __name__ == "__main__":
    main()
