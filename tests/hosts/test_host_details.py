"""What hosts are told and asked, number by number."""

import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.hosts import progress_wanted
from unmix4d.hosts.opening import open_scan
from unmix4d.hosts.py4dstem import _savable
from unmix4d.hosts.pyxem import _signal_class

COUNTS = np.random.default_rng(0).poisson(4, (4, 5, 8, 9))


def test_the_preference_of_hyperspy_is_for_its_signals_only():
    hs = pytest.importorskip("hyperspy.api")
    before = hs.preferences.General.show_progressbar
    try:
        hs.preferences.General.show_progressbar = False
        assert [progress_wanted(kind) for kind in ("pyxem", "array", "py4dstem", "quantem")] == [False, True, True, True]
        hs.preferences.General.show_progressbar = True
        assert progress_wanted("pyxem")
    finally:
        hs.preferences.General.show_progressbar = before


def signal(**axes):
    pyxem = pytest.importorskip("pyxem")
    made = pyxem.signals.Diffraction2D(COUNTS)
    for name, value in axes.items():
        for axis in made.axes_manager.signal_axes:
            setattr(axis, name, value)
    return made


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_axes_that_nobody_has_touched_say_nothing_of_the_centre():
    fresh = signal().unmix.geometry
    assert not fresh.centre_known and fresh.centre == (3.5, 4.0)
    for options in ({"offset": -3.0}, {"scale": 0.5, "units": "1/nm", "offset": -1.5}):
        known = signal(**options).unmix.geometry
        assert known.centre_known and known.centre == pytest.approx((3.0, 3.0))


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_axes_of_results_go_on_as_those_of_the_scan():
    made = signal(scale=0.5, units="1/nm", offset=-1.5)
    x, y = made.axes_manager.navigation_axes
    x.scale, y.scale, x.units, y.units, x.offset = 2.0, -3.0, "nm", "nm", 10.0
    maps, patterns = made.unmix.nmf(2, random_state=0, max_iter=3).to_host()
    for result in (maps, patterns):
        (component,) = result.axes_manager.navigation_axes
        assert (component.scale, component.offset, component.size, component.name) == (1, 0, 2, "component")
    assert [(a.scale, a.offset) for a in maps.axes_manager.signal_axes] == [(2.0, 10.0), (-3.0, 0.0)]
    assert [(a.scale, a.offset) for a in patterns.axes_manager.signal_axes] == [(0.5, -1.5)] * 2


def point_lists(reach):
    """Point lists around zero, up to this length."""
    emdfile = pytest.importorskip("emdfile")
    lists = emdfile.PointListArray(dtype=[("qx", float), ("qy", float), ("intensity", float)], shape=(2, 3))
    for i, j in np.ndindex(2, 3):
        data = np.zeros(4, lists.dtype)
        data["qx"], data["qy"], data["intensity"] = [reach, -reach, 0.2 * reach, 0], [0, 0.1 * reach, -reach, reach], 5.0
        lists[i, j].add(data)
    return lists


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_point_lists_around_zero_are_calibrated_unless_they_are_long():
    calibration = Unmix(point_lists(0.8)).geometry.calibration
    assert calibration.pixel_unit == "1/Å" and max(calibration.pixel_size) < 0.3
    view = Unmix(point_lists(40.0))
    assert view.geometry.calibration.pixel_unit == "px" and view.geometry.calibration.pixel_size == (3.0, 3.0)
    assert 27 <= min(view.shape[2:]) <= 40


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_settings_of_a_cube_keep_their_lists(tmp_path):
    """Lists of numbers, of texts and empty ones are lists in the file; emdfile can save no other."""
    py4dstem = pytest.importorskip("py4DSTEM")
    cube = py4dstem.DataCube(COUNTS.astype("u2"))
    cube.calibration.set_Q_pixel_size(0.5)
    cube.calibration.set_Q_pixel_units("A^-1")
    maps, _ = cube.unmix.nmf(2, random_state=0, max_iter=3).to_host()
    told = maps.root.metadata["unmix4d"]
    assert told["pixel_size"] == [0.5, 0.5] and told["step"] == [1.0, 1.0]
    saved = _savable({"a": [1, 2.5], "b": ["x", "y"], "c": [1, "x"], "d": [], "e": [None, True]})
    assert saved == {"a": [1, 2.5], "b": ["x", "y"], "c": {"0": 1, "1": "x"}, "d": [], "e": {"0": None, "1": True}}


@pytest.mark.filterwarnings("ignore:.*taken as a line")
def test_a_file_of_the_one_scan_among_other_signals(tmp_path):
    hs = pytest.importorskip("hyperspy.api")
    images, spectra = hs.signals.Signal2D(COUNTS[0, 0]), hs.signals.Signal1D(COUNTS)
    for name, other in (("image", images), ("spectra", spectra)):
        other.save(tmp_path / f"{name}.hspy")
        with pytest.raises(OSError, match="must hold one scan of patterns, but holds 0"):
            open_scan(tmp_path / f"{name}.hspy")
    for name, scan in (("map", COUNTS), ("line", COUNTS[0])):
        hs.signals.Signal2D(scan).save(tmp_path / f"{name}.hspy")
        assert open_scan(tmp_path / f"{name}.hspy").data.shape == scan.shape
    (tmp_path / "map.hspy").rename(tmp_path / "map.h5")  # what it is stands in the file
    assert hasattr(open_scan(tmp_path / "map.h5"), "axes_manager")


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_axes_without_a_unit_in_common_keep_theirs_unless_one_is_given():
    made = signal(offset=-1.5)
    for axis, scale, unit in zip(made.axes_manager.signal_axes, (0.5, 5.0), ("1/Å", "1/nm")):
        axis.scale, axis.units = scale, unit
    _, own = made.unmix.nmf(1, random_state=0, max_iter=2).to_host()
    assert [(a.scale, a.units) for a in own.axes_manager.signal_axes] == [(0.5, "1/Å"), (5.0, "1/nm")]
    _, given = Unmix(made, pixel_size=0.2, pixel_unit="1/nm").nmf(1, random_state=0, max_iter=2).to_host()
    assert [(a.scale, a.units) for a in given.axes_manager.signal_axes] == [(0.2, "nm^-1")] * 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "300 kV", None])
def test_a_beam_energy_that_is_none_is_not_known(value):
    made = signal(scale=0.5, units="1/nm", offset=-1.5)
    made.metadata.set_item("Acquisition_instrument.TEM.beam_energy", value)
    assert made.unmix.geometry.calibration.beam_energy is None
    made.metadata.set_item("Acquisition_instrument.TEM.beam_energy", 200)
    assert made.unmix.geometry.calibration.beam_energy == 200.0


@pytest.mark.parametrize("name", ["nothing", "__name__", "DiffractionVectors2D", "Diffraction2D"])
def test_a_result_is_of_no_class_that_is_not_one_of_signals(name):
    pyxem = pytest.importorskip("pyxem")
    found = _signal_class({"class": name})
    assert found is getattr(pyxem.signals, name if name.startswith("Diff") else "Diffraction2D")
