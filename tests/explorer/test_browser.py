"""The explorer as a person uses it, in a real browser without a window; skipped, by name, where there is none."""

import math
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.cluster_cards.page import write_cards
from ssl_behavior.explore import ExploreConfig, explore
from ssl_behavior.explorer.marks import Marks

pytestmark = pytest.mark.slow
Running = Callable[..., AbstractContextManager[str]]

_MODEL = "(name) => Bokeh.documents[0].get_model_by_name(name)"
_PLACE = """([name, x, y]) => {
  const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name(name));
  const box = view.canvas_view.el.getBoundingClientRect();
  return [box.x + view.frame.x_scale.compute(x), box.y + view.frame.y_scale.compute(y)];
}"""

_BOX = """(name) => Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name(name)).el.getBoundingClientRect()"""


class Visit:
    """A visit to the page, and the actions of a person there."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        self.requested: list[str] = []
        self.sent = 0
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("websocket", lambda socket: socket.on("framesent", lambda _: self._count()))

    def _count(self) -> None:
        self.sent += 1

    def open(self, address: str) -> None:
        self.page.goto(address, timeout=60_000)
        self.until("window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle", 60_000)
        self.until("Bokeh.documents[0].get_model_by_name('playhead').end > 1")

    def until(self, condition: str, timeout: int = 20_000) -> None:
        self.page.wait_for_function(condition, timeout=timeout)

    def value(self, name: str, path: str) -> Any:
        return self.page.evaluate(f"(name) => ({_MODEL})(name).{path}", name)

    def text(self, name: str) -> str:
        return str(self.value(name, "text"))

    def tab(self, title: str) -> None:
        self.page.locator(".bk-tab", has_text=title).click()

    def press(self, title: str) -> None:
        self.page.get_by_role("button", name=title, exact=True).click()

    def click(self, plot: str, x: float, y: float) -> None:
        self.page.mouse.click(*self.page.evaluate(_PLACE, [plot, x, y]))

    def lasso(self, x: float, y: float, radius: float) -> None:
        around = [math.pi + step / 16 * 2 * math.pi for step in range(16)]
        corners = [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in around]
        places = [self.page.evaluate(_PLACE, ["map", *corner]) for corner in corners]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
            self.page.wait_for_timeout(40)  # the pace of a hand: a browser joins moves that come faster
        self.page.mouse.up()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    path = next((path for name in names if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as started:
        path = path or started.chromium.executable_path
        if not Path(path).exists():
            pytest.skip("no browser was found: install chromium, or run python -m playwright install chromium")
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    visit = Visit(context.new_page())
    yield visit
    context.close()
    assert visit.problems == []


@contextmanager
def visited(visit: Visit, running: Running, atlas: Path, *words: str) -> Iterator[Visit]:
    with running(atlas, *words) as address:
        try:
            visit.open(address)
            yield visit
        finally:
            visit.page.goto("about:blank")  # before the server stops, which the page would log as an error


def test_it_opens_plays_and_changes_colours(
    visit: Visit, running: Running, shared_atlas: Path, predicted: Path
) -> None:
    with visited(visit, running, shared_atlas, "--points", "500", "--predictions", str(predicted)):
        assert visit.page.get_by_text("500 of 1,200 frames shown, drawn at random").is_visible()
        before = visit.value("playhead", "value")
        visit.until(f"Bokeh.documents[0].get_model_by_name('playhead').value !== {before}")
        assert visit.value("skeletons", "data.xs.length") > 4
        assert visit.value("drawn_bouts", "data.left.length") > 10
        visit.page.wait_for_timeout(500)
        sent = visit.sent
        visit.page.wait_for_timeout(1000)
        assert visit.sent <= sent + 1  # playing sends nothing
        legends, pictures = [], []
        canvas = visit.page.locator(".bk-Figure").first
        for title in ("cluster", "labels S1", "prediction", "video", "distance (body lengths)"):
            visit.page.get_by_label("Colour by").select_option(label=title)
            visit.page.wait_for_timeout(300)
            legends.append(visit.text("legend"))
            pictures.append(canvas.screenshot())
        assert len(set(legends)) == len(set(pictures)) == 5
        assert "attack" in legends[1]
        assert "grey: not labelled" in legends[1]
        assert "linear-gradient" in legends[4]
        visit.page.get_by_label("Colour by").select_option(label="labels S1")
        visit.page.get_by_label("Show only").select_option(label="sniff")
        visit.page.wait_for_timeout(300)
        assert canvas.screenshot() != pictures[1]
        assert visit.page.evaluate("window.hacked") is None


def test_a_click_plays_and_the_ethogram_jumps(visit: Visit, running: Running, shared_atlas: Path) -> None:
    with visited(visit, running, shared_atlas):
        visit.click("map", 0, 10)
        visit.until("Bokeh.documents[0].get_model_by_name('caption').text.includes('cluster 2')")
        visit.until("Bokeh.documents[0].get_model_by_name('map_position').data.y[0] > 5")
        visit.click("ethogram", 10.0, 0.5)
        visit.until("Bokeh.documents[0].get_model_by_name('caption').text.match(/0:(0[789]|1[0123])/)")
        assert visit.value("request", "data.frame[0]") == pytest.approx(150, abs=2)
        visit.press("❚❚ Pause")
        stopped = visit.value("playhead", "value")
        visit.page.wait_for_timeout(500)
        assert visit.value("playhead", "value") == stopped


def test_a_lasso_describes_its_points_and_its_rows_play(visit: Visit, running: Running, shared_atlas: Path) -> None:
    with visited(visit, running, shared_atlas):
        assert "Draw around points" in visit.text("summary")
        visit.lasso(10, 0, 2.5)
        visit.until("Bokeh.documents[0].get_model_by_name('selection').data.video.length > 0")
        chosen = visit.value("points", "selected.indices.length")
        cluster = visit.page.evaluate(
            "[...Bokeh.documents[0].get_model_by_name('points').data.cluster].filter((code) => code === 1).length"
        )
        assert chosen == pytest.approx(cluster, rel=0.02)
        assert f"<b>{chosen:,} frames</b>" in visit.text("summary")
        assert set(visit.value("selection", "data.cluster")) == {"cluster 1"}
        assert visit.value("still_lines", "data.xs.length") > 10
        video, starts = visit.value("selection", "data.video[1]"), visit.value("selection", "data.time[1]")
        visit.page.locator(".slick-row").nth(1).click()
        visit.until("Bokeh.documents[0].get_model_by_name('request').data.count[0] > 0")
        visit.until(f"Bokeh.documents[0].get_model_by_name('clip').data.title[0] === {video!r}")
        assert visit.value("request", "data.frame[0]") / 15 == pytest.approx(starts + 1, abs=2)
        visit.press("Clear the lasso")
        visit.until("Bokeh.documents[0].get_model_by_name('selection').data.video.length === 0")


def test_a_search_finds_moments_of_the_same_kind(visit: Visit, running: Running, shared_atlas: Path) -> None:
    with visited(visit, running, shared_atlas):
        visit.click("map", 10, 0)
        visit.until("Bokeh.documents[0].get_model_by_name('caption').text.includes('cluster 1')")
        visit.tab("More like this")
        visit.press("Find more like this")
        visit.until("Bokeh.documents[0].get_model_by_name('matches').data.video.length > 5")
        assert set(visit.value("matches", "data.cluster")[:5]) == {"cluster 1"}
        assert min(visit.value("matches", "data.x")[:5]) > 5
        similarity = visit.value("matches", "data.similarity")
        assert similarity == sorted(similarity, reverse=True)
        assert "of all 1,200 frames" in visit.text("search_message")


def test_a_name_and_a_mark_survive_a_restart(visit: Visit, running: Running, atlas: Path) -> None:
    name = "chase <b>&"
    with visited(visit, running, atlas):
        visit.tab("Clusters")
        visit.page.get_by_label("Cluster", exact=True).select_option(label="cluster 2")
        visit.page.get_by_label("Name").fill(name)
        visit.page.get_by_label("Name").press("Tab")
        visit.press("Save name")
        visit.until("Bokeh.documents[0].get_model_by_name('legend').text.includes('chase')")
        assert yaml.safe_load((atlas / "clusters" / "names.yaml").read_text()) == {2: name}
        visit.tab("Marks")
        visit.page.get_by_label("Mark as").select_option(label="sniff")
        visit.press("Mark")
        visit.until("Bokeh.documents[0].get_model_by_name('marks').data.video.length === 1")
        visit.press("Export annotations")
        visit.until("Bokeh.documents[0].get_model_by_name('mark_message').text.includes('Written to')")
    assert [(mark.channel, mark.label) for mark in Marks(Atlas(atlas)).all] == [("S1", "sniff")]
    written = sorted(path.name for path in (atlas / "marks").rglob("*") if path.is_file())
    assert "a_annot.txt" in written
    assert "how-to-train.txt" in written
    with visited(visit, running, atlas):
        assert "chase &#60;b&#62;&#38;" in visit.text("legend")
        assert visit.value("marks", "data.mark") == ["sniff"]


def test_an_exchange_from_here_is_saved_and_undone(
    visit: Visit, running: Running, shared_atlas: Path, tmp_path: Path
) -> None:
    table = tmp_path / "exchanges.csv"
    head = "video,start,stop,individual_1,individual_2,distance,margin,probability,decision,fingerprint\n"
    table.write_text(head + "a,150,,mouse0,mouse1,,,0.7,exchange,\n", encoding="utf-8")
    with visited(visit, running, shared_atlas, "--exchanges", str(table)):
        visit.tab("Exchanges")
        visit.press("Exchange from here")
        visit.until("Bokeh.documents[0].get_model_by_name('exchanges').data.video.length === 2")
        assert len(table.read_text(encoding="utf-8").splitlines()) == 3
        visit.press("Undo")
        visit.until("Bokeh.documents[0].get_model_by_name('exchanges').data.video.length === 1")
    assert table.read_text(encoding="utf-8").splitlines()[1:] == ["a,150,,mouse0,mouse1,,,0.7,exchange,"]


def test_without_clusters_the_page_plays_searches_and_shows_the_ethogram(
    visit: Visit, running: Running, unclustered: Path
) -> None:
    with visited(visit, running, unclustered):
        assert "principal components" in visit.page.locator("h1").inner_text()
        assert "attack" in visit.text("legend")
        before = visit.value("playhead", "value")
        visit.until(f"Bokeh.documents[0].get_model_by_name('playhead').value !== {before}")
        visit.tab("More like this")
        visit.press("Find more like this")
        visit.until("Bokeh.documents[0].get_model_by_name('matches').data.video.length > 5")
        visit.tab("Clusters")
        assert visit.page.get_by_text("ssl-behavior cluster --atlas").is_visible()
        visit.page.evaluate("Bokeh.documents[0].get_model_by_name('points').selected.indices = [...Array(40).keys()]")
        visit.until("Bokeh.documents[0].get_model_by_name('selection').data.video.length > 1")
        assert "different seconds" in visit.text("summary")
        visit.click("ethogram", 10.0, 0.0)
        visit.until("Bokeh.documents[0].get_model_by_name('caption').text.match(/0:(0[789]|1[0123])/)")


def test_the_page_fits_into_windows_of_phones_and_of_large_screens(
    visit: Visit, running: Running, shared_atlas: Path
) -> None:
    with visited(visit, running, shared_atlas):
        for width in (420, 1280, 1920):
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.wait_for_timeout(500)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            for name in ("map", "player", "ethogram"):
                box = visit.page.evaluate(_BOX, name)
                assert box["width"] > 0.8 * min(width, 350), (width, name)
                assert box["height"] > 80, (width, name)
                assert -1 <= box["x"] <= box["x"] + box["width"] <= width + 1, (width, name)


def test_an_exported_page_works_from_disk_without_a_network(
    visit: Visit, shared_atlas: Path, tmp_path: Path, predicted: Path
) -> None:
    page = explore(ExploreConfig(shared_atlas, predicted, 400, tmp_path / "page.html"))
    assert page is not None
    visit.page.context.set_offline(True)
    visit.open(page.as_uri())
    assert visit.page.get_by_text("400 of 1,200 frames shown, drawn at random").is_visible()
    visit.click("map", 0, 10)
    visit.until("Bokeh.documents[0].get_model_by_name('caption').text.includes('cluster 2')")
    before = visit.value("playhead", "value")
    visit.until(f"Bokeh.documents[0].get_model_by_name('playhead').value !== {before}")
    assert set(visit.value("matches", "data.cluster")) == {"cluster 2"}
    visit.tab("More like this")
    assert visit.page.get_by_text("are most similar to this one").is_visible()
    visit.page.wait_for_timeout(500)
    shown = visit.page.locator(".slick-row:visible").all_inner_texts()
    assert len(shown) > 3
    assert all("cluster 2" in row for row in shown)  # the table was filled while hidden
    visit.page.get_by_label("Colour by").select_option(label="prediction")
    visit.until("Bokeh.documents[0].get_model_by_name('legend').text.includes('grey: not predicted')")
    visit.tab("Lasso")
    visit.lasso(10, 0, 2.5)
    visit.until("Bokeh.documents[0].get_model_by_name('selection').data.video.length > 0")
    for title, why in (("Clusters", "To name clusters, run"), ("Marks", "Clips are marked where the explorer runs")):
        visit.tab(title)
        assert visit.page.get_by_text(why).is_visible()
    assert [url for url in visit.requested if not url.startswith(("file:", "data:", "blob:"))] == []
    assert visit.page.evaluate("window.hacked") is None


def show_everything(visit: Visit, names: dict[str, str]) -> None:
    """Look at all tabs, colours and tooltips; each shows names letter by letter."""
    body = visit.page.locator("body")
    for title in (f"labels {names['channel']}", "prediction", "video", "pair", "cluster"):
        visit.page.get_by_label("Colour by").select_option(label=title)
        visit.page.wait_for_timeout(100)
    for x, y in ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0)):
        visit.click("map", x, y)
        visit.page.wait_for_timeout(100)
    for plot, x, y in (("ethogram", 10.0, 2.0), ("ethogram", 10.0, 1.0), ("ethogram", 10.0, 0.0)):
        visit.page.mouse.move(*visit.page.evaluate(_PLACE, [plot, x, y]))
        visit.page.wait_for_timeout(100)
    place = visit.page.evaluate(
        "() => { const at = Bokeh.documents[0].get_model_by_name('points').data; return [at.x[0], at.y[0]]; }"
    )
    visit.page.mouse.move(*visit.page.evaluate(_PLACE, ["map", *place]))
    videos = "|".join(re.escape(names[key]) for key in ("video", "other video"))
    visit.page.locator(".bk-Tooltip").get_by_text(re.compile(f"video ({videos}), ")).wait_for(state="visible")
    visit.page.evaluate("Bokeh.documents[0].get_model_by_name('points').selected.indices = [...Array(40).keys()]")
    visit.until("Bokeh.documents[0].get_model_by_name('selection').data.video.length > 0")
    for title in ("More like this", "Clusters", "Marks", "Lasso"):
        visit.tab(title)
        visit.page.wait_for_timeout(150)
    for what in ("folder", "agent", "target", "channel", "behaviour", "other behaviour", "cluster", "predicted"):
        assert body.get_by_text(names[what]).count(), what


def test_names_run_no_code_and_request_nothing(visit: Visit, running: Running, hostile: Any, tmp_path: Path) -> None:
    page = explore(ExploreConfig(hostile.atlas, hostile.predicted, 300, tmp_path / "page.html"))
    assert page is not None
    cards, _ = write_cards(ClusteredAtlas(Atlas(hostile.atlas)))
    visit.open(page.as_uri())
    show_everything(visit, hostile.names)
    assert visit.page.evaluate("window.hacked") is None
    visit.page.goto(cards.as_uri())
    visit.page.wait_for_timeout(500)
    assert visit.page.get_by_text(hostile.names["video"]).count()
    assert visit.page.evaluate("window.hacked") is None
    assert [url for url in visit.requested if not url.startswith(("file:", "data:", "blob:"))] == []
    with visited(visit, running, hostile.atlas, "--predictions", str(hostile.predicted)):
        visit.tab("More like this")
        visit.press("Find more like this")
        visit.until("Bokeh.documents[0].get_model_by_name('matches').data.video.length > 5")
        visit.tab("Marks")
        visit.press("Mark")
        visit.until("Bokeh.documents[0].get_model_by_name('marks').data.video.length === 1")
        show_everything(visit, hostile.names)
        visit.tab("Marks")
        visit.press("Remove mark")
        visit.until("Bokeh.documents[0].get_model_by_name('marks').data.video.length === 0")
        assert visit.page.evaluate("window.hacked") is None
    assert [url for url in visit.requested if "evil" in url or "cdn" in url] == []
