"""The command ``check``: the tables and pictures that it writes."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ssl_behavior.check import CheckConfig, check, report
from ssl_behavior.cli.settings import parse
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.checkpoints import load_preparation, load_vitals, save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.quality.suspicions import QualityInput, print_warnings
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.simulation.simulator import simulate_recordings


@pytest.fixture
def config(tmp_path: Path) -> CheckConfig:
    """Five recordings: the image of video001 is mirrored, and the labels of video002 come three seconds late."""
    recordings = simulate_recordings(5, seed=0, frames=3600)
    recordings[1] = replace(recordings[1], positions=recordings[1].positions * np.float32([-1, 1]), content_hash=None)
    labels = recordings[2].labels[CHANNEL]
    late = Labels(labels.behaviours, np.roll(labels.values, 90), labels.pair)
    recordings[2] = recordings[2].with_labels({CHANNEL: late})
    native.write(tmp_path / "tracks", recordings)
    return CheckConfig(recordings=(tmp_path / "tracks",), output=tmp_path / "checks")


def test_suspicions_are_in_the_tables_and_pictures(config: CheckConfig) -> None:
    suspicions = check(config)
    # The simulator exchanges identities now and then, as trackers do.
    kinds = {(suspicion.video, suspicion.kind) for suspicion in suspicions if suspicion.kind != "exchanged"}
    assert kinds == {("video001", "mirrored"), ("video002", "shifted labels")}
    table = pd.read_csv(config.output / "suspicions.csv", keep_default_na=False)
    assert [(suspicion.video, suspicion.kind, suspicion.evidence) for suspicion in suspicions] == [
        *table[["video", "kind", "evidence"]].itertuples(index=False, name=None)
    ]
    pictures = {path.stem for path in (config.output / "pictures").iterdir()}
    assert pictures == {suspicion.video for suspicion in suspicions}
    measured = pd.read_csv(config.output / "vitals.csv").set_index("video")
    assert len(measured) == 5
    assert measured.loc["video001", "left"] < 0.1 < 0.9 < measured.loc["video000", "left"]
    text = report(suspicions)
    assert "mirrored: 1 recording" in text
    assert re.search(r"  video002: .* shifted (2\.[5-9]|3\.[0-4]) s earlier", text)


def test_results_are_not_overwritten_unless_asked(config: CheckConfig) -> None:
    check(config)
    with pytest.raises(InputError, match="not empty"):
        check(config)
    (config.output / "pictures" / "of_an_earlier_run.png").touch()
    check(replace(config, overwrite=True))
    assert not (config.output / "pictures" / "of_an_earlier_run.png").exists()


def test_a_recording_unlike_those_of_pretraining_is_named_by_check_and_in_warnings(
    config: CheckConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = simulate_recordings(4, seed=0, frames=2400)
    native.write(tmp_path / "ours", ours)
    stretched = ours[1].positions.copy()
    tail = ours[1].skeleton.keypoints.index("tail_base")
    centre = stretched.mean(2)
    others = [index for index in range(stretched.shape[2]) if index not in (tail, 0)]
    stretched[:, :, others] += 1.2 * (stretched[:, :, others] - centre[:, :, None])
    alien = replace(ours[1], id="alien", positions=stretched, content_hash=None)
    native.write(tmp_path / "given", [replace(ours[0], id="mouse"), alien])
    small = ("--batch", "2", "--clip-seconds", "2", "--architecture.channels", "8", "--architecture.blocks", "1")
    words = ["--recordings", str(tmp_path / "ours"), "--output", str(tmp_path / "encoder"), "--steps", "2", *small]
    pretrain(parse(PretrainConfig, [*words, "--device", "cpu"]))
    of_encoder = replace(config, recordings=(tmp_path / "given",), encoder=tmp_path / "encoder")
    strange = [suspicion for suspicion in check(of_encoder) if suspicion.kind == "strange to the encoder"]
    assert [suspicion.video for suspicion in strange] == ["alien"]
    assert "body lengths from the centre" in strange[0].evidence
    assert "same species" in strange[0].evidence
    without = check(replace(of_encoder, encoder=None, output=tmp_path / "without"))
    assert "strange to the encoder" not in {suspicion.kind for suspicion in without}
    capsys.readouterr()
    landmarks, settings = load_preparation(tmp_path / "encoder")
    recordings = (replace(ours[0], id="mouse"), alien)
    inputs = [QualityInput(prepare(recording, landmarks, settings), recording, None) for recording in recordings]
    print_warnings(inputs, tmp_path / "encoder", landmarks, load_vitals(tmp_path / "encoder"))
    line, hint = capsys.readouterr().out.splitlines()
    assert re.match(r"suspicious \(.*strange to the encoder\): alien: ", line)
    assert hint == f"ssl-behavior check --encoder {tmp_path / 'encoder'} shows why, with pictures"


def test_many_suspicious_recordings_get_a_line_for_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    recordings = simulate_recordings(4, seed=0, frames=900)
    copies = [
        replace(one, positions=np.repeat(one.positions[:, :1], 2, axis=1), confidence=None, content_hash=None)
        for one in recordings
    ]
    landmarks = shared_landmarks([SKELETON])
    inputs = [QualityInput(prepare(one, landmarks, Preparation()), one, None) for one in copies]
    print_warnings(inputs, Path("encoder"), landmarks, None)
    assert capsys.readouterr().out.splitlines() == [
        "suspicious (same track): video000, video001, video002, video003",
        "ssl-behavior check shows why, with pictures",
    ]
    print_warnings(inputs[:1], Path("encoder"), landmarks, None)
    assert "suspicious (same track): video000: resident and intruder are in one place" in capsys.readouterr().out


def test_an_encoder_of_version_0_1_says_what_is_not_compared(
    config: CheckConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = tmp_path / "encoder"
    recording = prepare(simulate_recordings(1, seed=1, frames=900)[0], shared_landmarks([SKELETON]), Preparation())
    save_encoder(encoder, Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 1)), [recording])
    plain = yaml.safe_load((encoder / "config.yaml").read_text())
    for name in ("individuals", "frame_rates", "pace"):
        del plain["usual"][name]
    (encoder / "config.yaml").write_text(yaml.safe_dump(plain))
    check(replace(config, encoder=encoder))
    words = (
        f"not compared with the recordings that {encoder} was pretrained on: number of individuals, frame rate, pace"
    )
    assert words in capsys.readouterr().out


def test_an_encoder_without_measurements_is_refused(config: CheckConfig, tmp_path: Path) -> None:
    save_encoder(tmp_path / "encoder", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 1)))
    assert load_vitals(tmp_path / "encoder") is None
    with pytest.raises(InputError, match="pretrain again"):
        check(replace(config, encoder=tmp_path / "encoder"))
