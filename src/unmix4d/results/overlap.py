"""Overlap: where two components are at the same position, which two, and on how much area."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.arrays import freeze, set_frozen_state
from ..core.messages import warn
from ..core.spelling import spelled
from ..core.tables import Table
from ..hosts import overlap_to_host
from ..maps.overlap import area_table, global_minmax, pair_table, two_largest
from ..maps.weight_errors import weight_errors
from ..plots import overlap as plots_overlap
from .background import say_if_grain, spread_components, with_grain
from .forms import SETTINGS, Arrays, Json, are_counts, are_numbers, require, within
from .saved import RESULTS, Answer, Form, savable, save

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["Overlap", "SCALES", "find_overlap"]


def _sound(overlap):
    k, scan = overlap.result.k, overlap.geometry.scan_shape
    require(overlap.weights.shape == (k, *scan) == (k, *overlap.ratio.shape), "the shape of the overlap")
    require(within(overlap.first, k) and within(overlap.second, k) and set(overlap.background) <= {*range(k)}, "a component")
    with np.errstate(invalid="ignore"):
        require(not ((overlap.ratio < 0) | (overlap.ratio > 1)).any(), "a ratio")
    levels = overlap.thresholds
    require(levels and list(levels) == sorted(set(levels)) and 0 < levels[0] and levels[-1] < 1, "the thresholds")


_FORM = Form(
    {
        "ratio": Arrays("f", ("scan",)), "first": Arrays("i", ("scan",)), "second": Arrays("i", ("scan",)),
        "thresholds": Json(are_numbers, tuple), "weights": Arrays("f", ("k", "scan")), "result": Answer(RESULTS),
        "background": Json(are_counts, tuple), "settings": SETTINGS,
    },
    lambda overlap: {"scan": overlap.ratio.shape, "k": len(overlap.weights)},
    _sound,
)  # fmt: skip


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class Overlap:
    """Overlap of components, from the two largest weights of every position (Cao 2025, Fig. 5).

    Attributes
    ----------
    ratio : ndarray (scan_row, scan_col)
        Second largest weight divided by the largest, 0 to 1, NaN where excluded or where fewer than two weights are
        significant (see ``min_weight`` of `unmix4d.Decomposition.overlap`). Read-only.
    first, second : ndarray of int (scan_row, scan_col)
        Components of the two weights, -1 where there is none. Read-only.
    thresholds : tuple of float
        Thresholds of the ratio for `areas` and figures, in ascending order.
    weights : ndarray (k, scan_row, scan_col)
        The weights that were compared: maps in intensity, maps from 0 to 1, or memberships. Read-only.
    result : Decomposition
        Result in which the overlap was found.
    background : tuple of int
        Components that were ignored.
    settings : dict
        Arguments with which the overlap was found.

    References
    ----------
    Cao et al., Digital Discovery 4 (2025) 3610, "Identification of crystallite overlapping region" and Fig. 5

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> wire = phantoms.bicrystal_in_vacuum(scan_shape=(24, 12), detector_shape=(40, 36), overlap=6, seed=0)
    >>> result = Unmix(wire.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
    >>> overlap = result.overlap(background="auto", thresholds=(0.2, 0.5))
    >>> overlap.ratio.shape, overlap.thresholds, overlap.area_unit
    ((24, 12), (0.2, 0.5), 'nm²')
    """

    ratio: np.ndarray
    first: np.ndarray
    second: np.ndarray
    thresholds: tuple
    weights: np.ndarray
    result: Any
    background: tuple = ()
    settings: dict = field(default_factory=dict)

    plot = plots_overlap.overlap
    save = save
    to_host = overlap_to_host
    plot_profile = plots_overlap.profile

    __setstate__ = set_frozen_state

    def __post_init__(self):
        freeze(self, ("ratio", "first", "second", "weights"))

    @property
    def geometry(self) -> ScanGeometry:
        """Shapes, masks and calibration of the scan."""
        return self.result.geometry

    def at(self, threshold: float) -> np.ndarray:
        """Return the positions at which the ratio is at least `threshold`.

        Parameters
        ----------
        threshold : float
            Any ratio between 0 and 1.

        Returns
        -------
        ndarray of bool (scan_row, scan_col)
            Mask of the overlap, False where the ratio is NaN.

        Raises
        ------
        ValueError, TypeError
            If `threshold` is not a number between 0 and 1.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
        >>> result = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
        >>> result.overlap().at(0.5).dtype.kind
        'b'
        """
        # A comparison with NaN is False, which is what is wanted.
        return self.ratio >= checks.fraction(threshold, "threshold")

    @cached_property
    def areas(self) -> Table:
        """One row per threshold, as a dict of columns that `pandas.DataFrame` takes; read-only.

        ``threshold``, ``n_positions``, ``area`` (in `area_unit`) and ``share`` of the positions that are not excluded.
        """
        return Table(area_table(self.ratio, self._kept, self.thresholds, self._area), {"area": self.area_unit})

    @cached_property
    def pairs(self) -> Table:
        """One row for every two components that are the largest somewhere, the most overlapping first; read-only.

        ``component``, ``partner``, ``n_positions`` and ``area`` where these are the two largest, ``n_above`` and
        ``area_above`` where their ratio is at least the lowest threshold, ``mean_ratio``.
        """
        columns = pair_table(self.ratio, self.first, self.second, self.thresholds[0], self._area)
        return Table(columns, dict.fromkeys(("area", "area_above"), self.area_unit))

    def to_dataframe(self, which: str = "pairs") -> Any:
        """Return `pairs` or `areas` as a pandas DataFrame, with units in the names of the columns.

        Parameters
        ----------
        which : {"pairs", "areas"}
            Table to convert.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
        >>> result = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
        >>> result.overlap().areas.headings  # the columns of result.overlap().to_dataframe("areas")
        ['threshold', 'n_positions', 'area (nm²)', 'share']
        """
        checks.choice(which, "which", ("pairs", "areas"))
        return (self.pairs if which == "pairs" else self.areas).to_dataframe()

    @property
    def area_unit(self) -> str:
        """Unit of the areas."""
        return f"{self.geometry.calibration.step_unit}²"

    def profile(self, start: tuple[int, int], stop: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return the weights of the positions along a straight line.

        Parameters
        ----------
        start, stop : (int, int)
            First and last position, (row, column).

        Returns
        -------
        dict of ndarray
            ``row``, ``col`` (n,), ``distance`` (n,) from the start in the unit of the scan, ``ratio`` (n,) and ``weights``
            (k, n). The values are not interpolated.

        Raises
        ------
        ValueError, TypeError
            If a position is outside the scan, or both are the same.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
        >>> result = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
        >>> sorted(result.overlap().profile((0, 0), (10, 10)))
        ['col', 'distance', 'ratio', 'row', 'weights']
        """
        from skimage.draw import line

        ends = [_position(value, name, self.geometry.scan_shape) for value, name in ((start, "start"), (stop, "stop"))]
        if ends[0] == ends[1]:
            raise ValueError(f"start and stop must be two positions, got {ends[0]} twice")
        row, col = line(*ends[0], *ends[1])
        step = self.geometry.calibration.step
        distance = np.hypot((row - row[0]) * step[0], (col - col[0]) * step[1])
        return {
            "row": row, "col": col, "distance": distance, "ratio": self.ratio[row, col], "weights": self.weights[:, row, col]
        }  # fmt: skip

    @property
    def _kept(self):
        return self.geometry.kept_positions.reshape(self.geometry.scan_shape)

    @property
    def _area(self):
        return float(np.prod(self.geometry.calibration.step))

    def __repr__(self):
        compared = len(self.weights) - len(self.background)
        scale, rule = self.settings.get("scale", "given weights"), self.settings.get("min_weight")
        lines = [f"<Overlap: of {compared} of {len(self.weights)} components, {scale}>"]
        two = np.count_nonzero(self._kept & np.isfinite(self.ratio)) / max(np.count_nonzero(self._kept), 1)
        lines.append(f"  a second weight in {100 * two:.3g} % of the positions (min_weight={rule!r})")
        table = self.areas
        parts = [f"{t:g}: {100 * s:.3g} %" for t, s in zip(table["threshold"], table["share"])]
        low = f"{table['area'][0]:.4g} {self.area_unit}"
        lines.append(f"  share of the positions from ratio {', '.join(parts)} ({low} from {self.thresholds[0]:g})")
        if len(self.pairs["component"]) and self.pairs["n_above"][0]:
            pair = f"{self.pairs['component'][0]} and {self.pairs['partner'][0]}"
            lines.append(f"  most of it between {pair}, {self.pairs['area_above'][0]:.4g} {self.area_unit}")
        if self.background:
            lines.append(f"  no partner: component {', '.join(map(str, self.background))}")
            lines += with_grain(self.settings)
        lines.append("  .ratio .first .second .areas .pairs .at(threshold) .profile(start, stop)")
        lines.append("  .plot() .plot_profile(start, stop) .to_dataframe() .to_host() .save(path)")
        return "\n".join(lines)


def _position(value, name, shape):
    try:
        row, col = value
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a position (row, column), got {value!r}") from None
    return (
        checks.count(row, f"the row of {name}", minimum=0, maximum=shape[0] - 1),
        checks.count(col, f"the column of {name}", minimum=0, maximum=shape[1] - 1),
    )


SCALES = ("intensity", "minmax")
_ERRORS = 3.0  # standard errors that a weight must be above zero (docs/details, benchmarks/overlap)
_ROUNDING = 1e-3  # of the maximum of a map: to what single precision gives it


def find_overlap(
    result: Any,
    *,
    thresholds: float | Sequence[float] = (0.75, 0.8, 0.85, 0.9, 0.95),
    background: int | Sequence[int] | str | None = "drop",
    scale: str = "intensity",
    min_weight: str | float | None = "noise",
) -> Overlap:
    """Find where two components overlap, by the ratio of the second largest to the largest weight (Cao 2025, Fig. 5).

    Parameters
    ----------
    thresholds : float or sequence of float
        Thresholds of the ratio for areas and figures, between 0 and 1. Those of the paper find positions with two nearly
        equal components; use lower ones for a thin crystal on a thick one.
    background : "drop", "keep", int, sequence of int, "auto" or None
        Components that are ignored, such as direct beam, amorphous support or vacuum. ``"drop"`` ignores components that are
        spread over the scan, as for `grains` (see `unmix4d.maps.is_spread`), unless fewer than two others are left;
        ``"auto"`` then raises an error. Merged components that are probably not grains (`no_grains`) are ignored too.
        ``"keep"`` or None uses all components. There is a warning for a background that may contain a grain.
    scale : {"intensity", "minmax"}
        Scale on which maps are compared. ``"intensity"`` is map times total of its pattern, i.e. the electrons of each
        component at the position. ``"minmax"`` scales all maps together from 0 to 1, as in the program of the authors;
        because NMF maps have a maximum of 1, this compares each component with its own strongest position. Memberships (of
        `fuzzy_cmeans`) are not scaled.
    min_weight : {"noise", None} or float
        Smallest significant weight. Without it, two weights within the noise would be nearly equal and count as an overlap.
        ``"noise"`` uses weights above three times their standard error (`unmix4d.maps.weight_errors`; for features, from
        their mean squared error) and above a thousandth of the maximum of the map. A number is a fraction of the maximum of
        the map. None or 0 uses all weights. Memberships have no errors, so for them ``"noise"`` is the same as None.

    Returns
    -------
    Overlap
        The overlap, with maps, areas and pairs.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, fewer than two components are left besides the background, or the result
        has negative components (svd, pca).

    References
    ----------
    Cao et al., Digital Discovery 4 (2025) 3610, "Overlapping estimation" and Fig. 5; use ``scale="minmax", min_weight=None``
    for the published form.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
    >>> overlap = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).overlap(thresholds=(0.25, 0.5))
    >>> overlap.at(0.5).shape, overlap.areas["threshold"].tolist()
    ((12, 12), [0.25, 0.5])
    """
    if result.meaning.signed_maps:
        raise ValueError(f"overlap needs components without negative values, which those of {result.method} have: use nmf")
    if result.k < 2:
        raise ValueError(f"overlap needs at least 2 components, got {result.k}")
    levels = _thresholds(thresholds)
    checks.choice(scale, "scale", SCALES)
    _check_rule(min_weight)
    apart, grains = _background(result, background)
    if result.k - len(apart) < 2:
        named = f" besides the background {list(apart)}" if apart else ""
        hint = ": name the background, or None" if isinstance(background, str) else ""
        raise ValueError(f"overlap needs at least 2 components{named}, got {result.k - len(apart)}{hint}")
    weights = _comparable(result, scale)
    ratio, first, second = two_largest(weights, present=_present(result, min_weight), background=apart)
    _say_if_none(ratio, levels[0], min_weight, apart)
    settings = {
        "thresholds": list(levels), "background": background, "scale": scale, "min_weight": min_weight,
        "grain_in_background": grains,
    }  # fmt: skip
    if result.meaning.memberships:
        settings["scale"] = "memberships"
    return Overlap(ratio, first, second, levels, weights, result, apart, settings)


def _say_if_none(ratio, lowest, min_weight, apart):
    """A warning where there is no overlap to be seen, and what to do about it."""
    known = ratio[np.isfinite(ratio)]
    if not (known > 0).any():
        named = f" besides the background {list(apart)}" if apart else ""
        weaker = "" if min_weight is None else f"; min_weight=None asks less than {min_weight!r}"
        warn(f"overlap found no position with two components that mean anything{named}{weaker}")
    elif known.max() < lowest:
        warn(
            f"overlap found no position at the lowest threshold {lowest:g}: the largest ratio is {known.max():.3g}, "
            "thresholds=... below that show where"
        )


def _thresholds(values):
    if isinstance(values, (str, bytes)):
        raise TypeError(f"thresholds must be numbers between 0 and 1, got {values!r}")
    try:
        entries = [checks.fraction(v, "each of thresholds") for v in np.atleast_1d(np.asarray(values, dtype=object)).ravel()]
    except (TypeError, ValueError) as error:
        raise type(error)(f"thresholds must be numbers between 0 and 1, got {values!r}: {error}") from None
    if not entries:
        raise ValueError("thresholds must be at least one number between 0 and 1, got none")
    return tuple(sorted(set(entries)))


def _check_rule(rule):
    if rule is None or (isinstance(rule, str) and rule == "noise"):
        return
    if isinstance(rule, (bool, np.bool_, str)) or not isinstance(rule, numbers.Real):
        raise TypeError(f"min_weight must be 'noise', None or a number from 0 to 1, got {rule!r}")
    if not 0 <= rule < 1:
        raise ValueError(f"min_weight must be from 0 to below 1 (a fraction of the map's maximum), got {rule}")


def _background(result, given):
    """Components that are not considered as partners, and those of them that may hold a grain."""
    if given is None:
        return (), []
    if not isinstance(given, str):
        entries = np.atleast_1d(np.asarray(given, dtype=object)).ravel()
        return tuple(sorted({checks.count(i, "background", minimum=0, maximum=result.k - 1) for i in entries})), []
    checks.choice(given, "background", ("drop", "keep", "auto"))
    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    maps = np.maximum(np.nan_to_num(result.maps), 0)
    if given == "keep":
        return (), []
    said = sorted({*result.settings.get("background", ()), *result.no_grains})
    if result.k - len(said) < 2:
        said = list(result.settings.get("background", ()))
    spread = [i for i in spread_components(maps, kept, range(result.k)) if i not in said]
    if given == "drop" and result.k - len(said) - len(spread) < 2:
        if spread:
            named = f"component {', '.join(map(str, spread))}"
            warn(
                f"overlap compares all components: beside {named}, spread over the scan as a background is, fewer than two "
                'are left; background="keep" says that it is none'
            )
        return tuple(said), []
    return tuple(sorted([*said, *spread])), say_if_grain(result, maps, kept, spread, "overlap")


def _comparable(result, scale):
    """Weights that can be compared: memberships are as they are, each map has a different scale."""
    if result.meaning.memberships:
        return result.maps
    if scale == "minmax":
        return global_minmax(result.maps)
    totals = np.nansum(result.patterns, axis=(1, 2))
    if (totals < 0).any():
        i = int(np.argmin(totals))
        raise ValueError(
            f"scale='intensity' needs patterns with a positive total, but that of component {i} is {totals[i]:.4g}: "
            "use scale='minmax', or nmf"
        )
    return result.intensities


def _present(result, rule):
    """Where each weight means anything, (k, scan_row, scan_col), or None for everywhere."""
    if rule is None or (result.meaning.memberships if isinstance(rule, str) else rule == 0):
        return None
    maps = np.nan_to_num(result.maps)
    top = maps.max(axis=(1, 2), keepdims=True)
    if not isinstance(rule, str):
        return maps > float(rule) * top
    return maps > np.maximum(_ERRORS * np.nan_to_num(_errors(result)), _ROUNDING * top)


def _errors(result):
    if result.features is not None:
        # What the maps were fitted to are the features; their error is known for all positions together.
        return weight_errors(result.maps, result.features, float(np.sqrt(result.loss)), counting=False)
    if result.residuals is None and result.source is None:
        raise ValueError(
            "min_weight='noise' needs the residuals of the fit, which this result does not hold: give a fraction of the "
            "map's maximum, or None"
        )
    # Patterns that have both signs are no expectation to go by.
    return weight_errors(result.maps, result.patterns, result.residual_map(), counting=not result.signed)
