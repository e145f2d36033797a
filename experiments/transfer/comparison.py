"""What is compared: hand-made features and encoders untrained, of the dyads and of the simulator, on the same draws."""

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

from experiments.transfer.networks import trained
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
        steps: of each pretraining.
        seeds: of pretraining, and of untrained encoders.
        frame_rate: Hz at which everything is seen: 6 as the windows are, or more, to which they are interpolated.
        dyads_encoder: folder of an encoder pretrained on dyads, to take it (its frame rate, its size) in place of ours.
        repeats: of the five-fold cross-validation of probes.
        trained_splits: how many of its splits networks are trained on too.
        train_steps: of each of these networks.
        jobs: pieces at once, each on its share of the cores.
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
    """One kind of features, with whose landmarks, by which seed."""

    source: str
    landmarks: str
    seed: int


@dataclass(frozen=True)
class Setup:
    """What all pieces share.

    Attributes:
        landmarks: whose -> their names.
        preparation: of recordings, at the frame rate at which all is seen.
        architecture: of every encoder.
        encoders: pieces that are pretrained -> their checkpoints.
    """

    landmarks: Mapping[str, tuple[str, ...]]
    preparation: Preparation
    architecture: Architecture
    encoders: Mapping[Piece, Path]

    def pieces(self, seeds: int) -> list[Piece]:
        """All that is compared."""
        whose = tuple(self.landmarks)
        untrained = [Piece("untrained", landmarks, seed) for landmarks in whose for seed in range(seeds)]
        return [*(Piece("hand-made", landmarks, 0) for landmarks in whose), *untrained, *self.encoders]


def set_up(config: TransferConfig) -> Setup:
    """Pretrain what is not there yet. The dyads' landmarks are those that their encoder knows."""
    preparation, architecture, of_dyads = Preparation(config.frame_rate), Architecture(), {}
    if config.dyads_encoder is not None:
        given = load_encoder(config.dyads_encoder)
        preparation, architecture = given.preparation, given.architecture
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
    """The checkpoint of these settings, made now if it is not there."""
    output = RUNS / f"{name}-{config.preparation.frame_rate:g}Hz-{config.steps}-{config.seed}"
    config, settings = replace(config, output=output), output / "settings.yaml"
    if not (settings.exists() and load_settings(PretrainConfig, settings) == config):
        print(f"pretraining {output.name}")
        pretrain(config)
    return output


def _simulated(landmarks: tuple[str, ...], seed: int) -> Path:
    """A folder of the recordings that pretraining simulates, with only those landmarks that the dyads have too."""
    folder = RUNS / f"simulated-{seed}"
    if not folder.exists():
        aside = folder.with_suffix(".writing")
        native.write(aside, [with_landmarks(one, landmarks) for one in simulate_recordings(12, seed)])
        aside.rename(folder)
    return folder


def with_landmarks(recording: Recording, landmarks: tuple[str, ...]) -> Recording:
    """The recording with these landmarks for keypoints, as far as it has them or what stands in for them."""
    positions = as_landmarks(recording.skeleton, landmarks, recording.positions)
    known = np.isfinite(positions).any((0, 1, 3))
    confidence = None
    if recording.confidence is not None:
        confidence = as_landmarks(recording.skeleton, landmarks, recording.confidence)[:, :, known]
    kept = tuple(name for name, there in zip(landmarks, known, strict=True) if there)
    return replace(recording, positions=positions[:, :, known], skeleton=Skeleton(kept), confidence=confidence)


def rows_of(piece: Piece, setup: Setup, windows: Windows, config: TransferConfig) -> list[Row]:
    """The scores of one piece on every draw, from disk if they are there."""
    weights = (setup.encoders[piece] / "weights.safetensors").read_bytes() if piece in setup.encoders else b""
    asked = repr((piece, setup, replace(config, jobs=1), windows.moments.tolist())).encode() + weights
    name = f"{piece.source}-{piece.landmarks.split()[-1]}-{piece.seed}".replace("'", "")
    path = RUNS / "pieces" / f"{name}-{hashlib.sha256(asked).hexdigest()[:10]}.json"
    if not path.exists():
        rows = list(_score(piece, setup, windows, config))
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".writing")
        aside.write_text(json.dumps(rows) + "\n")
        aside.replace(path)
    found: list[Row] = json.loads(path.read_text())
    return found


def _score(piece: Piece, setup: Setup, windows: Windows, config: TransferConfig) -> Iterator[Row]:
    encoder = _encoder(piece, setup)
    landmarks = setup.landmarks[piece.landmarks] if encoder is None else encoder.landmarks
    clips = windows.clips(landmarks, setup.preparation)
    if encoder is not None and piece not in setup.encoders:
        encoder.standardise([clips])  # by the windows, of which it sees no label
    values = hand_made(clips, setup.preparation.frame_rate) if encoder is None else embedded(encoder, clips)
    for behaviour, shown in windows.shows.items():
        for draw in draws(shown, windows.moments, Protocol(repeats=config.repeats)):
            about = {**piece._asdict(), "behaviour": behaviour, "labelled": draw.size, "split": draw.split}
            yield {**about, "use": "frozen", **probe(values, shown, draw)}
            if encoder is not None and draw.split < config.trained_splits and draw.size in TRAINED_ON:
                with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # a progress bar for each is too many
                    found = trained(
                        encoder, piece in setup.encoders, clips, shown, draw, config.train_steps, piece.seed
                    )
                yield {**about, "use": "trained", **found}


def _encoder(piece: Piece, setup: Setup) -> Encoder | None:
    """The piece's encoder, pretrained or with random weights; None for hand-made features."""
    if piece.source == "hand-made":
        return None
    if piece in setup.encoders:
        return load_encoder(setup.encoders[piece])
    torch.manual_seed(piece.seed)
    return Encoder(setup.landmarks[piece.landmarks], setup.preparation, setup.architecture).eval()
