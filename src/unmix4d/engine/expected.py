"""What a scan was when a result was made from it, to be compared with what it is now, in a pass that is made anyway."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import ChangedData

__all__ = ["EXACT", "Expected", "changed", "comparing_kernel", "counted_exactly", "differing"]

_RELATIVE, _OF_LARGEST = 1e-5, 1e-6  # sums are kept in single precision (6e-8) at the least
EXACT = 2**24  # whole numbers up to this are added up without rounding in single precision, in any order
_ROUNDING = 1.2e-7  # of a mean that is kept in single precision
_ROWS = 256  # patterns that are added up in single precision, whose rounding grows with their number


def counted_exactly(totals, dtype) -> bool:
    """Whether sums over single patterns of this type are exact in single precision: one count more or less then shows."""
    return np.dtype(dtype).kind in "uib" and float(np.nanmax(np.abs(totals), initial=0)) < EXACT


def differing(found, known, largest=None, step: float | None = None) -> np.ndarray:
    """Where sums over a scan are not those that are known of it; NaN is the same as NaN.

    Parameters
    ----------
    found, known : array_like
        Of one shape.
    largest : float, optional
        What both are compared with where they are close to 0: the largest absolute value of `known` by default.
    step : float, optional
        Of sums of counts that are exact but for the rounding of what is kept: the least by which they can differ.

    Returns
    -------
    ndarray of bool
    """
    if step is not None:
        return ~np.isclose(found, known, rtol=_ROUNDING, atol=step / 2, equal_nan=True)
    if largest is None:
        largest = np.nanmax(np.abs(known), initial=0)
    return ~np.isclose(found, known, rtol=_RELATIVE, atol=_OF_LARGEST * largest, equal_nan=True)


def changed(method: str, what: str) -> ChangedData:
    """The error that says so on behalf of a method."""
    return ChangedData(
        f"{method} needs the scan as it was when this was made from it, but its data have changed since then ({what}): "
        "decompose the data anew, or give back those of before"
    )


@dataclass(frozen=True, eq=False)
class Expected:
    """Totals and mean pattern that a scan must have, on behalf of a method that reads it again.

    Attributes
    ----------
    totals : ndarray (n_positions,)
    mean_pattern : ndarray (n_pixels,)
    method : str
        Who reads it, for the message.
    exact : bool
        Of counts, see `counted_exactly`.
    """

    totals: np.ndarray
    mean_pattern: np.ndarray
    method: str
    exact: bool = False

    @property
    def largest(self) -> float:
        """The largest absolute value of the totals."""
        return float(np.abs(self.totals).max(initial=0))

    @property
    def signed(self) -> bool:
        """Whether values of both signs cancel in the sums, which are then made in double precision."""
        return bool((self.mean_pattern < 0).any() or (self.totals < 0).any())

    def require(self, n_changed: int, pixel_sum) -> None:
        """Refuse a scan that says something else.

        Parameters
        ----------
        n_changed : int
            Positions whose total is another one.
        pixel_sum : ndarray (n_pixels,)

        Raises
        ------
        ChangedData
        """
        n = len(self.totals)
        if n_changed:
            raise changed(self.method, f"{n_changed} of {n} patterns have another total intensity")
        # Sums over a few hundred patterns are exact as well where they cannot hold more than so many counts.
        most = min(self.largest * _ROWS, float(self.mean_pattern.max(initial=0)) * n)
        exact = self.exact and most < EXACT
        pixels = differing(pixel_sum / n, self.mean_pattern, step=1 / n if exact else None)
        if pixels.any():
            what = f"{int(pixels.sum())} of {len(pixels)} pixels of the mean pattern have another value"
            raise changed(self.method, what)


def comparing_kernel(X, totals, *rows, kernel, largest, signed, exact=False):
    """The answer of another kernel, and what `Expected.require` asks for, from the same read."""
    # A NaN that came in between is a difference like any other.
    with np.errstate(all="ignore"):
        of_positions, of_pixels = _double_sums(X) if signed else _quick_sums(X)
        n_changed = differing(of_positions, totals[:, 0], largest, 1.0 if exact else None).sum(dtype=np.float64)
    piece, sums = kernel(X, *rows)
    return piece, (*sums, n_changed, of_pixels)


def _double_sums(X):
    return X.sum(1, dtype=np.float64), X.sum(0, dtype=np.float64)


def _quick_sums(X):
    """Of values of one sign, in the arithmetic of the matrix: a tenth of the time of the pass each, and not half of it."""
    ones = np.ones(max(_ROWS, X.shape[1]), X.dtype)
    of_pixels = np.zeros(X.shape[1])
    for start in range(0, len(X), _ROWS):
        part = X[start : start + _ROWS]
        of_pixels += ones[: len(part)] @ part
    return X @ ones[: X.shape[1]], of_pixels
