"""The challenge's files: types of tasks as the challenge means them, submissions as its evaluator accepts them."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import mabe22
from ssl_behavior.formats.tracks.mabe22 import (
    attach_task_labels,
    holds_task_labels,
    read_frame_number_map,
    read_split,
    read_submission,
    write_submission,
)
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.recording import Recording

FRAMES = 5
VOCABULARY = ["chase", "lights", "hour", "strain"]


def save(path: Path, tree: Any) -> Path:
    np.save(path, np.array(tree, dtype=object), allow_pickle=True)
    return path


def sequence(*rows: Any) -> dict[str, Any]:
    return {
        "keypoints": np.arange(FRAMES * 72.0).reshape(FRAMES, 3, 12, 2) + 1,
        "annotations": np.array([np.broadcast_to(row, FRAMES) for row in rows], float),
    }


def tracks(path: Path, vocabulary: list[str] | None = None) -> Path:
    tree: dict[str, Any] = {
        "sequences": {
            "a": sequence([0, 1, 0, 0, np.nan], 0, 3.5, 0),
            "b": sequence([0, 0, 0, 0, 0], 1, 4, 2),
            "c": sequence([np.nan] * 5, np.nan, 4, 1),
        },
        "vocabulary": VOCABULARY if vocabulary is None else vocabulary,
    }
    return save(path, tree)


def by_id(recordings: list[Recording]) -> dict[str, Recording]:
    return {recording.id: recording for recording in recordings}


def test_all_sequences_together_decide_the_type_of_a_task(tmp_path: Path) -> None:
    recordings = by_id(read_recordings(tracks(tmp_path / "t.npy")))
    for recording in recordings.values():  # "b" alone has whole hours and only one of the three strains
        assert {name: labels.behaviours for name, labels in recording.labels.items()} == {
            "chase": ("other", "chase"),
            "lights": ("other", "lights"),
            "strain": ("strain 0", "strain 1", "strain 2"),
        }
        assert set(recording.series) == {"hour"}
    assert recordings["a"].labels["chase"].values.tolist() == [0, 1, 0, 0, -1]
    assert recordings["c"].labels["lights"].values.tolist() == [-1] * 5
    assert recordings["b"].labels["strain"].values.tolist() == [2] * 5
    assert recordings["b"].series["hour"].tolist() == [4.0] * 5


def test_many_whole_numbers_are_a_quantity(tmp_path: Path) -> None:
    tree = {"sequences": {"a": sequence([0, 1, 2, 30, 4])}, "vocabulary": ["minutes"]}
    (recording,) = read_recordings(save(tmp_path / "t.npy", tree))
    assert set(recording.series) == {"minutes"}
    assert not recording.labels


def test_a_file_without_labels_has_none(tmp_path: Path) -> None:
    keypoints = sequence([0])["keypoints"]
    path = save(tmp_path / "t.npy", {"sequences": {"a": {"keypoints": keypoints}, "b": {"keypoints": keypoints}}})
    assert [(item.id, dict(item.labels), dict(item.series)) for item in read_recordings(path)] == [
        ("a", {}, {}),
        ("b", {}, {}),
    ]


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (["chase"], r"t\.npy: vocabulary: expected 4 names, one per task; found \['chase'\]"),
        (["a", "a", "b", "c"], "expected names that differ"),
    ],
)
def test_a_vocabulary_that_does_not_fit_the_tasks_is_refused(
    vocabulary: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        mabe22.read(tracks(tmp_path / "t.npy", vocabulary))


def test_annotations_of_another_length_are_refused(tmp_path: Path) -> None:
    wrong = {**sequence([0]), "annotations": np.zeros((1, FRAMES + 1))}
    path = save(tmp_path / "t.npy", {"sequences": {"a": wrong}, "vocabulary": ["chase"]})
    with pytest.raises(InputError, match=r"sequence 'a': annotations: .*\(task, 5 frames\); found \(1, 6\)"):
        mabe22.read(path)


def labels_file(path: Path, **changed: Any) -> Path:
    rows = np.full((2, 2 * FRAMES), np.nan)
    rows[0, FRAMES:], rows[1, FRAMES:] = [0, 1, 1, 0, 1], 3.0
    rows[0, :FRAMES], rows[1, :FRAMES] = 0.0, 1.0
    tree = {
        "vocabulary": ["chase", "day"],
        "task_type": ["Discrete", "Continious"],  # the challenge spells it so
        "frame_number_map": {"b": (FRAMES, 2 * FRAMES), "a": (0, FRAMES)},
        "label_array": rows,
    }
    return save(path, {**tree, **changed})


def test_labels_are_attached_from_a_separate_file(tmp_path: Path) -> None:
    path = labels_file(tmp_path / "labels.npy")
    assert holds_task_labels(path)
    assert not holds_task_labels(tracks(tmp_path / "t.npy"))
    assert not mabe22.detect(path)
    notices: list[str] = []
    recordings = by_id(attach_task_labels(read_recordings(tmp_path / "t.npy"), path, notices.append))
    assert list(recordings) == ["a", "b", "c"]
    assert recordings["b"].labels["chase"].values.tolist() == [0, 1, 1, 0, 1]
    # Whole numbers, but the file says that the task is continuous.
    assert recordings["b"].series["day"].tolist() == [3.0] * FRAMES
    assert not recordings["c"].labels
    assert not recordings["c"].series
    assert notices == ["recordings without task labels: c"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task_type": ["Discrete", "Discrete"], "label_array": np.full((2, 10), 0.5)}, "task 'chase': .* discrete"),
        ({"label_array": np.zeros((2, 9))}, "expected to end at frame 9; found 10"),
        ({"label_array": np.zeros((3, 10))}, "vocabulary: expected 3 names"),
        ({"frame_number_map": {"x": (0, 10)}}, "expected labels of the recordings a, b, c; found those of x"),
        ({"frame_number_map": {"a": (0, 4), "b": (4, 10)}}, "'a': expected 5 frames; found 4"),
        ({"frame_number_map": {"a": (0, 5), "b": (4, 10)}}, "expected 'b' from frame 5 on"),
        ({"frame_number_map": [1, 2]}, "id to \\(start, stop\\); found something else"),
    ],
)
def test_task_labels_that_do_not_fit_the_recordings_are_refused(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    recordings = read_recordings(tracks(tmp_path / "t.npy"))
    with pytest.raises(InputError, match=rf"labels\.npy: .*{message}"):
        attach_task_labels(recordings, labels_file(tmp_path / "labels.npy", **changed))


def test_embeddings_are_no_labels(tmp_path: Path) -> None:
    write_submission(tmp_path / "s.npy", {"a": (0, 2)}, np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match=r"s\.npy: expected task labels.* found frame_number_map, embeddings"):
        attach_task_labels(read_recordings(tracks(tmp_path / "t.npy")), tmp_path / "s.npy")


SPANS = {"b": (0, 2), "a": (2, 5)}


def test_a_submission_passes_the_checks_of_the_challenge(tmp_path: Path) -> None:
    embeddings = np.random.default_rng(0).normal(size=(5, 128)).astype(np.float32)
    write_submission(tmp_path / "s.npy", SPANS, embeddings)
    content = np.load(tmp_path / "s.npy", allow_pickle=True).item()
    # The properties that the public evaluator checks.
    assert isinstance(content, dict)
    assert content["frame_number_map"] == SPANS
    assert isinstance(content["embeddings"][0, 0], np.float32)
    assert content["embeddings"].shape == (5, 128)
    assert np.isfinite(content["embeddings"]).all()
    submission = read_submission(tmp_path / "s.npy")
    assert np.array_equal(submission["a"], embeddings[2:])
    assert np.array_equal(submission["b"], embeddings[:2])


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.zeros((5, 129), np.float32), "at most 128 numbers per frame; found 129"),
        (np.zeros((5, 8)), "expected a float32 array"),
        (np.zeros(5, np.float32), "expected a float32 array"),
        (np.full((5, 8), np.nan, np.float32), "found NaN or infinity"),
        (np.zeros((6, 8), np.float32), "expected to end at frame 6; found 5"),
    ],
)
def test_embeddings_that_the_challenge_would_refuse_are_not_written(
    embeddings: np.ndarray, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        write_submission(tmp_path / "s.npy", SPANS, embeddings)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=message):
        read_submission(save(tmp_path / "s.npy", {"frame_number_map": SPANS, "embeddings": embeddings}))


class Act:
    def __reduce__(self) -> tuple[Any, ...]:
        # Ray, which other tests start in this process, puts a function of its own in the place of print.
        return eval, ("print('acted')",)


def test_no_code_in_a_submission_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path / "s.npy", {"frame_number_map": SPANS, "embeddings": Act()})
    assert b"eval" in pickle.dumps(Act())
    for read in (read_submission, read_frame_number_map):
        with pytest.raises(InputError, match=r"s\.npy: refused, as its pickle asks for builtins\.eval"):
            read(path)
    assert capsys.readouterr().out == ""


def test_every_kind_of_file_gives_its_frame_number_map(tmp_path: Path) -> None:
    bare = {"b": (np.int64(0), np.int64(2)), "a": [2, 5]}
    assert read_frame_number_map(save(tmp_path / "map.npy", bare)) == SPANS
    write_submission(tmp_path / "sample.npy", SPANS, np.zeros((5, 2), np.float32))
    assert read_frame_number_map(tmp_path / "sample.npy") == SPANS
    assert read_frame_number_map(labels_file(tmp_path / "labels.npy")) == {"a": (0, 5), "b": (5, 10)}
    with pytest.raises(InputError, match=r"t\.npy: expected a frame_number_map"):
        read_frame_number_map(tracks(tmp_path / "t.npy"))


@pytest.mark.parametrize(
    ("content", "split"),
    [
        ({"SubmissionTrain": ["a", "b"], "publicTest": ["c"], "privateTest": ["d"]}, ({"a", "b"}, {"c", "d"})),
        ({"train": ["a", 2], "test": ["c"]}, ({"a", "2"}, {"c"})),
    ],
)
def test_a_split_gives_ids_for_training_and_for_scoring(
    content: Any, split: tuple[set[str], set[str]], tmp_path: Path
) -> None:
    (tmp_path / "split.json").write_text(json.dumps(content))
    assert read_split(tmp_path / "split.json") == split


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "expected JSON of lists of ids"),
        ("[1, 2]", "expected JSON of lists of ids"),
        ('{"train": ["a"]}', "expected JSON of lists of ids"),
        ('{"train": 3, "test": ["a"]}', "expected JSON of lists of ids"),
        ('{"train": ["a", "b"], "test": ["b"]}', "expected each sequence on one side; found b on both"),
    ],
)
def test_other_json_is_no_split(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(InputError, match=rf"split\.json: {message}"):
        read_split(tmp_path / "split.json")


@pytest.mark.real
def test_landmarks_of_the_real_triplet_are_those_of_the_npy(shared_data: Any, tmp_path: Path) -> None:
    (real,) = read_recordings(shared_data("mabe22"), notify=lambda _: None)
    assert real.positions.shape[1:] == (3, 12, 2)
    keypoints = np.nan_to_num(real.positions, nan=0.0)
    (again,) = read_recordings(save(tmp_path / "t.npy", {"sequences": {real.id: {"keypoints": keypoints}}}))
    np.testing.assert_array_equal(again.positions, real.positions)
