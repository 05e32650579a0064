"""Records of the orientations of one component."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .symmetry import as_quaternion

__all__ = ["Candidate", "Match", "Proposals", "Rival", "choose_phase"]

UNSURE_DEG = 2.0  # an orientation that may be farther off than this is ambiguous by itself


@dataclass(frozen=True, eq=False)
class Proposals:
    """Orientations of one phase that a host proposes for a pattern, its best first.

    Attributes
    ----------
    phase : str
    matrices : ndarray (n, 3, 3)
        Active rotations from the crystal to the frame (row, column, z).
    scores : ndarray (n,)
        As the host counts.
    reflections : Reflections or None
        Of the phase, where they can be had.
    symmetry : ndarray (s, 3, 3)
    library : ndarray (m, 3, 3)
        Every zone axis that the host looks at, at any in-plane angle.
    native : callable
        Takes the index of one of them and a refined matrix, and gives what the host said.
    """

    phase: str
    matrices: np.ndarray
    scores: np.ndarray
    reflections: object
    symmetry: np.ndarray
    library: np.ndarray
    native: Callable = field(repr=False)


@dataclass(frozen=True, eq=False)
class Rival:
    """Second best orientation of a crystal that is not equivalent to the best one by symmetry.

    Attributes
    ----------
    matrix : ndarray (3, 3)
        Active rotation from the crystal to the frame (row, column, z), as in `Match`.
    fit : float
        Similarity of pattern and simulation, as in `Match`.
    away_deg : float
        Angle to the best orientation, in degrees.
    log_ratio : float
        Logarithm of how many times more likely the best orientation is, given counting noise and the model error. 0 if
        nothing decides, NaN if nothing was compared.
    native : object
        Match as returned by the host.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.orientation import Rival
    >>> Rival(np.diag([-1.0, -1.0, 1.0]), fit=0.8, away_deg=60.0, log_ratio=0.0).ambiguity
    0.5
    """

    matrix: np.ndarray
    fit: float
    away_deg: float
    log_ratio: float
    native: object = field(default=None, repr=False)

    @property
    def quaternion(self) -> np.ndarray:
        """Orientation as a quaternion (4,), scalar last as in SciPy."""
        return as_quaternion(self.matrix)

    @property
    def ambiguity(self) -> float:
        """Probability that this is the right one of the two, from the pattern alone; 0.5 if nothing was compared."""
        return 0.5 if math.isnan(self.log_ratio) else 0.5 * (1 - math.tanh(self.log_ratio / 2))


@dataclass(frozen=True, eq=False)
class Candidate:
    """Orientation of one phase that a host proposes for a pattern.

    Attributes
    ----------
    phase : str
        Name of the phase.
    matrix : ndarray (3, 3)
        Active rotation from the crystal to the frame (row, column, z), see `unmix4d.orientation.symmetry`.
    score : float
        Score of the host: larger is better, comparable within one phase.
    fit : float
        Similarity of pattern and simulation, comparable between phases; at most 1 with ``rank="pattern"`` or ``"disks"``.
    rival : Rival or None
        Best other orientation of the phase.
    native : object
        Match as returned by the host.
    error_deg : float
        See `Match`.
    model_error : float
        See `Match`.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.orientation import Candidate
    >>> Candidate("silver", np.eye(3), score=12.5, fit=0.8).fit
    0.8
    """

    phase: str
    matrix: np.ndarray
    score: float
    fit: float
    rival: Rival | None = field(default=None, repr=False)
    native: object = field(default=None, repr=False)
    error_deg: float = float("nan")
    model_error: float = float("nan")


@dataclass(frozen=True, eq=False)
class Match:
    """Phase and orientation of one component.

    Attributes
    ----------
    component : int
        Number of the component.
    source : {"single", "mean", "component", "vectors", "existing"}
        What was indexed.
    n_positions : int
        Number of measured patterns that were averaged; 0 for a component pattern.
    phase : str or None
        Name of the phase, None if nothing matched.
    matrix : ndarray (3, 3)
        Active rotation from the crystal to the frame (row, column, z), NaN if nothing matched. The frame is that of the
        scan if the rotation between scan and detector is known, otherwise that of the detector.
    score : float
        Correlation as computed by the host.
    fit : float
        Similarity of pattern and simulation, by which phases are compared. At most 1 with ``rank="pattern"`` or
        ``"disks"``; with ``rank="host"`` it is the score of the host, whose size depends on the pattern.
    gap : float
        (fit - fit of the second phase) / fit; NaN with one phase.
    second_phase : str or None
        Name of the second phase.
    rival : Rival or None
        Best other orientation of the phase, and how much less likely it is. None if all are equivalent.
    ambiguous : bool
        Whether the gap between the phases is smaller than `phase_gap`.
    orientation_ambiguous : bool
        Whether the rival is not clearly less likely, or the orientation is not known to 2 degrees (`error_deg`).
    spread_deg : float
        For an orientation that summarises an existing map: median distance of its positions, otherwise NaN.
    candidates : tuple of Candidate
        Best orientation of every phase, best first.
    error_deg : float
        The true orientation is closer than this with a probability of 0.9, provided that it is this one of the two and that
        scattering is kinematical up to the model error. NaN if nothing was refined with a whole pattern.
    model_error : float
        Error of simulated amplitudes, as a share of their root mean square: what the best fit leaves beyond counting noise,
        or the value that was passed.
    decided_by : {"likelihood", "neighbours", "tilt", ""}
        What decided between the orientation and its rival; empty if nothing did.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.orientation import Match
    >>> match = Match(component=0, source="single", n_positions=12, phase="silver", matrix=np.eye(3), fit=0.8)
    >>> match.matched, match.quaternion.tolist(), Match(1, "component", 0).matched
    (True, [0.0, 0.0, 0.0, 1.0], False)
    """

    component: int
    source: str
    n_positions: int
    phase: str | None = None
    matrix: np.ndarray = field(default_factory=lambda: np.full((3, 3), np.nan))
    score: float = 0.0
    fit: float = 0.0
    gap: float = float("nan")
    second_phase: str | None = None
    rival: Rival | None = field(default=None, repr=False)
    ambiguous: bool = False
    orientation_ambiguous: bool = False
    spread_deg: float = float("nan")
    candidates: tuple = field(default=(), repr=False)
    error_deg: float = float("nan")
    model_error: float = float("nan")
    decided_by: str = ""

    @property
    def ambiguity(self) -> float:
        """Probability that the rival is the right one of the two, from the pattern alone: 0 to 0.5, 0 without a rival."""
        return 0.0 if self.rival is None else self.rival.ambiguity

    @property
    def two_possible(self) -> bool:
        """Whether orientation and rival are both possible, and not only because the orientation is imprecise."""
        return self.rival is not None and self.orientation_ambiguous and not self.decided_by

    @property
    def matched(self) -> bool:
        """Whether there is an orientation."""
        return self.phase is not None

    @property
    def quaternion(self) -> np.ndarray:
        """Orientation as a quaternion (4,), scalar last as in SciPy."""
        return as_quaternion(self.matrix)


def choose_phase(component, source, n_positions, candidates, *, phase_gap, odds) -> Match:
    """The best of the candidates of all phases, and how far it is ahead of the next."""
    found = sorted((c for c in candidates if c is not None and c.score > 0), key=lambda c: -c.fit)
    if not found:
        return Match(component, source, n_positions)
    best = found[0]
    second = found[1] if len(found) > 1 else None
    gap = float("nan") if second is None else (best.fit - second.fit) / best.fit if best.fit > 0 else 0.0
    close = second is not None and gap < phase_gap
    rivalled = best.rival is not None and best.rival.ambiguity > 1 / (1 + odds)
    return Match(
        component, source, n_positions, best.phase, best.matrix, best.score, best.fit, gap,
        None if second is None else second.phase, best.rival, bool(close),
        bool(rivalled or best.error_deg > UNSURE_DEG), candidates=tuple(found), error_deg=best.error_deg,
        model_error=best.model_error, decided_by="" if rivalled else "likelihood",
    )  # fmt: skip
