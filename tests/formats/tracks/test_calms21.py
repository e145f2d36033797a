"""CalMS21's layouts, each as a small file that the test writes; MABe22's triplets beside them."""

import json

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import calms21, mabe22
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording

_VOCABULARY = {"attack": 0, "investigation": 1, "mount": 2, "other": 3}
_LABELS = [3, 0, 1, 2, 3]


def _keypoints(frames: int = 5, start: float = 1) -> np.ndarray:
    """(time, mouse, xy, part), counted on from ``start``."""
    return np.arange(start, start + frames * 28).reshape(frames, 2, 2, 7)


def _sequence(**fields) -> dict:
    return {"keypoints": _keypoints(), **fields}


def _public(annotator: int = 0, **fields) -> dict:
    metadata = {"annotator-id": annotator, "vocab": _VOCABULARY}
    scores = np.full((5, 2, 7), 0.5)
    return _sequence(scores=scores, annotations=np.array(_LABELS), metadata=metadata, **fields)


def _write(path, tree):
    if path.suffix == ".npy":
        np.save(path, np.array(tree, dtype=object), allow_pickle=True)
    else:
        path.write_text(json.dumps(tree, default=lambda value: value.tolist()))
    return path


def _recording(name="a", frames=5, labelled=True, **changes) -> Recording:
    random = np.random.default_rng(0)
    positions = random.random((frames, 2, 7, 2)).astype(np.float32) * 1000
    positions[1, 0, 3] = np.nan
    confidence = random.random((frames, 2, 7)).astype(np.float32)
    confidence[1, 0, 3] = 0
    labels = {"behaviour": Labels(tuple(_VOCABULARY), np.resize(_LABELS, frames), calms21.INDIVIDUALS)}
    fields = {"confidence": confidence, "labels": labels if labelled else {}, "metadata": {"annotator": 2}} | changes
    return Recording(name, positions, calms21.INDIVIDUALS, calms21.SKELETON, 30.0, **fields)


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_the_public_layout_is_read(tmp_path, suffix):
    path = _write(tmp_path / f"train{suffix}", {"annotator-id_0": {"task1/train/mouse001": _public()}})
    (recording,) = read_recordings(path)
    assert recording.id == "task1/train/mouse001"
    assert recording.individuals == ("resident", "intruder")
    assert recording.skeleton.keypoints[0] == "nose"
    assert recording.frame_rate == 30
    assert recording.metadata["annotator"] == 0
    # frame 1, intruder, right ear (part 2): x is 28 + 14 + 2 + 1, y lies seven further on
    assert recording.positions[1, 1, 2].tolist() == [45, 52]
    assert (recording.confidence == 0.5).all()
    labels = recording.labels["behaviour"]
    assert labels.behaviours == ("attack", "investigation", "mount", "other")
    assert labels.values.tolist() == _LABELS
    assert labels.pair == ("resident", "intruder")


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_each_annotator_is_kept_in_the_metadata(tmp_path, suffix):
    tree = {f"annotator-id_{i}": {f"task2/annotator{i}/train/mouse": _public(i)} for i in (1, 4)}
    recordings = read_recordings(_write(tmp_path / f"task2{suffix}", tree))
    assert {recording.metadata["annotator"] for recording in recordings} == {1, 4}


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_task_3_is_a_channel_for_each_behaviour(tmp_path, suffix):
    def binary(behaviour, values):
        metadata = {"vocab": {"other": 0, behaviour: 1}}
        return {"mouse001": _sequence(annotations=np.array(values), metadata=metadata)}

    tree = {"approach": binary("approach", [0, 1, 1, 0, 0]), "grooming": binary("grooming", [1, 0, 0, 0, 1])}
    (recording,) = read_recordings(_write(tmp_path / f"task3{suffix}", tree))
    assert set(recording.labels) == {"approach", "grooming"}
    assert recording.labels["grooming"].behaviours == ("other", "grooming")
    assert recording.labels["grooming"].values.tolist() == [1, 0, 0, 0, 1]


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_file_of_features_gives_a_series_and_no_keypoints(tmp_path, suffix):
    features = np.arange(5 * 32.0).reshape(5, 32)
    (recording,) = read_recordings(_write(tmp_path / f"f{suffix}", {"annotator-id_0": {"a": {"features": features}}}))
    assert recording.positions.shape == (5, 2, 0, 2)
    np.testing.assert_array_equal(recording.series["features"], features)


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("vocabulary", [list(_VOCABULARY), dict(reversed(_VOCABULARY.items()))])
@pytest.mark.parametrize("last", [False, True])
def test_the_training_file_of_the_challenge_is_read(tmp_path, suffix, vocabulary, last):
    sequences = {"a1": _sequence(annotations=np.array(_LABELS), annotator_id=3)}
    tree = {"vocabulary": vocabulary, "sequences": sequences}
    tree = dict(reversed(tree.items())) if last else tree
    (recording,) = read_recordings(_write(tmp_path / f"train{suffix}", tree))
    assert recording.metadata["annotator"] == 3
    assert recording.labels["behaviour"].behaviours == tuple(_VOCABULARY)
    assert recording.labels["behaviour"].values.tolist() == _LABELS


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_test_file_of_the_challenge_is_read_with_and_without_sequences(tmp_path, wrapped):
    sequences = {name: _sequence(annotator_id=i) for i, name in enumerate("ab")}
    path = _write(tmp_path / "test.npy", {"sequences": sequences} if wrapped else sequences)
    recordings = read_recordings(path)
    assert [recording.id for recording in recordings] == ["a", "b"]
    assert [recording.metadata["annotator"] for recording in recordings] == [0, 1]
    assert not any(recording.labels for recording in recordings)


