"""Times are of processors and of one thread, and leave the threads as they were."""

import time

import cv2
import numpy as np
import torch
from threadpoolctl import threadpool_info

from mien.metrics.timing import one_thread, timed


def threads():
    return cv2.getNumThreads(), torch.get_num_threads(), [pool["num_threads"] for pool in threadpool_info()]


def test_within_one_thread_works_and_after_it_as_many_as_before():
    before = threads()
    with one_thread():
        opencv, ours, pools = threads()
        assert opencv == ours == 1 and set(pools) == {1}
    assert threads() == before


def test_sleep_takes_no_time_and_work_does():
    slept, idle = timed(lambda: time.sleep(0.3))
    product, busy = timed(lambda: np.linalg.matrix_power(np.eye(300), 20))
    assert slept is None and idle < 100
    assert product.trace() == 300 and busy > 0.1
