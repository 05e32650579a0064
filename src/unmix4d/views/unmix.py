"""`Unmix`: what ``s.unmix``, ``datacube.unmix`` and ``Unmix(array)`` are: a view of a scan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..core.geometry import ScanGeometry
from ..core.later import later
from ..core.scan import Scan
from ..core.series import describe_doses
from ..core.spelling import spelled
from ..engine.first_look import look
from ..engine.holding import holder_for
from ..engine.matrix import Glance, PatternMatrix, Statistics
from ..features.rings import maximum_pattern
from ..methods.arguments import progress
from ..methods.bragg_disks import bragg_disks, view_of_vectors
from ..methods.bragg_vectors import is_bragg_vectors
from ..methods.doses import say_if_unlike
from ..methods.features import angular_average, friedel_odd, polar, radial_variance, symmetry
from ..methods.noise_deviation import noise_deviation
from ..methods.prepare import prepare
from ..methods.region import region
from ..methods.several import are_several, read_scans
from ..methods.split_counts import split_counts
from ..methods.virtual_image import virtual_image
from ..preparation import persist
from .view import View

if TYPE_CHECKING:
    from ..methods.simulated_patterns import simulated_patterns
else:
    simulated_patterns = later(__package__, "..methods.simulated_patterns", "simulated_patterns")

__all__ = ["Unmix"]


@spelled
class Unmix(View):
    """Unmix a 4D-STEM scan into component patterns and maps.

    ``signal.unmix`` of pyxem signals and ``datacube.unmix`` of py4DSTEM DataCubes return this object. ``Unmix(obj)`` does
    the same for these objects and for arrays. It is a view: creating it does not read or change any data.

    Parameters
    ----------
    obj : pyxem signal, py4DSTEM DataCube, quantem dataset, or array (scan_row, scan_col, det_row, det_col)
        The scan. Arrays can be NumPy arrays (also memory-mapped), dask arrays or open HDF5 datasets of any real dtype. A
        list of scans, or a pyxem signal with three navigation axes, gives one view of several scans, see ``docs/series.md``.
        Bragg vectors found by a host (py4DSTEM BraggVectors or PointListArray, pyxem DiffractionVectors) do not need a scan
        and give a view of features on a grid, see `bragg_disks`.
    centre : (float, float), optional
        Position of the direct beam (row, column) in detector pixels, instead of that of the host.
    pixel_size : float or (float, float), optional
        Size of a detector pixel, along (row, column).
    pixel_unit : str, optional
        Unit of the pixel size, for example ``"1/Å"``.
    step : float or (float, float), optional
        Distance between probe positions.
    step_unit : str, optional
        Unit of the step, for example ``"nm"``.
    ellipse : (float, float, float), optional
        Elliptical distortion, i.e. the image of a circle on the detector: semi-axes a and b, of which only the ratio is
        used, and the angle of a in degrees, counter-clockwise as seen with row 0 on top. Radii and angles are then those of
        the corrected pattern. For scans only.
    q_max : float or str, optional
        For Bragg vectors only: length of the longest vectors that are used, in their unit or with one. `pixel_size` is then
        the size of a grid cell, and `centre` is in the unit of the vectors.

    resample : bool
        If True, resample several scans to the detector grid of the first, by centre and pixel size. If False, they must have
        the same grid.
    skip_unreadable : bool
        If True, read each scan of a list completely once, and skip those that cannot be read or contain NaN, with a warning.
    doses : sequence of float or "estimate", optional
        Electrons, exposures or currents of several scans; only the ratios count. Every scan is scaled to the dose of the
        first, so that the same amount of a component has the same value in all maps. ``"estimate"`` reads each scan once and
        compares the counts of a typical pattern.

    Raises
    ------
    TypeError
        If `obj` has another type, or does not contain real numbers.
    ValueError
        If `obj` is not four-dimensional or is empty, or its file is closed.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> counts = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data
    >>> u = Unmix(counts, pixel_size=0.02, pixel_unit="1/Å", step=2, step_unit="nm")
    >>> u.prepare(bin=2).nmf(2, random_state=0).patterns.shape
    (2, 5, 10)
    """

    prepare = prepare
    region = region
    angular_average = angular_average
    radial_variance = radial_variance
    symmetry = symmetry
    friedel_odd = friedel_odd
    polar = polar
    bragg_disks = bragg_disks
    simulated_patterns = simulated_patterns
    split_counts = split_counts
    virtual_image = virtual_image
    noise_deviation = noise_deviation

    _looked = False
    _scan: Scan
    _unread: Any  # until it is read

    def __new__(
        cls,
        obj: Any,
        *,
        centre: tuple[float, float] | None = None,
        pixel_size: float | tuple[float, float] | None = None,
        pixel_unit: str | None = None,
        step: float | tuple[float, float] | None = None,
        step_unit: str | None = None,
        ellipse: tuple[float, float, float] | None = None,
        q_max: float | str | None = None,
        resample: bool = False,
        skip_unreadable: bool = False,
        doses: Any = None,
    ) -> Unmix:
        # Not __init__: Bragg vectors come without a scan, and are a view of features.
        facts = {
            "centre": centre, "pixel_size": pixel_size, "pixel_unit": pixel_unit, "step": step, "step_unit": step_unit,
        }  # fmt: skip
        if is_bragg_vectors(obj):
            if ellipse is not None:
                raise ValueError("ellipse is for scans only: Bragg vectors come with it taken out by their host")
            return view_of_vectors(obj, q_max=q_max, **facts)  # type: ignore[return-value]
        if q_max is not None:
            raise ValueError(f"q_max is for Bragg vectors only, got {type(obj).__name__}: use prepare(annulus=(0, q_max))")
        self = super().__new__(cls)
        if are_several(_scans_of(obj)):
            obj = _scans_of(obj)
        self._scan = read_scans(obj, resample, {**facts, "ellipse": ellipse}, skip_unreadable, doses)
        return self

    def __getnewargs__(self) -> tuple[Scan]:
        return (self.scan,)

    @classmethod
    def _of(cls, obj: Any) -> Unmix:
        """For the attribute of the hosts: nothing is looked at, and so nothing can fail, until it is used.

        Tools that walk through all attributes of an object must not trip over a signal that is not a scan.
        """
        self = super().__new__(cls)
        self._unread = obj
        return self

    @property
    def scan(self) -> Scan:
        """The scan of this view."""
        if not hasattr(self, "_scan"):
            self._scan = read_scans(self._unread, False, {})
            del self._unread  # a signal may hold what cannot be pickled
        return self._scan

    @property
    def geometry(self) -> ScanGeometry:
        """Shapes, masks, centre and calibration of this view."""
        return self.scan.geometry

    def persist(self) -> Unmix:
        """Compute the patterns of this view once and hold them in memory, in their own integer or float type.

        Each method reads and prepares a lazy view again, in every pass if it does not hold it in memory (see `keep` of
        `prepare`). If the prepared view fits into memory (its size is in the repr), persisting it saves all passes except
        the first.

        Returns
        -------
        Unmix

        Raises
        ------
        MemoryError
            If the view does not fit into memory.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> view = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).prepare(bin=2)
        >>> view.scan.lazy, view.persist().scan.lazy
        (True, False)
        """
        return self._of_the_same(persist(self.scan))

    def at_positions(self, keep: ArrayLike) -> Unmix:
        """Select some of the positions, as a view with the same methods.

        Parameters
        ----------
        keep : bool array (scan_row, scan_col)
            Positions to keep (True). Positions that are already excluded remain excluded.

        Returns
        -------
        Unmix

        Raises
        ------
        ValueError
            If no position is kept.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import Unmix, phantoms
        >>> u = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data)
        >>> u.at_positions(np.arange(12).reshape(3, 4) < 5).geometry.n_positions
        5
        """
        return self.prepare(scan_mask=~np.asarray(keep, bool))

    def matrix(self, precision: str = "single") -> PatternMatrix:
        """Return this view as a matrix (n_positions, n_pixels) that is read block by block.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).matrix().shape
        (12, 200)
        """
        checks.choice(precision, "precision", ("single", "double"))
        look_once = None if self._looked else self._look_once
        return PatternMatrix(self.scan.patterns, self.geometry, precision, look_once, keep=self.scan.keep)

    def _of_the_same(self, scan: Scan) -> Unmix:
        """A view of the same electrons, or of a part of them: what was said of them is not said again."""
        view = type(self)(scan)
        view._looked = self._looked
        return view

    def _look_once(self, statistics: Statistics | Glance) -> None:
        """The first pass of any method over this view shows what its answer rests on; to be told once is enough."""
        if not self._looked:
            self._looked = True
            look(statistics, self.geometry, self.scan.dtype)
            if isinstance(statistics, Statistics) and "doses" not in self.scan.host.record:
                say_if_unlike(statistics, self.geometry)

    def maximum_pattern(self) -> np.ndarray:
        """Compute the maximum of every pixel over all kept positions (det_row, det_col), NaN at excluded pixels.

        It shows spots that occur at a single position. It needs one pass, which is made only once.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).maximum_pattern().shape
        (10, 20)
        """
        if not hasattr(self, "_maximum"):
            with progress(self, 1, "maximum pattern") as tick:
                self._maximum = self.geometry.to_images(maximum_pattern(self.matrix())[None])[0]
                tick()
        return self._maximum.copy()

    def __repr__(self) -> str:
        geometry, cal = self.geometry, self.geometry.calibration
        scan, detector = (" x ".join(map(str, s)) for s in (geometry.scan_shape, geometry.detector_shape))
        lazy = "lazy " if self.scan.lazy else ""
        what = f"{lazy}{self.scan.host.kind} scan of {scan} positions, {detector} pixels, {self._describe_type()}"
        lines = [f"<Unmix: {what}>"]
        if geometry.scans:
            shapes = ", ".join(dict.fromkeys(f"{rows} x {cols}" for rows, cols in (part.shape for part in geometry.scans)))
            lines.append(f"  {len(geometry.scans)} scans of {shapes} positions, one below the other")
            lines += describe_doses(self.scan.host)
        lines.append(f"  {cal.describe_step()}, {cal.describe_pixel()}")
        known = "" if geometry.centre_known else " (not known, middle of the detector)"
        lines.append(f"  centre (row, col) = ({geometry.centre[0]:.2f}, {geometry.centre[1]:.2f}){known}")
        n_scanned = sum(math.prod(part.shape) for part in geometry.scans) or geometry.kept_positions.size
        excluded = n_scanned - geometry.n_positions, geometry.kept_pixels.size - geometry.n_pixels
        lines.append(f"  excluded: {excluded[0]} positions, {excluded[1]} pixels")
        if self.scan.lazy and (holder := holder_for(self.scan.patterns, geometry, np.dtype(np.float32), self.scan.keep)):
            lines.append(f"  held {holder.where} by methods of several passes; prepare(keep=False) reads it in each")
        for step in filter(None, self.scan.steps):  # prepare(keep=) alone prepares nothing
            lines.append("  prepared: " + ", ".join(f"{k}={_brief(v)}" for k, v in step.items()))
        lines.append("  .prepare() .region() .persist() .scree() .choose_k() .nmf(n) .merge_nmf() .fuzzy_cmeans(n) .svd(n)")
        lines.append("  .ica(n) .vca(n) .fit(known) .group_rotated() .nmf_series(ns) .fuzzy_validity(ns)")
        lines.append("  .virtual_image() .noise_deviation() .simulated_patterns(known)")
        lines.append("  features: .angular_average() .radial_variance() .symmetry() .friedel_odd() .polar() .bragg_disks()")
        return "\n".join(lines)

    def _describe_type(self) -> str:
        size = self.scan.nbytes
        return f"{self.scan.dtype}, " + (f"{size / 1e9:.2f} GB" if size > 5e8 else f"{size / 1e6:.3g} MB")


def _scans_of(obj: Any) -> Any:
    """A list of scans in which views may stand for theirs."""
    return [one.scan if isinstance(one, Unmix) else one for one in obj] if isinstance(obj, (list, tuple)) else obj


def _brief(value: Any) -> Any:
    return f"{value['excluded']} excluded" if isinstance(value, dict) and "excluded" in value else value
