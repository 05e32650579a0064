"""Masks and disks of pixels: what they select, and what they must leave."""

import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.core.geometry import ScanGeometry
from unmix4d.preparation import disks
from unmix4d.preparation.masks import with_masks


def test_disks_are_the_kept_pixels_within_their_radius():
    mask = np.zeros((9, 12), bool)
    mask[3, 4] = True
    geometry = ScanGeometry((1, 1), (9, 12), detector_mask=mask)
    row, col = np.indices((9, 12))
    wanted = (np.hypot(row - 3, col - 4) <= 2) | (np.hypot(row - 6, col - 9) <= 2)
    assert np.array_equal(disks(geometry, [(3, 4), (6, 9)], 2), wanted[~mask])
    assert np.array_equal(disks(geometry, (6, 9), 0), ((row == 6) & (col == 9))[~mask])
    for bad in ([], [1, 2, 3], [[1, 2, 3]], "spots", [(np.nan, 1)], np.zeros((1, 2, 2))):
        with pytest.raises(ValueError, match="spots must be positions"):
            disks(geometry, bad, 2)
    with pytest.raises(ValueError, match="there is none within 0 pixels of"):
        disks(geometry, (3, 4), 0)


def test_what_leaves_nothing_is_named():
    geometry, everything = ScanGeometry((2, 2), (3, 4)), np.ones((2, 2), bool)
    with pytest.raises(ValueError, match="^scan_mask leaves no position: all 4 are excluded"):
        with_masks(geometry, scan_mask=everything)
    with pytest.raises(ValueError, match="^this mask leaves no detector pixel: all 12 are excluded"):
        with_masks(geometry, detector_mask=np.ones((3, 4), bool), reason="this mask")


def test_a_virtual_image_of_infinite_values_is_refused_with_their_place():
    scan = np.ones((3, 4, 8, 9))
    scan[2, 1, 7, 7] = np.inf  # outside the disk: times zero it would be NaN
    with pytest.raises(ValueError, match=r"must be finite, .* position \(2, 1\)"):
        Unmix(scan).virtual_image((1, 1), 2)
