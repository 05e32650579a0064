"""Save and load results: HDF5 for the numbers, JSON for the rest. No pickle; nothing in a file is ever executed."""

from __future__ import annotations

import dataclasses
import json
import os

import numpy as np

from ..core import checks
from ..core.geometry import Calibration, ScanGeometry
from ..core.scan import HostRecord
from ..results.decomposition import Decomposition
from ..results.fuzzy_clusters import FuzzyClusters
from ..results.merged import MergedDecomposition
from .checkpoint import replace_file
from .safety import array_checksum, open_dataset, refuse_bomb, require_checksum, text_checksum

__all__ = ["save", "load", "FORMAT_VERSION"]

FORMAT = "unmix4d"
FORMAT_VERSION = 5  # 2: changes and strengths; 3: features and merging; 4: fuzzy clusters; 5: checksums
_CHECKSUMS = 5  # the first version that has them
_KINDS = {kind.__name__: kind for kind in (Decomposition, MergedDecomposition, FuzzyClusters)}
_ARRAYS = ("patterns", "maps", "explained", "losses", "mean_pattern", "totals", "residuals", "strengths", "features")


def save(result: Decomposition, path) -> None:
    """Write a result; a file that is already there is replaced only after the new one is complete.

    Parameters
    ----------
    result : Decomposition
    path : str or path-like
        ``.h5`` is customary.

    Raises
    ------
    OSError
        When the file cannot be written; an older file of that name is then untouched.
    """
    path = checks.file_name(path)
    if os.path.isdir(path):
        raise OSError(f"path must name a file, but {path!r} is a folder")
    replace_file(path, lambda file: _write(file, result), "the result")


def _write(file, result):
    geometry = result.geometry
    head = {
        "kind": type(result).__name__,
        "method": result.method,
        "loss": result.loss,
        "settings": result.settings,
        "host": dataclasses.asdict(result.host),
        "geometry": {
            "scan_shape": geometry.scan_shape,
            "detector_shape": geometry.detector_shape,
            "centre": geometry.centre,
            "centre_known": geometry.centre_known,
            "ellipse": geometry.ellipse,
            "polar": geometry.polar,
            "features": geometry.features,
            "redrawn": geometry.redrawn,
            "calibration": dataclasses.asdict(geometry.calibration),
        },
        "features_shape": None if result.features is None else result.features.shape[1:],
        "starts": [len(history) for history in result.convergence],
        **result.saved_head(),
    }
    file.attrs["format"] = FORMAT
    file.attrs["format_version"] = FORMAT_VERSION
    file.attrs["title"] = f"{result.method} with {result.k} components"
    arrays = {name: getattr(result, name) for name in (*_ARRAYS, *result.saved_arrays)}
    arrays["convergence"] = np.concatenate(result.convergence) if result.convergence else np.empty(0)
    if result.changes:
        arrays["changes"] = np.concatenate(result.changes)
    arrays["scan_mask"], arrays["detector_mask"] = geometry.scan_mask, geometry.detector_mask
    arrays = {name: array for name, array in arrays.items() if array is not None}
    head["checksums"] = {name: array_checksum(array) for name, array in arrays.items()}
    # As a data set, since HDF5 limits attributes to 64 kB and the metadata of a host may be longer.
    text = json.dumps(head, ensure_ascii=False)
    file.create_dataset("settings.json", data=text, dtype=_text())
    file.attrs["settings_checksum"] = text_checksum(text)
    for name, array in arrays.items():
        big = array.size > 1024
        file.create_dataset(name, data=array, **({"compression": "gzip", "compression_opts": 4} if big else {}))


def _text():
    import h5py

    return h5py.string_dtype("utf-8")


def load(path, data=None) -> Decomposition:
    """Read a result written by `Decomposition.save`.

    Parameters
    ----------
    path : str or path-like
    data : Unmix, or anything `Unmix` takes, optional
        The scan it was made from, prepared the same way; calls that need the data then work again.

    Returns
    -------
    Decomposition

    Raises
    ------
    OSError
        When the file cannot be read, is no result of unmix4d, is damaged, or comes from a newer version.
    ValueError
        When `data` is not the scan the result was made from.

    Examples
    --------
    >>> import unmix4d, tempfile, os
    >>> phantom = unmix4d.phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> path = os.path.join(tempfile.mkdtemp(), "run.unmix.h5")
    >>> unmix4d.Unmix(phantom.data).nmf(2, random_state=0).save(path)
    >>> unmix4d.load(path).k
    2
    """
    import h5py

    path = checks.file_name(path)
    if not os.path.isfile(path):
        raise OSError(f"there is no file {path!r}")
    try:
        with h5py.File(path, "r") as file:
            result = _read(file, path)
    except OSError as error:
        if str(error).startswith(path):
            raise
        raise OSError(f"{path}: not a readable HDF5 file, or a damaged one: {error}") from error
    except MemoryError:
        raise MemoryError(f"{path}: the saved result is larger than the memory that is free") from None
    except Exception as error:
        # Whatever trips over a damaged file, it is the file that is wrong.
        raise OSError(f"{path}: the saved result is incomplete or damaged: {error}") from error
    return result if data is None else _relink(result, data)


