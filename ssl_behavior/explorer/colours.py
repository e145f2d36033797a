"""What the map can be coloured by, and how: so that the colour-blind can tell categories apart, and numbers too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bokeh.palettes import Cividis256

from ssl_behavior.explorer.points import Points
from ssl_behavior.explorer.scene import CLUSTER, Scene
from ssl_behavior.plots.style import cluster_colours
from ssl_behavior.poses.expert_features import KINEMATICS

REST = "#D0D0D0"
"""Of what is in no category, or unknown."""
_QUANTILES = (0.01, 0.99)


@dataclass(frozen=True)
class Colouring:
    """One way to colour the map.

    Attributes:
        column: of the points.
        title: as the menu has it.
        is_categories: codes, and not numbers.
        names: of the codes from 0; none for numbers.
        colours: of the codes from 0; for numbers from low to high.
        low: the number that the first colour stands for.
        high: the number that the last colour stands for.
        note: what else the legend says.
    """

    column: str
    title: str
    is_categories: bool
    names: tuple[str, ...]
    colours: tuple[str, ...]
    low: float
    high: float
    note: str


def colourings(scene: Scene, points: Points) -> list[Colouring]:
    """All that the points can be coloured by, in the order of the menu."""
    found = [_row(scene, row) for row in scene.rows]
    found.append(_categories("video", "video", points.videos, cluster_colours(len(points.videos))[:-1], ""))
    if len(points.pairs) > 1:
        found.append(_categories("pair", "pair", points.pairs, cluster_colours(len(points.pairs))[:-1], ""))
    found.append(_numbers("seconds", "time in the video", points, "s"))
    return found + [
        _numbers(name, name, points, unit) for name, (_, unit) in KINEMATICS.items() if _is_known(points, name)
    ]


def _row(scene: Scene, row: str) -> Colouring:
    rest = "in no cluster" if row == CLUSTER else "not labelled" if row.startswith("label ") else "not predicted"
    title = f"labels {row.removeprefix('label ')}" if row.startswith("label ") else row
    return _categories(row, title, scene.names(row), [colour for colour, _ in scene.looks(row)], rest)


def _categories(column: str, title: str, names: Sequence[str], colours: Sequence[str], rest: str) -> Colouring:
    different = len(set(colours))
    note = f"grey: {rest}" if rest else ""
    if different < len(names):
        told = f"colours repeat after {different}: choose one under “Show only” to tell them apart"
        note = f"{note}; {told}" if note else told
    return Colouring(column, title, True, tuple(names), tuple(colours), 0, len(names) - 1, note)


def _numbers(column: str, title: str, points: Points, unit: str) -> Colouring:
    values = points.columns[column]
    low, high = (float(one) for one in np.nanquantile(values, _QUANTILES))
    is_cut = low > np.nanmin(values) or high < np.nanmax(values)
    note = "grey: unknown" if np.isnan(values).any() else ""
    note += ("; " if note else "") + "one percent lies beyond either end" if is_cut else ""
    return Colouring(column, f"{title} ({unit})", False, (), tuple(Cividis256), low, max(high, low + 1e-6), note)


def _is_known(points: Points, name: str) -> bool:
    return bool((~np.isnan(points.columns[name])).any())
