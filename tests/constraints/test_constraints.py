"""Constraints: what each must leave alone, what it must mend, and that no excluded value has any influence."""

import json
import warnings

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d import constraints as c
from unmix4d.constraints import NoDarkSpots, SmoothMaps
from unmix4d.constraints._rings import Rings
from unmix4d.core.geometry import Calibration, ScanGeometry

SCAN, DETECTOR = (11, 14), (30, 26)
SCAN_MASK = np.zeros(SCAN, bool)
SCAN_MASK[3:6, 4:9] = True
SCAN_MASK[0, 0] = True
DETECTOR_MASK = np.zeros(DETECTOR, bool)
DETECTOR_MASK[13:17, 11:15] = True
DETECTOR_MASK[4:9, 20:24] = True
NANOMETRES = Calibration(step=(1.5, 1.5), step_unit="nm", pixel_size=(0.02, 0.02), pixel_unit="1/Å")
GEOMETRY = ScanGeometry(SCAN, DETECTOR, centre=(14.5, 12.0), calibration=NANOMETRES)
MASKED = GEOMETRY.replace(scan_mask=SCAN_MASK, detector_mask=DETECTOR_MASK)
KERNEL = np.array([[0.0, 1, 0], [2, 4, 1], [0, 0, 1]])

ALL = {
    "probe": lambda: c.SmoothMaps(probe_fwhm="2 nm"),
    "sigma": lambda: c.SmoothMaps(sigma=(0.8, 2)),
    "kernel": lambda: c.SmoothMaps(kernel=KERNEL),
    "cutoff": lambda: c.SmoothMaps(cutoff=0.2),
    "published kernel": lambda: c.SmoothMaps(as_published=True),
    "no dark spots": lambda: c.NoDarkSpots(),
    "no dark spots, all": lambda: c.NoDarkSpots(tolerance=0),
    "no dark spots, conserve": lambda: c.NoDarkSpots(conserve=True),
    "no dark spots, published": lambda: c.NoDarkSpots(as_published=True),
    "sum to one": lambda: c.SumToOne(),
    "friedel": lambda: c.Friedel(),
    "fixed": lambda: c.FixedPatterns(np.random.default_rng(5).random((2, *DETECTOR))),
    "sparse patterns": lambda: c.Sparse(0.3),
    "sparse maps": lambda: c.Sparse(0.3, on="maps"),
}
SMOOTHERS = ["probe", "sigma", "kernel", "cutoff", "published kernel"]


def values(constraint, k=4, dtype="f8", seed=0):
    """Something with zeros, weak and strong entries, of the shape that the constraint takes."""
    rng = np.random.default_rng(seed)
    shape = (k, DETECTOR[0] * DETECTOR[1]) if constraint.on == "patterns" else (SCAN[0] * SCAN[1], k)
    return (rng.gamma(1.5, size=shape) * (rng.random(shape) > 0.2)).astype(dtype)


def excluded(constraint):
    return (slice(None), DETECTOR_MASK.ravel()) if constraint.on == "patterns" else (SCAN_MASK.ravel(),)


# What holds for all of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("geometry", [GEOMETRY, MASKED], ids=["open", "masked"])
@pytest.mark.parametrize("name", ALL)
def test_shape_precision_and_sign(name, geometry):
    constraint = ALL[name]()
    assert constraint.bind(geometry) is constraint
    A = values(constraint, dtype="f4")
    A[excluded(constraint)] = 0
    A.setflags(write=False)
    out = constraint.project(A)
    assert out.shape == A.shape and out.dtype == np.float32
    assert np.isfinite(out).all() and out.min() >= 0
    assert not np.array_equal(out, A), "a constraint that changes nothing would pass every other test here"
    wide = constraint.project(A.astype("f8"))
    assert wide.dtype == np.float64
    assert np.abs(out - wide).max() < 1e-4 * wide.max()
    # A transposed view is what a solver that works in rows hands over.
    turned = np.asfortranarray(A)
    assert np.allclose(constraint.project(turned), out, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in ALL if name != "fixed"])
def test_excluded_entries_have_no_influence(name):
    constraint = ALL[name]().bind(MASKED)
    clean, dirty = values(constraint), values(constraint)
    hidden = excluded(constraint)
    clean[hidden], dirty[hidden] = 0, 1e6
    kept = np.ones(clean.shape, bool)
    kept[hidden] = False
    assert np.array_equal(constraint.project(clean)[kept], constraint.project(dirty)[kept])


@pytest.mark.parametrize("name", [name for name in ALL if name != "sum to one"])
def test_scaling_a_component_scales_the_answer(name):
    constraint = ALL[name]().bind(MASKED)
    A = values(constraint)
    A[excluded(constraint)] = 0
    scale = np.array([1e-6, 1.0, 30.0, 1e7])
    scale = scale[:, None] if constraint.on == "patterns" else scale
    assert np.allclose(constraint.project(A * scale), constraint.project(A) * scale, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("sum to one", "fixed")])
def test_components_do_not_mix(name):
    constraint = ALL[name]().bind(GEOMETRY)
    A = values(constraint)
    first = A[:1] if constraint.on == "patterns" else A[:, :1]
    alone, together = constraint.project(first), constraint.project(A)
    assert np.allclose(alone, together[:1] if constraint.on == "patterns" else together[:, :1], rtol=1e-12)


@pytest.mark.parametrize("name", ["sum to one", "friedel", "fixed"])
def test_projecting_twice_is_projecting_once(name):
    constraint = ALL[name]().bind(MASKED)
    once = constraint.project(values(constraint))
    assert np.allclose(constraint.project(once), once, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ALL)
