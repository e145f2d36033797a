"""Visits to the explorer: the page, and the socket with which a visitor's session begins.

Bokeh builds a visitor's whole page when a browser asks for the address. Here that answer is the same small page for
everybody, with a signed token. The session begins when the scripts of that page open the socket, which other sites
cannot make a browser do.
"""

from __future__ import annotations

import calendar
import time
from http import HTTPStatus

from bokeh.embed.bundle import bundle_for_objs_and_resources
from bokeh.embed.elements import html_page_for_render_items
from bokeh.embed.util import RenderItem
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.ws import WSHandler
from bokeh.util.token import (
    check_token_signature,
    generate_jwt_token,
    generate_session_id,
    get_session_id,
    get_token_payload,
)
from tornado.web import HTTPError, RequestHandler

from ssl_behavior.explorer.access import PAGE
from ssl_behavior.explorer.page import template

MAX_PAGES = 32
"""Most pages that may be open at once; a closed page counts for another half a minute."""
_FULL = 1013
"""WebSocket's "try again later"."""


class PageHandler(RequestHandler):
    """Answers with a page that opens a socket."""

    application: BokehTornado

    def initialize(self, **_given: object) -> None:
        """Take what every handler of Bokeh is given."""

    def get(self) -> None:
        """Write the page."""
        bokeh = self.application
        if is_full(bokeh):
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, reason="Too many pages are open: close one and try again")
        session = generate_session_id(bokeh.secret_key, signed=True)
        token = generate_jwt_token(session, bokeh.secret_key, signed=True, expiration=bokeh.session_token_expiration)
        scripts = bundle_for_objs_and_resources(None, bokeh.resources())
        item = RenderItem(token=token, use_for_title=True)
        self.write(html_page_for_render_items(scripts, {}, [item], "explorer", template()))


class SocketHandler(WSHandler):
    """Begins the session of a page, if this server issued its token and there is a seat."""

    async def get(self, *given: object, **named: object) -> None:
        """Open the socket, or refuse it."""
        session = self._session()
        if session is None:
            raise HTTPError(HTTPStatus.BAD_REQUEST, reason="Expected a socket of the explorer's page: reload it")
        if is_full(self.application, session):
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, reason="Too many pages are open: close one and try again")
        await super().get(*given, **named)

    async def _async_open(self, token: str) -> None:
        # Again: other sockets may have opened at the same moment.
        if is_full(self.application, get_session_id(token)):
            self.close(_FULL, "too many pages are open")
            return
        await super()._async_open(token)

    def _session(self) -> str | None:
        """Return the session of the token in the request; None for one that is not ours or too old."""
        protocols = self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if len(protocols) != 2 or protocols[0].strip() != "bokeh":
            return None
        token, now = protocols[1].strip(), calendar.timegm(time.gmtime())
        try:
            if not check_token_signature(token, self.application.secret_key, signed=True):
                return None
            return get_session_id(token) if now < get_token_payload(token)["session_expiry"] else None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # it may hold anything
            return None


def is_full(bokeh: BokehTornado, session: str | None = None) -> bool:
    """Return whether there is no seat for a session; one that is open keeps its seat."""
    taken = [open_session.id for open_session in bokeh.get_sessions(PAGE)]
    return session not in taken and len(taken) >= MAX_PAGES
