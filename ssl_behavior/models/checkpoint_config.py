"""The contents of a checkpoint's ``config.yaml``: plain values <-> encoders, vitals and label schemes.

Functions ``..._to_config`` make plain values, and functions ``..._from_config`` read them. A file may be damaged or
hostile; the latter raise one of the errors in ``INVALID`` on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch

from ssl_behavior.cli.validators import require_bounds
from ssl_behavior.decoding import ActionDecoder, CalibratedDecoder, Decoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.heads import HeadKind
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.pair_scheme import PairScheme, Shown
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.quality.pace import NUMBER, Pace
from ssl_behavior.quality.vitals import Vitals
from ssl_behavior.storage.names import require_names

INVALID = (ValueError, TypeError, KeyError, AttributeError, RuntimeError)
"""Errors of a config with missing or impossible values."""
_Settings = TypeVar("_Settings", Preparation, Architecture)
# Keys of settings in config.yaml; they keep the names of version 0.1, so that its checkpoints load.
_VITALS, _SCHEME, _PAIR_SCHEME = "usual", "readout", "pairs"
_MAX_SETTING = 1e6
"""Bound of every number in the settings of an encoder from a file: no real setting comes near it."""
_MAX_BLOCKS = 64


def encoder_to_config(encoder: Encoder) -> dict[str, Any]:
    """Return plain values that describe an encoder without its weights."""
    return {
        "landmarks": list(encoder.landmarks),
        "preparation": asdict(encoder.preparation),
        "architecture": asdict(encoder.architecture),
    }


def encoder_from_config(config: Mapping[str, Any], weights: Path) -> Encoder:
    """Make the encoder that a config describes, with fresh weights.

    Args:
        config: plain values.
        weights: file that the encoder's weights are to be loaded from; it must be large enough to hold them.
    """
    landmarks = tuple(map(str, config["landmarks"]))
    require_names(landmarks, "landmark's name")
    preparation = _settings(Preparation, config["preparation"])
    architecture = _settings(Architecture, config["architecture"])
    _require_weights(landmarks, preparation, architecture, weights)
    return Encoder(landmarks, preparation, architecture)


def head_from_config(config: Mapping[str, Any]) -> HeadKind:
    """Return the kind of head of a model."""
    name = config["head"]
    if name not in ("linear", "temporal"):
        raise ValueError(f"head {str(name)[:20]!r}" if isinstance(name, str) else "no name of a head")
    return name


def networks_from_config(config: Mapping[str, Any]) -> int:
    """Return the number of networks of a model."""
    number = config.get("networks", 1)
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{number!r:.20} networks")
    return number


def labs_from_config(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the laboratories that a model tells apart."""
    labs = tuple(map(str, config.get("labs", ())))
    require_names(labs, "laboratory's name")
    if len(set(labs)) < len(labs):
        raise ValueError("laboratories of the same name")
    return labs


def vitals_to_config(vitals: Vitals | None) -> dict[str, Any]:
    """Return plain values of vitals; empty if they are not known."""
    if vitals is None:
        return {}
    plain = {**asdict(vitals), "box": list(vitals.box), "proportions": dict(vitals.proportions)}
    del plain["speeds"]  # of single recordings
    return {_VITALS: plain}


def vitals_from_config(config: Mapping[str, Any]) -> Vitals | None:
    """Return the vitals in a config, or None if they are not recorded."""
    plain = config.get(_VITALS)
    if plain is None:
        return None
    proportions = {str(name): float(value) for name, value in plain["proportions"].items()}
    box = tuple(map(float, plain["box"]))
    vitals = Vitals(
        body_length=float(plain["body_length"]),
        box=box,
        speed=float(plain["speed"]),
        forward=float(plain["forward"]),
        left=float(plain["left"]),
        proportions=proportions,
        # Version 0.1 did not store the following.
        individuals=tuple(map(int, plain.get("individuals", ()))),
        frame_rates=tuple(map(float, plain.get("frame_rates", ()))),
        pace=_pace_from_config(plain.get("pace")),
    )
    # NaN stands for a measurement that there were too few data for.
    single = (vitals.body_length, vitals.speed, vitals.forward, vitals.left)
    if any(map(math.isinf, (*box, *proportions.values(), *single, *vitals.frame_rates))):
        raise ValueError("an infinite measurement")
    if len(box) != 4 or vitals.body_length <= 0 or vitals.speed < 0:
        raise ValueError("a box of other than 4 edges, a body length of 0 or less, or a speed below 0")
    return vitals


def _pace_from_config(plain: Mapping[str, Any] | None) -> Pace | None:
    if plain is None:
        return None
    weights = tuple(map(float, plain["weights"]))
    pace = Pace(weights, float(plain["usual"]), float(plain["deviation"]))
    if len(weights) != NUMBER or not all(map(math.isfinite, (*weights, pace.usual, pace.deviation))):
        raise ValueError(f"a pace of other than {NUMBER} speeds, or of numbers that are not finite")
    return pace


def scheme_to_config(scheme: LabelScheme) -> dict[str, Any]:
    """Return plain values of a label scheme."""
    plain = {
        "behaviours": list(scheme.behaviours),
        "channel": scheme.channel,
        "pair": list(scheme.pair) if scheme.pair else None,
        "unscored": list(scheme.unscored),
        "frequencies": list(scheme.calibrated_decoder.frequencies),
        "temperature": float(scheme.calibrated_decoder.temperature),
        "decoder": scheme.calibrated_decoder.decoder.to_dict(),
    }
    return {_SCHEME: plain}


