"""The same settings and seed give the same files to the bit, and a result depends on its own input only."""

import os
import re
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import Clustering
from ssl_behavior.check import CheckConfig, check
from ssl_behavior.cluster import ClusterConfig, cluster
from ssl_behavior.compute.devices import resolve_precision
from ssl_behavior.convert import ConvertConfig, convert
from ssl_behavior.embed import EmbedConfig, embed_recordings
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.explore import ExploreConfig, explore
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.label_curve import LabelCurveConfig, label_curve
from ssl_behavior.models.checkpoints import fingerprint, load_encoder, load_model
from ssl_behavior.models.inference import embed
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.prepare import prepare
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.predict_many import PredictManyConfig, _Predicting
from ssl_behavior.predictions.labelling import predict_recording
from ssl_behavior.predictions.table_reading import read_folder
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.probe import ProbeConfig, probe
from ssl_behavior.search import SearchConfig, search
from ssl_behavior.simulate import SimulateConfig, simulate
from ssl_behavior.storage import cache
from ssl_behavior.suggest import SuggestConfig, suggest
from ssl_behavior.training.supervised import Supervision

pytestmark = pytest.mark.xdist_group("umap")  # importing umap compiles for long, once in each process

FEW = Supervision(steps=2, trees=2)
TRACKS, DATA = (Path("tracks"),), Path("data")


