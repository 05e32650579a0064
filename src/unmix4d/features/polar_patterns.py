"""The polar pattern itself as features."""

from __future__ import annotations

from ..core.polar import PolarTransform
from .features import Features, feature_geometry
from .passes import linear, variance_per_count

__all__ = ["polar_patterns"]


def polar_patterns(source, transform: PolarTransform, *, settings=None) -> Features:
    """Patterns sampled on azimuth and radius, one pass.

    Parameters
    ----------
    source : Unmix
    transform : PolarTransform
        Of the geometry of the view.
    settings : dict, optional

    Returns
    -------
    Features
        Of the shape (n_azimuth, n_radius); points without a pixel near that takes part are dropped.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> from unmix4d.features import polar_patterns
    >>> from unmix4d.core.polar import PolarTransform
    >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
    >>> u = Unmix(phantom.data, centre=phantom.centre)
    >>> polar_patterns(u, PolarTransform(u.geometry, n_azimuth=36, r_min=4, r_max=12)).shape
    (48, 324)
    """
    geometry = feature_geometry(source.geometry, transform.shape, ~transform.valid, polar=True)
    weights = transform.sampling()[transform.valid.ravel()][:, source.geometry.kept_pixels]
    settings = {
        "azimuth_deg": float(transform.azimuth_deg[1]), "radius": [float(r) for r in transform.radius], **(settings or {})
    }  # fmt: skip
    weights = weights.tocsr()
    return Features("polar", geometry, linear(source, weights), settings, source, per_count=variance_per_count(weights))
