"""Who does long work: processes of this machine, or actors of Ray Data on this machine or a cluster.

Work is built once in each process, then makes a text of each task, which is a text too. A process that dies is replaced and its task
is done again: work must not mind being done twice. Results come in the order in which they are done.
"""

import importlib.util
import logging
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import connection, get_context, parent_process
from typing import Any

from mien.errors import MienError, UsageError

Work = Callable[[str], str]
Build = Callable[[], Work]
Crew = Callable[[Build, Sequence[str], int | None], Iterator[str]]

_READY, _DONE, _REFUSED, _BROKEN = "ready", "done", "refused", "broken"


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(build: Build, tasks: Sequence[str], workers: int | None = None) -> Iterator[str]:
    """The results of processes of this machine, as many as it has processors if `workers` is None.

    A task is given out when a process is free and its result taken at once, so nothing piles up. Raises the `MienError` that work
    raised, and one where processes die before they have begun.
    """
    waiting = deque(tasks)
    hands: dict[object, _Hand] = {hand.line: hand for hand in (_Hand(build) for _ in range(min(workers or cores(), len(tasks))))}
    try:
        while hands:
            for ready in connection.wait([hand.line for hand in hands.values()]):
                hand, result = hands.pop(ready), None
                try:
                    result = hand.result()
                except (EOFError, OSError):
                    waiting.extendleft(hand.unfinished())
                    hand = _Hand(build)
                    hands[hand.line] = hand
                    continue
                if waiting:
                    hand.give(waiting.popleft())
                    hands[ready] = hand
                else:
                    hand.end()
                if result is not None:
                    yield result
    finally:
        for hand in hands.values():
            hand.end()


class _Hand:
    """A process and the task that it has."""

    def __init__(self, build: Build) -> None:
        context = get_context("spawn")  # a fork of a process with threads may hang
        self.line, theirs = context.Pipe()
        self.task: str | None = None
        self._ready = False
        self._process = context.Process(target=_serve, args=(theirs, build), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, task: str) -> None:
        """Let it do a task."""
        self.task = task
        self.line.send(task)

    def result(self) -> str | None:
        """What came of its task; None when it has told that it can begin. Raises `EOFError` or `OSError` when it is dead."""
        kind, text = self.line.recv()
        if kind == _READY:
            self._ready = True
            return None
        self.task = None
        return _unpacked(kind, text)

    def unfinished(self) -> list[str]:
        """The task that it has died at. Raises `MienError` when it has not even begun: nor would the next one."""
        self.end()
        if not self._ready:
            raise MienError(f"a process ended before it could begin (exit code {self._process.exitcode}): try fewer --workers")
        return [] if self.task is None else [self.task]

    def end(self) -> None:
        """Stop it, if it is not dead already."""
        self.line.close()
        self._process.kill()
        self._process.join()


def _serve(line: "connection.Connection[Any, Any]", build: Build) -> None:
    """The life of a process: it ends with the one that started it, which alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (connection.wait([parent.sentinel]), os._exit(1)), daemon=True).start()
    work: Work | None = None

    def begun(_: str) -> str:
        nonlocal work
        work = build()
        return ""

    kind, text = _packed(begun, "")
    with suppress(EOFError, OSError):  # nobody wants the next result
        line.send((_READY if kind == _DONE else kind, text))
        while work is not None:
            line.send(_packed(work, line.recv()))


def on_ray(build: Build, tasks: Sequence[str], workers: int | None = None) -> Iterator[str]:
    """The results of actors of Ray Data, as many as there are processors if `workers` is None.

    Ray runs on the cluster that the environment's RAY_ADDRESS names; without that it is started on this machine and ended afterwards.
    Raises the `MienError` that work raised, and `UsageError` where Ray is not installed.
    """
    check_ray()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # Ray warns of what it does itself
    import ray
    import ray.data

    away = bool(os.environ.get("RAY_ADDRESS"))
    here: dict[str, Any] = {"address": "local", "num_cpus": workers or cores(), "object_store_memory": _STORE, "include_dashboard": False}
    ray.init(**({} if away else here), logging_level=logging.ERROR, log_to_driver=False)
    try:
        settings = ray.data.DataContext.get_current()
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        settings.enable_progress_bars = settings.print_on_execution_start = False
        crew = ray.data.ActorPoolStrategy(size=min(workers or int(ray.cluster_resources()["CPU"]), len(tasks)))
        data = ray.data.from_items([{"task": task} for task in tasks], override_num_blocks=len(tasks))
        for row in data.map_batches(_Actor, batch_size=1, compute=crew, num_cpus=1, fn_constructor_args=(build,)).iter_rows():
            yield _unpacked(row["kind"], row["text"])
    finally:
        ray.shutdown()


_STORE = 256 * 2**20  #: bytes of shared memory for tasks and results, which are short texts


def check_ray() -> None:
    """Raise the `UsageError` that `on_ray` raises where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError("--ray needs Ray, which is not installed: pip install 'mien[ray]', or leave out --ray: then processes do the work")


class _Actor:
    """Work in a process of Ray; Ray starts a new one when it dies, and does its task again."""

    def __init__(self, build: Build) -> None:
        self._work = build()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        kinds, texts = zip(*(_packed(self._work, str(task)) for task in batch["task"]), strict=True)
        return {"kind": list(kinds), "text": list(texts)}


def _packed(work: Work, task: str) -> tuple[str, str]:
    """What became of a task, for the way back."""
    try:
        return _DONE, work(task)
    except MienError as error:
        return _REFUSED, str(error)
    except Exception:
        return _BROKEN, traceback.format_exc()


def _unpacked(kind: str, text: str) -> str:
    if kind == _REFUSED:
        raise MienError(text)
    if kind == _BROKEN:
        raise RuntimeError(text)
    return text
