"""`View`: what a scan and features of it can both be asked for. Every method is listed here and lives in `methods/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..core.geometry import ScanGeometry
from ..core.later import later
from ..core.scan import Scan
from ..core.spelling import spelled

if TYPE_CHECKING:
    from ..engine.matrix import PatternMatrix
    from ..methods.choose_k import choose_k
    from ..methods.compress import compress
    from ..methods.fit import fit
    from ..methods.fuzzy_cmeans import fuzzy_cmeans, fuzzy_validity
    from ..methods.group_rotated import group_rotated
    from ..methods.ica import ica
    from ..methods.merge_nmf import merge_nmf
    from ..methods.nmf import nmf
    from ..methods.nmf_series import nmf_series
    from ..methods.svd import pca, scree, svd
    from ..methods.vca import vca
else:
    choose_k = later(__package__, "..methods.choose_k", "choose_k")
    compress = later(__package__, "..methods.compress", "compress")
    fit = later(__package__, "..methods.fit", "fit")
    fuzzy_cmeans, fuzzy_validity = later(__package__, "..methods.fuzzy_cmeans", "fuzzy_cmeans", "fuzzy_validity")
    group_rotated = later(__package__, "..methods.group_rotated", "group_rotated")
    ica = later(__package__, "..methods.ica", "ica")
    merge_nmf = later(__package__, "..methods.merge_nmf", "merge_nmf")
    nmf = later(__package__, "..methods.nmf", "nmf")
    nmf_series = later(__package__, "..methods.nmf_series", "nmf_series")
    pca, scree, svd = later(__package__, "..methods.svd", "pca", "scree", "svd")
    vca = later(__package__, "..methods.vca", "vca")

__all__ = ["View"]


@spelled
class View(ABC):
    """A matrix of positions and pixels (or features), where they belong, and the methods that take it apart.

    Attributes
    ----------
    is_features : bool
        Whether the columns are features, and not pixels of the detector.
    """

    is_features = False

    svd = svd
    pca = pca
    scree = scree
    ica = ica
    vca = vca
    nmf = nmf
    nmf_series = nmf_series
    fit = fit
    compress = compress
    merge_nmf = merge_nmf
    fuzzy_cmeans = fuzzy_cmeans
    fuzzy_validity = fuzzy_validity
    choose_k = choose_k
    group_rotated = group_rotated

    @property
    @abstractmethod
    def scan(self) -> Scan:
        """The facts about the scan."""

    @property
    @abstractmethod
    def geometry(self) -> ScanGeometry:
        """Shapes, masks, centre and calibration of this view."""

    @abstractmethod
    def matrix(self, precision: str = "single") -> PatternMatrix:
        """This view as a matrix (n_positions, n_pixels or n_features) that is read block by block."""

    @abstractmethod
    def at_positions(self, keep: ArrayLike) -> View:
        """The same view of some of its positions only."""

    @property
    def pixel_view(self) -> View:
        """View whose patterns a result shows: this one, or the one from which features were computed."""
        return self

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of this view, (scan_row, scan_col, det_row, det_col); of features, the last two are their shape."""
        return self.geometry.scan_shape + self.geometry.detector_shape

    def mean_pattern(self) -> np.ndarray:
        """Compute the mean of all kept patterns (det_row, det_col), NaN at excluded pixels, in one pass.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> Unmix(phantoms.random_scan(shape=(3, 4, 10, 20), seed=0).data).mean_pattern().shape
        (10, 20)
        """
        return self.geometry.to_images(self.matrix().statistics().mean_pattern[None])[0]
