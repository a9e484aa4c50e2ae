"""Fetching files: from a server on this machine, broken, resumed and refused."""

import dataclasses
import hashlib
import http.server
import socket
import threading

import pytest

from mien import artefacts
from mien.errors import WeightsError

CONTENT = bytes(range(256)) * 4000


class _Server(http.server.BaseHTTPRequestHandler):
    stop_after = None
    ranges: list = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self):
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.ranges.append(start)
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.stop_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def served(monkeypatch, tmp_path):
    """An artefact on a local server, and the server's class."""
    _Server.stop_after, _Server.ranges = None, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    entry = dataclasses.replace(
        artefacts.known("yunet"), url=f"http://127.0.0.1:{server.server_port}/it", sha256=hashlib.sha256(CONTENT).hexdigest()
    )
    monkeypatch.setattr(artefacts, "register", lambda: {"yunet": entry})
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    yield _Server
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_once_and_whole(served, tmp_path):
    told = []
    path = artefacts.fetch("yunet", on_progress=lambda step, total: told.append((step, total)))
    assert path.read_bytes() == CONTENT
    assert sum(step for step, _ in told) == len(CONTENT) == told[-1][1]
    assert artefacts.fetch("yunet") == artefacts.installed("yunet") == path
    assert served.ranges == [0]
    assert [p.name for p in tmp_path.iterdir()] == ["yunet.onnx"]


def test_a_broken_download_goes_on_where_it_stopped(served, tmp_path):
    served.stop_after = 300_000
    with pytest.raises(WeightsError, match="ended after 300000 of 1024000 bytes"):
        artefacts.fetch("yunet")
    assert artefacts.installed("yunet") is None
    served.stop_after = None
    assert artefacts.fetch("yunet").read_bytes() == CONTENT
    assert served.ranges[-1] == 300_000


def test_a_changed_file_is_refused_and_leaves_nothing(served, tmp_path, monkeypatch):
    wrong = dataclasses.replace(artefacts.known("yunet"), sha256="0" * 64)
    monkeypatch.setattr(artefacts, "register", lambda: {"yunet": wrong})
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        artefacts.fetch("yunet")
    assert list(tmp_path.iterdir()) == []
    assert artefacts.installed("yunet") is None


def test_offline_opens_no_socket(served, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    with pytest.raises(WeightsError, match=r"--offline forbids fetching it: copy yunet.onnx there"):
        artefacts.fetch("yunet", offline=True)
    assert served.ranges == []


def test_without_a_server_the_cure_is_told(served, monkeypatch):
    nowhere = dataclasses.replace(artefacts.known("yunet"), url="http://127.0.0.1:9/it")
    monkeypatch.setattr(artefacts, "register", lambda: {"yunet": nowhere})
    with pytest.raises(WeightsError, match=r"check the network, or copy yunet.onnx to"):
        artefacts.fetch("yunet")


def test_the_register_is_complete():
    for name, entry in artefacts.register().items():
        assert entry.name == name
        assert entry.what and entry.licence and entry.terms and entry.page.startswith("https://")
        assert bool(entry.url) == bool(entry.sha256) == bool(entry.file), "what can be fetched can be checked"
        assert entry.url or entry.converter
    with pytest.raises(WeightsError, match="did you mean 'yunet'"):
        artefacts.known("yunett")


def test_what_a_program_may_not_fetch_names_its_page_and_the_command():
    with pytest.raises(WeightsError, match=r"get it from https://flame.is.tue.mpg.de, then `mien weights import flame FILE`"):
        artefacts.fetch("flame")
