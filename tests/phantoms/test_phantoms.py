"""Simulated scans: are they what their truth says they are?"""

import json
import warnings

import numpy as np
import pytest
from scipy import ndimage

from unmix4d import phantoms
from unmix4d.scores import true_grains

SMALL = dict(scan_shape=(14, 12), detector_shape=(49, 45))
BUILDERS = {
    "kimoto": lambda **k: phantoms.kimoto(**SMALL, **k),
    "fig5": lambda **k: phantoms.martineau_fig5(scan_shape=(2, 20), **k),
    "fig6": lambda **k: phantoms.martineau_fig6(scan_shape=(2, 20), **k),
    "vacuum": lambda **k: phantoms.bicrystal_in_vacuum(**SMALL, **k),
    "polycrystal": lambda **k: phantoms.polycrystal(n_grains=4, twins=1, direct_beam=0.3, **SMALL, **k),
    "beam_stop": lambda **k: phantoms.polycrystal(n_grains=3, direct_beam=0.3, beam_stop=True, **SMALL, **k),
    "thickness": lambda **k: phantoms.polycrystal(n_grains=3, thickness_variation=0.4, **SMALL, **k),
    "bent": lambda **k: phantoms.bent_crystal(**SMALL, **k),
    "antiparallel": lambda **k: phantoms.antiparallel_domains(**SMALL, **k),
    "antiparallel, bent": lambda **k: phantoms.antiparallel_domains(bending_mrad=6.0, background=0, **SMALL, **k),
    "embedded": lambda **k: phantoms.embedded_particle(radius=5.0, **SMALL, **k),
    "random": lambda **k: phantoms.random_scan(shape=(5, 6, 11, 9), k=3, **k),
}


def cosine(a, b):
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


@pytest.mark.parametrize("name", BUILDERS)
def test_noise_free_data_are_maps_times_patterns(name):
    p = BUILDERS[name](dose=None)
    assert p.data.dtype == np.float32
    assert np.allclose(p.data, p.expectation(), rtol=1e-6, atol=1e-6 * p.data.max())
    assert (p.maps >= 0).all() and (p.patterns >= 0).all()
    assert len(p.names) == len(p.phases) == p.k == len(p.maps)
    assert p.data.shape == p.scan_shape + p.detector_shape


@pytest.mark.parametrize("name", BUILDERS)
def test_counts_are_poisson_around_the_expectation(name):
    p = BUILDERS[name](dose=3e3, seed=5)
    assert p.data.dtype == np.uint16
    expected = p.expectation()
    assert (p.data[expected == 0] == 0).all()
    use = expected > 0.05
    deviation = p.data[use] - expected[use]
    # Pearson's chi-square has mean n and variance sum(2 + 1/mean) for Poisson counts: 5 sigma.
    chi2 = (deviation**2 / expected[use]).sum()
    assert abs(chi2 - use.sum()) < 5 * np.sqrt((2 + 1 / expected[use]).sum())
    total = expected.sum()
    assert abs(p.data.sum(dtype=float) - total) < 5 * np.sqrt(total)


@pytest.mark.parametrize("name", ["kimoto", "vacuum", "polycrystal", "embedded", "random"])
def test_every_pattern_has_the_dose(name):
    p = BUILDERS[name](dose=700)
    assert np.allclose(p.patterns.sum(axis=(1, 2)), 700)
    assert np.allclose(p.maps.sum(axis=0), 1)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", BUILDERS)
