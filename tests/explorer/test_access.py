"""Access to a running explorer, and the messages that it takes from a browser, by real requests over the loopback."""

import asyncio
import http.client
import json
import math
import re
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.util.token import get_session_id, get_token_payload
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.explorer.live_page import application
from ssl_behavior.explorer.marks import Marks
from ssl_behavior.explorer.scene import Scene
from ssl_behavior.explorer.server import MAX_PAGES, serve

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
        yield Running(started[1], started[0], loop, sockets)
        asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)


class Page:
    """An open page, seen from a browser that may write anything to the socket."""

    def __init__(self, running: Running) -> None:
        self.running = running
        token = token_of(ask(running.address))
        self.document = running.server.get_session("/", get_session_id(token)).document
        self.socket = running.wait(opened(running.address, token, running.address.rstrip("/")))
        running.sockets.append(self.socket)
        assert self.read()["msgtype"] == "ACK"

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


def test_other_sites_get_no_answer(address: str) -> None:
    for path in ("/", "/static/js/bokeh.min.js"):
        assert ask(address, path, Origin="http://evil.example").status == 403
        assert ask(address, path, Origin="null").status == 403
        assert ask(address, path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    for path in ("/autoload.js?bokeh-autoload-element=x", "/metadata", "/ws/", "//", "/atlas.yaml"):
        assert ask(address, path).status == 403, path
    answer = ask(address, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")  # a link, or a notebook's frame
    assert answer.status == 200
    policy = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert not {"*", "http:", "https:"} & set(" ".join(policy.values()).split())
    ours = ("http://localhost:", "http://127.0.0.1:", "http://tunnel:", "'self'", "vscode-webview:")
    assert all(site.startswith(ours) for site in policy["frame-ancestors"].split())
    assert "Access-Control-Allow-Origin" not in answer.headers


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


def test_pages_are_bounded() -> None:
    with served(Application(FunctionHandler(lambda _: None))) as running:
        address = running.address
        statuses = [ask(address).status for _ in range(MAX_PAGES + 3)]
        assert statuses == [200] * MAX_PAGES + [503] * 3
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
