"""``PYTHONPATH=. python tests/versions/make.py``: what this version writes, in little, for tests of later ones.

Run it once before a version is released, and never for one that is: what it made then is what users have.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import numpy as np
import torch

import ssl_behavior
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import Clustering, Clusters, directions
from ssl_behavior.atlas.embedding import add_recording, atlas_meta
from ssl_behavior.decoding import CalibratedDecoder, Decoder
from ssl_behavior.formats.tracks import native
from ssl_behavior.models.checkpoints import load_encoder, save_encoder, save_model
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.inference import embed
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.predictions.labelling import predict_recording
from ssl_behavior.simulation.simulator import simulate_recordings

FRAMES, BEHAVIOURS = 240, ("attack", "mount", "other")


def new_encoder() -> Encoder:
    """Weights drawn at random, which stand for learned ones."""
    torch.manual_seed(0)
    encoder = Encoder(("nose", "left ear", "right ear", "neck", "tail base"), Preparation(), Architecture(16, 3)).eval()
    encoder.precision = "float32"
    return encoder


def make(folder: Path) -> None:
    """Write checkpoints, an atlas with clusters, predictions and a cache, and a model's answers for one recording."""
    (recording,) = simulate_recordings(1, seed=5, frames=FRAMES)
    native.write(folder / "tracks", [recording])
    save_encoder(folder / "encoder", new_encoder(), [])
    encoder = load_encoder(folder / "encoder")
    encoder.precision = "float32"
    poses = prepare(recording, encoder.landmarks, encoder.preparation)
    rng = np.random.default_rng(0)
    features = rng.normal(0.5, 1, (90, len(expert_feature_names(encoder.landmarks)))).astype(np.float32)
    trees = fit_trees([features], [np.digitize(features[:, 0], [0.2, 0.9])], len(BEHAVIOURS), Boosting(trees=3))
    model = Model((Classifier(encoder, "linear", len(BEHAVIOURS)).eval(),), (trees,))
    scheme = LabelScheme(
        BEHAVIOURS, "S1", None, (), CalibratedDecoder((0.2, 0.3, 0.5), 1.2, Decoder((1.2, 1.0, 0.7), 0.2))
    )
    save_model(folder / "model", model, scheme)
    atlas = Atlas.create(folder / "atlas", atlas_meta(encoder, half=False))
    add_recording(atlas, encoder, recording, poses)
    values = np.asarray(atlas.video(recording.id).embeddings[0, 1])
    labels = (np.arange(len(values)) * 3 // len(values)).astype(np.int16)
    places = np.stack([labels, rng.normal(size=len(values))], 1).astype(np.float32)
    centre, joins = values.mean(0), np.full((3, 3), 2.0)
    encoder_print = atlas.meta.encoder
    fitted = Clusters(
        encoder_print, centre, directions(values, centre), places, labels, joins, -1.0,
        atlas.meta.frame_rate, Clustering(seconds=0),
    )  # fmt: skip
    ClusteredAtlas.create(atlas, fitted).rename(1, "chase")
    predicted = predict_recording(model, scheme, recording)
    os.environ["SSL_BEHAVIOR_CACHE"] = str(folder / "cache")
    with chdir(folder):  # so that the settings name no folder of this machine
        predict(PredictConfig(model=Path("model"), recordings=(Path("tracks"),), output=Path("predictions")))
    shutil.rmtree(folder / "predictions" / "pictures")
    np.savez_compressed(
        folder / "said.npz",
        embedding=embed(encoder, poses, (0, 1), with_mirror=True).numpy(),
        probabilities=predicted.probabilities,
        labels=predicted.labels,
        clusters=ClusteredAtlas(atlas).labels(recording.id)[recording.individuals[0], recording.individuals[1]],
    )


if __name__ == "__main__":
    target = Path(__file__).parent / ssl_behavior.__version__
    if target.exists():
        sys.exit(f"{target} is there: what a released version wrote stays as it is")
    make(target)
