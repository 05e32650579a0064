"""Grains followed through a series, and the drift between its scans."""

import numpy as np
import pytest
from PIL import Image

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.constraints import SmoothMaps
from unmix4d.maps import drift_between
from unmix4d.maps.tracking import Piece, follow

STEADY, GROWING, VANISHING, BEFORE, AFTER = range(1, 6)


def of(film):
    return Unmix(film.data, centre=film[0].centre, step=film[0].step, step_unit="nm")


@pytest.fixture(scope="module", params=[(3, (0.6, -0.4)), (4, (0.0, 0.0))], ids=["drifting", "still"])
def followed(request):
    seed, drift = request.param
    film = phantoms.series(n_scans=8, scan_shape=(24, 24), detector_shape=(32, 32), dose=300, drift=drift, seed=seed)
    return np.arange(8)[:, None] * np.array(drift), of(film).fit(film[0].patterns).track_grains(min_size=4)


def test_every_grain_has_one_number_and_its_course(followed):
    truth, tracks = followed
    assert np.abs(tracks.drift - truth).max() < 0.4
    assert sorted(tracks.component.tolist()) == [STEADY, GROWING, VANISHING, BEFORE, AFTER]
    grain = {component: i for i, component in enumerate(tracks.component.tolist())}
    table = tracks.table
    assert table["first"][grain[STEADY]] == 0 and table["last"][grain[STEADY]] == 7
    assert tracks.begins[grain[GROWING]] == "appears" and abs(table["first"][grain[GROWING]] - 2) <= 1
    assert tracks.ends[grain[VANISHING]] == "vanishes" and abs(table["last"][grain[VANISHING]] - 3) <= 1
    assert tracks.ends[grain[BEFORE]] == "is replaced" and tracks.goes[grain[BEFORE]] == grain[AFTER]
    assert tracks.begins[grain[AFTER]] == "replaces" and tracks.origin[grain[AFTER]] == grain[BEFORE]
    assert table["growth"][grain[GROWING]] > 3 and table["growth"][grain[VANISHING]] < -3
    assert table["moved (nm)"][grain[STEADY]] < 2 and not table["gaps"].any()


def test_tracks_are_saved_and_drawn(followed, tmp_path):
    tracks = followed[1]
    tracks.save(tmp_path / "tracks.h5")
    again = unmix4d.load(tmp_path / "tracks.h5")
    assert repr(again) == repr(tracks) and again.table.keys() == tracks.table.keys()
    assert all(np.array_equal(again.mask(i, 3), tracks.mask(i, 3)) for i in range(len(tracks)))
    assert again.mask(0, 0).sum() == again.positions[0, 0] > 0
    assert len(tracks.plot().collections) == len(tracks)


def test_a_drift_that_is_given_is_taken_and_a_wrong_one_refused(followed):
    film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    result = of(film).fit(film[0].patterns)
    given = np.zeros((4, 2))
    assert np.array_equal(result.track_grains(drift=given, min_size=3).drift, given)
    with pytest.raises(ValueError, match="drift must be finite numbers .* each of 4 scans, got shape \\(3, 2\\)"):
        result.track_grains(drift=given[:3])
    with pytest.raises(ValueError, match="track_grains needs a result of several scans"):
        result.scans[0].track_grains()


def block(component, row, col, rows, cols):
    r, c = np.mgrid[row : row + rows, col : col + cols].reshape(2, -1)
    return Piece(component, r, c)


def test_what_splits_and_what_merges():
    whole, left, right = block(0, 0, 0, 4, 10), block(0, 0, 0, 4, 4), block(0, 0, 6, 4, 4)
    grains, begins, ends = follow([[whole], [left, right], [whole]])
    assert grains[0] == [0] and sorted(grains[1]) == [0, 1] and grains[2][0] in (0, 1)
    assert [(one.how, one.other) for one in begins] == [("there", -1), ("splits", 0)]
    merged = 1 - grains[2][0]
    assert (ends[merged].how, ends[merged].other) == ("merges", grains[2][0])


def test_what_is_missing_once_is_the_same_and_twice_is_another():
    here = block(2, 3, 3, 4, 4)
    assert follow([[here], [], [here]])[0] == [[0], [], [0]]
    assert follow([[here], [], [here]], gap=0)[0] == [[0], [], [1]]
    assert follow([[here], [], [], [here]])[0] == [[0], [], [], [1]]
    elsewhere = block(2, 20, 20, 4, 4)
    assert follow([[here], [elsewhere]])[0] == [[0], [1]]


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-5, 4)])
def test_drift_whatever_the_shapes_and_holes(shift):
    rng = np.random.default_rng(5)
    big = np.cumsum(np.cumsum(rng.standard_normal((3, 50, 60)), axis=1), axis=2)
    first = big[:, 10:40, 10:44]
    second = 2.5 * big[:, 10 - shift[0] : 38 - shift[0], 10 - shift[1] : 40 - shift[1]]
    second[:, 4:7, 8:12] = np.nan
    assert drift_between(first, second) == pytest.approx(shift, abs=0.2)


