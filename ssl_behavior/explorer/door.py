"""Who is let in to the explorer: its own page, opened under a name that it goes by, and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from bokeh.server.tornado import BokehTornado
from bokeh.server.util import check_allowlist
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import OutputTransform

_PAGE, _OWN, _BELOW = "/", ("/", "/ws", "/favicon.ico"), "/static/"


class Strange(Matcher):
    """Requests that the page does not make: under another name, from another site, or for something else.

    A name that an attacker's server gives to this machine (DNS rebinding) would else make the explorer a part of the
    attacker's site; and what Bokeh serves so that others may embed a page (``autoload.js``) is nobody's business here.

    Args:
        hosts: ``name:port`` that the page may be opened under.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self.hosts = hosts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """What is strange matches."""
        headers = request.headers
        origin = urlsplit(headers["Origin"]).netloc if "Origin" in headers else request.host
        is_named = all(check_allowlist(host.lower(), self.hosts) for host in (request.host, origin))
        # A link or a notebook's frame may lead here; a picture or a script of another site may not.
        is_drawn_in = (headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")) == ("cross-site", "no-cors")
        is_own = request.path in _OWN or request.path.startswith(_BELOW)
        return None if is_named and is_own and not is_drawn_in else {}


class Crowded(Matcher):
    """Requests for one page more than there may be.

    Args:
        served: the pages.
        most: how many there may be.
    """

    def __init__(self, served: BokehTornado, most: int) -> None:
        self.served, self.most = served, most

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """What is too much matches."""
        is_full = request.path == _PAGE and len(self.served.get_sessions(_PAGE)) >= self.most
        return {} if is_full else None


class Policy(OutputTransform):
    """Tells the browser that the page asks nobody but this server for anything, and who may show it in a frame.

    Notebooks on this machine may. Bokeh makes functions of texts, so that those of the page must be let run.

    Args:
        hosts: ``name:port`` that the page may be opened under.
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
        """The same with one header more."""
        headers["Content-Security-Policy"] = self.policy
        headers["X-Content-Type-Options"] = "nosniff"
        return status_code, headers, chunk
