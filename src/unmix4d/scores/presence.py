"""Presence: where grains truly are, and how well masks and labels of positions agree with that."""

from __future__ import annotations

import numbers
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Rates", "adjusted_rand_index", "rates", "true_grains"]


def true_grains(
    thickness: ArrayLike, fraction: float = 0.15, min_positions: int = 25, *, least: float | None = None
) -> np.ndarray:
    """Return the true mask of each grain, where its thickness exceeds a fraction of the overall maximum.

    Parameters
    ----------
    thickness : array_like
        (k, scan_row, scan_col), true maps; NaN counts as outside.
    fraction : float
        Threshold as a fraction of the largest value of all maps, 0 to 1 (excluded).
    min_positions : int
        Smallest number of positions of a true grain. The mask of a smaller one is False everywhere, so that indices do not
        change.
    least : float, optional
        Smallest thickness, used instead of the fraction if it is known, for example "more than 3 atoms".

    Returns
    -------
    ndarray of bool
        (k, scan_row, scan_col), True = in the grain.

    Raises
    ------
    ValueError
        If an argument is outside its range, or there is no finite value.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.scores import true_grains
    >>> maps = np.zeros((2, 8, 8))
    >>> maps[0, :, :4] = 1.0; maps[1, :2, 6:] = 1.0
    >>> true_grains(maps).sum(axis=(1, 2)).tolist()
    [32, 0]
    """
    thickness = np.asarray(thickness, dtype=float)
    # A comparison with NaN is False, which is what is wanted.
    inside = thickness > least_thickness(thickness, fraction, least)
    enough = inside.sum(axis=(1, 2)) >= min_positions
    return inside & enough[:, None, None]


def least_thickness(thickness: np.ndarray, fraction: float, least: float | None) -> float:
    """The thickness above which a grain is present; arguments and errors as of `true_grains`."""
    if thickness.ndim != 3:
        raise ValueError(f"thickness must be (k, scan_row, scan_col), found shape {thickness.shape}")
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction must be at least 0 and below 1, found {fraction!r}")
    if not np.isfinite(thickness).any():
        raise ValueError(f"thickness must have a finite value, found none in shape {thickness.shape}")
    if least is None:
        return float(fraction * np.nanmax(thickness))
    if not (isinstance(least, numbers.Real) and np.isfinite(least)):
        raise ValueError(f"least must be a finite number, found {least!r}")
    return float(least)


@dataclass(frozen=True)
class Rates:
    """Agreement of a found mask with the true one, position by position.

    Attributes
    ----------
    true_positive, false_positive, true_negative, false_negative : int
        Number of positions of each kind.

    Examples
    --------
    >>> from unmix4d.scores import rates
    >>> agreement = rates([[True, True, False, False]], [[True, False, False, False]])
    >>> agreement.precision, agreement.TPR, round(agreement.TNR, 3), agreement.IoU
    (0.5, 1.0, 0.667, 0.5)
    """

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def precision(self) -> float:
        """Fraction of the found positions that are true (Bruefach 2022, eq. 4); NaN if there are none."""
        return _share(self.true_positive, self.false_positive)

    @property
    def TPR(self) -> float:
        """True positive rate: fraction of the true positions that were found (eq. 5); NaN if there are none."""
        return _share(self.true_positive, self.false_negative)

    @property
    def TNR(self) -> float:
        """True negative rate: fraction of the other positions that were not found; NaN if there are none."""
        return _share(self.true_negative, self.false_positive)

    @property
    def FPR(self) -> float:
        """1 - TNR."""
        return _share(self.false_positive, self.true_negative)

    @property
    def FNR(self) -> float:
        """1 - TPR."""
        return _share(self.false_negative, self.true_positive)

    @property
    def IoU(self) -> float:
        """Intersection over union of the two masks, NaN if both are empty."""
        return _share(self.true_positive, self.false_positive + self.false_negative)


def _share(part: int, rest: int) -> float:
    return part / (part + rest) if part + rest else float("nan")


def rates(found: ArrayLike, truth: ArrayLike, excluded: ArrayLike | None = None) -> Rates:
    """Compare a found mask with the true one.

    Parameters
    ----------
    found, truth : array_like of bool
        Masks of the same shape.
    excluded : array_like of bool, optional
        True = excluded.

    Returns
    -------
    Rates
        The agreement.

    Raises
    ------
    ValueError
        If the shapes differ, or an array is not boolean.

    Examples
    --------
    >>> from unmix4d.scores import rates
    >>> rates([True, True], [True, False], excluded=[False, True]).precision
    1.0
    """
    found, truth = _boolean("found", found), _boolean("truth", truth)
    if found.shape != truth.shape:
        raise ValueError(f"found must have the truth's shape {truth.shape}, found {found.shape}")
    if excluded is not None:
        excluded = _boolean("excluded", excluded)
        if excluded.shape != truth.shape:
            raise ValueError(f"excluded must have the truth's shape {truth.shape}, found {excluded.shape}")
        found, truth = found[~excluded], truth[~excluded]
    both, either = np.count_nonzero(found & truth), np.count_nonzero(found | truth)
    counts = both, np.count_nonzero(found) - both, truth.size - either, np.count_nonzero(truth) - both
    return Rates(*map(int, counts))


def _boolean(name: str, array: ArrayLike) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype != bool:
        raise ValueError(f"{name} must be boolean, found dtype {array.dtype}")
    return array


def adjusted_rand_index(found: ArrayLike, truth: ArrayLike) -> float:
    """Compute the adjusted Rand index of two label maps: 1 for the same groups, 0 on average for random ones.

    Parameters
    ----------
    found : array_like of int
        Label of each position; -1 ("none") is a label like any other.
    truth : array_like of int
        True labels, of the same shape. Positions with a negative true label are excluded.

    Returns
    -------
    float
        The index, the same as from `sklearn.metrics.adjusted_rand_score` (Hubert and Arabie 1985).

    Raises
    ------
    ValueError
        If the shapes differ, labels are not integers, or there is no position with a true label.

    Examples
    --------
    >>> from unmix4d.scores import adjusted_rand_index
    >>> adjusted_rand_index([[5, 5, 3, 0]], [[0, 0, 1, -1]])
    1.0
    """
    from sklearn.metrics import adjusted_rand_score

    found, truth = np.asarray(found), np.asarray(truth)
    if found.shape != truth.shape:
        raise ValueError(f"found must have the truth's shape {truth.shape}, found {found.shape}")
    for name, labels in (("found", found), ("truth", truth)):
        if labels.dtype.kind not in "iu":
            raise ValueError(f"{name} must hold whole numbers, found dtype {labels.dtype}")
    use = truth >= 0
    if not use.any():
        raise ValueError(f"truth must have a label of at least 0, found none in shape {truth.shape}")
    return float(adjusted_rand_score(truth[use], found[use]))
