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
    whitening = (axes / np.sqrt(sizes)).T
    white = whitening @ centred
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(n_starts)]
    best = None
    for rng in generators:
        answer = _rotate(white, rng, max_iter, tol)
        # Of the same contrast the first, so that rounding does not choose; settled ones before others.
        if best is None or (answer[3], answer[1]) > (best[3], best[1] * (1 + _EQUAL)):
            best = answer
    rotation, contrast, iterations, converged = best
    # left @ right = (left @ back) @ (mix @ right), whichever of the two the mixture was found on.
    mix, back = rotation @ whitening, (axes * np.sqrt(sizes)) @ rotation.T
    if on == "maps":
        mix, back = back.T, mix.T
    return IndependentComponents(left @ back, mix @ right, contrast, iterations, converged)


def centred_share(samples) -> float:
    """How far a matrix (n, m) of rank n is from losing a dimension when the mean of its rows is taken off: 0 to 1.

    It is the share of the constant row that no combination of the rows makes up.
    """
    basis = np.linalg.qr(samples.T.astype(np.float64))[0]
    return float(max(1 - (basis.sum(0) ** 2).sum() / len(basis), 0.0))


def _rotate(white, rng, max_iter, tol):
    """FastICA on white rows: rotation, contrast, iterations and whether it converged.

    All components at once, or one after the other where that goes in circles, as it may when some are nearly normal.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    start = np.linalg.qr(rng.standard_normal((len(white), len(white))))[0]
    for algorithm in ("parallel", "deflation"):
        model = FastICA(
            whiten=False, fun="logcosh", algorithm=algorithm, max_iter=max_iter, tol=tol, w_init=start
        )
        with warnings.catch_warnings():
            # Deflation does not warn; what counts for both is the number of iterations.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(white.T)
        converged = model.n_iter_ < max_iter
        if converged:
            break
    return model.components_, _contrast(model.components_ @ white), int(model.n_iter_), converged


def _contrast(rows):
    # log cosh x without overflow.
    size = np.abs(rows)
    mean = (size + np.log1p(np.exp(-2 * size)) - np.log(2)).mean(1)
    return float(((mean - _GAUSSIAN) ** 2).sum())
