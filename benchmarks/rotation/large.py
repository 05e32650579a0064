"""One scan, made and grouped by a process of its own: the last line is JSON with the time, the memory and the score.

::

    python large.py grains SIDE ELECTRONS SEED            # 3 phases in grains of 33 positions, 128 x 128 pixels
    python large.py ws2 SIDE ELECTRONS SEED PATTERNS.npz  # 3 zone axes of WS2 in 64 grains, 256 x 256 pixels
    python large.py file SIDE ELECTRONS SEED PATTERNS.npz # the same, from a zarr file to the figures
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import dask.array
import numpy as np
from common.memory import PeakMemory
from scipy import ndimage
from scipy.spatial import cKDTree
from sklearn.metrics import adjusted_rand_score

from unmix4d import Unmix, phantoms

_ROWS = 512  # positions that counts are drawn for at a time


def grains_of(side, n_grains, rng):
    """Number of the grain at every position (n_positions,): Voronoi cells."""
    return cKDTree(rng.uniform(0, side, (n_grains, 2))).query(np.argwhere(np.ones((side, side), bool)))[1]


def drawn(patterns, grain, side, electrons, rng):
    """Counts (side, side, det_row, det_col) of patterns (n_grains, det_row, det_col) of sum 1."""
    data = np.empty((side * side, *patterns.shape[1:]), np.uint16)
    for start in range(0, len(data), _ROWS):
        data[start : start + _ROWS] = rng.poisson(patterns[grain[start : start + _ROWS]] * electrons)
    return data.reshape(side, side, *patterns.shape[1:])


def film(side, electrons, seed):
    """Scan, phase at every position, centre, and options: every grain a phase in an orientation of its own, 20 % halo."""
    n_grains, rng = max(8, side * side // 33), np.random.default_rng(seed)
    p = phantoms.rotated_phases(scan_shape=(1, n_grains), dose=None, seed=seed)
    patterns = p.patterns / p.patterns.sum(axis=(1, 2), keepdims=True)
    patterns = (0.2 * patterns[0] + 0.8 * patterns[1:]).astype(np.float32)
    grain = grains_of(side, n_grains, rng)
    return drawn(patterns, grain, side, electrons, rng), p.phases[1:][grain], p.centre, {}


def zone_axes(side, electrons, seed, path):
    """The same of multislice patterns of WS2, turned with a cubic spline."""
    patterns, rng = np.load(path)["patterns"], np.random.default_rng(seed)
    grain, axis, angles = grains_of(side, 64, rng), rng.integers(0, 3, 64), rng.uniform(0, 360, 64)
    turned = [ndimage.rotate(patterns[a], angle, reshape=False, order=3).clip(0) for a, angle in zip(axis, angles)]
    # The direct beam reaches 8 pixels.
    return drawn(np.stack(turned), grain, side, electrons, rng), axis[grain], (127.5, 127.5), {"r_min": 10}


def on_disk(data, folder):
    """The scan as a zarr array of blocks of 16 x 16 positions."""
    import zarr

    shape, path = data.shape, str(Path(folder) / "scan.zarr")
    stored = zarr.open(path, mode="w", shape=shape, chunks=(16, 16, *shape[2:]), dtype=data.dtype)
    for row in range(0, shape[0], 16):
        stored[row : row + 16] = data[row : row + 16]
    return path


def _read_in_passes(stored, centre):
    return Unmix(dask.array.from_zarr(stored), centre=centre).prepare(keep=False)


def drawn_figures(found, folder):
    """Both figures of the answer, as files."""
    found.plot()[0, 0].figure.savefig(Path(folder) / "groups.png")
    found.plot_angles().figure.savefig(Path(folder) / "angles.png")


def main(kind, side, electrons, seed, *path):
    """Make the scan, group it, print what was found."""
    make = {"grains": film, "ws2": zone_axes, "file": zone_axes}[kind]
    data, truth, centre, options = make(int(side), float(electrons), int(seed), *path)
    size = data.nbytes
    with tempfile.TemporaryDirectory() as folder:
        if kind == "file":
            stored, data = on_disk(data, folder), None
        with PeakMemory() as memory:
            begin, busy = time.perf_counter(), time.process_time()
            # What is on the disk stays there: by default 1.2 GB would be held meanwhile.
            view = Unmix(data, centre=centre) if data is not None else _read_in_passes(stored, centre)
            found = view.group_rotated(random_state=0, **options)
            if kind == "file":
                drawn_figures(found, folder)
            wall, busy = time.perf_counter() - begin, time.process_time() - busy
    score = adjusted_rand_score(truth, found.labels.ravel())
    print(json.dumps({
        "positions": truth.size, "scan": size / 1e9, "wall": wall, "busy": busy, "memory": memory.extra / 1e9,
        "ari": score, "groups": len(found),
    }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
