import numpy as np

from ssl_behavior.active_learning import split_into_clips


def test_runs_are_split_into_clips_on_paper() -> None:
    mask = np.array([1, 1, 1, 1, 1, 0, 1, 1, 0, 1], bool)
    assert split_into_clips(mask, 2) == [(0, 2), (2, 4), (6, 8)]
    assert split_into_clips(mask, 2, keep_rest=True) == [(0, 2), (2, 4), (4, 5), (6, 8), (9, 10)]
    assert split_into_clips(np.zeros(3, bool), 2) == []
