"""The same counts in another type of number give the same view, and nothing overflows."""

import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.preparation import pixels

TYPES = ["u1", ">u2", "i4", "u8", "f2", ">f4", "f8"]
HOT = np.zeros((16, 18), bool)
HOT[5, 6] = HOT[0, 0] = True
HOT[8:10, 9] = True


def view(dtype, options):
    counts = np.random.default_rng(0).poisson(20, (3, 4, 16, 18))
    counts[:, :, HOT] = 200
    counts[:, :, 12, 12] = 0
    return Unmix(counts.astype(dtype), centre=(7.5, 8.5)).prepare(**options)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    "options",
    [
        dict(hot_pixels=HOT),
        dict(hot_pixels=HOT, detector_mask=np.eye(16, 18, dtype=bool)),
        dict(hot_pixels=True),
        dict(hot_pixels=2.0),
        dict(gain=3.0),
        dict(align=np.random.default_rng(1).uniform(6, 9, (3, 4, 2)), align_subpixel=True),
        dict(hot_pixels=HOT, gain=3.0, bin=2, friedel=True, average_neighbours=3),
        dict(direct_beam=2, redraw_peaks=1.5),
    ],
)
def test_types_agree(dtype, options):
    found, wanted = (np.asarray(view(t, options).scan.patterns, float) for t in (dtype, "i8"))
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6 * wanted.max())


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_answers_agree():
    results = [view(t, dict(hot_pixels=HOT)).nmf(2, max_iter=5, random_state=0) for t in ("u1", "f4")]
    assert np.allclose(results[0].patterns, results[1].patterns, rtol=1e-5)
    assert results[0].loss == pytest.approx(results[1].loss, rel=1e-5)


def test_a_repaired_pixel_is_the_middle_of_its_neighbours():
    """Of an even number the lower one of two: a value that was measured, a count if its neighbours are."""
    for values, wanted in (((1, 2, 3, 5, 7, 7, 8, 90), 5), ((4, 4, 4, 4, 5, 5, 5, 5), 4)):
        image = np.insert(np.array(values), 4, 250).reshape(1, 1, 3, 3)
        known = np.zeros((3, 3), bool)
        known[1, 1] = True
        for dtype in (np.uint8, np.float32):
            assert pixels.repair_hot_pixels(image.astype(dtype), known=known)[0, 0, 1, 1] == wanted


def test_counts_stay_counts_where_hot_pixels_are_repaired():
    found = np.asarray(view("f4", dict(hot_pixels=HOT)).scan.patterns)
    assert np.array_equal(found, np.round(found))


@pytest.mark.parametrize("gain, sign", [(3.0, 1), (0.5, 1), (0.5, -1)])
def test_half_precision_does_not_overflow(gain, sign):
    data = np.full((2, 3, 8, 8), sign * 40000, np.float16)
    data[0, 0] = 1001
    view = Unmix(data).prepare(gain=gain)
    assert view.scan.dtype == np.float32
    assert np.allclose(np.asarray(view.scan.patterns), data.astype(float) / gain, rtol=1e-6)
    more = dict(gain=gain, average_neighbours=3)
    found, wanted = (Unmix(data.astype(t)).prepare(**more).mean_pattern() for t in ("f2", "f8"))
    assert np.allclose(found, wanted, rtol=1e-5)


def test_gain_of_booleans_and_large_integers():
    assert np.array_equal(pixels.divide_gain(np.ones((1, 1, 2, 2), bool), 4.0, np.dtype("f4")), np.full((1, 1, 2, 2), 0.25))
    large = np.full((1, 1, 2, 2), 2**62, np.int64)
    assert pixels.divide_gain(large, 2.0**40, np.dtype("f4"))[0, 0, 0, 0] == 2.0**22
