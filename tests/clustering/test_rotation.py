"""Diffraction similarity, hierarchy, angles: known rotations, mirror images, masks, noise, symmetry."""

import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.clustering.anisotropy import is_amorphous, spots_of
from unmix4d.clustering.friedel_centre import _Pairs
from unmix4d.clustering.group_angles import _along_tree, folded, group_angles, symmetry_order
from unmix4d.clustering.hierarchy import cut_tree, make_tree, widest_gap
from unmix4d.clustering.merged_tree import merged_tree
from unmix4d.clustering.rotate_patterns import PatternRotation
from unmix4d.clustering.rotated_groups import group_patterns
from unmix4d.clustering.similarity import diffraction_similarity, rings_of
from unmix4d.core.geometry import ScanGeometry
from unmix4d.core.polar import PolarTransform
from unmix4d.phantoms._patterns import Detector, mirror, rotate

SHAPE, CENTRE = (128, 120), (61.3, 58.2)
DETECTOR = Detector(SHAPE, CENTRE, 0.016)
# Spots (x right, y up, 1/angstrom) without any symmetry.
XY = np.array([[0.31, 0.05], [0.1, 0.42], [-0.38, 0.2], [-0.12, -0.51], [0.45, -0.4], [0.6, 0.3]])
BRIGHT = np.array([5.0, 3.0, 4.0, 2.0, 1.5, 2.5])
KNOWN = np.array([0.0, 17.3, 95.85, 143.0, -61.2, -158.4])


def crystal(angle=0.0, *, flip=None, xy=XY, bright=BRIGHT, halo=0.5):
    xy = xy if flip is None else mirror(xy, flip)
    return DETECTOR.spots(rotate(xy, angle), bright, 3.0) + halo * bright.sum() * DETECTOR.halo()


def compare(patterns, mask=None, **options):
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE, detector_mask=mask)
    polar = PolarTransform(geometry, n_azimuth=360, r_min=2)
    making = {name: options.pop(name) for name in ("friedel", "weight", "as_published") if name in options}
    rings = rings_of(polar.forward(np.asarray(patterns)), polar.valid, polar.radius, **making)
    same = {"as_published": making["as_published"]} if "as_published" in making else {}
    return diffraction_similarity(rings, **options, **same), rings


def error(measured, expected, period=360.0):
    return np.abs(folded(np.asarray(measured) - expected, period))


@pytest.fixture(scope="module")
def turned():
    return np.stack([crystal(angle) for angle in KNOWN])


def test_a_pattern_is_like_itself_and_its_copies(turned):
    found, _ = compare(turned)
    assert np.all(np.diag(found.matrix) == 1) and np.all(np.diag(found.angles_deg) == 0)
    assert found.matrix.min() > 0.97  # measured 0.985
    assert np.array_equal(found.matrix, found.matrix.T) and np.allclose(found.angles_deg, -found.angles_deg.T)
    assert found.distances.max() < 0.03 and np.all(np.diag(found.distances) == 0)


def test_known_rotations_to_half_a_degree(turned):
    """Counter-clockwise as seen on screen: angles[i, j] turns j into i."""
    found, _ = compare(turned)
    assert error(found.angles_deg, KNOWN[:, None] - KNOWN[None]).max() < 0.1  # measured 0.03


def test_a_quarter_turn_is_that_of_numpy():
    """np.rot90 turns counter-clockwise with row 0 on top."""
    image = np.random.default_rng(0).random((41, 41)) * (np.hypot(*(np.indices((41, 41)) - 20)) < 18)
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    polar = PolarTransform(geometry, n_azimuth=360, r_min=1, r_max=18)
    rings = rings_of(polar.forward(np.stack([np.rot90(image), image])), polar.valid, polar.radius)
    found = diffraction_similarity(rings)
    assert found.matrix[0, 1] > 0.999 and found.angles_deg[0, 1] == pytest.approx(90, abs=1e-3)


def test_mirror_images_only_when_asked(turned):
    axis, angle = 25.0, 40.0
    pair = np.stack([crystal(angle, flip=axis), crystal()])
    assert compare(pair)[0].matrix[0, 1] < 0.7  # measured 0.52
    found, _ = compare(pair, mirror=True)
    assert found.matrix[0, 1] > 0.97 and found.mirrored[0, 1] and found.mirrored[1, 0]
    # Mirrored on the axis at 0 degrees first: on that at 25 degrees is 50 degrees further.
    assert error(found.angles_deg[0, 1], angle + 2 * axis) < 0.1
    assert found.angles_deg[0, 1] == found.angles_deg[1, 0]
    assert not compare(turned, mirror=True)[0].mirrored.any()


