"""Scan: the facts about one 4D-STEM scan, whatever host it came from. Frozen, and nothing is read by making one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import checks
from .geometry import ScanGeometry
from .stacked import StackedScans
from .tensors import OnDevice, is_tensor, patterns_of
from .units import canonical_unit

__all__ = ["HostRecord", "Scan", "as_patterns", "OpenDataset", "Uncopied"]


@dataclass(frozen=True)
class HostRecord:
    """What is needed to give results back in the host's own form, also after saving and loading.

    Attributes
    ----------
    kind : {"array", "pyxem", "py4dstem", "quantem"}
    record : dict
        The host's own description (class name, axes, metadata), made of JSON types only.
    name : str
        The title of the scan.
    """

    kind: str = "array"
    record: dict = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan: its patterns, where they belong, and which host it came from.

    Attributes
    ----------
    patterns : array-like (scan_row, scan_col, det_row, det_col)
        NumPy array, memory map, open HDF5 dataset or dask array, of any real dtype; never copied as a whole.
    geometry : ScanGeometry
        Shapes, masks, centre, ellipse and calibration.
    centres : ndarray (scan_row, scan_col, 2) or None
        Direct-beam position (row, column) of every pattern where the host knows it.
    host : HostRecord
    steps : tuple of dict
        The preparations that led to this view, in order.
    keep : bool or "auto"
        Whether methods hold a lazy scan in memory after their first pass over it.
    """

    patterns: Any
    geometry: ScanGeometry
    centres: np.ndarray | None = None
    host: HostRecord = HostRecord()
    steps: tuple[dict, ...] = ()
    keep: bool | str = "auto"

    def __post_init__(self):
        patterns = as_patterns(self.patterns)
        object.__setattr__(self, "patterns", patterns)
        if tuple(patterns.shape) != self.geometry.scan_shape + self.geometry.detector_shape:
            raise ValueError(
                f"the scan has the shape {tuple(patterns.shape)}, but its geometry says "
                f"{self.geometry.scan_shape + self.geometry.detector_shape}"
            )

    def __getstate__(self):
        if is_dask(self.patterns) and any(_is_open(held) for held in _held(self.patterns)):
            raise TypeError(_OPEN_FILE)
        return vars(self)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return tuple(self.patterns.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.patterns.dtype)

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def lazy(self) -> bool:
        """True for dask arrays."""
        return is_dask(self.patterns)

    def replace(self, **changes) -> Scan:
        return dataclasses.replace(self, **changes)

    def with_calibration(
        self, *, centre=None, pixel_size=None, pixel_unit=None, step=None, step_unit=None, ellipse=None
    ) -> Scan:
        """The scan with what the caller knows better than the host; see `unmix4d.Unmix` for the arguments."""
        changes: dict[str, Any] = {}
        for name, value in (("pixel_size", pixel_size), ("step", step)):
            if value is not None:
                changes[name] = checks.pair(value, name)
                if min(changes[name]) <= 0:
                    raise ValueError(f"{name} must be above 0, got {value!r}")
        for name, unit in (("pixel_unit", pixel_unit), ("step_unit", step_unit)):
            if unit is not None:
                if not isinstance(unit, str):
                    raise TypeError(f"{name} must be a string such as 'nm', got {unit!r}")
                changes[name] = canonical_unit(unit)
        geometry = self.geometry
        if centre is not None:
            geometry = geometry.replace(centre=checks.pair(centre, "centre"), centre_known=True)
        if centre is not None or pixel_size is not None:
            # The host's own coordinate of pixel (0, 0) no longer holds; without one it follows from the centre.
            changes["detector_origin"] = None
        if ellipse is not None:
            geometry = geometry.replace(ellipse=_ellipse(ellipse))
        if not changes and ellipse is None:
            return self
        geometry = geometry.replace(calibration=geometry.calibration.with_changes(**changes))
        return self.replace(geometry=geometry, centres=None if centre is not None else self.centres)


def _ellipse(given):
    try:
        a, b, angle = (float(value) for value in given)
    except (TypeError, ValueError):
        raise TypeError(f"ellipse must be three numbers, (a, b, angle in degrees), got {given!r}") from None
    if not (np.isfinite([a, b, angle]).all() and 0.1 < a / max(b, 1e-300) < 10 and b > 0):
        raise ValueError(f"ellipse must have semi-axes above 0 and within ten times of each other, got {given!r}")
    return a, b, angle


