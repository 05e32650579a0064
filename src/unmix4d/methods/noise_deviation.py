"""``.noise_deviation`` of `Unmix`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import checks

__all__ = ["noise_deviation"]

_LEAST = 3  # pixels, the window of the estimate


def noise_deviation(view: Any, n: int = 64, *, random_state: int | None = 0) -> float:
    """Estimate the noise deviation of single patterns: the median over n of them, drawn from the kept positions.

    To be compared before and after a filter, ``u.noise_deviation()`` and ``u.prepare(...).noise_deviation()``, at the
    same positions as long as the seed is the same. One pass, over the blocks that hold them.

    Parameters
    ----------
    n : int
        Number of patterns; all kept ones when there are fewer.
    random_state : int or None
        Seed that draws the positions; None draws a seed.

    Returns
    -------
    float
        In the intensity unit of the view; see `unmix4d.image_quality.noise_deviation` [1]_ for what it sees. NaN when
        the masks leave no 3 x 3 pixels together.

    Raises
    ------
    ValueError, TypeError
        If `n` is not a number above 0, or patterns are smaller than 3 x 3 pixels.

    Notes
    -----
    A low value is no merit in itself: a filter that takes away weak spots lowers it too. Judge a filter by how well what
    was found describes the data that were not filtered.

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
