"""The walls to the hosts: what a scan is made from, and the form in which results go back.

No host is ever imported in order to look at an object: if it was not imported, the object cannot be its own.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..core.round_patterns import made_round, matrix_of, round_matrix
from ..core.scan import Scan
from ..core.version import installed_version, unless_python
from . import array, learning_results, py4dstem, pyxem, quantem

__all__ = [
    "HostMap", "answer_of", "attach", "grains_to_host", "groups_to_host", "is_scan", "overlap_to_host", "progress_wanted",
    "read_scan", "to_host", "versions",
]  # fmt: skip

_HOSTS = {"pyxem": pyxem, "py4dstem": py4dstem, "quantem": quantem, "array": array}
_DISTRIBUTIONS = {
    "pyxem": ("pyxem", "hyperspy"),
    "py4dstem": ("py4DSTEM", "emdfile"),
    "quantem": ("quantem",),
}


def read_scan(obj) -> Scan:
    """The scan inside a host's object, without reading or copying its data.

    obj (pyxem or HyperSpy signal, py4DSTEM DataCube, quantem dataset, or 4-D array): Arrays may be NumPy arrays, memory
        maps, open HDF5 datasets, dask or zarr arrays.
    Raises TypeError when it is none of these.
    Raises ValueError when it is one of these but no 4D-STEM scan (wrong number of dimensions, axes that are not uniform).
    """
    if isinstance(obj, Scan):
        return obj
    for host in _HOSTS.values():
        if host.matches(obj):
            return host.read(obj)
    raise TypeError(
        f"the scan must be a pyxem signal, a py4DSTEM DataCube, a quantem dataset or a 4-D array, got {type(obj).__name__}"
    )


def is_scan(obj: Any) -> bool:
    """Whether an object is a scan of a host, or an array of four dimensions."""
    if any(host.matches(obj) for name, host in _HOSTS.items() if name != "array"):
        return True
    # Of a closed dataset nothing can be asked, but it is one.
    return checks.is_a(obj, "h5py", "Dataset") or len(getattr(obj, "shape", ())) == 4


def _number_of(fill_value: Any, dtype) -> float:
    """As a number that the patterns can hold; NaN is one."""
    if isinstance(fill_value, (bool, np.bool_)) or not isinstance(fill_value, numbers.Real):
        raise TypeError(f"fill_value must be a number, got {fill_value!r}")
    largest = float(np.finfo(dtype).max)
    if not math.isnan(fill_value) and abs(fill_value) > largest:  # type: ignore[operator]
        raise ValueError(f"fill_value must be NaN or at most {largest:.3g} for patterns of {dtype}, got {fill_value!r}")
    return float(fill_value)


def to_host(result: Any, *, fill_value: float = 0.0, undistort: Any = False) -> tuple[Any, Any]:
    """Return maps and patterns as native objects of the host that the scan came from.

    Parameters
    ----------
    fill_value : float
        Value of excluded detector pixels in the patterns, because the tools of the hosts cannot handle NaN. Maps, and NumPy
        arrays if the scan was an array, keep NaN.
    undistort : bool or array (2, 2) or (3, 3)
        If True, correct the patterns for the ellipse of the calibration and for pixels that are not square. The corrected
        patterns have square pixels on a detector large enough for all of them, and intensity is conserved: each pixel is
        distributed over the new pixels it overlaps. An array is the affine matrix from measured to corrected (x, y) about
        the centre, as for pyxem's ``apply_affine_transformation``; pixel sizes are then not changed.

    Returns
    -------
    maps, patterns
        For pyxem, a ``Signal2D`` and a signal of the non-lazy class of the input, which share their first axis. For
        py4DSTEM, a ``RealSlice`` and a ``DiffractionSlice`` under a new root. Otherwise NumPy arrays. For several scans,
        `maps` is a list with the maps of each scan; for a pyxem signal with three navigation axes it is one ``Signal2D``
        with the axes of component and series.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> maps, patterns = result.to_host()
    >>> maps.shape, patterns.shape
    ((2, 6, 8), (2, 10, 20))
    """
    host = _host_of(result)
    fill_value = _number_of(fill_value, result.patterns.dtype)
    if result.geometry.scans:
        return _several_to_host(result, fill_value, undistort)
    with _needing_package(result, "results", ".maps and .patterns"):
        return host.write(_undistorted(result, undistort), fill_value=fill_value)


def _undistorted(result, undistort):
    """What is written of an answer, its patterns with the distortion of the camera taken out where that is asked for."""
    if isinstance(undistort, (bool, np.bool_)) and not undistort:
        return result
    matrix = None if isinstance(undistort, (bool, np.bool_)) else matrix_of(undistort)
    patterns, geometry = made_round(result.patterns, result.geometry, matrix)
    if matrix is None:
        matrix = round_matrix(result.geometry)
        if np.allclose(matrix, np.eye(2), atol=1e-9):
            warn(
                "undistort=True changes nothing, because the calibration knows no ellipse and its pixels are square: give "
                "the scan an ellipse, Unmix(scan, ellipse=(a, b, degrees)), or undistort= a matrix"
            )
    settings = {**result.settings, "undistorted": matrix.tolist()}
    names = getattr(result, "names", ())
    return _Shown(result.maps, patterns, geometry, result.host, result.method, settings, names)


def _several_to_host(result, fill_value, undistort):
    """Maps of each scan, and the patterns that they share."""
    parts = [to_host(one, fill_value=fill_value, undistort=undistort) for one in result.scans]
    maps, patterns = [maps for maps, _ in parts], parts[0][1]
    axis = result.host.record.get("series_axis")
    return (pyxem.joined(maps, axis) if axis else maps), patterns


def _host_of(result):
    if result.host.kind not in _HOSTS:
        raise ValueError(f"the host must be one of {', '.join(_HOSTS)}, got {result.host.kind!r}")
    return _HOSTS[result.host.kind]


@contextlib.contextmanager
def _needing_package(result, what, instead):
    try:
        yield
    except ImportError as error:
        package = _DISTRIBUTIONS[result.host.kind][0]
        raise ImportError(
            f"the {what} of a {package} scan are given back as {package} objects, but {package} cannot be imported "
            f"({error}): install it{unless_python(package)}, or use {instead}"
        ) from error


class HostMap(NamedTuple):
    """One map (scan_row, scan_col), or a stack of them, for a host."""

    name: str
    data: np.ndarray
    title: str
    unit: str = ""
    stack: str | None = None
    numbers: Sequence[int] | None = None


class _Shown(NamedTuple):
    """What a host writes of an answer."""

    maps: np.ndarray
    patterns: np.ndarray
    geometry: Any
    host: Any
    method: str
    settings: dict
    names: Sequence[str] = ()


_MOST_MASKS = 256_000_000  # bytes that nobody asked for by name; a size of work


def grains_to_host(grains: Any, *, chosen: Sequence[int] | None = None) -> tuple[Any, Any]:
    """Return masks and labels of grains as native objects of the host that the scan came from.

    Parameters
    ----------
    chosen : sequence of int, optional
        Grains whose masks are returned, by their numbers in the table. By default all grains, if their masks take 256 MB or
        less. Labels and table always contain all grains.

    Returns
    -------
    masks, labels
        For pyxem, two ``Signal2D``: masks (n | x, y) of 0 and 1, and labels (x, y), with the table in the metadata. For
        py4DSTEM, two ``RealSlice`` under a new root. Otherwise NumPy arrays. A label is the number of the strongest grain,
        -1 where there is none.

    Raises
    ------
    ValueError
        If there is no grain, the masks of all grains would be larger than 256 MB, or `chosen` are not numbers of grains.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> masks, labels = Unmix(film.data).nmf(3, random_state=0).grains().to_host()
    >>> masks.shape, labels.shape
    ((3, 24, 20), (24, 20))
    """
    if len(grains) == 0:
        raise ValueError("there is no grain to return to the host: lower min_size or the threshold")
    host = _host_of(grains.result)
    masks, labels = _chosen_masks(grains, chosen), grains.labels().astype(np.int32)
    record, numbers = _record(grains), None
    if chosen is not None:
        record["masks_of"] = numbers = [int(i) for i in np.atleast_1d(chosen)]
    maps = HostMap("masks", masks, "grain masks", stack="grain", numbers=numbers), HostMap("labels", labels, "grains")
    with _needing_package(grains.result, "grains", ".masks and .labels()"):
        return host.write_maps(grains.result, maps, "grains", record)


def _chosen_masks(grains, chosen):
    n, regions = len(grains), grains.regions
    if chosen is None:
        needed = n * math.prod(regions.scan_shape)
        if needed > _MOST_MASKS:
            raise ValueError(
                f"the masks of all {n} grains would take {needed / 1e6:.0f} MB in the host: name those that are wanted, "
                "to_host(chosen=[0, 1]), or take .labels() alone"
            )
        return regions.stack(np.uint8)
    entries = np.atleast_1d(np.asarray(chosen, dtype=object)).ravel()
    if not len(entries):
        raise ValueError(f"chosen must be one or more numbers of grains from 0 to {n - 1}, got {chosen!r}")
    numbers = [checks.count(i, "each of chosen", minimum=0, maximum=n - 1) for i in entries]
    return np.stack([regions.mask(i) for i in numbers]).astype(np.uint8)


def _record(grains) -> dict:
    """Settings, units and table of grains in JSON types, for the metadata of the hosts."""
    units = {name: unit for name, unit in grains.units.items() if unit}
    return {**grains.settings, "table": _table(grains.table), "units": units}


def _table(table) -> dict:
    return {name: (c if c.dtype.kind == "U" else c.astype(float)).tolist() for name, c in table.items()}


def overlap_to_host(overlap: Any) -> tuple[Any, Any, Any]:
    """Return ratio, first and second component of every position as native objects of the host.

    Returns
    -------
    ratio, first, second
        For pyxem, ``Signal2D`` (x, y) with the pairs in the metadata. For py4DSTEM, ``RealSlice`` under a new root.
        Otherwise NumPy arrays. They are NaN and -1 where there is no overlap.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), background=0, seed=0)
    >>> ratio, first, second = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).overlap().to_host()
    >>> ratio.shape, first.dtype.kind
    ((12, 12), 'i')
    """
    maps = (
        HostMap("ratio", np.array(overlap.ratio), "overlap ratio"),
        HostMap("first", overlap.first.astype(np.int32), "strongest component"),
        HostMap("second", overlap.second.astype(np.int32), "second component"),
    )
    record = {**overlap.settings, "pairs": _table(overlap.pairs), "areas": _table(overlap.areas)}
    with _needing_package(overlap.result, "overlap", ".ratio, .first and .second"):
        return _host_of(overlap.result).write_maps(overlap.result, maps, "overlap", record)


def groups_to_host(groups: Any, *, fill_value: float = 0.0, undistort: Any = False) -> tuple[Any, Any, Any, Any]:
    """Return maps and patterns of the groups, and angle and group of every position, as objects of the host.

    Parameters
    ----------
    fill_value : float
        Value of excluded detector pixels in the patterns, as in `Decomposition.to_host`.
    undistort : bool or array (2, 2) or (3, 3)
        Remove the ellipse of the calibration, or this distortion, from the patterns, as in `Decomposition.to_host`. The
        angles do not change.

    Returns
    -------
    maps, patterns, angle, group
        Maps and patterns are returned as by `Decomposition.to_host`. Angle in degrees and group (NaN and -1 where there is
        none) are ``Signal2D`` (pyxem), ``RealSlice`` (py4DSTEM) or NumPy arrays; see `Groups.orientation`.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
    >>> maps, patterns, angle, group = Unmix(film.data, centre=film.centre).group_rotated(1).to_host()
    >>> maps.shape, angle.shape, group.tolist()[0]
    ((1, 4, 4), (4, 4), [0, 0, 0, 0])
    """
    angle, group = groups.orientation()
    found = {"symmetry": groups.symmetry.tolist(), "sizes": groups.sizes.tolist(), "told": groups.told.tolist()}
    shown = _Shown(groups.maps, groups.patterns, groups.geometry, groups.host, "group_rotated", groups.settings)
    maps = HostMap("angle_deg", angle, "rotation in the plane", unit="°"), HostMap("group", group.astype(np.int32), "group")
    host, fill_value = _host_of(groups), _number_of(fill_value, groups.patterns.dtype)
    with _needing_package(groups, "groups", ".maps, .patterns and .orientation()"):
        stacks = host.write(_undistorted(shown, undistort), fill_value=fill_value, stack="group")
        return (*stacks, *host.write_maps(shown, maps, "groups", {**groups.settings, **found}))


def attach(result: Any, host: Any, *, fill_value: float = 0.0) -> Any:
    """Add maps and patterns to the tree of a DataCube, or to a copy of a signal, for the tools of the host.

    Parameters
    ----------
    host : py4DSTEM DataCube, pyxem or HyperSpy signal
        The scan of the result: it must have the same scan shape, detector grid and data. The total intensities of the
        patterns are compared in one pass, unless `prepare` changed values.
    fill_value : float
        Value of excluded detector pixels in the patterns of a cube. HyperSpy itself marks them with NaN.

    Returns
    -------
    emdfile.Node or signal
        For a cube, the new branch of its tree, which is saved with the cube. For a signal, a copy that shares its data and
        has the result in ``learning_results``, so that you can use ``plot_decomposition_results()``,
        ``blind_source_separation()`` and ``get_decomposition_model()``. The signal itself is not changed.

    Raises
    ------
    TypeError
        If `host` is neither a cube nor a signal.
    ValueError
        If its grid, calibration or data differ from those of the result (`ChangedData` for data), or if `host` is a signal
        and the result also has a mean pattern, as results of `pca` do.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> cube = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).to_py4dstem()  # doctest: +SKIP
    >>> node = cube.unmix.nmf(2, random_state=0).attach(cube)  # doctest: +SKIP
    >>> "unmix4d_nmf" in cube.treekeys  # doctest: +SKIP
    True
    """
    home = next((place for place in (py4dstem, learning_results) if place.matches(host)), None)
    if home is None:
        raise TypeError(
            f"results can be attached to a py4DSTEM DataCube or a HyperSpy signal only, got {type(host).__name__}"
        )
    if result.geometry.scans:
        raise ValueError(
            "attach needs the result of one scan, got one of several: give that of the cube, r.scans[i].attach(cube)"
        )
    return home.attach(result, host, fill_value=fill_value)


def answer_of(obj: Any) -> Any:
    """What another program found, as arrays: of a decomposed HyperSpy signal (maps, patterns), of slices of py4DSTEM those.

    Anything else as it is.
    """
    if isinstance(obj, tuple):
        return tuple(map(answer_of, obj))
    if checks.is_a(obj, "emdfile", "Array"):
        return obj.data
    found = learning_results.learned(obj)
    return obj if found is None else found


def progress_wanted(kind: str) -> bool:
    """Whether the host's preferences allow a progress bar; True for hosts that have no such preference."""
    # HyperSpy reads its preferences in one of its own modules: not loaded means nobody set any.
    parser = sys.modules.get("hyperspy.defaults_parser")
    if kind != "pyxem" or parser is None:
        return True
    try:
        return bool(parser.preferences.General.show_progressbar)
    except AttributeError:
        return True


def versions(kind: str) -> dict[str, str]:
    """Versions of the installed packages behind a host, by their names."""
    found = {name: installed_version(name) for name in _DISTRIBUTIONS.get(kind, ())}
    return {name: version for name, version in found.items() if version is not None}
