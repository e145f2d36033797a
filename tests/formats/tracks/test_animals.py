"""Animals of recordings: by prefixes and suffixes, chosen by name, and left out where they are never seen."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.cli.settings import parse
from ssl_behavior.convert import ConvertConfig, convert
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import calms21, native
from ssl_behavior.formats.tracks.animals import with_animals
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

BODY = ("nose", "left_ear", "right_ear", "centre", "tail_base")


def table(path: Path, names, values=None, individuals=None) -> Path:
    """A table of DeepLabCut, in which keypoint number k of frame f is at (100 + k, f + 1) by default."""
    frames = 4
    if values is None:
        values = [[(100 + number, frame + 1) for number in range(len(names))] for frame in range(frames)]
    rows = [["scorer", *["net"] * 3 * len(names)]]
    if individuals:
        rows.append(["individuals", *(name for name in individuals for _ in "xyp")])
    rows.append(["bodyparts", *(name for name in names for _ in "xyp")])
    rows.append(["coords", *["x", "y", "likelihood"] * len(names)])
    for frame, points in enumerate(values):
        rows.append([frame, *(number for x, y in points for number in (x, y, "" if x == "" else 0.9))])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def listed(path: Path, **individuals: bool) -> Path:
    """A table that lists individuals, each seen or not."""
    names, owners, row = [], [], []
    for number, (name, is_seen) in enumerate(individuals.items()):
        for k, part in enumerate(BODY):
            names.append(part)
            owners.append(name)
            row.append((10 * number + k + 1, 50 + k) if is_seen else ("", ""))
    return table(path, names, [row] * 4, owners)


def read(path, **options):
    notices: list[str] = []
    recordings = read_recordings(path, frame_rate=30, notify=notices.append, **options)
    return recordings, notices


def test_suffixes_of_simba_are_animals_with_their_own_points(tmp_path):
    names = [f"{part}_{number}" for number in (1, 2) for part in BODY]
    (recording,), (notice,) = read(table(tmp_path / "m.csv", names))
    assert recording.individuals == ("individual1", "individual2")
    assert recording.skeleton.keypoints == BODY
    assert recording.positions[2, :, :, 0].tolist() == [[100, 101, 102, 103, 104], [105, 106, 107, 108, 109]]
    assert recording.confidence.shape == (4, 2, 5)
    assert "2 animals, told apart by the suffix 1, 2" in notice


@pytest.mark.parametrize("order", ["individual by individual", "keypoint by keypoint", "backwards"])
def test_prefixes_a_list_and_suffixes_of_the_same_animals_give_the_same_points(tmp_path, order):
    pairs = [(animal, part) for animal in ("mouse1", "mouse2") for part in BODY]
    truth = {pair: (200 + number, 300 - number) for number, pair in enumerate(pairs)}
    if order == "keypoint by keypoint":
        pairs = [(animal, part) for part in BODY for animal in ("mouse1", "mouse2")]
    elif order == "backwards":
        pairs = pairs[::-1]
    values = [[truth[pair] for pair in pairs]] * 3
    files = [
        table(tmp_path / "prefix.csv", [f"{animal}_{part}" for animal, part in pairs], values),
        table(tmp_path / "suffix.csv", [f"{part}_{animal}" for animal, part in pairs], values),
        table(tmp_path / "list.csv", [part for _, part in pairs], values, [animal for animal, _ in pairs]),
    ]
    for file in files:
        (recording,), _ = read(file)
        for (animal, part), point in truth.items():
            i, k = recording.individuals.index(animal), recording.skeleton.keypoints.index(part)
            assert recording.positions[1, i, k].tolist() == list(point), file


def test_two_cameras_are_one_animal_and_the_notice_says_how_to_read_one_view(tmp_path):
    names = [f"{camera}_{part}" for camera in ("cam1", "cam2") for part in BODY]
    path = table(tmp_path / "m.csv", names)
    (recording,), (notice,) = read(path)
    assert recording.individuals == ("individual1",)
    assert recording.skeleton.keypoints == tuple(names)
    assert "--individuals-from prefix" in notice
    assert "--individuals cam1" in notice
    (one,), _ = read(path, individuals_from="prefix", individuals="cam1")
    assert one.individuals == ("cam1",)
    assert one.skeleton.keypoints == BODY
    assert one.positions[0, 0, :, 0].tolist() == [100, 101, 102, 103, 104]


def test_a_second_animal_with_few_keypoints_is_split_or_noticed_and_the_notice_works(tmp_path):
    (recording,), (notice,) = read(table(tmp_path / "a.csv", [*BODY, *(f"demo_{part}" for part in BODY[:3])]))
    assert recording.individuals == ("individual1", "demo")
    assert recording.positions[0, 1, :3, 0].tolist() == [105, 106, 107]
    assert np.isnan(recording.positions[:, 1, 3:]).all()
    assert "demo has no centre, tail_base" in notice
    path = table(tmp_path / "b.csv", [*BODY, "stim_nose", "stim_tail"])
    (recording,), (notice,) = read(path)
    assert recording.individuals == ("individual1",)
    assert "--individuals-from prefix reads 2 animals" in notice
    (recording,), _ = read(path, individuals_from="prefix")
    assert recording.individuals == ("individual1", "stim")
    assert recording.positions[0, 1, 0].tolist() == [105, 1]
    assert read(path, individuals_from="none")[1] == []


def test_six_legs_are_one_animal_without_a_word(tmp_path):
    names = [f"{leg}_{part}" for leg in ("L1", "L2", "L3", "R1", "R2", "R3") for part in ("coxa", "femur", "tibia")]
    (recording,), notices = read(table(tmp_path / "m.csv", names))
    assert recording.individuals == ("individual1",)
    assert len(recording.skeleton.keypoints) == 18
    assert notices == []


def test_a_person_overrules_what_names_suggest(tmp_path):
    path = table(tmp_path / "m.csv", [f"{part}_{number}" for number in (1, 2) for part in BODY])
    for source in ("header", "none"):
        (recording,), notices = read(path, individuals_from=source)
        assert recording.individuals == ("individual1",)
        assert len(recording.skeleton.keypoints) == 10
        assert notices == []
    with pytest.raises(InputError, match=r"individuals_from: expected one of auto, header, .*; found .scorer."):
        read(path, individuals_from="scorer")


def test_individuals_of_a_list_become_one_animal_if_a_person_says_so(tmp_path):
    (recording,), (notice,) = read(listed(tmp_path / "m.csv", top=True, side=True), individuals_from="none")
    assert recording.individuals == ("individual1",)
    assert recording.skeleton.keypoints == tuple(f"{view}_{part}" for view in ("top", "side") for part in BODY)
    assert recording.positions[0, 0, :, 0].tolist() == [1, 2, 3, 4, 5, 11, 12, 13, 14, 15]
    assert "top, side" in notice


def test_the_advice_of_a_wrong_prefix_works(tmp_path):
    path = table(tmp_path / "m.csv", ["snout", "hip", "tail"])
    with pytest.raises(InputError, match=r"m\.csv: --individuals-from prefix: .*found snout, hip, tail: use .* auto"):
        read(path, individuals_from="prefix")
    assert len(read(path, individuals_from="auto")[0]) == 1
    path = listed(tmp_path / "n.csv", a=True, b=True)
    with pytest.raises(InputError, match=r"n\.csv: .*found a, b: use --individuals-from header"):
        read(path, individuals_from="suffix")
    assert read(path, individuals_from="header")[0][0].individuals == ("a", "b")


def test_an_animal_may_lack_a_keypoint_if_a_person_names_the_prefixes(tmp_path):
    names = [f"{animal}_{part}" for animal in "BW" for part in BODY][:-1]
    (recording,), _ = read(table(tmp_path / "m.csv", names), individuals_from="prefix")
    assert np.isnan(recording.positions[:, 1, -1]).all()
    assert (recording.confidence[:, 1, -1] == 0).all()
    assert recording.positions[0, 0, -1].tolist() == [104, 1]


def test_edges_and_other_keypoints_follow_the_animals():
    names = (*(f"{animal}_{part}" for animal in "BW" for part in BODY), "corner_1", "corner_2")
    edges = (("B_nose", "B_centre"), ("W_nose", "W_centre"), ("B_nose", "W_nose"), ("B_nose", "corner_1"))
    positions = np.arange(5 * 12 * 2, dtype=np.float32).reshape(5, 1, 12, 2)
    recording = Recording("m", positions, ("individual1",), Skeleton(names, edges), 30.0)
    animals = with_animals(recording, "auto")
    assert animals.skeleton.edges == (("nose", "centre"),)
    assert animals.metadata["single_keypoints"] == ["corner_1", "corner_2"]
    np.testing.assert_array_equal(animals.series["single"], positions[:, 0, 10:])
    assert animals.fingerprint() != recording.fingerprint()


def test_what_a_converted_file_lists_is_not_split_again(tmp_path):
    path = table(tmp_path / "m.csv", [f"{part}_{number}" for number in (1, 2) for part in BODY])
    for source, individuals in (("none", 1), ("auto", 2)):
        convert(ConvertConfig(recordings=(path,), output=tmp_path / source, individuals_from=source))
        (recording,), notices = read(tmp_path / source)
        assert len(recording.individuals) == individuals
        assert notices == []


def test_an_animal_that_is_never_seen_is_left_out_with_a_notice(tmp_path):
    (recording,), (notice,) = read(listed(tmp_path / "m.csv", m1=True, m2=False, m3=True))
    assert recording.individuals == ("m1", "m3")
    assert recording.positions[0, :, 0, 0].tolist() == [1, 21]
    assert recording.confidence.shape == (4, 2, 5)
    assert notice.endswith("m2: never seen, and left out")


def test_an_animal_with_a_confidence_of_zero_is_never_seen():
    from ssl_behavior.recordings.individuals import without_unseen

    confidence = np.ones((9, 2, 5), np.float32)
    confidence[:, 1] = 0
    recording = Recording("m", np.ones((9, 2, 5, 2)), ("a", "b"), Skeleton(BODY), 30.0, confidence)
    assert without_unseen(recording)[1] == ("b",)
    confidence = confidence.copy()
    confidence[8, 1, 4] = 0.01
    assert without_unseen(replace(recording, confidence=confidence))[1] == ()


def test_an_animal_that_only_other_recordings_show_is_left_out_and_said(tmp_path):
    listed(tmp_path / "1.csv", m1=True, m2=True)
    listed(tmp_path / "2.csv", m1=True, m2=False)
    recordings, (notice,) = read(tmp_path)
    assert [recording.individuals for recording in recordings] == [("m1", "m2"), ("m1",)]
    assert "2.csv: m2: never seen" in notice
    assert "seen in other recordings" in notice
    assert "lone animal" in notice


def test_a_recording_in_which_nothing_is_seen_is_refused_and_may_be_skipped(tmp_path):
    listed(tmp_path / "1.csv", m1=True)
    lost = listed(tmp_path / "2.csv", m1=False, m2=False)
    for refused in (lambda: read(lost), lambda: convert(ConvertConfig(recordings=(lost,), output=tmp_path / "out"))):
        with pytest.raises(InputError, match=r"2\.csv \(2\): expected a keypoint that is seen"):
            refused()
    assert not (tmp_path / "out").exists()
    recordings, notices = read(tmp_path, skip_bad_files=True)
    assert [recording.id for recording in recordings] == ["1"]
    assert any("skipped" in notice and "2.csv" in notice for notice in notices)


def test_a_bad_sequence_does_not_sink_the_others_of_its_file(tmp_path):
    keypoints = np.random.default_rng(0).uniform(1, 9, (20, 2, 2, 7)).astype(np.float32)
    sequences = {"good": {"keypoints": keypoints}, "unseen": {"keypoints": np.zeros_like(keypoints)}}
    sequences["wrong"] = {"keypoints": keypoints[:, :, :, :5]}
    np.save(tmp_path / "a.npy", {"sequences": sequences}, allow_pickle=True)
    (recording,), notices = read(tmp_path / "a.npy")
    assert recording.id == "good"
    assert any("nothing is seen in unseen" in notice for notice in notices)
    assert any("'wrong'" in notice and "expected shape" in notice for notice in notices)


def test_individuals_are_chosen_by_name_and_in_order(tmp_path):
    path = listed(tmp_path / "m.csv", m1=True, m2=True, m3=True)
    (recording,), notices = read(path, individuals=("m3", "m1"))
    assert recording.individuals == ("m3", "m1")
    assert recording.positions[0, :, 0, 0].tolist() == [21, 1]
    assert notices == []
    with pytest.raises(InputError, match=r"--individuals m4: .*found m1, m2, m3: correct the names"):
        read(path, individuals=("m1", "m4"))
    with pytest.raises(InputError, match=r"m\.csv .*--individuals m4: .*m1, m2, m3"):
        read(path, individuals="m4")


def test_a_chosen_animal_that_one_recording_lacks_is_taken_from_the_others(tmp_path):
    listed(tmp_path / "1.csv", m1=True, m2=True)
    listed(tmp_path / "2.csv", m1=True)
    recordings, _ = read(tmp_path, individuals=("m2", "m1"))
    assert [recording.individuals for recording in recordings] == [("m2", "m1"), ("m1",)]
    with pytest.raises(InputError, match=r"2\.csv .*--individuals m2"):
        read(tmp_path, individuals="m2")
    recordings, _ = read(tmp_path, individuals="m2", skip_bad_files=True)
    assert [recording.individuals for recording in recordings] == [("m2",)]


def test_labels_of_a_pair_are_left_out_with_one_of_its_animals(tmp_path):
    positions = np.random.default_rng(0).uniform(1, 9, (20, 2, 7, 2)).astype(np.float32)
    labels = {"behaviour": Labels(("attack", "other"), np.zeros(20, np.int16), calms21.INDIVIDUALS)}
    labels["group"] = Labels(("rest", "other"), np.zeros(20, np.int16))
    recording = Recording("m", positions, calms21.INDIVIDUALS, calms21.SKELETON, 30.0, labels=labels)
    native.write(tmp_path, [recording])
    (chosen,), notices = read(tmp_path, individuals="resident")
    assert list(chosen.labels) == ["group"]
    assert any("labels of behaviour are left out" in notice for notice in notices)


def test_the_command_to_run_next_reads_the_same_animals(tmp_path):
    path = table(tmp_path / "m.csv", [f"{camera}_{part}" for camera in ("cam1", "cam2") for part in BODY])
    config = TracksConfig(
        recordings=(path,), individuals_from="prefix", individuals=("cam1",), frame_rate=25, mixed_skeletons=True
    )
    words = f"--recordings {path}{config.reading_options}"
    assert words.endswith(" --frame-rate 25 --individuals-from prefix --individuals cam1 --mixed-skeletons")
    assert parse(TracksConfig, words.split()) == config
    assert TracksConfig(recordings=(path,)).reading_options == ""


def test_commands_take_the_options(tmp_path, capsys):
    listed(tmp_path / "m.csv", m1=True, m2=True, m3=True)
    config = TracksConfig(recordings=(tmp_path,), individuals=("m1", "m2"), individuals_from="header")
    (recording,) = config.read()
    assert recording.individuals == ("m1", "m2")
    assert "2 individuals, which make 2 ordered pairs" in capsys.readouterr().out