def test_seeds_and_dose(name):
    one, again, other = (BUILDERS[name](dose=500, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.data, again.data)
    assert not np.array_equal(one.data, other.data)
    # The dose changes the counts, not the specimen.
    more = BUILDERS[name](dose=1000, seed=1)
    assert np.allclose(more.maps, one.maps) and np.allclose(more.patterns, 2 * one.patterns)
    assert one.settings["seed"] == 1 and one.settings["dose"] == 500
    # No state is shared between two phantoms of one seed.
    one.maps[:] = 0
    assert again.maps.any()


def test_seed_none_is_recorded():
    p = phantoms.random_scan(seed=None)
    assert np.array_equal(p.data, phantoms.random_scan(seed=p.settings["seed"]).data)


def test_large_counts_do_not_overflow():
    p = phantoms.kimoto(scan_shape=(9, 9), detector_shape=(24, 24), dose=3e6, direct_beam=0.9)
    assert p.data.dtype == np.uint32
    assert abs(p.data.sum(dtype=float) / p.expectation().sum() - 1) < 1e-3


def test_kimoto_ratios():
    p = phantoms.kimoto(detector_shape=(48, 48), dose=None)
    assert np.allclose(p.maps[1:].max(axis=(1, 2)), [0.09, 0.03, 0.01], rtol=0.02)
    for weight in p.maps[1:]:
        half, n = ndimage.label(weight > 0.5 * weight.max())
        assert n == 3
        assert set(np.bincount(half.ravel())[1:]) == {36}  # 6 x 6 positions each
    rows = phantoms.kimoto(detector_shape=(48, 48), dose=None, crystals="per_row")
    for weight in rows.maps[1:]:
        labels, n = ndimage.label(weight > 0.004)
        peaks = np.sort(ndimage.maximum(weight, labels, range(1, n + 1)))
        assert np.allclose(peaks, [0.01, 0.03, 0.09], rtol=0.02)
    # The total of the crystals is the same at each position in both arrangements.
    assert np.allclose(p.maps[0], rows.maps[0])


@pytest.mark.slow
def test_kimoto_poisson_floor():
    # METHODS: mean count 1e4 / 128^2 = 0.610 is the mean squared error of a perfect model.
    p = phantoms.case("kimoto_A")
    assert p.data.shape == (36, 36, 128, 128)
    mse = np.mean((p.data - p.expectation()) ** 2)
    assert abs(mse - 0.610) < 0.003


def test_direct_beam_share():
    p = phantoms.kimoto(**SMALL, direct_beam=0.5, dose=None)
    row, col = np.indices(p.detector_shape)
    near = np.hypot(row - p.centre[0], col - p.centre[1]) < 5
    without = phantoms.kimoto(**SMALL, dose=None)
    gained = p.patterns[:, near].sum(axis=1) - 0.5 * without.patterns[:, near].sum(axis=1)
    assert np.allclose(gained, 5e3, rtol=0.01)


def test_precession_of_a_twin_boundary():
    """The thickness of the upper twin is not what its spots show, unless the beam precesses."""
    errors = []
    for angle in (0, 10):
        p = phantoms.martineau_fig7(precession_mrad=angle, scan_shape=(1, 21), azimuths=24)
        assert np.allclose(p.data[0, 0], p.patterns[0], atol=1e-7) and np.allclose(p.data[0, -1], p.patterns[1], atol=1e-7)
        assert np.allclose(p.maps.sum(axis=0), 1) and (p.patterns[:, p.detector_mask] == 0).all()
        linear = p.expectation()
        errors.append(np.linalg.norm(p.data - linear) / np.linalg.norm(linear))
    assert errors[0] > 2 * errors[1]
    counts = phantoms.martineau_fig7(scan_shape=(3, 21), dose=1e4).data
    assert counts.dtype == np.uint16 and not np.array_equal(counts[0], counts[1])
    for name, value in {"material": "Fe", "tilt_mrad": (1.0,), "thickness": 0, "azimuths": 0}.items():
        with pytest.raises(ValueError, match=name):
            phantoms.martineau_fig7(**{name: value})


def test_fig5_spots_are_disjoint_and_fig6_spots_shared():
    left, right = phantoms.martineau_fig5().patterns
    assert cosine(left, right) == 0
    left, right = phantoms.martineau_fig6().patterns
    assert np.array_equal(left[left > 0], right[left > 0])
    # The right crystal has spots of its own, the left one none.
    assert np.where(left > 0, 0, right).sum() > left.sum() > 0


@pytest.mark.parametrize("ratio", [0.0, 0.5, 2.0, 5.0])
def test_inclined_boundary_has_the_pure_to_mixed_ratio(ratio):
    share = phantoms.martineau_fig5(scan_shape=(1, 120), pure_to_mixed=ratio).maps[0, 0]
    mixed = np.sum((share > 0) & (share < 1))
    assert abs((120 - mixed) / mixed - ratio) <= 0.2
    assert (np.diff(share) <= 0).all()
    steps = np.diff(share)[(share[1:] > 0) & (share[:-1] < 1)]
    assert np.allclose(steps, steps[0])  # linear


def test_vacuum_has_pure_regions_and_an_overlap():
    p = phantoms.bicrystal_in_vacuum(detector_shape=(32, 30))
    assert ((p.maps > 0.95).sum(axis=(1, 2)) >= 100).all()
    both = (p.maps[1] > 0.2) & (p.maps[2] > 0.2)
    assert both.sum() >= 100 and p.maps[0][both].max() < 0.01


def test_rotated_copies_turn_counter_clockwise_on_screen():
    dot = np.zeros((21, 21))
    dot[10, 18] = 1
    # The reference for the sign: scipy takes a point on the right to the top for +90 degrees.
    assert ndimage.rotate(dot, 90, reshape=False, order=1)[2, 10] > 0.9
    p = phantoms.polycrystal(n_grains=6, n_phases=2, detector_shape=(97, 97), dose=None, scan_shape=(12, 12), seed=3)
    assert np.isnan(p.rotations_deg[0])
    row, col = np.indices((97, 97)) - 48
    inside = np.hypot(row, col) < 44
    for phase in set(p.phases[1:]):
        first, *others = np.flatnonzero(p.phases == phase)
        for other in others:
            turn = p.rotations_deg[other] - p.rotations_deg[first]
            turned = ndimage.rotate(p.patterns[first], turn, reshape=False, order=3) * inside
            assert cosine(turned, p.patterns[other] * inside) > 0.97
    one, two = (np.flatnonzero(p.phases == phase)[0] for phase in (1, 2))
    assert p.phases[one] != p.phases[two]


def test_twins_are_mirror_images_and_neighbours():
    p = phantoms.polycrystal(
        n_grains=5, twins=2, background=0.0, detector_shape=(97, 97), dose=None, scan_shape=(20, 20), seed=1
    )
    assert p.phases.tolist() == [0, 0, 1, 1, 2]
    row, col = np.indices((97, 97)) - 48.0
    inside = np.hypot(row, col) < 44
    for pair, axis_deg in enumerate(p.settings["twin_axes_deg"]):
        # Reflect on the line at this angle, counter-clockwise on screen: x right, y up.
        c, s = np.cos(2 * np.deg2rad(axis_deg)), np.sin(2 * np.deg2rad(axis_deg))
        x, y = c * col - s * row, s * col + c * row
        one, two = p.patterns[2 * pair], p.patterns[2 * pair + 1]
        image = ndimage.map_coordinates(one, [48 - y, 48 + x], order=3)
        assert cosine(image * inside, two * inside) > 0.97
        assert cosine(one * inside, two * inside) < 0.9
        grown = ndimage.binary_dilation(p.maps[2 * pair] > 0.3, iterations=2)
        assert (grown & (p.maps[2 * pair + 1] > 0.3)).any()


@pytest.mark.parametrize("overlap, mixed", [(0.0, (0.0, 0.15)), (0.4, (0.2, 0.6)), (0.9, (0.5, 0.95))])
def test_overlap_makes_more_positions_mixed(overlap, mixed):
    p = phantoms.polycrystal(n_grains=6, overlap=overlap, edge=0.3, background=0.0, detector_shape=(16, 16), dose=None)
    share = np.mean(p.maps.max(axis=0) < 0.9)
    assert mixed[0] <= share <= mixed[1]


def test_beam_stop():
    p = BUILDERS["beam_stop"](dose=2e3)
    row, col = (int(round(c)) for c in p.centre)
    assert p.detector_mask[row, col] and 0 < p.detector_mask.mean() < 0.1
    assert not p.data[..., p.detector_mask].any() and not p.patterns[:, p.detector_mask].any()
    assert p.data[..., ~p.detector_mask].any()


def test_thickness_variation_changes_the_total_only():
    p = BUILDERS["thickness"](dose=None)
    total = p.maps.sum(axis=0)
    assert total.min() == pytest.approx(0.6) and total.max() == pytest.approx(1.4)
    flat = phantoms.polycrystal(n_grains=3, **SMALL, dose=None)
    assert np.allclose(p.maps / total, flat.maps)


def test_strain_moves_spots_off_the_linear_model():
    deviation = []
    for strain in (1e-4, 1e-3, 1e-2):
        p = phantoms.polycrystal(n_grains=3, strain=strain, direct_beam=0.2, **SMALL, dose=None)
        expected = p.expectation()
        deviation.append(np.abs(p.data - expected).sum() / expected.sum())
        assert np.allclose(p.data.sum(axis=(2, 3)), expected.sum(axis=(2, 3)), rtol=0.03)
    assert deviation[0] < 2e-3
    assert deviation[0] < deviation[1] < deviation[2] < 0.3
    assert deviation[2] > 0.01


def test_precession_leaves_fewer_components():
    # Martineau 2019, Fig. 2: 3 components at 35 mrad, 4 at 9 mrad, no clear number without precession.
    count = []
    for precession in (0.0, 9.0, 35.0):
        p = phantoms.bent_crystal(precession_mrad=precession)
        assert set(p.phases) == {0}
        values = np.linalg.svd(p.patterns.reshape(p.k, -1), compute_uv=False) ** 2
        count.append(int(np.sum(values / values.sum() > 1e-4)))
    assert count[0] > count[1] > count[2]
    assert count[2] <= 3


def test_embedded_particle_is_never_pure():
    p = phantoms.case("embedded")
    assert p.maps[1].max() <= 0.4 and p.maps[0].min() >= 0.6
    assert (p.maps[0] == 1).sum() > 100  # the matrix is
    assert true_grains(p.maps)[1].any()


def test_large_scan(tmp_path):
    pytest.importorskip("zarr")
    options = dict(shape=(10, 9, 40, 36), k=3, dose=120.0, chunks=(4, 5, 40, 36), seed=4)
    p = phantoms.large_scan(tmp_path / "a.zarr", **options)
    data = p.data.compute()
    assert p.data.chunksize == (4, 5, 40, 36) and data.dtype == np.uint16 and p.to_dask() is p.data
    expected = p.expectation()
    chi2 = ((data - expected) ** 2)[expected > 0.01] / expected[expected > 0.01]
    spread = np.sqrt((2 + 1 / expected[expected > 0.01]).sum())
    assert abs(chi2.sum() - chi2.size) < 5 * spread
    assert abs(data.sum() - expected.sum()) < 5 * np.sqrt(expected.sum())
    # Electrons placed one by one must leave neither positions nor pixels correlated.
    assert abs(data.sum(axis=(2, 3)).var() / data.sum(axis=(2, 3)).mean() - 1) < 0.6
    again = phantoms.large_scan(tmp_path / "b.zarr", **options).data.compute()
    assert np.array_equal(data, again)
    with pytest.raises(OSError, match="path must be new"):
        phantoms.large_scan(tmp_path / "a.zarr", **options)
    with pytest.raises(ValueError, match="dtype must hold"):
        phantoms.large_scan(tmp_path / "c.zarr", **{**options, "dose": 1e6, "dtype": np.uint8})


def test_placed_electrons_have_the_poisson_distribution():
    from unmix4d.phantoms._noise import place_electrons

    rng = np.random.default_rng(0)
    patterns = np.array([[0.5, 0.0, 1.5], [2.0, 1.0, 0.0]])
    weights = np.tile([[1.0, 0.5], [0.2, 1.0]], (20000, 1))
    counts = place_electrons(patterns, weights, rng, np.uint16).reshape(20000, 2, 3).astype(float)
    expected = np.array([[1.0, 0.5], [0.2, 1.0]]) @ patterns
    assert np.allclose(counts.mean(axis=0), expected, atol=0.06)
    assert np.allclose(counts.var(axis=0), expected, atol=0.12)
    correlation = np.corrcoef(counts.reshape(20000, 6), rowvar=False)
    assert np.abs(correlation - np.eye(6)).max() < 0.04


def test_cases_table():
    table = phantoms.cases()
    wanted = {f"kimoto_{c}" for c in "ABCDF"} | {"martineau_fig5", "martineau_fig6", "vacuum", "twins"}
    wanted |= {f"polycrystal_{n}_{o}" for n in (5, 15, 40) for o in ("low", "mid", "high")}
    wanted |= {"rotated_copies", "bent_0", "bent_9", "bent_35", "embedded"}
    wanted |= {"direct_beam", "beam_stop", "strain", "thickness"}
    assert wanted <= set(table)
    for name, entry in table.items():
        assert set(entry) == {"description", "builder", "parameters", "seeds"}, name
        assert entry["builder"] in phantoms.__all__ and entry["seeds"]
    json.dumps(table)
    table["vacuum"]["seeds"].clear()
    assert phantoms.cases()["vacuum"]["seeds"]
    doses = [table[f"kimoto_{c}"]["parameters"]["dose"] for c in "ABFCD"]
    beams = [table[f"kimoto_{c}"]["parameters"]["direct_beam"] for c in "ABFCD"]
    assert doses == [1e4, 1e4, 1e4, 3e3, 1e3] and beams == [0, 0.5, 0.9, 0, 0]


# One of every kind is enough for every day.
EVERY_DAY = {entry["builder"]: name for name, entry in phantoms.cases().items()}.values()


@pytest.mark.parametrize(
    "name", [name if name in EVERY_DAY else pytest.param(name, marks=pytest.mark.slow) for name in phantoms.cases()]
)
def test_every_case_builds(name):
    p = phantoms.case(name)
    assert p.settings["case"] == name and name in repr(p)
    assert p.settings["seed"] == phantoms.cases()[name]["seeds"][0]
    if p.settings["builder"] == "polycrystal":
        # Each grain exists, by the definition the scores use.
        assert true_grains(p.maps[1:]).any(axis=(1, 2)).all()


def test_case_refuses_unknown_names():
    with pytest.raises(ValueError, match="name must be one of kimoto_A, .*found 'nothing'"):
        phantoms.case("nothing")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: phantoms.kimoto(dose=-1), "dose must be a number above 0, found -1"),
        (lambda: phantoms.kimoto(ratios=(0.1, 0.2)), "ratios must be three numbers"),
        (lambda: phantoms.kimoto(crystals="all"), "crystals must be one of"),
        (lambda: phantoms.kimoto(centre=(200, 3)), "centre must be .* inside the detector"),
        (lambda: phantoms.kimoto(direct_beam=1.0), "direct_beam must be .* below 1, found 1.0"),
        (lambda: phantoms.martineau_fig5(spacing=5.0), "spacing must exceed"),
        (lambda: phantoms.polycrystal(twins=4), "twins must be at most half of n_grains"),
        (lambda: phantoms.polycrystal(overlap=1.5), "overlap must be"),
        (lambda: phantoms.polycrystal(scan_shape=(3, 4, 5)), "scan_shape must be 2 integers"),
        (lambda: phantoms.embedded_particle(radius=50), "radius must be"),
        (lambda: phantoms.random_scan(k=0), "k must be at least 1"),
        (lambda: phantoms.random_scan(seed=-1), "seed must be at least 0"),
    ],
)
def test_errors_name_argument_rule_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_to_dask():
    p = phantoms.random_scan(shape=(9, 5, 10, 20))
    array = p.to_dask()
    assert array.chunks == ((8, 1), (5,), (10,), (20,))
    assert np.array_equal(array.compute(), p.data)
    assert p.to_dask(chunks=(3, 5, 10, 20)).numblocks == (3, 1, 1, 1)