def test_settings_say_everything_in_json(name):
    constraint = ALL[name]()
    settings = constraint.settings()
    assert settings == json.loads(json.dumps(settings))
    assert settings["name"] == type(constraint).__name__ and settings["name"] in repr(constraint)
    if name not in ("fixed", "sum to one", "friedel"):
        arguments = {key: value for key, value in settings.items() if key != "name"}
        again = type(constraint)(**arguments).bind(MASKED)
        A = values(constraint)
        assert np.array_equal(again.project(A), constraint.bind(MASKED).project(A))


def test_different_fixed_patterns_have_different_settings():
    a, b = (c.FixedPatterns(np.random.default_rng(seed).random((1, *DETECTOR))).settings() for seed in (0, 1))
    assert a["patterns"]["shape"] == [1, *DETECTOR] and a != b


@pytest.mark.parametrize("name", ALL)
def test_binding_again_forgets_the_first_scan(name):
    constraint = ALL[name]()
    if name == "fixed":
        with pytest.raises(ValueError, match="shape"):
            constraint.bind(GEOMETRY.replace(detector_shape=(9, 9), centre=(4, 4)))
        return
    constraint.bind(ScanGeometry((5, 6), (9, 8), centre=(4, 4), calibration=NANOMETRES))
    constraint.project(np.ones((3, 72) if constraint.on == "patterns" else (30, 3)))
    A = values(constraint)
    assert np.array_equal(constraint.bind(GEOMETRY).project(A), ALL[name]().bind(GEOMETRY).project(A))


@pytest.mark.parametrize("name", ALL)
def test_wrong_use_is_refused_in_one_sentence(name):
    constraint = ALL[name]()
    A = values(constraint)
    with pytest.raises(ValueError, match="must be bound to a scan"):
        constraint.project(A)
    constraint.bind(GEOMETRY)
    for bad in (A.T, A[:, :-1] if constraint.on == "patterns" else A[:-1], A[0], A[None]):
        with pytest.raises(ValueError, match="A must have the shape"):
            constraint.project(bad)


@pytest.mark.parametrize("make, error, message", [
    (lambda: c.SmoothMaps(), ValueError, "exactly one of .* got none"),
    (lambda: c.SmoothMaps(sigma=1, cutoff=0.2), ValueError, "exactly one of .* got sigma, cutoff"),
    (lambda: c.SmoothMaps(as_published=True, kernel=np.ones((3, 3))), ValueError, "as_published"),
    (lambda: c.SmoothMaps(as_published=1), TypeError, "as_published must be True or False"),
    (lambda: c.SmoothMaps(sigma=-1), ValueError, "sigma must be at least 0"),
    (lambda: c.SmoothMaps(sigma=0), ValueError, "not 0 along both"),
    (lambda: c.SmoothMaps(sigma=np.nan), ValueError, "sigma must be one finite"),
    (lambda: c.SmoothMaps(sigma=(1, 2, 3)), ValueError, "sigma"),
    (lambda: c.SmoothMaps(sigma=True), TypeError, "sigma"),
    (lambda: c.SmoothMaps(sigma="2 nm"), TypeError, "sigma"),
    (lambda: c.SmoothMaps(probe_fwhm=0), ValueError, "probe_fwhm must be above 0"),
    (lambda: c.SmoothMaps(probe_fwhm="-2 nm"), ValueError, "probe_fwhm must be above 0"),
    (lambda: c.SmoothMaps(probe_fwhm="wide"), ValueError, "probe_fwhm must be a number"),
    (lambda: c.SmoothMaps(probe_fwhm=True), TypeError, "probe_fwhm"),
    (lambda: c.SmoothMaps(probe_fwhm=np.inf), ValueError, "probe_fwhm"),
    (lambda: c.SmoothMaps(cutoff=0.6), ValueError, "cutoff must be at most 0.5"),
    (lambda: c.SmoothMaps(cutoff="3 px"), ValueError, "cycles per position. or a string"),
    (lambda: c.SmoothMaps(cutoff=[0.1]), TypeError, "cutoff"),
    (lambda: c.SmoothMaps(kernel=np.ones((2, 3))), ValueError, "odd"),
    (lambda: c.SmoothMaps(kernel=np.ones(3)), ValueError, "two dimensions"),
    (lambda: c.SmoothMaps(kernel=-np.ones((3, 3))), ValueError, "kernel must be finite, at least 0"),
    (lambda: c.SmoothMaps(kernel=np.zeros((3, 3))), ValueError, "not 0 everywhere"),
    (lambda: c.SmoothMaps(kernel=np.full((3, 3), np.nan)), ValueError, "finite"),
    (lambda: c.SmoothMaps(kernel=np.ones((3, 3)) * 1j), TypeError, "kernel must hold real"),
    (lambda: c.NoDarkSpots(threshold=1), ValueError, "threshold must be above 1"),
    (lambda: c.NoDarkSpots(threshold=np.nan), ValueError, "threshold"),
    (lambda: c.NoDarkSpots(tolerance=-1), ValueError, "tolerance must be at least 0"),
    (lambda: c.NoDarkSpots(tolerance="2"), TypeError, "tolerance"),
    (lambda: c.NoDarkSpots(conserve=1), TypeError, "conserve must be True or False"),
    (lambda: c.NoDarkSpots(conserve=True, as_published=True), ValueError, "conserve"),
    (lambda: c.FixedPatterns(np.ones(5)), ValueError, "patterns must be"),
    (lambda: c.FixedPatterns(np.ones((0, 4, 4))), ValueError, "patterns must be"),
    (lambda: c.FixedPatterns(-np.ones((4, 4))), ValueError, "at least 0"),
    (lambda: c.FixedPatterns(np.full((4, 4), np.inf)), ValueError, "finite"),
    (lambda: c.FixedPatterns([["a", "b"]]), TypeError, "patterns must hold real"),
    (lambda: c.Sparse(1), ValueError, "amount must be below 1"),
    (lambda: c.Sparse(-0.1), ValueError, "amount must be at least 0"),
    (lambda: c.Sparse(True), TypeError, "amount"),
    (lambda: c.Sparse(0.1, on="pixels"), ValueError, "on must be one of"),
])  # fmt: skip
def test_arguments_that_make_no_sense(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Writing one's own ----------------------------------------------------------------------------------------------------


class Flip(c.Constraint):
    """Images upside down: shows that rows and columns arrive where they belong."""

    def __init__(self, on, note=None):
        self.on, self.note = on, note

    def project(self, A):
        return self.flat(self.images(A)[:, ::-1])


def test_own_constraint_sees_images():
    for on, shape in (("patterns", DETECTOR), ("maps", SCAN)):
        own = Flip(on).bind(GEOMETRY)
        images = np.random.default_rng(0).random((3, *shape))
        A = images.reshape(3, -1) if on == "patterns" else images.reshape(3, -1).T
        assert np.array_equal(own.images(A), images)
        assert np.array_equal(own.flat(images), A)
        assert np.array_equal(own.images(own.project(A)), images[:, ::-1])
    assert Flip("maps", (1, 2)).settings() == {"name": "Flip", "on": "maps", "note": [1, 2]}
    assert (Flip("maps").fixes_scale, Flip("maps").n_fixed, Flip("maps").smoothing) == (False, 0, False)
    with pytest.raises(ValueError, match="on of Flip"):
        Flip("both").bind(GEOMETRY)
    with pytest.raises(NotImplementedError, match="project"):
        c.Constraint().project(None)


# SmoothMaps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("geometry", [GEOMETRY, MASKED], ids=["open", "masked"])
@pytest.mark.parametrize("name", SMOOTHERS)
def test_constant_maps_stay_constant(name, geometry):
    """At borders and beside holes too: nothing leaks in from where nothing was measured."""
    smooth = ALL[name]().bind(geometry)
    out = smooth.project(np.full((SCAN[0] * SCAN[1], 2), 3.0))
    assert np.allclose(out[geometry.kept_positions], 3, rtol=1e-12)


@pytest.mark.parametrize("geometry", [GEOMETRY, MASKED], ids=["open", "masked"])
@pytest.mark.parametrize("name", SMOOTHERS)
def test_smoothing_is_linear_and_its_adjoint_is_the_transpose(name, geometry):
    smooth = ALL[name]().bind(geometry)
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, SCAN[0] * SCAN[1], 2))
    assert np.allclose(smooth.smooth(2 * a - b), 2 * smooth.smooth(a) - smooth.smooth(b), atol=1e-12)
    assert smooth.smooth(a).min() < 0, "clipping is no part of it"
    assert np.sum(smooth.smooth(a) * b) == pytest.approx(np.sum(a * smooth.adjoint(b)), rel=1e-10)
    assert np.allclose(smooth.smooth(np.maximum(a, 0)).clip(0), smooth.project(a), atol=1e-12), "clip, then convolve"