def test_masked_sector(turned):
    """A beam stop with a bar hides other spots in every copy."""
    mask = DETECTOR.beam_stop(8.0, bar=9)
    row, col = np.indices(SHAPE)
    bar = mask & (np.hypot(row - CENTRE[0], col - CENTRE[1]) > 8)
    assert any(pattern[bar].max() > 0.2 * pattern.max() for pattern in turned)
    hidden = np.where(mask, 1e4, turned)  # what is masked is not looked at
    found, _ = compare(hidden, mask)
    assert found.matrix.min() > 0.95  # measured 0.98
    assert error(found.angles_deg, KNOWN[:, None] - KNOWN[None]).max() < 0.3
    unaware, _ = compare(np.where(mask, 0, turned))
    assert unaware.matrix.min() < found.matrix.min() - 0.05


def test_intensity_and_halo_do_not_matter(turned):
    factors = np.array([1, 1e-3, 50, 7, 0.2, 3])[:, None, None]
    halos = np.array([0, 3, 10, 1, 0.3, 5])[:, None, None] * BRIGHT.sum() * DETECTOR.halo()
    found, _ = compare(factors * (turned + halos))
    assert np.allclose(found.matrix, compare(turned)[0].matrix, atol=0.02)
    assert np.allclose(found.angles_deg, compare(turned)[0].angles_deg, atol=0.05)


def test_permutation(turned):
    order = [3, 0, 5, 1, 4, 2]
    found, permuted = compare(turned)[0], compare(turned[order])[0]
    assert np.allclose(permuted.matrix, found.matrix[np.ix_(order, order)], atol=1e-12)
    assert np.allclose(permuted.angles_deg, found.angles_deg[np.ix_(order, order)], atol=1e-9)


def test_many_patterns_as_few():
    """Over the edge of a tile, in single precision."""
    rng = np.random.default_rng(1)
    values = rng.random((150, 36, 4)).astype(np.float32)
    rings = rings_of(values, np.ones((36, 4), bool), np.arange(1, 5))
    found = diffraction_similarity(rings, mirror=True)
    some = [0, 64, 127, 128, 149]
    few = diffraction_similarity(rings_of(values[some], np.ones((36, 4), bool), np.arange(1, 5)), mirror=True)
    at = np.ix_(some, some)
    assert found.matrix.dtype == np.float32
    assert np.allclose(found.matrix[at], few.matrix, atol=1e-5) and np.array_equal(found.mirrored[at], few.mirrored)
    assert np.allclose(found.angles_deg[at], few.angles_deg, atol=1e-2)


def test_brute_force():
    """The maximum over all turns of the correlation coefficient, by hand."""
    rng = np.random.default_rng(2)
    values, radius = rng.random((2, 24, 3)), np.array([1.0, 2, 3])
    found = diffraction_similarity(rings_of(values, np.ones((24, 3), bool), radius))
    free = (values - values.mean(1, keepdims=True)) * np.sqrt(radius)
    curve = np.array([(free[0] * np.roll(free[1], t, axis=0)).sum() for t in range(24)])
    expected = curve / np.sqrt((free**2).sum((1, 2)).prod())
    best = expected.argmax()
    assert expected[best] <= found.matrix[0, 1] < expected[best] + 0.1  # the parabola reaches a little higher
    assert error(found.angles_deg[0, 1], best * 15) <= 7.5


def test_as_published_is_not_normalised(turned):
    found, _ = compare(np.stack([turned[0], 3 * turned[1]]), as_published=True)
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE)
    polar = PolarTransform(geometry, n_azimuth=360, r_min=2).forward(turned[:1])
    assert found.matrix[0, 0] == pytest.approx((polar**2).sum(), rel=1e-6)
    assert found.matrix[1, 1] == pytest.approx(9 * found.matrix[0, 0], rel=0.02)
    assert error(found.angles_deg[1, 0], KNOWN[1]) < 0.2
    # The halo swamps it: two patterns without a spot in common are alike.
    other = crystal(xy=XY[::-1] * 0.7, halo=40)
    published, ours = (compare([crystal(halo=40), other], as_published=flag)[0] for flag in (True, False))
    assert published.matrix[0, 1] > 0.9 * published.matrix[0, 0] > 0 and ours.matrix[0, 1] < 0.6


