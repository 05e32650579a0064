"""Many processes: the same numbers whatever the workers, what they hold, and what happens when one of them is lost."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from functools import partial

import dask.array as da
import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.core.geometry import ScanGeometry
from unmix4d.engine import blocks
from unmix4d.engine.holding import WorkersHolder, _shared_out, holder_for, room_of_workers
from unmix4d.engine.passes import run_block

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None, reason="distributed is not installed in this environment"
    ),
    # Of the cluster itself: ports, a worker that was killed, shutting down.
    pytest.mark.filterwarnings("ignore"),
]
LIMIT = 60  # seconds after which a run counts as hung


def cluster(n_workers, threads_per_worker=1, processes=True, **options):
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=n_workers, threads_per_worker=threads_per_worker, processes=processes, dashboard_address=None,
        silence_logs=50, **options,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Chunks of a few kB are blocks of their own."""
    monkeypatch.setattr(blocks, "_TASK_BYTES", 1)


@pytest.fixture(scope="module")
def client():
    """Two workers that are threads of this process: the same scheduler and graph, at a tenth of the time."""
    from distributed import Client

    with cluster(2, processes=False, memory_limit="2GB") as workers, Client(workers) as client:
        yield client


@pytest.fixture
def phantom():
    return phantoms.random_scan(shape=(12, 12, 20, 20), k=3, seed=0)


READS: list = []  # of workers in this process: what a task holds itself is a copy


def noted(block, seconds):
    READS.append(len(block))
    time.sleep(seconds)
    return block


def lazily(data, function, **options):
    """A scan of 12 blocks that a function is called on when they are read."""
    READS.clear()
    blocks = da.from_array(data, chunks=(3, 4, -1, -1))
    return blocks.map_blocks(function, dtype=data.dtype, meta=np.empty((0,) * 4, data.dtype), **options)


@pytest.mark.parametrize("keep, often", [("auto", 1), (True, 1), (False, 4)])
def test_workers_hold_the_scan_from_its_first_pass_on(client, phantom, keep, often):
    """Masked pixels and positions are not held, and every product is that of the scan in memory to single precision."""
    detector, scan = np.zeros((20, 20), bool), np.zeros((12, 12), bool)
    detector[2:5, 3:9], scan[4, 1:7] = True, True
    view = Unmix(lazily(phantom.data, noted, seconds=0)).prepare(detector_mask=detector, scan_mask=scan, keep=keep)
    assert ("held in the memory of the workers by methods of several passes" in repr(view)) == (keep is not False)
    matrix, plain = view.matrix().hold(), Unmix(phantom.data).prepare(detector_mask=detector, scan_mask=scan).matrix()
    assert np.allclose(matrix.statistics().totals, plain.statistics().totals, rtol=1e-12)
    for _ in range(3):
        right = np.random.default_rng(0).random((matrix.shape[1], 3))
        assert np.allclose(matrix.times(right), plain.times(right), rtol=1e-5)
    assert len(READS) == 12 * often


def test_nobody_is_told_how_large_our_graphs_are(client, phantom):
    """The matrices of a pass travel in them on purpose, and dask would warn of all above 10 MB."""
    import dask

    matrix = Unmix(lazily(phantom.data, noted, seconds=0)).prepare(keep=False).matrix().hold()
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1B"}), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        matrix.statistics()


AFTER_A_PASS = """
import dask, dask.array as da
from unmix4d import Unmix
matrix = Unmix(da.ones((4, 4, 6, 6), chunks=-1, dtype="u2")).prepare(keep=False).matrix()  # needs no other chunks
matrix.statistics()
import distributed
assert dask.config.get("distributed.comm") and dask.config.get("distributed.scheduler")
"""


