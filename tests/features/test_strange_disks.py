"""Bragg disks that nobody wants to be given: without intensity, too large, of huge values, of every type."""

import numpy as np
import pytest

from support.scans import counts
from unmix4d import Unmix
from unmix4d.features.bragg_disks import BraggDisks


def vectors(intensity=(9.0, 1.0, 3.0)):
    return BraggDisks((1, 2), [0, 0, 1], [0.0, 2.0, 2.1], [0.0, 3.0, 3.0], intensity)


def test_bragg_vectors_without_intensity_are_refused():
    for call in (lambda v: Unmix(v), lambda v: Unmix(np.ones((1, 2, 9, 9)), centre=(4, 4)).bragg_disks(v)):
        with pytest.raises(ValueError, match="must have intensities above 0"):
            call(vectors((0, 0, 0)))


@pytest.mark.filterwarnings("ignore:the one component of nmf accounts for")
@pytest.mark.parametrize("dtype, expected", [("f8", "f8"), (">f8", "f8"), ("f4", "f4"), ("u2", "f4")])
def test_maps_and_patterns_of_bragg_disks_are_of_one_type(dtype, expected):
    view = Unmix(np.ones((1, 2, 9, 9), dtype), centre=(4, 4))
    result = view.bragg_disks(vectors(), bin=1).nmf(1, random_state=0)
    assert {result.maps.dtype, result.patterns.dtype, result.features.dtype} == {np.dtype(expected)}


@pytest.mark.parametrize("detector", ["pyxem", "py4dstem"])
def test_disks_larger_than_half_of_the_detector_are_refused(detector, request):
    request.getfixturevalue(detector)
    view = Unmix(counts(2, 3, 9, 12), centre=(4, 5.5))
    with pytest.raises(ValueError, match="disk_radius must be below half of the detector of 9 x 12 pixels, got 50"):
        view.bragg_disks(detector=detector, disk_radius=50)


def test_disks_of_huge_values_are_found_where_they_are(pyxem):
    row, col = np.indices((32, 32))
    pattern = np.where(np.hypot(row - 9, col - 22) < 3, 9.0, 1.0) + np.where(np.hypot(row - 20, col - 10) < 3, 5.0, 0)
    found = []
    for scale in (1.0, 1e30):
        view = Unmix(np.tile(scale * pattern, (1, 2, 1, 1)).astype("f4"), centre=(15.5, 15.5))
        found.append(view.bragg_disks(detector="pyxem", disk_radius=3, bin=1, q_min=0).features.disks)
    assert len(found[0]) >= 4
    assert np.allclose(found[0].q_row, found[1].q_row) and np.allclose(found[0].q_col, found[1].q_col)
