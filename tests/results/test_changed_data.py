"""A result knows the data it came from: what reads them again refuses others, in the pass that it makes anyway."""

import h5py
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix
from unmix4d.core.errors import ChangedData
from unmix4d.results.data_of_a_result import linked_matrix

SHAPE = (6, 8, 16, 18)
CENTRE = (7.5, 8.5)
CHANGED = "needs the scan as it was when this was made from it, but its data have changed"


def counts(seed=0, scale=30.0):
    rng = np.random.default_rng(seed)
    patterns, maps = rng.random((3, *SHAPE[2:])), rng.dirichlet(np.ones(3), SHAPE[:2])
    return rng.poisson(scale * np.einsum("rck,kij->rcij", maps, patterns)).astype("u2")


def nmf(data, **options):
    return Unmix(data, centre=CENTRE).nmf(2, random_state=0, max_iter=5, **options)


READERS = {
    "mean_patterns": lambda r, path: r.mean_patterns(),
    "single": lambda r, path: r.mean_patterns(single=True),
    "report_quality": lambda r, path: r.report_quality(),
    "grains": lambda r, path: r.grains(min_size=1).mean_patterns(),
    "dissimilarity": lambda r, path: r.grains(min_size=1).dissimilarity(),
    "explore": lambda r, path: r.explore(1, 1),
    "scree": lambda r, path: r.report(path / "s.html", sections=["number"]),
    "quality": lambda r, path: r.report(path / "q.html", sections=["quality"]),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", READERS)
def test_what_reads_the_scan_again_refuses_data_that_changed_in_place(name, tmp_path):
    data = counts()
    result = nmf(data)
    READERS[name](result, tmp_path)
    before = data.copy()
    data[...] = data[::-1, ::-1] * 3
    with pytest.raises(ChangedData, match=CHANGED):
        READERS[name](result, tmp_path)
    data[...] = before
    READERS[name](result, tmp_path)


CHANGES = {
    "one pattern": lambda d: d[2, 3].fill(7),
    "two patterns exchanged": lambda d: d.__setitem__((slice(0, 2), 0), d[1::-1, 0].copy()),
    "every pattern mirrored": lambda d: d.__setitem__(..., d[:, :, ::-1].copy()),
    "one pixel": lambda d: d[:, :, 4, 5].fill(60000),
    "nothing left": lambda d: d.fill(0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_small_changes_and_those_that_keep_the_totals_are_seen(name):
    data = counts()
    result = nmf(data)
    CHANGES[name](data)
    with pytest.raises(ChangedData, match=CHANGED):
        result.mean_patterns()


def test_nan_that_came_in_is_seen():
    data = counts().astype("f4")
    result = nmf(data)
    data[1, 1, 2, 2] = np.nan
    with pytest.raises(ChangedData, match="1 of 48 patterns"):
        result.mean_patterns()


def _memmap(folder):
    np.save(folder / "scan.npy", counts())
    return np.load(folder / "scan.npy", mmap_mode="r+")


def _lazy(folder):
    import dask.array as da

    class Store:  # without .copy(), which dask would call
        shape, dtype, ndim, chunks = SHAPE, np.dtype("u2"), 4, (2, 8, *SHAPE[2:])
        data = counts()

        def __getitem__(self, key):
            return self.data[key]

        def __setitem__(self, key, value):
            self.data[key] = value

    store = Store()
    return da.from_array(store, chunks=store.chunks), store


def _hdf5(folder):
    return h5py.File(folder / "scan.h5", "w").create_dataset("scan", data=counts())


HOLDERS = {"memmap": _memmap, "lazy": _lazy, "hdf5": _hdf5}


@pytest.mark.parametrize("name", HOLDERS)
def test_files_and_stores_that_changed_are_seen(name, tmp_path):
    held = HOLDERS[name](tmp_path)
    data, store = held if isinstance(held, tuple) else (held, held)
    result = nmf(data)
    known = result.mean_patterns()
    store[2] = 3
    with pytest.raises(ChangedData, match="8 of 48 patterns"):
        result.mean_patterns()
    store[2] = counts()[2]
    np.testing.assert_array_equal(result.mean_patterns(), known)


def test_the_data_of_a_pyxem_signal():
    pytest.importorskip("pyxem")
    from pyxem.signals import Diffraction2D

    signal = Diffraction2D(counts())
    result = signal.unmix.nmf(2, random_state=0, max_iter=5)
    known = result.mean_patterns()
    signal.data = counts(1)  # another array: the result still has its own
    np.testing.assert_array_equal(result.mean_patterns(), known)
    result = signal.unmix.nmf(2, random_state=0, max_iter=5)
    signal.data[0] *= 2
    with pytest.raises(ChangedData, match="8 of 48 patterns"):
        result.report_quality()


def test_the_data_of_a_datacube():
    py4DSTEM = pytest.importorskip("py4DSTEM")

    cube = py4DSTEM.DataCube(counts())
    result = cube.unmix.nmf(2, random_state=0, max_iter=5)
    result.mean_patterns()
    cube.data[3, 4] = 0
    with pytest.raises(ChangedData, match="1 of 48 patterns"):
        result.mean_patterns()


def test_masks():
    data, mask = counts(), np.zeros(SHAPE[:2], bool)
    mask[0] = True
    view = Unmix(data, centre=CENTRE).prepare(scan_mask=mask, direct_beam=2)
    result = view.nmf(2, random_state=0, max_iter=5)
    known = result.mean_patterns()
    data[0] = 9  # excluded: it took no part
    np.testing.assert_array_equal(result.mean_patterns(), known)
    data[1] = 9
    with pytest.raises(ChangedData, match="8 of 40 patterns"):
        result.mean_patterns()


@pytest.mark.parametrize("options", [{"bin": 2}, {"gain": 2.0}, {"average_neighbours": 1}], ids=str)
def test_a_prepared_view_says_so_or_has_kept_the_data(options):
    data = counts()
    result = Unmix(data, centre=CENTRE).prepare(**options).nmf(2, random_state=0, max_iter=5)
    known = result.mean_patterns()
    data[1] = 9
    try:
        again = result.mean_patterns()
    except ChangedData:
        return
    np.testing.assert_array_equal(again, known)  # dask copies some arrays when it is given them


@pytest.mark.parametrize("method", ["svd", "pca", "ica", "vca"])
def test_signed_data_are_not_refused_for_their_rounding(method):
    data = np.random.default_rng(0).normal(0, 1e3, (30, 40, 16, 16)).astype("f4")
    if method == "vca":
        data = np.abs(data)
    result = getattr(Unmix(data, centre=CENTRE), method)(2)
    result.report_quality()
    data[3, 3] += 1
    with pytest.raises(ChangedData, match="1 of 1200 patterns"):
        result.report_quality()


@pytest.mark.parametrize("dtype, value", [("u4", 2**32 - 1), ("f2", 60000), ("u2", 65535), ("f8", 1e12)])
def test_large_values_are_not_refused_for_their_rounding(dtype, value):
    data = np.random.default_rng(0).random((40, 40, 16, 16))
    data = (data * value).astype(dtype)
    Unmix(data, centre=CENTRE).svd(2).mean_patterns()


def test_features_fitted_patterns_and_residuals():
    data = counts()
    for view in (Unmix(data, centre=CENTRE).angular_average(rings=[(1, 4), (4, 7)]), Unmix(data, centre=CENTRE).polar()):
        result = view.nmf(2, random_state=0, max_iter=5)
        result.mean_patterns()
        data[0, 0] += 1
        for ask in (result.residual_map, result.mean_patterns):
            with pytest.raises(ChangedData, match="1 of 48 patterns"):
                ask()
        data[0, 0] -= 1
        assert np.isfinite(result.residual_map()).all()


@pytest.mark.filterwarnings("ignore:less than half of the positions are pure")
def test_clusters_inside_clusters_and_agreed_runs():
    data = counts()
    clusters = Unmix(data, centre=CENTRE).fuzzy_cmeans(2, random_state=0)
    merged = Unmix(data, centre=CENTRE).merge_nmf(4, n_runs=2, random_state=0)
    clusters.subclusters(0, 2, min_membership=0, random_state=0)
    merged.consensus(min_share=0.1)
    data[:] = data[::-1].copy()
    with pytest.raises(ChangedData, match="subclusters " + CHANGED):
        clusters.subclusters(0, 2, min_membership=0, random_state=0)
    with pytest.raises(ChangedData, match="consensus " + CHANGED):
        merged.consensus(min_share=0.1)


def test_results_of_a_choice_a_series_and_a_shared_compression():
    data = counts()
    view = Unmix(data, centre=CENTRE)
    choice, series, low = view.choose_k([1, 2], n_starts=1, random_state=0), view.nmf_series([1, 2]), view.compress(8)
    view.nmf(2, compression=low, random_state=0)
    data[1, 1] = 0
    for result in (choice[2], series[1]):
        with pytest.raises(ChangedData, match="1 of 48 patterns"):
            result.mean_patterns()
    with pytest.raises(ChangedData, match="compression " + CHANGED):
        view.nmf(2, compression=low, random_state=0)


def test_a_loaded_result_is_linked_to_what_it_came_from(tmp_path):
    data = counts()
    nmf(data).save(tmp_path / "r.h5")
    result = unmix4d.load(tmp_path / "r.h5", data=Unmix(data, centre=CENTRE))
    result.mean_patterns()
    data[4, 4] += 1
    with pytest.raises(ChangedData, match="1 of 48 patterns"):
        result.mean_patterns()
    with pytest.raises(ValueError, match="its mean pattern or masks differ"):
        unmix4d.load(tmp_path / "r.h5", data=Unmix(data, centre=CENTRE))


def test_the_look_is_part_of_the_pass():
    result = nmf(counts())
    matrix = linked_matrix(result, "a test")
    matrix.transpose_times(np.ones((48, 1)))
    matrix.times(np.ones((SHAPE[2] * SHAPE[3], 1)))
    assert matrix.passes == 2


def test_what_does_not_read_the_scan_needs_none(tmp_path):
    data = counts()
    result = nmf(data)
    known = result.reconstruct(1, 1), result.residual_map(), result.labels()
    data[:] = 0
    for before, after in zip(known, (result.reconstruct(1, 1), result.residual_map(), result.labels())):
        np.testing.assert_array_equal(before, after)
    result.to_host()
    result.save(tmp_path / "r.h5")