def host(name):
    """Import a host, whose own deprecation warnings are not ours to fail on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


@pytest.mark.filterwarnings("ignore")
def test_to_pyxem():
    pyxem = host("pyxem")
    p = phantoms.polycrystal(
        n_grains=2,
        scan_shape=(3, 4),
        detector_shape=(20, 26),
        pixel_size=0.08,
        beam_stop=2.0,
        centre=(9.0, 14.5),
        step=1.5,
    )
    s, lazy = p.to_pyxem(), p.to_pyxem(lazy=True)
    assert type(s) is pyxem.signals.ElectronDiffraction2D
    assert type(lazy) is pyxem.signals.LazyElectronDiffraction2D
    for signal in (s, lazy):
        x, y, kx, ky = signal.axes_manager.navigation_axes + signal.axes_manager.signal_axes
        assert [a.name for a in (x, y, kx, ky)] == ["x", "y", "kx", "ky"]
        assert [a.size for a in (x, y, kx, ky)] == [4, 3, 26, 20]
        assert [a.scale for a in (x, y, kx, ky)] == [1.5, 1.5, 0.08, 0.08]
        assert [a.units for a in (x, y, kx, ky)] == ["nm", "nm", "1/Å", "1/Å"]
        assert np.allclose(signal.calibration.center, (14.5, 9.0))  # (col, row)
        assert signal.metadata.Acquisition_instrument.TEM.beam_energy == 300
        assert np.array_equal(signal.calibration.mask, p.detector_mask)
    assert np.array_equal(s.data, p.data) and np.array_equal(lazy.data.compute(), p.data)


@pytest.mark.filterwarnings("ignore")
def test_to_py4dstem():
    py4dstem = host("py4DSTEM")
    p = phantoms.kimoto(scan_shape=(9, 10), detector_shape=(20, 26), pixel_size=0.08, centre=(9.0, 14.5))
    cube = p.to_py4dstem()
    assert isinstance(cube, py4dstem.DataCube) and cube.shape == (9, 10, 20, 26)
    c = cube.calibration
    assert (c.get_Q_pixel_size(), c.get_Q_pixel_units()) == (0.08, "A^-1")
    assert (c.get_R_pixel_size(), c.get_R_pixel_units()) == (1.5, "nm")
    assert np.allclose([np.mean(o) for o in c.get_origin()], (9.0, 14.5))  # (row, col)
    assert np.array_equal(cube.data, p.data)
