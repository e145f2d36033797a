"""A small encoder and a small model on disk, and recordings that they take."""

from pathlib import Path

import numpy as np
import pytest
import torch

import ssl_behavior as sb
from ssl_behavior.decoding import CalibratedDecoder, Decoder
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoints import save_encoder, save_model
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.landmarks import shared_landmarks

BEHAVIOURS = ("attack", "mount", "other")


def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(shared_landmarks([SKELETON]), sb.Preparation(), sb.Architecture(8, 2, 0.0))


@pytest.fixture(scope="session")
def recordings() -> list[sb.Recording]:
    return sb.simulate_recordings(3, seed=1, frames=300)


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder, encoder())
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    network, rng = encoder(), np.random.default_rng(0)
    features = rng.normal(0.5, 1, (60, len(expert_feature_names(network.landmarks)))).astype(np.float32)
    trees = fit_trees([features], [rng.integers(0, 3, 60)], 3, Boosting(trees=3))
    calibration = CalibratedDecoder((0.2, 0.3, 0.5), 1.5, Decoder(smoothing_s=0.5))
    scheme = LabelScheme(BEHAVIOURS, "behaviour", ("resident", "intruder"), (), calibration)
    save_model(folder, Model((Classifier(network, "linear", 3).eval(),), (trees,)), scheme)
    return folder
