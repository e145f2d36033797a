"""What every test may ask for: real recordings where they lie beside the project, and a quiet, small machine."""

import os
from collections.abc import Callable
from pathlib import Path

# Before anything imports numpy or torch: workers of pytest-xdist share the cores, and no window is ever opened.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest

PROJECT = Path(__file__).resolve().parent.parent


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
