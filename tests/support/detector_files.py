"""The smallest files of detectors that have the structure of real ones, byte by byte."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import h5py
import numpy as np

__all__ = ["dectris", "dm4", "empad", "mib", "mib_raw", "ncem_emd", "velox_emd"]

#: Of a Merlin detector: what its header says of the counter depth, and how a pixel is stored.
MERLIN = {1: ("U08", ">u1"), 6: ("U08", ">u1"), 12: ("U16", ">u2"), 24: ("U32", ">u4")}


def mib(path: Path, data, bits: int = 12, quad: bool = False) -> Path:
    """Frames of a Merlin detector without a .hdr: a header each, of 384 bytes, or of 768 for four chips."""
    kind, dtype = MERLIN[bits]
    rows, cols = data.shape[-2:]
    content = bytearray()
    for i, frame in enumerate(data.reshape(-1, rows, cols)):
        content += _mib_head(i, (cols, rows), kind, bits, quad) + frame[::-1].astype(dtype).tobytes()
    path.write_bytes(content)
    return path


def _mib_head(i, size, kind, bits, quad):
    n_bytes, chips, arrangement = (768, 4, "   2x2") if quad else (384, 1, "   1x1")
    head = f"MQ1,{i + 1:06d},{n_bytes:05d},{chips:02d},{size[0]:04d},{size[1]:04d},{kind},{arrangement},"
    head += "0F," if quad else "01,"
    head += "2024-05-01 10:00:00.000000,0.000500,0,0,0," + "1.0E+2,5.1," * chips
    head += f"MQ1A,2024-05-01T10:00:{i * 1e-3:012.9f}Z,500000ns,{bits},"
    return head.encode().ljust(n_bytes, b"\0")


def mib_raw(path: Path, data, bits: int = 12, quad: bool = False) -> Path:
    """Frames of a Merlin detector as its chips are read out: pixel by pixel into words of 64 bits."""
    rows, cols = data.shape[-2:]
    size = (2 * cols, rows // 2) if quad else (2 * cols if bits == 24 else cols, rows)
    content = bytearray()
    for i, frame in enumerate(data.reshape(-1, rows, cols)):
        content += _mib_head(i, size, "R64", bits, quad)
        lines = _read_out(frame[::-1]) if quad else frame[::-1]
        for part in [lines >> 12, lines & 4095] if bits == 24 else [lines]:
            content += b"".join(_words(line, bits) for line in part)
    path.write_bytes(content)
    return path


def _read_out(frame):
    """Rows as four chips give them: of one after the other, those of the lower two from their other end."""
    rows, cols = (size // 2 for size in frame.shape)
    for i in range(rows):
        last = frame[2 * rows - 1 - i]
        yield [*last[: cols - 1 : -1], *last[cols - 1 :: -1], *frame[i, cols:], *frame[i, :cols]]


def _words(line, bits):
    each = {1: 1, 6: 8}.get(bits, 16)
    n = 64 // each
    groups = [line[start : start + n] for start in range(0, len(line), n)]
    return b"".join(struct.pack(">Q", sum(int(pixel) << each * i for i, pixel in enumerate(group))) for group in groups)


def dectris(folder: Path, data, mask=None, files: int = 2) -> Path:
    """A master file with links to the files of the frames, and the detector's mask of its pixels."""
    frames = data.reshape(-1, *data.shape[-2:])
    master = folder / "scan_master.h5"
    with h5py.File(master, "w") as file:
        group = file.create_group("entry/data")
        for i, part in enumerate(np.array_split(frames, files), 1):
            name = f"scan_data_{i:06d}.h5"
            with h5py.File(folder / name, "w") as one:
                one.create_dataset("entry/data/data", data=part, chunks=(1, *part.shape[1:]), compression="gzip")
            group[f"data_{i:06d}"] = h5py.ExternalLink(name, "entry/data/data")
        if mask is not None:
            file["entry/instrument/detector/detectorSpecific/pixel_mask"] = mask.astype(np.uint32)
    return master


def empad(path: Path, data) -> Path:
    """Frames of 128 x 128 numbers and two rows that are no image."""
    frames = data.reshape(-1, 128, 128).astype("<f4")
    np.concatenate([frames, np.full((len(frames), 2, 128), 1e9, "<f4")], axis=1).tofile(path)
    return path


