"""``.virtual_image`` of a scan: a virtual dark or bright field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..preparation.masks import disks

__all__ = ["virtual_image"]


def virtual_image(view: Any, spots: tuple[float, float] | Sequence[tuple[float, float]], radius: float | str) -> np.ndarray:
    """Compute a virtual dark-field (or bright-field) image: the intensity within disks of the detector at every position.

    Parameters
    ----------
    spots : (float, float) or sequence of them
        Positions (row, column) of the disks in detector pixels.
    radius : float or str
        Radius of the disks in detector pixels, or a string with a unit such as ``"0.05 1/Å"``.

    Returns
    -------
    ndarray (scan_row, scan_col)
        The image, NaN where excluded. It is computed in one pass.

    Raises
    ------
    ValueError
        If a disk contains no kept pixel, or a kept value is NaN or infinite.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> u = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data)
    >>> u.virtual_image([(4, 6), (5, 13)], radius=2).shape
    (3, 4)
    """
    matrix = view.matrix()
    image = matrix.times(disks(view.geometry, spots, radius).astype(matrix.dtype)[:, None])
    if not np.isfinite(image).all():
        matrix.statistics()  # says where a value is not finite, or too large
    return view.geometry.to_maps(image)[0]
