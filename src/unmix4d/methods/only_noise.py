"""Whether anything in a view stands out of its noise: asked once, in one way, by all methods that look for components."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..constraints import SmoothMaps
from ..core.messages import warn
from ..decomposition.svd import truncated_svd
from ..engine.compression import LowRank, compress
from ..engine.neighbour_noise import in_noise_units
from ..features.features import FeatureMatrix, feature_geometry

__all__ = ["only_noise", "say_if_only_noise"]

_RANK = 4  # directions: two of them would do
_FEWEST = 12  # positions, below which nothing can be said
_MOST = 32  # directions of features, of which the noise is estimated
_FEWEST_EACH = 10  # positions for each of them
_SIGMA = 1.0  # positions
_MOSTLY = 0.5  # of the squares; of noise at 12 positions a direction has a fifth


def say_if_only_noise(view: Any, matrix: Any, low: LowRank | None, method: str, seed: int) -> bool:
    """Warn, on behalf of a method, when a view holds nothing but its mean pattern and noise; whether it does."""
    if not only_noise(view, matrix, low, seed):
        return False
    of = f"these {view.features.kind.replace('_', ' ')} features" if view.is_features else "this scan"
    warn(
        f"{method} finds nothing in {of} that stands out of the noise but the mean pattern: any second component or group "
        "would be noise; bin the scan, or record it with more electrons in each pattern"
    )
    return True


def only_noise(view: Any, matrix: Any, low: LowRank | None, seed: int) -> bool:
    """Whether at most one direction stands out of the noise, in the scan as it is and smoothed over the positions.

    Counts have one where they all are of one pattern, however bright. Noise alone never had two on 360 simulated scans, of
    1 to 1000 electrons in each pattern; the standard phantoms had. Of features, whose noise is not independent, directions
    are counted in units of the noise that neighbouring positions show.

    matrix: Of it.
    low: The compression that the method made, where it made one. Only where this says nothing the scan is read again.
    """
    if matrix.shape[0] < _FEWEST or min(matrix.shape) < 2:
        return False
    if view.is_features:
        if _stands_out(_features_in_noise_units(view, matrix, seed), "none", _smoothing(view.geometry), seed):
            return False
        # Where every position is another grain, neighbours differ in what is looked for: the pixels know better.
        if view.pixel_view.is_features:
            return not _stands_out(matrix, "none", None, seed)
        return only_noise(view.pixel_view, view.pixel_view.matrix(), None, seed)
    if low is None:
        low = compress(matrix, min(_RANK, *matrix.shape), weights="capped", seed=seed)
    if _more_than_one(low):
        return False
    # Position by position for what no neighbours share, and smoothed for what is weak and large.
    other = _smoothing(view.geometry) if low.smoother is None else None
    kind = "capped" if low.weights.kind == "none" else low.weights.kind
    return not _stands_out(matrix, kind, other, seed)


def _features_in_noise_units(view, matrix, seed):
    most = min(_MOST, matrix.shape[1], max(2, matrix.shape[0] // _FEWEST_EACH), matrix.shape[0])
    strongest = truncated_svd(matrix, most, seed=seed)
    values = in_noise_units(strongest.left * strongest.values, view.geometry)
    return FeatureMatrix(values, feature_geometry(view.geometry, (1, values.shape[1])), "double")


def _stands_out(matrix, weights, smoothing, seed):
    rank = min(_RANK, *matrix.shape)
    return _more_than_one(compress(matrix, rank, wanted=min(2, rank), weights=weights, smoothing=smoothing, seed=seed))


def _more_than_one(low):
    """Whether a second direction stands out of the noise, or is most of what the first one leaves over.

    In a few positions without noise, what should be noise is that direction itself; and where nothing is left over, there is
    no noise either.
    """
    squares = low.values() ** 2
    rest = low.norm2 - squares[0]
    if rest <= 10 * np.finfo(low.dtype).eps * low.norm2:
        return True
    return low.above_noise > 1 or bool(squares[1] > _MOSTLY * rest)


def _smoothing(geometry):
    smoothing = SmoothMaps(sigma=_SIGMA)
    return smoothing.bind(geometry) or smoothing
