"""Comparison of two results: which components match, and which are in one result only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..clustering.similarity import diffraction_similarity, rings_of
from ..core import checks
from ..core.arrays import freeze, set_frozen_state
from ..core.geometry import ScanGeometry
from ..core.grids import difference, onto_grid, unlike_units
from ..core.polar import PolarTransform
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..editing.likeness import comparable
from ..hosts import answer_of
from ..plots import comparison as plots_comparison
from ..scores.matching import assign, similarity
from ..storage.table_file import to_csv
from .decomposition import Decomposition
from .forms import Arrays, Field, Json, Record, are, are_counts, require
from .groups import polar_range
from .saved import Form, Geometry, savable, save

__all__ = ["Comparison", "Side", "compare"]


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two compared results: a result of this package, or arrays of another program.

    Attributes
    ----------
    maps : ndarray (k, scan_row, scan_col)
    patterns : ndarray (k, det_row, det_col) or None
    geometry : ScanGeometry
    names : tuple of str
    explained : ndarray (k,)
        Share of the intensity, NaN if it is not known.
    """

    maps: np.ndarray
    patterns: np.ndarray | None
    geometry: ScanGeometry
    names: tuple[str, ...]
    explained: np.ndarray


def _sound(comparison):
    sides = (comparison.first, comparison.second)
    for side, n in zip(sides, comparison.map_correlation.shape):
        maps, patterns, geometry = side.maps, side.patterns, side.geometry
        require(len(maps) == len(side.names) == len(side.explained) == n, "the number of components")
        require(maps.shape[1:] == geometry.scan_shape, "the shape of the maps")
        require(patterns is None or patterns.shape == (n, *geometry.detector_shape), "the shape of the patterns")
    for side, ones in enumerate(zip(*comparison.pairs)):
        require(len({*ones}) == len(ones) and max(ones) < comparison.map_correlation.shape[side], "a pair")
    require(len(comparison.pairs) == len(comparison.scores), "the scores of the pairs")


def _are_pairs(told):
    return isinstance(told, list) and all(are_counts(pair) and len(pair) == 2 for pair in told)


_SIDE: dict[str, Field] = {
    "maps": Arrays("f"), "patterns": Arrays("f", optional=True), "geometry": Geometry(),
    "names": Json(lambda told: are(str, told), tuple), "explained": Arrays("f"),
}  # fmt: skip
_TABLES = ("map_correlation", "pattern_similarity", "rotated_similarity", "angle_deg")
_FORM = Form(
    {
        **{name: Arrays("f", ("first", "second")) for name in _TABLES},
        "pairs": Json(_are_pairs, lambda told: tuple(map(tuple, told))),
        "scores": Arrays("f"), "first": Record(Side, _SIDE), "second": Record(Side, _SIDE),
        "by": Json(("maps", "patterns", "both").__contains__),
    },
    lambda comparison: dict(zip(("first", "second"), comparison.map_correlation.shape)),
    _sound,
)  # fmt: skip


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class Comparison:
    """Comparison of the components of two results, as returned by `compare`.

    Attributes
    ----------
    map_correlation : ndarray (k_first, k_second)
        Pearson correlation of the maps, NaN if the scans have different shapes.
    pattern_similarity : ndarray (k_first, k_second)
        Cosine of the unrotated patterns after the mean of every ring is subtracted, i.e. of their spots. NaN without
        patterns.
    rotated_similarity : ndarray (k_first, k_second)
        Largest such cosine for any in-plane rotation, NaN if the centre is not known.
    angle_deg : ndarray (k_first, k_second)
        Angle by which a pattern of the second result is rotated to match that of the first, in degrees counter-clockwise as
        seen with row 0 on top.
    pairs : tuple of (int, int)
        Pairs of matching components of the first and the second result.
    scores : ndarray (n_pairs,)
        Similarity of each pair, by which it was matched.
    first, second : Side
        The two results.
    by : {"maps", "patterns", "both"}
        Whether components were matched by maps, patterns or both.

    Examples
    --------
    >>> import unmix4d
    >>> from unmix4d import Unmix, phantoms
    >>> u = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data, centre=(4.5, 9.5))
    >>> one = u.nmf(3, random_state=0)
    >>> unmix4d.compare(one, one.drop([0], refit=False)).only_first
    (0,)
    """

    map_correlation: np.ndarray
    pattern_similarity: np.ndarray
    rotated_similarity: np.ndarray
    angle_deg: np.ndarray
    pairs: tuple[tuple[int, int], ...]
    scores: np.ndarray
    first: Side
    second: Side
    by: str

    plot = plots_comparison.comparison
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        freeze(self, ("map_correlation", "pattern_similarity", "rotated_similarity", "angle_deg", "scores"))

    @property
    def only_first(self) -> tuple[int, ...]:
        """Components of the first result that the second does not have."""
        return tuple(sorted({*range(len(self.first.maps))} - {i for i, _ in self.pairs}))

    @property
    def only_second(self) -> tuple[int, ...]:
        """Components of the second result that the first does not have."""
        return tuple(sorted({*range(len(self.second.maps))} - {j for _, j in self.pairs}))

    @property
    def rows(self) -> list[tuple[int, int]]:
        """All pairs, then components of only one result, with -1 for the missing one."""
        return [*self.pairs, *((i, -1) for i in self.only_first), *((-1, j) for j in self.only_second)]

    @property
    def table(self) -> Table:
        """Read-only table with one row per pair, then one per component without a partner, which is -1 there."""
        first, second = np.array(self.rows, int).reshape(-1, 2).T
        both = (first >= 0) & (second >= 0)
        columns: dict[str, Any] = {"first": first, "second": second}
        if any(name != str(i) for side in (self.first, self.second) for i, name in enumerate(side.names)):
            columns["first_name"] = [self.first.names[i] if i >= 0 else "" for i in first]
            columns["second_name"] = [self.second.names[j] if j >= 0 else "" for j in second]
        for name in ("map_correlation", "pattern_similarity", "rotated_similarity", "angle_deg"):
            columns[name] = np.where(both, getattr(self, name)[first, second], np.nan)
        for name, side, index in (("first", self.first, first), ("second", self.second, second)):
            columns[f"{name}_explained"] = np.where(index >= 0, side.explained[index], np.nan)
        return Table(columns, {"angle_deg": "°"})

    def __repr__(self):
        lines = [f"<Comparison of {len(self.first.maps)} with {len(self.second.maps)} components, by {self.by}>"]
        for (i, j), score in zip(self.pairs, self.scores):
            lines.append(f"  {self.first.names[i]} is {self.second.names[j]} ({score:.3f})")
        for word, side, only in (("first", self.first, self.only_first), ("second", self.second, self.only_second)):
            if only:
                lines.append(f"  only in the {word}: {', '.join(side.names[i] for i in only)}")
        lines.append("  .table .to_dataframe() .pairs .only_first .only_second .plot() .save(path)")
        return "\n".join(lines)


