"""Two or more animals with known names, for tests of tracking."""

import numpy as np

from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

KEYPOINTS = Skeleton(("nose", "left", "right", "tail"))
BODY = np.array([[12.0, 0], [4, 5], [4, -5], [0, 0]])


def walkers(seed: int = 0, frames: int = 400, animals: int = 2, sizes: tuple[float, ...] = ()) -> np.ndarray:
    """Tracks (time, animal, keypoint, 2) in pixels of animals that walk at random in a square and often meet."""
    rng = np.random.default_rng(seed)
    turns = rng.normal(0, 0.15, (frames, animals)).cumsum(0)
    centres = rng.uniform(20, 80, (animals, 2)) + np.stack([np.cos(turns), np.sin(turns)], -1).cumsum(0)
    centres = 50 - np.abs((centres % 200) - 100) + 50  # reflected at the walls
    turn = np.stack([np.cos(turns), -np.sin(turns), np.sin(turns), np.cos(turns)], -1).reshape(frames, animals, 1, 2, 2)
    scaled = BODY * np.array(sizes or (1.0,) * animals)[:, None, None]
    bodies = (turn @ scaled[None, ..., None])[..., 0]
    return centres[:, :, None] + bodies + rng.normal(0, 0.3, bodies.shape)


def exchanged(tracks: np.ndarray, *frames: int, pair: tuple[int, int] = (0, 1)) -> np.ndarray:
    """Exchange two animals from each of these frames on."""
    tracks = tracks.copy()
    for frame in frames:
        tracks[frame:, pair] = tracks[frame:, pair[::-1]]
    return tracks


def recorded(tracks: np.ndarray, id: str = "pair") -> Recording:
    """Return tracks as a recording."""
    names = tuple("abcdef"[: tracks.shape[1]])
    return Recording(id, tracks.astype(np.float32), names, KEYPOINTS, 30.0, source=f"{id}.csv")
