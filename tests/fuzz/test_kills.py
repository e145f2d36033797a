"""Commands that are killed, interrupted or out of disk space lose nothing, and continue to the same result.

The commands here stand for the two ways to continue: ``pretrain`` resumes from its saved state, and ``cluster`` writes
into a folder of finished results. ``make soak`` stops all commands, and many more times.
"""

import random
from pathlib import Path

import pytest

from tests.fuzz.forks import ForkServer
from tests.fuzz.stops import StoppedCommand, make_inputs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kills")]


@pytest.fixture(scope="module")
def inputs(forks: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_inputs(forks, tmp_path_factory.mktemp("inputs"), without=("finetune", "predict"))


@pytest.fixture(scope="module")
def stopped(
    forks: ForkServer, inputs: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> StoppedCommand:
    if request.param == "cluster":
        forks.compile()  # once, and not in each of the runs below
    return StoppedCommand(forks, inputs, request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize(
    ("stopped", "signal_name"), [("pretrain", "SIGINT"), ("cluster", "SIGTERM")], indirect=["stopped"]
)
def test_a_command_that_is_stopped_continues_to_the_same_files(stopped: StoppedCommand, signal_name: str) -> None:
    rng = random.Random(stopped.name)
    for change in rng.sample(range(1, stopped.reference.changes + 1), 2):
        stopped.stop("killed at a change", rng, change)
    stopped.stop(signal_name, rng)
    stopped.stop("full disk", rng)
    assert stopped.runs == 1 + 4


@pytest.mark.parametrize("stopped", ["pretrain"], indirect=True)
def test_a_loss_is_noticed(stopped: StoppedCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other test would prove nothing if this one failed: other settings must count as a loss."""
    monkeypatch.setattr(stopped, "words", [*stopped.words, "--seed", "1"])
    with pytest.raises(AssertionError, match=r"is not complete|differ"):
        stopped.stop("SIGTERM", random.Random(0))
