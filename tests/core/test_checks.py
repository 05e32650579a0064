"""Arguments as they are given: what a masked array hides is not used."""

import numpy as np
import pytest

from unmix4d import Unmix, constraints, image_quality, phantoms
from unmix4d.core import checks
from unmix4d.maps import line_profile, threshold


@pytest.mark.parametrize("dtype", ["u1", "i4", "f4", "f8"])
def test_what_is_masked_is_not_known(dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    found = checks.numbers_of(np.ma.masked_equal(values, 4), "values")
    assert np.isnan(found[1, 1]) and np.nansum(found) == 11
    whole = checks.unwrap(np.ma.array(values))
    assert type(whole) is np.ndarray and whole.dtype == values.dtype and np.array_equal(whole, values)


def test_masked_arrays_as_arguments():
    image = np.ma.masked_greater(np.pad(np.full((4, 6), 1e6), ((0, 0), (6, 0)), constant_values=2.0), 10)
    assert np.isnan(line_profile(image, (1, 0), (1, 11))[1][-4:]).all()
    image[0, 0] = 1.0
    assert threshold(image, 0.5) == 1.0
    with pytest.raises(ValueError, match="scan_mask must be boolean"):
        Unmix(np.ones((4, 12, 5, 5))).prepare(scan_mask=np.ma.array(np.zeros((4, 12), bool), mask=image.mask))
    scan = phantoms.random_scan(shape=(4, 5, 8, 9), seed=0).data
    maps, patterns = np.ones((2, 4, 5)), np.ma.masked_less(np.random.default_rng(0).random((2, 8, 9)), 0.5)
    with pytest.raises(ValueError, match="its patterns hold NaN"):
        Unmix(scan).nmf(2, init=(maps, patterns))
    fixed = constraints.FixedPatterns(patterns)
    assert np.array_equal(np.isnan(fixed.patterns), patterns.mask)
    assert image_quality.psnr(patterns[0], patterns[0].filled(0.7), data_range=1) > 10
