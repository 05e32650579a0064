"""Groups of components and of positions: against the truth, invariances, hostile input, figures."""

import warnings

import matplotlib
import numpy as np
import pytest

import unmix4d
from support.scans import counts
from unmix4d import Unmix, phantoms
from unmix4d.clustering.friedel_centre import offset_of_scan
from unmix4d.clustering.group_angles import folded
from unmix4d.clustering.lone_pixels import lone_pixels
from unmix4d.core.geometry import ScanGeometry
from unmix4d.results.decomposition import Decomposition
from unmix4d.results.groups import Groups

ORDERS = {1: 2, 2: 6, 3: 4}


def ari(one, other):
    from sklearn.metrics import adjusted_rand_score

    return adjusted_rand_score(np.ravel(one), np.ravel(other))


def angle_errors(groups, labels, angles, phases, rotations):
    """Errors of the angles, modulo the symmetry of the phases and the arbitrary zero of each group."""
    out = []
    for group in np.flatnonzero(groups.symmetry):
        which = labels == group
        phase = np.bincount(phases[which]).argmax()
        which = which & (phases == phase)
        off = (angles[which] - rotations[which]) * ORDERS[phase]
        zero = np.rad2deg(np.angle(np.exp(1j * np.deg2rad(off)).mean()))
        out.append(folded(off - zero, 360) / ORDERS[phase])
    return np.concatenate(out)


@pytest.fixture(scope="module")
def mosaic():
    """Three phases, each position turned at random, 200 electrons per pattern."""
    return phantoms.rotated_phases(scan_shape=(10, 12), detector_shape=(96, 96), dose=200, seed=1)


@pytest.fixture(scope="module")
def mosaic_groups(mosaic):
    view = Unmix(mosaic.data, centre=mosaic.centre, pixel_size=mosaic.pixel_size, pixel_unit="1/Å", step=1.5, step_unit="nm")
    return view.group_rotated(random_state=3)


@pytest.fixture(scope="module")
def true_components():
    """A metallic glass with rotated precipitates, decomposed without error, and an amorphous component split in two."""
    p = phantoms.rotated_phases(
        layout="precipitates", n_grains=9, scan_shape=(18, 20), detector_shape=(96, 96), dose=None, seed=0
    )
    geometry = ScanGeometry(p.scan_shape, p.detector_shape, centre=p.centre)
    patterns = np.concatenate([p.patterns[:1], p.patterns])
    maps = np.concatenate([p.maps[:1] * 0.4, p.maps[:1] * 0.6, p.maps[1:]])
    scale = maps.max(axis=(1, 2), keepdims=True)
    result = Decomposition("nmf", patterns * scale, maps / scale, np.ones(11) / 11, 0.0, geometry, {})
    return p, result


def test_positions_at_200_electrons(mosaic, mosaic_groups):
    g = mosaic_groups
    phases, rotations = mosaic.phases[1:], mosaic.rotations_deg[1:]
    assert g.labels.shape == g.angles_deg.shape == (10, 12)
    assert len(g) == 3 and ari(g.labels, phases) >= 0.95  # measured 1
    found = {ORDERS[np.bincount(phases[g.labels.ravel() == i]).argmax()] for i in range(3)}
    assert found == set(g.symmetry.tolist()) == {2, 4, 6}
    errors = angle_errors(g, g.labels.ravel(), g.angles_deg.ravel(), phases, rotations)
    assert np.sqrt(np.mean(errors**2)) < 0.5  # measured 0.3
    assert np.allclose(g.maps.max(axis=(1, 2)), 1) and g.patterns.shape == (3, 96, 96)
    assert g.settings["random_state"] == 3 and g.settings["method"] == "group_rotated"


def test_average_patterns_are_those_of_the_phases(mosaic, mosaic_groups):
    """The turned-back average of a group is the expectation of its strongest position."""
    g, geometry = mosaic_groups, mosaic_groups.geometry
    inside = geometry.radius() < 44
    expected = mosaic.expectation()
    for group in range(3):
        row, col = np.argwhere((g.labels == group) & (np.abs(g.angles_deg) < 1e-6))[0]
        r = np.corrcoef(g.patterns[group][inside], expected[row, col][inside])[0, 1]
        assert r > 0.9, r  # measured 0.94 to 0.96: interpolated, and of 8000 electrons


