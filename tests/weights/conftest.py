"""A server on this machine that behaves as told, and a register with an artefact that lies on it."""

import dataclasses
import hashlib
import http.server
import threading

import pytest

from mien import artefacts
from mien.artefacts import entries

CONTENT = bytes(range(256)) * 4000


class Server(http.server.BaseHTTPRequestHandler):
    """Sends `CONTENT`; a test sets how well."""

    status = None  #: answer this and nothing else
    ranges_known = True
    stop_after = None  #: bytes of the body, then the connection ends
    pause = None  #: an event to wait for after the first half
    asked: list = []  # noqa: RUF012 - emptied by the fixture; where each request wanted to start

    def do_GET(self):
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.asked.append(start)
        if self.status:
            self.send_error(self.status)
            return
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:] if self.ranges_known else CONTENT
        self.send_response(206 if start and self.ranges_known else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: self.stop_after]
        self.wfile.write(body[: len(body) // 2])
        if self.pause:
            self.wfile.flush()
            self.pause.wait(60)
        self.wfile.write(body[len(body) // 2 :])

    def log_message(self, *args):
        pass


@pytest.fixture
def known(monkeypatch, tmp_path):
    """Puts an entry into the register in place of the one of its name, and an empty folder in place of the cache."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    everything = dict(artefacts.register())

    def put(entry):
        everything[entry.name] = entry
        for module in (entries, artefacts):
            monkeypatch.setattr(module, "register", lambda: everything)

    return put


@pytest.fixture
def server(known):
    """The class of a server that runs, and in the register what it serves, as ``yunet``."""
    Server.status = Server.stop_after = Server.pause = None
    Server.ranges_known, Server.asked = True, []
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{running.server_port}/it"
    known(dataclasses.replace(artefacts.known("yunet"), url=url, size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest()))
    yield Server
    running.shutdown()
    running.server_close()
