"""Access to the explorer: it answers requests of its own page, and of a person who opens it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from bokeh.server.util import check_allowlist
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import RequestHandler

PAGE, SOCKET = "/", "/ws"
KEY = "key"
"""The parameter of an address that lets a notebook of another site frame the page."""
_PATHS = (PAGE, SOCKET, "/favicon.ico")
_STATIC = re.compile(r"/static(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
"""Names of Bokeh's files; nothing that a browser or a file system could take for something else, such as %00 or .. ."""
_PLACES = (None, "document", "iframe")
"""Where a browser may show the page (Sec-Fetch-Dest). Older browsers do not say."""


class ForeignRequest(Matcher):
    """Matches requests that the page does not make: under another name, from another site, or of another path.

    The attacker's name server can give this machine a name in the attacker's site (DNS rebinding); the browser would
    then let that site read the explorer. ``autoload.js``, with which Bokeh lets other pages embed this one, is refused.

    A browser says whether another site made it ask (Sec-Fetch-Site). A person who types an address or opens a bookmark
    comes from no site; a notebook on this machine is of the same site. Other notebooks, as those of VS Code, have
    an address with the key.

    Args:
        hosts: ``name:port`` under which the page may be opened.
        key: random text, known only to whom this process showed it.
    """

    def __init__(self, hosts: Sequence[str], key: str) -> None:
        self.hosts, self.key = hosts, key

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Return an empty dictionary for a request to refuse, else None."""
        is_our_path = request.path in _PATHS or _STATIC.fullmatch(request.path)
        is_accepted = is_our_path and self._has_our_name(request) and self._has_our_site(request)
        return None if is_accepted else {}

    def _has_our_name(self, request: HTTPServerRequest) -> bool:
        origins = request.headers.get_list("Origin")
        try:
            names = [request.host, *(urlsplit(origin).netloc for origin in origins)]
        except ValueError:  # such as http://[::1
            return False
        return len(origins) <= 1 and all(check_allowlist(name.lower(), self.hosts) for name in names)

    def _has_our_site(self, request: HTTPServerRequest) -> bool:
        headers = request.headers
        if request.path == PAGE and headers.get("Sec-Fetch-Dest") not in _PLACES:
            return False
        site = headers.get("Sec-Fetch-Site", "none")
        if site in ("none", "same-origin"):
            return True
        is_opened = request.path == PAGE and headers.get("Sec-Fetch-Mode") == "navigate"
        return is_opened and (site == "same-site" or self._has_key(request))

    def _has_key(self, request: HTTPServerRequest) -> bool:
        return any(compare_digest(key, self.key.encode()) for key in request.arguments.get(KEY, []))


class Refusal(RequestHandler):
    """Answers a request with a status and a sentence."""

    def initialize(self, status: int, sentence: str) -> None:
        """Take the answer."""
        self.answer = status, sentence

    def prepare(self) -> None:
        """Answer, whatever the method."""
        status, sentence = self.answer
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{sentence}\n")

    def check_xsrf_cookie(self) -> None:
        """Let a posted request be refused as any other."""
