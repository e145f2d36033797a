"""Good files of every kind: written by the project itself, and real ones if there are any."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import sleap_io
import torch
import yaml

from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import Clustering, Clusters
from ssl_behavior.decoding import CalibratedDecoder, Decoder
from ssl_behavior.embed import EmbedConfig, embed_recordings
from ssl_behavior.explorer.marks import Mark, Marks
from ssl_behavior.formats.annotations import bento, boris, bout_csv, caltech, frame_csv, one_hot
from ssl_behavior.formats.tracks import calms21, mabe22, native
from ssl_behavior.formats.tracks.calms21 import SKELETON, submissions
from ssl_behavior.formats.tracks.mabe25.submissions import COLUMNS
from ssl_behavior.formats.tracks.mabe25.submissions import write_submission as write_bouts
from ssl_behavior.models.checkpoints import save_encoder, save_model
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from tests.formats.tracks.mabe25.layout import competition

DATA = Path(os.environ.get("SSL_BEHAVIOR_DATA") or "../shared/data")
FRAMES = 40
_REAL = {
    "deeplabcut csv": ("deeplabcut/*.csv", "dyads/tracks/10DLC*.csv.gz"),
    "deeplabcut h5": ("deeplabcut/*madlc.h5", "deeplabcut/*multi.h5", "mabe22/*.h5"),
    "sleap h5": ("sleap/*.analysis.h5",),
    "sleap slp": ("sleap/testDLC_sleap.slp",),
    "caltech": ("dyads/annotations/1_annot.txt",),
}


def real(kind: str, data: Path) -> list[Path]:
    """Real files of a kind; empty if there are none."""
    return [path for pattern in _REAL.get(kind, ()) for path in sorted(data.glob(pattern))]


def write(folder: Path) -> None:
    """Write good files of every format that the project reads to a folder."""
    recordings = simulate_recordings(2, seed=0, frames=FRAMES)
    native.write(folder / "tracks", recordings)
    calms21.write(folder / "calms21.npy", recordings)
    calms21.write(folder / "calms21.json", recordings)
    (folder / "calms21.json.gz").write_bytes(gzip.compress((folder / "calms21.json").read_bytes()))
    _mabe22(folder)
    _mabe25(folder)
    _tables(folder, recordings[0])
    _sleap(folder, recordings[0])
    _peaks(folder, recordings[0])
    _annotations(folder)
    _models(folder)
    _atlas(folder)


def _mabe22(folder: Path) -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 500, (FRAMES, 3, 12, 2)).astype(np.float32)
    tree = {
        "sequences": {
            f"S{i}": {"keypoints": keypoints, "annotations": rng.integers(0, 2, (2, FRAMES))} for i in (0, 1)
        },
        "vocabulary": ["chase", "lights"],
        "task_type": ["Discrete", "Discrete"],
    }
    np.save(folder / "mabe22.npy", np.array(tree, object), allow_pickle=True)
    places = {"S0": (0, FRAMES), "S1": (FRAMES, 2 * FRAMES)}
    mabe22.write_submission(folder / "embeddings.npy", places, rng.normal(size=(2 * FRAMES, 4)).astype(np.float32))
    (folder / "split.json").write_text(json.dumps({"train": ["S0"], "test": ["S1"]}))
    submissions.write_submission(folder / "submission.npy", {"a": [0, 1, 2], "b": [1] * 9})


def _mabe25(folder: Path) -> None:
    competition(folder / "mabe25", FRAMES)
    bouts = [("20", "mouse1", "mouse2", "sniff", 0, 9), ("20", "mouse2", "self", "rear", 3, 5)]
    write_bouts(folder / "bouts_of_pairs.csv", pd.DataFrame(bouts, columns=COLUMNS[1:]), ["20"])


def _tables(folder: Path, recording: Recording) -> None:
    names = [("me", i, p, c) for i in recording.individuals for p in recording.skeleton.keypoints for c in ("x", "y")]
    header = pd.MultiIndex.from_tuples(names, names=["scorer", "individuals", "bodyparts", "coords"])
    table = pd.DataFrame(recording.positions.reshape(FRAMES, -1), columns=header)
    table.to_csv(folder / "table.csv")
    (folder / "table.csv.gz").write_bytes(gzip.compress((folder / "table.csv").read_bytes()))
    columns = [
        "fnum",
        *(f"{keypoint}_{axis}" for keypoint in ("nose", "tail") for axis in ("x", "y", "z", "error", "ncams", "score")),
    ]
    pd.DataFrame(np.arange(10.0 * len(columns)).reshape(10, -1), columns=columns).to_csv(
        folder / "anipose.csv", index=False
    )


def _sleap(folder: Path, recording: Recording) -> None:
    nodes = recording.skeleton.keypoints
    with h5py.File(folder / "a.analysis.h5", "w") as file:
        file["tracks"] = recording.positions.transpose(1, 3, 2, 0)
        file["point_scores"] = np.ones((len(recording.individuals), len(nodes), FRAMES))
        file["node_names"] = np.array(nodes, "S")
        file["track_names"] = np.array(recording.individuals, "S")
        file["edge_inds"] = np.array([[0, 1], [1, 2]])
    skeleton = sleap_io.Skeleton(list(nodes), edges=[(nodes[0], nodes[1])])
    tracks = [sleap_io.Track(name) for name in recording.individuals]
    video = sleap_io.Video("film.mp4", open_backend=False)
    frames = [
        sleap_io.LabeledFrame(
            video=video,
            frame_idx=i,
            instances=[
                sleap_io.PredictedInstance.from_numpy(
                    points, skeleton=skeleton, point_scores=np.ones(len(nodes)), score=1.0, track=track
                )
                for points, track in zip(recording.positions[i].astype(float), tracks, strict=True)
            ],
        )
        for i in range(5)
    ]
    sleap_io.save_slp(sleap_io.Labels(frames), str(folder / "a.slp"))


def _peaks(folder: Path, recording: Recording) -> None:
    nodes = recording.skeleton.keypoints[:3]
    frame, _, keypoint = (index.ravel() for index in np.indices((9, 2, 3)))
    x, y = recording.positions[:9, :, :3].reshape(-1, 2).T
    first = np.flatnonzero(keypoint < 2)
    arrays = {"keypoints": nodes, "frame": frame, "keypoint": keypoint, "x": x, "y": y, "score": np.ones(len(x))}
    limbs = {"source": first, "target": first + 1, "affinity": np.full(len(first), 0.9)}
    np.savez(folder / "peaks.npz", **arrays, **limbs, frame_rate=30, frames=FRAMES)
    edges = [[nodes[0], nodes[1]], [nodes[1], nodes[2]]]
    (folder / "edges.yaml").write_text(yaml.safe_dump({"edges": edges, "landmarks": {nodes[0]: "nose"}}))


def _annotations(folder: Path) -> None:
    bouts = tuple(Bout(s, s + 5, BEHAVIOURS[s // 5 % 4]) for s in range(0, FRAMES, 5))
    annotations = Annotations("v", {"S1": bouts}, frames=FRAMES)
    caltech.write(folder / "v_annot.txt", annotations)
    bento.write(folder / "v.annot", annotations)
    boris.write(folder / "v.boris", annotations)
    frame_csv.write(folder / "v.csv", annotations)
    bout_csv.write(folder / "bouts.csv", annotations)
    one_hot.write(folder / "hot.csv", annotations)
    times = (f"{i / 10};{BEHAVIOURS[i % 4]};{i % 3}" for i in range(FRAMES))
    (folder / "times.csv").write_text("\n".join(["time_s;behaviour;animal", *times]) + "\n")
    ReviewFolder(folder / "review").write(annotations, 30.0, annotations.id)
    rows = [f"v,mouse,{bout.behaviour},STATE,{bout.start / 30},{bout.stop / 30}" for bout in bouts]
    (folder / "boris.csv").write_text(
        "Observation id,Subject,Behavior,Behavior type,Start (s),Stop (s)\n" + "\n".join(rows)
    )
    events = [
        f"{time}\tmouse\t{bout.behaviour}\t{kind}"
        for bout in bouts
        for time, kind in ((bout.start, "START"), (bout.stop, "STOP"))
    ]
    (folder / "boris.tsv").write_text("Observation id\tv\nTime\tSubject\tBehavior\tStatus\n" + "\n".join(events))
    (folder / "skeleton.yaml").write_text("nose: nose\ntail_base: tail base\n")
    (folder / "skeleton.json").write_text('{"nose": "nose", "tail_base": "tail base"}')
    (folder / "groups.csv").write_text("video,group\nvideo000,a\nvideo001,b\n")


def _models(folder: Path) -> None:
    torch.manual_seed(0)
    encoder = Encoder(shared_landmarks([SKELETON]), Preparation(30.0), Architecture(8, 1))
    save_encoder(folder / "encoder", encoder)
    scheme = LabelScheme(
        BEHAVIOURS, "behaviour", ("resident", "intruder"), (), CalibratedDecoder((0.25,) * 4, 1.0, Decoder())
    )
    columns = len(expert_feature_names(encoder.landmarks))
    rows = np.random.default_rng(0).normal(size=(80, columns)).astype(np.float32)
    trees = fit_trees([rows], [np.arange(80) % 4], 4, Boosting(trees=2, depth=2))
    save_model(folder / "model", Model((Classifier(encoder, "linear", 4),), (trees,)), scheme)
    prediction = Prediction("video000", BEHAVIOURS, np.full((FRAMES, 4), 0.25), np.zeros(FRAMES), 30.0, np.ones(FRAMES))
    tables.write(folder / "predictions", prediction)
    grid = {"pretrain": {"steps": 3}, "finetune": {"channel": "S1"}, "vary": {"pretrain.seed": [0, 1]}}
    (folder / "grid.yaml").write_text(yaml.safe_dump(grid))
    settings = {"recordings": ["tracks"], "output": "out", "steps": 5, "architecture": {"channels": 8}}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))


def _atlas(folder: Path) -> None:
    settings = EmbedConfig(encoder=folder / "encoder", recordings=(folder / "tracks",), output=folder / "atlas")
    atlas = embed_recordings(replace(settings, device="cpu", precision="float32"))
    rng, width = np.random.default_rng(0), atlas.meta.channels
    anchors = rng.normal(size=(20, width)).astype(np.float32)
    places, labels = rng.normal(size=(20, 2)).astype(np.float32), (np.arange(20) % 2).astype(np.int16)
    arrays = np.zeros(width, np.float32), anchors, places, labels, np.ones((2, 2))
    clusters = Clusters(atlas.meta.encoder, *arrays, 0.0, atlas.meta.frame_rate, Clustering())
    ClusteredAtlas.create(atlas, clusters).rename(0, "run")
    agent, target = atlas.video(atlas.ids[0]).poses.individuals
    Marks(atlas).add(Mark(atlas.ids[0], agent, target, "behaviour", "attack", 3, 9))
