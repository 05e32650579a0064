"""A prepared view reads the caller's array when it is computed: nothing is copied before, and nothing goes stale."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from unmix4d import Unmix

OPTIONS = [dict(gain=2.0), dict(bin=2), dict(friedel=True), dict(average_neighbours=3), dict(hot_pixels=True)]
OPTIONS += [dict(align=np.full((5, 6, 2), 7.0)), dict(redraw_peaks=1.5), dict(gain=2.0, crop=((0, 8), (2, 12)))]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "+".join(o))
def test_a_view_follows_its_array_and_never_changes_it(options):
    rng = np.random.default_rng(0)
    first, second = rng.poisson(3, (2, 5, 6, 16, 18)).astype(np.uint16)
    data = np.array(first)
    view = Unmix(data, centre=(7.5, 8.5)).prepare(**options)
    data[:] = second
    wanted = np.asarray(Unmix(second, centre=(7.5, 8.5)).prepare(**options).scan.patterns)
    found = np.asarray(view.scan.patterns)
    assert np.array_equal(found, wanted) and found.flags.writeable
    found[:] = 0
    assert np.array_equal(data, second) and not np.shares_memory(found, data)


def test_persisted_views_are_copies():
    data = np.random.default_rng(0).poisson(3, (5, 6, 16, 18)).astype(np.uint16)
    held = Unmix(data).prepare(crop=((0, 8), (2, 12)), bin=2).persist().scan.patterns
    before = np.array(held)
    data[:] = 0
    assert np.array_equal(held, before) and before.any()


def test_arrays_of_other_libraries_are_not_copied_either():
    class Foreign:  # as zarr arrays are, and with a method of NumPy's that would read it all
        def __init__(self, data):
            self.data, self.shape, self.dtype, self.ndim, self.read = data, data.shape, data.dtype, 4, 0

        def __getitem__(self, key):
            found = self.data[key]
            self.read += found.size
            return found

        def copy(self):
            raise AssertionError("the whole scan was read")

    foreign = Foreign(np.random.default_rng(0).poisson(3, (5, 6, 16, 18)))
    view = Unmix(foreign).prepare(bin=2)
    assert foreign.read == 0
    assert np.nansum(view.mean_pattern()) == pytest.approx(foreign.data.sum() / 30)
    assert foreign.read == foreign.data.size


@pytest.mark.parametrize("kind", ["memmap", "array"])
def test_preparing_takes_no_memory(tmp_path, kind):
    path = tmp_path / "scan.raw"
    path.write_bytes(b"")
    scan = np.memmap(path, np.uint16, mode="w+", shape=(32, 32, 64, 64))  # 8 MB
    scan = scan if kind == "memmap" else np.array(scan)
    Unmix(scan[:1, :1], centre=(31.5, 31.5)).prepare(gain=2.0, bin=2)  # dask is imported
    tracemalloc.start()
    try:
        view = Unmix(scan, centre=(31.5, 31.5)).prepare(gain=2.0, direct_beam=3).prepare(bin=2, friedel=True)
        assert tracemalloc.get_traced_memory()[1] < 2e6 and view.shape == (32, 32, 32, 32)
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_averaging_alike_positions_takes_the_memory_of_blocks():
    scan = np.random.default_rng(0).poisson(3, (64, 64, 64, 64)).astype(np.uint16)  # 34 MB; in single precision 67 MB
    Unmix(scan[:4, :4]).prepare(average_alike=3)  # what it needs is imported
    tracemalloc.start()
    try:
        Unmix(scan).prepare(average_alike=3)  # reads the scan once, for what the positions are compared by
        assert tracemalloc.get_traced_memory()[1] < 60e6  # measured 31 MB, and 47 MB for a scan of a quarter of the size
    finally:
        tracemalloc.stop()


_LIMITED = """
import resource, sys
import numpy as np
import dask.array, dask
from unmix4d import Unmix

scan = np.memmap(sys.argv[1], dtype="u2", mode="r", shape=(128, 128, 256, 256))
used = int(open("/proc/self/status").read().split("VmData:")[1].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + (1 << 30), used + (1 << 30)))
with dask.config.set(scheduler="synchronous"):
    view = Unmix(scan, centre=(127.5, 127.5)).prepare(gain=2.0, direct_beam=3, bin=2)
    print(np.nanmax(view.mean_pattern()))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is one of Linux")
def test_a_memory_map_larger_than_memory(tmp_path):
    path = tmp_path / "scan.raw"
    with open(path, "wb") as file:
        file.truncate(128 * 128 * 256 * 256 * 2)  # 2 GB of zeros, of which the disk holds none
    said = subprocess.run([sys.executable, "-c", _LIMITED, str(path)], capture_output=True, text=True, check=False)
    assert said.returncode == 0 and float(said.stdout) == 0, said.stderr
