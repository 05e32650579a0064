"""Angular symmetry: the power of a few Fourier orders of each ring."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy

from .features import Features, feature_geometry
from .passes import Weighting, in_one_pass
from .radial_variance import radial_bins
from .sectors import Grid, weighted

__all__ = ["KINDS", "symmetry"]

KINDS = ("power", "normalised")


def symmetry(source, radii, step: float, orders, kind: str, *, grid=None) -> Features:
    """Power of the Fourier orders of the intensity over the angle at each radius, one pass.

    source: Unmix.
    radii (ndarray (n_radii,)): In pixels.
    step: Width of each of the rings, in pixels.
    orders: sequence of int.
    kind: ``|c_n|^2``, or divided by the squared mean.
    grid: Grid or PolarGrid, optional.
    Returns Features: Of the shape (n_orders, n_radii).
    """
    shares = radial_bins(Grid(source.geometry) if grid is None else grid, radii, step)
    used = np.broadcast_to(shares.used.T, (len(orders), len(radii)))
    mean = weighted(shares)
    waves = []
    for wave in (np.cos, np.sin):
        for order in orders:
            turning = weighted(shares, wave(order * shares.azimuth))
            # The mean of the ring is taken off first: where azimuths are missing it would look like every order.
            waves.append(turning - scipy.sparse.diags(np.asarray(turning.sum(1)).ravel()) @ mean)
    kernel = partial(
        _power_kernel, weighting=Weighting(scipy.sparse.vstack([mean, *waves]).tocsr()), n=len(orders),
        normalised=kind == "normalised",
    )  # fmt: skip
    geometry = feature_geometry(source.geometry, used.shape, ~used)
    settings = {"orders": list(orders), "kind_of_power": kind, "radius": [float(r) for r in radii]}
    return Features("symmetry", geometry, partial(in_one_pass, source, kernel), settings, source, additive=False)


def _power_kernel(X, weighting, n, normalised):
    # A weak order is the difference of large numbers.
    parts = weighting.apply(weighting.pixels(X).astype(np.float64, copy=False))
    parts = parts.reshape(len(X), 1 + 2 * n, -1)
    power = parts[:, 1 : n + 1] ** 2 + parts[:, n + 1 :] ** 2
    if normalised:
        mean = parts[:, :1] ** 2
        power = np.divide(power, mean, out=np.zeros_like(power), where=mean != 0)
    return power.reshape(len(X), -1).astype(X.dtype), ()