def scheme_from_config(config: Mapping[str, Any]) -> LabelScheme:
    """Return the label scheme in a config."""
    plain = config[_SCHEME]
    scheme = LabelScheme(
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
    _require_consistent(scheme)
    return scheme


def pair_scheme_to_config(scheme: PairScheme) -> dict[str, Any]:
    """Return plain values of the scheme of a model of pairs."""
    plain = {
        "behaviours": list(scheme.behaviours),
        "background": scheme.background,
        "shown": {lab: {"alone": list(s.alone), "to_others": list(s.to_others)} for lab, s in scheme.shown.items()},
        "pairs": [list(pair) for pair in scheme.pairs],
        "unscored": list(scheme.unscored),
        "frequencies": list(scheme.frequencies),
        "temperature": float(scheme.temperature),
        "decoder": scheme.decoder.to_dict(),
    }
    return {_PAIR_SCHEME: plain}


def pair_scheme_from_config(config: Mapping[str, Any]) -> PairScheme:
    """Return the scheme of a model of pairs in a config."""
    plain = config[_PAIR_SCHEME]
    shown = {
        str(lab): Shown(tuple(map(str, each["alone"])), tuple(map(str, each["to_others"])))
        for lab, each in plain["shown"].items()
    }
    scheme = PairScheme(
        tuple(map(str, plain["behaviours"])),
        str(plain["background"]),
        shown,
        tuple((str(agent), str(target)) for agent, target in plain["pairs"]),
        tuple(map(str, plain["unscored"])),
        tuple(map(float, plain["frequencies"])),
        float(plain["temperature"]),
        ActionDecoder.from_dict(plain["decoder"]),
    )
    require_names((*scheme.behaviours, *scheme.unscored), "behaviour's name")
    require_names([*shown, *(name for pair in scheme.pairs for name in pair)], "name of a laboratory or an individual")
    behaviours, known = len(scheme.behaviours), set(scheme.behaviours)
    if len(known) < behaviours or scheme.background not in known or "" not in shown:
        raise ValueError("behaviours that differ, the background among them, and those of all laboratories, are needed")
    if len(scheme.frequencies) != behaviours or scheme.decoder.behaviours != scheme.behaviours:
        raise ValueError(f"frequencies or a decoder of other behaviours than the {behaviours} of the model")
    if any({*each.alone, *each.to_others} - known for each in shown.values()):
        raise ValueError("a laboratory that shows a behaviour which the model does not have")
    # The same bounds as for models of one channel.
    CalibratedDecoder(scheme.frequencies, scheme.temperature, Decoder())
    return scheme


def _require_consistent(scheme: LabelScheme) -> None:
    """Check that names can be names, and that every setting has a value for each behaviour.

    Raises:
        ValueError: one of them does not.
    """
    require_names((*scheme.behaviours, *scheme.unscored), "behaviour's name")
    require_names((scheme.channel, *(scheme.pair or ())), "name of a channel or an individual")
    behaviours, decoder = len(scheme.behaviours), scheme.calibrated_decoder.decoder
    if not behaviours or len(set(scheme.behaviours)) < behaviours or (scheme.pair and len(scheme.pair) != 2):
        raise ValueError("behaviours that differ, and a pair of two individuals or none, are needed")
    if len(scheme.calibrated_decoder.frequencies) != behaviours:
        raise ValueError(f"{len(scheme.calibrated_decoder.frequencies)} frequencies of {behaviours} behaviours")
    if not {len(decoder.behaviour_weights), len(decoder.transition_rates)} <= {0, behaviours}:
        raise ValueError(f"a decoder of other behaviours than the {behaviours} of the model")


def _settings(kind: type[_Settings], plain: Mapping[str, Any]) -> _Settings:
    """Make settings of plain values; each must have the type of its default.

    Raises:
        TypeError, ValueError: a value is of another type or out of bounds.
    """
    settings = kind(**plain)
    require_bounds(settings)
    for name, default in asdict(kind()).items():
        value = getattr(settings, name)
        if type(value) is not type(default) and not (isinstance(default, float) and type(value) is int):
            raise TypeError(f"{name}: {value!r:.40}")
        if isinstance(value, int | float) and not 0 <= value < _MAX_SETTING:
            raise ValueError(f"{name}: {value}")
    return settings


def _require_weights(
    landmarks: tuple[str, ...], preparation: Preparation, architecture: Architecture, path: Path
) -> None:
    """Check that a file can hold the weights of an encoder, before memory is allocated for them.

    Otherwise a small file could describe an encoder that fills the memory.

    Raises:
        ValueError: the file cannot hold them.
    """
    size = path.stat().st_size if path.is_file() else 0
    # Some features are of pairs of landmarks, so their number grows with the square.
    if not 0 < architecture.blocks <= _MAX_BLOCKS or len(landmarks) ** 2 > size:
        raise ValueError(f"{architecture.blocks} blocks, {len(landmarks)} landmarks and a file of {size:,} bytes")
    with torch.device("meta"):
        weights = Encoder(landmarks, preparation, architecture).state_dict().values()
    if (needed := sum(tensor.nbytes for tensor in weights)) > size:
        raise ValueError(f"its weights take {needed:,} bytes and the file has {size:,}")