def test_zeros_are_unseen_and_a_zero_beside_a_number_is_not(tmp_path):
    keypoints = _keypoints()
    keypoints[2, 1, :, 4] = 0
    keypoints[3, 0, 0, 0] = 0
    (recording,) = read_recordings(_write(tmp_path / "a.npy", {"a": {"keypoints": keypoints}}))
    assert np.argwhere(np.isnan(recording.positions).any(-1)).tolist() == [[2, 1, 4]]
    assert recording.positions[3, 0, 0, 0] == 0


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_written_and_read_are_equal(tmp_path, suffix):
    recordings = [_recording("a", 5), _recording("b", 2500, metadata={"annotator": 0}), _recording("c", labelled=False)]
    calms21.write(tmp_path / f"a{suffix}", recordings)
    reread = {recording.id: recording for recording in read_recordings(tmp_path / f"a{suffix}")}
    for recording in recordings:
        copy = reread[recording.id]
        np.testing.assert_array_equal(copy.positions, recording.positions)
        np.testing.assert_array_equal(copy.confidence, recording.confidence)
        assert copy.metadata["annotator"] == recording.metadata["annotator"]
        assert set(copy.labels) == set(recording.labels)
        for name, labels in recording.labels.items():
            assert copy.labels[name].behaviours == labels.behaviours
            np.testing.assert_array_equal(copy.labels[name].values, labels.values)


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_frame_rate_and_features_survive_writing(tmp_path, suffix):
    series = {"features": np.arange(10, dtype=np.float32).reshape(5, 2)}
    plain = _recording()
    recording = Recording("a", plain.positions, plain.individuals, plain.skeleton, 25.0, series=series)
    calms21.write(tmp_path / f"a{suffix}", [recording])
    (copy,) = read_recordings(tmp_path / f"a{suffix}")
    assert copy.frame_rate == 25
    np.testing.assert_array_equal(copy.series["features"], series["features"])


def test_writing_without_labels_leaves_out_the_vocabulary_too(tmp_path):
    calms21.write(tmp_path / "test.npy", [_recording()], with_labels=False)
    tree = np.load(tmp_path / "test.npy", allow_pickle=True).item()
    assert set(tree) == {"sequences"}
    assert "annotations" not in tree["sequences"]["a"]


