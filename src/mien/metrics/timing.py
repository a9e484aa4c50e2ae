"""Times that compare between machines in use: of processors, on one thread."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

T = TypeVar("T")


@contextmanager
def one_thread() -> Generator[None]:
    """Within it OpenCV, torch and the linear algebra of NumPy work on the calling thread alone."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        cv2.setNumThreads(threads)


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """What a call returns, and its milliseconds of processor time, all threads together."""
    begin = time.process_time()
    done = run()
    return done, 1000 * (time.process_time() - begin)
