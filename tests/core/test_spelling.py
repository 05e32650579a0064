"""Arguments by the names of the peers, and what is said of those that nobody has."""

import inspect
import pickle

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=2, scan_shape=(8, 9), detector_shape=(32, 32), dose=2e3, seed=0)


@pytest.fixture(scope="module")
def view(film):
    return Unmix(film.data, center=film.centre)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("theirs, ours", [
    (lambda u: u.nmf(n_components=2, seed=3), lambda u: u.nmf(2, random_state=3)),  # scikit-learn
    (lambda u: u.svd(output_dimension=2), lambda u: u.svd(2)),  # HyperSpy
    (lambda u: u.nmf(2, random_state=3, max_iterations=4, n_init=2, tolerance=0),
     lambda u: u.nmf(2, random_state=3, max_iter=4, n_starts=2, tol=0)),
    (lambda u: u.fuzzy_cmeans(n=2, seed=3, fuzziness=1.5), lambda u: u.fuzzy_cmeans(2, random_state=3, m=1.5)),
    (lambda u: u.fuzzy_cmeans(n_components=2, seed=3), lambda u: u.fuzzy_cmeans(2, random_state=3)),
    (lambda u: u.prepare(binning=2, signal_mask=np.eye(32) > 0).nmf(k=2, seed=3),
     lambda u: u.prepare(bin=2, detector_mask=np.eye(32) > 0).nmf(2, random_state=3)),
])  # fmt: skip
def test_names_of_the_peers_are_taken(view, theirs, ours):
    assert np.array_equal(theirs(view).maps, ours(view).maps)


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_features_and_results_take_them_too(view):
    features = view.angular_average(rings=[(2, 8), (8, 14)])
    assert np.array_equal(features.nmf(n_components=2, seed=1).maps, features.nmf(2, random_state=1).maps)
    result = view.nmf(2, random_state=0)
    with pytest.raises(TypeError, match=r"grains\(\) has no argument minsize: did you mean min_size\?"):
        result.grains(minsize=2)


@pytest.mark.parametrize("call, said", [
    (lambda u: u.nmf(2, smoothing=1), r"nmf\(\) has no argument smoothing: did you mean smooth\?"),
    (lambda u: u.nmf(2, constrains=[]), r"nmf\(\) has no argument constrains: did you mean constraints\?"),
    (lambda u: u.svd(2, xyzzy=1), r"svd\(\) has no argument xyzzy: it has n, precision, random_state"),
    (lambda u: u.nmf(2, n_components=3), r"nmf\(\) got n twice, once as n_components"),
    (lambda u: u.nmf(n=2, k=3), r"nmf\(\) got n twice, once as k"),
    (lambda u: u.nmf(n_components=2, k=3), r"nmf\(\) got n twice"),
    # As many as it begins with are not the components that are found.
    (lambda u: u.merge_nmf(n_components=6), r"merge_nmf\(\) .* n_components: did you mean initial_components\?"),
    (lambda u: u.prepare(direct_beem=3), r"prepare\(\) has no argument direct_beem: did you mean direct_beam\?"),
])  # fmt: skip
def test_unknown_names_are_told_the_near_one(view, call, said):
    with pytest.raises(TypeError, match=said):
        call(view)


def test_signatures_and_pickles_are_as_before(view):
    assert [*inspect.signature(Unmix.nmf).parameters][:3] == ["view", "n", "constraints"]
    assert Unmix.nmf.__doc__ == unmix4d.methods.nmf.nmf.__doc__ and Unmix.nmf.__name__ == "nmf"
    assert pickle.loads(pickle.dumps(view)).shape == view.shape


def test_seeds_that_are_drawn_can_be_typed_again(view):
    first, second = (view.nmf(2, max_iter=3) for _ in range(2))
    seed = first.settings["random_state"]
    assert 0 <= seed < 100_000 and seed != second.settings["random_state"]
    assert np.array_equal(view.nmf(2, max_iter=3, random_state=seed).maps, first.maps)


@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
def test_choose_k_has_a_range(film):
    few = Unmix(film.data[:1, :4], centre=film.centre)
    assert [*few.choose_k(random_state=0, max_iter=3).ks] == [1, 2, 3, 4]
