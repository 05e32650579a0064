"""An answer as a head and arrays, which is how it is saved, and back."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..core.geometry import Calibration, ScanGeometry, ScanPart
from ..core.scan import HostRecord
from ..editing.edits import require_edits
from ..storage import result_file
from ..storage.result_file import Claim
from .forms import Field, are, are_counts, are_numbers, finite, is_number, require
from .meaning import Meaning

__all__ = ["RESULTS", "Answer", "Form", "Geometry", "Host", "claims", "linked", "restored", "savable", "save"]

C = TypeVar("C", bound=type)

RESULTS = ("Decomposition", "MergedDecomposition", "FuzzyClusters", "FittedDecomposition")
_MOST_STARTS = 100_000  # more of them is a file made to keep a reader busy
_MASKS = ("scan_mask", "detector_mask")
_GEOMETRY = (
    "scan_shape", "detector_shape", "centre", "centre_known", "ellipse", "polar", "features", "redrawn",
)  # fmt: skip
_KINDS: dict[str, tuple[type, Form | None]] = {}  # what a file may hold: class and form by the name of the class


@dataclass(frozen=True)
class Form:
    """How an answer is saved.

    Attributes
    ----------
    fields : dict of Field
        Its arguments.
    sizes : callable
        Of an answer, the sizes that the shapes of its arrays are told in: {"n": 3, "scan": (7, 9)}.
    sound : callable
        Gets the answer that was read, and refuses it (ValueError) where its numbers do not fit together.
    """

    fields: dict[str, Field]
    sizes: Callable[[Any], dict[str, Any]] = lambda answer: {}
    sound: Callable[[Any], None] = lambda answer: None


def savable(form: Form | None = None) -> Callable[[C], C]:
    """Of a class: that files may hold it, in this form; None for `Decomposition` and its relatives, which have their own."""

    def known(cls: C) -> C:
        _KINDS[cls.__name__] = cls, form
        return cls

    return known


def save(self: Any, path: str | os.PathLike[str]) -> None:
    """Save the result to an HDF5 file, which you can read with `unmix4d.load`.

    The file also contains what the result was computed from, except the scan. It is assembled in memory first, which takes
    as much memory as the size of the file. An existing file is only replaced at the end.

    Parameters
    ----------
    path : str or path-like
        Path of the file, usually with the extension ``.h5``.

    Raises
    ------
    OSError
        If the file cannot be written. An existing file is then not changed.

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
    arrays: dict[str, np.ndarray] = {}
    head = _packed(self, "", arrays)
    title = f"{self.method} with {self.k} components" if "method" in head else type(self).__name__
    result_file.write(path, head, arrays, title=title)


def _packed(answer, prefix, arrays):
    """The head of an answer; its arrays are put into `arrays`, under names that begin with the prefix."""
    name = type(answer).__name__
    form = _KINDS[name][1]
    if form is None:
        arrays |= {prefix + part: array for part, array in _arrays(answer).items()}
        return _head(answer)
    told = {part: one.write(getattr(answer, part), prefix + part, arrays) for part, one in form.fields.items()}
    sizes = {word: [int(n) for n in np.atleast_1d(size)] for word, size in form.sizes(answer).items()}
    return {"kind": name, "sizes": sizes, "fields": told}


def _known(head, allowed=None):
    require(isinstance(head, dict) and isinstance(head.get("kind"), str), "the kind of answer")
    require(head["kind"] in (_KINDS if allowed is None else allowed), "the kind of answer")
    return _KINDS[head["kind"]]


def claims(head: dict, shapes: dict, prefix: str = "", allowed: tuple[str, ...] | None = None) -> dict[str, Claim]:
    """The arrays that a saved answer must have; see `unmix4d.storage.result_file.read`.

    shapes: Those in the file, for the number of components.
    prefix: What the names of its arrays begin with.
    allowed: Which kinds it may be of.
    """
    cls, form = _known(head, allowed)
    if form is None:
        own = {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}
        found = _expected_shapes(cls, head, own)
        kinds = {name: "b" if name in _MASKS else "f" for name in found}
        return {prefix + name: Claim(shape, kinds[name]) for name, shape in found.items()}
    told, sizes = head["fields"], head["sizes"]
    require(isinstance(told, dict) and told.keys() == form.fields.keys(), "the fields of the answer")
    require(isinstance(sizes, dict) and all(map(are_counts, sizes.values())), "the sizes of the answer")
    out: dict[str, Claim] = {}
    for name, one in form.fields.items():
        out |= one.claims(told[name], prefix + name, sizes, shapes)
    return out


