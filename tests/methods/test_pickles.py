"""Views and answers go through pickle and deep copies: the same numbers, as read-only as before."""

import copy
import dataclasses
import pickle

import h5py
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.constraints import NoDarkSpots, SmoothMaps

WAYS = {"pickle": lambda what: pickle.loads(pickle.dumps(what)), "deepcopy": copy.deepcopy}
pytestmark = pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")


@pytest.fixture(scope="module")
def view(small_film):
    return Unmix(small_film.data, centre=small_film.centre, step=2.0, step_unit="nm")


@pytest.fixture(scope="module")
def result(view):
    return view.nmf(3, random_state=0)


VIEWS = {
    "fresh": lambda u: u,
    "prepared": lambda u: u.prepare(direct_beam=3, bin=2, average_neighbours=1),
    "hot pixels": lambda u: u.prepare(hot_pixels=8.0),
    "held out": lambda u: u.split_counts(random_state=0)[1],
    "angular average": lambda u: u.angular_average(),
    "radial variance": lambda u: u.radial_variance(),
    "symmetry": lambda u: u.symmetry(),
    "polar": lambda u: u.polar(),
    "scaled": lambda u: u.polar().scaled("minmax"),
    "concatenated": lambda u: u.polar().concatenate(u.symmetry()),
    "persisted": lambda u: u.prepare(bin=2).persist(),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", VIEWS)
def test_views(view, name):
    made = VIEWS[name](view)
    copies = [way(made) for way in WAYS.values()]
    assert {type(again) for again in copies} == {type(made)} and {repr(again) for again in copies} == {repr(made)}
    values = made.matrix().gather()
    for again in copies:
        np.testing.assert_array_equal(again.matrix().gather(), values)
    used = [way(made) for way in WAYS.values()]  # once more, with what it keeps by now
    patterns = made.svd(2).patterns
    for again in used:
        np.testing.assert_array_equal(again.svd(2).patterns, patterns)


ANSWERS = {
    "nmf": lambda u, r: r,
    "constrained": lambda u, r: u.nmf(2, constraints=[SmoothMaps(sigma=1.0), NoDarkSpots()], random_state=0, max_iter=5),
    "pca": lambda u, r: u.pca(2),
    "ica": lambda u, r: u.ica(2, random_state=0),
    "vca": lambda u, r: u.vca(2, random_state=0),
    "of features": lambda u, r: u.polar().nmf(2, random_state=0),
    "merged": lambda u, r: u.merge_nmf(4, n_runs=2, random_state=0),
    "consensus": lambda u, r: u.merge_nmf(4, n_runs=2, random_state=0).consensus(min_share=0.1),
    "fuzzy": lambda u, r: u.fuzzy_cmeans(2, random_state=0),
    "validity": lambda u, r: u.fuzzy_validity([2, 3], random_state=0),
    "choice": lambda u, r: u.choose_k([2, 3], n_starts=1, random_state=0),
    "cao2025": lambda u, r: u.choose_k([2, 3], n_starts=1, rule="cao2025", random_state=0),
    "series": lambda u, r: u.nmf_series([2, 3], random_state=0),
    "scree": lambda u, r: u.scree(5),
    "compression": lambda u, r: u.compress(8),
    "groups of positions": lambda u, r: u.group_rotated(),
    "groups of components": lambda u, r: r.group_rotated(),
    "grains": lambda u, r: r.grains(min_size=1),
    "overlap": lambda u, r: r.overlap(),
    "quality": lambda u, r: r.report_quality(),
    "similarity": lambda u, r: r.pattern_similarity("cross_correlation"),
    "line profile": lambda u, r: r.overlap().profile((0, 0), (5, 5)),
    "phantom": lambda u, r: phantoms.random_scan(shape=(3, 4, 10, 20), seed=0),
}


def alike(one, other, seen):
    """Recursively: what an answer is made of, arrays with their values and whether they can be written to."""
    if id(one) in seen:
        return
    seen.add(id(one))
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    elif dataclasses.is_dataclass(one) and not isinstance(one, type):
        for field in dataclasses.fields(one):
            before, after = (getattr(each, field.name) for each in (one, other))
            alike(before, after, seen)
            if isinstance(before, np.ndarray):
                # What was handed out as read-only stays so; the patterns of a scan are the user's.
                assert before.flags.writeable or not after.flags.writeable or type(one).__name__ == "Scan", field.name
    elif hasattr(one, "items"):
        assert list(one) == list(other)
        for key in one:
            alike(one[key], other[key], seen)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for pair in zip(one, other):
            alike(*pair, seen)
    elif isinstance(one, (int, str, bool)):
        assert one == other


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", ANSWERS)
def test_answers(view, result, name):
    made = ANSWERS[name](view, result)
    repr(made)
    if hasattr(made, "table"):
        made.table  # noqa: B018  (kept from now on)
    for way in WAYS.values():
        again = way(made)
        assert repr(again) == repr(made)
        alike(made, again, set())


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_reads_its_own_scan(small_film, way):
    data = small_film.data.copy()
    result = Unmix(data, centre=small_film.centre).nmf(2, random_state=0)
    again, known = WAYS[way](result), result.mean_patterns()
    data[:] = 0
    np.testing.assert_array_equal(again.mean_patterns(), known)


def test_a_choice_is_still_read_only(view):
    again = pickle.loads(pickle.dumps(view.choose_k([2, 3], n_starts=1, random_state=0)))
    assert again[again.recommended].k == again.recommended
    with pytest.raises(TypeError):
        again.table["loss"] = 0
    assert not again.ks.flags.writeable and not any(column.flags.writeable for column in again.table.values())


@pytest.mark.parametrize("way", WAYS)
def test_signals_and_cubes(small_film, way):
    pyxem = pytest.importorskip("pyxem")
    signal = pyxem.signals.Diffraction2D(small_film.data)
    for host in (signal, signal.as_lazy()):
        fresh = WAYS[way](host.unmix)
        np.testing.assert_array_equal(fresh.mean_pattern(), Unmix(small_film.data).mean_pattern())
        prepared = host.unmix.prepare(bin=2)
        np.testing.assert_array_equal(WAYS[way](prepared).mean_pattern(), prepared.mean_pattern())
    answer = WAYS[way](signal.unmix.nmf(2, random_state=0))
    assert type(answer.to_host()[1]).__name__ == "Diffraction2D"


@pytest.mark.parametrize("way", WAYS)
def test_cubes(small_film, way):
    py4DSTEM = pytest.importorskip("py4DSTEM")
    cube = py4DSTEM.DataCube(small_film.data.copy())
    np.testing.assert_array_equal(WAYS[way](cube.unmix).mean_pattern(), Unmix(small_film.data).mean_pattern())
    assert WAYS[way](cube.unmix.nmf(2, random_state=0)).to_host()[0].data.shape == (2, 10, 8)


@pytest.mark.parametrize("way", WAYS)
def test_a_memory_map(small_film, way, tmp_path):
    np.save(tmp_path / "scan.npy", small_film.data)
    view = Unmix(np.load(tmp_path / "scan.npy", mmap_mode="r"))
    np.testing.assert_array_equal(WAYS[way](view).mean_pattern(), view.mean_pattern())


@pytest.mark.parametrize("way", WAYS)
def test_a_view_of_an_open_file_says_why_not(small_film, way, tmp_path):
    import dask.array as da

    with h5py.File(tmp_path / "scan.h5", "w") as file:
        scan = file.create_dataset("scan", data=small_film.data, chunks=(5, 4, 28, 28))
        view = Unmix(scan, centre=small_film.centre)
        for what in (view, view.nmf(2, random_state=0), Unmix(da.from_array(scan)), view.prepare(bin=2), view.polar()):
            with pytest.raises(TypeError, match="a view of an open HDF5 file can be neither pickled nor copied.*persist"):
                WAYS[way](what)
        held = WAYS[way](view.persist())
    np.testing.assert_array_equal(held.mean_pattern(), Unmix(small_film.data).mean_pattern())


def test_a_saved_result_without_its_data(result, tmp_path):
    result.save(tmp_path / "r.h5")
    loaded = unmix4d.load(tmp_path / "r.h5")
    again = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(again.patterns, loaded.patterns)
    assert again.settings == loaded.settings and again.geometry.centre == loaded.geometry.centre
