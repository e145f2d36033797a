"""Checkpoints: a folder of ``config.yaml`` and ``weights.safetensors`` that holds all that inference needs."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

import ssl_behavior
from ssl_behavior.compute.interrupts import held_back
from ssl_behavior.decoding import CalibratedDecoder, Decoder
from ssl_behavior.errors import InputError
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.heads import Classifier, HeadKind
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.trees import Trees, load_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.prepare import Poses, Preparation
from ssl_behavior.quality.vitals import Vitals, usual
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import replacing, to_disk
from ssl_behavior.storage.digests import digest
from ssl_behavior.storage.versions import of_another, require_not_newer

Kind = Literal["encoder", "model"]
Plain = TypeVar("Plain", Preparation, Architecture)
_MADE_BY = {"encoder": "pretrain", "model": "finetune"}
_USUAL = "usual"
_LARGEST = 1e6  # of any setting of an encoder
_WEIGHTS, _TREES = "weights.safetensors", "trees.json"
_MOST_BLOCKS = 64


@dataclass(frozen=True)
class LabelScheme:
    """How a model's logits become labels.

    Attributes:
        behaviours: names of the outputs, in order.
        channel: of the annotations it learned from.
        pair: (agent, target) the labels speak of, or None if they hold for the whole group.
        unscored: behaviours of the annotations that it was not taught.
        reading: logits -> probabilities -> labels.
    """

    behaviours: tuple[str, ...]
    channel: str
    pair: tuple[str, str] | None
    unscored: tuple[str, ...]
    reading: CalibratedDecoder


def save_encoder(folder: Path, encoder: Encoder, pretrained_on: Sequence[Poses] = ()) -> None:
    """Write a pretrained encoder to ``folder``, and fingerprints and vitals of what it was pretrained on."""
    seen = {poses.id: poses.fingerprint() for poses in pretrained_on}
    known = usual(pretrained_on, encoder.landmarks) if pretrained_on else None
    _save(folder, "encoder", encoder, {**_encoder_config(encoder), **_told(known), "pretrained_on": seen})


def save_model(folder: Path, model: Model, readout: LabelScheme, known: Vitals | None = None) -> None:
    """Write a fine-tuned model to ``folder``, its trees as ``trees.json``, and what its encoder ``known_to`` knows."""
    classifier = model.classifier
    plain = {
        "behaviours": list(readout.behaviours),
        "channel": readout.channel,
        "pair": list(readout.pair) if readout.pair else None,
        "unscored": list(readout.unscored),
        "frequencies": list(readout.reading.frequencies),
        "temperature": float(readout.reading.temperature),
        "decoder": readout.reading.decoder.to_dict(),
    }
    config = {
        **_encoder_config(classifier.encoder),
        **_told(known),
        "head": classifier.kind,
        "readout": plain,
    }
    _save(folder, "model", classifier, config, model.trees)


def load_encoder(folder: Path) -> Encoder:
    """The encoder of a checkpoint that ``pretrain`` wrote, on the CPU.

    Raises:
        InputError: there is no such checkpoint, it is of another kind, or not whole.
    """
    config = _config(folder, "encoder")
    encoder = _encoder(folder, config)
    _load_weights(folder, encoder, config)
    return encoder.eval()


def pretrained_on(folder: Path) -> dict[str, str] | None:
    """Id -> fingerprint (``Poses.fingerprint``) of what an encoder was pretrained on; None if its checkpoint is silent.

    Raises:
        InputError: as ``load_encoder``.
    """
    seen = _config(folder, "encoder").get("pretrained_on")
    return {str(name): str(one) for name, one in seen.items()} if isinstance(seen, dict) else None


def known_to(folder: Path) -> Vitals | None:
    """What is usual in the recordings that an encoder, or a model's, was pretrained on; None where it does not say.

    Raises:
        InputError: as ``load_encoder``.
    """
    plain = _config(folder, "encoder", "model").get(_USUAL)
    if plain is None:
        return None
    try:
        proportions = {str(name): float(value) for name, value in plain["proportions"].items()}
        box, numbers = tuple(map(float, plain["box"])), ("body_length", "speed", "forward", "left")
        return Vitals(**{name: float(plain[name]) for name in numbers}, box=box, proportions=proportions)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(folder, f"a config.yaml that does not tell what is usual ({error})") from None


def taken_by(folder: Path) -> tuple[tuple[str, ...], Preparation]:
    """The landmarks that an encoder, or a model's, takes, and how recordings are prepared for it.

    Raises:
        InputError: as ``load_encoder``.
    """
    encoder = _encoder(folder, _config(folder, "encoder", "model"))
    return encoder.landmarks, encoder.preparation


def load_model(folder: Path) -> tuple[Model, LabelScheme]:
    """The model of a checkpoint that ``finetune`` wrote, on the CPU, and how to read it.

    Raises:
        InputError: there is no such checkpoint, it is of another kind, or not whole.
    """
    readout, config = load_readout(folder), _config(folder, "model")
    encoder = _encoder(folder, config)
    try:
        classifier = Classifier(encoder, _head_kind(config["head"]), len(readout.behaviours))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, f"a config.yaml without a sound head ({error})", config) from None
    _load_weights(folder, classifier, config)
    trees = None
    if "trees_bytes" in config:
        _check_size(folder, _TREES, config["trees_bytes"])
        features = len(expert_feature_names(encoder.landmarks))
        try:
            trees = load_trees(folder / _TREES, features, len(readout.behaviours))
        except (OSError, ValueError) as error:
            raise _damaged(folder, f"{_TREES} that cannot be read ({error})", config) from None
    return Model(classifier.eval(), trees), readout


def fingerprint(folder: Path) -> str:
    """16 characters that only a checkpoint of the same content has, wherever it lies.

    Raises:
        InputError: as ``load_model``.
    """
    _config(folder, "model")
    files = (folder / name for name in ("config.yaml", _WEIGHTS, _TREES))
    return digest(*(file.read_bytes() for file in files if file.exists()))


def load_readout(folder: Path) -> LabelScheme:
    """How a model that ``finetune`` wrote is read, without its weights.

    Raises:
        InputError: as ``load_model``.
    """
    config = _config(folder, "model")
    try:
        plain = config["readout"]
        return LabelScheme(
            tuple(map(str, plain["behaviours"])),
            str(plain["channel"]),
            tuple(plain["pair"]) if plain["pair"] else None,
            tuple(map(str, plain["unscored"])),
            CalibratedDecoder(
                tuple(map(float, plain["frequencies"])),
                float(plain["temperature"]),
                Decoder.from_dict(plain["decoder"]),
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, f"a config.yaml without a sound readout ({error})", config) from None


def _encoder_config(encoder: Encoder) -> dict[str, Any]:
    return {
        "landmarks": list(encoder.landmarks),
        "preparation": asdict(encoder.preparation),
        "architecture": asdict(encoder.architecture),
    }


def _told(known: Vitals | None) -> dict[str, Any]:
    if known is None:
        return {}
    return {_USUAL: {**asdict(known), "box": list(known.box), "proportions": dict(known.proportions)}}


def _head_kind(name: Any) -> HeadKind:
    if name not in ("linear", "temporal"):
        raise ValueError(f"head {str(name)[:20]!r}" if isinstance(name, str) else "no head's name")
    return name


def _save(folder: Path, kind: Kind, module: nn.Module, config: Mapping[str, Any], trees: Trees | None = None) -> None:
    """All of it aside first, and renamed only when it is all there, the config last: half of it never loads."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = {
        "ssl_behavior": ssl_behavior.__version__,
        "torch": str(torch.__version__),  # a subclass of str, which YAML does not know
        "python": platform.python_version(),
    }
    text = folder / "config.yaml"
    # The others are renamed first, as they are entered last; an interrupt in between would leave neither old nor new.
    with held_back(), replacing(text) as aside, ExitStack() as others:
        weights = others.enter_context(replacing(folder / _WEIGHTS))
        save_file({name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}, weights)
        sizes = {"weights_bytes": weights.stat().st_size}
        if trees is not None:
            grown = others.enter_context(replacing(folder / _TREES))
            trees.save(grown)
            sizes["trees_bytes"] = grown.stat().st_size
        whole = {"kind": kind, "versions": versions, **sizes, **config}
        aside.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
        for path in (weights, aside, *([grown] if trees else [])):
            to_disk(path)  # now, as a disk that is full may say so only then
        text.unlink(missing_ok=True)
        if trees is None:
            (folder / _TREES).unlink(missing_ok=True)


