"""`unmix4d.NMF`: scikit-learn's own checks, the answer of the method, and what scikit-learn finds."""

import numpy as np
import pytest
import sklearn.decomposition
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from unmix4d import NMF


def mixed(n=60, d=20, k=3, seed=0, noise=0.0):
    """Samples that are mixtures of k parts which lie apart."""
    rng = np.random.default_rng(seed)
    parts = np.kron(np.eye(k), np.ones(d // k + 1))[:, :d] * rng.uniform(0.5, 2, d)
    weights = rng.dirichlet(np.full(k, 0.4), n) * rng.uniform(1, 5, (n, 1))
    return np.abs(weights @ parts + noise * rng.standard_normal((n, d))), weights, parts


@pytest.mark.one_in(2)
@pytest.mark.parametrize("options", [{}, {"weights": "poisson", "n_starts": 2}], ids=str)
@pytest.mark.filterwarnings("ignore:Skipping check")  # those that need another array library
def test_the_estimator_passes_scikit_learns_own_checks(options):
    check_estimator(NMF(**options))


def test_parts_are_found_and_exact_sums_are_given_back():
    X, _, parts = mixed()
    model = NMF(3, random_state=0)
    weights = model.fit_transform(X)
    likeness = model.components_ @ parts.T / np.outer(*(np.linalg.norm(a, axis=1) for a in (model.components_, parts)))
    assert sorted(likeness.argmax(1)) == [0, 1, 2] and likeness.max(1).min() > 0.9999
    assert np.allclose(model.inverse_transform(weights), X, atol=2e-3 * X.max())
    assert model.reconstruction_err_ == pytest.approx(np.linalg.norm(X - weights @ model.components_))
    assert weights.min() >= 0 and model.components_.min() >= 0
    share = weights.sum(0) * model.components_.sum(1)
    assert (np.diff(share) <= 0).all() and model.get_feature_names_out().tolist() == ["nmf0", "nmf1", "nmf2"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_error_is_that_of_scikit_learn(seed):
    X, _, _ = mixed(k=5, seed=seed, noise=0.3)
    ours = NMF(5, n_starts=3, max_iter=500, random_state=0).fit(X).reconstruction_err_
    theirs = sklearn.decomposition.NMF(5, max_iter=3000, random_state=0).fit(X).reconstruction_err_
    assert ours <= 1.02 * theirs


def test_in_a_pipeline():
    X, _, _ = mixed()
    assert make_pipeline(MinMaxScaler(), NMF(3, random_state=0)).fit_transform(X).shape == (60, 3)


@pytest.mark.parametrize(
    ("X", "options", "said"),
    [
        (-np.ones((4, 4)), {}, "must not be negative, got -1"),
        (np.zeros((4, 4)), {}, "above 0, got zeros only"),
        (np.ones((4, 3)), {"n_components": 4}, "n_components must be at most .* got 4 of n_samples = 4 and n_features = 3"),
        (np.ones((4, 3)), {"weights": "auto"}, "weights"),
        (np.ones((4, 3)), {"init": "nndsvda"}, "init"),
    ],
)
def test_what_cannot_be_is_said(X, options, said):
    with pytest.raises(ValueError, match=said):
        NMF(**{"n_components": 2, **options}).fit(X)
