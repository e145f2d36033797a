"""Atlases to measure on: of animals that people filmed, and of as many simulated recordings as are asked for.

Embeddings are nothing like random vectors: few of their directions matter, and frames that follow one another are
nearly the same. So speed and recall are measured on embeddings, each by an encoder that was pretrained for a few
hundred steps on recordings of the same kind. All stay in runs/benchmarks; remove it after a change of the code.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.embedding import atlas_meta
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.compute.devices import resolve_precision
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
    """The atlas of three recordings of four, and that of the others."""
    files = sorted(tracks.iterdir())
    encoder = _encoder("filmed", tracks)
    parts = {"filmed": [file for place, file in enumerate(files) if place % 4], "filmed-others": files[::4]}
    for name, own in parts.items():
        if not (RUNS / name / "settings.yaml").exists():
            embed_recordings(
                EmbedConfig(recordings=tuple(own), encoder=encoder, output=RUNS / name, half=True, overwrite=True)
            )
    first, others = (Atlas(RUNS / name) for name in parts)
    return first, others


def simulated(rows: int, seed: int = 0) -> Atlas:
    """An atlas of simulated recordings, half-hour after half-hour, with at least so many embeddings.

    Args:
        rows: embeddings wanted.
        seed: of the recordings; those of other seeds are others.
    """
    encoder = _encoder("simulated")
    known = load_encoder(encoder)
    known.precision = resolve_precision("auto", torch.device("cpu"))
    folder = RUNS / f"simulated-{rows}-{seed}"
    atlas = Atlas.create(folder, atlas_meta(known, half=True))
    wanted = [video for video in range(-(-rows // _FRAMES)) if f"{video:05d}" not in atlas]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        done = pool.map(partial(_add, folder, encoder, seed), wanted)
        list(tqdm(done, "simulating and embedding", len(wanted), unit="video", leave=False))
    return Atlas(folder)


def _encoder(name: str, *recordings: Path) -> Path:
    folder = RUNS / f"encoder-{name}"
    if not (folder / "weights.safetensors").exists():
        pretrain(PretrainConfig(recordings=recordings, output=folder, steps=_STEPS, probe_every=0))
    return folder


def _add(folder: Path, encoder: Path, seed: int, video: int) -> None:
    torch.set_num_threads(1)
    known, atlas = load_encoder(encoder), Atlas(folder)
    recording = simulate_recording(video, seed, _FRAMES, f"{video:05d}")
    poses = prepare(recording, known.landmarks, known.preparation)
    embeddings = {pair: embed(known, poses, pair).numpy() for pair in poses.pairs()}
    labels = {name: replace(one, values=one.values[poses.native_frames]) for name, one in recording.labels.items()}
    atlas.add(EmbeddedVideo(poses, embeddings, labels, recording.unit, str(recording.source)))
