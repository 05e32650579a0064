"""Whether neighbouring positions of a map agree: components have regions, fitted noise has none."""

from __future__ import annotations

import numpy as np

__all__ = ["morans_i"]


def morans_i(images) -> np.ndarray:
    """Moran's I of maps (k, scan_row, scan_col), by the up to four nearest neighbours; float64 (k,).

    1: neighbours are alike; about 0: independent, and for a constant map; NaN where no two neighbours are kept (NaN =
    excluded). Moran, Biometrika 37 (1950) 17, doi:10.1093/biomet/37.1-2.17
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
