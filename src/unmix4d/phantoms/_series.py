"""A series of scans of one place, in which grains grow, vanish and rotate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from ._build import assemble, begin
from ._checks import check_count, check_range, check_shape
from ._crystals import random_spots
from ._maps import smooth_field
from ._patterns import DIFFUSE, rotate, unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._phantom import Phantom

__all__ = ["PhantomSeries", "series"]

_NAMES = ("film", "steady", "growing", "vanishing", "before the turn", "after the turn")
# Middles of the grains and their radius, in parts of the scan; the last two are one grain that turns.
_PLACES = ((0.22, 0.25), (0.28, 0.72), (0.75, 0.25), (0.75, 0.74), (0.75, 0.74))
_RADIUS, _EDGE = 0.17, 0.7  # in parts of the scan; sigma of the probe in positions, as of the other phantoms
_TURN = 24.0  # degrees
_ALIKE, _TRIES = 0.7, 200  # cosine of two grains, which random lattices may exceed by chance; a bound, no table


@dataclass(frozen=True, eq=False)
class PhantomSeries:
    """Several simulated scans of one place: a sequence of `Phantom` with the same patterns.

    Attributes
    ----------
    scans : tuple of Phantom
        The scans. Patterns are in electrons at the dose of each scan; maps are shares, in the same order for all scans.
    onset : ndarray of int (k,)
        First scan in which the component is present; the number of scans if there is none.
    end : ndarray of int (k,)
        Last scan in which the component is present.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
    >>> len(film), film[0].maps.shape, film.onset.tolist(), film.end.tolist()
    (4, (6, 12, 12), [0, 0, 1, 0, 0, 2], [3, 3, 3, 1, 1, 3])
    """

    scans: tuple[Phantom, ...]
    onset: np.ndarray
    end: np.ndarray

    @property
    def data(self) -> list[np.ndarray]:
        """Data of the scans, as ``Unmix`` accepts them."""
        return [scan.data for scan in self.scans]

    @property
    def maps(self) -> np.ndarray:
        """True maps of all scans (n_scans, k, scan_row, scan_col)."""
        return np.stack([scan.maps for scan in self.scans])

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, i: int) -> Phantom:
        return self.scans[i]

    def __iter__(self) -> Iterator[Phantom]:
        return iter(self.scans)

    def to_pyxem(self, lazy: bool = False) -> Any:
        """Return one pyxem signal with three navigation axes. The slowest axis is the temperature, in steps of 50 °C.

        Examples
        --------
        >>> from unmix4d import phantoms
        >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
        >>> film.to_pyxem()  # doctest: +SKIP
        <ElectronDiffraction2D, title: series, dimensions: (12, 12, 4|32, 32)>
        """
        import hyperspy.api as hs

        signal = hs.stack(
            [scan.to_pyxem(lazy=lazy) for scan in self.scans], new_axis_name="temperature", show_progressbar=False
        )
        axis = signal.axes_manager["temperature"]
        axis.scale, axis.offset, axis.units = 50.0, 20.0, "°C"
        signal.metadata.General.title = "series"
        return signal


def series(
    *,
    n_scans: int = 8,
    scan_shape: tuple[int, int] = (24, 24),
    detector_shape: tuple[int, int] = (64, 64),
    share: float = 0.6,
    weak: float = 1.0,
    direct_beam: float = 0.0,
    drift: tuple[float, float] = (0.0, 0.0),
    dose: float | Sequence[float] | None = 1e3,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 2.0,
    seed: int | None = 0,
) -> PhantomSeries:
    """Simulate scans of an amorphous film in which one grain stays, one grows, one vanishes and one rotates.

    The growing grain appears after a quarter of the scans and is largest in the last one. The vanishing grain is largest in
    the first scan and is absent in the second half. The fourth grain is rotated in the plane by 24 degrees after half of
    the scans, which makes it a separate component. The expectation of the data is exactly the sum of maps times patterns.

    Parameters
    ----------
    n_scans : int
        Number of scans, at least 4.
    scan_shape, detector_shape : tuple of int
        Shapes of each scan and of the detector.
    share : float
        Share of a grain in the intensity of a position in its middle.
    weak : float
        Share of the steady grain, relative to the others.
    direct_beam : float
        Share of the dose in the direct beam, in all patterns.
    drift : (float, float)
        Drift of the specimen from each scan to the next, in positions along (row, column).
    dose : float, sequence of float, or None
        Electrons per pattern, for all scans or for each. With None there is no noise.
    pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    PhantomSeries

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> film = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), dose=[1e3, 500, 500, 100], seed=0)
    >>> [round(float(scan.data.sum()) / 144, -2) for scan in film]
    [1000.0, 500.0, 500.0, 100.0]
    """
    settings = dict(locals(), builder="series")
    n = check_count("n_scans", n_scans, 4)
    scan_shape = check_shape("scan_shape", scan_shape, smallest=8)
    check_range("share", share, 0, 1, open_low=True, open_high=True)
    check_range("weak", weak, 0, 1)
    if np.shape(drift) != (2,):
        raise ValueError(f"drift must be two numbers (row, column), found {drift!r}")
    for one in drift:
        check_range("drift", one, -1, 1)
    doses = [dose] * n if dose is None or np.ndim(dose) == 0 else list(dose)  # type: ignore[arg-type]
    if len(doses) != n:
        raise ValueError(f"dose must be one number or {n} of them, one for each scan, found {len(doses)}")
    detector, structure, pattern_rng, noise_rng = begin(settings)
    patterns = _patterns(detector, pattern_rng)
    sizes = _sizes(n)
    uneven = 1 + 0.2 * smooth_field(scan_shape, structure, max(scan_shape) / 4)
    scans = []
    for i in range(n):
        maps = _maps(scan_shape, sizes[i], share * np.array([weak, 1, 1, 1, 1]), uneven, i * np.asarray(drift))
        own = {**settings, "dose": doses[i], "scan": i}
        scans.append(assemble(own, patterns, maps, detector, noise_rng, _NAMES))
    there = np.column_stack([np.ones(n, bool), sizes > 0])
    onset = np.where(there.any(0), there.argmax(0), n)
    return PhantomSeries(tuple(scans), onset, n - 1 - there[::-1].argmax(0))


def _patterns(detector, rng):
    """Those of the halo, of three grains, and of one in two rotations; no two of them are nearly the same."""
    drawn: list[np.ndarray] = []
    for _ in range(_TRIES):
        xy, intensity = random_spots(detector, rng)
        turns = (0.0, _TURN) if len(drawn) == 3 else (0.0,)
        new = [unit(detector.spots(rotate(xy, turn), intensity, 3.0)) for turn in turns]
        if _largest_cosine([*drawn, *new]) < _ALIKE:
            drawn += new
        if len(drawn) == 5:
            break
    else:
        raise ValueError(f"detector_shape {detector.shape} is too small for five patterns that can be distinguished")
    return [detector.halo(), *((1 - DIFFUSE) * one + DIFFUSE * detector.diffuse() for one in drawn)]


def _largest_cosine(images):
    units = np.array([one.ravel() / np.linalg.norm(one) for one in images])
    return (units @ units.T - 2 * np.eye(len(units))).max()


def _sizes(n):
    """Size of each grain in each scan (n, 5), from 0 to 1."""
    time, first, half = np.arange(n), n // 4, n // 2
    growing = np.where(time < first, 0, (time - first + 1) / (n - first)) ** 0.5
    vanishing = np.where(time < half, 1 - time / half, 0.0) ** 0.5
    return np.column_stack([np.ones(n), growing, vanishing, time < half, time >= half]).astype(float)


def _maps(scan_shape, sizes, shares, uneven, moved):
    row, col = np.indices(scan_shape) - moved[:, None, None]
    maps = []
    for (down, across), size, share in zip(_PLACES, sizes, shares):
        away = np.hypot((row / (scan_shape[0] - 1) - down), (col / (scan_shape[1] - 1) - across))
        maps.append(share * scipy.ndimage.gaussian_filter((away <= _RADIUS * size).astype(float) * (size > 0), _EDGE))
    grains = np.clip(np.stack(maps) * uneven, 0, 0.98)
    return np.concatenate([1 - grains.sum(0, keepdims=True), grains])