def test_plain_clustering_does_not_find_them(mosaic):
    """Cosine similarity knows nothing of turned copies."""
    from sklearn.cluster import KMeans

    view = Unmix(mosaic.data, centre=mosaic.centre)
    loadings = view.nmf(3, random_state=0).maps.reshape(3, -1).T
    assert ari(KMeans(3, n_init=10, random_state=0).fit_predict(loadings), mosaic.phases[1:]) < 0.6


def test_positions_of_grains_and_scan_mask():
    p = phantoms.rotated_phases(
        layout="grains", n_grains=8, scan_shape=(12, 14), detector_shape=(64, 64), dose=1000, background=0, edge=0.0, seed=2
    )
    mask = np.zeros((12, 14), bool)
    mask[:, :3] = True
    data = p.data.copy()
    data[5, 7] = 0
    g = Unmix(data, centre=p.centre).prepare(scan_mask=mask).group_rotated()
    assert (g.labels[mask] == -1).all() and np.isnan(g.angles_deg[mask]).all() and np.isnan(g.maps[:, mask]).all()
    assert g.labels[5, 7] == -1 and g.sizes.sum() == (~mask).sum() - 1
    use = g.labels >= 0
    truth = p.maps.argmax(0)
    assert ari(g.labels[use], p.phases[truth][use]) >= 0.95
    errors = angle_errors(g, g.labels[use], g.angles_deg[use], p.phases[truth][use], p.rotations_deg[truth][use])
    assert np.sqrt(np.mean(errors**2)) < 0.5
    angles = g.angle_map()
    assert np.isnan(angles[mask]).all() and angles[use].min() >= 0
    assert (angles[use] < 360 / g.symmetry[g.labels[use]]).all()


def test_positions_without_crystals_are_amorphous():
    p = phantoms.rotated_phases(
        layout="precipitates", n_grains=4, share=0.8, scan_shape=(16, 16), detector_shape=(64, 64), dose=1000, seed=4
    )
    g = Unmix(p.data, centre=p.centre).group_rotated()
    crystal = p.maps[1:].max(0)
    assert g.amorphous.sum() == 1 and len(g) == 4
    flat = g.labels == np.flatnonzero(g.amorphous)[0]
    assert flat[crystal < 0.02].mean() > 0.97 and not flat[crystal > 0.3].any()
    assert np.isnan(g.angles_deg[flat]).all() and np.isnan(g.angle_map()[flat]).all()


def test_beam_stop_and_direct_beam():
    p = phantoms.rotated_phases(scan_shape=(8, 8), detector_shape=(96, 96), dose=2000, direct_beam=0.5, seed=5)
    row, col = np.indices((96, 96))
    mask = (np.abs(col - p.centre[1]) < 4) & (row > p.centre[0])
    data = np.where(mask, 0, p.data)
    g = Unmix(data, centre=p.centre).prepare(direct_beam=5, detector_mask=mask).group_rotated()
    assert len(g) == 3 and ari(g.labels, p.phases[1:]) == 1
    errors = angle_errors(g, g.labels.ravel(), g.angles_deg.ravel(), p.phases[1:], p.rotations_deg[1:])
    assert np.abs(errors).max() < 0.5  # measured 0.3
    assert np.isfinite(g.patterns[:, mask & (np.hypot(row - p.centre[0], col - p.centre[1]) < 40) & (row > 60)]).all()


def test_mirrored_and_friedel_positions():
    p = phantoms.rotated_phases(n_phases=2, scan_shape=(6, 8), detector_shape=(96, 96), dose=4000, tilt_mrad=0, seed=6)
    data = p.data.copy()
    data[::2] = data[::2, :, ::-1]  # half of the positions mirrored; the phases are their own mirror images
    for options in ({"mirror": True}, {"friedel": True}):
        g = Unmix(data, centre=p.centre).group_rotated(**options)
        assert len(g) == 2 and ari(g.labels, p.phases[1:]) == 1
        assert g.symmetry.min() >= 2
    assert np.nanmax(np.abs(g.angles_deg)) <= 90


