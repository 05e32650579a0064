"""`FeatureView`: features of a scan, with the same methods as its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..core.scan import Scan
from ..core.spelling import spelled
from ..features import Features, at_positions, concatenated, scaled
from ..features.scaling import DEFAULT, KINDS
from ..methods.arguments import progress
from ..methods.bragg_vectors import bragg_disks
from .view import View

if TYPE_CHECKING:
    import dask.array

    from ..core.geometry import ScanGeometry
    from ..engine.matrix import PatternMatrix

__all__ = ["FeatureView"]


@spelled
class FeatureView(View):
    """Features of a scan: a few numbers for every pattern, which are decomposed like its pixels.

    ``Unmix.angular_average`` and similar methods return this class. Maps are found from the features, and component patterns
    are then fitted to the patterns of the scan for these maps. The fitted features are stored in ``.features`` of the
    result.

    Parameters
    ----------
    features : Features

    Attributes
    ----------
    features : Features
        Description of the features and, after they have been used, their values.

    Raises
    ------
    TypeError
        If `features` has another type.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
    >>> aa = Unmix(phantom.data, centre=phantom.centre).angular_average(rings=[(4, 10), (10, 18)])
    >>> aa.shape
    (8, 6, 2, 72)
    >>> result = aa.nmf(2, random_state=0)
    >>> result.patterns.shape, result.features.shape
    ((2, 40, 40), (2, 2, 72))
    """

    is_features = True

    bragg_disks = bragg_disks

    def __init__(self, features: Features) -> None:
        if not isinstance(features, Features):
            raise TypeError(f"features must be Features, got {type(features).__name__}")
        self.features = features

    @property
    def scan(self) -> Scan:
        """Scan from which the features were computed; without one, the features as images."""
        if self.features.source is not None:
            return self.features.source.scan
        if not hasattr(self, "_scan"):
            self._scan = Scan(_lazy_images(self.features), self.geometry, host=self.features.host)
        return self._scan

    @property
    def geometry(self) -> ScanGeometry:
        """Shapes, masks and calibration of the scan; the shape of the detector is that of the features."""
        return self.features.geometry

    @property
    def pixel_view(self) -> View:
        """View from which the features were computed and to which patterns of a result are fitted, otherwise this one."""
        return self if self.features.source is None else self.features.source

    def matrix(self, precision: str = "single") -> PatternMatrix:
        """Return the features as a matrix (n_positions, n_features).

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
        >>> Unmix(phantom.data, centre=phantom.centre).angular_average(rings=[(4, 10)]).matrix().shape
        (48, 72)
        """
        checks.choice(precision, "precision", ("single", "double"))
        if "values" not in self.features.__dict__:
            with progress(self, 1, self.features.kind.replace("_", " ")) as tick:
                self.features.values  # noqa: B018  (computed here, once)
                tick()
        return self.features.matrix(precision)

    def scaled(self, kind: str = DEFAULT) -> FeatureView:
        """Return the same features with another scaling, which sets their relative weight in a least-squares fit.

        Scalings do not accumulate: the unscaled features are always used.

        Parameters
        ----------
        kind : {"poisson", "none", "global", "minmax", "robust"}
            Scaling. ``"none"``: no scaling. ``"poisson"``: each feature is divided by its counting noise at its mean over
            the scan (Keenan and Kotula 2004), so that a weak ring contributes as much as a bright one relative to noise.
            ``"global"``: ``(x - min) / (max - min)`` with the extremes of all features together, which gives the same result
            except for the background. ``"minmax"``: the same for each feature separately (Bruefach 2022, eq. 2), so that all
            features have equal weight, including those with only noise. ``"robust"``: like minmax with the 0.5 and 99.5 %
            percentiles instead of the extremes; lower values become 0, and higher values remain above 1.

        Returns
        -------
        FeatureView
            The scaled features. A constant feature becomes 0.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
        >>> aa = Unmix(phantom.data, centre=phantom.centre).angular_average(rings=[(4, 10)], scaling="none")
        >>> float(aa.scaled("minmax").features.values.max())
        1.0
        """
        return FeatureView(scaled(self.features, checks.choice(kind, "kind", KINDS)))

    def concatenate(self, *others: FeatureView, weights: Sequence[float] | None = None) -> FeatureView:
        """Combine these features with others of the same positions.

        Every set of features is scaled to the sum of squares of this one, independently of its unit and number of features,
        and multiplied by its weight. Component patterns are fitted to the view from which these features were computed.

        Parameters
        ----------
        *others : FeatureView
        weights : sequence of float, optional
            One weight for these features and one for each of the others, at least 0. The default is 1. Features with weight
            0 are not used.

        Returns
        -------
        FeatureView
            Features of shape (1, n_features).

        Raises
        ------
        TypeError
            If one of the others is not a FeatureView.
        ValueError
            If they have other positions, or `weights` does not have one value per view, all at least 0 and one above 0.

        Examples
        --------
        >>> from unmix4d import Unmix, phantoms
        >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
        >>> u = Unmix(phantom.data, centre=phantom.centre)
        >>> u.angular_average(rings=[(4, 10)]).concatenate(u.radial_variance(4, 15), weights=[1, 0.5]).shape
        (8, 6, 1, 84)
        """
        for other in others:
            if not isinstance(other, FeatureView):
                raise TypeError(f"concatenate takes views of features, got {type(other).__name__}")
        n = 1 + len(others)
        try:
            weights = [1.0] * n if weights is None else list(weights)
        except TypeError:
            raise TypeError(f"weights must be a list of {n} numbers, got {weights!r}") from None
        weights = [checks.positive(weight, "weights", zero=True) for weight in weights]
        if len(weights) != n:
            raise ValueError(f"weights must be one for each of the {n} views, got {len(weights)}")
        return FeatureView(concatenated([self.features, *(other.features for other in others)], weights))

    def at_positions(self, keep: ArrayLike) -> FeatureView:
        """Return the same features for a part of the positions; `keep` is bool (scan_row, scan_col).

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d import Unmix, phantoms
        >>> phantom = phantoms.polycrystal(n_grains=2, scan_shape=(8, 6), detector_shape=(40, 40), seed=0)
        >>> aa = Unmix(phantom.data, centre=phantom.centre).angular_average(rings=[(4, 10)])
        >>> aa.at_positions(np.arange(48).reshape(8, 6) < 20).matrix().shape
        (20, 72)
        """
        return FeatureView(at_positions(self.features, keep))

    if not TYPE_CHECKING:  # type checkers say that it is not there, without being told

        def __getattr__(self, name):
            # Only asked for what is not there: say where it is, if it is the scan that has it.
            features = None if name.startswith("_") else self.__dict__.get("features")
            if features is None or not _for_scans(self, name):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            where = (
                f"the scan that they are made from: .pixel_view.{name}"
                if hasattr(type(features.source), name)
                else "a scan, which these have none of; .at_positions(keep) leaves positions out"
            )
            raise AttributeError(f"{name} is not for {features.kind} features, but for {where}")

    def __repr__(self) -> str:
        geometry, kind = self.geometry, self.features.kind.replace("_", " ")
        rows, cols = geometry.scan_shape
        shape = " x ".join(str(n) for n in geometry.detector_shape if n > 1) or "1"
        dropped = geometry.kept_pixels.size - geometry.n_pixels
        known = "in memory" if "values" in self.features.__dict__ else "not computed yet"
        lines = [f"<FeatureView: {kind}, {shape} features of {rows} x {cols} positions, {known}>"]
        lines.append(f"  {geometry.calibration.describe_step()}")
        lines.append(f"  excluded: {geometry.kept_positions.size - geometry.n_positions} positions, {dropped} features")
        told = {name: value for name, value in self.features.settings.items() if np.size(value) <= 8}
        if told:
            lines.append("  " + ", ".join(f"{name}={value!r}" for name, value in told.items()))
        lines.append("  .scree() .choose_k() .merge_nmf() .nmf(n) .fuzzy_cmeans(n) .svd(n) .scaled() .concatenate()")
        return "\n".join(lines)


def _for_scans(view: View, name: str) -> bool:
    return any(hasattr(kind, name) for kind in View.__subclasses__() if not isinstance(view, kind))


def _lazy_images(features: Features) -> dask.array.Array:
    """The features as (scan_row, scan_col, *image), 0 where excluded; nothing is computed."""
    import dask
    import dask.array as da

    shape = features.geometry.scan_shape + features.geometry.detector_shape
    return da.from_delayed(dask.delayed(_images, pure=False)(features), shape, dtype=np.dtype(np.float32))


def _images(features: Features) -> np.ndarray:
    geometry = features.geometry
    out = np.zeros((geometry.kept_positions.size, geometry.kept_pixels.size), np.float32)
    out[np.ix_(geometry.kept_positions, geometry.kept_pixels)] = features.values
    return out.reshape(geometry.scan_shape + geometry.detector_shape)
