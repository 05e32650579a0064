"""Decomposition: k component patterns and their maps, with everything that is needed to judge and repeat them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import hosts, plots
from ..core import checks
from ..core.arrays import freeze, read_only, set_frozen_state
from ..core.geometry import ScanGeometry
from ..core.later import later
from ..core.messages import UnmixWarning  # noqa: F401  (named in the docs of this class)
from ..core.rows import pick
from ..core.scan import HostRecord
from ..core.series import describe_doses
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..editing.edits import Edits, edits_of
from ..maps.regions import above_threshold
from .citations import FIELD
from .data_of_a_result import linked_matrix
from .meaning import Meaning
from .parts import Component
from .saved import savable, save
from .scans import scans_of

if TYPE_CHECKING:
    from ..editing.drop import drop, replace
    from ..editing.history import undo
    from ..editing.merge import merge
    from ..editing.naming import background, rename, reorder
    from ..editing.refit import refit
    from ..editing.split import split
    from ..editing.suggest import suggest
    from ..orientation.index import index, orientations
    from ..orientation.vectors import group_braggvectors
    from ..plots.composite import composite
    from ..plots.film import film
    from ..plots.series import maps_of_scans
    from ..report.editor import edit
    from ..report.explorer import explore
    from ..report.write import write_report
    from ..storage.table_file import to_csv
    from .align_scans import align_scans
    from .grain_tracks import track_grains
    from .grains import find_grains
    from .groups import group_rotated
    from .images import save_images
    from .likelihood import log_likelihood
    from .overlap import find_overlap
    from .quality import pattern_similarity, report_quality
    from .series import series_of
    from .xarray_tree import to_xarray
else:
    drop, replace = later(__package__, "..editing.drop", "drop", "replace")
    undo = later(__package__, "..editing.history", "undo")
    merge = later(__package__, "..editing.merge", "merge")
    background, rename, reorder = later(__package__, "..editing.naming", "background", "rename", "reorder")
    refit = later(__package__, "..editing.refit", "refit")
    split = later(__package__, "..editing.split", "split")
    suggest = later(__package__, "..editing.suggest", "suggest")
    index, orientations = later(__package__, "..orientation.index", "index", "orientations")
    group_braggvectors = later(__package__, "..orientation.vectors", "group_braggvectors")
    composite = later(__package__, "..plots.composite", "composite")
    film = later(__package__, "..plots.film", "film")
    maps_of_scans = later(__package__, "..plots.series", "maps_of_scans")
    edit = later(__package__, "..report.editor", "edit")
    explore = later(__package__, "..report.explorer", "explore")
    write_report = later(__package__, "..report.write", "write_report")
    to_csv = later(__package__, "..storage.table_file", "to_csv")
    align_scans = later(__package__, ".align_scans", "align_scans")
    track_grains = later(__package__, ".grain_tracks", "track_grains")
    find_grains = later(__package__, ".grains", "find_grains")
    group_rotated = later(__package__, ".groups", "group_rotated")
    save_images = later(__package__, ".images", "save_images")
    log_likelihood = later(__package__, ".likelihood", "log_likelihood")
    find_overlap = later(__package__, ".overlap", "find_overlap")
    pattern_similarity, report_quality = later(__package__, ".quality", "pattern_similarity", "report_quality")
    series_of = later(__package__, ".series", "series_of")
    to_xarray = later(__package__, ".xarray_tree", "to_xarray")

__all__ = ["Decomposition"]


@savable()
@spelled
@dataclass(frozen=True, eq=False)
class Decomposition:
    """Result of a decomposition X ~ maps x patterns.

    Attributes
    ----------
    method : str
        Method that made the result: ``"nmf"``, ``"merge_nmf"``, ``"svd"``, ``"pca"``, ``"ica"``, ``"vca"``, ...
    patterns : ndarray (k, det_row, det_col)
        Component patterns (factors) in the intensity unit of the data, NaN at excluded pixels. Read-only. For features,
        patterns are fitted to the scan for these maps (by non-negative least squares, or plain least squares for SVD, PCA
        and ICA).
    maps : ndarray (k, scan_row, scan_col)
        Maps (loadings), i.e. the amount of each pattern at every position, NaN at excluded positions. NMF, VCA and ICA maps
        have a maximum of 1 (for ICA the absolute value; not for VCA with ``sum_to_one``). Read-only.
    meaning : Meaning
        Meaning of the components.
    references : tuple of str
        References of the algorithms that were used.
    explained : ndarray of float64 (k,)
        For NMF and VCA, the share of each component in the total intensity. For SVD, ICA and PCA, the fraction of the sum of
        squares (for PCA of the variance), of the features if features were decomposed.
    loss : float
        Mean of (data - reconstruction)**2 over all kept positions and pixels, computed exactly at the end; of the features
        if features were decomposed.
    losses : ndarray of float64 (n_starts,)
        Final error of each start, for the weighted and compressed data, before the refit to the full scan. The starts are
        compared by it. Without weights it is close to `loss`. With ``objective="kl"`` it is the mean divergence per entry.
    convergence : list of ndarray
        Error after every iteration, one array per start.
    changes : list of ndarray (n_iterations, 2)
        Relative change (sum of absolute values) of the patterns and of the maps in every iteration, per start.
    strengths : ndarray of float64 (k,) or None
        Contribution of each component that no other component can replace, among the signal that stands out of the noise, as
        a multiple of what noise alone reaches. See `distinguishable`.
    geometry : ScanGeometry
        Shapes, masks, centre and calibration of the view.
    host : HostRecord
        Origin of the data, used by `to_host`.
    settings : dict
        Everything you need to repeat the run: method, arguments, seed, preparation and versions.
    mean_pattern : ndarray (det_row, det_col)
        Mean of all kept patterns of the view.
    totals : ndarray (scan_row, scan_col)
        Total intensity of every pattern of the view, NaN where excluded.
    source : Unmix or None
        The view that was decomposed, or from which the features were computed. None after loading without ``data=``.
    features : ndarray (k, ...) or None
        The fitted features, in the shape and scale of `FeatureView.features`, NaN where dropped. They are described in
        ``settings["features"]``. None if pixels were decomposed. Read-only.

    Notes
    -----
    ``result[i]`` is component i, with ``.pattern``, ``.map`` and its row of ``.table``; slices, lists of numbers and masks
    such as ``result[result.distinguishable]`` give lists, and ``for pattern, map_ in result`` goes through all.

    Do not analyse NMF patterns quantitatively: intensity that components share, above all the direct beam, may be in any of
    them (Martineau 2019).

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> result = Unmix(phantom.data).nmf(2, random_state=0)
    >>> result.patterns.shape, result.maps.shape
    ((2, 10, 20), (2, 6, 8))
    >>> [pattern.shape for pattern, map_ in result], result[1].map.shape
    ([(10, 20), (10, 20)], (6, 8))
    """

    method: str
    patterns: np.ndarray
    maps: np.ndarray
    explained: np.ndarray
    loss: float
    geometry: ScanGeometry
    settings: dict
    losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    convergence: list = field(default_factory=list)
    changes: list = field(default_factory=list)
    strengths: np.ndarray | None = None
    host: HostRecord = HostRecord()
    mean_pattern: np.ndarray | None = None
    totals: np.ndarray | None = None
    residuals: np.ndarray | None = None
    source: Any = None
    features: np.ndarray | None = None
    meaning: Meaning = Meaning()
    references: tuple = ()
    _view: Any = None  # what was decomposed; not saved
    _before: tuple = ()  # answers that were edited, for `undo`; not saved

    grains = find_grains
    overlap = find_overlap
    group_rotated = group_rotated
    index = index
    orientations = orientations
    group_braggvectors = group_braggvectors
    scans = property(scans_of)
    series = series_of
    track_grains = track_grains
    align_scans = align_scans
    plot_series = maps_of_scans
    film = film
    log_likelihood = log_likelihood
    pattern_similarity = pattern_similarity
    report_quality = report_quality
    plot = plots.decomposition
    plot_convergence = plots.convergence
    composite = composite
    explore = explore
    merge = merge
    split = split
    drop = drop
    replace = replace
    refit = refit
    rename = rename
    reorder = reorder
    background = background
    undo = undo
    suggest = suggest
    edit = edit
    report = write_report
    to_host = hosts.to_host
    to_dataframe = to_dataframe
    to_csv = to_csv
    to_xarray = to_xarray
    save_images = save_images
    attach = hosts.attach
    save = save

    #: What is saved, beside geometry and history: arrays and their shapes, in the words k, scan, detector and features.
    _saved_arrays: ClassVar[dict] = {
        "patterns": ("k", "detector"), "maps": ("k", "scan"), "explained": ("k",), "losses": None,
        "mean_pattern": ("detector",), "totals": ("scan",), "residuals": ("scan",), "strengths": ("k",),
        "features": ("k", "features"),
    }  # fmt: skip

    __setstate__ = set_frozen_state

    def __post_init__(self):
        freeze(self, self._saved_arrays)
        shapes = (self.patterns.shape, self.maps.shape)
        k = len(self.patterns)
        if shapes != ((k, *self.geometry.detector_shape), (k, *self.geometry.scan_shape)):
            raise ValueError(f"patterns and maps have the shapes {shapes}, which do not fit {self.geometry}")

    def _saved_head(self) -> dict:
        """What a relative of this class saves besides its arrays, in JSON types."""
        return {}

    @classmethod
    def _read_head(cls, head: dict) -> dict:
        """What `_saved_head` wrote, as arguments."""
        return {}

    @property
    def no_grains(self) -> tuple[int, ...]:
        """Components that are probably not crystals, if the method can estimate this."""
        return ()

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.patterns)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components, as set by `rename`, otherwise their numbers."""
        given = self.settings.get("names") or [""] * self.k
        return tuple(name or str(i) for i, name in enumerate(given))

    @property
    def edits(self) -> Edits:
        """Edits made by hand, a sequence of `Edit` with the loss before and after each, for `unmix4d.replay`."""
        return edits_of(self.settings)

    def _edited_fields(self, origins, changed):
        """The fields of an answer that was edited which say something of each component.

        origins (list of tuple of int): Of every new component, those that it was made from.
        changed (set of int): New components that are not what they were.
        """
        order = [parts[0] for parts in origins]
        same = not changed and sorted(order) == list(range(self.k)) and self.strengths is not None
        return {"strengths": self.strengths[order] if same else None}

    @property
    def distinguishable(self) -> np.ndarray | None:
        """Whether each component can be distinguished from noise, boolean (k,); None if this was not estimated.

        The data contain ``settings["compression"]["above_noise"]`` components that are stronger than noise can be. If the
        result has more components, those with the smallest `strengths` are fitted to noise, or share a signal that a single
        component could describe.
        """
        if self.strengths is None:
            return None
        order = np.argsort(-self.strengths, kind="stable")
        answer = np.zeros(self.k, bool)
        answer[order[: self.settings["compression"]["above_noise"]]] = True
        return answer

    @property
    def offset(self) -> np.ndarray | None:
        """Pattern that is added at every position: the mean pattern for PCA, otherwise None."""
        return self.mean_pattern if self.meaning.centred else None

    @property
    def signed(self) -> bool:
        """Whether patterns have both signs, as for SVD, PCA and ICA; they are then not diffraction patterns."""
        return self.meaning.signed

    def _columns(self):
        """What is known of each component, by the names of the attributes."""
        columns: dict[str, Any] = {"component": range(self.k)}
        if any(self.settings.get("names", ())):
            columns["name"] = self.names
        columns["explained"] = self.explained
        if self.settings.get("background"):
            columns["background"] = np.isin(np.arange(self.k), self.settings["background"])
        if not self.signed:
            labels = self.labels()
            columns["n_positions"] = np.bincount(labels[labels >= 0], minlength=self.k)
        if self.strengths is not None:
            columns |= {"strength": self.strengths, "distinguishable": self.distinguishable}
        return columns

    @property
    def table(self) -> Table:
        """Read-only table with one row per component, a dictionary of columns for `pandas.DataFrame`.

        The columns are ``component``, ``explained`` and, unless patterns have both signs, ``n_positions``, the number of
        positions at which the component is the strongest. If known, there are also ``strength`` (1 is what noise alone
        reaches) and ``distinguishable``; if set, ``name`` and ``background``; for merged components ``stability`` and
        ``agreement``; and for clusters ``pure_fraction``.
        """
        return Table(self._columns())

    def __len__(self) -> int:
        return self.k

    def __iter__(self) -> Iterator[Component]:
        return map(self._parts(), range(self.k))

    def __getitem__(self, key: Any) -> Any:
        """One `Component`, or a list of them."""
        return pick(key, self.k, self.meaning.component, self._parts())

    def _parts(self):
        table = self.table
        return lambda i: Component(**table.row(i), pattern=self.patterns[i], map=self.maps[i])

    @property
    def intensities(self) -> np.ndarray:
        """Maps in intensity (k, scan_row, scan_col): map times total of its pattern, so that you can compare components."""
        return self.maps * np.nansum(self.patterns, axis=(1, 2))[:, None, None]

    def labels(self) -> np.ndarray:
        """Return the strongest component of every position, by intensity.

        Returns
        -------
        ndarray of int (scan_row, scan_col)
            Number of the component, -1 where the position is excluded or all components except those of `background` are
            zero.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.labels().shape
        (6, 8)
        """
        weights = np.where(np.isnan(self.intensities), 0, self.intensities)
        weights[self.settings.get("background", [])] = 0
        return np.where(weights.max(0) > 0, weights.argmax(0), -1)

    def reconstruct(self, row: int, col: int) -> np.ndarray:
        """Return the reconstructed pattern (det_row, det_col) of one position, NaN at excluded pixels.

        Raises
        ------
        ValueError
            If the position is outside the scan or excluded.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.reconstruct(2, 3).shape
        (10, 20)
        """
        rows, cols = self.geometry.scan_shape
        row = checks.count(row, "row", minimum=0, maximum=rows - 1)
        col = checks.count(col, "col", minimum=0, maximum=cols - 1)
        weights = self.maps[:, row, col]
        if np.isnan(weights).any():
            raise ValueError(f"position ({row}, {col}) is excluded by the scan mask: it has no reconstruction")
        image = np.einsum("k,krc->rc", weights, self.patterns)
        return image if self.offset is None else image + self.offset

    def residual_map(self) -> np.ndarray:
        """Compute the root mean square residual of every position (scan_row, scan_col), NaN where excluded.

        For features this needs one pass over the scan when it is first called.

        Raises
        ------
        ValueError
            If this pass is needed and the result was loaded without its data.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.residual_map().shape
        (6, 8)
        """
        if self.residuals is None:
            matrix, geometry = linked_matrix(self, "residual_map"), self.geometry
            if self.offset is not None:
                matrix = matrix.centred()
            squares = matrix.squared_residuals(geometry.from_maps(self.maps), geometry.from_images(self.patterns))
            root = geometry.to_maps(np.sqrt(squares / matrix.shape[1]).astype(matrix.dtype)[:, None])[0]
            object.__setattr__(self, "residuals", read_only(root))
        return np.array(self.residuals)

    def mean_patterns(self, single: bool = False) -> np.ndarray:
        """Average the measured patterns of each label, in one pass over the scan.

        Parameters
        ----------
        single : bool
            If True, use only positions at which a single component is present, i.e. above the Yen threshold of its map. Read
            structure from these patterns (Bruefach 2022).

        Returns
        -------
        ndarray (k, det_row, det_col)
            Mean patterns, NaN for a component without such a position and at excluded pixels.

        Raises
        ------
        ValueError
            If the result was loaded without its data.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.mean_patterns().shape
        (2, 10, 20)
        """
        member = self.single_positions() if single else self.labels()[None] == np.arange(self.k)[:, None, None]
        matrix = linked_matrix(self, "mean_patterns")
        weights = self.geometry.from_maps(member.astype(matrix.dtype))
        from .groups import mean_of

        means = mean_of(matrix.transpose_times(weights), weights.sum(0, dtype=np.float64), matrix.dtype)
        return self.geometry.to_images(means.T)

    def single_positions(self) -> np.ndarray:
        """Find the positions at which each component alone is present, i.e. above the Yen threshold of its map.

        Returns
        -------
        ndarray of bool (k, scan_row, scan_col)
            True where a single component is present.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> bool(result.single_positions().sum(0).max() <= 1)
        True
        """
        present = above_threshold(self.intensities, self.geometry.kept_positions.reshape(self.geometry.scan_shape))
        present[self.settings.get("background", [])] = False
        return present & (present.sum(0) == 1)

    @property
    def citation(self) -> str:
        """The papers to cite for this result."""
        return "\n".join((*self.references, *FIELD))

    def __repr__(self):
        shape = " x ".join(map(str, self.geometry.scan_shape + self.geometry.detector_shape))
        what, cal = f"{self.method}, {self.k} {self.meaning.component}s", self.geometry.calibration
        n = len(self.geometry.scans)
        of = f"{n} scans, {shape} with what is between them" if n else f"a {shape} scan"
        lines = [f"<{type(self).__name__}: {what} of {of}>", f"  {cal.describe_step()}, {cal.describe_pixel()}"]
        lines += describe_doses(self.host)
        lines += self._notes()
        of = f" of the features, {self.settings['features']['kind'].replace('_', ' ')}" if self.features is not None else ""
        known = f"loss {self.loss:.6g} (mean squared error{of})"
        if np.isnan(self.loss):
            known = "loss not known: edited without data; .refit()"
        lines.append(f"  {known}{self._starts()}")
        lines += self._by_hand()
        shares = ", ".join(f"{100 * v:.3g}" for v in self.explained[:10]) + (", ..." if self.k > 10 else "")
        lines.append(f"  share of the {self.meaning.shares_of} in %: {shares}")
        apart = "the scans on one grid" if "drift" in self.settings else "loaded"
        data = "" if self.source is not None else f"; {apart} without its data"
        if self.strengths is not None and not self.distinguishable.all():
            weak = ", ".join(map(str, np.flatnonzero(~self.distinguishable)))
            lines.append(f"  not distinguishable from noise: component {weak}")
        lines.append(f"  seed {self.settings.get('random_state')}{self._smoothed()}, from {self.host.kind}{data}")
        lines.append("  .plot() .labels() .reconstruct(row, col) .residual_map() .mean_patterns() .to_host() .save(path)")
        lines.append("  .grains() .overlap() .composite() .group_rotated() .orientations() .report_quality() .report(path)")
        lines.append("  [i].pattern [i].map .table .to_dataframe()" + ("" if self.signed else " .suggest() .edit()"))
        return "\n".join(lines)

    def _by_hand(self):
        """What was done to it by hand."""
        found = [] if not any(self.settings.get("names", ())) else [f"  names: {', '.join(self.names[:10])}"]
        if self.settings.get("background"):
            found.append(f"  background: {', '.join(self.names[i] for i in self.settings['background'])}")
        if self.edits:
            found.append(f"  edited by hand: {', '.join(edit.call for edit in self.edits[-5:])} (see .edits)")
        return found

    def _notes(self):
        """What a relative of this class says of itself, a line each."""
        return []

    def _smoothed(self):
        """With which smoothing of the scan the subspace was found, where that was a Gaussian."""
        smooth = self.settings.get("smooth", ())
        if smooth is None:
            return ", subspace not smoothed"
        sigma = smooth.get("sigma") if isinstance(smooth, dict) else None
        return f", subspace smoothed by {' x '.join(f'{s:g}' for s in dict.fromkeys(sigma))} position(s)" if sigma else ""

    def _starts(self):
        if self.losses.size == 0:
            return ""
        iterations = f", {len(self.convergence[int(np.argmin(self.losses))])} iterations" if self.convergence else ""
        return f", best of {self.losses.size} start(s)" + iterations
