import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.similarity import Hit, as_clock
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.search import SearchConfig, main, search

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
DANCES = {("a", (0, 1)): (40, 100, 160), ("a", (1, 0)): (200,), ("b", (0, 1)): (10,), ("b", (1, 0)): (120, 230)}
"""First frames of the dances, 20 frames each, by video and pair."""


@pytest.fixture(scope="module")
def folder(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos at 30 Hz, embedded at 15 Hz; embeddings are noise, except while a pair dances."""
    atlas = Atlas.create(tmp_path_factory.mktemp("search") / "atlas", AtlasMeta("abc", MICE, 15.0, 8, "float32"))
    rng = np.random.default_rng(0)
    dance = rng.normal(size=8) * 5
    for seed, name in enumerate("ab"):
        poses = prepare(wander(seed, frames=500, id=name), MICE, Preparation())
        embeddings = {pair: rng.normal(size=(250, 8)).astype(np.float32) for pair in poses.pairs()}
        for pair, values in embeddings.items():
            for start in DANCES[name, pair]:
                values[start : start + 20] = dance + 0.3 * rng.normal(size=(len(values[start : start + 20]), 8))
        atlas.add(EmbeddedVideo(poses, embeddings, {}, "px", ""))
    return atlas.folder


@pytest.fixture
def config(folder: Path) -> SearchConfig:
    return SearchConfig(folder, "a", "80:120", agent="mouse0", target="mouse1", top=6)


def test_every_other_dance_is_found_once_and_first(config: SearchConfig) -> None:
    hits = search(config)
    assert len(hits) == 6
    by_pair: dict[tuple[str, tuple[int, int]], list[Hit]] = {pair: [] for pair in DANCES}
    for hit in hits:
        by_pair[hit.video, (0, 1) if hit.agent == "mouse0" else (1, 0)].append(hit)
    expected = [(pair, start) for pair, starts in DANCES.items() for start in starts]
    expected.remove((("a", (0, 1)), 40))
    for pair, start in expected:
        overlapping = [hit for hit in by_pair[pair] if hit.start < 2 * start + 40 and hit.stop > 2 * start]
        assert len(overlapping) == 1, (pair, start)
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)


def test_frames_are_those_of_the_recording(config: SearchConfig) -> None:
    for hit in search(config):
        assert hit.stop - hit.start == 40  # as long as the example
        assert 0 <= hit.start < hit.stop <= 500
        assert hit.seconds == hit.start / 30


def test_frames_around_the_example_are_excluded(config: SearchConfig) -> None:
    # Both orders of the animals show the same moment.
    for hit in search(replace(config, top=50)):
        assert hit.video != "a" or hit.stop <= 80 - 40 or hit.start >= 120 + 40


def test_with_several_pairs_the_nearest_counts(config: SearchConfig) -> None:
    of_pair = search(config)
    of_any_pair = search(replace(config, agent=None, target=None))
    assert of_pair[0] == of_any_pair[0]
    assert search(replace(config, agent=None)) == of_pair


def test_top_may_exceed_the_number_of_bouts(config: SearchConfig) -> None:
    hits = search(replace(config, top=1000))
    assert 10 < len(hits) < 40
    for hit in hits:
        overlapping = [other for other in hits if other.video == hit.video and abs(other.start - hit.start) < 38]
        assert overlapping == [hit]


def test_bouts_are_written_and_printed(
    config: SearchConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "hits.csv"
    words = ["--atlas", str(config.atlas), "--video", "a", "--frames", "80:120", "--agent", "mouse0", "--top", "3"]
    monkeypatch.setattr("sys.argv", ["search", *words, "--output", str(output)])
    main()
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    printed = capsys.readouterr().out
    for row in rows:
        assert f"{row['start']}:{row['stop']}" in printed


def test_bouts_are_drawn(config: SearchConfig, tmp_path: Path) -> None:
    picture = tmp_path / "hits.png"
    search(replace(config, top=3, figure=picture))
    drawn = imread(picture)
    rows = np.array_split(drawn[..., :3].min(-1) < 0.9, 4)  # the example and three bouts
    assert all(row.mean() > 0.002 for row in rows)
    with pytest.raises(InputError, match=r"--figure .*found a file.*--overwrite"):
        search(replace(config, figure=picture))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"video": "c"}, "expected one of its videos a, b; found video c"),
        ({"frames": "120:80"}, "--frames 120:80: expected START:STOP, .* at most 500 in video"),
        ({"frames": "80"}, "--frames 80: expected START:STOP"),
        ({"frames": "400:501"}, "at most 500 in video a"),
        ({"agent": "mouse7"}, "--agent mouse7: expected an individual of video a, one of mouse0, mouse1"),
        ({"agent": "mouse1"}, "expected two individuals"),
        ({"top": 0}, "--top: expected a number above 0"),
        ({"output": Path("hits.txt")}, r"--output .* ends in \.csv"),
        ({"figure": Path("hits.csv")}, r"--figure .* ends in \.png"),
        ({"atlas": Path("nowhere")}, "nowhere: expected an atlas"),
    ],
)
def test_bad_input_is_named(changed: dict[str, object], message: str, config: SearchConfig) -> None:
    with pytest.raises(InputError, match=message):
        search(replace(config, **changed))  # type: ignore[arg-type]


def test_times_are_rounded_before_minutes_are_split_off() -> None:
    assert [as_clock(seconds) for seconds in (0, 59.94, 59.97, 125.3)] == ["0:00.0", "0:59.9", "1:00.0", "2:05.3"]
