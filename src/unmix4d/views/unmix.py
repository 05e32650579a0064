"""`Unmix`: what ``s.unmix``, ``datacube.unmix`` and ``Unmix(array)`` offer. It checks, prepares and delegates."""

from __future__ import annotations

import numpy as np

from .. import hosts
from ..core import checks
from ..core.progress import progress
from ..core.scan import Scan, override
from ..engine.matrix import PatternMatrix
from ..methods import (
    BraggDiskMethods,
    ChooseKMethods,
    CompressMethods,
    CountsMethods,
    FeatureMethods,
    FuzzyMethods,
    GroupingOfPositions,
    ICAMethods,
    MergeMethods,
    NMFMethods,
    NMFSeriesMethods,
    NoiseMethods,
    SVDMethods,
    VCAMethods,
)
from ..methods.bragg_disks import become_view_of_vectors, is_bragg_vectors
from ..methods.prepare import with_plain_spots
from ..preparation import disks, persist, prepare

__all__ = ["Unmix"]


class Unmix(
    SVDMethods, ICAMethods, VCAMethods, CompressMethods, CountsMethods, NMFMethods, NMFSeriesMethods,
    FeatureMethods, FuzzyMethods, BraggDiskMethods, MergeMethods, ChooseKMethods, NoiseMethods,
    GroupingOfPositions,
):  # fmt: skip
    """Unmix a 4D-STEM scan into component patterns and maps.

    ``signal.unmix`` on pyxem signals and ``datacube.unmix`` on py4DSTEM DataCubes give this object; ``Unmix(obj)`` does the
    same for any of them and for plain arrays. It holds a view: making one reads nothing and changes nothing.

    Parameters
    ----------
    obj : pyxem signal, py4DSTEM DataCube, quantem dataset, or array (scan_row, scan_col, det_row, det_col)
        Arrays may be NumPy (also memory-mapped), dask, or open HDF5 datasets, of any real dtype. Bragg vectors that a host
        has found (py4DSTEM BraggVectors or PointListArray, pyxem DiffractionVectors) are taken without a scan, and give a
        view of their raster: see `bragg_disks`.
    centre : (float, float), optional
        Position of the direct beam (row, column) in detector pixels, instead of what the host says.
    pixel_size : float or (float, float), optional
        Size of a detector pixel, along (row, column).
    pixel_unit : str, optional
        Its unit, ``"1/Å"`` for example.
    step : float or (float, float), optional
        Distance between probe positions.
    step_unit : str, optional
        Its unit, ``"nm"`` for example.
    q_max : float or str, optional
        For Bragg vectors only: the longest that are used, in their own unit or with one. `pixel_size` is then that of the
        cells of the raster, and `centre` counts in what the vectors do.

    Raises
    ------
    TypeError
        When `obj` is none of these, or holds no real numbers.
    ValueError
        When it is not four-dimensional, empty, or its file is closed.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d import Unmix
    >>> counts = np.random.default_rng(0).poisson(3.0, (6, 8, 10, 20)).astype("uint16")
    >>> u = Unmix(counts, pixel_size=0.02, pixel_unit="1/Å", step=2, step_unit="nm")
    >>> u.prepare(bin=2).nmf(2, random_state=0).patterns.shape
    (2, 5, 10)
    """

    def __init__(
        self, obj, *, centre=None, pixel_size=None, pixel_unit=None, step=None, step_unit=None, q_max=None
    ):  # fmt: skip
        if is_bragg_vectors(obj):
            become_view_of_vectors(
                self, obj, centre=centre, pixel_size=pixel_size, pixel_unit=pixel_unit, step=step, step_unit=step_unit,
                q_max=q_max,
            )  # fmt: skip
            return
        if q_max is not None:
            raise ValueError(f"q_max is for Bragg vectors only, got {type(obj).__name__}: use prepare(annulus=(0, q_max))")
        scan = obj if isinstance(obj, Scan) else hosts.read_scan(obj)
        self._scan = override(
            scan, centre=centre, pixel_size=pixel_size, pixel_unit=pixel_unit, step=step, step_unit=step_unit
        )

    @classmethod
    def _of(cls, obj) -> Unmix:
        """For the attribute of the hosts: nothing is looked at, and so nothing can fail, until it is used.

        Tools that walk through all attributes of an object must not trip over a signal that is no scan.
        """
        self = cls.__new__(cls)
        self._unread = obj
        return self

    @property
    def scan(self) -> Scan:
        """The facts about this view."""
        if not hasattr(self, "_scan"):
            self._scan = hosts.read_scan(self._unread)
            del self._unread  # a signal may hold what cannot be pickled
        return self._scan

    @property
    def geometry(self):
        """Shapes, masks, centre and calibration of this view."""
        return self.scan.geometry

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(scan_row, scan_col, det_row, det_col) of this view."""
        return self.scan.shape

    def prepare(
        self,
        *,
        direct_beam=None,
        annulus=None,
        detector_mask=None,
        scan_mask=None,
        crop=None,
        bin=None,
        friedel=False,
        average_neighbours=None,
        hot_pixels=None,
        align=None,
        gain=None,
        redraw_peaks=None,
    ) -> Unmix:
        """A prepared view with the same methods. Nothing is computed now, and nothing of yours is changed.

        Lengths are detector pixels of this view, or texts with a unit such as ``"0.12 1/Å"``. Whatever the order of the
        arguments, the preparations are done in this one: given masks, hot pixels, gain, align, masks by radius, crop, bin,
        friedel, average_neighbours, redraw_peaks.

        Parameters
        ----------
        direct_beam : float or str, optional
            Exclude the pixels within this radius of the centre.
        annulus : (inner, outer), optional
            Use only the pixels between these two radii; None leaves a side open.
        detector_mask : bool array or HyperSpy signal (det_row, det_col), optional
            True = excluded.
        scan_mask : bool array or HyperSpy signal (scan_row, scan_col), optional
            True = excluded.
        crop : ((row0, row1), (col0, col1)), optional
            Part of the detector, in pixels. Crop the scan with the host.
        bin : int or (int, int), optional
            Sum so many detector pixels; integers become as wide as the sums need.
        friedel : bool
            Average each pixel with the one opposite to the centre (of the nearest half pixel); pixels whose partner is
            excluded or outside keep their own value. Only right where opposite spots are equally strong.
        average_neighbours : int, optional
            Mean over 3 x 3 (5 x 5, ...) probe positions; excluded positions are left out.
        hot_pixels : bool, float or bool array (det_row, det_col), optional
            Replace hot pixels by the median of their neighbours: known ones (array), or those that exceed, in one
            pattern, 10 times (True) or a given number of times the sum of the brightest of their eight neighbours and
            the median of the pattern's non-zero values. Two hot pixels side by side hide each other: give them.
        align : bool or array (scan_row, scan_col, 2), optional
            Move every pattern by whole pixels so that its beam (row, column) comes to the centre: from the positions the
            host knows (True) or the given ones. Pixels without data in some pattern are excluded.
        gain : float, optional
            Intensity units per electron; the view is then in electrons.
        redraw_peaks : True, float, str, Bragg vectors or dict, optional
            Replace every pattern by its spots, each a Gaussian at the sub-pixel place and with the intensity of the spot, on
            zero background (the idea of ePattern, Folastre 2024, as in Cao 2025). A number or a length is the radius of a
            spot (True: 2 pixels of the prepared view); the Gaussian has half of it as standard deviation. A dict has
            ``radius`` and ``threshold``: a spot stands out by so many standard deviations of the noise (5). Bragg vectors
            that the host has found in this view (or a dict with ``vectors`` and ``radius``) are drawn instead of our own.
            Weak spots, halo and rings are lost, values are no counts any more: `unmix4d.constraints.NoDarkSpots`,
            `radial_variance` and `split_counts` refuse the view.

        Returns
        -------
        Unmix

        Raises
        ------
        ValueError
            When a mask leaves nothing, a bin does not divide, a length has the wrong unit, or shapes do not fit.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> u = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data, centre=(4.5, 9.5))
        >>> u.prepare(direct_beam=2, bin=2).shape
        (3, 4, 5, 10)
        """
        return Unmix(
            prepare(
                self.scan, direct_beam=direct_beam, annulus=annulus, detector_mask=detector_mask, scan_mask=scan_mask,
                crop=crop, bin=bin, friedel=friedel, average_neighbours=average_neighbours, hot_pixels=hot_pixels,
                align=align, gain=gain, redraw_peaks=with_plain_spots(redraw_peaks, self.geometry),
            )
        )  # fmt: skip

    def persist(self) -> Unmix:
        """This view with its patterns computed once and held in memory, in their own integer or float type.

        A lazy view is read and prepared again in every pass over it, and NMF makes one per iteration: where the prepared
        view fits into memory (its size is in the repr), persisting it saves all but the first.

        Returns
        -------
        Unmix

        Raises
        ------
        MemoryError
            When it does not fit.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> view = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).prepare(bin=2)
        >>> view.scan.lazy, view.persist().scan.lazy
        (True, False)
        """
        return Unmix(persist(self.scan))

    def at_positions(self, keep) -> Unmix:
        """The same view of some of its positions only.

        Parameters
        ----------
        keep : bool array (scan_row, scan_col)
            True = kept; what is excluded already stays excluded.

        Returns
        -------
        Unmix or FeatureView

        Raises
        ------
        ValueError
            When nothing is kept.

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
        """This view as a matrix (n_positions, n_pixels) that is read block by block.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).matrix().shape
        (12, 200)
        """
        checks.choice(precision, "precision", ("single", "double"))
        return PatternMatrix(self.scan.patterns, self.geometry, precision)

    def mean_pattern(self) -> np.ndarray:
        """Mean of all kept patterns (det_row, det_col), NaN at excluded pixels; one pass.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).mean_pattern().shape
        (10, 20)
        """
        return self.geometry.to_images(self.matrix().statistics().mean_pattern[None])[0]

    def virtual_image(self, spots, radius) -> np.ndarray:
        """Intensity within disks of the detector at every position: a virtual dark (or bright) field; one pass.

        Parameters
        ----------
        spots : (float, float) or sequence of them
            Positions (row, column) of the disks in detector pixels.
        radius : float or str
            Of the disks: detector pixels, or a text with a unit such as ``"0.05 1/Å"``.

        Returns
        -------
        ndarray (scan_row, scan_col)
            NaN where excluded.

        Raises
        ------
        ValueError
            When a disk holds no kept pixel, or a kept value is NaN or infinite.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> u = Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data)
        >>> u.virtual_image([(4, 6), (5, 13)], radius=2).shape
        (3, 4)
        """
        matrix = self.matrix()
        image = matrix.times(disks(self.geometry, spots, radius).astype(matrix.dtype)[:, None])
        if not np.isfinite(image).all():
            matrix.statistics()  # says where a value is not finite, or too large
        return self.geometry.to_maps(image)[0]

    def _components(self, n, name="n"):
        n_positions, n_pixels = self.geometry.n_positions, self.geometry.n_pixels
        smaller = min(n_positions, n_pixels)
        why = f", the smaller of {n_positions} kept positions and {n_pixels} kept pixels"
        return checks.count(n, name, maximum=smaller, why=why)

    def _progress(self, total, description):
        return progress(total, description, hosts.progress_wanted(self.scan.host.kind))

    def __repr__(self):
        geometry, cal = self.geometry, self.geometry.calibration
        scan, detector = (" x ".join(map(str, s)) for s in (geometry.scan_shape, geometry.detector_shape))
        lazy = "lazy " if self.scan.lazy else ""
        what = f"{lazy}{self.scan.host.kind} scan of {scan} positions, {detector} pixels, {self._describe_type()}"
        lines = [f"<Unmix: {what}>"]
        lines.append(f"  {cal.describe_step()}, {cal.describe_pixel()}")
        known = "" if geometry.centre_known else " (not known, middle of the detector)"
        lines.append(f"  centre (row, col) = ({geometry.centre[0]:.2f}, {geometry.centre[1]:.2f}){known}")
        excluded = geometry.kept_positions.size - geometry.n_positions, geometry.kept_pixels.size - geometry.n_pixels
        lines.append(f"  excluded: {excluded[0]} positions, {excluded[1]} pixels")
        for step in self.scan.steps:
            lines.append("  prepared: " + ", ".join(f"{k}={_brief(v)}" for k, v in step.items()))
        lines.append("  .prepare() .persist() .scree() .choose_k() .svd() .pca() .ica() .vca() .nmf() .nmf_series()")
        lines.append("  .fuzzy_cmeans() .fuzzy_validity() .group_rotated() .virtual_image() .noise_deviation()")
        lines.append("  features: .angular_average() .radial_variance() .symmetry() .polar() .bragg_disks()")
        return "\n".join(lines)

    def _describe_type(self):
        size = self.scan.nbytes
        return f"{self.scan.dtype}, " + (f"{size / 1e9:.2f} GB" if size > 5e8 else f"{size / 1e6:.3g} MB")


def _brief(value):
    return f"{value['excluded']} excluded" if isinstance(value, dict) and "excluded" in value else value
