"""Fetching files: from a server on this machine, broken, resumed and refused."""

import dataclasses
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from mien import artefacts
from mien.errors import WeightsError

SIZE = 1_024_000


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def left(cache):
    """What lies in the cache, but for the lock."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


def content():
    return bytes(range(256)) * 4000


def test_a_file_is_fetched_once_and_whole(server, cache):
    told = []
    path = artefacts.fetch("yunet", on_progress=lambda step, total: told.append((step, total)))
    assert path.read_bytes() == content()
    assert sum(step for step, _ in told) == SIZE == told[-1][1]
    assert artefacts.fetch("yunet") == artefacts.installed("yunet") == path
    assert server.asked == [0]
    assert left(cache) == ["yunet.onnx"]


@pytest.mark.parametrize("ranges_known", [True, False])
def test_a_broken_download_goes_on_where_it_stopped_or_begins_anew(server, cache, ranges_known):
    server.stop_after = 300_000  # pooch writes whole pieces of 256 KiB
    with pytest.raises(WeightsError, match=r"ended after 262,144 bytes: the same command goes on from there"):
        artefacts.fetch("yunet")
    assert artefacts.installed("yunet") is None and left(cache) == [".yunet.onnx.partial"]
    server.stop_after, server.ranges_known = None, ranges_known
    assert artefacts.fetch("yunet").read_bytes() == content()
    assert server.asked == [0, 262_144] and left(cache) == ["yunet.onnx"]


def test_a_whole_partial_file_is_taken_as_it_is(server, cache):
    cache.mkdir()
    (cache / ".yunet.onnx.partial").write_bytes(content())
    assert artefacts.fetch("yunet").read_bytes() == content()
    assert server.asked == [SIZE]


def test_a_partial_file_of_something_else_is_thrown_away(server, cache):
    cache.mkdir()
    (cache / ".yunet.onnx.partial").write_bytes(b"?" * 5000)
    assert artefacts.fetch("yunet").read_bytes() == content()
    assert server.asked == [5000, 0]


def test_a_changed_file_is_refused_and_leaves_nothing(server, known, cache):
    known(dataclasses.replace(artefacts.known("yunet"), sha256="0" * 64))
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        artefacts.fetch("yunet")
    assert left(cache) == [] and artefacts.installed("yunet") is None


def test_a_server_that_sends_more_than_the_file_has_is_stopped(server, known, cache):
    known(dataclasses.replace(artefacts.known("yunet"), size=SIZE - 1))
    with pytest.raises(WeightsError, match=r"sends more than the 1,023,999 bytes of yunet: see http"):
        artefacts.fetch("yunet")
    assert left(cache) == []


def test_a_damaged_file_in_its_place_is_fetched_again(server, cache):
    cache.mkdir()
    (cache / "yunet.onnx").write_bytes(content()[:-1])
    assert artefacts.fetch("yunet").read_bytes() == content()


@pytest.mark.parametrize(("status", "words"), [(404, "answers 404 Not Found: see https://"), (503, "answers 503 Service Unavailable")])
def test_an_answer_that_is_no_file_is_told(server, cache, status, words):
    server.status = status
    with pytest.raises(WeightsError, match=words):
        artefacts.fetch("yunet")
    assert left(cache) == []


def test_without_a_server_the_cure_is_told(server, known):
    known(dataclasses.replace(artefacts.known("yunet"), url="http://127.0.0.1:9/it"))
    with pytest.raises(WeightsError, match=r"no connection to 127.0.0.1:9 .* check the network, or copy yunet.onnx to"):
        artefacts.fetch("yunet")


def test_offline_opens_no_socket(server, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    with pytest.raises(WeightsError, match=r"--offline forbids fetching it: copy yunet.onnx there"):
        artefacts.fetch("yunet", offline=True)
    assert server.asked == []


def test_a_cache_that_cannot_be_written_is_told(server, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match="name another folder with MIEN_CACHE"):
        artefacts.fetch("yunet")


FETCH = """
import dataclasses, sys
from mien import artefacts
from mien.artefacts import entries
entry = dataclasses.replace(artefacts.known("yunet"), url=sys.argv[1], sha256=sys.argv[2])
entries.register = lambda: {"yunet": entry}
print(artefacts.fetch("yunet"))
"""


def test_two_at_once_do_not_mix_and_a_killed_one_is_taken_up(server, cache):
    server.pause = threading.Event()
    entry = artefacts.known("yunet")
    slow = subprocess.Popen([sys.executable, "-c", FETCH, entry.url, entry.sha256], env=os.environ | {"MIEN_CACHE": str(cache)})
    partial = cache / ".yunet.onnx.partial"
    while not (partial.is_file() and partial.stat().st_size >= 2**18):
        assert slow.poll() is None
        time.sleep(0.02)
    with pytest.raises(WeightsError, match="another mien is fetching yunet"):
        artefacts.fetch("yunet")
    slow.kill()
    slow.wait()
    server.pause.set()
    server.pause = None
    there = partial.stat().st_size
    assert 0 < there < SIZE
    assert artefacts.fetch("yunet").read_bytes() == content()
    assert server.asked == [0, there]


def test_what_a_program_may_not_fetch_names_its_page_and_the_command():
    with pytest.raises(WeightsError, match=r"get it from https://flame.is.tue.mpg.de, then `mien weights import flame FILE`"):
        artefacts.fetch("flame")
    with pytest.raises(WeightsError, match="did you mean 'yunet'"):
        artefacts.fetch("yunett")
