"""Where on the map the clusters' numbers stand."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssl_behavior.explorer.scene import CLUSTER, Scene


def numbers(scene: Scene) -> dict[str, Any]:
    """Columns ``x, y`` (the middle of a cluster's landmarks), ``text`` and ``colour``, a row per cluster."""
    fitted = scene.clustered.clusters
    middles = [np.median(fitted.positions[fitted.labels == one], axis=0) for one in range(fitted.count)]
    x, y = np.array(middles).reshape(-1, 2).T
    colours = [colour for colour, _ in scene.looks(CLUSTER)]
    return {"x": x, "y": y, "text": [str(one) for one in range(fitted.count)], "colour": colours}
