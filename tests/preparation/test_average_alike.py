"""Averaging what is alike: less noise, boundaries as sharp as before, and the same for every kind of input."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms, scores

SHAPE = (14, 16)


def two_grains(dose=300, seed=0, **more):
    """Two grains side by side, the left one in columns 0 to 7; the counts and their expectation."""
    rng = np.random.default_rng(seed)
    patterns = rng.random((2, 12, 13)) ** 6
    patterns *= dose / patterns.sum(axis=(1, 2), keepdims=True)
    mean = np.where((np.arange(SHAPE[1]) < 8)[None, :, None, None], patterns[0], patterns[1]) * np.ones((SHAPE[0], 1, 1, 1))
    return rng.poisson(mean).astype(np.uint16), mean, patterns


def values(view):
    return np.asarray(view.scan.patterns)


def shares_of(data, patterns):
    """Shares of the two grains in every position, least squares."""
    flat = np.linalg.lstsq(patterns.reshape(2, -1).T, data.reshape(-1, patterns[0].size).T, rcond=None)[0]
    return flat.reshape(2, *SHAPE)


def test_noise_falls_and_the_boundary_stays():
    counts, mean, patterns = two_grains()
    found = values(Unmix(counts).prepare(average_alike=True))
    around = values(Unmix(counts).prepare(average_neighbours=3))
    noise = ((found - mean) ** 2).mean()
    assert noise < 0.1 * ((counts - mean) ** 2).mean() and noise < 0.5 * ((around - mean) ** 2).mean()
    foreign = shares_of(found, patterns)[1][:, 7]  # the last column of the first grain
    assert abs(foreign.mean()) < 0.02 and shares_of(around, patterns)[1][:, 7].mean() > 0.3


def test_one_position_that_differs_is_not_averaged_away():
    counts, _, patterns = two_grains(dose=3000)
    counts[5, 3] = np.random.default_rng(1).poisson(patterns[1])
    share = shares_of(values(Unmix(counts).prepare(average_alike=True)), patterns)[1]
    assert share[5, 3] > 0.95 and abs(share[5, 4]) < 0.02


def test_without_noise_nothing_unlike_is_mixed():
    phantom = phantoms.polycrystal(n_grains=3, scan_shape=(10, 9), detector_shape=(24, 22), dose=None, seed=1)
    found = values(Unmix(phantom.data).prepare(average_alike=True))
    assert np.abs(found - phantom.data).max() < 0.02 * phantom.data.max()


@pytest.mark.parametrize("chunks", [(3, 5, 12, 13), (14, 1, 6, 13)])
def test_lazy_is_as_in_memory_and_reads_the_scan_once_more_at_most(chunks):
    import dask.array as da

    counts, _, _ = two_grains()
    lazy = Unmix(da.from_array(counts, chunks=chunks)).prepare(average_alike=5)
    assert lazy.scan.lazy and lazy.scan.dtype == np.float32
    np.testing.assert_allclose(values(lazy), values(Unmix(counts).prepare(average_alike=5)), rtol=1e-3, atol=1e-3)


def test_excluded_positions_have_no_part_and_may_be_nan():
    counts, mean, _ = two_grains()
    data = counts.astype(np.float64)
    mask = np.zeros(SHAPE, bool)
    mask[4, 2] = mask[13] = True
    data[mask] = np.nan
    found = values(Unmix(data).prepare(scan_mask=mask, average_alike=True))
    assert np.isfinite(found[~mask]).all() and ((found - mean)[~mask] ** 2).mean() < 0.2 * ((counts - mean) ** 2).mean()


@pytest.mark.parametrize("gain", [37.5, 0.02])
def test_other_units_than_electrons_change_nothing(gain):
    counts, _, _ = two_grains()
    plain, scaled = (values(Unmix(data).prepare(average_alike=True)) for data in (counts, counts * gain))
    np.testing.assert_allclose(scaled / gain, plain, rtol=1e-2, atol=1e-2)


def test_maps_of_few_electrons_are_nearer_to_the_truth():
    film = phantoms.polycrystal(
        n_grains=5, overlap=0.3, edge=0.5, background=0, scan_shape=(24, 22), detector_shape=(40, 38), dose=250, seed=14
    )
    u = Unmix(film.data, centre=film.centre)
    plain, alike = (view.nmf(5, n_starts=2, random_state=0) for view in (u, u.prepare(average_alike=True)))
    before, after = (scores.map_correlation(result.maps, film.maps).mean() for result in (plain, alike))
    assert after > 0.995 and 1 - after < 0.7 * (1 - before)


def test_few_electrons_are_said_whatever_their_unit():
    counts, _, _ = two_grains(dose=100)
    for data in (counts, counts * 12.5):
        with pytest.warns(UnmixWarning, match=r"with (9\d|1\d\d)(\.\d)? electrons per pattern, nmf of a view"):
            Unmix(data).prepare(average_alike=True)


def test_what_was_done_is_recorded_and_said():
    counts, _, _ = two_grains()
    view = Unmix(counts).prepare(average_alike=True)
    record = view.scan.steps[-1]["average_alike"]
    assert record["window"] == 5 and record["compared_by"] >= 2 and "average_alike" in repr(view)
    with pytest.raises(ValueError, match="split_counts needs counts.*average_alike"):
        view.split_counts()
    reasons = view.choose_k([1, 2, 3], random_state=0).reasons
    assert any("average_alike the noise of neighbouring positions is alike" in reason for reason in reasons)


def test_small_scans():
    counts, _, _ = two_grains()
    assert values(Unmix(counts[:1]).prepare(average_alike=7)).shape == (1, 16, 12, 13)
    with pytest.warns(UnmixWarning, match="does nothing on a scan of one position"):
        Unmix(counts[:1, :1]).prepare(average_alike=True)
    with pytest.warns(UnmixWarning, match="with 0 electrons"):
        assert not values(Unmix(np.zeros((4, 5, 6, 7))).prepare(average_alike=True)).any()


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"average_alike": 4}, ValueError, "average_alike must be odd"),
        ({"average_alike": 1}, ValueError, "average_alike must be at least 3"),
        ({"average_alike": "much"}, TypeError, "average_alike must be a whole number"),
        ({"average_alike": True, "average_neighbours": 3}, ValueError, "leave average_neighbours out"),
    ],
)
def test_what_cannot_be_done_is_refused(options, kind, says):
    with pytest.raises(kind, match=says):
        Unmix(two_grains()[0]).prepare(**options)
