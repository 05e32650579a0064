"""The maximum pattern of a scan: where a spot is anywhere, however few positions have it."""

from __future__ import annotations

import numpy as np

__all__ = ["maximum_pattern"]


def maximum_pattern(matrix) -> np.ndarray:
    """Largest value of every kept pixel over the kept positions of a scan; one pass.

    Parameters
    ----------
    matrix : PatternMatrix

    Returns
    -------
    ndarray (n_pixels,)

    Raises
    ------
    ValueError
        When a kept value is NaN or infinite; says where.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import Unmix
    >>> from unmix4d.features.maximum import maximum_pattern
    >>> patterns = np.zeros((2, 3, 1, 4))
    >>> patterns[0, 0, 0, 1], patterns[1, 2, 0, 2] = 5, 7
    >>> maximum_pattern(Unmix(patterns).matrix()).tolist()
    [0.0, 5.0, 7.0, 0.0]
    """
    pattern = matrix.visit(_maximum_kernel)[1][0].astype(matrix.dtype)
    if not np.isfinite(pattern).all():
        matrix.statistics()  # which says where
    return pattern


def _maximum_kernel(X):
    return None, (X.max(0),)


_maximum_kernel.join = np.maximum
