"""The polar pattern itself as features."""

from __future__ import annotations

from ..core.polar import PolarTransform
from .features import Features, feature_geometry
from .passes import linear, variance_per_count

__all__ = ["polar_patterns"]


def polar_patterns(source, transform: PolarTransform) -> Features:
    """Patterns sampled on azimuth and radius, one pass.

    source: Unmix.
    transform: Of the geometry of the view.
    Returns Features: Of the shape (n_azimuth, n_radius); points without a pixel near that takes part are dropped.
    """
    geometry = feature_geometry(source.geometry, transform.shape, ~transform.valid, polar=True)
    weights = transform.sampling()[transform.valid.ravel()][:, source.geometry.kept_pixels]
    settings = {"azimuth_deg": float(transform.azimuth_deg[1]), "radius": [float(r) for r in transform.radius]}
    weights = weights.tocsr()
    return Features("polar", geometry, linear(source, weights), settings, source, per_count=variance_per_count(weights))
