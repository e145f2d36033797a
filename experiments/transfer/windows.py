"""Windows of two mice, two seconds each, and the behaviours that they show, for probes of encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21 import INDIVIDUALS, SKELETON
from ssl_behavior.formats.tracks.unseen import mask_unseen
from ssl_behavior.poses.clips import ClipBatch
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.recordings.recording import Recording

BEHAVIOURS = ("investigation", "mount")
FRAME_RATE = 6.0
"""Hz: about every fifth frame was kept (tracks move as far within one as whole recordings do within four to five)."""
ALIKE = 10.0
"""Px, root mean square over all keypoints: mice move 5 to 8 within a frame or two of the videos, at 30 Hz."""
_APART = 2.5  # seconds without tracks between windows; preparation interpolates up to two


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of CalMS21's two mice.

    Attributes:
        positions: (window, frame, individual, keypoint, 2) float32 in px, NaN where unseen.
        shows: behaviour -> (window,) bool.
    """

    positions: np.ndarray
    shows: Mapping[str, np.ndarray]

    @cached_property
    def moments(self) -> np.ndarray:
        """Numbers (window,) that are equal for windows of the same seconds of a video; see ``same_moments``."""
        return same_moments(self.positions)

    def recording(self) -> Recording:
        """All windows in one recording, with gaps between them: one camera filmed them, so they share a body length."""
        windows, frames = self.positions.shape[:2]
        spaced = np.full((windows, frames + self._apart, *self.positions.shape[2:]), np.nan, np.float32)
        spaced[:, :frames] = self.positions
        return Recording("windows", spaced.reshape(-1, *spaced.shape[2:]), INDIVIDUALS, SKELETON, FRAME_RATE)

    def clips(self, landmarks: tuple[str, ...], preparation: Preparation) -> ClipBatch:
        """Clips (window, time, ...) of resident and intruder, one for each window, with an encoder's landmarks."""
        poses = prepare(self.recording(), landmarks, preparation)
        windows, frames = self.positions.shape[:2]
        faster = poses.frame_rate / FRAME_RATE
        starts = np.ceil(np.arange(windows) * (frames + self._apart) * faster - 1e-6).astype(int)
        length = int((frames - 1) * faster + 1e-6) + 1
        return ClipSampler([poses]).clips([(0, int(start), (0, 1)) for start in starts], length)

    @property
    def _apart(self) -> int:
        return int(np.ceil(_APART * FRAME_RATE))


def read_windows(folder: Path) -> Windows:
    """Read ``windows_keypoints.npy``, ``windows_investigation.npy`` and ``windows_mount.npy`` in a folder.

    Raises:
        InputError: a file is missing or has another shape.
    """
    keypoints = _load(folder / "windows_keypoints.npy")
    shape = (len(INDIVIDUALS), 2, len(SKELETON.keypoints))
    if keypoints.ndim != 5 or keypoints.shape[2:] != shape:
        raise InputError(
            f"{folder / 'windows_keypoints.npy'}: expected shape (window, frame, {', '.join(map(str, shape))}) and "
            f"found {keypoints.shape}; give the folder of CalMS21's windows"
        )
    shows = {}
    for name in BEHAVIOURS:
        labels = _load(path := folder / f"windows_{name}.npy")
        if labels.size != len(keypoints) or not np.isin(labels, (0, 1)).all():
            raise InputError(
                f"{path}: expected 0 or 1 for each of {len(keypoints)} windows and found shape {labels.shape} with "
                f"values from {labels.min()} to {labels.max()}; give the labels of these windows"
            )
        shows[name] = labels.reshape(-1) == 1
    return Windows(mask_unseen(np.swapaxes(keypoints, 3, 4)), shows)


def _load(path: Path) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"{path}: expected CalMS21's windows; there is no such file: name its folder with --data")
    array: np.ndarray = np.load(path, allow_pickle=False)
    return array


def same_moments(positions: np.ndarray, alike: float = ALIKE) -> np.ndarray:
    """Numbers (window,) of groups of windows that must not be split between training and testing.

    The windows overlap, start anywhere, and do not name their video. Two windows are in one group if they share a frame
    or have frames no further apart than ``alike``, or if a chain of such windows links them.

    Args:
        positions: (window, frame, individual, keypoint, 2) in px; frames with an unseen keypoint are ignored.
        alike: px, root mean square over keypoints.
    """
    windows, frames = positions.shape[:2]
    flat = positions.reshape(windows * frames, -1)
    whole = np.flatnonzero(np.isfinite(flat).all(1))
    flat, of = flat[whole] - flat[whole].mean(0), whole // frames
    points, squares = flat.shape[1] / 2, np.square(flat).sum(1)
    links = []
    for start in range(0, len(flat), 1000):
        rows = slice(start, start + 1000)
        apart = squares[rows, None] + squares - 2 * flat[rows] @ flat.T
        first, second = np.nonzero(apart <= points * alike**2)
        links.append(np.stack([of[rows][first], of[second]]))
    first, second = np.unique(np.concatenate(links, 1), axis=1)
    graph = coo_array((np.ones(len(first)), (first, second)), (windows, windows))
    return np.asarray(connected_components(graph, directed=False)[1])
