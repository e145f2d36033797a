"""Skeletons that a person writes: keypoints and the edges between them, in a YAML file.

The file has ``edges``, a list of pairs such as ``[nose, neck]``, and may have ``landmarks`` such as ``tail: tail base``
for names without an obvious meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError, list_names, with_path
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage import yaml_files

_ADVICE = "write 'edges:', and below it a line like '- [nose, neck]' for each limb"


def read(path: Path) -> Skeleton:
    """Read a skeleton. Its keypoints are the ends of its edges, in the order in which they first appear.

    Args:
        path: a YAML or JSON file with ``edges``, and ``landmarks`` (keypoint: landmark) where names need them.

    Raises:
        InputError: the file cannot be read, or holds something else.

    Examples:
        >>> read(Path("skeleton.yaml")).edges  # doctest: +SKIP
        (('nose', 'neck'), ('neck', 'tail'))
    """
    content = yaml_files.read(path)
    if not isinstance(content, Mapping) or "edges" not in content:
        raise InputError(f"{path}: expected a skeleton with edges; found none: {_ADVICE}")
    if unknown := set(map(str, content)) - {"edges", "landmarks"}:
        raise InputError(
            f"{path}: expected 'edges' and 'landmarks'; found {list_names(unknown, 5)} too: delete what is not needed"
        )
    edges = _edges(content["edges"], path)
    keypoints = tuple(dict.fromkeys(name for edge in edges for name in edge))
    try:
        return Skeleton(keypoints, edges, _landmarks(content.get("landmarks", {}), path))
    except InputError as error:
        raise with_path(error, path) from None


def _edges(values: Any, path: Path) -> tuple[tuple[str, str], ...]:
    if not isinstance(values, list) or not values or not all(_is_pair(value) for value in values):
        raise InputError(f"{path}: expected edges that are pairs of keypoints; found {values!r:.60}: {_ADVICE}")
    return tuple((str(source), str(target)) for source, target in values)


def _is_pair(value: Any) -> bool:
    # A keypoint may be called 1, which YAML reads as a number; true or a date is a mistake.
    return isinstance(value, list) and len(value) == 2 and all(type(end) in (str, int) for end in value)


def _landmarks(values: Any, path: Path) -> dict[str, str]:
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for pair in values.items() for name in pair):
        raise InputError(
            f"{path}: expected landmarks like 'kp3: tail base'; found {values!r:.60}: write such lines, or leave out "
            "'landmarks'"
        )
    return dict(values)
