"""``.compress`` of `Unmix`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core import checks
from ..engine.compression import MAX_PASSES, LowRank
from ..engine.compression import compress as compressed
from .arguments import WEIGHTS, bound_constraints, components, progress, smoothing_for

if TYPE_CHECKING:
    from ..constraints._base import Constraint
    from ..constraints.smooth_maps import SmoothMaps

__all__ = ["compress"]


def compress(
    view: Any,
    rank: int,
    *,
    weights: str = "auto",
    smooth: float | str | SmoothMaps | None = "auto",
    constraints: Constraint | Sequence[Any] = (),
    precision: str = "single",
    random_state: int | None = 0,
) -> LowRank:
    """Compress the scan once, for many runs of `nmf` with different arguments.

    Parameters
    ----------
    rank : int
        Number of directions to keep. For k components `nmf` uses the strongest 2 k + 2 of them, and 4 k + 2 with smoothing.
    weights : {"auto", "none", "capped", "poisson"}
        As for `nmf`.
    smooth : optional
        As for `nmf`.
    constraints : sequence, optional
        Constraints of the later runs. With a constraint that smooths maps, the subspace is smoothed as in `nmf`.
    precision : {"single", "double"}
        Floating-point precision of the compressed scan.
    random_state : int or None
        Seed of the starting block. It only affects directions within the noise.

    Returns
    -------
    LowRank
        The compressed scan, to be passed as ``nmf(..., compression=)``. ``.sizes()`` and ``.edge`` show what stands out of
        the noise.

    Raises
    ------
    ValueError
        If `rank` is larger than the number of positions or of pixels, or the scan holds values that are negative,
        NaN or infinite, or no signal.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> u = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data)
    >>> c = u.compress(10)
    >>> [u.nmf(k, compression=c, random_state=0).k for k in (2, 3, 4)]
    [2, 3, 4]
    """
    rank, seed = components(view, rank, "rank"), checks.seed(random_state)
    weights = WEIGHTS[checks.choice(weights, "weights", tuple(WEIGHTS))]
    constraints = bound_constraints(constraints, view.geometry)
    smoothing = smoothing_for(smooth, constraints, view.geometry)
    matrix = view.matrix(precision)
    matrix.require_counts("compress")
    with progress(view, MAX_PASSES, "compression") as tick:
        return compressed(
            matrix, rank, wanted=max(1, rank // 2 - 1), weights=weights, smoothing=smoothing, seed=seed, tick=tick,
            position_weights=all(c.on != "maps" for c in constraints),
        )  # fmt: skip