def test_friedel_pairs():
    both = np.concatenate([XY, -XY])
    pair = np.stack([crystal(37.0, xy=both, bright=np.tile(BRIGHT, 2)), crystal(xy=both, bright=np.tile(BRIGHT, 2))])
    found, _ = compare(pair, friedel=True)
    assert found.period == 180 and np.abs(found.angles_deg).max() <= 90
    assert found.matrix[0, 1] > 0.97 and error(found.angles_deg[0, 1], 37, 180) < 0.1
    with pytest.raises(ValueError, match="friedel needs an even number of azimuths, got 45"):
        rings_of(np.ones((1, 45, 3)), np.ones((45, 3), bool), np.arange(3), friedel=True)


def test_weight_by_radius():
    """Two patterns that agree in the inner spots only are the less alike the more the outer ones count."""
    inner, outer = XY[:2], np.array([[0.8, 0.1]])
    pair = [
        crystal(xy=np.concatenate([inner, rotate(outer, a)]), bright=np.array([5.0, 3.0, 5.0])) for a in (0, 70)
    ]  # fmt: skip
    values = [compare(pair, weight=w)[0].matrix[0, 1] for w in ("none", "radius")]
    assert values[0] > values[1] + 0.05  # measured 0.91 and 0.71
    n = len(PolarTransform(ScanGeometry((1, 1), SHAPE, centre=CENTRE), r_min=2).radius)
    only_inner = (np.arange(n) < 30).astype(float)
    assert compare(pair, weight=only_inner)[0].matrix[0, 1] > 0.99
    for wrong in ("mass", np.ones(n - 1), -np.ones(n), np.zeros(n)):
        with pytest.raises(ValueError, match="weight must"):
            compare(pair, weight=wrong)


def test_empty_and_even_patterns_are_like_nothing():
    found, _ = compare([np.zeros(SHAPE), np.ones(SHAPE), crystal()])
    assert np.isfinite(found.matrix).all() and np.all(np.diag(found.matrix) == 1)
    assert found.matrix[0, 1] < 1e-6 and found.matrix[0, 2] < 1e-6 and found.matrix[1, 2] < 0.05


def test_ellipse_and_oblong_pixels():
    """Rotations of the pattern made round are found on a detector that is not."""
    from unmix4d.core.geometry import Calibration
    from unmix4d.core.polar import to_detector

    oblong = Calibration(pixel_size=(1.1, 1))
    geometry = ScanGeometry((1, 1), (120, 128), centre=(60, 62), ellipse=(1.1, 0.95, 30.0), calibration=oblong)
    row, col = np.indices(geometry.detector_shape)
    patterns = []
    for angle in KNOWN:
        xy = rotate(XY, angle)
        at = to_detector(geometry, np.arctan2(xy[:, 1], xy[:, 0]), np.hypot(*xy.T) * 60)
        patterns.append(sum(b * np.exp(-((row - r) ** 2 + (col - c) ** 2) / 4) for b, r, c in zip(BRIGHT, *at)))
    polar = PolarTransform(geometry, r_min=2)
    rings = rings_of(polar.forward(np.stack(patterns)), polar.valid, polar.radius)
    assert error(diffraction_similarity(rings).angles_deg, KNOWN[:, None] - KNOWN[None]).max() < 0.5


# Hierarchy and angles


def test_widest_gap():
    assert widest_gap([0.05, 0.06, 0.5]) == pytest.approx(0.28)
    heights = [0.05, 0.1, 0.12, 0.7], [0.01, 0.02], [0.9]
    assert [widest_gap(some) for some in heights] == pytest.approx([0.36, 0.31, 0.3])
    labels, height = cut_tree(make_tree(np.array([[0, 0.1, 0.9], [0.1, 0, 0.8], [0.9, 0.8, 0]])))
    assert labels.tolist() == [0, 0, 1] and 0.1 < height < 0.8
    alike = np.full((4, 4), 0.01) - 0.01 * np.eye(4)
    assert cut_tree(make_tree(alike))[0].max() == 0
    different = 0.95 * (1 - np.eye(4))
    assert cut_tree(make_tree(different))[0].tolist() == [0, 1, 2, 3]
    for n in range(1, 5):
        assert cut_tree(make_tree(different), n_groups=n)[0].max() == n - 1
    assert cut_tree(make_tree(different), distance=0.96)[0].max() == 0
    assert cut_tree(make_tree(np.zeros((1, 1))))[0].tolist() == [0]
    assert np.isnan(make_tree(np.zeros((1, 1))).cophenetic)


