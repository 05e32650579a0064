"""The features of some of the positions."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from .. import checks
from ._features import Features

__all__ = ["at_positions"]


def at_positions(features: Features, keep) -> Features:
    """The same features, of some of the positions only; scales that were taken over all positions stay.

    Parameters
    ----------
    features : Features
    keep : bool array (scan_row, scan_col)
        True = kept; what is excluded already stays excluded.

    Returns
    -------
    Features

    Raises
    ------
    ValueError
        When nothing is kept, or the shape is another.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.features import Features, at_positions, feature_frame
    >>> from unmix4d.frame import Frame
    >>> three = Features("three", feature_frame(Frame((1, 3), (9, 9)), (1, 1)), lambda: np.array([[1.0], [2.0], [3.0]]))
    >>> at_positions(three, [[True, False, True]]).values.ravel().tolist()
    [1.0, 3.0]
    """
    frame = features.frame
    mask = checks.mask(~np.asarray(keep, bool), "keep (what it leaves out)", frame.scan_shape)
    mask |= ~frame.kept_positions.reshape(frame.scan_shape)
    if mask.all():
        raise ValueError(f"keep must leave at least one of the {frame.n_positions} positions that are kept so far, got none")
    rows = ~mask.ravel()[frame.kept_positions]
    source = None if features.source is None else features.source.at_positions(~mask)
    return dataclasses.replace(
        features, frame=dataclasses.replace(frame, scan_mask=mask), compute=partial(_chosen, features, rows), source=source,
    )  # fmt: skip


def _chosen(features, rows):
    return features.values[rows]
