"""``BehaviourEncoder`` among scikit-learn's own estimators, and the table of frames that they split."""

import inspect
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

import ssl_behavior as sb

SMALL = sb.Architecture(8, 2)


def small(**settings: Any) -> sb.BehaviourEncoder:
    return sb.BehaviourEncoder(steps=2, batch=4, clip_seconds=4.0, architecture=SMALL, device="cpu", **settings)


@pytest.fixture(scope="module")
def fitted(recordings: list[sb.Recording]) -> sb.BehaviourEncoder:
    return small(agent="resident", target="intruder").fit(recordings)


def test_the_table_has_a_row_for_every_frame(recordings: list[sb.Recording]) -> None:
    frames = sb.frame_table(recordings)
    assert list(frames.columns) == ["recording", "video", "frame", "time_s", "label"]
    assert len(frames) == 900
    row = frames.iloc[310]
    labels = recordings[1].labels["behaviour"]
    assert row["recording"] is recordings[1]
    assert (row["video"], row["frame"], row["label"]) == ("video001", 10, labels.behaviours[labels.values[10]])
    assert row["time_s"] == pytest.approx(10 / 30)


def test_unscored_frames_have_no_label(recordings: list[sb.Recording]) -> None:
    labels = recordings[0].labels["behaviour"]
    partly = recordings[0].with_labels(
        {"behaviour": sb.Labels(labels.behaviours, np.where(np.arange(300) < 100, -1, labels.values))}
    )
    assert len(sb.frame_table(partly).dropna(subset=["label"])) == 200
    assert sb.frame_table(replace(recordings[0], labels={}))["label"].isna().all()


def test_the_channel_is_asked_for_where_there_are_several(recordings: list[sb.Recording]) -> None:
    both = recordings[0].with_labels({"second": recordings[0].labels["behaviour"]})
    with pytest.raises(sb.InputError, match="channel="):
        sb.frame_table(both)
    assert sb.frame_table(both, channel="second")["label"].notna().all()
    with pytest.raises(sb.InputError, match=r"third.*behaviour, second"):
        sb.frame_table(both, channel="third")
    with pytest.raises(sb.InputError, match=r"third.*none"):
        sb.frame_table(replace(both, labels={}), channel="third")


def test_defaults_are_those_of_the_command() -> None:
    config = sb.PretrainConfig(recordings=())
    estimator = sb.BehaviourEncoder()._config(Path("tracks"), Path("runs/encoder"))
    for name in inspect.signature(sb.BehaviourEncoder).parameters:
        if hasattr(config, name):
            assert getattr(estimator, name) == getattr(config, name), name


def test_it_learns_what_the_command_learns(tmp_path: Path, recordings: list[sb.Recording]) -> None:
    kept = small(folder=tmp_path / "encoder").fit(recordings[:2])
    again = small().fit(recordings[:2])
    assert kept.encoder_.network.fingerprint() == again.encoder_.network.fingerprint()
    loaded = sb.load_encoder(tmp_path / "encoder", device="cpu")
    assert loaded.network.fingerprint() == kept.encoder_.network.fingerprint()


def test_frames_are_those_of_the_encoder(fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]) -> None:
    vectors = fitted.transform(recordings)
    assert vectors.shape == (900, 8)
    assert vectors.dtype == np.float32
    table = fitted.encoder_.embed(recordings[0]).to_frame().xs(("resident", "intruder"), level=("agent", "target"))
    # At 30 Hz every second frame is one of the encoder's own at 15 Hz.
    np.testing.assert_allclose(vectors[:300:2], table.to_numpy(), atol=1e-6)


def test_rows_of_a_table_keep_their_order(fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]) -> None:
    frames = sb.frame_table(recordings)
    chosen = np.random.default_rng(0).permutation(900)[:50]
    np.testing.assert_array_equal(fitted.transform(frames.iloc[chosen]), fitted.transform(recordings)[chosen])


def test_a_group_of_animals_has_mean_and_maximum(recordings: list[sb.Recording]) -> None:
    estimator = small().fit(recordings)
    vectors = estimator.transform(recordings[0])
    assert vectors.shape == (300, 16)
    assert (vectors[:, 8:] >= vectors[:, :8] - 1e-6).all()
    assert list(estimator.get_feature_names_out())[7:9] == ["mean 7", "maximum 0"]


