"""Maps and patterns as images that other programs open with their calibration: TIFF stacks, or a PNG each."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from ..core import checks
from ..core.units import canonical_unit, convert, is_calibrated
from ..storage.atomic import replacing

__all__ = ["save_images"]

# Units in letters that every program reads; ImageJ says micron itself.
_PLAIN = {"Å": "nm", "1/Å": "1/nm", "1/µm": "1/nm", "µrad": "mrad"}


class _Stack(NamedTuple):
    """Images (n, row, column), with the (row, column) size of a pixel and where the zero of its axes lies, in pixels."""

    name: str
    images: np.ndarray
    size: tuple[float, float]
    unit: str
    zero: tuple[float, float]


def save_images(self: Any, folder: str | os.PathLike[str], *, format: str = "tiff") -> list[str]:
    """Save maps and patterns as images with pixel sizes and units, for ImageJ, DigitalMicrograph and others.

    Parameters
    ----------
    folder : str or path-like
        Folder of the images. It is created if it does not exist, and existing files of the same names are replaced.
    format : {"tiff", "png"}
        ``"tiff"`` writes ``maps.tif`` and ``patterns.tif``, stacks of all components in single precision, with NaN where
        excluded. ImageJ and DigitalMicrograph read the pixel size and its unit, and ImageJ also the origin of the axes and
        the names of the components. Several scans have ``maps_0.tif``, ``maps_1.tif``, ... ``"png"`` writes an 8-bit grey
        image for each map and pattern, ``map_0.png``, ``pattern_0.png``, ... Its smallest and largest value and the pixel
        size are stored in the file as text. Excluded pixels are transparent.

    Returns
    -------
    list of str
        Names of the files.

    Raises
    ------
    OSError
        If a file cannot be written. An existing file is then not changed.
    ImportError
        If the package that writes the format is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> from unmix4d import Unmix, phantoms
    >>> scan = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> result = Unmix(scan.data, step=2.0, step_unit="nm").nmf(2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [os.path.basename(path) for path in result.save_images(folder)]
    ['maps.tif', 'patterns.tif']
    """
    write = {"tiff": _tiff, "png": _pngs}[checks.choice(format, "format", ("tiff", "png"))]
    folder = checks.file_name(folder, "folder")
    os.makedirs(folder, exist_ok=True)
    return [path for stack in _stacks(self) for path in write(stack, folder, self.names)]


def _stacks(result):
    geometry = result.geometry
    calibration = geometry.calibration
    scans = [(f"maps_{i}", one) for i, one in enumerate(result.scans)] if geometry.scans else [("maps", result)]
    for name, one in scans:
        known = one.geometry.calibration
        zero = tuple(0.0 - o / s for o, s in zip(known.scan_origin, known.step))
        yield _Stack(name, one.maps, known.step, known.step_unit, zero)
    centre = geometry.centre if geometry.centre_known else (0.0, 0.0)
    yield _Stack("patterns", result.patterns, calibration.pixel_size, calibration.pixel_unit, centre)


def _plain(stack):
    """(row, column) size of a pixel and its unit, in plain letters."""
    unit = canonical_unit(stack.unit)
    if not is_calibrated(unit):
        return stack.size, "pixel"
    if unit in _PLAIN:
        return tuple(convert(size, unit, _PLAIN[unit]) for size in stack.size), _PLAIN[unit]
    return stack.size, "micron" if unit == "µm" else unit.encode("ascii", "replace").decode()


def _tiff(stack, folder, names):
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(f"TIFF stacks need tifffile, which cannot be imported ({error}): pip install tifffile") from error
    (rows, cols), unit = _plain(stack)
    path = os.path.join(folder, f"{stack.name}.tif")
    told = {
        "axes": "ZYX", "unit": unit, "spacing": 1.0, "xorigin": stack.zero[1], "yorigin": stack.zero[0],
        "Labels": [name.encode("ascii", "replace").decode() for name in names],
    }  # fmt: skip
    # The private tags of DigitalMicrograph: unit and size of x and y.
    theirs = [
        (65003, "s", 0, unit, True), (65004, "s", 0, unit, True), (65009, "d", 1, float(cols), True),
        (65010, "d", 1, float(rows), True),
    ]  # fmt: skip
    with replacing(path, "the stack") as file:
        tifffile.imwrite(
            file, np.asarray(stack.images, np.float32), imagej=True, resolution=(1 / cols, 1 / rows), metadata=told,
            extratags=theirs,
        )  # fmt: skip
    return [path]


def _pngs(stack, folder, names):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    (rows, cols), unit = _plain(stack)
    single, *scan = stack.name.split("_")
    paths = []
    for i, (name, image) in enumerate(zip(names, stack.images)):
        grey, low, high = _grey(image)
        told = PngInfo()
        for key, value in {
            "component": name, "unit": unit, "pixel height": repr(float(rows)), "pixel width": repr(float(cols)),
            "black": repr(low), "white": repr(high),
        }.items():  # fmt: skip
            told.add_itxt(key, value)
        path = os.path.join(folder, "_".join([single[:-1], *scan, str(i)]) + ".png")
        with replacing(path, "the image") as file:
            Image.fromarray(grey).save(file, format="PNG", pnginfo=told)
        paths.append(path)
    return paths


def _grey(image):
    """(grey and opacity of 8 bits, the value that is black, the value that is white)."""
    kept = np.isfinite(image)
    low, high = (float(image[kept].min()), float(image[kept].max())) if kept.any() else (0.0, 0.0)
    grey = np.where(kept, (np.nan_to_num(image) - low) / ((high - low) or 1.0), 0)
    return np.stack([np.rint(255 * grey), 255 * kept], axis=-1).astype(np.uint8), low, high
