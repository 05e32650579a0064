"""A result as a head and arrays, which is how it is saved, and back."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np

from ..core.geometry import Calibration, ScanGeometry
from ..core.scan import HostRecord
from ..storage import result_file
from .meaning import Meaning

__all__ = ["expected_shapes", "restored", "save"]

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
        **result.saved_head(),
    }


def _arrays(result):
    arrays = {name: getattr(result, name) for name in result.saved_arrays}
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
    geometry, n_iterations = head["geometry"], sum(head["starts"])
    sizes = {
        "k": shapes["patterns"][:1],
        "scan": tuple(geometry["scan_shape"]),
        "detector": tuple(geometry["detector_shape"]),
        "features": tuple(head.get("features_shape") or ()),
    }
    words = {**kind.saved_arrays, "scan_mask": ("scan",), "detector_mask": ("detector",)}
    found = {name: None if of is None else tuple(n for word in of for n in sizes[word]) for name, of in words.items()}
    return {**found, "convergence": (n_iterations,), "changes": (n_iterations, 2)}


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
        **kind.read_head(head),
    )


def _with_tuples(entries: dict) -> dict[str, Any]:
    """JSON has lists where fields are tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}


def _by_start(history, lengths):
    return [] if history is None or not lengths else np.split(history, np.cumsum(lengths)[:-1])
