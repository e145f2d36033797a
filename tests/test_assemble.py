"""``assemble`` as a command: peaks become instances, which ``track`` follows; bad input is a sentence."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssl_behavior.assemble import AssembleConfig, assemble
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.scoring.identities import identity_scores

BODY = np.array([[0.0, 0], [10, 0], [30, 4]])
SKELETON = "edges:\n  - [nose, neck]\n  - [neck, tail]\nlandmarks:\n  tail: tail base\n"


def write_peaks(path: Path, frames: int = 60, animals: int = 2, **changed: Any) -> np.ndarray:
    """Write the peaks and affinities of animals that walk side by side, in random order; returns the truth."""
    rng = np.random.default_rng(0)
    places = np.arange(frames)[:, None, None] * [2.0, 0] + np.arange(animals)[:, None] * [0, 60.0] + 5
    truth = places[:, :, None] + BODY + rng.normal(0, 0.3, (frames, animals, 3, 2))
    order = rng.permutation(truth[..., 0].size)
    frame, animal, keypoint = (index.ravel()[order] for index in np.indices(truth.shape[:3]))
    x, y = truth.reshape(-1, 2)[order].T
    row = np.empty(truth.shape[:3], int)
    row[frame, animal, keypoint] = np.arange(len(order))
    pairs = [
        (row[f, a, k], row[f, b, k + 1], 0.9 if a == b else 0.2)
        for f, k, a, b in itertools.product(range(frames), (0, 1), range(animals), range(animals))
    ]
    source, target, affinity = np.array(pairs).T
    arrays = {"keypoints": ["nose", "neck", "tail"], "frame": frame, "keypoint": keypoint, "x": x, "y": y}
    arrays |= {"score": np.full(len(x), 0.8), "source": source, "target": target, "affinity": affinity}
    arrays |= {"frame_rate": 25}
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **{name: values for name, values in (arrays | changed).items() if values is not None})
    (path.parent / "skeleton.yaml").write_text(SKELETON)
    return truth


def config_of(folder: Path, **changed: Any) -> AssembleConfig:
    settings = {"peaks": folder / "day1.npz", "skeleton": folder / "skeleton.yaml", "output": folder / "out"}
    return AssembleConfig(**(settings | changed))


@pytest.mark.parametrize("affinities", [True, False])
def test_peaks_become_instances_and_then_tracks(command: Callable, tmp_path: Path, affinities: bool) -> None:
    absent = {} if affinities else dict.fromkeys(("source", "target", "affinity"))
    truth = write_peaks(tmp_path / "day1.npz", **absent)
    done = command(
        *("assemble", "--peaks", tmp_path / "day1.npz", "--skeleton", tmp_path / "skeleton.yaml"),
        *("--individuals", 2, "--output", tmp_path / "detections"),
    )
    assert "day1: 360 peaks in 60 frames made into 120 instances; 0 peaks left alone" in done.out
    assert ("lengths decide" in done.out) != affinities
    (instances,) = read_recordings(tmp_path / "detections", notify=lambda _: None)
    assert instances.frame_rate == 25
    assert instances.skeleton.edges == (("nose", "neck"), ("neck", "tail"))
    assert instances.skeleton.landmarks == {"tail": "tail base"}
    np.testing.assert_allclose(np.unique(instances.confidence), 0.8)
    (following,) = [line for line in done.out.splitlines() if line.startswith("next: ")]
    assert f"track --recordings {tmp_path / 'detections'} --individuals 2" in following
    command("track", *following.split()[3:])
    (tracked,) = read_recordings(tmp_path / "detections-tracked", notify=lambda _: None)
    centres, true_centres = tracked.positions.mean(2), truth.mean(2)
    nearest = np.linalg.norm(centres[:, :, None] - true_centres[:, None], axis=-1).argmin(2)
    assert identity_scores(np.tile([0, 1], (60, 1)), nearest).idf1 == 1


def test_each_file_is_a_video_and_a_bad_one_can_be_skipped(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("day1", "day2"):
        write_peaks(tmp_path / "peaks" / f"{name}.npz", frame_rate=None)
    (tmp_path / "peaks" / "day3.npz").write_text("damaged")
    folder = tmp_path / "peaks"
    with pytest.raises(InputError, match=r"day3\.npz.*--skip-bad-files leaves it out"):
        assemble(config_of(folder, peaks=folder))
    files = assemble(config_of(folder, peaks=folder, skip_bad_files=True, frame_rate=50.0))
    assert [file.stem for file in files] == ["day1", "day2"]
    assert {recording.frame_rate for recording in read_recordings(files, notify=lambda _: None)} == {50}
    assert "skipped: " in capsys.readouterr().out
    with pytest.raises(InputError, match="not empty"):
        assemble(config_of(folder))


def test_a_missing_frame_rate_is_said_and_stays_assumed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_peaks(tmp_path / "day1.npz", frame_rate=None)
    assemble(config_of(tmp_path))
    assert "assuming 30 Hz" in capsys.readouterr().out
    assert read_recordings(tmp_path / "out", notify=lambda _: None)[0].frame_rate_is_assumed


def test_more_animals_than_stated_are_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_peaks(tmp_path / "day1.npz", frames=10, animals=3)
    assemble(config_of(tmp_path, individuals=2))
    assert "10 instances left out, in frames with more than 2" in capsys.readouterr().out
    assert len(read_recordings(tmp_path / "out", notify=lambda _: None)[0].individuals) == 2


def test_the_threshold_decides_which_limbs_are_dropped(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_peaks(tmp_path / "day1.npz", frames=10)
    assemble(config_of(tmp_path, threshold=0.5))
    assert "40 candidate limbs dropped below the threshold" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("skeleton", "changed", "message"),
    [
        (
            SKELETON.replace("- [neck, tail]", "- [neck, tail]\n  - [tail, nose]"),
            {},
            r"skeleton\.yaml: .*without cycles",
        ),
        ("edges:\n  - [nose, neck]\n", {}, r"day1\.npz: expected the keypoints of the skeleton"),
        ("edges:\n  - [nose, neck]\n  - [nose, tail]\n", {}, "found one from 'neck' to 'tail': add this edge"),
        (SKELETON, {"x": np.full(360, np.nan)}, "found none among 0 peaks"),
        (SKELETON, {"affinity": np.full(480, -1.0)}, r"480 limbs dropped\): lower --threshold"),
        (SKELETON, {"keypoints": np.array(["nose", "neck", "tail"], object)}, "Python objects, which could run code"),
    ],
)
def test_bad_input_is_refused_and_leaves_no_output(
    skeleton: str, changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_peaks(tmp_path / "day1.npz", **changed)
    (tmp_path / "skeleton.yaml").write_text(skeleton)
    with pytest.raises(InputError, match=message):
        assemble(config_of(tmp_path))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("changed", [{"individuals": 0}, {"individuals": 51}, {"threshold": -0.1}, {"frame_rate": 0.0}])
def test_impossible_settings_are_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected"):
        config_of(tmp_path, **changed)
