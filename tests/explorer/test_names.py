"""Names are text on every page, whatever they hold; ``test_browser`` shows the same in a browser."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from bokeh.document import Document
from bokeh.models import ColumnDataSource, Div

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.cluster_cards.page import write_cards
from ssl_behavior.explore import ExploreConfig, explore, in_notebook
from ssl_behavior.explorer.live_page import LivePage, lazy_index
from ssl_behavior.explorer.map_sample import draw_sample
from ssl_behavior.explorer.scene import Scene

OURS = {
    *("html", "head", "meta", "title", "style", "body", "script", "div", "h1", "h2", "h3", "h4", "p", "b", "i", "br"),
    *("span", "code", "nav", "a", "img", "article", "table", "tr", "td", "th", "figure", "figcaption", "canvas"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "class", "id", "style", "href", "src", "alt", "width", "height"),
    *("data-clip", "type", "data-root-id"),
}


class Elements(HTMLParser):
    """The elements of a page, the attributes of all, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside.replace(tag, "")

    def handle_data(self, data: str) -> None:
        if self.inside != "script":
            self.text += data

    def require_ours(self) -> None:
        """Refuse any element, attribute or address that a name could have made."""
        for tag, attributes in self.elements:
            assert tag in OURS, (tag, attributes)
            assert set(attributes) <= ATTRIBUTES, (tag, attributes)
            for name in ("src", "href"):
                assert (attributes.get(name) or "data:").startswith(("data:", "#")), (tag, attributes)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def scene(hostile: Any) -> Scene:
    return Scene.open(hostile.atlas, hostile.predicted)


def test_cards(hostile: Any) -> None:
    names = hostile.names
    groups = {names["video"]: names["group"], names["other video"]: "control"}
    page, _ = write_cards(ClusteredAtlas(Atlas(hostile.atlas)), groups)
    elements = Elements(page.read_text(encoding="utf-8"))
    elements.require_ours()
    assert [tag for tag, _ in elements.elements].count("script") == 1
    text = words(elements.text)
    for key in ("folder", "video", "agent", "target", "channel", "behaviour", "cluster", "unit"):
        assert words(names[key]) in text, key


def test_the_live_page(scene: Scene, hostile: Any) -> None:
    document = Document()
    live = LivePage(scene, draw_sample(scene, 200), lazy_index(scene))
    assert live.names is not None
    live.search()
    live.names.cluster.value = "1"
    live.names.name.value = hostile.names["behaviour"]
    live.names.rename()
    live.marks.label.value = hostile.names["other behaviour"]
    live.marks.run(live.marks.mark)
    assert hostile.names["other behaviour"] in Elements(live.marks.message.text).text
    live.marks.run(live.marks.export)
    live.add_to(document)
    text = ""
    for div in document.select({"type": Div}):
        assert div.disable_math
        elements = Elements(div.text)
        elements.require_ours()
        assert not {tag for tag, _ in elements.elements} & {"script", "img", "a", "style"}
        text += words(elements.text)
    for key in ("folder", "other video", "behaviour", "cluster"):
        assert words(hostile.names[key]) in text, key
    for path in ("marks", "clusters"):
        assert {file.resolve().is_relative_to(hostile.atlas) for file in (hostile.atlas / path).rglob("*")} == {True}
    live.marks.run(live.marks.remove)
    live.names.name.value = ""
    live.names.rename()


@pytest.fixture(scope="module")
def exported(hostile: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "page.html"
    assert explore(ExploreConfig(hostile.atlas, hostile.predicted, 100, path)) == path
    return path


def test_an_exported_page(exported: Path, hostile: Any) -> None:
    page = exported.read_text(encoding="utf-8")
    elements = Elements(page)
    elements.require_ours()
    assert words(hostile.names["folder"]) in words(elements.text)  # in its title
    (data,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    (document,) = json.loads(data.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).values()
    again = Document.from_json(document)
    for div in again.select({"type": Div}):
        Elements(div.text).require_ours()
    colourings = again.select_one({"name": "colourings", "type": ColumnDataSource}).data
    videos = colourings["names"][colourings["column"].index("video")]
    assert set(videos) == {hostile.names["video"], hostile.names["other video"]}


def test_a_notebooks_cell(hostile: Any, tmp_path: Path) -> None:
    config = ExploreConfig(hostile.atlas, hostile.predicted, 50, tmp_path / "page.html")
    (only,) = Elements(in_notebook(config)._repr_html_()).elements
    assert only[0] == "iframe"
    assert set(only[1]) == {"srcdoc", "width", "height", "style"}


def test_dollars_and_backslashes_are_drawn(hostile: Any) -> None:
    assert "$$" in hostile.names["other video"]  # the cards above draw names of clusters with it
    clustered = ClusteredAtlas(Atlas(hostile.atlas))
    clustered.rename(2, r"$\bad{$")
    write_cards(clustered)
    clustered.rename(2, "")
