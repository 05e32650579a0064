"""What a host says about a scan arrives, and results go back as the host's own objects."""

import copy
import importlib.util
import json
import math
import sys
import types
import warnings

import dask.array as da
import h5py
import numpy as np
import pytest

import unmix4d
from support.scans import counts
from unmix4d import Unmix, hosts
from unmix4d.core.geometry import Calibration
from unmix4d.core.messages import UnmixWarning
from unmix4d.core.scan import HostRecord, Scan

pytestmark = pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")  # many of them hold noise alone
SHAPE = (3, 4, 10, 20)
SETTINGS = {
    "n": 2,
    "tol": 1e-4,
    "exact": False,
    "init": None,
    "objective": "frobenius",
    "empty": [],
    "mask": "yes",
    "constraints": [{"name": "SmoothMaps", "probe_fwhm": "2 nm"}, {"name": "NoDarkSpots"}],
    "ks": [3, 4, 5],
    "mixed": [1, "two", None],
    "crop": [[0, 4], [2, 6]],
}


def _data(dtype=np.uint16, shape=SHAPE):
    return np.arange(math.prod(shape)).reshape(shape).astype(dtype)


def _result(scan, k=2, geometry=None, settings=SETTINGS):
    """What the writers need of a decomposition, with NaN where the geometry excludes something."""
    geometry = scan.geometry if geometry is None else geometry
    rng = np.random.default_rng(0)
    patterns = geometry.to_images(rng.random((k, geometry.n_pixels), dtype=np.float32))
    maps = geometry.to_maps(rng.random((geometry.n_positions, k), dtype=np.float32))
    # Through JSON, because that is what happens to the record in a saved result.
    record = json.loads(json.dumps(scan.host.record, allow_nan=False))
    host = HostRecord(scan.host.kind, record, scan.host.name)
    return types.SimpleNamespace(
        patterns=patterns,
        maps=maps,
        geometry=geometry,
        host=host,
        method="nmf",
        settings=copy.deepcopy(settings),
        totals=None,
    )


def _binned(geometry, factor=2, crop=(2, 4)):
    """The geometry after cutting `crop` rows and columns off at the start and binning, as preparing does."""
    old = geometry.calibration
    size = tuple(p * factor for p in old.pixel_size)
    shift = tuple(c + (factor - 1) / 2 for c in crop)
    shape = tuple((n - c) // factor for n, c in zip(geometry.detector_shape, crop))
    origin = old.detector_origin
    if origin is not None:
        origin = tuple(o + s * p for o, s, p in zip(origin, shift, old.pixel_size))
    centre = tuple((c - s) / factor for c, s in zip(geometry.centre, shift))
    calibration = Calibration(**{**vars(old), "pixel_size": size, "detector_origin": origin})
    return geometry.replace(detector_shape=shape, centre=centre, calibration=calibration)


# Arrays and quantem -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: _data(np.float32),
        lambda: _data(">u2"),
        lambda: da.from_array(_data(), chunks=(2, 2, 10, 20)),
        lambda: _data().tolist(),
    ],
    ids=["numpy", "big-endian", "dask", "list"],
)
def test_arrays(make):
    data = make()
    scan = hosts.read_scan(data)
    assert scan.shape == SHAPE and scan.host.kind == "array"
    assert not scan.geometry.centre_known and scan.geometry.centre == (4.5, 9.5)
    if hasattr(data, "dtype"):
        assert scan.patterns is data
    result = _result(scan)
    result.patterns[0, 0, 0] = np.nan
    maps, patterns = hosts.to_host(result)
    assert type(maps) is type(patterns) is np.ndarray
    np.testing.assert_array_equal(patterns, result.patterns)
    assert patterns is not result.patterns and np.isnan(patterns[0, 0, 0])


def test_memory_map_and_read_only_array(tmp_path):
    np.save(tmp_path / "scan.npy", _data())
    scan = hosts.read_scan(np.load(tmp_path / "scan.npy", mmap_mode="r"))
    assert isinstance(scan.patterns, np.memmap)
    frozen = _data()
    frozen.setflags(write=False)
    assert hosts.read_scan(frozen).patterns is frozen


