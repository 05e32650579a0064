"""``.angular_average``, ``.radial_variance``, ``.symmetry``, ``.friedel_odd`` and ``.polar`` of `Unmix`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import features
from ..clustering.friedel_centre import offset_of_scan
from ..core import checks
from ..core.centre import require_centre, require_near
from ..core.messages import warn
from ..core.polar import PolarTransform
from ..core.units import in_pixels
from ..features.rings import beam_edge, find_rings, given_rings, reach
from ..features.scaling import DEFAULT
from ..features.sectors import Grid
from ..hosts.polar import polar_grid, polar_scan
from ..views.feature_view import FeatureView

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["angular_average", "radial_variance", "symmetry", "friedel_odd", "polar"]

_MOST_SECTORS = 3600  # a tenth of a degree; more is a mistake in a unit
_LEAST_STEP = 0.01  # pixels: finer ones only repeat the same pixels
_LEAST_CELL = 0.5  # pixels: smaller ones only repeat the same pixels
_MOST_RADII = 100_000  # far more than a detector has pixels: a mistake in a unit


def angular_average(
    view: Any,
    sector_deg: float = 5.0,
    *,
    rings: Sequence[tuple[float | str, float | str]] | None = None,
    scaling: str = DEFAULT,
    polar: str = "own",
) -> FeatureView:
    """Compute angular averages: the mean intensity in sectors of rings, as features of every pattern.

    These features [1]_ are virtual dark-field intensities that cover all rings of spots, so you do not have to choose spots.
    They are few, have little noise, and are additive where grains overlap. They are computed in one pass when first used.

    Parameters
    ----------
    sector_deg : float
        Angle of a sector in degrees, 360 divided by an integer. Sector i begins at i times this angle, counter-clockwise as
        seen with row 0 on top, ``atan2(-row, column)``.
    rings : sequence of (inner, outer), optional
        Radii of the rings in pixels or with a unit. By default the ranges between local minima of the radial profile of the
        maximum pattern, without the direct beam; for this the scan is read once immediately.
    scaling : {"poisson", "none", "global", "minmax", "robust"}
        Scaling of the features, see `FeatureView.scaled`.
    polar : {"own", "host"}
        With ``"host"``, the features are computed from polar patterns (360 azimuths, radii one pixel apart) made by pyxem's
        ``get_azimuthal_integral2d`` or py4DSTEM's ``PolarDatacube``, for comparison. This is done immediately for the whole
        scan, in memory.

    Returns
    -------
    FeatureView
        Features of shape (n_rings, n_sectors), computed with the centre, ellipse and masks of the view. A pixel that belongs
        to several sectors contributes to each with its area there, so small sectors are not empty. Sectors with less than a
        tenth of their area on pixels that are not excluded are dropped.

    Raises
    ------
    ValueError
        If `sector_deg` does not divide 360, `rings` are not on the detector or none can be found, or the view holds features
        already.

    References
    ----------
    .. [1] Bruefach et al., Microsc. Microanal. 28 (2022), Angular Averaging.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
    >>> u = Unmix(phantom.data, centre=phantom.centre)
    >>> u.angular_average(10, rings=[(4, 10), (10, 18)]).shape
    (8, 6, 2, 36)
    """
    n_sectors = _sectors(sector_deg)
    checks.choice(scaling, "scaling", features.scaling.KINDS)
    read, grid = _geometry(view, polar, "angular_average")
    found = find_rings(grid, _maximum(read)) if rings is None else given_rings(rings, grid)
    settings = {"rings_from": "the maximum pattern" if rings is None else "the call"}
    return _made(view, features.angular_average(read, found, n_sectors, grid=grid, settings=settings), scaling, polar)


def radial_variance(
    view: Any,
    r_min: float | str | None = None,
    r_max: float | str | None = None,
    *,
    kind: str = "variance",
    radial_step: float | str = 1.0,
    scaling: str = DEFAULT,
    polar: str = "own",
) -> FeatureView:
    """Compute the variance of the intensity over the angle at each radius, as features of every pattern.

    The variance [1]_ is large if there are spots, and close to the counting noise if a ring is uniform. It distinguishes
    crystalline from amorphous regions, but not orientations. It is not additive: two overlapping grains have less than the
    sum of their variances.

    Parameters
    ----------
    r_min, r_max : float or str, optional
        First and last radius in pixels or with a unit. By default from the edge of the direct beam to the last radius of
        which half lies on the detector. If the direct beam is not masked, its edge is the first minimum of the radial
        profile of the maximum pattern, for which the scan is read once immediately.
    kind : {"variance", "normalised"}
        ``"variance"``: eq. 1 of [1]_, ``<I^2> - <I>^2``, which increases with the thickness. ``"normalised"``: ``<I^2> /
        <I>^2 - 1`` of fluctuation microscopy (pyxem's ``get_variance(method="r")``); 0 without intensity.
    radial_step : float or str
        Distance between radii and width of the rings, in pixels or with a unit.
    scaling : {"poisson", "none", "global", "minmax", "robust"}
        Scaling of the features, see `FeatureView.scaled`.
    polar : {"own", "host"}
        As for `angular_average`. The hosts interpolate, which lowers the variance of noise.

    Returns
    -------
    FeatureView
        Features of shape (1, n_radii), computed in one pass when first used. Means are over the area of each ring, where
        each pixel is weighted by its area in the ring. There is no interpolation, because that would lower the variance.

    Raises
    ------
    ValueError
        If the radii are not in ascending order or contain no pixel, the view holds features already, or its patterns are
        redrawn.

    References
    ----------
    .. [1] Bruefach et al., Microsc. Microanal. 28 (2022), Radial Variance, eq. 1.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
    >>> Unmix(phantom.data, centre=phantom.centre).radial_variance(4, 15).shape
    (8, 6, 1, 12)
    """
    if view.geometry.redrawn:
        raise ValueError(
            "radial_variance needs patterns as measured, but prepare(redraw_peaks=...) has set what lies between "
            "the spots to 0, and with it the noise and the halo they are compared with: use the view before"
        )
    checks.choice(kind, "kind", features.radial_variance_kinds)
    checks.choice(scaling, "scaling", features.scaling.KINDS)
    read, grid = _geometry(view, polar, "radial_variance")
    radii, step = _radii(read, grid, r_min, r_max, radial_step)
    return _made(view, features.radial_variance(read, radii, step, kind, grid=grid), scaling, polar)


def symmetry(
    view: Any,
    orders: Sequence[int] = (2, 3, 4, 6),
    *,
    r_min: float | str | None = None,
    r_max: float | str | None = None,
    kind: str = "power",
    radial_step: float | str = 1.0,
    scaling: str = DEFAULT,
    polar: str = "own",
) -> FeatureView:
    """Compute the power of Fourier orders of the intensity over the angle at each radius, as features of every pattern.

    The features are ``|c_n|^2`` of ``I(angle) ~ sum c_n exp(i n angle)``. They do not change when a pattern is rotated, and
    distinguish two-, three-, four- and six-fold arrangements of spots. They are not additive where grains overlap.

    Parameters
    ----------
    orders : sequence of int
        Orders of rotational symmetry, at least 1. Patterns with I(g) = I(-g) only have power in even orders.
    r_min, r_max, radial_step, scaling, polar
        As for `radial_variance`.
    kind : {"power", "normalised"}
        With ``"normalised"``, the power is divided by the squared mean of the ring, as in the angular correlations of pyxem.

    Returns
    -------
    FeatureView
        Features of shape (n_orders, n_radii), computed in one pass when first used.

    Raises
    ------
    ValueError
        As for `radial_variance`, and when an order is below 1.

    Notes
    -----
    The mean of a ring is subtracted first, so that masked azimuths are not mistaken for a symmetry. Counting noise adds
    about ``<I> / n_pixels`` of the ring to each order.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
    >>> Unmix(phantom.data, centre=phantom.centre).symmetry((2, 4), r_min=4, r_max=15).shape
    (8, 6, 2, 12)
    """
    try:
        orders = [checks.count(order, "orders", maximum=180) for order in orders]
    except TypeError as error:
        raise TypeError(f"orders must be a list of whole numbers, got {orders!r}") from error
    if not orders or len(set(orders)) < len(orders):
        raise ValueError(f"orders must be different whole numbers, at least one, got {orders}")
    checks.choice(kind, "kind", features.symmetry_kinds)
    checks.choice(scaling, "scaling", features.scaling.KINDS)
    read, grid = _geometry(view, polar, "symmetry")
    radii, step = _radii(read, grid, r_min, r_max, radial_step)
    return _made(view, features.symmetry(read, radii, step, orders, kind, grid=grid), scaling, polar)


def friedel_odd(
    view: Any,
    r_min: float | str | None = None,
    r_max: float | str | None = None,
    *,
    cell: float | str = 3.0,
    halves: bool = False,
    measure_centre: bool = True,
) -> FeatureView:
    """Compute the difference of opposite spots, I(g) - I(-g), as features that show domains of opposite polarity.

    Contributions that are even under inversion about the centre cancel, such as thickness and amorphous layers. The features
    of an antiparallel domain have the opposite sign, whereas its pixels hardly change.

    Parameters
    ----------
    r_min, r_max : float or str, optional
        As for `radial_variance`.
    cell : float or str
        Size of the square cells about the centre whose means are compared, in pixels or with a unit. Use about the size of a
        spot.
    halves : bool
        If True, negative differences are set to 0 and all cells are features instead of half of them, so that features are
        non-negative, as `nmf` needs. The noise is then no longer symmetric, and features are not additive.
    measure_centre : bool
        If True, measure the centre from opposite spots, to a few hundredths of a pixel, in one or two passes that are made
        immediately; it is stored in ``.features.settings["centre"]``. A centre that is wrong by half a pixel shifts opposite
        spots by a whole pixel, and thickness is then odd too. If False, or if the spots do not determine it, the centre of
        the view is used.

    Returns
    -------
    FeatureView
        Features of shape (n, 2 n) for the cells above the centre, signed, additive and in units of their counting noise;
        with `halves` (2 n, 2 n). Use them with `fuzzy_cmeans`, `svd`, `pca` and `ica`. A cell is dropped if less than half
        of it, or of the opposite cell, is on pixels that are not excluded. They are computed in one pass when first used.

    Raises
    ------
    ValueError
        As for `radial_variance`.

    Notes
    -----
    A crystal tilted off its zone axis also has an odd part, which is the same in all domains. If the tilt changes over the
    scan, use more than two clusters.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.antiparallel_domains(scan_shape=(12, 10), detector_shape=(48, 48), seed=0)
    >>> odd = Unmix(phantom.data, centre=phantom.centre).friedel_odd(4, 22)
    >>> odd.shape, odd.fuzzy_cmeans(2, random_state=0).maps.shape
    ((12, 10, 8, 16), (2, 12, 10))
    """
    checks.flag(halves, "halves")
    checks.flag(measure_centre, "measure_centre")
    read, grid = _geometry(view, "own", "friedel_odd")
    if read.geometry.polar:
        raise ValueError("friedel_odd needs patterns in rows and columns, but the axes of this scan are azimuth and radius")
    radii, _ = _radii(read, grid, r_min, r_max, 1.0)
    edge = checks.positive(in_pixels(cell, grid.length, grid.unit, "cell"), "cell")
    if edge < _LEAST_CELL:
        raise ValueError(f"cell must be at least {_LEAST_CELL} pixels, got {edge:.4g}")
    centre = read.geometry.centre
    if measure_centre:
        offset = offset_of_scan(read.matrix(), read.geometry, float(radii[0]))
        centre = (centre[0] + offset.row, centre[1] + offset.col) if offset.known else centre
        if offset.noticed:
            warn(
                f"opposite spots are symmetric about ({centre[0]:.2f}, {centre[1]:.2f}), and not about the centre of the "
                "view: friedel_odd uses that; pass it to the view too, or use measure_centre=False"
            )
    return FeatureView(features.friedel_odd(read, float(radii[0]), float(radii[-1]), edge, halves, centre))


def polar(
    view: Any,
    n_azimuth: int = 72,
    *,
    radial_step: float | str = 1.0,
    r_min: float | str | None = None,
    r_max: float | str | None = None,
    scaling: str = DEFAULT,
) -> FeatureView:
    """Transform patterns to polar coordinates, as features: azimuth along the rows, radius along the columns.

    Intensities are interpolated between pixels (`unmix4d.core.polar.PolarTransform`). They are computed in one pass when
    first used and held in memory: n_azimuth x n_radius numbers for every position.

    Parameters
    ----------
    n_azimuth : int
        Number of azimuths, starting at 0, counter-clockwise as seen with row 0 on top.
    radial_step : float or str
        Distance between radii, in pixels or with a unit.
    r_min, r_max, scaling
        As for `radial_variance`.

    Returns
    -------
    FeatureView
        Features of shape (n_azimuth, n_radius). Those without a kept pixel nearby are dropped.

    Raises
    ------
    ValueError
        As for `radial_variance`, and when the patterns are polar already.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
    >>> Unmix(phantom.data, centre=phantom.centre).polar(36, r_min=4, r_max=15).shape
    (8, 6, 36, 12)
    """
    checks.choice(scaling, "scaling", features.scaling.KINDS)
    require_centre(view.geometry, "polar", view.scan.centres)
    n_azimuth = checks.count(n_azimuth, "n_azimuth", minimum=4)
    radii, step = _radii(view, _near_grid(view.geometry, "polar"), r_min, r_max, radial_step)
    transform = PolarTransform(
        view.geometry, n_azimuth=n_azimuth, radial_step=step, r_min=float(radii[0]), r_max=float(radii[-1]) + step / 1e3
    )
    return _made(view, features.polar_patterns(view, transform), scaling)


def _geometry(view, polar, use):
    """The view to make features from, and where its pixels are: this one, or its polar patterns by the host."""
    checks.choice(polar, "polar", ("own", "host"))
    if view.geometry.polar:
        return view, polar_grid(view.scan, use)
    require_centre(view.geometry, use, view.scan.centres)
    if polar == "own":
        return view, _near_grid(view.geometry, use)
    scan, grid = polar_scan(view.scan, use)
    return type(view)(scan), grid


def _made(view, made, scaling, polar="own"):
    if polar == "host":
        made = dataclasses.replace(made, source=view, settings={**made.settings, "polar": "host"})
    return FeatureView(features.scaled(made, scaling))


def _maximum(view):
    """The maximum pattern of a view, kept pixels only; read once."""
    return view.geometry.from_images(view.maximum_pattern()[None])[0]


def _radii(view, grid, r_min, r_max, radial_step):
    """Radii of a call in pixels, and the distance between them."""

    def pixels(value, name):
        return in_pixels(value, grid.length, grid.unit, name)

    step = checks.positive(pixels(radial_step, "radial_step"), "radial_step")
    if step < _LEAST_STEP:
        raise ValueError(f"radial_step must be at least {_LEAST_STEP} pixels, got {step:.4g}")
    last = reach(grid) if r_max is None else checks.positive(pixels(r_max, "r_max"), "r_max")
    if r_min is not None:
        first = checks.positive(pixels(r_min, "r_min"), "r_min", zero=True)
    else:
        nearest = float(grid.radius[view.geometry.kept_pixels].min())
        first = nearest if nearest > 1.5 else beam_edge(grid, _maximum(view))
    if not last > first:
        raise ValueError(f"r_max must be above r_min, got {last:.4g} and {first:.4g} pixels")
    if (last - first) / step > _MOST_RADII:
        raise ValueError(
            f"r_max must be at most {_MOST_RADII} steps of radial_step above r_min, got {(last - first) / step:.4g}"
        )
    return first + step * np.arange(int((last - first) / step * (1 + 1e-9)) + 1), step


def _near_grid(geometry: ScanGeometry, use: str) -> Grid:
    """Where the pixels are, if the centre is not far away."""
    require_near(geometry, use)
    return Grid(geometry)


def _sectors(sector_deg: float) -> int:
    angle = checks.positive(sector_deg, "sector_deg")
    n = round(360 / angle)
    if not 1 <= n <= _MOST_SECTORS or abs(n * angle - 360) > 1e-6 * 360:
        raise ValueError(f"sector_deg must be 360 divided by a whole number up to {_MOST_SECTORS}, got {sector_deg!r}")
    return n
