"""A known basis on a new scan: maps, what is unexplained, new components beside known ones, grids brought together."""

import numpy as np
import pytest
from scipy.optimize import nnls

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.core.grids import difference, onto_grid, unlike_units


def film(dose, seed=1):
    return phantoms.polycrystal(
        n_grains=5, scan_shape=(24, 20), detector_shape=(48, 44), overlap=0.3, direct_beam=0.3, dose=dose, seed=seed
    )


@pytest.fixture(scope="module")
def known():
    return film(400)


def view_of(phantom, data=None, **more):
    facts = {"pixel_size": phantom.pixel_size, "pixel_unit": phantom.pixel_unit, "centre": phantom.centre, **more}
    return Unmix(phantom.data if data is None else data, **facts)


def test_maps_are_those_of_scipy(scan):
    fitted = Unmix(scan.data).fit(scan.patterns, weights="none", precision="double")
    flat, rows = scan.patterns.reshape(3, -1), scan.data.reshape(63, -1).astype(float)
    truth = np.array([nnls(flat.T, row)[0] for row in rows]).T.reshape(3, 7, 9)
    assert np.allclose(fitted.maps, truth, atol=1e-6)
    assert np.allclose(fitted.patterns, scan.patterns) and fitted.settings["passes"] == 1
    squares = ((rows - truth.reshape(3, -1).T @ flat) ** 2).mean(1).reshape(7, 9)
    assert np.allclose(fitted.residual_map() ** 2, squares, rtol=1e-6) and fitted.loss == pytest.approx(squares.mean())


@pytest.mark.parametrize("dose", [50, 400, 4000])
def test_what_is_all_known_is_explained(dose):
    phantom = film(dose)
    fitted = view_of(phantom).fit(phantom.patterns)  # a warning would be an error
    assert not fitted.unexplained.any() and 0.9 < np.std(fitted.excess) < 1.2 and abs(np.mean(fitted.excess)) < 0.2
    assert fitted.settings["gain"] == pytest.approx(1, abs=0.1)
    assert scores.map_correlation(fitted.maps, phantom.maps)[1:].min() > 0.93


def test_a_grain_that_is_not_known_is_found(known):
    view = view_of(known)
    with pytest.warns(UnmixWarning, match=r"unexplained: 1\d\d of 480 positions contain more than the 5 known"):
        fitted = view.fit(known.patterns[:-1])
    assert fitted.unexplained[known.maps[-1] > 0.5].mean() > 0.95 and fitted.unexplained[known.maps[-1] < 0.02].mean() < 0.02
    assert f"unexplained: {fitted.unexplained.sum()} of 480" in repr(fitted)
    more = view.nmf(known=known.patterns[:-1], new=1, random_state=0)
    assert more.k == 6 and scores.map_correlation(more.maps, known.maps)[1:].min() > 0.97
    cosines = scores.pattern_cosine(more.patterns, known.patterns)
    assert cosines[:-1] == pytest.approx(1, abs=1e-6) and cosines[-1] > 0.95


def test_gain_is_told_from_the_data(known):
    fitted = view_of(known, known.data * 20).fit(known.patterns)
    assert fitted.settings["gain"] == pytest.approx(20, rel=0.1) and not fitted.unexplained.any()


def test_names_masks_and_files(known, tmp_path):
    mask = np.zeros((24, 20), bool)
    mask[2, 3:5] = True
    own = view_of(known).prepare(direct_beam=3).nmf(6, random_state=0).rename({0: "film"})
    fitted = view_of(known).prepare(scan_mask=mask).fit(own)
    assert fitted.names[0] == "film" and np.array_equal(np.isnan(fitted.maps[0]), mask)
    assert np.array_equal(fitted.geometry.detector_mask, own.geometry.detector_mask)  # what it does not know is left out
    assert not fitted.unexplained[mask].any()
    fitted.save(tmp_path / "fit.h5")
    again = unmix4d.load(tmp_path / "fit.h5")
    assert type(again) is unmix4d.FittedDecomposition and np.array_equal(again.unexplained, fitted.unexplained)
    more = view_of(known).nmf(known=dict(zip("abcd", known.patterns)), new=2, random_state=0)
    assert more.names == ("a", "b", "c", "d", "4", "5")


@pytest.mark.one_in(3)
def test_every_host(as_host, scan):
    view = as_host(scan)
    fitted = view.fit(scan.patterns)
    reference = Unmix(scan.data).fit(scan.patterns)
    assert np.allclose(fitted.maps, reference.maps, atol=1e-4) and fitted.host.kind == view.scan.host.kind
    maps, _ = fitted.to_host()
    assert maps.data.shape == (3, 7, 9) if hasattr(maps, "data") else maps.shape == (3, 7, 9)
    with_result = view.nmf(known=view.nmf(2, random_state=0), n=3, random_state=0)
    assert with_result.k == 3 and with_result.settings["known"] == {"n": 2, "of": "nmf"}


