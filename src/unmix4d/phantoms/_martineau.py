"""Two crystals and their boundary: the models of Martineau 2019 (Figs. 5, 6, and like Fig. 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._build import assemble, begin
from ._checks import check_range, check_shape
from ._crystals import twin_spots
from ._maps import inclined_boundary, smooth_field
from ._patterns import unit

if TYPE_CHECKING:
    from ._phantom import Phantom


def _square_array(detector, spacing, sigma, offset=(0.0, 0.0), every=1):
    """Square array of equal Gaussians of height 1, cut to exactly 0 beyond 3.5 sigma of each spot."""
    distance = []
    for n, centre, shift in zip(detector.shape, detector.centre, offset):
        period = spacing * every
        x = (np.arange(n) - centre - shift * spacing) / period
        distance.append((x - np.round(x)) * period)
    r2 = distance[0][:, None] ** 2 + distance[1][None] ** 2
    return np.where(r2 <= (3.5 * sigma) ** 2, np.exp(-0.5 * r2 / sigma**2), 0.0)


def _line_scan(builder, settings, every, offset):
    """Common to Figs. 5 and 6: a line scan, repeated in rows, over an inclined boundary."""
    scan_shape = check_shape("scan_shape", settings["scan_shape"], smallest=1)
    ratio = check_range("pure_to_mixed", settings["pure_to_mixed"], 0)
    spacing = check_range("spacing", settings["spacing"], 0, open_low=True)
    sigma = check_range("spot_sigma", settings["spot_sigma"], 0, open_low=True)
    if spacing / np.sqrt(2) <= 7 * sigma:
        raise ValueError(f"spacing must exceed 9.9 spot_sigma, so that the spots stay apart, found {spacing} for {sigma}")
    settings = dict(settings, builder=builder)
    detector, _, _, noise_rng = begin(settings)
    left = _square_array(detector, spacing, sigma, every=every)
    right = _square_array(detector, spacing, sigma, offset=offset)
    # Equal heights, as in the paper: the richer pattern has the whole dose, the other one less.
    patterns = np.stack([left, right]) / max(left.sum(), right.sum())
    share = inclined_boundary(scan_shape[1], scan_shape[1] / (1 + ratio))
    line = np.stack([share, 1 - share])
    maps = np.repeat(line[:, None], scan_shape[0], axis=1)
    return assemble(settings, patterns, maps, detector, noise_rng, ("left crystal", "right crystal"))


def martineau_fig5(
    *,
    scan_shape: tuple[int, int] = (3, 60),
    detector_shape: tuple[int, int] = (64, 56),
    pure_to_mixed: float = 2.0,
    spacing: float = 12.0,
    spot_sigma: float = 1.1,
    dose: float | None = None,
    pixel_size: float | None = 0.04,
    centre: tuple[float, float] | None = None,
    step: float = 1.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate two crystals with an inclined boundary and no common spot (Martineau 2019, Fig. 5).

    The patterns are two square arrays of Gaussians, one shifted by half a period in both directions. The signal is
    proportional to the thickness of each crystal, without noise. NMF is exact for these data, but fuzzy memberships are not.

    Parameters
    ----------
    scan_shape : tuple of int
        Shape of the scan. All rows are the same line scan; the boundary crosses the columns.
    detector_shape : tuple of int
        Shape of the detector.
    pure_to_mixed : float
        Length of the pure parts divided by that of the mixed part of the line. With 0, all positions are mixed.
    spacing, spot_sigma : float
        Period of the arrays and sigma of a Gaussian, in pixels. Spots are 0 beyond 3.5 sigma.
    dose : float or None
        Electrons per pattern. With None (as in the paper), there is no noise.
    pixel_size : float
        Pixel size in 1/angstrom.
    centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom with k = 2 components, 'left crystal' and 'right crystal'.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the spots would touch.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.martineau_fig5()
    >>> float((p.patterns[0] * p.patterns[1]).sum())
    0.0
    """
    return _line_scan("martineau_fig5", dict(locals()), every=1, offset=(0.5, 0.5))


