"""The atlas: embeddings of every frame and pair on disk, one file per video, read by memory map.

An atlas is a folder with ``atlas.yaml``, which names the encoder that computed the embeddings, and ``videos/``. Each
file in ``videos/`` (safetensors layout, see ``storage.array_files``) holds the embeddings of every ordered pair of one
video, the poses that were embedded, and the labels if there are any. Reading or adding one video leaves all others
untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import yaml

import ssl_behavior
from ssl_behavior.atlas.video import EmbeddedVideo, read_video, read_video_header, write_video
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, count_of, list_names, natural_key
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.array_files import SUFFIX
from ssl_behavior.storage.atomic import write_atomically
from ssl_behavior.storage.names import require_names
from ssl_behavior.storage.versions import require_not_newer, version_hint
from ssl_behavior.storage.video_names import file_stem, unique_stem

if TYPE_CHECKING:  # an atlas opens without torch, which this module imports
    from ssl_behavior.compute.devices import Precision

ABOUT, VIDEOS = "atlas.yaml", "videos"
_VERSION = "version"
_EMBED = "ssl-behavior embed"
_LONGEST = 240
"""Bytes of a file's name without its ending: no file can have a longer one."""


@dataclass(frozen=True)
class AtlasMeta:
    """The settings of the embeddings of an atlas. Embeddings with different metadata cannot be compared.

    Attributes:
        encoder: fingerprint of the encoder.
        landmarks: landmarks that the encoder takes, in order.
        frame_rate: frame rate of the embeddings in Hz.
        channels: length of an embedding.
        dtype: type of the stored numbers: float32 or float16.
        precision: precision of the forward pass: float32 or bfloat16. Atlases written before this field existed used
            float32.
    """

    encoder: str
    landmarks: tuple[str, ...]
    frame_rate: float
    channels: int
    dtype: str
    precision: Precision = "float32"


class PairRows(NamedTuple):
    """The rows of one pair of one video among all rows of an atlas: ``start`` to ``start + frames``."""

    video: str
    pair: tuple[int, int]
    start: int
    frames: int


