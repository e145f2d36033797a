import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from ssl_behavior.decoding import CalibratedDecoder, Decoder
from ssl_behavior.errors import InputError
from ssl_behavior.models.checkpoints import (
    load_encoder,
    load_label_scheme,
    load_model,
    load_pretraining_fingerprints,
    load_vitals,
    save_encoder,
    save_model,
)
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.heads import HeadKind
from ssl_behavior.models.inference import embed
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.trees import Boosting, Trees, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base", "wing_L")
SCHEME = LabelScheme(
    ("attack", "été: 1", "other"),
    "S1",
    ("mouse0", "mouse1"),
    ("base",),
    CalibratedDecoder(
        (0.125, 0.3, 0.575),
        1.5,
        Decoder((1.5, 1.0, 0.3), 0.2, ((0.0, 1.0, 2.0), (1.0, 0.0, 0.5), (0.1, 0.1, 0.0)), 1.4),
    ),
)


PREPARATION = Preparation(25.0, 0.2, 0.3)


def make_encoder() -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder(MICE, PREPARATION, Architecture(16, 3, 0.2))
    encoder.mean += torch.randn(encoder.features)
    encoder.deviation *= 2
    return encoder.eval()


def make_trees(behaviours: int = 3, landmarks: tuple[str, ...] = MICE) -> Trees:
    """Trees of labels that depend on the features; their frequencies differ from those of the scheme."""
    rng = np.random.default_rng(0)
    features = rng.normal(0.5, 1, (90, len(expert_feature_names(landmarks)))).astype(np.float32)
    return fit_trees([features], [np.digitize(features[:, 0], [0.2, 0.9])], behaviours, Boosting(trees=4))


def make_model(kind: HeadKind = "linear", trees: bool = True) -> Model:
    return Model((Classifier(make_encoder(), kind, 3).eval(),), (make_trees(),) if trees else ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_encoder(tmp_path / "encoder", make_encoder())
    return tmp_path / "encoder"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", make_model(), SCHEME)
    return tmp_path / "model"


def test_a_loaded_encoder_is_equal_to_the_bit(folder: Path, wander: Callable[..., Recording]) -> None:
    saved, loaded = make_encoder(), load_encoder(folder)
    assert loaded.landmarks == saved.landmarks
    assert loaded.preparation == saved.preparation
    assert loaded.architecture == saved.architecture
    poses = prepare(wander(), MICE, saved.preparation)
    assert torch.equal(embed(saved, poses, (0, 1)), embed(loaded, poses, (0, 1)))
    assert not loaded.training


@pytest.mark.parametrize("trees", [True, False])
@pytest.mark.parametrize("kind", ["linear", "temporal"])
def test_a_loaded_model_is_equal_to_the_bit(
    kind: HeadKind, trees: bool, tmp_path: Path, wander: Callable[..., Recording]
) -> None:
    saved = make_model(kind, trees)
    save_model(tmp_path / "m", saved, SCHEME)
    loaded, scheme = load_model(tmp_path / "m")
    assert scheme == SCHEME
    assert len(loaded.trees) == trees
    assert not loaded.classifiers[0].training
    poses = prepare(wander(), MICE, PREPARATION)
    video = LabelledPoses(poses, np.zeros(len(poses.positions)), ((0, 1), (1, 0)))
    assert np.array_equal(saved.logits(video), loaded.logits(video))


def test_trees_that_never_saw_a_behaviour_are_saved_and_loaded(
    tmp_path: Path, wander: Callable[..., Recording]
) -> None:
    """It may occur in the labelled frames and not in those, fewer, that trees are fitted to."""
    features = np.random.default_rng(0).normal(size=(90, len(expert_feature_names(MICE)))).astype(np.float32)
    saved = replace(make_model(), trees=(fit_trees([features], [np.arange(90) % 2 * 2], 3, Boosting(trees=4)),))
    save_model(tmp_path, saved, SCHEME)
    poses = prepare(wander(), MICE, PREPARATION)
    video = LabelledPoses(poses, np.zeros(len(poses.positions)), ((0, 1),))
    assert np.array_equal(saved.logits(video), load_model(tmp_path)[0].logits(video))


def test_labels_of_a_group_and_a_plain_decoder(tmp_path: Path) -> None:
    plain = LabelScheme(("a", "b"), "behaviour", None, (), CalibratedDecoder((0.5, 0.5), 1.0, Decoder()))
    save_model(tmp_path, Model((Classifier(make_encoder(), "linear", 2),)), plain)
    assert load_model(tmp_path)[1] == plain
    assert load_label_scheme(tmp_path) == plain


def test_a_checkpoint_is_plain_files(folder: Path, model: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "weights.safetensors"}
    assert {path.name for path in model.iterdir()} == {"config.yaml", "weights.safetensors", "trees.json"}
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["kind"] == "encoder"
    assert config["landmarks"] == list(MICE)
    assert set(config["versions"]) == {"ssl_behavior", "torch", "python"}


def test_an_encoder_stores_the_fingerprints_of_its_pretraining_recordings(
    tmp_path: Path, wander: Callable[..., Recording]
) -> None:
    seen, other = (prepare(wander(seed), MICE, PREPARATION) for seed in (0, 1))
    save_encoder(tmp_path, make_encoder(), [seen])
    fingerprints = load_pretraining_fingerprints(tmp_path)
    assert fingerprints == {seen.id: replace(seen, id="renamed").fingerprint()} != {seen.id: other.fingerprint()}
    save_encoder(tmp_path, make_encoder())
    assert load_pretraining_fingerprints(tmp_path) == {}
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("pretrained_on", "something_else"))
    assert load_pretraining_fingerprints(tmp_path) is None


