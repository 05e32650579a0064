"""The best of the orientations that a host proposes, by how alike the simulation and the measurement are. NumPy only.

The scores of the hosts reward simulated spots that are measured. With the few disks of one grain on a small detector, many
orientations have a bright spot or two in the right places. With k patterns there is time to ask the other way round too:
what is simulated must be measured, and what is measured simulated.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from .copies import half_turns
from .in_plane import rotated_templates
from .likelihood import FITTED, spots_of, weighed
from .pattern_likeness import PatternLikeness, best_shape
from .pattern_model import LEAST_ERROR, Experiment, with_changes
from .record import Candidate, Rival
from .symmetry import apart, misorientation_deg

__all__ = ["candidates", "log_ratio", "rank", "refined"]

_WIDER = 2.0  # how much wider spots and relrods are while candidates are a grid step away from the truth
_STEPS_DEG = (1.0, 0.5, 0.25)  # half a step of the templates to a quarter of a degree (docs/details/orientation.md)
_COARSE_DEG = _STEPS_DEG[:1]  # where the whole pattern is fitted afterwards, which reaches farther than that
_MOST_STEPS = 10  # of each length; it ends before where nothing is more alike
_BEST = 6  # candidates that are looked at closely
_HOSTS_OWN = 4  # that are looked at beside those of all templates
_MANY, _DENSE_DEG = 120, 2.5  # starts, and how far apart, of patterns of few spots
_CLEARLY_DIFFERENT = 5.0  # degrees
_EQUALLY = 1e-3  # degrees, which are rounding
_NARROW = 0.01  # 1/Å: fits start from no narrower excitation, whose gradient reaches no farther
_RADIUS = 0.5  # of the spots of a model to start from, in disk radii


def candidates(proposals, compare, *, refine=True, by_host=False, models=None, model_error=None, fit=FITTED, keep=None):
    """The best orientation of every phase for every pattern, and the shape of the excitation that was taken for all.

    proposals (list of list of Proposals or None): Of every pattern, of every phase.
    compare (list of callable or None): For every pattern: takes `Reflections`, and gives a likeness. None: the scores of the
        host count.
    refine: bool.
    by_host (bool): The host's best is taken, its likeness is the fit.
    models (list of PatternModel or None): Of every pattern, for the likelihood of the most alike and of their copies.
    model_error (float or None): Relative error of simulated amplitudes; None: what the best fit leaves.
    fit: What is fitted of every pattern besides the orientation, see `refine_orientation`.
    keep (callable or None): Is given every `Refined` that is taken.
    Returns list of list of Candidate or None, str or None.
    """
    if compare is None:
        return [[None if one is None else _by_score(one) for one in each] for each in proposals], None
    each = [
        [None if one is None or one.reflections is None else make(one.reflections) for one in row]
        for row, make in zip(proposals, compare)
    ]
    if not by_host:
        proposals = [[_with_more(*both) for both in zip(*rows)] for rows in zip(proposals, each)]
    by_pattern = any(isinstance(one, PatternLikeness) for row in each for one in row)
    # With a pattern, a few orientations tell the shape of the excitation, which then counts.
    steps = () if by_host or not refine else _STEPS_DEG if models is None else _COARSE_DEG
    found, shape = _ranked(proposals, each, steps, by_host, best=2 if by_pattern else _BEST), None
    best = [(a, b) for row, told in zip(each, found) for a, b in _best_phase(row, told)]
    if best and by_pattern:
        shape = best_shape(*zip(*((likeness, one[0][0]) for likeness, one in best)))
        each = [[None if one is None else one.of_shape(shape) for one in row] for row in each]
        found = _ranked(proposals, each, steps, by_host)
    told = None if shape is None else f"{shape[0]}, {shape[1]:g} 1/Å"
    if models is not None and shape is not None:
        how = {"refine": refine, "model_error": model_error, "fit": fit, "keep": keep}
        return _all_by_likelihood(proposals, each, found, models, shape, how), told
    error = LEAST_ERROR if model_error is None else model_error
    chosen = partial(_by_likeness, refine=refine and not by_host, error=error)
    return [[_chosen(chosen, *each) for each in zip(*rows)] for rows in zip(proposals, each, found)], told


def _chosen(how, proposal, likeness, found):
    if proposal is None:
        return None
    return _by_score(proposal) if found is None or not found[0][1] > 0 else how(proposal, likeness, found)


def _all_by_likelihood(proposals, likenesses, found, models, shape, how):
    """Of every pattern and phase; the shape of the spots is fitted where a pattern is most alike, and kept."""
    out: list[list] = [[None] * len(row) for row in proposals]
    places = [(i, j) for i, row in enumerate(found) for j in range(len(row))]
    places.sort(key=lambda one: -found[one[0]][one[1]][0][1] if found[one[0]][one[1]] else 0)
    seen = Experiment(shape[0], max(shape[1], _NARROW), _RADIUS * models[0].disk_radius)
    known = [(i, j) for i, j in places if proposals[i][j] is not None and found[i][j] and found[i][j][0][1] > 0]
    if known:
        i, j = known[0]
        spots = spots_of(proposals[i][j].reflections, models[i], found[i][j][0][0], seen)
        seen = with_changes(seen, radius=spots.radius, power=spots.power)
    for i, j in places:
        likely = partial(_by_likelihood, model=models[i], seen=seen, **how)
        out[i][j] = _chosen(likely, proposals[i][j], likenesses[i][j], found[i][j])
    return out


def _with_more(proposal, likeness):
    """What the host proposes, and what its templates come to with the whole pattern."""
    if not isinstance(likeness, PatternLikeness) or not likeness.pattern.norm > 0:
        return proposal
    more = rotated_templates(likeness, proposal.library, proposal.symmetry)
    # What the host says of them is what it says of the nearest orientation that it proposes.
    near = [_nearest(one, proposal) for one in more]
    first = proposal.matrices[:_HOSTS_OWN]
    index = np.concatenate([np.arange(len(first)), near]).astype(int)
    native = proposal.native
    return dataclasses.replace(
        proposal, matrices=np.concatenate([first, more]), scores=proposal.scores[index],
        native=lambda i, matrix: native(int(index[i]), matrix),
    )  # fmt: skip


def _nearest(matrix, proposal):
    """Which proposal is nearest; of several that are equally near, as symmetry makes them, the one the host thinks best."""
    away = misorientation_deg(matrix, proposal.matrices, proposal.symmetry)
    return int(np.flatnonzero(away <= away.min() + _EQUALLY)[0])


def _best_phase(likenesses, found):
    known = [(a, b) for a, b in zip(likenesses, found) if a is not None and b is not None]
    return [max(known, key=lambda pair: pair[1][0][1])] if known else []


def _ranked(proposals, likenesses, steps, by_host, best=_BEST):
    def one(proposal, likeness):
        if proposal is None or likeness is None:
            return None
        matrices = proposal.matrices[:1] if by_host else proposal.matrices
        return rank(likeness, matrices, proposal.symmetry, steps_deg=steps, best=best)

    return [[one(p, likeness) for p, likeness in zip(*both)] for both in zip(proposals, likenesses)]


def _by_likelihood(proposal, likeness, found, *, model, seen, refine, model_error, fit, keep):
    """The most likely of the orientations that are most alike, refined with the whole pattern, and with its rival."""
    model = model.up_to(proposal.reflections.reach)
    starts = np.array([one[0] for one in found])
    starts = starts[apart(starts, range(len(starts)), proposal.symmetry, _EQUALLY, len(starts))]
    told = weighed(
        proposal.reflections, model, starts, proposal.symmetry, seen, different_deg=_CLEARLY_DIFFERENT,
        turn=refine, model_error=model_error, fit=fit,
        more=partial(rotated_templates, likeness, proposal.library, proposal.symmetry, best=_MANY, different_deg=_DENSE_DEG),
    )  # fmt: skip
    best, rival = told.best, None
    if keep is not None:
        keep(best)
    if told.rival is not None:
        rival = _rival(proposal, likeness, best.matrix, told.rival.matrix, told.log_ratio)
    i = _nearest(best.matrix, proposal)
    return Candidate(
        proposal.phase, best.matrix, float(proposal.scores[i]), float(likeness.values(best.matrix)[0]), rival,
        proposal.native(i, best.matrix), min(best.error_deg, 180.0), best.model_error,
    )  # fmt: skip


def _by_likeness(proposal, likeness, found, refine, error):
    """The most alike, and the most alike of the others and of its copies by half a turn."""
    matrix, fit, i = found[0]
    others = [one[:2] for one in found[1:]]
    for copy in half_turns(proposal.reflections, matrix):
        others.append(refined(likeness, copy) if refine else (copy, float(likeness.values(copy)[0])))
    away = [float(misorientation_deg(matrix, one, proposal.symmetry)) for one, _ in others]
    apart_ones = [one for one, far in zip(others, away) if far > _CLEARLY_DIFFERENT]
    rival = None
    if apart_ones:
        other, theirs = max(apart_ones, key=lambda one: one[1])
        rival = _rival(proposal, likeness, matrix, other, log_ratio(fit, theirs, likeness.n_spots, error))
    return Candidate(proposal.phase, matrix, float(proposal.scores[i]), fit, rival, proposal.native(i, matrix))


def log_ratio(fit, theirs, n_spots, error) -> float:
    """How much likelier one orientation is, as a logarithm, of cosines.

    What they leave of the amplitudes is the model error, which every spot has once.
    """
    left, other = (max(1 - one**2, error**2) for one in (max(fit, 0.0), max(theirs, 0.0)))
    return max(0.0, n_spots / 2 * (other / left - 1))


def _rival(proposal, likeness, matrix, other, log_ratio):
    away = float(misorientation_deg(matrix, other, proposal.symmetry))
    native = proposal.native(_nearest(other, proposal), other)
    return Rival(np.asarray(other), float(likeness.values(other)[0]), away, float(log_ratio), native)


def _by_score(proposal):
    """The host's best; of its rival only the score is known, which is no likelihood: nothing decides."""
    matrices, scores = proposal.matrices, proposal.scores
    others, values = matrices, scores
    if proposal.reflections is not None:
        copies = half_turns(proposal.reflections, matrices[0])
        others, values = np.concatenate([matrices, copies]), np.concatenate([scores, np.full(len(copies), scores[0])])
    far = misorientation_deg(matrices[0], others, proposal.symmetry)
    score, rival = float(scores[0]), None
    if (far > _CLEARLY_DIFFERENT).any():
        i = int(np.where(far > _CLEARLY_DIFFERENT, values, -np.inf).argmax())
        native = proposal.native(_nearest(others[i], proposal), others[i])
        rival = Rival(others[i], float(values[i]), float(far[i]), float("nan"), native)
    return Candidate(proposal.phase, matrices[0], score, score, rival, proposal.native(0, matrices[0]))


