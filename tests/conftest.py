"""Fixtures of all tests: recordings on paper and real ones, commands that start fast, and a private cache."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Before anything imports numpy or torch: workers of pytest-xdist share the cores, and no figure may open a window.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest

from tests.fuzz.forks import FinishedCommand, ForkServer

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
    """Handle SIGINT: a process in a shell's background inherits that it is ignored, and so would tested commands."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a fixture of their module in one worker of pytest-xdist, which then makes it once.

    Most such fixtures train a model or write an atlas, so making them in every worker costs more than an uneven share
    of tests. All other tests are distributed singly. xdist hands out large groups first, so single tests fill the end.
    First of all plugins, as xdist adds the group to a test's name in the same hook.
    """
    for item in items:
        definitions = getattr(item, "_fixtureinfo", None)
        fixtures = definitions.name2fixturedefs.values() if definitions else ()
        shares = any(fixture[-1].scope == "module" for fixture in fixtures)
        if shares and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(PROJECT).as_posix()))


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests, and commands that they start, neither read nor write the user's own cache."""
    os.environ["SSL_BEHAVIOR_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def forks(private_cache: None) -> Iterator[ForkServer]:
    """Starts commands as ``python -m`` does, without the seconds of imports."""
    with ForkServer() as server:
        yield server


@pytest.fixture(scope="session")
def command(forks: ForkServer) -> Callable[..., FinishedCommand]:
    """``command("pretrain", *words)`` runs a command, which must succeed without a warning, and returns its output."""

    def run(name: str, *words: object) -> FinishedCommand:
        strict = "import warnings; warnings.simplefilter('error', UserWarning)"
        done = forks.run([f"ssl_behavior.{name}", *words], PROJECT, strict)
        assert done.code == 0, done.err
        assert "Traceback" not in done.err
        return done

    return run


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an empty bucket at an S3 endpoint on loopback, whose credentials are in the environment."""
    moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import s3fs

        s3fs.S3FileSystem().mkdir("bucket")
        yield "s3://bucket"
    server.stop()


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """``shared_data("dyads/tracks")`` is the path of real data; it skips the test if they are missing.

    The data are in the folder that ``SSL_BEHAVIOR_DATA`` names, or in ``../shared/data`` beside the project.
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
    """``walk(centres, angles)`` is a recording of stiff mice of body length 1 with these centres and headings."""
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
        """Centres (time, individual, 2) in body lengths, and headings (time, individual) in radians."""
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
    """``wander(seed)`` is a recording of stiff mice that move smoothly, with gaps in the tracks."""
    from dataclasses import replace

    def make(seed: int = 0, frames: int = 120, individuals: int = 2, gaps: float = 0.1, id: str = "") -> Recording:
        rng = np.random.default_rng(seed)
        time = np.linspace(0, 1, frames)[:, None, None]
        phase, pace = rng.uniform(0, 6, (2, individuals, 2))
        turn = np.cumsum(rng.normal(0, 0.05, (frames, individuals)), 0) + rng.uniform(0, 6, individuals)
        whole = walk(np.sin(time * pace + phase) * 3, turn, id=id or f"wander{seed}")
        positions = whole.positions.copy()
        positions[rng.random(positions.shape[:3]) < gaps] = np.nan
        return replace(whole, positions=positions)

    return make


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[PretrainConfig], None]:
    """``interrupt(config)`` pretrains until an interrupt in the sixth step; the state is saved after the fourth."""
    from ssl_behavior.pretrain import pretrain
    from ssl_behavior.training.state import StateFolder, TrainingState

    monkeypatch.setattr(StateFolder.__init__, "__defaults__", (4,))  # save_every
    advance = TrainingState.advance

    def stop(self: TrainingState, *arguments: object) -> dict[str, float]:
        if self.step == 5:
            raise KeyboardInterrupt
        return advance(self, *arguments)  # type: ignore[arg-type]

    def make(config: PretrainConfig) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(TrainingState, "advance", stop)
            with pytest.raises(KeyboardInterrupt):
                pretrain(config)

    return make
