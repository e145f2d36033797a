"""The explorer as a server, on this machine only unless told otherwise."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.util import bind_sockets, create_hosts_allowlist
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.routing import Rule
from tornado.web import ErrorHandler

from ssl_behavior.errors import InputError
from ssl_behavior.explorer.door import Crowded, Policy, Strange
from ssl_behavior.explorer.live import Live, indexed
from ssl_behavior.explorer.points import draw
from ssl_behavior.explorer.scene import Scene

LOOPBACK = ("127.0.0.1", "localhost")
MOST_PAGES = 32
"""Pages that are open at once; one that nobody looks at any more ends within half a minute."""
_LARGEST_REQUEST = 1 << 16
_LARGEST_MESSAGE = 1 << 20


def application(scene: Scene, count: int) -> Application:
    """The explorer of a scene; the points are drawn once, and every visitor has a page of their own."""
    points, index = draw(scene, count), indexed(scene)

    def visit(document: Document) -> None:
        Live(scene, points, index).add_to(document)

    return Application(FunctionHandler(visit))


def serve(
    app: Application, address: str, port: int, origins: Sequence[str] = (), points: int = 0
) -> tuple[BaseServer, str]:
    """Start a server on the thread's own loop (a notebook's runs already); it runs as soon as the loop does.

    Args:
        app: what it serves, and nothing else.
        address: that it listens on.
        port: 0 for any that is free.
        origins: further hosts, ``name`` or ``name:port``, that its page may be opened under.
        points: on the map; what a lasso may say of them is what makes a message long.

    Returns:
        the server and where its page is.

    Raises:
        InputError: the port is in use, or there is no such address.
    """
    # Both are looked at beforehand: a socket that cannot be bound, or is of no use, would be left open.
    try:
        port = _free(address, port)
        names = LOOPBACK if address in LOOPBACK else (address, *LOOPBACK)
        hosts = create_hosts_allowlist([*(f"{name}:{port}" for name in names), *origins], port)
    except UnicodeError:
        raise InputError(f"--address {address}: expected an address of this machine") from None
    except ValueError as error:
        raise InputError(f"--origins: expected hosts such as localhost:8080; {error}") from None
    except OSError as error:
        raise _refused(error, address, port) from None
    served = BokehTornado(
        {"/": app},
        extra_websocket_origins=hosts,
        websocket_max_message_size_bytes=_LARGEST_MESSAGE + 16 * points,
        transforms=[lambda _: Policy(hosts)],
        # Bokeh would write what a browser sends into the page: cookies, too, of whatever else runs on this machine.
        include_headers=[],
        include_cookies=[],
    )
    own: list[Any] = [
        Rule(Strange(hosts), ErrorHandler, {"status_code": 403}),
        Rule(Crowded(served, MOST_PAGES), ErrorHandler, {"status_code": 503}),
    ]
    served.default_router.rules[:0] = own
    http = HTTPServer(served, max_header_size=_LARGEST_REQUEST, max_body_size=_LARGEST_REQUEST)
    http.add_sockets(bind_sockets(address, port)[0])
    server = BaseServer(IOLoop.current(), served, http)
    server.start()
    shown = "localhost" if address in (*LOOPBACK, "0.0.0.0") else address
    return server, f"http://{shown}:{port}/"


def _free(address: str, port: int) -> int:
    """The port, or any for 0, if it can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
        return int(probe.getsockname()[1])


def _refused(error: OSError, address: str, port: int) -> InputError:
    if error.errno == errno.EADDRINUSE:
        return InputError(
            f"--port {port}: expected a free port; found one in use: give another, or 0 for any that is free"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return InputError(
            f"--port {port}: expected a port that you may open; found a reserved one: give one above 1023"
        )
    return InputError(f"--address {address}: expected an address of this machine; found {error.strerror or error}")
