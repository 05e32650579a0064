"""Independent component analysis of a truncated SVD: FastICA turns its components until they are as independent as can be.

Works on thin matrices only.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

__all__ = ["INDEPENDENT", "IndependentComponents", "independent_components", "centred_share"]

INDEPENDENT = ("patterns", "maps")

_GAUSSIAN = 0.3745672  # mean of log cosh of a normal variable, from which independent components are as far as can be
_EQUAL = 1e-6  # relative difference of contrasts below which two starts have ended in the same place


@dataclass(frozen=True, eq=False)
class IndependentComponents:
    """One answer X ~ maps @ patterns and how it was reached.

    Attributes
    ----------
    maps : ndarray of float64 (n_positions, n)
    patterns : ndarray of float64 (n, n_pixels)
    contrast : float
        Sum over the components of the squared distance of their mean log cosh from that of a normal variable.
    iterations : int
    converged : bool
    """

    maps: np.ndarray
    patterns: np.ndarray
    contrast: float
    iterations: int
    converged: bool


def independent_components(left, right, *, on: str, n_starts: int, max_iter: int, tol: float, seed: int):
    """The mixture of the components whose patterns (or maps) are most independent, with the product unchanged.

    Centring is part of the search for the mixture and of nothing else: the mixture is applied to patterns and maps that
    still have their means.

    Parameters
    ----------
    left : ndarray (n_positions, n)
        Maps of the SVD, of any scale.
    right : ndarray (n, n_pixels)
        Patterns of the SVD.
    on : {"patterns", "maps"}
        What is made independent.
    n_starts : int
        Random rotations to begin from; the answer with the largest contrast is returned.
    max_iter : int
        Iterations per start.
    tol : float
        Largest change of a direction, 1 - |cosine|, at which a start ends.
    seed : int
        Every start has its own generator, spawned from it.

    Returns
    -------
    IndependentComponents

    References
    ----------
    Hyvarinen and Oja, Neural Networks 13 (2000) 411, doi:10.1016/S0893-6080(00)00026-5
    """
    left, right = left.astype(np.float64), right.astype(np.float64)
    if left.shape[1] == 1:
        return IndependentComponents(left, right, 0.0, 0, True)
    samples = right if on == "patterns" else left.T
    centred = samples - samples.mean(1, keepdims=True)
    sizes, axes = np.linalg.eigh(centred @ centred.T / centred.shape[1])
    # The symmetric whitening: components of an SVD are nearly white, and their principal axes would be arbitrary.
    whitening, colouring = (axes * sizes**power @ axes.T for power in (-0.5, 0.5))
    white = whitening @ centred
    rotation, contrast, iterations, converged = _best_rotation(white, n_starts, max_iter, tol, seed)
    # left @ right = (left @ back) @ (mix @ right), whichever of the two the mixture was found on.
    mix, back = rotation @ whitening, colouring @ rotation.T
    if on == "maps":
        mix, back = back.T, mix.T
    return IndependentComponents(left @ back, mix @ right, contrast, iterations, converged)


def centred_share(samples) -> float:
    """How far a matrix (n, m) of rank n is from losing a dimension when the mean of its rows is taken off: 0 to 1.

    It is the share of the constant row that no combination of the rows makes up.
    """
    basis = np.linalg.qr(samples.T.astype(np.float64))[0]
    return float(max(1 - (basis.sum(0) ** 2).sum() / len(basis), 0.0))


def _best_rotation(white, n_starts, max_iter, tol, seed):
    """The start with the largest contrast, of those that settled: rotation, contrast, iterations, whether it settled."""
    best, algorithm = None, "parallel"
    for sequence in np.random.SeedSequence(seed).spawn(n_starts):
        start = np.linalg.qr(np.random.default_rng(sequence).standard_normal((len(white), len(white))))[0]
        answer = _rotate(white, start, algorithm, max_iter, tol)
        if algorithm == "parallel" and not answer[3]:
            # All components at once may go in circles when some are nearly normal; one after the other settles.
            algorithm = "deflation"
            answer = max(answer, _rotate(white, start, algorithm, max_iter, tol), key=_settled_and_contrast)
        # Of equal contrasts the first, so that rounding does not choose.
        if best is None or _settled_and_contrast(answer) > (best[3], best[1] * (1 + _EQUAL)):
            best = answer
    return best


def _settled_and_contrast(answer):
    return answer[3], answer[1]


def _rotate(white, start, algorithm, max_iter, tol):
    """FastICA on white rows from one rotation."""
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    model = FastICA(whiten=False, fun=_log_cosh_slopes, algorithm=algorithm, max_iter=max_iter, tol=tol, w_init=start)
    with warnings.catch_warnings():
        # One of the algorithms does not warn; what counts for both is the number of iterations.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(white.T)
    settled = bool(model.n_iter_ < max_iter)
    return model.components_, _contrast(model.components_ @ white), int(model.n_iter_), settled


def _log_cosh_slopes(x):
    # The one of the library goes through single pixels in a Python loop where it has one component at a time.
    slope = np.tanh(x)
    return slope, (1 - slope**2).mean(-1)


def _contrast(rows):
    # log cosh x without overflow.
    size = np.abs(rows)
    mean = (size + np.log1p(np.exp(-2 * size)) - np.log(2)).mean(1)
    return float(((mean - _GAUSSIAN) ** 2).sum())
