"""Maps of several scans on one grid: drift taken off to parts of a position, origins as those of the first scan."""

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms

SHAPE = {"n_scans": 6, "scan_shape": (24, 22), "detector_shape": (32, 32), "dose": None, "seed": 2}
DRIFT = (0.6, -0.35)
TRUE = np.arange(6)[:, None] * np.array(DRIFT)


@pytest.fixture(scope="module")
def still():
    return phantoms.series(**SHAPE)


@pytest.fixture(scope="module")
def moving():
    film = phantoms.series(**SHAPE, drift=DRIFT)
    facts = {"centre": film[0].centre, "step": 2.0, "step_unit": "nm"}
    return Unmix(film.data, **facts).fit(film[0].patterns)


def likeness(maps, truth):
    """Correlation of the maps of grains where both are known."""
    seen = np.isfinite(maps).all(0)
    return np.corrcoef(maps[1:][:, seen].ravel(), truth[1:][:, seen].ravel())[0, 1]


@pytest.mark.parametrize("drift", [None, TRUE])
def test_grains_stay_where_they_are(still, moving, drift):
    aligned = moving.align_scans(drift=drift)
    assert type(aligned) is type(moving) and np.array(aligned.settings["drift"]) == pytest.approx(TRUE, abs=0.3)
    for i, (one, truth) in enumerate(zip(aligned.scans, still.maps)):
        assert one.maps.shape[1:] == (24, 22) and likeness(one.maps, truth) > 0.97
        assert i < 3 or likeness(moving.scans[i].maps, truth) < 0.9
        assert np.isnan(one.maps).any() == (i > 0)
        assert np.array_equal(np.isnan(one.maps[0]).ravel(), ~one.geometry.kept_positions)
    assert np.abs(aligned.track_grains(min_size=4).drift).max() < 0.3
    assert "the scans on one grid without its data" in repr(aligned)


def test_whole_steps_are_not_interpolated():
    film = phantoms.series(n_scans=4, scan_shape=(20, 20), detector_shape=(32, 32), dose=None, drift=(1, -1), seed=0)
    result = Unmix(film.data, centre=film[0].centre).fit(film[0].patterns)
    drift = np.arange(4)[:, None] * np.array([1, -1])
    common = result.align_scans(drift=drift, extent="common")
    everything = result.align_scans(drift=drift, extent="all")
    for i, one in enumerate(result.scans):
        assert np.array_equal(common.scans[i].maps, one.maps[:, i : i + 17, 3 - i : 20 - i])
        inner = everything.scans[i].maps[:, 3 - i : 23 - i, i : i + 20]
        assert np.array_equal(inner, one.maps) and everything.scans[i].maps.shape == (6, 23, 23)
        assert np.array_equal(common.scans[i].totals, one.totals[i : i + 17, 3 - i : 20 - i])


def test_all_have_the_coordinates_of_the_first(pyxem, tmp_path):
    film = phantoms.series(n_scans=4, scan_shape=(20, 20), detector_shape=(32, 32), dose=None, drift=(1, -1), seed=0)
    result = film.to_pyxem().unmix.fit(film[0].patterns)
    aligned = result.align_scans(drift=np.arange(4)[:, None] * np.array([1, -1]), extent="common")
    maps, _ = aligned.to_host()
    y, x = maps.axes_manager["y"], maps.axes_manager["x"]
    first = result.to_host()[0].axes_manager
    assert (x.size, y.size) == (17, 17) and y.offset == first["y"].offset
    assert x.offset == first["x"].offset + 3 * x.scale and maps.axes_manager["temperature"].size == 4
    aligned.save(tmp_path / "aligned.h5")
    again = unmix4d.load(tmp_path / "aligned.h5")
    assert np.array_equal(again.maps, aligned.maps, equal_nan=True) and again.settings["drift"][3] == [3, -3]


def test_what_cannot_be_aligned_is_refused(moving, still):
    with pytest.raises(ValueError, match="align_scans needs a result of several scans"):
        moving.scans[0].align_scans()
    with pytest.raises(ValueError, match=r"drift must be finite numbers .* for each of 6 scans, got shape \(2,\)"):
        moving.align_scans(drift=[1, 2])
    with pytest.raises(ValueError, match="leaves nothing of scan 4 .*extent='all'"):
        moving.align_scans(drift=10 * TRUE)
    with pytest.raises(ValueError, match="no area is common to all scans"):
        moving.align_scans(drift=10 * TRUE, extent="common")
    with pytest.raises(ValueError, match="extent must be one of"):
        moving.align_scans(extent="both")
    view = Unmix(still.data, centre=still[0].centre)
    with pytest.raises(ValueError, match="align_scans without drift= needs components that are amounts"):
        view.svd(3).align_scans()
    assert view.svd(3).align_scans(drift=TRUE).maps.shape[0] == 3
    with pytest.raises(ValueError, match="data"):
        moving.align_scans(drift=TRUE).mean_patterns()
