"""Grains followed through several scans: where they begin, grow, move, split, merge and end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..core.arrays import freeze, set_frozen_state
from ..core.geometry import ScanGeometry
from ..core.series import values_of
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..core.units import is_calibrated
from ..maps.drift import drift_of
from ..maps.region_set import RegionSet
from ..maps.regions import grain_region, separate_regions
from ..maps.tracking import Piece, follow
from ..plots import tracks as plots_tracks
from ..storage.table_file import to_csv
from .align_scans import given_drift
from .background import spread_components
from .forms import Arrays, Field, Json, Record, are, are_counts, require, within
from .saved import Form, Geometry, savable, save
from .series import amounts_and_places, require_series

__all__ = ["GrainTracks", "track_grains"]

_BEGINS, _ENDS = ("there", "appears", "splits", "replaces"), ("there", "vanishes", "merges", "is replaced")


def _sound(tracks):
    regions, n = tracks.regions, len(tracks.begins)
    ends, places = regions.ends, regions.positions
    require(
        regions.scan_shape == tracks.geometry.scan_shape and len(tracks.values) == len(tracks.geometry.scans), "the shape"
    )
    require(ends[0] == 0 and ends[-1] == len(places) and (np.diff(ends) > 0).all(), "the size of a region")
    require(within(places, math.prod(regions.scan_shape), 0), "the positions of a region")
    require(within(tracks.grain, n, 0) and within(tracks.scan, len(tracks.values), 0), "the number of a grain or a scan")
    require(set(tracks.grain.tolist()) == {*range(n)} and within(tracks.component, len(tracks.names), 0), "a grain")
    require(set(tracks.begins) <= {*_BEGINS} and set(tracks.ends) <= {*_ENDS} and len(tracks.ends) == n, "a course")
    require(within(tracks.origin, n) and within(tracks.goes, n), "a course")


_REGIONS: dict[str, Field] = {
    "positions": Arrays("i", ("positions",)), "ends": Arrays("i", ("ends",)),
    "scan_shape": Json(lambda shape: are_counts(shape, 1), tuple),
}  # fmt: skip
_TEXTS = Json(lambda told: are(str, told), tuple)
_FORM = Form(
    {
        "regions": Record(RegionSet, _REGIONS), "grain": Arrays("i", ("regions",)), "scan": Arrays("i", ("regions",)),
        "component": Arrays("i", ("grains",)), "begins": _TEXTS, "origin": Arrays("i", ("grains",)), "ends": _TEXTS,
        "goes": Arrays("i", ("grains",)), "drift": Arrays("f", ("scans", "two")), "values": Arrays("f", ("scans",)),
        "label": Json(lambda told: isinstance(told, str)), "names": _TEXTS, "geometry": Geometry(),
    },
    lambda t: {
        "regions": len(t.regions), "positions": len(t.regions.positions), "ends": len(t.regions) + 1,
        "grains": len(t.component), "scans": len(t.values), "two": 2,
    },
    _sound,
)  # fmt: skip


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class GrainTracks:
    """The grains of several scans, each with one number in all of them, as `Decomposition.track_grains` gives them.

    Attributes
    ----------
    regions : RegionSet
        The pieces of all scans, as positions of the tall frame that holds them.
    grain, scan : ndarray of int (n_regions,)
        Which grain each of them is, and in which scan.
    component : ndarray of int (n_grains,)
    begins, ends : tuple of str (n_grains,)
        ``"there"`` (in the first, in the last scan), ``"appears"``, ``"splits"`` or ``"replaces"``; ``"there"``,
        ``"vanishes"``, ``"merges"`` or ``"is replaced"``.
    origin, goes : ndarray of int (n_grains,)
        The grain that it splits off or takes the place of, and the one that it merges into or is replaced by; -1: none.
    drift : ndarray (n_scans, 2)
        How far each scan lies from the first one, in positions along (row, column).
    values : ndarray (n_scans,)
        The number of each scan; of a signal with three navigation axes what its slowest axis says.
    label : str
        What they are.
    names : tuple of str
        Of the components.
    geometry : ScanGeometry

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(20, 20), detector_shape=(32, 32), dose=None, seed=0)
    >>> tracks = Unmix(film.data, centre=film[0].centre).fit(film[0].patterns).track_grains(min_size=4)
    >>> tracks.table["first"].tolist(), tracks.table["last"].tolist()
    ([0, 0, 0, 1, 2], [3, 1, 1, 3, 3])
    >>> tracks.ends[2], tracks.begins[4], int(tracks.origin[4])
    ('is replaced', 'replaces', 2)
    """

    regions: RegionSet
    grain: np.ndarray
    scan: np.ndarray
    component: np.ndarray
    begins: tuple[str, ...]
    origin: np.ndarray
    ends: tuple[str, ...]
    goes: np.ndarray
    drift: np.ndarray
    values: np.ndarray
    label: str
    names: tuple[str, ...]
    geometry: ScanGeometry

    plot = plots_tracks.tracks
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        freeze(self, ("grain", "scan", "component", "origin", "goes", "drift", "values"))

    def __len__(self) -> int:
        return len(self.component)

    @property
    def positions(self) -> np.ndarray:
        """How many positions each grain has in each scan (n_scans, n_grains)."""
        out = np.zeros((len(self.values), len(self)), int)
        np.add.at(out, (self.scan, self.grain), np.diff(self.regions.ends))
        return out

    def mask(self, grain: int, scan: int) -> np.ndarray:
        """Return where a grain is in one scan (scan_row, scan_col); False everywhere if the scan does not contain it.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.series(n_scans=4, scan_shape=(20, 20), detector_shape=(32, 32), dose=None, seed=0)
        >>> tracks = Unmix(film.data, centre=film[0].centre).fit(film[0].patterns).track_grains(min_size=4)
        >>> tracks.mask(0, 2).shape, int(tracks.mask(0, 2).sum()) == int(tracks.positions[2, 0])
        ((20, 20), True)
        """
        grain = checks.count(grain, "grain", minimum=0, maximum=len(self) - 1)
        scan = checks.count(scan, "scan", minimum=0, maximum=len(self.values) - 1)
        part, whole = self.geometry.scans[scan], np.zeros(self.geometry.scan_shape, bool)
        for i in np.flatnonzero((self.grain == grain) & (self.scan == scan)):
            whole.ravel()[self.regions[int(i)]] = True
        return whole[part.rows, part.cols]

    def _centres(self):
        """Mean position in the frame of the first scan (n_scans, n_grains, 2), NaN where it is not."""
        out = np.full((len(self.values), len(self), 2), np.nan)
        for i, (grain, scan) in enumerate(zip(self.grain, self.scan)):
            row, col = np.divmod(self.regions[i], self.geometry.scan_shape[1])
            out[scan, grain] = np.array([row.mean() - self.geometry.scans[scan].row, col.mean()]) - self.drift[scan]
        return out

    @property
    def table(self) -> Table:
        """One row per grain, as a dict of columns that `pandas.DataFrame` takes; read-only.

        ``grain``, ``component`` (and ``name``); ``first`` and ``last`` scan; ``begins`` and ``from``; ``ends`` and ``into``:
        grains, -1 for none; ``gaps``: scans between that have it not; ``positions`` in the scan where it is largest;
        ``growth``: positions from scan to scan, by a straight line; ``row``, ``col``: its middle when it is first seen, in
        the frame of the first scan; ``moved``: how far from there the middle is at the end, drift taken off, in the unit of
        the step or in positions.
        """
        size, middle = self.positions, self._centres()
        first = (size > 0).argmax(0)
        last = len(size) - 1 - (size[::-1] > 0).argmax(0)
        each, cal = np.arange(len(self)), self.geometry.calibration
        start, away = middle[first, each], (middle[last, each] - middle[first, each]) * np.asarray(cal.step)
        columns: dict[str, Any] = {"grain": range(len(self)), "component": self.component}
        if any(name != str(i) for i, name in enumerate(self.names)):
            columns["name"] = [self.names[i] for i in self.component]
        unit = f" ({cal.step_unit})" if is_calibrated(cal.step_unit) else ""
        return Table(columns | {
            "first": first, "last": last, "begins": self.begins, "from": self.origin, "ends": self.ends, "into": self.goes,
            "gaps": last - first + 1 - (size > 0).sum(0), "positions": size.max(0, initial=0), "growth": _growth(size),
            "row": start[:, 0], "col": start[:, 1], f"moved{unit}": np.hypot(*away.T),
        })  # fmt: skip

    def __repr__(self):
        n = len(self.values)
        lines = [f"<GrainTracks: {len(self)} grains in {n} scans>"]
        words = [(self.begins, ("appears", "splits", "replaces")), (self.ends, ("vanishes", "merges", "is replaced"))]
        told = [f"{told.count(word)} {word}" for told, known in words for word in known if word in told]
        stay = sum(b == e == "there" for b, e in zip(self.begins, self.ends))
        lines.append("  " + ", ".join([f"{stay} in the first and the last", *told]))
        most = self.drift[np.hypot(*self.drift.T).argmax()]
        lines.append(f"  drift up to ({most[0]:.2f}, {most[1]:.2f}) positions (row, col) from the first scan")
        lines.append("  .table .to_dataframe() .positions .mask(grain, scan) .drift .plot() .save(path)")
        return "\n".join(lines)


def _growth(size):
    out = np.zeros(size.shape[1])
    for i, here in enumerate(size.T):
        if (here > 0).sum() > 1:
            out[i] = np.polyfit(np.flatnonzero(here), here[here > 0], 1)[0]
    return out


def track_grains(
    result: Any, *, min_size: int = 10, drift: ArrayLike | None = None, gap: int = 1, background: str = "drop"
) -> GrainTracks:
    """Follow the grains of several scans from one to the next.

    A grain is a connected region of one component, as for `series`. It is the same in the next scan if, once the drift is
    taken off, the two regions have three tenths of the smaller one in common. A region that lies on a grain which went on
    elsewhere has split off it; a grain whose place another one of its component holds has merged into that; a grain of
    another component that begins in the place of one that has just ended replaces it, as a grain that rotates or transforms
    does.

    Parameters
    ----------
    min_size : int
        Smaller regions, in positions, are left out.
    drift : array_like (n_scans, 2), optional
        How far each scan lies from the first one, in positions along (row, column); by default it is measured on the maps.
        Where next to nothing is common to two scans it is taken to be none.
    gap : int
        In so many scans a grain may be missing and still be the same afterwards.
    background : {"drop", "keep"}
        Whether components that are spread over the scans, as an amorphous film is, or that were named as background by hand,
        have no grains.

    Returns
    -------
    GrainTracks

    Raises
    ------
    ValueError
        When the answer is of one scan, its components have both signs, or the drift is not of every scan.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(20, 20), detector_shape=(32, 32), dose=None, seed=0)
    >>> result = Unmix(film.data, centre=film[0].centre).fit(film[0].patterns)
    >>> tracks = result.track_grains(min_size=4)
    >>> len(tracks), bool(abs(tracks.drift).max() < 0.5)
    (5, True)
    """
    require_series(result, "track_grains")
    min_size, gap = checks.count(min_size, "min_size"), checks.count(gap, "gap", minimum=0)
    checks.choice(background, "background", ("drop", "keep"))
    geometry = result.geometry
    maps, present = amounts_and_places(result)
    present[list(result.no_grains)] = False
    if background == "drop":
        present[_background(result, maps)] = False
    moved = (
        drift_of([maps[:, p.rows, p.cols] for p in geometry.scans])
        if drift is None
        else given_drift(drift, len(geometry.scans))
    )
    regions: list[RegionSet] = []
    pieces: list[list[Piece]] = []
    scan: list[int] = []
    for i, part in enumerate(geometry.scans):
        pieces.append([])
        off = np.round(moved[i]).astype(int)
        for k, here in enumerate(present):
            own = np.zeros(geometry.scan_shape, bool)
            own[part.rows, part.cols] = here[part.rows, part.cols]
            found = separate_regions(own, min_size=min_size, connectivity=2)
            regions.append(found)
            scan += [i] * len(found)
            for places in found:
                row, col = np.divmod(places, geometry.scan_shape[1])
                pieces[-1].append(Piece(k, row - part.row - off[0], col - off[1]))
    grains, begins, ends = follow(pieces, gap)
    number = np.array([g for one in grains for g in one], int)
    component = np.zeros(len(begins), int)
    component[number] = [piece.component for one in pieces for piece in one]
    values, label = values_of(geometry, result.host)
    return GrainTracks(
        RegionSet.joined(regions, geometry.scan_shape), number, np.array(scan, int), component,
        tuple(link.how for link in begins), np.array([link.other for link in begins], int), tuple(link.how for link in ends),
        np.array([link.other for link in ends], int), moved, values, label, result.names, geometry,
    )  # fmt: skip


def _background(result, maps):
    named = result.settings.get("background")
    if named is not None:
        return named
    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    # One that took up a little of the film everywhere is still a grain where a scan shows it as one.
    parts = [(part.rows, part.cols) for part in result.geometry.scans]
    spread = spread_components(maps, kept, range(result.k))
    return [i for i in spread if not any(grain_region(maps[i][part], kept[part]).any() for part in parts)]
