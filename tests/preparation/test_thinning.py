"""Split counts: independent Poisson counts that add up, the same for every host; and what they say of a result."""

import dask.array as da
import numpy as np
import pytest
from scipy import stats

import unmix4d
from unmix4d import Unmix, phantoms, scores
from unmix4d.preparation import thinning

POISSON = np.random.default_rng(0).poisson(0.7, (7, 9, 20, 26)).astype("u2")


def values(view):
    return np.asarray(view.scan.patterns)


def both(data, fraction=0.5, seed=0, **prepare):
    return [values(v) for v in Unmix(data).prepare(**prepare).split_counts(fraction, random_state=seed)]


@pytest.mark.one_in(7)
def test_every_host_splits_alike(as_host, scan):
    unmix = as_host(scan)
    before = np.array(scan.data)
    fit, held_out = unmix.split_counts(0.3, random_state=5)
    assert fit.scan.lazy and held_out.scan.lazy and type(fit) is type(unmix)
    assert fit.scan.dtype == held_out.scan.dtype == unmix.scan.dtype
    a, b = both(scan.data, 0.3, 5)
    assert np.array_equal(values(fit), a) and np.array_equal(values(held_out), b)
    assert np.array_equal(a + b, before) and np.array_equal(scan.data, before)
    assert fit.scan.host == unmix.scan.host and fit.geometry.calibration == unmix.geometry.calibration


def test_nothing_is_read_when_counts_are_split(scan):
    def fails(block):
        raise RuntimeError("read")

    lazy = da.from_array(scan.data, chunks=(3, 3, 20, 26)).map_blocks(fails, dtype="u2", meta=np.empty((0,) * 4, "u2"))
    fit, _ = Unmix(lazy).split_counts()
    with pytest.raises(OSError, match="could not be computed: RuntimeError: read"):
        fit.matrix().statistics()


@pytest.mark.parametrize("dtype", ["u1", "i2", "<u2", ">u2", "u4", "i8", ">f4", "f2", "f8", "?"])
def test_every_real_dtype(dtype):
    data = np.minimum(POISSON, 1 if dtype == "?" else 99).astype(dtype)
    a, b = both(data)
    expected, _ = both(data.astype("u2"))
    assert a.dtype == b.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(a.astype("u2"), expected) and np.array_equal(a.astype("u2") + b, data)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("fraction", [0.5, 0.13, 0.9])
