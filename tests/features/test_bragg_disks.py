"""Bragg disks: vectors in the right cells whatever host found them, detection by both hosts, and what NMF makes of them."""

import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.constraints import Friedel
from unmix4d.core.geometry import ScanGeometry
from unmix4d.features import bragg_raster
from unmix4d.features.bragg_disks import BraggDisks, Raster
from unmix4d.features.bragg_raster import bragg_features
from unmix4d.hosts.bragg_vectors import read as read_vectors
from unmix4d.hosts.disk_detection import disk_radius, find_disks

DATA = Path(__file__).parents[3] / "shared" / "data"
CENTRE, SIZE, SHAPE = (21.0, 19.5), 0.02, (44, 40)
# (scan row, scan col, q row and q col in pixels, intensity)
SPOTS = [
    (0, 0, 0.0, 0.0, 50.0),
    (0, 0, 9.0, -4.0, 3.0),
    (0, 1, -6.3, 12.2, 2.0),
    (1, 2, 9.4, -4.4, 5.0),
    (1, 2, 9.0, 5.0, 1.0),
]


def disks_of(spots, scan_shape=(2, 3), **more):
    rows, cols, q_row, q_col, intensity = np.array(spots, float).T
    return BraggDisks(scan_shape, (rows * scan_shape[1] + cols).astype(int), q_row, q_col, intensity, **more)


@pytest.fixture
def view():
    """A calibrated scan whose patterns play no part."""
    data = np.ones((2, 3, *SHAPE), np.float32)
    return Unmix(data, centre=CENTRE, pixel_size=SIZE, pixel_unit="1/Å", step=2, step_unit="nm")


def bragg_vectors(spots=SPOTS, scan_shape=(2, 3), origin=CENTRE, unit="A^-1", ellipse=None, rotation=None, shape=SHAPE):
    """py4DSTEM BraggVectors of some spots, as its detector would have found them."""
    from py4DSTEM import Calibration
    from py4DSTEM.braggvectors import BraggVectors

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = Calibration()
        known.set_Q_pixel_size(SIZE if unit == "A^-1" else 1)
        known.set_Q_pixel_units(unit)
        known.set_R_pixel_size(2.0)
        known.set_R_pixel_units("nm")
        if origin is not None:
            known.set_origin(origin)
        if ellipse is not None:
            known.set_ellipse(ellipse)
        if rotation is not None:
            known.set_QR_rotation_degrees(rotation)
            known.set_QR_flip(False)
        vectors = BraggVectors(scan_shape, shape, calibration=known)
    at = CENTRE if origin is None or np.ndim(origin[0]) else origin
    for i, j, row, col, intensity in spots:
        shift = at if origin is None or not np.ndim(origin[0]) else (origin[0][i, j], origin[1][i, j])
        add(vectors._v_uncal[i, j], row + shift[0], col + shift[1], intensity)
    return vectors


def add(points, row, col, intensity):
    points.add(np.array([(row, col, intensity)], dtype=[("qx", float), ("qy", float), ("intensity", float)]))


def point_lists(spots=SPOTS, scan_shape=(2, 3), scale=1.0, centre=(0, 0)):
    from emdfile import PointListArray

    lists = PointListArray([("qx", float), ("qy", float), ("intensity", float)], scan_shape)
    for i, j, row, col, intensity in spots:
        add(lists[i, j], row * scale + centre[0], col * scale + centre[1], intensity)
    return lists