@pytest.mark.slow
def test_mirror_images_of_a_pattern_without_symmetry():
    """Angles and mirroring of every position, against the truth."""
    from unmix4d.phantoms._patterns import Detector, mirror, rotate

    detector, rng = Detector((96, 96), (47.5, 47.5), 0.021), np.random.default_rng(7)
    xy = np.array([[0.31, 0.05], [0.1, 0.42], [-0.38, 0.2], [-0.12, -0.51], [0.45, -0.4], [0.6, 0.3]])
    angles, flips = rng.uniform(0, 360, 48), rng.random(48) < 0.5
    patterns = [
        detector.spots(rotate(mirror(xy, 0.0) if flip else xy, angle), np.array([5, 3, 4, 2, 1.5, 2.5]), 3.0)
        for angle, flip in zip(angles, flips)
    ]
    data = rng.poisson(1e3 * np.stack(patterns) / 18 + 0.02).reshape(6, 8, 96, 96)
    view = Unmix(data, centre=(47.5, 47.5))
    assert len(view.group_rotated()) == 2
    g = view.group_rotated(mirror=True)
    assert len(g) == 1 and g.symmetry.tolist() == [1]
    first = int(np.argmin(np.abs(g.angles_deg.ravel())))
    assert np.array_equal(g.mirrored.ravel(), flips ^ flips[first])
    # R(a) F = R(x) F' R(a0) F0, so that x = a - a0, or a + a0 where one of the two is mirrored.
    expected = angles - np.where(flips ^ flips[first], -1, 1) * angles[first]
    assert np.abs(folded(g.angles_deg.ravel() - expected, 360)).max() < 1.0  # measured 0.5
    inside = np.hypot(*(np.indices((96, 96)) - 47.5)) < 44
    assert np.corrcoef(g.patterns[0][inside], patterns[first][inside])[0, 1] > 0.97


@pytest.mark.slow
def test_every_host_gives_the_same(mosaic, mosaic_groups, as_host):
    g = as_host(mosaic).group_rotated()
    assert np.array_equal(g.labels, mosaic_groups.labels)
    assert np.nanmax(np.abs(g.angles_deg - mosaic_groups.angles_deg)) < 1e-3
    assert np.allclose(g.patterns, mosaic_groups.patterns, atol=1e-3 * np.nanmax(g.patterns), equal_nan=True)


def test_polar_features_give_the_grid(mosaic):
    view = Unmix(mosaic.data, centre=mosaic.centre)
    g = view.polar(180, r_min=2, r_max=45).group_rotated(3)
    assert ari(g.labels, mosaic.phases[1:]) >= 0.95 and g.patterns.shape == (3, 96, 96)
    with pytest.raises(ValueError, match="this view holds angular_average features"):
        view.angular_average(rings=[(5, 20)]).group_rotated()
    with pytest.raises(ValueError, match="r_min and r_max are not used"):
        view.polar(180).group_rotated(r_min=3)


def test_permuting_positions_permutes_the_answer(mosaic, mosaic_groups):
    order = np.random.default_rng(0).permutation(120)
    data = mosaic.data.reshape(120, 96, 96)[order].reshape(10, 12, 96, 96)
    g = Unmix(data, centre=mosaic.centre).group_rotated()
    assert ari(g.labels.ravel(), mosaic_groups.labels.ravel()[order]) == 1
    first, second = (angle_errors(x, x.labels.ravel(), x.angles_deg.ravel(), p, r) for x, p, r in (
        (g, mosaic.phases[1:][order], mosaic.rotations_deg[1:][order]),
        (mosaic_groups, mosaic.phases[1:], mosaic.rotations_deg[1:]),
    ))  # fmt: skip
    assert np.sqrt(np.mean(first**2)) == pytest.approx(np.sqrt(np.mean(second**2)), rel=0.1)


# Components