def test_the_probe_sets_the_width():
    """FWHM 2 nm in steps of 1.5 nm is sigma 0.57 positions (Kimoto 2025)."""
    point = np.zeros((41 * 41, 1))
    point[20 * 41 + 20] = 1
    row, col = np.indices((41, 41)) - 20
    geometry = ScanGeometry((41, 41), DETECTOR, calibration=Calibration(step=(1.5, 0.5), step_unit="nm"))
    for fwhm in ("5 nm", "50 Å"):
        smooth = c.SmoothMaps(probe_fwhm=fwhm).bind(geometry)
        spread = smooth.images(smooth.project(point))[0]
        widths = np.sqrt([(spread * row**2).sum(), (spread * col**2).sum()])
        assert widths == pytest.approx([5 / 2.3548 / 1.5, 5 / 2.3548 / 0.5], rel=0.02)
    a = c.SmoothMaps(probe_fwhm="2 nm").bind(GEOMETRY)
    b = c.SmoothMaps(probe_fwhm=2 / 1.5).bind(GEOMETRY)
    d = c.SmoothMaps(sigma=2 / 1.5 / 2.354820045).bind(GEOMETRY)
    A = values(a)
    assert np.allclose(a.project(A), b.project(A)) and np.allclose(a.project(A), d.project(A))


def test_published_kernel_is_three_by_three():
    point = np.zeros((SCAN[0] * SCAN[1], 1))
    point[5 * SCAN[1] + 7] = 1
    published = c.SmoothMaps(as_published=True).bind(GEOMETRY)
    spread = published.images(published.project(point))[0]
    assert np.count_nonzero(spread) == 9 and spread.sum() == pytest.approx(1)
    assert spread[5, 6] / spread[5, 7] == pytest.approx(np.exp(-0.5 / (2 / 1.5 / 2.35482) ** 2))
    wider = c.SmoothMaps(as_published=True, sigma=3).bind(GEOMETRY)
    assert np.count_nonzero(wider.project(point)) == 9
    assert wider.project(point).max() < 0.13 < spread.max()