def diffraction_vectors(spots=SPOTS, scan_shape=(2, 3), centre=CENTRE, scale=SIZE, units=("$A^{-1}$",) * 2, columns=3):
    """pyxem DiffractionVectors by the way of its own `from_peaks`; a position without a peak holds one row of NaN."""
    from hyperspy.signals import BaseSignal
    from pyxem.signals import DiffractionVectors

    peaks = np.empty(scan_shape, object)
    for i, j in np.ndindex(*scan_shape):
        found = [(row + CENTRE[0], col + CENTRE[1], v)[:columns] for a, b, row, col, v in spots if (a, b) == (i, j)]
        peaks[i, j] = np.array(found) if found else np.full((1, columns), np.nan)
    signal = BaseSignal(peaks, ragged=True)
    names = ("ky", "kx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DiffractionVectors.from_peaks(signal, center=centre, calibration=[scale] * 2, column_names=names, units=units)


def dense(view):
    """The raster of every position (n_positions, rows, cols), 0 where dropped."""
    return np.nan_to_num(view.geometry.to_images(view.features.values))


# The raster


def test_vectors_land_in_their_cells():
    disks = disks_of(SPOTS)
    grid = disks.raster(cell=(2, 4), reach=(12, 14))
    assert grid.shape == (13, 9) and grid.centre == (6, 4)
    image = disks.on(grid, spread=0).toarray().reshape(2, 3, *grid.shape)
    expected = np.zeros_like(image)
    for i, j, row, col, intensity in SPOTS:
        expected[i, j, math.floor(row / 2 + 6.5), math.floor(col / 4 + 4.5)] += intensity
    assert np.array_equal(image, expected)


@pytest.mark.parametrize("cells", [1, 2, 5])
def test_spread_is_a_hat_that_conserves_intensity(cells):
    """Against the hat function itself; the sum and the centre of mass of every pattern stay what they were."""
    rng = np.random.default_rng(0)
    disks = BraggDisks((4, 5), rng.integers(0, 20, 300), rng.uniform(-5, 5, 300), rng.uniform(-7, 7, 300), rng.random(300))
    grid = disks.raster(cell=0.5, reach=(5 + cells, 7 + cells))
    shared = disks.on(grid, spread=cells * 0.5).toarray()
    i, j = np.indices(grid.shape)
    expected = np.zeros_like(shared)
    for at, row, col, value in zip(disks.position, disks.q_row, disks.q_col, disks.intensity):
        far = [np.abs(index - half - q / 0.5) for index, half, q in ((i, grid.half[0], row), (j, grid.half[1], col))]
        expected[at] += (value * np.prod([np.maximum(0, 1 - f / cells) / cells for f in far], axis=0)).ravel()
    assert np.allclose(shared, expected, atol=1e-13)
    totals = np.bincount(disks.position, disks.intensity, minlength=20)
    assert np.allclose(shared.sum(1), totals, rtol=1e-12)
    mean_row = shared @ (i.ravel() - grid.half[0]) * 0.5 / totals
    assert np.allclose(mean_row, np.bincount(disks.position, disks.intensity * disks.q_row, minlength=20) / totals)


def test_treatments_of_the_intensity():
    disks = disks_of([(0, 0, 3.0, 1.0, 4.0), (0, 0, 3.1, 1.1, 9.0), (1, 1, -3.0, 1.0, 0.25)])
    grid = disks.raster(cell=1)
    found = {how: disks.on(grid, intensity=how, spread=0).toarray() for how in ("sum", "sqrt", "binary")}
    place = (grid.half[0] + 3) * grid.shape[1] + grid.half[1] + 1
    assert [float(found[how][0, place]) for how in ("sum", "sqrt", "binary")] == [13.0, 5.0, 1.0]
    assert found["binary"].sum() == 2 and found["sum"].sum() == 13.25


def test_jitter_changes_a_shared_raster_little():
    """Disks found half a pixel aside: hard cells make other features of them, shared ones do not."""
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, 40)
    row, col = 30 * np.sin(angle), 30 * np.cos(angle)
    moved = rng.normal(0, 0.5, (2, 40))
    disks = BraggDisks((1, 2), np.repeat([0, 1], 40), np.r_[row, row + moved[0]], np.r_[col, col + moved[1]], np.ones(80))
    grid = disks.raster(cell=3, reach=40)
    cosine = {}
    for spread in (0, 3, 6):
        a, b = disks.on(grid, spread=spread).toarray()
        cosine[spread] = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert cosine[0] < 0.85 and cosine[3] > 0.93 and cosine[6] > 0.98


def test_the_raster_of_a_view_is_calibrated_and_centred(view):
    found = view.bragg_disks(disks_of(SPOTS), bin=3, spread=0)
    geometry = found.geometry
    assert geometry.calibration.pixel_size == pytest.approx((0.06, 0.06)) and geometry.calibration.pixel_unit == "1/Å"
    assert geometry.calibration.step_unit == "nm" and geometry.detector_shape == (2 * 5 + 1, 2 * 5 + 1)
    image = dense(found)[3 + 2]  # position (1, 2)
    row, col = np.unravel_index(image.argmax(), image.shape)
    where = [(n - c) * s for n, c, s in zip((row, col), geometry.centre, geometry.calibration.pixel_size)]
    assert where == pytest.approx([9.4 * SIZE, -4.4 * SIZE], abs=0.03)


def test_cells_without_a_vector_are_dropped_and_the_direct_beam_is_left_out(view):
    found = view.bragg_disks(disks_of(SPOTS), bin=1, spread=0)
    assert found.matrix().shape == (6, 3)  # four vectors in three cells; the direct beam is no feature
    assert view.bragg_disks(disks_of(SPOTS), bin=1, spread=0, q_min=0).matrix().shape == (6, 4)
    with pytest.warns(UnmixWarning, match="4 of 6 positions"):
        near = view.bragg_disks(disks_of(SPOTS), bin=1, spread=0, q_max="0.21 1/Å")
    assert near.matrix().shape == (6, 2) and near.features.settings["q_max"] == pytest.approx(0.21)
    with pytest.warns(UnmixWarning, match="5 of 6 positions"):
        masked = view.prepare(direct_beam=11).bragg_disks(disks_of(SPOTS), bin=1, spread=0)
    assert masked.features.settings["vectors"] == 1  # only the vector of 13.7 pixels is not under the mask


def test_scan_masks_are_honoured(view):
    mask = np.zeros((2, 3), bool)
    mask[1] = True
    mask[0, 2] = True
    found = view.prepare(scan_mask=mask).bragg_disks(disks_of(SPOTS), bin=1, spread=0)
    assert found.matrix().shape == (2, 2)  # what only excluded positions have is no feature
    assert dense(found).sum() == 5.0 and found.features.settings["vectors"] == 2


def test_detector_preparation_leaves_vectors_alone(view):
    """A binned and cropped view gives the same raster, in calibrated units."""
    whole = view.bragg_disks(disks_of(SPOTS), bin=2, spread="0.04 1/Å")
    small = view.prepare(crop=((2, 42), (4, 36)), bin=2).bragg_disks(
        disks_of(SPOTS).scaled(SIZE, "1/Å"), bin=1, spread="0.04 1/Å"
    )
    assert np.allclose(dense(whole), dense(small), atol=1e-6)
    with pytest.raises(ValueError, match="calibrated|cropped nor binned"):
        pytest.importorskip("py4DSTEM")
        view.prepare(bin=2).bragg_disks(bragg_vectors(unit="pixels"))


