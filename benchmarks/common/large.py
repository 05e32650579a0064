"""A scan that need not fit into memory: written to zarr, read lazily in every pass, peak memory of the whole process.

`write_scan` makes the scan, `unmix_scan` unmixes it, each in a separate process (this file as a script) so that one does
not count for the other.
"""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from common.memory import PeakMemory
from common.process import run_script

__all__ = ["K", "ROUTES", "on_disk", "read_scan", "truth_of", "unmix_scan", "write_scan"]

K = 8


def write_scan(store, shape):
    """Make the scan; returns the seconds it took."""
    return run_script("common/large.py", "write", store, *shape)["seconds"]


def unmix_scan(store, route, iterations):
    """NMF of the scan with one start; what was measured, as a dict."""
    return run_script("common/large.py", "unmix", store, route, iterations)


def read_scan(store):
    """Read every chunk once, as dask does, and do nothing with it; returns the seconds it took."""
    return run_script("common/large.py", "read", store)["seconds"]


def on_disk(store):
    """Bytes of the files of a store."""
    return sum(file.stat().st_size for file in store.rglob("*") if file.is_file())


def truth_of(store):
    """Patterns, maps, names and centre."""
    with np.load(_truth_file(store)) as file:
        truth = SimpleNamespace(**dict(file))
    truth.names, truth.centre = list(map(str, truth.names)), tuple(truth.centre.tolist())
    return truth


def _truth_file(store):
    return Path(store).with_suffix(".truth.npz")


def _write(store, *shape):
    from unmix4d import phantoms

    started = time.perf_counter()
    phantom = phantoms.large_scan(store, shape=tuple(map(int, shape)), k=K, seed=0)
    truth = {name: getattr(phantom, name) for name in ("patterns", "maps", "names", "centre")}
    np.savez(_truth_file(store), **truth)
    return {"seconds": time.perf_counter() - started}


def _read(store):
    import dask
    import dask.array as da

    blocks = da.from_zarr(store).to_delayed().ravel()
    started = time.perf_counter()
    dask.compute([dask.delayed(len)(block) for block in blocks])
    return {"seconds": time.perf_counter() - started}


def _dask_route(store, centre):
    import dask.array as da

    from unmix4d import Unmix

    return Unmix(da.from_zarr(store), centre=centre).prepare(keep=False)


def _pyxem_route(store, centre):
    import dask.array as da
    from pyxem.signals import LazyElectronDiffraction2D

    import unmix4d  # noqa: F401  (gives signals their .unmix)

    signal = LazyElectronDiffraction2D(da.from_zarr(store))
    signal.calibration.center = (centre[1], centre[0])
    return signal.unmix.prepare(keep=False)


ROUTES = {"dask": _dask_route, "pyxem": _pyxem_route}


def _unmix(store, route, iterations):
    truth = truth_of(store)
    with PeakMemory() as memory:
        view = ROUTES[route](store, truth.centre)
        ready = memory.peak
        started = time.perf_counter()
        result = view.nmf(K, n_starts=1, max_iter=int(iterations), tol=0, random_state=0)
        seconds = time.perf_counter() - started
    peak = memory.peak_of_process  # before the scores are computed
    from unmix4d.scores import score

    scores = score(result, truth)
    return {
        "seconds": seconds,
        "ready": ready,
        "peak": peak,
        "bytes": int(np.prod(view.shape)) * view.scan.dtype.itemsize,
        "passes": result.settings["passes"],
        "iterations": len(result.convergence[0]),
        "loss": result.loss,
        "names": truth.names,
        "map_correlation": scores.map_correlation.tolist(),
        "pattern_cosine": scores.pattern_cosine.tolist(),
        "found": scores.found,
    }


if __name__ == "__main__":
    step, *rest = sys.argv[1:]
    print(json.dumps({"write": _write, "read": _read, "unmix": _unmix}[step](*rest)))
