"""Radial variance: how uneven each ring is (Bruefach 2022, eq. 1; and the form of fluctuation microscopy)."""

from __future__ import annotations

from functools import partial

import numpy as np

from .features import Features, feature_geometry
from .passes import Weighting, in_one_pass
from .sectors import Grid, sector_shares, weighted

__all__ = ["KINDS", "radial_variance", "radial_bins"]

KINDS = ("variance", "normalised")


def radial_variance(source, radii, step: float, kind: str, *, grid=None) -> Features:
    """Variance of the intensity over the angle at each radius, one pass: features of the shape (1, n_radii).

    Rings about the `radii` are `step` wide, both in pixels. The kind is ``"variance"`` (eq. 1) or ``"normalised"``, divided
    by the squared mean.
    """
    shares = radial_bins(Grid(source.geometry) if grid is None else grid, radii, step)
    geometry = feature_geometry(source.geometry, (1, len(radii)), ~shares.used.T)
    kernel = partial(_variance_kernel, weighting=Weighting(weighted(shares)), normalised=kind == "normalised")
    settings = {"kind_of_variance": kind, "radius": [float(r) for r in radii]}
    return Features("radial_variance", geometry, partial(in_one_pass, source, kernel), settings, source, additive=False)


def radial_bins(grid, radii, step):
    """Shares of pixels in the rings about the radii; refused when none is left."""
    shares = sector_shares(grid, [(max(r - step / 2, 0.0), r + step / 2) for r in radii], 1)
    if not shares.used.any():
        raise ValueError(
            f"r_min and r_max must find pixels that take part, got radii {radii[0]:.4g} to {radii[-1]:.4g} pixels"
        )
    return shares


def _variance_kernel(X, weighting, normalised):
    # The difference of two large numbers: single precision would leave few digits of it.
    pixels = weighting.pixels(X).astype(np.float64, copy=False)
    mean = weighting.apply(pixels)
    variance = np.maximum(weighting.apply(np.square(pixels)) - mean**2, 0)
    if normalised:
        # A ring without any intensity is not uneven.
        variance = np.divide(variance, mean**2, out=np.zeros_like(variance), where=mean != 0)
    largest, most = float(variance.max(initial=0)), float(np.finfo(X.dtype).max)
    if largest > most:
        raise ValueError(
            f"the radial variance must be at most {most:.3g} for arithmetic in {X.dtype}, got {largest:.3g}: "
            "rescale the scan"
        )
    return variance.astype(X.dtype), ()
