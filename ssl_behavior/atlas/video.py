"""One video with its embeddings, and the file that holds it in an atlas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.tracks.native import describe_labels, labels_of
from ssl_behavior.poses.poses import Poses, pack, unpack
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.storage.array_files import read_arrays, read_metadata, write_arrays
from ssl_behavior.storage.versions import version_hint

_KIND = "ssl_behavior.embeddings"
_ADVICE = "delete the file, and embed the recording again"


@dataclass(frozen=True, eq=False)
class EmbeddedVideo:
    """One video of an atlas. Its arrays are memory maps: they stay on disk until they are used.

    Attributes:
        poses: the poses that were embedded.
        embeddings: ordered pair of individuals' indices (agent, target) -> (time, channel).
        labels: channel of the annotations -> labels at the frames of the poses.
        unit: unit of the recording's own coordinates.
        source: the file that the tracks came from.
        lab: name of the laboratory; empty if it is unknown.
    """

    poses: Poses
    embeddings: Mapping[tuple[int, int], np.ndarray]
    labels: Mapping[str, Labels]
    unit: str
    source: str
    lab: str = ""

    def __repr__(self) -> str:
        frames, channels = next((values.shape for values in self.embeddings.values()), (0, 0))
        return (
            f"EmbeddedVideo {self.id!r}: {frames:,} frames at {self.poses.frame_rate:g} Hz, {channels} channels\n"
            f"  {count_of(len(self.embeddings), 'ordered pair')}; labels: {list_names(map(repr, self.labels), 5)}"
        )

    @property
    def id(self) -> str:
        """The video id."""
        return self.poses.id

    def is_located(self, pair: tuple[int, int]) -> np.ndarray:
        """Return (time,) bool: whether the positions of both animals of a pair are known.

        Where one is unknown, the embedding of the pair says nothing about its behaviour.
        """
        return np.asarray(~np.isnan(self.poses.centre[:, list(pair), 0]).any(1))

    def pairs_of(self, agent: str | None, target: str | None) -> list[tuple[int, int]]:
        """Return the ordered pairs with this agent and this target; None stands for any individual.

        Raises:
            InputError: the video has no such individual, or agent and target are the same animal.
        """
        names, requested = self.poses.individuals, (agent, target)
        for option, name in zip(("--agent", "--target"), requested, strict=True):
            if name is not None and name not in names:
                raise InputError(
                    f"{option} {name}: expected an individual of video {self.id}, one of {list_names(names)}"
                )
        matches = [
            pair
            for pair in self.embeddings
            if all(name in (None, names[i]) for name, i in zip(requested, pair, strict=True))
        ]
        if not matches:
            raise InputError(
                f"--agent {agent} --target {target}: expected two individuals; found the same one twice: choose another"
            )
        return matches


def write_video(path: Path, video: EmbeddedVideo, dtype: str) -> None:
    """Write a video to ``path``, complete or not at all.

    Args:
        path: the file.
        video: the video.
        dtype: type of the stored embeddings, such as float16.
    """
    arrays, about = pack(video.poses)
    arrays |= {
        f"embeddings/{agent}-{target}": values.astype(dtype, copy=False)
        for (agent, target), values in video.embeddings.items()
    }
    arrays |= {f"labels/{channel}": labels.values for channel, labels in video.labels.items()}
    about |= {
        "pairs": list(video.embeddings),
        "labels": {channel: describe_labels(labels) for channel, labels in video.labels.items()},
        "unit": video.unit,
        "source": video.source,
        "lab": video.lab,
    }
    write_arrays(path, arrays, _KIND, about)


def read_video(
    path: Path, channels: int, landmarks: Sequence[str], version: object = None, verify: bool = False
) -> EmbeddedVideo:
    """Open the file of a video.

    Args:
        path: the file.
        channels: length of an embedding.
        landmarks: of the atlas; files of version 0.1 do not name them.
        version: version of the package that wrote the atlas, for the error message.
        verify: compare all arrays with their checksums. A search, which reads a few rows of each video, does not.

    Raises:
        InputError: the file is damaged, or holds something else.
    """
    try:
        arrays, about = read_arrays(path, _KIND, verify=verify)
    except InputError as error:
        raise _damaged(path, error) from None
    try:
        video = _unpack_video(arrays, {"landmarks": landmarks} | about)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, error, version) from None
    expected = (len(video.poses.positions), channels)
    if wrong := [values.shape for values in video.embeddings.values() if values.shape != expected]:
        raise InputError(
            f"{path}: expected embeddings (time, channel) of shape {expected}; found {wrong[0]}: {_ADVICE}"
        )
    return video


def read_video_header(path: Path) -> dict[str, Any]:
    """Return the header of a video's file: everything but the arrays.

    Raises:
        InputError: the file is damaged, or holds something else.
    """
    try:
        about = read_metadata(path, _KIND)
    except InputError as error:
        raise _damaged(path, error) from None
    if not isinstance(about, dict) or not isinstance(about.get("id"), str):
        raise InputError(f"{path}: expected embeddings of a video; found something else: {_ADVICE}")
    return about


def _damaged(path: Path, error: Exception, version: object = None) -> InputError:
    problem = str(error).removeprefix(f"{path}: ")
    return InputError(
        f"{path}: expected embeddings of a video; found something else ({problem}): {_ADVICE}{version_hint(version)}"
    )


def pair_name(agent: str, target: str) -> str:
    """Return an ordered pair in words; a lone animal is its own target.

    Examples:
        >>> pair_name("mouse0", "mouse1")
        'mouse0 > mouse1'
    """
    return agent if agent == target else f"{agent} > {target}"


def _unpack_video(arrays: Mapping[str, np.ndarray], about: Any) -> EmbeddedVideo:
    embeddings = {(int(agent), int(target)): arrays[f"embeddings/{agent}-{target}"] for agent, target in about["pairs"]}
    labels = {channel: labels_of(arrays[f"labels/{channel}"], fields) for channel, fields in about["labels"].items()}
    lab = str(about.get("lab", ""))  # atlases of version 0.2 and before know none
    return EmbeddedVideo(unpack(arrays, about), embeddings, labels, str(about["unit"]), str(about["source"]), lab)
