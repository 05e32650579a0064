"""How alike the component patterns are, and how well each describes the raw patterns it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import image_quality
from ..core import checks
from ..core.arrays import freeze, read_only, set_frozen_state
from ..core.rows import pick
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..plots import quality as plots_quality
from ..storage.table_file import to_csv
from .data_of_a_result import linked_matrix
from .forms import Arrays, Json, is_real, require, within
from .parts import Quality
from .saved import Form, Geometry, savable, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from ..core.geometry import ScanGeometry

__all__ = ["PatternSimilarity", "QualityReport", "report_quality", "pattern_similarity", "SCALES"]

SCALES = ("linear", "sqrt")


_SIMILARITY = Form(
    {
        "matrix": Arrays("f", ("k", "k")), "metric": Json(lambda name: name in tuple(image_quality.METRICS)),
        "scale": Json(SCALES.__contains__), "data_range": Json(is_real),
    },
    lambda similarity: {"k": len(similarity.matrix)},
)  # fmt: skip


@savable(_SIMILARITY)
@spelled
@dataclass(frozen=True, eq=False)
class PatternSimilarity:
    """One metric between all pairs of component patterns.

    Attributes
    ----------
    matrix : ndarray of float64 (k, k)
        Symmetric; its diagonal is the value of equal patterns. Read-only.
    metric : str
        One of `unmix4d.image_quality.METRICS`.
    scale : {"linear", "sqrt"}
        Whether the patterns were compared, or their square roots.
    data_range : float
        What the metric took as the range of values: the largest value of all patterns, on that scale.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0)
    >>> similarity = Unmix(phantom.data).nmf(3, random_state=0).pattern_similarity("gmsd")
    >>> similarity.matrix.shape, len(similarity.most_similar)
    ((3, 3), 2)
    """

    matrix: np.ndarray
    metric: str
    scale: str
    data_range: float

    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        object.__setattr__(self, "matrix", read_only(self.matrix, float))

    @property
    def pairs(self) -> np.ndarray:
        """Values of the k (k - 1) / 2 pairs of different components, float64."""
        return self.matrix[np.triu_indices(len(self.matrix), 1)]

    @property
    def table(self) -> Table:
        """One row per pair of different components: ``component``, ``partner`` and the metric; read-only."""
        rows, cols = np.triu_indices(len(self.matrix), 1)
        unit = {"psnr": "dB"} if self.metric == "psnr" else {}
        return Table({"component": rows, "partner": cols, self.metric: self.pairs}, unit)

    @property
    def most_similar(self) -> tuple[int, int] | None:
        """The two components that are most alike; None for a single component, or where nothing can be compared."""
        values = self.pairs if image_quality.METRICS[self.metric].direction == "higher" else -self.pairs
        if not values.size or np.isnan(values).all():
            return None
        rows, cols = np.triu_indices(len(self.matrix), 1)
        best = int(np.nanargmax(values))
        return int(rows[best]), int(cols[best])

    def plot(self, ax: Axes | None = None, *, cmap: str | Colormap | None = None) -> Axes:
        """Draw the matrix as a heat map with its values; brighter means more similar.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        cmap : str or matplotlib Colormap, optional

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
        >>> result.pattern_similarity("gmsd").plot().images[0].get_array().shape
        (3, 3)
        """
        return plots_quality.similarity(self.matrix, ax=ax, metric=self.metric, cmap=cmap)

    def __repr__(self):
        of = "patterns" if self.scale == "linear" else "square roots of patterns"
        lines = [f"<PatternSimilarity: {self.metric} of {len(self.matrix)} {of}, data_range {self.data_range:.4g}>"]
        if self.most_similar:
            i, j = self.most_similar
            mean, best = np.nanmean(self.pairs), self.matrix[i, j]
            lines.append(f"  mean of the pairs {mean:.4g}; most alike {i} and {j}, {best:.4g}")
        lines.append("  .matrix .pairs .plot()")
        return "\n".join(lines)


def _sound_report(report):
    geometry = report.geometry
    require(report.raw.shape[1:] == geometry.detector_shape, "the shape of the patterns")
    require(report.labels.shape == geometry.scan_shape, "the shape of the labels")
    require(within(report.labels, len(report)), "a label")


_IMAGES = Arrays("f", ("k", "detector"))
_REPORT = Form(
    {
        "raw": _IMAGES, "single": _IMAGES, "reconstruction": _IMAGES, "largest": _IMAGES, "labels": Arrays("i", ("scan",)),
        "geometry": Geometry(), "scale": Json(SCALES.__contains__),
    },
    lambda report: {"k": len(report.raw), "detector": report.raw.shape[1:], "scan": report.labels.shape},
    _sound_report,
)  # fmt: skip


@savable(_REPORT)
@spelled
@dataclass(frozen=True, eq=False)
class QualityReport:
    """The mean raw pattern of every label compared with its reconstruction (Cao 2025, Fig. 4 b-d).

    Attributes
    ----------
    raw : ndarray (k, det_row, det_col)
        Mean of the measured patterns of the positions whose strongest component this is. NaN where there is none.
    single : ndarray (k, det_row, det_col)
        One measured pattern of that label: where the component has its largest share.
    reconstruction : ndarray (k, det_row, det_col)
        Mean of the whole reconstruction over the same positions.
    largest : ndarray (k, det_row, det_col)
        Mean of the largest weight x its pattern, which is what the paper compares with. Where components overlap it lacks
        what the others add.
    labels : ndarray of int (scan_row, scan_col)
        The strongest component of every position, -1 where there is none.
    geometry : ScanGeometry
        Shapes, masks and calibration of the view.
    scale : {"linear", "sqrt"}
        Whether the pairs were compared, or their square roots.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0)
    >>> report = Unmix(phantom.data).nmf(3, random_state=0).report_quality()
    >>> report.table["ssim"].shape, bool((report.table["ssim"] > 0.9).all())
    ((3,), True)
    """

    raw: np.ndarray
    single: np.ndarray
    reconstruction: np.ndarray
    largest: np.ndarray
    labels: np.ndarray
    geometry: ScanGeometry
    scale: str = "linear"

    plot = plots_quality.report
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __post_init__(self):
        freeze(self, ("raw", "single", "reconstruction", "largest", "labels"))

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[Quality]:
        return (self._one(i) for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """One `Quality`, or a list of them."""
        return pick(key, len(self), "component", self._one)

    def _one(self, i):
        images = {name: getattr(self, name)[i] for name in ("raw", "single", "reconstruction", "largest")}
        return Quality(**self.table.row(i), **images)

    @cached_property
    def table(self) -> Table:
        """One row per component, as a dict of columns that `pandas.DataFrame` takes; read-only.

        ``component``, ``n_positions`` of the label, ``data_range`` (the largest value of its mean raw pattern, on the scale
        of the report, which all metrics take as theirs), ``ssim``, ``psnr`` (dB), ``gmsd``, ``mdsi``, ``cross_correlation``
        of raw and reconstruction, the same with ``_largest`` for the paper's reconstruction, and ``noise_mean``,
        ``noise_single``: noise deviation of the mean raw pattern and of the single one, in the unit of the data. NaN for a
        component that is nowhere the strongest.
        """
        rows, raw = np.arange(len(self)), _scaled(self.raw, self.scale)
        tops = np.array([np.nanmax(image) if np.isfinite(image).any() else 0.0 for image in raw])
        known = tops > 0
        table: dict[str, Any] = {"component": rows, "n_positions": np.array([np.sum(self.labels == i) for i in rows])}
        table["data_range"] = np.where(known, tops, np.nan)
        for suffix, images in (("", self.reconstruction), ("_largest", self.largest)):
            # The raw pattern is the reference, which matters for MDSI alone.
            given = _scaled(images, self.scale)[known], raw[known]
            for name in image_quality.METRICS:
                table[name + suffix] = np.full(len(self), np.nan)
                table[name + suffix][known] = image_quality.pairwise(*given, name, data_range=tops[known])
        table["noise_mean"] = image_quality.noise_deviation(self.raw)
        table["noise_single"] = image_quality.noise_deviation(self.single)
        return Table(table, {"psnr": "dB", "psnr_largest": "dB"})

    def __repr__(self):
        names = ("component", "n_positions", "ssim", "psnr", "gmsd", "mdsi", "noise_mean", "noise_single")
        of = "" if self.scale == "linear" else ", square roots of intensities"
        lines = [f"<QualityReport: {len(self)} components{of}>", "  " + "".join(f"{name:>13}" for name in names)]
        for i in range(len(self)):
            lines.append("  " + "".join(f"{self.table[name][i]:>13.4g}" for name in names))
        lines.append("  .table .to_dataframe() .raw .reconstruction .largest .single .labels .plot()")
        return "\n".join(lines)


def pattern_similarity(result: Any, metric: str = "ssim", *, scale: str = "linear") -> PatternSimilarity:
    """Compute the similarity of all pairs of component patterns (Cao 2025, Fig. 3).

    Parameters
    ----------
    metric : {"ssim", "psnr", "gmsd", "mdsi", "cross_correlation"}
        Metric, see `unmix4d.image_quality`. Similar patterns have a high SSIM, PSNR and cross-correlation, and a low GMSD
        and MDSI.
    scale : {"linear", "sqrt"}
        ``"sqrt"`` compares square roots of intensities, so that not only the brightest spots are compared.

    Returns
    -------
    PatternSimilarity
        The similarities, with ``.matrix`` (k, k), ``.pairs``, ``.most_similar`` and ``.plot()``.

    Raises
    ------
    ValueError
        If an argument has another value, or patterns are smaller than 7 x 7 pixels.

    Notes
    -----
    An empty background is equal in all patterns and increases above all SSIM: exclude regions without signal with
    ``prepare(annulus=...)``. Excluded pixels are not compared. Only the cross-correlation treats a strong pattern and a weak
    copy of it as similar.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> result.pattern_similarity("cross_correlation", scale="sqrt").matrix.shape
    (3, 3)
    """
    checks.choice(metric, "metric", tuple(image_quality.METRICS))
    _check(result, scale, "pattern_similarity")
    images = _scaled(result.patterns, scale)
    known = images[np.isfinite(images)]
    span = float(known.max() - min(known.min(), 0)) if known.size else 0.0
    matrix = image_quality.similarity_matrix(images, metric, data_range=span or 1.0)
    return PatternSimilarity(matrix, metric, scale, span or 1.0)


def report_quality(result: Any, *, scale: str = "linear") -> QualityReport:
    """Compare components with the raw data: mean raw pattern, reconstruction, and their similarity.

    Each position belongs to its strongest component, as in `labels`. This takes one pass over the scan.

    Parameters
    ----------
    scale : {"linear", "sqrt"}
        ``"sqrt"`` compares square roots of intensities.

    Returns
    -------
    QualityReport
        The report, with ``.table`` (a dictionary of columns), ``.raw``, ``.reconstruction``, ``.largest`` and ``.plot()``.

    Raises
    ------
    ValueError
        If the result was loaded without its data, or patterns are smaller than 7 x 7 pixels.

    Notes
    -----
    Means over many positions hide what the fit misses at single positions, and are close to the reconstruction even if k is
    far too small. Use `residual_map` to detect this.

    References
    ----------
    Cao et al. (2025), Fig. 4.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> sorted(result.report_quality().table)[:4]
    ['component', 'cross_correlation', 'cross_correlation_largest', 'data_range']
    """
    _check(result, scale, "report_quality")
    geometry, matrix = result.geometry, linked_matrix(result, "report_quality")
    labels = result.labels()
    member = labels[None] == np.arange(result.k)[:, None, None]
    counts = member.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (member / counts[:, None, None]).astype(matrix.dtype)
    shares[counts == 0] = 0
    # Means and single patterns together, so that the scan is read once.
    weights = geometry.from_maps(np.concatenate([shares, _chosen(result, member)]).astype(matrix.dtype))
    found = geometry.to_images(matrix.transpose_times(weights).T.astype(matrix.dtype))
    raw, single = found[: result.k], found[result.k :]
    maps = np.where(np.isnan(result.maps), 0, result.maps)
    whole = np.einsum("lij,kij->lk", shares, maps, dtype=float)
    patterns = np.asarray(result.patterns, float)
    reconstruction = np.tensordot(whole, patterns, 1)
    largest = np.diag(whole)[:, None, None] * patterns
    if result.offset is not None:
        reconstruction, largest = reconstruction + result.offset, largest + result.offset
    raw, single, reconstruction, largest = (np.array(a, matrix.dtype) for a in (raw, single, reconstruction, largest))
    for image in (raw, single, reconstruction, largest):
        image[counts == 0] = np.nan
    return QualityReport(raw, single, reconstruction, largest, labels, geometry, scale)


def _chosen(result, member):
    """For every label the position where its component has the largest share of the intensity, as (k, rows, cols)."""
    weights = np.where(np.isnan(result.intensities), 0, np.abs(result.intensities))
    total = weights.sum(0)
    share = np.where(member, weights / np.where(total > 0, total, 1), -1).reshape(result.k, -1)
    chosen = np.zeros(share.shape)
    chosen[np.arange(result.k), share.argmax(1)] = member.any(axis=(1, 2))
    return chosen.reshape(member.shape)


def _check(result, scale, method):
    checks.choice(scale, "scale", SCALES)
    shape, least = result.geometry.detector_shape, image_quality.WINDOW
    if min(shape) < least:
        raise ValueError(f"{method} needs patterns of at least {least} x {least} pixels, got {shape[0]} x {shape[1]}")


def _scaled(images, scale):
    """Intensities, or their square roots, on which the noise of counts is the same everywhere."""
    return np.sqrt(np.maximum(images, 0)) if scale == "sqrt" else np.asarray(images)
