"""``track`` as a command: instances without tracks become animals, and what follows reads them."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sleap_io

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.track import TrackConfig, track
from tests.fuzz.forks import ForkServer
from tests.tracking import film
from tests.tracking.animals import recorded


def untracked(path: Path, frames: int = 120, spurious: int = 0) -> np.ndarray:
    """Write an .slp of two animals whose instances have no tracks and change their order; returns the truth."""
    rng = np.random.default_rng(0)
    skeleton = sleap_io.Skeleton(["nose", "neck", "tail"])
    body = np.array([[20.0, 0], [10, 0], [0, 0]])
    places = np.stack([np.arange(frames)[:, None] * [2, 0], [300, 50] - np.arange(frames)[:, None] * [2, 0]], axis=1)
    truth = places[:, :, None] + body + rng.normal(0, 0.5, (frames, 2, 3, 2))
    video, labelled = sleap_io.Video("two.mp4", open_backend=False), []
    for frame, poses in enumerate(truth):
        points = [poses[i] for i in rng.permutation(2)] + [np.full((3, 2), 900.0)] * (frame < spurious)
        instances = [sleap_io.PredictedInstance.from_numpy(one, skeleton, np.ones(3), 1.0) for one in points]
        labelled.append(sleap_io.LabeledFrame(video=video, frame_idx=frame, instances=instances))
    sleap_io.Labels(labelled, [video], [skeleton]).save(str(path))
    return truth


def test_untracked_instances_become_two_animals(command: Callable, tmp_path: Path) -> None:
    truth = untracked(tmp_path / "two.slp", spurious=3)
    done = command("track", "--recordings", tmp_path / "two.slp", "--individuals", 2, "--output", tmp_path / "tracked")
    assert "made into 2 animals; 3 instances left out" in done.out
    assert f"--recordings {tmp_path / 'tracked'}" in done.out
    (tracked,) = read_recordings(tmp_path / "tracked", notify=lambda _: None)
    order = [0, 1] if abs(tracked.positions[0, 0] - truth[0, 0]).max() < 5 else [1, 0]
    np.testing.assert_allclose(tracked.positions, truth[:, order], atol=0.01)
    check = command("check", "--recordings", tmp_path / "tracked", "--output", tmp_path / "check")
    assert "two" in check.out


def test_animals_get_the_names_that_are_given(tmp_path: Path) -> None:
    untracked(tmp_path / "two.slp")
    config = TrackConfig((tmp_path / "out"), recordings=(tmp_path / "two.slp",), individuals=("resident", "intruder"))
    (file,) = track(config)
    assert read_recordings(file, notify=lambda _: None)[0].individuals == ("resident", "intruder")
    with pytest.raises(InputError, match="not empty"):
        track(config)


@pytest.mark.parametrize("number", ["0", "-3", "51"])
def test_impossible_numbers_are_refused(number: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected 1 to 50 animals"):
        TrackConfig(tmp_path, recordings=(tmp_path,), individuals=(number,))


@pytest.mark.parametrize("number", ["2-", "1–3", "1.5", "2,3", "-", "4 5"])
def test_a_mistyped_number_is_no_name(number: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a number of animals such as 2"):
        TrackConfig(tmp_path, recordings=(tmp_path,), individuals=tuple(number.split(",")))


def test_a_range_is_for_animals_that_enter_and_leave(tmp_path: Path) -> None:
    config = TrackConfig(tmp_path, recordings=(tmp_path,), individuals=("2-4",))
    assert (config.at_least, config.animals, config.names) == (2, 4, ())
    with pytest.raises(InputError, match="or a range of them such as 1-3"):
        TrackConfig(tmp_path, recordings=(tmp_path,), individuals=("4-2",))


def test_without_a_number_the_animals_are_counted(tmp_path: Path) -> None:
    untracked(tmp_path / "two.slp", spurious=10)
    (file,) = track(TrackConfig(tmp_path / "out", recordings=(tmp_path / "two.slp",)))
    assert len(read_recordings(file, notify=lambda _: None)[0].individuals) == 2


@pytest.mark.parametrize(("format", "name"), [("slp", "two.slp"), ("deeplabcut", "twoDLC_ssl_behavior.csv")])
def test_tracks_are_written_for_other_programs(command: Callable, tmp_path: Path, format: str, name: str) -> None:
    untracked(tmp_path / "two.slp")
    words = ("--recordings", tmp_path / "two.slp", "--individuals", "a,b", "--frame-rate", 25)
    done = command("track", *words, "--output", tmp_path / "out", "--output-format", format)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {name, "settings.yaml"}
    assert ("deeplabcut does not hold frame rates" in done.out) == (format == "deeplabcut")
    command("track", *words, "--output", tmp_path / "native")
    back, native = (read_recordings(tmp_path / folder, notify=lambda _: None)[0] for folder in ("out", "native"))
    assert back.individuals == ("a", "b")
    np.testing.assert_array_equal(back.positions, native.positions)


def test_with_their_video_animals_that_run_far_between_frames_keep_their_identities(
    command: Callable, tmp_path: Path
) -> None:
    tracks = film.poses(film.chase())
    native.write(tmp_path / "tracks", [recorded(tracks, "day1/pair")])
    film.write_video(tmp_path / "pair.mp4", film.images(film.chase()), "mp4v")
    words = ("--recordings", tmp_path / "tracks", "--output")
    done = command("track", *words, tmp_path / "seen", "--videos", tmp_path / "*.mp4")
    assert f"day1/pair: poses were moved along with the image of {tmp_path / 'pair.mp4'}" in done.out
    (seen,) = read_recordings(tmp_path / "seen", notify=lambda _: None)
    np.testing.assert_array_equal(seen.positions, tracks.astype(np.float32))
    command("track", *words, tmp_path / "blind")
    (blind,) = read_recordings(tmp_path / "blind", notify=lambda _: None)
    assert (blind.positions != seen.positions).any()


def test_a_video_that_does_not_fit_is_one_sentence_and_nothing_is_written(forks: ForkServer, tmp_path: Path) -> None:
    untracked(tmp_path / "two.slp", frames=40)
    (tmp_path / "two.mp4").write_bytes(b"no video")
    words = ["--recordings", tmp_path / "two.slp", "--output", tmp_path / "out", "--videos", tmp_path / "two.mp4"]
    done = forks.run(["ssl_behavior.track", *words], tmp_path)
    assert done.code == 2
    assert done.err.strip().splitlines()[-1].startswith(f"error: {tmp_path / 'two.mp4'}: expected a video; found")
    assert not (tmp_path / "out").exists()


def test_a_recording_whose_video_does_not_fit_is_skipped_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracks = film.poses(film.chase(9))
    native.write(tmp_path / "tracks", [recorded(tracks, "fits"), recorded(tracks, "longer")])
    film.write_video(tmp_path / "fits.avi", film.images(film.chase(9)))
    film.write_video(tmp_path / "longer.avi", film.images(film.chase(15)))
    config = TrackConfig(
        tmp_path / "out", recordings=(tmp_path / "tracks",), videos=(tmp_path,), skip_bad_files=True, overwrite=True
    )
    assert [file.stem for file in track(config)] == ["fits"]
    assert "longer.avi: expected 9 frames" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"found 15: give the whole video.*--skip-bad-files leaves it out"):
        track(replace(config, skip_bad_files=False))


def test_without_opencv_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    untracked(tmp_path / "two.slp", frames=9)
    config = TrackConfig(tmp_path / "out", recordings=(tmp_path / "two.slp",), videos=(tmp_path,))
    with pytest.raises(InputError, match=r"--videos: .*pip install 'ssl_behavior\[video\]'"):
        track(config)
    assert len(track(replace(config, videos=()))) == 1
