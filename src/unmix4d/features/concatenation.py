"""Several kinds of features of one scan side by side."""

from __future__ import annotations

from functools import partial

import numpy as np

from ._features import Features, feature_frame

__all__ = ["concatenated"]


def concatenated(blocks, weights) -> Features:
    """Features side by side, with so much say of each block in a least-squares fit.

    Each block is scaled so that its sum of squares is that of the first one, whatever its unit and its number of features,
    and then multiplied by its weight.

    Parameters
    ----------
    blocks : sequence of Features
        Of the same scan positions.
    weights : sequence of float
        At least 0; blocks of weight 0 are left out. Only their ratios to the first positive one count.

    Returns
    -------
    Features
        Of the shape (1, n_features), dropped features left out; its source is that of the first block.

    Raises
    ------
    ValueError
        When the blocks are of different positions, or no weight is positive.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.features import Features, concatenated, feature_frame
    >>> from unmix4d.frame import Frame
    >>> frame = Frame((1, 3), (9, 9))
    >>> a = Features("a", feature_frame(frame, (1, 1)), lambda: np.array([[1.0], [2.0], [2.0]]))
    >>> b = Features("b", feature_frame(frame, (1, 2)), lambda: np.full((3, 2), 100.0))
    >>> values = concatenated([a, b], [1, 2]).values
    >>> float((values[:, 0] ** 2).sum()), float((values[:, 1:] ** 2).sum().round(6))
    (9.0, 36.0)
    """
    first = blocks[0].frame
    for block in blocks[1:]:
        same = block.frame.scan_shape == first.scan_shape
        if not same or not np.array_equal(block.frame.kept_positions, first.kept_positions):
            raise ValueError(
                "features must be of the same scan positions to be concatenated, got "
                f"{first.n_positions} of {first.scan_shape} and {block.frame.n_positions} of {block.frame.scan_shape}"
            )
    kept = [(block, float(weight)) for block, weight in zip(blocks, weights) if weight > 0]
    if not kept:
        raise ValueError(f"weights must hold a value above 0, got {list(weights)}")
    sizes = [block.frame.n_pixels for block, _ in kept]
    settings = {"blocks": [{"weight": weight, "features": n, **block.record()} for (block, weight), n in zip(kept, sizes)]}
    frame = feature_frame(first, (1, sum(sizes)))
    return Features("concatenated", frame, partial(_side_by_side, kept), settings, blocks[0].source, blocks[0].host)


def _side_by_side(kept):
    norms = [np.sqrt(np.square(block.values, dtype=np.float64).sum()) for block, _ in kept]
    size, weight = norms[0], kept[0][1]
    parts = []
    for (block, own), norm in zip(kept, norms):
        factor = own / weight * size / norm if norm > 0 else 1.0
        parts.append(block.values * block.values.dtype.type(factor))
    return np.concatenate(parts, axis=1)
