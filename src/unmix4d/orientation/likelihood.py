"""Which of several orientations a whole pattern speaks for, and by how much. NumPy and SciPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .copies import half_turns
from .pattern_model import Experiment, PatternModel, with_changes
from .refinement import Refined, refine_orientation
from .reflections import Reflections
from .symmetry import misorientation_deg

__all__ = ["FITTED", "Weighed", "weighed"]

FITTED = ("width", "radius", "power", "offset_row", "offset_col", "damping")
_QUICK = 0.3  # model error of the first look: whatever is about right has a gradient
_STARTS = 4  # of the orientations that were found by other means
_KINDS = ("gaussian", "lorentzian")
_AGAIN = 3  # times that another orientation may turn out to be the best
_CLEARLY = 0.5  # log-likelihood: less than that is where fits stopped


@dataclass(frozen=True, eq=False)
class Weighed:
    """The most likely orientation, and the most likely one that is another crystal orientation.

    Attributes
    ----------
    best : Refined
    rival : Refined or None
        None where all others are the same by symmetry.
    log_ratio : float
        Logarithm of how many times likelier the best is; infinite without a rival.
    """

    best: Refined
    rival: Refined | None
    log_ratio: float


def weighed(
    reflections: Reflections,
    model: PatternModel,
    starts,
    symmetry,
    seen: Experiment,
    *,
    different_deg: float,
    model_error: float | None = None,
    fit=FITTED,
    turn: bool = True,
) -> Weighed:
    """Refine the orientations that others found and their copies by half a turn, and compare their likelihoods.

    reflections: Reflections.
    model: PatternModel.
    starts (ndarray (n, 3, 3)): Best first.
    symmetry: ndarray (s, 3, 3).
    seen (Experiment): To start from.
    different_deg (float): From here on an orientation is another one.
    model_error (float or None): None: what the best fit leaves.
    fit: What is fitted besides the orientation.
    turn (bool): Whether orientations are refined at all.
    """
    starts = np.asarray(starts, float).reshape(-1, 3, 3)[:_STARTS]
    order = _by_quick_look(reflections, model, starts, seen, turn)
    best, others = _full(reflections, model, starts[order[0]], seen, fit, model_error, turn), starts[order[1:]]
    for _ in range(_AGAIN):
        tried = [
            refine_orientation(reflections, model, one, best.seen, fit=(), model_error=best.model_error,
                               pixel_error=best.pixel_error, turn=turn)
            for one in (*half_turns(reflections, best.matrix), *others)
        ]  # fmt: skip
        apart = [one for one in tried if misorientation_deg(one.matrix, best.matrix, symmetry) > different_deg]
        rival = min(apart, key=lambda one: one.chi2, default=None)
        if rival is None:
            return Weighed(best, None, np.inf)
        if rival.chi2 > best.chi2 - 2 * _CLEARLY:
            break
        others = [best.matrix, *others]
        best = _full(reflections, model, rival.matrix, best.seen, fit, model_error, turn)
    return Weighed(best, rival, max(0.0, (rival.chi2 - best.chi2) / 2))


def _by_quick_look(reflections, model, starts, seen, turn):
    """The order of the starts, after a few steps each with wide excitation."""
    if len(starts) == 1:
        return [0]
    image = model.image(reflections, starts[0], seen)
    error = model.error_of_pixels(reflections, starts[0], seen, model.best_scale(image) * image, _QUICK)
    found = [
        refine_orientation(reflections, model, one, seen, fit=("width", "damping"), model_error=_QUICK, pixel_error=error,
                           evaluations=6, turn=turn).chi2
        for one in starts
    ]  # fmt: skip
    return [int(i) for i in np.argsort(found, kind="stable")]


def _full(reflections, model, start, seen, fit, model_error, turn):
    """Everything fitted, with either kind of excitation; the one that leaves less."""
    found = []
    for kind in _KINDS:
        one = with_changes(found[0].seen if found else seen, kind=kind)
        found.append(refine_orientation(reflections, model, found[0].matrix if found else start, one, fit=fit,
                                        model_error=model_error, turn=turn))  # fmt: skip
    return min(found, key=lambda one: one.left)
