"""The odd part of patterns: right at any centre, blind for what is even, and what tells antiparallel domains apart."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms, scores

CENTRE, SHAPE = (14.3, 15.8), (30, 33)


def gaussian(row, col, width=1.5):
    r, c = np.indices(SHAPE)
    return np.exp(-((r - row) ** 2 + (c - col) ** 2) / (2 * width**2))


def view(*images, centre=CENTRE):
    return Unmix(np.stack(images)[None], centre=centre)


def cell_mean(image, row, col, cell):
    """Mean over a square cell that begins at (row, col), pixel edges being at halves; a plain loop."""
    total = 0.0
    for r in range(SHAPE[0]):
        for c in range(SHAPE[1]):
            down = min(r + 0.5, row + cell) - max(r - 0.5, row)
            right = min(c + 0.5, col + cell) - max(c - 0.5, col)
            total += max(down, 0) * max(right, 0) * image[r, c]
    return total / cell**2


def test_values_are_the_differences_of_opposite_cells():
    image = np.random.default_rng(0).random(SHAPE)
    made = view(image, image).friedel_odd(0, 9, cell=3)
    assert made.shape == (1, 2, 3, 6) and made.features.signed
    odd = made.geometry.to_images(made.features.values)[0]
    wanted, noise = np.zeros((2, 3, 6))
    for i in range(3):
        for j in range(6):
            here = CENTRE[0] + 3 * (i - 3), CENTRE[1] + 3 * (j - 3)
            there = CENTRE[0] + 3 * (2 - i), CENTRE[1] + 3 * (2 - j)
            wanted[i, j] = cell_mean(image, *here, 3) - cell_mean(image, *there, 3)
    kept = np.isfinite(odd)
    noise = wanted[kept] / odd[kept]  # of counts: near sqrt(2 * mean / 9 pixels), less where a cell cuts pixels
    assert kept.sum() == 16 and (np.sign(wanted[kept]) == np.sign(odd[kept])).all()
    assert (noise > 0.6 * np.sqrt(1 / 9)).all() and (noise < 1.3 * np.sqrt(1 / 9)).all()


def test_noise_of_counts_is_one():
    mean = 3 * gaussian(*CENTRE, width=6) + 0.5
    counts = np.random.default_rng(1).poisson(mean, (20, 25, *SHAPE))
    values = Unmix(counts, centre=CENTRE).friedel_odd(2, 13, cell=2.5).features.values
    assert values.std() == pytest.approx(1, abs=0.02) and abs(values.mean()) < 0.02


def test_what_is_even_is_not_seen_at_a_centre_between_pixels():
    g = np.array([4.4, 6.1])
    even = gaussian(*(CENTRE + g), 2) + gaussian(*(CENTRE - g), 2)
    odd = gaussian(*(CENTRE + g), 2)
    made = view(even, odd).friedel_odd(3, 12).features.values
    assert np.abs(made[0]).max() < 0.01 * np.abs(made[1]).max()


def test_halves_are_the_positive_parts_of_all_cells():
    image, turned = np.random.default_rng(2).random((2, *SHAPE))
    u = view(image, turned)
    signed = u.friedel_odd(2, 10).geometry, u.friedel_odd(2, 10).features.values
    both = u.friedel_odd(2, 10, halves=True)
    whole = np.nan_to_num(both.geometry.to_images(both.features.values))
    n = whole.shape[1] // 2
    assert whole.shape == (2, 2 * n, 2 * n) and whole.min() == 0
    above = np.nan_to_num(signed[0].to_images(signed[1]))
    np.testing.assert_allclose(whole[:, :n] - whole[:, ::-1, ::-1][:, :n], above, atol=1e-6)


def test_cells_without_a_partner_are_dropped():
    u = view(gaussian(5, 5), gaussian(25, 20))
    mask = np.zeros(SHAPE, bool)
    mask[:12, :14] = True
    masked = u.prepare(detector_mask=mask).friedel_odd(2, 12)
    free = u.friedel_odd(2, 12)
    assert masked.geometry.n_pixels < free.geometry.n_pixels
    left = masked.geometry.kept_pixels.reshape(masked.geometry.detector_shape)
    assert not left[:3, :3].any()  # the corner that is masked, and so the one opposite to it
    with pytest.raises(ValueError, match="on both sides of the centre"):
        u.prepare(detector_mask=np.arange(SHAPE[0])[:, None] + np.zeros(SHAPE) < 15).friedel_odd(3, 12)


def test_methods_for_both_signs_work_and_others_say_what_to_do():
    phantom = phantoms.antiparallel_domains(scan_shape=(8, 9), detector_shape=(40, 40), dose=2e3, seed=3)
    u = Unmix(phantom.data, centre=phantom.centre)
    odd = u.friedel_odd(4, 18)
    assert odd.svd(1, random_state=0).patterns.shape == (1, 40, 40)
    both = odd.concatenate(u.angular_average(rings=[(4, 18)]))
    for made in (odd, both):
        with pytest.raises(ValueError, match="nmf needs values that are not negative.*halves=True"):
            made.nmf(2, random_state=0)
        with pytest.raises(ValueError, match="both signs, and are in units of their noise"):
            made.scaled("poisson")
    result = u.friedel_odd(4, 18, halves=True).nmf(2, random_state=0)
    assert np.isfinite(result.patterns).all()


def labels_of(phantom):
    """0 where the domain is up, 1 where it is down."""
    up, down = (phantom.maps[phantom.phases == sign].sum(axis=0) for sign in (1, 2))
    return (down > up).astype(int).ravel()


@pytest.mark.filterwarnings("ignore:less than half of the positions are pure")  # counting noise makes memberships
@pytest.mark.parametrize("off", [(0, 0), (0.35, -0.35)])
def test_antiparallel_domains_are_told_apart_where_pixels_are_not_enough(off):
    phantom = phantoms.antiparallel_domains(polarity=0.15, dose=1e4, seed=11)
    u = Unmix(phantom.data, centre=tuple(np.add(phantom.centre, off)))
    odd = u.friedel_odd()
    assert np.hypot(*np.subtract(odd.features.settings["centre"], phantom.centre)) < 0.05
    found = odd.fuzzy_cmeans(2, contrast=0.5, n_starts=3, random_state=0).labels().ravel()
    assert scores.adjusted_rand_index(found, labels_of(phantom)) > 0.95
    pixels = u.prepare(direct_beam=5).nmf(2, random_state=0).labels().ravel()
    assert scores.adjusted_rand_index(pixels, labels_of(phantom)) < 0.5


def test_a_centre_that_is_far_off_is_said():
    phantom = phantoms.antiparallel_domains(scan_shape=(14, 12), dose=3e3, seed=3)
    u = Unmix(phantom.data, centre=tuple(np.add(phantom.centre, (0.6, -0.6))))
    with pytest.warns(UnmixWarning, match="opposite spots are symmetric about"):
        u.friedel_odd(5, 22)
    assert u.friedel_odd(5, 22, measure_centre=False).features.settings["centre"] == list(u.geometry.centre)


@pytest.mark.filterwarnings("ignore:less than half of the positions are pure")
def test_a_slight_bend_does_not_hide_a_strong_polarity():
    phantom = phantoms.antiparallel_domains(dose=3e3, bending_mrad=6.0, seed=11)
    found = Unmix(phantom.data, centre=phantom.centre).friedel_odd().fuzzy_cmeans(2, contrast=0.5, random_state=0)
    assert scores.adjusted_rand_index(found.labels().ravel(), labels_of(phantom)) > 0.95


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"cell": 0}, ValueError, "cell must be above 0"),
        ({"cell": 0.1}, ValueError, "cell must be at least 0.5"),
        ({"cell": "1 nm"}, ValueError, "cell"),
        ({"measure_centre": 1}, TypeError, "measure_centre must be True or False"),
        ({"halves": 1}, TypeError, "halves must be True or False"),
        ({"r_min": 9, "r_max": 3}, ValueError, "r_max must be above r_min"),
    ],
)
def test_arguments_out_of_range_are_refused(options, kind, says):
    with pytest.raises(kind, match=says):
        view(gaussian(5, 5)).friedel_odd(**options)