def test_cophenetic_correlation_is_that_of_scipy():
    from scipy.cluster.hierarchy import cophenet
    from scipy.spatial.distance import squareform

    points = np.random.default_rng(0).random((12, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    tree = make_tree(distances)
    assert tree.cophenetic == pytest.approx(cophenet(tree.linkage, squareform(distances))[0])


def test_angles_of_a_group_are_consistent(turned):
    noise = np.random.default_rng(3)
    noisy = noise.poisson(turned * 2000 / turned.sum((1, 2), keepdims=True))
    found, rings = compare(noisy)
    answer = group_angles(found, rings, np.arange(6), [1, 2, 9, 1, 1, 1])
    assert answer.angles_deg[2] == 0 and answer.symmetry == 1 and not answer.mirrored.any()
    assert error(answer.angles_deg, KNOWN - KNOWN[2]).max() < 0.5  # measured 0.2
    assert 0 < answer.residuals_deg.max() < 0.5
    assert group_angles(found, rings, [4], [1.0]).angles_deg.tolist() == [0]


def test_mirrored_members_have_consistent_angles():
    flips, angles = [None, 0.0, None, 0.0, 0.0], np.array([0, 30, 80, -110, 175.0])
    patterns = np.stack([crystal(a, flip=f) for a, f in zip(angles, flips)])
    found, rings = compare(patterns, mirror=True)
    answer = group_angles(found, rings, np.arange(5), [9, 1, 1, 1, 1])
    assert answer.mirrored.tolist() == [False, True, False, True, True]
    assert error(answer.angles_deg, angles).max() < 0.1 and answer.residuals_deg.max() < 0.1


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
def test_symmetry_is_found_and_angles_are_modulo(order):
    seed = np.array([[0.35, 0.1], [0.5, 0.44]])
    xy = np.concatenate([rotate(seed, 360 * j / order) for j in range(order)])
    angles = np.array([0, 33.0, 150, 290])
    patterns = np.stack([crystal(a, xy=xy, bright=np.tile([3.0, 2.0], order)) for a in angles])
    found, rings = compare(patterns)
    answer = group_angles(found, rings, np.arange(4), np.ones(4))
    assert answer.symmetry == order
    assert error(answer.angles_deg - answer.angles_deg[0], angles, 360 / order).max() < 0.1
    assert answer.residuals_deg.max() < 0.1


def test_amorphous_patterns_have_no_spots():
    rng = np.random.default_rng(4)
    halo = 2e4 * DETECTOR.halo()
    dark = halo * (1 - 0.8 * (DETECTOR.spots(XY, np.ones(6), 3.0) > 0.03))
    row, col = np.indices(SHAPE)
    slope = halo * (1 + 0.4 * (col - CENTRE[1]) / 60)
    crystals = [crystal(a) for a in KNOWN[:3]]
    crystals = [2e4 * c / c.sum() for c in crystals]
    means = np.stack([halo, dark, slope, *crystals])
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE)
    for patterns in (means, rng.poisson(means), rng.poisson(means / 20)):
        found = spots_of(geometry, patterns.astype(float), r_min=2)
        assert is_amorphous(found).tolist() == [True] * 3 + [False] * 3, found


def test_amorphous_patterns_are_grouped_by_their_profile():
    rng = np.random.default_rng(5)
    wide = Detector(SHAPE, CENTRE, 0.011).halo()  # the same glass at another density
    means = [DETECTOR.halo(), DETECTOR.halo(), wide, wide, crystal() / crystal().sum(), crystal(40) / crystal().sum()]
    patterns = rng.poisson(1e5 * np.stack(means)).astype(float)
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE)
    polar = PolarTransform(geometry, r_min=2)
    rings = rings_of(polar.forward(patterns), polar.valid, polar.radius)
    found = group_patterns(
        diffraction_similarity(rings), rings, intensities=np.ones(6), amorphous=is_amorphous(spots_of(geometry, patterns)),
        profiles=polar.forward(patterns).mean(1) * polar.radius, n_groups=3,
    )  # fmt: skip
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.symmetry.tolist() == [0, 0, 1] and np.isnan(found.angles_deg[:4]).all()


