"""Masks and disks of pixels: what they select, and what they must leave."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning
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


@pytest.mark.parametrize(
    "options", [dict(direct_beam="0.1 nm^-1"), dict(annulus=("0.1 nm^-1", "9 nm^-1")), dict(direct_beam=0.5)]
)
def test_a_radius_that_excludes_nothing_is_said(options):
    view = Unmix(np.ones((2, 3, 20, 24)), centre=(9.5, 11.5), pixel_size=0.5, pixel_unit="1/nm")
    name = next(iter(options))
    with pytest.warns(UnmixWarning, match=rf"{name} = .* of 0.[25] pixels, which excludes no pixel .*0.5 1/nm per pixel"):
        view.prepare(**options)
    # What excludes a pixel, or was meant to exclude none, is no matter to speak of.
    view.prepare(direct_beam="0.4 1/nm")
    view.prepare(direct_beam=0, annulus=(0, None))
    view.prepare(annulus=(None, 40))


def test_axes_in_units_of_readers(pyxem):
    counts = np.random.default_rng(0).poisson(5, (4, 5, 20, 20)).astype(np.uint16)
    for spelling, text in (("mrads", "1 mrad"), ("nm**-1", "1 1/nm"), ("k_nm^-1", "1 nm^-1"), ("Ångström^-1", "1 1/Å")):
        signal = pyxem.signals.ElectronDiffraction2D(counts)
        for axis in signal.axes_manager.signal_axes:
            axis.scale, axis.offset, axis.units = 0.5, -4.75, spelling
        assert signal.unmix.prepare(direct_beam=text).geometry.detector_mask.sum() == 12
    bare = pyxem.signals.ElectronDiffraction2D(counts)
    for axis in bare.axes_manager._axes:
        axis.units = "1"  # as of a DECTRIS Arina
    assert "step not calibrated, pixel not calibrated" in repr(bare.unmix) and not bare.unmix.geometry.centre_known
