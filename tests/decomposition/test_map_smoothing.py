"""Maps without their noise: averaged where there is nothing else, sharp where something stands out."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from unmix4d import Unmix, phantoms
from unmix4d.core.geometry import ScanGeometry
from unmix4d.decomposition.map_smoothing import without_noise

SHAPE = (40, 36)
rows, cols = np.indices(SHAPE)
DISK = 1.0 * (np.hypot(rows - 20, cols - 18) < 11)


def geometry(mask=None):
    return ScanGeometry(SHAPE, (1, 4), scan_mask=mask)


def noisy(level, seed=0):
    return np.maximum(DISK + level * np.random.default_rng(seed).standard_normal(SHAPE), 0).reshape(1, -1)


@pytest.mark.parametrize("level", [0.1, 0.3])
def test_noise_falls_and_the_edge_stays(level):
    image = noisy(level)
    clean = without_noise(image, geometry())
    truth = DISK.ravel()
    error = np.sqrt(np.mean((clean - truth) ** 2))
    blurred = gaussian_filter(image.reshape(SHAPE), 1.3).ravel()
    assert error < 0.8 * np.sqrt(np.mean((image - truth) ** 2))
    if level < 0.2:  # an edge of ten standard errors is sharper than with the same mean everywhere
        assert error < np.sqrt(np.mean((blurred - truth) ** 2))
    np.testing.assert_allclose(clean.sum(), image.sum(), rtol=1e-6)


def test_a_map_without_noise_stays_as_it_is():
    smooth = gaussian_filter(DISK, 3).reshape(1, -1)
    np.testing.assert_allclose(without_noise(smooth, geometry()), smooth, atol=0.01)
    assert np.array_equal(without_noise(np.zeros((2, DISK.size)), geometry()), np.zeros((2, DISK.size)))


def test_small_grains_without_noise_stay_sharp():
    """Edges everywhere look like noise; the standard errors of the maps say that there is none."""
    film = phantoms.polycrystal(n_grains=4, scan_shape=(7, 6), detector_shape=(40, 40), background=0, dose=None, seed=0)
    merged = Unmix(film.data, centre=film.centre).prepare(direct_beam=3).merge_nmf(6, n_runs=3, random_state=0)
    clean, median = merged.consensus(), merged.consensus(denoise=False)
    np.testing.assert_allclose(clean.maps, median.maps, atol=0.05)
    image = noisy(0.2)
    np.testing.assert_allclose(without_noise(image, geometry(), np.zeros(1)), image, rtol=1e-9, atol=1e-12)


def test_scale_does_not_matter_and_excluded_positions_have_no_part():
    image = noisy(0.2).astype(np.float32)
    clean = without_noise(image, geometry())
    assert clean.dtype == np.float32
    np.testing.assert_allclose(without_noise(1e4 * image, geometry()), 1e4 * clean, rtol=1e-4)
    mask = np.zeros(SHAPE, bool)
    mask[3:9, 20:30] = True
    kept = ~mask.ravel()
    partly = without_noise(image[:, kept], geometry(mask))
    far = np.hypot(rows - 6, cols - 25).ravel()[kept] > 14
    np.testing.assert_allclose(partly[0, far], clean[0, kept][far], atol=0.02)


@pytest.mark.parametrize("shape", [(1, 30), (2, 2), (1, 1)])
def test_lines_and_tiny_scans(shape):
    image = np.random.default_rng(0).random((1, shape[0] * shape[1]))
    assert np.isfinite(without_noise(image, ScanGeometry(shape, (1, 4)))).all()
