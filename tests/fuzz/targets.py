"""All readers, with good files of each and the changes to make to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.cli.settings import parse
from ssl_behavior.cluster import read_groups
from ssl_behavior.explorer.marks import Marks
from ssl_behavior.formats import peaks, skeletons
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks import mabe22
from ssl_behavior.formats.tracks.calms21 import submissions
from ssl_behavior.formats.tracks.mabe25.annotations import read_bouts
from ssl_behavior.formats.tracks.mabe25.metadata import read_table
from ssl_behavior.formats.tracks.mabe25.submissions import read_submission as read_pair_submission
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.jobs.grid import read_grid
from ssl_behavior.models.checkpoints import load_encoder, load_model
from ssl_behavior.predictions import table_reading
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.pretrain import PretrainConfig
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.tracking.instances import assemble_peaks
from tests.fuzz import shaped
from tests.fuzz.bytes import ANY, TEXT, Mutation, in_gzip
from tests.fuzz.sandbox import WrongResult
from tests.fuzz.seeds import real

_MAX_FRAMES = 10_000
_BINARY = (*ANY, shaped.hdf5, shaped.hdf5, shaped.hdf5)
_PICKLE = (*ANY, shaped.pickled, shaped.pickled, shaped.pickled)
_TENSORS = (*ANY, shaped.safetensors, shaped.safetensors, shaped.safetensors)
_JSON = (*TEXT, shaped.values, shaped.values, shaped.values)
_YAML = (*TEXT, shaped.laughs)


@dataclass(frozen=True)
class Target:
    """A reader to be fuzzed.

    Attributes:
        name: of the format.
        seeds: good files.
        read: the reader.
        mutations: changes to make.
        rare: changes that take long, made to one file in a hundred.
        in_place: whether the reader also reads the files beside this one.
    """

    name: str
    seeds: Sequence[Path]
    read: Callable[[Path], object]
    mutations: Sequence[Mutation]
    rare: Sequence[Mutation] = ()
    in_place: bool = False

    def mutant(self, data: bytes, rng: Random) -> bytes:
        """A changed copy of a good file's content."""
        pool = self.rare if self.rare and rng.random() < 0.01 else self.mutations
        for _ in range(1 if pool is self.rare else rng.choice((1, 1, 1, 2))):
            try:
                data = rng.choice(pool)(data, rng)
            except Exception:  # after the first change, the content may no longer be of this format
                break
        return data


def quiet(_: str) -> None:
    """Ignore a notice."""


def tracks(path: Path) -> list[Recording]:
    """Read recordings, and check the rules that hold for those of every format."""
    recordings = read_recordings(path, notify=quiet)
    for recording in recordings:
        if path.suffix == ".safetensors":
            continue  # values of native files are memory-mapped and not checked
        if np.isinf(recording.positions).any():
            raise WrongResult(f"infinite positions in {recording.id!r}")
        confidence = recording.confidence
        if confidence is not None and not ((confidence >= 0) & (confidence <= 1)).all():
            raise WrongResult(f"a confidence of {recording.id!r} outside 0 to 1")
    if len({recording.id for recording in recordings}) < len(recordings):
        raise WrongResult("an id twice")
    return recordings


def peaks_of(skeleton: Path) -> Callable[[Path], object]:
    """A reader of peaks of a good skeleton, which assembles them."""

    def read(path: Path) -> object:
        found, limbs = peaks.read(path, skeletons.read(skeleton))
        recording = assemble_peaks(found, limbs).recording
        if np.isinf(recording.positions).any():
            raise WrongResult("infinite positions")
        return recording

    return read


def annotations(path: Path) -> object:
    """Read annotations, and make labels of each channel."""
    videos = read_annotations(path, notify=quiet)
    for video in videos:
        for channel, bouts in video.channels.items():
            if any(bout.start >= bout.stop for bout in bouts):
                raise WrongResult("a bout of no frames")
            behaviours = [*video.vocabulary[channel], *([video.background] if video.background else [])]
            video.labels(channel, tuple(dict.fromkeys(behaviours)), min(video.stop(channel), _MAX_FRAMES))
    return videos


def pair_submission(path: Path) -> object:
    """Read a submission of bouts, and check what every submission that is taken fulfils."""
    table = read_pair_submission(path, notify=quiet)
    if table.empty or (table["start_frame"] > table["stop_frame"]).any():
        raise WrongResult("a submission that the host refuses")
    return table


def prediction(path: Path) -> object:
    """Read a folder of one prediction."""
    (table,) = table_reading.read_folder(path.parent)
    if not np.isfinite(table.probabilities).all():
        raise WrongResult("a probability that is not a number")
    return table


def model(path: Path) -> object:
    """Load a model and run its trees."""
    ensemble, scheme = load_model(path.parent)
    (trees,) = ensemble.trees
    probabilities = trees.predict(np.zeros((50, trees.booster.num_features()), np.float32))
    return scheme.calibrated_decoder, probabilities


def atlas(folder: Path) -> Callable[[Path], object]:
    """A reader of everything in an atlas, one of whose files was changed."""

    def read(_: Path) -> object:
        opened = Atlas(folder)
        videos = [video.is_located((0, 1)) for video in opened.videos()]
        clustered = ClusteredAtlas(opened)
        return (
            videos,
            opened.pair_rows,
            opened.channels,
            clustered.names,
            list(map(clustered.labels, opened.ids)),
            Marks(opened).all,
        )

    return read