def _config(folder: Path, *kinds: Kind) -> dict[str, Any]:
    path = folder / "config.yaml"
    makers = " and ".join(_MADE_BY[kind] for kind in kinds)
    wanted = f"a checkpoint of kind {' or '.join(kinds)} (ssl-behavior {makers} writes them)"
    if not path.is_file():
        found = "no config.yaml" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: expected {wanted}; found {found}: give the --output of a run that ended")
    try:
        config = yaml_files.read(path)
    except InputError:
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("kind"), str):
        raise _damaged(folder, "a config.yaml that does not describe one")
    require_not_newer(folder, _version(config))
    if config["kind"] not in kinds:
        raise InputError(f"{folder}: expected {wanted}; found one of kind {config['kind']}")
    return config


def _encoder(folder: Path, config: Mapping[str, Any]) -> Encoder:
    try:
        landmarks = tuple(map(str, config["landmarks"]))
        preparation = _plain(Preparation, config["preparation"])
        architecture = _plain(Architecture, config["architecture"])
        _require_weights(landmarks, preparation, architecture, folder / _WEIGHTS)
        return Encoder(landmarks, preparation, architecture)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _damaged(folder, f"a config.yaml that lacks something ({error})", config) from None


def _plain(kind: type[Plain], stated: Mapping[str, Any]) -> Plain:
    """Settings of plain values, each of the kind that its default is.

    Raises:
        TypeError, ValueError: they are not, or have values that no setting has.
    """
    made = kind(**stated)
    for name, default in asdict(kind()).items():
        value = getattr(made, name)
        if type(value) is not type(default) and not (isinstance(default, float) and type(value) is int):
            raise TypeError(f"{name}: {value!r:.40}")
        if isinstance(value, int | float) and not 0 <= value < _LARGEST:
            raise ValueError(f"{name}: {value}")
    return made


