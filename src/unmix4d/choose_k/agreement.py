"""Whether a component looks like what was measured where it is the strongest."""

from __future__ import annotations

import numpy as np

from ..decomposition.refit import COLUMNS

__all__ = ["agreement_each"]


def agreement_each(matrix, factors) -> list[np.ndarray]:
    """Correlation of every pattern with the mean measured pattern of its label (Cao 2025, Fig. 4), for many factorisations.

    matrix: PatternMatrix.
    factors (sequence of (maps, patterns)): Of the unweighted data.
    Returns list of ndarray of float64 (k,): Pearson correlation over the pixels; NaN for a component that is nowhere the
        strongest. One pass for every 128 components.
    """
    answers, columns = [], 0
    group: list[tuple] = []
    for maps, patterns in factors:
        if group and columns + len(patterns) > COLUMNS:
            answers += _group(matrix, group)
            group, columns = [], 0
        group.append((maps, patterns))
        columns += len(patterns)
    return answers + _group(matrix, group)


def _group(matrix, factors):
    members = [_members(maps, patterns).astype(matrix.dtype) for maps, patterns in factors]
    sums = matrix.transpose_times(np.column_stack(members))
    ends = np.cumsum([len(patterns) for _, patterns in factors])
    return [
        _row_correlations(own.T, np.asarray(patterns, np.float64))
        for own, (_, patterns) in zip(np.split(sums, ends[:-1], axis=1), factors)
    ]


def _members(maps, patterns):
    """1 where a component is the strongest, by intensity, and anything is there."""
    intensities = maps * patterns.sum(1)
    strongest = intensities.argmax(1)
    return (strongest[:, None] == np.arange(len(patterns))) & (intensities.max(1) > 0)[:, None]


def _row_correlations(first, second):
    first, second = (a - a.mean(1, keepdims=True) for a in (first, second))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(norms > 0, np.einsum("ij,ij->i", first, second) / norms, np.nan)
