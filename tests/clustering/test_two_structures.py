"""Two structures in one group, two groups at one position, and groups of components beside groups of positions."""

import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.clustering.friedel_centre import offset_of_scan
from unmix4d.clustering.rotated_counts import Reader, Templates, likeliest, make_templates, read_counts, sums_of
from unmix4d.clustering.sampled_positions import worst_explained
from unmix4d.clustering.two_structures import divided
from unmix4d.core.polar import PolarTransform
from unmix4d.phantoms._patterns import Detector, rotate

SHAPE, CENTRE = (48, 48), (23.5, 23.5)
DETECTOR = Detector(SHAPE, CENTRE, 0.04)
XY = np.array([[0.31, 0.05], [0.1, 0.42], [-0.38, 0.2], [-0.12, -0.51], [0.45, -0.4], [0.6, 0.3], [0.5, 0.0], [-0.6, 0.1]])
STRONG = np.array([3, 3, 3, 3, 3, 0, 0, 0]) / 15
WEAK = np.array([0, 0, 0, 0, 0, 1, 1, 1]) / 3


def pattern(kind, angle, weak=0.3):
    """Two structures that share five spots; the second has three more."""
    return DETECTOR.spots(rotate(XY, angle), (1 - weak) * STRONG + weak * WEAK if kind else STRONG, 3.0)


def scan_of(kinds, dose, seed, shape):
    rng = np.random.default_rng(seed)
    means = np.stack([pattern(kind, rng.uniform(0, 360)) for kind in kinds])
    return rng.poisson(dose * means / means.sum(axis=(1, 2), keepdims=True) + 0.01).reshape(*shape, *SHAPE)


def aligned(data):
    """Polar counts, and the angle of every position against the average of all."""
    view = Unmix(data, centre=CENTRE)
    matrix = view.matrix("single")
    counts, _, _ = read_counts(matrix, Reader(matrix, PolarTransform(view.geometry, n_azimuth=360, r_min=1)), pairs=False)
    labels, angles, mirrored = np.zeros(counts.n, int), np.zeros(counts.n), np.zeros(counts.n, bool)
    for _ in range(4):
        average = make_templates(counts, sums_of(counts, labels, angles, mirrored, 1))
        labels, angles, mirrored, _ = likeliest(counts, Templates(counts, average, False))
    return counts, angles, mirrored


@pytest.mark.parametrize(("dose", "share"), [(300, 0.5), (2000, 0.5), (2000, 0.1)])
def test_a_group_of_two_structures_divides_into_them(dose, share):
    kinds = np.arange(120) < 120 * share
    counts, angles, mirrored = aligned(scan_of(np.random.default_rng(1).permutation(kinds), dose, 2, (10, 12)))
    found = divided(counts, np.arange(120), angles, mirrored, False)
    truth = np.random.default_rng(1).permutation(kinds)
    assert found.two and found.unlike > 0.12
    assert max(np.mean((found.labels == 1) == truth), np.mean((found.labels == 0) == truth)) > 0.97


@pytest.mark.parametrize("dose", [30, 300, 2000])
def test_halves_of_one_structure_do_not_agree_on_two(dose):
    counts, angles, mirrored = aligned(scan_of(np.zeros(120), dose, 3, (10, 12)))
    found = divided(counts, np.arange(120), angles, mirrored, False)
    assert not found.two and abs(found.agreement) < 0.5
    assert divided(counts, np.arange(20), angles[:20], mirrored[:20], False) is None


def test_a_structure_in_a_twentieth_of_the_positions():
    kinds = np.random.default_rng(4).permutation(np.arange(200) < 10)
    g = Unmix(scan_of(kinds, 2000, 5, (10, 20)), centre=CENTRE).group_rotated(random_state=0)
    assert len(g) == 2 and np.array_equal(g.labels.ravel() == 1, kinds)


def test_two_groups_at_a_position():
    """Six columns of one structure, six of the other, with a mixture of both between them."""
    rng, share = np.random.default_rng(6), np.array([0, 0, 0, 0, 0, 0.4, 0.6, 1, 1, 1, 1, 1])
    lone = DETECTOR.spots(rotate(XY[5:] * 0.7, 77.0), np.full(3, 1 / 3), 3.0)
    means = np.stack([(1 - w) * pattern(0, 20.0) + w * lone for w in np.tile(share, 10)])
    data = rng.poisson(2000 * means / means.sum(axis=(1, 2), keepdims=True) + 0.01).reshape(10, 12, *SHAPE)
    g = Unmix(data, centre=CENTRE).group_rotated(random_state=0)
    one, other = g.labels[0, 0], g.labels[0, -1]
    assert len(g) == 2 and (g.second[:, :5] == -1).all() and (g.second[:, 7:] == -1).all()
    assert (g.second[:, 5] == other).all() and (g.second[:, 6] == one).all()
    assert np.abs(g.second_share[:, 5:7] - 0.4).max() < 0.1  # measured 0.05
    assert (g.second_share[g.second < 0] == 0).all()