def test_components_of_a_glass(true_components):
    p, result = true_components
    g = result.group_rotated()
    phases = np.concatenate([[0], p.phases])
    assert len(g) == 4 and ari(g.labels, phases) == 1
    assert g.amorphous.tolist() == [True, False, False, False]  # the strongest first
    turned = ~np.isnan(g.angles_deg)
    assert turned.tolist() == [False, False] + [True] * 9
    errors = angle_errors(g, g.labels[turned], g.angles_deg[turned], p.phases[1:], p.rotations_deg[1:])
    assert np.abs(errors).max() < 0.1 and np.nanmax(g.angle_residuals_deg) < 0.1
    assert 0.9 < g.cophenetic <= 1 and 0 < g.height < 0.7
    for group in range(1, 4):
        summed = p.maps[1:][p.phases[1:] == p.phases[1:][g.labels[2:] == group][0]].sum(0)
        assert np.corrcoef(g.maps[group].ravel(), summed.ravel())[0, 1] > 0.999 and g.maps[group].max() == pytest.approx(1)
    assert g.cosine[0, 1] == pytest.approx(1) and g.cosine[2:, 2:][~np.eye(9, dtype=bool)].max() < 0.9


def test_angle_map_of_components(true_components):
    p, result = true_components
    g = result.group_rotated()
    angles = g.angle_map()
    inside = p.maps[1:].max(0) > 0.2
    strongest = p.maps[1:].argmax(0)
    expected = np.mod(g.angles_deg[2:], (360 / g.symmetry[g.labels[2:]]))[strongest]
    assert np.allclose(angles[inside], expected[inside]) and np.isnan(angles[p.maps[1:].max(0) < 1e-5]).all()
    one = g.angle_map(1)
    assert np.isfinite(one).any() and np.isnan(one[inside & (g.labels[2:] != 1)[strongest]]).all()
    assert np.isnan(g.angle_map(0)).all()
    with pytest.raises(ValueError, match="group must be at most 3"):
        g.angle_map(4)


def test_how_the_tree_is_cut(true_components):
    _, result = true_components
    assert [len(result.group_rotated(n)) for n in (1, 4, 11)] == [1, 4, 11]
    assert len(result.group_rotated(distance=1.0)) == 1 and len(result.group_rotated(distance=0.3)) == 4
    assert len(result.group_rotated(linkage="complete")) == 4
    none = result.group_rotated(spots=None)
    assert not none.amorphous.any()


def test_intensity_and_order_do_not_matter(true_components):
    p, result = true_components
    base, order = result.group_rotated(), np.random.default_rng(1).permutation(11)
    factor = np.random.default_rng(2).uniform(0.1, 10, 11)[:, None, None]
    patterns, maps = (result.patterns * factor)[order], (result.maps / factor)[order]
    other = Decomposition("nmf", patterns, maps, result.explained[order], 0.0, result.geometry, {}).group_rotated()
    assert ari(other.labels, base.labels[order]) == 1
    assert np.allclose(other.maps, base.maps, atol=1e-9) and np.array_equal(other.symmetry, base.symmetry)
    assert np.allclose(other.similarity, base.similarity[np.ix_(order, order)], atol=1e-9)


def test_after_nmf(true_components):
    """From counts: one structure per phase, the amorphous ones together, whatever the number of surplus components."""
    p = phantoms.rotated_phases(
        layout="precipitates", n_grains=9, scan_shape=(27, 27), detector_shape=(96, 96), dose=1e4, background=0, seed=0
    )
    r = Unmix(p.data, centre=p.centre).nmf(12, random_state=0)
    before = r.patterns.copy()
    g = r.group_rotated()
    assert np.array_equal(before, r.patterns)
    best = [np.corrcoef(m.ravel(), p.maps.reshape(10, -1))[0, 1:].argmax() for m in r.maps]
    crystals = ~g.amorphous[g.labels]
    assert len(g) == 4 and g.amorphous.sum() == 1 and crystals.sum() == 9
    assert ari(g.labels[crystals], p.phases[best][crystals]) == 1
    true = [values[best][crystals] for values in (p.phases, p.rotations_deg)]
    errors = angle_errors(g, g.labels[crystals], g.angles_deg[crystals], *true)
    assert np.abs(errors).max() < 0.5  # measured 0.2


def test_the_published_similarity(true_components):
    _, result = true_components
    g = result.group_rotated(4, as_published=True)
    assert len(g) == 4 and g.similarity.max() > 1 and not g.amorphous.any()


# What the data cannot say, and what is wrong with them


@pytest.fixture(scope="module")
def two_phases():
    return phantoms.rotated_phases(n_phases=2, scan_shape=(8, 9), detector_shape=(64, 64), dose=400, seed=7)


