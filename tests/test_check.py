"""The command: what it writes, and that it changes nothing of what it reads."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.check import CheckConfig, check, report
from ssl_behavior.errors import InputError
from ssl_behavior.formats import native
from ssl_behavior.recordings import Labels
from ssl_behavior.simulation import CHANNEL, simulate_recordings


@pytest.fixture
def config(tmp_path: Path) -> CheckConfig:
    """Five recordings: of video001 the image is mirrored, of video002 the labels come three seconds late."""
    recordings = simulate_recordings(5, seed=0, frames=3600)
    recordings[1] = replace(recordings[1], positions=recordings[1].positions * np.float32([-1, 1]), stated=None)
    labels = recordings[2].labels[CHANNEL]
    late = Labels(labels.behaviours, np.roll(labels.values, 90), labels.pair)
    recordings[2] = recordings[2].with_labels({CHANNEL: late})
    native.write(tmp_path / "tracks", recordings)
    return CheckConfig(recordings=(tmp_path / "tracks",), output=tmp_path / "checks")


def test_what_is_found_is_told_in_tables_and_pictures(config: CheckConfig) -> None:
    found = check(config)
    kinds = {(one.video, one.kind) for one in found if one.kind != "exchanged"}  # of which the simulator makes some
    assert kinds == {("video001", "mirrored"), ("video002", "shifted labels")}
    table = pd.read_csv(config.output / "suspicions.csv", keep_default_na=False)
    assert [(one.video, one.kind, one.told) for one in found] == [
        *table[["video", "kind", "evidence"]].itertuples(False)
    ]
    pictures = {path.stem for path in (config.output / "pictures").iterdir()}
    assert pictures == {one.video for one in found}
    measured = pd.read_csv(config.output / "vitals.csv").set_index("video")
    assert len(measured) == 5
    assert measured.loc["video001", "left"] < 0.1 < 0.9 < measured.loc["video000", "left"]
    text = report(found)
    assert "mirrored: 1 recording" in text
    assert re.search(r"  video002: labels tell most of .* taken to come (2\.[5-9]|3\.[0-4]) s too late", text)


def test_results_are_not_written_over(config: CheckConfig) -> None:
    check(config)
    with pytest.raises(InputError, match="not empty"):
        check(config)
    (config.output / "pictures" / "of_a_former_run.png").touch()
    check(replace(config, overwrite=True))
    assert not (config.output / "pictures" / "of_a_former_run.png").exists()
