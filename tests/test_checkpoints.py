from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ssl_behavior.checkpoints import Readout, load_classifier, load_encoder, save_classifier, save_encoder
from ssl_behavior.decoding import Decoder
from ssl_behavior.encoders import Architecture, Encoder, embed
from ssl_behavior.errors import InputError
from ssl_behavior.heads import Classifier, HeadKind
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings import Recording
from ssl_behavior.supervision import LabelledPoses, video_logits

MICE = ("nose", "left ear", "right ear", "centre", "tail base", "wing_L")
READOUT = Readout(
    ("attack", "été: 1", "other"),
    "S1",
    ("mouse0", "mouse1"),
    ("base",),
    1.5,
    Decoder((0.1, 0.0, -0.3), 0.2, ((0.0, 1.0, 2.0), (1.0, 0.0, 0.5), (0.1, 0.1, 0.0)), 1.4),
)


def make_encoder() -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder(MICE, Preparation(25.0, 0.2, 0.3), Architecture(16, 3, 0.2))
    encoder.mean += torch.randn(encoder.features)
    encoder.deviation *= 2
    return encoder.eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_encoder(tmp_path / "encoder", make_encoder())
    return tmp_path / "encoder"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_classifier(tmp_path / "model", Classifier(make_encoder(), "linear", 3), READOUT)
    return tmp_path / "model"


def test_a_loaded_encoder_is_equal_to_the_bit(folder: Path, wander: Callable[..., Recording]) -> None:
    saved, loaded = make_encoder(), load_encoder(folder)
    assert loaded.landmarks == saved.landmarks
    assert loaded.preparation == saved.preparation
    assert loaded.architecture == saved.architecture
    poses = prepare(wander(), MICE, saved.preparation)
    assert torch.equal(embed(saved, poses, (0, 1)), embed(loaded, poses, (0, 1)))
    assert not loaded.training


@pytest.mark.parametrize("kind", ["linear", "temporal"])
def test_a_loaded_classifier_is_equal_to_the_bit(
    kind: HeadKind, tmp_path: Path, wander: Callable[..., Recording]
) -> None:
    saved = Classifier(make_encoder(), kind, 3).eval()
    save_classifier(tmp_path / "m", saved, READOUT)
    loaded, readout = load_classifier(tmp_path / "m")
    assert readout == READOUT
    poses = prepare(wander(), MICE, saved.encoder.preparation)
    video = LabelledPoses(poses, np.zeros(len(poses.positions)), ((0, 1),))
    assert np.array_equal(video_logits(saved, video), video_logits(loaded, video))


def test_labels_of_a_group_and_a_plain_decoder(tmp_path: Path) -> None:
    plain = Readout(("a", "b"), "behaviour", None, (), 1.0, Decoder())
    save_classifier(tmp_path, Classifier(make_encoder(), "linear", 2), plain)
    assert load_classifier(tmp_path)[1] == plain


def test_a_checkpoint_is_two_files_that_people_and_others_can_read(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "weights.safetensors"}
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["kind"] == "encoder"
    assert config["landmarks"] == list(MICE)
    assert set(config["versions"]) == {"ssl_behavior", "torch", "python"}


def test_saving_over_a_checkpoint(folder: Path) -> None:
    other = Encoder(("centre",), Preparation(), Architecture(8, 1))
    save_encoder(folder, other)
    assert load_encoder(folder).landmarks == ("centre",)


def test_the_other_kind_is_refused(folder: Path, model: Path) -> None:
    with pytest.raises(
        InputError, match=r"kind encoder \(python -m ssl_behavior.pretrain.*found one of kind classifier"
    ):
        load_encoder(model)
    with pytest.raises(
        InputError, match=r"kind classifier \(python -m ssl_behavior.finetune.*found one of kind encoder"
    ):
        load_classifier(folder)


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
def test_half_a_checkpoint_is_refused(damage: Callable[[Path], None], folder: Path, model: Path) -> None:
    damage(folder)
    with pytest.raises(InputError, match=str(folder)):
        load_encoder(folder)
    damage(model)
    with pytest.raises(InputError, match=str(model)):
        load_classifier(model)


@pytest.mark.parametrize(
    "changed",
    [
        {"head": None},
        {"head": "deep"},
        {"readout": None},
        {"readout": {}},
        {"readout": {"behaviours": ["a", "b"], "channel": "x", "pair": None, "temperature": 1.0, "decoder": {"x": 1}}},
        {"readout": {"behaviours": ["a", "b"], "channel": "x", "pair": None, "temperature": "hot", "decoder": {}}},
    ],
)
def test_half_a_readout_is_refused(changed: dict[str, object], model: Path) -> None:
    edit(**changed)(model)
    with pytest.raises(InputError, match=str(model)):
        load_classifier(model)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_encoder(tmp_path / "nowhere")


def test_interrupted_saving_leaves_nothing_that_loads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old config goes before the new weights come, and the new config comes last."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ssl_behavior.checkpoints.yaml.safe_dump", stop)
    with pytest.raises(KeyboardInterrupt):
        save_encoder(folder, Encoder(("centre",), Preparation(), Architecture(8, 1)))
    with pytest.raises(InputError, match=r"no config\.yaml"):
        load_encoder(folder)
