"""Commands that are killed, interrupted or out of room lose nothing, and go on to the same result."""

import random
from pathlib import Path

import pytest

from tests.fuzz import kills
from tests.fuzz.forks import Forks
from tests.fuzz.kills import KINDS, Disturbed


@pytest.fixture(scope="module")
def made(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kills.make_inputs(forks, tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def disturbed(
    forks: Forks, made: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Disturbed:
    if request.param == "cluster":
        forks.compile()
    return Disturbed(forks, made, request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("disturbed", ["pretrain", "finetune", "embed", "predict", "cluster"], indirect=True)
def test_what_is_stopped_at_any_moment_goes_on_to_the_same_result(disturbed: Disturbed) -> None:
    rng = random.Random(disturbed.name)
    for at in rng.sample(range(1, disturbed.usual.changes + 1), 6):
        disturbed.stop("killed at a change", rng, at)
    for kind in KINDS[1:]:
        disturbed.stop(kind, rng)
    assert disturbed.runs == 1 + 6 + len(KINDS[1:])


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("disturbed", ["embed"], indirect=True)
def test_a_loss_is_seen(disturbed: Disturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other test would prove nothing if it took damage for none."""
    words = [*disturbed.words, "--half"]
    monkeypatch.setattr(disturbed, "words", words)
    with pytest.raises(AssertionError, match=r"is not whole|differ"):
        disturbed.stop("SIGTERM", random.Random(0))