def _read(file, path):
    if file.attrs.get("format") != FORMAT:
        raise OSError(f"{path}: not a result saved by unmix4d")
    version = int(file.attrs["format_version"])
    if version > FORMAT_VERSION:
        raise OSError(
            f"{path}: written by a newer unmix4d (file version {version}, this one reads up to {FORMAT_VERSION}): update it"
        )
    refuse_bomb(file)
    head = _head(file, version)
    part = head["geometry"]
    calibration = Calibration(**{k: tuple(v) if isinstance(v, list) else v for k, v in part.pop("calibration").items()})
    part = {k: tuple(v) if isinstance(v, list) else v for k, v in part.items()}
    shapes = _expected_shapes(part, file["patterns"].shape[0])
    shapes["checksums"] = head.get("checksums")
    masks = {name: _array(file, name, shapes).astype(bool) for name in ("scan_mask", "detector_mask") if name in file}
    shapes["features"] = (file["patterns"].shape[0], *(head.get("features_shape") or ()))
    arrays = {name: _array(file, name, shapes) for name in _ARRAYS if name in file}
    lengths = head["starts"]
    ends, total = np.cumsum(lengths)[:-1], sum(lengths)
    shapes |= {"convergence": (total,), "changes": (total, 2)}
    history = _array(file, "convergence", shapes)
    changes = _array(file, "changes", shapes) if "changes" in file else None
    kind = _KINDS[head["kind"]]
    more = {name: _shape(shape, shapes) for name, shape in kind.saved_arrays.items() if name in file}
    arrays |= {name: _array(file, name, {**shapes, **more}) for name in more}
    return kind(
        method=head["method"],
        loss=head["loss"],
        settings=head["settings"],
        host=HostRecord(**head["host"]),
        geometry=ScanGeometry(**part, **masks, calibration=calibration),
        convergence=np.split(history, ends) if lengths else [],
        changes=[] if changes is None else np.split(changes, ends),
        **arrays,
        **kind.read_head(head),
    )


def _shape(words, shapes):
    """``("k", "scan")`` -> (k, scan_row, scan_col); None stays None: checked by the result itself."""
    if words is None:
        return None
    known = {"k": shapes["explained"], "scan": shapes["totals"], "detector": shapes["mean_pattern"]}
    return tuple(n for word in words for n in known[word])


def _expected_shapes(geometry, k):
    scan, detector = tuple(geometry["scan_shape"]), tuple(geometry["detector_shape"])
    return {
        "patterns": (k, *detector), "maps": (k, *scan), "explained": (k,), "losses": None,
        "mean_pattern": detector, "totals": scan, "residuals": scan, "scan_mask": scan, "detector_mask": detector,
        "strengths": (k,),
    }  # fmt: skip


def _array(file, name, shapes):
    dataset, expected = open_dataset(file, name), shapes[name]
    # Compared before reading: a damaged or hostile file may claim any size.
    if (expected is not None and dataset.shape != expected) or dataset.dtype.kind not in "fb" or dataset.size > 1 << 34:
        raise ValueError(f"{name} has the shape {dataset.shape} and dtype {dataset.dtype}, expected {expected}")
    array = dataset[()]
    if shapes["checksums"] is not None:
        require_checksum(name, array_checksum(array), shapes["checksums"].get(name))
    return array


def _head(file, version):
    """The settings, after a look at their checksum where the version has one."""
    dataset = open_dataset(file, "settings.json")
    if dataset.shape != () or dataset.dtype.kind != "O":
        raise ValueError(f"settings.json has the shape {dataset.shape} and dtype {dataset.dtype}, expected one text")
    text = dataset.asstr()[()]
    head = json.loads(text)
    if version >= _CHECKSUMS:
        require_checksum("settings.json", text_checksum(text), file.attrs.get("settings_checksum"))
        if set(head["checksums"]) != set(file) - {"settings.json"}:
            raise ValueError("arrays are missing, or there are more than were saved")
    return head


def _relink(result, data):
    from ..views.unmix import Unmix

    view = data if isinstance(data, Unmix) else Unmix(data)
    features = getattr(view, "features", None)
    if features is not None and features.source is not None:
        view = features.source  # patterns and totals of a result are those of the scan
    geometry = result.geometry
    if (view.geometry.scan_shape, view.geometry.detector_shape) != (geometry.scan_shape, geometry.detector_shape):
        raise ValueError(
            f"data must have the shape {geometry.scan_shape + geometry.detector_shape} of the saved result, got "
            f"{view.geometry.scan_shape + view.geometry.detector_shape}: prepare it in the same way (see .settings['view'])"
        )
    statistics = view.matrix().statistics()
    mean = view.geometry.to_images(statistics.mean_pattern[None])[0]
    totals = view.geometry.to_maps(statistics.totals[:, None])[0]
    for name, found, saved in (("mean pattern", mean, result.mean_pattern), ("total intensities", totals, result.totals)):
        if not np.allclose(found, saved, rtol=1e-4, atol=1e-5 * np.nanmax(np.abs(found)), equal_nan=True):
            raise ValueError(f"data is not the scan of the saved result, prepared alike: its {name} or masks differ")
    return dataclasses.replace(result, source=view)
