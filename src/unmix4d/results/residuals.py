"""What a result leaves over at every position, where it was not computed with the result itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..engine.matrix import PatternMatrix
    from .decomposition import Decomposition

__all__ = ["residual_map"]


def residual_map(result: Decomposition, matrix: PatternMatrix) -> np.ndarray:
    """Root mean square of data minus reconstruction (scan_row, scan_col), NaN where excluded; one pass.

    Parameters
    ----------
    result : Decomposition
    matrix : PatternMatrix
        Of its view.
    """
    geometry = result.geometry
    if result.offset is not None:
        matrix = matrix.centred()
    squares = matrix.squared_residuals(geometry.from_maps(result.maps), geometry.from_images(result.patterns))
    root = np.sqrt(squares / matrix.shape[1]).astype(matrix.dtype)
    root = geometry.to_maps(root[:, None])[0]
    root.setflags(write=False)
    return root
