"""The table of grains: one row a grain, calibrated, and its file."""

from __future__ import annotations

import csv
import io
import os
import tempfile

import numpy as np

from .. import checks
from ..maps.shapes import region_shape

__all__ = ["COLUMNS", "make", "units", "to_csv", "touches_edge"]

_LENGTHS = ("equivalent_diameter", "feret_max", "feret_min", "centroid_row", "centroid_col", "major_axis", "minor_axis")
_SHAPE = ("area", *_LENGTHS, "orientation_deg", "eccentricity")
COLUMNS = ("grain", "component", "n_positions", *_SHAPE, "mean_weight", "overlap", "touches_edge")


def make(grains) -> dict[str, np.ndarray]:
    """The columns of the table of a `Grains`; read-only."""
    calibration, kept = grains.frame.calibration, grains._kept
    shapes = [region_shape(mask, calibration.step, calibration.scan_origin) for mask in grains.masks]
    sizes = grains.masks.sum(axis=(1, 2))
    shared, intensities = grains.count > 1, grains.result.intensities
    table = {"grain": np.arange(len(grains)), "component": np.array(grains.components), "n_positions": sizes}
    table.update({name: np.array([shape[name] for shape in shapes], float) for name in _SHAPE})
    pairs = list(zip(grains.masks, grains.components))
    table["mean_weight"] = np.array([intensities[i][mask].mean(dtype=float) for mask, i in pairs], float)
    table["overlap"] = np.array([shared[mask].mean() for mask in grains.masks], float)
    table["touches_edge"] = np.array([touches_edge(mask, kept) for mask in grains.masks], bool)
    for column in table.values():
        column.setflags(write=False)
    return table


def touches_edge(mask, kept) -> bool:
    """Whether a region reaches the edge of the scan, or shares an edge with an excluded position.

    Along an axis of one position (a line scan) there is no edge.
    """
    padding = [(1, 1) if size > 1 else (0, 0) for size in mask.shape]
    # Beyond the edge nothing was measured, as at excluded positions.
    inside, known = np.pad(mask, padding), np.pad(kept, padding)
    for axis in (0, 1):
        ahead, behind = ([slice(None)] * 2 for _ in range(2))
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        ahead, behind = tuple(ahead), tuple(behind)
        if (inside[ahead] & ~known[behind]).any() or (inside[behind] & ~known[ahead]).any():
            return True
    return False


def units(step_unit: str) -> dict[str, str]:
    """Unit of every column; empty where it has none."""
    known = {"area": f"{step_unit}²", "orientation_deg": "°", **dict.fromkeys(_LENGTHS, step_unit)}
    return {name: known.get(name, "") for name in COLUMNS}


def to_csv(grains, path) -> None:
    """Write the table, under a temporary name that is changed at the end; see `Grains.to_csv`."""
    path = checks.file_name(path)
    if os.path.isdir(path):
        raise OSError(f"path must name a file, but {path!r} is a folder")
    text = _text(grains)
    folder = os.path.dirname(os.path.abspath(path))
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".unmix4d-", suffix=".csv", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        # mkstemp makes files for the owner alone; a table should be as readable as any other file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise OSError(f"the table cannot be saved to {path!r}: {error.strerror or error}") from error
        raise


def _text(grains) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    known = grains.units
    # The unit of an angle is in its name already.
    writer.writerow(f"{name} ({known[name]})" if known[name] not in ("", "°") else name for name in COLUMNS)
    columns = [grains.table[name].tolist() for name in COLUMNS]
    writer.writerows([repr(v) if isinstance(v, float) else int(v) for v in row] for row in zip(*columns))
    return out.getvalue()
