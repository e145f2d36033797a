"""Atlases for benchmarks, of real recordings and of any number of simulated ones.

Embeddings differ from random vectors: few of their directions matter, and neighbouring frames are nearly the same.
Therefore, speed and recall are measured on embeddings, by an encoder that was pretrained for a few hundred steps on
recordings of the same kind. The atlases stay in runs/benchmarks; delete the folder after a change of the code.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.embedding import atlas_meta
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.compute.devices import resolve_precision
from ssl_behavior.compute.progress import progress
from ssl_behavior.embed import EmbedConfig, embed_recordings
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.prepare import prepare
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.simulation.simulator import simulate_recording

RUNS = Path("runs/benchmarks")
_STEPS = 400
_FRAMES = 54_000
"""Of a simulated recording: half an hour at 30 Hz, which is as many embeddings of two pairs at 15 Hz."""


def filmed(tracks: Path) -> tuple[Atlas, Atlas]:
    """The atlas of three in four of the real recordings, and the atlas of the others."""
    files = sorted(tracks.iterdir())
    encoder = _encoder("filmed", tracks)
    groups = {"filmed": [file for number, file in enumerate(files) if number % 4], "filmed-others": files[::4]}
    for name, group in groups.items():
        if not (RUNS / name / "settings.yaml").exists():
            embed_recordings(
                EmbedConfig(recordings=tuple(group), encoder=encoder, output=RUNS / name, half=True, overwrite=True)
            )
    first, others = (Atlas(RUNS / name) for name in groups)
    return first, others


def simulated(rows: int, seed: int = 0) -> Atlas:
    """An atlas of simulated recordings of half an hour each.

    Args:
        rows: the least number of embeddings.
        seed: of the simulation.
    """
    encoder = _encoder("simulated")
    network = load_encoder(encoder)
    network.precision = resolve_precision("auto", torch.device("cpu"))
    folder = RUNS / f"simulated-{rows}-{seed}"
    atlas = Atlas.create(folder, atlas_meta(network, half=True))
    wanted = [video for video in range(-(-rows // _FRAMES)) if f"{video:05d}" not in atlas]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        done = pool.map(partial(_add, folder, encoder, seed), wanted)
        list(progress(done, "simulating and embedding", total=len(wanted), unit="video", leave=False))
    return Atlas(folder)


def _encoder(name: str, *recordings: Path) -> Path:
    folder = RUNS / f"encoder-{name}"
    if not (folder / "weights.safetensors").exists():
        pretrain(PretrainConfig(recordings=recordings, output=folder, steps=_STEPS, probe_every=0))
    return folder


def _add(folder: Path, encoder: Path, seed: int, video: int) -> None:
    torch.set_num_threads(1)
    network, atlas = load_encoder(encoder), Atlas(folder)
    recording = simulate_recording(video, seed, _FRAMES, f"{video:05d}")
    poses = prepare(recording, network.landmarks, network.preparation)
    embeddings = {pair: embed(network, poses, pair).numpy() for pair in poses.pairs()}
    labels = {
        channel: replace(native, values=native.values[poses.native_frames])
        for channel, native in recording.labels.items()
    }
    atlas.add(EmbeddedVideo(poses, embeddings, labels, recording.unit, str(recording.source)))
