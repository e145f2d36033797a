from collections import Counter

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.poses.landmarks import (
    LANDMARKS,
    as_landmarks,
    canonical,
    coverage_notice,
    landmark_of,
    mirror,
    shared_landmarks,
)
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

DYADS = ("top", "body", "tail", "tail-m", "tail-e")
CALMS21 = ("nose", "left ear", "right ear", "neck", "left hip", "right hip", "tail base")


@pytest.mark.parametrize(
    ("name", "landmark"),
    [
        ("Nose", "nose"),
        ("snout", "nose"),
        ("left_ear", "left ear"),
        ("EarRight", "right ear"),
        ("ear_l", "left ear"),
        ("R-Hip", "right hip"),
        ("tailbase", "tail base"),
        ("tail_base", "tail base"),
        ("BaseTail", "tail base"),
        ("leftear", "left ear"),
        ("Spine_1", "front spine"),
        ("spine2", "rear spine"),
        ("Left_bhip", "left hip"),
        ("top", "head"),
        ("body", "centre"),
        ("tail", "tail base"),
        ("tail-m", "tail middle"),
        ("tail-e", "tail tip"),
        ("wing_L", "wing_L"),
    ],
)
def test_names_have_meanings(name: str, landmark: str) -> None:
    assert landmark_of(name, Skeleton((name,))) == landmark


def test_no_name_has_two_meanings() -> None:
    meanings = {name: {canonical(alias) for alias in (name, *others)} for name, others in LANDMARKS.items()}
    spellings = Counter(words for ways in meanings.values() for words in ways)
    assert [words for words, count in spellings.items() if count > 1] == []


def test_the_skeleton_overrides_the_name() -> None:
    skeleton = Skeleton(("p1", "nose"), landmarks={"p1": "tail base", "nose": "head"})
    assert [landmark_of(name, skeleton) for name in skeleton.keypoints] == ["tail base", "head"]


def test_shared_landmarks_run_from_nose_to_tail_and_then_by_name() -> None:
    assert shared_landmarks([Skeleton(DYADS), Skeleton(("zebra", "snout", "ant"))]) == (
        *("nose", "head", "centre", "tail base", "tail middle", "tail tip"),
        *("ant", "zebra"),
    )


def test_mirror_swaps_sides() -> None:
    assert mirror(CALMS21) == [0, 2, 1, 3, 5, 4, 6]
    # A side whose other is not tracked has nothing to change places with.
    assert mirror(("left ear", "nose", "tail base")) == [0, 1, 2]
    everything = tuple(LANDMARKS)
    swapped = mirror(everything)
    assert [swapped[i] for i in swapped] == list(range(len(everything)))
    assert all(
        everything[i].replace("left", "right") == name.replace("left", "right")
        for i, name in zip(swapped, everything, strict=True)
    )


def recording(keypoints: tuple[str, ...]) -> Recording:
    """Keypoint k is at (k, 10 k)."""
    positions = np.array([[[(k, 10 * k) for k in range(len(keypoints))]]], np.float32)
    return Recording("a", positions, ("mouse",), Skeleton(keypoints), 30.0)


def test_keypoints_are_put_in_order_and_missing_ones_are_unseen() -> None:
    tracks = recording(("tail-e", "body", "top"))
    out = as_landmarks(tracks.skeleton, ("head", "centre", "tail base", "tail tip"), tracks.positions)
    np.testing.assert_array_equal(out[0, 0, :, 0], [2, 1, np.nan, 0])


def test_stand_ins_are_means() -> None:
    tracks = recording(CALMS21)
    out = as_landmarks(tracks.skeleton, ("head", "centre", "tail base", "tail middle"), tracks.positions)
    np.testing.assert_array_equal(out[0, 0], [(1.5, 15), (4.5, 45), (6, 60), (np.nan, np.nan)])


def test_stand_in_needs_all_its_parts() -> None:
    tracks = recording(("left ear", "tail base"))
    out = as_landmarks(tracks.skeleton, ("head", "centre", "tail base"), tracks.positions)
    np.testing.assert_array_equal(out[0, 0, :, 0], [np.nan, np.nan, 1])


def test_two_keypoints_with_one_meaning_are_an_error() -> None:
    tracks = recording(("nose", "snout"))
    with pytest.raises(InputError, match=r"nose and snout.*--skeleton"):
        as_landmarks(tracks.skeleton, ("nose",), tracks.positions)


def test_coverage_names_what_is_lacking_and_what_is_not_used() -> None:
    skeleton = recording(("Left_ear", "right_ear", "tail", "spot")).skeleton
    assert coverage_notice(skeleton, ("left ear", "right ear", "head", "tail base", "spot")) == ""
    notice = coverage_notice(skeleton, ("nose", "head", "tail base"))
    assert notice == "keypoints used: head, tail base; unseen in these recordings: nose; not used: spot"


def test_confidence_is_reordered_like_positions() -> None:
    tracks = recording(("tail-e", "body"))
    confidence = np.array([[[0.25, 0.5]]], np.float32)
    np.testing.assert_array_equal(as_landmarks(tracks.skeleton, ("centre", "tail tip"), confidence)[0, 0], [0.5, 0.25])


def test_nothing_in_common_is_an_error_that_says_what_to_do() -> None:
    tracks = recording(("wing", "leg"))
    with pytest.raises(InputError, match=r"(?s)expected at least one of .*head.*found .*wing.*--skeleton"):
        as_landmarks(tracks.skeleton, ("head", "centre"), tracks.positions)
