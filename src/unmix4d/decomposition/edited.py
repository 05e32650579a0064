"""Components put together and taken apart: numbers in, numbers out. Nothing here is fitted, but for the parts of one."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..engine.matrix import PatternMatrix
from .run import factorise

__all__ = ["divided", "merged_map", "merged_row", "own_parts"]

_STARTS, _ITERATIONS, _SETTLED = 5, 200, 1e-4  # of a few components at few positions: chosen for well under a second


def merged_map(maps, totals, keep_scale: bool = False):
    """One map (n_positions,) of several (n_positions, n): their intensities added, or what they are where that has a scale.

    totals (ndarray (n,)): Of their patterns. Beside the largest, so that the map is of the size of all others: a pattern
    of quite another size than theirs passes for nothing where maps are fitted to both.
    """
    wide = maps.astype(np.float64)
    return wide.sum(1) if keep_scale else wide @ (totals / (totals.max() or 1))


def merged_row(maps, rows, merged):
    """The pattern (or features) of a merged map that conserves the intensity of its parts, pixel by pixel.

    maps, rows (ndarray (n_positions, n), (n, n_pixels)): Of the parts.
    merged (ndarray (n_positions,)): Their one map.
    """
    shares, size = maps.sum(0, dtype=np.float64), float(merged.sum())
    wide = rows.astype(np.float64)
    return shares @ wide / size if size > 0 else wide.mean(0)


def divided(image, parts):
    """A map (n_positions,) divided among parts (n_positions, n), evenly where none of them has anything."""
    parts = np.maximum(parts, 0).astype(np.float64)
    total = parts.sum(1, keepdims=True)
    shares = np.where(total > 0, parts / np.where(total > 0, total, 1), 1 / parts.shape[1])
    return image.astype(np.float64)[:, None] * shares


def own_parts(matrix, maps, rows, i: int, n: int, *, weights: str, seed: int):
    """The intensity of one component factorised again, into n: intensities (n_positions, n) and rows (n, n_columns).

    matrix: What was decomposed.
    maps, rows: All components, of it.
    weights: What kind it was decomposed with.
    """
    own = OwnIntensity(matrix, maps, rows, i)
    found = factorise(
        own, n, init="nndsvd", constraints=(), smoothing=None, weights=weights, exact=False, n_starts=_STARTS,
        max_iter=_ITERATIONS, tol=_SETTLED, seed=seed,
    ).final  # fmt: skip
    return found.maps * np.maximum(found.patterns, 0).sum(1, dtype=np.float64), found.patterns


class OwnIntensity(PatternMatrix):
    """What the other components leave of a scan, where one component has the say: each row times its share of that row.

    Parameters
    ----------
    matrix : PatternMatrix
    maps, rows : ndarray (n_positions, k), (k, n_columns)
    i : int
        The component.
    """

    def __init__(self, matrix, maps, rows, i):
        vars(self).update(vars(matrix))
        self._statistics = self._cell_sums = self._look = None
        intensities = maps.astype(np.float64) * np.maximum(rows, 0).sum(1, dtype=np.float64)
        total = intensities.sum(1)
        share = np.divide(intensities[:, i], total, out=np.zeros_like(total), where=total > 0)
        self._rows = np.ascontiguousarray(np.delete(rows, i, axis=0), matrix.dtype)
        self._held = np.column_stack([np.delete(maps, i, axis=1), share]).astype(matrix.dtype)

    def visit(self, kernel, per_row=()):
        return super().visit(partial(_own_kernel, kernel=kernel, rows=self._rows), (self._held, *per_row))


def _own_kernel(X, held, *per_row, kernel, rows):
    return kernel(np.maximum(X - held[:, :-1] @ rows, 0) * held[:, -1:], *per_row)