def test_it_is_cloned_and_fitted_anew(fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(recordings)
    assert copy.set_params(seed=5).seed == 5


def test_a_grid_is_searched_by_video(
    recordings: list[sb.Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = sb.frame_table(recordings)
    frames = frames[frames["frame"] % 10 == 0]
    estimator = small(agent="resident", target="intruder")
    pipeline = make_pipeline(estimator, LogisticRegression(max_iter=500), memory=str(tmp_path / "cache"))
    grid = {"behaviourencoder__seed": [0], "logisticregression__C": [0.1, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=GroupKFold(3), error_score="raise")
    search.fit(frames, frames["label"], groups=frames["video"])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert set(search.predict(frames)) <= set(frames["label"])
    assert search.best_estimator_[0].encoder_.channels == 8
    # The cache of the pipeline spares the second value of C the pretraining.
    assert capsys.readouterr().out.count("2 recordings, 300 frames") == 3


def test_held_out_videos_take_no_part(recordings: list[sb.Recording]) -> None:
    frames = sb.frame_table(recordings)
    of_two_videos = small().fit(frames[(frames["video"] != "video002") & (frames["frame"] > 100)])
    expected = small().fit(recordings[:2]).encoder_.network.fingerprint()
    assert of_two_videos.encoder_.network.fingerprint() == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"agent": "resident"}, "agent and target together"),
        ({"agent": "cat", "target": "intruder"}, "cat"),
    ],
)
def test_individuals_that_do_not_exist_are_named(
    settings: dict[str, str], message: str, recordings: list[sb.Recording]
) -> None:
    with pytest.raises(sb.InputError, match=message):
        small(**settings).fit(recordings).transform(recordings)


def test_an_animal_among_others_is_no_pair_with_itself(recordings: list[sb.Recording]) -> None:
    with pytest.raises(sb.InputError, match="ordered pair"):
        small(agent="resident", target="resident").fit(recordings)


def test_individuals_are_looked_up_before_training(
    recordings: list[sb.Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(sb.InputError, match="cat"):
        small(agent="cat", target="intruder").fit(recordings)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": "many"}, r"steps.*whole number.*'many'"),
        ({"steps": 1.5}, r"steps.*whole number.*1\.5"),
        ({"learning_rate": "fast"}, r"learning_rate.*number.*'fast'"),
        ({"architecture": {"channels": 8}}, r"architecture.*sb\.Architecture.*channels"),
        ({"objective": "masked"}, r"objective.*sb\.Objective"),
        ({"preparation": 15}, r"preparation.*sb\.Preparation"),
        ({"device": "gpu"}, r"device.*cpu.*'gpu'"),
        ({"precision": "float8"}, r"precision.*float32.*'float8'"),
    ],
)
def test_settings_of_another_kind_are_refused_before_training(
    settings: dict[str, Any], message: str, recordings: list[sb.Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(sb.InputError, match=message):
        small().set_params(**settings).fit(recordings)
    assert "loss" not in capsys.readouterr().out


def test_settings_may_be_numbers_of_numpy(recordings: list[sb.Recording]) -> None:
    chosen = {"steps": np.int64(2), "seed": np.int32(0), "learning_rate": np.float32(0.5), "clip_seconds": np.int64(4)}
    encoder = small().set_params(**chosen).fit(recordings[:1]).encoder_
    plain = small().set_params(steps=2, learning_rate=0.5).fit(recordings[:1]).encoder_
    assert encoder.network.fingerprint() == plain.network.fingerprint()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": 300}, "0 to 299"),
        ({"frame": -1}, "0 to 299"),
        ({"frame": 0.5}, "whole number"),
        ({"video": None}, "missing video"),
        ({"recording": "tracks"}, "found str"),
    ],
)
def test_rows_that_were_changed_are_refused(
    change: dict[str, Any], message: str, fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]
) -> None:
    with pytest.raises(sb.InputError, match=message):
        fitted.transform(sb.frame_table(recordings[:1]).assign(**change))


def test_a_table_without_rows_is_refused(fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]) -> None:
    with pytest.raises(sb.InputError, match="without rows"):
        fitted.transform(sb.frame_table(recordings).iloc[:0])


def test_another_table_is_refused(fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]) -> None:
    with pytest.raises(sb.InputError, match="frame_table"):
        fitted.transform(sb.frame_table(recordings).drop(columns="frame"))


def test_different_recordings_of_one_id_are_refused(
    fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]
) -> None:
    other = replace(recordings[1], id=recordings[0].id)
    with pytest.raises(sb.InputError, match=r"video000.*rename"):
        fitted.transform(pd.concat([sb.frame_table(recordings[0]), sb.frame_table(other)]))


def test_rows_that_come_from_several_processes_are_of_one_recording(
    fitted: sb.BehaviourEncoder, recordings: list[sb.Recording]
) -> None:
    frames = sb.frame_table(recordings[0])
    halves = [pickle.loads(pickle.dumps(frames.iloc[part])) for part in (slice(150, None), slice(150))]
    expected = fitted.transform(pd.concat([frames.iloc[150:], frames.iloc[:150]]))
    np.testing.assert_array_equal(fitted.transform(pd.concat(halves)), expected)
