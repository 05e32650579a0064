"""An orientation map that the user has already, made better: its positions vote for the orientations of the components."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..results.rather_grains import rather_grains
from .changes import changes, disagreement
from .convert import native_of, on_scan
from .copies import half_turns
from .coverage import everywhere
from .in_plane import rotated_templates
from .map_frames import FRAMES
from .own_patterns import Rematch
from .pattern_model import LEAST_ERROR
from .ranking import log_ratio, refined
from .record import Candidate, Match, Rival
from .sources import ENOUGH, paint, presence
from .symmetry import misorientation_deg
from .votes import elected

__all__ = ["of_own_map"]

_PHASE_GAP = 0.05  # between the likenesses of two phases, as `index` has it
_DIFFERENT_DEG = 5.0  # from here on an orientation is another one
_CLOSE = 0.5  # of the votes of the first that the second phase, or orientation, must have to be a doubt
_STEP_DEG, _TRIED = 4.0, 4  # between the zone axes, and how many orientations, that are looked at beside those of a map
_CLEARLY = 0.08  # of likeness: more than the shape of the excitation and the thickness make, in the tests
_WORSE = 0.2  # of likeness, by which the axes of a map are worse than others before that is said


def of_own_map(
    result: Any,
    existing: Any,
    *,
    crystal: Any = None,
    frame: str | None = None,
    source: str | None = None,
    enough: int = ENOUGH,
    disagree_deg: float = 5.0,
    q_min: float | None = None,
    q_max: float | None = None,
    disk_radius: float | None = None,
    refine: bool = True,
    odds: float = 20.0,
    components: Any = None,
) -> Any:
    """Orientations of the components, of a finished map of the host: what `index` does where it is given one.

    existing: OrientationMap of pyxem, py4DSTEM or quantem, CrystalMap of quantem, orix CrystalMap or its file.
    crystal: What the phases are made of, where the map does not say: Crystal of py4DSTEM or quantem, orix Phase or diffsims
        Simulation2D, or a dict of them by the names of the phases.
    The other arguments are those of `index` and `merge_orientations`.
    Returns Orientations.
    """
    from .orientations import Orientations

    started = time.perf_counter()
    enough, disagree_deg = checks.count(enough, "enough"), checks.positive(disagree_deg, "disagree_deg")
    checks.flag(refine, "refine")
    if frame is not None:
        checks.choice(frame, "frame", tuple(FRAMES))
    present, geometry = presence(result), result.geometry
    rematch = Rematch(result, crystal, source=source, enough=enough, q_min=q_min, q_max=q_max, disk_radius=disk_radius)
    have = on_scan(
        existing, geometry.scan_shape, name="the orientation map", crystal=rematch.crystal, frame=frame,
        calibration=geometry.calibration,
    )  # fmt: skip
    _require_some(have, present)
    if not have.symmetry:
        warn(
            "the orientation map does not say of which crystal it is, so equivalent orientations count as different ones: "
            "pass crystal="
        )
    votes = [elected(weight, have) for weight in _weights(result, present)]
    likenesses = rematch.likenesses(have)
    doubt = frame is None and have.frame != "scan" and _doubt_frame(have, votes, likenesses)
    matches = tuple(_match(i, *each, have, refine, odds) for i, each in enumerate(zip(votes, likenesses)))
    if not doubt:
        matches = _with_what_nobody_votes_for(matches, likenesses, have)
    chosen = np.isin(np.arange(result.k), rather_grains(components, result))
    painting = paint(result, [match.matched and chosen[match.component] for match in matches])
    away = disagreement(have, matches, painting)
    with np.errstate(invalid="ignore"):
        flagged = away > disagree_deg
    settings = {"source": "existing", "enough": enough, "disagree_deg": disagree_deg, "phases": list(have.names),
                "frame": have.frame, "patterns": source, "refine": refine,
                "not_painted": np.flatnonzero(~chosen).tolist()}  # fmt: skip
    native = have.phases or {name: None for name in have.names}
    return Orientations(
        have.host, matches, painting, geometry, have.symmetry, native, {"total": time.perf_counter() - started}, settings,
        away, flagged, change=changes(have, matches, painting, disagree_deg),
    )  # fmt: skip


def _require_some(have, present):
    if not (have.phase >= 0).any():
        raise ValueError("the orientation map has no indexed position")
    if not (have.phase[..., 0] >= 0)[present.any(0)].any():
        raise ValueError("the orientation map has no indexed position where a component is present")


def _weights(result, present):
    """How much the positions say of each component: its intensity there, times its share of what is there."""
    maps = np.maximum(np.nan_to_num(result.intensities), 0).astype(float)
    share = maps / np.maximum(maps.sum(0), np.finfo(float).tiny)
    return np.where(present, maps * share, 0.0)


def _match(component, votes, likeness, have, refine, odds):
    """One component: what most votes and its own pattern are for."""
    if not votes:
        return Match(component, "existing", 0)
    told = [_told(one, likeness.get(have.names[one.phase]), refine) for one in votes]
    matched_again = all(fit is not None for _, fit in told)
    fits = [fit if matched_again else one.share for one, (_, fit) in zip(votes, told)]
    order = np.argsort(-np.array(fits), kind="stable")
    first = int(order[0])
    best, (matrix, _), fit = votes[first], told[first], float(fits[first])
    name, symmetry = have.names[best.phase], have.symmetry.get(have.names[best.phase])
    others = [(told[i][0], float(fits[i])) for i in order[1:] if votes[i].phase == best.phase]
    rival = _rival(matrix, fit, others, symmetry, likeness.get(name) if matched_again else None, have.host)
    second = next((i for i in order if votes[i].phase != best.phase), None)
    gap = float("nan") if len(have.names) == 1 else 1.0 if second is None else (fit - fits[second]) / fit if fit > 0 else 0.0
    close = _PHASE_GAP if matched_again else 1 - _CLOSE
    doubt = rival is not None and (rival.ambiguity > 1 / (1 + odds) if matched_again else rival.fit > _CLOSE * fit)
    candidates = tuple(
        Candidate(have.names[votes[i].phase], told[i][0], votes[i].score, float(fits[i]), None,
                  native_of(have.host, told[i][0], votes[i].score)) for i in order
    )  # fmt: skip
    return Match(
        component, "existing", best.n_positions, name, matrix, score=best.score, fit=fit, gap=float(gap),
        second_phase=None if second is None else have.names[votes[second].phase], rival=rival,
        ambiguous=bool(gap < close), orientation_ambiguous=bool(doubt), spread_deg=best.spread_deg, candidates=candidates,
        decided_by="" if doubt else "likelihood",
    )  # fmt: skip


def _rival(matrix, fit, others, symmetry, likeness, host):
    """The best other orientation: of those voted for and, with a pattern, of the copies by half a turn."""
    if likeness is not None:
        others = others + [refined(likeness, copy) for copy in half_turns(likeness.reflections, matrix)]
    away = [float(misorientation_deg(matrix, one, symmetry)) for one, _ in others]
    found = [(theirs, far, one) for (one, theirs), far in zip(others, away) if far > _DIFFERENT_DEG]
    if not found:
        return None
    theirs, far, other = max(found, key=lambda one: one[0])
    ratio = float("nan") if likeness is None else log_ratio(fit, theirs, likeness.n_spots, LEAST_ERROR)
    return Rival(np.asarray(other), float(theirs), far, ratio, native_of(host, np.asarray(other), float(theirs)))


def _with_what_nobody_votes_for(matches, likenesses, have):
    """Flag components whose pattern fits another orientation clearly better than all that are voted for, and warn."""
    out, better = list(matches), []
    for i, (match, each) in enumerate(zip(matches, likenesses)):
        if not match.matched or match.phase not in each:
            continue
        likeness, symmetry = each[match.phase], have.symmetry.get(match.phase, np.eye(3)[None])
        tried = rotated_templates(likeness, everywhere(symmetry, _STEP_DEG), symmetry, best=_TRIED)
        other, fit = max((refined(likeness, one) for one in tried), key=lambda one: one[1], default=(None, 0.0))
        if fit > match.fit + _CLEARLY:
            away = float(misorientation_deg(match.matrix, other, symmetry))
            ratio = -log_ratio(fit, match.fit, likeness.n_spots, LEAST_ERROR)
            rival = Rival(other, float(fit), away, ratio, native_of(have.host, other, float(fit)))
            out[i] = replace(match, orientation_ambiguous=True, rival=rival, decided_by="")
            better.append(f"{i} ({match.fit:.2f}, and {fit:.2f})")
    if better:
        warn(
            f"the patterns of component {', '.join(better)} clearly fit an orientation better that no position of the map "
            "votes for: index them with a simulation or a crystal instead of the map"
        )
    return tuple(out)


def _told(vote, likeness, refine):
    """The orientation of a vote, refined against the pattern of the component, and its likeness; None without a pattern."""
    if likeness is None:
        return vote.matrix, None
    if refine:
        matrix, fit = refined(likeness, vote.matrix)
        return matrix, float(fit)
    return vote.matrix, float(likeness.values(vote.matrix)[0])


def _doubt_frame(have, votes, likenesses) -> bool:
    """Whether the axes of the map fit the patterns worse than others do; warns then, and where nothing tells."""
    pairs = [(each[0], one.get(have.names[each[0].phase])) for each, one in zip(votes, likenesses) if each]
    pairs = [(vote, one.wider(2.0)) for vote, one in pairs if one is not None]
    if not pairs:
        warn(
            f"the orientation map is taken to be in the axes of {have.frame!r}, but nothing shows whether that is right: "
            "pass frame=, or crystal= so that the patterns can decide"
        )
        return False
    fits = {name: np.mean([one.values(turn @ vote.matrix)[0] for vote, one in pairs]) for name, turn in _TURNS.items()}
    best = max(fits, key=fits.__getitem__)
    worse = bool(fits[best] > fits[""] + _WORSE)
    if worse:
        warn(
            f"the orientations of the map fit the patterns better when they are {best} (similarity {fits[best]:.2f}, and "
            f"{fits['']:.2f} in the axes of {have.frame!r}): pass the frame= in which the map is written"
        )
    return worse


# Half a turn more looks the same in projection. With the inverse of the crystal mirror images are rotations too.
_TURNS = {
    "": np.eye(3),
    "rotated by 90 degrees about the beam": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
    "mirrored": np.diag([1.0, -1, -1]),
    "mirrored and rotated by 90 degrees": np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]]),
}
