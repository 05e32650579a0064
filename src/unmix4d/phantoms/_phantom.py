"""The Phantom: a simulated scan together with the truth behind it, and its conversion to each host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import dask.array


@dataclass(frozen=True, eq=False, repr=False)
class Phantom:
    """Simulated 4D-STEM scan with known components.

    The expectation of the data is exactly the sum over components of map times pattern, unless the builder states otherwise
    (`polycrystal` with strain, `dynamical_film`). The patterns are in electrons, so the maps are shares of the intensity of
    a pattern. Without thickness variation they sum to 1 at each position.

    Attributes
    ----------
    data : ndarray or dask array
        (scan_row, scan_col, det_row, det_col): Poisson counts (uint16, or uint32 if that could overflow), or the noise-free
        expectation as float32 if the dose is None.
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
        (k,), in-plane rotation of each component relative to the reference of its phase, in degrees counter-clockwise as
        seen with row 0 on top; NaN if the component is not a rotated copy.
    phases : ndarray of int
        (k,), label of the phase. Rotated copies and twins of one pattern have the same label, and so do the tilts of a bent
        crystal.
    names : tuple of str
        One name for each component.
    settings : dict
        All parameters of the builder, including the seed.
    beam_energy : float
        Beam energy in keV.
    thickness : ndarray or None
        (k, scan_row, scan_col), thickness of each grain under the probe in nm, if the builder provides it
        (`dynamical_film`).
    orientations : ndarray or None
        (k, 3, 3), active rotations from the crystal to (row, column, z = row x column), with electrons travelling along -z,
        as in `unmix4d.Orientations`; NaN if a component is not a crystal.

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
        """Shape of the scan, (scan_row, scan_col)."""
        _, rows, cols = self.maps.shape
        return rows, cols

    @property
    def detector_shape(self) -> tuple[int, int]:
        """Shape of the detector, (det_row, det_col)."""
        _, rows, cols = self.patterns.shape
        return rows, cols

    def expectation(self) -> np.ndarray:
        """Return the expected data of the linear model, the sum of maps times patterns.

        Returns
        -------
        ndarray
            (scan_row, scan_col, det_row, det_col), float64. The whole scan is held in memory, so do not use this for a large
            one.

        Examples
        --------
        >>> from unmix4d import phantoms
        >>> p = phantoms.random_scan(shape=(3, 4, 10, 20), k=2, dose=None, seed=0)
        >>> float(abs(p.expectation() - p.data).max().round(3))
        0.0
        """
        return np.tensordot(self.maps, self.patterns, axes=(0, 0))

    def to_dask(self, chunks: Any = None) -> dask.array.Array:
        """Return the data as a dask array.

        Parameters
        ----------
        chunks : optional
            Chunks as for `dask.array.from_array`. By default 8x8 positions with whole patterns, or the storage chunks.

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
        """Return the scan as a calibrated pyxem signal.

        Parameters
        ----------
        lazy : bool
            If True, return the lazy class with the data of `to_dask()`.

        Returns
        -------
        pyxem.signals.ElectronDiffraction2D or LazyElectronDiffraction2D
            The signal, which shares memory with `data` if it is not lazy. The detector mask is stored as the calibration
            mask of the signal.

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
        """Return the scan as a calibrated py4DSTEM data cube.

        Returns
        -------
        py4DSTEM.DataCube
            Data cube with pixel sizes, units and the origin (row, col) in its calibration. It shares memory with `data`.

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
