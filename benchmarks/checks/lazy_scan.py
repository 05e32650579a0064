"""NMF of a lazy scan that is made as it is read, so that it can be larger than memory and disk.

``run_script("checks/lazy_scan.py", GIGABYTES)``.
"""

import json
import sys

import dask.array as da
import numpy as np
from common.process import measured

from unmix4d import Unmix

_BASIS = np.random.default_rng(0).gamma(0.3, 30, (4, 256, 256)).astype("f4")


def _block(block_info=None):
    (r0, r1), (c0, c1) = block_info[None]["array-location"][:2]
    maps = np.random.default_rng(r0 * 1000 + c0).random((r1 - r0, c1 - c0, 4), dtype="f4")
    return (maps.reshape(-1, 4) @ _BASIS.reshape(4, -1)).astype("u2").reshape(r1 - r0, c1 - c0, 256, 256)


def main(gigabytes):
    """Unmix it and print what was measured."""
    rows = int(float(gigabytes) * 1e9 / (256 * 256 * 256 * 2))
    chunks = ((8,) * (rows // 8), (16,) * 16, (256,), (256,))
    scan = da.map_blocks(_block, chunks=chunks, dtype="u2", meta=np.empty((0, 0, 0, 0), "u2"))
    result, seconds, memory = measured(lambda: Unmix(scan).nmf(4, random_state=0))
    record = {"bytes": scan.nbytes, "before": memory.start, "peak": memory.peak, "seconds": seconds}
    print(json.dumps({**record, "passes": result.settings["passes"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
