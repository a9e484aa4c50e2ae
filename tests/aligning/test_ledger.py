"""The ledger: whatever moment a run is stopped at, what was committed is there once and the rest is not."""

import pytest

from mien.data.ledger import Ledger
from mien.errors import DataError


def filled(path, count=3):
    ledger = Ledger(path, "kind 1")
    for i in range(count):
        with ledger.entry(f"in{i}", f"stamp{i}") as entry:
            entry.add(f"a{i}.png", bytes([i]) * (700 * i + 1))
            entry.add(f"b{i}.png", b"")
            entry.commit(f"text {i}")
    ledger.close()
    return path.read_bytes()


def contents(ledger):
    return [(r.name, r.stamp, r.text, {n: ledger.read(p) for n, p in r.pictures.items()}) for r in ledger.records]


def expected(count):
    return [(f"in{i}", f"stamp{i}", f"text {i}", {f"a{i}.png": bytes([i]) * (700 * i + 1), f"b{i}.png": b""}) for i in range(count)]


def test_cut_off_anywhere_it_goes_on_with_the_whole_records(tmp_path):
    path = tmp_path / "ledger"
    whole, kept = filled(path), []
    for end in [*range(0, len(whole), 97), len(whole)]:
        path.write_bytes(whole[:end])
        ledger = Ledger(path, "kind 1")
        kept.append(len(ledger.records))
        assert contents(ledger) == expected(kept[-1])
        for i in range(kept[-1], 3):
            with ledger.entry(f"in{i}", f"stamp{i}") as entry:
                entry.add(f"a{i}.png", bytes([i]) * (700 * i + 1))
                entry.add(f"b{i}.png", b"")
                entry.commit(f"text {i}")
        ledger.close()
        assert path.read_bytes() == whole
    assert kept == sorted(kept) and set(kept) == {0, 1, 2, 3}


def test_what_was_not_committed_leaves_no_trace(tmp_path):
    path = tmp_path / "ledger"
    whole = filled(path, 1)
    ledger = Ledger(path, "kind 1")
    with pytest.raises(RuntimeError), ledger.entry("in9", "s") as entry:
        entry.add("x.png", b"abc")
        raise RuntimeError
    ledger.close()
    assert path.read_bytes() == whole and not ledger.has("in9", "s")


def test_a_newer_version_takes_the_place_of_the_older(tmp_path):
    filled(tmp_path / "ledger", 1)
    ledger = Ledger(tmp_path / "ledger", "kind 1")
    with ledger.entry("in0", "newer") as entry:
        entry.add("n.png", b"new")
        entry.commit("newer text")
    assert ledger.has("in0", "newer") and not ledger.has("in0", "stamp0")
    assert contents(ledger) == [("in0", "newer", "newer text", {"n.png": b"new"})]
    ledger.remove()
    assert not (tmp_path / "ledger").exists()


def test_other_settings_and_a_second_run_at_the_same_time_are_refused(tmp_path):
    filled(tmp_path / "ledger")
    with pytest.raises(DataError, match="left by a run with kind 1"):
        Ledger(tmp_path / "ledger", "kind 2")
    first = Ledger(tmp_path / "ledger", "kind 1")
    with pytest.raises(DataError, match="another run"):
        Ledger(tmp_path / "ledger", "kind 1")
    first.close()
