"""Recordings that several tests of the quality control share, as simulating them takes seconds."""

import pytest

from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings


@pytest.fixture(scope="session")
def twelve() -> list[Recording]:
    """Twelve sound recordings of 110 seconds: as many as the pace needs, with one to spare, and as long."""
    return simulate_recordings(12, seed=6, frames=3300)
