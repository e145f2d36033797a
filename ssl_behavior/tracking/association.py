"""Association: which instance of each frame is which animal.

Every animal has a memory: its last pose, how it moved, and how long ago it was seen. In each frame, instances are
matched to memories so that the sum of costs is least. The cost is the negative logarithm of a Cauchy density around the
pose that the memory predicts. Its scale is the typical step between two frames of this recording, and grows with the
time for which an animal was unseen. Three things follow. There is nothing to set in pixels or for a frame rate. Far
jumps cost little more than farther ones, so that one lost animal does not drag the others along, as sums of distances
do. And a density is normalised, so a memory that is vague because it is old does not take every pose.

Each animal has one memory that never ends. A window of the last frames, as other trackers have, starts a new track
wherever an animal was unseen for longer than the window.

With the optical flow of the video, the image moves the poses in the memories from frame to frame, also those of animals
that are unseen. The velocity of a memory is then that of its animal beside the flow: it is small where the flow is
right, and that of the animal where the image shows no motion.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import linear_sum_assignment

from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.tracking.memory import Memories, advance, costs, motion_scale, record
from ssl_behavior.tracking.optical_flow import FlowField


def associate(instances: np.ndarray, individuals: int) -> np.ndarray:
    """Assign the instances of every frame to animals.

    Args:
        instances: (time, instance, keypoint, space) in any unit and order, NaN where unseen.
        individuals: number of animals. If a frame has more instances, those that fit worst are left out.

    Returns:
        (time, instance) int64, the animal of each instance; ``NOBODY`` where there is no instance, or one left out.

    Raises:
        ValueError: the shape is another one, or there are fewer than one animal.

    Examples:
        >>> there, here = np.zeros((5, 1, 2)), np.ones((5, 1, 2))
        >>> associate(np.stack([there, here], axis=1)[:, :, 0, None], individuals=2).tolist()[-1]
        [0, 1]
    """
    positions, is_seen, identities, memories = _prepare(instances, individuals)
    frame = 0
    while (frame := advance(frame, positions, is_seen, memories, identities)) < len(positions):
        # Two memories claim the same instance: a matter for the optimal matching.
        identities[frame] = _match(positions[frame], is_seen[frame], memories)
        frame += 1
    return identities


def associate_by_flow(
    instances: np.ndarray, individuals: int, flow: Iterable[FlowField]
) -> tuple[np.ndarray, np.ndarray]:
    """Assign the instances of every frame to animals, which move along with the image of the video.

    Args:
        instances: (time, instance, keypoint, 2) in pixels of the video, NaN where unseen.
        individuals: as for ``associate``.
        flow: from each frame to the next. Where it ends early, the image stands still from then on.

    Returns:
        (time, instance) int64, as from ``associate``; and the drift (time, individual, keypoint, 2), how far the image
        moved the pose that is remembered of each animal, from the frame before.

    Raises:
        ValueError: as for ``associate``, or space has three dimensions.
    """
    if instances.shape[-1] != 2:
        raise ValueError(f"instances must be (time, instance, keypoint, 2) in an image; got shape {instances.shape}")
    positions, is_seen, identities, memories = _prepare(instances, individuals)
    drift = np.zeros((len(positions), *memories.pose.shape))
    fields = iter(flow)
    for frame in range(len(positions)):
        if frame and (field := next(fields, None)) is not None:
            drift[frame] = field.at(memories.pose)
            memories.pose[:] += drift[frame]
        identities[frame] = _match(positions[frame], is_seen[frame], memories)
    return identities, drift


def _prepare(instances: np.ndarray, individuals: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Memories]:
    """Return the positions, which instances are seen, identities of nobody, and memories of nothing."""
    if instances.ndim != 4 or individuals < 1:
        raise ValueError(
            "instances must be (time, instance, keypoint, space), with one animal or more; got shape "
            f"{instances.shape} and {individuals} animals"
        )
    positions = np.ascontiguousarray(instances, np.float64)
    is_seen = seen_instances(positions)
    memories = Memories.empty(individuals, positions.shape[2:], motion_scale(positions, is_seen))
    return positions, is_seen, np.full(is_seen.shape, NOBODY, np.int64), memories


def _match(poses: np.ndarray, is_seen: np.ndarray, memories: Memories) -> np.ndarray:
    """Match the poses (instance, keypoint, space) of a frame so that the sum of costs is least, and remember them.

    Returns:
        (instance,) int64, the animal of each.
    """
    cost = np.zeros((len(memories.age), len(poses)))
    costs(poses, is_seen, memories, cost)
    identities = np.full(len(poses), NOBODY, np.int64)
    places = np.flatnonzero(is_seen)
    animals, chosen = linear_sum_assignment(cost[:, places])
    identities[places[chosen]] = animals
    record(poses, identities, memories)
    return identities


def seen_instances(instances: np.ndarray) -> np.ndarray:
    """Return (time, instance), whether a keypoint of instances (time, instance, keypoint, space) is seen."""
    return np.asarray(np.isfinite(instances).all(3).any(2))


def typical_length(instances: np.ndarray) -> float:
    """Return the median diagonal of a pose: of the smallest box, along the axes, around its seen keypoints.

    Args:
        instances: (time, instance, keypoint, space), NaN where unseen.

    Returns:
        The length in the unit of the positions; NaN if no pose has two keypoints.

    Examples:
        >>> typical_length(np.array([[[[0, 0], [30, 40]]]]))
        50.0
    """
    positions = np.asarray(instances, float)
    is_seen = np.isfinite(positions).all(-1)
    is_pose = is_seen.sum(2) > 1
    if not is_pose.any():
        return float("nan")
    poses, seen = positions[is_pose], is_seen[is_pose][..., None]
    low, high = np.where(seen, poses, np.inf).min(1), np.where(seen, poses, -np.inf).max(1)
    return float(np.median(np.linalg.norm(high - low, axis=-1)))
