"""The explorer as a server, which serves its own page to this machine only, unless ``--address`` says otherwise."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from bokeh.application import Application
from bokeh.resources import Resources
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.util import bind_sockets, check_allowlist, create_hosts_allowlist
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.routing import Matcher, Rule
from tornado.web import ErrorHandler, OutputTransform

from ssl_behavior.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost")
MAX_PAGES = 32
"""Most pages that may be open at once; a closed page counts for another half a minute."""
_MAX_REQUEST_BYTES = 1 << 16
_MAX_MESSAGE_BYTES = 1 << 20
_MAX_BYTES_PER_POINT = 16
_PAGE, _PATHS, _STATIC = "/", ("/", "/ws", "/favicon.ico"), "/static/"


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
        {"/": app},
        extra_websocket_origins=hosts,
        websocket_max_message_size_bytes=_MAX_MESSAGE_BYTES + _MAX_BYTES_PER_POINT * points,
        transforms=[lambda _: ContentPolicy(hosts)],
        # Bokeh would write the browser's headers into the page, with cookies of other programs on this machine.
        include_headers=[],
        include_cookies=[],
    )
    refusals: list[Any] = [
        Rule(ForeignRequest(hosts), ErrorHandler, {"status_code": 403}),
        Rule(TooManyPages(tornado, MAX_PAGES), ErrorHandler, {"status_code": 503}),
    ]
    tornado.default_router.rules[:0] = refusals
    http = HTTPServer(tornado, max_header_size=_MAX_REQUEST_BYTES, max_body_size=_MAX_REQUEST_BYTES)
    http.add_sockets(bind_sockets(address, port)[0])
    server = BaseServer(IOLoop.current(), tornado, http)
    server.start()
    host = "localhost" if address in (*LOOPBACK, "0.0.0.0") else address
    return server, f"http://{host}:{port}/"


class ExplorerTornado(BokehTornado):
    """Bokeh's application without its scripts for formulas: each page would load 2 MB and never use them."""

    def resources(self, absolute_url: str | bool | None = None) -> Resources:
        """Return the scripts that a page loads."""
        return super().resources(absolute_url).clone(components=["bokeh", "bokeh-gl", "bokeh-widgets", "bokeh-tables"])


class ForeignRequest(Matcher):
    """Matches requests that the page does not make: under another name, from another site, or of another path.

    The attacker's name server can give this machine a name in the attacker's site (DNS rebinding); the browser would
    then let that site read the explorer. ``autoload.js``, with which Bokeh lets other pages embed this one, is refused.

    Args:
        hosts: ``name:port`` under which the page may be opened.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self.hosts = hosts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return an empty dictionary for a request to refuse, else None."""
        headers = request.headers
        origin = urlsplit(headers["Origin"]).netloc if "Origin" in headers else request.host
        has_our_name = all(check_allowlist(host.lower(), self.hosts) for host in (request.host, origin))
        # A link or a notebook's frame may lead here; a picture or a script of another site may not.
        is_embedded = (headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")) == ("cross-site", "no-cors")
        is_our_path = request.path in _PATHS or request.path.startswith(_STATIC)
        return None if has_our_name and is_our_path and not is_embedded else {}


class TooManyPages(Matcher):
    """Matches requests for a page when the largest number of pages is open.

    Args:
        tornado: the application.
        limit: largest number of open pages.
    """

    def __init__(self, tornado: BokehTornado, limit: int) -> None:
        self.tornado, self.limit = tornado, limit

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return an empty dictionary for a request to refuse, else None."""
        is_full = request.path == _PAGE and len(self.tornado.get_sessions(_PAGE)) >= self.limit
        return {} if is_full else None


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