def test_a_lazy_scan_that_is_read_before_there_is_a_cluster_leaves_its_settings_alone():
    """dask imports distributed while it computes; a setting of ours around it would take its defaults with it."""
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", AFTER_A_PASS], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def test_what_was_held_is_let_go(client, phantom):
    """With the matrix, and with the run whose matrix it was."""
    view = Unmix(da.from_array(phantom.data, chunks=(3, 4, -1, -1))).prepare(keep=True)
    view.nmf(3, random_state=0, max_iter=3)
    matrix = view.matrix().hold()
    matrix.statistics()
    assert sum(map(len, client.has_what().values())) >= 12
    del matrix
    deadline = time.monotonic() + 10
    while any(client.has_what().values()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(client.has_what().values())


def test_a_scan_larger_than_the_workers_have_room_for_is_read_again(client):
    """A quarter of what two workers of 2 GB have free is less than 1 GB, and more than what a small scan takes."""
    assert 0 < room_of_workers(client) < 1e9
    large = da.zeros((128, 128, 256, 256), chunks=(16, 16, -1, -1), dtype=np.uint16)
    geometry = ScanGeometry((128, 128), (256, 256))
    assert holder_for(large, geometry, np.float32, "auto") is None
    assert isinstance(holder_for(large, geometry, np.float32, True), WorkersHolder)
    assert holder_for(large, geometry, np.float32, False) is None
    assert "held" not in repr(Unmix(large))


def test_workers_are_given_consecutive_blocks():
    """As many as is their share of the threads; in whole groups of those that one task adds up, where there are many."""
    few = dict(_shared_out(list(range(10)), {"a": 1, "b": 3, "c": 1}))
    assert few == {"a": [0, 1], "b": [2, 3, 4, 5, 6, 7], "c": [8, 9]}
    many = dict(_shared_out(list(range(203)), {"a": 2, "b": 2}))
    assert many == {"a": list(range(104)), "b": list(range(104, 203))}
    assert dict(_shared_out([1, 2], {"a": 1, "b": 1, "c": 1, "d": 1})).keys() < set("abcd")
    assert list(_shared_out([1, 2], {})) == [(None, [1, 2])]  # any worker, when there is one


def unmixed(lazy, n_workers, threads_per_worker, **options):
    from distributed import Client

    with cluster(n_workers, threads_per_worker, memory_limit="2GB", **options) as workers, Client(workers):
        view = Unmix(lazy)
        return [view.prepare(keep=keep).nmf(3, random_state=0, max_iter=5, smooth=0) for keep in (True, False)]


def assert_same_whatever_the_workers(phantom, **options):
    """Sums are added in the order of the blocks: not a bit differs, held or not; from threads only rounding does."""
    lazy = da.from_array(phantom.data, chunks=(2, 3, -1, -1))
    answers = [*unmixed(lazy, 4, 1, **options), *unmixed(lazy, 2, 2, **options)]
    for other in answers[1:]:
        assert np.array_equal(other.maps, answers[0].maps) and np.array_equal(other.patterns, answers[0].patterns)
    plain = Unmix(phantom.data).nmf(3, random_state=0, max_iter=5, smooth=0)
    assert np.abs(plain.maps - answers[0].maps).max() < 1e-3 * plain.maps.max()


def test_same_numbers_with_four_workers_and_with_two_of_two_threads(phantom):
    assert_same_whatever_the_workers(phantom, processes=False)


@pytest.mark.slow
def test_same_numbers_with_four_processes_and_with_two_of_two_threads(phantom):
    assert_same_whatever_the_workers(phantom)


def ended(function):
    """What a function that runs in a thread returns or raises, which must not take longer than the limit."""
    answer = []

    def run():
        try:
            answer.append(function())
        except BaseException as error:
            answer.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT)
    assert answer, f"it was still running after {LIMIT} s"
    return answer[0]


@pytest.mark.parametrize("keep", [True, False])
def test_a_client_closed_in_mid_run_ends_it_with_a_sentence(phantom, keep):
    from distributed import Client

    with cluster(1, processes=False) as workers:
        client = Client(workers)
        view = Unmix(lazily(phantom.data, noted, seconds=0.05)).prepare(keep=keep)

        def close():
            while not READS:
                time.sleep(0.01)
            client.close()

        closer = threading.Thread(target=close)
        closer.start()
        error = ended(lambda: view.nmf(3, random_state=0))
        closer.join(LIMIT)
    assert isinstance(error, OSError), repr(error)
    assert str(error).startswith("the lazy scan could not be computed")


