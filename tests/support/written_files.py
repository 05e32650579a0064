"""A scan as files of many formats: written by the host, or byte by byte where it only reads them."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np

__all__ = ["FORMATS", "table_in", "written"]


def _saved(phantom, path):
    phantom.to_pyxem().save(str(path))


def _blo(phantom, path):
    signal = phantom.to_pyxem()
    signal.change_dtype("uint8")
    signal.save(str(path))


def _tvips(phantom, path):
    signal = phantom.to_pyxem()
    signal.axes_manager.signal_axes.set(scale=2.0, offset=0.0, units="1/nm")  # the format holds whole numbers
    signal.save(str(path.with_name("scan.tvips")))  # its writer numbers the files


def _py4dstem(phantom, path):
    import py4DSTEM

    py4DSTEM.save(str(path), phantom.to_py4dstem())


def _npy(phantom, path):
    np.save(path, phantom.data)


def _mib(phantom, path, *, frames=None):
    """Frames of a Merlin detector: a header of 384 bytes each, rows from below, times with a gap after every line."""
    data = phantom.data.reshape(-1, *phantom.data.shape[2:])
    cols = phantom.data.shape[1]
    content = bytearray()
    for i, frame in enumerate(data[:frames]):
        rows, columns = frame.shape
        time = f"2024-05-01T10:00:{i * 1e-3 + i // cols * 0.5:012.9f}Z"
        head = f"MQ1,{i + 1:06d},00384,01,{columns:04d},{rows:04d},U16,   1x1,01,2024-05-01 10:00:00.000000,0.000500,0,0,0,"
        head += f"1.0E+2,5.1,MQ1A,{time},500000ns,12,"
        content += head.encode().ljust(384, b"\0") + frame[::-1].astype(">u2").tobytes()
    path.write_bytes(content)


def _mib_with_hdr(phantom, path, **more):
    _mib(phantom, path, **more)
    n, cols = phantom.data.shape[0] * phantom.data.shape[1], phantom.data.shape[1]
    lines = ["HDR,\t", f"Frames in Acquisition (Number):\t{n}", f"Frames per Trigger (Number):\t{cols}", "End\t"]
    path.with_suffix(".hdr").write_text("\n".join(lines) + "\n")


def _mib_cut(phantom, path):
    _mib_with_hdr(phantom, path, frames=2 * phantom.data.shape[1] + 1)


#: By the name of the file.
FORMATS = {
    "scan.hspy": _saved, "scan.zspy": _saved, "scan.nxs": _saved, "scan.emd": _saved, "scan.prz": _saved,
    "scan.blo": _blo, "scan_000.tvips": _tvips, "scan.mib": _mib_with_hdr, "bare.mib": _mib, "cut.mib": _mib_cut,
    "scan.h5": _py4dstem, "scan.npy": _npy,
}  # fmt: skip


def written(name: str, phantom, folder: Path) -> Path:
    """The scan of a phantom in a file of that name."""
    path = Path(folder) / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the hosts' own, on writing a file
        FORMATS[name](phantom, path)
    return path


def table_in(path) -> list[dict[str, str]]:
    """The rows of a table in a file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
