"""Whether neighbouring positions of a map agree: components have regions, fitted noise has none."""

from __future__ import annotations

import numpy as np

__all__ = ["morans_i"]


def morans_i(images) -> np.ndarray:
    """Moran's I of maps, with the up to four nearest neighbours of a position as those it is compared with.

    Parameters
    ----------
    images : ndarray (k, scan_row, scan_col)
        NaN = excluded.

    Returns
    -------
    ndarray of float64 (k,)
        1: neighbours are alike; about 0: independent, and for a constant map; NaN where no two neighbours are kept.

    References
    ----------
    Moran, Biometrika 37 (1950) 17, doi:10.1093/biomet/37.1-2.17

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.choose_k.coherence import morans_i
    >>> halves = np.repeat([[0.0, 1.0]], 8, axis=0).repeat(4, axis=1)
    >>> chequered = np.indices((8, 8)).sum(0) % 2
    >>> morans_i(np.stack([halves, chequered])).round(2).tolist()
    [0.86, -1.0]
    """
    return np.array([_one(np.asarray(image, float)) for image in images])


def _one(image):
    kept = np.isfinite(image)
    if not kept.any():
        return np.nan
    centred = np.where(kept, image - image[kept].mean(), 0)
    square = (centred**2).sum() / kept.sum()
    down, across = kept[1:] & kept[:-1], kept[:, 1:] & kept[:, :-1]
    pairs = down.sum() + across.sum()
    if pairs == 0:
        return np.nan
    if not square > (1e-9 * np.abs(image[kept]).max()) ** 2:
        return 0.0
    products = (centred[1:] * centred[:-1])[down].sum() + (centred[:, 1:] * centred[:, :-1])[across].sum()
    return float(products / pairs / square)
