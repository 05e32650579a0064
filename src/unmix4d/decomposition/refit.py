"""The end of every factorisation, on the full scan: exact non-negative least squares, and the true error.

Two passes, for many factorisations together too. Factors under a constraint are not refitted, only judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from .factorisation import scaled_inverse
from .nnls import nnls_rows

__all__ = ["COLUMNS", "Refit", "estimate", "refitted", "refitted_each", "together"]

COLUMNS = 128  # components whose products with the scan are held at a time


@dataclass(frozen=True, eq=False)
class Refit:
    """Final maps and patterns of the unweighted data, and what the full scan says about them.

    Attributes
    ----------
    maps : ndarray (n_positions, k)
    patterns : ndarray (k, n_pixels)
    squares : ndarray of float64 (n_positions,)
        Sum of (X - M P)**2 over the pixels of every position, unweighted.
    pixel_squares : ndarray of float64 (n_pixels,)
        The same over the positions of every pixel.
    free_maps, free_patterns : ndarray
        Plain least squares, not clipped: maps for the patterns the solver had, patterns for the final maps.
    map_gram : ndarray (k, k)
        Gram matrix of the final weighted maps.
    """

    maps: np.ndarray
    patterns: np.ndarray
    squares: np.ndarray
    pixel_squares: np.ndarray
    free_maps: np.ndarray
    free_patterns: np.ndarray
    map_gram: np.ndarray


def refitted(matrix, maps, patterns, *, refit_maps: bool = True, refit_patterns: bool = True) -> Refit:
    """Refit the free factors to the full scan: maps for the patterns, then patterns for those maps, each exactly.

    Maps (n_positions, k) and patterns (k, n_pixels) are those of the weighted data.
    """
    return refitted_each(matrix, [(maps, patterns)], refit_maps=refit_maps, refit_patterns=refit_patterns)[0]


def refitted_each(matrix, factors, *, refit_maps: bool = True, refit_patterns: bool = True) -> list[Refit]:
    """`refitted` for several factorisations of one scan, together: two passes for every `COLUMNS` components.

    Their numbers of components may differ.
    """
    groups = together([len(patterns) for _, patterns in factors])
    return [f for g in groups for f in _refit_group(matrix, [factors[i] for i in g], refit_maps, refit_patterns)]


def together(sizes) -> list[list[int]]:
    """Which factorisations are refitted in the same passes, by their numbers of components."""
    groups: list[list[int]] = [[]]
    columns = 0
    for i, size in enumerate(sizes):
        if groups[-1] and columns + size > COLUMNS:
            groups.append([])
            columns = 0
        groups[-1].append(i)
        columns += size
    return groups


def _refit_group(matrix, factors, refit_maps, refit_patterns):
    sizes = [len(patterns) for _, patterns in factors]
    ends = np.cumsum(sizes)
    pieces = [slice(end - size, end) for size, end in zip(sizes, ends)]
    # Each with its plain least squares beside it.
    doubled = [slice(2 * p.start, 2 * p.stop) for p in pieces]
    rows, xtm, gram = matrix.alternate(
        np.concatenate([patterns for _, patterns in factors]),
        np.column_stack([maps for maps, _ in factors for _ in range(2)]),
        partial(_both, pieces=pieces, doubled=doubled, refit=refit_maps),
    )
    answers = []
    for size, two, (_, patterns) in zip(sizes, doubled, factors):
        own = slice(two.start, two.start + size)
        answers.append(_patterns_for(matrix, rows[:, two], xtm[:, own], gram[own, own], patterns, refit_patterns))
    residuals = matrix.matrix.residuals_each([(answer["maps"], answer["patterns"]) for answer in answers])
    return [Refit(squares=rows, pixel_squares=pixels, **answer) for answer, (rows, pixels) in zip(answers, residuals)]


def _patterns_for(matrix, rows, xtm, map_gram, patterns, refit):
    """Patterns for the new maps, and everything off the weights."""
    k = len(patterns)
    maps = np.ascontiguousarray(rows[:, :k])
    free_patterns = _plain(map_gram, xtm.T)
    if refit:
        patterns = nnls_rows(xtm, map_gram, np.maximum(patterns.T, 0)).T.astype(matrix.dtype)
    free_maps, _ = matrix.weights.off(rows[:, k:].astype(np.float64), None)
    _, free_patterns = matrix.weights.off(None, free_patterns)
    maps, patterns = matrix.weights.off(maps, np.ascontiguousarray(patterns))
    return {
        "maps": maps, "patterns": patterns, "free_maps": free_maps, "free_patterns": free_patterns, "map_gram": map_gram,
    }  # fmt: skip


def estimate(low, maps, patterns) -> Refit:
    """The same from the compressed scan: nothing is refitted, and the errors are those of what the compression holds.

    What was left out meets only the part of the patterns outside the subspace, which knows nothing of it; its own sum of
    squares is known exactly.

    Parameters
    ----------
    low : LowRank
    maps, patterns
        As for `refitted`.

    Returns
    -------
    Refit
    """
    wide_maps, wide = maps.astype(np.float64), patterns.astype(np.float64)
    left, right = low.left.astype(np.float64), low.right.astype(np.float64)
    map_gram, gram = wide_maps.T @ wide_maps, wide @ wide.T
    free_maps, _ = low.weights.off(_plain(gram, (left @ (right @ wide.T)).T).T, None)
    _, free_patterns = low.weights.off(None, _plain(map_gram, (wide_maps.T @ left) @ right))
    maps, patterns = low.weights.off(maps, patterns)
    wide_maps, wide = maps.astype(np.float64), patterns.astype(np.float64)
    left, right = low.weights.off(left, right)
    statistics, seen = low.matrix.statistics(), left @ (right @ wide.T)
    squares = statistics.position_squares - np.einsum("ij,ij->i", wide_maps, 2 * seen - wide_maps @ (wide @ wide.T))
    seen = (wide_maps.T @ left) @ right
    pixel_squares = statistics.pixel_squares - np.einsum("ij,ij->j", wide, 2 * seen - (wide_maps.T @ wide_maps) @ wide)
    return Refit(maps, patterns, np.maximum(squares, 0), np.maximum(pixel_squares, 0), free_maps, free_patterns, map_gram)


def _both(cross, gram, maps, *, pieces, doubled, refit):
    """The maps of a batch, refitted or as they are, and beside them plain least squares, for each factorisation."""
    out = np.empty_like(maps)
    for piece, two in zip(pieces, doubled):
        k = piece.stop - piece.start
        kept, own, own_gram = maps[:, two.start : two.start + k], cross[:, piece], gram[piece, piece]
        out[:, two.start : two.start + k] = nnls_rows(own, own_gram, np.maximum(kept, 0)) if refit else kept
        out[:, two.start + k : two.stop] = _plain(own_gram, own.T).T
    return out


def _plain(gram, cross):
    return scaled_inverse(gram, 1e-12) @ cross