def test_no_drift_of_what_has_nothing_in_common():
    one, other = np.random.default_rng(0).standard_normal((2, 2, 30, 30))
    assert drift_between(one, other) == (0, 0)
    assert drift_between(np.ones((1, 9, 9)), np.ones((1, 9, 9))) == (0, 0)


def test_smoothing_along_the_series():
    film = phantoms.series(n_scans=6, scan_shape=(14, 14), detector_shape=(40, 40), dose=30, seed=5)
    view = of(film)
    smooth = SmoothMaps(sigma=0.8, between_scans=1.0).bind(view.geometry)
    a, b = np.random.default_rng(0).random((2, view.geometry.kept_positions.size, 1))
    assert (smooth.smooth(a) * b).sum() == pytest.approx((a * smooth.adjoint(b)).sum())
    assert smooth.smooth(np.ones_like(a))[view.geometry.kept_positions] == pytest.approx(1)
    truth = np.concatenate(film.maps, axis=1)
    r = []
    for between in (None, 1.0):
        found = view.nmf(6, constraints=[SmoothMaps(sigma=0.8, between_scans=between)], random_state=0)
        maps = np.concatenate([one.maps for one in found.scans], axis=1)
        r.append(unmix4d.scores.match_maps(maps, truth)[1].mean())
    assert r[1] > r[0] + 0.03
    with pytest.raises(ValueError, match="between_scans needs several scans of one shape, got a single scan"):
        Unmix(film.data[0]).nmf(2, constraints=[SmoothMaps(sigma=1, between_scans=1)])


def test_a_cutoff_goes_along_the_series_too():
    """The same as the cut-off of each scan, and then a mean over the scans before and after, of weights that sum to 1."""
    view = Unmix([np.ones((7, 6, 4, 4), np.uint8)] * 5)
    single = SmoothMaps(cutoff=0.3).bind(view.geometry)
    both = SmoothMaps(cutoff=0.3, between_scans=0.8).bind(view.geometry)
    rng = np.random.default_rng(0)
    A, B = rng.random((2, *view.geometry.scan_shape, 2)).reshape(2, -1, 2)
    parts = view.geometry.scans
    within = single.images(single.smooth(A))[0]
    weights = np.exp(-0.5 * ((np.arange(5)[:, None] - np.arange(5)) / 0.8) ** 2)
    weights[np.abs(np.subtract.outer(np.arange(5), np.arange(5))) > 2] = 0  # 1e-3 of the maximum
    weights /= weights.sum(1, keepdims=True)
    expected = np.einsum("ij,jrc->irc", weights, np.stack([within[p.rows, p.cols] for p in parts]))
    found = both.images(both.smooth(A))[0]
    assert np.allclose([found[p.rows, p.cols] for p in parts], expected, atol=1e-9)
    assert (both.smooth(A) * B).sum() == pytest.approx((A * both.adjoint(B)).sum())
    level = both.images(both.smooth(np.full_like(A, 2.0)))[0]
    assert all(np.allclose(level[p.rows, p.cols], 2) for p in parts)


def test_maps_of_a_series_as_rows_and_as_a_film(tmp_path):
    film = phantoms.series(n_scans=5, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    result = of(film).fit(film[0].patterns)
    axes = result.plot_series([1, 3], scans=[0, 4])
    assert axes.shape == (2, 2) and axes[1, 0].get_ylabel() == "4"
    assert np.allclose(axes[1, 1].images[0].get_array(), result.scans[4].maps[3])
    for shown in (result.film(), result.film(3, seconds=0.1)):
        assert "anim-slider" in shown._repr_html_()
        shown.save(tmp_path / "series.gif")
        assert (tmp_path / "series.gif").stat().st_size > 1000
    smaller = Unmix([film.data[0], film.data[1][:7, :9]], centre=film[0].centre).fit(film[0].patterns)
    smaller.film(2).save(tmp_path / "smaller.gif")
    with Image.open(tmp_path / "series.gif") as shown, Image.open(tmp_path / "smaller.gif") as both:
        assert both.n_frames == 2 and both.size == shown.size
    for call in (result.scans[0].plot_series, result.scans[0].film):
        with pytest.raises(ValueError, match="needs a result of several scans"):
            call()
    with pytest.raises(ValueError, match="scans must be"):
        result.plot_series(scans=[5])


def test_series_and_comparison_are_saved(tmp_path):
    film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    result = of(film).fit(film[0].patterns)
    for answer in (result.series(min_size=3), unmix4d.compare(result.scans[0], result.scans[3])):
        answer.save(tmp_path / "answer.h5")
        again = unmix4d.load(tmp_path / "answer.h5")
        assert repr(again) == repr(answer)
        for name, column in answer.table.items():
            assert np.array_equal(again.table[name], column, equal_nan=np.asarray(column).dtype.kind == "f")
        again.plot()
