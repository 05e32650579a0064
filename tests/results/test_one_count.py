"""Data that changed by a single count since a result was made from them."""

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.core.errors import ChangedData


@pytest.fixture
def scan():
    p = phantoms.polycrystal(n_grains=2, scan_shape=(8, 9), detector_shape=(24, 24), dose=4e5, seed=0)
    return p.data.astype(np.uint16)


@pytest.mark.parametrize("dtype", ["uint16", "int64", ">u4"])
def test_one_count_more(scan, tmp_path, dtype):
    scan = scan.astype(dtype)
    result = Unmix(scan, centre=(11.5, 11.5)).nmf(2, random_state=0)
    result.mean_patterns()
    result.save(tmp_path / "run.h5")
    unmix4d.load(tmp_path / "run.h5", data=scan).mean_patterns()
    scan[3, 4, 10, 11] += 1  # 3e-6 of its pattern
    with pytest.raises(ChangedData, match="1 of 72 patterns have another total intensity"):
        result.mean_patterns()
    with pytest.raises(ValueError, match="is not the scan of the saved result"):
        unmix4d.load(tmp_path / "run.h5", data=scan)


def test_one_count_beside(scan):
    """The totals are the same."""
    result = Unmix(scan, centre=(11.5, 11.5)).nmf(2, random_state=0)
    scan[3, 4, 10, 11] += 1
    scan[3, 4, 10, 12] -= 1
    with pytest.raises(ChangedData, match="2 of 576 pixels of the mean pattern"):
        result.mean_patterns()


def test_attach_looks_at_the_data(scan):
    py4dstem = pytest.importorskip("py4DSTEM")
    cube, other = (py4dstem.DataCube(np.array(scan)) for _ in range(2))
    for c in (cube, other):
        c.calibration.set_origin((11.5, 11.5))
    result = cube.unmix.prepare(direct_beam=2).nmf(2, random_state=0)
    other.data[0, 0, 3, 3] += 1
    with pytest.raises(ChangedData, match="1 of 72 patterns have another total intensity"):
        result.attach(other)
    result.attach(cube)
