"""Grains: the spatially separate regions of the maps, found by threshold, connection and size, with a calibrated table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import checks
from ..core.arrays import read_only, set_frozen_state
from ..core.messages import warn
from ..core.rows import pick
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..core.units import PIXELS, convert, is_calibrated, parse_length
from ..hosts import grains_to_host
from ..maps.region_set import RegionSet
from ..maps.regions import NOISE, OUTLIERS, above_threshold, check_rule, separate_regions
from ..maps.shapes import shape_of_positions
from ..plots import grains as plots_grains
from ..storage.table_file import to_csv
from .background import say_if_grain, spread_components, with_grain
from .data_of_a_result import linked_matrix
from .forms import SETTINGS, Arrays, Field, Json, Record, are_counts, require, within
from .parts import Grain
from .rather_grains import rather_grains
from .region_means import region_means
from .saved import RESULTS, Answer, Form, savable, save

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["COLUMNS", "Grains", "find_grains"]


def _sound(grains):
    regions, k, shape = grains.regions, grains.result.k, grains.geometry.scan_shape
    ends, places = regions.ends, regions.positions
    require(tuple(regions.scan_shape) == shape and len(grains.components) == len(regions), "the shape of the grains")
    require(ends[0] == 0 and ends[-1] == len(places) and (np.diff(ends) > 0).all(), "the size of a grain")
    rising = np.diff(places) > 0
    rising[ends[1:-1] - 1] = True  # from one grain to the next
    require(within(places, math.prod(shape), 0) and rising.all(), "the positions of a grain")
    require(grains._kept.ravel()[places].all(), "the positions of a grain")
    require(within(grains.components, k, 0) and set(grains.background) <= {*range(k)}, "a component")


_REGIONS: dict[str, Field] = {
    "positions": Arrays("i", ("positions",)), "ends": Arrays("i", ("ends",)),
    "scan_shape": Json(lambda shape: are_counts(shape, 1), tuple),
}  # fmt: skip
_FORM = Form(
    {
        "regions": Record(RegionSet, _REGIONS), "components": Arrays("i", ("n",)), "result": Answer(RESULTS),
        "background": Json(are_counts, tuple), "settings": SETTINGS,
    },
    lambda grains: {"n": len(grains), "ends": len(grains) + 1, "positions": len(grains.regions.positions)},
    _sound,
)  # fmt: skip


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class Grains:
    """Grains of a scan, one per spatially separate region of a map (Bruefach 2022), sorted by component, then by size.

    Attributes
    ----------
    regions : RegionSet
        Positions of each grain, or a stack of masks (n, scan_row, scan_col). Grains of different components may overlap;
        each has all its positions. `mask` and `masks` are computed from it.
    components : ndarray of int (n,)
        Component of each grain.
    result : Decomposition
        Result in which the grains were found.
    background : tuple of int
        Components that are spread over the whole scan (see `unmix4d.maps.is_spread`). With ``background="drop"`` they have
        no grains.
    settings : dict
        Arguments with which the grains were found.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains(min_size="40 nm^2")
    >>> len(grains), grains.masks.shape, grains.units["area"]
    (3, (3, 24, 20), 'nm²')
    >>> bool((grains.table["area"] > 400).all())
    True
    """

    regions: RegionSet
    components: np.ndarray
    result: Any
    background: tuple = ()
    settings: dict = field(default_factory=dict)

    to_host = grains_to_host
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv
    plot = plots_grains.grains
    plot_sizes = plots_grains.grain_sizes

    __setstate__ = set_frozen_state

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "masks"}

    def __post_init__(self):
        if not isinstance(self.regions, RegionSet):
            object.__setattr__(self, "regions", RegionSet.from_masks(self.regions))
        object.__setattr__(self, "components", read_only(self.components, int))

    def __len__(self) -> int:
        return len(self.regions)

    def __iter__(self) -> Iterator[Grain]:
        return (self._grain(i) for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """One `Grain`, or a list of them."""
        return pick(key, len(self), "grain", self._grain)

    def _grain(self, i):
        return Grain(**self.table.row(i), mask=self.regions.mask(i))

    @cached_property
    def masks(self) -> np.ndarray:
        """All masks, bool (n, scan_row, scan_col), read-only: grains times positions, computed on first use.

        Of thousands of grains on a large scan that is much (7400 on 256 x 256 positions: 485 MB): take `mask` one by one.
        """
        stack = self.regions.stack()
        stack.setflags(write=False)
        return stack

    def mask(self, i: int) -> np.ndarray:
        """Return the mask of one grain.

        Parameters
        ----------
        i : int
            Number of the grain in the table.

        Returns
        -------
        ndarray of bool (scan_row, scan_col)
            True inside the grain.

        Raises
        ------
        ValueError, TypeError
            If there is no grain with this number.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains()
        >>> bool(grains.mask(1).sum() == grains.table["n_positions"][1])
        True
        """
        if len(self) == 0:
            raise ValueError(f"there is no grain {i!r}: these are 0 grains")
        return self.regions.mask(checks.count(i, "i", minimum=0, maximum=len(self) - 1))

    @property
    def geometry(self) -> ScanGeometry:
        """Shapes, masks and calibration of the scan."""
        return self.result.geometry

    @cached_property
    def table(self) -> Table:
        """One row per grain, as a dict of columns that `pandas.DataFrame` takes; read-only. The units are in `units`.

        ``grain``, ``component`` (and its ``name``, where components have some), ``n_positions``, ``area``,
        ``equivalent_diameter``, ``feret_max``, ``feret_min``,
        ``centroid_row``, ``centroid_col``, ``major_axis``, ``minor_axis``, ``orientation_deg``, ``eccentricity`` (all as in
        `unmix4d.maps.region_shape`), ``mean_weight`` (mean intensity, map x total of its pattern), ``overlap`` (share of its
        positions where another grain is present too) and ``touches_edge`` (it reaches the edge of the scan or an excluded
        position: its size is a lower limit).
        """
        calibration, regions = self.geometry.calibration, self.regions
        at = calibration.step, calibration.scan_origin
        shapes = [shape_of_positions(*regions.coordinates(i), *at) for i in range(len(self))]
        shared, edge = self.count.ravel() > 1, edge_positions(self._kept).ravel()
        named = any(self.result.settings.get("names", ()))
        return Table({
            "grain": np.arange(len(self)),
            "component": self.components,
            **({"name": [self.result.names[i] for i in self.components]} if named else {}),
            "n_positions": regions.sizes,
            **{name: np.array([shape[name] for shape in shapes], float) for name in _SHAPE},
            "mean_weight": regions.means(self.intensities),
            "overlap": regions.means(shared[regions.positions]),
            "touches_edge": regions.means(edge[regions.positions]) > 0,
        }, self.units)  # fmt: skip

    @property
    def units(self) -> dict[str, str]:
        """Unit of each column of the table, an empty string if it has none."""
        unit = self.geometry.calibration.step_unit
        known = {"area": f"{unit}²", "orientation_deg": "°", **dict.fromkeys(_LENGTHS, unit)}
        return {name: known.get(name, "") for name in COLUMNS}

    @cached_property
    def count(self) -> np.ndarray:
        """How many grains are present at each position, int (scan_row, scan_col), -1 where excluded; read-only."""
        return read_only(np.where(self._kept, self.regions.count(), -1))

    @property
    def weights(self) -> np.ndarray:
        """Intensity of each grain (n, scan_row, scan_col): that of its component, 0 outside the grain, NaN where excluded.

        Like `masks`, this array of grains times positions is computed on each access.
        """
        values, regions = self.intensities, self.regions
        out = np.zeros((len(self), *self.geometry.scan_shape), values.dtype)
        out.reshape(len(self), math.prod(self.geometry.scan_shape))[regions.owners, regions.positions] = values
        out[:, ~self._kept] = np.nan
        return out

    @property
    def intensities(self) -> np.ndarray:
        """Intensity at every position of every grain, one number for each of ``regions.positions``."""
        result, of = self.result, self.components[self.regions.owners]
        maps = result.maps.reshape(result.k, math.prod(self.geometry.scan_shape))
        return maps[of, self.regions.positions] * np.nansum(result.patterns, axis=(1, 2))[of]

    @property
    def _kept(self):
        return self.geometry.kept_positions.reshape(self.geometry.scan_shape)

    def labels(self) -> np.ndarray:
        """Return the strongest grain of every position, by intensity.

        Returns
        -------
        ndarray of int (scan_row, scan_col)
            Number of the grain, -1 where there is no grain or the position is excluded.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> result = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
        >>> grains = result.grains(threshold=0.5)
        >>> grains.labels().shape, int(grains.labels().max())
        ((24, 20), 2)
        """
        best = np.full(math.prod(self.geometry.scan_shape), -np.inf)
        labels = np.full(best.shape, -1)
        values = np.split(self.intensities, self.regions.ends[1:-1])
        for i, (region, intensity) in enumerate(zip(self.regions, values)):
            stronger = intensity > best[region]
            best[region[stronger]] = intensity[stronger]
            labels[region[stronger]] = i
        return labels.reshape(self.geometry.scan_shape)

    def mean_patterns(self, single: bool = False) -> np.ndarray:
        """Average the measured patterns of each grain, in one pass over the scan.

        Parameters
        ----------
        single : bool
            If True, use only positions at which this grain alone is present. Read structure from these patterns (Bruefach
            2022).

        Returns
        -------
        ndarray (n, det_row, det_col)
            Mean patterns, NaN for a grain without such a position and at excluded pixels.

        Raises
        ------
        ValueError
            If the result was loaded without its data.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> result = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
        >>> grains = result.grains(threshold=0.5)
        >>> grains.mean_patterns().shape == (len(grains.table["component"]), 48, 44)
        True
        """
        matrix = linked_matrix(self.result, "mean_patterns")
        alone = self.count.ravel()[self.regions.positions] == 1
        regions = self.regions.where(alone) if single else self.regions
        return self.geometry.to_images(region_means(matrix, self._on_matrix(regions)))

    def dissimilarity(self) -> np.ndarray:
        """Compute how much the measured patterns of each grain differ from their mean.

        This is the score of Bruefach 2022 (eq. 6, with the absolute value that is missing there) for data without a known
        truth. It is 0 if all patterns are equal up to a factor. It increases with the noise and the number of pixels, so
        only compare values of the same scan. It takes two or more passes over the scan. See `unmix4d.scores.dissimilarity`.

        Returns
        -------
        ndarray of float64 (n,)

        Raises
        ------
        ValueError
            If the result was loaded without its data.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> result = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0)
        >>> grains = result.grains(threshold=0.5)
        >>> grains.dissimilarity().shape
        (3,)
        """
        from ..scores import matrix_dissimilarity

        matrix = linked_matrix(self.result, "dissimilarity")
        return matrix_dissimilarity(matrix, self._on_matrix(self.regions, np.maximum(self.intensities, 0)))

    def _on_matrix(self, regions, values=None):
        """Grains as sparse columns over the rows of a matrix of the scan."""
        return regions.matrix(values)[:, np.flatnonzero(self._kept)].T.tocsc()

    def __repr__(self):
        cut, shared = self.table["touches_edge"], self.count > 1
        components = len(set(self.components.tolist()))
        lines = [f"<Grains: {len(self)} in {components} of {self.result.k} components>"]
        if len(self):
            unit = self.geometry.calibration.step_unit
            size = self.table["equivalent_diameter"]
            low, middle, high = np.min(size), np.median(size), np.max(size)
            lines.append(f"  equivalent diameter {low:.3g} to {high:.3g} {unit}, median {middle:.3g} {unit}")
            positions = np.count_nonzero(self._kept)
            lines.append(
                f"  present in {100 * np.count_nonzero(self.count > 0) / positions:.3g} % of the positions, two or more in "
                f"{100 * np.count_nonzero(shared) / positions:.3g} %; {np.count_nonzero(cut)} cut by an edge"
            )
        others = sorted({*self.result.no_grains} - {*self.settings.get("components", ())})
        if others:
            lines.append(
                f"  probably not grains, not used: component {', '.join(self.result.names[i] for i in others)} (no_grains)"
            )
        without = sorted(set(self.settings.get("components", ())) - {*self.components.tolist(), *self.background})
        if without:
            named, least = ", ".join(self.result.names[i] for i in without), self.settings.get("min_positions")
            lines.append(f"  no region of {least} positions or more (min_size) in component {named}")
        if self.background:
            named = ", ".join(self.result.names[i] for i in self.background)
            dropped = self.settings.get("background") == "drop"
            what = 'taken as background, without grains (background="keep" makes some)' if dropped else "kept"
            said = set(self.result.settings.get("background", ()))
            lines.append(f"  {'background' if said else 'spread over the scan'}: component {named}, {what}")
            lines += with_grain(self.settings)
        lines.append("  .table .mask(i) .masks .labels() .count .mean_patterns() .plot() .plot_sizes()")
        lines.append("  .to_dataframe() .to_host() .to_csv(path) .save(path)")
        return "\n".join(lines)


def find_grains(
    result: Any,
    *,
    min_size: int | str = 10,
    threshold: str | float = "yen",
    connectivity: int = 1,
    fill_holes: int = 0,
    opening: int = 0,
    background: str = "drop",
    components: Sequence[int] | None = None,
) -> Grains:
    """Find grains: the spatially separate regions of the maps (Bruefach 2022, "spatial refinement").

    Parameters
    ----------
    min_size : int or str
        Size of the smallest grain, a number of positions or an area such as ``"25 nm^2"``. The paper uses 10 positions for
        its measured scan and 25 for the simulated ones.
    threshold : {"yen", "otsu", "li"} or float
        Threshold of the map above which a component is present: Yen's criterion as in the paper, Otsu's, Li's, or a fraction
        of the maximum of the map. Yen's criterion includes the soft edge of a grain, Otsu's cuts at half of it, and Li's is
        in between.
    connectivity : {1, 2}
        With 1, positions that share an edge are connected; with 2, also those that share a corner, for narrow grains that
        cross the scan diagonally (but noise is then connected too).
    fill_holes : int
        Size of the largest holes that are filled, in positions.
    opening : int
        Radius, in positions, of a diamond with which every region is opened first. This removes bridges and specks, but also
        corners.
    background : {"drop", "keep"}
        What to do with components that are marked by `Decomposition.background`, or that are spread over the whole scan,
        such as a background, amorphous support or the direct beam (see `unmix4d.maps.is_spread`). With ``"drop"`` they have
        no grains, with ``"keep"`` one grain per region. They are always listed in `Grains.background`. There is a warning
        for a background that may contain a grain, and it is listed in ``.settings["grain_in_background"]``.
    components : sequence of int, optional
        Components to use. By default all; for merged components, those that are probably grains (see `no_grains`).

    Returns
    -------
    Grains
        The grains and their table.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or the result has negative components (svd, pca).

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains(threshold=0.5)
    >>> grains.table["component"], grains.labels().shape
    (array([0, 1, 2]), (24, 20))
    """
    geometry = result.geometry
    if result.meaning.signed_maps:
        raise ValueError(f"grains needs components that are crystals, but those of {result.method} have both signs: use nmf")
    rule = check_rule(threshold)
    least = _positions(min_size, geometry.calibration)
    checks.count(connectivity, "connectivity", minimum=1, maximum=2)
    fill_holes = checks.count(fill_holes, "fill_holes", minimum=0)
    opening = checks.count(opening, "opening", minimum=0, maximum=max(geometry.scan_shape))
    checks.choice(background, "background", ("drop", "keep"))
    chosen = rather_grains(components, result)
    kept = geometry.kept_positions.reshape(geometry.scan_shape)
    maps = np.maximum(np.nan_to_num(result.maps), 0)  # ICA maps have noise below zero
    said = [i for i in chosen if i in result.settings.get("background", ())]
    spread = [i for i in spread_components(maps, kept, chosen) if i not in said]
    apart = sorted({*said, *spread})
    regions, numbers = [], []
    for i in chosen:
        if i in apart and background == "drop":
            continue
        outliers = min(OUTLIERS, least - 1)
        present = above_threshold(maps[i : i + 1], kept, rule=rule, outliers=outliers, noise=NOISE)[0]
        found = separate_regions(
            present, min_size=least, connectivity=connectivity, fill_holes=fill_holes, opening=opening, kept=kept
        )
        regions.append(found)
        numbers += [i] * len(found)
    settings = {
        "min_size": min_size, "min_positions": least, "threshold": rule, "connectivity": int(connectivity),
        "fill_holes": fill_holes, "opening": opening, "background": background, "components": chosen,
    }  # fmt: skip
    if background == "drop":
        settings["grain_in_background"] = say_if_grain(result, maps, kept, spread, "grains")
    joined = RegionSet.joined(regions, geometry.scan_shape)
    if len(joined) == 0:
        dropped = len(apart) if background == "drop" else 0
        warn("grains found none: " + _why_none(maps[chosen], kept, rule, least, opening, dropped))
    return Grains(joined, np.array(numbers, int), result, tuple(apart), settings)


def _why_none(maps, kept, rule, least, opening, dropped):
    """Why there is no grain, and what to do about it."""
    if dropped == len(maps):
        return 'every component is spread over the scan and taken for background: background="keep" cuts them, too'
    present = above_threshold(maps, kept, rule=rule, outliers=min(OUTLIERS, least - 1), noise=NOISE)
    largest = max((int(separate_regions(image).sizes.max(initial=0)) for image in present), default=0)
    if largest == 0:
        return "no map has a position above its threshold, as it is constant or zero: look at plot() of the result"
    opened = " and the opening" if opening else ""
    return (
        f"the largest region above the threshold has {largest} position{'s' * (largest > 1)}, and min_size{opened} leaves "
        f"none of fewer than {least}: lower min_size{opened}, or take another threshold"
    )


_AREA = re.compile(r"^(?P<length>.*?\S)\s*(?:\^2|\*\*2|²|(?<=\D)2)\s*$")


def _positions(min_size, calibration):
    """Smallest number of positions, from a count or an area such as "25 nm^2"."""
    if not isinstance(min_size, str):
        return checks.count(min_size, "min_size")
    match = _AREA.match(min_size)
    if not match:
        raise ValueError(f"min_size must be a number of positions or an area such as '25 nm^2', got {min_size!r}")
    number, unit = parse_length(match["length"], "min_size")
    number = checks.positive(number, "min_size")
    if unit == PIXELS:
        return max(1, math.ceil(number))
    if not is_calibrated(calibration.step_unit):
        raise ValueError(f"min_size = {min_size!r} has a unit, but the scan is not calibrated: give a number of positions")
    try:
        side = convert(1.0, unit, calibration.step_unit)
    except ValueError as error:
        raise ValueError(f"min_size = {min_size!r} does not fit a scan calibrated in {calibration.step_unit}") from error
    return max(1, math.ceil(number * side**2 / math.prod(calibration.step) * (1 - 1e-9)))


_LENGTHS = ("equivalent_diameter", "feret_max", "feret_min", "centroid_row", "centroid_col", "major_axis", "minor_axis")
_SHAPE = ("area", *_LENGTHS, "orientation_deg", "eccentricity")
COLUMNS = ("grain", "component", "n_positions", *_SHAPE, "mean_weight", "overlap", "touches_edge")


def edge_positions(kept: np.ndarray) -> np.ndarray:
    """Kept positions at the edge of the scan, or that share an edge with an excluded one.

    Along an axis of one position (a line scan) there is no edge.
    """
    from scipy.ndimage import binary_dilation

    # Beyond the edge nothing was measured, as at excluded positions.
    around = [(1, 1) if size > 1 else (0, 0) for size in kept.shape]
    unknown = binary_dilation(~np.pad(kept, around))
    return unknown[tuple(slice(n, size + n) for (n, _), size in zip(around, kept.shape))] & kept
