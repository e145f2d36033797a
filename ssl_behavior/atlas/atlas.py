"""The atlas: embeddings of every frame and pair on disk, a file per video, read by memory map.

A folder of ``atlas.yaml``, which says which encoder made it, and ``videos/``: per video one file in the safetensors
layout (see ``formats.mapped``) with the embeddings of each ordered pair, the poses they are of, and labels where there
are any. Reading one video reads nothing of the others, and adding one touches nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import yaml

import ssl_behavior
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, natural, some
from ssl_behavior.poses.poses import pack, unpack
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.array_files import SUFFIX, read_about, read_arrays, write_arrays
from ssl_behavior.storage.atomic import replacing
from ssl_behavior.storage.versions import of_another, require_not_newer

if TYPE_CHECKING:  # torch, which atlases are opened without
    from ssl_behavior.compute.devices import Precision

ABOUT, VIDEOS, _KIND = "atlas.yaml", "videos", "ssl_behavior.embeddings"
_VERSION = "version"
_MAKE = "ssl-behavior embed makes them"


@dataclass(frozen=True)
class AtlasMeta:
    """What made the embeddings of an atlas; embeddings of different makers cannot be compared.

    Attributes:
        encoder: its fingerprint.
        landmarks: that it takes, in order.
        frame_rate: of the embeddings in Hz.
        channels: length of an embedding.
        dtype: of the stored numbers, float32 or float16.
        precision: that they were computed in, float32 or bfloat16, which an atlas that says nothing was not.
    """

    encoder: str
    landmarks: tuple[str, ...]
    frame_rate: float
    channels: int
    dtype: str
    precision: Precision = "float32"


class AtlasRow(NamedTuple):
    """One pair of one video among all rows of an atlas: rows ``start`` to ``start + frames``."""

    video: str
    pair: tuple[int, int]
    start: int
    frames: int


class Atlas:
    """A folder of embeddings.

    Args:
        folder: that ``create`` made.

    Raises:
        InputError: there is no atlas, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).expanduser()
        path = self.folder / ABOUT
        if not path.is_file():
            found = "no atlas.yaml" if self.folder.is_dir() else "no such folder"
            raise InputError(f"{folder}: expected an atlas ({_MAKE}); found {found}")
        try:
            about = dict(yaml_files.read(path))
            self.version = about.pop(_VERSION, None)  # which atlases had not at first
        except (InputError, TypeError, ValueError):
            raise self._other(path) from None
        require_not_newer(path, self.version)
        try:
            self.made_by = AtlasMeta(**{**about, "landmarks": tuple(map(str, about["landmarks"]))})
            _check(self.made_by)
        except (TypeError, ValueError, KeyError):
            raise self._other(path) from None

    def _other(self, path: Path) -> InputError:
        told = f"{path}: expected what made the atlas; found something else: make it anew"
        return InputError(told + of_another(getattr(self, "version", None)))

    @classmethod
    def create(cls, folder: Path, made_by: AtlasMeta) -> Atlas:
        """The atlas in ``folder``, made if it is not there.

        Raises:
            InputError: there is one that another encoder made, or with other settings.
        """
        path = Path(folder).expanduser() / ABOUT
        if not path.exists():
            with replacing(path) as aside:
                plain = asdict(made_by) | {"landmarks": list(made_by.landmarks), _VERSION: ssl_behavior.__version__}
                aside.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
        atlas = cls(folder)
        if atlas.made_by != made_by:
            other = [name for name, value in asdict(made_by).items() if getattr(atlas.made_by, name) != value]
            raise InputError(
                f"{folder}: expected an atlas that was made in the same way; found one with another {some(other)} "
                f"({', '.join(str(getattr(atlas.made_by, name)) for name in other)}): give another --output, or "
                "--overwrite to make it anew"
            )
        return atlas

    def path(self, video: str) -> Path:
        """The file of a video."""
        return self.folder / VIDEOS / f"{video.replace('/', '_')}{SUFFIX}"

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the videos, in natural order."""
        files = (self.folder / VIDEOS).glob(f"*{SUFFIX}")
        return tuple(sorted((_about(file)["id"] for file in files), key=natural))

    @cached_property
    def pieces(self) -> tuple[AtlasRow, ...]:
        """Every pair of every video, in order; a row of the atlas is a frame of one of them."""
        found, start = [], 0
        for video in map(self.video, self.ids):
            for pair, values in video.embeddings.items():
                found.append(AtlasRow(video.id, pair, start, len(values)))
                start += len(values)
        return tuple(found)

    @cached_property
    def channels(self) -> Mapping[str, tuple[str, ...]]:
        """Channel of labels -> its behaviours, over all videos."""
        found: dict[str, dict[str, None]] = {}
        for video in self.videos():
            for channel, labels in video.labels.items():
                found.setdefault(channel, {}).update(dict.fromkeys(labels.behaviours))
        return {channel: tuple(names) for channel, names in found.items()}

    @property
    def rows(self) -> int:
        """Embeddings in all."""
        return sum(piece.frames for piece in self.pieces)

    def place(self, row: int) -> tuple[AtlasRow, int]:
        """The piece that a row is of, and its frame there."""
        starts = self._starts
        piece = self.pieces[int(np.searchsorted(starts, row, side="right")) - 1]
        return piece, row - piece.start

    def draw(self, count: int, seed: int) -> Iterator[tuple[EmbeddedVideo, tuple[int, int], np.ndarray]]:
        """Random rows, or all if there are no more: per pair of a video the drawn frames (frame,), in order."""
        rng, total = np.random.default_rng(seed), self.rows
        rows = np.sort(rng.choice(total, min(count, total), replace=False, shuffle=False))
        for piece in self.pieces:
            low, high = np.searchsorted(rows, (piece.start, piece.start + piece.frames))
            if low < high:
                yield self.video(piece.video), piece.pair, rows[low:high] - piece.start

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Embeddings (row, channel), float32, of rows in rising order."""
        taken = np.empty((len(rows), self.made_by.channels), np.float32)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        firsts = np.flatnonzero(np.diff(owners, prepend=-1))
        for first, last in pairwise([*firsts, len(rows)]):
            piece = self.pieces[owners[first]]
            taken[first:last] = self._embeddings(piece.video)[piece.pair][rows[first:last] - piece.start]
        return taken

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.array([piece.start for piece in self.pieces])

    @cached_property
    def _embeddings(self) -> Callable[[str], Mapping[tuple[int, int], np.ndarray]]:
        return cache(lambda video: self.video(video).embeddings)  # opening a file takes longer than reading some rows

    def __contains__(self, video: str) -> bool:
        return self.path(video).exists()

    def video(self, video: str) -> EmbeddedVideo:
        """One video.

        Raises:
            InputError: there is none of that id, or its file is damaged.
        """
        path = self.path(video)
        if not path.is_file():
            raise InputError(f"{self.folder}: expected one of its videos {some(self.ids, 10)}; found {video}")
        try:
            arrays, about = read_arrays(path, _KIND)
        except InputError as error:
            raise InputError(f"{error}: delete it, and embed the recording again") from None
        try:
            poses = unpack(arrays, about)
            embeddings = {
                (int(agent), int(target)): arrays[f"embeddings/{agent}-{target}"] for agent, target in about["pairs"]
            }
            labels = {
                name: Labels(tuple(one["behaviours"]), arrays[f"labels/{name}"], one["pair"] and tuple(one["pair"]))
                for name, one in about["labels"].items()
            }
            unit, source = str(about["unit"]), str(about["source"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            other = of_another(self.version)
            told = f"{path}: expected embeddings of a video; found something else ({error}): make it anew{other}"
            raise InputError(told) from None
        expected = (len(poses.positions), self.made_by.channels)
        if wrong := [values.shape for values in embeddings.values() if values.shape != expected]:
            raise InputError(
                f"{path}: expected embeddings (time, channel) of {expected}; found {wrong[0]}: make it anew"
            )
        return EmbeddedVideo(poses, embeddings, labels, unit, source)

    def videos(self) -> Iterator[EmbeddedVideo]:
        """All videos, one after the other."""
        return map(self.video, self.ids)

    def add(self, video: EmbeddedVideo) -> None:
        """Write a video, in place of one with the same id."""
        poses = video.poses
        arrays, about = pack(poses)
        arrays |= {
            f"embeddings/{agent}-{target}": values.astype(self.made_by.dtype, copy=False)
            for (agent, target), values in video.embeddings.items()
        }
        arrays |= {f"labels/{name}": one.values for name, one in video.labels.items()}
        about |= {
            "pairs": list(video.embeddings),
            "labels": {name: {"behaviours": one.behaviours, "pair": one.pair} for name, one in video.labels.items()},
            "unit": video.unit,
            "source": video.source,
        }
        write_arrays(self.path(poses.id), arrays, _KIND, about)
        self._forget()

    def clear(self) -> None:
        """Remove every video, and what says that this is an atlas."""
        for path in (self.folder / VIDEOS).glob(f"*{SUFFIX}"):
            path.unlink()
        # Last, so that what an interrupt leaves is still an atlas of this encoder.
        (self.folder / ABOUT).unlink(missing_ok=True)
        self._forget()

    def fingerprint(self, video: str) -> str:
        """Of the tracks that a video's embeddings are of (``Poses.fingerprint``)."""
        return str(_about(self.path(video)).get("fingerprint"))

    def _forget(self) -> None:
        """What is there is listed anew."""
        for name in ("ids", "pieces", "channels", "_starts", "_embeddings"):
            self.__dict__.pop(name, None)


def _check(made_by: AtlasMeta) -> None:
    """Raises TypeError where what is written of a maker is of another kind."""
    is_right = (
        isinstance(made_by.encoder, str)
        and made_by.dtype in ("float32", "float16")
        and type(made_by.channels) is int
        and isinstance(made_by.frame_rate, int | float)
        and made_by.channels > 0
        and 0 < made_by.frame_rate < inf
    )
    if not is_right:
        raise TypeError(f"{made_by}")


def _about(path: Path) -> dict[str, Any]:
    about = read_about(path, _KIND)
    if not isinstance(about, dict) or not isinstance(about.get("id"), str):
        raise InputError(f"{path}: expected embeddings of a video; found something else")
    return about
