"""Non-negative least squares of many rows at once: the answer of SciPy, row by row."""

import numpy as np
import pytest
from scipy.optimize import nnls

from unmix4d.decomposition import nnls as room
from unmix4d.decomposition.nnls import nnls_rows, simplex_rows


def problem(seed):
    """Random rows and components of every awkward kind."""
    rng = np.random.default_rng(seed)
    k, n, m = rng.integers(1, 9), rng.integers(1, 30), rng.integers(1, 40)
    other = rng.random((k, n)) ** rng.integers(1, 5)
    kind = ("plain", "twice the same", "sum of two", "empty", "any sign", "nearly the same")[seed % 6]
    if kind == "twice the same" and k > 1:
        other[1] = 3 * other[0]
    if kind == "sum of two" and k > 2:
        other[2] = other[0] + other[1]
    if kind == "empty":
        other[rng.integers(k)] = 0
    if kind == "any sign":
        other = rng.standard_normal((k, n))
    if kind == "nearly the same" and k > 1:
        other[1] = other[0] + 1e-5 * rng.random(n)
    other = other * 10.0 ** rng.uniform(-3, 3, (k, 1))
    rows = rng.standard_normal((m, n)) if seed % 2 else rng.random((m, k)) @ other
    rows[0] *= seed % 7 != 0
    return rows, other


@pytest.mark.one_in(5)
@pytest.mark.parametrize("exchanges", [12, 0], ids=["fast", "safe"])
@pytest.mark.parametrize("block", range(8))
def test_error_of_scipy(block, exchanges, monkeypatch):
    """The safe steps alone, too: the fast ones leave them little to do."""
    monkeypatch.setattr(room, "_EXCHANGES", exchanges)
    for seed in range(30 * block, 30 * block + 30):
        rows, other = problem(seed)
        found = nnls_rows(rows @ other.T, other @ other.T)
        assert (found >= 0).all()
        reference = np.array([nnls(other.T, row)[0] for row in rows])
        errors = [((rows - factor @ other) ** 2).sum(1) for factor in (found, reference)]
        assert (errors[0] - errors[1] <= 1e-10 * (rows**2).sum(1)).all(), seed


@pytest.mark.parametrize("k", [1, 3, 8, 20, 70])
def test_answer_of_scipy(k):
    rng = np.random.default_rng(k)
    other = rng.random((k, 150)) ** 4
    rows = np.maximum(rng.standard_normal((60, k)), 0) @ other + 0.2 * rng.standard_normal((60, 150))
    cross, gram = rows @ other.T, other @ other.T
    reference = np.array([nnls(other.T, row)[0] for row in rows])
    found = nnls_rows(cross, gram)
    assert np.allclose(found, reference, rtol=0, atol=1e-9 * reference.max())
    assert np.array_equal(found == 0, reference == 0)
    for start in (reference, np.ones_like(reference), np.zeros_like(reference)):
        assert np.allclose(nnls_rows(cross, gram, start), reference, rtol=0, atol=1e-9 * reference.max())


def test_rows_do_not_influence_one_another():
    rng = np.random.default_rng(0)
    other, rows = rng.random((5, 40)), rng.standard_normal((300, 40))
    cross, gram = rows @ other.T, other @ other.T
    order = rng.permutation(300)
    whole = nnls_rows(cross, gram)
    assert np.allclose(whole[order], nnls_rows(cross[order], gram), rtol=0, atol=1e-13)
    assert np.allclose(whole[7:9], nnls_rows(cross[7:9], gram), rtol=0, atol=1e-13)
    assert np.array_equal(whole, nnls_rows(cross, gram))


def test_inputs_are_kept_and_types_too():
    rng = np.random.default_rng(0)
    other, rows = rng.random((3, 20)), rng.random((9, 20))
    cross, gram, start = (rows @ other.T).astype(np.float32), other @ other.T, rng.random((9, 3))
    before = [array.copy() for array in (cross, gram, start)]
    found = nnls_rows(cross, gram, start)
    assert found.dtype == np.float32
    assert all(np.array_equal(a, b) for a, b in zip(before, (cross, gram, start)))
    assert nnls_rows(cross[:0], gram).shape == (0, 3)
    assert not nnls_rows(cross, np.zeros((3, 3))).any()


def test_sum_to_one_is_the_constrained_optimum():
    """Optimality: equal gradients where positive, none lower where zero."""
    rng = np.random.default_rng(2)
    other = rng.random((4, 60))
    rows = rng.dirichlet(np.full(4, 0.4), 200) @ other * rng.uniform(0.5, 2, (200, 1)) + 0.1 * rng.standard_normal((200, 60))
    found = simplex_rows(rows @ other.T, other @ other.T)
    assert np.allclose(found.sum(1), 1, atol=1e-12) and found.min() >= 0
    slope = (found @ other - rows) @ other.T
    lowest = slope.min(1, keepdims=True)
    scale = np.abs(rows @ other.T).max()
    assert (np.abs(slope - lowest)[found > 1e-9] < 1e-5 * scale).all()


def test_sum_to_one_equals_the_projection_on_the_simplex():
    """For orthonormal components the fit is the nearest point of the simplex, which has a closed form."""
    rng = np.random.default_rng(3)
    points = rng.standard_normal((500, 6))
    ordered = np.sort(points)[:, ::-1]
    level = (np.cumsum(ordered, axis=1) - 1) / np.arange(1, 7)
    threshold = level[np.arange(500), (ordered > level).sum(1) - 1]
    assert np.allclose(simplex_rows(points, np.eye(6)), np.maximum(points - threshold[:, None], 0), atol=3e-7)


def test_a_component_without_digits_is_empty():
    """Its weights had no number in single precision."""
    from unmix4d.decomposition.nnls import nnls_rows

    others = np.array([[1.0, 0, 0], [0, 1, 0.5], [0, 0, 3e-45]], np.float32)
    x = np.array([[1.0, 2, 3]], np.float32)
    rows = nnls_rows(x @ others.T, others.astype(float) @ others.T.astype(float))
    assert np.allclose(rows, [[1, 2.8, 0]], rtol=1e-6)
