"""Fit a result to its scan again, starting from its maps and patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..constraints._bound import bound_constraints
from ..core import checks
from ..core.messages import warn
from ..decomposition.run import factorise, smoothing_of
from .answer import edited
from .arguments import require_editable
from .factors import Factors, factors_of, fitted, patterns_for, require_data

__all__ = ["refit"]

_TOL = 1e-4  # as the default of nmf


def refit(result: Any, n_iter: int = 0, *, constraints: Sequence[Any] = ()) -> Any:
    """Fit maps and patterns to the scan again, starting from their present values.

    Parameters
    ----------
    n_iter : int
        Largest number of NMF iterations before the final fit by exact non-negative least squares. With 0, only that fit is
        made. Components keep their order and their names.
    constraints : sequence of Constraint
        Constraints as for `Unmix.nmf`. They need `n_iter` of at least 1, and also apply to later edits.

    Returns
    -------
    Decomposition
        A new result; this one is not changed.

    Raises
    ------
    ValueError, TypeError
        If components have both signs or are clusters, if the data are not linked, or if a constraint does not fit.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(4, random_state=0)
    >>> merged = result.merge([1, 3], refit=False)
    >>> merged.refit(n_iter=20).loss <= merged.loss
    True
    """
    require_editable(result, "refit")
    if result.meaning.memberships:
        raise ValueError(f"refit needs maps and patterns that are fitted, but those of {result.method} are clusters")
    n_iter = checks.count(n_iter, "n_iter", minimum=0)
    matrix = require_data(result, "refit", "leave it out")
    bound = bound_constraints(constraints, matrix.geometry, result.k)
    if bound and not n_iter:
        raise ValueError("n_iter must be at least 1 with constraints, which act in iterations, got 0")
    if n_iter and not bound and result.settings.get("constraints"):
        names = ", ".join(told["name"] for told in result.settings["constraints"])
        warn(f"refit iterates without {names}, with which this result was made: pass constraints=[...] to keep them")
    factors = factors_of(result)
    more: dict[str, Any] = {}
    if n_iter:
        factors = _iterated(result, factors, matrix, n_iter, bound)
        more["settings"] = {"constraints": [c.settings() for c in bound]}
    else:
        factors = fitted(result, factors, matrix)
    arguments: dict[str, Any] = {"n_iter": n_iter, **({"constraints": [c.settings() for c in bound]} if bound else {})}
    return edited(result, "refit", arguments, factors, [(i,) for i in range(result.k)], quiet=bool(bound), **more)


def _iterated(result, factors, matrix, n_iter, bound):
    kind = result.settings.get("weights", "none")
    final = factorise(
        matrix, result.k, init=(factors.maps, factors.rows), constraints=bound, smoothing=smoothing_of(bound),
        weights=kind if kind in ("capped", "poisson") else "none", exact=False, n_starts=1, max_iter=n_iter, tol=_TOL,
        seed=int(result.settings.get("random_state") or 0),
    ).final  # fmt: skip
    if factors.features is None:
        return Factors(final.maps, final.patterns, None, final.squares, matrix.shape[1])
    shown = patterns_for(result, final.maps, factors.patterns)
    return Factors(final.maps, shown, final.patterns, final.squares, matrix.shape[1])
