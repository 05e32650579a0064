"""The scan of items 1 to 4, written by a process of its own, so that its memory is given back."""

import json
import sys
from pathlib import Path

import numpy as np
from common.large import K
from common.process import run_script
from common.scans import Case

__all__ = ["make_case"]

DOSE = 2e3  # electrons per pattern
_SHAPES = {False: (128, 128, 128, 128), True: (48, 48, 64, 64)}


def make_case(folder, quick):
    """Write the scan, small for a quick run; the case."""
    run_script("engine/scan.py", folder, *_SHAPES[quick])
    return Case(folder)


def _write(folder, *shape):
    from unmix4d import phantoms

    folder = Path(folder)
    folder.mkdir(parents=True)
    store = folder / "source.zarr"
    phantom = phantoms.large_scan(store, shape=tuple(map(int, shape)), k=K, dose=DOSE, seed=0)
    Case.write(
        folder, phantom.data.compute().astype(np.float32), patterns=phantom.patterns, maps=phantom.maps,
        names=phantom.names, k=K, direct_beam=None, centre=phantom.centre, pixel_size=phantom.pixel_size, step=phantom.step,
    )  # fmt: skip
    return {}


if __name__ == "__main__":
    print(json.dumps(_write(*sys.argv[1:])))
