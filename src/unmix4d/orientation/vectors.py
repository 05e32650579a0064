"""Measured Bragg vectors gathered per component, for a host to match k lists instead of n (proposed by Bruefach 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from ..core import checks
from .disks import point_list
from .geometry import to_scan_frame
from .sources import ENOUGH, presence

__all__ = ["gathered", "group_braggvectors"]

_MOST_POSITIONS = 400  # of one component; more of them do not make a disk better known


def group_braggvectors(
    result: Any, braggvectors: Any, *, single: bool | None = None, min_share: float = 0.2, q_min: float = 0.0
) -> tuple[Any, ...]:
    """Gather measured Bragg vectors for each component, for matching with a host (proposed by Bruefach 2022).

    Parameters
    ----------
    braggvectors : py4DSTEM BraggVectors or PointListArray, pyxem DiffractionVectors
        Bragg vectors of the same scan.
    single : bool or None
        Whether to use only positions where one component is alone. By default, if there are at least 10 such positions;
        otherwise all positions are used, weighted by the map of the component.
    min_share : float
        Share of the (weighted) positions of a component, 0 to 1, at which a disk must be found to be kept.
    q_min : float
        Shorter vectors are ignored, 1/Å.

    Returns
    -------
    tuple of py4DSTEM PointList (k,)
        ``qx`` (along the rows) and ``qy`` (along the columns) in 1/Å, in the frame of the scan if its rotation is known,
        and ``intensity``, the mean over the positions of the component, weighted by the map.

    Raises
    ------
    TypeError, ValueError
        If these are not Bragg vectors, are of another scan, or are not calibrated, or if the components have both signs.
    ImportError
        If py4DSTEM is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from emdfile import PointList, PointListArray  # doctest: +SKIP
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(10, 8), detector_shape=(48, 48), background=0, seed=0)
    >>> result = film.to_py4dstem().unmix.nmf(2, random_state=0)  # doctest: +SKIP
    >>> kinds = [("qx", float), ("qy", float), ("intensity", float)]
    >>> vectors = PointListArray(kinds, (10, 8), name="braggvectors")  # doctest: +SKIP
    >>> for row, col in np.ndindex(10, 8):  # the same disk at every position, in pixels  # doctest: +SKIP
    ...     vectors[row, col] += PointList(np.array([(film.centre[0] + 10, film.centre[1], 500.0)], kinds))
    >>> found = result.group_braggvectors(vectors)  # doctest: +SKIP
    >>> len(found), found[0].data["qx"].round(3).tolist()  # doctest: +SKIP
    (2, [0.427])
    """
    import importlib.util

    if importlib.util.find_spec("emdfile") is None:
        raise ImportError("group_braggvectors gives PointLists of py4DSTEM, which is not installed")
    lists, _ = gathered(result, braggvectors, single=single, min_share=min_share, q_min=q_min)
    return tuple(point_list(one) for one in lists)


def gathered(result, braggvectors, *, single=None, min_share=0.2, q_min=0.0):
    """(q_row, q_col, intensity) of the disks of each component, and of how many positions they are.

    Returns lists (list of ndarray (n_disks, 3)): 1/Å, in the frame of the scan where its rotation is known; strongest first.
    Returns n_positions (ndarray of int (k,)).
    """
    from ..hosts import bragg_vectors

    min_share = checks.positive(min_share, "min_share", zero=True)
    if min_share > 1:
        raise ValueError(f"min_share must be at most 1, got {min_share}")
    q_min = checks.positive(q_min, "q_min", zero=True)
    present = presence(result)
    geometry = result.geometry
    disks = bragg_vectors.read(braggvectors, default=geometry).disks
    if disks.scan_shape != geometry.scan_shape:
        raise ValueError(f"the Bragg vectors must be of a scan of {geometry.scan_shape}, got one of {disks.scan_shape}")
    if disks.unit == "px" and geometry.calibration.pixel_unit != "px":
        disks = disks.scaled(geometry.calibration.pixel_size, geometry.calibration.pixel_unit)
    disks = disks.in_unit("1/Å")
    alone = present & (present.sum(0) == 1)
    intensities = np.nan_to_num(result.intensities)
    q = to_scan_frame(np.stack([disks.q_row, disks.q_col], 1), geometry.calibration)
    strength = np.ones(len(disks)) if disks.intensity is None else np.maximum(disks.intensity, 0)
    length, lists, counts = disks.length, [], []
    width = 0.3 * (disks.spacing() or 0.1)
    for i in range(result.k):
        here = alone[i] if single or (single is None and alone[i].sum() >= ENOUGH) else present[i]
        weight = np.where(here, intensities[i], 0).ravel()
        weight = _strongest(weight)
        mine = (weight[disks.position] > 0) & (length > q_min)
        lists.append(_grouped(q[mine], strength[mine], weight[disks.position[mine]], weight.sum(), width, min_share))
        counts.append(np.count_nonzero(weight))
    return lists, np.array(counts)


def _strongest(weight):
    """The weights of the positions that have most of the component; 0 elsewhere."""
    if np.count_nonzero(weight) <= _MOST_POSITIONS:
        return weight
    return np.where(weight >= np.partition(weight, -_MOST_POSITIONS)[-_MOST_POSITIONS], weight, 0)


def _grouped(q, strength, weight, total, width, min_share):
    """Disks at one place, within `width`, become one: weighted mean place, mean intensity over all positions."""
    if not len(q) or not total > 0:
        return np.empty((0, 3))
    tree, left, out = scipy.spatial.cKDTree(q), np.ones(len(q), bool), []
    neighbours = tree.query_ball_point(q, width)
    density = np.array([weight[n].sum() for n in neighbours])
    for i in np.argsort(-density, kind="stable"):
        if not left[i]:
            continue
        group = np.array([j for j in neighbours[i] if left[j]])
        left[group] = False
        share = weight[group].sum() / total
        if share < min_share:
            continue
        both = weight[group] * np.maximum(strength[group], np.finfo(float).tiny)
        place = (both[:, None] * q[group]).sum(0) / both.sum()
        out.append((*place, (weight[group] * strength[group]).sum() / total))
    out = np.array(out).reshape(-1, 3)
    return out[np.argsort(-out[:, 2], kind="stable")]
