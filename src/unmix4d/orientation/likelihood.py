"""Which of several orientations a whole pattern speaks for, and by how much. NumPy and SciPy only."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .copies import half_turns
from .pattern_model import Experiment, PatternModel, with_changes
from .refinement import Refined, refine_orientation
from .reflections import Reflections
from .symmetry import apart, misorientation_deg

__all__ = ["DISTORTION", "FITTED", "Weighed", "spots_of", "weighed"]

FITTED = ("width", "damping", "offset_row", "offset_col")  # of every pattern
DISTORTION = ("scale", "strain", "shear")  # where the calibration is asked for
_SPOTS = ("radius", "power")  # which all patterns of an instrument share
_QUICK = 0.3  # model error of the first look: whatever is about right has a gradient
_STARTS = 4  # of the orientations that were found by other means
_RIVALS = 3  # orientations, the likeliest as they are, that are refined before they are compared
_KINDS = ("gaussian", "lorentzian")
_AGAIN = 3  # times that another orientation may turn out to be the best
_POOR = (0.04, 0.5)  # amplitude errors at which a fit may have stopped too early; more of it is another physics
_FEW_SPOTS = 15  # of which a pattern has one orientation in many places
_STRICT = 0.1  # model error, while many are tried
_ROUNDS = 2  # of many starts: the second is around what is found in the first
_PROMISING = 4  # of many starts, that are fitted in full
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
    more: Callable[[], np.ndarray] | None = None,
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
    more (callable or None): Gives many more starts, where the best of these leaves something of a pattern of few spots.
    """
    starts = np.asarray(starts, float).reshape(-1, 3, 3)
    looks = _quick_looks(reflections, model, starts[:_STARTS], seen, turn)
    first = _first(looks)
    best = _full(reflections, model, starts[first], seen, fit, model_error, turn)
    others = np.delete(starts[:_STARTS], first, 0)
    if turn and _POOR[0] < best.left < _POOR[1]:
        few = more is not None and model.n_spots(reflections, best.matrix, best.seen) < _FEW_SPOTS
        others_too = more() if few else starts[_STARTS : 3 * _STARTS]  # type: ignore[misc]
        best = _tried_again(reflections, model, best, others_too, symmetry, seen, fit, model_error)
    for _ in range(_AGAIN):
        copies = np.concatenate([half_turns(reflections, best.matrix), others])
        copies = copies[misorientation_deg(copies, best.matrix, symmetry) > different_deg]
        tried = _likeliest(reflections, model, copies, best, turn)
        others_apart = [one for one in tried if misorientation_deg(one.matrix, best.matrix, symmetry) > different_deg]
        if not others_apart:
            return Weighed(best, None, np.inf)
        rival = others_apart[_first([one.chi2 for one in others_apart])]
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


def _tried_again(reflections, model, best, more, symmetry, seen, fit, model_error):
    """The best, or a better one that is found from eight tilts around it, or from many starts elsewhere.

    Patterns of few spots are much alike over wide ranges of orientations, and where excitation is narrow a fit finds only
    what is near.
    """
    starts = np.concatenate([_tilted(best.matrix), more])
    excitations = itertools.cycle(_excitations(max(best.seen.width, seen.width)))
    # With all that a wrong orientation leaves as the error of the model, the right one would be hardly likelier.
    how = {"fit": ("width", "damping"), "evaluations": 5, "rounds": 1, "model_error": _STRICT}
    tried: list[Refined] = []
    for _ in range(_ROUNDS):
        for turned, (kind, width) in zip(starts, excitations):
            near = with_changes(seen, offset=best.seen.offset, kind=kind, width=width)
            tried.append(refine_orientation(reflections, model, turned, near, **how))
        order = np.argsort([one.left for one in tried], kind="stable")
        found = np.array([one.matrix for one in tried])
        promising = apart(found, order, symmetry, _AROUND_DEG / 2, _PROMISING)
        starts = np.concatenate([_tilted(found[i]) for i in promising])
    again = [_full(reflections, model, found[i], tried[i].seen, fit, model_error, True) for i in promising]
    return min([best, *again], key=lambda one: one.left)


def _tilted(matrix):
    """Eight tilts of an orientation."""
    from scipy.spatial.transform import Rotation

    angle = np.pi / 4 * np.arange(8)
    tilts = np.radians(_AROUND_DEG) * np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    return Rotation.from_rotvec(tilts).as_matrix() @ matrix


def _excitations(width):
    """Of either kind, wider and narrower, whose minima may be other ones."""
    return [(kind, factor * width) for factor in (1.6, 0.6) for kind in _KINDS]


def _full(reflections, model, start, seen, fit, model_error, turn):
    """Everything fitted; with the other kind of excitation too, where this one leaves something, and with the better one."""
    how = {"fit": fit, "model_error": model_error, "turn": turn}
    best = refine_orientation(reflections, model, start, seen, **how)
    if not _POOR[0] / 2 < best.left < _POOR[1]:
        return best
    kind = _KINDS[1 - _KINDS.index(seen.kind)]
    other = refine_orientation(reflections, model, start, with_changes(best.seen, kind=kind, damping=seen.damping), **how)
    return min(best, other, key=lambda one: one.left)