# The hosts


def test_py4dstem_and_pyxem_vectors_give_one_raster(py4dstem, pyxem, view):
    expected = dense(view.bragg_disks(disks_of(SPOTS), bin=2))
    assert expected.sum() == pytest.approx(11.0, rel=1e-6)
    # In nm^-1 too: units are converted.
    inverse_nm = diffraction_vectors(scale=SIZE * 10, units=("nm^-1",) * 2)
    for vectors in (bragg_vectors(), point_lists(scale=SIZE), diffraction_vectors(), inverse_nm):
        assert np.allclose(dense(view.bragg_disks(vectors, bin=2)), expected, atol=1e-6), type(vectors)


def test_bragg_vectors_are_calibrated_as_py4dstem_does_it(py4dstem):
    """Origin per position, ellipse and pixel size are those of ``.cal``; the rotation is not applied."""
    rng = np.random.default_rng(3)
    origin = 21 + rng.random((2, 3)), 19 + rng.random((2, 3))
    vectors = bragg_vectors(origin=origin, ellipse=(1.1, 1.0, 0.6), rotation=25.0)
    vectors.setcal(center=True, ellipse=True, pixel=True, rotate=False)
    ours = Unmix(vectors).features.disks
    order = np.argsort(ours.position, kind="stable")
    theirs = [vectors.cal[i, j] for i in range(2) for j in range(3)]
    assert np.allclose(ours.q_row[order], np.concatenate([v.qx for v in theirs]), atol=1e-12)
    assert np.allclose(ours.q_col[order], np.concatenate([v.qy for v in theirs]), atol=1e-12)
    assert ours.unit == "1/Å" and Unmix(vectors).geometry.calibration.rotation_deg == pytest.approx(-25.0)


@pytest.mark.parametrize("angle", [0.0, 30.0, 100.0])
def test_an_ellipse_becomes_a_ring(angle):
    """Vectors on an ellipse with the axes a, b, as a `ScanGeometry` describes it, get the length b."""
    turn, tilt = np.linspace(0, 2 * np.pi, 50, endpoint=False), np.deg2rad(angle)
    along, across = 12 * np.cos(turn), 10 * np.sin(turn)
    right, up = along * np.cos(tilt) - across * np.sin(tilt), along * np.sin(tilt) + across * np.cos(tilt)
    disks = BraggDisks((1, 1), np.zeros(50, int), -up, right, np.ones(50))
    assert np.ptp(disks.length) > 1.5
    assert np.allclose(disks.made_round((12, 10, angle)).length, 10, atol=1e-12)
    geometry = ScanGeometry((1, 1), (41, 41), centre=(20, 20), ellipse=(12, 10, angle))
    assert geometry.radius()[20, 30] == pytest.approx(  # the geometry keeps the area, py4DSTEM and we the axis b
        BraggDisks((1, 1), [0], [0.0], [10.0]).made_round(geometry.ellipse).length[0] * math.sqrt(12 / 10)
    )


