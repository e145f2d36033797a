"""SLEAP's .slp: corrections, tracks, videos and what is left out, against poses known on paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sleap_io

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import sleap
from ssl_behavior.recordings.recording import Recording

SKELETON = sleap_io.Skeleton(["head", "tail"], edges=[("head", "tail")], name="mouse")
A, B = sleap_io.Track("a"), sleap_io.Track("b")
FILM = sleap_io.Video("film.mp4", open_backend=False)


def predicted(x: float, track: Any = None, score: float = 0.5, skeleton: Any = SKELETON) -> Any:
    points = np.array([[x, 1.0], [x, 5.0]])
    return sleap_io.PredictedInstance.from_numpy(points, skeleton, np.array([0.5, 0.75]), score, track=track)


def by_hand(x: float, track: Any = None, corrects: Any = None) -> Any:
    return sleap_io.Instance.from_numpy(np.array([[x, 1.0], [x, 5.0]]), SKELETON, track=track, from_predicted=corrects)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Recording]]:
    """``read([instances of frame 0], [instances of frame 1], ...)`` writes a project and reads it."""

    def of_project(*frames: Sequence[Any], video: Any = FILM, **labels: Any) -> list[Recording]:
        labelled = [
            sleap_io.LabeledFrame(video=video, frame_idx=number, instances=list(instances))
            for number, instances in enumerate(frames)
            if instances is not None
        ]
        return of_labels(sleap_io.Labels(labelled, **labels))

    def of_labels(labels: Any) -> list[Recording]:
        sleap_io.save_slp(labels, str(tmp_path / "project.slp"))
        return sleap.read(tmp_path / "project.slp")

    of_project.of_labels = of_labels  # type: ignore[attr-defined]
    return of_project


def heads(recording: Recording, individual: str) -> list[float]:
    """The x of the head in every frame; -1 where it is not seen."""
    return np.nan_to_num(recording.positions[:, recording.individuals.index(individual), 0, 0], nan=-1).tolist()


@pytest.mark.parametrize("linked", [True, False])
def test_an_untracked_correction_of_the_only_animal_takes_the_place_of_its_prediction(read, linked):
    wrong = predicted(40)
    (recording,) = read([predicted(10)], [wrong, by_hand(20, corrects=wrong if linked else None)], [predicted(30)])
    assert recording.individuals == ("individual1",)
    assert heads(recording, "individual1") == [10, 20, 30]
    assert recording.notices == ("1 prediction corrected by hand: the corrected poses are used",)


def test_a_correction_keeps_the_order_of_untracked_animals(read):
    wrong = predicted(11)
    (recording,) = read([predicted(10), predicted(50)], [wrong, predicted(51), by_hand(12, corrects=wrong)])
    assert heads(recording, "individual1") == [10, 12]
    assert heads(recording, "individual2") == [50, 51]
    assert any("numbered in the order of each frame" in notice for notice in recording.notices)


def test_a_correction_without_a_link_lies_where_its_prediction_lies(read):
    (recording,) = read([predicted(10), predicted(50), predicted(90)], [predicted(10), predicted(50), by_hand(51)])
    assert heads(recording, "individual2") == [50, 51]
    assert heads(recording, "individual3") == [90, -1]


@pytest.mark.parametrize("order", [1, -1])
def test_a_persons_pose_counts_where_a_prediction_has_the_same_track(read, order):
    (recording,) = read([predicted(10, A)], [predicted(40, A), by_hand(20, A)][::order])
    assert heads(recording, "a") == [10, 20]
    assert recording.confidence[:, 0].tolist() == [[0.5, 0.75], [1, 1]]


def test_a_person_may_give_a_correction_another_track(read):
    wrong, other = predicted(11, A), predicted(50, B)
    (recording,) = read([predicted(10, A), predicted(51, B)], [wrong, other, by_hand(12, B, corrects=wrong)])
    assert heads(recording, "a") == [10, -1]
    assert heads(recording, "b") == [51, 12]


def test_an_untracked_correction_takes_the_track_of_its_prediction(read):
    wrong = predicted(11, A)
    (recording,) = read([predicted(10, A), predicted(50, B)], [wrong, predicted(51, B), by_hand(12, corrects=wrong)])
    assert (heads(recording, "a"), heads(recording, "b")) == ([10, 12], [50, 51])


def test_a_correction_in_which_nothing_is_seen_removes_the_prediction(read):
    wrong = predicted(11, A)
    (recording,) = read([predicted(10, A)], [wrong, by_hand(np.nan, A, corrects=wrong)])
    assert heads(recording, "a") == [10, -1]


def test_one_instance_without_a_track_is_the_one_animal_that_is_missing(read):
    (recording,) = read([predicted(10, A), predicted(50, B)], [predicted(11, A), predicted(51)])
    assert heads(recording, "b") == [50, 51]
    assert "1 instance without a track is read as 'b'" in recording.notices[0]


def test_instances_that_may_be_either_animal_are_left_out_and_counted(read):
    (recording,) = read([predicted(10, A), predicted(50, B)], [predicted(11), predicted(51)], [predicted(9)], [])
    assert (heads(recording, "a"), heads(recording, "b")) == ([10, -1, -1, -1], [50, -1, -1, -1])
    assert "3 of 5 instances have no track and are left out: assign tracks" in recording.notices[0]


@pytest.mark.parametrize(("tracks", "name"), [([A], "individual2"), ([A, B], "b")])
def test_an_instance_without_a_track_beside_every_tracked_one_is_the_other_animal(read, tracks, name):
    (recording,) = read(*[[predicted(10, A), predicted(50)]] * 3, tracks=tracks)
    assert heads(recording, name) == [50, 50, 50]


def test_a_rare_detection_beside_the_tracked_animals_is_no_animal(read):
    (recording,) = read(*[[predicted(10, A)]] * 5, [predicted(10, A), predicted(50)])
    assert recording.individuals == ("a",)
    assert "1 of 7 instances have no track and are left out" in recording.notices[0]


def test_tracks_that_no_instance_has_are_left_out_with_a_notice(read):
    (recording,) = read([predicted(10, A)], tracks=[A, B])
    assert recording.individuals == ("a",)
    assert recording.notices == ("tracks without an instance are left out: b",)
    (recording,) = read([predicted(10)], [predicted(11)], tracks=[B])
    assert heads(recording, "b") == [10, 11]


def test_of_two_predictions_of_one_track_in_a_frame_the_surer_counts(read):
    (recording,) = read([predicted(10, A, 0.9), predicted(50, A, 0.3)])
    assert heads(recording, "a") == [10]
    assert "1 instance left out" in recording.notices[0]


def test_frames_after_the_last_instance_are_unseen_where_the_file_knows_the_video(read):
    video = sleap_io.Video(
        "film.mp4", open_backend=False, backend_metadata={"filename": "film.mp4", "shape": [7, 90, 90, 1], "fps": 50.0}
    )
    (recording,) = read([predicted(10, A)], [predicted(11, A)], video=video)
    assert heads(recording, "a") == [10, 11, -1, -1, -1, -1, -1]
    assert (recording.frame_rate, recording.frame_rate_is_assumed) == (50, False)
    assert "instances in 2 of 7 frames" in recording.notices[0]


@pytest.mark.parametrize(("shape", "fps"), [([10**15, 9, 9, 1], 0.0), ([None] * 4, 1e9), ("long", "fast")])
def test_a_damaged_length_or_rate_of_the_video_is_as_good_as_none(read, shape, fps):
    metadata = {"filename": "film.mp4", "shape": shape, "fps": fps}
    video = sleap_io.Video("film.mp4", open_backend=False, backend_metadata=metadata)
    (recording,) = read([predicted(10, A)], video=video)
    assert (recording.frames, recording.frame_rate_is_assumed) == (1, True)


def test_frames_without_an_instance_and_suggestions_are_no_poses(read):
    suggestions = [sleap_io.SuggestionFrame(video=FILM, frame_idx=9)]
    (recording,) = read([predicted(10, A)], None, [], [predicted(13, A)], suggestions=suggestions)
    assert heads(recording, "a") == [10, -1, -1, 13]


def test_the_skeleton_of_most_instances_is_the_animals(read):
    arena = sleap_io.Skeleton(["corner", "door"], name="arena")
    same = sleap_io.Skeleton(["tail", "head"], name="merged")
    merged = predicted(30, A, skeleton=same)
    frames = [[predicted(10, A), predicted(90, skeleton=arena)], [predicted(20, A)], [merged]]
    (recording,) = read(*frames, skeletons=[arena, SKELETON, same])
    assert recording.skeleton.keypoints == ("head", "tail")
    assert recording.positions[2, 0].tolist() == [[30, 5], [30, 1]]
    assert "1 instance of other skeletons left out (arena)" in recording.notices[0]


def _videos(read: Any, files: Sequence[str], labelled: Sequence[int]) -> list[Recording]:
    videos = [sleap_io.Video(file, open_backend=False) for file in files]
    frames = [sleap_io.LabeledFrame(video=videos[i], frame_idx=0, instances=[predicted(10 + i)]) for i in labelled]
    return read.of_labels(sleap_io.Labels(frames, videos=videos))


def test_videos_without_labels_are_named_and_left_out(read):
    (recording,) = _videos(read, ["v1.mp4", "v2.mp4"], [0])
    assert recording.id == "project/v1"
    assert recording.notices == ("videos without an instance are left out: v2",)
    with pytest.raises(InputError, match=r"project\.slp: expected instances in its 2 videos; found none"):
        _videos(read, ["v1.mp4", "v2.mp4"], [])


def test_videos_of_one_name_in_different_folders_have_different_ids(read):
    recordings = _videos(read, ["/d/a/trial1.mp4", "/d/b/trial1.mp4", "C:\\d\\trial2.avi"], [0, 1, 2])
    assert [recording.id for recording in recordings] == [
        "project/a/trial1",
        "project/b/trial1",
        "project/trial2",
    ]
    assert [heads(recording, "individual1") for recording in recordings] == [[10], [11], [12]]


def test_every_video_has_its_own_tracks_though_their_names_are_the_same(read):
    videos = [sleap_io.Video(file, open_backend=False) for file in ("v1.mp4", "v2.mp4")]
    tracks = [sleap_io.Track("track_0"), sleap_io.Track("track_0")]
    frames = [
        sleap_io.LabeledFrame(video=video, frame_idx=0, instances=[predicted(10 + i, track)])
        for i, (video, track) in enumerate(zip(videos, tracks, strict=True))
    ]
    recordings = read.of_labels(sleap_io.Labels(frames, videos=videos, tracks=tracks))
    assert [heads(recording, "track_0") for recording in recordings] == [[10], [11]]
    assert [recording.notices for recording in recordings] == [(), ()]


def test_a_damaged_video_does_not_cost_the_others(read):
    videos = [sleap_io.Video(file, open_backend=False) for file in ("v1.mp4", "v2.mp4")]
    numbers = [0, 10**9]
    frames = [
        sleap_io.LabeledFrame(video=video, frame_idx=number, instances=[predicted(10)])
        for video, number in zip(videos, numbers, strict=True)
    ]
    (recording,) = read.of_labels(sleap_io.Labels(frames, videos=videos))
    assert recording.id == "project/v1"
    assert "damaged videos are left out: v2 (1 instances are in frames 1000000000 to 1000000000)" in recording.notices
