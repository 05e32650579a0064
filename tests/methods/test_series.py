"""Several scans as one view: what is read, how it is prepared and cut apart again, and what is found in all of them."""

import warnings

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms, scores
from unmix4d.constraints import SmoothMaps
from unmix4d.core.series import cut


@pytest.fixture(scope="module")
def film():
    return phantoms.series(n_scans=6, scan_shape=(16, 18), detector_shape=(48, 44), dose=1000, direct_beam=0.2, seed=1)


@pytest.fixture(scope="module")
def view(film):
    return of(film.data, film)


def of(scans, film, **more):
    first = film[0]
    facts = {"pixel_size": first.pixel_size, "pixel_unit": first.pixel_unit, "step": first.step, "step_unit": "nm"}
    return Unmix(scans, **{"centre": first.centre, **facts, **more})


@pytest.fixture(scope="module")
def result(view):
    return view.nmf(6, random_state=0)


def test_one_scan_is_that_scan(film):
    alone, listed = (of(obj, film) for obj in (film.data[0], [film.data[0]]))
    assert repr(alone) == repr(listed)
    one, other = (u.nmf(4, random_state=0) for u in (alone, listed))
    assert np.array_equal(one.maps, other.maps) and np.array_equal(one.patterns, other.patterns)
    assert one.scans == [one]


def test_identical_scans_have_identical_maps(film):
    twice = of([film.data[2], film.data[2]], film)
    for found in (twice.nmf(5, random_state=0), twice.nmf(5, constraints=[SmoothMaps(sigma=1)], random_state=0)):
        first, second = found.scans
        assert np.allclose(first.maps, second.maps, rtol=0, atol=1e-6)
        assert first.explained == pytest.approx(second.explained)


def test_maps_and_courses_are_the_true_ones(film, result):
    maps = np.concatenate([one.maps for one in result.scans], axis=1)
    pairs, r = scores.match_maps(maps, np.concatenate(film.maps, axis=1))
    assert r.min() > 0.95 and len({*pairs.tolist()}) == 6
    series = result.series(min_size=4)
    assert np.abs(series.table["onset"][pairs] - film.onset).max() <= 1
    assert np.abs(series.table["end"][pairs] - film.end).max() <= 1
    courses = [series.table["course"][i] for i in pairs]
    assert courses == ["stays", "stays", "appears", "vanishes", "vanishes", "appears"]
    growth = series.table["growth"][pairs]
    assert growth[2] > 2 and growth[3] < -2 and abs(growth[1]) < 1
    assert series.share.sum(1) == pytest.approx(1, abs=0.1) and series.plot().get_xlabel() == "scan"


def test_doses_that_are_not_said_are_warned_of(film):
    doses = phantoms.series(
        n_scans=6, scan_shape=(16, 18), detector_shape=(48, 44), dose=[1000, 200, 500, 300, 1000, 200], seed=1
    )
    with pytest.warns(UnmixWarning, match="a pattern has from 200 counts in scan 1 to 999 in scan 4"):
        found = of(doses.data, doses).nmf(6, random_state=0)
    maps = np.concatenate([one.maps for one in found.scans], axis=1)
    truth = np.concatenate([one.maps * one.settings["dose"] for one in doses], axis=1)
    pairs, r = scores.match_maps(maps, truth)
    assert r.min() > 0.93  # at 200 electrons
    share = found.series().share[:, pairs[1]]
    assert share == pytest.approx(share.mean(), rel=0.1)  # of the grain that stays, whatever the dose
    of(doses.data, doses, doses=[1] * 6).nmf(6, random_state=0)  # they are said to be alike: no warning


DOSES = [1000, 100, 100, 300, 100, 3000]


@pytest.fixture(scope="module")
def unlike():
    return phantoms.series(n_scans=6, scan_shape=(16, 18), detector_shape=(48, 44), dose=DOSES, seed=1)