def compare(
    first: Any, second: Any, *, by: str = "auto", rotated: bool = False, least: float = 0.5, resample: bool = False
) -> Comparison:
    """Match the components of two results: of two runs, two scans, or two programs.

    Parameters
    ----------
    first, second : Decomposition, array or signal (k, scan_row, scan_col), or (maps, patterns)
        The results. Pass maps, or maps and patterns, of another program as arrays, for example those of HyperSpy's
        ``get_decomposition_loadings()`` or slices of py4DSTEM, or a HyperSpy signal that has been decomposed. Their patterns
        must be on the detector grid of the other result.
    by : {"auto", "maps", "patterns", "both"}
        How components are matched: by the correlation of their maps, the cosine of the spots of their patterns, or the mean
        of both. ``"auto"`` uses both for two results of the same scan, patterns for two scans, and maps if there are no
        patterns.
    rotated : bool
        Whether patterns may match after an in-plane rotation. Two grains of one phase are then similar.
    least : float
        Smallest similarity of a pair.
    resample : bool
        If True, resample the patterns of the second result to the detector grid of the first, by centre and pixel size.

    Returns
    -------
    Comparison
        The similarities and the pairs.

    Raises
    ------
    ValueError
        If nothing can be compared, because maps have different shapes or patterns are on different grids.
    TypeError
        If `first` or `second` is neither a result nor an array.

    Examples
    --------
    >>> import unmix4d
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=3, dose=1e4, seed=0)
    >>> result = Unmix(phantom.data, centre=phantom.centre).nmf(3, random_state=0)
    >>> found = unmix4d.compare(result, (phantom.maps, phantom.patterns))
    >>> len(found.pairs), bool(found.table["map_correlation"].min() > 0.9)
    (3, True)
    """
    checks.choice(by, "by", ("auto", "maps", "patterns", "both"))
    checks.flag(rotated, "rotated")
    checks.flag(resample, "resample")
    least = checks.positive(least, "least", zero=True)
    one, other = _sides(first, second)
    by = _decided(by, first, second, one, other)
    if by != "maps":
        other = _on_grid_of(one, other, resample)
    correlation = _of_maps(one, other)
    spots, turned, angles = _of_patterns(one, other, by != "maps")
    of_patterns = np.fmax(spots, turned) if rotated else spots
    score = {"maps": correlation, "patterns": of_patterns, "both": (correlation + of_patterns) / 2}[by]
    partner, height = assign(np.nan_to_num(score))
    pairs = [(i, int(j), s) for i, (j, s) in enumerate(zip(partner, height)) if j >= 0 and s >= least]
    return Comparison(
        correlation, spots, turned, angles, tuple((i, j) for i, j, _ in pairs), np.array([s for *_, s in pairs]),
        one, other, by,
    )  # fmt: skip


