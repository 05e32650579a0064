"""Patterns of a lazy scan held in memory from the first pass on, in their own integer type, where they fit.

A pass over what is held takes a tenth to a third of the time of reading, unpacking and preparing it again. With threads
it is held in this process, with `dask.distributed` by the workers, each of which keeps the blocks that it has read.
"""

from __future__ import annotations

import dataclasses
import math
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..core.geometry import ScanGeometry
from .blocks import Plan, make_plan
from .passes import TREE_WIDTH, computed_lazily, run_block, run_pass

__all__ = ["Holder", "WorkersHolder", "holder_for", "room", "room_of_workers"]

_CGROUP = Path("/sys/fs/cgroup")  # of Linux, in its second and its first version
_SHARE = 0.25  # of the memory that is free, which may be taken: the rest is for the work, for results and for others


def room() -> int:
    """Bytes that may be taken, of what this machine, or this container or job of it, has free."""
    try:
        import psutil
    except ImportError:
        names = getattr(os, "sysconf_names", ())
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if "SC_AVPHYS_PAGES" in names else 0
        return int(_SHARE * free)
    taken = psutil.Process().memory_info()
    left = [psutil.virtual_memory().available, _container() - taken.rss, _address_space() - taken.vms]
    return int(_SHARE * max(0, min(left)))


def _container() -> float:
    """Memory that a container or a job of a queue may take, where it has a limit of its own."""
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            return int((_CGROUP / limit).read_text())
        except (OSError, ValueError):  # no such file, or "max"
            pass
    return math.inf


def _address_space() -> float:
    """What ``ulimit -v`` allows this process, where there is such a thing."""
    try:
        import resource
    except ImportError:
        return math.inf
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return math.inf if limit == resource.RLIM_INFINITY else limit


def room_of_workers(client: Any) -> int:
    """Bytes that the workers of a cluster may hold; 0 where their memory has no limit that is known, or nobody answers.

    Parameters
    ----------
    client : distributed.Client
    """
    try:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
    except TypeError:  # distributed before 2025.4 tells of all workers, and knows no such argument
        workers = client.scheduler_info()["workers"].values()
    except OSError:  # a scheduler that is gone: what is computed says so
        return 0
    free = ((w.get("memory_limit") or 0) - w.get("metrics", {}).get("memory", 0) for w in workers)
    return int(_SHARE * sum(max(0, left) for left in free))


def _scheduler():
    """Where dask computes: "threads" of this process, the client of a cluster, or None for anything else."""
    import dask.local
    import dask.threaded
    from dask.base import get_scheduler

    get = get_scheduler()
    if get in (None, dask.threaded.get, dask.local.get_sync):
        return "threads"
    client = getattr(get, "__self__", None)
    return client if hasattr(client, "scheduler_info") else None


def holder_for(patterns: Any, geometry: ScanGeometry, dtype: Any, keep: bool | str) -> Holder | WorkersHolder | None:
    """What holds the patterns of a scan after a first pass, or None where they are in memory, or shall or can not be.

    Parameters
    ----------
    patterns : dask array
    geometry : ScanGeometry
    dtype : numpy dtype
        Of the arithmetic.
    keep : bool or "auto"
        ``"auto"``: where a quarter of the free memory is enough, of this process or of the workers of a cluster.
    """
    own = np.dtype(patterns.dtype)
    kept = own if own.itemsize <= 2 or own == dtype else np.dtype(dtype)
    size = geometry.n_positions * geometry.n_pixels * kept.itemsize
    where = None if keep is False else _scheduler()
    if where is None:
        return None
    in_threads = isinstance(where, str)
    if keep == "auto" and size > (room() if in_threads else room_of_workers(where)):
        return None
    return Holder(geometry, kept) if in_threads else WorkersHolder(where, kept)


class Holder:
    """Memory for the kept pixels of the kept positions, filled by a pass."""

    where = "in memory"

    def __init__(self, geometry: ScanGeometry, dtype: Any):
        self._shape, self._dtype = (geometry.n_positions, geometry.n_pixels), dtype

    def run_pass(self, plan: Plan, kernel, per_row=()):
        """What `passes.run_pass` returns, and the plan of the passes to come, over what is held."""
        n, m = self._shape
        try:
            values = np.empty(self._shape, self._dtype)
        except MemoryError:  # less may be taken than is free: it is read again and again
            return run_pass(plan, kernel, per_row), plan
        answer = run_pass(plan, partial(_holding_kernel, kernel=kernel, values=values), (np.arange(n)[:, None], *per_row))
        return answer, make_plan(values.reshape(n, 1, 1, m), ScanGeometry((n, 1), (1, m)), plan.dtype)


def _holding_kernel(X, rows, *more, kernel, values):
    values[rows[:, 0]] = X
    return kernel(X, *more)


class WorkersHolder:
    """The blocks of a scan as the workers of a cluster hold them, until the plan over them is let go.

    A block that is lost with its worker is read again.
    """

    where = "in the memory of the workers"

    def __init__(self, client: Any, dtype: Any):
        self._client, self._dtype = client, dtype

    def run_pass(self, plan: Plan, kernel, per_row=()):
        """What `passes.run_pass` returns, and the plan of the passes to come, over what is held."""
        with computed_lazily():
            held = self._held(plan)
        return run_pass(held, kernel, per_row), held

    def _held(self, plan):
        import dask

        task = dask.delayed(_block_to_hold, pure=False)
        blocks: list = [
            task(block, kept, plan.pixels, self._dtype) if rows.size else None
            for block, kept, rows in zip(plan.delayed or (), plan.kept, plan.rows)
        ]
        filled = [i for i, block in enumerate(blocks) if block is not None]
        for address, run in _shared_out(filled, self._client.nthreads()):
            held = self._client.persist([blocks[i] for i in run], workers=address, allow_other_workers=True)
            for i, block in zip(run, held):
                blocks[i] = block
        return dataclasses.replace(plan, kept=[None] * len(blocks), pixels=None, delayed=blocks)


def _shared_out(items: list, threads: dict):
    """Pairs of a worker, or None for any, and consecutive items, as many as is its share of the threads.

    Sums of neighbouring blocks are added up first: where these lie on one worker, only few sums have to travel.
    """
    shares = np.cumsum([0, *threads.values()]) if threads else np.array([0, 1])
    step = TREE_WIDTH if len(items) >= 4 * TREE_WIDTH * len(shares) else 1
    ends = np.round(shares / shares[-1] * len(items) / step).astype(int) * step
    ends[-1] = len(items)
    for address, start, stop in zip(threads or (None,), ends, ends[1:]):
        if stop > start:
            yield address, items[start:stop]


def _block_to_hold(block, kept, pixels, dtype):
    """The kept pixels of the kept positions of a block, as patterns (n, 1, 1, n_pixels)."""
    if kept is not None or pixels is not None or block.dtype != dtype:
        block = run_block(block, _copy_kernel, kept, pixels, dtype, ())[0]
        return block.reshape(len(block), 1, 1, -1)
    return np.asarray(block).reshape(-1, 1, 1, math.prod(block.shape[2:]))


def _copy_kernel(X):
    # A batch is valid until the next one is asked for.
    return X.copy(), ()
