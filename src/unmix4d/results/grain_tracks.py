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
    """Grains of several scans, each with the same number in all scans, as returned by `Decomposition.track_grains`.

    Attributes
    ----------
    regions : RegionSet
        The regions of all scans, as positions of the tall frame that contains the scans.
    grain, scan : ndarray of int (n_regions,)
        Grain and scan of each region.
    component : ndarray of int (n_grains,)
        Component of each grain.
    begins, ends : tuple of str (n_grains,)
        How each grain begins: ``"there"`` (in the first scan), ``"appears"``, ``"splits"`` or ``"replaces"``; and how it
        ends: ``"there"`` (in the last scan), ``"vanishes"``, ``"merges"`` or ``"is replaced"``.
    origin, goes : ndarray of int (n_grains,)
        Grain from which it splits or which it replaces, and grain into which it merges or by which it is replaced; -1 if
        there is none.
    drift : ndarray (n_scans, 2)
        Shift of each scan from the first one, in positions along (row, column).
    values : ndarray (n_scans,)
        Number of each scan, or the values of the slowest axis for a signal with three navigation axes.
    label : str
        Label of these values.
    names : tuple of str
        Names of the components.
    geometry : ScanGeometry
        Geometry of the scans.

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
        """Number of positions of each grain in each scan (n_scans, n_grains)."""
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
        """Read-only table with one row per grain, as a dict of columns for `pandas.DataFrame`.

        ``grain`` and ``component`` (and its ``name``); ``first`` and ``last``, the scans where it begins and ends;
        ``begins`` and ``from``, ``ends`` and ``into``, with the number of the other grain or -1; ``gaps``, the number of
        scans between in which it is missing; ``positions`` in the scan where it is largest; ``growth``, the change of
        positions from scan to scan, from a straight line; ``row`` and ``col``, its centre in the first scan that has it, in
        the frame of the first scan; ``moved``, the distance from there to its centre in the last one, after correction of
        the drift, in the unit of the step or in positions.
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
    """Follow the grains of several scans from one scan to the next.

    A grain is a connected region of one component, as for `series`. Two regions in successive scans are the same grain if,
    after correction of the drift, they share at least three tenths of the smaller one. A grain splits off another one if it
    lies on a grain that continues elsewhere. It merges if another grain of its component takes its place. It replaces a
    grain of another component if it begins where that one has just ended, as a grain that rotates or transforms does.

    Parameters
    ----------
    min_size : int
        Smallest size of a region, in positions. Smaller regions are ignored.
    drift : array_like (n_scans, 2), optional
        Shift of each scan from the first one, in positions along (row, column). By default it is measured on the maps, and
        is 0 between two scans that have next to nothing in common.
    gap : int
        Number of scans in which a grain may be missing and still be the same afterwards.
    background : {"drop", "keep"}
        Whether to ignore components that are spread over the scans, such as an amorphous film, or that you marked as
        background.

    Returns
    -------
    GrainTracks

    Raises
    ------
    ValueError
        If the result is of one scan, its components have both signs, or `drift` does not have a row for each scan.

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
