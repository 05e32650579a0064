"""Fuzzy clustering of points: known answers, the formulas of the papers, scikit-learn's own checks, degenerate input."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator

from unmix4d import FuzzyCMeans
from unmix4d.clustering.fuzzy import fuzzy_cmeans, memberships_of, weighted_moments
from unmix4d.clustering.memberships import Fuzzifier, HighContrast, membership_rule
from unmix4d.clustering.metrics import GustafsonKessel, Spherical
from unmix4d.clustering.validity import pure_fraction, validity


def blobs(n=200, d=3, c=4, seed=0, spread=0.7):
    """Round clusters, and which point is in which."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-10, 10, (c, d))
    labels = np.repeat(np.arange(c), n)
    return centres[labels] + spread * rng.standard_normal((c * n, d)), labels


def sticks(n=1500, seed=0):
    """Two long parallel clusters and one across their ends."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((3, n, 2)) * [3.0, 0.3]
    points[2] = points[2][:, ::-1]
    return (points + np.array([(0, 0), (0, 3.0), (9, 1.5)])[:, None]).reshape(-1, 2), np.repeat(np.arange(3), n)


def test_memberships_are_those_of_the_formula():
    squares = np.random.default_rng(0).uniform(0.1, 9, (3, 50))
    for m in (1.3, 2.0, 3.5):
        u = Fuzzifier(m).memberships(squares.copy())
        by_hand = np.array([[1 / sum((d / e) ** (1 / (m - 1)) for e in column) for d in column] for column in squares.T]).T
        assert np.allclose(u, by_hand, rtol=1e-12)
        assert np.allclose(Fuzzifier(m).weights(u), by_hand**m, rtol=1e-12)


@pytest.mark.parametrize("contrast", [0.05, 0.3, 0.7, 0.99])
def test_memberships_of_high_contrast_minimise_their_objective(contrast):
    rng = np.random.default_rng(1)
    rule, squares = HighContrast(contrast), rng.uniform(0, 4, (4, 30))

    def objective(u):
        return (rule.weights(u) * squares).sum(0)

    u = rule.memberships(squares.copy())
    assert np.allclose(u.sum(0), 1, atol=1e-12) and u.min() >= 0
    best = objective(u)
    for _ in range(200):
        # Any other point of the simplex, near or far, is no better.
        other = u + rng.uniform(0, 1) ** 3 * (rng.dirichlet(np.ones(4), 30).T - u)
        assert (objective(other) >= best - 1e-12).all()


def test_no_contrast_is_fuzzy_c_means_and_full_contrast_hard_clusters():
    squares = np.random.default_rng(2).uniform(0.1, 4, (3, 40))
    assert np.allclose(HighContrast(0).memberships(squares.copy()), Fuzzifier(2).memberships(squares.copy()), atol=1e-12)
    hard = HighContrast(1 - 1e-9).memberships(squares.copy())
    assert np.array_equal(hard, (squares == squares.min(0)) * 1.0)


def test_points_on_a_centre_belong_to_it():
    squares = np.array([[0.0, 1.0, 0.0], [4.0, 0.0, 0.0], [9.0, 2.0, 1.0]])
    for rule in (Fuzzifier(2), Fuzzifier(1.2), HighContrast(0.4)):
        u = rule.memberships(squares.copy())
        assert np.allclose(u, [[1, 0, 0.5], [0, 1, 0.5], [0, 0, 0]], atol=1e-12)


def test_distances_keep_their_digits_near_a_centre():
    points = 1e4 + np.array([[0.0, 1e-3, 5.0], [0, 0, 0]])
    squares = Spherical(points).squares(points, points[:, :1].T, slice(None))
    assert np.allclose(squares, [[0, 1e-6, 25]], rtol=1e-6, atol=0)


def test_round_clusters_are_found_with_the_objective_of_the_definition():
    points, labels = blobs()
    model = fuzzy_cmeans(points, 4, rule=Fuzzifier(2), n_starts=3, seed=0)
    assert adjusted_rand_score(labels, model.memberships.argmax(1)) == 1
    squares = ((points[:, None] - model.centres) ** 2).sum(-1)
    assert model.objective == pytest.approx((model.memberships**2 * squares).sum(), rel=1e-10)
    # A fixed point: the centres are the weighted means for these memberships.
    _, means, _ = weighted_moments(points, model.memberships**2)
    assert np.allclose(means, model.centres, atol=1e-5)
    assert model.converged and model.objective == min(model.objectives)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_long_clusters_need_their_covariance(seed):
    points, labels = sticks(seed=seed)
    found = {
        kind: adjusted_rand_score(labels, FuzzyCMeans(3, covariance=kind, n_starts=5, random_state=0).fit(points).labels_)
        for kind in ("spherical", "gustafson-kessel")
    }
    assert found["gustafson-kessel"] >= 0.99 and found["spherical"] < 0.9


def test_covariances_are_those_of_the_clusters():
    points, _ = sticks()
    model = FuzzyCMeans(3, covariance="gustafson-kessel", n_starts=5, random_state=0).fit(points)
    across = np.argsort(model.cluster_centers_[:, 0])[-1]
    ratio = model.covariances_[across, 1, 1] / model.covariances_[across, 0, 0]
    assert ratio == pytest.approx(100, rel=0.3)  # (3 / 0.3)^2


def test_distances_of_gustafson_and_kessel_by_hand():
    rng = np.random.default_rng(3)
    points, covariance = rng.standard_normal((2, 30)), np.array([[4.0, 1.0], [1.0, 0.5]])
    metric = GustafsonKessel(points, 1, shrinkage=0)
    metric.update(covariance[None])
    shape = np.sqrt(np.linalg.det(covariance)) * np.linalg.inv(covariance)
    by_hand = np.einsum("dn,de,en->n", points, shape, points)
    assert np.allclose(metric.squares(points, np.zeros((1, 2)), slice(None))[0], by_hand, rtol=1e-10)
    assert np.linalg.det(shape) == pytest.approx(1)


def test_gustafson_kessel_does_not_see_the_units_of_the_axes():
    points, labels = sticks()
    plain, scaled = (
        FuzzyCMeans(3, covariance="gustafson-kessel", n_starts=5, random_state=0).fit(points * scale).memberships_
        for scale in (1, [1, 3.0])
    )
    order = [int(np.argmax([(plain[:, i] * s).sum() for s in scaled.T])) for i in range(3)]
    assert sorted(order) == [0, 1, 2]
    assert np.abs(plain - scaled[:, order]).max() < 0.02


@pytest.mark.parametrize("options", [{}, {"covariance": "gustafson-kessel"}, {"contrast": 0.5}, {"m": 1.5}], ids=str)
def test_invariances(options):
    points, _ = blobs(seed=4)
    first = FuzzyCMeans(4, n_starts=4, random_state=0, **options).fit(points)
    moved = FuzzyCMeans(4, n_starts=4, random_state=0, **options).fit(7 * points + 1e3)
    mixed = np.random.default_rng(0).permutation(len(points))
    permuted = FuzzyCMeans(4, n_starts=4, random_state=1, **options).fit(points[mixed])
    for other, points_back in ((moved.memberships_, np.arange(len(points))), (permuted.memberships_, np.argsort(mixed))):
        other = other[points_back]
        order = [int(np.argmax(first.memberships_[:, i] @ other)) for i in range(4)]
        assert np.allclose(first.memberships_, other[:, order], atol=1e-4)
    assert moved.objective_ == pytest.approx(49 * first.objective_, rel=1e-6)


def test_starts_do_not_depend_on_one_another():
    points, _ = blobs(c=6, seed=5, spread=2.5)
    many = FuzzyCMeans(6, n_starts=4, random_state=0).fit(points)
    again = FuzzyCMeans(6, n_starts=4, random_state=0).fit(points)
    assert np.array_equal(many.memberships_, again.memberships_)
    fewer = FuzzyCMeans(6, n_starts=2, random_state=0).fit(points)
    assert np.array_equal(many.objectives_[:2], fewer.objectives_)


@pytest.mark.parametrize("kind", ["spherical", "gustafson-kessel"])
def test_many_points_are_started_on_a_sample_and_finished_on_all(monkeypatch, kind):
    from unmix4d.clustering import fuzzy

    points, labels = sticks(n=3000)
    whole = FuzzyCMeans(3, covariance=kind, n_starts=3, random_state=0).fit(points)
    monkeypatch.setattr(fuzzy, "_SAMPLE", 1500)
    part = FuzzyCMeans(3, covariance=kind, n_starts=3, random_state=0).fit(points)
    assert part.objective_ == pytest.approx(whole.objective_, rel=1e-6)
    assert adjusted_rand_score(whole.labels_, part.labels_) > 0.999
    assert part.objectives_.min() == pytest.approx(part.objective_, rel=0.1)


def test_iterations_are_all_done_without_a_tolerance():
    points, _ = blobs()
    assert FuzzyCMeans(4, max_iter=37, tol=0, random_state=0).fit(points).n_iter_ == 37
    assert FuzzyCMeans(4, random_state=0).fit(points).n_iter_ < 37


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.one_in(3)
@pytest.mark.parametrize("options", [{}, {"covariance": "gustafson-kessel"}, {"contrast": 0.4}])
def test_the_estimator_passes_scikit_learns_own_checks(options):
    check_estimator(FuzzyCMeans(**options))


def test_transform_and_predict_take_new_samples():
    points, labels = blobs()
    model = FuzzyCMeans(4, n_starts=3, random_state=0).fit(points)
    assert np.allclose(model.transform(points), model.memberships_, atol=1e-9)
    new, same = blobs(n=20)
    rows = [np.flatnonzero(labels == i)[0] for i in same]
    assert adjusted_rand_score(model.labels_[rows], model.predict(new)) == 1
    assert model.get_feature_names_out().shape == (4,)


def test_hyperspy_takes_the_estimator(pyxem):
    import hyperspy.api as hs

    points, labels = blobs(n=16, d=3)
    signal = hs.signals.Signal1D(points.reshape(8, 8, 3))
    signal.cluster_analysis(cluster_source="signal", n_clusters=4, algorithm=FuzzyCMeans(4, n_starts=3, random_state=0))
    found = signal.get_cluster_labels(merged=True).data
    assert adjusted_rand_score(labels, found.ravel()) == 1


def test_memberships_of_new_points_in_saved_clusters():
    points, _ = sticks(n=300)
    for kind in ("spherical", "gustafson-kessel"):
        model = fuzzy_cmeans(points, 3, rule=Fuzzifier(2), covariance=kind, n_starts=5, seed=0)
        again = memberships_of(points, points, model.centres, model.covariances, covariance=kind)
        assert np.allclose(again, model.memberships, atol=1e-3)


@pytest.mark.parametrize("options", [{}, {"covariance": "gustafson-kessel"}, {"contrast": 0.5}], ids=str)
def test_degenerate_points_give_an_answer(options):
    rng = np.random.default_rng(0)
    points, _ = blobs(n=40, c=2)
    cases = {
        "a constant column": np.column_stack([points, np.full(len(points), 3.0)]),
        "on one line": np.outer(points[:, 0], [1, 2, 3]),
        "a cluster of one": np.vstack([points, [[500, 500, 500]]]),
        "two places": np.repeat([[0.0, 0, 0], [1, 1, 1]], 20, axis=0),
        "as many as points": rng.standard_normal((2, 3)),
        "enormous": points * 1e150,
        "tiny": points * 1e-150,
    }
    for name, data in cases.items():
        model = FuzzyCMeans(2, n_starts=2, random_state=0, **options).fit(data)
        for array in (model.memberships_, model.cluster_centers_, model.covariances_):
            assert np.isfinite(array).all(), name
        assert np.allclose(model.memberships_.sum(1), 1, atol=1e-9), name


@pytest.mark.parametrize("options", [{}, {"covariance": "gustafson-kessel"}, {"contrast": 0.5}], ids=str)
def test_more_clusters_than_different_points_are_refused(options):
    for points, different in ((np.ones((30, 3)), 1), (np.repeat(np.eye(3), 5, axis=0), 3)):
        message = f"n_clusters must be at most {different}, the number of different points, got 4"
        with pytest.raises(ValueError, match=message):
            FuzzyCMeans(4, random_state=0, **options).fit(points)
    assert np.allclose(FuzzyCMeans(1, random_state=0, **options).fit(np.ones((30, 3))).memberships_, 1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"m": 1.0}, "m must be above 1"),
        ({"m": np.inf}, "m must be above 1"),
        ({"contrast": 1.0}, "contrast must be at least 0 and below 1"),
        ({"contrast": -0.1}, "contrast must be at least 0 and below 1"),
        ({"contrast": 0.2, "m": 1.5}, "m must be 2 when a contrast is given"),
        ({"covariance": "full"}, "covariance must be one of"),
        ({"n_clusters": 0}, "n_clusters must be at least 1"),
        ({"n_starts": 0}, "n_starts must be at least 1"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"tol": -1.0}, "tol must be at least 0"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        FuzzyCMeans(**{"n_clusters": 2, **options}).fit(blobs()[0])


def test_indices_of_validity_know_the_number_of_clusters():
    points, _ = blobs(c=4)
    rows = {n: validity(points, fuzzy_cmeans(points, n, rule=Fuzzifier(2), n_starts=5, seed=0)) for n in range(2, 8)}
    for name, best in (("partition_coefficient", max), ("partition_entropy", min), ("xie_beni", min), ("hypervolume", min)):
        assert best(rows, key=lambda n: rows[n][name]) == 4, name
    hard = validity(points, fuzzy_cmeans(points, 4, rule=HighContrast(0.9), n_starts=5, seed=0))
    assert hard["partition_coefficient"] == pytest.approx(1, abs=0.01)
    assert hard["partition_entropy"] == pytest.approx(0, abs=0.01)


def test_pure_fraction_counts_what_is_near_a_centre():
    shares = np.array([0, 0, 0, 0.1, 0.14, 0.16, 0.3, 0.5, 1, 1, 1])[:, None]
    points = shares * np.array([[2.0, 5.0]])
    labels = (shares[:, 0] > 0.4).astype(int)
    found = pure_fraction(points, np.array([[0.0, 0.0], [2.0, 5.0]]), labels)
    assert found == pytest.approx([5 / 7, 3 / 4])
    assert np.isnan(pure_fraction(points, np.array([[0.0, 0], [2, 5], [9, 9]]), labels)[2])


def test_membership_rule_chooses():
    assert isinstance(membership_rule(3.0), Fuzzifier) and isinstance(membership_rule(2.0, 0.3), HighContrast)


def test_the_regularisation_does_not_know_where_the_points_are():
    points = np.random.default_rng(0).normal(size=(3, 200)) * np.array([[3.0], [1.0], [0.2]])
    near, far = GustafsonKessel(points, 2), GustafsonKessel(points + 50.0, 2)
    assert np.isclose(near.isotropic, far.isotropic, rtol=1e-9)
    values = np.linalg.eigvalsh(np.cov(points, bias=True))
    assert np.isclose(near.isotropic, values.prod() ** (1 / 3), rtol=1e-9)


def test_no_cluster_becomes_thinner_than_the_largest_ratio():
    metric = GustafsonKessel(np.random.default_rng(0).normal(size=(2, 50)), 2, shrinkage=0.0, largest_ratio=1e4)
    stretches = np.linalg.svd(metric._transform(np.diag([1.0, 1e-12])), compute_uv=False)
    assert np.isclose(stretches[0] / stretches[1], 1e2, rtol=1e-9)
    assert np.isclose(stretches.prod(), 1.0, rtol=1e-9)  # equal volume
