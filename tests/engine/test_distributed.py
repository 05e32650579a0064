"""The same numbers on a dask cluster of two processes, also when one of them dies."""

import importlib.util
import os
import signal
import threading
import time

import dask.array as da
import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.constraints import NoDarkSpots, SmoothMaps

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="distributed is not installed in this environment"
)
# Of the cluster itself: ports, a worker that was killed, shutting down.
pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_same_numbers_as_in_memory(client):
    phantom = phantoms.kimoto(scan_shape=(18, 20), detector_shape=(48, 52), dose=2e4, seed=1)
    lazy = Unmix(da.from_array(phantom.data, chunks=(6, 10, 48, 26)), centre=phantom.centre)
    plain = Unmix(phantom.data, centre=phantom.centre)
    for options in (dict(smooth=1, exact=True), dict(constraints=[SmoothMaps(sigma=1), NoDarkSpots()])):
        a, b = (view.nmf(4, precision="double", random_state=0, max_iter=5, **options) for view in (plain, lazy))
        assert np.abs(a.maps - b.maps).max() < 1e-6 and b.loss == pytest.approx(a.loss, rel=1e-6)


@pytest.mark.slow
def test_a_killed_worker_costs_time_only(client):
    phantom = phantoms.random_scan(shape=(12, 12, 60, 60), k=3, seed=0)
    expected = Unmix(phantom.data).nmf(3, random_state=0, precision="double")

    def slowly(block):
        time.sleep(0.05)
        return block

    lazy = da.from_array(phantom.data, chunks=(3, 3, 60, 60)).map_blocks(slowly, dtype=phantom.data.dtype)
    pid = next(iter(client.run(os.getpid).values()))
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    result = Unmix(lazy).nmf(3, random_state=0, precision="double")
    killer.join()
    assert np.abs(result.maps - expected.maps).max() < 1e-6
