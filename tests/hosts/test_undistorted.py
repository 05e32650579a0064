"""Patterns of an elliptical camera, given back as a camera without distortion would have recorded them."""

import numpy as np
import pytest
from scipy import ndimage

import unmix4d
from unmix4d import Unmix
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.core.round_patterns import made_round, round_matrix

CENTRE, SHAPE = (33.3, 30.6), (70, 64)
ELLIPSE = (1.08, 0.95, 35.0)
RADII = (12.0, 22.0)


def stretch(ellipse):
    """Matrix of (row, column) that makes the ellipse out of a circle of the same area, written down by itself."""
    a, b, angle = ellipse
    t = np.deg2rad(angle)
    along = np.array([-np.sin(t), np.cos(t)])  # (row, column) of a direction counter-clockwise with row 0 on top
    across = np.array([-np.cos(t), -np.sin(t)])
    return np.sqrt(a / b) * np.outer(along, along) + np.sqrt(b / a) * np.outer(across, across)


def ring_of_spots(radius, n, matrix, *, centre=CENTRE, shape=SHAPE, turn=0.2):
    angle = np.arange(n) * 2 * np.pi / n + turn
    at = radius * np.stack([-np.sin(angle), np.cos(angle)], axis=1) @ matrix.T + centre
    row, col = np.indices(shape)
    return sum(np.exp(-((row - r) ** 2 + (col - c) ** 2) / (2 * 1.2**2)) for r, c in at)


@pytest.fixture(scope="module")
def scan():
    """Two crystals side by side, the spots of each on a circle that the camera has made an ellipse."""
    patterns = np.stack([ring_of_spots(r, n, stretch(ELLIPSE)) for r, n in zip(RADII, (5, 8))]) * 300
    share = np.repeat(np.linspace(0, 1, 6), 5).reshape(6, 5)
    maps = np.stack([share, 1 - share])
    return np.random.default_rng(0).poisson(np.tensordot(maps, patterns, (0, 0))).astype(np.uint16)


def spot_radii(pattern, centre):
    """Distances of the centroids of the spots from the centre, pixels."""
    filled = np.where(np.isfinite(pattern), pattern, 0)
    labels, n = ndimage.label(filled > 0.15 * filled.max())
    at = np.array(ndimage.center_of_mass(filled, labels, range(1, n + 1)))
    return np.linalg.norm(at - centre, axis=1)


def assert_round(patterns, centre):
    found = sorted((spot_radii(p, centre) for p in patterns), key=np.median)
    for radii, true, n in zip(found, RADII, (5, 8), strict=True):
        assert len(radii) == n and np.abs(radii - true).max() < 0.2


def unmixed(scan, **more):
    return Unmix(scan, centre=CENTRE, **more).nmf(2, random_state=0)


def test_arrays_with_an_ellipse_come_back_round(scan):
    result = unmixed(scan, ellipse=ELLIPSE)
    distorted = sorted(np.ptp(spot_radii(p, CENTRE)) for p in result.to_host()[1])
    assert distorted[1] > 2  # pixels: what is to be undone
    maps, patterns = result.to_host(undistort=True)
    np.testing.assert_array_equal(maps, result.maps)
    total = np.nansum(patterns, axis=(1, 2)) / result.patterns.sum(axis=(1, 2))
    np.testing.assert_allclose(total, 1, rtol=1e-3)  # spots are conserved, and at the edge there is nothing
    _, geometry = made_round(result.patterns, result.geometry)
    assert_round(patterns, geometry.centre)


@pytest.mark.filterwarnings("ignore:group_rotated leaves out what is far brighter")  # one spot is as narrow as a hot pixel
def test_groups_and_choices_come_back_round_too(scan):
    view = Unmix(scan, centre=CENTRE, ellipse=ELLIPSE)
    groups = view.nmf(2, random_state=0).group_rotated(2)
    maps, patterns, angle, _ = groups.to_host(undistort=True)
    _, geometry = made_round(groups.patterns, groups.geometry)
    assert_round(patterns, geometry.centre)
    np.testing.assert_array_equal(maps, groups.maps)
    np.testing.assert_array_equal(angle, groups.orientation()[0])
    assert groups.to_host()[1].shape == groups.patterns.shape
    choice = view.choose_k([2, 3], n_starts=1, fraction=None, random_state=0)
    found = choice.to_host(undistort=True)[1]
    np.testing.assert_array_equal(found, choice[choice.recommended].to_host(undistort=True)[1])


def test_pyxem_has_an_isotropic_calibration(pyxem, scan):
    signal = pyxem.signals.ElectronDiffraction2D(scan)
    for axis, centre in zip(signal.axes_manager.signal_axes, CENTRE[::-1]):
        axis.scale, axis.units, axis.offset = 0.02, "1/nm", -centre * 0.02
    signal.metadata.set_item("General.affine_transformation", np.diag([1.1, 1.0, 1.0]))
    result = Unmix(signal, ellipse=ELLIPSE).nmf(2, random_state=0)
    patterns = result.to_host(undistort=True)[1]
    col, row = patterns.axes_manager.signal_axes
    assert type(patterns).__name__ == "ElectronDiffraction2D" and row.scale == pytest.approx(0.02)
    assert col.scale == pytest.approx(0.02) and row.units == "1/nm"
    assert_round(patterns.data, (-row.offset / row.scale, -col.offset / col.scale))
    assert not patterns.metadata.has_item("General.affine_transformation")  # it has been done
    assert patterns.metadata.General.mask.shape == patterns.data.shape[1:]
    assert np.shape(patterns.metadata.unmix4d.settings["undistorted"]) == (2, 2)
    kept = result.to_host()[1]
    assert kept.data.shape[1:] == SHAPE and kept.metadata.has_item("General.affine_transformation")


