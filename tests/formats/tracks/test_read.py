"""Files, folders and globs become recordings: which files are read, in which order, and the errors."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError, list_names, natural_key
from ssl_behavior.formats.tracks import native, read
from ssl_behavior.formats.tracks.calms21.submissions import write_submission
from ssl_behavior.formats.tracks.read import FORMATS, read_recordings
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.paths import expand
from ssl_behavior.storage.video_names import video_id


def _table(path: Path, parts=("nose", "tail"), frames: int = 3) -> Path:
    columns = [(part, axis) for part in parts for axis in ("x", "y", "likelihood")]
    header = ["scorer" + ",net" * len(columns)]
    header += [",".join([name, *(column[i] for column in columns)]) for i, name in enumerate(("bodyparts", "coords"))]
    rows = [
        ",".join(map(str, [frame, *(f"{3 * i + 1},{3 * i + 2},1" for i in range(len(parts)))]))
        for frame in range(frames)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(header + rows) + "\n")
    return path


def _quiet(_: str) -> None:
    pass


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("10DLC_dlcrnetms5_DLC_ratJan24shuffle1_5000_el_filtered.csv.gz", "10"),
        ("mouse_1_DLC_resnet50.h5", "mouse_1"),
        ("testDLC_sleap.slp", "test"),
        ("10_annot.txt", "10"),
        ("10.boris", "10"),
        ("film.analysis.h5", "film"),
        ("film.2024.csv", "film.2024"),
        ("a/b/film.mp4.predictions.slp", "film"),
        ("m_superanimal_topviewmouse_hrnet_w32_fasterrcnn.csv", "m"),
        ("mDeepCut_resnet50_openfieldOct30shuffle1_1030000.h5", "m"),
        ("m_pose_est_v5.h5", "m"),
        ("m_pose_top_v1_8.json", "m"),
        ("labels.v001.000_m.analysis.h5", "m"),
        ("labels.v001.analysis.h5", "labels.v001"),
        ("m_annot.csv", "m"),
        ("_annot.txt", "_annot"),
        ("_DLC_.csv", "_"),
        ("m.MP4.boris", "m"),
        ("DLC_only.csv", "DLC_only"),
    ],
)
def test_video_id(name, expected):
    assert video_id(name) == expected


def test_names_in_a_message_are_in_natural_order_and_few():
    assert sorted(["5²", "10", "2"], key=natural_key) == ["2", "5²", "10"]
    assert list_names({"10", "9", "1"}) == "1, 9, 10"
    assert list_names((str(i) for i in range(30)), limit=3) == "0, 1, 2 and 27 more"
    assert list_names(()) == "none"


def test_files_folders_and_globs_in_any_order_give_the_same(tmp_path):
    files = [_table(tmp_path / "f" / f"{i}.csv") for i in (10, 2, 1)] + [_table(tmp_path / "g" / "deep" / "3.csv")]
    ids = ["1", "2", "3", "10"]
    for paths in (
        [tmp_path],
        [tmp_path / "f", tmp_path / "g"],
        files,
        [str(tmp_path / "**" / "*.csv")],
        [*files, tmp_path],
    ):
        shuffled = list(paths)
        random.Random(0).shuffle(shuffled)
        assert [recording.id for recording in read_recordings(shuffled, notify=_quiet)] == ids


def test_hidden_and_other_files_in_a_folder_are_passed_over(tmp_path):
    _table(tmp_path / "1.csv")
    for name in (".hidden.csv", "film.mp4", "readme.txt", "model_meta.pickle"):
        (tmp_path / name).write_text("x")
    assert len(read_recordings(tmp_path, notify=_quiet)) == 1


def test_the_error_of_a_path_without_files_names_it(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        expand(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no file"):
        expand(tmp_path)
    with pytest.raises(InputError, match="no file matches"):
        expand(str(tmp_path / "*.csv"))
    with pytest.raises(InputError, match="no files given"):
        expand([])


def test_the_error_of_a_file_of_no_known_format_describes_its_content(tmp_path):
    (tmp_path / "a.csv").write_text("hello,world\n1,2\n")
    with pytest.raises(InputError, match=r"a\.csv: expected tracks from .*CalMS21.* begins 'hello,world'"):
        read_recordings(tmp_path / "a.csv")
    (tmp_path / "a.h5").write_bytes(bytes(100))
    with pytest.raises(InputError, match=r"a\.h5: expected tracks from .*; found bytes that are none of these"):
        read_recordings(tmp_path / "a.h5")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match=r"empty\.csv: the file is empty"):
        read_recordings(tmp_path / "empty.csv")


@pytest.mark.parametrize("shape", [(5, 5), (20, 13, 2, 2, 7)])
def test_the_error_of_a_bare_array_gives_its_shape(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(InputError, match=r"expected tracks from .*; found a bare float64 array of shape") as caught:
        read_recordings(tmp_path / "a.npy")
    assert str(shape) in str(caught.value)


def test_format_overrules_the_content(tmp_path):
    path = _table(tmp_path / "a.csv")
    assert len(read_recordings(path, format="deeplabcut", notify=_quiet)) == 1
    with pytest.raises(InputError, match=r"a\.csv"):
        read_recordings(path, format="sleap")
    with pytest.raises(InputError, match=r"'dlc' is not known; choose one of .*deeplabcut"):
        read_recordings(path, format="dlc")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "name", ["junk.csv", "junk.csv.gz", "junk.h5", "junk.npy", "junk.json", "junk.slp", "junk.safetensors"]
)
def test_every_failure_of_a_reader_is_an_input_error(tmp_path, format, name):
    for i, content in enumerate((b"\x00\xff" * 99, b"\x93NUMPY\x01\x00\xff\xff", b"\x1f\x8b\x08junk", b"{" * 9)):
        path = tmp_path / f"{i}{name}"
        path.write_bytes(content)
        for chosen in (format, None):
            with pytest.raises(InputError, match=name):
                read_recordings(path, format=chosen)


def test_the_error_of_a_submission_says_that_it_is_one(tmp_path):
    write_submission(tmp_path / "s.npy", {"a": [0, 1]})
    with pytest.raises(InputError, match=r"s\.npy: expected tracks; found a submission.*evaluate as --predictions"):
        read_recordings(tmp_path / "s.npy")


def test_a_bad_file_is_an_error_unless_bad_files_are_skipped(tmp_path):
    _table(tmp_path / "1.csv")
    (tmp_path / "2.csv").write_text("no table\n")
    with pytest.raises(InputError, match=r"2\.csv"):
        read_recordings(tmp_path, notify=_quiet)
    notices: list[str] = []
    recordings = read_recordings(tmp_path, skip_bad_files=True, frame_rate=30, notify=notices.append)
    assert [recording.id for recording in recordings] == ["1"]
    assert len(notices) == 1
    assert notices[0].startswith("skipped: ")
    assert "2.csv" in notices[0]
    with pytest.raises(InputError, match="none of 1 files"):
        read_recordings(tmp_path / "2.csv", skip_bad_files=True, notify=_quiet)


def test_two_files_of_one_video_are_an_error(tmp_path):
    paths = [_table(tmp_path / name) for name in ("aDLC_1.csv", "aDLC_2.csv")]
    with pytest.raises(InputError, match=r"aDLC_2\.csv: the video id 'a' is that of .*aDLC_1\.csv"):
        read_recordings(paths)


def test_keypoints_must_agree_and_take_the_order_of_the_first_file(tmp_path):
    first_path, second_path = _table(tmp_path / "1.csv", ("nose", "tail")), _table(tmp_path / "2.csv", ("tail", "nose"))
    first, second = read_recordings([first_path, second_path], notify=_quiet)
    assert second.skeleton.keypoints == first.skeleton.keypoints == ("nose", "tail")
    assert second.positions[0, 0].tolist() == [[4, 5], [1, 2]]
    third_path = _table(tmp_path / "3.csv", ("nose", "paw"))
    with pytest.raises(InputError, match=r"3\.csv .*expected the keypoints of .*1\.csv.*paw"):
        read_recordings([first_path, third_path], notify=_quiet)
    assert len(read_recordings([first_path, third_path], mixed_skeletons=True, notify=_quiet)) == 2


def test_the_frame_rate_is_the_callers_then_the_files_then_30_hz(tmp_path):
    at_25_hz = Recording("b", np.ones((3, 1, 2, 2)), ("individual1",), Skeleton(("nose", "tail")), 25.0)
    native.write(tmp_path, [at_25_hz])
    _table(tmp_path / "a.csv")
    _table(tmp_path / "c.csv")
    notices: list[str] = []
    assert [recording.frame_rate for recording in read_recordings(tmp_path, notify=notices.append)] == [30, 25, 30]
    assert len(notices) == 1
    assert "2 of 3" in notices[0]
    assert "30 Hz" in notices[0]
    assert {recording.frame_rate for recording in read_recordings(tmp_path, frame_rate=50, notify=_quiet)} == {50}
    with pytest.raises(InputError, match="positive"):
        read_recordings(tmp_path, frame_rate=0)


@pytest.mark.parametrize(("name", "text"), [("s.yaml", "nose: snout\n"), ("s.json", '{"nose": "snout"}')])
def test_a_skeleton_file_gives_landmarks(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (recording,) = read_recordings(_table(tmp_path / "a.csv"), skeleton=tmp_path / name, notify=_quiet)
    assert recording.skeleton.landmarks == {"nose": "snout"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("snout: nose\n", "names .'snout'., which are no keypoints"),
        ("- nose\n", "keypoint: landmark"),
        ("a: [", "cannot be"),
    ],
)
def test_the_error_of_a_wrong_skeleton_file_names_it(tmp_path, text, message):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"s\.yaml.*{message}"):
        read_recordings(_table(tmp_path / "a.csv"), skeleton=tmp_path / "s.yaml", notify=_quiet)


@pytest.mark.parametrize("name", ["a.nc", "a.csv"])
def test_without_movement_the_error_says_how_to_install_it(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "movement", None)
    monkeypatch.setitem(sys.modules, "movement.io", None)
    (tmp_path / name).write_text("nose_x,nose_y,nose_z,nose_error,fnum\n1,2,3,0,0\n")
    with pytest.raises(InputError, match=r"pip install 'ssl_behavior\[movement\]'"):
        read_recordings(tmp_path / name)


def test_the_error_of_a_file_that_vanishes_before_it_is_read_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording("one", np.zeros((5, 1, 2, 2), np.float32), ("a",), Skeleton(("x", "y")), 30.0)
    (file,) = native.write(tmp_path / "one.safetensors", [recording])
    expand_paths = read.expand

    def expand_then_delete(*arguments: object) -> list[Path]:
        files = expand_paths(*arguments)  # type: ignore[arg-type]
        file.unlink()
        return files

    monkeypatch.setattr(read, "expand", expand_then_delete)
    with pytest.raises(InputError, match=r"one\.safetensors: cannot be read"):
        read_recordings(file)
