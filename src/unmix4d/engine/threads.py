"""How many threads: blocks of the scan or starts of a solver run in parallel, and the linear algebra inside does not."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

__all__ = ["cores", "in_order", "in_threads", "one_thread_per_block"]

_LOOK = 0.1  # seconds: Ctrl-C that came just before the main thread began to wait is seen no later than this


def cores() -> int:
    """Number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


_lock = threading.RLock()
_users = 0
_process = 0  # another number in every process that was forked
_limit = None
_controller = None


@contextmanager
def one_thread_per_block():
    """Linear algebra with one thread while any pass is running, and as it was when the last one has ended.

    Passes may run in several threads of the user's: were each to restore what it found, the limit would outlive them.
    """
    global _users, _limit, _controller
    process = _process
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
            # A pass that was running when this process was forked is not one of its own.
            _users -= process == _process
            if _users == 0 and process == _process:
                _limit.restore_original_limits()


def _forked():
    """The passes of the process that this one was forked from do not run here, nor do their limits hold."""
    global _lock, _users, _process
    _lock, _process = threading.RLock(), _process + 1
    if _users:
        _users = 0
        _limit.restore_original_limits()


if hasattr(os, "register_at_fork"):
    # Under the lock: the limits are never half set in a new process.
    os.register_at_fork(before=lambda: _lock.acquire(), after_in_parent=lambda: _lock.release(), after_in_child=_forked)


def in_order(function, count: int):
    """Answers of ``function(i, cancelled)`` for i in range(count), in their order, computed by as many threads as cores.

    No more than one answer per core waits for its turn: what is not yet taken holds memory.

    Parameters
    ----------
    function : callable
        Gets the index, and a function that says whether it should give up: after Ctrl-C or an error elsewhere.
    count : int

    Yields
    ------
    The answers.

    Raises
    ------
    BaseException
        What the function raises first, in the order of the indices; nothing else is begun then.
    """
    workers = min(count, cores())
    if workers < 2:
        yield from (function(i, _never) for i in range(count))
        return
    # Queues without locks of Python's own: Ctrl-C in the middle of one of those may leave it locked.
    stop, todo, done = threading.Event(), SimpleQueue[Any](), SimpleQueue[Any]()

    def work():
        while (i := todo.get()) is not None:
            try:
                done.put((i, None if stop.is_set() else function(i, stop.is_set), None))
            except BaseException as error:
                done.put((i, None, error))

    with one_thread_per_block(), ThreadPoolExecutor(workers) as pool:
        try:
            for i in range(workers):
                pool.submit(work)
                todo.put(i)
            waiting: dict = {}
            for i in range(count):
                _wait_for(i, waiting, done, stop)
                if i + workers < count:
                    todo.put(i + workers)
                yield waiting.pop(i)
        finally:
            stop.set()
            for _ in range(workers):
                todo.put(None)


def _never():
    return False


def _wait_for(i, waiting, done, stop):
    """Until the answer `i` is there; an error is raised when everything before it has ended."""
    errors = {}
    while not waiting.keys() >= set(range(i, min(errors)) if errors else {i}):
        try:
            j, answer, error = done.get(timeout=_LOOK)
        except Empty:
            continue
        if error is None:
            waiting[j] = answer
        else:
            errors[j] = error
            stop.set()
    if errors:
        raise errors[min(errors)]


def in_threads(function, count: int) -> list:
    """All answers of `in_order` at once."""
    return list(in_order(function, count))
