"""Pictures, taken in a browser, of the explorer and of the cards of the clusters in which a label is most frequent.

    python -m experiments.atlas.picture --atlas runs/atlas_experiment/pretrained --label aggression

Needs Chromium, as the tests of the explorer do. Writes cards.png, explorer.png and map.png beside this file.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.image import imread
from playwright.sync_api import sync_playwright

from ssl_behavior.explore import ExploreConfig, explore
from ssl_behavior.plots.style import save

HERE = Path(__file__).parent
_WIDTH = 1240


def shots(cards: Path, clusters: list[int], folder: Path) -> list[Path]:
    """Take a picture of each cluster's card."""
    paths = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": _WIDTH + 48, "height": 900})
        page.goto((cards / "index.html").resolve().as_uri())
        for cluster in clusters:
            article = page.locator(f"article[id='{cluster}']")
            article.scroll_into_view_if_needed()
            page.wait_for_timeout(800)
            paths.append(folder / f"card-{cluster}.png")
            article.screenshot(path=paths[-1])
        browser.close()
    return paths


def explorer_shot(atlas: Path, path: Path) -> None:
    """Take a picture of the explorer as it opens."""
    page_file = explore(ExploreConfig(atlas, export=atlas / "page.html", points=5_000, overwrite=True))
    assert page_file is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(page_file.resolve().as_uri())
        page.wait_for_timeout(8_000)
        page.screenshot(path=path)
        browser.close()


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atlas", type=Path, required=True, help="atlas with clusters")
    parser.add_argument("--label", default="aggression", help="behaviour among the atlas's labels")
    parser.add_argument("--count", type=int, default=3, help="number of cards")
    arguments = parser.parse_args()
    cards = arguments.atlas / "cards"
    labels = pd.read_csv(cards / "labels.csv").query("behaviour == @arguments.label and cluster >= 0")
    chosen = labels.nlargest(arguments.count, "share")["cluster"].tolist()
    pictures = [imread(path) for path in shots(cards, chosen, arguments.atlas)]
    heights = [len(picture) for picture in pictures]
    figure = Figure(figsize=(_WIDTH / 150, sum(heights) / 150))
    for row, (picture, height) in enumerate(zip(pictures, heights, strict=True)):
        bottom = sum(heights[row + 1 :]) / sum(heights)
        axes = figure.add_axes((0, bottom, 1, height / sum(heights)))
        axes.imshow(picture)
        axes.set_axis_off()
    save(figure, HERE / "cards.png")
    shutil.copy(cards / "map.png", HERE / "map.png")
    explorer_shot(arguments.atlas, HERE / "explorer.png")


if __name__ == "__main__":
    main()
