"""Which share of which pixel lies in which sector of which ring: the geometry that all polar features have in common.

A sector of 5 degrees is less than a pixel wide below a radius of 12. Pixels are therefore cut into parts, and a sector gets
the parts that fall into it: none is empty by chance, and the total intensity of a ring is that of its pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from ..core.geometry import ScanGeometry
from ..core.polar import ellipse_of, to_polar
from ..core.units import PIXELS

__all__ = ["Grid", "PolarGrid", "Shares", "sector_shares", "weighted"]

_PARTS = (4, 16)  # a pixel is cut into 4 x 4 parts, up to 16 x 16 where sectors are small
_ENOUGH = 16.0  # parts that an undisturbed sector should get
LEAST = 0.1  # a sector with less than this share of its area on usable pixels is dropped


class Grid:
    """Detector pixels in rows and columns, about the centre and along the ellipse of the geometry.

    Parameters
    ----------
    geometry : ScanGeometry

    Attributes
    ----------
    radius : ndarray (n_detector,)
        Of the middle of every pixel, in pixels.
    margin : float
        No part of a pixel is further than that, along the radius, from its middle.
    length, unit : float, str
        Calibrated size of a radius of 1.
    """

    def __init__(self, geometry: ScanGeometry):
        size, _, long, short = ellipse_of(geometry)
        self.geometry, self.radius = geometry, geometry.radius().ravel()
        self.margin = np.hypot(*size) / 2 * max(long, short)
        self.length, self.unit = geometry.pixel_length, geometry.calibration.pixel_unit

    def place(self, row, col):
        """Azimuth (radians, counter-clockwise with row 0 on top) and radius (pixels) of points."""
        return to_polar(self.geometry, row, col)

    def area(self, inner, outer, n_sectors):
        """Pixels in one of the sectors of a ring."""
        return np.pi * (outer**2 - inner**2) / n_sectors

    def weight(self, radius):
        """How much a part of a pixel counts."""
        return np.ones(len(radius))


@dataclass(frozen=True)
class PolarGrid:
    """Pixels of patterns that are polar already.

    Attributes
    ----------
    geometry : ScanGeometry
    azimuth_axis : int
        0: azimuth along the rows of a pattern, 1: along its columns.
    azimuth : (float, float)
        Of pixel 0 and from one pixel to the next, degrees counter-clockwise.
    radial : (float, float)
        The same of the radius, in any length.
    length, unit : float, str
        Calibrated size of a radius of 1.
    by_area : bool
        True: pixels count with their area on the detector, as those of mean intensities should; False: all alike, as those
        of intensities that are sums over such areas.
    """

    geometry: ScanGeometry
    azimuth_axis: int
    azimuth: tuple[float, float]
    radial: tuple[float, float]
    length: float = 1.0
    unit: str = PIXELS
    by_area: bool = False

    @property
    def radius(self):
        return self.place(*np.indices(self.geometry.detector_shape))[1].ravel()

    @property
    def margin(self):
        return abs(self.radial[1])

    def place(self, row, col):
        """As `Grid.place`."""
        angle, radius = (row, col) if self.azimuth_axis == 0 else (col, row)
        angle = np.deg2rad(self.azimuth[0] + self.azimuth[1] * angle)
        return angle, self.radial[0] + self.radial[1] * radius

    def area(self, inner, outer, n_sectors):
        """As `Grid.area`, of pixels of the polar pattern that count as `weight` says."""
        across = (outer**2 - inner**2) / 2 if self.by_area else outer - inner
        return across / abs(self.radial[1]) * 360 / n_sectors / abs(self.azimuth[1])

    def weight(self, radius):
        """As `Grid.weight`."""
        return radius if self.by_area else np.ones(len(radius))


@dataclass(frozen=True, eq=False)
class Shares:
    """Parts of pixels in the sectors of rings.

    Attributes
    ----------
    bins, pixels : ndarray of int (n,)
        Sector (ring after ring) and kept pixel of every part.
    weights : ndarray (n,)
        Adding up to 1 in each sector that is used.
    azimuth : ndarray (n,)
        Of every part, radians.
    used : ndarray of bool (n_rings, n_sectors)
        Enough of the sector lies on pixels that take part.
    n_pixels : int
    """

    bins: np.ndarray
    pixels: np.ndarray
    weights: np.ndarray
    azimuth: np.ndarray
    used: np.ndarray
    n_pixels: int


def sector_shares(grid, rings, n_sectors: int) -> Shares:
    """Cut the kept pixels of a detector into parts and sort these into the sectors of rings.

    grid: Grid or PolarGrid.
    rings (sequence of (float, float)): Inner and outer radius in pixels; rings may overlap.
    n_sectors: Sector i goes from i to i + 1 times 360 / n_sectors degrees.
    """
    found = [_one_ring(grid, inner, outer, n_sectors) for inner, outer in rings]
    sectors, pixels, areas, azimuth = (np.concatenate(parts) for parts in zip(*found))
    ring = np.repeat(np.arange(len(found)), [len(parts[0]) for parts in found])
    bins, n_bins = ring * n_sectors + sectors, len(found) * n_sectors
    total = np.bincount(bins, areas, n_bins)
    whole = np.repeat([grid.area(inner, outer, n_sectors) for inner, outer in rings], n_sectors)
    used = total >= LEAST * whole
    keep = used[bins]
    weights = areas[keep] / total[bins[keep]]
    number = np.cumsum(grid.geometry.kept_pixels) - 1
    return Shares(
        bins[keep], number[pixels[keep]], weights, azimuth[keep], used.reshape(-1, n_sectors), grid.geometry.n_pixels
    )


def _one_ring(grid, inner, outer, n_sectors):
    """Sector, pixel, area and azimuth of the parts of pixels that lie between two radii."""
    near = grid.geometry.kept_pixels & (grid.radius > inner - grid.margin) & (grid.radius < outer + grid.margin)
    pixel = np.flatnonzero(near)
    cut = int(np.clip(math.ceil(math.sqrt(_ENOUGH / grid.area(inner, outer, n_sectors))), *_PARTS))
    row, col = np.unravel_index(pixel, grid.geometry.detector_shape)
    offset = (np.arange(cut) + 0.5) / cut - 0.5
    row, col = row + np.repeat(offset, cut)[:, None], col + np.tile(offset, cut)[:, None]
    azimuth, radius = grid.place(row, col)
    inside = (radius >= inner) & (radius < outer)
    azimuth = azimuth[inside]
    # Rounding may put a part on the very border into the sector after the last.
    sector = np.floor(azimuth / (2 * np.pi) * n_sectors).astype(int) % n_sectors
    pixel = np.broadcast_to(pixel, inside.shape)[inside]
    return sector, pixel, grid.weight(radius[inside]) / cut**2, azimuth


def weighted(shares: Shares, values=1.0):
    """Sparse matrix (n_used, n_pixels) that takes patterns to their weighted means in the sectors that are used.

    values (ndarray (n,) or float): Factor of every part.
    """
    number = np.cumsum(shares.used.ravel()) - 1
    where = number[shares.bins], shares.pixels
    shape = int(shares.used.sum()), shares.n_pixels
    return scipy.sparse.csr_matrix((shares.weights * values, where), shape=shape)