def test_hdf5_dataset(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        dataset = file.create_dataset("data", data=_data())
        assert hosts.read_scan(dataset).shape == SHAPE
    with pytest.raises(ValueError, match="closed"):
        hosts.read_scan(dataset)


def test_a_scan_is_left_as_it_is():
    scan = hosts.read_scan(_data())
    assert hosts.read_scan(scan) is scan


@pytest.mark.parametrize("obj", ["scan.hspy", 3, None, {}, object()])
def test_anything_else_is_refused_in_one_sentence(obj):
    with pytest.raises(TypeError, match=f"a 4-D array, got {type(obj).__name__}"):
        hosts.read_scan(obj)


def test_an_array_with_three_dimensions_is_refused():
    with pytest.raises(ValueError, match="four dimensions"):
        hosts.read_scan(np.zeros((3, 4, 5)))


class Dataset4dstem:
    """What a quantem dataset looks like from outside."""

    def __init__(self, array, sampling=(1, 1, 1, 1), origin=(0, 0, 0, 0), units=("pixels",) * 4):
        self.array, self.units, self.name = array, list(units), "gold"
        self.sampling, self.origin = np.array(sampling, float), np.array(origin, float)

    def numpy(self):
        return np.asarray(self.array)


def test_quantem():
    data = _data()
    units = ("A", "A", "A^-1", "A^-1")
    scan = hosts.read_scan(Dataset4dstem(data, (2, 3, 0.1, 0.2), (5, 6, -0.4, -1.8), units))
    assert scan.patterns is data and scan.host.kind == "quantem" and scan.host.name == "gold"
    calibration = scan.geometry.calibration
    assert calibration.step == (2, 3) and calibration.step_unit == "Å" and calibration.scan_origin == (5, 6)
    assert calibration.pixel_size == (0.1, 0.2) and calibration.pixel_unit == "1/Å"
    assert scan.geometry.centre == pytest.approx((4, 9)) and scan.geometry.centre_known
    maps, patterns = hosts.to_host(_result(scan))
    assert type(maps) is type(patterns) is np.ndarray


def test_quantem_without_calibration():
    scan = hosts.read_scan(Dataset4dstem(_data()))
    assert not scan.geometry.centre_known and scan.geometry.calibration.pixel_unit == "px"


def test_quantem_with_two_units_on_the_detector():
    with pytest.warns(UnmixWarning, match="different units"):
        scan = hosts.read_scan(Dataset4dstem(_data(), (1, 1, 0.1, 0.2), units=("A", "A", "A^-1", "mrad")))
    assert scan.geometry.calibration.pixel_size == (1, 1)


def test_quantem_with_a_sampling_of_zero_is_refused():
    with pytest.raises(ValueError, match="sampling of the dataset must be above 0"):
        hosts.read_scan(Dataset4dstem(_data(), (1, 1, 0, 1)))


# pyxem --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hs():
    """HyperSpy with pyxem; what they warn about while being imported is theirs."""
    pytest.importorskip("hyperspy", reason="needs pyxem")
    pytest.importorskip("pyxem", reason="needs pyxem", exc_type=ImportError)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hyperspy.api as hs
        import pyxem.signals  # noqa: F401
    return hs


def _signal(hs, kind="ElectronDiffraction2D", data=None, navigation=True):
    import pyxem.signals

    signal = getattr(pyxem.signals, kind)(_data() if data is None else data)
    row, column = signal.axes_manager.signal_axes[::-1]
    row.scale, row.offset, column.scale, column.offset = 0.1, -0.42, 0.1, -0.93
    row.units = column.units = "$A^{-1}$"
    for axis, scale, offset in zip(signal.axes_manager.navigation_axes[::-1], (2.0, 3.0), (10.0, 20.0)):
        axis.scale, axis.offset, axis.units = scale, offset, "nm"
    signal.metadata.set_item("Acquisition_instrument.TEM.beam_energy", 200.0)
    signal.metadata.set_item("Acquisition_instrument.TEM.convergence_angle", 1.5)
    signal.metadata.set_item("General.affine_transformation", np.eye(3) * 1.1)
    signal.metadata.General.title = "gold"
    return signal


def _axes(signal):
    return [axis.get_axis_dictionary() for axis in signal.axes_manager._axes]


def _same(first, second):
    np.testing.assert_equal(first, second)


def test_pyxem_is_read(hs):
    signal = _signal(hs)
    metadata, axes = copy.deepcopy(signal.metadata.as_dictionary()), _axes(signal)
    scan = hosts.read_scan(signal)
    assert scan.patterns is signal.data and scan.shape == SHAPE
    calibration = scan.geometry.calibration
    assert calibration.step == (2, 3) and calibration.step_unit == "nm"
    assert calibration.scan_origin == (10, 20) and calibration.detector_origin == (-0.42, -0.93)
    assert calibration.pixel_size == (0.1, 0.1) and calibration.pixel_unit == "1/Å"
    assert calibration.beam_energy == 200 and calibration.convergence_angle == 1.5
    assert scan.geometry.centre == pytest.approx((4.2, 9.3)) and scan.geometry.centre_known
    assert scan.geometry.centre[::-1] == pytest.approx(signal.calibration.center)
    assert scan.host.record["class"] == "ElectronDiffraction2D" and scan.host.name == "gold"
    json.dumps(scan.host.record, allow_nan=False)
    _same(signal.metadata.as_dictionary(), metadata)
    assert _axes(signal) == axes


def test_pyxem_results_are_native(hs):
    import pyxem.signals

    signal = _signal(hs)
    metadata = copy.deepcopy(signal.metadata.as_dictionary())
    result = _result(hosts.read_scan(signal), k=2)
    maps, patterns = hosts.to_host(result)
    assert type(patterns) is pyxem.signals.ElectronDiffraction2D
    assert type(maps) is hs.signals.Signal2D
    assert patterns.data.shape == (2, 10, 20) and maps.data.shape == (2, 3, 4)
    ours, theirs = _axes(patterns), _axes(signal)
    assert ours[1:] == theirs[2:]
    assert _axes(maps)[1:] == [{**axis, "navigate": False} for axis in theirs[:2]]
    assert ours[0] == _axes(maps)[0] and ours[0]["name"] == "component" and ours[0]["navigate"]
    assert patterns.metadata.General.title == "gold - nmf patterns"
    assert maps.metadata.General.title == "gold - nmf maps"
    assert patterns.calibration.beam_energy == 200
    np.testing.assert_array_equal(patterns.calibration.affine, np.eye(3) * 1.1)
    assert patterns.metadata.unmix4d.method == "nmf" and patterns.metadata.unmix4d.settings.tol == 1e-4
    _same(signal.metadata.as_dictionary(), metadata)
    patterns.metadata.Acquisition_instrument.TEM.beam_energy = 1
    assert signal.metadata.Acquisition_instrument.TEM.beam_energy == 200


@pytest.mark.parametrize("sign", [1, -1])
def test_pyxem_crop_and_bin_are_honoured(hs, sign):
    signal = _signal(hs)
    axis = signal.axes_manager.signal_axes[0]
    axis.scale, axis.offset = sign * axis.scale, sign * axis.offset
    scan = hosts.read_scan(signal)
    assert scan.geometry.centre == pytest.approx((4.2, 9.3)) and min(scan.geometry.calibration.pixel_size) > 0
    geometry = _binned(scan.geometry)
    _, patterns = hosts.to_host(_result(scan, geometry=geometry))
    expected = signal.isig[4:, 2:].rebin(scale=(1, 1, 2, 2))
    for ours, theirs in zip(patterns.axes_manager.signal_axes, expected.axes_manager.signal_axes):
        assert (ours.scale, ours.offset) == pytest.approx((theirs.scale, theirs.offset))
        assert ours.units == theirs.units
    assert patterns.calibration.center[::-1] == pytest.approx(geometry.centre)


def test_pyxem_centre_and_units_given_by_the_user(hs):
    scan = hosts.read_scan(_signal(hs))
    calibration = Calibration(pixel_size=(2.0, 2.0), pixel_unit="mrad")
    geometry = scan.geometry.replace(centre=(3.0, 5.0), calibration=calibration)
    _, patterns = hosts.to_host(_result(scan, geometry=geometry))
    assert patterns.calibration.center == pytest.approx([5, 3]) and patterns.calibration.units == ["mrad"] * 2


def test_pyxem_without_calibration(hs):
    import pyxem.signals

    scan = hosts.read_scan(pyxem.signals.Diffraction2D(_data()))
    assert not scan.geometry.centre_known and scan.geometry.calibration.pixel_unit == "px"
    _, patterns = hosts.to_host(_result(scan))
    assert type(patterns) is pyxem.signals.Diffraction2D
    assert patterns.axes_manager.signal_axes[0].offset == 0
    # In a calibrated pattern an offset of zero is what the host says: the centre is in the corner.
    signal = _signal(hs)
    for axis in signal.axes_manager.signal_axes:
        axis.offset = 0
    scan = hosts.read_scan(signal)
    assert scan.geometry.centre == (0, 0) and scan.geometry.centre_known


def test_pyxem_lazy_stays_lazy(hs):
    import pyxem.signals

    signal = _signal(hs).as_lazy()
    scan = hosts.read_scan(signal)
    assert scan.patterns is signal.data and scan.lazy
    _, patterns = hosts.to_host(_result(scan))
    assert type(patterns) is pyxem.signals.ElectronDiffraction2D


def test_pyxem_masks(hs):
    signal = _signal(hs)
    mask = np.zeros(SHAPE[2:], bool)
    mask[3, 15:] = True
    signal.calibration.mask = mask
    scan = hosts.read_scan(signal)
    np.testing.assert_array_equal(scan.geometry.detector_mask, mask)
    assert signal.calibration.mask is mask
    position = np.zeros(SHAPE[:2], bool)
    position[2, 3] = True
    result = _result(scan, geometry=scan.geometry.replace(scan_mask=position))
    maps, patterns = hosts.to_host(result, fill_value=-1)
    np.testing.assert_array_equal(patterns.data[:, mask], -1)
    np.testing.assert_array_equal(np.isnan(maps.data[0]), position)
    np.testing.assert_array_equal(patterns.calibration.mask, mask)
    assert np.isnan(result.patterns[:, mask]).all()
    signal.calibration.mask = mask[:5]
    with pytest.warns(UnmixWarning, match="mask in the metadata has the shape"):
        assert hosts.read_scan(signal).geometry.detector_mask is None


@pytest.mark.parametrize("shape", [(4, 10, 20), (10, 20)], ids=["line", "single"])
def test_pyxem_with_fewer_navigation_axes(hs, shape):
    signal = _signal(hs, data=_data(shape=shape))
    scan = hosts.read_scan(signal)
    assert scan.shape == (1,) * (4 - len(shape)) + shape
    assert np.shares_memory(scan.patterns, signal.data)
    maps, patterns = hosts.to_host(_result(scan))
    assert _axes(patterns)[1:] == _axes(signal)[-2:]
    if len(shape) == 3:
        assert scan.geometry.calibration.step == (2, 2) and scan.geometry.calibration.scan_origin == (0, 10)
        assert type(maps) is hs.signals.Signal1D and maps.data.shape == (2, 4)
        assert _axes(maps)[1] == {**_axes(signal)[0], "navigate": False}
    else:
        assert type(maps) is hs.signals.Signal2D and maps.data.shape == (2, 1, 1)


def test_pyxem_with_four_navigation_axes_is_refused(hs):
    with pytest.raises(ValueError, match="at most three navigation axes, got 4"):
        hosts.read_scan(hs.signals.Signal2D(np.zeros((1, 2, 3, 4, 5, 6))))


def test_one_signal_axis_is_refused(hs):
    with pytest.raises(ValueError, match="two signal axes .the detector., got 1"):
        hosts.read_scan(hs.signals.Signal1D(np.zeros((2, 3, 4))))


def test_axes_that_are_not_uniform_are_refused(hs):
    signal = _signal(hs)
    signal.axes_manager.signal_axes[0].convert_to_non_uniform_axis()
    with pytest.raises(ValueError, match="the axis 'kx' must be uniform, got a DataAxis"):
        hosts.read_scan(signal)


def test_axes_with_two_units(hs):
    signal = _signal(hs)
    signal.axes_manager.signal_axes[0].units = "mrad"
    with pytest.warns(UnmixWarning, match="signal axes have different units .1/Å and mrad"):
        scan = hosts.read_scan(signal)
    assert scan.geometry.calibration.pixel_unit == "px" and scan.geometry.centre == pytest.approx((4.2, 9.3))
    _, patterns = hosts.to_host(_result(scan))
    assert _axes(patterns)[1:] == _axes(signal)[2:]
    calibration = Calibration(**{**vars(scan.geometry.calibration), "detector_origin": None})
    _, patterns = hosts.to_host(_result(scan, geometry=scan.geometry.replace(centre=(3, 5), calibration=calibration)))
    assert patterns.calibration.center == pytest.approx([5, 3])


def test_plain_hyperspy_signal(hs):
    scan = hosts.read_scan(hs.signals.Signal2D(_data(">u2")))
    assert scan.dtype == ">u2" and scan.shape == SHAPE
    _, patterns = hosts.to_host(_result(scan))
    assert type(patterns) is hs.signals.Signal2D


def test_transposed_signal(hs):
    signal = _signal(hs).transpose(signal_axes=(0, 1))
    scan = hosts.read_scan(signal)
    assert scan.shape == signal.data.shape == (10, 20, 3, 4)
    assert scan.geometry.calibration.step == (0.1, 0.1) and scan.geometry.calibration.pixel_size == (2, 3)


def test_navigation_axes_that_come_last_in_the_array(hs):
    axes = [{"size": n, "navigate": n < 5, "scale": n} for n in (10, 20, 3, 4)]
    data = _data(shape=(10, 20, 3, 4))
    scan = hosts.read_scan(hs.signals.Signal2D(data, axes=axes))
    assert scan.shape == SHAPE and scan.geometry.calibration.step == (3, 4)
    np.testing.assert_array_equal(scan.patterns, data.transpose(2, 3, 0, 1))


def test_polar_patterns(hs):
    import pyxem.signals

    signal = _signal(hs, "PolarDiffraction2D")
    radius, azimuth = signal.axes_manager.signal_axes[::-1]
    azimuth.name, azimuth.units, azimuth.scale, azimuth.offset = "Radians", "Rad", 2 * np.pi / 20, -np.pi
    radius.name, radius.offset = "Radius", 0.3
    signal.metadata.set_item("General.mask", np.zeros((30, 40), bool))  # of the detector, left there by pyxem
    scan = hosts.read_scan(signal)
    assert not scan.geometry.centre_known
    _, patterns = hosts.to_host(_result(scan))
    assert type(patterns) is pyxem.signals.PolarDiffraction2D
    assert _axes(patterns)[1:] == _axes(signal)[2:]


def test_plot_signals_shares_the_navigator(hs):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    maps, patterns = hosts.to_host(_result(hosts.read_scan(_signal(hs)), k=3))
    hs.plot.plot_signals([patterns, maps])
    axis, other = (signal._plot.axes_manager.navigation_axes[0] for signal in (patterns, maps))
    assert axis is other
    axis.index = 2
    for signal in (patterns, maps):
        shown = signal._plot.signal_plot.ax.images[0].get_array()
        np.testing.assert_array_equal(shown, signal.data[2])
    plt.close("all")


def test_hyperspy_saves_and_loads(hs, tmp_path):
    maps, patterns = hosts.to_host(_result(hosts.read_scan(_signal(hs)), k=3))
    for signal, name in ((patterns, "patterns.hspy"), (maps, "maps.hspy")):
        signal.save(tmp_path / name)
        loaded = hs.load(tmp_path / name)
        assert type(loaded) is type(signal) and _axes(loaded) == _axes(signal)
        np.testing.assert_array_equal(loaded.data, signal.data)
        settings = loaded.metadata.unmix4d.settings
        assert list(settings.ks) == [3, 4, 5] and settings.tol == 1e-4 and settings.mask == "yes"
    assert loaded.metadata.Acquisition_instrument.TEM.beam_energy == 200


def test_progress_follows_hyperspys_preference(hs, monkeypatch):
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", False)
    assert not hosts.progress_wanted("pyxem") and hosts.progress_wanted("py4dstem")
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", True)
    assert hosts.progress_wanted("pyxem")


def test_versions(hs):
    assert set(hosts.versions("pyxem")) == {"pyxem", "hyperspy"} and hosts.versions("array") == {}


# py4DSTEM -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def py4dstem():
    if importlib.util.find_spec("py4DSTEM") is None:
        pytest.skip("needs py4DSTEM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import py4DSTEM
    return py4DSTEM


def _cube(py4dstem, data=None):
    cube = py4dstem.DataCube(_data() if data is None else data, name="gold")
    calibration = cube.calibration
    calibration.set_Q_pixel_size(0.05)
    calibration.set_Q_pixel_units("A^-1")
    calibration.set_R_pixel_size(2.5)
    calibration.set_R_pixel_units("A")
    calibration.set_origin((4.25, 9.5))
    return cube


def _state(cube):
    trees = list(cube.treekeys), list(cube.root.treekeys)
    return copy.deepcopy(cube.calibration._params), trees, cube.data.copy()


def test_py4dstem_is_read(py4dstem):
    cube = _cube(py4dstem)
    before = _state(cube)
    scan = hosts.read_scan(cube)
    calibration = scan.geometry.calibration
    assert scan.patterns is cube.data and scan.host.kind == "py4dstem" and scan.host.name == "gold"
    assert calibration.step == (2.5, 2.5) and calibration.step_unit == "Å"
    assert calibration.pixel_size == (0.05, 0.05) and calibration.pixel_unit == "1/Å"
    assert scan.geometry.centre == (4.25, 9.5) and scan.geometry.centre_known and scan.centres is None
    assert calibration.rotation_deg is None and calibration.flip is None and scan.geometry.ellipse is None
    cube.calibration.set_QR_rotflip_degrees((30.0, True))
    cube.calibration["beam_energy"] = 300e3
    calibration = hosts.read_scan(cube).geometry.calibration
    assert calibration.rotation_deg == pytest.approx(-30) and calibration.flip is True
    assert calibration.beam_energy == 300
    cube = _cube(py4dstem)
    hosts.to_host(_result(hosts.read_scan(cube)))
    _same(_state(cube), before)


def test_py4dstem_without_calibration(py4dstem):
    geometry = hosts.read_scan(py4dstem.DataCube(_data())).geometry
    assert not geometry.centre_known and geometry.calibration.pixel_unit == geometry.calibration.step_unit == "px"


def test_py4dstem_cube_in_a_file(py4dstem, tmp_path):
    with h5py.File(tmp_path / "cube.h5", "w") as file:
        cube = _cube(py4dstem, file.create_dataset("data", data=_data()))
        scan = hosts.read_scan(cube)
        assert cube.data == file["data"]
        np.testing.assert_array_equal(scan.patterns[1], _data()[1])


def test_py4dstem_origin_maps(py4dstem):
    cube = _cube(py4dstem)
    rows, cols = np.indices(SHAPE[:2]).astype(float)
    cube.calibration.set_origin((4 + 0.1 * rows, 9 + 0.2 * cols))
    scan = hosts.read_scan(cube)
    assert scan.centres.shape == (3, 4, 2) and scan.centres[2, 3] == pytest.approx((4.2, 9.6))
    assert scan.geometry.centre == pytest.approx((4.1, 9.3))
    cube.calibration["qx0"] = np.where(rows + cols > 0, 4.0, np.nan)
    scan = hosts.read_scan(cube)
    assert scan.geometry.centre[0] == 4 and np.isfinite(scan.centres).all()
    cube.calibration["qx0"] = np.full(SHAPE[:2], np.nan)
    assert not hosts.read_scan(cube).geometry.centre_known
    cube.calibration["qx0"] = np.zeros((2, 2))
    with pytest.warns(UnmixWarning, match="origin of the calibration has the shapes"):
        assert not hosts.read_scan(cube).geometry.centre_known


def test_py4dstem_rotation_sense(py4dstem):
    """A direction on the scan, turned by our angle, is what py4DSTEM makes of it on the detector."""
    from py4DSTEM.process.calibration.rotation import get_Qvector_from_Rvector

    cube = _cube(py4dstem)
    cube.calibration.set_QR_rotflip_degrees((25.0, False))
    ours = hosts.read_scan(cube).geometry.calibration.rotation_deg
    row, column = 1.0, 2.0
    _, _, there_row, there_column = get_Qvector_from_Rvector(row, column, 25.0)
    angle = np.degrees(np.arctan2(-row, column)) + ours
    assert angle == pytest.approx(np.degrees(np.arctan2(-there_row, there_column)))


@pytest.mark.parametrize("theta_deg", [0, 20, 90, 130])
def test_py4dstem_ellipse_sense(py4dstem, theta_deg):
    """An ellipse drawn with py4DSTEM's own polar-elliptical coordinates has one radius in ours."""
    from py4DSTEM.process.utils.elliptical_coords import cartesian_to_polarelliptical_transform

    a, b, theta, centre = 1.25, 1.0, np.radians(theta_deg), (40.0, 60.0)
    cube = py4dstem.DataCube(np.zeros((1, 1, 90, 110), np.uint8))
    cube.calibration.set_origin(centre)
    cube.calibration.set_ellipse((a, b, theta))
    geometry = hosts.read_scan(cube).geometry
    # The image is our radius; in py4DSTEM's coordinates it must depend on the radius only.
    ellipse = (*centre, a, b, theta)
    polar, radius, _ = cartesian_to_polarelliptical_transform(geometry.radius(), ellipse, r_range=(5, 30))
    ratio = polar / radius
    assert ratio.std() < 2e-3 * ratio.mean()
    swapped = geometry.replace(ellipse=(b, a, geometry.ellipse[2])).radius()
    wrong, _, _ = cartesian_to_polarelliptical_transform(swapped, ellipse, r_range=(5, 30))
    assert (wrong / radius).std() > 0.05 * ratio.mean()
    # And back.
    maps, _ = hosts.to_host(_result(hosts.read_scan(cube)))
    written = maps.calibration.get_ellipse()
    assert written[:2] == (a, b) and math.sin(written[2] - theta) == pytest.approx(0, abs=1e-9)


def test_py4dstem_results_are_native(py4dstem):
    scan = hosts.read_scan(_cube(py4dstem))
    mask = np.zeros(SHAPE[2:], bool)
    mask[0, 0] = True
    geometry = _binned(scan.geometry)
    maps, patterns = hosts.to_host(_result(scan, geometry=geometry))
    assert type(maps) is py4dstem.RealSlice and type(patterns) is py4dstem.DiffractionSlice
    assert maps.root is patterns.root and maps.calibration is patterns.calibration
    calibration = maps.calibration
    assert calibration.get_Q_pixel_size() == pytest.approx(0.1) and calibration.get_Q_pixel_units() == "A^-1"
    assert calibration.get_R_pixel_size() == 2.5 and calibration.get_R_pixel_units() == "A"
    assert calibration.get_origin() == pytest.approx(geometry.centre)
    assert maps.slicelabels[1] == patterns.slicelabels[1] == "component_1"
    _, patterns = hosts.to_host(_result(scan, geometry=scan.geometry.replace(detector_mask=mask)), fill_value=7)
    assert np.all(patterns.data[:, mask] == 7) and not np.isnan(patterns.data).any()


@pytest.mark.parametrize("unit, size, theirs", [("1/nm", 0.2, "A^-1"), ("µrad", 0.002, "mrad"), ("mm", 2, "mm")])
def test_py4dstem_units_of_its_own(py4dstem, unit, size, theirs):
    scan = hosts.read_scan(py4dstem.DataCube(_data()))
    calibration = Calibration(pixel_size=(2.0, 2.0), pixel_unit=unit, step=(3.0, 3.0), step_unit="nm")
    maps, _ = hosts.to_host(_result(scan, geometry=scan.geometry.replace(calibration=calibration)))
    written = maps.calibration
    assert written.get_Q_pixel_size() == pytest.approx(size) and written.get_Q_pixel_units() == theirs
    assert (written.get_R_pixel_size(), written.get_R_pixel_units()) == (3, "nm")


def test_py4dstem_saves_and_reads(py4dstem, tmp_path):
    maps, patterns = hosts.to_host(_result(hosts.read_scan(_cube(py4dstem))))
    py4dstem.save(tmp_path / "result.h5", maps.root)
    read = py4dstem.read(tmp_path / "result.h5", tree=True)
    for name, original in (("maps", maps), ("patterns", patterns)):
        loaded = read.tree(name)
        assert type(loaded) is type(original)
        np.testing.assert_array_equal(loaded.data, original.data)
        assert loaded.calibration.get_Q_pixel_units() == "A^-1"
    settings = read.metadata["unmix4d"]["settings"]
    assert settings["constraints"]["0"]["probe_fwhm"] == "2 nm" and settings["ks"] == [3, 4, 5]


def test_py4dstem_attach(py4dstem, tmp_path):
    cube = _cube(py4dstem)
    calibration = copy.deepcopy(cube.calibration._params)
    result = _result(hosts.read_scan(cube))
    node = hosts.attach(result, cube)
    assert hosts.attach(result, cube).name == "unmix4d_nmf_2"
    assert cube.tree("unmix4d_nmf/maps") is node.tree("maps")
    assert cube.tree("unmix4d_nmf/patterns").calibration is cube.calibration
    _same(cube.calibration._params, calibration)
    py4dstem.save(tmp_path / "cube.h5", cube)
    loaded = py4dstem.read(tmp_path / "cube.h5")
    assert type(loaded) is py4dstem.DataCube
    np.testing.assert_array_equal(loaded.tree("unmix4d_nmf/patterns").data, result.patterns)
    assert loaded.tree("unmix4d_nmf").metadata["unmix4d"]["method"] == "nmf"
    assert loaded.tree("unmix4d_nmf/maps").get_slice("component_1").data.shape == (3, 4)


def test_py4dstem_attach_refuses_other_grids(py4dstem):
    scan = hosts.read_scan(_cube(py4dstem))
    other = _cube(py4dstem, np.zeros((4, 4, 10, 20)))
    with pytest.raises(ValueError, match="scan shape"):
        hosts.attach(_result(scan), other)
    cube = _cube(py4dstem)
    with pytest.raises(ValueError, match="detector shape"):
        hosts.attach(_result(scan, geometry=_binned(scan.geometry)), cube)
    cube.calibration.set_Q_pixel_size(0.06)
    with pytest.raises(ValueError, match="detector pixel of 0.05 x 0.05 1/Å, but the cube of 0.06"):
        hosts.attach(_result(scan), cube)
    assert list(cube.treekeys) == []


def test_attach_needs_a_cube():
    with pytest.raises(TypeError, match="DataCube or a HyperSpy signal only, got ndarray"):
        hosts.attach(_result(hosts.read_scan(_data())), _data())


def test_a_missing_host_is_said_in_one_sentence(monkeypatch):
    result = _result(hosts.read_scan(_data()))
    result.host = HostRecord("py4dstem", {}, "")
    monkeypatch.setitem(sys.modules, "emdfile", None)
    with pytest.raises(ImportError, match="py4DSTEM cannot be imported"):
        hosts.to_host(result)


def test_no_host_is_imported_to_look_at_an_array():
    assert isinstance(hosts.read_scan(_data()), Scan)
    for name in ("py4DSTEM", "pyxem", "hyperspy"):
        module = sys.modules.get(name)
        assert module is None or module.__name__ == name


def test_py4dstem_is_told_that_pixels_are_not_square(py4dstem):
    cube = py4dstem.DataCube(np.random.default_rng(0).poisson(3.0, (3, 4, 10, 20)).astype("u2"))
    cube.calibration.set_Q_pixel_size(0.02)
    cube.calibration.set_Q_pixel_units("A^-1")
    result = cube.unmix.prepare(bin=(1, 2)).nmf(2, max_iter=3, random_state=0)
    with pytest.warns(UserWarning, match="detector pixels measure 0.02 x 0.04 1/Å"):
        result.to_host()


def test_aligned_results_are_not_attached_to_a_cube_that_is_not(py4dstem):
    cube = py4dstem.DataCube(np.random.default_rng(0).poisson(3.0, (3, 4, 10, 20)).astype("u2"))
    rows, cols = np.full((3, 4), 4.0), np.full((3, 4), 9.0)
    rows[1:] += 2
    cube.calibration.set_origin((rows, cols))
    aligned = cube.unmix.prepare(align=np.stack([rows + 1, cols], axis=-1)).nmf(2, max_iter=3, random_state=0)
    cube.calibration.set_origin((2.0, 9.0))
    with pytest.raises(ValueError, match="results of an aligned view keep their own calibration"):
        aligned.attach(cube)


def test_a_loaded_result_is_attached_and_saved_with_the_cube(py4dstem, tmp_path):
    import unmix4d

    cube = py4dstem.DataCube(np.random.default_rng(0).poisson(3.0, (3, 4, 10, 20)).astype("u2"), name="film")
    cube.unmix.nmf(2, max_iter=3, random_state=0).save(tmp_path / "run.h5")
    result = unmix4d.load(tmp_path / "run.h5")
    before = np.array(cube.data)
    result.attach(cube)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # emdfile's own
        py4dstem.save(str(tmp_path / "cube.h5"), cube)
        read = py4dstem.read(str(tmp_path / "cube.h5"), datapath="film_root/film/unmix4d_nmf/maps")
    assert np.array_equal(read.data, result.maps) and np.array_equal(cube.data, before)


@pytest.mark.parametrize("rotation", ["x", float("nan"), (1, 2)])
def test_a_rotation_that_is_no_number_is_not_used(py4dstem, rotation):
    cube = py4dstem.DataCube(np.ones((2, 3, 4, 5)))
    cube.calibration["QR_rotation_degrees"] = rotation
    with pytest.warns(unmix4d.UnmixWarning, match="QR rotation of the calibration must be one finite number"):
        assert Unmix(cube).geometry.calibration.rotation_deg is None


def test_an_origin_with_infinite_values_is_that_of_the_others(py4dstem):
    cube = py4dstem.DataCube(np.ones((2, 3, 4, 5)))
    origin = np.full((2, 3), 1.5)
    origin[0, 0] = np.inf
    cube.calibration["qx0"], cube.calibration["qy0"] = origin, np.full((2, 3), 2.0)
    cube.calibration["qx0_mean"], cube.calibration["qy0_mean"] = np.inf, 2.0
    assert Unmix(cube).geometry.centre == (1.5, 2.0)


@pytest.mark.parametrize("wrong", ["3", None, {}, True, [1, 2], 1j, 1e300])
def test_excluded_pixels_are_filled_with_a_number(wrong):
    mask = np.zeros((6, 7), bool)
    mask[2, 3] = True
    result = Unmix(counts(3, 4, 6, 7).astype("f4")).prepare(detector_mask=mask).nmf(2, random_state=0, max_iter=2)
    with pytest.raises((ValueError, TypeError), match="fill_value must be"):
        result.to_host(fill_value=wrong)
    result.to_host(fill_value=float("nan"))
