"""NMF of a lazy scan with dask's threads or on a local cluster of two processes, for item 6.

``run_script("engine/cluster.py", STORE, "threads" or "processes", ANSWER.npz)``.
"""

import json
import sys
import time
from contextlib import contextmanager

import numpy as np
from common.large import K, truth_of


@contextmanager
def _cluster():
    import logging

    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def _threads():
    yield None


def _warm_up():
    """Everything is imported, here and on the workers, when a tiny scan has been unmixed."""
    import dask.array as da

    from unmix4d import Unmix, phantoms

    tiny = phantoms.random_scan(shape=(8, 8, 10, 20), k=3, seed=0).data
    Unmix(da.from_array(tiny, chunks=(2, 2, 10, 20))).nmf(2, max_iter=3, random_state=0)


def _worked(client):
    """Processor time of every worker process until now, to show that it is they who do the work."""
    return np.array([] if client is None else list(client.run(time.process_time).values()))


def main(store, scheduler, answer):
    """Unmix and write down what came out."""
    import dask.array as da

    from unmix4d import Unmix
    from unmix4d.scores import map_correlation

    truth = truth_of(store)
    with {"threads": _threads, "processes": _cluster}[scheduler]() as client:
        _warm_up()
        view = Unmix(da.from_zarr(store), centre=truth.centre)
        before, own, started = _worked(client), time.process_time(), time.perf_counter()
        result = view.nmf(K, random_state=0)
        seconds, worked, own = time.perf_counter() - started, _worked(client) - before, time.process_time() - own
    np.savez(answer, maps=result.maps, patterns=result.patterns)
    record = {
        "seconds": seconds, "worked": worked.tolist(), "own": own, "passes": result.settings["passes"],
        "iterations": len(result.convergence[0]), "loss": result.loss,
        "map_r": float(map_correlation(result.maps, truth.maps).mean()),
    }  # fmt: skip
    print(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
