"""Exchanges are reviewed in the explorer: refused, accepted, added from a frame on, and all of that undone."""

from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.explore import ExploreConfig, explore
from ssl_behavior.explorer.exchange_review import ExchangeReview
from ssl_behavior.explorer.live_page import LivePage, application, lazy_index
from ssl_behavior.explorer.map_sample import draw_sample
from ssl_behavior.explorer.scene import Scene

TABLE = """video,start,stop,individual_1,individual_2,distance,margin,probability,decision,fingerprint
a,150,,mouse0,mouse1,0.500,3.100,0.957,exchange,0123456789ab
a,400,420,mouse0,mouse1,,1.000,0.731,exchange,0123456789ab
elsewhere,7,,x,y,,,,keep,
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "exchanges.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


@pytest.fixture
def page(shared_atlas: Path, table: Path) -> LivePage:
    scene = Scene.open(shared_atlas, notify=lambda _: None)
    return LivePage(scene, draw_sample(scene, 50), lazy_index(scene), table)


def play(page: LivePage, frame: int) -> None:
    """Play a clip of video a."""
    video = page.scene.atlas.ids.index("a")
    page.models["request"].data = {"video": [video], "agent": [0], "target": [1], "frame": [frame], "count": [1]}


def test_decisions_and_additions_are_written_and_undone(table: Path) -> None:
    review = ExchangeReview(table)
    assert review.decide(review.rows[1]) == "keep"
    review.add("a", 500, "mouse1", "mouse0")
    assert [(row["start"], row["decision"]) for row in ExchangeReview(table).rows] == [
        ("150", "exchange"),
        ("400", "keep"),
        ("7", "keep"),
        ("500", "exchange"),
    ]
    assert review.rows[0]["fingerprint"] == "0123456789ab"
    review.undo()
    review.undo()
    assert table.read_text(encoding="utf-8") == TABLE
    with pytest.raises(InputError, match="nothing was changed here yet"):
        review.undo()


def test_changes_of_somebody_else_are_not_undone(table: Path) -> None:
    review, other = ExchangeReview(table), ExchangeReview(table)
    row = review.rows[0]
    review.add("a", 10, "mouse0", "mouse1")
    other.decide(row)
    with pytest.raises(InputError, match="changed elsewhere"):
        review.undo()
    with pytest.raises(InputError, match="was changed already"):
        review.decide(row)


def test_exchanges_are_listed_and_marked_on_the_time_line(page: LivePage) -> None:
    play(page, 100)
    assert page.exchanges is not None
    listed = page.exchanges.source.data
    assert listed["video"] == ["a", "a", "elsewhere"]
    assert listed["time"] == pytest.approx([5.0, 400 / 30, 7 / 30])
    video = page.scene.atlas.ids.index("a")
    assert listed["at_video"] == [video, video, -1]
    assert listed["at_frame"][0] == pytest.approx(75, abs=1)  # poses are at half the rate of the recording
    lines = page.models["exchange_lines"].data
    assert lines["x"] == pytest.approx([5.0, 400 / 30])
    assert len(set(lines["colour"])) == 1
    page.exchanges.source.selected.indices = [1]
    page.exchanges.run(page.exchanges.decide)
    assert len(set(page.models["exchange_lines"].data["colour"])) == 2
    assert "1 of 3 exchanges to be made" in page.exchanges.message.text


def test_exchange_from_here_takes_the_frame_that_is_shown_and_undo_takes_it_back(page: LivePage, table: Path) -> None:
    play(page, 100)
    first = page.models["clip"].data["first"][0]
    page.models["here"].data = {"frame": [12], "count": [1]}
    row = ExchangeReview(table).rows[-1]
    assert (row["video"], row["stop"], row["individual_1"], row["decision"]) == ("a", "", "mouse0", "exchange")
    assert int(row["start"]) == pytest.approx(2 * (first + 12), abs=1)
    assert page.exchanges is not None
    page.exchanges.run(page.exchanges.undo)
    assert table.read_text(encoding="utf-8") == TABLE


def test_whatever_a_browser_sends_changes_nothing(page: LivePage, table: Path) -> None:
    play(page, 100)
    assert page.exchanges is not None
    for sent in ([10**9], ["x"], [None], [float("nan")], [-(10**9)]):
        page.models["here"].data = {"frame": sent, "count": [1]}
        assert "problem" in page.exchanges.message.text
    page.exchanges.source.selected.indices = [99]
    page.exchanges.run(page.exchanges.decide)
    assert "click an exchange in the list first" in page.exchanges.message.text
    assert table.read_text(encoding="utf-8") == TABLE


def test_a_table_that_is_none_is_refused_before_the_server_starts(shared_atlas: Path, tmp_path: Path) -> None:
    scene = Scene.open(shared_atlas, notify=lambda _: None)
    with pytest.raises(InputError, match="expected the table of exchanges that repair wrote; found no such file"):
        application(scene, 10, tmp_path / "none.csv")
    with pytest.raises(InputError, match="leave out --export"):
        explore(ExploreConfig(shared_atlas, export=tmp_path / "page.html", exchanges=tmp_path / "none.csv"))
