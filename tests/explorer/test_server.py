import http.client
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bokeh.application import Application

from ssl_behavior.errors import InputError
from ssl_behavior.explore import ExploreConfig, explore, in_notebook
from ssl_behavior.explorer.server import serve


def status(address: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.slow
def test_it_serves_nothing_but_the_page_and_only_to_itself(
    shared_atlas: Path, running: Callable[..., AbstractContextManager[str]]
) -> None:
    with running(shared_atlas, "--origins", "tunnel:8080") as address:
        port = urlsplit(address).port
        assert urlsplit(address).hostname == "localhost"
        assert status(address, "/") == 200
        for path in ("/atlas.yaml", "/videos/", "/static/../../../../../../etc/passwd", "/clusters/names.yaml"):
            assert status(address, path) in (403, 404), path
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "a" * 22 + "=="}
        upgrade |= {"Sec-WebSocket-Version": "13"}
        assert status(address, "/ws", Origin="http://evil.example", **upgrade) == 403
        assert status(address, "/ws", Origin="http://localhost:3000", **upgrade) == 403
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", "tunnel:8080"):
            assert status(address, "/ws", Origin=f"http://{host}", **upgrade) != 403, host
        listening = Path("/proc/net/tcp")
        if listening.exists():
            sockets = [line.split()[1] for line in listening.read_text().splitlines() if f":{port:04X} " in line]
            assert sockets
            assert all(local.startswith("0100007F") for local in sockets if local.endswith(f":{port:04X}"))


def test_a_port_in_use_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port}: expected a free port; found one in use"):
            serve(Application(), "127.0.0.1", port)


@pytest.mark.parametrize(
    ("address", "origins", "message"),
    [
        ("192.0.2.1", (), "--address 192.0.2.1: expected an address of this machine"),
        ("127.0.0.1", ("a:b:c",), "--origins: expected hosts such as localhost:8080"),
    ],
)
def test_unusable_addresses_are_refused(address: str, origins: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        serve(Application(), address, 0, origins)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"atlas": Path("nowhere")}, "nowhere: expected an atlas"),
        ({"points": 0}, "--points: expected a number above 0"),
        ({"port": 70_000}, "--port: expected 65535 or less and found 70000"),
        ({"port": -1}, "--port: expected 0 or more"),
        ({"export": Path("page.txt")}, r"--export page.txt: expected a name that ends in \.html"),
        ({"predictions": Path("nowhere")}, "nowhere: expected predictions; found no such folder"),
    ],
)
def test_bad_settings_are_refused(changed: dict[str, object], message: str, shared_atlas: Path) -> None:
    settings = {"atlas": shared_atlas, "browser": False, **changed}
    with pytest.raises(InputError, match=message):
        explore(ExploreConfig(**settings))  # type: ignore[arg-type]


def test_a_page_is_written_once(shared_atlas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ExploreConfig(shared_atlas, points=60, export=tmp_path / "new" / "page.html")
    assert explore(config) == config.export
    assert "60 of 1,200 frames" in capsys.readouterr().out
    with pytest.raises(InputError, match="found a file: choose another name, or add --overwrite"):
        explore(config)


def test_a_page_in_a_notebook_escapes_what_frames_it(shared_atlas: Path, tmp_path: Path) -> None:
    cell = in_notebook(ExploreConfig(shared_atlas, points=60, export=tmp_path / "page.html"), height=500)._repr_html_()
    assert cell.startswith('<iframe srcdoc="')
    assert cell.count('"') == 8  # around srcdoc, width, height and style; those of the page are escaped
    assert 'height="500"' in cell
