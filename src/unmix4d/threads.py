"""How many threads: blocks run in parallel, and the linear algebra inside a block does not."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

__all__ = ["cores", "one_thread_per_block"]


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
