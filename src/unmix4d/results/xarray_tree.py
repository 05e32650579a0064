"""A result as an xarray ``DataTree``, which writes NetCDF and zarr."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..core.units import is_calibrated
from ..core.version import __version__

__all__ = ["to_xarray"]


def to_xarray(self: Any) -> Any:
    """Return maps, patterns and table as an xarray ``DataTree`` with calibrated axes, for NetCDF and zarr.

    ``tree.to_netcdf("run.nc", engine="h5netcdf")`` and ``tree.to_zarr("run.zarr")`` write it.

    Returns
    -------
    xarray.DataTree
        ``patterns`` (component, detector_row, detector_column), ``maps`` (component, scan_row, scan_column),
        ``mean_pattern``, ``totals`` and the columns of ``.table``, NaN where excluded. Axes have units, and those of the
        detector have their origin at the centre if it is known. For several scans, each has a branch for its maps,
        ``scan_0``, ``scan_1``, ... Method and settings (JSON) are attributes.

    Raises
    ------
    ImportError
        If xarray is not installed, or has no ``DataTree`` yet.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> result.maps.shape  # (component, scan_row, scan_column) of result.to_xarray()["maps"]
    (2, 6, 8)
    """
    try:
        from xarray import Dataset, DataTree
    except ImportError as error:
        raise ImportError(
            f"to_xarray needs xarray 2024.10 or newer, which cannot be imported ({error}): pip install xarray h5netcdf"
        ) from error
    if not self.geometry.scans:
        return DataTree(Dataset(**_components(self, {**_of_detector(self), **_of_scan(self)})))
    children = {f"scan_{i}": DataTree(Dataset(**_scan(one))) for i, one in enumerate(self.scans)}
    return DataTree(Dataset(**_components(self, _of_detector(self))), children=children)


def _components(result, arrays):
    """What `Dataset` takes of a result: its arrays, what is known of each component, axes and settings."""
    table = {name: ("component", _plain(column)) for name, column in result.table.items() if name != "component"}
    number = {"component": ("component", np.arange(result.k))}
    coords = {**number, **_detector_axes(result.geometry), **({} if result.geometry.scans else _scan_axes(result.geometry))}
    settings = json.dumps(result.settings, default=str, ensure_ascii=False)
    return {
        "data_vars": {**arrays, **table},
        "coords": coords,
        "attrs": {"method": result.method, "settings": settings, "unmix4d": __version__, "title": result.host.name},
    }


def _plain(column):
    """Texts as objects: there is no zarr format for those of a fixed length."""
    return column.astype(object) if column.dtype.kind == "U" else np.array(column)


def _scan(result):
    number = {"component": ("component", np.arange(result.k))}
    return {
        "data_vars": _of_scan(result),
        "coords": {**number, **_scan_axes(result.geometry)},
        "attrs": {"title": result.host.name},
    }


def _of_detector(result):
    axes = ("detector_row", "detector_column")
    arrays = {"patterns": (("component", *axes), np.array(result.patterns))}
    return arrays if result.mean_pattern is None else {**arrays, "mean_pattern": (axes, np.array(result.mean_pattern))}


def _of_scan(result):
    axes = ("scan_row", "scan_column")
    arrays = {"maps": (("component", *axes), np.array(result.maps))}
    return arrays if result.totals is None else {**arrays, "totals": (axes, np.array(result.totals))}


def _scan_axes(geometry):
    known = geometry.calibration
    return _axes("scan", geometry.scan_shape, known.step, known.scan_origin, known.step_unit)


def _detector_axes(geometry):
    known = geometry.calibration
    zero = geometry.centre if geometry.centre_known else (0.0, 0.0)
    origin = tuple(0.0 - at * size for at, size in zip(zero, known.pixel_size))
    return _axes("detector", geometry.detector_shape, known.pixel_size, origin, known.pixel_unit)


def _axes(what, shape, size, origin, unit):
    names = f"{what}_row", f"{what}_column"
    attrs = {"units": unit if is_calibrated(unit) else "pixel"}
    return {name: (name, o + s * np.arange(n), attrs) for name, n, s, o in zip(names, shape, size, origin)}