@pytest.mark.parametrize("mean", [0.1, 3.0, 9.0, 300.0])
def test_both_parts_are_independent_poisson_counts(fraction, mean):
    data = np.random.default_rng(1).poisson(mean, (20, 25, 20, 20)).astype("u2")
    a, b = (part.astype(float).ravel() for part in both(data, fraction))
    for part, share in ((a, fraction), (b, 1 - fraction)):
        error = np.sqrt(share * mean / part.size)
        assert abs(part.mean() - share * mean) < 5 * error
        assert part.var() / part.mean() == pytest.approx(1, abs=5 * np.sqrt((2 + 1 / (share * mean)) / part.size))
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(a.size)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("count", [1, 2, 5, 8, 9, 40, 5000])
def test_a_count_is_split_binomially(count):
    found = both(np.full((40, 50, 4, 5), count, "u2"), 0.3)[0].ravel()
    low, high = stats.binom.ppf([1e-3, 1 - 1e-3], count, 0.3)
    edges = np.unique(np.r_[-1, np.arange(low, high + 1, max(1, (high - low) // 8)), count])
    expected = np.diff(stats.binom.cdf(edges, count, 0.3)) * found.size
    observed = np.histogram(found, edges + 0.5)[0]
    use = expected > 5
    chi2 = ((observed - expected)[use] ** 2 / expected[use]).sum()
    assert chi2 < stats.chi2.ppf(1 - 1e-6, max(use.sum() - 1, 1))


def test_positions_pixels_and_seeds_have_their_own_dice():
    data = np.ones((10, 10, 16, 16), "u1")
    a, other = both(data)[0].reshape(100, 256), both(data, seed=1)[0].reshape(100, 256)
    for matrix in (a, a.T, np.stack([a.ravel(), other.ravel()])):
        correlation = np.corrcoef(matrix) - np.eye(len(matrix))
        assert np.abs(correlation).max() < 6 / np.sqrt(matrix.shape[1])
    assert np.array_equal(a, both(data)[0].reshape(100, 256))


def test_blocks_chunks_and_batches_change_nothing(monkeypatch):
    from unmix4d.engine import blocks

    expected = both(POISSON)[0]
    for chunks in ((1, 1, 20, 26), (3, 5, 10, 13), (7, 9, 20, 26)):
        assert np.array_equal(both(da.from_array(POISSON, chunks=chunks))[0], expected)
    monkeypatch.setattr(blocks, "_SLICE_BYTES", 3000)
    monkeypatch.setattr(thinning, "_BATCH_VALUES", 700)
    assert np.array_equal(both(POISSON)[0], expected)


def test_masks_and_a_smaller_scan_change_nothing():
    scan_mask, detector_mask = np.zeros((7, 9), bool), np.zeros((20, 26), bool)
    scan_mask[2], detector_mask[4:9, :8] = True, True
    data = POISSON.copy()
    data[:, :, 3, 3] = 77
    expected = both(data)[0]
    assert np.array_equal(both(data, scan_mask=scan_mask, detector_mask=detector_mask)[0], expected)
    assert np.array_equal(both(data[:4, :5])[0], expected[:4, :5])
    view = Unmix(data).prepare(scan_mask=scan_mask, detector_mask=detector_mask).split_counts()[0]
    assert np.array_equal(view.geometry.scan_mask, scan_mask) and np.array_equal(view.geometry.detector_mask, detector_mask)


def test_excluded_values_may_be_anything():
    scan_mask, detector_mask = np.zeros((7, 9), bool), np.zeros((20, 26), bool)
    scan_mask[2, 3], detector_mask[5, 7] = True, True
    data = POISSON.astype("f4")
    data[2, 3], data[:, :, 5, 7] = np.nan, -0.5
    a, b = both(data, scan_mask=scan_mask, detector_mask=detector_mask)
    expected = both(POISSON)[0]
    kept = ~(scan_mask[:, :, None, None] | detector_mask)
    assert np.array_equal((a + b)[kept], POISSON[kept])
    rest = kept.copy()
    rest[:, :, 5:] = False  # up to the excluded pixel the dice are thrown as before
    assert np.array_equal(a[rest], expected[rest])


def test_splitting_again_throws_other_dice():
    data = np.full((7, 9, 20, 26), 4, "u1")
    first = Unmix(data).split_counts(random_state=0)[0]
    second = values(first.split_counts(random_state=0)[0])
    assert np.corrcoef(second.ravel(), values(first).ravel() - second.ravel())[0, 1] == pytest.approx(0, abs=0.5)
    assert second.mean() == pytest.approx(1, abs=0.02)
    assert thinning.share(first.split_counts(0.3)[1].scan.steps) == pytest.approx(0.35)


def test_the_split_is_recorded(scan):
    fit, held_out = Unmix(scan.data).split_counts(0.8, random_state=3)
    assert fit.scan.steps == ({"split_counts": {"fraction": 0.8, "part": "fit", "random_state": 3}},)
    assert "split_counts" in repr(held_out) and "held out" in repr(held_out)
    drawn = Unmix(scan.data).split_counts()[0].scan.steps[0]["split_counts"]["random_state"]
    assert isinstance(drawn, int)
    assert fit.nmf(2, random_state=0, max_iter=2).settings["view"]["preparation"][0]["split_counts"]["fraction"] == 0.8


@pytest.mark.parametrize("name, value", [("friedel", True), ("average_neighbours", 3), ("hot_pixels", True)])
def test_what_is_no_count_any_more_is_refused(scan, name, value):
    view = Unmix(scan.data, centre=(9.5, 12.5)).prepare(**{name: value})
    with pytest.raises(ValueError, match=f"split_counts needs counts, but this view is prepared with {name}.*split first"):
        view.split_counts()


@pytest.mark.parametrize("lazy", [False, True])
def test_values_that_are_no_counts_are_named(lazy):
    data = POISSON.astype("f4")
    data[4, 5, 6, 7] = 0.5

    def wrapped(data):
        return Unmix(da.from_array(data, chunks=(3, 4, 20, 26)) if lazy else data)

    fit, held_out = wrapped(data).split_counts()
    for view in (fit, held_out):
        with pytest.raises(ValueError, match=r"the scan holds 0.5 at scan position \(4, 5\), detector pixel \(6, 7\)"):
            view.nmf(2)
        with pytest.raises(ValueError, match="whole numbers"):
            view.persist()
    with pytest.raises(ValueError, match=r"holds 0.5 at scan position \(0, 0\)"):
        wrapped(np.full((3, 4, 5, 6), 0.5)).split_counts()
    negative = POISSON.astype("i4")
    negative[1, 1, 2, 2] = -3
    with pytest.raises(ValueError, match=r"the scan holds -3 at scan position \(1, 1\)"):
        wrapped(negative).split_counts()[0].nmf(2)


def test_electrons_first():
    with pytest.raises(ValueError, match="holds 5.5 .*prepare\\(gain=...\\)"):
        Unmix(np.full((3, 4, 5, 6), 5.5)).split_counts()
    a, b = both(POISSON * 11, gain=11.0)
    assert np.array_equal(a, both(POISSON)[0]) and np.array_equal(a + b, POISSON)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(fraction=0), ValueError, "fraction must be above 0"),
        (dict(fraction=1), ValueError, "fraction must be below 1, got 1"),
        (dict(fraction="half"), TypeError, "fraction must be a number"),
        (dict(random_state=-1), ValueError, "random_state must be at least 0"),
    ],
)
def test_wrong_arguments_are_refused(scan, arguments, error, message):
    with pytest.raises(error, match=message):
        Unmix(scan.data).split_counts(**arguments)


# The likelihood of a result


def expectation(result):
    return np.einsum("kij,krc->ijrc", *(a.astype(float) for a in (result.maps, result.patterns)))


@pytest.mark.parametrize("fraction", [0.5, 0.8])
def test_log_likelihood_is_that_of_the_scaled_expectation(scan, fraction):
    fit, held_out = Unmix(scan.data).split_counts(fraction, random_state=0)
    result = fit.nmf(3, precision="double", random_state=0)
    counts, ratio = values(held_out).astype(float), (1 - fraction) / fraction
    expected = expectation(result) * ratio
    assert expected.min() > 0.01  # far above what a pixel without counts is given
    truth = scores.poisson_log_likelihood(counts, expected)
    assert result.log_likelihood(held_out) == pytest.approx(truth, rel=1e-6)
    fitted = values(fit).astype(float)
    mean = fitted.mean((0, 1)) * (fitted.sum((2, 3)) / fitted.mean((0, 1)).sum())[:, :, None, None] * ratio
    for name, other in (("mean", mean), ("saturated", counts)):
        gain = (truth - scores.poisson_log_likelihood(counts, other)) * counts.size / counts.sum()
        assert result.log_likelihood(held_out, relative_to=name) == pytest.approx(gain, rel=1e-4)


@pytest.mark.one_in(5)
def test_log_likelihood_on_every_host(as_host, scan):
    unmix = as_host(scan)
    mask = np.zeros((7, 9), bool)
    mask[3] = True
    views = [v.prepare(scan_mask=mask, bin=2) for v in unmix.split_counts(random_state=0)]
    reference = [v.prepare(scan_mask=mask, bin=2) for v in Unmix(scan.data).split_counts(random_state=0)]
    found = views[0].nmf(3, random_state=0).log_likelihood(views[1])
    assert found == pytest.approx(reference[0].nmf(3, random_state=0).log_likelihood(reference[1]), rel=1e-5)


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_counts_in_pixels_that_had_none_are_not_impossible():
    data = np.random.default_rng(3).poisson(0.004, (12, 14, 20, 26)).astype("u1")
    fit, held_out = Unmix(data).split_counts(random_state=0)
    result = fit.nmf(2, random_state=0)
    impossible = (expectation(result) == 0) & (values(held_out) > 0)
    assert impossible.any()
    assert np.isfinite(result.log_likelihood(held_out)) and np.isfinite(result.log_likelihood(held_out, relative_to="mean"))


def test_the_mean_pattern_gains_nothing(scan):
    fit, held_out = Unmix(scan.data).split_counts(random_state=0)
    result = fit.nmf(1, random_state=0)
    assert result.log_likelihood(held_out, relative_to="mean") == pytest.approx(0, abs=1e-3)


def test_a_loaded_result_can_be_judged(scan, tmp_path):
    fit, held_out = Unmix(scan.data).split_counts(0.7, random_state=0)
    result = fit.prepare(bin=2).nmf(2, random_state=0)
    result.save(tmp_path / "result.h5")
    loaded = unmix4d.load(tmp_path / "result.h5")
    assert loaded.log_likelihood(held_out.prepare(bin=2)) == pytest.approx(result.log_likelihood(held_out.prepare(bin=2)))


def test_views_that_do_not_fit_are_refused(scan):
    fit, held_out = Unmix(scan.data, centre=(9.5, 12.5)).split_counts(random_state=0)
    result = fit.nmf(2, random_state=0)
    mask = np.zeros((7, 9), bool)
    mask[0, 0] = True
    for view, error, message in (
        (scan.data, TypeError, "held_out must be a view"),
        (held_out.prepare(bin=2), ValueError, "must have the detector shape"),
        (held_out.prepare(scan_mask=mask), ValueError, "must have the kept positions"),
        (held_out.prepare(gain=1), ValueError, "must be prepared like the view"),
    ):
        with pytest.raises(error, match=message):
            result.log_likelihood(view)
    with pytest.raises(ValueError, match="relative_to must be one of None, 'mean', 'saturated', got 'max'"):
        result.log_likelihood(held_out, relative_to="max")
    with pytest.raises(ValueError, match="needs expectations that are not negative"):
        fit.svd(2).log_likelihood(held_out)
    averaged = fit.prepare(average_neighbours=3).nmf(2, random_state=0)
    with pytest.raises(ValueError, match="held_out must hold counts, but it is prepared with average_neighbours"):
        averaged.log_likelihood(held_out.prepare(average_neighbours=3))
    with pytest.raises(ValueError, match=r"held_out must hold counts.*scan position \(0, 0\)"):
        Unmix(scan.data / 7).nmf(2, random_state=0).log_likelihood(Unmix(scan.data / 7))


def gains(view, fraction, numbers):
    fit, held_out = (part.persist() for part in view.split_counts(fraction, random_state=0))
    results = [fit.nmf(k, random_state=0) for k in numbers]
    return (
        np.array([r.log_likelihood(held_out, relative_to="mean") for r in results]),
        np.array([r.log_likelihood(fit, relative_to="mean") for r in results]),
    )


@pytest.mark.slow  # a smaller film: tests/choose_k
@pytest.mark.parametrize("name", [f"polycrystal_5_{dose}" for dose in ("low", "mid", "high")])
def test_held_out_likelihood_peaks_at_the_true_number(name):
    """Five grains and the diffuse background; what was fitted is described ever better."""
    phantom = phantoms.case(name)
    numbers = range(4, 9)
    held_out, fitted = gains(Unmix(phantom.data).prepare(bin=2), 0.5, numbers)
    assert numbers[int(held_out.argmax())] == phantom.k == 6
    assert (np.diff(fitted) > 0).all()


@pytest.mark.slow
def test_weak_components_pay_when_they_cost_fewer_pixels():
    """The crystals of 3 and 1 % tell less than the noise of 16384 pixels hides; binned they are worth their price."""
    view = Unmix(phantoms.case("kimoto_A").data)
    assert gains(view, 0.9, (1, 2, 3))[0].argmax() == 1  # two components
    assert gains(view.prepare(bin=4), 0.9, (1, 2, 3, 4, 5))[0].argmax() == 3  # all four


def test_both_parts_split_again_throw_other_dice():
    data = np.random.default_rng(1).poisson(20, (12, 12, 16, 16)).astype(np.uint16)
    first, second = Unmix(data).split_counts(random_state=0)
    parts = [np.asarray(v.scan.patterns).ravel() for half in (first, second) for v in half.split_counts(random_state=0)]
    between = np.corrcoef(parts)[:2, 2:]
    assert np.abs(between).max() < 0.02
