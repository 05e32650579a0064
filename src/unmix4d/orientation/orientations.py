"""Phase and orientation of every component, applied to the scan."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..core.arrays import set_frozen_state
from ..core.rows import pick
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..plots import orientation as plots_orientation
from ..results.saved import savable, save
from ..storage.table_file import to_csv
from .changes import REASONS
from .colours import colours, key
from .form import FORM
from .map_export import save_ang

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry
    from .record import Match
    from .sources import Painting

__all__ = ["Orientations"]

_OF_MATCHES = ("component", "source", "n_positions", "phase", "score", "fit", "gap", "second_phase", "ambiguous",
               "orientation_ambiguous", "ambiguity", "decided_by", "error_deg", "model_error", "spread_deg")  # fmt: skip
_NAMES = {"pyxem": "pyxem", "py4dstem": "py4DSTEM", "quantem": "quantem"}


@savable(FORM)
@spelled
@dataclass(frozen=True, eq=False)
class Orientations:
    """Orientations of k components and their positions, as returned by `Decomposition.index`.

    Attributes
    ----------
    host : {"pyxem", "py4dstem", "quantem"}
        Host whose matcher found them.
    matches : tuple of Match (k,)
        Phase, orientation and scores of every component, see `unmix4d.orientation.Match`.
    painting : Painting
        Components at every position, see `unmix4d.orientation.Painting`.
    geometry : ScanGeometry
        Shapes, masks and calibration of the scan.
    symmetry : dict
        {phase: proper rotations (m, 3, 3) of its Laue group}.
    phases : dict
        {phase: orix Phase, py4DSTEM Crystal with its orientation plan, or Crystal of quantem}.
    time_s : dict
        Run time of each part in seconds, including ``"total"``.
    settings : dict
        Arguments with which they were found.
    disagreement_deg : ndarray (scan_row, scan_col) or None
        From `unmix4d.merge_orientations`: misorientation between the existing map and the nearest orientation shown there.
    flagged : ndarray of bool (scan_row, scan_col) or None
        From `unmix4d.merge_orientations`: positions where that is too large.
    change : ndarray of int (scan_row, scan_col) or None
        For an existing map: number of the reason to change a position, 0 if there is none. `changes` has it in words.

    Notes
    -----
    Orientations are active rotations from the crystal (x along a, z along c*) to the frame (row, column, z = row x column),
    with z pointing against the electrons. They refer to the scan if the rotation between scan and detector is known,
    otherwise to the detector. Kinematical diffraction cannot distinguish a crystal from its inverse, and hardly a zone axis
    from its opposite.

    Examples
    --------
    `unmix4d.Decomposition.index` makes them from a simulation. What they hold, written down by hand:

    >>> import numpy as np
    >>> from unmix4d import Orientations
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> from unmix4d.orientation import Match, Painting, laue_rotations
    >>> first, none = np.array([[0, 0, -1]]), np.full((1, 3), -1)
    >>> painting = Painting(first, none, np.array([[0.9, 0.8, 0]]), np.zeros((1, 3)), first, (first >= 0)[None])
    >>> match, geometry = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), ScanGeometry((1, 3), (8, 8))
    >>> found = Orientations("pyxem", (match,), painting, geometry, {"silver": laue_rotations(np.eye(3))}, {"silver": None})
    >>> found.k, found.weight.tolist()
    (1, [[0.9, 0.8, 0.0]])
    """

    host: str
    matches: tuple
    painting: Painting
    geometry: ScanGeometry
    symmetry: dict
    phases: dict
    time_s: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    disagreement_deg: np.ndarray | None = None
    flagged: np.ndarray | None = None
    change: np.ndarray | None = None

    plot = plots_orientation.orientations
    save = save
    save_ang = save_ang
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        for holder, names in ((self.painting, ("first", "second", "weight", "second_weight", "grain", "present")),
                              (self, ("disagreement_deg", "flagged", "change"))):  # fmt: skip
            for name in names:
                if getattr(holder, name) is not None:
                    getattr(holder, name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.matches)

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    def __getitem__(self, key: Any) -> Any:
        """Return one `Match`, or a list of them."""
        return pick(key, self.k, "component", self.matches.__getitem__)

    @property
    def table(self) -> Table:
        """Read-only table with one row per component, as a dict of columns for `pandas.DataFrame`.

        It has the attributes of `unmix4d.orientation.Match`, with the orientation as a quaternion, ``quaternion_x`` to
        ``quaternion_w``. ``rival_deg`` is the angle to the rival and ``log_ratio`` that of the rival; NaN if there is none.
        """
        columns = {name: [getattr(match, name) for match in self.matches] for name in _OF_MATCHES}
        quaternions = np.array([match.quaternion for match in self.matches]).reshape(-1, 4)
        columns |= {f"quaternion_{name}": quaternions[:, i].tolist() for i, name in enumerate("xyzw")}
        for name, one in (("rival_deg", "away_deg"), ("log_ratio", "log_ratio")):
            columns[name] = [getattr(match.rival, one, math.nan) for match in self.matches]
        return Table(columns, {"spread_deg": "°", "error_deg": "°", "rival_deg": "°"})

    @property
    def changes(self) -> Table:
        """Positions where an existing map has another orientation, and why: row, col, component, away_deg, reason."""
        change = np.zeros(self.first.shape, int) if self.change is None else self.change
        row, col = np.nonzero(change)
        away = np.full(change.shape, np.nan) if self.disagreement_deg is None else self.disagreement_deg
        why = [REASONS[one] for one in change[row, col]]
        columns = {"row": row, "col": col, "component": self.first[row, col], "away_deg": away[row, col], "reason": why}
        return Table(columns, {"away_deg": "°"})

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.matches)

    @property
    def first(self) -> np.ndarray:
        """First component of each position, int (scan_row, scan_col); -1 if there is none."""
        return self.painting.first

    @property
    def second(self) -> np.ndarray:
        """Second component of each position if it is present too, int (scan_row, scan_col); -1 if there is none."""
        return self.painting.second

    @property
    def weight(self) -> np.ndarray:
        """Share of the first component in the intensity of each position; NaN where excluded."""
        return self.painting.weight

    @property
    def ambiguous(self) -> np.ndarray:
        """Components whose phase hardly fits better than the next one, boolean (k,)."""
        return np.array([match.ambiguous for match in self.matches], bool)

    @property
    def orientation_ambiguous(self) -> np.ndarray:
        """Components with another possible orientation, `Match.rival`, or not known to 2 degrees, boolean (k,)."""
        return np.array([match.orientation_ambiguous for match in self.matches], bool)

    @property
    def ambiguity(self) -> np.ndarray:
        """Probability that the rival of the first component is right (scan_row, scan_col); NaN if there is none.

        It only depends on the pattern of the component: 0.5 if nothing in it decides. For one component, use
        ``found[i].ambiguity``.
        """
        return np.array([match.ambiguity for match in self.matches] + [math.nan])[self.first]

    def matrices(self, which: str = "first") -> np.ndarray:
        """Return the orientation of every position as rotation matrices.

        Parameters
        ----------
        which : {"first", "second", "rival"}
            First or second component, or the other orientation of the first component where it is ambiguous.

        Returns
        -------
        ndarray (scan_row, scan_col, 3, 3)
            Active rotations, NaN if there is none.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import Orientations
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> from unmix4d.orientation import Match, Painting
        >>> first, none = np.array([[0, 0, -1]]), np.full((1, 3), -1)
        >>> painting = Painting(first, none, np.array([[0.9, 0.8, 0]]), np.zeros((1, 3)), first, (first >= 0)[None])
        >>> match, geometry = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), ScanGeometry((1, 3), (8, 8))
        >>> found = Orientations("pyxem", (match,), painting, geometry, {}, {"silver": None})
        >>> found.matrices().shape, np.isnan(found.matrices()).all((2, 3)).tolist()
        ((1, 3, 3, 3), [[False, False, True]])
        """

        checks.choice(which, "which", ("first", "second", "rival"))
        none = np.full((3, 3), np.nan)
        if which == "rival":
            rivals = [match.rival.matrix if match.two_possible else none for match in self.matches]
            return np.stack([*rivals, none])[self.first]
        return np.stack([match.matrix for match in self.matches] + [none])[getattr(self, which)]

    def quaternions(self, which: str = "first") -> np.ndarray:
        """Return the orientation of every position as quaternions (scan_row, scan_col, 4), scalar last as in SciPy.

        Takes the argument of `matrices`.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import Orientations
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> from unmix4d.orientation import Match, Painting
        >>> first, none = np.array([[0, 0, -1]]), np.full((1, 3), -1)
        >>> painting = Painting(first, none, np.array([[0.9, 0.8, 0]]), np.zeros((1, 3)), first, (first >= 0)[None])
        >>> match, geometry = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), ScanGeometry((1, 3), (8, 8))
        >>> Orientations("pyxem", (match,), painting, geometry, {}, {"silver": None}).quaternions()[0, 0].tolist()
        [0.0, 0.0, 0.0, 1.0]
        """
        from .symmetry import as_quaternion

        return as_quaternion(self.matrices(which))

    def properties(self) -> dict[str, np.ndarray]:
        """Return the properties of every position, each (scan_row, scan_col), as in the CrystalMap.

        ``component``, ``weight``, ``score`` (of the host), ``fit`` (0 to 1), ``phase_gap``, ``ambiguous`` and
        ``orientation_ambiguous`` (0 or 1), ``ambiguity`` (0 to 0.5), ``error_deg``, ``grain_id``, ``second_component``,
        ``second_weight``, ``second_score``; -1 or 0 if there is nothing. After `unmix4d.merge_orientations` also
        ``disagreement_deg`` and ``flagged``.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import Orientations
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> from unmix4d.orientation import Match, Painting
        >>> first, none = np.array([[0, 0, -1]]), np.full((1, 3), -1)
        >>> painting = Painting(first, none, np.array([[0.9, 0.8, 0]]), np.zeros((1, 3)), first, (first >= 0)[None])
        >>> match, geometry = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), ScanGeometry((1, 3), (8, 8))
        >>> known = Orientations("pyxem", (match,), painting, geometry, {}, {"silver": None}).properties()
        >>> known["component"].tolist(), known["fit"].tolist()
        ([[0, 0, -1]], [[0.9, 0.9, 0.0]])
        """

        def of(name, index, none=0.0):
            return np.array([getattr(match, name) for match in self.matches] + [none], float)[index]

        out = {
            "component": self.first, "weight": np.nan_to_num(self.weight), "score": of("score", self.first),
            "fit": of("fit", self.first), "phase_gap": of("gap", self.first, np.nan),
            "ambiguous": of("ambiguous", self.first).astype(int),
            "orientation_ambiguous": of("orientation_ambiguous", self.first).astype(int),
            "ambiguity": self.ambiguity, "error_deg": of("error_deg", self.first, np.nan), "grain_id": self.painting.grain,
            "second_component": self.second, "second_weight": np.nan_to_num(self.painting.second_weight),
            "second_score": of("score", self.second),
        }  # fmt: skip
        if self.disagreement_deg is not None and self.flagged is not None:
            out |= {"disagreement_deg": self.disagreement_deg, "flagged": self.flagged.astype(int)}
        return {name: np.array(values) for name, values in out.items()}

    @property
    def crystal_map(self) -> Any:
        """orix CrystalMap (pyxem only).

        It has two or more rotations per position, best first: that of the first component, its rival if it is ambiguous,
        that of the second component and its rival. ``rotations_listed`` is their number; the first is repeated to fill the
        rest. Rotations are those of pyxem's own ``to_crystal_map``. The properties are those of `properties`, and
        ``second_phase_id``. Positions where no component is present are not indexed; excluded ones are not in the data.

        Raises
        ------
        TypeError
            If the orientations were found with another host.
        """
        if self.host != "pyxem":
            raise TypeError(
                f"a CrystalMap needs orientations of pyxem, but these are of {_NAMES[self.host]}: use orientation_map"
            )
        from .match_pyxem import crystal_map

        return crystal_map(self, self.phases)

    @property
    def orientation_map(self) -> Any:
        """OrientationMap of py4DSTEM or quantem with two or more matches; {phase: OrientationMap} for several phases.

        Matches are listed best first: the first component, its rival if it is ambiguous, the second component and its
        rival. The correlation is 0 if there is none, or if the phase is another one. An OrientationMap of quantem contains
        orientations only, without peaks.

        Raises
        ------
        TypeError
            If the orientations were found with pyxem.
        """
        if self.host == "pyxem":
            raise TypeError(
                "an OrientationMap needs orientations of py4DSTEM or quantem, but these are of pyxem: use crystal_map"
            )
        from . import match_py4dstem, of_quantem

        if self.host == "quantem":
            maps = {name: of_quantem.native_map(self, name) for name in self.phases}
        else:
            maps = {name: match_py4dstem.orientation_map(self.matches, self.painting, name) for name in self.phases}
        return next(iter(maps.values())) if len(maps) == 1 else maps

    def to_host(self) -> Any:
        """Return `crystal_map` or `orientation_map`, depending on the host with which they were found.

        Examples
        --------
        >>> import numpy as np
        >>> from orix.crystal_map import Phase  # doctest: +SKIP
        >>> from unmix4d import Orientations
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> from unmix4d.orientation import Match, Painting, laue_rotations
        >>> first, none = np.array([[0, 0, -1], [0, 0, -1]]), np.full((2, 3), -1)
        >>> painting = Painting(first, none, np.ones((2, 3)), np.zeros((2, 3)), first, (first >= 0)[None])
        >>> match, cubic = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), {"silver": laue_rotations(np.eye(3))}
        >>> phases = {"silver": Phase("silver", point_group="m-3m")}  # doctest: +SKIP
        >>> found = Orientations("pyxem", (match,), painting, ScanGeometry((2, 3), (8, 8)), cubic, phases)  # doctest: +SKIP
        >>> type(found.to_host()).__name__  # doctest: +SKIP
        'CrystalMap'
        """
        return self.crystal_map if self.host == "pyxem" else self.orientation_map

    def direction_colours(self, directions: ArrayLike, phase: str) -> np.ndarray:
        """Return inverse pole figure colours (n, 3), RGB from 0 to 1, of Cartesian directions (n, 3) in a crystal.

        Examples
        --------
        >>> from unmix4d.orientation.orientations import Orientations
        >>> from unmix4d.orientation.colours import colours
        >>> colours([[0.0, 0.0, 2.0]], None, None).tolist()  # of a phase that nothing is known of
        [[0.0, 0.0, 1.0]]
        """
        checks.choice(phase, "phase", tuple(self.phases))
        return colours(directions, self.phases[phase], self.symmetry.get(phase))

    def colour_key(self, phase: str) -> Any:
        """Return the colour key of a phase: image, extent and labels, see `unmix4d.orientation.colours.key`.

        Examples
        --------
        >>> from unmix4d.orientation.colours import key
        >>> key(None, None, size=50)[0].shape
        (50, 50, 4)
        """
        checks.choice(phase, "phase", tuple(self.phases))
        return key(self.phases[phase], self.symmetry.get(phase))

    def __repr__(self):
        indexed = [match for match in self.matches if match.matched]
        kept = np.count_nonzero(self.geometry.kept_positions)
        lines = [f"<Orientations: {len(indexed)} of {self.k} components indexed with {self.host}>"]
        for name in self.phases:
            mine = [match.component for match in indexed if match.phase == name]
            lines.append(f"  {name}: component {', '.join(map(str, mine)) or '-'}")
        for what in ("indexed", "painted"):
            if left := self.settings.get(f"not_{what}"):
                lines.append(f"  rather no grain, or not asked for, not {what}: component {', '.join(map(str, left))}")
        painted = 100 * np.count_nonzero(self.first >= 0) / max(kept, 1)
        shared = 100 * np.count_nonzero(self.second >= 0) / max(kept, 1)
        lines.append(f"  painted at {painted:.3g} % of the positions, a second one at {shared:.3g} %")
        for what, which in (("phase", self.ambiguous), ("orientation", self.orientation_ambiguous)):
            if which.any():
                lines.append(f"  {what} ambiguous: component {', '.join(map(str, np.flatnonzero(which)))}")
        for by in ("neighbours", "tilt"):
            decided = [match.component for match in self.matches if match.decided_by == by]
            if decided:
                lines.append(f"  decided by {by}: component {', '.join(map(str, decided))}")
        if self.flagged is not None:
            lines.append(f"  the existing map disagrees at {np.count_nonzero(self.flagged)} positions")
        if self.change is not None:
            counts = np.bincount(self.change.ravel(), minlength=len(REASONS))
            said = [f"{n} {why}" for n, why in zip(counts[1:], REASONS[1:]) if n]
            lines.append(f"  it would change at {counts[1:].sum()}{': ' if said else ''}{', '.join(said)} (.changes)")
        known = self.geometry.calibration.rotation_deg is not None
        lines.append(f"  in the frame of the {'scan' if known else 'detector (its rotation against the scan is unknown)'}")
        if "total" in self.time_s:
            lines.append(f"  {self.time_s['total']:.2g} s")
        lines.append("  .matches .first .second .weight .matrices() .properties() .to_dataframe() .to_host() .plot()")
        return "\n".join(lines)
