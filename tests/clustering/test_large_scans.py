"""Scans of more positions than are compared in pairs: the groups of a small scan, and work that grows linearly."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from unmix4d import Unmix, phantoms
from unmix4d.clustering.group_angles import folded
from unmix4d.clustering.rotated_counts import Reader
from unmix4d.clustering.rotated_scan import group_scan
from unmix4d.clustering.sampled_positions import evenly_spread, of_each_label
from unmix4d.core.geometry import ScanGeometry
from unmix4d.core.polar import PolarTransform
from unmix4d.engine.matrix import PatternMatrix
from unmix4d.phantoms._patterns import Detector, rotate

METHOD = importlib.import_module("unmix4d.methods.group_rotated")
ZONE_AXES = Path(__file__).parents[2] / "../shared/data/ws2_zone_axis_patterns.npz"


def ari(one, other):
    from sklearn.metrics import adjusted_rand_score

    return adjusted_rand_score(np.ravel(one), np.ravel(other))


@pytest.fixture
def few_pairs(monkeypatch):
    """All pairs of 80 positions only are compared, so that small scans count as large."""
    monkeypatch.setattr(METHOD, "MOST_COMPARED", 80)


@pytest.fixture(scope="module")
def film():
    return phantoms.rotated_phases(scan_shape=(12, 14), detector_shape=(64, 64), dose=400, seed=3)


def view_of(film):
    return Unmix(film.data, centre=film.centre)


def same_angles(one, other):
    """Largest difference modulo the symmetry, after the zero of each group is taken off."""
    out = []
    for group in np.flatnonzero(one.symmetry):
        which = one.labels == group
        off = np.deg2rad((one.angles_deg - other.angles_deg)[which] * one.symmetry[group])
        out.append(np.abs(folded(np.rad2deg(off - np.angle(np.exp(1j * off).mean())), 360)).max() / one.symmetry[group])
    return max(out)


def test_both_ways_find_the_same(film, few_pairs, monkeypatch):
    few = view_of(film).group_rotated(random_state=0)
    monkeypatch.setattr(METHOD, "MOST_COMPARED", 168)
    every = view_of(film).group_rotated(random_state=0)
    assert ari(every.labels, film.phases[1:]) == ari(few.labels, every.labels) == 1
    assert sorted(few.symmetry) == sorted(every.symmetry) == [2, 4, 6]
    assert same_angles(few, every) < 1.0  # measured 0.4
    assert np.median(few.angle_residuals_deg) == pytest.approx(np.median(every.angle_residuals_deg), rel=0.2)
    assert few.parts.min() == 0 and few.parts.max() < len(few.leaf_labels) and few.told.all()
    # The average of a group is of all its positions.
    inside = few.geometry.radius() < 28
    assert np.corrcoef(few.patterns[:, inside].ravel(), every.patterns[:, inside].ravel())[0, 1] > 0.9


def test_a_seed_repeats_the_answer(film, few_pairs):
    one, other = (view_of(film).group_rotated(random_state=5) for _ in range(2))
    assert np.array_equal(one.labels, other.labels) and np.array_equal(one.angles_deg, other.angles_deg)


def test_lazy_scans_and_masks(film, few_pairs):
    """Excluded and empty positions have no group, whether the scan is in memory or not."""
    import dask.array as da

    data, scan_mask, mask = film.data.copy(), np.zeros((12, 14), bool), np.zeros((64, 64), bool)
    scan_mask[:, :2], mask[32:36, 40:], data[5, 7] = True, True, 0
    answers = []
    for patterns in (data, da.from_array(data, chunks=(6, 8, 64, 64))):
        view = Unmix(patterns, centre=film.centre).prepare(scan_mask=scan_mask, detector_mask=mask)
        answers.append(view.group_rotated(random_state=0))
    one, other = answers
    assert np.array_equal(one.labels, other.labels) and np.nanmax(np.abs(one.angles_deg - other.angles_deg)) < 1e-3
    assert (one.labels[scan_mask] == -1).all() and one.labels[5, 7] == -1 and np.isnan(one.angles_deg[5, 7])
    use = one.labels >= 0
    assert use.sum() == 12 * 12 - 1 and ari(one.labels[use], film.phases[1:].reshape(12, 14)[use]) == 1


@pytest.mark.slow
def test_every_host_gives_the_same(film, few_pairs, as_host):
    one, other = view_of(film).group_rotated(random_state=0), as_host(film).group_rotated(random_state=0)
    assert np.array_equal(one.labels, other.labels) and np.array_equal(one.symmetry, other.symmetry)
    # The centre of pyxem differs by rounding, and so may which of two equally likely turns the reference of a group has.
    assert same_angles(one, other) < 1.0


def test_a_scan_that_is_mostly_empty(film, few_pairs):
    """What is compared in pairs holds something."""
    data = np.zeros((24, 28, 64, 64), film.data.dtype)
    data[:5, :14] = film.data[:5]
    g = Unmix(data, centre=film.centre).group_rotated(random_state=0)
    assert ari(g.labels[:5, :14], film.phases[1:].reshape(12, 14)[:5]) == 1 and g.sizes.sum() == 70
    data[:12, :14] = film.data
    g = Unmix(data, centre=film.centre).group_rotated(random_state=0)
    assert ari(g.labels[:12, :14], film.phases[1:]) == 1 and g.sizes.sum() == 168


def test_mirrored_and_friedel_positions(few_pairs):
    p = phantoms.rotated_phases(n_phases=2, scan_shape=(10, 12), detector_shape=(64, 64), dose=2000, tilt_mrad=0, seed=6)
    data = p.data.copy()
    data[::2] = data[::2, :, ::-1]
    for options in ({"mirror": True}, {"friedel": True}):
        g = Unmix(data, centre=p.centre).group_rotated(random_state=0, **options)
        assert len(g) == 2 and ari(g.labels, p.phases[1:]) == 1


def test_what_is_rare_is_found(few_pairs):
    """Twelve positions of some 400, of which 60 are drawn at first."""
    p = phantoms.rotated_phases(n_phases=2, scan_shape=(1, 400), detector_shape=(48, 48), dose=1000, seed=2)
    rows, rare = np.arange(400), np.flatnonzero(p.phases[1:] == 2)[:6]
    use = np.sort(np.concatenate([rows[p.phases[1:] == 1], rare]))
    data = np.tile(p.data[:, use], (2, 1, 1, 1))
    data[1] = data[0, ::-1]
    g = Unmix(data, centre=p.centre).group_rotated(random_state=0)
    assert len(g) == 2 and sorted(g.sizes.tolist()) == [12, 2 * len(use) - 12]


def test_noise_holds_no_structures(few_pairs):
    noise = np.random.default_rng(1).poisson(1e-2, (20, 20, 32, 32)).astype(np.uint8)
    with pytest.warns(UserWarning, match="cannot tell whether there are structures"):
        g = Unmix(noise, centre=(15.5, 15.5)).group_rotated(random_state=0)
    assert len(g) == 1 and not g.told.any()


@pytest.mark.parametrize("side", [10, 20])
def test_work_grows_with_the_number_of_positions(side):
    """Passes over the scan, and positions that are compared in pairs, are as many for four times the positions."""
    p = phantoms.rotated_phases(n_phases=2, scan_shape=(side, side), detector_shape=(48, 48), dose=500, seed=1)
    geometry = ScanGeometry(p.scan_shape, p.detector_shape, centre=p.centre)
    matrix, transform, compared = PatternMatrix(p.data, geometry), PolarTransform(geometry, r_min=1), []

    def only(rows):
        compared.append(len(rows))
        keep = np.isin(np.arange(side**2), rows).reshape(side, side)
        return PatternMatrix(p.data, geometry.replace(scan_mask=~keep))

    found, some, _ = group_scan(
        matrix, only, Reader(matrix, transform), np.random.default_rng(0), most=48, n_groups=None, distance=None
    )
    assert some.all() and ari(found.labels, p.phases[1:]) == 1
    assert matrix.passes <= 7 and len(compared) == 3 and max(compared) <= 48


def test_positions_that_stand_for_a_scan():
    mask = np.zeros((40, 60), bool)
    mask[:10] = True
    geometry, rng = ScanGeometry((40, 60), (4, 4), scan_mask=mask), np.random.default_rng(0)
    rows = evenly_spread(geometry, np.arange(1800), 200, rng)
    assert len(np.unique(rows)) == 200 and rows.max() < geometry.n_positions
    chosen = np.zeros((30, 60), bool)
    chosen.ravel()[rows] = True
    # Every square of 7 x 7 positions holds one: cells are nearly 3.5 a side.
    assert all(chosen[i : i + 7, j : j + 7].any() for i in range(24) for j in range(54))
    assert of_each_label(np.array([0, 0, 0, 1, 0, 0]), 3).tolist() == [0, 2, 3, 5]


# Structures that share their strong spots


def two_alike(weak, dose, seed, n=150):
    """Positions of two structures, turned at random, of which one has three spots more that hold `weak` of its counts."""
    detector, rng = Detector((64, 64), (31.5, 31.5), 0.03), np.random.default_rng(seed)
    xy = np.array([[0.31, 0.05], [0.1, 0.42], [-0.38, 0.2], [-0.12, -0.51], [0.45, -0.4]])
    xy = np.concatenate([xy, [[0.6, 0.3], [0.5, 0.0], [-0.6, 0.1]]])
    strong = np.array([3, 3, 3, 3, 3, 0, 0, 0]) / 15
    both = (1 - weak) * strong + weak * np.array([0, 0, 0, 0, 0, 1, 1, 1]) / 3
    kind = rng.integers(0, 2, n)
    drawn = [
        detector.spots(rotate(xy, rng.uniform(0, 360)), (both if k else strong) * rng.uniform(0.8, 1.2), 3.0) for k in kind
    ]
    data = rng.poisson(dose * np.stack(drawn) / np.sum(drawn, axis=(1, 2)).mean() + 0.01)
    return data.reshape(10, -1, 64, 64), kind


@pytest.mark.parametrize(("dose", "seed"), [(5000, 0), (1000, 1), (300, 2)])
def test_structures_that_share_their_strong_spots(dose, seed):
    data, kind = two_alike(0.3, dose, seed)
    g = Unmix(data, centre=(31.5, 31.5)).group_rotated(random_state=0)
    assert len(g) == 2 and ari(g.labels, kind) > 0.95
    # Where the tree is cut says the same, and so does the dendrogram.
    below = g.linkage[:, 2][g.linkage[:, 2] < g.height]
    assert len(below) == len(g.linkage) - 1


@pytest.mark.parametrize(("dose", "seed"), [(5000, 0), (300, 2)])
def test_one_structure_stays_one(dose, seed):
    data, _ = two_alike(0.0, dose, seed)
    assert len(Unmix(data, centre=(31.5, 31.5)).group_rotated(random_state=0)) == 1


def zone_axes(dose, seed, shape):
    """Voronoi grains, each of one of three zone axes of WS2 at any angle, from patterns made by multislice."""
    patterns, rng = np.load(ZONE_AXES)["patterns"], np.random.default_rng(seed)
    points = rng.uniform(0, 1, (24, 2)) * shape
    grain = ((np.moveaxis(np.indices(shape), 0, -1)[:, :, None] - points) ** 2).sum(-1).argmin(-1)
    axis, angles = rng.integers(0, 3, 24), rng.uniform(0, 360, 24)
    turned = [ndimage.rotate(patterns[a], angle, reshape=False, order=3).clip(0) for a, angle in zip(axis, angles)]
    return rng.poisson(dose * np.stack(turned)[grain]).astype(np.uint16), axis[grain]


@pytest.mark.slow
@pytest.mark.skipif(not ZONE_AXES.exists(), reason="the multislice patterns of WS2 are not there")
@pytest.mark.parametrize(("dose", "seed"), [(9e4, 31), (1e4, 32), (1e3, 33)])
def test_zone_axes_of_a_real_crystal(dose, seed):
    """[100] and [110] of WS2 share their strong spots: a similarity of 0.84."""
    data, axis = zone_axes(dose, seed, (24, 24))
    g = Unmix(data, centre=(127.5, 127.5)).group_rotated(r_min=10, random_state=0)
    assert len(g) == 3 and ari(g.labels, axis) >= 0.99
