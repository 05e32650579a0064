"""Overlap, groups, grains and choices of k as objects of every host, calibrated; also after saving, without the scan."""

import numpy as np
import pytest

import unmix4d
from unmix4d import phantoms

pytestmark = pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")


@pytest.fixture(scope="module")
def film():
    return phantoms.rotated_phases(
        layout="grains", n_phases=2, n_grains=4, scan_shape=(8, 9), detector_shape=(44, 40), background=0, seed=1
    )


@pytest.fixture
def view(as_host, film):
    return as_host(film)


@pytest.fixture
def result(view):
    return view.nmf(4, random_state=0, max_iter=30)


def saved(answer, folder):
    answer.save(folder / "answer.h5")
    return unmix4d.load(folder / "answer.h5")


def values(native):
    return np.asarray(getattr(native, "data", native))


def assert_on_scan(native, film, kind):
    """A map with the step and the unit of the scan, as the host writes them."""
    if "pyxem" in kind:
        col, row = native.axes_manager.signal_axes
        assert (row.scale, col.scale) == pytest.approx((film.step,) * 2) and {row.units, col.units} == {film.step_unit}
        assert type(native).__name__ == "Signal2D" and native.metadata.General.title
    elif kind == "py4dstem":
        assert type(native).__name__ == "RealSlice"
        assert native.calibration.get_R_pixel_size() == pytest.approx(film.step)
        assert native.calibration.get_R_pixel_units() == film.step_unit
    else:
        assert type(native) is np.ndarray


@pytest.mark.one_in(5)
def test_overlap(result, film, as_host, tmp_path):
    overlap = result.overlap(thresholds=0.2, background="keep")
    again = saved(overlap, tmp_path)
    for native, after, name in zip(overlap.to_host(), again.to_host(), ("ratio", "first", "second"), strict=True):
        assert_on_scan(native, film, as_host.kind)
        np.testing.assert_array_equal(values(native), getattr(overlap, name))
        np.testing.assert_array_equal(values(after), values(native))
        assert type(after) is type(native)
    if as_host.kind == "py4dstem":
        assert [native.name for native in overlap.to_host()] == ["ratio", "first", "second"]
    if "pyxem" in as_host.kind:
        told = overlap.to_host()[0].metadata.unmix4d.overlap
        assert told.pairs.component == overlap.pairs["component"].tolist() and told.scale == "intensity"


@pytest.mark.one_in(5)
@pytest.mark.parametrize("of", ["components", "positions"])
def test_groups(view, result, film, as_host, tmp_path, of):
    groups = (result if of == "components" else view).group_rotated()
    natives, after = groups.to_host(), saved(groups, tmp_path).to_host()
    angle, group = groups.orientation()
    for native, again, expected in zip(natives, after, (groups.maps, None, angle, group), strict=True):
        if expected is not None:
            assert_on_scan(native, film, as_host.kind)
            np.testing.assert_array_equal(values(native), expected)
        np.testing.assert_array_equal(values(again), values(native))
    np.testing.assert_array_equal(np.nan_to_num(values(natives[1])), np.nan_to_num(groups.patterns))
    if "pyxem" in as_host.kind:
        maps, patterns, angle, group = natives
        assert maps.axes_manager.navigation_axes[0].name == patterns.axes_manager.navigation_axes[0].name == "group"
        assert angle.metadata.Signal.quantity == "angle_deg (°)"
        assert patterns.axes_manager.signal_axes[0].units is not None
    if as_host.kind == "py4dstem":
        assert natives[0].slicelabels[0] == "group_0" and natives[2].units == "°"


@pytest.mark.one_in(6)
def test_choices_and_grains(view, result, film, as_host, tmp_path):
    choice = view.choose_k([2, 3], n_starts=1, random_state=0, max_iter=5)
    for native, after in zip(choice.to_host(), saved(choice, tmp_path).to_host(), strict=True):
        np.testing.assert_array_equal(values(after), values(native))
    np.testing.assert_array_equal(values(choice.to_host()[0]), choice[choice.recommended].maps)
    grains = result.grains(min_size=2, background="keep")
    for native, after in zip(grains.to_host(), saved(grains, tmp_path).to_host(), strict=True):
        assert_on_scan(native, film, as_host.kind)
        np.testing.assert_array_equal(values(after), values(native))


def test_files_of_the_hosts(film, tmp_path, request):
    """What goes home is saved by the host's own means."""
    pyxem = request.getfixturevalue("pyxem")
    assert pyxem
    import hyperspy.api as hs

    result = film.to_pyxem().unmix.nmf(4, random_state=0, max_iter=30)
    for i, native in enumerate((*result.group_rotated().to_host(), *result.overlap(background="keep").to_host())):
        native.save(tmp_path / f"{i}.hspy")
        again = hs.load(tmp_path / f"{i}.hspy")
        np.testing.assert_array_equal(again.data, native.data)
        assert again.axes_manager[-1].units == native.axes_manager[-1].units


def test_files_of_py4dstem(film, tmp_path, py4dstem):
    result = film.to_py4dstem().unmix.nmf(4, random_state=0, max_iter=30)
    made = {"groups": result.group_rotated().to_host()[2:], "overlap": result.overlap(background="keep").to_host()}
    for name, natives in made.items():
        py4dstem.save(str(tmp_path / f"{name}.h5"), natives[0].root, mode="o")
        again = py4dstem.read(str(tmp_path / f"{name}.h5"), datapath=f"{natives[0].root.name}/{natives[0].name}")
        np.testing.assert_array_equal(again.data, natives[0].data)
