"""Checkpoints: folders that hold all that inference needs, so that it cannot disagree with training.

A checkpoint of kind ``encoder`` is written by pretraining, one of kind ``model`` by fine-tuning. ``checkpoint_files``
has the format.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from torch import nn

from ssl_behavior.models.checkpoint_config import (
    INVALID,
    encoder_from_config,
    encoder_to_config,
    head_from_config,
    labs_from_config,
    networks_from_config,
    pair_scheme_from_config,
    pair_scheme_to_config,
    scheme_from_config,
    scheme_to_config,
    vitals_from_config,
    vitals_to_config,
)
from ssl_behavior.models.checkpoint_files import (
    CONFIG,
    PAIRS,
    WEIGHTS,
    Kind,
    damaged,
    load_weights,
    read_config,
    require_whole,
    tree_file,
    write_files,
    written_by,
)
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.pair_scheme import PairScheme
from ssl_behavior.models.trees import Trees, load_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.quality.vitals import Vitals, typical_vitals
from ssl_behavior.storage.digests import digest
from ssl_behavior.storage.versions import has_older_kinematics


def save_encoder(folder: Path, encoder: Encoder, pretrained_on: Sequence[Poses] = ()) -> None:
    """Write the checkpoint of a pretrained encoder.

    Args:
        folder: folder of the checkpoint.
        encoder: encoder to write.
        pretrained_on: recordings that it was pretrained on. Their fingerprints and vitals are stored with it.
    """
    fingerprints = {poses.id: poses.fingerprint() for poses in pretrained_on}
    vitals = typical_vitals(pretrained_on, encoder.landmarks) if pretrained_on else None
    config = {**encoder_to_config(encoder), **vitals_to_config(vitals), "pretrained_on": fingerprints}
    write_files(folder, "encoder", encoder, config)


def save_model(folder: Path, model: Model, scheme: LabelScheme, vitals: Vitals | None = None) -> None:
    """Write the checkpoint of a fine-tuned model.

    Args:
        folder: folder of the checkpoint.
        model: model to write.
        scheme: label scheme of the model.
        vitals: vitals of the recordings that its encoder was pretrained on (``load_vitals`` of the encoder's
            checkpoint).
    """
    _write_model(folder, "model", model, {**vitals_to_config(vitals), **scheme_to_config(scheme)})


def save_pair_model(folder: Path, model: Model, scheme: PairScheme, vitals: Vitals | None = None) -> None:
    """Write the checkpoint of a model of pairs, as ``save_model`` does."""
    _write_model(folder, PAIRS, model, {**vitals_to_config(vitals), **pair_scheme_to_config(scheme)})


def is_of_pairs(folder: Path) -> bool:
    """Return whether a checkpoint holds a model of pairs, rather than one of a single channel.

    Raises:
        InputError: there is no checkpoint of a model, or it is damaged.
    """
    return bool(read_config(folder, "model", PAIRS)["kind"] == PAIRS)


def load_pair_model(folder: Path) -> tuple[Model, PairScheme]:
    """Load the model of pairs that ``finetune`` wrote, on the CPU, and its scheme.

    Raises:
        InputError: there is no such checkpoint, it is of another kind, or it is damaged.
    """
    scheme = load_pair_scheme(folder)
    return _load_networks(folder, read_config(folder, PAIRS), len(scheme.behaviours)), scheme


def load_pair_scheme(folder: Path) -> PairScheme:
    """Load the scheme of a model of pairs, without its weights.

    Raises:
        InputError: as ``load_pair_model``.
    """
    config = read_config(folder, PAIRS)
    try:
        return pair_scheme_from_config(config)
    except INVALID as error:
        raise damaged(folder, f"a config.yaml without valid labels ({error})", config) from None


def _write_model(folder: Path, kind: Kind, model: Model, config: Mapping[str, Any]) -> None:
    """Write the checkpoint of a model of one kind, of which ``config`` says what is neither network nor trees."""
    first, several = model.classifiers[0], len(model.classifiers) > 1
    config = {
        **encoder_to_config(first.encoder),
        "head": first.kind,
        **({"networks": len(model.classifiers)} if several else {}),
        **({"labs": list(first.labs)} if first.labs else {}),
        **config,
    }
    write_files(folder, kind, nn.ModuleList(model.classifiers) if several else first, config, model.trees)


def load_encoder(folder: Path) -> Encoder:
    """Load the encoder of a checkpoint that ``pretrain`` wrote, on the CPU.

    Raises:
        InputError: there is no such checkpoint, it is of another kind, or it is damaged.

    Examples:
        >>> encoder = load_encoder(Path("runs/pretrain"))
        >>> embeddings = embed(encoder, prepare(recording, encoder.landmarks, encoder.preparation), (0, 1))
    """
    config = read_config(folder, "encoder")
    encoder = _make_encoder(folder, config)
    load_weights(folder, encoder, config)
    encoder.source = str(folder)
    return encoder.eval()


def load_model(folder: Path) -> tuple[Model, LabelScheme]:
    """Load the model of a checkpoint that ``finetune`` wrote, on the CPU, and its label scheme.

    Raises:
        InputError: there is no such checkpoint, it is of another kind, or it is damaged.
    """
    scheme = load_label_scheme(folder)
    return _load_networks(folder, read_config(folder, "model"), len(scheme.behaviours)), scheme


def _load_networks(folder: Path, config: Mapping[str, Any], behaviours: int) -> Model:
    """Load the networks and trees of a model of so many behaviours."""
    encoder = _make_encoder(folder, config)
    encoder.source = str(folder)
    try:
        kind, number, labs = head_from_config(config), networks_from_config(config), labs_from_config(config)
        _require_room(folder, encoder, number)
        classifiers = [Classifier(copy.deepcopy(encoder), kind, behaviours, labs).eval() for _ in range(number)]
    except INVALID as error:
        raise damaged(folder, f"a config.yaml without a valid head ({error})", config) from None
    load_weights(folder, classifiers[0] if number == 1 else nn.ModuleList(classifiers), config)
    return Model(tuple(classifiers), tuple(_load_trees(folder, config, encoder, behaviours, labs)))


def _require_room(folder: Path, encoder: Encoder, networks: int) -> None:
    """Check that the file of the weights can hold so many networks, before memory is allocated for them.

    Raises:
        ValueError: it cannot.
    """
    size = (folder / WEIGHTS).stat().st_size if (folder / WEIGHTS).is_file() else 0
    if (needed := networks * sum(tensor.nbytes for tensor in encoder.state_dict().values())) > size:
        raise ValueError(f"the weights of {networks} networks take {needed:,} bytes and the file has {size:,}")


def _load_trees(
    folder: Path, config: Mapping[str, Any], encoder: Encoder, behaviours: int, labs: Sequence[str]
) -> Iterator[Trees]:
    features = len(expert_feature_names(encoder.landmarks))
    for number in count():
        name = tree_file(number)
        if f"{name.removesuffix('.json')}_bytes" not in config:
            return
        require_whole(folder, name, config)
        try:
            yield load_trees(folder / name, features, behaviours, labs)
        except (OSError, ValueError) as error:
            raise damaged(folder, f"{name} that cannot be read ({error})", config) from None


def load_label_scheme(folder: Path) -> LabelScheme:
    """Load the label scheme of a model, without its weights.

    Raises:
        InputError: as ``load_model``.
    """
    config = read_config(folder, "model")
    try:
        return scheme_from_config(config)
    except INVALID as error:
        raise damaged(folder, f"a config.yaml without valid labels ({error})", config) from None


def load_preparation(folder: Path) -> tuple[tuple[str, ...], Preparation]:
    """Load the landmarks that the encoder of a checkpoint of either kind takes, and how recordings are prepared for it.

    Raises:
        InputError: as ``load_encoder``.
    """
    encoder = _make_encoder(folder, read_config(folder, "encoder", "model", PAIRS))
    return encoder.landmarks, encoder.preparation


def load_vitals(folder: Path) -> Vitals | None:
    """Load the vitals of the recordings that the encoder of a checkpoint of either kind was pretrained on.

    Returns:
        The vitals, or None if they are not recorded.

    Raises:
        InputError: as ``load_encoder``.
    """
    config = read_config(folder, "encoder", "model", PAIRS)
    try:
        return vitals_from_config(config)
    except INVALID as error:
        raise damaged(folder, f"a config.yaml without valid vitals ({error})", config) from None


def load_pretraining_fingerprints(folder: Path) -> dict[str, str] | None:
    """Load id -> fingerprint (``Poses.fingerprint``) of the recordings that an encoder was pretrained on.

    Returns:
        The fingerprints, or None if they are not recorded, or by a version that prepared recordings otherwise.

    Raises:
        InputError: as ``load_encoder``.
    """
    config = read_config(folder, "encoder")
    fingerprints = config.get("pretrained_on")
    if not isinstance(fingerprints, dict) or has_older_kinematics(written_by(config)):
        return None
    return {str(name): str(value) for name, value in fingerprints.items()}


def fingerprint(folder: Path) -> str:
    """Return 16 characters that two checkpoints of models share only if their files are equal, wherever they lie.

    Raises:
        InputError: as ``load_model``.
    """
    config = read_config(folder, "model", PAIRS)
    trees = [f"{key.removesuffix('_bytes')}.json" for key in config if re.fullmatch(r"trees\d*_bytes", str(key))]
    files = (folder / name for name in (CONFIG, WEIGHTS, *trees))
    return digest(*(file.read_bytes() for file in files if file.exists()))


def _make_encoder(folder: Path, config: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint, with fresh weights; print a notice if it learned from other kinematics."""
    try:
        encoder = encoder_from_config(config, folder / WEIGHTS)
    except INVALID as error:
        raise damaged(folder, f"a config.yaml without a valid encoder ({error})", config) from None
    if has_older_kinematics(version := written_by(config)):
        print(
            f"{folder}: trained by ssl_behavior {version}, which computed turning, the ends of recordings and some "
            "gaps otherwise. Its embeddings and predictions differ here; for the best ones pretrain and fine-tune again"
        )
    return encoder
