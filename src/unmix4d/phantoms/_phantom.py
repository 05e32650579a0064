"""The Phantom: a simulated scan together with the truth behind it, and its conversion to each host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import dask.array


@dataclass(frozen=True, eq=False, repr=False)
class Phantom:
    """A simulated 4D-STEM scan with a known answer.

    The expectation of the data is the sum over components of map times pattern, exactly, unless the builder
    says otherwise (`polycrystal` with strain, `dynamical_film`). The patterns are in electrons, so the maps are shares of a
    pattern's intensity: where no thickness variation was asked for they sum to 1 at each position.

    Attributes
    ----------
    data : ndarray or dask array
        (scan_row, scan_col, det_row, det_col): Poisson counts (uint16, uint32 where those could overflow),
        or the noise-free expectation as float32 when the dose is None.
    patterns : ndarray
        (k, det_row, det_col), true patterns in electrons, float64; zero under the beam stop.
    maps : ndarray
        (k, scan_row, scan_col), true weights, float64.
    centre : tuple of float
        (row, col) of the direct beam in pixels.
    pixel_size : float
        Detector pixel in `pixel_unit`.
    step : float
        Scan step in `step_unit`.
    detector_mask : ndarray of bool or None
        (det_row, det_col), True = excluded (beam stop).
    rotations_deg : ndarray or None
        (k,), in-plane rotation of each component from its phase's reference, degrees counter-clockwise as
        seen on screen with row 0 on top; NaN where the component is no rotated copy.
    phases : ndarray of int
        (k,), group label: rotated copies and twins of one pattern share a label, and so do the tilts of one
        bent crystal.
    names : tuple of str
        One name for each component.
    settings : dict
        Every parameter of the builder, with the seed.
    beam_energy : float
        keV.
    thickness : ndarray or None
        (k, scan_row, scan_col), nm of each grain under the probe, where the builder knows it (`dynamical_film`).
    orientations : ndarray or None
        (k, 3, 3), active rotations from the crystal to (row, column, z = row x column), the electrons travelling along
        -z, as of `unmix4d.Orientations`; NaN where a component is not a crystal.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.random_scan(shape=(3, 4, 10, 20), k=2, seed=0)
    >>> p
    Phantom(random_scan, 3x4 scan, 10x20 detector, k=2, uint16)
    >>> p.expectation().shape
    (3, 4, 10, 20)
    """

    data: Any
    patterns: np.ndarray
    maps: np.ndarray
    centre: tuple[float, float]
    pixel_size: float
    step: float
    names: tuple[str, ...]
    phases: np.ndarray
    settings: dict = field(default_factory=dict)
    detector_mask: np.ndarray | None = None
    rotations_deg: np.ndarray | None = None
    pixel_unit: str = "1/Å"
    step_unit: str = "nm"
    beam_energy: float = 300.0
    thickness: np.ndarray | None = None
    orientations: np.ndarray | None = None

    def __repr__(self):
        scan, detector = ("x".join(map(str, s)) for s in (self.scan_shape, self.detector_shape))
        name = self.settings.get("case") or self.settings.get("builder", "phantom")
        return f"Phantom({name}, {scan} scan, {detector} detector, k={self.k}, {self.data.dtype})"

    @property
    def k(self) -> int:
        """Number of components."""
        return len(self.patterns)

    @property
    def scan_shape(self) -> tuple[int, int]:
        """(scan_row, scan_col)."""
        _, rows, cols = self.maps.shape
        return rows, cols

    @property
    def detector_shape(self) -> tuple[int, int]:
        """(det_row, det_col)."""
        _, rows, cols = self.patterns.shape
        return rows, cols

    def expectation(self) -> np.ndarray:
        """Expected data of the linear model: the sum of maps times patterns.

        Returns
        -------
        ndarray
            (scan_row, scan_col, det_row, det_col), float64. The whole scan is held: not for a large one.

        Examples
        --------
        >>> from unmix4d import phantoms
        >>> p = phantoms.random_scan(shape=(3, 4, 10, 20), k=2, dose=None, seed=0)
        >>> float(abs(p.expectation() - p.data).max().round(3))
        0.0
        """
        return np.tensordot(self.maps, self.patterns, axes=(0, 0))

    def to_dask(self, chunks: Any = None) -> dask.array.Array:
        """The data as a dask array.

        Parameters
        ----------
        chunks : optional
            As in `dask.array.from_array`; None: 8x8 positions with whole patterns, or the storage chunks.

        Returns
        -------
        dask.array.Array

        Examples
        --------
        >>> from unmix4d import phantoms
        >>> phantoms.random_scan(shape=(3, 4, 10, 20), k=2, seed=0).to_dask(chunks=(1, 4, 10, 20)).numblocks
        (3, 1, 1, 1)
        """
        import dask.array as da

        if not isinstance(self.data, np.ndarray):
            return self.data if chunks is None else self.data.rechunk(chunks)
        if chunks is None:
            chunks = tuple(min(8, n) for n in self.scan_shape) + self.detector_shape
        return da.from_array(self.data, chunks=chunks)

    def to_pyxem(self, lazy: bool = False) -> Any:
        """The scan as a calibrated pyxem signal.

        Parameters
        ----------
        lazy : bool
            True: the lazy class over `to_dask()`.

        Returns
        -------
        pyxem.signals.ElectronDiffraction2D or LazyElectronDiffraction2D
            Sharing memory with `data` where eager. The detector mask is stored as the signal's calibration
            mask.

        Raises
        ------
        ImportError
            If pyxem is not installed.

        Examples
        --------
        >>> from unmix4d import phantoms
        >>> phantoms.random_scan(shape=(3, 4, 10, 20), k=2, seed=0).to_pyxem()  # doctest: +SKIP
        <ElectronDiffraction2D, title: random_scan, dimensions: (4, 3|20, 10)>
        """
        from ._hosts import to_pyxem

        return to_pyxem(self, lazy)

    def to_py4dstem(self) -> Any:
        """The scan as a calibrated py4DSTEM data cube.

        Returns
        -------
        py4DSTEM.DataCube
            Pixel sizes, units and the origin (row, col) are set in its calibration; it shares memory with
            `data`.

        Raises
        ------
        ImportError
            If py4DSTEM is not installed.

        Examples
        --------
        >>> from unmix4d import phantoms
        >>> phantoms.random_scan(shape=(3, 4, 10, 20), k=2, seed=0).to_py4dstem().shape  # doctest: +SKIP
        (3, 4, 10, 20)
        """
        from ._hosts import to_py4dstem

        return to_py4dstem(self)
