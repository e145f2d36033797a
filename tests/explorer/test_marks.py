import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.cli.inputs import LabelledTracksConfig
from ssl_behavior.errors import InputError
from ssl_behavior.explorer.marks import UNMARKED, Mark, Marks
from ssl_behavior.formats.annotations.read import read_labels
from ssl_behavior.formats.tracks import native
from ssl_behavior.recordings.recording import Recording

SNIFF = Mark("a", "mouse0", "mouse1", "S1", "sniff", 0, 11)
CHASE = Mark("b", "mouse0", "mouse1", "S1", "chase", 20, 90)
UNSURE = Mark("a", "mouse1", "mouse0", "S1", "unsure", 500, 520)


@pytest.fixture
def marks(make_atlas: Callable[[Path], Path], tmp_path: Path) -> Marks:
    """The marks of an atlas whose video ``b`` has no labels."""
    folder = make_atlas(tmp_path / "atlas")
    atlas = Atlas(folder)
    other = next(name for name in atlas.ids if name != "a")
    video = atlas.video(other)
    object.__setattr__(video.poses, "id", "b")
    atlas.path(other).unlink()
    atlas.add(video)
    return Marks(atlas)


def test_marks_survive_a_restart(marks: Marks) -> None:
    assert marks.all == []
    for mark in (SNIFF, CHASE, UNSURE):
        marks.add(mark)
    again = Marks(Atlas(marks.atlas.folder))
    assert again.all == [SNIFF, CHASE, UNSURE]
    again.remove(CHASE)
    assert marks.all == [SNIFF, UNSURE]


MARK_AND_NAME = """
import sys
from pathlib import Path
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.explorer.marks import Mark, Marks

atlas, start = Atlas(Path(sys.argv[1])), int(sys.argv[2])
marks, clustered = Marks(atlas), ClusteredAtlas(atlas)
print("ready", flush=True)
sys.stdin.readline()
for i in range(60):
    marks.add(Mark("a", "mouse0", "mouse1", "S1", "sniff", start + i, start + i + 1))
    clustered.rename(start // 60, f"called {i}")
    if i % 10 == 9:
        marks.remove(Mark("a", "mouse0", "mouse1", "S1", "sniff", start + i, start + i + 1))
"""


def test_marks_that_two_processes_make_at_the_same_time_are_all_kept(marks: Marks) -> None:
    folder = str(marks.atlas.folder)
    words = [sys.executable, "-c", MARK_AND_NAME, folder]
    processes = [
        subprocess.Popen([*words, start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for start in ("0", "60")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert sorted(mark.start for mark in marks.all) == [frame for frame in range(120) if frame % 10 != 9]
    assert ClusteredAtlas(marks.atlas).names == {0: "called 59", 1: "called 59"}
    assert [path.name for path in marks.path.parent.iterdir()] == ["marks.csv"]


def test_words_that_would_break_a_file_are_refused(marks: Marks) -> None:
    for label in ("", " ", "a\tb", "a\nb", UNMARKED):
        with pytest.raises(InputError, match="expected a word for the label"):
            marks.add(Mark("a", "mouse0", "mouse1", "S1", label, 0, 5))
    with pytest.raises(InputError, match="expected frames of the video; found 5 to 5"):
        marks.add(Mark("a", "mouse0", "mouse1", "S1", "sniff", 5, 5))
    assert not marks.path.exists()


def test_a_damaged_file_is_refused_with_its_columns(marks: Marks) -> None:
    marks.path.parent.mkdir()
    marks.path.write_text("video,label\na,sniff\n")
    with pytest.raises(InputError, match=r"marks\.csv: expected columns video, agent"):
        _ = marks.all


def test_an_export_without_marks_is_refused(marks: Marks) -> None:
    with pytest.raises(InputError, match="nothing is marked yet"):
        marks.export()


@pytest.mark.parametrize("kind", ["caltech", "boris"])
def test_exported_marks_lie_over_the_labels(marks: Marks, kind: str) -> None:
    for mark in (SNIFF, CHASE, UNSURE):
        marks.add(mark)
    exported = marks.export()
    assert exported.videos == 2
    assert exported.unscored == {"S1": (UNMARKED, "unsure")}
    exported_labels = {labels.id: labels for labels in read_labels([exported.folder / kind])[0]}
    assert set(exported_labels) == {"a", "b"}
    names = (*exported_labels["a"].vocabulary["S1"], "other")
    values = exported_labels["a"].labels("S1", names, 600)
    shown = np.array([*names, "?"])[values.values]
    video = marks.atlas.video("a")
    before = np.array(["attack", "sniff", UNMARKED])[video.poses.to_native(video.labels["S1"].values)]
    assert (shown[:11] == "sniff").all()
    assert (shown[500:520] == "unsure").all()
    np.testing.assert_array_equal(shown[11:500], before[11:500])
    names = (*exported_labels["b"].vocabulary["S1"], "other")
    shown = np.array([*names, "?"])[exported_labels["b"].labels("S1", names, 600).values]
    assert (shown[20:90] == "chase").all()
    assert (np.delete(shown, np.s_[20:90]) == UNMARKED).all()


def test_finetune_reads_the_exported_annotations(
    marks: Marks, wander: Callable[..., Recording], tmp_path: Path
) -> None:
    marks.add(SNIFF)
    marks.add(CHASE)
    exported = marks.export()
    native.write(tmp_path / "tracks", [wander(seed, frames=600, id=name) for seed, name in enumerate("ab")])
    config = LabelledTracksConfig(
        recordings=(tmp_path / "tracks",), annotations=(exported.folder / "caltech",), unscored=exported.unscored["S1"]
    )
    recordings = config.read_labelled()
    assert [list(recording.labels) for recording in recordings] == [["S1"]] * 2
    assert [set(recording.labels["S1"].behaviours) for recording in recordings] == [{"attack", "sniff", "chase"}] * 2
    chased = next(recording for recording in recordings if recording.id == "b").labels["S1"]
    assert [(bout.start, bout.stop, bout.behaviour) for bout in chased.bouts()] == [(20, 90, "chase")]
    instructions = (exported.folder / "how-to-train.txt").read_text()
    assert f"--annotations {exported.folder / 'caltech'} --channel S1 --unscored unmarked" in instructions


def test_the_suggested_command_holds_names_as_single_words(marks: Marks) -> None:
    channel, label = "$(touch hacked)", "'; touch hacked; '"
    marks.add(Mark("a", "mouse0", "mouse1", channel, "wrong", 0, 11))
    marks.add(Mark("b", "mouse0", "mouse1", channel, label, 0, 11))
    line = next(line for line in marks.export().instructions().splitlines() if line.startswith("python"))
    assert shlex.split(line)[5:] == ["--channel", "$(touch_hacked)", "--unscored", "unmarked", "wrong", "..."]
    assert "'$(touch_hacked)'" in line


def test_impossible_frames_are_refused(marks: Marks) -> None:
    marks.add(SNIFF)
    text = marks.path.read_text()
    for wrong in ("-5,11", "0,0", f"0,{10**30}", "9,3"):
        marks.path.write_text(text.replace("0,11", wrong))
        with pytest.raises(InputError, match=r"marks\.csv: expected columns"):
            _ = marks.all
    marks.path.write_text(text)
    with pytest.raises(InputError, match="expected frames of the video; found 590 to 601"):
        marks.add(Mark("a", "mouse0", "mouse1", "S1", "sniff", 590, 601))
    with pytest.raises(InputError, match="removed already"):
        marks.remove(CHASE)
