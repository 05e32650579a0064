"""Bragg vectors of a host as the plain spots that ``prepare(redraw_peaks=...)`` draws."""

from __future__ import annotations

from ..core.geometry import ScanGeometry
from ..preparation.redraw import GivenSpots
from .bragg_disks import _given_disks, is_bragg_vectors

__all__ = ["with_plain_spots"]


def with_plain_spots(value, geometry: ScanGeometry):
    """The argument `redraw_peaks` with what a host has found as `GivenSpots`; anything else as it is."""
    if is_bragg_vectors(value):
        return _spots(value, geometry)
    if isinstance(value, dict) and "vectors" in value:
        rest = {name: entry for name, entry in value.items() if name != "vectors"}
        if not is_bragg_vectors(value["vectors"]):
            raise TypeError(
                "vectors of redraw_peaks must have been found by a host: Bragg vectors (py4DSTEM BraggVectors or "
                f"PointListArray, pyxem DiffractionVectors), got {type(value['vectors']).__name__}"
            )
        return {**rest, "spots": _spots(value["vectors"], geometry)}
    return value


def _spots(vectors, geometry) -> GivenSpots:
    disks = _given_disks(vectors, geometry, None)
    if disks.intensity is None:
        raise ValueError("redraw_peaks needs vectors with intensities, but these hold positions alone")
    if geometry.ellipse is not None:
        # Vectors come with the ellipse taken out, and the patterns of the view have it.
        a, b, angle = geometry.ellipse
        disks = disks.made_round((b, a, angle))
    size = geometry.calibration.pixel_size
    return GivenSpots(
        disks.position, disks.q_row / size[0], disks.q_col / size[1], disks.intensity, type(vectors).__name__
    )  # fmt: skip