def test_py4dstem_loses_the_ellipse_of_its_calibration(py4dstem, scan, tmp_path):
    cube = py4dstem.DataCube(scan)
    cube.calibration.set_origin(CENTRE)
    cube.calibration.set_ellipse((ELLIPSE[0], ELLIPSE[1], np.deg2rad(ELLIPSE[2] + 90)))
    result = cube.unmix.nmf(2, random_state=0)
    assert result.to_host()[1].calibration.get_ellipse() is not None
    result.save(tmp_path / "r.h5")
    for answer in (result, unmix4d.load(tmp_path / "r.h5")):
        patterns = answer.to_host(undistort=True)[1]
        assert patterns.calibration.get_ellipse() is None
        assert np.isfinite(patterns.data).all()
        assert_round(patterns.data, patterns.calibration.get_origin())


def test_pixels_that_are_not_square_become_square():
    size = (0.03, 0.02)
    wide = ring_of_spots(14.0, 7, np.diag([2 / 3, 1.0]), centre=(15.2, 24.7), shape=(33, 50))
    geometry = ScanGeometry(
        (1, 1), wide.shape, centre=(15.2, 24.7), calibration=Calibration(pixel_size=size, pixel_unit="1/Å")
    )
    (image,), new = made_round(wide[None], geometry)
    assert new.calibration.pixel_size == pytest.approx((np.sqrt(6e-4),) * 2) and new.ellipse is None
    radii = spot_radii(image, new.centre) * new.calibration.pixel_size[0]
    assert len(radii) == 7 and np.abs(radii - 14 * 0.02).max() < 0.2 * 0.02
    assert np.nansum(image) == pytest.approx(wide.sum(), rel=1e-4)


@pytest.mark.parametrize("ellipse", [(1.05, 1.0, 0.0), (1.0, 1.2, 61.0)])
def test_an_even_pattern_stays_even_and_nothing_is_invented(ellipse):
    geometry = ScanGeometry((1, 1), (40, 37), centre=(19.2, 17.9), ellipse=ellipse)
    (image,), new = made_round(np.ones((1, 40, 37)), geometry)
    assert np.nanmax(np.abs(image - 1)) < 0.01  # no pattern of the resampling itself
    assert np.isnan(image[0, 0]) and new.detector_mask[0, 0]
    spot = np.zeros((1, 40, 37))
    spot[0, 12, 9] = 5
    (moved,), _ = made_round(spot, geometry)
    at = np.array(ndimage.center_of_mass(np.nan_to_num(moved))) - new.centre
    np.testing.assert_allclose(at, round_matrix(geometry) @ (12 - 19.2, 9 - 17.9), atol=0.03)  # pixels share by area
    assert np.nansum(moved) == pytest.approx(5)


def test_what_is_round_stays_as_it_is(scan):
    geometry = ScanGeometry((1, 1), (20, 23), centre=(9.4, 11.7))
    images = np.random.default_rng(0).random((2, 20, 23)).astype(np.float32)
    images[:, 3, 4] = np.nan
    same, new = made_round(images, geometry)
    np.testing.assert_allclose(same, images, rtol=1e-5)
    assert new.centre == pytest.approx(geometry.centre) and same.dtype == np.float32
    with pytest.warns(unmix4d.UnmixWarning, match="undistort=True changes nothing"):
        unmixed(scan).to_host(undistort=True)


def test_a_matrix_is_that_of_pyxem(pyxem, scan):
    result = unmixed(scan)
    undo = np.linalg.inv(stretch(ELLIPSE))[::-1, ::-1]  # (x, y)
    _, patterns = result.to_host(undistort=undo)
    _, geometry = made_round(result.patterns, result.geometry, undo[::-1, ::-1])
    assert_round(patterns, geometry.centre)
    whole = np.eye(3)
    whole[:2, :2] = undo
    middle = tuple((n - 1) / 2 for n in SHAPE)
    ours = Unmix(scan, centre=middle).nmf(2, random_state=0)
    moved = ours.to_host(undistort=whole)[1]
    theirs = pyxem.signals.ElectronDiffraction2D(ours.patterns[:, None].astype(float))
    theirs.apply_affine_transformation(whole)
    _, new = made_round(ours.patterns, ours.geometry, undo[::-1, ::-1])
    for mine, other in zip(moved, theirs.data.reshape(2, *SHAPE)):
        cut = tuple(slice(int(c - m), int(c - m) + n) for c, m, n in zip(new.centre, middle, SHAPE))
        assert np.corrcoef(np.nan_to_num(mine[cut]).ravel(), other.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    ("undistort", "kind", "says"),
    [
        ("yes", TypeError, "undistort must be True, False or a matrix"),
        (np.eye(4), ValueError, "undistort must be True, False or a matrix"),
        ([[1, 0], [0, np.nan]], ValueError, "finite"),
        (np.array([[1, 0, 0], [0, 1, 0], [0.1, 0, 1]]), ValueError, "last row"),
        (np.diag([1, 0.01]), ValueError, "a tenth"),
    ],
)
def test_what_is_no_distortion_is_refused(scan, undistort, kind, says):
    with pytest.raises(kind, match=says):
        unmixed(scan).to_host(undistort=undistort)


@pytest.mark.parametrize(
    ("ellipse", "kind"), [("round", TypeError), ((1, 2), TypeError), ((1, 0, 0), ValueError), ((1, 20, 0), ValueError)]
)
def test_what_is_no_ellipse_is_refused(scan, ellipse, kind):
    with pytest.raises(kind, match="ellipse must"):
        Unmix(scan, ellipse=ellipse)