def cached(source: Path) -> Callable[[Path], object]:
    """A reader of a good file whose entry in the cache was changed."""

    def read(_: Path) -> object:
        (recording,) = read_recordings(source, notify=quiet)
        return recording.positions.sum()

    return read


def settings(path: Path) -> object:
    return parse(PretrainConfig, ["--config", str(path)])


def review(path: Path) -> object:
    folder = ReviewFolder(path.parent)
    folder.require_unedited([])
    return folder.stems


def all_targets(folder: Path, data: Path) -> list[Target]:
    """All readers, with the good files of ``seeds.write`` in a folder and real ones in ``data``."""

    def files(*names: str) -> list[Path]:
        return [path for name in names for path in sorted(folder.glob(name))]

    table = files("table.csv")[0]
    gz = tuple(map(in_gzip, TEXT))
    return [
        Target("native .safetensors", files("tracks/*"), tracks, _TENSORS),
        Target("CalMS21 .npy", files("calms21.npy"), tracks, _PICKLE),
        Target("CalMS21 .json", files("calms21.json"), tracks, _JSON, (shaped.long_row,)),
        Target("CalMS21 .json.gz", files("calms21.json.gz"), tracks, (*ANY, *gz), (shaped.bomb,)),
        Target("MABe22 .npy", files("mabe22.npy"), tracks, _PICKLE),
        Target("MABe-2025 tracks", files("mabe25/train_tracking/*/10.parquet"), tracks, ANY, in_place=True),
        Target("MABe-2025 bouts", files("mabe25/train_annotation/*/10.parquet"), read_bouts, ANY),
        Target("MABe-2025 videos .csv", files("mabe25/train.csv"), read_table, TEXT, (shaped.wide,)),
        Target("MABe-2025 submission .csv", files("bouts_of_pairs.csv"), pair_submission, TEXT, (shaped.wide,)),
        Target(
            "DeepLabCut .csv",
            [table, *(path for path in real("deeplabcut csv", data) if path.suffix == ".csv")],
            tracks,
            TEXT,
            (shaped.wide,),
        ),
        Target(
            "DeepLabCut .csv.gz",
            [*files("table.csv.gz"), *(path for path in real("deeplabcut csv", data) if path.suffix == ".gz")],
            tracks,
            (*ANY, *gz),
            (shaped.bomb, in_gzip(shaped.wide)),
        ),
        Target("DeepLabCut .h5", real("deeplabcut h5", data), tracks, _BINARY),
        Target("SLEAP .analysis.h5", [*files("a.analysis.h5"), *real("sleap h5", data)], tracks, _BINARY),
        Target("SLEAP .slp", [*files("a.slp"), *real("sleap slp", data)], tracks, _BINARY),
        Target("peaks .npz", files("peaks.npz"), peaks_of(folder / "edges.yaml"), (*ANY, *[shaped.npz] * 12)),
        Target("skeleton with edges", files("edges.yaml"), skeletons.read, _YAML),
        Target("Caltech annotator", [*files("v_annot.txt"), *real("caltech", data)], annotations, TEXT, (shaped.wide,)),
        Target("Bento .annot", files("v.annot"), annotations, TEXT, (shaped.wide,)),
        Target("BORIS .csv, .tsv", files("boris.csv", "boris.tsv"), annotations, TEXT, (shaped.wide,)),
        Target("BORIS .boris", files("v.boris"), annotations, _JSON, (shaped.long_row,)),
        Target("labels per frame .csv", files("v.csv", "times.csv"), annotations, TEXT, (shaped.wide,)),
        Target("bouts .csv", files("bouts.csv"), annotations, TEXT, (shaped.wide,)),
        Target("0 and 1 .csv", files("hot.csv"), annotations, TEXT, (shaped.wide,)),
        Target("challenge submission", files("submission.npy"), submissions.read_submission, _PICKLE),
        Target("MABe22 embeddings", files("embeddings.npy"), mabe22.read_submission, _PICKLE),
        Target("MABe22 map of frames", files("embeddings.npy"), mabe22.read_frame_number_map, _PICKLE),
        Target("MABe22 split .json", files("split.json"), mabe22.read_split, _JSON),
        Target("predictions", files("predictions/video000.csv"), prediction, TEXT, (shaped.wide,), in_place=True),
        Target(
            "skeleton file",
            files("skeleton.yaml", "skeleton.json"),
            lambda path: read_recordings(table, skeleton=path, notify=quiet),
            _YAML,
        ),
        Target("settings .yaml", files("settings.yaml"), settings, _YAML),
        Target(
            "sweep .yaml",
            files("grid.yaml"),
            lambda path: list(islice(read_grid(path, ("pretrain", "finetune")), 9)),
            _YAML,
        ),
        Target("groups .csv", files("groups.csv"), lambda path: read_groups(path, ("video000", "video001")), TEXT),
        Target(
            "encoder",
            files("encoder/*"),
            lambda path: load_encoder(path.parent),
            (*_YAML, shaped.safetensors),
            in_place=True,
        ),
        Target("model", files("model/*"), model, (*_YAML, *_JSON, shaped.safetensors), in_place=True),
        Target(
            "atlas",
            files(
                "atlas/*.yaml", "atlas/videos/*", "atlas/clusters/*.*", "atlas/clusters/bouts/*", "atlas/marks/*.csv"
            ),
            atlas(folder / "atlas"),
            (*_YAML, shaped.safetensors),
            in_place=True,
        ),
        Target("cache", files("cache/recordings/*"), cached(table), _TENSORS, in_place=True),
        Target("review folder", files("review/written.yaml"), review, _YAML, in_place=True),
    ]