def martineau_fig6(
    *,
    scan_shape: tuple[int, int] = (3, 60),
    detector_shape: tuple[int, int] = (64, 56),
    pure_to_mixed: float = 2.0,
    spacing: float = 12.0,
    spot_sigma: float = 1.1,
    dose: float | None = None,
    pixel_size: float | None = 0.04,
    centre: tuple[float, float] | None = None,
    step: float = 1.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate two crystals with shared spots, one of which has no unique spot (Martineau 2019, Fig. 6).

    The pattern of the right crystal is a square array of equal Gaussians. That of the left crystal is every second spot of
    it in both directions: there is "no unique information in one of the source patterns". NMF then returns the common spots
    and the unique spots instead of the two crystals.

    Parameters
    ----------
    scan_shape, detector_shape, pure_to_mixed, spacing, spot_sigma, dose, pixel_size, centre, step, seed
        As for `martineau_fig5`. The left pattern has fewer spots of the same height, and therefore less intensity.

    Returns
    -------
    Phantom
        The phantom with k = 2 components, 'left crystal' and 'right crystal'.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the spots would touch.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> left, right = phantoms.martineau_fig6().patterns
    >>> bool((left <= right).all())
    True
    """
    return _line_scan("martineau_fig6", dict(locals()), every=2, offset=(0.0, 0.0))


def _vacuum_maps(scan_shape, overlap, edge, rng):
    """Maps of background, crystal and twin: a wire across the scan, an inclined boundary along it."""
    rows, cols = scan_shape
    # A wire that narrows and wanders a little, with soft rims.
    wander = smooth_field((cols,), rng, max(cols / 6, 1.0)) * 0.03 * rows
    row = np.arange(rows)[:, None]
    middle = (rows - 1) / 2 + wander
    half = 0.36 * rows * (1 - 0.12 * np.arange(cols) / cols)
    wire = 1 / (1 + np.exp(-(half - np.abs(row - middle)) / max(edge, 1e-6) * 1.6))
    share = np.clip((middle - row) / (overlap + 1) + 0.5, 0, 1)
    return np.stack([1 - wire, wire * share, wire * (1 - share)])


def bicrystal_in_vacuum(
    *,
    scan_shape: tuple[int, int] = (40, 36),
    detector_shape: tuple[int, int] = (96, 88),
    overlap: float = 8,
    edge: float = 0.6,
    direct_beam: float = 0.1,
    spot_width: float = 3.0,
    dose: float | None = 2e3,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 2.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate a twinned wire in vacuum with an inclined boundary (like Martineau 2019, Fig. 4).

    Two twin crystals overlap in a band along the wire. Outside the wire there is only the carbon film. The three maps,
    including the background, sum to 1 everywhere, so that sum-to-one methods are valid. Fuzzy clustering gives the
    background a spurious membership in the band.

    Parameters
    ----------
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector.
    overlap : float
        Width of the band in which the crystals overlap, in positions.
    edge : float
        Sigma of the soft edges of the wire, in positions.
    direct_beam : float
        Share of the dose in the direct beam of all three patterns.
    spot_width, dose, pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom with k = 3 components, 'background', 'upper crystal' and 'lower crystal'.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.bicrystal_in_vacuum(scan_shape=(20, 12), detector_shape=(32, 30), dose=None)
    >>> bool(abs(p.maps.sum(axis=0) - 1).max() < 1e-12)
    True
    """
    settings = dict(locals(), builder="bicrystal_in_vacuum")
    scan_shape = check_shape("scan_shape", scan_shape, smallest=4)
    check_range("overlap", overlap, 0)
    check_range("edge", edge, 0)
    check_range("spot_width", spot_width, 0, open_low=True)
    detector, structure, pattern_rng, noise_rng = begin(settings)
    xy, twin, intensity, settings["twin_axis_deg"] = twin_spots(detector, pattern_rng)
    scattered = [detector.halo(radius=0.48, width=0.09)]
    for spots in (xy, twin):
        scattered.append(0.9 * unit(detector.spots(spots, intensity, spot_width)) + 0.1 * detector.diffuse())
    maps = _vacuum_maps(scan_shape, overlap, edge, structure)
    names = ("background", "upper crystal", "lower crystal")
    return assemble(settings, scattered, maps, detector, noise_rng, names, phases=np.array([0, 1, 1]))