@pytest.mark.parametrize("flip, masked", [(None, False), (20.0, False), (None, True)])
def test_averages_of_copies_are_like_further_copies(turned, flip, masked):
    """Averages that were not rotated onto each other would be like no third copy."""
    mask = None
    if masked:
        mask = np.zeros(SHAPE, bool)
        mask[60:64, :60] = True  # the arm of a beam stop
    patterns = [*turned[:4], crystal(30, flip=flip)] if flip else turned
    tree = tree_of_averages(np.stack(patterns), mask, mirror=flip is not None)
    assert tree.linkage[:, 2].max() < 0.03 and tree.linkage[-1, 3] == len(patterns)


def test_tree_of_averages_finds_the_structures_of_few_electrons():
    rng = np.random.default_rng(2)
    means = [crystal(a, xy=xy) for a in (0, 41, 100, 153) for xy in (XY, 0.9 * XY @ np.array([[0.0, 1.0], [1.0, 0.2]]))]
    tree = tree_of_averages(rng.poisson([200 * m / m.sum() for m in means]).astype(float))
    assert cut_tree(tree, n_groups=2)[0].tolist() == [0, 1] * 4
    assert (np.diff(tree.linkage[:, 2]) >= 0).all()


def tree_of_averages(patterns, mask=None, **options):
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE, detector_mask=mask)
    polar = PolarTransform(geometry, n_azimuth=360, r_min=2)

    def compare(values):
        return diffraction_similarity(rings_of(values, polar.valid, polar.radius), **options)

    return merged_tree(
        polar.forward(patterns), polar.valid, patterns.sum((1, 2)), compare=compare,
        amorphous=np.zeros(len(patterns), bool), radius=polar.radius,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:group_rotated cannot")
def test_amorphous_components_have_a_tree_of_averages_too():
    film = phantoms.rotated_phases(
        layout="grains",
        n_phases=2,
        n_grains=4,
        scan_shape=(12, 12),
        detector_shape=(64, 64),
        background=0.8,
        dose=3e3,
        seed=1,
    )
    result = Unmix(film.data, centre=film.centre).nmf(5, random_state=0)
    found, usual = (result.group_rotated(linkage=linkage) for linkage in ("merged", "average"))
    assert found.labels.tolist() == usual.labels.tolist() and found.amorphous.sum() == 1
    assert found.settings["linkage"] == "merged" and found.linkage.shape == (4, 4)
    with pytest.raises(ValueError, match="linkage"):
        Unmix(film.data, centre=film.centre).group_rotated(linkage="merged")


def test_turning_back_lays_copies_on_each_other(turned):
    geometry = ScanGeometry((1, 1), SHAPE, centre=CENTRE)
    turning = PatternRotation(geometry)
    inside = geometry.radius() < 55
    for pattern, angle in zip(turned, KNOWN):
        back, seen = turning(pattern, angle)
        assert seen[inside].all()
        assert np.corrcoef(back[inside], turned[0][inside])[0, 1] > 0.98  # interpolation blurs
    back, _ = turning(crystal(33.0, flip=0.0), 33.0, True)
    assert np.corrcoef(back[inside], turned[0][inside])[0, 1] > 0.98


def test_phantom_of_rotated_phases():
    p = phantoms.rotated_phases(scan_shape=(4, 5), detector_shape=(96, 100), dose=None, seed=3)
    assert p.k == 21 and np.allclose(p.maps.sum(0), 1) and np.allclose(p.data.sum((2, 3)), 1e4, rtol=1e-4)
    view = Unmix(p.data, centre=p.centre)
    polar = PolarTransform(view.geometry, r_min=2)
    rings = rings_of(polar.forward(p.patterns[1:]), polar.valid, polar.radius)
    found = diffraction_similarity(rings)
    same = p.phases[1:, None] == p.phases[None, 1:]
    assert found.matrix[same].min() > 0.97 and found.matrix[~same].max() < 0.5
    expected = p.rotations_deg[1:, None] - p.rotations_deg[None, 1:]
    for phase, order in ((1, 2), (2, 6), (3, 4)):
        which = np.ix_(p.phases[1:] == phase, p.phases[1:] == phase)
        assert error(found.angles_deg[which], expected[which], 360 / order).max() < 0.3
    for layout in ("grains", "precipitates"):
        q = phantoms.rotated_phases(layout=layout, n_grains=5, scan_shape=(12, 14), detector_shape=(48, 48), seed=1)
        assert q.k == 6 and q.names[0] == "amorphous" and np.allclose(q.maps.sum(0), 1) and q.maps.min() >= 0
    for wrong in ({"n_phases": 7}, {"layout": "heap"}, {"share": 1.0}, {"tilt_mrad": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            phantoms.rotated_phases(**wrong)


def test_a_mirror_image_need_not_be_much_more_alike_to_be_one():
    even = np.cos(2 * np.pi * np.arange(60) / 60)[:, None] * np.ones(4)
    curve = even + 0.3 * np.random.default_rng(0).normal(size=(60, 4))
    rings = rings_of(np.stack([curve, np.roll(curve[::-1], 1, axis=0)]), np.ones((60, 4), bool), np.ones(4))
    plain, found = diffraction_similarity(rings), diffraction_similarity(rings, mirror=True)
    assert 0.6 < plain.matrix[0, 1] < 0.99 and not plain.mirrored.any()
    assert found.matrix[0, 1] == pytest.approx(1, abs=1e-3) and found.mirrored[0, 1]


def test_members_that_have_nothing_in_common_are_turned_too():
    distances, pairs = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, -30.0], [30.0, 0.0]])
    angles, mirrored = _along_tree(distances, pairs, np.zeros((2, 2), bool), 0)
    assert angles.tolist() == [0, 30] and not mirrored.any()


