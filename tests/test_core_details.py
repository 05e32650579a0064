"""Details of the numerical core that mutation testing (benchmarks/checks/mutants.py) found unguarded."""

import numpy as np

from unmix4d.clustering.metrics import GustafsonKessel
from unmix4d.decomposition.hals import update_rows


def test_a_sweep_does_not_know_the_unit_of_the_data():
    rng = np.random.default_rng(0)
    left, factor = rng.random((30, 3)), rng.random((3, 11))
    gram, cross = left.T @ left, left.T @ rng.random((30, 11))
    expected = update_rows(cross, gram, factor)
    assert not np.allclose(expected, factor)
    for scale in (1e-9, 1e9):
        assert np.allclose(update_rows(cross * scale, gram * scale, factor), expected, rtol=1e-10)


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