def with_hot_pixels(data, n, share=0.02):
    """The same scan with pixels that hold that share of the dose each, at every position."""
    rng, out = np.random.default_rng(3), data.astype(np.uint32)
    radius = np.hypot(*(np.indices(data.shape[2:]) - 31.5))
    for row, col in rng.permutation(np.argwhere((radius > 6) & (radius < 28)))[:n]:
        out[:, :, row, col] += rng.poisson(share * 400, data.shape[:2]).astype(np.uint32)
    return out


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n", [2, 12])
def test_hot_pixels_are_no_spots_of_positions(two_phases, n):
    view = Unmix(with_hot_pixels(two_phases.data, n), centre=two_phases.centre)
    # The look at the first pass names them too.
    with (
        pytest.warns(unmix4d.UnmixWarning, match="as hot pixels are"),
        pytest.warns(unmix4d.UnmixWarning, match="leaves out what is far brighter than all its neighbours"),
    ):
        g = view.group_rotated()
    phases = two_phases.phases[1:]
    assert len(g) == 2 and ari(g.labels, phases) == 1 and sorted(g.symmetry.tolist()) == [2, 6]
    errors = angle_errors(g, g.labels.ravel(), g.angles_deg.ravel(), phases, two_phases.rotations_deg[1:])
    assert np.abs(errors).max() < 1.5  # measured 0.8, as without them


def test_hot_pixels_are_no_spots_of_components(true_components):
    p, result = true_components
    patterns, rng = np.array(result.patterns), np.random.default_rng(5)
    radius = np.hypot(*(np.indices((96, 96)) - 47.5))
    # All components hold them in proportion: they are there at every position.
    for row, col in rng.permutation(np.argwhere((radius > 6) & (radius < 44)))[:12]:
        patterns[:, row, col] += 0.02 * patterns.sum(axis=(1, 2))
    hot = Decomposition("nmf", patterns, result.maps, result.explained, 0.0, result.geometry, {})
    with pytest.warns(unmix4d.UnmixWarning, match="and 8 more"):
        g = hot.group_rotated()
    base = result.group_rotated()
    assert ari(g.labels, base.labels) == 1 and np.array_equal(g.amorphous, base.amorphous)
    assert np.nanmax(np.abs(folded(g.angles_deg - base.angles_deg, 60))) < 0.3
    assert g.patterns.max() < 1.2 * base.patterns.max()


def test_the_rim_of_a_masked_beam_is_no_hot_pixel():
    rows, cols = np.indices((40, 40)) - 19.5
    radius = np.hypot(rows, cols)
    beam = 1e7 * np.exp(-(radius**2) / 2) + 10  # so steep that a pixel at the rim has five times its known neighbours
    for mask in (2.3, 3.0, 3.6):
        kept = radius > mask
        assert not lone_pixels(np.where(kept, beam, np.nan), kept).any()
        beam[30, 9] = beam[30, 10] = beam[0, 0] = 1e6
        found = np.argwhere(lone_pixels(np.where(kept, beam, np.nan), kept)).tolist()
        assert found == [[0, 0], [30, 9], [30, 10]]
        beam[30, 9] = beam[30, 10] = beam[0, 0] = 10


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("rate", "seed"), [(1e-3, 0), (1e-2, 1), (3e-2, 2)])
def test_noise_holds_no_structures(rate, seed):
    noise = np.random.default_rng(seed).poisson(rate, (12, 12, 32, 32)).astype(np.uint8)
    with pytest.warns(unmix4d.UnmixWarning, match="cannot tell whether there are structures"):
        g = Unmix(noise, centre=(15.5, 15.5)).group_rotated()
    assert len(g) == 1 and g.symmetry.tolist() == [0] and g.told.tolist() == [False]
    assert np.isnan(g.angles_deg).all() and "cannot be told from noise" in repr(g)


def test_noise_in_a_given_number_of_groups_is_said():
    noise = np.random.default_rng(0).poisson(1e-2, (12, 12, 32, 32)).astype(np.uint8)
    with pytest.warns(unmix4d.UnmixWarning, match="of its 3 groups from noise"):
        g = Unmix(noise, centre=(15.5, 15.5)).group_rotated(3)
    assert len(g) == 3 and (g.symmetry > 0).any() and not g.told[g.symmetry > 0].any()


