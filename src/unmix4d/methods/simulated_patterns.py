"""``.simulated_patterns`` of a view: patterns of known phases on its detector, to be fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.centre import require_centre
from ..core.units import in_pixels
from ..hosts.disk_detection import disk_radius as radius_of_beam
from ..orientation.simulated_patterns import drawn, simulated_spots

__all__ = ["simulated_patterns"]


def simulated_patterns(view: Any, simulation: Any, *, disk_radius: float | str | None = None) -> dict[str, np.ndarray]:
    """Draw the simulated patterns of known crystals as the detector of this view shows them, for `fit` and ``nmf(known=)``.

    The direct beam and what lies between the spots are not simulated: exclude the beam, and let a new component take the
    rest, ``u.nmf(known=simulation, new=1)``.

    Parameters
    ----------
    simulation : diffsims Simulation2D, py4DSTEM PointList, or a list or dict of them
        A Simulation2D has a pattern for each phase and each rotation, which counts as in the maps of pyxem's indexation. A
        PointList is what ``crystal.generate_diffraction_pattern(...)`` of py4DSTEM gives, with qx along the rows.
    disk_radius : float or str, optional
        Radius of the disks, in pixels or with a unit. By default that of the direct beam in the mean pattern.

    Returns
    -------
    dict of ndarray (det_row, det_col)
        Each with the sum 1, by the name of its phase, or that of the dictionary; maps of them are then numbers of counts.

    Raises
    ------
    ValueError
        If the view has no centre or no calibration in a reciprocal length, a pattern has no spot on the detector, or the
        radius has to be given.
    TypeError
        If `simulation` is none of these.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> counts = phantoms.random_scan(shape=(3, 4, 40, 40), seed=0).data
    >>> u = Unmix(counts, centre=(19.5, 19.5), pixel_size=0.05, pixel_unit="1/Å")
    >>> from py4DSTEM.process.diffraction import Crystal  # doctest: +SKIP
    >>> crystal = Crystal([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], 47, 4.085)  # doctest: +SKIP
    >>> crystal.setup_diffraction(300e3)  # doctest: +SKIP
    >>> crystal.calculate_structure_factors(1.0)  # doctest: +SKIP
    >>> peaks = crystal.generate_diffraction_pattern(zone_axis_lattice=[0, 0, 1])  # doctest: +SKIP
    >>> u.simulated_patterns({"silver": peaks}, disk_radius=2)["silver"].shape  # doctest: +SKIP
    (40, 40)
    """
    geometry, spots = view.geometry, simulated_spots(simulation)
    if view.is_features or geometry.polar:
        raise ValueError("simulated patterns need patterns in rows and columns: fit them to the view that has them")
    require_centre(geometry, "simulated_patterns")
    if disk_radius is not None:
        radius = in_pixels(disk_radius, geometry.pixel_length, geometry.calibration.pixel_unit, "disk_radius")
    else:
        radius = radius_of_beam(view.mean_pattern())
    found = {name: drawn(one, geometry, radius) for name, one in spots.items()}
    kept = geometry.kept_pixels.reshape(geometry.detector_shape)
    for name, pattern in found.items():
        if not pattern[kept].any():
            raise ValueError(f"the simulated pattern {name!r} has no spot on the detector: compare their calibrations")
    return found
