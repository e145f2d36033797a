"""``ssl-behavior explore``: see an atlas in the browser, or write it as one HTML file."""

from __future__ import annotations

import html
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ssl_behavior.cli import run
from ssl_behavior.cli.validators import Above, AtLeast, AtMost, Checked
from ssl_behavior.errors import InputError
from ssl_behavior.explorer.export import exported
from ssl_behavior.explorer.scene import Scene
from ssl_behavior.explorer.server import LOOPBACK, application, serve
from ssl_behavior.storage.atomic import write_text


@dataclass(frozen=True)
class ExploreConfig(Checked):
    """Settings of the explorer.

    Attributes:
        atlas: folder that embed wrote and cluster was run on.
        predictions: folder that predict wrote, to see predictions beside clusters and labels.
        points: frames on the map, drawn at random; more show finer detail and move more slowly.
        export: an .html file to write in place of starting a server; it works without one, and without a network.
        port: to listen on; 0 for any that is free.
        address: to listen on; any other than this machine's own lets others see the atlas and write names and marks.
        origins: other names under which the page is opened, such as localhost:8080 through a tunnel.
        browser: open the page.
        overwrite: write over a file that is there.
    """

    atlas: Path
    predictions: Path | None = None
    points: Annotated[int, Above(0)] = 20_000
    export: Path | None = None
    port: Annotated[int, AtLeast(0), AtMost(65_535)] = 5006
    address: str = "127.0.0.1"
    origins: tuple[str, ...] = ()
    browser: bool = True
    overwrite: bool = False


def explore(config: ExploreConfig) -> Path | None:
    """Write the page to ``config.export``; or serve it until interrupted.

    Raises:
        InputError: no atlas, an empty or damaged one, one without clusters, or a port that is in use.
    """
    _check(config)
    scene = Scene.open(config.atlas, config.predictions)
    if config.export is not None:
        return _export(scene, config.export.expanduser(), config.points)
    server, page = serve(application(scene, config.points), config.address, config.port, config.origins, config.points)
    print(f"explorer: {page}  (stop it with Ctrl-C)", flush=True)
    if config.address not in LOOPBACK:
        print("whoever reaches this address can see the atlas, and write names and marks", flush=True)
    if config.browser:
        webbrowser.open(page)
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        print("stopped; names and marks are in the atlas")
    finally:
        server.stop()
    return None


@dataclass(frozen=True)
class Cell:
    """A page within a notebook.

    Attributes:
        source: of the frame, as an attribute of HTML.
        height: px.
    """

    source: str
    height: int

    def _repr_html_(self) -> str:
        return f'<iframe {self.source} width="100%" height="{self.height}" style="border: 0"></iframe>'


def in_notebook(config: ExploreConfig, height: int = 820) -> Cell:
    """The explorer in a notebook's cell: live, from a server within the kernel; with ``export`` set, the file's page.

    A browser on another machine than the kernel does not reach the server; there the page of a file works, without
    search, names and marks.

    Args:
        config: of which ``port`` is not used: any free one is.
        height: of the cell in px.

    Raises:
        InputError: as ``explore``.
    """
    _check(config)
    scene = Scene.open(config.atlas, config.predictions)
    if config.export is not None:
        page = _export(scene, config.export.expanduser(), config.points).read_text(encoding="utf-8")
        return Cell(f'srcdoc="{html.escape(page)}"', height)
    _, address = serve(application(scene, config.points), config.address, 0, config.origins, config.points)
    return Cell(f'src="{address}"', height)


def _check(config: ExploreConfig) -> None:
    if config.export is not None:
        if config.export.suffix.lower() != ".html":
            raise InputError(f"--export {config.export}: expected a name that ends in .html")
        if config.export.expanduser().exists() and not config.overwrite:
            raise InputError(f"--export {config.export}: found a file; give another name, or --overwrite")


def _export(scene: Scene, path: Path, count: int) -> Path:
    page, points = exported(scene, count)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)
    left = (
        f", which fit into a page to mail, of the {count:,} asked for" if len(points) < min(count, points.total) else ""
    )
    print(f"{len(points):,} of {points.total:,} frames{left}; {path.stat().st_size / 1e6:.1f} MB")
    print(f"\npage: {path}")
    return path


main = run.command(ExploreConfig, explore, "See an atlas in the browser, or write it as one HTML file.")


if __name__ == "__main__":
    main()