@pytest.mark.slow
def test_few_electrons_can_be_enough():
    p = phantoms.rotated_phases(n_phases=2, scan_shape=(10, 12), detector_shape=(96, 96), dose=60, seed=4)
    g = Unmix(p.data, centre=p.centre).group_rotated()
    assert g.told.all() and ari(g.labels, p.phases[1:]) > 0.9


@pytest.mark.one_in(2)
@pytest.mark.parametrize("off", [(2.0, 0.0), (-1.1, 1.4)])
def test_a_wrong_centre_is_found(two_phases, off):
    view = Unmix(two_phases.data, centre=tuple(np.add(two_phases.centre, off)))
    with pytest.warns(unmix4d.UnmixWarning, match=r"are symmetric about \(31.5, 31.5\).*are wrong; pass centre"):
        stays = view.group_rotated(n_parts=3, refine_centre=False)
    assert stays.geometry.centre == view.geometry.centre
    with pytest.warns(unmix4d.UnmixWarning, match=r"group_rotated uses the former; pass refine_centre=False"):
        taken = view.group_rotated(n_parts=3)
    assert np.allclose(taken.settings["centre"], (31.5, 31.5), atol=0.1) and ari(taken.labels, two_phases.phases[1:]) == 1
    g = view.group_rotated(refine_centre=True)
    assert np.allclose(g.settings["centre"], (31.5, 31.5), atol=0.1) and g.geometry.centre == tuple(g.settings["centre"])
    phases = two_phases.phases[1:]
    assert ari(g.labels, phases) == 1 and sorted(g.symmetry.tolist()) == [2, 6]
    errors = angle_errors(g, g.labels.ravel(), g.angles_deg.ravel(), phases, two_phases.rotations_deg[1:])
    assert np.sqrt(np.mean(errors**2)) < 0.5


@pytest.mark.parametrize("off", [(6.0, -5.0), (-4.0, 9.0)])
def test_a_centre_that_is_far_off_is_found(two_phases, off):
    """By more than a twentieth of the detector, where another lattice point may be nearer."""
    matrix = Unmix(two_phases.data, centre=two_phases.centre).matrix()
    wrong = matrix.geometry.replace(centre=tuple(np.add(two_phases.centre, off)))
    found = offset_of_scan(matrix, wrong, 1.0)
    assert found.known and np.allclose((found.row, found.col), np.negative(off), atol=0.2)


def test_a_wrong_centre_of_components_is_found(true_components):
    import dataclasses

    p, result = true_components
    wrong = dataclasses.replace(result, geometry=result.geometry.replace(centre=tuple(np.add(p.centre, (1.4, -1.4)))))
    with pytest.warns(unmix4d.UnmixWarning, match="opposite spots are symmetric about"):
        assert wrong.group_rotated(refine_centre=False).settings["centre"] == list(wrong.geometry.centre)
    with pytest.warns(unmix4d.UnmixWarning, match="opposite spots are symmetric about"):
        assert np.allclose(wrong.group_rotated().settings["centre"], p.centre, atol=0.1)
    with pytest.raises(TypeError, match="refine_centre must be True, False or 'auto', got 'yes'"):
        wrong.group_rotated(refine_centre="yes")
    g = wrong.group_rotated(refine_centre=True)
    assert np.allclose(g.settings["centre"], p.centre, atol=0.1)
    turned = ~np.isnan(g.angles_deg)
    errors = angle_errors(g, g.labels[turned], g.angles_deg[turned], p.phases[1:], p.rotations_deg[1:])
    assert turned.sum() == 9 and np.abs(errors).max() < 0.3