def order_of(curve):
    """Highest order whose turns give back 80 % of the autocorrelation, from the curve itself."""
    curve = curve - curve.mean()
    for order in (6, 4, 3, 2):
        back = [curve @ np.roll(curve, len(curve) * j // order) for j in range(1, order)]
        if min(back) >= 0.8 * (curve @ curve):
            return order
    return 1


@pytest.mark.parametrize("weak", [1.0, 0.6, 0.3, 0.2])
@pytest.mark.parametrize("strong", [2, 3, 4, 5, 6])
def test_symmetry_is_that_of_the_autocorrelation(strong, weak):
    """The highest frequency of an even number of azimuths counts once, as the mean does."""
    angle = np.arange(12) * np.pi / 6
    for curve in (np.cos(strong * angle) + weak * np.cos(angle), np.cos(strong * angle) + weak * np.cos(5 * angle) + 3):
        rings = rings_of(curve[None, :, None], np.ones((12, 1), bool), np.ones(1))
        assert symmetry_order(rings.spectra[:, 0], rings) == order_of(curve)


def test_what_is_even_along_the_rings_has_no_symmetry():
    rings = rings_of(np.ones((1, 12, 3)), np.ones((12, 3), bool), np.ones(3))
    assert symmetry_order(rings.spectra[:, 0], rings) == 1


def test_angles_do_not_know_the_unit_of_the_weights():
    rng = np.random.default_rng(0)
    curve = rng.random((60, 4))
    values = np.stack([np.roll(curve, turn, axis=0) + 0.5 * rng.random((60, 4)) for turn in (0, 7, 20, 33, 41)])
    rings = rings_of(values, np.ones((60, 4), bool), np.ones(4))
    found, weights = diffraction_similarity(rings), np.array([9.0, 1, 4, 2, 1])
    expected = group_angles(found, rings, np.arange(5), weights)
    assert not np.allclose(group_angles(found, rings, np.arange(5), np.ones(5)).angles_deg, expected.angles_deg, atol=1e-6)
    for scale in (1e-12, 1e12):
        answer = group_angles(found, rings, np.arange(5), weights * scale)
        assert np.allclose(answer.angles_deg, expected.angles_deg, atol=1e-9) and answer.angles_deg[0] == 0


@pytest.mark.parametrize("centre", [(1.0, 3.0), (2.0, 6.0), (20.0, 20.0)])
def test_beside_a_narrow_detector_no_centre_is_found(centre):
    """No pair of opposite pixels is anywhere near."""
    kernel = _Pairs(ScanGeometry((3, 4), (5, 1), centre=centre, centre_known=True), 0.0)
    curve = kernel(np.random.default_rng(0).random((5, 1)))
    assert not kernel.offset(curve, curve).known
