"""Maps no sharper than the probe."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..core.messages import warn
from ..core.units import PIXELS, canonical_unit, convert, in_pixels, is_calibrated, parse_length
from ._base import Constraint
from ._smoothing import Convolution, LowPass, gaussian

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["SmoothMaps"]

_FWHM = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian, in sigma
_PUBLISHED = 2.0 / 1.5  # probe over step in Kimoto 2025: a probe of 2 nm, full width at half maximum, and steps of 1.5 nm
_NYQUIST = 0.5  # cycles per position, the highest frequency that a scan holds


class SmoothMaps(Constraint):
    """Convolve every map with the shape of the probe, so that maps are not sharper than the probe.

    A map is clipped at zero, then smoothed [1]_. Borders and excluded positions have no weight, so a constant map stays
    constant. Line scans are smoothed along the line. Pass exactly one of `probe_fwhm`, `sigma`, `kernel` and `cutoff`, or
    `as_published`.

    Parameters
    ----------
    probe_fwhm : float or str, optional
        Full width at half maximum of the probe, in positions or with a unit (``"2 nm"``). The kernel is a Gaussian of sigma
        = FWHM / 2.355.
    sigma : float or (float, float), optional
        Sigma of a Gaussian in positions, one value or (row, column).
    kernel : array_like, optional
        Non-negative two-dimensional kernel with odd numbers of rows and columns. It is scaled to a sum of 1.
    cutoff : float or str, optional
        Highest spatial frequency that is kept, in cycles per position (at most 0.5) or with a unit (``"0.25 1/nm"``). The
        response decreases as a cosine from 1 at frequency 0 to 1/2 at half of the cut-off and 0 at the cut-off. A steeper
        response would ring at edges.
    between_scans : float, optional
        Sigma of an additional Gaussian along a series, in scans, for several scans of one shape (`Unmix` of a list). It
        blurs features that move from scan to scan by more than the probe.
    as_published : bool
        If True, use the 3 x 3 Gaussian kernel of [1]_, for a probe of 2 nm and a step of 1.5 nm (sigma 0.57 positions). With
        `probe_fwhm` or `sigma`, use the Gaussian of that width, cropped to 3 x 3.

    Raises
    ------
    ValueError
        If none or more than one is given, a value is outside its range, a unit does not fit the scan, or (on `bind`)
        the scan is a single position.
    TypeError
        If an argument is of a wrong type.

    Notes
    -----
    If the step is larger than the probe, neighbouring positions share nothing and smoothing erases features in a single
    position: `bind` warns. Smoothed maps fit the data less well than free ones, so do not use the error to decide whether
    they are better [1]_.

    References
    ----------
    .. [1] Kimoto et al. 2025, constrained NMF of 4D-STEM data, Fig. 5.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.constraints import SmoothMaps
    >>> from unmix4d.core.geometry import Calibration, ScanGeometry
    >>> geometry = ScanGeometry((5, 5), (8, 8), calibration=Calibration(step=(1.5, 1.5), step_unit="nm"))
    >>> smooth = SmoothMaps(probe_fwhm="2 nm").bind(geometry)
    >>> point = np.zeros((25, 1))
    >>> point[12] = 1
    >>> smooth.images(smooth.project(point))[0, 2].round(3)
    array([0.001, 0.104, 0.493, 0.104, 0.001])
    """

    on = "maps"
    smoothing = True

    def __init__(
        self,
        *,
        probe_fwhm: float | str | None = None,
        sigma: float | tuple[float, float] | None = None,
        kernel: ArrayLike | None = None,
        cutoff: float | str | None = None,
        between_scans: float | None = None,
        as_published: bool = False,
    ) -> None:
        choices = {"probe_fwhm": probe_fwhm, "sigma": sigma, "kernel": kernel, "cutoff": cutoff}
        given = [name for name, value in choices.items() if value is not None]
        self.as_published = checks.flag(as_published, "as_published")
        if len(given) > 1 or not (given or as_published):
            found = ", ".join(given) or "none"
            raise ValueError(f"SmoothMaps needs exactly one of {', '.join(choices)} (or as_published=True), got {found}")
        if as_published and given and given[0] in ("kernel", "cutoff"):
            raise ValueError(f"as_published=True has a Gaussian kernel, got {given[0]} too: leave one of them out")
        self.probe_fwhm = _length(probe_fwhm, "probe_fwhm")
        self.sigma = _sigma(sigma)
        self.kernel = _kernel(kernel)
        self.cutoff = _length(cutoff, "cutoff")
        self.between_scans = None if between_scans is None else checks.positive(between_scans, "between_scans")
        if isinstance(self.cutoff, float) and self.cutoff > _NYQUIST:
            raise ValueError(f"cutoff must be at most {_NYQUIST} cycles per position, got {cutoff}")

    def bind(self, geometry: ScanGeometry) -> SmoothMaps:
        """Prepare the smoothing for the borders, the mask and the step of a scan."""
        super().bind(geometry)
        if max(geometry.scan_shape) == 1:
            raise ValueError("SmoothMaps needs a scan of several positions, but this one has a single position")
        along = None if self.between_scans is None else self._along(geometry)
        if self.cutoff is not None:
            self._apply: LowPass | Convolution = LowPass(
                geometry.scan_shape, self._cutoffs(), geometry.kept_positions, geometry.scan_slices, along
            )
            return self
        kernel = self.kernel
        if kernel is None:
            reach = 1 if self.as_published else None
            # What reaches beyond the scan has no weight there: a probe of any width needs no longer kernel.
            sizes = zip(self._sigmas(), geometry.scan_shape)
            down, across = (gaussian(s, reach if n > 1 else 0, most=n - 1) for s, n in sizes)
            kernel = np.outer(down, across)
        self._apply = Convolution(geometry.scan_shape, kernel, geometry.kept_positions, geometry.scan_slices, along)
        return self

    def _along(self, geometry: ScanGeometry) -> np.ndarray:
        """Weights of the scans before and after."""
        shapes = sorted({part.shape for part in geometry.scans})
        if len(shapes) != 1:
            found = "a single scan" if not shapes else f"scans of {shapes[0]} and {shapes[-1]} positions"
            raise ValueError(f"between_scans needs several scans of one shape, got {found}")
        return gaussian(self.between_scans or 0.0, most=len(geometry.scans) - 1)

    def smooth(self, A: np.ndarray) -> np.ndarray:
        """Smooth maps (scan_row * scan_col, k) without clipping them: the linear part of `project`.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.constraints import SmoothMaps
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> smooth = SmoothMaps(sigma=1).bind(ScanGeometry((5, 5), (8, 8)))
        >>> bool(np.allclose(smooth.smooth(np.full((25, 1), -2.0)), -2))
        True
        """
        return self._apply(self._fitting(A))

    def adjoint(self, A: np.ndarray) -> np.ndarray:
        """Return the transpose of `smooth` (scan_row * scan_col, k). It differs where borders or masks cut the kernel.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.constraints import SmoothMaps
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> smooth = SmoothMaps(sigma=1).bind(ScanGeometry((5, 5), (8, 8)))
        >>> a, b = np.random.default_rng(0).random((2, 25, 1))
        >>> bool(np.isclose((smooth.smooth(a) * b).sum(), (a * smooth.adjoint(b)).sum()))
        True
        """
        return self._apply.adjoint(self._fitting(A))

    def project(self, A: np.ndarray) -> np.ndarray:
        """Clip the maps at zero, then smooth them."""
        clipped = np.maximum(self._fitting(A), 0)
        out = self._apply(clipped)
        # A low-pass may ring below zero; a kernel cannot.
        return np.maximum(out, 0, out=out) if self.cutoff is not None else out

    def _scanned(self) -> list[int]:
        """Axes along which there is more than one position."""
        return [axis for axis in (0, 1) if self.geometry.scan_shape[axis] > 1]

    def _sigmas(self) -> tuple[float, ...]:
        """Sigma in positions along (row, column)."""
        if self.sigma is not None:
            return self.sigma
        if self.probe_fwhm is None:
            return (_PUBLISHED / _FWHM,) * 2
        facts = self.geometry.calibration
        widths = [in_pixels(self.probe_fwhm, step, facts.step_unit, "probe_fwhm") for step in facts.step]
        narrow = min(widths[axis] for axis in self._scanned())
        if narrow < 1:
            warn(
                f"the scan step is larger than the probe: probe_fwhm={self.probe_fwhm!r} is {narrow:.2g} positions, so "
                "neighbours share nothing, and SmoothMaps erases features of a single position"
            )
        return tuple(width / _FWHM for width in widths)

    def _cutoffs(self) -> Any:
        """Cut-off in cycles per position along (row, column)."""
        if not isinstance(self.cutoff, str):
            return (self.cutoff,) * 2
        facts = self.geometry.calibration
        number, given = parse_length(self.cutoff, "cutoff")
        if not is_calibrated(facts.step_unit):
            raise ValueError(f"cutoff = {self.cutoff!r} has a unit, but the scan has none: give cycles per position")
        try:
            per_length = convert(number, given, "1/" + canonical_unit(facts.step_unit))
        except ValueError:
            raise ValueError(f"cutoff = {self.cutoff!r} does not fit a scan calibrated in {facts.step_unit}") from None
        cutoffs = tuple(per_length * step for step in facts.step)
        if min(cutoffs[axis] for axis in self._scanned()) > _NYQUIST:
            warn(f"cutoff={self.cutoff!r} is beyond what the scan step can show: SmoothMaps keeps nearly everything")
        return cutoffs


def _length(value: Any, name: str) -> float | str | None:
    """A positive number, or a text that is read where the calibration is known."""
    if value is None:
        return None
    if isinstance(value, str):
        number, unit = parse_length(value, name)
        if unit == PIXELS and name == "cutoff":
            raise ValueError(f"cutoff must be a number (cycles per position) or a string such as '0.25 1/nm', got {value!r}")
        checks.positive(number, name)
        return value
    return checks.positive(value, name)


def _sigma(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    if isinstance(value, (bool, str)):
        raise TypeError(f"sigma must be a number of positions or a (row, column) pair, got {value!r}")
    pair = checks.pair(value, "sigma")
    if min(pair) < 0 or max(pair) == 0:
        raise ValueError(f"sigma must be at least 0 and not 0 along both axes, got {value!r}")
    return pair


def _kernel(value: Any) -> np.ndarray | None:
    if value is None:
        return None
    kernel = np.array(value)
    checks.real_dtype(kernel.dtype, "kernel")
    if kernel.ndim != 2 or not all(n % 2 for n in kernel.shape):
        raise ValueError(f"kernel must have two dimensions of odd length, got the shape {kernel.shape}")
    kernel = kernel.astype(np.float64)
    if not np.isfinite(kernel).all() or (kernel < 0).any() or not kernel.any():
        low, high = kernel.min(), kernel.max()
        raise ValueError(f"kernel must be finite, at least 0 and not 0 everywhere, got values from {low} to {high}")
    kernel /= kernel.sum()
    kernel.setflags(write=False)
    return kernel
