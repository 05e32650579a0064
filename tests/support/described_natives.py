"""What `described` says of an object of a host: its class, its axes or calibration, its metadata and its data."""

import numpy as np

from . import described as plain

__all__ = ["native_parts"]


def native_parts(value, path):
    """(path, text or numbers) of a signal, a slice, a node, a map of orientations or what belongs to one."""
    names = {cls.__name__ for cls in type(value).__mro__}
    for kind, told in _KINDS.items():
        if kind in names:
            yield from plain._parts({"class": type(value).__name__, **told(value)}, path)
            return
    yield path, f"a {type(value).__name__}"


def _data(data):
    if hasattr(data, "dask"):
        data = data.compute()
    if data.dtype.kind == "O":
        return {str(at): np.asarray(data[at], float) for at in np.ndindex(data.shape)}
    return {"dtype": str(data.dtype), "values": np.asarray(data)}


def _signal(signal):
    axes = [one.get_axis_dictionary() for one in signal.axes_manager._axes]
    metadata = signal.metadata.as_dictionary()
    metadata.pop("_HyperSpy", None)
    return {"lazy": bool(signal._lazy), "axes": axes, "metadata": metadata, **_data(signal.data)}


def _vectors(signal):
    more = {name: getattr(signal, name, None) for name in ("column_names", "units", "scales", "offsets", "detector_shape")}
    return _signal(signal) | {name: one if one is None else list(one) for name, one in more.items()}


def _slice(piece):
    root = piece.root
    return {
        "name": piece.name,
        "labels": list(getattr(piece, "slicelabels", None) or []),
        "units": str(piece.units),
        "root": None if root is None else root.name,
        "calibration": _calibration(piece),
        **_told(root),
        **_data(piece.data),
        "dims": [np.asarray(dim) for dim in piece.dims],
        "dim units": list(piece.dim_units),
        "dim names": list(piece.dim_names),
    }


def _calibration(piece):
    try:
        known = piece.calibration
    except Exception as error:  # whatever a slice without a root does
        return type(error).__name__
    return {key: one for key, one in known._params.items() if not key.startswith("_")}


def _told(node):
    """The metadata of a node, but for its calibration."""
    if node is None:
        return {}
    return {f"told {name}": dict(one._params) for name, one in node.metadata.items() if name != "calibration"}


def _node(node):
    return {"name": node.name, "branches": sorted(node.treekeys), **_told(node)} | {
        f"branch {name}": node.tree(name) for name in sorted(node.treekeys)
    }


def _cube(cube):
    return {"name": cube.name, "branches": sorted(cube.treekeys), "calibration": _calibration(cube), **_data(cube.data)}


def _points(points):
    return {name: np.asarray(points.data[name], float) for name in points.data.dtype.names}


def _crystal_map(found):
    kept = {name: np.asarray(found.prop[name]) for name in sorted(found.prop)}
    return {
        "shape": list(found.shape),
        "ids": np.asarray(found.phase_id),
        "rotations": np.abs(found.rotations.data),
        "x": found.x,
        "y": found.y,
        "unit": found.scan_unit,
        "in data": np.asarray(found.is_in_data),
        "phases": {str(number): phase for number, phase in found.phases},
        **kept,
    }


def _phase(phase):
    point, space = phase.point_group, phase.space_group
    return {
        "name": phase.name,
        "point group": None if point is None else point.name,
        "space group": None if space is None else int(space.number),
        "cell": list(phase.structure.lattice.abcABG()),
        "atoms": [f"{atom.element} {np.round(atom.xyz, 4).tolist()}" for atom in phase.structure],
    }


def _orientation_map(found):
    names = ("matrix", "corr", "inds", "mirror", "angles", "num_matches", "num_x", "num_y", "family")
    return {name: np.asarray(getattr(found, name), float) for name in names if getattr(found, name, None) is not None}


_KINDS = {
    "DiffractionVectors": _vectors,
    "BaseSignal": _signal,
    "DataCube": _cube,
    "RealSlice": _slice,
    "DiffractionSlice": _slice,
    "PointList": _points,
    "OrientationMap": _orientation_map,
    "Node": _node,
    "CrystalMap": _crystal_map,
    "Phase": _phase,
}
