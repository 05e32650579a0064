"""Decomposition: k component patterns and their maps, with everything that is needed to judge and repeat them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..core import checks
from ..core.geometry import ScanGeometry
from ..core.messages import UnmixWarning  # noqa: F401  (named in the docs of this class)
from ..core.scan import HostRecord
from ..maps.regions import above_threshold
from .citations import papers
from .grouping_methods import GroupingMethods
from .orientation_methods import OrientationMethods
from .overlap_methods import OverlapMethods
from .quality_methods import QualityMethods
from .report_methods import ReportMethods
from .saved import save

__all__ = ["Decomposition"]


@dataclass(frozen=True, eq=False)
class Decomposition(OverlapMethods, GroupingMethods, OrientationMethods, QualityMethods, ReportMethods):
    """The answer of a decomposition X ~ maps x patterns.

    Attributes
    ----------
    method : str
        ``"nmf"``, ``"merge_nmf"``, ``"svd"``, ``"pca"``, ``"ica"`` or ``"vca"``.
    patterns : ndarray (k, det_row, det_col)
        Component patterns, in the intensity unit of the data; NaN at excluded pixels. Read-only. Of a decomposition of
        features: fitted to the patterns of the view they were made from, for these maps (non-negative least squares; plain
        least squares for SVD, PCA and ICA).
    maps : ndarray (k, scan_row, scan_col)
        How much of each pattern is in every position; NaN at excluded positions. NMF, VCA and ICA maps have
        maximum 1 (ICA: of the absolute value; VCA with ``sum_to_one`` keeps its scale). Read-only.
    explained : ndarray of float64 (k,)
        NMF and VCA: the share of the total intensity each component accounts for. SVD, ICA and PCA: the fraction of the
        sum of squares (PCA: of the variance), which is that of the features where features were decomposed.
    loss : float
        Mean of (data - reconstruction)**2 over all kept positions and pixels, computed exactly at the end. Of features
        where features were decomposed.
    losses : ndarray of float64 (n_starts,)
        What the starts were compared by: the error each ended with, of the weighted and compressed data it worked on,
        before the refit to the full scan. Without weights this is close to `loss`. With ``objective="kl"`` the
        mean divergence per entry.
    convergence : list of ndarray
        That error after every iteration, one array per start.
    changes : list of ndarray (n_iterations, 2)
        Relative change (sum of absolute values) of the patterns and of the maps in every iteration, per start.
    strengths : ndarray of float64 (k,) or None
        What each component adds that no other can stand for, within what stands out of the noise, as a multiple of what
        noise alone reaches: see `distinguishable`.
    geometry : ScanGeometry
        Shapes, masks, centre and calibration of the view.
    host : HostRecord
        Where the data came from, for `to_host`.
    settings : dict
        Everything needed to repeat the run: method, arguments, seed, preparation and versions.
    mean_pattern : ndarray (det_row, det_col)
        Mean of all kept patterns of the view.
    totals : ndarray (scan_row, scan_col)
        Sum of every pattern of the view, NaN where excluded.
    source : Unmix or None
        The view that was decomposed, or that the features were made from; None after loading without ``data=``.
    features : ndarray (k, ...) or None
        The fitted features, in the shape and the scale of `FeatureView.features`, NaN where dropped; None when pixels were
        decomposed. Read-only. What they are is in ``settings["features"]``.

    Notes
    -----
    NMF patterns should not be analysed quantitatively: intensity that components share, the direct beam above all, may
    sit in any of them (Martineau 2019).

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> result = Unmix(phantom.data).nmf(2, random_state=0)
    >>> result.patterns.shape, result.maps.shape
    ((2, 10, 20), (2, 6, 8))
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
    source: object = None
    features: np.ndarray | None = None

    #: What is saved, beside geometry and history: arrays and their shapes, in the words k, scan, detector and features.
    saved_arrays: ClassVar[dict] = {
        "patterns": ("k", "detector"), "maps": ("k", "scan"), "explained": ("k",), "losses": None,
        "mean_pattern": ("detector",), "totals": ("scan",), "residuals": ("scan",), "strengths": ("k",),
        "features": ("k", "features"),
    }  # fmt: skip

    def __post_init__(self):
        for name in self.saved_arrays:
            value = getattr(self, name)
            if value is not None:
                value = np.array(value)
                value.setflags(write=False)
                object.__setattr__(self, name, value)
        shapes = (self.patterns.shape, self.maps.shape)
        k = len(self.patterns)
        if shapes != ((k, *self.geometry.detector_shape), (k, *self.geometry.scan_shape)):
            raise ValueError(f"patterns and maps have the shapes {shapes}, which do not fit {self.geometry}")

    def saved_head(self) -> dict:
        """What a relative of this class saves besides its arrays, in JSON types.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0).saved_head()
        {}
        """
        return {}

    @classmethod
    def read_head(cls, head: dict) -> dict:
        """What `saved_head` wrote, as arguments.

        Examples
        --------
        >>> from unmix4d import Decomposition
        >>> Decomposition.read_head({})
        {}
        """
        return {}

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.patterns)

    @property
    def distinguishable(self) -> np.ndarray | None:
        """Boolean (k,): which components can be told from noise; None where that was not estimated.

        The data hold ``settings["compression"]["above_noise"]`` components that are stronger than noise alone can be. Of
        more components than that, the ones with the smallest `strengths` are fitted to noise, or share with others what
        one of them could stand for.
        """
        if self.strengths is None:
            return None
        order = np.argsort(-self.strengths, kind="stable")
        answer = np.zeros(self.k, bool)
        answer[order[: self.settings["compression"]["above_noise"]]] = True
        return answer

    @property
    def offset(self) -> np.ndarray | None:
        """Pattern that every position has in addition: the mean pattern for PCA, None otherwise."""
        return self.mean_pattern if self.method == "pca" else None

    @property
    def intensities(self) -> np.ndarray:
        """Maps in intensity (k, scan_row, scan_col): map x total of its pattern, so that components can be compared."""
        return self.maps * np.nansum(self.patterns, axis=(1, 2))[:, None, None]

    def labels(self) -> np.ndarray:
        """The strongest component of every position, by intensity.

        Returns
        -------
        ndarray of int (scan_row, scan_col)
            -1 where the position is excluded or every component is zero.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.labels().shape
        (6, 8)
        """
        weights = np.where(np.isnan(self.intensities), 0, self.intensities)
        return np.where(weights.max(0) > 0, weights.argmax(0), -1)

    def reconstruct(self, row: int, col: int) -> np.ndarray:
        """The reconstruction (det_row, det_col) of the pattern at one position; NaN at excluded pixels.

        Raises
        ------
        ValueError
            When the position is outside the scan or excluded.

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
        """Root mean square of data minus reconstruction at every position (scan_row, scan_col), NaN where excluded.

        Of a decomposition of features one pass over the scan, when it is first asked for.

        Raises
        ------
        ValueError
            When that pass is needed and the result was loaded without its data.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.residual_map().shape
        (6, 8)
        """
        if self.residuals is None:
            from .residuals import residual_map

            object.__setattr__(self, "residuals", residual_map(self, self._matrix("residual_map")))
        return np.array(self.residuals)

    def mean_patterns(self, single: bool = False) -> np.ndarray:
        """Mean of the measured patterns of each label; one pass over the scan.

        Parameters
        ----------
        single : bool
            Only positions where one component alone is present, which is where structure should be read from (Bruefach
            2022): its intensity is above the Yen threshold of its map, and no other component's is.

        Returns
        -------
        ndarray (k, det_row, det_col)
            NaN for a component without such a position, and at excluded pixels.

        Raises
        ------
        ValueError
            When the result was loaded without its data.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.mean_patterns().shape
        (2, 10, 20)
        """
        member = self._single() if single else self.labels()[None] == np.arange(self.k)[:, None, None]
        matrix = self._matrix("mean_patterns")
        weights = self.geometry.from_maps(member.astype(matrix.dtype))
        counts = weights.sum(0, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (matrix.transpose_times(weights) / counts).T
        return self.geometry.to_images(means.astype(matrix.dtype))

    def _single(self):
        present = above_threshold(self.intensities, self.geometry.kept_positions.reshape(self.geometry.scan_shape))
        return present & (present.sum(0) == 1)

    def grains(
        self, *, min_size=10, threshold="yen", connectivity=1, fill_holes=0, opening=0, background="drop", components=None
    ):
        """The spatially separate regions of the maps: how many, where, how large (Bruefach 2022, "spatial refinement").

        Parameters
        ----------
        min_size : int or str
            Smaller regions are no grains: a number of positions, or an area such as ``"25 nm^2"``. (The paper: 10 positions
            for its measured scan, 25 for the simulated ones.)
        threshold : {"yen", "otsu", "li"} or float
            Above what a map says that its component is present: Yen's criterion as in the paper, Otsu's, Li's, or a fraction
            of the map's maximum. Yen's takes in the soft edge of a grain, Otsu's cuts at half of it, Li's is in between.
        connectivity : {1, 2}
            1: positions that share an edge belong together; 2: also those that share a corner, for narrow grains that cross
            the scan diagonally (but noise then hangs together too).
        fill_holes : int
            Holes of at most this many positions are filled.
        opening : int
            Radius, in positions, of a diamond that every region is opened with first: takes bridges and specks away, and
            corners with them.
        background : {"drop", "keep"}
            What to do with components that are spread over the whole scan, as background, amorphous support and direct beam
            are (`unmix4d.maps.is_spread` says how they are told): they have no grains, or as many as they have regions.
            Either way they are named in `Grains.background`.
        components : sequence of int, optional
            Which components to look at; all by default.

        Returns
        -------
        Grains

        Raises
        ------
        ValueError, TypeError
            When an argument is outside its range, or the result has negative components (svd, pca).

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
        >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains(threshold=0.5)
        >>> grains.table["component"], grains.labels().shape
        (array([0, 1, 2]), (24, 20))
        """
        from .grains import find_grains

        return find_grains(
            self, min_size=min_size, threshold=threshold, connectivity=connectivity, fill_holes=fill_holes,
            opening=opening, background=background, components=components,
        )  # fmt: skip

    def _matrix(self, method):
        if self.source is None:
            raise ValueError(
                f"{method} needs the scan, which is not part of a saved result: load it with unmix4d.load(path, data=scan)"
            )
        return self.source.matrix(self.settings.get("precision", "single"))

    def log_likelihood(self, held_out, *, relative_to=None) -> float:
        """Poisson log-likelihood of counts under this result, above all of counts it was not fitted to; one pass.

        Parameters
        ----------
        held_out : Unmix
            The second view of `unmix4d.Unmix.split_counts`, when the first one was fitted; prepared alike. Any other view of
            the same positions, pixels and preparation is taken too: ``source`` gives the likelihood of what was fitted.
        relative_to : {None, "mean", "saturated"}
            None: mean over all kept positions and pixels of ``x log(e) - e - log(x!)``, for counts x and expectations e.
            ``"mean"``: nats per electron that are gained over the mean pattern, scaled to the total of each position; 0 is
            no gain, and more is better. ``"saturated"``: nats per electron that are lost against expecting every count as
            it is, which is half of the deviance per electron with a minus sign.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            When the view has other positions, pixels or preparation, holds what is no count, or the result has negative
            values, as those of svd and pca.

        Notes
        -----
        The expectation is that of the fitted electrons times the ratio of the two shares that `split_counts` recorded. No
        entry is expected to hold less than its position's share of half an electron per pixel of the whole scan: a pixel
        that happened to count nothing in the fitted part is not impossible.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> scan = phantoms.random_scan(shape=(6, 8, 10, 20), k=3, dose=2000, seed=0)
        >>> fit, held_out = Unmix(scan.data).split_counts(random_state=0)
        >>> result = fit.nmf(3, random_state=0)
        >>> result.log_likelihood(held_out, relative_to="mean") > 0
        True
        """
        from .likelihood import log_likelihood

        return log_likelihood(self, held_out, relative_to)

    def plot(self, components=None):
        """Patterns above their maps, with scale bars in calibrated units.

        Parameters
        ----------
        components : sequence of int, optional
            Which to draw; all of them by default.

        Returns
        -------
        matplotlib Figure

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> figure = result.plot()
        >>> len(figure.axes)
        4
        """
        from .. import plots

        return plots.decomposition(self, components)

    def plot_convergence(self, ax=None):
        """Error per iteration of every start and, beside it, how much patterns and maps still change.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            For the error alone; by default a figure with both panels is made.

        Returns
        -------
        matplotlib Axes
            Of the error.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> result.plot_convergence().get_ylabel()
        'error above the lowest, relative'
        """
        from .. import plots

        return plots.convergence(self, ax=ax)

    def to_host(self, *, fill_value: float = 0.0):
        """Maps and patterns as native objects of the host the data came from.

        Parameters
        ----------
        fill_value : float
            Put into excluded detector pixels of the patterns, because the hosts' tools do not take NaN; excluded
            positions of the maps stay NaN.

        Returns
        -------
        maps, patterns
            pyxem: ``Signal2D`` and the input's own non-lazy class, sharing their first axis. py4DSTEM: ``RealSlice`` and
            ``DiffractionSlice`` under a root of their own. Arrays: NumPy arrays (where nothing is filled).

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
        >>> maps, patterns = result.to_host()
        >>> maps.shape, patterns.shape
        ((2, 6, 8), (2, 10, 20))
        """
        from .. import hosts

        return hosts.write(self, fill_value=fill_value)

    def attach(self, host) -> None:
        """Put maps and patterns into the tree of a py4DSTEM DataCube of the same grid.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> cube = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).to_py4dstem()  # doctest: +SKIP
        >>> cube.unmix.nmf(2, random_state=0).attach(cube)  # doctest: +SKIP
        >>> "unmix4d_nmf" in cube.treekeys  # doctest: +SKIP
        True
        """
        from .. import hosts

        hosts.attach(self, host)

    save = save

    @property
    def citation(self) -> str:
        """The papers to cite for this result."""
        return "\n".join(papers(self.method, self.settings))

    def __repr__(self):
        shape = " x ".join(map(str, self.geometry.scan_shape + self.geometry.detector_shape))
        lines = [f"<Decomposition: {self.method}, {self.k} components of a {shape} scan>"]
        cal = self.geometry.calibration
        lines.append(f"  {cal.describe_step()}, {cal.describe_pixel()}")
        of = f" of the features, {self.settings['features']['kind'].replace('_', ' ')}" if self.features is not None else ""
        lines.append(f"  loss {self.loss:.6g} (mean squared error{of})" + self._starts())
        what = "share of the intensity" if self.method in ("nmf", "vca", "merge_nmf") else "share of the sum of squares"
        shares = ", ".join(f"{100 * v:.3g}" for v in self.explained[:10]) + (", ..." if self.k > 10 else "")
        lines.append(f"  {what} in %: {shares}")
        data = "" if self.source is not None else "; loaded without its data"
        if self.strengths is not None and not self.distinguishable.all():
            weak = ", ".join(map(str, np.flatnonzero(~self.distinguishable)))
            lines.append(f"  not distinguishable from noise: component {weak}")
        lines.append(f"  seed {self.settings.get('random_state')}, from {self.host.kind}{data}")
        lines.append("  .plot() .labels() .reconstruct(row, col) .residual_map() .mean_patterns() .to_host() .save(path)")
        lines.append("  .grains() .overlap() .composite() .group_rotated() .orientations() .report_quality() .report(path)")
        return "\n".join(lines)

    def _starts(self):
        if self.losses.size == 0:
            return ""
        iterations = f", {len(self.convergence[int(np.argmin(self.losses))])} iterations" if self.convergence else ""
        return f", best of {self.losses.size} start(s)" + iterations
