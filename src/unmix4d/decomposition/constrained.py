"""Constrained NMF: alternating least squares and projection (Kimoto et al. 2025, steps 2 to 7).

The least-squares patterns for the present maps are clipped at zero and handed to the constraints on patterns, one after
the other; each pattern is normalised; then the same for the maps. Constraints see what a user would: unweighted patterns
on the full detector, unweighted maps on the full scan.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .factorisation import Factorisation, going_on, gram_of, relative_change, state_of

__all__ = ["alternate", "at_unit_sum"]


def alternate(
    problem, maps, constraints, rng, *, max_iter: int, tol: float, patterns=None, tick: Callable | None = None,
    cancelled: Callable | None = None, state=None, keep: Callable | None = None,
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
    max_iter, tol, tick, cancelled, state, keep
        As for `hals`.
    patterns : ndarray (k, n_pixels), optional
        Patterns to start from: the maps are fitted to them first.

    Returns
    -------
    Factorisation
        Its ``effects`` say what each constraint still changed in the last iteration.
    """
    size = np.prod(problem.shape, dtype=float)
    sides = _Side(problem, constraints, "patterns"), _Side(problem, constraints, "maps")
    keep_scale = any(getattr(c, "fixes_scale", False) for c in constraints)
    maps = np.ascontiguousarray(maps.T, problem.dtype)
    history, changes, converged = [], [], False
    if state is not None:
        maps, patterns, history, changes = going_on(state)
        rng.bit_generator.state = state[1]["generator"]
    elif patterns is not None:
        maps = sides[1].constrain(_solve(gram_of(patterns), problem.on_maps(patterns)))
        patterns = None
    while len(history) < max_iter and not converged and not (cancelled and cancelled()):
        before = maps, patterns
        maps = _revived(maps, rng)
        patterns = sides[0].constrain(_solve(gram_of(maps), problem.on_patterns(maps)))
        if not keep_scale:
            patterns = _normalised(patterns, problem.weights)
        cross = problem.on_maps(patterns)
        gram = gram_of(patterns)
        maps = sides[1].constrain(_solve(gram, cross))
        history.append(problem.error(cross, gram, maps, gram_of(maps)) / size)
        changes.append(
            (1.0 if before[1] is None else relative_change(patterns, before[1]), relative_change(maps, before[0]))
        )
        converged = max(changes[-1]) <= tol
        if tick:
            tick()
        if keep and not converged and len(history) < max_iter:
            keep(partial(state_of, maps, patterns, history, changes, generator=rng.bit_generator.state))
    objective = problem.exact_error(maps, patterns) / size
    effects = [effect for side in sides for effect in side.effects()]
    return Factorisation(maps.T, patterns, objective, np.array(history), np.array(changes), converged, effects)  # type: ignore[arg-type]  # set in the loop


def _solve(gram, cross):
    """Least squares: gram^-1 @ cross; where components are the same, the solution of smallest norm."""
    size = np.sqrt(np.diag(gram))[:, None]
    size[size == 0] = 1
    inverse = np.linalg.pinv(gram / (size * size.T), rcond=1e-9, hermitian=True).astype(cross.dtype)
    # Scaled on the way in and out, so that nothing leaves the range of single precision.
    return inverse @ (cross / size).astype(cross.dtype) / size.astype(cross.dtype)


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


def at_unit_sum(maps, patterns, mean_pattern, weights):
    """Starting maps as shares of the mean intensity, whatever the unit of the data.

    A constraint that knows the scale of the maps, such as a sum of one, must not depend on how a start is scaled. Maps
    (n_positions, k) and patterns (k, n_pixels) are those of the weighted data, the mean pattern that of the unweighted.
    """
    _, plain = weights.off(None, patterns)
    total = float(np.sum(mean_pattern)) or 1.0
    return (maps * (plain.sum(1, dtype=np.float64) / total)).astype(maps.dtype)


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
        geometry, weights = problem.geometry, problem.weights
        self._kept = geometry.kept_pixels if on == "patterns" else geometry.kept_positions
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
        given = (full if self.on == "patterns" else full.T).view()
        given.setflags(write=False)
        answer = np.asarray(constraint.project(given))
        if answer.dtype.kind not in "biuf":
            raise TypeError(
                f"the constraint {type(constraint).__name__} must return real numbers, got {self.on} of dtype {answer.dtype}"
            )
        if answer.shape != given.shape:
            raise ValueError(
                f"the constraint {type(constraint).__name__} must return {self.on} of the shape {given.shape} it was "
                f"given, got {answer.shape}"
            )
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            answer = np.maximum(answer if self.on == "patterns" else answer.T, 0).astype(full.dtype, copy=False)
        kept = answer if self._all else answer[:, self._kept]
        if not np.isfinite(kept).all():
            raise ValueError(f"the constraint {type(constraint).__name__} must return finite {self.on}, got NaN or infinity")
        if not kept.any() and full.any():
            raise ValueError(f"the constraint {type(constraint).__name__} must leave some {self.on}, got only 0 or less")
        return answer

    def effects(self):
        """What each constraint changed in the last iteration, relative to the sum of what it was given."""
        for constraint, before, after in self._last:
            before, after = before[:, self._kept].astype(float), after[:, self._kept].astype(float)
            sizes, size = before.sum(1), before.sum() or 1.0
            yield {
                "constraint": type(constraint).__name__,
                "change": float(np.abs(after - before).sum() / size),
                "added": float((after - before).sum() / size),
                "added_per_component": ((after - before).sum(1) / np.where(sizes > 0, sizes, 1)).tolist(),
            }
