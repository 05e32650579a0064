"""Constrained NMF: alternating least squares and projection (Kimoto et al. 2025, steps 2 to 7).

The least-squares patterns for the present maps are clipped at zero and handed to the constraints on patterns, one after
the other; each pattern is normalised; then the same for the maps. Constraints see what a user would: unweighted patterns
on the full detector, unweighted maps on the full scan.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .factorisation import Factorisation, gram_of, relative_change

__all__ = ["alternate"]


def alternate(
    problem, maps, constraints, rng, *, max_iter: int, tol: float, tick: Callable | None = None,
    cancelled: Callable | None = None,
) -> Factorisation:  # fmt: skip
    """Constrained NMF from one start.

    Parameters
    ----------
    problem : Compressed or Full
    maps : ndarray (n_positions, k)
        Where to start, of the weighted data.
    constraints : sequence
        Bound constraints, with ``on`` and ``project``.
    rng : Generator
        Gives a component that has died out a new random map.
    max_iter, tol, tick, cancelled
        As for `hals`.

    Returns
    -------
    Factorisation
        Its ``effects`` say what each constraint still changed in the last iteration.
    """
    size = np.prod(problem.shape, dtype=float)
    sides = _Side(problem, constraints, "patterns"), _Side(problem, constraints, "maps")
    keep_scale = any(getattr(c, "fixes_scale", False) for c in constraints)
    maps, patterns = np.ascontiguousarray(maps.T, problem.dtype), None
    history, changes, converged = [], [], False
    while len(history) < max_iter and not converged and not (cancelled and cancelled()):
        before = maps, patterns
        maps = _revived(maps, rng)
        patterns = sides[0].constrain(_solve(gram_of(maps), problem.on_patterns(maps)))
        if not keep_scale:
            patterns = _normalised(patterns, problem.weights)
        cross = problem.on_maps(patterns)
        gram = gram_of(patterns)
        maps = sides[1].constrain(_solve(gram, cross))
        history.append(_error(problem, cross, gram, maps) / size)
        changes.append(
            (1.0 if before[1] is None else relative_change(patterns, before[1]), relative_change(maps, before[0]))
        )
        converged = max(changes[-1]) <= tol
        if tick:
            tick()
    objective = problem.exact_error(maps, patterns) / size
    effects = [effect for side in sides for effect in side.effects()]
    return Factorisation(maps.T, patterns, objective, np.array(history), np.array(changes), converged, effects)


def _error(problem, cross, gram, maps):
    fitted = np.einsum("ij,ij->i", cross, maps, dtype=np.float64).sum()
    return max(problem.norm2 - 2 * fitted + float((gram * gram_of(maps)).sum()), 0.0)


def _solve(gram, cross):
    """Least squares: gram^-1 @ cross; where components are the same, the solution of smallest norm."""
    size = np.sqrt(np.diag(gram))
    size[size == 0] = 1
    inverse = np.linalg.pinv(gram / np.outer(size, size), rcond=1e-9, hermitian=True) / np.outer(size, size)
    return inverse.astype(cross.dtype) @ cross


def _normalised(patterns, weights):
    plain = patterns if weights.pixels is None else patterns / weights.pixels
    size = np.linalg.norm(plain.astype(np.float64), axis=1)[:, None]
    return (patterns / np.where(size > 0, size, 1)).astype(patterns.dtype)


def _revived(maps, rng):
    """A component whose map is 0 would stay so: it begins anew, faintly."""
    dead = ~maps.any(axis=1)
    if not dead.any():
        return maps
    maps = maps.copy()
    level = np.abs(maps).mean() or 1.0
    maps[dead] = level * rng.random((int(dead.sum()), maps.shape[1]))
    return maps


class _Side:
    """The constraints on one factor, between the weighted rows of the solver and the unweighted ones of a user.

    Parameters
    ----------
    problem : Compressed or Full
    constraints : sequence
    on : {"patterns", "maps"}
    """

    def __init__(self, problem, constraints, on):
        self.on = on
        self.constraints = [c for c in constraints if c.on == on]
        frame, weights = problem.frame, problem.weights
        self._kept = frame.kept_pixels if on == "patterns" else frame.kept_positions
        self._all = bool(self._kept.all())
        factors = weights.pixels if on == "patterns" else weights.positions
        self._factors = None if factors is None else factors.astype(problem.dtype)
        self._last = []

    def constrain(self, rows):
        """Clip at zero, then project; (k, n) to (k, n)."""
        rows = np.maximum(rows, 0)
        if not self.constraints:
            return rows
        if self._factors is not None:
            rows = rows / self._factors
        full = self._full(rows)
        self._last = []
        for constraint in self.constraints:
            projected = self._projected(constraint, full)
            self._last.append((constraint, full, projected))
            full = projected
        rows = full if self._all else full[:, self._kept]
        return np.ascontiguousarray(rows if self._factors is None else rows * self._factors, rows.dtype)

    def _full(self, rows):
        if self._all:
            return rows
        full = np.zeros((len(rows), self._kept.size), rows.dtype)
        full[:, self._kept] = rows
        return full

    def _projected(self, constraint, full):
        given = full if self.on == "patterns" else full.T
        answer = np.asarray(constraint.project(given))
        if answer.shape != given.shape:
            raise ValueError(
                f"the constraint {type(constraint).__name__} must return {self.on} of the shape {given.shape} it was "
                f"given, got {answer.shape}"
            )
        answer = np.maximum(answer if self.on == "patterns" else answer.T, 0).astype(full.dtype, copy=False)
        kept = answer if self._all else answer[:, self._kept]
        if not np.isfinite(kept).all():
            raise ValueError(f"the constraint {type(constraint).__name__} must return finite {self.on}, got NaN or infinity")
        return answer

    def effects(self):
        """What each constraint changed in the last iteration, relative to the sum of what it was given."""
        for constraint, before, after in self._last:
            before, after = before[:, self._kept].astype(float), after[:, self._kept].astype(float)
            size = before.sum() or 1.0
            yield {
                "constraint": type(constraint).__name__,
                "change": float(np.abs(after - before).sum() / size),
                "added": float((after - before).sum() / size),
            }