def _sides(first, second):
    known = [value.geometry for value in (first, second) if isinstance(value, Decomposition)]
    return [_side(value, name, known) for value, name in ((first, "first"), (second, "second"))]


def _side(value, name, known):
    if isinstance(value, Decomposition):
        return Side(value.maps, value.patterns, value.geometry, value.names, value.explained)
    value = answer_of(value)
    maps, patterns = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
    maps = _images(maps, f"{name} must be a result, maps (k, scan_row, scan_col), or a tuple of maps and patterns")
    geometry = known[0] if known else None
    if patterns is not None:
        patterns = _images(patterns, f"the patterns of {name} must be (k, det_row, det_col)")
        if len(patterns) != len(maps):
            raise ValueError(f"{name} must have as many patterns as maps, got {len(patterns)} and {len(maps)}")
        if geometry is not None and geometry.detector_shape != patterns.shape[1:]:
            wanted, shape = geometry.detector_shape, patterns.shape[1:]
            raise ValueError(f"the patterns of {name} must have the shape {wanted} of the other ones, got {shape}")
    shape = patterns.shape[1:] if patterns is not None else geometry.detector_shape if geometry else (1, 1)
    own = ScanGeometry(maps.shape[1:], shape) if geometry is None else geometry.replace(
        scan_shape=maps.shape[1:], scan_mask=None, detector_shape=shape,
    )  # fmt: skip
    return Side(maps, patterns, own, tuple(map(str, range(len(maps)))), np.full(len(maps), np.nan))


def _images(value, rule):
    try:
        images = checks.numbers_of(value, "maps")
    except TypeError:
        raise TypeError(f"{rule}, got {type(value).__name__}") from None
    if images.ndim != 3 or not len(images):
        raise ValueError(f"{rule}, got the shape {images.shape}")
    return images


def _decided(by, first, second, one, other):
    """What components are matched by, after refusing what cannot be compared."""
    patterns = one.patterns is not None and other.patterns is not None
    maps = one.geometry.scan_shape == other.geometry.scan_shape
    if by == "auto":
        arrays = not (isinstance(first, Decomposition) and isinstance(second, Decomposition))
        by = "maps" if not patterns else "both" if maps and (arrays or _same_scan(first, second)) else "patterns"
    if by != "patterns" and not maps:
        raise ValueError(
            "maps can only be compared for scans of the same shape, got "
            f"{one.geometry.scan_shape} and {other.geometry.scan_shape}" + ": use by='patterns'" * patterns
        )
    if by != "maps" and not patterns:
        raise ValueError(f"by={by!r} needs patterns of both, but one of them has only maps: use by='maps'")
    return by


def _same_scan(first, second):
    if first.totals is None or second.totals is None:
        return False
    # Preparations change the totals of a scan, but not where it is bright.
    one, other = (value.totals.ravel() for value in (first, second))
    return bool(similarity(one[None], other[None], centred=True)[0, 0] > 0.999) or np.array_equal(one, other)


def _on_grid_of(one, other, resample):
    if not (what := difference(one.geometry, other.geometry)):
        return other
    apart = unlike_units(one.geometry, other.geometry) or one.geometry.polar or other.geometry.polar
    if not resample or apart:
        remedy = "" if apart else "use resample=True, or "
        raise ValueError(
            f"the patterns of second must be on the detector grid of first, but have {what}: {remedy}compare by='maps'"
        )
    geometry = one.geometry.replace(scan_shape=other.geometry.scan_shape, scan_mask=other.geometry.scan_mask)
    moved = onto_grid(other.patterns, one.geometry, other.geometry)
    return Side(other.maps, moved, geometry, other.names, other.explained)


def _of_maps(one, other):
    if one.geometry.scan_shape != other.geometry.scan_shape:
        return np.full((len(one.maps), len(other.maps)), np.nan)
    return similarity(_flat(other.maps), _flat(one.maps), centred=True)


def _flat(images):
    return np.asarray(images, float).reshape(len(images), -1)


def _of_patterns(one, other, wanted):
    """Cosines of spots as they are, in the best rotation, and that rotation, of the first (rows) with the second."""
    k, n = len(one.maps), len(other.maps)
    unknown = np.full((k, n), np.nan)
    if not wanted:
        return unknown, unknown, unknown
    geometry = one.geometry
    both = np.concatenate([one.patterns, other.patterns])
    # What one of them does not know of, neither is compared in.
    both = np.where(np.isnan(both).any(0), 0.0, both)
    spots = comparable(geometry, both).reshape(k + n, -1)
    alike = similarity(spots[k:], spots[:k], centred=False)
    if geometry.polar or geometry.features:
        return alike, unknown, unknown
    transform = PolarTransform(geometry, **polar_range(geometry, None, None))
    found = diffraction_similarity(rings_of(transform.forward(both), transform.valid, transform.radius))
    return alike, found.matrix[:k, k:].astype(float), found.angles_deg[:k, k:].astype(float)