def test_a_second_angle_of_the_same_group():
    means = np.stack([pattern(1, 0.0), pattern(1, 70.0), 0.55 * pattern(1, 0.0) + 0.45 * pattern(1, 70.0)])
    means = np.repeat(means, [30, 30, 10], axis=0)
    data = np.random.default_rng(7).poisson(3000 * means / means.sum(axis=(1, 2), keepdims=True) + 0.01)
    g = Unmix(data.reshape(7, 10, *SHAPE), centre=CENTRE).group_rotated(1)
    assert (g.second[:6] == -1).all() and (g.second[6] == 0).all()


def test_positions_that_only_noise_makes_strange_are_not_preferred():
    rng = np.random.default_rng(8)
    strange = rng.normal(0, 1, 2000)
    strange[:5] = 20, 30, 25, -np.inf, 40
    rows = np.arange(100, 1000)
    chosen = worst_explained(strange, rows, 300, rng)
    assert chosen[:4].tolist() == [4, 1, 2, 0] and 3 not in chosen and not np.isin(chosen, rows).any()
    # The others are as strange as any.
    assert abs(strange[chosen[4:]].mean()) < 0.2 and len(worst_explained(strange, rows, 5000, rng)) == 1099


@pytest.mark.parametrize("off", [2.0, 4.0])
def test_a_direct_beam_beyond_r_min_does_not_hide_the_centre(off):
    rng = np.random.default_rng(9)
    detector = Detector((96, 96), (47.5 + off * 0.6, 47.5 - off * 0.8), 0.02)
    pairs = np.concatenate([XY, -XY])
    beam = (np.hypot(*(np.indices((96, 96)) - np.reshape(detector.centre, (2, 1, 1)))) < 4.0) * 1.0
    spots = [detector.spots(rotate(pairs, a), np.ones(16) / 16, 3.0) for a in rng.uniform(0, 360, 48)]
    means = np.stack(spots) + 2 * beam / beam.sum()
    data = rng.poisson(2000 * means).reshape(6, 8, 96, 96)
    view = Unmix(data, centre=(47.5, 47.5))
    found = offset_of_scan(view.matrix("single"), view.geometry, 5.0)
    assert found.known and np.hypot(found.row - 0.6 * off, found.col + 0.8 * off) < 0.1


# Components and positions of the same scan


@pytest.fixture(scope="module")
def grains():
    p = phantoms.rotated_phases(layout="grains", n_grains=8, scan_shape=(16, 16), detector_shape=(64, 64), dose=2e3, seed=1)
    u = Unmix(p.data, centre=p.centre)
    return u, u.group_rotated(random_state=0)


def test_components_and_positions_give_the_same_structures(grains):
    u, positions = grains
    components = u.nmf(8, random_state=0).group_rotated()
    for table in (components.compare(positions), positions.compare(components)):
        assert set(table["trust"]) == {"both"} and table["share"].min() > 0.9 and len(set(table["other"])) == 3
    assert positions.compare(components)["positions"].tolist() == positions.sizes.tolist()


def test_too_few_components_are_not_trusted(grains):
    u, positions = grains
    table = u.nmf(3, random_state=0).group_rotated().compare(positions)
    assert "positions" in table["trust"] and "components" not in table["trust"]


def test_crystals_in_a_glass_are_those_of_the_components():
    p = phantoms.rotated_phases(
        layout="precipitates", n_phases=2, n_grains=6, scan_shape=(18, 18), detector_shape=(64, 64), dose=2e3, share=0.25,
        seed=2,
    )  # fmt: skip
    u = Unmix(p.data, centre=p.centre)
    table = u.group_rotated(random_state=0).compare(u.nmf(8, random_state=0).group_rotated())
    assert "components" in table["trust"] and "positions" not in table["trust"]


def test_what_cannot_be_compared(grains):
    u, positions = grains
    with pytest.raises(ValueError, match="both are of single positions"):
        positions.compare(positions)
    with pytest.raises(TypeError, match="other must be Groups"):
        positions.compare(None)
    other = Unmix(u.scan.patterns[:8], centre=u.geometry.centre).nmf(3, random_state=0).group_rotated()
    with pytest.raises(ValueError, match="of a scan of the same shape"):
        positions.compare(other)
