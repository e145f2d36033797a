from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ssl_behavior.decoding import ActionDecoder, CalibratedDecoder, Decoder
from ssl_behavior.decoding.action_rules import ActionRule
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoints import load_model, save_model, save_pair_model
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.pair_scheme import PairScheme, Shown
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.predict_many import PredictManyConfig, predict_many
from ssl_behavior.predictions.table_reading import read_folder
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage.object_store import Store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cluster")]


def make(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    landmarks = shared_landmarks([SKELETON])
    rng = np.random.default_rng(seed)
    features = rng.normal(0.5, 1, (60, len(expert_feature_names(landmarks)))).astype(np.float32)
    trees = fit_trees([features], [rng.integers(0, 3, 60)], 3, Boosting(trees=3))
    model = Model((Classifier(Encoder(landmarks, Preparation(), Architecture(16, 3)), "linear", 3).eval(),), (trees,))
    save_model(
        folder, model, LabelScheme(("a", "b", "c"), "S1", None, (), CalibratedDecoder((1 / 3,) * 3, 1.0, Decoder()))
    )
    return folder


@pytest.fixture
def config(tracks: Path, tmp_path: Path) -> PredictManyConfig:
    model = make(tmp_path / "model", 0)
    return PredictManyConfig(model=str(model), recordings=(str(tracks),), output=str(tmp_path / "many"))


def predict_without_ray(config: PredictManyConfig, output: Path) -> Path:
    recordings = tuple(map(Path, config.recordings))
    predict(PredictConfig(model=Path(config.model), recordings=recordings, output=output, device="cpu"))
    return output


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> content of all files but the settings and the marks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "units"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != "settings.yaml"}


def test_the_files_are_those_that_predict_writes(
    config: PredictManyConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many, usual = contents(Path(predict_many(config))), contents(predict_without_ray(config, tmp_path / "usual"))
    assert many == usual
    assert len(many) == 4 * 5 + 3
    before = {path: path.stat().st_mtime_ns for path in Path(config.output).rglob("*.csv")}
    predict_many(config)
    assert "4 of 4 done already, 0 to do" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    # The predict command accepts the folder as its own.
    predict(
        PredictConfig(
            model=Path(config.model),
            recordings=tuple(map(Path, config.recordings)),
            output=Path(config.output),
            overwrite=True,
            device="cpu",
        )
    )
    assert contents(Path(config.output)) == usual


def test_a_model_of_pairs_writes_the_files_that_predict_writes(config: PredictManyConfig, tmp_path: Path) -> None:
    model, _ = load_model(Path(config.model))
    decoder = ActionDecoder(("a", "b", "c"), {("", "a"): ActionRule(0.2), ("", "b"): ActionRule(0.3)})
    scheme = PairScheme(("a", "b", "c"), "c", {"": Shown(("a",), ("b",))}, (), (), (0.3, 0.3, 0.4), 1.0, decoder)
    save_pair_model(tmp_path / "pairs", model, scheme)
    config = replace(config, model=str(tmp_path / "pairs"))
    many, usual = contents(Path(predict_many(config))), contents(predict_without_ray(config, tmp_path / "usual"))
    assert many == usual
    bouts = pd.read_csv(Path(config.output) / "video000.bouts.csv")
    assert set(bouts["behaviour"][bouts["agent"] == bouts["target"]]) <= {"a", "c"}


def test_predictions_are_written_to_s3(
    config: PredictManyConfig, folder: Callable[[str], str], tracks: Path, tmp_path: Path
) -> None:
    for name, local in (("tracks", tracks), ("model", Path(config.model))):
        for file in local.iterdir():
            Store(folder(name)).put(file.name, file)
    remote = replace(config, model=folder("model"), recordings=(folder("tracks"),), output=folder("predictions"))
    store = Store(predict_many(remote))
    names = [name for name in store.names() if not name.startswith("units/") and name != "settings.yaml"]
    assert store.read(names) == contents(predict_without_ray(config, tmp_path / "usual"))


def test_converted_files_of_ids_that_are_alike_are_predicted_apart(config: PredictManyConfig, tracks: Path) -> None:
    for file in tracks.glob("*"):
        file.unlink()
    ids = {"c/d", "c_d"}
    native.write(tracks, [replace(simulate_recordings(1, seed=2, frames=240)[0], id=name) for name in ids])
    assert {prediction.id for prediction in read_folder(predict_many(config))} == ids


def test_corrected_files_are_never_overwritten(
    config: PredictManyConfig, tracks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(predict_many(config))
    corrected = folder / "review" / "video001_annot.txt"
    corrected.write_text(corrected.read_text() + "corrected\n")
    before = contents(folder)
    others = [replace(simulate_recordings(1, seed=2, frames=240)[0], id=f"video00{i}") for i in (1, 2)]
    native.write(tracks, others)
    with pytest.raises(InputError, match="1 of 2 failed"):
        predict_many(config)
    printed = capsys.readouterr().out
    assert f"failed: video001: --output {folder}" in printed
    after = contents(folder)
    assert {name for name in before if after[name] == before[name]} == {
        name for name in before if "video002" not in name and name != "review/written.yaml"
    }
    corrected.rename(tmp_path / "mine")
    predict_many(config)
    assert contents(folder) == contents(predict_without_ray(config, tmp_path / "usual"))
    other = replace(config, model=str(make(tmp_path / "other", 1)))
    (tmp_path / "mine").rename(corrected)
    with pytest.raises(InputError, match="--overwrite"):
        predict_many(other)
    with pytest.raises(InputError, match=r"video001_annot\.txt.*edited"):
        predict_many(replace(other, overwrite=True))
    corrected.unlink()
    predict_many(replace(other, overwrite=True))
    assert contents(folder) == contents(predict_without_ray(other, tmp_path / "usual-other"))
