"""Long work: Ctrl-C in the middle, many runs in one process.

Kill -9 of a run with a checkpoint is in the tests of storage, a dask worker that is lost in test_distributed.py.
"""

import gc
import os
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from unmix4d import Unmix
from unmix4d.engine import passes, threads


def blas_threads():
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture
def interrupted(monkeypatch):
    """The n-th block of a scan that is read brings the KeyboardInterrupt of a Ctrl-C."""

    def after(blocks):
        left, run_block = [blocks], passes.run_block

        def counted(*args):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return run_block(*args)

        monkeypatch.setattr(passes, "run_block", counted)

    return after


METHODS = {
    "nmf": lambda u: u.nmf(3, random_state=0, n_starts=2, max_iter=6),
    "nmf, exact": lambda u: u.nmf(3, random_state=0, exact=True, max_iter=4),
    "svd": lambda u: u.svd(3),
    "ica": lambda u: u.ica(2, random_state=0, n_starts=2),
    "vca": lambda u: u.vca(3, random_state=0),
    "merge_nmf": lambda u: u.merge_nmf(4, random_state=0, n_runs=2),
    "fuzzy_cmeans": lambda u: u.fuzzy_cmeans(2, random_state=0, n_starts=2),
}


@pytest.mark.one_in(4)
@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")  # clusters of a scan that is nowhere pure
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("cores", [2, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("blocks", [1, 3])
def test_ctrl_c_leaves_everything_as_it_was(name, cores, blocks, scan, interrupted, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    view = Unmix(np.asarray(scan.data))
    before, limits, running = view.scan.patterns.copy(), blas_threads(), threading.active_count()
    with monkeypatch.context():
        interrupted(blocks)
        with pytest.raises(KeyboardInterrupt):
            METHODS[name](view)
    monkeypatch.undo()
    assert np.array_equal(view.scan.patterns, before)
    assert blas_threads() == limits and threads._users == 0
    assert threading.active_count() <= running + 1  # tqdm may keep its monitor
    again, fresh = METHODS[name](view), METHODS[name](Unmix(np.asarray(scan.data)))
    assert np.array_equal(again.maps, fresh.maps, equal_nan=True)


def test_ctrl_c_in_the_starts_of_a_solver(scan, monkeypatch):
    """Starts run in threads of their own: an error in one ends all, and no thread goes on."""
    from unmix4d.decomposition import nmf

    monkeypatch.setattr(threads, "cores", lambda: 2)
    slow, calls = nmf.relative_change, []

    def counted(*args):
        calls.append(threading.get_ident())
        if len(calls) == 3:
            raise KeyboardInterrupt
        time.sleep(0.01)
        return slow(*args)

    monkeypatch.setattr(nmf, "relative_change", counted)
    limits = blas_threads()
    with pytest.raises(KeyboardInterrupt):
        Unmix(scan.data).nmf(3, n_starts=4, max_iter=500, tol=0, random_state=0)
    done = len(calls)
    time.sleep(0.1)
    assert len(calls) == done < 100 and blas_threads() == limits


@pytest.mark.parametrize("number", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_many_runs_do_not_grow(scan, number):
    """Of small scans: after a warm-up they add less than 5 MB, which one leaked matrix (0.52 MB) of each would exceed."""
    process, view = psutil.Process(), Unmix(np.tile(scan.data, (2, 2, 1, 1)), centre=scan.centre)

    def runs(n):
        for seed in range(n):
            view.nmf(2, random_state=seed, max_iter=2)
            (view.prepare(direct_beam=2) if seed % 10 == 0 else view).svd(2)
        gc.collect()
        return process.memory_info().rss

    first = runs(10)
    grown = (runs(number) - first) / 1e6
    assert grown < 5, f"{grown:.1f} MB"
    assert threading.active_count() < 20 and len(process.open_files()) < 50


def test_figures_that_are_closed_leave_nothing(scan):
    import matplotlib.pyplot as plt

    result = Unmix(scan.data).nmf(2, random_state=0, max_iter=2)
    for _ in range(3):
        result.plot()
        plt.close("all")
    gc.collect()
    assert plt.get_fignums() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_forked_during_a_pass_has_its_own_limits():
    """In a process of its own: threads of a test runner are no place to fork in."""
    env = {**os.environ, **{f"{name}_NUM_THREADS": "2" for name in ("OPENBLAS", "MKL", "OMP")}}
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, env=env)
    assert done.stdout.split() == ["1", "2", "2", "1", "2"], done.stderr


FORKED = """
import os, threading, numpy as np
from threadpoolctl import threadpool_info
from unmix4d.engine.threads import one_thread_per_block

def limit():
    return next(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")

inside, leave = threading.Event(), threading.Event()

def a_pass():
    with one_thread_per_block():
        inside.set(); leave.wait()

thread = threading.Thread(target=a_pass); thread.start(); inside.wait()
print(limit(), flush=True)                     # 1, in the middle of the pass
with one_thread_per_block():                   # and this thread is in one too
    child = os.fork()
    if child == 0:
        print(limit(), flush=True)             # 2: the passes of the parent do not run here
if child == 0:
    print(limit(), flush=True)                 # 2: leaving a block that was entered before changes nothing
    with one_thread_per_block():
        print(limit(), flush=True)             # 1: a pass of its own
    print(limit(), flush=True)                 # 2
    os._exit(0)
os.waitpid(child, 0); leave.set(); thread.join()
"""
