"""The best of the orientations that a host proposes, by how alike the simulation and the measurement are. NumPy only.

The scores of the hosts reward simulated spots that are measured. With the few disks of one grain on a small detector, many
orientations have a bright spot or two in the right places. With k patterns there is time to ask the other way round too:
what is simulated must be measured, and what is measured simulated.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .in_plane import rotated_templates
from .pattern_likeness import PatternLikeness, best_shape
from .record import Candidate
from .symmetry import apart, misorientation_deg

__all__ = ["candidates", "rank", "refined"]

_WIDER = 2.0  # how much wider spots and relrods are while candidates are a grid step away from the truth
_STEPS_DEG = (1.0, 0.5, 0.25)  # from half a step of the templates down to a quarter of a degree (docs/orientation.md)
_MOST_STEPS = 10  # of each length; it ends before where nothing is more alike
_BEST = 6  # candidates that are looked at closely
_HOSTS_OWN = 4  # that are looked at beside those of all templates
_CLEARLY_DIFFERENT = 5.0  # degrees
_EQUALLY = 1e-3  # degrees, which are rounding


def candidates(proposals, compare, *, refine=True, by_host=False):
    """The best orientation of every phase for every pattern, and the shape of the excitation that was taken for all.

    proposals (list of list of Proposals or None): Of every pattern, of every phase.
    compare (list of callable or None): For every pattern: takes `Reflections`, and gives a likeness. None: the scores of the
        host count.
    refine: bool.
    by_host (bool): The host's best is taken, its likeness is the fit.
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
    found, shape = _ranked(proposals, each, refine, by_host, best=2 if by_pattern else _BEST), None
    some = [(likeness, best) for row, told in zip(each, found) for likeness, best in _best_phase(row, told)]
    if some and by_pattern:
        shape = best_shape(*zip(*((likeness, best.matrix) for likeness, best in some)))
        each = [[None if one is None else one.of_shape(shape) for one in row] for row in each]
        found = _ranked(proposals, each, refine, by_host)
    return found, None if shape is None else f"{shape[0]}, {shape[1]:g} 1/Å"


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
    return [max(known, key=lambda pair: pair[1].fit)] if known else []


def _ranked(proposals, likenesses, refine, by_host, best=_BEST):
    def one(proposal, likeness):
        if proposal is None:
            return None
        if likeness is None:
            return _by_score(proposal)
        matrices = proposal.matrices[:1] if by_host else proposal.matrices
        matrix, fit, rival, i = rank(likeness, matrices, proposal.symmetry, refine=refine and not by_host, best=best)
        return Candidate(proposal.phase, matrix, float(proposal.scores[i]), fit, rival, proposal.native(i, matrix))

    return [[one(p, likeness) for p, likeness in zip(*both)] for both in zip(proposals, likenesses)]


def _by_score(proposal):
    matrices, scores = proposal.matrices, proposal.scores
    far = misorientation_deg(matrices[0], matrices, proposal.symmetry) > _CLEARLY_DIFFERENT
    rival = float(scores[far].max() / scores[0]) if far.any() else float("nan")
    score = float(scores[0])
    return Candidate(proposal.phase, matrices[0], score, score, rival, proposal.native(0, matrices[0]))


def refined(likeness, matrix) -> tuple[np.ndarray, float]:
    """The orientation nearby that is most alike, by steps about three axes that become smaller, and its likeness."""
    matrix, best = np.asarray(matrix, float), float(likeness.values(matrix)[0])
    for step in _STEPS_DEG:
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


def rank(likeness, matrices, symmetry, *, refine=True, different_deg=_CLEARLY_DIFFERENT, best=_BEST):
    """Candidates by likeness: the best one refined, and how near the best clearly different one comes.

    likeness: DiskLikeness or PatternLikeness.
    matrices (ndarray (n, 3, 3)): Candidates, the host's best first.
    symmetry: ndarray (s, 3, 3).
    refine (bool): Whether the candidates that are looked at are refined; else the host's grid stays.
    different_deg (float): From here on an orientation is another one.
    best (int): How many are looked at closely, by their likeness as they are and by that of wider spots and relrods; and the
        host's best.
    Returns matrix (ndarray (3, 3)).
    Returns fit (float).
    Returns rival (float): Likeness of the best other orientation as a share of `fit`; NaN where there is none.
    Returns index (int): Which candidate it came from.
    """
    taken, values = [0], likeness.values(matrices)
    for one in (values, likeness.wider(_WIDER).values(matrices)):
        order = np.argsort(-one, kind="stable")
        taken += [i for i in apart(matrices, order, symmetry, different_deg, best) if i not in taken]
    found = [(matrices[i], float(values[i]), i) for i in taken]
    if refine:
        found = [(*refined(likeness, matrices[i]), i) for i in taken]
    found.sort(key=lambda one: -one[1])
    matrix, fit, index = found[0]
    others = [one[1] for one in found[1:] if misorientation_deg(matrix, one[0], symmetry) > different_deg]
    rival = others[0] / fit if others and fit > 0 else float("nan")
    return matrix, float(fit), float(rival), int(index)
