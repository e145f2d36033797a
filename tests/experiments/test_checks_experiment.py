"""Faults that the experiment makes are where it says, and are detected."""

import numpy as np

from experiments.checks import run
from ssl_behavior.simulation.simulator import simulate_recordings


def test_a_fault_is_detected_and_a_clean_recording_is_not_suspected() -> None:
    recordings = simulate_recordings(4, seed=0, frames=1800)
    material = run.Material.of(recordings)
    by_name = {fault.name: fault for fault in (*run.FAULTS, *run.LABEL_FAULTS)}
    mirrored = by_name["mirrored"]
    assert all(run.is_detected(mirrored, *faulty) for faulty in material.faulty(mirrored))
    assert not any(run.is_detected(mirrored, material.suspected(recording), None) for recording in recordings)
    exchanged, at = by_name["two animals exchanged half-way"].apply(recordings[0], np.random.default_rng(0))
    assert at is not None
    before, after = exchanged.positions[:at], exchanged.positions[at:]
    np.testing.assert_array_equal(before, recordings[0].positions[:at])
    np.testing.assert_array_equal(after, recordings[0].positions[at:, ::-1])