def test_pyxem_vectors_without_unit_or_intensity(pyxem, view):
    bare = diffraction_vectors(centre=(0, 0), scale=1, units=("", ""))
    expected = dense(view.bragg_disks(disks_of(SPOTS), bin=2))
    # Pixels of this very detector are counted from its centre.
    assert np.allclose(dense(view.bragg_disks(bare, bin=2)), expected, atol=1e-6)
    assert np.allclose(dense(view.bragg_disks(bare, bin=2, centre=CENTRE)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="unknown origin.*centre="):
        Unmix(bare)
    with pytest.raises(ValueError, match="have no intensities"):
        view.bragg_disks(diffraction_vectors(columns=2))
    positions = dense(view.bragg_disks(diffraction_vectors(columns=2), bin=2, intensity="binary", spread=0))
    assert positions.sum() == 4
    with pytest.raises(ValueError, match="which is not a calibration.*units"):
        Unmix(diffraction_vectors(scale=0.5, units=("", "")))


def test_raw_vectors_need_an_origin(py4dstem, view):
    expected = dense(view.bragg_disks(disks_of(SPOTS), bin=2))
    vectors = bragg_vectors(origin=None)
    with pytest.raises(ValueError, match="have no origin.*centre="):
        Unmix(vectors)
    assert np.allclose(dense(view.bragg_disks(vectors, bin=2)), expected, atol=1e-6)
    assert Unmix(vectors, centre=CENTRE).features.disks.length.max() == pytest.approx(13.73 * SIZE, rel=1e-3)
    raw = point_lists(centre=CENTRE)
    with pytest.raises(ValueError, match="do not lie around zero"):
        Unmix(raw)
    assert np.allclose(dense(view.bragg_disks(raw, bin=2)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="cannot be converted|does not fit the 1/Å"):
        view.bragg_disks(bragg_vectors(unit="mrad"))


@pytest.mark.parametrize(
    ("spots", "message"),
    [
        ([], "there are no Bragg vectors"),
        ([(0, 0, np.nan, 1, 1), (0, 1, 3, 3, 1)], r"must be finite, but 1 of 2.*\(0, 0\)"),
        ([(0, 0, 2, 1, np.inf), (1, 1, -3, -3, 1)], "must be finite"),
        ([(0, 0, 4, 1, -1.0), (1, 1, -3, -3, 1)], "must not be negative, the smallest is -1"),
        ([(0, 0, 0.0, 0.0, 1)], "there are no Bragg vectors left"),
    ],
)
def test_hostile_vectors(py4dstem, view, spots, message):
    with pytest.raises(ValueError, match=message):
        view.bragg_disks(bragg_vectors(spots), q_min=0.5)


def test_hostile_arguments(view):
    disks = disks_of(SPOTS)
    with pytest.raises(ValueError, match=r"scan of \(2, 3\) positions, got vectors of \(1, 6\)"):
        view.bragg_disks(BraggDisks((1, 6), [0], [3.0], [4.0], [1.0]))
    with pytest.raises(TypeError, match="must be BraggVectors of py4DSTEM .*got list"):
        view.bragg_disks([1, 2])
    for wrong, message in (
        ({"bin": 0}, "bin must be at least 1"), ({"bin": 1.5}, "bin must be a whole"), ({"spread": -1}, "spread must be"),
        ({"intensity": "log"}, "intensity must be one of"), ({"q_max": 0}, "q_max must be above 0"),
        ({"q_min": "2 nm"}, "q_min"), ({"q_min": 1000}, "none lies between q_min and q_max"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError), match=message):
            view.bragg_disks(disks, **wrong)
    with pytest.raises(ValueError, match="features are made from patterns"):
        view.bragg_disks(disks).bragg_disks()
    with pytest.raises(ValueError, match="q_max is for Bragg vectors only"):
        Unmix(np.ones((2, 2, 4, 4)), q_max=1)
    with pytest.raises(ValueError, match="cells of.*larger bin"):
        Raster.reaching((1.0, 1.0), (1e-6, 1e-6))
    with pytest.raises(ValueError, match="array has no detector of Bragg disks"):
        view.bragg_disks()
    polar = Unmix(view.scan.replace(geometry=view.geometry.replace(polar=True)))
    with pytest.raises(ValueError, match="azimuth and radius"):
        polar.bragg_disks(disks)


def test_a_broken_list_is_one_sentence(py4dstem):
    vectors = bragg_vectors()
    vectors._v_uncal = None
    vectors._set_raw_vector_getter()
    with pytest.raises(ValueError, match="the Bragg vectors cannot be read"):
        Unmix(vectors)


def test_mostly_empty_positions_are_said(view):
    with pytest.warns(UnmixWarning, match="5 of 6 positions hold no Bragg vector"):
        found = view.bragg_disks(disks_of([(0, 0, 5.0, 5.0, 1.0), (0, 0, -5.0, 5.0, 2.0)]), q_min=0)
    assert found.matrix().shape[0] == 6 and dense(found)[1:].sum() == 0


# Vectors without a scan


def grains(seed=0, n_rows=14, n_cols=12, jitter=0.3):
    """Vectors of three grains with lattices of their own, side by side with soft boundaries, and their true maps."""
    rng = np.random.default_rng(seed)
    col = np.arange(n_cols)
    shares = np.stack([np.clip((5 - col) / 3, 0, 1), np.clip((col - 6) / 3, 0, 1)])
    maps = np.stack([np.tile(shares[0], (n_rows, 1)), np.tile(shares[1], (n_rows, 1))])
    maps = np.concatenate([maps, 1 - maps.sum(0, keepdims=True)])
    spots = []
    for k, (length, turn) in enumerate(((11, 0.1), (13, 0.5), (12, 0.9))):
        base = length * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        order = [(h, k_) for h in (-2, -1, 0, 1, 2) for k_ in (-2, -1, 0, 1, 2)]
        g = np.array(order) @ base
        strength = np.where(np.hypot(*g.T) == 0, 40, 10 * np.exp(-np.hypot(*g.T) / 20))
        for i, j in np.ndindex(n_rows, n_cols):
            if maps[k, i, j] > 0.02:
                found = g + rng.normal(0, jitter, g.shape)
                spots += [(i, j, *q, maps[k, i, j] * s) for q, s in zip(found, strength)]
    return spots, maps


@pytest.mark.parametrize("kind", ["disks", "py4dstem", "pyxem"])
def test_grains_from_vectors_alone(kind, request):
    """Truth: three grains, maps to 0.97 and a reflection within a sixth of a cell; results go back to the host."""
    spots, maps = grains()
    if kind == "disks":
        vectors = disks_of(spots, maps.shape[1:], pixel_size=1.0).scaled(SIZE, "1/Å")
    elif kind == "py4dstem":
        request.getfixturevalue("py4dstem")
        vectors = bragg_vectors(spots, maps.shape[1:], shape=(80, 80))
    else:
        request.getfixturevalue("pyxem")
        vectors = diffraction_vectors(spots, maps.shape[1:])
    view = Unmix(vectors, q_max="0.5 1/Å")
    result = view.nmf(3, random_state=0)
    pairs, correlation = unmix4d.scores.match_maps(result.maps, maps)
    assert min(correlation) > 0.97
    geometry = result.geometry
    assert geometry.calibration.pixel_unit == "1/Å" and geometry.calibration.pixel_size == pytest.approx((0.06, 0.06))
    pattern = np.nan_to_num(result.patterns[pairs[0]])
    row, col = ((index - c) * 0.06 for index, c in zip(np.indices(pattern.shape), geometry.centre))
    first = 11 * SIZE * np.array([np.cos(0.1), np.sin(0.1)])
    near = pattern * (np.hypot(row - first[0], col - first[1]) < 0.1)
    assert [(near * q).sum() / near.sum() for q in (row, col)] == pytest.approx(first, abs=0.01)
    assert np.isnan(result.patterns[0][tuple(int(c) for c in geometry.centre)])
    back = result.to_host()
    if kind == "py4dstem":
        assert back[1].calibration.get_Q_pixel_size() == pytest.approx(0.06)
        assert back[1].calibration.get_Q_pixel_units() == "A^-1" and back[0].data.shape == result.maps.shape
    elif kind == "pyxem":
        axis = back[1].axes_manager.signal_axes[0]
        assert type(back[1]).__name__ == "Diffraction2D" and axis.scale == pytest.approx(0.06)
        assert axis.offset == pytest.approx(-geometry.centre[1] * 0.06)
    else:
        assert np.array_equal(back[1], result.patterns, equal_nan=True)


@pytest.mark.parametrize("kind", ["disks", "py4dstem", "pyxem"])
def test_vectors_of_several_scans_are_on_one_raster(kind, request, tmp_path):
    """Two scans of other shapes, with a view of their patterns and alone: one raster, one set of patterns."""
    spots, maps = grains()
    shapes, made = [(14, 12), (9, 12)], {"disks": disks_of, "py4dstem": bragg_vectors, "pyxem": diffraction_vectors}
    if kind != "disks":
        request.getfixturevalue(kind)
    each = [made[kind]([s for s in spots if s[0] < n], (n, m)) for n, m in shapes]
    facts = {"pixel_size": SIZE, "pixel_unit": "1/Å", "step": 2, "step_unit": "nm"}
    view = Unmix([np.ones((*shape, *SHAPE), np.uint8) for shape in shapes], centre=CENTRE, **facts)
    features = view.bragg_disks(each, bin=3)
    alone = Unmix(view.scan.replace(geometry=view.geometry)).bragg_disks(each, bin=3)
    assert np.array_equal(alone.features.values, features.features.values)
    single = [Unmix(np.ones((*s, *SHAPE), np.uint8), centre=CENTRE, **facts).bragg_disks(v) for s, v in zip(shapes, each)]
    first = features.features.values[: 14 * 12]
    assert first.sum() == pytest.approx(single[0].features.values.sum(), rel=1e-5)
    result = (features if kind == "disks" else Unmix(each)).nmf(3, random_state=0)
    assert [one.maps.shape[1:] for one in result.scans] == shapes
    for one, (n, _) in zip(result.scans, shapes):
        assert min(unmix4d.scores.match_maps(one.maps, maps[:, :n])[1]) > 0.97
    back = result.to_host()
    assert len(back[0]) == 2 and np.shape(getattr(back[0][1], "data", back[0][1]))[-2:] in {(9, 12), (9, 3)}
    result.save(tmp_path / "several.h5")
    assert unmix4d.load(tmp_path / "several.h5").scans[1].maps.shape == (3, 9, 12)
    with pytest.raises(ValueError, match="vectors must be a list with those of each of 2 scans, got 1"):
        view.bragg_disks(each[0])
    with pytest.raises(ValueError, match=r"scan 0: vectors must belong to the scan of \(14, 12\)"):
        view.bragg_disks(each[::-1])


def test_disks_are_found_in_several_scans(pyxem):
    film = phantoms.series(n_scans=4, scan_shape=(8, 8), detector_shape=(48, 48), direct_beam=0.2, dose=3000, seed=1)
    view = Unmix(film.data[:2], centre=film[0].centre)
    found = view.bragg_disks(detector="pyxem", disk_radius=2.0)
    each = [Unmix(data, centre=film[0].centre).bragg_disks(detector="pyxem", disk_radius=2.0) for data in film.data[:2]]
    assert found.geometry.scans == view.geometry.scans
    again = view.bragg_disks([one.features.disks for one in each])
    assert np.allclose(again.features.values, found.features.values)


def test_a_series_of_pyxem_vectors(pyxem):
    vectors = diffraction_vectors()
    stacked = type(vectors)(np.stack([vectors.data, vectors.data]), ragged=True)
    stacked.scales, stacked.offsets, stacked.units = vectors.scales, vectors.offsets, vectors.units
    stacked.column_names, stacked.detector_shape = vectors.column_names, vectors.detector_shape
    both = Unmix(stacked)
    assert len(both.geometry.scans) == 2 and both.geometry.scans[1].shape == (2, 3)
    values, n = both.features.values, Unmix(vectors).features.values
    assert np.array_equal(values[: len(n)], n) and np.array_equal(values[len(n) :], n)


def test_a_view_of_vectors_can_be_put_on_another_raster():
    spots, maps = grains(seed=1)
    disks = disks_of(spots, maps.shape[1:]).scaled(SIZE, "1/Å")
    view = Unmix(disks, pixel_size=0.05, step=3, step_unit="nm")
    assert view.geometry.calibration.pixel_size == (0.05, 0.05) and view.geometry.calibration.step == (3.0, 3.0)
    other = view.bragg_disks(bin=2, intensity="binary", q_max="0.4 1/Å")
    assert other.geometry.calibration.pixel_size == pytest.approx((0.1, 0.1)) and other.features.values.max() <= 1
    assert other.features.settings["vectors"] < view.features.settings["vectors"]
    assert other.features.host == view.features.host
    total = other.features.source.features.values.sum(dtype=float)
    used = (disks.length >= disks.spacing() / 2) & (disks.length <= 0.4)
    assert total == pytest.approx(disks.intensity[used].sum(), rel=1e-5)  # patterns are fitted to intensities


def test_merging_counts_the_grains():
    """Three grains from eight components, k not told; Bragg disks keep their boundaries."""
    spots, maps = grains(seed=5)
    view = Unmix(disks_of(spots, maps.shape[1:]).scaled(SIZE, "1/Å"), pixel_size=3 * SIZE)
    result = view.merge_nmf(8, n_runs=6, random_state=0).consensus()
    assert result.k == 3 and len(result.grains().table["grain"]) == 3
    assert min(unmix4d.scores.match_maps(result.maps, maps)[1]) > 0.97


def test_saved_and_loaded_with_its_vectors(tmp_path):
    spots, maps = grains(seed=2)
    disks = disks_of(spots, maps.shape[1:]).scaled(SIZE, "1/Å")
    result = Unmix(disks).nmf(3, random_state=0)
    result.save(tmp_path / "run.h5")
    again = unmix4d.load(tmp_path / "run.h5", data=Unmix(disks))
    assert np.array_equal(again.patterns, result.patterns, equal_nan=True)
    assert np.allclose(again.residual_map(), result.residual_map(), rtol=1e-5)


def test_a_constraint_that_needs_the_centre_knows_it():
    """Rasters are centred: opposite cells are opposite vectors."""
    spots, maps = grains(seed=3)
    view = Unmix(disks_of(spots, maps.shape[1:])).features.source
    with pytest.warns(unmix4d.UnmixWarning, match="Friedel keeps them from fitting"):  # as random vectors have no opposite
        sharp = view.nmf(3, constraints=[Friedel()], random_state=0).patterns
    kept = np.isfinite(sharp[0]) & np.isfinite(sharp[0][::-1, ::-1])
    assert np.allclose(sharp[:, kept], sharp[:, ::-1, ::-1][:, kept], rtol=1e-4, atol=1e-4 * np.nanmax(sharp))


def test_a_large_raster_is_not_held_as_a_whole(monkeypatch):
    spots, maps = grains(seed=4)
    features = bragg_features(disks_of(spots, maps.shape[1:]), ScanGeometry(maps.shape[1:], (1, 1)), cell=2)
    right = np.random.default_rng(0).random((features.shape[1], 3))
    whole = features.matrix().times(right)
    monkeypatch.setattr(bragg_raster, "_DENSE_BYTES", 1)
    assert type(features.matrix()).__name__ == "SparseMatrix"
    assert np.allclose(features.matrix().times(right), whole, rtol=1e-5)


# Detection


@pytest.fixture(scope="module")
def polycrystal():
    return phantoms.polycrystal(
        n_grains=3, scan_shape=(12, 10), detector_shape=(72, 68), overlap=0.3, background=0.1, direct_beam=0.5, dose=2e4,
        seed=2,
    )  # fmt: skip


def true_spots(pattern, centre, threshold):
    """Local maxima of a true pattern, refined by a parabola through the logarithm: spots are Gaussian."""
    from skimage.feature import peak_local_max

    found = []
    for row, col in peak_local_max(pattern, min_distance=3, threshold_abs=threshold * pattern.max(), exclude_border=4):
        lines = np.log(pattern[row - 1 : row + 2, col]), np.log(pattern[row, col - 1 : col + 2])
        found.append([at + (a - c) / (2 * (a + c - 2 * b)) for at, (a, b, c) in zip((row, col), lines)])
    return np.array(found) - centre


@pytest.mark.parametrize("detector", ["py4dstem", "pyxem"])
def test_detection_finds_the_spots(detector, request, polycrystal):
    """Where one grain is alone, every strong spot is found to 0.5 pixels, and four fifths of what is found are spots."""
    request.getfixturevalue(detector)
    view = polycrystal.to_py4dstem().unmix if detector == "py4dstem" else polycrystal.to_pyxem().unmix
    disks, settings = find_disks(view.scan, view.mean_pattern())
    assert settings["detector"] == detector and 1 < settings["disk_radius"] < 3
    share = polycrystal.maps / polycrystal.maps.sum(0)
    grain, row, col = np.unravel_index(share[1:].argmax(), share[1:].shape)
    assert share[grain + 1, row, col] > 0.8
    here = disks.position == row * 10 + col
    found = np.stack([disks.q_row[here], disks.q_col[here]], axis=1)
    strong = true_spots(polycrystal.patterns[grain + 1], polycrystal.centre, 0.01)
    weak = true_spots(polycrystal.patterns[grain + 1], polycrystal.centre, 0.0005)
    assert len(strong) >= 8
    distance = np.hypot(*np.moveaxis(strong[:, None] - found[None], -1, 0))
    assert distance.min(1).max() < 0.5
    spurious = np.hypot(*np.moveaxis(weak[:, None] - found[None], -1, 0)).min(0) > 1
    assert spurious.mean() < 0.2


@pytest.mark.parametrize("detector", ["py4dstem", "pyxem"])
def test_grains_from_found_disks(detector, request, polycrystal):
    """From the scan to grains without a vector given: maps to 0.9, patterns of the whole detector."""
    request.getfixturevalue(detector)
    view = polycrystal.to_py4dstem().unmix if detector == "py4dstem" else polycrystal.to_pyxem().unmix
    found = view.bragg_disks()
    assert found.features.settings["detector"] == detector and found.features.settings["bin"] == 3
    result = found.nmf(3, n_starts=3, random_state=0)
    assert min(unmix4d.scores.match_maps(result.maps, polycrystal.maps[1:])[1]) > 0.9
    assert result.patterns.shape == (3, 72, 68) and result.features.shape[1:] == found.geometry.detector_shape


def test_lazy_and_masked_scans_are_searched_alike(py4dstem, polycrystal):
    """Blocks change nothing; what is excluded holds no disk, whatever its values."""
    mask = np.zeros((72, 68), bool)
    mask[:20, :20] = True
    positions = np.zeros((12, 10), bool)
    positions[:, 3] = True
    data = polycrystal.data.astype(np.float32)
    data[..., mask] = 1e6
    known = {"centre": polycrystal.centre, "pixel_size": polycrystal.pixel_size, "pixel_unit": "1/Å"}
    lazy = phantoms.Phantom.to_dask(polycrystal, chunks=(5, 10, 72, 68)).astype(np.float32)
    found = [
        Unmix(array, **known).prepare(detector_mask=mask, scan_mask=positions).bragg_disks(detector="py4dstem")
        for array in (data, lazy)
    ]
    assert np.allclose(dense(found[0]), dense(found[1]))
    disks = found[0].features.disks
    assert not np.isin(disks.position % 10, 3).any()
    row, col = (q / polycrystal.pixel_size + c for q, c in zip((disks.q_row, disks.q_col), polycrystal.centre))
    assert not ((row < 20) & (col < 20)).any() and len(disks) > 200


def test_detection_is_told_what_to_do(py4dstem, polycrystal):
    view = polycrystal.to_py4dstem().unmix
    few = view.bragg_disks(detection={"maxNumPeaks": 4}, disk_radius="0.06 1/Å")
    assert few.features.disks.counts.max() == 4 and few.features.settings["options"]["maxNumPeaks"] == 4
    assert few.features.settings["disk_radius"] == pytest.approx(0.06 / polycrystal.pixel_size)
    with pytest.raises(TypeError, match="detection must hold arguments.*nonsense"):
        view.bragg_disks(detection={"nonsense": 1})
    with pytest.raises(TypeError, match="detection must be a dict"):
        view.bragg_disks(detection=3)
    with pytest.raises(ValueError, match="detector must be one of"):
        view.bragg_disks(detector="mine")


def test_the_radius_of_the_disks():
    row, col = np.indices((60, 64)) - 30
    disk = (np.hypot(row, col) < 4.5).astype(float)
    assert disk_radius(disk) == pytest.approx(4.5, abs=0.2)
    with_hole = np.where(np.hypot(row - 20, col) < 3, np.nan, disk)
    assert disk_radius(with_hole) == disk_radius(disk)
    for flat in (np.ones((60, 64)), np.zeros((60, 64)), np.exp(-np.hypot(row, col) / 30)):
        with pytest.raises(ValueError, match="disk_radius must be given"):
            disk_radius(flat)


# Data of an instrument


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "cathode_bragg_vectors.h5").exists(), reason="the shared data are not here")
def test_cathode_particle(py4dstem):
    """121 390 calibrated vectors of 80 x 58 positions: nothing lost, the beam left out, the lattice where it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors = py4dstem.read(str(DATA / "cathode_bragg_vectors.h5"))
    view = Unmix(vectors)
    disks = view.features.disks
    assert view.geometry.scan_shape == (80, 58) and len(disks) == 121390 and disks.unit == "1/Å"
    assert view.features.settings["vectors"] == 121390 - 4640  # one direct beam at every position
    sharp = view.features.source
    assert sharp.features.values.sum(dtype=float) == pytest.approx(disks.intensity[disks.length > 0.08].sum(), rel=1e-4)
    assert view.features.values.sum(dtype=float) == pytest.approx(disks.intensity[disks.length > 0.08].sum(), rel=1e-4)
    mean = sharp.mean_pattern()
    rows, cols = np.unravel_index(np.argsort(np.nan_to_num(mean), axis=None)[-2:], mean.shape)
    geometry = sharp.geometry
    (row, col), size = geometry.centre, np.array(geometry.calibration.pixel_size)
    q = [(r - row, c - col) * size for r, c in zip(rows, cols)]
    # The two strongest are the opposite reflections at (0.21, -0.64) and (-0.21, 0.64) 1/Å: rows before columns.
    assert np.allclose(sorted(map(tuple, q)), [(-0.21, 0.64), (0.21, -0.64)], atol=0.03)


@pytest.mark.slow
def test_the_page_says_what_happens(py4dstem):
    page = Path(__file__).parents[2] / "docs" / "bragg_disks.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)
    namespace = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnmixWarning)
        warnings.filterwarnings("ignore", category=Warning, module="(emdfile|py4DSTEM)")
        for block in blocks:
            exec(block, namespace)
    found, film = namespace["r"], namespace["film"]
    assert min(unmix4d.scores.match_maps(found.maps, film.maps[1:])[1]) > 0.9
    assert found.geometry.calibration.pixel_size[0] == pytest.approx(3 * film.pixel_size)


def pairs(beam=False, lone=0.0, rare=False):
    """Opposite reflections of two grains, (0.40, 0.10) and (-0.15, 0.40) in 1/Å, with or without the direct beam."""
    rng = np.random.default_rng(0)
    position, vectors = [], []
    for i in range(120):
        g = np.array((0.40, 0.10) if i % 12 < 6 else (-0.15, 0.40))
        if rare and i % 40 == 0:
            g = np.array((0.03, 0.06))
        here = [g, -g] if rng.random() >= lone else [g]
        here += [np.zeros(2)] if beam else []
        vectors += [v + rng.normal(0, 0.004, 2) * (not rare) for v in here]
        position += [i] * len(here)
    rows, cols = np.array(vectors).T
    return BraggDisks((10, 12), position, rows, cols, np.ones(len(rows)), unit="1/Å", pixel_size=0.02)


@pytest.mark.parametrize("more", [{}, {"lone": 0.5}, {"rare": True}])
def test_no_reflection_is_taken_for_the_direct_beam(more):
    """As after pyxem's filter_magnitude: the nearest disk of a reflection is its opposite, twice as far as the beam is."""
    disks = pairs(**more)
    alone = Unmix(disks)
    on_scan = Unmix(np.ones((10, 12, 60, 60)), centre=(29.5, 29.5), pixel_size=0.02, pixel_unit="1/Å").bragg_disks(disks)
    for view in (alone, on_scan):
        assert view.features.settings["vectors"] == len(disks) and view.features.settings["q_min"] == 0
    if not more:
        left = np.tile(np.arange(12) < 6, 10)
        maps = alone.nmf(2, random_state=0).maps.reshape(2, -1)
        assert sorted(int((m > 0.2).sum()) for m in maps) == [60, 60]
        assert all(abs(np.corrcoef(m, left)[0, 1]) > 0.99 for m in maps)