def restored(head: dict, arrays: dict, prefix: str = "") -> Any:
    """The answer, without its data.

    head, arrays (dict): As they were saved, after `claims`.
    prefix: What the names of its arrays begin with.
    """
    cls, form = _known(head)
    if form is None:
        own = {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
        return _decomposition(cls, head, {name: array for name, array in own.items() if name in _names(cls)})
    found = {name: one.read(head["fields"][name], prefix + name, arrays) for name, one in form.fields.items()}
    answer = cls(**found)  # type: ignore[call-arg]
    form.sound(answer)
    return answer


def linked(answer: Any, link: Callable[[Any], Any]) -> Any:
    """The answer with what `link` makes of every decomposition in it."""
    form = _KINDS[type(answer).__name__][1]
    if form is None:
        return link(answer)
    parts = {name: one.linked(getattr(answer, name), link) for name, one in form.fields.items()}
    changed = {name: part for name, part in parts.items() if part is not getattr(answer, name)}
    return dataclasses.replace(answer, **changed) if changed else answer


@dataclass(frozen=True)
class Answer:
    """A field that is an answer itself, of one of these kinds; None where it may be left out."""

    kinds: tuple[str, ...]
    optional: bool = False

    def write(self, value, name, arrays):
        return None if value is None else _packed(value, f"{name}.", arrays)

    def claims(self, told, name, sizes, shapes):
        return {} if told is None and self.optional else claims(told, shapes, f"{name}.", self.kinds)

    def read(self, told, name, arrays):
        return None if told is None else restored(told, arrays, f"{name}.")

    def linked(self, value, link):
        return None if value is None else linked(value, link)


class Geometry:
    """A field that is a `ScanGeometry`."""

    def write(self, value, name, arrays):
        arrays |= {f"{name}.{mask}": getattr(value, mask) for mask in _MASKS if getattr(value, mask) is not None}
        return _geometry_head(value)

    def claims(self, told, name, sizes, shapes):
        _require_geometry(told)
        there = [mask for mask in _MASKS if f"{name}.{mask}" in shapes]
        return {f"{name}.{mask}": Claim(tuple(told[mask.replace("mask", "shape")]), "b") for mask in there}

    def read(self, told, name, arrays):
        masks = {mask: arrays[f"{name}.{mask}"] for mask in _MASKS if f"{name}.{mask}" in arrays}
        return _geometry(told, masks)

    def linked(self, value, link):
        return value


class Host:
    """A field that is a `HostRecord`."""

    def write(self, value, name, arrays):
        return dataclasses.asdict(value)

    def claims(self, told, name, sizes, shapes):
        _require_host(told)
        return {}

    def read(self, told, name, arrays):
        return HostRecord(**told)

    def linked(self, value, link):
        return value


# ---------------------------------------------------------------------------------------- `Decomposition` and its relatives


def _geometry_head(geometry):
    told = {**{name: getattr(geometry, name) for name in _GEOMETRY}, "calibration": dataclasses.asdict(geometry.calibration)}
    # Files of a single scan are what they were.
    return {**told, "scans": [dataclasses.asdict(one) for one in geometry.scans]} if geometry.scans else told


def _geometry(head, masks):
    part = _with_tuples(head)
    calibration = _with_tuples(part.pop("calibration"))
    scans = tuple(ScanPart(**_with_tuples(one)) for one in part.pop("scans", ()))
    return ScanGeometry(**part, **masks, scans=scans, calibration=Calibration(**calibration))


def _head(result):
    return {
        "kind": type(result).__name__,
        "method": result.method,
        "meaning": dataclasses.asdict(result.meaning),
        "references": result.references,
        "loss": result.loss,
        "settings": result.settings,
        "host": dataclasses.asdict(result.host),
        "geometry": _geometry_head(result.geometry),
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


def _names(kind):
    return {*kind._saved_arrays, *_MASKS, "convergence", "changes"}


def _expected_shapes(kind, head, shapes):
    """The shapes that the arrays of a saved result must have, None for any."""
    _require_head(head)
    require_edits(head["settings"], shapes["patterns"][0])
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
    """Refuse what stands behind a right checksum and is not a head of a result: other types, sizes and numbers."""
    require(isinstance(head["settings"], dict), "the settings")
    require(isinstance(head["method"], str) and isinstance(head["loss"], float), "the method or the loss")
    require(are_counts(head["starts"]) and len(head["starts"]) <= _MOST_STARTS, "the list of starts")
    require(head.get("features_shape") is None or are_counts(head["features_shape"]), "features_shape")
    _require_geometry(head["geometry"])
    _require_host(head["host"])
    meant = Meaning(**head.get("meaning", {}))  # files of 0.1.0 have neither meaning nor references
    require(are(str, head.get("references", [])), "the references")
    require(are(str, (meant.label, meant.shares_of)), "the meaning of the components")
    flags = (meant.signed, meant.signed_maps, meant.centred, meant.memberships)
    require(are(bool, flags), "the meaning of the components")
    require(finite(head["settings"]), "a number of the settings, which is NaN")


def _require_host(head):
    require(isinstance(head, dict), "the host")
    told = HostRecord(**head)
    require(are(str, (told.kind, told.name)) and isinstance(told.record, dict), "the host")


def _require_geometry(geometry):
    for name in ("scan_shape", "detector_shape"):
        require(are_counts(geometry[name], 1) and len(geometry[name]) == 2, name)
    require(are_numbers(geometry["centre"], 2), "the centre")
    require(geometry["ellipse"] is None or are_numbers(geometry["ellipse"], 3), "the ellipse")
    flags = ("centre_known", "polar", "features", "redrawn")
    require(are(bool, [geometry[name] for name in flags if name in geometry]), "a flag of the geometry")
    require({*geometry} <= {*_GEOMETRY, "calibration", "scans"}, "the geometry")
    require(_one_below_the_other(geometry.get("scans", []), geometry["scan_shape"]), "the scans of the frame")
    require(_calibrated(Calibration(**geometry["calibration"])), "the calibration")


def _one_below_the_other(scans, shape):
    """Whether so many scans lie in a frame of that shape."""
    end = 0
    for one in scans if are(dict, scans) else [{}]:
        if not (are_counts(one.get("shape"), 1) and len(one["shape"]) == 2 and type(one.get("row")) is int):
            return False
        part = ScanPart(**_with_tuples(one))
        known = _calibrated(Calibration(step=part.step, step_unit=part.step_unit, scan_origin=part.scan_origin))
        if not (known and isinstance(part.name, str) and part.row >= end and part.shape[1] <= shape[1]):
            return False
        end = part.rows.stop
    return end <= shape[0]


def _calibrated(calibration):
    sizes = calibration.step, calibration.pixel_size
    origins = [calibration.scan_origin, *([] if calibration.detector_origin is None else [calibration.detector_origin])]
    known = (calibration.beam_energy, calibration.convergence_angle, calibration.precession_angle, calibration.rotation_deg)
    return (
        all(are_numbers(pair, 2) for pair in (*sizes, *origins))
        and all(value > 0 for pair in sizes for value in pair)
        and are(str, (calibration.step_unit, calibration.pixel_unit))
        and all(value is None or is_number(value) for value in known)
        and calibration.flip in (None, True, False)
    )


def _decomposition(kind, head, arrays):
    masks = {name: arrays.pop(name).astype(bool) for name in _MASKS if name in arrays}
    return kind(
        method=head["method"],
        loss=head["loss"],
        meaning=Meaning(**head["meaning"]),
        references=tuple(head["references"]),
        settings=head["settings"],
        host=HostRecord(**head["host"]),
        geometry=_geometry(head["geometry"], masks),
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