def test_features_of_a_result(known):
    rings = dict(rings=[(5, 12), (12, 20)])
    own = view_of(known).angular_average(**rings).nmf(6, random_state=0)
    fitted = view_of(film(400)).angular_average(**rings).fit(own)
    assert fitted.features.shape == own.features.shape and np.allclose(fitted.features, own.features)
    assert fitted.unexplained is None and scores.map_correlation(fitted.maps, own.maps).min() > 0.9
    with pytest.raises(ValueError, match="the same features as this view"):
        view_of(known).angular_average(rings=[(5, 12)]).fit(own)


@pytest.mark.filterwarnings("ignore:the 6 components of fit account for|unexplained")
def test_grids_are_brought_together_on_request(known):
    own = view_of(known).nmf(6, random_state=0)
    binned = view_of(known).prepare(bin=2)
    with pytest.raises(ValueError, match="must be on the detector grid of this view, but has a detector of 48 x 44"):
        binned.fit(own)
    fitted = binned.fit(own, resample=True)
    assert np.allclose(fitted.patterns, own.patterns.reshape(6, 24, 2, 22, 2).sum((2, 4)), rtol=1e-4, atol=1e-6)
    moved = view_of(known, centre=(known.centre[0] + 1, known.centre[1]))
    with pytest.raises(ValueError, match=r"its centre at \(23.50, 21.50\) instead of \(24.50, 21.50\)"):
        moved.fit(own)
    assert np.allclose(moved.fit(own, resample=True).patterns[:, 1:], own.patterns[:, :-1])
    larger = view_of(known, pixel_size=2 * known.pixel_size)
    with pytest.raises(ValueError, match="a pixel size of"):
        larger.fit(own)


def test_units_and_unknown_centres():
    def geometry(**more):
        return ScanGeometry((1, 1), (8, 8), centre=more.pop("centre", (3.5, 3.5)), calibration=Calibration(**more))

    per_nm = geometry(pixel_size=(0.2, 0.2), pixel_unit="1/nm")
    assert difference(per_nm, geometry(pixel_size=(0.02, 0.02), pixel_unit="1/Å")) == ""
    assert difference(per_nm, geometry(pixel_size=(0.2, 0.2), pixel_unit="mrad")) == "pixels in mrad instead of 1/nm"
    unknown = geometry(centre=None, pixel_size=(0.2, 0.2), pixel_unit="1/nm")
    assert difference(per_nm, unknown) == "an unknown centre instead of a known one"
    assert difference(geometry(), per_nm) == ""  # nothing says that it is another
    small = per_nm.replace(detector_shape=(6, 6))
    assert difference(geometry(), small).startswith("a detector of 6 x 6")
    assert unlike_units(geometry(), small) == "a known pixel size instead of an unknown one"
    coarse = ScanGeometry((1, 1), (4, 4), centre=(1.5, 1.5), calibration=Calibration(pixel_size=(2.0, 2.0)))
    image = np.arange(64.0).reshape(1, 8, 8)
    assert np.allclose(onto_grid(image, coarse, geometry()), image.reshape(1, 4, 2, 4, 2).sum((2, 4)))
    assert np.allclose(onto_grid(onto_grid(image, coarse, geometry()), geometry(), coarse).sum(), image.sum())


BAD = {
    "signed": (lambda u, p: u.fit(u.svd(2)), "but those of svd have both signs"),
    "negative": (lambda u, p: u.fit(p - 10), "patterns must be finite and at least 0, got values from -9"),
    "shape": (lambda u, p: u.fit(p[:, 1:]), r"must be patterns of the shape \(20, 26\) of this view, got \(3, 19, 26\)"),
    "empty": (lambda u, p: u.fit(np.stack([p[0], 0 * p[0]])), r"patterns\[1\] must not be empty"),
    "nothing": (lambda u, p: u.fit({}), "at least one pattern"),
    "no pixel": (lambda u, p: u.fit(p * np.nan), "every pixel is NaN in one of the patterns"),
    "n and new": (lambda u, p: u.nmf(3, known=p, new=1), "n must be 4, the 3 known patterns and 1 new ones"),
    "too few": (lambda u, p: u.nmf(2, known=p), "n must be at least 3"),
    "new alone": (lambda u, p: u.nmf(2, new=1), "are for known patterns"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_patterns_are_refused(scan, name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call(Unmix(scan.data), scan.patterns)


def test_bad_scans_are_refused(scan):
    data = scan.data.astype(float)
    data[2, 3, 4, 5] = np.nan
    with pytest.raises(ValueError, match=r"the first at scan position \(2, 3\)"):
        Unmix(data).fit(scan.patterns)
    data[2, 3, 4, 5] = -1
    with pytest.raises(ValueError, match="fit needs values that are not negative"):
        Unmix(data).fit(scan.patterns)
    with pytest.raises(ValueError, match="fit needs a signal"):
        Unmix(0 * scan.data).fit(scan.patterns)
    with pytest.raises(TypeError, match="must be a result, an array of patterns or a dictionary"):
        Unmix(scan.data).fit("a")


def test_patterns_that_cannot_be_told_apart_are_said(scan):
    with pytest.warns(UnmixWarning, match=r"patterns\[0\] and \[3\], or others, cannot be distinguished"):
        Unmix(scan.data).fit(np.concatenate([scan.patterns, 2 * scan.patterns[:1]]))
