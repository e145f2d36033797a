"""JABS's pose files, written as documented: (y, x), confidence 0 where unseen, identities by slot."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.landmarks import LANDMARKS, shared_landmarks

FRAMES = 6


def truth(mice: int, frames: int = FRAMES) -> np.ndarray:
    """Whole numbers (frame, mouse, 12, xy) in which x and y differ, as do mice and frames."""
    x = 100 * (1 + np.arange(mice))[:, None] + np.arange(12) + np.arange(frames)[:, None, None]
    return np.stack([x, x + 1000], -1)


def write(path: Path, points: np.ndarray, confidence: np.ndarray | None = None, **arrays) -> Path:
    """Points are (frame, slot, 12, xy), or (frame, 12, xy) as in version 2."""
    version = arrays.pop("version", None)
    with h5py.File(path, "w") as file:
        group = file.create_group("poseest")
        if version:
            group.attrs["version"] = [version, 0]
        group.attrs["cm_per_pixel"] = np.float32(0.0625)
        group["points"] = points[..., ::-1].astype(np.uint16)
        group["confidence"] = np.ones(points.shape[:-1], np.float32) if confidence is None else confidence
        for name, values in arrays.items():
            group[name] = values
    return path


def read(path: Path):
    notices: list[str] = []
    (recording,) = read_recordings(path, frame_rate=30, notify=notices.append)
    return recording, notices


def test_version_2_is_one_mouse_with_x_before_y(tmp_path):
    points = truth(1)
    confidence = np.ones((FRAMES, 12), np.float32) * 0.5
    confidence[2, 3] = 0
    recording, notices = read(write(tmp_path / "m.h5", points[:, 0], confidence, version=2))
    assert recording.individuals == ("1",)
    assert recording.skeleton.keypoints[:4] == ("NOSE", "LEFT_EAR", "RIGHT_EAR", "BASE_NECK")
    expected = points.astype(np.float32)
    expected[2, 0, 3] = np.nan
    np.testing.assert_array_equal(recording.positions, expected)
    assert recording.confidence[0, 0, 0] == 0.5
    assert recording.confidence[2, 0, 3] == 0
    assert recording.metadata["cm_per_pixel"] == 0.0625
    assert recording.unit == "px"
    assert notices == []


@pytest.mark.parametrize("version", [4, 5, 6, 8])
def test_versions_4_and_later_follow_identities_from_slot_to_slot(tmp_path, version):
    points = truth(2)
    identities = np.tile([1, 2], (FRAMES, 1))
    stored = points.copy()
    stored[3:], identities[3:] = points[3:, ::-1], identities[3:, ::-1]
    mask = np.zeros((FRAMES, 2), bool)
    mask[5, 1] = True
    path = write(
        tmp_path / "m.h5",
        stored,
        version=version,
        instance_embed_id=identities.astype(np.uint32),
        instance_id_center=np.zeros((2, 8)),
        id_mask=mask,
        instance_track_id=np.zeros((FRAMES, 2), np.uint32),
        instance_count=np.full(FRAMES, 2, np.uint8),
    )
    if version > 4:
        with h5py.File(path, "r+") as file:
            file["static_objects/corners"] = np.zeros((4, 2), np.uint16)
            file["poseest/seg_data"] = np.full((FRAMES, 2, 1, 4, 2), -1, np.int32)
    recording, notices = read(path)
    assert recording.individuals == ("1", "2")
    expected = points.astype(np.float32)
    expected[5, 0] = np.nan  # in slot 1 of frame 5 is mouse 1, which the mask hides
    np.testing.assert_array_equal(recording.positions, expected)
    assert any("without an identity are left out" in notice for notice in notices)


def test_identities_that_no_cluster_has_are_left_out(tmp_path):
    identities = np.tile([2, 3, 0], (FRAMES, 1)).astype(np.uint32)
    path = write(
        tmp_path / "m.h5", truth(3), version=4, instance_embed_id=identities, instance_id_center=np.zeros((2, 8))
    )
    recording, notices = read(path)
    assert recording.individuals == ("2",)  # mouse 1 is never seen
    np.testing.assert_array_equal(recording.positions[:, 0], truth(3)[:, 0])
    assert any("1: never seen" in notice for notice in notices)


def test_names_that_the_lab_gave_are_those_of_the_individuals(tmp_path):
    identities = np.tile([1, 2], (FRAMES, 1)).astype(np.uint32)
    names = np.array([b"dam", b"pup"])
    path = write(tmp_path / "m.h5", truth(2), version=8, instance_embed_id=identities, external_identity_mapping=names)
    assert read(path)[0].individuals == ("dam", "pup")


def test_tracklets_of_version_3_are_joined_to_as_many_animals_as_are_seen_at_once(tmp_path):
    # Tracklet 0 ends after frame 1, tracklet 2 begins in frame 2. Padded slots hold a 0, which is no tracklet there.
    tracks = np.array([[0, 1], [0, 1], [1, 2], [1, 2], [1, 0], [1, 0]], np.uint32)
    counts = np.array([2, 2, 2, 2, 1, 1], np.uint8)
    points = truth(2)
    stored = points.copy()
    stored[2:] = points[2:, ::-1]
    path = write(tmp_path / "m.h5", stored, version=3, instance_track_id=tracks, instance_count=counts)
    recording, (notice,) = read(path)
    expected = points.astype(np.float32)
    expected[4:, 0] = np.nan
    np.testing.assert_array_equal(recording.positions, expected)
    assert "joined to 2 animals" in notice


def test_every_keypoint_of_jabs_has_an_anatomical_meaning(tmp_path):
    recording, _ = read(write(tmp_path / "m.h5", truth(1)[:, 0]))
    assert set(shared_landmarks([recording.skeleton])) <= set(LANDMARKS)


@pytest.mark.parametrize(
    ("points", "arrays", "message"),
    [
        (truth(2)[:, :, :5], {}, "expected points .frame, mouse, 12, 2."),
        (truth(2), {}, "found neither"),
        (truth(2), {"instance_embed_id": np.zeros((FRAMES, 2), np.uint32)}, "mouse with an identity; found none"),
        (truth(2), {"instance_embed_id": np.full((FRAMES, 2), 2**31, np.uint32)}, "expected identities from 1"),
        (truth(2), {"instance_embed_id": np.zeros((FRAMES, 3), np.uint32)}, "instance_embed_id of shape"),
        (truth(2), {"instance_track_id": np.zeros((FRAMES, 2), np.uint32)}, "instance_count"),
        (
            truth(2),
            {"instance_track_id": np.zeros((FRAMES, 2), np.uint32), "instance_count": np.zeros(2, np.uint8)},
            "instance_count per frame",
        ),
    ],
)
def test_the_error_of_a_wrong_file_is_one_sentence_that_names_the_file(tmp_path, points, arrays, message):
    with pytest.raises(InputError, match=message) as raised:
        read(write(tmp_path / "bad.h5", points, version=4, **arrays))
    assert "bad.h5" in str(raised.value)


def test_a_link_to_another_file_is_not_followed(tmp_path):
    other = write(tmp_path / "other.h5", truth(1)[:, 0])
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["poseest"] = h5py.ExternalLink(str(other), "poseest")
    with pytest.raises(InputError, match=r"m\.h5"):
        read(tmp_path / "m.h5")
