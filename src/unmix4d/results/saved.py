"""A result as a head and arrays, which is how it is saved, and back."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np

from ..core.geometry import Calibration, ScanGeometry
from ..core.scan import HostRecord
from ..storage import result_file
from .meaning import Meaning

__all__ = ["expected_shapes", "restored", "save"]

_MOST_STARTS = 100_000  # more of them is a file made to keep a reader busy
_MASKS = ("scan_mask", "detector_mask")
_GEOMETRY = (
    "scan_shape", "detector_shape", "centre", "centre_known", "ellipse", "polar", "features", "redrawn",
)  # fmt: skip


def save(self: Any, path: str | os.PathLike[str]) -> None:
    """Write the result to one HDF5 file, to be read by `unmix4d.load`; an existing file is replaced at the end only.

    The file is put together in memory first, which takes as much as the file is long.

    Parameters
    ----------
    path : str or path-like
        ``.h5`` is customary.

    Raises
    ------
    OSError
        When the file cannot be written; an older file of that name is then untouched.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import unmix4d
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0).data).nmf(2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result.save(Path(folder) / "run.unmix.h5")
    ...     again = unmix4d.load(Path(folder) / "run.unmix.h5")
    >>> bool((again.maps == result.maps).all())
    True
    """
    result_file.write(path, _head(self), _arrays(self), title=f"{self.method} with {self.k} components")


def _head(result):
    geometry = {name: getattr(result.geometry, name) for name in _GEOMETRY}
    return {
        "kind": type(result).__name__,
        "method": result.method,
        "meaning": dataclasses.asdict(result.meaning),
        "references": result.references,
        "loss": result.loss,
        "settings": result.settings,
        "host": dataclasses.asdict(result.host),
        "geometry": {**geometry, "calibration": dataclasses.asdict(result.geometry.calibration)},
        "features_shape": None if result.features is None else result.features.shape[1:],
        "starts": [len(history) for history in result.convergence],
        **result._saved_head(),
    }


def _arrays(result):
    arrays = {name: getattr(result, name) for name in result._saved_arrays}
    arrays["convergence"] = np.concatenate(result.convergence) if result.convergence else np.empty(0)
    if result.changes:
        arrays["changes"] = np.concatenate(result.changes)
    arrays |= {name: getattr(result.geometry, name) for name in _MASKS}
    return {name: array for name, array in arrays.items() if array is not None}


def expected_shapes(kind: Any, head: dict, shapes: dict) -> dict:
    """The shapes that the arrays of a saved result must have; see `unmix4d.storage.result_file.read`.

    Parameters
    ----------
    kind : type
        `Decomposition` or one of its relatives.
    head : dict
    shapes : dict
        Those in the file, for the number of components.
    """
    _require_head(head)
    geometry, n_iterations = head["geometry"], sum(head["starts"])
    sizes = {
        "k": shapes["patterns"][:1],
        "scan": tuple(geometry["scan_shape"]),
        "detector": tuple(geometry["detector_shape"]),
        "features": tuple(head.get("features_shape") or ()),
    }
    words = {**kind._saved_arrays, "scan_mask": ("scan",), "detector_mask": ("detector",)}
    found = {name: None if of is None else tuple(n for word in of for n in sizes[word]) for name, of in words.items()}
    found |= {"convergence": (n_iterations,), "changes": (n_iterations, 2)}
    if len(shapes.get("losses", ())) > 1 or len(shapes["patterns"]) != 3:
        raise ValueError(f"losses and patterns have the shapes {shapes.get('losses')} and {shapes['patterns']}")
    return found


def _require_head(head):
    """Refuse what stands behind a right checksum and is no head of a result: other types, sizes and numbers."""
    geometry, calibration = head["geometry"], head["geometry"]["calibration"]
    _require(isinstance(head["settings"], dict) and isinstance(head["host"], dict), "the settings or the host")
    _require(isinstance(head["method"], str) and isinstance(head["loss"], float), "the method or the loss")
    _require(_are_counts(head["starts"], 0) and len(head["starts"]) <= _MOST_STARTS, "the list of starts")
    for name in ("scan_shape", "detector_shape"):
        _require(_are_counts(geometry[name], 1) and len(geometry[name]) == 2, name)
    _require(head.get("features_shape") is None or _are_counts(head["features_shape"], 0), "features_shape")
    _require(_are_numbers(geometry["centre"], 2), "the centre")
    _require(geometry["ellipse"] is None or _are_numbers(geometry["ellipse"], 3), "the ellipse")
    flags = ("centre_known", "polar", "features", "redrawn")
    _require(_are(bool, [geometry[name] for name in flags if name in geometry]), "a flag of the geometry")
    _require(_calibrated(Calibration(**calibration)), "the calibration")
    told = HostRecord(**head["host"])
    _require(_are(str, (told.kind, told.name)) and isinstance(told.record, dict), "the host")
    meant = Meaning(**head.get("meaning", {}))  # files of 0.1.0 have neither meaning nor references
    _require(_are(str, head.get("references", [])), "the references")
    _require(_are(str, (meant.label, meant.shares_of)), "the meaning of the components")
    _require(_are(bool, (meant.signed, meant.signed_maps, meant.centred)), "the meaning of the components")
    _require(_finite(head["settings"]), "a number of the settings, which is NaN")


def _require(condition, what):
    if not condition:
        raise ValueError(f"{what} in it cannot be one")


def _are(kind, values):
    return all(isinstance(value, kind) for value in values)


def _are_counts(values, least):
    return isinstance(values, list) and all(type(value) is int and value >= least for value in values)


def _are_numbers(values, n):
    return isinstance(values, (list, tuple)) and len(values) == n and all(map(_is_number, values))


def _is_number(value):
    return type(value) in (int, float) and math.isfinite(value)


def _calibrated(calibration):
    sizes = calibration.step, calibration.pixel_size
    origins = [calibration.scan_origin, *([] if calibration.detector_origin is None else [calibration.detector_origin])]
    known = (calibration.beam_energy, calibration.convergence_angle, calibration.precession_angle, calibration.rotation_deg)
    return (
        all(_are_numbers(pair, 2) for pair in (*sizes, *origins))
        and all(value > 0 for pair in sizes for value in pair)
        and _are(str, (calibration.step_unit, calibration.pixel_unit))
        and all(value is None or _is_number(value) for value in known)
        and calibration.flip in (None, True, False)
    )


def _finite(value):
    """Whether no number of these settings is NaN."""
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return value == value


def restored(kind: Any, head: dict, arrays: dict) -> Any:
    """The result, without its data.

    Parameters
    ----------
    kind : type
        `Decomposition` or one of its relatives.
    head, arrays : dict
        As they were saved.
    """
    arrays = dict(arrays)
    masks = {name: arrays.pop(name).astype(bool) for name in _MASKS if name in arrays}
    part = _with_tuples(head["geometry"])
    calibration = _with_tuples(part.pop("calibration"))
    return kind(
        method=head["method"],
        loss=head["loss"],
        meaning=Meaning(**head["meaning"]),
        references=tuple(head["references"]),
        settings=head["settings"],
        host=HostRecord(**head["host"]),
        geometry=ScanGeometry(**part, **masks, calibration=Calibration(**calibration)),
        convergence=_by_start(arrays.pop("convergence"), head["starts"]),
        changes=_by_start(arrays.pop("changes", None), head["starts"]),
        **arrays,
        **kind._read_head(head),
    )


def _with_tuples(entries: dict) -> dict[str, Any]:
    """JSON has lists where fields are tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}


def _by_start(history, lengths):
    return [] if history is None or not lengths else np.split(history, np.cumsum(lengths)[:-1])
