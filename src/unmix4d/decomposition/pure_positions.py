"""Starts at the purest positions of a scan.

Random starts of an NMF with more components than there are grains end in mixtures of neighbouring grains, which no merging
can take apart any more. The corners of the cloud of patterns are the positions with the least mixing.
"""

from __future__ import annotations

import numpy as np

from .map_smoothing import smooth_maps

__all__ = ["PurePositions"]

_DIM = 0.3  # of the median total: dimmer positions are not scaled up further, they are mostly noise


class PurePositions:
    """Positions from which the runs choose the ones that are least alike.

    Patterns are averaged over neighbouring positions (a Gaussian of `sigma` positions), reduced to the leading directions
    and scaled to the same total. Successive projection (Gillis and Vavasis 2014) then takes the longest one, projects it
    out, and goes on. Every run sees a random part of the positions, so that the runs differ.

    Parameters
    ----------
    problem : Compressed or Dense
    n : int
        Number of components.
    sigma : float
        In positions.

    References
    ----------
    Gillis and Vavasis, IEEE Trans. Pattern Anal. Mach. Intell. 36 (2014) 698, doi:10.1109/TPAMI.2013.226
    """

    def __init__(self, problem, n: int, sigma: float = 1.0):
        left, right = problem.directions(n) if hasattr(problem, "directions") else (problem.low.left, problem.low.right)
        self._left = smooth_maps(left.T, problem.geometry, sigma).T.astype(np.float64)
        self._right, self._dtype = right, problem.dtype
        total = self._left @ right.sum(axis=1, dtype=np.float64)
        least = max(_DIM * float(np.median(total)), float(np.finfo(float).tiny))
        vectors = np.linalg.eigh(self._left.T @ self._left)[1][:, ::-1][:, :n]
        self._points = self._left @ vectors / np.maximum(total, least)[:, None]
        self.n = n

    def __call__(self, rng: np.random.Generator, *, part: float = 0.5) -> np.ndarray:
        """Patterns of the purest of a random part of the positions, (n or fewer, n_pixels), weighted as the problem is."""
        n_positions = len(self._points)
        count = min(n_positions, max(self.n, round(part * n_positions)))
        used = np.sort(rng.choice(n_positions, count, replace=False))
        rest = self._points[used].copy()
        taken: list[int] = []
        floor = 1e-12 * np.einsum("ij,ij->i", rest, rest).max()
        while len(taken) < self.n:
            lengths = np.einsum("ij,ij->i", rest, rest)
            best = int(lengths.argmax())
            if lengths[best] <= floor:
                break
            taken.append(used[best])
            axis = rest[best] / np.sqrt(lengths[best])
            rest -= np.outer(rest @ axis, axis)
        return np.maximum(self._left[taken] @ self._right, 0).astype(self._dtype)
