"""What every test may ask for: real recordings where they lie beside the project, and a quiet, small machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Before anything imports numpy or torch: workers of pytest-xdist share the cores, and no window is ever opened.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest

from tests.fuzz.forks import Ended, Forks

if TYPE_CHECKING:
    from ssl_behavior.pretrain import PretrainConfig
    from ssl_behavior.recordings.recording import Recording

PROJECT = Path(__file__).resolve().parent.parent

# A mouse on paper: name -> (forward, left) of its centre, in body lengths.
BODY = {
    "nose": (0.7, 0.0),
    "left ear": (0.5, 0.1),
    "right ear": (0.5, -0.1),
    "centre": (0.0, 0.0),
    "tail base": (-0.5, 0.0),
}


def pytest_configure(config: pytest.Config) -> None:
    """Ctrl-C interrupts, also where the tests run in a shell's background, which ignores it and hands that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is kept in the user's own cache, nor read from it, by commands that tests run in other processes too."""
    os.environ["SSL_BEHAVIOR_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def forks(own_cache: None) -> Iterator[Forks]:
    """Starts commands as ``python -m`` does, without the seconds that imports take."""
    with Forks() as started:
        yield started


@pytest.fixture(scope="session")
def command(forks: Forks) -> Callable[..., Ended]:
    """``command("pretrain", *words)`` is what a command prints that ends well and warns of nothing."""

    def run(name: str, *words: object) -> Ended:
        strict = "import warnings; warnings.simplefilter('error', UserWarning)"
        done = forks.run([f"ssl_behavior.{name}", *words], PROJECT, strict)
        assert done.code == 0, done.err
        assert "Traceback" not in done.err
        return done

    return run


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """``shared_data("dyads/tracks")`` is the path of real data, or skips the test by name where it is absent.

    Looks in the folder ``SSL_BEHAVIOR_DATA`` names, else in ``../shared/data`` beside the project.
    """
    root = Path(os.environ.get("SSL_BEHAVIOR_DATA") or PROJECT.parent / "shared" / "data")

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"real data {name} is not in {root}")
        return path

    return find


@pytest.fixture(scope="session")
def walk() -> Callable[..., Recording]:
    """``walk(centres, angles)`` is a recording of stiff mice of body length 1 that are where they are told to be."""
    from ssl_behavior.recordings.recording import Recording
    from ssl_behavior.recordings.skeleton import Skeleton

    def make(
        centres: np.ndarray,
        angles: np.ndarray | float = 0.0,
        keypoints: Sequence[str] = tuple(BODY),
        frame_rate: float = 30.0,
        id: str = "walk",
        confidence: np.ndarray | None = None,
    ) -> Recording:
        """``centres`` (time, individual, 2) and headings in radians (time, individual)."""
        angles = np.broadcast_to(np.asarray(angles, float), centres.shape[:2])
        heading = np.stack([np.cos(angles), np.sin(angles)], -1)
        left = np.stack([-heading[..., 1], heading[..., 0]], -1)
        points = [centres + BODY[name][0] * heading + BODY[name][1] * left for name in keypoints]
        names = tuple(f"mouse{i}" for i in range(centres.shape[1]))
        positions = np.stack(points, 2).astype(np.float32)
        return Recording(id, positions, names, Skeleton(tuple(keypoints)), frame_rate, confidence, unit="body lengths")

    return make


@pytest.fixture(scope="session")
def wander(walk: Callable[..., Recording]) -> Callable[..., Recording]:
    """``wander(seed)`` is a recording of stiff mice that roam smoothly, with gaps in the tracks."""
    from dataclasses import replace

    def make(seed: int = 0, frames: int = 120, individuals: int = 2, gaps: float = 0.1, id: str = "") -> Recording:
        rng = np.random.default_rng(seed)
        at = np.linspace(0, 1, frames)[:, None, None]
        phase, pace = rng.uniform(0, 6, (2, individuals, 2))
        turn = np.cumsum(rng.normal(0, 0.05, (frames, individuals)), 0) + rng.uniform(0, 6, individuals)
        whole = walk(np.sin(at * pace + phase) * 3, turn, id=id or f"wander{seed}")
        positions = whole.positions.copy()
        positions[rng.random(positions.shape[:3]) < gaps] = np.nan
        return replace(whole, positions=positions)

    return make


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[PretrainConfig], None]:
    """``interrupt(config)`` pretrains and is stopped in the sixth step, having kept the state after the fourth."""
    from ssl_behavior.pretrain import pretrain
    from ssl_behavior.training.state import StateFolder, TrainingState

    monkeypatch.setattr(StateFolder.__init__, "__defaults__", (4,))  # save_every
    advance = TrainingState.advance

    def stop(self: TrainingState, *given: object) -> dict[str, float]:
        if self.step == 5:
            raise KeyboardInterrupt
        return advance(self, *given)  # type: ignore[arg-type]

    def make(config: PretrainConfig) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(TrainingState, "advance", stop)
            with pytest.raises(KeyboardInterrupt):
                pretrain(config)

    return make