def commands() -> None:
    """Run every command once in the working folder; each reads the files of those before it."""
    simulate(SimulateConfig(DATA, train_videos=3, test_videos=1, unlabelled_videos=0, min_frames=400, max_frames=520))
    convert(ConvertConfig(recordings=(DATA / "train.npy",), output=TRACKS[0]))
    small = Architecture(16, 2)
    pretrain(
        PretrainConfig(
            recordings=TRACKS,
            output=Path("encoder"),
            steps=3,
            batch=8,
            clip_seconds=6,
            architecture=small,
            device="cpu",
        )
    )
    finetune(
        FinetuneConfig(recordings=TRACKS, encoder=Path("encoder"), output=Path("model"), supervision=FEW, device="cpu")
    )
    predict(PredictConfig(recordings=TRACKS, model=Path("model"), output=Path("predictions"), device="cpu"))
    predict(PredictConfig(recordings=TRACKS, model=Path("model"), output=Path("submission.npy"), device="cpu"))
    evaluate(EvaluateConfig(Path("predictions"), annotations=(DATA / "train.npy",), bootstrap=20))
    embed_recordings(
        EmbedConfig(
            recordings=(*TRACKS, DATA / "test.npy"), encoder=Path("encoder"), output=Path("atlas"), device="cpu"
        )
    )
    cluster(ClusterConfig(Path("atlas"), clustering=Clustering(anchors=400, neighbours=10, refits=1)))
    video = Atlas(Path("atlas")).ids[0]
    search(SearchConfig(Path("atlas"), video, "30:60", top=5, output=Path("found.csv")))
    suggest(SuggestConfig(Path("atlas"), top=2, seconds=3, output=Path("suggestions")))
    explore(ExploreConfig(Path("atlas"), Path("predictions"), 60, Path("page.html")))
    probe(ProbeConfig(recordings=TRACKS, encoder=Path("encoder"), output=Path("probe"), device="cpu", folds=2))
    label_curve(
        LabelCurveConfig(
            recordings=TRACKS, encoder=Path("encoder"), output=Path("curve"), supervision=FEW, device="cpu", sizes=(1,),
            draws=2, variants=("frozen-linear",),
        )
    )  # fmt: skip
    check(CheckConfig(recordings=TRACKS, output=Path("checks")))


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    usual = os.environ[cache.VARIABLE]
    os.environ[cache.VARIABLE] = str(folder)
    try:
        yield
    finally:
        os.environ[cache.VARIABLE] = usual


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of two runs; the second reads from the cache that the first filled."""
    first, second, cache_folder = (tmp_path_factory.mktemp(name) for name in ("first", "second", "cache"))
    for folder in (first, second):
        with chdir(folder), cache_in(cache_folder):
            commands()
    return first, second


def comparable_content(path: Path, folder: Path) -> bytes:
    """Return the content of a file without times (metrics.csv, points), Bokeh's random ids (page.html) and the path of
    the working folder (scores.json)."""
    content = path.read_bytes()
    if path.parent.name == "points":
        return re.sub(rb'"minutes": [0-9.]+', b"", content)
    if path.name == "scores.json":
        return content.replace(str(folder.resolve()).encode(), b"")
    if path.name == "metrics.csv":
        head, *rows = content.decode().splitlines()
        columns = [i for i, name in enumerate(head.split(",")) if name != "seconds"]
        return "\n".join(",".join(row.split(",")[i] for i in columns) for row in (head, *rows)).encode()
    if path.name == "page.html":
        ids: dict[bytes, bytes] = {}
        random_id = re.compile(rb'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"p\d{4,}"')
        return random_id.sub(lambda match: ids.setdefault(match[0], b"id%d" % len(ids)), content)
    return content


@pytest.mark.slow
def test_every_file_is_the_same(twice: tuple[Path, Path]) -> None:
    names = [sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()) for run in twice]
    assert names[0] == names[1]
    assert len(names[0]) > 60
    assert [name for name in names[0] if len({comparable_content(run / name, run) for run in twice}) > 1] == []


def probabilities_of(folder: Path) -> dict[str, np.ndarray]:
    return {prediction.id: prediction.probabilities for prediction in read_folder(folder)}


def test_predictions_do_not_depend_on_other_recordings(twice: tuple[Path, Path], tmp_path: Path) -> None:
    folder = twice[0]
    files = sorted((folder / TRACKS[0]).iterdir())
    usual = probabilities_of(folder / "predictions")
    settings = PredictConfig(recordings=(), model=folder / "model", device="cpu")
    for name, chosen in (("turned", files[::-1]), ("alone", files[1:2]), ("without", files[1:])):
        predict(replace(settings, recordings=tuple(chosen), output=tmp_path / name))
        predictions = probabilities_of(tmp_path / name)
        assert len(predictions) == len(chosen)
        for video, probabilities in predictions.items():
            np.testing.assert_array_equal(probabilities, usual[video])


def test_embeddings_do_not_depend_on_other_recordings(twice: tuple[Path, Path], tmp_path: Path) -> None:
    folder = twice[0]
    files = sorted((folder / TRACKS[0]).iterdir())
    for name, chosen in (("turned", files[::-1]), ("alone", files[1:2])):
        config = EmbedConfig(recordings=tuple(chosen), encoder=folder / "encoder", output=tmp_path / name, device="cpu")
        for video in embed_recordings(config).ids:
            path = Path("videos") / f"{video}.safetensors"
            assert Atlas(tmp_path / name).video(video).embeddings.keys() == {(0, 1), (1, 0)}
            for pair, values in Atlas(tmp_path / name).video(video).embeddings.items():
                np.testing.assert_array_equal(values, Atlas(folder / "atlas").video(video).embeddings[pair], str(path))


def test_a_ray_worker_writes_what_the_predict_command_writes(twice: tuple[Path, Path], tmp_path: Path) -> None:
    folder = twice[0]
    model, tracks = folder / "model", str(folder / TRACKS[0] / "*")
    config = PredictManyConfig(recordings=(tracks,), model=str(model), output=str(tmp_path)).with_absolute_addresses()
    precision = resolve_precision(config.precision, torch.device("cpu"))
    for unit in config.units("model", precision):
        _Predicting(config, fingerprint(model), precision)(unit)
    tables = sorted(path.name for path in tmp_path.glob("*.csv"))
    assert tables == sorted(path.name for path in (folder / "predictions").glob("*.csv"))
    for name in tables:
        assert (tmp_path / name).read_bytes() == (folder / "predictions" / name).read_bytes()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_computes_what_the_cpu_computes(twice: tuple[Path, Path]) -> None:
    """In float32, embeddings agree to a thousandth of their spread, and probabilities to a thousandth."""
    (recording, *_) = read_recordings([twice[0] / TRACKS[0]])
    encoder = load_encoder(twice[0] / "encoder")
    encoder.precision = "float32"
    poses = prepare(recording, encoder.landmarks, encoder.preparation)
    on_cpu = embed(encoder, poses, (0, 1), with_mirror=True)
    on_gpu = embed(encoder.to("cuda"), poses, (0, 1), with_mirror=True)
    assert (on_cpu - on_gpu).abs().max() < 1e-3 * on_cpu.std()
    model, scheme = load_model(twice[0] / "model")
    model.to("cpu", "float32")
    usual = predict_recording(model, scheme, recording).probabilities
    model.to("cuda", "float32")
    np.testing.assert_allclose(predict_recording(model, scheme, recording).probabilities, usual, atol=1e-3)
