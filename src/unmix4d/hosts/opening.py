"""Scans in files: opened by the host that writes such files, on disk where that host can, and never changed."""

from __future__ import annotations

import os
import warnings

from ..core import checks
from ..core.errors import UnreadableFile
from ..core.scan import Scan
from ..core.units import convert, is_calibrated
from ..core.version import unless_python
from .completeness import brief, look_for_gaps, read_to_the_end
from .detector_files import dectris_master, empad_raw, is_dectris_master
from .merlin_raw import is_raw, merlin_raw
from .scan_shape import in_rows, of_reader

__all__ = ["open_scan"]

_HDF5 = (".h5", ".hdf5", ".emd", ".hdf")
_IN_MEMORY = (".prz",)  # archives, which their reader cannot leave on disk
_FOLDERS = (".zspy", ".zarr")  # what is a folder, and one file to its readers


def open_scan(path, *, host: str | None = None, dataset: str | None = None, scan_shape: tuple[int, int] | None = None):
    """The scan in a file, as its host has it.

    path (str or path-like): ``.npy``: a NumPy array, memory-mapped. ``.h5``, ``.hdf5``, ``.emd``: a DataCube that py4DSTEM
        wrote, left on disk (in memory where an old version wrote it), or the only four-dimensional dataset of another HDF5
        file, or the frames that a Dectris master leads to. ``.raw``, ``.xml``: those of an EMPAD. ``.mib``: raw
        ones (R64) are read here. All else (``.hspy``, ``.zspy``, ``.mib``, ``.blo``, ...) is loaded lazily by HyperSpy.
    host: Who opens it, instead of who the name of the file says.
    dataset: Path inside an HDF5 file, where it holds more than one scan.
    scan_shape (int, int): Rows and columns of positions, where a file of HyperSpy or NumPy holds its patterns one after
        the other: ``.tvips``, Dectris masters, and ``.mib`` without its ``.hdr`` say nothing of them.
    Returns HyperSpy signal, py4DSTEM DataCube, ndarray, h5py Dataset or Scan.
    Raises OSError when there is no such file, nobody can read it, it holds no scan or several, or nothing says how many rows
        and columns the scan has.
    Raises ImportError when the host that reads it is not installed.
    Warns UnmixWarning when the patterns are in one row, whose step is not a length: a map may have been saved pattern by
        pattern. When some that the file promises are not there.
    """
    path = checks.file_name(path)
    if not os.path.exists(path):
        raise OSError(f"there is no file {path!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the hosts' own imports and readers
            opened = _open(path, host, dataset, scan_shape)
            found = opened if scan_shape is None or isinstance(opened, Scan) else in_rows(opened, path, scan_shape)
            read_to_the_end(found, path)
    except ImportError as error:
        raise ImportError(
            f"{path!r} cannot be read, because a package is missing: {error}{unless_python(error.name)}"
        ) from error
    except UnreadableFile:
        raise
    except Exception as error:  # readers of hosts raise anything
        raise OSError(f"{path!r} cannot be read: {type(error).__name__}: {brief(error)}") from error
    look_for_gaps(found, path)
    return found


def _open(path, host, dataset, scan_shape):
    ending = os.path.splitext(path)[1].lower()
    if os.path.isdir(path) and ending not in _FOLDERS:
        raise UnreadableFile(f"{path!r} is a folder: name the files in it")
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise UnreadableFile(f"{path!r} is empty")
    if dataset is not None and ending not in _HDF5 and host != "array":
        raise UnreadableFile(f"dataset is for HDF5 files ({' '.join(_HDF5)}), got {dataset!r} for {path!r}")
    if host == "array" or (host is None and ending == ".npy"):
        return _npy(path) if ending == ".npy" else _dataset(path, dataset)
    if host in (None, "pyxem") and ending in _HDF5 and _is_hyperspy(path):
        return _hyperspy(path, scan_shape, reader="HSPY")  # .h5 is the ending of several readers
    if host is None and ending == ".raw":
        xml = os.path.splitext(path)[0] + ".xml"  # which names the file, and holds the calibration
        return _hyperspy(xml, None, reader="EMPAD") if os.path.exists(xml) else empad_raw(path, scan_shape)
    if host in (None, "pyxem") and ending == ".xml":
        return _hyperspy(path, None, reader="EMPAD")  # .xml is the ending of several readers
    if host in (None, "pyxem") and ending == ".mib" and is_raw(path):
        return merlin_raw(path, scan_shape)
    if host is None and ending in _HDF5 and dataset is None and is_dectris_master(path):
        return dectris_master(path, scan_shape)
    if host is None and ending in _HDF5:
        cubes = _cubes(path)
        if not cubes and not _is_old_py4dstem(path):
            # .emd is the ending of several formats, which HyperSpy tells apart.
            return _hyperspy(path, scan_shape) if ending == ".emd" and dataset is None else _dataset(path, dataset)
        host = "py4dstem"
    return _py4dstem(path, dataset) if host == "py4dstem" else _hyperspy(path, scan_shape)


def _npy(path):
    import numpy as np

    return np.load(path, mmap_mode="r", allow_pickle=False)


def _hyperspy(path, scan_shape, **reader):
    import hyperspy.api as hyperspy
    from rsciio import IO_PLUGINS

    ending = os.path.splitext(path)[1]
    if ending[1:].lower() not in {known.lower() for plugin in IO_PLUGINS for known in plugin["file_extensions"]}:
        raise UnreadableFile(f"{path!r} ends in {ending!r}, which is not a format that HyperSpy reads")
    loaded = hyperspy.load(path, lazy=ending.lower() not in _IN_MEMORY, **(reader or of_reader(path, scan_shape)))
    signals = [_of_patterns(s, ending.lower()) for s in (loaded if isinstance(loaded, list) else [loaded])]
    scans = [s for s in signals if s.axes_manager.signal_dimension == 2 and s.axes_manager.navigation_dimension in (1, 2)]
    if len(scans) != 1:
        kinds = ", ".join(repr(s) for s in signals) or "nothing"
        raise UnreadableFile(f"{path!r} must hold one scan of patterns, but holds {len(scans)}: {kinds}")
    return scans[0]


def _of_patterns(signal, ending):
    """A signal of four axes without navigation, as NCEM's .emd come, with the last two of the array as the detector.

    Some files have the positions there: no detector is measured in nm, and no scan in 1/nm. A .dm4 has the pairs of axes the
    other way round; of an .emd, which HyperSpy reads backwards, all axes are.
    """
    manager = signal.axes_manager
    if manager.navigation_dimension == 0 and manager.signal_dimension == 4:
        signal = signal.transpose(signal_axes=2)
        manager = signal.axes_manager
    if manager.navigation_dimension == 2 == manager.signal_dimension:
        if _lengths(manager.signal_axes) and _calibrated(manager.navigation_axes) and not _lengths(manager.navigation_axes):
            order = slice(None, None, -1 if ending == ".emd" else 1)
            return signal.transpose(signal_axes=manager.navigation_axes[order], navigation_axes=manager.signal_axes[order])
    return signal


def _calibrated(axes):
    return all(is_calibrated(axis.units) for axis in axes)


def _lengths(axes):
    for axis in axes:
        try:
            convert(1.0, axis.units, "nm")
        except ValueError:
            return False
    return True


def _py4dstem(path, wanted):
    import py4DSTEM

    cubes = _cubes(path) if os.path.splitext(path)[1].lower() in _HDF5 else None
    if cubes is None:
        return py4DSTEM.import_file(path)
    if not cubes:
        return py4DSTEM.read(path)  # an old version wrote it
    name = _the_one(path, cubes, wanted)
    root = py4DSTEM.read(path, datapath=name.split("/")[0], tree=False)
    known = root.metadata["calibration"] if "calibration" in root.metadata else None
    # py4DSTEM reads a whole cube into memory; a DataCube of the open dataset is read in blocks, as it is used.
    return py4DSTEM.DataCube(_file(path)[name]["data"], name=name.split("/")[-1], calibration=known)


def _file(path):
    import h5py

    return h5py.File(path, "r")  # stays open as long as a dataset of it is used


def _cubes(path):
    """Names of the groups in which py4DSTEM keeps data cubes."""
    return _names(path, lambda node: _text(node.attrs.get("python_class")) == "DataCube")


def _names(path, wanted):
    """Names of the groups and datasets in a file for which `wanted(node)` holds."""
    import h5py

    found = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, node: found.append(name) if wanted(node) else None)
    return found


def _is_old_py4dstem(path):
    import h5py

    with h5py.File(path, "r") as file:
        return any("py4DSTEM" in name for name in file) or "py4DSTEM" in _text(file.attrs.get("authoring_program"))


def _is_hyperspy(path):
    import h5py

    with h5py.File(path, "r") as file:
        return _text(file.attrs.get("file_format")).lower() == "hyperspy"


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _dataset(path, wanted):
    import h5py

    found = _names(path, lambda node: isinstance(node, h5py.Dataset) and node.ndim == 4)
    return _file(path)[_the_one(path, found, wanted)]


def _the_one(path, names, wanted):
    if wanted is not None:
        wanted = wanted.strip("/")
        if wanted not in names:
            raise UnreadableFile(f"{path!r} holds no scan {wanted!r}, but {', '.join(map(repr, names)) or 'none at all'}")
        return wanted
    if len(names) != 1:
        raise UnreadableFile(
            f"{path!r} must hold one four-dimensional dataset, but holds {len(names)}: "
            f"{', '.join(map(repr, names)) or 'none'}" + ("; name one with dataset (--dataset)" if names else "")
        )
    return names[0]