_OPEN_FILE = (
    "a view of an open HDF5 file can be neither pickled nor copied, because the file is open in this process only: open it "
    "where the view is needed, or persist() the view first"
)


class ScanError(ValueError):
    """What only reading a scan can tell; it reaches the user as it is, also from within the graph of a lazy scan."""


class ClosedFile(ScanError):
    """The file behind a scan has been closed."""


class OpenDataset:
    """An HDF5 dataset that says so in one sentence when its file has been closed."""

    def __init__(self, dataset):
        self._dataset, self._name = dataset, ""
        self._check()
        self.shape, self.dtype, self.ndim = dataset.shape, dataset.dtype, dataset.ndim
        self.chunks, self._name = dataset.chunks, f" ({dataset.file.filename}:{dataset.name})"

    def _check(self):
        # A closed dataset is falsy, and any other use of it is an error from deep inside HDF5.
        if not self._dataset:
            raise ClosedFile(f"the HDF5 file behind the scan is closed{self._name}: open it again")

    def __getitem__(self, key):
        self._check()
        return self._dataset[key]

    def __reduce_ex__(self, protocol):
        raise TypeError(_OPEN_FILE)


def _is_open(held):
    if isinstance(held, Uncopied):
        return _is_open(held.array)
    return isinstance(held, OpenDataset) or checks.is_a(held, "h5py", "Dataset")


def _held(array):
    """What the graph of a dask array holds."""
    return (getattr(task, "value", task) for task in dict(array.dask).values())


class Uncopied:
    """An array that dask reads slice by slice, when it is asked to.

    dask copies whatever has a method ``copy``, whole and at once: a memory map into memory, and an array into one that no
    longer follows the caller's.
    """

    def __init__(self, array):
        self.array = array
        self.shape, self.dtype, self.ndim = tuple(array.shape), np.dtype(array.dtype), len(array.shape)

    def __getitem__(self, key):
        return self.array[key]


def is_dask(array) -> bool:
    """True for a dask array, without importing dask."""
    return checks.is_a(array, "dask.array", "Array")


def as_patterns(array):
    """A 4-D array that can be read block by block, after checking that it can be used at all.

    Raises TypeError when it is not an array of real numbers.
    Raises ValueError when it is not four-dimensional, or empty, or a closed HDF5 dataset.
    """
    if isinstance(array, (OpenDataset, StackedScans, OnDevice)):
        return array
    if checks.is_a(array, "h5py", "Dataset"):
        array = OpenDataset(array)
    elif isinstance(getattr(array, "_meta", array), np.ma.MaskedArray):
        raise TypeError("the scan is a masked array: give the plain data, and what to exclude to prepare(detector_mask=...)")
    elif not isinstance(array, np.ndarray) and not is_dask(array):
        array = _foreign(array)
    checks.real_dtype(array.dtype)
    if array.ndim != 4:
        raise ValueError(
            "the scan must have four dimensions (scan_row, scan_col, det_row, det_col), "
            f"got {array.ndim} with the shape {tuple(array.shape)}"
        )
    if any(size != size for size in array.shape):
        raise ValueError(
            f"the scan has chunks of unknown size, its shape is {tuple(array.shape)}: "
            "call compute_chunk_sizes() on the dask array first"
        )
    if 0 in array.shape:
        raise ValueError(f"the scan is empty: its shape is {tuple(array.shape)}")
    return array


def _foreign(array):
    """Arrays of other libraries (zarr, say): read through dask in their own chunks; lists become NumPy arrays.

    Tensors of torch are taken as they lie in memory, and from another device block by block.
    """
    if is_tensor(array):
        return patterns_of(array)
    if hasattr(array, "shape") and hasattr(array, "dtype") and hasattr(array, "__getitem__"):
        import dask.array as da

        return da.from_array(Uncopied(array), chunks=getattr(array, "chunks", None) or "auto", name=False, asarray=True)
    try:
        return np.asarray(array)
    except ValueError as error:
        raise TypeError(f"the scan must be an array, got {type(array).__name__}") from error
