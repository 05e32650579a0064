"""Shared fixtures. `as_host` runs a test on every kind of input a scan can come in."""

import functools
import gc
import importlib.util
import os
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
# The workers of a parallel run share the cores: threads of the linear algebra on top would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import h5py
import numpy as np
import pytest

from support.remembered import remember_slices
from support.seeds import SAMPLE, SEED, drawn
from unmix4d import phantoms


def pytest_configure(config):
    """Import the hosts once before the workers of a parallel run do.

    In a new environment the first import compiles functions into a cache on disk, and two processes that do so at the same
    time crash (seen in numba, below orix). It takes one core half a minute: on the other one the tests themselves are
    compiled meanwhile, which imports no host, so that the workers need not both do it.
    """
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        return
    orix = importlib.util.find_spec("orix")
    if orix and any(Path(orix.origin).parent.rglob("*.nbi")):
        return  # compiled by an earlier run
    hosts = [name for name in ("pyxem.signals", "py4DSTEM") if importlib.util.find_spec(name.split(".")[0]) is not None]
    first = [["-c", f"import {name}"] for name in hosts]
    if not sys.dont_write_bytecode:
        first.append(["-m", "pytest", "-n0", "-q", "--collect-only"])
    quiet = dict(cwd=config.rootpath, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for started in [subprocess.Popen([sys.executable, *arguments], **quiet) for arguments in first]:
        started.wait()


def mark_slow(items):
    """Of many parameters of a test that is marked `one_in(n)` every n-th stays quick, whatever fixtures they come from."""
    seen = Counter()
    for item in items:
        marker = item.get_closest_marker("one_in")
        if marker and seen[item.parent.nodeid, item.originalname] % marker.args[0]:
            item.add_marker("slow")
        seen[item.parent.nodeid, item.originalname] += 1


def pytest_collection_finish():
    """What has been imported lives to the end: the garbage collector need not look at it again in every test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def pytest_report_header():
    return f"what is generated anew each day: UNMIX4D_SEED={SEED} UNMIX4D_SAMPLE={SAMPLE:g}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Marks what is slow, of which only the sample that UNMIX4D_SAMPLE asks for is left: the same one on every worker."""
    mark_slow(items)
    left_out = [item for item in items if item.get_closest_marker("slow") and not drawn(item.nodeid)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


build_case = phantoms.case


@functools.lru_cache(maxsize=8)
def _built(name, seed):
    made = build_case(name, seed)
    made.data.setflags(write=False)
    return made


@functools.wraps(build_case)
def case(name, seed=None):
    """A standard case takes up to a second to draw, and many tests look at the same one: drawn once, and never changed."""
    return _built(name, seed)


phantoms.case = case
HOSTS = ("array", "float32", "memmap", "h5py", "dask", "pyxem", "lazy pyxem", "py4dstem")


def _import_host(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed in this environment")
    with warnings.catch_warnings():
        # The hosts' own imports warn about their own dependencies.
        warnings.simplefilter("ignore")
        if name == "pyxem":
            import hyperspy.api
            import pyxem.signals

            remember_slices(pyxem)
            hyperspy.api.set_log_level("ERROR")
            return pyxem
        import py4DSTEM

        return py4DSTEM


@pytest.fixture(scope="session")
def pyxem():
    return _import_host("pyxem")


@pytest.fixture(scope="session")
def py4dstem():
    return _import_host("py4DSTEM")


def convert(phantom, kind, folder):
    """The scan of a phantom as an object of the given kind, and the keywords `Unmix` needs for its calibration."""
    facts = dict(
        centre=phantom.centre, pixel_size=phantom.pixel_size, pixel_unit=phantom.pixel_unit,
        step=phantom.step, step_unit=phantom.step_unit,
    )  # fmt: skip
    data = phantom.data
    if kind in ("pyxem", "lazy pyxem"):
        _import_host("pyxem")
        return phantom.to_pyxem(lazy=kind.startswith("lazy")), {}
    if kind == "py4dstem":
        _import_host("py4DSTEM")
        return phantom.to_py4dstem(), {}
    if kind == "float32":
        return data.astype(np.float32), facts
    if kind == "memmap":
        path = folder / "scan.raw"
        np.asarray(data).tofile(path)
        return np.memmap(path, dtype=data.dtype, mode="r", shape=data.shape), facts
    if kind == "h5py":
        file = h5py.File(folder / "scan.h5", "w")
        chunks = (2, 3, *data.shape[2:])
        return file.create_dataset("scan", data=data, chunks=chunks, compression="gzip"), facts
    if kind == "dask":
        rows, cols, det_rows, det_cols = data.shape
        return phantom.to_dask(chunks=(3, 5, det_rows // 2, det_cols)), facts
    return data, facts


@pytest.fixture(params=HOSTS)
def as_host(request, tmp_path):
    """A function phantom -> Unmix, for every kind of input."""
    from unmix4d import Unmix

    opened = []

    def make(phantom):
        obj, facts = convert(phantom, request.param, tmp_path)
        opened.append(obj)
        return Unmix(obj, **facts) if facts else obj.unmix

    make.kind = request.param
    yield make
    for obj in opened:
        if isinstance(obj, h5py.Dataset) and obj:
            obj.file.close()


@pytest.fixture(scope="session")
def scan():
    """A small asymmetric phantom (7, 9, 20, 26) of three components."""
    return phantoms.random_scan(shape=(7, 9, 20, 26), k=3, dose=2000, seed=3)


@pytest.fixture(scope="session")
def small_film():
    """Three grains in 80 positions: for what any answer can do, whatever it found."""
    return phantoms.polycrystal(n_grains=3, scan_shape=(10, 8), detector_shape=(28, 28), background=0, seed=0)


@pytest.fixture(scope="session")
def crystal():
    """A polycrystal with a direct beam, for answers that can be scored."""
    return phantoms.polycrystal(
        n_grains=4, scan_shape=(24, 20), detector_shape=(48, 44), overlap=0.3, direct_beam=0.5, dose=4e3, seed=1
    )


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """No progress bars, and no figures left open."""
    monkeypatch.setattr("unmix4d.core.progress._DELAY", 1e9)
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
