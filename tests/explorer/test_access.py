"""Access to a running explorer, and the messages that it takes from a browser, by real requests over the loopback."""

import asyncio
import http.client
import json
import math
import re
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.core.types import ID
from bokeh.util.token import generate_jwt_token, get_session_id, get_token_payload
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.explorer.live_page import application
from ssl_behavior.explorer.marks import Marks
from ssl_behavior.explorer.scene import Scene
from ssl_behavior.explorer.server import frame_address, serve
from ssl_behavior.explorer.visits import MAX_PAGES

SENT = "whatever-else-runs-on-this-machine"
BEYOND = 3 << 20


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


def ask(address: str, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


class Running(NamedTuple):
    """A server in a thread of its own."""

    address: str
    server: Any
    loop: asyncio.AbstractEventLoop
    sockets: list[Any]

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)


@contextmanager
def served(app: Application, *origins: str) -> Iterator[Running]:
    loop, started, sockets = asyncio.new_event_loop(), [], []

    async def start() -> None:
        started.extend(serve(app, "127.0.0.1", 0, origins, points=100))

    async def stop() -> None:
        for websocket in sockets:
            websocket.close()
        started[0].stop(wait=False)
        await started[0]._http.close_all_connections()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: (asyncio.set_event_loop(loop), loop.run_forever(), loop.close()))
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(20)
        try:
            yield Running(started[1], started[0], loop, sockets)
        finally:
            asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)


