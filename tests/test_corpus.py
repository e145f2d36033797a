"""Files that once broke a reader, and properties that hold for any file: a result, or one clear error."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssl_behavior.cli.settings import parse
from ssl_behavior.formats.annotations import bento, boris, bout_csv, caltech, frame_csv, one_hot
from ssl_behavior.formats.tracks import calms21, mabe22, native
from ssl_behavior.formats.tracks.calms21 import submissions
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.jobs.grid import read_grid
from ssl_behavior.predictions import table_reading, tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.pretrain import PretrainConfig
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.recordings.videos import Videos
from tests.fuzz import targets, words
from tests.fuzz.bytes import TEXT
from tests.fuzz.sandbox import outcome_of

CORPUS = Path(__file__).with_name("corpus")
EXPECTED = json.loads((CORPUS / "expected.json").read_text())
READERS = {
    "tracks": targets.tracks,
    "annotations": targets.annotations,
    "submissions": submissions.read_submission,
    "embeddings": mabe22.read_submission,
    "places": mabe22.read_frame_number_map,
    "splits": mabe22.read_split,
    "settings": lambda path: parse(PretrainConfig, ["--config", str(path)]),
    "sweeps": lambda path: read_grid(path, ("pretrain", "finetune")),
    "predictions": targets.prediction,
}
FEW = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_every_file_of_the_corpus_has_an_expected_outcome():
    existing = {str(path.relative_to(CORPUS)) for path in CORPUS.rglob("*") if path.is_file()} - {"expected.json"}
    assert existing == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_the_corpus_has_its_expected_outcome(name, tmp_path):
    copy = tmp_path / Path(name).name  # by itself, as a folder of predictions is read as a whole
    copy.write_bytes((CORPUS / name).read_bytes())
    outcome = outcome_of(READERS[name.partition("/")[0]], copy)
    assert outcome.kind == ("result" if EXPECTED[name] is None else "refused"), outcome.message
    assert (EXPECTED[name] or "") in outcome.message


def with_gaps(frames: int, individuals: int, seed: int) -> np.ndarray:
    """Positions of three keypoints, a fifth of them unseen; every individual is seen at the start."""
    rng = np.random.default_rng(seed)
    positions = rng.uniform(1, 900, (frames, individuals, 3, 2)).astype(np.float32)
    unseen = rng.random((frames, individuals, 3)) < 0.2
    unseen[0, :, 0] = False
    positions[unseen] = np.nan
    return positions


TRACKS = st.builds(
    lambda frames, individuals, seed: Recording(
        f"v{seed}",
        with_gaps(frames, individuals, seed),
        tuple(f"m{i}" for i in range(individuals)),
        Skeleton(("a", "b", "ß c")),
        frame_rate=25.0,
    ),
    st.integers(1, 30),
    st.integers(1, 3),
    st.integers(0, 99),
)


@FEW
@given(TRACKS)
def test_recordings_survive_writing_and_reading_to_the_bit(tmp_path, recording):
    native.write(tmp_path / "a.safetensors", [recording])
    (read,) = read_recordings(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(read.positions, recording.positions)
    assert (read.id, read.individuals, read.skeleton, read.frame_rate) == (
        recording.id,
        recording.individuals,
        recording.skeleton,
        recording.frame_rate,
    )


@FEW
@given(st.integers(1, 30), st.integers(0, 99), st.sampled_from([".npy", ".json"]))
def test_calms21_files_survive_writing_and_reading(tmp_path, frames, seed, ending):
    values = np.random.default_rng(seed).uniform(1, 900, (frames, 2, 7, 2)).astype(np.float32)
    recording = Recording("v", values, calms21.INDIVIDUALS, calms21.SKELETON, calms21.FRAME_RATE)
    (read,) = read_recordings(calms21.write(tmp_path / f"a{ending}", [recording]))
    np.testing.assert_allclose(read.positions, values, rtol=1e-6)


BOUTS = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 9), st.sampled_from(["run", "sit up", "ätzen"])), min_size=1
)


def bouts_of(steps: list[tuple[int, int, str]]) -> tuple[Bout, ...]:
    """Bouts with these lengths, gaps before them, and names."""
    bouts, at = [], 0
    for length, gap, name in steps:
        bouts.append(Bout(at + gap, at + gap + length, name))
        at += gap + length
    return tuple(bouts)


@FEW
@given(BOUTS)
@pytest.mark.parametrize(
    ("module", "name", "channel"),
    [
        (caltech, "v_annot.txt", "S1"),
        (bento, "v.annot", "S1"),
        (boris, "v.boris", "S1"),
        (frame_csv, "v.csv", "label"),
        (bout_csv, "v.csv", "S1"),
        (one_hot, "v.csv", "label"),
    ],
)
def test_annotations_survive_writing_and_reading(tmp_path, module, name, channel, steps):
    bouts = bouts_of(steps)
    frames = bouts[-1].stop
    whole = Annotations("v", {channel: bouts}, frames=frames)
    module.write(tmp_path / name, whole, 30.0)
    (read,) = module.read(tmp_path / name, Videos(frame_rate=30.0))
    behaviours = tuple(sorted({bout.behaviour for bout in bouts} | {"other"}))
    expected = Annotations("v", {channel: bouts}, read.background, frames=frames).labels(channel, behaviours, frames)
    np.testing.assert_array_equal(read.labels(channel, behaviours, frames).values, expected.values)


@FEW
@given(st.integers(1, 30), st.integers(0, 99))
def test_predictions_survive_writing_and_reading(tmp_path, frames, seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), frames)
    labels = probabilities.argmax(1)
    prediction = Prediction("v", ("a", "label", "x, y"), probabilities, labels, 30.0, rng.integers(0, 3, frames))
    path, _ = tables.write(tmp_path, prediction)
    (read,) = table_reading.read(path)
    np.testing.assert_allclose(read.probabilities, probabilities, atol=1e-6)
    np.testing.assert_array_equal(read.labels, labels)


WRITERS = {
    "v_annot.txt": caltech.write,
    "v.annot": bento.write,
    "v.boris": boris.write,
    "v.csv": lambda path, whole: frame_csv.write(path, Annotations("v", {"label": whole.channels["S1"]}, frames=9)),
}


@FEW
@given(st.sampled_from(sorted(WRITERS)), st.randoms(use_true_random=False))
def test_a_changed_text_file_is_read_or_refused_with_one_sentence(tmp_path, name, random):
    path = tmp_path / name
    WRITERS[name](path, Annotations("v", {"S1": (Bout(0, 3, "a"), Bout(5, 9, "b"))}, frames=9))
    path.write_bytes(random.choice(TEXT)(path.read_bytes(), Random(random.getrandbits(32))))
    outcome = outcome_of(targets.annotations, path)
    assert not outcome.is_fault, outcome.message


@pytest.fixture(scope="module")
def classes():
    return words.settings_classes()


@settings(FEW, max_examples=15)
@given(st.randoms(use_true_random=False))
def test_random_words_on_a_command_line_are_settings_or_refused_with_one_sentence(classes, random):
    command = random.choice(sorted(classes))
    line = words.line(classes[command], Random(random.getrandbits(32)))
    outcome = outcome_of(words.reader(classes[command], line), Path())
    assert not outcome.is_fault, (line, outcome.message)
