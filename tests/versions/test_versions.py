"""What released versions wrote is read, and means what it meant; what cannot be read says who wrote it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

import ssl_behavior
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.embed_many import _about
from ssl_behavior.errors import InputError
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.jobs.results import Results
from ssl_behavior.models.checkpoints import load_encoder, load_model, load_pretraining_fingerprints
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.prepare import prepare
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.predictions.labelling import predict_recording
from ssl_behavior.predictions.table_reading import read_folder
from ssl_behavior.storage.object_store import Store
from ssl_behavior.storage.versions import has_older_kinematics, require_not_newer, version_hint

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if (path / "said.npz").is_file())


def test_this_version_is_among_them() -> None:
    assert ssl_behavior.__version__ in VERSIONS, "run tests/versions/make.py before the release"


@pytest.fixture(params=VERSIONS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What a version wrote, to be changed at will."""
    return Path(shutil.copytree(HERE / request.param, tmp_path / "written"))


def is_older(written: Path) -> bool:
    """Whether a version wrote it whose kinematics were others, so that its checkpoints say something else now."""
    return has_older_kinematics(Atlas(written / "atlas").version)


def test_checkpoints_say_what_they_said(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = np.load(written / "said.npz")
    (recording,) = read_recordings([written / "tracks"])
    encoder = load_encoder(written / "encoder")
    encoder.precision = "float32"
    poses = prepare(recording, encoder.landmarks, encoder.preparation)
    embedding = embed(encoder, poses, (0, 1), with_mirror=True).numpy()
    model, scheme = load_model(written / "model")
    model.encoder.precision = "float32"
    predicted = predict_recording(model, scheme, recording)
    assert predicted.behaviours == ("attack", "mount", "other")
    assert (predicted.labels == said["labels"]).mean() > 0.99
    notices = capsys.readouterr().out
    if is_older(written):
        assert notices.count("pretrain and fine-tune again") == 2
        assert load_pretraining_fingerprints(written / "encoder") is None
        assert np.corrcoef(embedding.ravel(), said["embedding"].ravel())[0, 1] > 0.99
        np.testing.assert_allclose(predicted.probabilities, said["probabilities"], atol=0.1)
    else:
        assert notices == ""
        np.testing.assert_allclose(embedding, said["embedding"], atol=1e-4)
        np.testing.assert_allclose(predicted.probabilities, said["probabilities"], atol=1e-4)


def test_an_atlas_says_what_it_said(written: Path) -> None:
    said = np.load(written / "said.npz")
    atlas = Atlas(written / "atlas")
    assert atlas.version in VERSIONS
    assert atlas.meta.encoder == load_encoder(written / "encoder").fingerprint()
    (video,) = atlas.videos()
    np.testing.assert_allclose(video.embeddings[0, 1], said["embedding"], atol=1e-6)
    clustered = ClusteredAtlas(atlas)
    assert [clustered.name(one) for one in range(3)] == ["cluster 0", "chase", "cluster 2"]
    labels = clustered.labels(video.id)[video.poses.individuals[0], video.poses.individuals[1]]
    np.testing.assert_array_equal(labels, said["clusters"])
    again = clustered.clusters.assign(video.embeddings[0, 1])[0]
    again[~video.is_located((0, 1))] = -1
    np.testing.assert_array_equal(again, said["clusters"])


def test_predictions_are_read_and_scored(written: Path) -> None:
    (prediction,) = read_folder(written / "predictions")
    np.testing.assert_allclose(prediction.probabilities, np.load(written / "said.npz")["probabilities"], atol=1e-3)
    annotations = written / "predictions" / "review" / "video000_annot.txt"
    config = EvaluateConfig(predictions=written / "predictions", annotations=(annotations,), channel="S1", bootstrap=0)
    confusion = np.array(evaluate(config)["confusion"])
    assert confusion.trace() == confusion.sum() == 240  # the review files hold the predicted labels


def test_predictions_are_replaced_where_nobody_edited_them(written: Path) -> None:
    (before,) = read_folder(written / "predictions")
    config = PredictConfig(
        model=written / "model", recordings=(written / "tracks",), output=written / "predictions", overwrite=True
    )
    predict(config)
    (after,) = read_folder(written / "predictions")
    assert (before.labels == after.labels).mean() > 0.99


def test_a_cache_that_another_version_filled_changes_nothing(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_BEHAVIOR_CACHE", str(written / "cache"))
    config = PredictConfig(model=written / "model", recordings=(written / "tracks",), output=written / "again")
    (prediction,) = predict(config)
    atol = 0.1 if is_older(written) else 1e-2
    np.testing.assert_allclose(prediction.probabilities, np.load(written / "said.npz")["probabilities"], atol=atol)
    first = {path: path.read_bytes() for path in (written / "cache").rglob("*.safetensors")}
    assert 1 <= len(first) <= 2  # the entry of the other code, and that of this one
    predict(replace(config, output=written / "once more"))
    assert {path: path.read_bytes() for path in (written / "cache").rglob("*.safetensors")} == first


def rewrite(path: Path, **changed: object) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changed}))


