"""``ssl-behavior explore``: look at an atlas in the browser, or write it as one HTML file."""

from __future__ import annotations

import html
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ssl_behavior.cli import run
from ssl_behavior.cli.validators import Above, AtLeast, AtMost, Checked
from ssl_behavior.compute.argument_types import check_arguments, require_type
from ssl_behavior.errors import InputError
from ssl_behavior.explorer.export import export_page
from ssl_behavior.explorer.live_page import application
from ssl_behavior.explorer.scene import Scene
from ssl_behavior.explorer.server import LOOPBACK, frame_address, serve
from ssl_behavior.storage.atomic import write_text


@dataclass(frozen=True)
class ExploreConfig(Checked):
    """Settings of the explorer.

    Attributes:
        atlas: folder that embed wrote; without clusters, the map shows two principal components.
        predictions: folder that predict wrote, to show predictions beside clusters and labels.
        points: frames on the map, drawn at random; more show finer detail and move more slowly.
        export: an .html file to write instead of starting a server; it needs neither a server nor the network.
        port: port to listen on; 0 for any that is free.
        address: address to listen on; any but this machine's own lets others see the atlas and write names and marks.
        origins: other names under which the page is opened, such as localhost:8080 through a tunnel.
        browser: open the page in a browser.
        overwrite: replace an existing file.
        exchanges: exchanges.csv that repair wrote, to review: exchanges are marked on the time line, and buttons refuse
            them, add others, and undo both.
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
    exchanges: Path | None = None


@check_arguments
def explore(config: ExploreConfig) -> Path | None:
    """Write the page to ``config.export``, or serve it until interrupted.

    Raises:
        InputError: there is no atlas, it is empty or damaged, or the port is in use.
    """
    _check(config)
    scene = Scene.open(config.atlas, config.predictions)
    if config.export is not None:
        return _export(scene, config.export.expanduser(), config.points)
    server, address = serve(
        application(scene, config.points, config.exchanges),
        config.address,
        config.port,
        config.origins,
        config.points,
    )
    print(f"explorer: {address}  (stop it with Ctrl-C)", flush=True)
    if config.address not in LOOPBACK:
        print("everybody who reaches this address can see the atlas and write names and marks", flush=True)
    if config.browser:
        webbrowser.open(address)
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        print("stopped; names and marks are in the atlas")
    finally:
        server.stop()
    return None


@dataclass(frozen=True)
class NotebookPage:
    """A page in the output of a notebook's cell.

    Attributes:
        source: attribute ``src`` or ``srcdoc`` of the HTML frame.
        height: px.
    """

    source: str
    height: int

    def _repr_html_(self) -> str:
        return f'<iframe {self.source} width="100%" height="{self.height}" style="border: 0"></iframe>'


def in_notebook(config: ExploreConfig, height: int = 820) -> NotebookPage:
    """Show the explorer in a notebook's cell, from a server in the kernel; with ``export`` set, show that file's page.

    A browser on another machine than the kernel does not reach the server. The page of a file works there, without
    search over all frames, names and marks.

    Args:
        config: settings; ``port`` is ignored, and any free port is used.
        height: height of the cell in px.

    Raises:
        InputError: as ``explore``.

    Examples:
        >>> in_notebook(ExploreConfig(Path("atlas")))  # doctest: +SKIP
    """
    # Not by the decorator: mypy could not follow the function's other name in the package.
    require_type("config", config, ExploreConfig)
    require_type("height", height, int)
    _check(config)
    scene = Scene.open(config.atlas, config.predictions)
    if config.export is not None:
        page = _export(scene, config.export.expanduser(), config.points).read_text(encoding="utf-8")
        return NotebookPage(f'srcdoc="{html.escape(page)}"', height)
    shown = application(scene, config.points, config.exchanges)
    server, address = serve(shown, config.address, 0, config.origins, config.points)
    return NotebookPage(f'src="{frame_address(server, address)}"', height)


def _check(config: ExploreConfig) -> None:
    if config.export is not None:
        if config.exchanges is not None:
            raise InputError("--exchanges needs the server, which saves what you decide: leave out --export")
        if config.export.suffix.lower() != ".html":
            raise InputError(f"--export {config.export}: expected a name that ends in .html: add it")
        if config.export.expanduser().exists() and not config.overwrite:
            raise InputError(f"--export {config.export}: found a file: choose another name, or add --overwrite")


def _export(scene: Scene, path: Path, count: int) -> Path:
    page, sample = export_page(scene, count)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)
    is_cut = len(sample) < min(count, sample.total)
    reason = f" ({count:,} were asked for; more would make the file too large to mail)" if is_cut else ""
    print(f"{len(sample):,} of {sample.total:,} frames{reason}; {path.stat().st_size / 1e6:.1f} MB")
    print(f"\npage: {path}")
    return path


main = run.command(ExploreConfig, explore, "Look at an atlas in the browser, or write it as one HTML file.")


if __name__ == "__main__":
    main()
