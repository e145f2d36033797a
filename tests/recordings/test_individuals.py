"""The number of individuals and pairs in words, and the warning that fragments of tracks get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.recordings.individuals import describe_individuals
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings


def recordings_of(sizes: Sequence[int]) -> list[Recording]:
    """One recording for each number of individuals."""
    (template,) = simulate_recordings(1, 0, (20, 30))
    positions = template.positions[:, :1]
    return [
        replace(
            template,
            id=f"r{number}",
            positions=np.repeat(positions, size, 1),
            confidence=None,
            individuals=tuple(f"track{i}" for i in range(size)),
            labels={},
        )
        for number, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ([], None),
        ([1], "1 individual"),
        ([2], "2 individuals, which make 2 ordered pairs of an agent and its target"),
        ([2, 2], "2 individuals in each of 2 recordings, which make 2 ordered pairs of an agent and its target"),
        (
            [1, 3, 2],
            "1 to 3 individuals in each of 3 recordings, which make 1 to 6 ordered pairs of an agent and its target",
        ),
    ],
)
def test_individuals_and_pairs_are_counted(sizes: Sequence[int], line: str | None) -> None:
    assert list(describe_individuals(recordings_of(sizes))) == ([line] if line else [])


def test_reading_fragments_of_tracks_prints_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    native.write(tmp_path, recordings_of([27]))
    TracksConfig(recordings=(tmp_path,)).read()
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first == "27 individuals, which make 702 ordered pairs of an agent and its target"
    assert second.startswith("warning: r0: 27 individuals make 702 ordered pairs")
    assert "join them" in second


def test_the_error_of_one_bad_file_among_several_names_the_option_that_leaves_it_out(tmp_path: Path) -> None:
    native.write(tmp_path, recordings_of([2, 2]))
    (tmp_path / "bad.csv").write_text("no,tracks\n")
    with pytest.raises(InputError, match=r"bad\.csv.*--skip-bad-files"):
        TracksConfig(recordings=(tmp_path,)).read()
    assert len(TracksConfig(recordings=(tmp_path,), skip_bad_files=True).read()) == 2
    with pytest.raises(InputError) as alone:
        TracksConfig(recordings=(tmp_path / "bad.csv",)).read()
    assert "--skip-bad-files" not in str(alone.value)
