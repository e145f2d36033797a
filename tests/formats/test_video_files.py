"""Videos are found by the names of their recordings, and those that do not fit are refused in one sentence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.videos import count_frames
from ssl_behavior.formats.video_files import find_video_files, images_of, require_fit
from tests.tracking.animals import recorded
from tests.tracking.film import SIZE, chase, images, poses, write_video

FRAMES = 12
SOURCE = replace(recorded(poses(chase(FRAMES)), "day1/pair"), source="pair.csv")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("day1") / "pair.avi", images(chase(FRAMES)))


def silent(notice: str) -> None:
    raise AssertionError(notice)


@pytest.mark.parametrize(("name", "codec"), [("pair.avi", "MJPG"), ("pair.mp4", "mp4v"), ("pair.mkv", "mp4v")])
def test_images_are_those_that_were_filmed(tmp_path: Path, name: str, codec: str) -> None:
    file = write_video(tmp_path / name, images(chase(FRAMES)), codec)
    assert find_video_files([tmp_path], [SOURCE], silent) == {"day1/pair": file}
    read, filmed = np.array(list(images_of(file, SOURCE)), float), np.array(list(images(chase(FRAMES))), float)
    assert read.shape == (FRAMES, *SIZE[::-1])
    assert np.abs(read - filmed).mean() < 5


def test_videos_of_no_recording_are_left_out_with_a_notice(video: Path) -> None:
    other = write_video(video.with_name("other.avi"), images(chase(2)))
    notices: list[str] = []
    assert find_video_files([video.parent], [SOURCE], notices.append) == {"day1/pair": video}
    assert notices == [f"videos without recordings, left out: {other}"]


def test_a_recording_without_a_video_or_with_two_is_refused(video: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found none of second: name each video after its recording"):
        find_video_files([video], [SOURCE, replace(SOURCE, id="second")], silent)
    with pytest.raises(InputError, match=r"found none of first, and \S+pair.avi without a recording"):
        find_video_files([video], [replace(SOURCE, id="first")], silent)
    second = tmp_path / "pair.mp4"
    second.write_bytes(video.read_bytes())
    with pytest.raises(InputError, match=r"expected one video of recording day1/pair; found .*too"):
        find_video_files([video, second], [SOURCE], silent)


@pytest.mark.parametrize("content", [b"", b"no video", bytes(range(256)) * 20])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pair.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"pair\.mp4: expected a video; found a file that OpenCV cannot decode"):
        require_fit(tmp_path / "pair.mp4", SOURCE)


@pytest.mark.parametrize("frames", [FRAMES - 3, FRAMES + 3])
def test_a_video_of_another_length_is_refused(video: Path, frames: int) -> None:
    longer = np.resize(SOURCE.positions, (frames, *SOURCE.positions.shape[1:]))
    with pytest.raises(InputError, match=rf"pair\.avi: expected {frames} frames.*pair\.csv have; found {FRAMES}: give"):
        require_fit(video, replace(SOURCE, positions=longer))


def test_decoders_may_disagree_about_the_last_two_frames(video: Path) -> None:
    for frames in (FRAMES - 2, FRAMES + 2):
        recording = replace(SOURCE, positions=np.resize(SOURCE.positions, (frames, *SOURCE.positions.shape[1:])))
        require_fit(video, recording)
        assert len(list(images_of(video, recording))) == min(frames, FRAMES)


def test_a_damaged_video_is_refused_where_its_frames_end(video: Path, tmp_path: Path) -> None:
    """Its header still has the number of frames, so the damage is seen only where it is."""
    cut = tmp_path / "pair.avi"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert count_frames(cut, FRAMES) == FRAMES
    assert 0 < count_frames(cut, FRAMES - 1) < FRAMES - 2
    with pytest.raises(InputError, match=rf"pair\.avi: expected {FRAMES} frames; found damage after frame \d: convert"):
        list(images_of(cut, SOURCE))


def test_keypoints_outside_the_image_and_other_units_are_refused(video: Path) -> None:
    with pytest.raises(InputError, match=r"pair\.avi: .*image of 320 x 240 pixels; found 50% of them outside"):
        require_fit(video, replace(SOURCE, positions=SOURCE.positions + np.array([[[320.0, 0]], [[0, 0]]], np.float32)))
    one_outside = SOURCE.positions.copy()
    one_outside[3, 0, 0] = [330, 10]
    require_fit(video, replace(SOURCE, positions=one_outside))
    with pytest.raises(InputError, match=r"expected positions in the pixels of its video.*found 2 coordinates in cm"):
        require_fit(video, replace(SOURCE, unit="cm"))
