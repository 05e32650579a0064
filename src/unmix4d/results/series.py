"""Amounts of each component in each of several scans: where it begins, grows and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import checks
from ..core.arrays import freeze, set_frozen_state
from ..core.series import require_several, values_of
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..maps.regions import NOISE, OUTLIERS, above_threshold, separate_regions
from ..plots import series as plots_series
from ..storage.table_file import to_csv
from .forms import Arrays, Json, are, require
from .saved import Form, savable, save

__all__ = ["Series", "amounts_and_places", "require_series", "series_of"]

_LEAK = 0.2  # of the largest value of a map, below which it is no sign of a component; no table
_FAINT = 0.1  # of its largest share, below which a component without a place of its own counts as gone; no table


def _sound(series):
    require(len(series.names) == series.share.shape[1], "the names of the components")


_EACH = ("n", "k")
_FORM = Form(
    {
        "share": Arrays("f", _EACH), "positions": Arrays("i", _EACH), "present": Arrays("b", _EACH),
        "values": Arrays("f", ("n",)), "label": Json(lambda told: isinstance(told, str)),
        "names": Json(lambda told: are(str, told), tuple),
    },
    lambda series: {"n": len(series.share), "k": series.share.shape[1]},
    _sound,
)  # fmt: skip


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class Series:
    """Amounts of the components in several scans, as returned by `Decomposition.series`.

    Attributes
    ----------
    share : ndarray (n_scans, k)
        Share of each component in the intensity of a scan, which does not depend on the dose. NaN for a scan without
        intensity.
    positions : ndarray of int (n_scans, k)
        Number of positions where a component is present, in regions that are large enough.
    present : ndarray of bool (n_scans, k)
        Whether a component is present in a scan.
    values : ndarray (n_scans,)
        Number of each scan, or the values of the slowest axis for a signal with three navigation axes.
    label : str
        Label of these values.
    names : tuple of str
        Names of the components.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), dose=None, seed=0)
    >>> series = Unmix(film.data, centre=film[0].centre).fit(film[0].patterns).series(min_size=3)
    >>> series.table["onset"].tolist(), series.table["end"].tolist()
    ([0, 0, 1, 0, 0, 2], [3, 3, 3, 1, 1, 3])
    """

    share: np.ndarray
    positions: np.ndarray
    present: np.ndarray
    values: np.ndarray
    label: str
    names: tuple[str, ...]

    plot = plots_series.amounts
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        freeze(self, ("share", "positions", "present", "values"))

    @property
    def table(self) -> Table:
        """Read-only table with one row per component, as a dict of columns for `pandas.DataFrame`.

        ``onset`` and ``end`` are the first and the last scan in which the component is present, -1 if there is none.
        ``gaps`` is the number of scans between them in which it is not present. ``largest`` is the scan with the largest
        share, and ``positions`` is the number of positions in that scan. ``growth`` is the change of positions from scan to
        scan, from a straight line through the scans in which it is present. ``course`` is "stays", "appears", "vanishes",
        "comes and goes" or "never".
        """
        n, ever = len(self.values), self.present.any(0)
        onset = np.where(ever, self.present.argmax(0), -1)
        end = np.where(ever, n - 1 - self.present[::-1].argmax(0), -1)
        columns: dict[str, Any] = {"component": range(self.share.shape[1])}
        if any(name != str(i) for i, name in enumerate(self.names)):
            columns["name"] = self.names
        largest = np.nan_to_num(self.share).argmax(0)
        return Table(columns | {
            "course": [_course(a, b, n) for a, b in zip(onset, end)], "onset": onset, "end": end,
            "gaps": np.where(ever, end - onset + 1 - self.present.sum(0), 0), "largest": largest,
            "positions": self.positions[largest, np.arange(len(largest))], "growth": self._growth(),
        })  # fmt: skip

    def _growth(self):
        out = np.zeros(self.share.shape[1])
        for i, there in enumerate(self.present.T):
            if there.sum() > 1:
                out[i] = np.polyfit(np.flatnonzero(there), self.positions[there, i], 1)[0]
        return out

    def __repr__(self):
        lines, table = [f"<Series: {self.share.shape[1]} components in {len(self.values)} scans>"], self.table
        for i, name in enumerate(self.names):
            when = "" if table["onset"][i] < 0 else f", scan {table['onset'][i]} to {table['end'][i]}"
            lines.append(f"  {name}: {table['course'][i]}{when}, {table['growth'][i]:+.3g} positions a scan")
        lines.append("  .table .to_dataframe() .share .positions .present .plot() .save(path)")
        return "\n".join(lines)


def _course(onset, end, n):
    if onset < 0:
        return "never"
    words = {(True, True): "stays", (False, True): "appears", (True, False): "vanishes"}
    return words.get((bool(onset == 0), bool(end == n - 1)), "comes and goes")


def series_of(result: Any, *, min_size: int = 10) -> Series:
    """Compute how much of each component is in each of several scans, and where it begins and ends.

    A component is present in a scan if it is above the threshold of its map over all scans, as for grains, and above a fifth
    of its largest value, in at least `min_size` connected positions. A component that is the same everywhere is present if
    it has a tenth of its largest share.

    Parameters
    ----------
    min_size : int
        Smallest size of a connected region, in positions.

    Returns
    -------
    Series

    Raises
    ------
    ValueError
        If the result is of one scan, or its components have both signs.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    >>> result = Unmix(film.data, centre=film[0].centre).nmf(6, random_state=0)
    >>> result.series().share.shape
    (4, 6)
    """
    require_series(result, "series")
    geometry, min_size = result.geometry, checks.count(min_size, "min_size")
    maps, above = amounts_and_places(result)
    kept = geometry.kept_positions.reshape(geometry.scan_shape)
    totals = np.where(kept, 1.0, 0.0) if result.meaning.memberships or result.totals is None else result.totals
    share = np.stack([_share(maps, totals, part) for part in geometry.scans])
    positions = np.array([[_in_pieces(one[part.rows, part.cols], min_size) for one in above] for part in geometry.scans])
    # What is the same everywhere has no threshold.
    even = ~above.any((1, 2))
    present = np.where(even, share > _FAINT * np.nanmax(share, axis=0, initial=0), positions > 0)
    values, label = values_of(geometry, result.host)
    return Series(share, positions, present, values, label, result.names)


def require_series(result: Any, what: str) -> None:
    """Raise ValueError if the result is of one scan, or its components are not amounts."""
    require_several(result.geometry, what)
    if result.signed:
        raise ValueError(f"{what} needs components that are amounts, but those of {result.method} have both signs")


def amounts_and_places(result: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps of all scans in amounts, and where each is above its threshold (both k, scan_row, scan_col)."""
    geometry = result.geometry
    maps = result.maps if result.meaning.memberships else result.intensities
    kept = geometry.kept_positions.reshape(geometry.scan_shape)
    above = above_threshold(np.nan_to_num(maps), kept, outliers=OUTLIERS, noise=NOISE)
    # What takes a little of a component in every scan, as noise and like patterns do, is no sign of it.
    above &= np.nan_to_num(maps) > _LEAK * np.nanmax(maps, axis=(1, 2), keepdims=True)
    return maps, above


def _share(maps, totals, part):
    total = float(np.nansum(totals[part.rows, part.cols]))
    amount = np.nansum(maps[:, part.rows, part.cols], axis=(1, 2), dtype=np.float64)
    return amount / total if total > 0 else np.full(len(maps), np.nan)


def _in_pieces(there, min_size):
    return int(sum(len(one) for one in separate_regions(there, min_size=min_size)))