def test_saving_over_a_checkpoint(folder: Path) -> None:
    other = Encoder(("centre",), Preparation(), Architecture(8, 1))
    save_encoder(folder, other)
    assert load_encoder(folder).landmarks == ("centre",)


def test_the_other_kind_is_refused(folder: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"kind encoder \(ssl-behavior pretrain.*found one of kind model"):
        load_encoder(model)
    with pytest.raises(InputError, match=r"kind model \(ssl-behavior finetune.*found one of kind encoder"):
        load_model(folder)


def cut(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def scramble(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    weights.write_bytes(b"\xff" * weights.stat().st_size)


def edit(**changed: object) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        path = folder / "config.yaml"
        config = {**yaml.safe_load(path.read_text()), **changed}
        path.write_text(yaml.safe_dump({key: value for key, value in config.items() if value is not None}))

    return do


DAMAGES: dict[str, Callable[[Path], None]] = {
    "weights cut": cut,
    "weights scrambled": scramble,
    "weights gone": lambda folder: (folder / "weights.safetensors").unlink(),
    "config gone": lambda folder: (folder / "config.yaml").unlink(),
    "config empty": lambda folder: (folder / "config.yaml").write_bytes(b""),
    "config cut": lambda folder: (folder / "config.yaml").write_bytes((folder / "config.yaml").read_bytes()[:60]),
    "config no text": lambda folder: (folder / "config.yaml").write_bytes(b"\xff\xfe\x00"),
    "config no yaml": lambda folder: (folder / "config.yaml").write_text("kind: [encoder"),
    "no landmarks": edit(landmarks=None),
    "other landmarks": edit(landmarks=["nose"]),
    "landmarks no list": edit(landmarks=3),
    "no such setting": edit(architecture={"width": 3}),
    "impossible size": edit(architecture={"channels": -4, "blocks": 1, "dropout": 0.0}),
    "size no number": edit(architecture={"channels": "many", "blocks": 1, "dropout": 0.0}),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_checkpoint_is_refused(damage: Callable[[Path], None], folder: Path, model: Path) -> None:
    damage(folder)
    with pytest.raises(InputError, match=str(folder)):
        load_encoder(folder)
    damage(model)
    with pytest.raises(InputError, match=str(model)):
        load_model(model)


def change_weights(folder: Path, name: str, value: float) -> None:
    """Change one weight of a checkpoint, as if it had been written so."""
    path = folder / "weights.safetensors"
    weights = load_file(path)
    weights[name].view(-1)[0] = value
    save_file(weights, path)
    edit(weights_bytes=path.stat().st_size, weights_sha256=None)(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["temporal.enter.weight", "mean"])
def test_weights_that_are_not_finite_are_refused(value: float, name: str, folder: Path, model: Path) -> None:
    change_weights(folder, name, value)
    with pytest.raises(InputError, match=rf"{folder}: .*not finite numbers \({name}\)"):
        load_encoder(folder)
    change_weights(model, f"encoder.{name}", value)
    with pytest.raises(InputError, match=rf"{model}: .*not finite numbers"):
        load_model(model)


@pytest.mark.parametrize("value", [1e7, -1e30])
def test_weights_that_no_training_gives_are_refused(value: float, folder: Path, model: Path) -> None:
    change_weights(folder, "temporal.norm.weight", value)
    with pytest.raises(InputError, match=rf"{folder}: .*weights above 1e\+06 \(temporal.norm.weight\)"):
        load_encoder(folder)
    change_weights(model, "head.score.weight", value)
    with pytest.raises(InputError, match=rf"{model}: .*weights above"):
        load_model(model)


@pytest.mark.parametrize(
    "changed",
    [{"body_length": 0.0}, {"speed": -1.0}, {"forward": np.inf}, {"box": [1.0]}, {"proportions": {"a": np.inf}}],
)
def test_vitals_that_cannot_be_are_refused(changed: dict[str, object], folder: Path) -> None:
    vitals = {"body_length": 50.0, "speed": 3.0, "forward": 0.9, "left": np.nan, "box": [0.0] * 4, "proportions": {}}
    edit(usual=vitals)(folder)
    assert load_vitals(folder) is not None
    edit(usual={**vitals, **changed})(folder)
    with pytest.raises(InputError, match=rf"{folder}: .*without valid vitals"):
        load_vitals(folder)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_standard_deviations_are_above_0(value: float, folder: Path) -> None:
    change_weights(folder, "deviation", value)
    with pytest.raises(InputError, match=rf"{folder}: .*standard deviations that are not above 0"):
        load_encoder(folder)


def test_embeddings_that_overflow_are_refused_with_the_name_of_the_checkpoint(
    folder: Path, wander: Callable[..., Recording]
) -> None:
    encoder = load_encoder(folder)
    with torch.no_grad():
        encoder.temporal.enter.weight.fill_(3e38)
    with pytest.raises(InputError, match=rf"{folder}: expected embeddings of finite numbers; found NaN .* of wander0"):
        embed(encoder, prepare(wander(), MICE, PREPARATION), (0, 1))


@pytest.mark.parametrize("file", ["weights.safetensors", "trees.json"])
def test_a_flipped_bit_is_noticed(file: str, model: Path) -> None:
    content = bytearray((model / file).read_bytes())
    content[len(content) // 2] ^= 1
    (model / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"{model}: .*{file} with another content than was written"):
        load_model(model)


def test_a_checkpoint_without_digests_loads(model: Path) -> None:
    """Version 0.1.0 wrote none."""
    edit(weights_sha256=None, trees_sha256=None, computed_with=None)(model)
    assert load_model(model)[1] == SCHEME


SOUND = {
    "behaviours": ["a", "b", "c"], "channel": "x", "pair": None, "unscored": [], "frequencies": [0.5, 0.25, 0.25],
    "temperature": 1.0, "decoder": Decoder().to_dict(),
}  # fmt: skip
BAD_DECODERS = [
    {**Decoder().to_dict(), **changed}
    for changed in (
        {"behaviour_weights": [1.0, np.nan, 1.0]},
        {"behaviour_weights": [1.0, 1.0]},
        {"smoothing_s": np.nan},
        {"smoothing_s": -1.0},
        {"smoothing_s": "long"},
        {"transition_weight": np.inf},
        {"transition_rates": [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]},
        {"transition_rates": [[0.0, np.nan, 1.0]] * 3},
        {"transition_rates": [[0.0, -1.0, 1.0]] * 3},
        {"transition_rates": [[0.0, 1.0], [1.0, 0.0]]},
    )
]


def test_a_sound_label_scheme_loads(model: Path) -> None:
    """Each scheme below differs from this one in a single value."""
    edit(readout=SOUND)(model)
    assert load_model(model)[1].behaviours == ("a", "b", "c")


@pytest.mark.parametrize(
    "changed",
    [
        {"head": None},
        {"head": "deep"},
        {"readout": None},
        {"readout": {}},
        {"readout": {name: value for name, value in SOUND.items() if name != "frequencies"}},
        {"readout": {**SOUND, "frequencies": "often"}},
        {"readout": {**SOUND, "decoder": {"x": 1}}},
        {"readout": {**SOUND, "temperature": "hot"}},
        *({"readout": {**SOUND, "temperature": value}} for value in (0, -1.0, np.nan, np.inf, 1e-9, 1e9)),
        *({"readout": {**SOUND, "frequencies": value}} for value in ([0, 0, 0], [0.5], [0.5, 0.2, np.nan], [1, 2, -3])),
        *({"readout": {**SOUND, "decoder": value}} for value in BAD_DECODERS),
        {"readout": {**SOUND, "behaviours": ["a", "a", "b"]}},
        {"readout": {**SOUND, "behaviours": []}},
        {"readout": {**SOUND, "behaviours": ["a", "b", "c" * 10_000]}},
        {"readout": {**SOUND, "behaviours": ["a", "b", "c\0"]}},
        {"readout": {**SOUND, "channel": "\x1b[2J"}},
        {"readout": {**SOUND, "pair": ["m" * 1_000, "n"]}},
        {"preparation": {"frame_rate": 0.0, "min_confidence": 0.1, "max_gap": 0.5}},
        {"preparation": {"frame_rate": 1e-9, "min_confidence": 0.1, "max_gap": 0.5}},
        {"preparation": {"frame_rate": 25.0, "min_confidence": np.nan, "max_gap": 0.5}},
    ],
)
def test_a_damaged_label_scheme_is_refused(changed: dict[str, object], model: Path) -> None:
    edit(**changed)(model)
    with pytest.raises(InputError, match=str(model)):
        load_model(model)


TREE_DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "scrambled": lambda path: path.write_bytes(b"\xff" * path.stat().st_size),
    "text": lambda path: path.write_text("trees"),
    "of other landmarks": lambda path: make_trees(3, MICE[:3]).save(path),
    "of fewer behaviours": lambda path: fit_trees(
        [np.eye(40, len(expert_feature_names(MICE)), dtype=np.float32)], [np.arange(40) % 2], 2, Boosting(trees=2)
    ).save(path),
}


@pytest.mark.parametrize("size_matches", [True, False])
@pytest.mark.parametrize("damage", TREE_DAMAGES.values(), ids=TREE_DAMAGES.keys())
def test_other_trees_are_refused_in_one_sentence(
    damage: Callable[[Path], object], size_matches: bool, model: Path
) -> None:
    damage(model / "trees.json")
    if size_matches and (model / "trees.json").exists():
        edit(trees_bytes=(model / "trees.json").stat().st_size, trees_sha256=None)(model)
    with pytest.raises(InputError, match=r"expected a whole checkpoint; found trees\.json") as refused:
        load_model(model)
    assert str(refused.value).startswith(str(model))
    assert "\n" not in str(refused.value)
    # The label scheme needs no trees.
    assert load_label_scheme(model) == SCHEME


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_encoder(tmp_path / "nowhere")


def test_interrupted_saving_leaves_the_former_encoder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_encoder(folder).fingerprint()

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ssl_behavior.models.checkpoint_files.yaml.safe_dump", stop)
    with pytest.raises(KeyboardInterrupt):
        save_encoder(folder, Encoder(("centre",), Preparation(), Architecture(8, 1)))
    assert load_encoder(folder).fingerprint() == before


@pytest.mark.parametrize("stopped", ["trees", "weights", "config"])
def test_interrupted_saving_over_a_model_leaves_the_former_one(
    stopped: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in model.iterdir()}

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    name = {"trees": "Trees.save", "weights": "save_file", "config": "yaml.safe_dump"}[stopped]
    whole = {"Trees.save": "ssl_behavior.models.trees.Trees.save"}.get(
        name, f"ssl_behavior.models.checkpoint_files.{name}"
    )
    monkeypatch.setattr(whole, stop)
    with pytest.raises(KeyboardInterrupt):
        save_model(model, make_model(), SCHEME)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


@pytest.mark.parametrize("file", ["config.yaml", "trees.json", "weights.safetensors"])
def test_a_kill_between_the_files_leaves_nothing_that_loads(
    file: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old config goes before the new weights come, and the new config comes last."""

    def stop(*paths: object) -> None:
        if str(paths[1]).endswith(file):
            raise KeyboardInterrupt
        usual(*paths)

    usual = os.replace
    monkeypatch.setattr("ssl_behavior.storage.run_folder.os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        save_model(model, make_model(), SCHEME)
    with pytest.raises(InputError, match=r"no config\.yaml"):
        load_model(model)


def test_colleagues_may_read_what_is_written(model: Path) -> None:
    (model / "plain").touch()
    assert {path.stat().st_mode for path in model.iterdir()} == {(model / "plain").stat().st_mode}
