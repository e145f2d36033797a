"""Every reader, its good files, and the changes that are made to them."""

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
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks import mabe22
from ssl_behavior.formats.tracks.calms21 import submissions
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.jobs.grid import read_grid
from ssl_behavior.models.checkpoints import load_encoder, load_model
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.pretrain import PretrainConfig
from ssl_behavior.recordings.recording import Recording
from tests.fuzz import shaped
from tests.fuzz.bytes import ANY, TEXT, Mutation, unpacked
from tests.fuzz.sandbox import WrongResult
from tests.fuzz.seeds import real

_FRAMES = 10_000
_BINARY = (*ANY, shaped.hdf5, shaped.hdf5, shaped.hdf5)
_PICKLE = (*ANY, shaped.pickled, shaped.pickled, shaped.pickled)
_TENSORS = (*ANY, shaped.safetensors, shaped.safetensors, shaped.safetensors)
_JSON = (*TEXT, shaped.values, shaped.values, shaped.values)
_YAML = (*TEXT, shaped.laughs)


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: of what it reads.
        seeds: good files.
        read: what it does with a file.
        mutations: that are made of one.
        rare: that are made of few, as they take long.
        in_place: whether the files beside it belong to it.
    """

    name: str
    seeds: Sequence[Path]
    read: Callable[[Path], object]
    mutations: Sequence[Mutation]
    rare: Sequence[Mutation] = ()
    in_place: bool = False

    def mutant(self, data: bytes, rng: Random) -> bytes:
        """A file that somebody may have given, from the content of a good one."""
        pool = self.rare if self.rare and rng.random() < 0.01 else self.mutations
        for _ in range(1 if pool is self.rare else rng.choice((1, 1, 1, 2))):
            try:
                data = rng.choice(pool)(data, rng)
            except Exception:  # what was changed before may be no file of the format any more
                break
        return data


def quiet(_: str) -> None:
    """Take a notice and say nothing."""


def tracks(path: Path) -> list[Recording]:
    """The recordings of a file, which are to be as every format yields them."""
    recordings = read_recordings(path, notify=quiet)
    for one in recordings:
        if path.suffix == ".safetensors":
            continue  # of which the numbers are taken as they are, and are not read before they are needed
        if np.isinf(one.positions).any():
            raise WrongResult(f"infinite positions in {one.id!r}")
        if one.confidence is not None and not ((one.confidence >= 0) & (one.confidence <= 1)).all():
            raise WrongResult(f"a confidence of {one.id!r} beyond 0 to 1")
    if len({one.id for one in recordings}) < len(recordings):
        raise WrongResult("an id twice")
    return recordings


def annotations(path: Path) -> object:
    found = read_annotations(path, notify=quiet)
    for one in found:
        for channel, bouts in one.channels.items():
            if any(bout.start >= bout.stop for bout in bouts):
                raise WrongResult("a bout of no frames")
            behaviours = [*one.vocabulary[channel], *([one.background] if one.background else [])]
            one.labels(channel, tuple(dict.fromkeys(behaviours)), min(one.stop(channel), _FRAMES))
    return found


def prediction(path: Path) -> object:
    (found,) = tables.read_folder(path.parent)
    if not np.isfinite(found.probabilities).all():
        raise WrongResult("a probability that is no number")
    return found


def model(path: Path) -> object:
    found, scheme = load_model(path.parent)
    assert found.trees is not None
    probabilities = found.trees.predict(np.zeros((50, found.trees.booster.num_features()), np.float32))
    return scheme.calibrated_decoder, probabilities


def atlas(folder: Path) -> Callable[[Path], object]:
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
    """Reads a good file of which what is kept is changed."""

    def read(_: Path) -> object:
        (found,) = read_recordings(source, notify=quiet)
        return found.positions.sum()

    return read


def settings(path: Path) -> object:
    return parse(PretrainConfig, ["--config", str(path)])


def review(path: Path) -> object:
    folder = ReviewFolder(path.parent)
    folder.require_unedited([])
    return folder.stems


def all_targets(made: Path, data: Path) -> list[Target]:
    """Every reader, with files in the folder ``made``, which are written over, and real ones of ``data``."""

    def files(*names: str) -> list[Path]:
        return [found for name in names for found in sorted(made.glob(name))]

    table = files("table.csv")[0]
    gz = tuple(map(unpacked, TEXT))
    return [
        Target("native .safetensors", files("tracks/*"), tracks, _TENSORS),
        Target("CalMS21 .npy", files("calms21.npy"), tracks, _PICKLE),
        Target("CalMS21 .json", files("calms21.json"), tracks, _JSON, (shaped.long_row,)),
        Target("CalMS21 .json.gz", files("calms21.json.gz"), tracks, (*ANY, *gz), (shaped.bomb,)),
        Target("MABe22 .npy", files("mabe22.npy"), tracks, _PICKLE),
        Target(
            "DeepLabCut .csv",
            [table, *(p for p in real("deeplabcut csv", data) if p.suffix == ".csv")],
            tracks,
            TEXT,
            (shaped.wide,),
        ),
        Target(
            "DeepLabCut .csv.gz",
            [*files("table.csv.gz"), *(p for p in real("deeplabcut csv", data) if p.suffix == ".gz")],
            tracks,
            (*ANY, *gz),
            (shaped.bomb, unpacked(shaped.wide)),
        ),
        Target("DeepLabCut .h5", real("deeplabcut h5", data), tracks, _BINARY),
        Target("SLEAP .analysis.h5", [*files("a.analysis.h5"), *real("sleap h5", data)], tracks, _BINARY),
        Target("SLEAP .slp", [*files("a.slp"), *real("sleap slp", data)], tracks, _BINARY),
        Target("Caltech annotator", [*files("v_annot.txt"), *real("caltech", data)], annotations, TEXT, (shaped.wide,)),
        Target("Bento .annot", files("v.annot"), annotations, TEXT, (shaped.wide,)),
        Target("BORIS .csv, .tsv", files("boris.csv", "boris.tsv"), annotations, TEXT, (shaped.wide,)),
        Target("BORIS .boris", files("v.boris"), annotations, _JSON, (shaped.long_row,)),
        Target("labels per frame .csv", files("v.csv"), annotations, TEXT, (shaped.wide,)),
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
            atlas(made / "atlas"),
            (*_YAML, shaped.safetensors),
            in_place=True,
        ),
        Target("cache", files("cache/recordings/*"), cached(table), _TENSORS, in_place=True),
        Target("review folder", files("review/written.yaml"), review, _YAML, in_place=True),
    ]