def test_patterns_without_opposite_spots_say_no_centre():
    from unmix4d.phantoms._patterns import Detector, rotate

    detector = Detector((64, 64), (31.5, 31.5), 0.03)
    xy = np.array([[0.31, 0.05], [0.1, 0.42], [-0.38, 0.2], [-0.12, -0.51], [0.45, -0.4], [0.6, 0.3]])
    turned = [detector.spots(rotate(xy, a), np.ones(6), 3.0) for a in np.random.default_rng(0).uniform(0, 360, 24)]
    data = np.random.default_rng(1).poisson(300 * np.stack(turned) / 6 + 0.02).reshape(4, 6, 64, 64)
    g = Unmix(data, centre=(31.5, 31.5)).group_rotated()
    assert len(g) == 1
    with pytest.warns(unmix4d.UnmixWarning, match="whose opposite spots say none"):
        Unmix(data, centre=(31.5, 31.5)).group_rotated(refine_centre=True)


# Refusals


def test_refusals(true_components, mosaic):
    _, result = true_components
    view = Unmix(mosaic.data, centre=mosaic.centre)
    for wrong, message in (
        ({"n_groups": 0}, "n_groups must be at least 1, got 0"), ({"n_groups": 500}, "n_groups must be at most"),
        ({"n_groups": "many"}, "n_groups must be one of 'auto'"), ({"distance": -1}, "distance must be at least 0"),
        ({"distance": 1.5}, "distance must be at most 1, got 1.5"), ({"linkage": "centroid"}, "linkage must be one of"),
        ({"n_groups": 2, "distance": 0.5}, "pass one of them"), ({"weight": "mass"}, "weight must be"),
        ({"r_min": 50, "r_max": 20}, "r_max must be above r_min"), ({"spots": float("nan")}, "spots must be"),
    ):  # fmt: skip
        for target in (result, view):
            with pytest.raises(ValueError, match=message):
                target.group_rotated(**wrong)
    with pytest.raises(TypeError, match="n_groups must be a whole number"):
        view.group_rotated(2.5)
    with pytest.raises(ValueError, match="n_parts must be at least 3"):
        view.group_rotated(3, n_parts=2)


def test_what_only_the_data_can_tell(mosaic):
    data = mosaic.data.astype(np.float32)
    data[2, 3, 40, 40] = -1
    with pytest.raises(ValueError, match="group_rotated needs values that are not negative"):
        Unmix(data, centre=mosaic.centre).group_rotated()
    data[2, 3, 40, 40] = np.nan
    with pytest.raises(ValueError, match="scan must be finite"):
        Unmix(data, centre=mosaic.centre).group_rotated()
    with pytest.raises(ValueError, match="at least 2 positions, got 1"):
        Unmix(mosaic.data[:1, :1], centre=mosaic.centre).group_rotated()
    few = np.zeros((2, 2, 32, 32), np.uint8)
    few[0, 0, 10:20, 12] = 5
    with pytest.raises(ValueError, match="at least 2 positions with intensity, got 1"):
        Unmix(few, centre=(15.5, 15.5)).group_rotated()


def test_components_with_both_signs_are_refused(mosaic):
    with pytest.raises(ValueError, match="svd have both signs"):
        Unmix(mosaic.data, centre=mosaic.centre).svd(3).group_rotated()


def test_an_unknown_centre_is_said(mosaic):
    with pytest.warns(unmix4d.UnmixWarning, match="centre"):
        Unmix(mosaic.data[:3, :3]).group_rotated()


def test_few_and_even_positions():
    flat = np.full((3, 3, 40, 40), 7, np.uint8)
    g = Unmix(flat, centre=(19.5, 19.5)).group_rotated()
    assert np.isfinite(g.maps).all() and g.labels.min() >= 0
    pair = phantoms.rotated_phases(n_phases=1, scan_shape=(1, 2), detector_shape=(64, 64), dose=5e3, seed=0)
    g = Unmix(pair.data, centre=pair.centre).group_rotated()
    assert len(g) == 1 and g.labels.tolist() == [[0, 0]]


# The result and its figures


def test_the_result_is_read_only_and_speaks(mosaic_groups, true_components):
    with pytest.raises(ValueError, match="read-only"):
        mosaic_groups.labels[0, 0] = 3
    text = repr(mosaic_groups)
    assert "3 of 120 positions" in text and "symmetry 6" in text
    assert "amorphous" in repr(true_components[1].group_rotated())
    assert unmix4d.Groups is Groups and isinstance(mosaic_groups, Groups)


