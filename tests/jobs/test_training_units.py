from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.jobs.training_units import TrainingUnit, plan_training, training_settings, training_unit
from ssl_behavior.pretrain import PretrainConfig
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage.object_store import input_files


def planned(tracks: Path, **settings: object) -> TrainingUnit:
    section = {"recordings": [str(tracks)], "steps": 2, **settings}
    return plan_training(PretrainConfig, section, "sweep.yaml (pretrain)", None, input_files)


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    native.write(tmp_path / "tracks", simulate_recordings(2, seed=1, frames=60))
    return tmp_path / "tracks"


def test_a_training_is_known_by_its_settings_and_the_content_of_its_inputs(tracks: Path, tmp_path: Path) -> None:
    unit = planned(tracks)
    assert unit.folder == f"encoders/{unit.digest}"
    assert training_unit(unit.digest, None).mark == unit.mark
    tracks.rename(tmp_path / "moved")
    assert planned(tmp_path / "moved").digest == unit.digest
    assert planned(tmp_path / "moved", steps=3).digest != unit.digest
    native.write(tmp_path / "moved", simulate_recordings(2, seed=2, frames=60))
    assert planned(tmp_path / "moved").digest != unit.digest


def test_a_worker_reads_the_inputs_that_were_planned(tracks: Path, tmp_path: Path) -> None:
    unit = planned(tracks)
    settings = training_settings(PretrainConfig, unit, tmp_path / "work", "cpu", None)
    assert settings.recordings == tuple(tracks / f"video00{number}.safetensors" for number in range(2))
    assert (settings.steps, settings.output) == (2, tmp_path / "work" / "output")
    with pytest.raises(InputError, match="expected settings; found 'steps'"):
        training_settings(PretrainConfig, training_unit(unit.digest, None, section="steps"), tmp_path, "cpu", None)
    native.write(tracks, simulate_recordings(1, seed=2, frames=60))
    with pytest.raises(InputError, match=r"video000\.safetensors: expected the content .* planned"):
        training_settings(PretrainConfig, unit, tmp_path / "work", "cpu", None)
