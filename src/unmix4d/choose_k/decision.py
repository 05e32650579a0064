"""One recommendation from all criteria, with its reasons in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .similarity import near_duplicates
from .votes import CRITERIA

__all__ = ["RULES", "Choice", "decide"]

RULES = ("unmix4d", "cao2025", *CRITERIA)
_CLOSE = 1.1  # a direction below so many times what noise reaches may be noise (tuned on phantoms; no table)
_HIDDEN = 0.96  # one above this may be a component (tuned on phantoms; no table)


@dataclass(frozen=True)
class Choice:
    """A recommendation.

    Attributes
    ----------
    recommended : int
    confidence : {"clear", "ambiguous"}
    reasons : tuple of str
    """

    recommended: int
    confidence: str
    reasons: tuple


def decide(evidence, votes, *, rule: str = "unmix4d", details=None, why_not=None, caveats=()) -> Choice:
    """The recommendation of a rule.

    evidence: Evidence.
    votes (dict): Of `votes_of`.
    rule: One of `RULES`.
    details (Cao2025): For the rule of that name.
    why_not (str): Why no counts were held out.
    caveats (sequence of str): What is known to mislead the noise edge.
    Raises ValueError when the criterion that the rule names has no opinion.
    """
    if rule == "cao2025":
        return _published(details)
    if rule != "unmix4d":
        return _alone(evidence.ks, votes, rule, why_not)
    k = votes["noise_edge"]  # held-out counts confirm it, or call it into question
    reasons = [_edge_in_words(evidence), _held_out_in_words(evidence, votes, why_not)]
    doubts, alike = [*_doubts(evidence, votes, k), *caveats], _duplicates_in_words(evidence, k)
    # Where held-out counts support every one of them, that two are alike is no reason to doubt their number.
    unsure = doubts or (alike and votes["held_out"] is None)
    return Choice(k, "ambiguous" if unsure else "clear", tuple(reasons + doubts + alike))


def _edge_in_words(evidence):
    above, sizes = evidence.above_noise, evidence.sizes
    if above == 0:
        return "nothing stands out of the noise"
    size = "infinitely" if not np.isfinite(sizes[above - 1]) else f"{sizes[above - 1]:.2f} times"
    return f"{above} directions of the scan stand out of the noise, the weakest {size} as strong as noise alone can be"


def _held_out_in_words(evidence, votes, why_not):
    if votes["held_out"] is None:
        return f"no counts were held out: {why_not}"
    return f"counts that were not fitted are most likely with {votes['held_out']} components"


def _doubts(evidence, votes, k):
    """What speaks against a recommendation, in words; nothing where it is clear."""
    ks, sizes, above, doubts = evidence.ks, evidence.sizes, evidence.above_noise, []
    held_out = votes["held_out"]
    if held_out is not None and held_out != k:
        behind = evidence.table["held_out_behind"][np.flatnonzero(ks == k)[0]]
        doubts.append(f"the two disagree: held-out counts put {k} components {behind:.1f} standard errors behind {held_out}")
    if 0 < above < len(sizes) and sizes[above - 1] < _CLOSE:
        doubts.append("the weakest direction is so close to the noise that it may be noise")
    if above < len(sizes) and sizes[above] > _HIDDEN:
        doubts.append(f"the next direction has {sizes[above]:.2f} times the strength of noise, and may be a component")
    if len(ks) > 1 and k == ks[-1]:
        doubts.append(f"{k} is the largest number that was tried: try more")
    if k == ks[0] and ks[0] > 1:
        doubts.append(f"{k} is the smallest number that was tried: try fewer")
    return doubts


def _duplicates_in_words(evidence, k):
    """Patterns that are nearly the same: two tilts of one crystal perhaps, or one component split in two."""
    pairs = near_duplicates(evidence.similarities[int(np.flatnonzero(evidence.ks == k)[0])]["cosine_sqrt"])
    named = ", ".join(f"{i} and {j}" for i, j in pairs[:3]) + (", ..." if len(pairs) > 3 else "")
    return [f"patterns that are nearly the same: {named}"] if pairs else []


def _published(details):
    said = ", ".join(f"{name.upper()} {k}" for name, k in details.chosen.items())
    low, high = details.region
    knee = "the loss has no knee" if details.knee is None else f"knee of the loss at {details.knee}"
    reasons = (f"{knee}, region of interest {low} to {high}", f"component least like the others there: {said}")
    agreed = len(set(details.chosen.values())) == 1
    return Choice(details.recommended, "clear" if agreed and details.knee is not None else "ambiguous", reasons)


def _alone(ks, votes, rule, why_not):
    if votes[rule] is None:
        reason = why_not if rule == "held_out" else "no number of the range fails, or too many do"
        raise ValueError(f"rule {rule!r} has no opinion on this scan: {reason}")
    same = [name for name in CRITERIA if name != rule and votes[name] == votes[rule]]
    others = f"also said by {', '.join(name.replace('_', ' ') for name in same)}" if same else "no other criterion says so"
    at_end = len(ks) > 1 and votes[rule] in (ks[0], ks[-1])
    reasons = f"by {rule.replace('_', ' ')} alone", others
    return Choice(votes[rule], "clear" if same and not at_end else "ambiguous", reasons)
