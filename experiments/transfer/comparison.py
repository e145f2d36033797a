"""The comparison on the same draws: hand-made features, and encoders that are untrained, of the dyads or simulated."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch

from experiments.transfer.networks import train
from experiments.transfer.probes import Protocol, draws, embedded, hand_made, probe
from experiments.transfer.windows import FRAME_RATE, Windows
from ssl_behavior.cli.settings import load_settings
from ssl_behavior.cli.validators import Above, Checked
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import as_landmarks, shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage.atomic import write_text

RUNS = Path("runs/transfer")
CALMS21, DYADS = "CalMS21's", "the dyads'"
TRAINED_ON = ("10", "all")
"""Numbers of labelled windows that networks are trained on; probes take more of them."""
Row = dict[str, Any]


@dataclass(frozen=True)
class TransferConfig(Checked):
    """Settings of the comparison.

    Attributes:
        data: folder with dyads/tracks and calms21/windows_*.npy.
        steps: steps of each pretraining.
        seeds: number of seeds of pretraining and of untrained encoders.
        frame_rate: of all inputs in Hz: 6, as the windows have, or more, to which they are interpolated.
        dyads_encoder: folder of an encoder that was pretrained on the dyads; its frame rate and size are used.
        repeats: of the five-fold cross-validation of probes.
        trained_splits: number of its splits on which networks are trained too.
        train_steps: steps of training of each network.
        jobs: pieces at a time, each on its share of the cores.
    """

    data: Path = Path("../shared/data")
    steps: Annotated[int, Above(0)] = 500
    seeds: Annotated[int, Above(0)] = 2
    frame_rate: Annotated[float, Above(0)] = FRAME_RATE
    dyads_encoder: Path | None = None
    repeats: Annotated[int, Above(0)] = 2
    trained_splits: int = 2
    train_steps: Annotated[int, Above(0)] = 60
    jobs: Annotated[int, Above(0)] = 2


class Piece(NamedTuple):
    """One kind of features: its source, its landmarks and its seed."""

    source: str
    landmarks: str
    seed: int


@dataclass(frozen=True)
class Setup:
    """The settings that all pieces share.

    Attributes:
        landmarks: name of a set of landmarks -> its landmarks.
        preparation: of recordings, at the frame rate of all inputs.
        architecture: of every encoder.
        encoders: pretrained piece -> its checkpoint.
    """

    landmarks: Mapping[str, tuple[str, ...]]
    preparation: Preparation
    architecture: Architecture
    encoders: Mapping[Piece, Path]

    def pieces(self, seeds: int) -> list[Piece]:
        """All pieces of the comparison."""
        whose = tuple(self.landmarks)
        untrained = [Piece("untrained", landmarks, seed) for landmarks in whose for seed in range(seeds)]
        return [*(Piece("hand-made", landmarks, 0) for landmarks in whose), *untrained, *self.encoders]


def set_up(config: TransferConfig) -> Setup:
    """Pretrain the encoders that do not exist yet. The landmarks of the dyads are those of their encoder."""
    preparation, architecture, of_dyads = Preparation(config.frame_rate), Architecture(), {}
    if config.dyads_encoder is not None:
        network = load_encoder(config.dyads_encoder)
        preparation, architecture = network.preparation, network.architecture
        of_dyads = {Piece("dyads", DYADS, 0): config.dyads_encoder}
    plain = PretrainConfig(
        steps=config.steps, preparation=preparation, architecture=architecture, probe_every=0, overwrite=True
    )
    for seed in range(config.seeds) if not of_dyads else ():
        ours = replace(plain, recordings=(config.data / "dyads" / "tracks",), seed=seed)
        of_dyads[Piece("dyads", DYADS, seed)] = _pretrained(ours, "dyads")
    names = load_encoder(next(iter(of_dyads.values()))).landmarks
    simulated = {}
    for seed in range(config.seeds):
        simulated[Piece("simulator", CALMS21, seed)] = _pretrained(replace(plain, seed=seed), "simulator")
        few = replace(plain, recordings=(_simulated(names, seed),), seed=seed)
        simulated[Piece("simulator", DYADS, seed)] = _pretrained(few, "simulator-few")
    landmarks = {CALMS21: shared_landmarks([SKELETON]), DYADS: names}
    return Setup(landmarks, preparation, architecture, of_dyads | simulated)


def _pretrained(config: PretrainConfig, name: str) -> Path:
    """The checkpoint of these settings, pretrained now if it does not exist."""
    output = RUNS / f"{name}-{config.preparation.frame_rate:g}Hz-{config.steps}-{config.seed}"
    config, settings = replace(config, output=output), output / "settings.yaml"
    if not (settings.exists() and load_settings(PretrainConfig, settings) == config):
        print(f"pretraining {output.name}")
        pretrain(config)
    return output


def _simulated(landmarks: tuple[str, ...], seed: int) -> Path:
    """A folder of the simulated recordings of pretraining, with only the landmarks that the dyads have too."""
    folder = RUNS / f"simulated-{seed}"
    if not folder.exists():
        aside = folder.with_suffix(".writing")
        native.write(aside, [with_landmarks(recording, landmarks) for recording in simulate_recordings(12, seed)])
        aside.rename(folder)
    return folder


def with_landmarks(recording: Recording, landmarks: tuple[str, ...]) -> Recording:
    """The recording with these landmarks as keypoints, as far as it has them or their stand-ins."""
    positions = as_landmarks(recording.skeleton, landmarks, recording.positions)
    known = np.isfinite(positions).any((0, 1, 3))
    confidence = None
    if recording.confidence is not None:
        confidence = as_landmarks(recording.skeleton, landmarks, recording.confidence)[:, :, known]
    names = tuple(name for name, is_known in zip(landmarks, known, strict=True) if is_known)
    return replace(recording, positions=positions[:, :, known], skeleton=Skeleton(names), confidence=confidence)


def rows_of(piece: Piece, setup: Setup, windows: Windows, config: TransferConfig) -> list[Row]:
    """The scores of one piece on every draw, from disk if they exist."""
    weights = (setup.encoders[piece] / "weights.safetensors").read_bytes() if piece in setup.encoders else b""
    key = repr((piece, setup, replace(config, jobs=1), windows.moments.tolist())).encode() + weights
    name = f"{piece.source}-{piece.landmarks.split()[-1]}-{piece.seed}".replace("'", "")
    path = RUNS / "pieces" / f"{name}-{hashlib.sha256(key).hexdigest()[:10]}.json"
    if not path.exists():
        rows = list(_score(piece, setup, windows, config))
        write_text(path, json.dumps(rows) + "\n")
    stored: list[Row] = json.loads(path.read_text())
    return stored


def _score(piece: Piece, setup: Setup, windows: Windows, config: TransferConfig) -> Iterator[Row]:
    encoder = _encoder(piece, setup)
    landmarks = setup.landmarks[piece.landmarks] if encoder is None else encoder.landmarks
    clips = windows.clips(landmarks, setup.preparation)
    if encoder is not None and piece not in setup.encoders:
        encoder.standardise([clips])  # by the windows, without their labels
    values = hand_made(clips, landmarks, setup.preparation.frame_rate) if encoder is None else embedded(encoder, clips)
    for behaviour, shows in windows.shows.items():
        for draw in draws(shows, windows.moments, Protocol(repeats=config.repeats)):
            about = {**piece._asdict(), "behaviour": behaviour, "labelled": draw.size, "split": draw.split}
            yield {**about, "use": "frozen", **probe(values, shows, draw)}
            if encoder is not None and draw.split < config.trained_splits and draw.size in TRAINED_ON:
                with open(os.devnull, "w") as null, redirect_stderr(null):  # hide hundreds of progress bars
                    results = train(
                        encoder, piece in setup.encoders, clips, shows, draw, config.train_steps, piece.seed
                    )
                yield {**about, "use": "trained", **results}


def _encoder(piece: Piece, setup: Setup) -> Encoder | None:
    """The encoder of a piece, pretrained or with random weights; None for hand-made features."""
    if piece.source == "hand-made":
        return None
    if piece in setup.encoders:
        return load_encoder(setup.encoders[piece])
    torch.manual_seed(piece.seed)
    return Encoder(setup.landmarks[piece.landmarks], setup.preparation, setup.architecture).eval()
