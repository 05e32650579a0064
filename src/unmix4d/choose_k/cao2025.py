"""The steps of Cao 2025: knee of the loss, then image quality between the components of one factorisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..image_quality import similarity_matrix
from .knee import loss_knee, region_of_interest

__all__ = ["Cao2025", "cao2025"]

# Whether the most different component has the largest or the smallest mean value of the metric.
_DIFFERENT = {"ssim": np.argmin, "gmsd": np.argmax, "mdsi": np.argmax}


@dataclass(frozen=True, eq=False)
class Cao2025:
    """What the steps of the paper came to.

    Attributes
    ----------
    recommended : int
    knee : int or None
        Of the K-component loss.
    region : (int, int)
        At most 4 from the knee.
    matrices : dict of ndarray (n, n)
        SSIM, GMSD and MDSI between all pairs of components of the factorisation with the largest number.
    means : dict of ndarray (n,)
        Mean over the other components.
    chosen : dict of int
        What each metric alone chooses.
    """

    recommended: int
    knee: int | None
    region: tuple[int, int]
    matrices: dict
    means: dict
    chosen: dict


def cao2025(ks, losses, patterns) -> Cao2025:
    """The number of components by the paper's own procedure.

    The knee of the K-component loss gives a region of interest, knee - 4 to knee + 4. The patterns (n, det_row, det_col) of
    one factorisation with the largest number are compared with each other, and the index of a component, counted from 1, is
    read as a number of components: the one in the region that is least like the others. Each of SSIM, GMSD and MDSI chooses;
    the median of the three is recommended. A ValueError says that patterns are too small for SSIM.

    Notes
    -----
    The paper does not say how the three metrics are combined (its example has one answer for all), and contradicts itself on
    the sense of MDSI: 0 is equal here, as Nafchi 2016 define it. The order of the components is an accident of the solver,
    and so is the answer: the procedure is kept for comparison.

    References
    ----------
    Cao et al., Digital Discovery 4 (2025) 3610, doi:10.1039/d5dd00071h, Fig. 3
    """
    knee = loss_knee(ks, losses)
    low, high = region_of_interest(ks, knee)
    images = np.maximum(np.asarray(patterns, np.float64), 0)
    images /= np.nanmax(images) or 1.0
    matrices = {name: similarity_matrix(images, name, data_range=1.0) for name in _DIFFERENT}
    means = {name: _mean_of_others(table) for name, table in matrices.items()}
    # Component i, counted from 1, stands for i components.
    inside = slice(low - 1, min(high, len(images)))
    chosen = {name: low + int(_DIFFERENT[name](means[name][inside])) for name in _DIFFERENT}
    return Cao2025(int(np.median(list(chosen.values()))), knee, (low, high), matrices, means, chosen)


def _mean_of_others(table):
    table = table.copy()
    np.fill_diagonal(table, np.nan)
    known = np.isfinite(table)
    return np.where(known, table, 0).sum(1) / np.maximum(known.sum(1), 1)