def test_the_direct_beam_is_left_out_where_it_is():
    disks = pairs(beam=True)
    assert Unmix(disks).features.settings["vectors"] == len(disks) - 120
    assert Unmix(disks).bragg_disks(q_min=0).features.settings["vectors"] == len(disks)


def test_vectors_alone_without_intensities_say_what_exists(pyxem, py4dstem, view):
    alone = "vectors without a scan must have intensities, got .*: .* bragg_disks.vectors, intensity='binary'. of"
    bare = disks_of(SPOTS)
    bare = BraggDisks(bare.scan_shape, bare.position, bare.q_row, bare.q_col, unit=bare.unit)
    for vectors in (diffraction_vectors(columns=2), bare):
        with pytest.raises(ValueError, match=alone):
            Unmix(vectors)
        assert view.bragg_disks(vectors, intensity="binary").features.settings["vectors"] > 0


def test_vectors_without_a_scan_say_what_can_be_done(view):
    alone = Unmix(disks_of(SPOTS))
    for name in ("prepare", "virtual_image", "persist"):
        with pytest.raises(AttributeError, match=f"{name} is not for .* features, but for a scan, which these have none of"):
            getattr(alone, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = alone.nonsense


def test_vectors_in_pixels_are_as_long_as_they_are(py4dstem, pyxem):
    """Without a unit the size that stands in the calibration is none."""
    spots = np.array(SPOTS, float)
    raw = bragg_vectors(unit="pixels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw.calibration.set_Q_pixel_size(0.5)
        raw.calibration.set_Q_pixel_units("pixels")
    for vectors in (raw, diffraction_vectors(scale=1.0, units=("px", "px")), point_lists()):
        disks = read_vectors(vectors, unit="px").disks
        assert disks.unit == "px" and disks.pixel_size == (1.0, 1.0)
        found = sorted(zip(disks.q_row.round(6), disks.q_col.round(6)))
        assert found == sorted(map(tuple, spots[:, 2:4].round(6).tolist()))


def test_sharp_spots_of_vectors_alone_are_no_hot_pixels():
    """On their raster spots may be a cell wide, and those that two rotated crystals share are the same everywhere."""
    shared, own = [(4, 0), (-4, 0), (6, 6), (-6, -6)], [(9, 2), (-9, -2)]
    rng, rows = np.random.default_rng(0), []
    for position in range(36):
        turned = own if position % 6 < 3 else [(c, r) for r, c in own]
        rows += [(position, *spot, rng.poisson(400)) for spot in shared + turned]
    result = Unmix(BraggDisks((6, 6), *np.transpose(rows).astype(float)), pixel_size=0.5).nmf(2, random_state=0)
    groups = result.group_rotated()
    assert not groups.amorphous.any() and (groups.symmetry == 2).all()
    centre = np.asarray(groups.geometry.centre, int)
    assert np.all(groups.patterns[:, centre[0] + 8, centre[1]] > 10 * np.nanmean(groups.patterns))
