"""How probably a component is a grain: its signs, the interval of a number of grains, and what it is worth on films."""

import numpy as np
import pytest
from scipy.stats import binom

from unmix4d import Unmix, phantoms
from unmix4d.core.geometry import ScanGeometry
from unmix4d.decomposition.grain_probability import (
    SIGNS,
    count_interval,
    grain_probability,
    own_part,
    signs_of_a_grain,
)


@pytest.fixture(scope="module")
def scene():
    """Two grains, a rim of the first, and noise where the second is: maps (900, 4), patterns (4, 12), geometry."""
    rng = np.random.default_rng(0)
    rows, cols = np.indices((30, 30))
    distance = np.hypot(rows - 9, cols - 9)
    noise = np.where(rng.random((30, 30)) < 0.1, rng.random((30, 30)), 0)
    maps = [1.0 * (distance < 7), 0.2 * (np.abs(distance - 5.5) < 1), 0.9 * (cols > 18), 0.2 * noise * (cols > 18)]
    return np.stack(maps, axis=-1).reshape(-1, 4), rng.gamma(0.3, size=(4, 12)), ScanGeometry((30, 30), (1, 12))


def test_own_part_is_the_share_of_the_squares_at_its_own_places(scene):
    assert own_part(np.array([[3.0, 0, 0], [0, 1, 0], [0, 2, 1]]), np.eye(3)).round(2).tolist() == [1.0, 0.84, 0.2]
    part = own_part(scene[0], np.eye(4))
    assert part[0] > 0.9 and part[2] > 0.9 and part[1] < 0.15 and part[3] < 0.15


def test_grains_are_told_from_rims_and_noise(scene):
    maps, patterns, geometry = scene
    chance = grain_probability(signs_of_a_grain(geometry, maps, patterns, np.ones(4)))
    assert (chance[[0, 2]] > 0.5).all() and (chance[[1, 3]] < 0.5).all()


def test_signs_know_neither_scale_nor_order_nor_what_is_excluded(scene):
    maps, patterns, geometry = scene
    agreement = np.array([1.0, 0.9, 0.8, 0.7])
    signs = signs_of_a_grain(geometry, maps, patterns, agreement)
    assert signs.shape == (4, len(SIGNS)) and np.isfinite(signs).all()
    np.testing.assert_allclose(signs_of_a_grain(geometry, 1e3 * maps, 1e-2 * patterns, agreement), signs, atol=1e-9)
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(
        signs_of_a_grain(geometry, maps[:, order], patterns[order], agreement[order]), signs[order], atol=1e-9
    )
    mask = np.zeros((30, 30), bool)
    mask[:, 29] = True
    masked = ScanGeometry((30, 30), (1, 12), scan_mask=mask)
    cropped = ScanGeometry((30, 29), (1, 12))
    rows = maps.reshape(30, 30, 4)[:, :29].reshape(-1, 4)
    some = slice(0, 6)  # the mean over neighbours beyond an edge is another one than over excluded neighbours
    a, b = (signs_of_a_grain(g, rows, patterns, agreement)[:, some] for g in (masked, cropped))
    np.testing.assert_allclose(a, b, atol=0.08)


def test_components_without_anything_have_signs_too(scene):
    maps, patterns, geometry = scene
    maps = maps.copy()
    maps[:, 3] = 0
    chance = grain_probability(signs_of_a_grain(geometry, maps, patterns, np.ones(4)))
    assert np.isfinite(chance).all() and chance[3] < 0.5
    assert np.isfinite(signs_of_a_grain(geometry, maps[:, :1], patterns[:1], np.ones(1))).all()


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (12, 0.3), (40, 0.9)])
def test_number_of_grains_among_equals_is_binomial(n, p):
    assert count_interval(np.full(n, p)) == tuple(binom.ppf([0.05, 0.95], n, p).astype(int))


def test_number_of_grains_that_are_certain():
    assert count_interval([1.0, 1.0, 0.0]) == (2, 2)
    assert count_interval([]) == (0, 0)


def test_fringes_of_a_thick_wedge_are_not_called_grains():
    """Eight grains; the runs agree on more components, which are parts of grains."""
    film = phantoms.case("film_wedge", 0)
    view = Unmix(film.data, centre=film.centre).prepare(direct_beam=film.settings["disk_radius"] + 2.5)
    agreed = view.angular_average().merge_nmf(n_runs=4, random_state=0).consensus()
    assert agreed.k > 8
    assert 6 <= (agreed.grain_probability > 0.5).sum() <= 10