class Page:
    """An open page, seen from a browser that may write anything to the socket."""

    def __init__(self, running: Running) -> None:
        self.running = running
        token = token_of(ask(running.address))
        self.socket = running.wait(opened(running.address, token, running.address.rstrip("/")))
        running.sockets.append(self.socket)
        assert self.read()["msgtype"] == "ACK"
        self.document = running.server.get_session("/", get_session_id(token)).document

    def read(self) -> dict[str, Any]:
        async def fragments() -> list[Any]:
            header, *others = [await self.socket.read_message() for _ in range(3)]
            for _ in range(2 * json.loads(header).get("num_buffers", 0)):
                await self.socket.read_message()
            return [header, *others]

        header, _, content = self.running.wait(fragments())
        return json.loads(header) | {"content": json.loads(content)}

    def send_events(self, *events: dict[str, Any]) -> None:
        """Send a patch, and wait until the server applied it without an error."""
        content = json.dumps({"events": events})
        header = json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"})

        async def send() -> None:
            for fragment in (header, "{}", content):
                await self.socket.write_message(fragment)

        self.running.wait(send())
        while (answer := self.read()).get("reqid") != "1":
            pass
        assert answer["msgtype"] == "OK", answer["content"]["text"]

    def model(self, name: str) -> Any:
        """A model, as the server has it."""
        return self.document.get_model_by_name(name)

    def change(self, name: str, attribute: str, value: Any) -> None:
        self.send_events(
            {"kind": "ModelChanged", "model": {"id": self.model(name).id}, "attr": attribute, "new": plain(value)}
        )

    def press(self, name: str) -> None:
        event = {"type": "event", "name": "button_click", "values": plain({"model": {"id": self.model(name).id}})}
        self.send_events({"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event})


def plain(value: Any) -> Any:
    """As Bokeh's messages have it."""
    if isinstance(value, dict) and "id" not in value:
        return {"type": "map", "entries": [[name, plain(item)] for name, item in value.items()]}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    special = isinstance(value, float) and not math.isfinite(value)
    return {"type": "number", "value": str(value).replace("inf", "+inf")} if special else value


def token_of(answer: Answer) -> str:
    (token,) = set(re.findall(r'"token":"([^"]+)"', answer.text))
    return token


async def opened(address: str, token: str, origin: str) -> Any:
    request = HTTPRequest(f"ws{address.removeprefix('http')}ws", headers={"Origin": origin})
    return await websocket_connect(request, subprotocols=["bokeh", token], max_message_size=1 << 28)


@pytest.fixture(scope="module")
def folder(make_atlas: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_atlas(tmp_path_factory.mktemp("served") / "atlas")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with served(application(Scene.open(folder), 100), "tunnel:8080") as server:
        yield server


@pytest.fixture(scope="module")
def address(running: Running) -> str:
    return running.address


@pytest.fixture(scope="module")
def page(running: Running) -> Page:
    return Page(running)


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/bokeh.min.js", "/static/", "/nothing"])
def test_under_another_name_it_does_not_answer(address: str, path: str) -> None:
    port = urlsplit(address).port
    for host in (f"evil.example:{port}", "evil.example", "localhost", f"localhost.evil.example:{port}", "0.0.0.0"):
        answer = ask(address, path, Host=host)
        assert (answer.status, "atlas" in answer.text) == (403, False), host


def test_under_its_own_names_it_does(address: str) -> None:
    port = urlsplit(address).port
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"127.0.0.1:{port}", "tunnel:8080"):
        assert ask(address, Host=host).status == 200, host
    assert ask(address, "/static/js/bokeh.min.js").status == 200


OPENED = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
FRAMED = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}


def test_other_sites_get_no_answer(address: str) -> None:
    for path in ("/", "/static/js/bokeh.min.js", "/ws"):
        assert ask(address, path, Origin="http://evil.example").status == 403
        assert ask(address, path, Origin="null").status == 403
        for led in (OPENED, FRAMED, {"Sec_Fetch_Mode": "no-cors"}, {"Sec_Fetch_Mode": "websocket"}, {}):
            assert ask(address, path, Sec_Fetch_Site="cross-site", **led).status == 403
            assert ask(address, f"{path}?key=guessed", Sec_Fetch_Site="cross-site", **led).status == 403
    for dest in ("object", "embed", "script", "image", "empty", "frame"):
        assert ask(address, Sec_Fetch_Site="same-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest=dest).status == 403
    for path in ("/autoload.js?bokeh-autoload-element=x", "/metadata", "/ws/", "//", "/atlas.yaml"):
        assert ask(address, path).status == 403, path
    assert "press Enter" in ask(address, Sec_Fetch_Site="cross-site", **OPENED).text


def test_a_person_and_a_notebook_may_open_the_page(running: Running) -> None:
    for headers in (
        {},  # an older browser
        {"Sec_Fetch_Site": "none", **OPENED},  # typed, or a bookmark
        {"Sec_Fetch_Site": "same-origin", **OPENED},  # reloaded
        {"Sec_Fetch_Site": "same-site", **OPENED},
        {"Sec_Fetch_Site": "same-site", **FRAMED},  # a notebook on this machine
    ):
        assert ask(running.address, **headers).status == 200, headers
    path = frame_address(running.server, "/")  # a notebook of VS Code
    assert ask(running.address, path, Sec_Fetch_Site="cross-site", **FRAMED).status == 200
    assert ask(running.address, path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403


def test_the_policy_lets_only_this_machine_frame_the_page(address: str) -> None:
    answer = ask(address)
    policy = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert not {"*", "http:", "https:"} & set(" ".join(policy.values()).split())
    ours = ("http://localhost:", "http://127.0.0.1:", "http://tunnel:", "'self'", "vscode-webview:")
    assert all(site.startswith(ours) for site in policy["frame-ancestors"].split())
    assert "Access-Control-Allow-Origin" not in answer.headers


def raw(address: str, request: bytes) -> int | None:
    """Send bytes; the status of the answer, or None if the server hung up."""
    where = urlsplit(address)
    with socket.create_connection((str(where.hostname), int(where.port or 0)), 20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            words = connection.recv(1 << 16).split()
            return int(words[1]) if len(words) > 1 else None
    return None


UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"
ODD_LINES = [
    "Origin: http://[::1", "Origin: http://[", "Origin: http://[x]:y", "Origin: \x00", "Origin: //", "Origin:",
    "Origin: http://a\r\nOrigin: http://b", "Host: [::1", "Host: a:b:c", "Host: %00", "Host: \xff", "Host:",
    "Host: a\r\nHost: b", "Host: ,", "Host: localhost:99999999999999999999", "Referer: http://[::1",
    "Sec-Fetch-Site: \xff", "Sec-Fetch-Dest: \xff", "Cookie: =;;=\xff;" + "a=" * 500, "X: " + "y" * 60_000,
    "Content-Length: x", "Content-Length: -1", "Content-Length: 99999999999", "Transfer-Encoding: chunked",
    "Content-Type: multipart/form-data", "Range: bytes=x-y", "Range: bytes=-99999999999999999999999",
    "If-Modified-Since: x", "If-Modified-Since: Mon, 99 Foo 99999999999999 99:99:99 GMT", "If-None-Match: \xff",
    "Bokeh-Session-Id: x", "Expect: 100-continue", "Accept-Encoding: \xff", "no colon", " : ",
]  # fmt: skip
ODD_PATHS = [
    "/static/%00", "/static/js/%00", "/static/%ff", "/static/js/bokeh.min.js%00", "/static/js/bokeh.min.js/x",
    "/static/js", "/static/js/", "/static", "/static/extensions/x", "/static/extensions/%00/y", "/static/extensions",
    "/static/" + "x" * 300, "/static" + "/x" * 3000, "/static/%", "/static/%zz", "/static/js/~", "/static/...", "/%00",
    "/%", "/%ff", "/?%ff=%00", "/?key=%ff", "/?key", "/?bokeh-session-id=%00", "/?bokeh-token=x", "/?" + "a&" * 2000,
    "/ws?%ff", "/ws?bokeh-token=x", "*", "http://[::1", "http://evil.example/", "///", "/static//", "/favicon.ico/",
    "/favicon.ico%00", "\xff", "/static/js/bokeh.min.js?v=%ff", "/static/js/bokeh.min.js?v=a&v=b",
]  # fmt: skip
ODD_TOKENS = [
    "", "bokeh", "bokeh, ", "bokeh, x", "bokeh, x.y", "bokeh, \xff.\xff", "x, y", "bokeh, e30.x", "bokeh, bnVsbA.x",
    "bokeh, WzFd.", "bokeh, " + "W1tb" * 4000 + ".x", "bokeh, a, b", "bokeh, eyJzZXNzaW9uX2lkIjogMX0.x",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_odd_requests_get_an_answer_and_leave_no_traceback(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    host = f"Host: {urlsplit(running.address).netloc}\r\n"
    paths, sockets = ("/", "/ws", "/static/js/bokeh.min.js", "/favicon.ico", "/nothing"), [UPGRADE, ""]
    requests = [f"GET {path} HTTP/1.1\r\n{'' if line.startswith('Host') else host}{line}\r\n{more}\r\n"
                for line in ODD_LINES for path in paths for more in (sockets if path == "/ws" else [""])]  # fmt: skip
    requests += [f"{method} {path} HTTP/1.1\r\n{host}\r\n" for path in ODD_PATHS for method in ("GET", "HEAD", "POST")]
    requests += [f"GET /ws HTTP/1.1\r\n{host}{UPGRADE}Sec-WebSocket-Protocol: {odd}\r\n\r\n" for odd in ODD_TOKENS]
    requests += ["\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9\r\n\r\n", "\x16\x03\x01", f"GET / HTTP/1.0\r\n{host}\r\n"]
    for request in requests:
        status = raw(running.address, request.encode("latin1"))
        assert status is None or status < 500, request[:200]
    assert ask(running.address).status == 200
    assert [record.getMessage() for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []


def test_only_tokens_that_this_server_issued_open_a_socket(running: Running) -> None:
    token = generate_jwt_token(ID("made-up"), signed=False)
    for wrong in (token, f"{token}.{token}", token_of(ask(running.address))[:-1] + "-"):
        with pytest.raises(HTTPClientError, match="400"):
            running.wait(opened(running.address, wrong, running.address.rstrip("/")))


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2f..%2fsettings.py",
                                  "/static//etc/passwd", "/static/%2fetc/passwd", "/static/extensions/x/../../y",
                                  "/static/js/..\\..\\x", "/../atlas.yaml", "/%2e%2e/atlas.yaml"])  # fmt: skip
def test_no_path_leads_out_of_the_served_files(address: str, path: str) -> None:
    assert ask(address, path).status in (400, 403, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_posted_requests_are_refused(address: str, method: str, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for path in ("/", "/ws", "/static/js/bokeh.min.js", "/favicon.ico"):
        form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": "http://evil.example"}
        assert ask(address, path, method, b"name=x", **form).status == 403
        assert ask(address, path, method, b"name=x").status == 405
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_requests_are_bounded(address: str) -> None:
    for request in ({"method": "POST", "body": bytes(BEYOND)}, {"Cookie": "x" * BEYOND}, {"path": "/?" + "x" * BEYOND}):
        with suppress(ConnectionError, http.client.HTTPException):  # the server hung up, which is as good
            assert ask(address, **request).status in (400, 413, 431)  # type: ignore[arg-type]
    assert ask(address).status == 200


def test_a_page_does_not_repeat_headers_of_the_browser(address: str) -> None:
    page = ask(address, Cookie=f"session={SENT}", Authorization=SENT, X_Forwarded_User=SENT)
    assert SENT not in json.dumps(get_token_payload(token_of(page)), default=str)
    assert SENT not in page.text


def test_a_socket_is_for_its_own_page(running: Running) -> None:
    token = token_of(ask(running.address))
    with pytest.raises(HTTPClientError, match="403"):
        running.wait(opened(running.address, token, "http://evil.example"))
    assert Page(running).model("map") is not None


def test_messages_are_bounded(running: Running) -> None:
    page = Page(running)

    async def last() -> Any:
        page.socket.write_message("x" * BEYOND)
        while await page.socket.read_message() is not None:
            pass
        return page.socket.close_code

    assert running.wait(last()) == 1009


def test_a_lasso_around_many_points_fits_into_a_message(page: Page) -> None:
    chosen = list(range(100_000, 200_000))
    page.send_events(
        {"kind": "ModelChanged", "model": {"id": page.model("points").selected.id}, "attr": "indices", "new": chosen}
    )
    assert page.model("points").selected.indices == chosen


def test_asking_for_the_page_takes_no_seat_and_begins_no_session() -> None:
    built: list[Any] = []
    with served(Application(FunctionHandler(built.append))) as running:
        assert [ask(running.address).status for _ in range(MAX_PAGES + 3)] == [200] * (MAX_PAGES + 3)
        assert (built, running.server.get_sessions("/")) == ([], [])
        Page(running)
        assert len(built) == len(running.server.get_sessions("/")) == 1


def test_pages_are_bounded() -> None:
    with served(Application(FunctionHandler(lambda _: None))) as running:
        address = running.address
        tokens = [token_of(ask(address)) for _ in range(MAX_PAGES + 3)]

        async def open_all() -> list[str]:
            """Open a page for each token at once, and return the tokens that got no seat, whichever came last."""
            opening = [opened(address, token, address.rstrip("/")) for token in tokens]
            refused = []
            for token, made in zip(tokens, await asyncio.gather(*opening, return_exceptions=True), strict=True):
                if isinstance(made, BaseException):
                    assert isinstance(made, HTTPClientError), made
                    refused.append(token)
                    continue
                running.sockets.append(made)
                if await made.read_message() is None:  # the server closed it
                    refused.append(token)
            return refused

        refused = running.wait(open_all())
        assert len(refused) == 3
        assert len(running.server.get_sessions("/")) == MAX_PAGES
        assert ask(address).status == 503
        for token in refused:
            with pytest.raises(HTTPClientError, match="503"):
                running.wait(opened(address, token, address.rstrip("/")))
        assert ask(address, "/static/js/bokeh.min.js").status == 200  # open pages keep working


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails if a message of a page made the server log an error, whose traceback Bokeh would send."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.usefixtures("faults")
def test_requests_for_moments_outside_the_atlas_are_ignored(page: Page) -> None:
    good = {"video": [1], "agent": [1], "target": [0], "frame": [10**15]}
    page.change("request", "data", good)
    clip = page.model("clip").data
    assert (clip["video"], clip["agent"], clip["frame"][0]) == ([1], [1], 299)  # the last frame
    for name, value in (("video", 10**9), ("video", -1), ("agent", 7), ("video", "<b>"), ("frame", None),
                        ("frame", math.nan), ("frame", math.inf)):  # fmt: skip
        page.change("request", "data", good | {"video": [0], name: [value]})
        assert page.model("clip").data["video"] == [1], (name, value)
    for columns in ({}, {"video": []}, {name: [] for name in good}):
        page.change("request", "data", columns)
        assert page.model("clip").data["video"] == [1]


@pytest.mark.usefixtures("faults")
def test_a_search_uses_the_clip_that_the_server_sent(page: Page) -> None:
    page.change("clip", "data", {"video": [10**9], "agent": ["x"], "target": [-1]})
    page.press("search")
    assert "moments</b> most like" in page.model("search_message").text


@pytest.mark.usefixtures("faults")
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("word", "x" * 300, "at most 200 characters"),
        ("word", "bell\x07", "without control characters"),
        ("word", "half \ud800", "without control characters"),
        ("word", "unmarked", "expected a word for the label"),
        ("word", "", "type it under Word"),
        ("channel", "../../S1", "expected one of the channels"),
        ("span", (0.0, 1e300), "expected frames of the clip"),
        ("span", (-5.0, 5.0), "expected frames of the clip"),
        ("span", (3.0, 3.0), "expected frames of the video"),
        ("span", (math.nan, 5.0), "expected frames of the clip"),
    ],
)
def test_impossible_marks_are_refused_in_a_sentence(
    name: str, value: Any, message: str, page: Page, folder: Path
) -> None:
    page.change("request", "data", {"video": [0], "agent": [0], "target": [1], "frame": [0]})
    for model, usual in (("channel", "S1"), ("label", "another word …"), ("word", "odd"), (name, value)):
        page.change(model, "value", usual)
    page.press("mark")
    assert message in page.model("mark_message").text
    assert not (folder / "marks").exists()


@pytest.mark.usefixtures("faults")
@pytest.mark.parametrize(
    ("cluster", "name", "message"),
    [
        ("../names", "chase", "expected a cluster from 0 to 2"),
        ("99999999999999999999", "chase", "expected a cluster from 0 to 2"),
        ("1", "x" * 300, "at most 200 characters"),
        ("1", "bell\x07", "without control characters"),
        ("1", "half \ud800", "without control characters"),
    ],
)
def test_impossible_names_are_refused_in_a_sentence(
    cluster: str, name: str, message: str, page: Page, folder: Path
) -> None:
    page.change("cluster", "value", cluster)
    page.change("cluster_name", "value", name)
    page.press("save name")
    assert message in page.model("name_message").text
    assert not (folder / "clusters" / "names.yaml").exists()


@pytest.mark.usefixtures("faults")
def test_two_explorers_keep_each_others_marks_and_names(atlas: Path) -> None:
    with served(application(Scene.open(atlas), 50)) as first, served(application(Scene.open(atlas), 50)) as second:
        pages = [Page(running) for running in (first, second, first)]
        for page, label, number in zip(pages, ("attack", "sniff", "wrong"), "012", strict=True):
            page.change("label", "value", label)
            page.press("mark")
            page.change("cluster", "value", number)
            page.change("cluster_name", "value", f"called {number}")
            page.press("save name")
        marks = Marks(Atlas(atlas))
        assert [mark.label for mark in marks.all] == ["attack", "sniff", "wrong"]
        assert ClusteredAtlas(Atlas(atlas)).names == {0: "called 0", 1: "called 1", 2: "called 2"}
        pages[0].press("remove mark")  # its own list ends with its own mark
        assert [mark.label for mark in marks.all] == ["sniff", "wrong"]
        chosen = {"kind": "ModelChanged", "model": {"id": pages[1].model("marks").selected.id}}
        pages[1].send_events(chosen | {"attr": "indices", "new": [-7]})
        pages[1].press("remove mark")
        assert [mark.label for mark in marks.all] == ["wrong"]