def ncem_emd(path: Path, data, step=2.0, pixel=0.02) -> Path:
    """A Berkeley EMD file: a group that says so, with the data and a dataset for each axis."""
    with h5py.File(path, "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = 0, 2
        group = file.create_group("data/datacube_000")
        group.attrs["emd_group_type"] = 1
        group["data"] = data
        for i, (name, size, unit) in enumerate(
            zip(("Ry", "Rx", "Qy", "Qx"), (step, step, pixel, pixel), ("nm", "nm", "A^-1", "A^-1"))
        ):
            axis = group.create_dataset(f"dim{i + 1}", data=size * np.arange(data.shape[i]))
            axis.attrs["name"], axis.attrs["units"] = name, unit
    return path


def velox_emd(path: Path, data, pixel=1e9) -> Path:
    """A stack of camera frames of Velox: (row, column, frame), and JSON in columns of bytes."""
    frames = data.reshape(-1, *data.shape[-2:])
    told = {
        "BinaryResult": {
            "PixelSize": {"width": str(pixel), "height": str(pixel)}, "Offset": {"x": "0", "y": "0"}, "PixelUnitX": "1/m",
            "PixelUnitY": "1/m", "Detector": "BM-Ceta", "DetectorIndex": "0",
        },
        "Scan": {"FrameTime": "0.01"},
        "Detectors": {"Detector-0": {"DetectorName": "BM-Ceta", "DetectorType": "ImagingDetector", "ExposureTime": "0.01"}},
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1714557600"}},
        "Core": {"MetadataDefinitionVersion": "7.9"}, "CustomProperties": "",
    }  # fmt: skip
    text = json.dumps(told).encode().ljust(4000, b"\0")
    with h5py.File(path, "w") as file:
        file["Version"] = np.array([json.dumps({"format": "Velox", "version": "11"}).encode()], dtype=object)
        group = file.create_group("Data/Image/0123456789abcdef0123456789abcdef")
        group.create_dataset("Data", data=np.moveaxis(frames, 0, -1), chunks=(*frames.shape[1:], 1))
        group["Metadata"] = np.repeat(np.frombuffer(text, np.uint8)[:, None], len(frames), axis=1)
    return path


def dm4(path: Path, data, step=2.0, pixel=0.5, scan_fastest: bool = False) -> Path:
    """A .dm4 of Digital Micrograph: one image of four dimensions, its tags as far as they are read."""
    axes = [(n, size, unit) for n, size, unit in zip(data.shape, (step, step, pixel, pixel), ("nm", "nm", "1/nm", "1/nm"))]
    if scan_fastest:
        data, axes = data.transpose(2, 3, 0, 1), axes[2:] + axes[:2]
    fastest_first = axes[::-1]
    image = _group(
        [
            ("ImageData", _group([
                ("Calibrations", _group([
                    ("Brightness", _group([("Origin", _simple(6, 0.0)), ("Scale", _simple(6, 1.0)), ("Units", _text(""))])),
                    ("Dimension", _group([
                        ("", _group([("Origin", _simple(6, 0.0)), ("Scale", _simple(6, size)), ("Units", _text(unit))]))
                        for _, size, unit in fastest_first
                    ])),
                ])),
                ("Data", _array(4, data.astype("<u2").tobytes(), data.size)),
                ("DataType", _simple(5, 10)),
                ("Dimensions", _group([("", _simple(5, n)) for n, _, _ in fastest_first])),
                ("PixelDepth", _simple(5, 2)),
            ])),
            ("ImageTags", _group([])),
            ("Name", _text("scan")),
        ]
    )  # fmt: skip
    root = _tags([("ImageList", _group([("", image)]))])
    body = struct.pack(">BBQ", 1, 0, 1) + root
    path.write_bytes(struct.pack(">IQI", 4, len(body), 1) + body + b"\0" * 8)
    return path


def _tags(entries):
    out = b""
    for name, (kind, content) in entries:
        out += struct.pack(">BH", kind, len(name)) + name.encode() + struct.pack(">Q", len(content)) + content
    return out


def _group(entries):
    return 20, struct.pack(">BBQ", 1, 0, len(entries)) + _tags(entries)


def _data(info, values):
    return 21, b"%%%%" + struct.pack(f">{len(info) + 1}Q", len(info), *info) + values


def _simple(kind, value):
    return _data([kind], struct.pack("<" + {5: "I", 6: "f"}[kind], value))


def _text(text):
    return _array(4, text.encode("utf-16-le"), len(text))


def _array(kind, values, n):
    return _data([20, kind, n], values)
