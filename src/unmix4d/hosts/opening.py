"""Scans in files: opened by the host that writes such files, on disk where that host can, and never changed."""

from __future__ import annotations

import math
import os
import warnings

from ..core import checks
from ..core.messages import warn
from ..core.units import convert

__all__ = ["open_scan", "HOSTS"]

HOSTS = ("pyxem", "py4dstem", "array")
_HDF5 = (".h5", ".hdf5", ".emd", ".hdf")
_IN_MEMORY = (".prz",)  # archives, which their reader cannot leave on disk
_FOLDERS = (".zspy", ".zarr")  # what is a folder, and one file to its readers


def open_scan(path, *, host: str | None = None, dataset: str | None = None, scan_shape: tuple[int, int] | None = None):
    """The scan in a file, as its host has it.

    Parameters
    ----------
    path : str or path-like
        ``.npy``: a NumPy array, memory-mapped. ``.h5``, ``.hdf5``, ``.emd``: a DataCube that py4DSTEM wrote, left on disk
        (in memory where an old version wrote it), or the only four-dimensional dataset of another HDF5 file. All else
        (``.hspy``, ``.zspy``, ``.mib``, ``.blo``, ...) is loaded lazily by HyperSpy.
    host : {"pyxem", "py4dstem", "array"}, optional
        Who opens it, instead of who the name of the file says.
    dataset : str, optional
        Path inside an HDF5 file, where it holds more than one scan.
    scan_shape : (int, int), optional
        Rows and columns of positions, where a file of HyperSpy or NumPy holds its patterns one after the other: ``.tvips``,
        and ``.mib`` without its ``.hdr``, say nothing of them.

    Returns
    -------
    HyperSpy signal, py4DSTEM DataCube, ndarray or h5py Dataset

    Raises
    ------
    OSError
        When there is no such file, nobody can read it, it holds no scan or several, or nothing says how many rows and
        columns the scan has.
    ImportError
        When the host that reads it is not installed.

    Warns
    -----
    UnmixWarning
        When the patterns are in one row, whose step is no length: a map may have been saved pattern by pattern.
    """
    path = checks.file_name(path)
    if not os.path.exists(path):
        raise OSError(f"there is no file {path!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the hosts' own imports and readers
            opened = _open(path, host, dataset, scan_shape)
            found = opened if scan_shape is None else _in_rows(opened, path, scan_shape)
            _read_to_the_end(found, path)
    except ImportError as error:
        raise ImportError(f"{path!r} cannot be read, because a package is missing: {error}") from error
    except _Unreadable as error:
        raise OSError(str(error)) from None
    except Exception as error:  # readers of hosts raise anything
        raise OSError(f"{path!r} cannot be read: {type(error).__name__}: {_brief(error)}") from error
    _look_at_row(found, path)
    _look_at_frames(found, path)
    _look_at_blocks(path)
    return found


_LONGEST = 300  # characters of what a host says: some print their whole help


def _brief(error):
    text = " ".join(str(error).split()) or "no reason is given"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


class _Unreadable(Exception):
    """One sentence that needs nothing added."""


def _open(path, host, dataset, scan_shape):
    ending = os.path.splitext(path)[1].lower()
    if os.path.isdir(path) and ending not in _FOLDERS:
        raise _Unreadable(f"{path!r} is a folder: name the files in it")
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise _Unreadable(f"{path!r} is empty")
    if dataset is not None and ending not in _HDF5 and host != "array":
        raise _Unreadable(f"dataset is for HDF5 files ({' '.join(_HDF5)}), got {dataset!r} for {path!r}")
    if host == "array" or (host is None and ending == ".npy"):
        return _npy(path) if ending == ".npy" else _dataset(path, dataset)
    if host is None and ending in _HDF5 and not _is_hyperspy(path):
        cubes = _cubes(path)
        if not cubes and not _is_old_py4dstem(path):
            # .emd is the ending of several formats, which HyperSpy tells apart.
            return _hyperspy(path, scan_shape) if ending == ".emd" and dataset is None else _dataset(path, dataset)
        host = "py4dstem"
    return _py4dstem(path, dataset) if host == "py4dstem" else _hyperspy(path, scan_shape)


def _npy(path):
    import numpy as np

    return np.load(path, mmap_mode="r", allow_pickle=False)


def _hyperspy(path, scan_shape):
    import hyperspy.api as hyperspy
    from rsciio import IO_PLUGINS

    ending = os.path.splitext(path)[1]
    if ending[1:].lower() not in {known.lower() for plugin in IO_PLUGINS for known in plugin["file_extensions"]}:
        raise _Unreadable(f"{path!r} ends in {ending!r}, which is no format that HyperSpy reads")
    loaded = hyperspy.load(path, lazy=ending.lower() not in _IN_MEMORY, **_of_reader(path, scan_shape))
    signals = [_of_patterns(s) for s in (loaded if isinstance(loaded, list) else [loaded])]
    scans = [s for s in signals if s.axes_manager.signal_dimension == 2 and s.axes_manager.navigation_dimension in (1, 2)]
    if len(scans) != 1:
        kinds = ", ".join(repr(s) for s in signals) or "nothing"
        raise _Unreadable(f"{path!r} must hold one scan of patterns, but holds {len(scans)}: {kinds}")
    return scans[0]


def _of_reader(path, scan_shape):
    """What a reader has to be told, where the file alone says too little."""
    stem, ending = os.path.splitext(path)
    ending = ending.lower()
    if scan_shape is None and (ending == ".tvips" or (ending == ".mib" and not os.path.exists(stem + ".hdr"))):
        # HyperSpy takes the first for a line, and guesses the rows of the second from the times of the frames.
        lacking = "" if ending == ".tvips" else ", and there is no .hdr file beside it"
        raise _Unreadable(
            f"{path!r} does not say how many rows and columns the scan has{lacking}: give scan_shape (--scan-shape ROWS COLS)"
        )
    # Without it the reader of .mib leaves out what does not fill its own guess.
    return {} if ending != ".mib" or scan_shape is None else {"navigation_shape": scan_shape[::-1]}


def _of_patterns(signal):
    """A signal of four axes without navigation, as NCEM's .emd come, with the last two of the array as the detector."""
    manager = signal.axes_manager
    stacked = manager.navigation_dimension == 0 and manager.signal_dimension == 4
    return signal.transpose(signal_axes=2) if stacked else signal


def _in_rows(scan, path, scan_shape):
    """Patterns that lie one after the other as a scan of rows and columns, of which no step is known."""
    rows, cols = scan_shape
    signal = hasattr(scan, "axes_manager")
    data = scan.data if signal else scan
    if not hasattr(data, "reshape") or (not signal and hasattr(scan, "data") and type(scan).__name__ == "DataCube"):
        raise _Unreadable(f"scan_shape is for files of HyperSpy and NumPy, got {path!r}")
    n = _patterns_in(scan, data)
    if n == rows * cols and tuple(data.shape[:-2]) == (rows, cols):
        return scan
    if n != rows * cols or data.ndim < 3:
        raise _Unreadable(f"{path!r} holds {n} patterns, which are no {rows} rows of {cols}: give another scan_shape")
    data = data.reshape(rows, cols, *data.shape[-2:])
    if not signal:
        return data
    detector = [axis.get_axis_dictionary() for axis in scan.axes_manager.signal_axes[::-1]]
    names = [{"name": name, "size": size, "navigate": True} for name, size in zip("yx", scan_shape)]
    return type(scan)(data, axes=names + detector, metadata=scan.metadata.as_dictionary())


def _patterns_in(scan, data):
    """How many patterns a file holds: more than were read where the reader of .mib was told a smaller scan."""
    known = None
    if hasattr(scan, "original_metadata"):
        known = scan.original_metadata.get_item("mib_properties.frame_number_in_file")
    return math.prod(data.shape[:-2]) if known is None else int(known)


def _read_to_the_end(scan, path):
    """A file that ends too early is known by its last pattern, and not after an hour."""
    if getattr(scan, "_lazy", False):
        try:
            scan.data[(-1,) * (scan.data.ndim - 2)].compute()
        except Exception as error:  # whatever a reader does with what is not there
            said = f"{type(error).__name__}: {_brief(error)}"
            raise _Unreadable(f"{path!r} cannot be read to its end, as a file that was cut or damaged ({said})") from error


def _look_at_row(scan, path):
    """Warn of patterns in one row that need not be a line on the specimen."""
    manager = getattr(scan, "axes_manager", None)
    if manager is None or manager.navigation_dimension != 1:
        return
    (axis,) = manager.navigation_axes
    try:
        convert(1.0, axis.units, "nm")
    except ValueError:
        warn(
            f"{path!r} holds {axis.size} patterns in one row, taken as a line: where they are a map, give scan_shape "
            "(--scan-shape ROWS COLS)"
        )


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
            raise _Unreadable(f"{path!r} holds no scan {wanted!r}, but {', '.join(map(repr, names)) or 'none at all'}")
        return wanted
    if len(names) != 1:
        raise _Unreadable(
            f"{path!r} must hold one four-dimensional dataset, but holds {len(names)}: "
            f"{', '.join(map(repr, names)) or 'none'}" + ("; name one with dataset (--dataset)" if names else "")
        )
    return names[0]


def _look_at_frames(scan, path):
    """Warn of patterns that the .hdr of a .mib promises and that are not read, because they are not there or fill no row."""
    if not hasattr(scan, "original_metadata"):
        return
    promised = str(scan.original_metadata.get_item("hdr_file.Frames in Acquisition (Number)"))
    read = math.prod(scan.data.shape[:-2])
    if promised.isdigit() and read < int(promised):
        warn(
            f"{path!r} gives {read} of the {promised} patterns that its .hdr promises: the acquisition was interrupted, or "
            "the file was cut; copy it again if it is too short"
        )


def _look_at_blocks(path):
    """Warn of blocks that a .zspy lacks: zarr reads them as zeros."""
    if os.path.splitext(path)[1].lower() != ".zspy":
        return
    import zarr

    arrays = [experiment["data"] for _, experiment in zarr.open(path, mode="r")["Experiments"].groups()]
    # Counted here: zarr 2 takes the first folder of nested blocks for all of them.
    folders = [os.walk(os.path.join(path, array.path)) for array in arrays]
    there = sum(not name.startswith(".") for folder in folders for _, _, names in folder for name in names)
    wanted = sum(array.nchunks for array in arrays)
    if there < wanted:
        warn(
            f"{path!r} lacks {wanted - there} of {wanted} blocks, which are read as zeros: copy the file again, unless it "
            "was written without its empty blocks"
        )