def test_figures(mosaic_groups, true_components):
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    g = true_components[1].group_rotated()
    axes = g.plot()
    assert axes.shape == (2, 4) and all(ax.images for ax in axes.flat)
    assert len([ax for ax in g.plot([1, 2])[0, 0].figure.axes if ax.images]) == 4
    ax = g.plot_dendrogram()
    assert len(ax.child_axes) == 4 and len(ax.collections) >= 3
    ax = g.plot_similarity(by_group=True)
    assert len([a for a in ax.figure.axes if a.images and a.get_title()]) == 2
    assert np.allclose(np.diag(ax.images[0].get_array()), 1)
    colours = g.plot_angles(group=1).images[0]
    assert colours.cmap.name == "twilight" and colours.norm.vmax == pytest.approx(360 / g.symmetry[1])
    mixed = g.plot_angles().images[0]
    assert mixed.norm.vmax == 1 and float(np.nanmax(mixed.get_array())) <= 1
    single = plt.subplots()[1]
    assert mosaic_groups.plot_angles(ax=single) is single
    assert mosaic_groups.plot_dendrogram(ax=plt.subplots()[1]).child_axes
    assert mosaic_groups.plot_similarity().get_title() == "diffraction similarity"
    with pytest.raises(ValueError, match="no group with an angle"):
        g.plot_angles(group=0)
    with pytest.raises(ValueError, match="components must be numbers from 0 to 3"):
        g.plot([7])


def test_figures_without_a_tree_or_an_image():
    p = phantoms.rotated_phases(n_phases=1, scan_shape=(1, 9), detector_shape=(64, 64), dose=5e3, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        g = Unmix(p.data, centre=p.centre).group_rotated(n_parts=1)
    assert g.linkage.shape == (0, 4) and np.isnan(g.cophenetic)
    with pytest.raises(ValueError, match="no tree to draw"):
        g.plot_dendrogram()
    with pytest.raises(ValueError, match="line scan"):
        g.plot_angles()
    assert g.plot() is not None


def test_more_groups_than_the_parts_that_are_left():
    scan = counts(5, 6, 7, 12).astype("u4")
    scan[:, :, 3, 6] = np.iinfo("u4").max  # which is all that any position shows
    with pytest.warns(unmix4d.UnmixWarning, match="from noise"):
        groups = Unmix(scan, centre=(3, 5.5)).group_rotated(3, spots=0, linkage="complete")
    assert 1 <= len(groups) <= 3


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_groups_about_a_centre_a_million_pixels_away_are_refused_at_once():
    scan = counts(4, 5, 20, 24)
    view = Unmix(scan, centre=(1e6, 3))
    result = view.nmf(2, random_state=0, max_iter=2)
    for call in (view.group_rotated, result.group_rotated):
        with pytest.warns(unmix4d.UnmixWarning, match="outside"), pytest.raises(ValueError, match="within 30 detector"):
            call()


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
@pytest.mark.filterwarnings("ignore:group_rotated cannot")
def test_a_tree_without_height_can_be_drawn():
    groups = Unmix(counts(4, 5, 8, 9), centre=(3.5, 4)).nmf(2, random_state=0).group_rotated()
    flat = np.array(groups.linkage)
    flat[:, 2] = 0
    import dataclasses

    ax = dataclasses.replace(groups, linkage=flat, height=0.0).plot_dendrogram()
    ax.figure.canvas.draw()
    assert ax.get_ylim()[1] == 1


def test_weights_of_radii_that_are_no_numbers_are_refused():
    view = Unmix(counts(4, 5, 20, 24), centre=(9, 11))
    with pytest.raises(TypeError, match="weight must be an array of numbers, got dict"):
        view.group_rotated(weight={})


def test_groups_on_a_detector_of_one_pixel_are_refused():
    with pytest.raises(ValueError, match="r_max must be above r_min"), pytest.warns(unmix4d.UnmixWarning, match="corner"):
        Unmix(counts(2, 6, 1, 1), centre=(0, 0)).group_rotated()


def test_patterns_that_are_the_same_everywhere_are_grouped():
    """With NumPy 2 the smallest divisor was zero in single precision."""
    view = Unmix(np.full((4, 5, 8, 9), 3, "u1"), centre=(3.5, 4)).prepare(friedel=True)
    assert len(view.group_rotated(friedel=True)) == 1
