"""Principal components of maximum likelihood under Poisson noise, for comparison; no part of the package."""

import numpy as np
from scipy.optimize import minimize

__all__ = ["READINGS", "identity_link", "log_link", "weighted"]

_ITERATIONS = 80


def weighted(X, rank):
    """Directions and loadings after Keenan and Kotula 2004: pixels divided by the root of their mean."""
    mean = X.mean(axis=0)
    pixels = 1 / np.sqrt(np.maximum(mean, 0.01 * mean.mean()))
    U, s, V = np.linalg.svd(X * pixels, full_matrices=False)
    return U[:, :rank] * s[:rank], V[:rank] / pixels


def identity_link(X, rank, floor):
    """The mean is of low rank itself: alternating weighted least squares, weights 1 / mean.

    floor: Of the mean, as a share of that of a pixel and a position with the same totals: noise makes a mean of low rank 0
        or negative somewhere, and the likelihood infinite.
    """
    U, V = weighted(X, rank)
    least = floor * np.maximum(np.outer(X.sum(axis=1), X.sum(axis=0)) / X.sum(), 1e-6 * X.mean())
    for _ in range(10):
        weights = 1 / np.maximum(U @ V, least)
        U = _solved(V, weights, X)
        weights = 1 / np.maximum(U @ V, least)
        V = _solved(U.T, weights.T, X.T).T
    return U, V


def _solved(right, weights, X):
    """Rows of ``rows @ right ~ X`` by weighted least squares."""
    normal = np.einsum("np,ap,bp->nab", weights, right, right, optimize=True)
    normal += 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(right))
    return np.linalg.solve(normal, ((weights * X) @ right.T)[..., None])[..., 0]


def log_link(X, rank, penalty):
    """The logarithm of the mean is of low rank (Collins, Dasgupta and Schapire 2001), about the mean pattern.

    penalty: On the squares, without which the likelihood of empty pixels has no maximum.
    """
    n, p = X.shape
    mean = np.log(X.mean(axis=0) + 1e-3 * X.mean())
    U, V = weighted(X, rank + 1)
    first = np.concatenate([(0.1 * U[:, 1:] / U[:, 1:].std(axis=0)).ravel(), (V[1:] / np.abs(V[1:]).max()).ravel()])

    def loss(values):
        U, V = values[: n * rank].reshape(n, rank), values[n * rank :].reshape(rank, p)
        logarithm = np.clip(U @ V + mean, -20, 10)
        expected = np.exp(logarithm)
        off = expected - X
        cost = (expected - X * logarithm).sum() + penalty / 2 * np.square(values).sum()
        return cost, np.concatenate([(off @ V.T).ravel(), (U.T @ off).ravel()]) + penalty * values

    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}).x
    return found[: n * rank].reshape(n, rank), found[n * rank :].reshape(rank, p)


READINGS = {
    "identity link, floor 0.03": lambda X, k: identity_link(X, k, 0.03)[0],
    "identity link, floor 0.3": lambda X, k: identity_link(X, k, 0.3)[0],
    "log link, penalty 0.3": lambda X, k: log_link(X, k - 1, 0.3)[0],
    "log link, penalty 3": lambda X, k: log_link(X, k - 1, 3.0)[0],
    "log link, penalty 30": lambda X, k: log_link(X, k - 1, 30.0)[0],
}