class Atlas:
    """A folder of embeddings.

    Args:
        folder: a folder that ``create`` or ``ssl-behavior embed`` wrote.

    Raises:
        InputError: the folder holds no atlas, or a damaged one.

    Examples:
        >>> atlas = Atlas(Path("atlas"))  # doctest: +SKIP
        >>> atlas.video("video1").embeddings[0, 1].shape  # (time, channel)  # doctest: +SKIP
        (5400, 128)
    """

    @check_arguments
    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        path = self.folder / ABOUT
        if not path.is_file():
            problem = f"no {ABOUT}" if self.folder.is_dir() else "no such folder"
            raise InputError(f"{folder}: expected an atlas; found {problem}: give the --output of {_EMBED}")
        try:
            about = dict(yaml_files.read(path))
            self.version = about.pop(_VERSION, None)  # the first atlases stored none
        except (InputError, TypeError, ValueError):
            raise self._unreadable(path) from None
        require_not_newer(path, self.version)
        try:
            self.meta = AtlasMeta(**{**about, "landmarks": tuple(map(str, about["landmarks"]))})
            _require_valid(self.meta)
        except (TypeError, ValueError, KeyError):
            raise self._unreadable(path) from None

    def __repr__(self) -> str:
        meta = self.meta
        return (
            f"Atlas {str(self.folder)!r}: {count_of(len(self.ids), 'video')}, {count_of(self.rows, 'embedding')}\n"
            f"  {meta.channels} channels at {meta.frame_rate:g} Hz by encoder {meta.encoder!r}; "
            f"labels: {list_names(map(repr, self.channels), 5)}"
        )

    @classmethod
    def create(cls, folder: Path, meta: AtlasMeta) -> Atlas:
        """Open the atlas in ``folder``; write an empty one first if there is none.

        Raises:
            InputError: the folder holds an atlas of another encoder, or with other settings.
        """
        path = Path(folder).expanduser() / ABOUT
        if not path.exists():
            with write_atomically(path) as aside:
                plain = asdict(meta) | {"landmarks": list(meta.landmarks), _VERSION: ssl_behavior.__version__}
                aside.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
        atlas = cls(folder)
        if atlas.meta != meta:
            differing = [name for name, value in asdict(meta).items() if getattr(atlas.meta, name) != value]
            raise InputError(
                f"{folder}: expected an atlas with the same settings; found one with another {list_names(differing)}, "
                f"which cannot take embeddings of these settings: {_same_settings(atlas.meta, differing)}choose "
                "another --output, or pass --overwrite to delete that atlas and create this one"
            )
        return atlas

    def path(self, video: str) -> Path:
        """Return the path of a video's file, whether or not the file exists."""
        # Version 0.1.0 changed nothing but slashes in the name.
        former, *stems = video.replace("/", "_"), file_stem(video), unique_stem(video)
        files = [self.folder / VIDEOS / f"{stem}{SUFFIX}" for stem in stems]
        older = [files[0].with_name(f"{former}{SUFFIX}")] if len(former.encode()) <= _LONGEST else []
        own = (file for file in (*older, *files) if file.is_file() and _is_of(file, video))
        return next(own, files[0] if not files[0].exists() else files[1])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the videos, in natural order."""
        files = (self.folder / VIDEOS).glob(f"*{SUFFIX}")
        return tuple(sorted((read_video_header(file)["id"] for file in files), key=natural_key))

    @cached_property
    def pair_rows(self) -> tuple[PairRows, ...]:
        """The rows of every pair of every video, in order. Each row of the atlas is one frame of one pair."""
        spans, start = [], 0
        for video in self.videos():
            for pair, values in video.embeddings.items():
                spans.append(PairRows(video.id, pair, start, len(values)))
                start += len(values)
        return tuple(spans)

    @cached_property
    def channels(self) -> Mapping[str, tuple[str, ...]]:
        """Channel of labels -> its behaviours over all videos."""
        behaviours: dict[str, dict[str, None]] = {}
        for video in self.videos():
            for channel, labels in video.labels.items():
                behaviours.setdefault(channel, {}).update(dict.fromkeys(labels.behaviours))
        return {channel: tuple(names) for channel, names in behaviours.items()}

    @property
    def rows(self) -> int:
        """Number of embeddings: frames, summed over all pairs of all videos."""
        return sum(span.frames for span in self.pair_rows)

    def locate(self, row: int) -> tuple[PairRows, int]:
        """Return the pair that a row belongs to, and the frame of the pair's poses."""
        span = self.pair_rows[int(np.searchsorted(self._starts, row, side="right")) - 1]
        return span, row - span.start

    def draw(self, count: int, seed: int) -> Iterator[tuple[EmbeddedVideo, tuple[int, int], np.ndarray]]:
        """Draw rows at random without replacement.

        Args:
            count: rows to draw; all rows if the atlas has fewer.
            seed: seed of the draw.

        Yields:
            A video, one of its pairs, and the drawn frames (frame,) of this pair in rising order.
        """
        rng, total = np.random.default_rng(seed), self.rows
        rows = np.sort(rng.choice(total, min(count, total), replace=False, shuffle=False))
        for span in self.pair_rows:
            low, high = np.searchsorted(rows, (span.start, span.start + span.frames))
            if low < high:
                video, frames = self.video(span.video), rows[low:high] - span.start
                self.finite(video, span.pair, frames)
                yield video, span.pair, frames

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Read embeddings (row, channel) float32 of rows in rising order."""
        embeddings = np.empty((len(rows), self.meta.channels), np.float32)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        bounds = np.flatnonzero(np.diff(owners, prepend=-1))
        for low, high in pairwise([*bounds, len(rows)]):
            span = self.pair_rows[owners[low]]
            embeddings[low:high] = self._embeddings(span.video)[span.pair][rows[low:high] - span.start]
            self._require_finite(embeddings[low:high], span.video)
        return embeddings

    def finite(
        self, video: EmbeddedVideo, pair: tuple[int, int], frames: slice | np.ndarray = slice(None)
    ) -> np.ndarray:
        """Return embeddings (frame, channel) of some frames of a pair, or of all.

        Raises:
            InputError: one of them is not finite, so the file is damaged.
        """
        embeddings = video.embeddings[pair][frames]
        self._require_finite(embeddings, video.id)
        return embeddings

    def _require_finite(self, embeddings: np.ndarray, video: str) -> None:
        if not np.isfinite(embeddings).all():
            raise InputError(
                f"{self.path(video)}: expected embeddings that are finite numbers; found NaN or infinity: delete the "
                "file, and embed the recording again"
            )

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.array([span.start for span in self.pair_rows])

    @cached_property
    def _embeddings(self) -> Callable[[str], Mapping[tuple[int, int], np.ndarray]]:
        # Opening a file takes longer than reading a few rows, so files stay open.
        return cache(lambda video: self.video(video).embeddings)

    def __contains__(self, video: str) -> bool:
        return self.path(video).exists()

    def video(self, video: str, verify: bool = False) -> EmbeddedVideo:
        """Open one video by its id.

        Args:
            video: its id.
            verify: compare its arrays with their checksums, which reads them all.

        Raises:
            InputError: the atlas has no such video, or its file is damaged.
        """
        path = self.path(video)
        if not path.is_file():
            raise InputError(
                f"{self.folder}: expected one of its videos {list_names(self.ids, 10)}; found video {video}: choose "
                f"another, or add its recording with {_EMBED}"
            )
        return read_video(path, self.meta.channels, self.meta.landmarks, self.version, verify)

    def videos(self, verify: bool = False) -> Iterator[EmbeddedVideo]:
        """Open all videos, one after the other; ``verify`` as for ``video``."""
        return (self.video(video, verify) for video in self.ids)

    def add(self, video: EmbeddedVideo) -> None:
        """Write a video; it replaces a video with the same id."""
        write_video(self.path(video.id), video, self.meta.dtype)
        self._forget()

    @staticmethod
    def clear(folder: Path) -> None:
        """Remove every video of an atlas, which may be damaged, then ``atlas.yaml``."""
        for path in (folder / VIDEOS).glob(f"*{SUFFIX}"):
            path.unlink()
        # The last step: a folder that an interrupt leaves half cleared is still an atlas of this encoder.
        (folder / ABOUT).unlink(missing_ok=True)

    def fingerprint(self, video: str) -> str:
        """Return the fingerprint of the tracks that a video's embeddings were computed from (``Poses.fingerprint``)."""
        return str(read_video_header(self.path(video)).get("fingerprint"))

    def _forget(self) -> None:
        """Drop everything that was cached about the files."""
        for name in ("ids", "pair_rows", "channels", "_starts", "_embeddings"):
            self.__dict__.pop(name, None)

    def _unreadable(self, path: Path) -> InputError:
        return InputError(
            f"{path}: expected the metadata of an atlas; found something else: recreate the atlas with {_EMBED} "
            f"--overwrite{version_hint(getattr(self, 'version', None))}"
        )


def _is_of(file: Path, video: str) -> bool:
    """Return whether a file holds a video; a damaged one counts as the file that its name says."""
    try:
        return bool(read_video_header(file)["id"] == video)
    except InputError:
        return True


def _same_settings(existing: AtlasMeta, differing: Sequence[str]) -> str:
    """Advice to embed with the settings of an existing atlas; empty if it is of another encoder."""
    if not set(differing) <= {"dtype", "precision"}:
        return ""
    half = "give --half" if existing.dtype == "float16" else "leave out --half"
    ways = [f"give --precision {existing.precision}"] * ("precision" in differing) + [half] * ("dtype" in differing)
    return f"{' and '.join(ways)} to add to it, "


def _require_valid(meta: AtlasMeta) -> None:
    """Raise TypeError if a value read from ``atlas.yaml`` is of the wrong type or out of range."""
    require_frame_rate(meta.frame_rate, ABOUT)
    require_names(meta.landmarks, "landmark's name")
    is_valid = (
        isinstance(meta.encoder, str)
        and meta.dtype in ("float32", "float16")
        and type(meta.channels) is int
        and meta.channels > 0
    )
    if not is_valid:
        raise TypeError(f"{meta}")