def test_a_kernel_is_put_around_every_position():
    point = np.zeros((SCAN[0] * SCAN[1], 1))
    point[5 * SCAN[1] + 7] = 9.0
    for kernel in (KERNEL, np.outer([1, 2, 0], [0, 3, 1.0]), np.ones((1, 5))):
        smooth = c.SmoothMaps(kernel=kernel).bind(GEOMETRY)
        rows, cols = (n // 2 for n in kernel.shape)
        window = smooth.images(smooth.project(point))[0, 5 - rows : 6 + rows, 7 - cols : 8 + cols]
        assert np.allclose(window, 9 * kernel / kernel.sum())


def test_cutoff_keeps_below_and_removes_above():
    n = 40
    geometry = ScanGeometry((n, n), DETECTOR, calibration=Calibration(step=(2.0, 2.0), step_unit="nm"))
    smooth = c.SmoothMaps(cutoff="0.1 1/nm").bind(geometry)  # 0.2 cycles per position
    along = np.cos(np.pi * (np.arange(n) + 0.5) * np.arange(n)[:, None] / n)  # waves of m / 2n cycles per position
    waves = np.einsum("mi,j->mij", along, np.ones(n)).reshape(n, -1).T
    gain = np.abs(smooth.smooth(waves)).max(0) / np.abs(waves).max(0)
    frequency = np.arange(n) / (2 * n)
    assert np.allclose(gain, np.where(frequency < 0.2, (1 + np.cos(np.pi * frequency / 0.2)) / 2, 0), atol=1e-12)
    # Both axes count together: each is below the cut-off, the diagonal wave is not.
    diagonal = np.einsum("i,j->ij", along[14], along[14]).reshape(-1, 1)
    assert np.abs(smooth.smooth(diagonal)).max() < 1e-12 and gain[14] > 0.01
    edge = np.repeat([0.0, 1.0], n * n // 2)[:, None]
    assert 1.0 < smooth.project(edge).max() < 1.01 and smooth.smooth(edge).min() < 0 == smooth.project(edge).min()


def test_smoothing_brings_noisy_maps_closer_to_the_truth():
    phantom = phantoms.kimoto(scan_shape=(36, 36), detector_shape=(32, 32), dose=None)
    truth = phantom.maps.reshape(4, -1).T
    geometry = ScanGeometry(phantom.scan_shape, phantom.detector_shape, calibration=NANOMETRES)
    noisy = np.maximum(truth + np.random.default_rng(0).normal(0, 0.01, truth.shape), 0)
    for smooth in (c.SmoothMaps(probe_fwhm="2 nm"), c.SmoothMaps(as_published=True), c.SmoothMaps(cutoff=0.25)):
        better = smooth.bind(geometry).project(noisy)
        before, after = (np.sqrt(((m - truth)[:, 1:] ** 2).mean()) for m in (noisy, better))
        assert after < 0.8 * before


def test_line_scans_are_smoothed_along_the_line():
    geometry = ScanGeometry((1, 30), DETECTOR, calibration=NANOMETRES)
    point = np.zeros((30, 1))
    point[15] = 1
    for smooth in (c.SmoothMaps(sigma=1), c.SmoothMaps(as_published=True), c.SmoothMaps(cutoff=0.2),
                   c.SmoothMaps(kernel=np.ones((3, 3)))):  # fmt: skip
        out = smooth.bind(geometry).project(point)
        assert out[14] > 0.1 and out[15] < 0.75 and np.allclose(smooth.smooth(np.ones((30, 1))), 1)
    with pytest.raises(ValueError, match="single position"):
        c.SmoothMaps(sigma=1).bind(ScanGeometry((1, 1), DETECTOR))


def test_a_position_without_neighbours_keeps_its_value():
    mask = np.ones(SCAN, bool)
    mask[5, 5] = mask[0, 0] = False
    geometry = GEOMETRY.replace(scan_mask=mask)
    A = np.random.default_rng(0).random((SCAN[0] * SCAN[1], 2))
    ring = np.ones((3, 3))
    ring[1, 1] = 0
    for smooth in (c.SmoothMaps(kernel=ring), c.SmoothMaps(sigma=1), c.SmoothMaps(cutoff=0.05)):
        assert np.allclose(smooth.bind(geometry).project(A)[~mask.ravel()], A[~mask.ravel()])


def test_coarse_steps_and_units_that_do_not_fit():
    coarse = GEOMETRY.replace(calibration=Calibration(step=(5.0, 1.0), step_unit="nm"))
    with pytest.warns(UnmixWarning, match="step is larger than the probe.* 0.4 positions"):
        c.SmoothMaps(probe_fwhm="2 nm").bind(coarse)
    with pytest.warns(UnmixWarning, match="beyond what the scan step can show"):
        c.SmoothMaps(cutoff="2 1/nm").bind(GEOMETRY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        c.SmoothMaps(probe_fwhm="2 nm").bind(GEOMETRY)
        # Along a line only its own step counts.
        c.SmoothMaps(probe_fwhm="2 nm").bind(ScanGeometry((1, 20), DETECTOR, calibration=coarse.calibration))
    plain = ScanGeometry(SCAN, DETECTOR)
    for smooth, geometry, message in (
        (c.SmoothMaps(probe_fwhm="2 nm"), plain, "not calibrated"),
        (c.SmoothMaps(probe_fwhm="2 1/nm"), GEOMETRY, "probe_fwhm"),
        (c.SmoothMaps(cutoff="0.2 1/nm"), plain, "cycles per position"),
        (c.SmoothMaps(cutoff="0.2 nm"), GEOMETRY, "cutoff"),
    ):
        with pytest.raises(ValueError, match=message):
            smooth.bind(geometry)


# NoDarkSpots ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def halo():
    """Kimoto's amorphous and first crystalline pattern, total 1, and a geometry for them."""
    phantom = phantoms.kimoto(scan_shape=(9, 9), dose=None)
    patterns = phantom.patterns[:2].reshape(2, -1)
    return patterns / patterns.sum(1, keepdims=True), ScanGeometry((9, 9), phantom.detector_shape, centre=phantom.centre)


def with_holes(halo, dose, seed=0):
    """Counts of the amorphous pattern, of the same with holes, of a crystal on a halo; and where holes and spots are."""
    (amorphous, crystal), _ = halo
    holes = np.clip(amorphous - 0.3 * crystal, 0, None)
    mixed = 0.5 * (amorphous + crystal)
    counts = np.random.default_rng(seed).poisson(np.array([amorphous, holes, mixed]) * dose).astype(float)
    return counts, amorphous - holes > 0.3 * amorphous, crystal > 3 * amorphous


def depth(pattern, halo, where, dose):
    """What is missing in the holes, as a share of the halo there."""
    return 1 - pattern[where].sum() / (halo[0][0][where].sum() * dose)


# dose in the pattern -> largest bias on a clean pattern, largest depth of what was 0.86 deep
@pytest.mark.parametrize("dose, bias, left", [(1e5, 0.009, 0.12), (1e6, 0.004, 0.08)])
def test_dark_spots_go_and_the_rest_stays(halo, dose, bias, left):
    counts, dark, bright = with_holes(halo, dose)
    rule = c.NoDarkSpots().bind(halo[1])
    out = rule.project(counts)
    assert depth(counts[1], halo, dark, dose) > 0.8
    assert depth(out[1], halo, dark, dose) < left
    assert rule.bias[0] < bias and rule.bias[2] < bias
    removed = (halo[0][0] - np.clip(halo[0][0] - 0.3 * halo[0][1], 0, None)).sum()
    assert rule.bias[1] == pytest.approx(removed / (1 - removed), rel=0.25)
    assert np.array_equal(out[:, bright][[0, 2]].max(1), counts[:, bright][[0, 2]].max(1))
    assert np.array_equal(out[2][bright], counts[2][bright]), "bright spots are not touched"
    assert (out >= counts).all()
    assert np.allclose(rule.bias, out.sum(1) / counts.sum(1) - 1)
    rule.project(out)
    assert (rule.bias[[0, 2]] < bias).all() and rule.bias[1] < 0.02, "little is left to do"


# They cover 0.24, 0.42, 0.30 and 0.41 of the ring.
@pytest.mark.parametrize("size, spots, left", [(64, 4, 0.02), (64, 8, 0.25), (128, 12, 0.03), (128, 16, 0.15)])
@pytest.mark.parametrize("noise", [0, 0.1])
def test_dark_spots_that_share_a_ring_do_not_hide_each_other(size, spots, left, noise):
    geometry = ScanGeometry((3, 3), (size, size), centre=((size - 1) / 2,) * 2)
    radius, (rows, cols) = 0.3 * size, np.indices((size, size))
    ring = np.exp(-((geometry.radius() - radius) ** 2) / (2 * (0.08 * size) ** 2)) + 0.15
    holes = np.zeros_like(ring)
    for azimuth in 0.1 + np.arange(spots) * 2 * np.pi / spots:
        row, col = geometry.centre[0] - radius * np.sin(azimuth), geometry.centre[1] + radius * np.cos(azimuth)
        holes = np.maximum(holes, np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 6.5))
    noisy = 1 + noise * np.random.default_rng(0).standard_normal(ring.shape)
    pattern = np.maximum(ring * (1 - 0.9 * holes) * noisy, 0)
    out = c.NoDarkSpots().bind(geometry).project(pattern.reshape(1, -1)).reshape(size, size)
    core, clean = holes > 0.6, holes < 1e-3
    before, after = (1 - (image / ring)[core].mean() for image in (pattern, out))
    assert before > 0.65 and after < left
    assert abs((out - pattern)[clean].sum() / pattern[clean].sum()) < 0.005


# What is left of arcs 0.7 deep: nothing while they are the smaller part of the ring, all of it afterwards.
@pytest.mark.parametrize("share, least, most", [(0.35, -0.02, 0.02), (0.45, -0.02, 0.02), (0.6, 0.68, 0.72)])
def test_the_larger_part_of_a_ring_is_its_level(share, least, most):
    geometry = ScanGeometry((3, 3), (64, 64), centre=(31.5, 31.5))
    row, col = (index - 31.5 for index in np.indices((64, 64)))
    azimuth = np.abs((np.arctan2(row, col) + np.pi / 2) % np.pi - np.pi / 2)
    dark = (azimuth < share * np.pi / 2) & (np.abs(geometry.radius() - 20) < 3)
    counts = np.random.default_rng(0).poisson(np.where(dark, 120, 400)).astype(float)
    out = c.NoDarkSpots().bind(geometry).project(counts.reshape(1, -1)).reshape(64, 64)
    core = dark & (np.abs(geometry.radius() - 20) < 1.5)
    assert least < 1 - out[core].mean() / 400 < most


def test_what_the_other_forms_cost(halo):
    """The table of the guide: raising everything brightens the ring, the polar detour blurs the spots."""
    dose = 1e5
    counts, dark, bright = with_holes(halo, dose)
    found = {}
    forms = {"default": {}, "all": {"tolerance": 0}, "conserve": {"conserve": True}, "published": {"as_published": True}}
    for name, arguments in forms.items():
        rule = c.NoDarkSpots(**arguments)
        out = rule.bind(halo[1]).project(counts)
        blur = np.abs(out[2] - counts[2])[bright].sum() / counts[2][bright].sum()
        found[name] = rule.bias[0], depth(out[1], halo, dark, dose), blur
    assert found["all"][0] > 0.08 and found["published"][0] > 0.06
    assert max(found["default"][0], found["conserve"][0]) < 0.01
    assert all(left < 0.2 for _, left, _ in found.values())
    assert found["published"][2] > 0.1 > 1e-3 > max(found[name][2] for name in ("default", "all", "conserve"))


def test_raising_everything_is_the_larger_of_pattern_and_baseline(halo):
    counts, _, _ = with_holes(halo, 1e5)
    rule = c.NoDarkSpots(tolerance=0).bind(halo[1])
    assert np.allclose(rule.project(counts), np.maximum(counts, rule.baseline(counts)))


def test_the_baseline_is_the_halo_under_the_spots(halo):
    (amorphous, crystal), geometry = halo
    rule = c.NoDarkSpots().bind(geometry)
    under = rule.baseline((amorphous + crystal)[None])[0]
    ring = geometry.radius().ravel()
    middle = (ring > 6) & (ring < 60)
    assert np.abs(under / amorphous - 1)[middle].max() < 0.35  # wings of spots below the threshold stay in it
    assert np.median(np.abs(under / amorphous - 1)[middle]) < 0.06
    assert np.median(np.abs(rule.baseline(amorphous[None])[0] / amorphous - 1)[middle]) < 0.01


def test_conserving_changes_no_total_but_that_of_dark_spots(halo):
    counts, _, _ = with_holes(halo, 1e5)
    plain, conserving = c.NoDarkSpots(tolerance=0).bind(halo[1]), c.NoDarkSpots(tolerance=0, conserve=True).bind(halo[1])
    plain.project(counts)
    conserving.project(counts)
    assert (np.abs(conserving.bias) < 2e-3).all() and (plain.bias > 0.05).all()


def test_masked_detectors_and_ellipses(halo):
    dose = 1e6
    (amorphous, crystal), geometry = halo
    ring = geometry.radius()
    mask = ring < 5
    mask[64:, 62:66] = True
    stopped = geometry.replace(detector_mask=mask)
    counts, dark, _ = with_holes(halo, dose)
    counts[:, mask.ravel()] = 0
    rule = c.NoDarkSpots().bind(stopped)
    out = rule.project(counts)
    dark &= ~mask.ravel()
    assert depth(out[1], halo, dark, dose) < 0.1 and rule.bias[0] < 0.005
    # A halo stretched by 12 %: right with its ellipse, far off without it.
    stretched = geometry.replace(ellipse=(1.12, 1.0, 25.0))
    order = np.argsort(ring, axis=None)
    pattern = np.interp(stretched.radius().ravel(), ring.ravel()[order], amorphous[order])[None] * dose
    told, untold = c.NoDarkSpots(tolerance=0).bind(stretched), c.NoDarkSpots(tolerance=0).bind(geometry)
    told.project(pattern)
    untold.project(pattern)
    assert told.bias[0] < 0.01 and untold.bias[0] > 0.03
    bearing = c.NoDarkSpots().bind(geometry)
    bearing.project(pattern)
    assert bearing.bias[0] < 0.3 * untold.bias[0]


def test_rings_of_few_pixels_are_left_alone():
    geometry = ScanGeometry(SCAN, DETECTOR, centre=(14.0, 12.0))
    pattern = np.full((1, *DETECTOR), 5.0)
    pattern[0, 14, 12] = pattern[0, 29, 25] = 0
    out = c.NoDarkSpots(tolerance=0).bind(geometry).project(pattern.reshape(1, -1)).reshape(DETECTOR)
    assert out[14, 12] == 0 and out[29, 25] < 1.5
    pattern[0, 20, 12] = 0
    assert c.NoDarkSpots(tolerance=0).bind(geometry).project(pattern.reshape(1, -1)).reshape(DETECTOR)[20, 12] > 4.5


def test_an_empty_pattern_stays_empty():
    for name in ("no dark spots", "no dark spots, all", "no dark spots, conserve", "no dark spots, published"):
        rule = ALL[name]().bind(GEOMETRY)
        assert (rule.project(np.zeros((2, DETECTOR[0] * DETECTOR[1]))) == 0).all() and (rule.bias == 0).all()


@pytest.mark.parametrize("name", ["no dark spots", "friedel"])
def test_the_centre_matters(name):
    with pytest.warns(UnmixWarning, match="centre of the patterns, which is not known"):
        ALL[name]().bind(ScanGeometry(SCAN, DETECTOR))
    with pytest.raises(ValueError, match="azimuth and radius"):
        ALL[name]().bind(ScanGeometry(SCAN, DETECTOR, polar=True))


# SumToOne -------------------------------------------------------------------------------------------------------------


def by_sorting(row):
    """Duchi 2008, one row, word by word."""
    falling = np.sort(row)[::-1]
    rho = max(j for j in range(1, len(row) + 1) if falling[j - 1] - (falling[:j].sum() - 1) / j > 0)
    return np.maximum(row - (falling[:rho].sum() - 1) / rho, 0)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_sum_to_one_finds_the_nearest_shares(scale):
    rule = c.SumToOne().bind(GEOMETRY)
    A = np.random.default_rng(0).normal(0.2, 1, (SCAN[0] * SCAN[1], 6)) * scale
    out = rule.project(A)
    assert np.allclose(out, [by_sorting(row) for row in A], atol=1e-12)
    assert np.allclose(out.sum(1), 1) and out.min() >= 0
    large = rule.project((A + 1e4 * scale).astype("f4"))
    assert np.allclose(large.sum(1), 1, atol=1e-5)
    assert rule.fixes_scale


def test_sum_to_one_leaves_excluded_positions_and_single_components():
    rule = c.SumToOne().bind(MASKED)
    A = values(rule)
    assert np.array_equal(rule.project(A)[SCAN_MASK.ravel()], A[SCAN_MASK.ravel()])
    assert (c.SumToOne().bind(GEOMETRY).project(values(rule, k=1)) == 1).all()


def evidence(geometry, **given):
    """Evidence in which everything not given is nothing in particular; excluded entries NaN."""
    k, n, m = 2, SCAN[0] * SCAN[1], DETECTOR[0] * DETECTOR[1]
    facts = dict(
        patterns=np.ones((k, m)), pattern_errors=np.full((k, m), 0.1), maps=np.full((n, k), 0.5),
        free_maps=np.full((n, k), 0.5), totals=np.full(n, 100.0),
    )  # fmt: skip
    facts.update(given)
    for name in ("patterns", "pattern_errors"):
        facts[name] = np.where(geometry.kept_pixels, facts[name], np.nan)
    for name in ("maps", "free_maps"):
        facts[name] = np.where(geometry.kept_positions[:, None], facts[name], np.nan)
    facts["totals"] = np.where(geometry.kept_positions, facts["totals"], np.nan)
    return c.Evidence(geometry=geometry, **facts)


def test_sum_to_one_tells_when_the_signal_varies():
    rng = np.random.default_rng(0)
    n = SCAN[0] * SCAN[1]
    shares = rng.dirichlet([1, 1], n)
    rule = c.SumToOne().bind(MASKED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule.check(evidence(MASKED))
        rule.check(evidence(MASKED, free_maps=shares + rng.normal(0, 0.04, (n, 2))))
        few = shares.copy()
        few[: n // 50] = 0
        rule.check(evidence(MASKED, free_maps=few))
    thickness = np.linspace(0.4, 1.6, n)[:, None]
    with pytest.warns(UnmixWarning, match=r"SumToOne does not fit .* at 70% .* signal 46.* to 15"):
        rule.check(evidence(MASKED, free_maps=shares * thickness, totals=100 * thickness[:, 0]))


# Friedel --------------------------------------------------------------------------------------------------------------


def test_friedel_is_the_mean_of_opposite_pixels():
    pattern = np.random.default_rng(0).random((2, *DETECTOR))
    out = c.Friedel().bind(GEOMETRY).project(pattern.reshape(2, -1)).reshape(2, *DETECTOR)
    assert np.allclose(out[:, 10, 5], (pattern[:, 10, 5] + pattern[:, 19, 19]) / 2)
    assert np.array_equal(out[:, :, 25], pattern[:, :, 25]), "no partner on the detector"
    masked = GEOMETRY.replace(detector_mask=DETECTOR_MASK)
    pattern[:, DETECTOR_MASK] = 0
    out = c.Friedel().bind(masked).project(pattern.reshape(2, -1)).reshape(2, *DETECTOR)
    assert DETECTOR_MASK[5, 21] and np.array_equal(out[:, 24, 3], pattern[:, 24, 3]), "its partner is masked"
    assert out.sum() == pytest.approx(pattern.sum())


def test_friedel_agrees_with_the_preparation_of_that_name():
    from unmix4d import Unmix

    scan = phantoms.random_scan(shape=(2, 3, *DETECTOR), k=2, seed=0).data
    for centre in ((14.5, 12.0), (13.8, 12.2), (9.0, 20.0)):
        view = Unmix(scan, centre=centre).prepare(detector_mask=DETECTOR_MASK, friedel=True)
        patterns = scan.reshape(6, -1).astype(float) * ~DETECTOR_MASK.ravel()
        ours = c.Friedel().bind(view.geometry).project(patterns).reshape(6, *DETECTOR)
        theirs = view.mean_pattern()
        assert np.allclose(ours.mean(0)[~DETECTOR_MASK], theirs[~DETECTOR_MASK], rtol=1e-6)


def test_friedel_tells_which_patterns_are_asymmetric():
    rng = np.random.default_rng(0)
    rule = c.Friedel().bind(MASKED)
    size = DETECTOR[0] * DETECTOR[1]
    even = rule.project(rng.gamma(0.3, size=(3, size)) * 10)
    odd = rng.normal(size=(3, size))
    odd -= rule.project(odd)
    errors = np.full((3, size), 0.5)
    noisy = even + rng.normal(0, 0.5, even.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule.check(evidence(MASKED, patterns=even, pattern_errors=errors * 0))
        rule.check(evidence(MASKED, patterns=noisy, pattern_errors=errors))
        rule.check(evidence(MASKED, patterns=np.zeros_like(even), pattern_errors=errors * 0))
        rule.check(evidence(MASKED, patterns=rng.normal(0, 0.5, even.shape), pattern_errors=errors))
    share = 0.2
    odd[1] *= share * np.sqrt((even[1] ** 2).sum() / (odd[1] ** 2).sum())
    odd[[0, 2]] = 0
    with pytest.warns(UnmixWarning, match=r"component 1 (1[89]|2[012])%\)") as caught:
        rule.check(evidence(MASKED, patterns=noisy + odd, pattern_errors=errors))
    assert "component 0" not in str(caught[0].message)


def test_friedel_needs_partners():
    outside = pytest.warns(UnmixWarning, match="outside the detector")
    with outside, pytest.raises(ValueError, match="opposite to the centre"):
        c.Friedel().bind(GEOMETRY.replace(centre=(-20.0, 3.0)))


# FixedPatterns and Sparse ---------------------------------------------------------------------------------------------


def test_fixed_patterns_stay_and_take_the_size_of_what_they_replace():
    known = np.random.default_rng(0).random((2, *DETECTOR))
    rule = c.FixedPatterns(known).bind(GEOMETRY)
    A = values(rule)
    A[1] = 0
    out = rule.project(A)
    assert rule.n_fixed == 2
    assert np.linalg.norm(out[0]) == pytest.approx(np.linalg.norm(A[0])) and np.linalg.norm(out[1]) == pytest.approx(1)
    for i in (0, 1):
        assert np.allclose(out[i] / out[i].max(), known[i].ravel() / known[i].max())
    assert np.array_equal(out[2:], A[2:])
    known[:] = 0
    assert np.array_equal(rule.bind(GEOMETRY).project(A), out), "a copy was taken"
    with pytest.raises(ValueError, match="needs at least 2 components, .* got 1"):
        rule.project(A[:1])


def test_fixed_patterns_may_be_unknown_where_excluded():
    known = np.ones((1, *DETECTOR))
    known[:, DETECTOR_MASK] = np.nan
    out = c.FixedPatterns(known).bind(MASKED).project(values(c.Friedel()))
    assert np.isfinite(out).all()
    for bad, message in (
        (known, r"patterns\[0\] is NaN at pixels that take part"),
        (np.zeros((1, *DETECTOR)), r"patterns\[0\] is zero everywhere"),
        (np.ones((1, 9, 9)), "must have the shape"),
        (np.stack([np.ones(DETECTOR), np.zeros(DETECTOR)]), r"patterns\[1\]"),
    ):
        with pytest.raises(ValueError, match=message):
            c.FixedPatterns(bad).bind(GEOMETRY)


@pytest.mark.parametrize("on", ["patterns", "maps"])
def test_sparse_is_soft_thresholding_by_the_size_of_a_component(on):
    rule = c.Sparse(0.4, on=on).bind(GEOMETRY)
    A = values(rule)
    rows = A if on == "patterns" else A.T
    wanted = [np.maximum(row - 0.4 * np.sqrt((row**2).mean()), 0) for row in rows]
    out = rule.project(A)
    assert np.allclose(out if on == "patterns" else out.T, wanted)
    assert (out == 0).mean() > (A == 0).mean()
    constant = c.Sparse(0.99, on=on).bind(GEOMETRY).project(np.ones_like(A))
    assert (constant > 0).all(), "nothing is lost as a whole"
    assert np.array_equal(c.Sparse(0, on=on).bind(GEOMETRY).project(A), A)
    assert (rule.project(np.zeros_like(A)) == 0).all()


def test_a_probe_as_wide_as_the_step_is_no_reason_to_warn():
    geometry = ScanGeometry((5, 6), (8, 8))
    SmoothMaps(probe_fwhm=1.0).bind(geometry)
    with pytest.warns(UnmixWarning, match="the scan step is larger than the probe"):
        SmoothMaps(probe_fwhm=0.99).bind(geometry)


def test_a_cutoff_that_the_scan_step_can_just_show_is_no_reason_to_warn():
    geometry = ScanGeometry((5, 6), (8, 8), calibration=Calibration(step=(2.0, 2.0), step_unit="nm"))
    SmoothMaps(cutoff="0.25 1/nm").bind(geometry)
    with pytest.warns(UnmixWarning, match="is beyond what the scan step can show"):
        SmoothMaps(cutoff="0.26 1/nm").bind(geometry)


@pytest.mark.parametrize("published", [False, True])
def test_a_sigma_of_zero_leaves_an_axis_as_it_is(published):
    rule = SmoothMaps(sigma=(0.0, 0.8), as_published=published).bind(ScanGeometry((5, 7), (8, 8)))
    maps = np.zeros((5, 7))
    maps[2, 3] = 1.0
    smooth = rule.project(maps.reshape(-1, 1)).reshape(5, 7)
    assert smooth[2, 3] < 0.6 and smooth[2].sum() == pytest.approx(1, abs=2e-3)
    assert np.abs(np.delete(smooth, 2, axis=0)).max() < 1e-12


def test_a_cutoff_is_at_most_half_a_cycle_per_position():
    assert SmoothMaps(cutoff=0.5).cutoff == 0.5
    with pytest.raises(ValueError, match="cutoff must be at most 0.5 cycles per position, got 0.51"):
        SmoothMaps(cutoff=0.51)


def test_a_given_kernel_cannot_be_changed_afterwards():
    given = np.ones((3, 3))
    rule = SmoothMaps(kernel=given)
    assert not rule.kernel.flags.writeable and given.flags.writeable


@pytest.mark.parametrize("tolerance", [0, 2])
def test_kept_totals_lower_the_rest_of_the_ring(tolerance):
    """With `conserve` what is below the baseline is raised to it, and all but bright spots lowered by what that adds."""
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20))
    pattern = np.random.default_rng(0).normal(100, 5, (1, 41 * 41))
    pattern[0, 41 * 20 + 32] = 1000.0  # a bright spot
    rule = NoDarkSpots(conserve=True, tolerance=tolerance).bind(geometry)
    raised = rule.project(pattern)
    assert abs(rule.bias[0]) < 2e-3  # 2e-2 were it not kept
    change = (raised - pattern)[0]
    assert change[41 * 20 + 32] == 0
    ring = np.flatnonzero(np.abs(geometry.radius().ravel() - 12) < 0.4)
    ring = ring[ring != 41 * 20 + 32]
    above = pattern[0, ring] > rule.baseline(pattern)[0, ring]
    assert np.all(change[ring][above] < 0) and change[ring][~above].mean() > 0


@pytest.mark.parametrize(("n", "mean"), [(5, 0.0), (6, 4.0), (7, 4.0)])
def test_a_ring_of_six_pixels_has_a_mean(n, mean):
    rings = Rings(np.full((1, n), 3.0), np.ones(n, bool), np.float64)
    assert rings.mean(np.full((n, 1), 4.0), rings.full)[3, 0] == mean


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_a_probe_wider_than_the_scan_needs_no_memory():
    view = Unmix(np.random.default_rng(0).poisson(4, (4, 5, 6, 7)))
    from unmix4d.constraints import SmoothMaps

    for sigma in (1e6, 1e300):
        smooth = SmoothMaps(sigma=sigma).bind(view.geometry)
        image = np.random.default_rng(1).random((20, 1))
        assert np.allclose(smooth.smooth(image), image.mean(), rtol=1e-9)  # everything within the scan weighs the same
        assert np.isfinite(view.nmf(2, smooth=sigma, random_state=0, max_iter=3).maps).all()


def test_smoothing_does_not_change_where_the_kernel_is_cut_at_the_scan():
    from unmix4d.constraints import SmoothMaps
    from unmix4d.constraints._smoothing import Convolution, gaussian
    from unmix4d.core.geometry import ScanGeometry

    geometry, image = ScanGeometry((5, 6), (3, 3)), np.random.default_rng(0).random((30, 1))
    long = Convolution((5, 6), np.outer(gaussian(4.0), gaussian(4.0)), np.ones(30, bool))
    assert np.allclose(SmoothMaps(sigma=4.0).bind(geometry).smooth(image), long(image), rtol=1e-12)
