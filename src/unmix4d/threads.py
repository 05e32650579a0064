"""How many threads: blocks of the scan or starts of a solver run in parallel, and the linear algebra inside does not."""

from __future__ import annotations

import os
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

__all__ = ["cores", "in_threads", "one_thread_per_block"]


def cores() -> int:
    """Number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


_lock = threading.Lock()
_users = 0
_limit = None
_controller = None


@contextmanager
def one_thread_per_block():
    """Linear algebra with one thread while any pass is running, and as it was when the last one has ended.

    Passes may run in several threads of the user's: were each to restore what it found, the limit would outlive them.
    """
    global _users, _limit, _controller
    from threadpoolctl import ThreadpoolController

    with _lock:
        if _users == 0:
            _controller = _controller or ThreadpoolController()
            _limit = _controller.limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limit.restore_original_limits()


def in_threads(function, count: int):
    """``function(i, cancelled)`` for i in range(count), as many at a time as there are cores; answers in order.

    Parameters
    ----------
    function : callable
        Gets the index, and a function that says whether it should give up: after Ctrl-C or an error elsewhere.
    count : int

    Returns
    -------
    list
    """
    stop = threading.Event()
    workers = min(count, cores())
    if workers < 2:
        return [function(i, stop.is_set) for i in range(count)]
    with one_thread_per_block(), ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(function, i, stop.is_set) for i in range(count)]
        try:
            # An error in any of them ends all, not only when its turn has come.
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
