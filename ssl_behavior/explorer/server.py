"""The explorer as a server, which serves its own page to this machine only, unless ``--address`` says otherwise."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Sequence
from typing import Any

from bokeh.application import Application
from bokeh.resources import Resources
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.util import bind_sockets, create_hosts_allowlist
from bokeh.util.token import generate_secret_key
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import OutputTransform

from ssl_behavior.errors import InputError
from ssl_behavior.explorer.access import KEY, PAGE, SOCKET, ForeignRequest, Refusal
from ssl_behavior.explorer.visits import PageHandler, SocketHandler

LOOPBACK = ("127.0.0.1", "localhost")
_MAX_REQUEST_BYTES = 1 << 16
_MAX_MESSAGE_BYTES = 1 << 20
_MAX_BYTES_PER_POINT = 16
_REFUSAL = (
    "Refused: another site led here, or under another name than the explorer's own. If you want to open the explorer, "
    "click into the address bar and press Enter."
)


def serve(
    app: Application, address: str, port: int, origins: Sequence[str] = (), points: int = 0
) -> tuple[BaseServer, str]:
    """Start a server on this thread's event loop. It answers while the loop runs; in a notebook, it runs already.

    Args:
        app: the page; nothing else is served.
        address: address to listen on.
        port: port to listen on; 0 for any that is free.
        origins: further hosts, ``name`` or ``name:port``, under which the page may be opened.
        points: number of points on the map. A lasso sends the index of every point in it, so they bound a message.

    Returns:
        The server, and the address of its page.

    Raises:
        InputError: the port is in use, or this machine has no such address.
    """
    # Both are checked beforehand: a socket that cannot be used would stay open.
    try:
        port = _free_port(address, port)
        names = LOOPBACK if address in LOOPBACK else (address, *LOOPBACK)
        hosts = create_hosts_allowlist([*(f"{name}:{port}" for name in names), *origins], port)
    except UnicodeError:
        raise InputError(f"--address {address}: expected an address of this machine") from None
    except ValueError as error:
        raise InputError(f"--origins: expected hosts such as localhost:8080; {error}") from None
    except OSError as error:
        raise _cannot_listen(error, address, port) from None
    tornado = ExplorerTornado(
        {PAGE: app},
        extra_websocket_origins=hosts,
        websocket_max_message_size_bytes=_MAX_MESSAGE_BYTES + _MAX_BYTES_PER_POINT * points,
        transforms=[lambda _: ContentPolicy(hosts)],
        # Bokeh would write the browser's headers into the page, with cookies of other programs on this machine.
        include_headers=[],
        include_cookies=[],
        sign_sessions=True,
        secret_key=generate_secret_key().encode(),
    )
    tornado.answer_only(ForeignRequest(hosts, tornado.frame_key))
    http = HTTPServer(tornado, max_header_size=_MAX_REQUEST_BYTES, max_body_size=_MAX_REQUEST_BYTES)
    http.add_sockets(bind_sockets(address, port)[0])
    server = BaseServer(IOLoop.current(), tornado, http)
    server.start()
    host = "localhost" if address in (*LOOPBACK, "0.0.0.0") else address
    return server, f"http://{host}:{port}/"


def frame_address(server: BaseServer, address: str) -> str:
    """Return the address of the page for a notebook, which may be of another site, as those of VS Code are."""
    return f"{address}?{KEY}={server._tornado.frame_key}"


class ExplorerTornado(BokehTornado):
    """Bokeh's application with the explorer's own page and socket.

    It leaves out Bokeh's scripts for formulas: each page would load 2 MB and never use them.

    Attributes:
        frame_key: random text in the address of a notebook's frame.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.frame_key = secrets.token_urlsafe()

    def answer_only(self, foreign: Matcher) -> None:
        """Refuse the requests that ``foreign`` matches, and answer the others."""
        context = {"application_context": self._applications[PAGE], "bokeh_websocket_path": SOCKET}
        own: list[Any] = [
            Rule(foreign, Refusal, {"status": 403, "sentence": _REFUSAL}),
            Rule(PathMatches(PAGE), PageHandler, context),
            Rule(PathMatches(SOCKET), SocketHandler, context),
        ]
        self.default_router.rules[:0] = own

    def resources(self, absolute_url: str | bool | None = None) -> Resources:
        """Return the scripts that a page loads."""
        return super().resources(absolute_url).clone(components=["bokeh", "bokeh-gl", "bokeh-widgets", "bokeh-tables"])


class ContentPolicy(OutputTransform):
    """Adds headers that let the page contact only this server, and let only a few sites embed it.

    Notebooks on this machine may embed it. Bokeh compiles functions from text, which ``unsafe-eval`` allows.

    Args:
        hosts: ``name:port`` under which the page may be opened.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        sockets = " ".join(f"ws://{host} wss://{host}" for host in hosts)
        frames = " ".join(f"http://{host}" for host in (*hosts, "localhost:*", "127.0.0.1:*"))
        self.policy = (
            "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {sockets}; base-uri 'none'; "
            f"form-action 'none'; frame-ancestors 'self' vscode-webview: {frames}"
        )

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: ARG002
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Return the answer with the headers added."""
        headers["Content-Security-Policy"] = self.policy
        headers["X-Content-Type-Options"] = "nosniff"
        return status_code, headers, chunk


def _free_port(address: str, port: int) -> int:
    """Return the port, or any free port for 0, once it is certain that this process can listen on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
        return int(probe.getsockname()[1])


def _cannot_listen(error: OSError, address: str, port: int) -> InputError:
    if error.errno == errno.EADDRINUSE:
        return InputError(f"--port {port}: expected a free port; found one in use: choose another, or 0 for any")
    if error.errno in (errno.EACCES, errno.EPERM):
        return InputError(
            f"--port {port}: expected a port that you may open; found a reserved one: choose one above 1023"
        )
    return InputError(f"--address {address}: expected an address of this machine; found {error.strerror or error}")