@pytest.mark.parametrize("doses", ["estimate", [20, 2, 2, 6, 2, 60]])
def test_one_amount_is_one_value_whatever_the_dose(unlike, doses, tmp_path):
    view = of(unlike.data, unlike, doses=doses)
    told = view.scan.host.record["doses"]
    assert np.array(told["values"]) * 1000 == pytest.approx(DOSES, rel=0.02)
    assert f"doses {told['by']}, and taken off: 1, 0." in repr(view)
    found = view.prepare(bin=2).nmf(6, constraints=[SmoothMaps(sigma=0.8)], random_state=0)
    maps = np.concatenate([one.maps for one in found.scans], axis=1)
    pairs, r = scores.match_maps(maps, np.concatenate(unlike.maps, axis=1))
    assert r.min() > 0.85  # at 100 electrons
    inside = unlike.maps[0][1] > 0.3
    steady = np.array([one.maps[pairs[1]][inside].mean() for one in found.scans])
    assert steady == pytest.approx(steady.mean(), rel=0.12)
    found.save(tmp_path / "doses.h5")
    again = unmix4d.load(tmp_path / "doses.h5")
    sign = "≈" if doses == "estimate" else "="
    assert again.plot_series(scans=[3])[0, 0].get_ylabel() == f"3 (dose {sign} {told['values'][3]:.3g})"
    assert f"doses {told['by']}" in repr(again)


def test_known_patterns_have_one_map_at_every_dose(unlike):
    fitted = of(unlike.data, unlike, doses=DOSES).fit(unlike[0].patterns)
    assert not fitted.unexplained.any()  # each scan has the noise of its own dose
    for one, truth in zip(fitted.scans, unlike.maps):
        inside = truth[1] > 0.3
        assert one.maps[1][inside].mean() == pytest.approx(truth[1][inside].mean(), rel=0.15)  # at 100 electrons
    with pytest.warns(UnmixWarning, match="unexplained: "):
        lacking = of(unlike.data, unlike, doses=DOSES).fit(unlike[0].patterns[:-1])
    last = lacking.scans[5].unexplained[unlike.maps[5][-1] > 0.4]
    assert last.all()  # at 3000 electrons; at 300 the noise hides it


def test_doses_and_pixels_that_disagree_are_warned_of(film):
    blocked = [data[..., :] * 1 for data in film.data[:2]]
    beam = np.hypot(*(np.indices((48, 44)) - np.array(film[0].centre)[:, None, None])) < 3
    blocked[1][..., beam] *= 4  # twice the beam on the detector is no dose
    with pytest.warns(UnmixWarning, match="by its counts, but .* by most pixels"):
        of(blocked, film, doses="estimate")


