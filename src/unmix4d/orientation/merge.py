"""Summarise an existing orientation map for each component, and apply it to overlapping positions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..results.rather_grains import rather_grains
from .changes import changes, disagreement
from .convert import native_of, on_scan
from .record import Candidate, Match
from .sources import ENOUGH, paint, presence
from .symmetry import mean_orientation

if TYPE_CHECKING:
    from ..results.decomposition import Decomposition
    from .orientations import Orientations

__all__ = ["merge_orientations"]


def merge_orientations(
    result: Decomposition,
    existing: Any,
    *,
    crystal: Any = None,
    enough: int = ENOUGH,
    disagree_deg: float = 5.0,
    frame: str | None = None,
) -> Orientations:
    """Summarise an existing orientation map for each component, and apply the result to overlapping positions.

    Parameters
    ----------
    result : Decomposition
        Result of the same scan.
    existing : orix CrystalMap or its file, OrientationMap of pyxem, py4DSTEM or quantem, or CrystalMap of quantem
        Map with one orientation per position (or several, of which the first counts), from template matching or ACOM of the
        whole scan.
    crystal : py4DSTEM Crystal, optional
        Crystal of an OrientationMap of py4DSTEM. Without it the symmetry is not known, and none is used.
    enough : int
        If a component is alone at fewer positions, those where it is the strongest count too.
    disagree_deg : float
        Positions are flagged if the existing orientation is farther than this from every component that is shown there.
    frame : {"pyxem", "astar", "edax", "oxford", "scan"}, optional
        Axes in which a CrystalMap is written, see `Decomposition.index`. By default determined from its columns or its
        file.

    Returns
    -------
    Orientations
        Each component has the symmetry-aware mean of the existing orientations at its positions
        (`unmix4d.orientation.mean_orientation`), the phase of most of them, and their spread. `disagreement_deg` and
        `flagged` mark positions where the existing map differs: `disagreement_deg` is the misorientation to the nearest of
        the orientations shown there, NaN if there is none, 180 degrees for another phase. `change` and `changes` say at
        which positions the orientation differs from the map, and why.

    Raises
    ------
    TypeError
        If `existing` is not an orientation map.
    ValueError
        If it is of another scan, or an argument is out of range.

    Examples
    --------
    An existing map of one orientation, as template matching of the whole scan would make it:

    >>> import numpy as np
    >>> from orix.crystal_map import CrystalMap, Phase, PhaseList  # doctest: +SKIP
    >>> from orix.quaternion import Rotation  # doctest: +SKIP
    >>> from unmix4d import Unmix, merge_orientations, phantoms
    >>> film = phantoms.polycrystal(n_grains=2, scan_shape=(10, 8), detector_shape=(48, 48), background=0, seed=0)
    >>> result = Unmix(film.data).nmf(2, random_state=0)
    >>> row, col = np.indices((10, 8)).reshape(2, -1)
    >>> phases, rotated = PhaseList(Phase("silver", point_group="m-3m")), Rotation.from_euler([0.3, 0, 0])  # doctest: +SKIP
    >>> full = CrystalMap(rotated.flatten()[np.zeros(80, int)], x=col, y=row, phase_list=phases)  # doctest: +SKIP
    >>> merged = merge_orientations(result, full)  # doctest: +SKIP
    >>> merged.matches[0].phase, int(merged.flagged.sum())  # doctest: +SKIP
    ('silver', 0)
    """
    from .orientations import Orientations

    started = time.perf_counter()
    enough = checks.count(enough, "enough")
    disagree_deg = checks.positive(disagree_deg, "disagree_deg")
    present = presence(result)
    have = on_scan(
        existing, result.geometry.scan_shape, name="existing", crystal=crystal, frame=frame,
        calibration=result.geometry.calibration,
    )  # fmt: skip
    strongest = result.labels()[None] == np.arange(result.k)[:, None, None]
    alone = present & (present.sum(0) == 1) & strongest
    matches = []
    for i in range(result.k):
        here = alone[i] if alone[i].sum() >= enough else present[i] & strongest[i]
        matches.append(_summary(i, here, have))
    chosen = np.isin(np.arange(result.k), rather_grains(None, result))
    painting = paint(result, [match.matched and chosen[match.component] for match in matches])
    away = disagreement(have, matches, painting)
    with np.errstate(invalid="ignore"):
        flagged = away > disagree_deg
    seconds = {"total": time.perf_counter() - started}
    settings = {"source": "existing", "enough": enough, "disagree_deg": disagree_deg, "phases": list(have.names),
                "not_painted": np.flatnonzero(~chosen).tolist()}  # fmt: skip
    native = have.phases or {name: None for name in have.names}
    return Orientations(
        have.host, tuple(matches), painting, result.geometry, have.symmetry, native, seconds, settings, away, flagged,
        change=changes(have, matches, painting, disagree_deg),
    )  # fmt: skip


def _summary(component, here, have):
    """One component: its phase by most positions, the mean orientation of those."""
    phases = have.phase[..., 0][here]
    phases = phases[phases >= 0]
    if not len(phases):
        return Match(component, "existing", 0)
    phase = int(np.bincount(phases).argmax())
    name, chosen = have.names[phase], here & (have.phase[..., 0] == phase)
    symmetry = have.symmetry.get(name)
    mean, spread = mean_orientation(have.matrices[..., 0, :, :][chosen], symmetry)
    share = np.count_nonzero(phases == phase) / len(phases)
    score = float(np.nanmean(have.score[..., 0][chosen]))
    others = np.bincount(np.delete(phases, phases == phase), minlength=1)
    second = have.names[int(others.argmax())] if share < 1 else None
    gap = float("nan") if len(have.names) == 1 else (share - others.max() / len(phases)) / share
    candidate = Candidate(name, mean, score, share, None, native_of(have.host, mean, score))
    return Match(
        component, "existing", int(chosen.sum()), name, mean, score, share, gap, second, None,
        bool(gap < 0.5), False, spread, (candidate,),
    )  # fmt: skip
