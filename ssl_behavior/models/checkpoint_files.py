"""The files of a checkpoint: ``config.yaml``, ``weights.safetensors``, and ``trees.json`` (or more) of one with trees.

They are written so that half a checkpoint never loads, and read so that a damaged or hostile one is refused.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

import ssl_behavior
from ssl_behavior.compute.interrupts import delay_signals
from ssl_behavior.errors import InputError
from ssl_behavior.models.trees import Trees
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import flush_to_disk, write_atomically
from ssl_behavior.storage.digests import file_digest
from ssl_behavior.storage.run_folder import is_unfinished
from ssl_behavior.storage.versions import require_not_newer, version_hint

Kind = Literal["encoder", "model", "model of pairs"]
PAIRS: Literal["model of pairs"] = "model of pairs"
"""Kind of a model that says who does what to whom."""

CONFIG, WEIGHTS, TREES = "config.yaml", "weights.safetensors", "trees.json"
_LARGEST = 1e6
"""Largest weight: no network that learned anything comes near it, and its embeddings would soon overflow."""
_COMMANDS = {"encoder": "pretrain", "model": "finetune", PAIRS: "finetune"}


def write_files(
    folder: Path, kind: Kind, module: nn.Module, config: Mapping[str, Any], trees: Sequence[Trees] = ()
) -> None:
    """Write a checkpoint; an interrupt at any time leaves the old one, the new one, or none that loads.

    Args:
        folder: folder of the checkpoint; created if it does not exist.
        kind: kind of checkpoint.
        module: module whose weights are written.
        config: plain values that rebuild the module.
        trees: trees of a model, a file each (see ``tree_file``).
    """
    folder.mkdir(parents=True, exist_ok=True)
    versions = {
        "ssl_behavior": ssl_behavior.__version__,
        "torch": str(torch.__version__),  # a subclass of str, which YAML does not know
        "python": platform.python_version(),
    }
    computed = {"threads": torch.get_num_threads()}  # another number gives other last digits
    config_file = folder / CONFIG
    # All files are written beside the old ones first. Then the old config is deleted and the new files are renamed, the
    # config last (a context entered first is left last). Interrupts wait meanwhile: in between, nothing can be loaded.
    with delay_signals(), write_atomically(config_file) as new_config, ExitStack() as others:
        new_weights = others.enter_context(write_atomically(folder / WEIGHTS))
        save_file({name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}, new_weights)
        about, new_files = _describe(WEIGHTS, new_weights), [new_weights, new_config]
        for number, each in enumerate(trees):
            new_trees = others.enter_context(write_atomically(folder / tree_file(number)))
            each.save(new_trees)
            about |= _describe(tree_file(number), new_trees)
            new_files.append(new_trees)
        contents = {"kind": kind, "versions": versions, "computed_with": computed, **about, **config}
        new_config.write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")
        for path in new_files:
            flush_to_disk(
                path
            )  # a full disk may raise an error only here, and must do so before the old config is deleted
        config_file.unlink(missing_ok=True)
        for old in set(folder.glob("trees*.json")) - {folder / tree_file(number) for number in range(len(trees))}:
            old.unlink()


def tree_file(number: int) -> str:
    """Return the name of a file of trees.

    Examples:
        >>> [tree_file(number) for number in range(3)]
        ['trees.json', 'trees2.json', 'trees3.json']
    """
    return TREES if number == 0 else f"trees{number + 1}.json"


def read_config(folder: Path, *kinds: Kind) -> dict[str, Any]:
    """Read the config of a checkpoint of one of these kinds.

    Raises:
        InputError: there is no checkpoint, it is of another kind, damaged, or written by a newer version.
    """
    path = folder / CONFIG
    names = list(dict.fromkeys(f"ssl-behavior {_COMMANDS[kind]}" for kind in kinds))
    written = f"{' and '.join(names)} {'write' if len(names) > 1 else 'writes'} them"
    expected = f"a checkpoint of kind {' or '.join(kinds)} ({written})"
    if not path.is_file():
        if is_unfinished(folder):
            raise InputError(
                f"{folder}: expected {expected}; found a run that did not finish: start the same command again"
            )
        problem = "no config.yaml" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: expected {expected}; found {problem}: give the --output of a finished run")
    try:
        config = yaml_files.read(path)
    except InputError:
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("kind"), str):
        raise damaged(folder, "a config.yaml that does not describe a checkpoint")
    require_not_newer(folder, written_by(config))
    if config["kind"] not in kinds:
        raise InputError(f"{folder}: expected {expected}; found one of kind {config['kind']}: give another folder")
    return config


def load_weights(folder: Path, module: nn.Module, config: Mapping[str, Any]) -> None:
    """Load the weights of a checkpoint into a module.

    Raises:
        InputError: the file is damaged, or its weights do not fit the module.
    """
    require_whole(folder, WEIGHTS, config)
    try:
        weights = load_file(folder / WEIGHTS)
        module.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        raise damaged(folder, f"weights that do not fit ({str(error).splitlines()[0]})", config) from None

    if wrong := next((name for name, tensor in weights.items() if not tensor.isfinite().all()), None):
        raise damaged(folder, f"weights that are not finite numbers ({wrong})", config)
    if wrong := next(
        (name for name, tensor in weights.items() if tensor.numel() and tensor.abs().max() > _LARGEST), None
    ):
        raise damaged(folder, f"weights above {_LARGEST:g} ({wrong})", config)
    if wrong := next(
        (name for name, tensor in weights.items() if name.endswith("deviation") and (tensor <= 0).any()), None
    ):
        raise damaged(folder, f"standard deviations that are not above 0 ({wrong})", config)


def _describe(name: str, path: Path) -> dict[str, Any]:
    """Statements of the config about another file of the checkpoint, which ``require_whole`` compares."""
    stem = name.partition(".")[0]
    return {f"{stem}_bytes": path.stat().st_size, f"{stem}_sha256": file_digest(path)}


def require_whole(folder: Path, name: str, config: Mapping[str, Any]) -> None:
    """Make sure that a file has the size and the digest that the config states: a copy may be cut off or damaged.

    Checkpoints of version 0.1.0 state sizes only.

    Raises:
        InputError: the file has another size or content, or does not exist.
    """
    path, stem = folder / name, name.partition(".")[0]
    expected, digest = config.get(f"{stem}_bytes"), config.get(f"{stem}_sha256")
    if not path.is_file() or path.stat().st_size != expected:
        size = f"{path.stat().st_size} bytes" if path.is_file() else "no file"
        raise damaged(folder, f"{name} with {size} instead of {expected} bytes")
    if digest is not None and file_digest(path) != digest:
        raise damaged(folder, f"{name} with another content than was written", config)


def damaged(folder: Path, problem: str, config: Mapping[str, Any] | None = None) -> InputError:
    """Make the error for a checkpoint that cannot be used; if another version wrote it, the error says so."""
    return InputError(
        f"{folder}: expected a whole checkpoint; found {problem}: copy it again, or run the command that wrote it "
        f"again with --overwrite{version_hint(written_by(config or {}))}"
    )


def written_by(config: Mapping[str, Any]) -> object:
    """Return the version of the package that wrote the config; None if it is not recorded."""
    versions = config.get("versions")
    return versions.get("ssl_behavior") if isinstance(versions, dict) else None