def test_a_weak_grain_that_single_scans_do_not_show():
    weak = phantoms.series(
        n_scans=10, scan_shape=(20, 20), detector_shape=(48, 48), dose=50, weak=0.2, seed=1
    )  # of 1000 electrons, less than a tenth
    smooth = [SmoothMaps(sigma=1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)
        joint = of(weak.data, weak).nmf(6, constraints=smooth, random_state=0)
        single = [of(d, weak).nmf(5, constraints=smooth, random_state=0).maps for d in weak.data]
    maps = np.concatenate([one.maps for one in joint.scans], axis=1)
    assert scores.match_maps(maps, np.concatenate(weak.maps, axis=1))[1][1] > 0.7
    found = [scores.match_maps(one, truth)[1][1] > 0.7 for one, truth in zip(single, weak.maps)]
    assert np.mean(found) <= 0.3


def test_nothing_is_smoothed_across_scans(film):
    view = of([film.data[0], film.data[1][:9, :7]], film)
    assert view.geometry.scan_shape == (26, 18)
    rng = np.random.default_rng(0)
    tall = rng.random((1, 26, 18))
    rules = (
        {"sigma": 2.0}, {"probe_fwhm": "5 nm"}, {"cutoff": 0.2},
        {"kernel": np.array([[0, 1, 0], [1, 2, 0], [0, 1, 1.0]])},
    )  # fmt: skip
    for options in rules:
        both = SmoothMaps(**options).bind(view.geometry)
        smoothed = both.images(both.smooth(both.flat(tall)))[0]
        for one in cut(view.scan):
            own = SmoothMaps(**options).bind(one.geometry)
            rows = view.geometry.scans[0 if one.shape[0] == 16 else 1]
            alone = own.images(own.smooth(own.flat(tall[:, rows.rows, rows.cols])))[0]
            assert np.allclose(smoothed[rows.rows, rows.cols], alone, atol=1e-9), options
        a, b = rng.random((2, 26 * 18, 1))
        assert (both.smooth(a) * b).sum() == pytest.approx((a * both.adjoint(b)).sum())


def test_scans_of_other_shapes_lazy_or_not(film):
    import dask.array as da

    first, second, third = film.data[0], film.data[2][:9, :7], film.data[5][:, :11]
    eager = of([first, second, third], film)
    lazy = of([da.from_array(first, chunks=(5, 8, 24, 44)), second, da.from_array(third, chunks=(4, 11, 48, 22))], film)
    assert lazy.scan.lazy and not eager.scan.lazy
    assert np.array_equal(np.asarray(eager.scan.patterns[:]), lazy.scan.patterns.compute())
    assert eager.geometry.n_positions == 16 * 18 + 9 * 7 + 16 * 11
    one, other = (u.nmf(5, random_state=0) for u in (eager, lazy))
    assert np.allclose(one.maps, other.maps, atol=1e-4, equal_nan=True)
    assert [each.maps.shape[1:] for each in one.scans] == [(16, 18), (9, 7), (16, 11)]
    assert not any(np.isnan(each.maps).any() for each in one.scans)
    assert np.array_equal(np.isnan(one.maps[0]).ravel(), ~one.geometry.kept_positions)
    for each, data in zip(one.scans, (first, second, third)):
        assert each.source.scan.patterns is data and each.totals == pytest.approx(data.sum((2, 3)), rel=1e-5)
        plain = each.source.fit(each, weights="none")
        assert each.loss == pytest.approx(plain.loss, rel=0.05)


def test_each_scan_is_prepared_by_itself(film):
    data = [film.data[0], film.data[1][:9, :7]]
    options = dict(direct_beam=3, bin=2, friedel=True, average_neighbours=3)
    both = of(data, film).prepare(**options)
    for one, own in zip(cut(both.scan), data):
        alone = of(own, film).prepare(**options).scan
        assert np.array_equal(np.asarray(one.patterns), np.asarray(alone.patterns))
        assert one.geometry.centre == alone.geometry.centre and one.shape == alone.shape
    mask = np.zeros((26, 18), bool)
    mask[:17] = mask[18, 2] = True
    second = both.prepare(scan_mask=mask)
    assert second.geometry.n_positions == 9 * 7 - 1
    assert both.at_positions(~mask).geometry.n_positions == 9 * 7 - 1
    assert both.persist().geometry.scans == both.geometry.scans
    measured = of(data, film).prepare(align="measure")
    assert measured.geometry.scans and measured.scan.steps[0]["align"]


METHODS = {
    "svd": lambda u: u.svd(3),
    "pca": lambda u: u.pca(3),
    "ica": lambda u: u.ica(3, random_state=0),
    "vca": lambda u: u.vca(4, random_state=0),
    "fuzzy_cmeans": lambda u: u.fuzzy_cmeans(3, random_state=0),
    "fit": lambda u: u.fit(u.nmf(6, random_state=0)),
    "nmf kl": lambda u: u.nmf(3, objective="kl", max_iter=5, random_state=0),
    "features": lambda u: u.angular_average(rings=[(5, 18)]).nmf(5, constraints=[SmoothMaps(sigma=1)], random_state=0),
    "merge_nmf": lambda u: u.angular_average(rings=[(5, 18)]).merge_nmf(8, n_runs=2, random_state=0),
    "choose_k": lambda u: u.choose_k([5, 6], n_starts=2, random_state=0)[6],
}


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
@pytest.mark.parametrize("name", METHODS)
def test_every_method_works_on_it(view, name, tmp_path):
    found = METHODS[name](view.prepare(direct_beam=3, bin=2))
    parts = found.scans
    assert len(parts) == 6 and all(type(one) is type(found) for one in parts)
    for one, part in zip(parts, found.geometry.scans):
        assert np.array_equal(one.maps, found.maps[:, part.rows, part.cols], equal_nan=True) and one.maps.shape[1:] == (
            16,
            18,
        )
        assert one.labels().shape == (16, 18) and one.residual_map().shape == (16, 18)
    found.save(tmp_path / "series.h5")
    again = unmix4d.load(tmp_path / "series.h5")
    assert again.geometry.scans == found.geometry.scans
    assert np.array_equal(again.scans[3].maps, parts[3].maps) and again.scans[3].geometry.calibration.step == (2.0, 2.0)
    linked = unmix4d.load(tmp_path / "series.h5", data=view.prepare(direct_beam=3, bin=2))
    assert linked.scans[1].source is not None


def test_counts_are_split_in_each(view):
    fit, held = view.split_counts(random_state=0)
    whole = np.asarray(fit.scan.patterns) + np.asarray(held.scan.patterns)
    assert np.array_equal(whole, np.asarray(view.scan.patterns[:])) and fit.geometry.scans


def test_figures_and_grains(result):
    assert result.plot().shape == (2, 6) and result.scans[2].plot().shape == (2, 6)
    grains = result.grains(min_size=4)
    for region in grains:  # none of two scans
        rows = np.flatnonzero(region.mask.any(1))
        assert (
            len({i for i, part in enumerate(result.geometry.scans) for r in rows if part.rows.start <= r < part.rows.stop})
            == 1
        )


@pytest.mark.parametrize("lazy", [False, True])
def test_five_dimensions_of_pyxem(pyxem, film, lazy):
    signal = film.to_pyxem(lazy=lazy)
    view = signal.unmix
    assert len(view.geometry.scans) == 6 and view.scan.lazy is lazy and view.geometry.centre == pytest.approx(film[0].centre)
    found = view.nmf(6, random_state=0)
    maps, patterns = found.to_host()
    assert type(patterns).__name__ == "ElectronDiffraction2D" and patterns.data.shape == (6, 48, 44)
    assert maps.data.shape == (6, 6, 16, 18) and np.array_equal(maps.data[:, 2], found.scans[2].maps)
    axis = maps.axes_manager["temperature"]
    assert (axis.scale, axis.offset, axis.units, axis.size) == (50.0, 20.0, "°C", 6)
    assert maps.axes_manager["x"].scale == 2.0
    series = found.series()
    assert series.values[-1] == 270 and series.label == "temperature (°C)"
    prepared = view.prepare(bin=2).nmf(6, random_state=0)
    assert prepared.to_host()[0].axes_manager["temperature"].size == 6
    small = signal.inav[:, :, :1]
    assert not small.unmix.geometry.scans or len(small.unmix.geometry.scans) == 1


def test_a_list_of_signals_or_cubes(pyxem, film):
    found = Unmix([film[0].to_pyxem(), film[4].to_pyxem(lazy=True)]).nmf(5, random_state=0)
    maps, _ = found.to_host()
    assert len(maps) == 2 and maps[0].axes_manager["x"].scale == 2.0 and np.array_equal(maps[1].data, found.scans[1].maps)


def test_a_list_of_cubes(py4dstem, film):
    cubes = [film[0].to_py4dstem(), film[4].to_py4dstem()]
    found = Unmix(cubes).nmf(5, random_state=0)
    maps, _ = found.to_host()
    assert len(maps) == 2 and np.allclose(maps[1].data, found.scans[1].maps)
    with pytest.raises(ValueError, match="attach needs the result of one scan"):
        found.attach(cubes[0])
    found.scans[0].attach(cubes[0])
    assert "unmix4d_nmf" in cubes[0].treekeys


def test_grids_are_brought_together_on_request(film):
    coarse = film.data[1].reshape(16, 18, 24, 2, 22, 2).sum((3, 5))
    scans = [of(film.data[0], film), of(coarse, film, centre=(11.5, 10.5), pixel_size=2 * film[0].pixel_size)]
    with pytest.raises(ValueError, match="scan 1 must be on the detector grid of scan 0, but has a detector of 24 x 22"):
        Unmix(scans)
    view = Unmix(scans[::-1], resample=True)
    assert view.shape == (33, 18, 24, 22)
    first, second = cut(view.scan)
    fine = film.data[0].reshape(16, 18, 24, 2, 22, 2).sum((3, 5))
    assert np.allclose(second.patterns, fine, rtol=1e-5) and np.allclose(first.patterns, coarse)
    assert view.scan.dtype == np.float32
    moved = [scans[0], of(film.data[1], film, centre=(film[0].centre[0] + 2, film[0].centre[1]))]
    shifted = cut(Unmix(moved, resample=True).scan)[1]
    assert np.allclose(np.asarray(shifted.patterns)[:, :, :46], film.data[1][:, :, 2:])
    assert shifted.geometry.detector_mask[46:].all() and not shifted.geometry.detector_mask[:46].any()


def _closed(path):
    import h5py

    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("scan", data=np.ones((2, 3, 8, 8), "u2"))
    return dataset


BAD = {
    "empty": (lambda d, p: Unmix([]), "several scans needs one at least, got an empty list"),
    "dimensions": (lambda d, p: Unmix([d, d[0]]), "scan 1 of 2: the scan must have four dimensions"),
    "kind": (lambda d, p: Unmix([d, None]), "scan 1 of 2: the scan must be a pyxem signal"),
    "closed": (lambda d, p: Unmix([d, _closed(p / "a.h5")]), "scan 1 of 2: the HDF5 file behind the scan is closed"),
    "detector": (
        lambda d, p: Unmix([d, d[..., 1:]]),
        "scan 1 must be on the detector grid .* 48 x 43 pixels instead of 48 x 44",
    ),
    "centre": (lambda d, p: Unmix([Unmix(d, centre=(3, 4)), d]), "scan 1 .* an unknown centre instead of a known one"),
    "unit": (
        lambda d, p: Unmix([Unmix(d, pixel_size=1, pixel_unit=unit) for unit in ("1/nm", "mrad")]),
        "scan 1 .* pixels in mrad instead of 1/nm: give the calibration",
    ),
    "pixel size": (
        lambda d, p: Unmix([Unmix(d, pixel_size=size, pixel_unit="1/nm") for size in (1, 1.1)]),
        "scan 1 .* a pixel size of 1.1 1/nm instead of 1 1/nm: let it be brought there with resample=True",
    ),
    "doses": (lambda d, p: Unmix([d, d], doses=[1, 2, 3]), "doses must be a number for each of 2 scans, got 3"),
    "dose": (lambda d, p: Unmix([d, d], doses=[1, 0]), "doses must be finite and above 0, but that of scan 1 is 0"),
    "doses in words": (lambda d, p: Unmix([d, d], doses="known"), "doses must be 'estimate' or a number for each of 2"),
    "no dose": (lambda d, p: Unmix([d, 0 * d], doses="estimate"), "a pattern of scan 1 has 0: give the doses"),
    "resample": (lambda d, p: Unmix([d, d], resample=3), "resample must be True or False"),
    "vectors": (lambda d, p: Unmix([d, d]).prepare(redraw_peaks={"radius": 2}), "redraw_peaks of several scans"),
    "series": (lambda d, p: Unmix(d).nmf(2, random_state=0).series(), "series needs a result of several scans"),
    "signed": (lambda d, p: Unmix([d, d]).svd(2).series(), "those of svd have both signs"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_lists_are_refused(film, tmp_path, name):
    call, message = BAD[name]
    with pytest.raises((ValueError, TypeError, OSError), match=message):
        call(film.data[0], tmp_path)


def test_beam_energies_are_compared(pyxem, film):
    one, other = film[0].to_pyxem(), film[1].to_pyxem()
    other.metadata.Acquisition_instrument.TEM.beam_energy = 200.0
    with pytest.raises(ValueError, match=r"scan 1 \(series\) must have the beam energy of scan 0, 300 keV, got 200 keV"):
        Unmix([one, other])


def test_what_only_the_data_show_names_the_scan(film):
    bad = film.data[1].astype(np.float32)
    bad[3, 4, 5, 6] = np.nan
    with pytest.raises(ValueError, match=r"the first at scan position \(3, 4\) of scan 1"):
        of([film.data[0], bad], film).nmf(2)
    with pytest.warns(UnmixWarning, match="scan 1 has no count at any position: leave it out of the list"):
        of([film.data[0], 0 * film.data[1], film.data[2]], film).nmf(4, random_state=0)
    with pytest.warns(UnmixWarning, match=r"different steps \(2 nm per step, 4 nm per step\)"):
        both = Unmix([of(film.data[0], film), of(film.data[1], film, step=4)])
    assert [one.geometry.calibration.step[0] for one in both.nmf(3, random_state=0).scans] == [2.0, 4.0]


def test_arrays_written_as_lists_are_still_one_scan(film):
    assert Unmix([*film.data[0]]).shape == (16, 18, 48, 44) and not Unmix([*film.data[0]]).geometry.scans


def test_scans_that_cannot_be_read_are_left_out_on_request(film, tmp_path):
    import dask.array as da

    def broken(block):
        raise OSError("chunk 3 is damaged")

    bad = da.from_array(film.data[1], chunks=(5, 9, 48, 44)).map_blocks(broken, dtype=film.data[1].dtype)
    holes = film.data[2].astype(float)
    holes[3, 4, 5, 6] = np.nan
    scans = [film.data[0], bad, holes, film.data[3], None]
    said = "3 of 5 scans are left out, which cannot be read: scan 1: .*damaged.*; scan 2: .*; scan 4: "
    with pytest.warns(UnmixWarning, match=said):
        view = of(scans, film, skip_unreadable=True)
    assert len(view.geometry.scans) == 2
    alone = of([film.data[0], film.data[3]], film).nmf(4, random_state=0)
    assert np.allclose(view.nmf(4, random_state=0).maps, alone.maps, equal_nan=True)
    with pytest.raises(ValueError, match="none of the 2 scans can be read; scan 0: .*damaged"):
        of([bad, None], film, skip_unreadable=True)
    with pytest.raises((TypeError, OSError), match="scan 4 of 5"):
        of(scans, film)


def test_report_of_several_scans_has_a_section_of_them(result, tmp_path):
    page = result.report(tmp_path / "series.html", sections=["scans"]).read_text(encoding="utf-8")
    assert "Scan by scan" in page and page.count("<img") >= 8 and "left out" not in page
    assert all(f"<h3>Scan {i}</h3>" in page for i in range(6))
    single = result.scans[0].report(tmp_path / "one.html", sections=["summary", "scans"]).read_text(encoding="utf-8")
    assert "needs a result of several scans" in single


def test_what_holds_of_all_scans_is_said_once(film):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        Unmix(film.data).prepare(direct_beam=3)
    assert [str(one.message)[:33] for one in heard] == ["direct_beam needs the centre of t"]
    assert heard[0].filename == __file__
