"""What hosts are told and asked, number by number."""

import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.hosts import progress_wanted

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
