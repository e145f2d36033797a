"""The explorer as a server, on this machine only unless told otherwise."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import Server

from ssl_behavior.errors import InputError
from ssl_behavior.explorer.live import Live, indexed
from ssl_behavior.explorer.points import draw
from ssl_behavior.explorer.scene import Scene

LOOPBACK = ("127.0.0.1", "localhost")


def application(scene: Scene, count: int) -> Application:
    """The explorer of a scene; the points are drawn once, and every visitor has a page of their own."""
    points, index = draw(scene, count), indexed(scene)

    def visit(document: Document) -> None:
        Live(scene, points, index).add_to(document)

    return Application(FunctionHandler(visit))


def serve(app: Application, address: str, port: int, origins: Sequence[str] = ()) -> tuple[Server, str]:
    """Start a server on the thread's own loop (a notebook's runs already); it runs as soon as the loop does.

    Args:
        app: what it serves, and nothing else.
        address: that it listens on.
        port: 0 for any that is free.
        origins: further hosts, ``name`` or ``name:port``, that its page may be opened under.

    Returns:
        the server and where its page is.

    Raises:
        InputError: the port is in use, or there is no such address.
    """
    try:
        # Which port it is, of any free one, is known only when it listens; so the hosts are set after that.
        server = Server({"/": app}, address=address, port=port, allow_websocket_origin=["none.invalid"])
    except OSError as error:
        raise _refused(error, address, port) from None
    names = LOOPBACK if address in LOOPBACK else (address, *LOOPBACK)
    wanted = {f"{name}:{server.port}" for name in names} | {one if ":" in one else f"{one}:80" for one in origins}
    server._tornado._websocket_origins = wanted
    server.start()
    shown = "localhost" if address in (*LOOPBACK, "0.0.0.0") else address
    return server, f"http://{shown}:{server.port}/"


def _refused(error: OSError, address: str, port: int) -> InputError:
    if error.errno == errno.EADDRINUSE:
        return InputError(f"--port {port}: expected a free port; found one in use: give another, or 0 for any that is free")
    if error.errno in (errno.EACCES, errno.EPERM):
        return InputError(f"--port {port}: expected a port that you may open; found a reserved one: give one above 1023")
    return InputError(f"--address {address}: expected an address of this machine; found {error.strerror or error}")