def test_nothing_is_left_behind_when_writing_fails(tmp_path):
    (tmp_path / "a.npy").write_text("kept")
    single_mouse = Recording("b", np.zeros((5, 1, 7, 2)), ("mouse",), calms21.SKELETON, 30.0)
    with pytest.raises(InputError, match="native"):
        calms21.write(tmp_path / "a.npy", [_recording(), single_mouse])
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
    assert (tmp_path / "a.npy").read_text() == "kept"


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": {"keypoints": np.ones((5, 2, 7, 2))}}, r"expected shape \(time, 2, 2, 7\); found \(5, 2, 7, 2\)"),
        ({"a": {"keypoints": [[1, 2], [3]]}}, "uneven"),
        ({"vocabulary": ["x"], "a": _sequence(annotations=[0, 0, 1, 0, 0])}, r"label 1 of frame 2 .* \['x'\]"),
        ({"vocabulary": ["x"], "a": _sequence(annotations=[0, 0.5, 0, 0, 0])}, r"label 0\.5 of frame 1"),
        ({"vocabulary": ["x"], "a": _sequence(annotations=[0, 0])}, "2 frames and the tracks have 5"),
        ({"vocabulary": {"x": 0, "y": 2}, "a": _sequence(annotations=[0] * 5)}, "numbered from 0"),
        ({"a": _sequence(annotations=[0] * 5)}, "expected a vocabulary"),
        ({"a": _sequence(scores=np.ones((5, 2, 6)))}, "scores: expected shape"),
        ({"g": {"a": _sequence()}, "h": {"a": {"keypoints": _keypoints(start=2)}}}, "occurs twice"),
        ({"a": ["x"]}, "expected sequences, each with its keypoints; found list under 'a'"),
        ({}, "found none"),
    ],
)
def test_the_error_of_wrong_content_is_one_sentence_that_names_the_file(tmp_path, tree, message):
    path = _write(tmp_path / "wrong.npy", tree)
    with pytest.raises(InputError, match=message) as raised:
        read_recordings(path)
    assert "wrong.npy" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_truncated_json_is_an_error_that_names_the_file(tmp_path):
    path = _write(tmp_path / "cut.json", {"annotator-id_0": {"a": _public()}})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"cut\.json"):
        read_recordings(path)


def test_triplets_of_mabe22_are_told_apart_from_pairs(tmp_path):
    keypoints = np.arange(4 * 72.0).reshape(4, 3, 12, 2) + 1
    keypoints[0, 2, 11] = 0
    annotations = np.array([[0, 1, np.nan, 1], [0.25, 0.5, 0.5, 0.75]])
    tree = {"sequences": {"s": {"keypoints": keypoints, "annotations": annotations}}, "vocabulary": ["chase", "speed"]}
    path = _write(tmp_path / "triplets.npy", tree)
    assert mabe22.detect(path)
    assert not calms21.detect(path)
    (recording,) = read_recordings(path)
    assert recording.positions.shape == (4, 3, 12, 2)
    assert np.isnan(recording.positions[0, 2, 11]).all()
    assert np.isnan(recording.positions).sum() == 2
    assert recording.labels["chase"].behaviours == ("other", "chase")
    assert recording.labels["chase"].values.tolist() == [0, 1, -1, 1]
    assert recording.series["speed"].tolist() == [0.25, 0.5, 0.5, 0.75]


def test_triplets_of_a_wrong_shape_are_refused(tmp_path):
    path = _write(tmp_path / "wrong.npy", {"sequences": {"s": {"keypoints": np.ones((4, 3, 11, 2))}}})
    with pytest.raises(InputError, match=r"wrong\.npy.*\(4, 3, 11, 2\)"):
        read_recordings(path, format="mabe22")


def test_real_arrays_without_ids_are_refused(shared_data):
    for path in sorted(shared_data("calms21").glob("*.npy")):
        with pytest.raises(InputError, match=path.name):
            read_recordings(path)


def test_the_advice_about_labels_works(tmp_path):
    def labels_of(vocabulary, annotations):
        np.save(
            tmp_path / "a.npy", {"vocabulary": vocabulary, "a": _sequence(annotations=annotations)}, allow_pickle=True
        )
        return next(iter(read_recordings(tmp_path / "a.npy")[0].labels.values())).values.tolist()

    for vocabulary, message in ((["x"], "add its behaviour there, or write -1"), ({"x": 1}, "number the behaviours")):
        with pytest.raises(InputError, match=message):
            labels_of(vocabulary, [0, 0, 1, 0, 0])
    assert labels_of(["x", "y"], [0, 0, 1, 0, 0]) == [0, 0, 1, 0, 0]
    assert labels_of(["x"], [0, 0, -1, 0, 0]) == [0, 0, -1, 0, 0]
    assert labels_of({"x": 0, "y": 1}, [0, 0, 1, 0, 0]) == [0, 0, 1, 0, 0]