OPENED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "encoder": ("encoder/config.yaml", lambda written: load_encoder(written / "encoder")),
    "model": ("model/config.yaml", lambda written: load_model(written / "model")),
    "atlas": ("atlas/atlas.yaml", lambda written: Atlas(written / "atlas")),
}


@pytest.mark.parametrize("what", OPENED)
@pytest.mark.parametrize("version", ["1.0.0", "0.77.1", "12.3"])
def test_what_a_newer_version_wrote_says_so(what: str, version: str, written: Path) -> None:
    name, opened = OPENED[what]
    rewrite(written / name, version=version) if what == "atlas" else rewrite(
        written / name, versions={"ssl_behavior": version}
    )
    here = ssl_behavior.__version__
    with pytest.raises(InputError, match=f"ssl_behavior {version}, which is newer .*{here}"):
        opened(written)


@pytest.mark.parametrize("what", OPENED)
def test_a_layout_of_another_version_says_which(what: str, written: Path) -> None:
    name, opened = OPENED[what]
    changed = {"architecture": {"width": 3}} if what != "atlas" else {"landmark_names": ["nose"]}
    said = {"version": "0.0.3"} if what == "atlas" else {"versions": {"ssl_behavior": "0.0.3"}}
    rewrite(written / name, **changed, **said)
    with pytest.raises(InputError, match=r"\(it was written by ssl_behavior 0\.0\.3, and this is "):
        opened(written)


@pytest.mark.parametrize("what", OPENED)
@pytest.mark.parametrize("version", [None, "", "new", 3, ["0.1"], "9" * 5000, "0.1.0.dev3+local"])
def test_what_says_no_version_or_nonsense_is_read(what: str, version: object, written: Path) -> None:
    name, opened = OPENED[what]
    said = {"version": version} if what == "atlas" else {"versions": {"ssl_behavior": version}}
    rewrite(written / name, **said)
    assert opened(written) is not None


def test_an_atlas_without_a_version_is_added_to(written: Path) -> None:
    path = written / "atlas" / "atlas.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("version")))
    meta = Atlas(written / "atlas").meta
    assert Atlas.create(written / "atlas", meta).version is None
    assert _about(Results(Store(str(written / "atlas"))), meta) == path.read_bytes()
    assert b"version: " in _about(Results(Store(str(written / "new"))), meta)


def test_versions_by_their_first_two_numbers(tmp_path: Path) -> None:
    major, minor, *_ = (int(one) for one in ssl_behavior.__version__.split("."))
    for same in (f"{major}.{minor}", f"{major}.{minor}.99", f"{major}.{minor}.1rc1"):
        require_not_newer(tmp_path, same)
    for newer in (f"{major}.{minor + 1}.0", f"{major + 1}.0.0", f"{major}.{minor + 10}"):
        with pytest.raises(InputError, match="newer"):
            require_not_newer(tmp_path, newer)
    assert version_hint(ssl_behavior.__version__) == version_hint(None) == ""


@pytest.mark.parametrize("wrong", [{"channels": 10**7}, {"blocks": 10**9}, {"channels": 10**12}])
def test_a_few_words_take_no_memory(wrong: dict[str, int], written: Path) -> None:
    path = written / "encoder" / "config.yaml"
    rewrite(path, architecture={**yaml.safe_load(path.read_text())["architecture"], **wrong})
    with pytest.raises(InputError, match="expected a whole checkpoint"):
        load_encoder(written / "encoder")


LAUGHS = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [{', '.join(['*a'] * 9)}]\n" for i in range(9))


@pytest.mark.parametrize("text", ["[" * 20_000, LAUGHS, "kind: &a [1]\nother: *a"])
@pytest.mark.parametrize("what", OPENED)
def test_yaml_that_means_harm_is_one_sentence(what: str, text: str, written: Path) -> None:
    name, opened = OPENED[what]
    (written / name).write_text(text)
    with pytest.raises(InputError, match="expected") as told:
        opened(written)
    assert len(str(told.value)) < 500
