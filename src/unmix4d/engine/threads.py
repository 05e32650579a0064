"""How many threads: blocks of the scan or starts of a solver run in parallel, and the linear algebra inside does not."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

__all__ = ["cores", "in_threads", "one_thread_per_block"]

_LOOK = 0.1  # seconds: Ctrl-C that came just before the main thread began to wait is seen no later


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
    waiting, answers, errors, running = iter(range(count)), [None] * count, [], [None] * workers
    ended = threading.Lock()
    ended.acquire()

    def work():
        try:
            while not stop.is_set() and (i := next(waiting, None)) is not None:
                answers[i] = function(i, stop.is_set)
        except BaseException as error:
            errors.append(error)
        running.pop()
        if errors or not running:
            with suppress(RuntimeError):  # another thread said so already
                ended.release()

    with one_thread_per_block(), ThreadPoolExecutor(workers) as pool:
        try:
            # One submission a thread, and a plain lock: where Ctrl-C meets the pool or a future, it may leave them locked.
            for _ in range(workers):
                pool.submit(work)
            while not ended.acquire(timeout=_LOOK):
                pass
            # An error in any of them ends all.
            if errors:
                raise errors.pop()
        except BaseException:
            stop.set()
            raise
    return answers
