"""Distances to cluster centres: the same in every direction, or one covariance per cluster (Gustafson and Kessel)."""

from __future__ import annotations

import numpy as np
import scipy

__all__ = ["Spherical", "GustafsonKessel", "COVARIANCES"]

COVARIANCES = ("spherical", "gustafson-kessel")
_CANCELLED = 1e-8  # below this share of |z|^2 + |v|^2 the short formula for |z - v|^2 has lost its digits


class Spherical:
    """Euclidean distances.

    Parameters
    ----------
    points : ndarray (d, n), optional
        Whose squares are kept, for a short formula; without them any points can be asked for.
    """

    spread = False  # covariances are not needed

    def __init__(self, points=None):
        self.sizes = None if points is None else np.einsum("dn,dn->n", points, points)

    def squares(self, points, centres, where) -> np.ndarray:
        """Squared distances (c, b) of the points (d, b), which are those at `where` of all."""
        if self.sizes is None:
            return np.stack([np.square(points - centre[:, None]).sum(0) for centre in centres])
        sizes, own = self.sizes[where], np.einsum("cd,cd->c", centres, centres)
        squares = (-2 * centres) @ points
        squares += own[:, None]
        squares += sizes
        lost = squares < _CANCELLED * (sizes + own.max())
        if lost.any():
            cluster, point = np.nonzero(lost)
            squares[cluster, point] = np.square(centres[cluster] - points[:, point].T).sum(1)
        return squares

    def update(self, covariances):
        """Nothing to learn."""

    def like(self, other) -> Spherical:
        """With what another has learned."""
        return self

    def of_any_points(self) -> Spherical:
        """For points that were not seen before."""
        return Spherical()


class GustafsonKessel:
    """Distances in the metric of each cluster's own covariance, with volume 1 [1]_, estimated as in [2]_.

    F <- (1 - shrinkage) F + shrinkage det(F0)^(1/d) 1, F0 being the covariance of all points; eigenvalues are at least the
    largest one / `largest_ratio`; A = det(F)^(1/d) F^-1; d^2 = (z - v)^T A (z - v).

    Parameters
    ----------
    points : ndarray (d, n)
    n_clusters : int
    shrinkage : float
        0 to 1; 1 is fuzzy c-means.
    largest_ratio : float
        Of the eigenvalues of a covariance.

    References
    ----------
    .. [1] Gustafson and Kessel, Proc. IEEE Conf. Decision and Control (1978) 761, doi:10.1109/CDC.1978.268028
    .. [2] Babuska, van der Veen and Kaymak, Proc. IEEE Int. Conf. Fuzzy Systems (2002) 1081
    """

    spread = True

    def __init__(self, points, n_clusters, shrinkage=1e-6, largest_ratio=1e10):
        d = len(points)
        middle = points - points.mean(1, keepdims=True)
        values = scipy.linalg.eigvalsh(middle @ middle.T / points.shape[1])
        self.shrinkage, self.largest_ratio = shrinkage, largest_ratio
        self.isotropic = float(np.exp(np.log(np.maximum(values, max(values.max() * 1e-15, np.finfo(float).tiny))).mean()))
        # Until covariances are known every cluster is a sphere.
        self.transforms = np.repeat(np.eye(d)[None], n_clusters, axis=0)

    def squares(self, points, centres, where) -> np.ndarray:
        """Squared distances (c, b) of the points (d, b)."""
        squares = np.empty((len(centres), points.shape[1]))
        for i, (centre, transform) in enumerate(zip(centres, self.transforms)):
            apart = transform @ (points - centre[:, None])
            np.einsum("dn,dn->n", apart, apart, out=squares[i])
        return squares

    def update(self, covariances):
        """Take over covariances (c, d, d), made stable."""
        self.transforms = np.stack([self._transform(covariance) for covariance in covariances])

    def like(self, other) -> GustafsonKessel:
        """With what another has learned."""
        self.transforms = other.transforms
        return self

    def of_any_points(self) -> GustafsonKessel:
        """For points that were not seen before: the same."""
        return self

    def _transform(self, covariance):
        stable = (1 - self.shrinkage) * covariance + self.shrinkage * self.isotropic * np.eye(len(covariance))
        values, vectors = scipy.linalg.eigh(stable)
        values = np.maximum(values, values.max() / self.largest_ratio)
        return np.exp(np.log(values).mean() / 2) / np.sqrt(values)[:, None] * vectors.T
