"""Which of several orientations a whole pattern speaks for, and by how much. NumPy and SciPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .copies import half_turns
from .pattern_model import Experiment, PatternModel, with_changes
from .refinement import Refined, refine_orientation
from .reflections import Reflections
from .symmetry import misorientation_deg

__all__ = ["FITTED", "Weighed", "spots_of", "weighed"]

FITTED = ("width", "damping", "offset_row", "offset_col")  # of every pattern
_SPOTS = ("radius", "power")  # which all patterns of an instrument share
_QUICK = 0.3  # model error of the first look: whatever is about right has a gradient
_STARTS = 4  # of the orientations that were found by other means
_RIVALS = 3  # orientations, the likeliest as they are, that are refined before they are compared
_KINDS = ("gaussian", "lorentzian")
_AGAIN = 3  # times that another orientation may turn out to be the best
_POOR = (0.04, 0.4)  # amplitude errors at which a fit may have stopped too early; more of it is another physics
_AROUND_DEG = 2.0  # from where it is tried again, a step of the host's grid
_EQUAL = 0.02  # log-likelihood: less than that is where fits stopped


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


def spots_of(reflections: Reflections, model: PatternModel, matrix, seen: Experiment) -> Experiment:
    """What a pattern depends on, with the shape of its spots, fitted with everything else."""
    return refine_orientation(reflections, model, matrix, seen, fit=(*_SPOTS, *FITTED)).seen


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
    starts = np.asarray(starts, float).reshape(-1, 3, 3)
    looks = _quick_looks(reflections, model, starts[:_STARTS], seen, turn)
    first = _first(looks)
    best = _full(reflections, model, starts[first], seen, fit, model_error, turn)
    others = np.delete(starts[:_STARTS], first, 0)
    if turn and _POOR[0] < best.left < _POOR[1]:
        best = _tried_again(reflections, model, best, starts[_STARTS : 3 * _STARTS], seen, fit, model_error)
    for _ in range(_AGAIN):
        copies = np.concatenate([half_turns(reflections, best.matrix), others])
        copies = copies[misorientation_deg(copies, best.matrix, symmetry) > different_deg]
        tried = _likeliest(reflections, model, copies, best, turn)
        apart = [one for one in tried if misorientation_deg(one.matrix, best.matrix, symmetry) > different_deg]
        if not apart:
            return Weighed(best, None, np.inf)
        rival = apart[_first([one.chi2 for one in apart])]
        if rival.chi2 > best.chi2 - 2 * _EQUAL:
            break
        others = np.concatenate([best.matrix[None], others])
        best = _full(reflections, model, rival.matrix, best.seen, fit, model_error, turn)
    return Weighed(best, rival, max(0.0, (rival.chi2 - best.chi2) / 2))


def _first(chi2) -> int:
    """The first of which no other is likelier."""
    return next(i for i, one in enumerate(chi2) if one <= min(chi2) + 2 * _EQUAL)


def _likeliest(reflections, model, matrices, best, turn):
    """Those that are likeliest beside the best, refined."""
    how = {"fit": (), "model_error": best.model_error, "pixel_error": best.pixel_error}
    as_they_are = {"turn": False, "evaluations": 1, **how}
    looks = [refine_orientation(reflections, model, one, best.seen, **as_they_are).chi2 for one in matrices]
    order = np.argsort(looks, kind="stable")
    some = matrices[np.sort(order[:_RIVALS])]  # in the order they came in
    return [refine_orientation(reflections, model, one, best.seen, evaluations=5, turn=turn, **how) for one in some]


def _quick_looks(reflections, model, starts, seen, turn):
    """Chi squares of the starts, after a few steps each with wide excitation."""
    image = model.image(reflections, starts[0], seen)
    error = model.error_of_pixels(reflections, starts[0], seen, model.best_scale(image) * image, _QUICK)
    return [
        refine_orientation(reflections, model, one, seen, fit=("width", "damping"), model_error=_QUICK, pixel_error=error,
                           evaluations=4, turn=turn).chi2
        for one in starts
    ]  # fmt: skip


def _tried_again(reflections, model, best, more, seen, fit, model_error):
    """The best, or a better one that is found from eight tilts around it, or from more of the starts."""
    from scipy.spatial.transform import Rotation

    angle = np.pi / 4 * np.arange(8)
    tilts = np.radians(_AROUND_DEG) * np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    starts = np.concatenate([Rotation.from_rotvec(tilts).as_matrix() @ best.matrix, more])
    # Excitation that is wider or narrower, whose minimum may be another one.
    width = max(best.seen.width, seen.width) * np.where(np.arange(len(starts)) % 2, 0.6, 1.6)
    tried = [
        refine_orientation(reflections, model, turned, with_changes(seen, width=wide, offset=best.seen.offset),
                           fit=("width",), evaluations=4, model_error=best.model_error, pixel_error=best.pixel_error)
        for turned, wide in zip(starts, width)
    ]  # fmt: skip
    other = min(tried, key=lambda one: one.chi2)
    again = _full(reflections, model, other.matrix, other.seen, fit, model_error, True)
    return again if again.left < best.left else best


def _full(reflections, model, start, seen, fit, model_error, turn):
    """Everything fitted; with the other kind of excitation too, where this one leaves something, and with the better one."""
    how = {"fit": fit, "model_error": model_error, "turn": turn}
    best = refine_orientation(reflections, model, start, seen, **how)
    if not _POOR[0] / 2 < best.left < _POOR[1]:
        return best
    kind = _KINDS[1 - _KINDS.index(seen.kind)]
    other = refine_orientation(reflections, model, start, with_changes(best.seen, kind=kind, damping=seen.damping), **how)
    return min(best, other, key=lambda one: one.left)
