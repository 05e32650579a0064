"""Angular average: mean intensity in the sectors of rings (Bruefach 2022)."""

from __future__ import annotations

from .features import Features, feature_geometry
from .passes import linear, variance_per_count
from .sectors import Grid, sector_shares, weighted

__all__ = ["angular_average"]


def angular_average(source, rings, n_sectors: int, *, grid=None, settings=None) -> Features:
    """Mean intensity in the sectors of rings, one pass.

    source: Unmix.
    rings (sequence of (float, float)): Inner and outer radius in pixels.
    grid: Grid or PolarGrid, optional.
    settings (dict): More for the record.
    Returns Features: Of the shape (n_rings, n_sectors); dropped where less than a tenth of a sector lies on pixels that take
        part.
    Raises ValueError when no sector is left.
    """
    shares = sector_shares(Grid(source.geometry) if grid is None else grid, rings, n_sectors)
    if not shares.used.any():
        raise ValueError(f"rings must have a sector on pixels that take part, got {len(rings)} without any")
    geometry = feature_geometry(source.geometry, shares.used.shape, ~shares.used)
    settings = {"sector_deg": 360 / n_sectors, "rings": [list(ring) for ring in rings], **(settings or {})}
    weights = weighted(shares)
    return Features(
        "angular_average", geometry, linear(source, weights), settings, source, per_count=variance_per_count(weights)
    )
