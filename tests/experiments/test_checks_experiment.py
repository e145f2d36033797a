import numpy as np

from experiments.checks import run
from ssl_behavior.simulation.simulator import simulate_recordings


def test_a_fault_is_made_and_seen_where_it_is() -> None:
    recordings = simulate_recordings(4, seed=0, frames=1800)
    material = run.Material.of(recordings)
    by_name = {fault.name: fault for fault in (*run.FAULTS, *run.LABEL_FAULTS)}
    mirrored = by_name["mirrored"]
    assert all(run.is_seen(mirrored, *one) for one in material.faulty(mirrored))
    assert not any(run.is_seen(mirrored, material.suspected(one), None) for one in recordings)
    exchanged, at = by_name["two animals exchanged half-way"].apply(recordings[0], np.random.default_rng(0))
    assert at is not None
    first, last = exchanged.positions[:at], exchanged.positions[at:]
    np.testing.assert_array_equal(first, recordings[0].positions[:at])
    np.testing.assert_array_equal(last, recordings[0].positions[at:, ::-1])