def test_a_client_closed_before_its_workers_hold_anything_is_a_sentence_too(phantom):
    from distributed import Client

    with cluster(1, processes=False) as workers:
        with Client(workers):
            matrix = Unmix(lazily(phantom.data, noted, seconds=0)).prepare(keep=True).matrix().hold()
        error = ended(matrix.statistics)
    assert isinstance(error, OSError) and str(error).startswith("the lazy scan could not be computed"), repr(error)


def test_blocks_that_are_lost_with_their_worker_are_read_again(phantom):
    from distributed import Client

    expected = Unmix(phantom.data).matrix()
    with cluster(2, processes=False, memory_limit="2GB") as workers, Client(workers) as client:
        matrix = Unmix(lazily(phantom.data, noted, seconds=0)).prepare(keep=True).matrix().hold()
        matrix.statistics()
        lost = next(iter(client.nthreads()))

        async def lose(dask_scheduler):
            await dask_scheduler.remove_worker(lost, stimulus_id="lost")

        client.run_on_scheduler(lose)
        right = np.random.default_rng(0).random((matrix.shape[1], 3))
        product = ended(lambda: matrix.times(right))
    assert np.allclose(product, expected.times(right), rtol=1e-5) and 12 < len(READS) < 24


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
def test_a_process_killed_in_mid_run_costs_time_only(phantom, keep):
    from distributed import Client

    def slowly(block):  # of its own: a worker process knows nothing of this file
        time.sleep(0.2)
        return block

    expected = Unmix(phantom.data).nmf(3, random_state=0, precision="double", max_iter=20)
    with cluster(2, memory_limit="2GB") as workers, Client(workers) as client:
        pid = next(iter(client.run(os.getpid).values()))
        killer = threading.Timer(1.0, os.kill, (pid, signal.SIGKILL))
        killer.start()
        view = Unmix(lazily(phantom.data, slowly)).prepare(keep=keep)
        result = ended(lambda: view.nmf(3, random_state=0, precision="double", max_iter=20))
        killer.join()
    assert np.abs(result.maps - expected.maps).max() < 1e-6


@pytest.mark.slow
def test_blocks_that_kill_every_worker_end_the_run_with_a_sentence(phantom):
    """What takes more memory than there is kills one process after the other, until dask gives up: here, after the first."""
    import dask
    from distributed import Client

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster(1, memory_limit="2GB") as workers,
        Client(workers),
    ):
        error = ended(lambda: Unmix(lazily(phantom.data, lambda block: os._exit(1))).nmf(3, random_state=0))
    assert isinstance(error, OSError) and "KilledWorker" in str(error)


def test_arrays_that_begin_anywhere_give_the_same_numbers():
    """What comes from another process may lie anywhere in memory."""

    def anywhere(array):
        raw = np.empty(array.nbytes + 1, np.uint8)
        moved = raw[1:].view(array.dtype).reshape(array.shape)
        moved[...] = array
        assert not moved.flags.aligned
        return moved

    def kernel(X, rows, *, right):
        assert X.flags.aligned and rows.flags.aligned and right.flags.aligned
        return X @ right + rows, (right * len(X),)

    random = np.random.default_rng(0)
    block, right, rows = (random.random(shape).astype(np.float32) for shape in ((2, 3, 4, 4), (16, 2), (6, 2)))
    plain, moved = (
        run_block(a, partial(kernel, right=b), None, None, block.dtype, [c])
        for a, b, c in ((block, right, rows), map(anywhere, (block, right, rows)))
    )
    assert np.array_equal(plain[0], moved[0]) and np.array_equal(plain[1][0], moved[1][0])
