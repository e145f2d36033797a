"""Submissions to the challenge: their layout, and the check against the sample."""

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21.submissions import detect, read_submission, write_submission

_LABELS = {"a": np.array([0, 3, 1]), "b": np.array([2], np.int16)}


def test_a_submission_is_a_dict_of_lists(tmp_path):
    write_submission(tmp_path / "s.npy", _LABELS)
    content = np.load(tmp_path / "s.npy", allow_pickle=True).item()
    assert content == {"a": [0, 3, 1], "b": [2]}
    assert all(type(label) is int for label in content["a"])


def test_written_and_read_are_equal(tmp_path):
    write_submission(tmp_path / "s.npy", _LABELS)
    labels = read_submission(tmp_path / "s.npy")
    assert {name: values.tolist() for name, values in labels.items()} == {"a": [0, 3, 1], "b": [2]}
    assert detect(tmp_path / "s.npy")


def test_tracks_are_not_taken_for_a_submission(tmp_path):
    np.save(tmp_path / "t.npy", np.array({"a": {"keypoints": np.ones((3, 2, 2, 7))}}, dtype=object))
    assert not detect(tmp_path / "t.npy")
    with pytest.raises(InputError, match=r"t\.npy: 'a': expected a list of whole numbers"):
        read_submission(tmp_path / "t.npy")


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"a": [0, 0, 0]}, r"unexpected \['b'\]"),
        ({"a": [0, 0, 0], "b": [0], "c": [0]}, r"missing \['c'\]"),
        ({"a": [0, 0], "b": [0]}, "'a': expected 2 frames .* found 3"),
    ],
)
def test_nothing_is_written_if_ids_or_lengths_differ_from_the_sample(tmp_path, sample, message):
    write_submission(tmp_path / "sample.npy", sample)
    with pytest.raises(InputError, match=message):
        write_submission(tmp_path / "s.npy", _LABELS, tmp_path / "sample.npy")
    assert not (tmp_path / "s.npy").exists()


@pytest.mark.parametrize("labels", [[0.5], [[1]], ["a"], {"x": 1}])
def test_labels_must_be_whole_numbers(tmp_path, labels):
    with pytest.raises(InputError, match="whole numbers"):
        write_submission(tmp_path / "s.npy", {"a": labels})
