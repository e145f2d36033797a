"""The report on tracks: what a person reads of two recordings, of many, and of real animals."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.scoring.track_report import format_track_report, score_tracks, switch_table, track_table
from ssl_behavior.tracking.comparison import TracksWithTruth, match_with_truth
from ssl_behavior.tracking.tracks import track_recording


def still(id: str, individuals: tuple[str, ...] = ("a", "b"), frames: int = 10) -> Recording:
    """Animals that stand 100 px apart; each is 10 px long."""
    places = np.zeros((frames, len(individuals), 2, 2)) + 100 * np.arange(1, len(individuals) + 1)[:, None, None]
    places[:, :, 1, 0] += 10
    return Recording(id, places, individuals, Skeleton(("nose", "tail")), 30.0)


def test_two_recordings_have_a_row_each_and_one_together() -> None:
    lost = replace(
        still("m2"), positions=np.where(np.arange(10)[:, None, None, None] < 5, np.nan, still("m2").positions)
    )
    report = score_tracks([TracksWithTruth(still("m1"), still("m1")), TracksWithTruth(lost, still("m2"))])
    lines = format_track_report(report).splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["recording", "m1", "m2", "all"]
    # 30 of 40 poses are hits; those of m2 are in half of the frames of their animal: (20 + 10 / 2) / 40 = .791 squared.
    assert lines[3].split() == ["all", "20", "0.000", "0", "0.857", "0.750", "0.791", "10", "0"]
    assert "up to 5 px from it" in lines[5]
    assert lines[7] == "m2: a is a (50.0%), b is b (50.0%)"
    assert list(track_table(report)["id"]) == ["m1", "m2", "all"]
    assert list(switch_table(report).columns) == ["recording", "frame", "animal", "track_before", "track"]


def test_animals_without_a_track_are_named() -> None:
    report = score_tracks([TracksWithTruth(still("m", ("x",)), still("m", ("a", "b", "c")))])
    lines = format_track_report(report).splitlines()
    assert lines[-1] == "m: a is x (100.0%); no track for b, c"
    assert not any(line.startswith("all") for line in lines)  # one recording is all


def test_the_animals_of_many_recordings_are_in_the_report_only() -> None:
    report = score_tracks([TracksWithTruth(still(f"m{i}"), still(f"m{i}")) for i in range(23)])
    assert format_track_report(report).endswith("and 3 recordings more, in scores.json")
    assert len(report["recordings"]) == 23


@pytest.mark.real
def test_flies_are_followed_by_two_of_their_thirteen_keypoints(shared_data: Callable[[str], Path]) -> None:
    (truth,) = read_recordings(shared_data("tracking/clip.slp"), notify=lambda _: None)
    (few,) = read_recordings(shared_data("tracking/clip.2node.slp"), notify=lambda _: None)
    order = np.random.default_rng(0).permuted(np.tile([0, 1], (few.frames, 1)), axis=1)
    mixed = np.take_along_axis(few.positions, order[:, :, None, None], 1)
    tracked = track_recording(replace(few, id=truth.id, positions=mixed, confidence=None), 2).recording
    notices: list[str] = []
    report = score_tracks(match_with_truth([tracked], [truth], notify=notices.append))
    assert "keypoints that tracks and truth do not share, left out" in notices[0]
    assert (report["all"]["switches"], report["all"]["idf1"], report["all"]["misses"]) == (0, 1, 0)