def _require_weights(
    landmarks: tuple[str, ...], preparation: Preparation, architecture: Architecture, path: Path
) -> None:
    """Make sure that a file holds as many weights as an encoder is described to have, before room is made for them.

    Raises:
        ValueError: it does not.
    """
    there = path.stat().st_size if path.is_file() else 0
    # Features are of pairs of landmarks.
    if not 0 < architecture.blocks <= _MOST_BLOCKS or len(landmarks) ** 2 > there:
        raise ValueError(f"{architecture.blocks} blocks, {len(landmarks)} landmarks and a file of {there:,} bytes")
    with torch.device("meta"):
        described = Encoder(landmarks, preparation, architecture).state_dict().values()
    if (wanted := sum(tensor.nbytes for tensor in described)) > there:
        raise ValueError(f"weights of {wanted:,} bytes are described and a file of {there:,} is there")


def _load_weights(folder: Path, module: nn.Module, config: Mapping[str, Any]) -> None:
    _check_size(folder, _WEIGHTS, config.get("weights_bytes"))
    try:
        module.load_state_dict(load_file(folder / _WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        raise _damaged(folder, f"weights that do not fit ({str(error).splitlines()[0]})", config) from None


def _check_size(folder: Path, name: str, expected: Any) -> None:
    path = folder / name
    if not path.is_file() or path.stat().st_size != expected:
        found = f"{path.stat().st_size} bytes" if path.is_file() else "no file"
        raise _damaged(folder, f"{name} with {found} instead of {expected} bytes")


def _version(config: Mapping[str, Any]) -> object:
    """Of the package that wrote a config, as it says itself."""
    versions = config.get("versions")
    return versions.get("ssl_behavior") if isinstance(versions, dict) else None


def _damaged(folder: Path, found: str, config: Mapping[str, Any] | None = None) -> InputError:
    other = of_another(_version(config or {}))
    return InputError(f"{folder}: expected a whole checkpoint; found {found}; make it anew{other}")
