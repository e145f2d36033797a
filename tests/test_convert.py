"""``convert`` as a command: a recording goes from format to format and comes back as it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ssl_behavior.convert import ConvertConfig, convert
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.simulation.simulator import simulate_recordings


def test_a_recording_comes_back_from_every_format(command: Callable, tmp_path: Path) -> None:
    recordings = simulate_recordings(2, seed=3, frames=90)
    native.write(tmp_path / "native", recordings)
    source = tmp_path / "native"
    for name in ("slp", "sleap-analysis", "deeplabcut"):  # each from the one before
        folder = tmp_path / name
        done = command("convert", "--recordings", source, "--output", folder, "--output-format", name)
        assert "wrote 2 recordings, 180 frames" in done.out
        assert f"--recordings {folder}" in done.out
        assert ("labels" in done.out) == (name == "slp")  # later formats have none to lose
        source = folder
    back = read_recordings(source, notify=lambda _: None)
    assert [one.id for one in back] == [one.id for one in recordings]
    for one, recording in zip(back, recordings, strict=True):
        assert (one.individuals, one.skeleton.keypoints) == (recording.individuals, recording.skeleton.keypoints)
        np.testing.assert_array_equal(one.positions, recording.positions)


def test_the_default_keeps_everything(tmp_path: Path) -> None:
    recordings = simulate_recordings(1, seed=3, frames=60)
    native.write(tmp_path / "native", recordings)
    (file,) = convert(ConvertConfig(recordings=(tmp_path / "native",), output=tmp_path / "out"))
    (back,) = read_recordings(file, notify=lambda _: None)
    assert back.frame_rate == recordings[0].frame_rate
    assert set(back.labels) == set(recordings[0].labels)
