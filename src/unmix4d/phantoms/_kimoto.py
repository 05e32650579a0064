"""Crystallites in an amorphous matrix: the model of Kimoto 2025 (Fig. 10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ._build import assemble, begin
from ._checks import check_range, check_shape
from ._crystals import zone_pattern
from ._maps import soft_box

if TYPE_CHECKING:
    from ._phantom import Phantom

CRYSTALS = ("per_ratio", "per_row")


def _kimoto_maps(scan_shape, ratios, crystals, edge):
    """Maps (4, rows, cols) of one matrix and three crystals in a 3x3 grid of soft areas."""
    rows, cols = scan_shape
    maps = np.zeros((4, rows, cols))
    for i in range(3):
        for j in range(3):
            # Ratios go with the columns of the grid: areas (i), (iv), (vii) are the 9 % ones.
            crystal = (j if crystals == "per_ratio" else i) + 1
            down = soft_box(rows, (i + 0.5) * rows / 3 - 0.5, rows / 6, edge)
            across = soft_box(cols, (j + 0.5) * cols / 3 - 0.5, cols / 6, edge)
            maps[crystal] += ratios[j] * np.outer(down, across)
    maps[0] = 1 - maps[1:].sum(axis=0)
    return maps


def kimoto(
    *,
    scan_shape: tuple[int, int] = (36, 36),
    detector_shape: tuple[int, int] = (128, 128),
    ratios: Sequence[float] = (0.09, 0.03, 0.01),
    crystals: str = "per_ratio",
    edge: float = 0.8,
    direct_beam: float = 0.0,
    spot_width: float = 2.6,
    dose: float | None = 1e4,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 1.5,
    seed: int | None = 0,
) -> Phantom:
    """Simulate crystallites in a metallic glass, as in Kimoto 2025 (Fig. 10 and Methods).

    There are one amorphous and three crystalline patterns, and nine areas of about 6x6 positions with a gradual border to
    the matrix. The share of the crystal in the intensity is 9 % in areas (i), (iv), (vii), 3 % in (ii), (v), (viii) and 1 %
    in (iii), (vi), (ix). Each pattern has 1e4 electrons and Poisson noise. Areas are numbered along the rows, so each column
    of the 3x3 grid has one ratio.

    Parameters
    ----------
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector. The width of an area is a sixth of the scan.
    ratios : sequence of 3 float
        Share of the crystal in the intensity for the three columns of areas.
    crystals : {"per_ratio", "per_row"}
        Which pattern is in which area; the paper does not specify this. ``"per_ratio"`` (as in the standard cases A to F)
        gives each ratio a different crystal, so that there is one "1 % crystal". ``"per_row"`` gives each row of areas one
        crystal, so that each crystal occurs at all three ratios.
    edge : float
        Sigma of the soft border of the areas, in positions.
    direct_beam : float
        Share of the dose in the direct beam, 0 to 1 (excluded).
    spot_width : float
        Full width at half maximum of a spot, in pixels.
    dose : float or None
        Electrons per pattern. With None, the data are the noise-free expectation for 1e4 electrons.
    pixel_size : float or None
        Pixel size in 1/angstrom. By default the shorter side of the detector is 2.05 1/angstrom wide.
    centre : tuple of float, optional
        Centre (row, col) in pixels. By default the centre of the detector.
    step : float
        Scan step in nm.
    seed : int or None
        Seed of the noise.

    Returns
    -------
    Phantom
        The phantom with k = 4 components, 'amorphous' and 'crystal 1' to 'crystal 3'.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.kimoto(scan_shape=(18, 18), detector_shape=(48, 48))
    >>> p.names
    ('amorphous', 'crystal 1', 'crystal 2', 'crystal 3')
    """
    settings = dict(locals(), builder="kimoto")
    scan_shape = check_shape("scan_shape", scan_shape, smallest=9)
    if crystals not in CRYSTALS:
        raise ValueError(f"crystals must be one of {CRYSTALS}, found {crystals!r}")
    if len(ratios) != 3:
        raise ValueError(f"ratios must be three numbers, found {ratios!r}")
    ratios = [check_range("ratios", r, 0, 1) for r in ratios]
    check_range("edge", edge, 0)
    check_range("spot_width", spot_width, 0, open_low=True)
    detector, _, pattern_rng, noise_rng = begin(settings)
    scattered = [detector.halo()]
    for lattice, a, zone in (("fcc", 4.09, (0, 1, 1)), ("bcc", 3.31, (1, 1, 1)), ("fcc", 3.61, (0, 0, 1))):
        scattered.append(zone_pattern(detector, lattice, a, zone, spot_width, pattern_rng, turn=180))
    maps = _kimoto_maps(scan_shape, ratios, crystals, edge)
    names = ("amorphous", "crystal 1", "crystal 2", "crystal 3")
    return assemble(settings, scattered, maps, detector, noise_rng, names)
