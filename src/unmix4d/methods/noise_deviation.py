"""``.noise_deviation`` of `Unmix`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks

__all__ = ["noise_deviation"]

_LEAST = 3  # pixels, the window of the estimate


def noise_deviation(view: Any, n: int = 64, *, random_state: int | None = 0) -> float:
    """Estimate the standard deviation of the noise in single patterns, as the median over n random positions.

    Compare it before and after a filter with ``u.noise_deviation()`` and ``u.prepare(...).noise_deviation()``, which use the
    same positions for the same seed. It needs one pass over the blocks that contain these positions.

    Parameters
    ----------
    n : int
        Number of patterns, or all kept ones if there are fewer.
    random_state : int or None
        Seed for the random positions; with None, one is drawn.

    Returns
    -------
    float
        Standard deviation in the intensity unit of the view, as defined by `unmix4d.image_quality.noise_deviation` [1]_. NaN
        if the masks leave no 3 x 3 pixels together.

    Raises
    ------
    ValueError, TypeError
        If `n` is not a number above 0, or patterns are smaller than 3 x 3 pixels.

    Notes
    -----
    A low value does not mean a better result: a filter that removes weak spots also lowers it. Judge a filter by how well
    the components describe the unfiltered data.

    References
    ----------
    .. [1] Immerkaer, Comput. Vis. Image Underst. 64 (1996) 300; Cao et al. (2025), Fig. 2.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> u = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, dose=2000, seed=0).data)
    >>> u.noise_deviation() > u.prepare(average_neighbours=3).noise_deviation()
    True
    """
    from ..image_quality import noise_deviation

    n, geometry = checks.count(n, "n"), view.geometry
    if min(geometry.detector_shape) < _LEAST:
        raise ValueError(f"noise_deviation needs patterns of at least 3 x 3 pixels, got {geometry.detector_shape}")
    places = np.flatnonzero(geometry.kept_positions)
    rng = np.random.default_rng(checks.seed(random_state))
    chosen = np.zeros(geometry.kept_positions.size, bool)
    chosen[rng.choice(places, min(n, places.size), replace=False)] = True
    some = view.at_positions(chosen.reshape(geometry.scan_shape))
    values = noise_deviation(some.geometry.to_images(some.matrix().gather()))
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")
