"""``.bragg_disks`` of a scan, and the view of vectors without one."""

from __future__ import annotations

from typing import Any

from ..core import checks
from ..core.centre import require_centre
from ..core.units import in_pixels
from ..features.bragg_raster import bragg_features
from ..views.feature_view import FeatureView
from .arguments import progress
from .bragg_vectors import BIN, features_of_vectors, given_disks, raster_arguments

__all__ = ["bragg_disks", "view_of_vectors"]


def bragg_disks(
    view: Any,
    vectors: Any = None,
    *,
    bin: int | None = None,
    intensity: str = "sum",
    spread: float | str | None = None,
    q_min: float | str | None = None,
    q_max: float | str | None = None,
    centre: tuple[float, float] | None = None,
    detector: str | None = None,
    disk_radius: float | str | None = None,
    detection: dict | None = None,
) -> FeatureView:
    """Put the Bragg disks of every position on a grid, as features (Bruefach 2022, "BD").

    Parameters
    ----------
    vectors : py4DSTEM BraggVectors or PointListArray, or pyxem DiffractionVectors, optional
        Bragg vectors of the same scan. They are used with their own calibration: centred and corrected for the ellipse.
        Preparation of the detector (crop, bin, masks) does not affect them, but the scan mask does. For several scans,
        pass a list with the vectors of each, or pyxem vectors with three navigation axes; all are put on one grid. Without
        vectors, the disks are detected immediately on the patterns of this view, with the detector of the host.
    bin : int, optional
        Size of a cell of the grid in detector pixels of this view. The default is 3.
    intensity : {"sum", "sqrt", "binary"}
        Weight of a vector: its intensity, the square root of it, or 1.
    spread : float or str, optional
        Distance over which a vector is distributed among cells (with a hat function), in pixels of this view or with a unit.
        It is rounded to whole cells, at least one, which is bilinear; the default is two. With 0, a vector contributes only
        to the cell it lies in, as in the paper.
    q_min, q_max : float or str, optional
        Shortest and longest vectors that are used, in pixels of this view or with a unit. By default the direct beam is
        excluded if it is among the vectors, i.e. vectors shorter than half of the smallest usual distance between two disks,
        and also vectors under a mask of the direct beam. With 0, all are used.
    centre : (float, float), optional
        Position of the direct beam in the vectors (row, column), if their calibration does not have it.
    detector : {"py4dstem", "pyxem"}, optional
        Host whose detector finds the disks. By default the host that the scan came from.
    disk_radius : float or str, optional
        Radius of the disks, by default that of the direct beam in the mean pattern.
    detection : dict, optional
        Arguments of ``find_Bragg_disks`` (py4DSTEM) or ``find_peaks`` (pyxem) that replace our defaults.

    Returns
    -------
    FeatureView
        Features of shape (2 n + 1, 2 m + 1) with the direct beam in the middle. For a view made of vectors alone, component
        patterns are fitted to the same grid without the spread.

    Raises
    ------
    ValueError
        If the vectors belong to another scan, have no origin or no unit that fits this view, are NaN or negative, or none is
        left; or if disks of a scan without a host have to be detected and `detector` is not given.
    TypeError
        If the type of `vectors` is not supported.

    Warns
    -----
    UnmixWarning
        If more than half of the positions have no vector.

    Notes
    -----
    Vectors are spread because a disk detected half a pixel away must not look like a different disk. On a simulated silver
    film (16 overlapping grains, k given), NMF maps have a correlation of 0.50 with the truth without spread, 0.71 with a
    spread of one cell, and 0.79 with two.

    Intensities from py4DSTEM are correlations with a probe; those from pyxem's detector are mean intensities of disks above
    their surroundings. Neither is a number of electrons, so weights from counting statistics do not apply.

    Examples
    --------
    >>> from unmix4d import Unmix
    >>> from unmix4d.features.bragg_disks import BraggDisks
    >>> import numpy as np
    >>> u = Unmix(np.ones((1, 2, 9, 9)), centre=(4, 4))
    >>> disks = BraggDisks((1, 2), [0, 0, 1], [0.0, 2.0, 2.1], [0.0, 3.0, 3.0], [9.0, 1.0, 3.0])
    >>> u.bragg_disks(disks, bin=1).shape
    (1, 2, 9, 9)
    """
    geometry = view.geometry
    bin = checks.count(BIN if bin is None else bin, "bin")
    how = raster_arguments(geometry, bin, intensity, q_min, q_max, spread)
    if geometry.polar:
        raise ValueError("bragg_disks needs patterns in rows and columns, but the axes of this scan are azimuth and radius")
    if vectors is None:
        require_centre(geometry, "bragg_disks")
        disks, found = _found_disks(view, detector, disk_radius, detection)
    else:
        disks, found = given_disks(vectors, geometry, centre), {"detector": None}
    how.setdefault("q_min", _default_q_min(disks, geometry))
    return FeatureView(bragg_features(disks, geometry, source=view, settings={"bin": bin, **found}, **how))


def _found_disks(view, detector, radius, options):
    from ..hosts.disk_detection import find_disks

    geometry = view.geometry
    if radius is not None:
        radius = in_pixels(radius, geometry.pixel_length, geometry.calibration.pixel_unit, "disk_radius")
    with progress(view, geometry.scan_shape[0], "Bragg disks") as tick:
        disks, settings = find_disks(
            view.scan, None if radius else view.mean_pattern(), detector=detector, radius=radius, options=options,
            tick=tick,
        )  # fmt: skip
    calibration = geometry.calibration
    return disks.scaled(calibration.pixel_size, calibration.pixel_unit).made_round(geometry.ellipse), settings


def _default_q_min(disks, geometry):
    """Where the direct beam is among the vectors, half the distance of two disks; and what lies under a mask of the beam."""
    masked = (
        float(geometry.radius().ravel()[geometry.kept_pixels].min()) * geometry.pixel_length
        if geometry.centre_known
        else 0.0
    )
    beam = masked if masked > geometry.pixel_length else 0.0  # less is no mask, but a centre between pixels
    return max(beam, disks.beam_reach())


def view_of_vectors(vectors: Any, **facts: Any) -> FeatureView:
    """What ``Unmix(vectors)`` is; see `features_of_vectors` for the facts."""
    return FeatureView(features_of_vectors(vectors, FeatureView, **facts))