def refined(likeness, matrix, steps_deg=_STEPS_DEG) -> tuple[np.ndarray, float]:
    """The orientation nearby that is most alike, by steps about three axes that become smaller, and its likeness."""
    matrix, best = np.asarray(matrix, float), float(likeness.values(matrix)[0])
    for step in steps_deg:
        turns = _small_turns(step)
        for _ in range(_MOST_STEPS):
            tried = turns @ matrix
            values = likeness.values(tried)
            i = int(np.argmax(values))
            if values[i] <= best + 1e-6:
                break
            matrix, best = tried[i], float(values[i])
    return matrix, best


def _small_turns(step_deg):
    """Rotations by plus and minus one step about the three axes of the laboratory."""
    from scipy.spatial.transform import Rotation

    axes = np.vstack([np.eye(3), -np.eye(3)])
    return Rotation.from_rotvec(np.radians(step_deg) * axes).as_matrix()


def rank(likeness, matrices, symmetry, *, steps_deg=_STEPS_DEG, different_deg=_CLEARLY_DIFFERENT, best=_BEST):
    """Candidates by likeness, those that are looked at closely, refined.

    likeness: DiskLikeness or PatternLikeness.
    matrices (ndarray (n, 3, 3)): Candidates, the host's best first.
    symmetry: ndarray (s, 3, 3).
    steps_deg (sequence of float): By which the candidates that are looked at are refined; empty: the host's grid stays.
    different_deg (float): From here on an orientation is another one.
    best (int): How many are looked at closely, by their likeness as they are and by that of wider spots and relrods; and the
        host's best.
    Returns list of (ndarray (3, 3), float, int): Orientation, likeness, and which candidate it came from; most alike first.
    """
    taken, values = [0], likeness.values(matrices)
    for one in (values, likeness.wider(_WIDER).values(matrices)):
        order = np.argsort(-one, kind="stable")
        taken += [i for i in apart(matrices, order, symmetry, different_deg, best) if i not in taken]
    if not len(steps_deg):
        found = [(matrices[i], float(values[i]), i) for i in taken]
    else:
        found = [(*refined(likeness, matrices[i], steps_deg), i) for i in taken]
    return sorted(found, key=lambda one: -one[1])
