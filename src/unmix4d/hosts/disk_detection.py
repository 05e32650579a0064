"""Bragg disks found with a host's own detector, in blocks of positions, on the patterns of a view.

py4DSTEM: cross-correlation with a probe that is surrounded by a trench, maxima refined by a parabola. pyxem: normalised
correlation with a disk, and its local maxima; the centre of mass and the mean intensity of each disk are ours, because
pyxem 0.21 fails to refine where a pattern has no peak, and its ``intensity_peaks`` calls a function that is gone.

The settings follow from the radius of the disks; the defaults of py4DSTEM (60 pixels between disks, 20 from the edge) are
made for unbinned detectors.
"""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import scipy

from ..core import checks
from ..core.scan import Scan
from ..core.version import unless_python
from ..features.bragg_disks import BraggDisks

__all__ = ["DETECTORS", "clear_of_mask", "correlated_with", "detection_options", "disk_radius", "find_disks",
           "py4dstem_disks", "pyxem_disks"]  # fmt: skip

DETECTORS = ("py4dstem", "pyxem")
_PACKAGES = {"py4dstem": "py4DSTEM", "pyxem": "pyxem"}
_BLOCK_BYTES = 32 << 20  # of patterns that are read at a time, a size of work: no answer depends on it
_LARGE = 1e15  # squares of larger values, added up, are near the end of single precision
_ABOVE_NOISE = 4.0  # times the noise of the correlation, or of the mean intensity of a disk
_CORRELATION = 0.35, 0.5  # of a normalised correlation, for large and for small disks, whose noise reaches higher


def disk_radius(mean_pattern) -> float:
    """Radius of the disks in pixels: of the region round the brightest pixel that is above half of it.

    mean_pattern (ndarray (det_row, det_col)): Mean of all patterns, NaN at excluded pixels.
    Raises ValueError when that region is no disk: empty, or larger than an eighth of the detector.
    """
    image = np.nan_to_num(np.asarray(mean_pattern, float))
    peak = np.unravel_index(image.argmax(), image.shape)
    labels, _ = scipy.ndimage.label(image > image[peak] / 2)
    area = int((labels == labels[peak]).sum()) if image[peak] > 0 else 0
    radius = math.sqrt(area / math.pi)
    if not 0 < radius <= min(image.shape) / 8:
        raise ValueError(
            f"disk_radius must be given: the brightest part of the mean pattern covers {area} pixels of "
            f"{image.shape[0]} x {image.shape[1]}, which is not a disk"
        )
    return radius


def find_disks(scan: Scan, mean_pattern, *, detector=None, radius=None, options=None, tick=None):
    """The Bragg disks of every kept position.

    scan: Excluded pixels count as 0, and what is found within a disk radius of one is left out.
    mean_pattern: ndarray (det_row, det_col).
    detector ({"py4dstem", "pyxem"}): That of the scan's own host by default.
    radius (float): Of the disks, in pixels; `disk_radius` of the mean pattern by default.
    options (dict): Arguments of ``py4DSTEM.braggvectors.find_Bragg_disks``, or of the ``find_peaks`` of pyxem, in place of
        ours.
    tick (callable): Called with the number of scan rows that are done.
    Returns disks (BraggDisks): In pixels, relative to the centre (of each position, where the scan knows it), with the
        ellipse still in them.
    Returns settings (dict): In JSON types.
    Raises ValueError when the scan has no detector of its own and none is named, or the radius cannot be found or is that of
        half of the detector.
    Raises ImportError when the package of the detector is not installed.
    """
    detector = _choose(scan.host.kind, detector)
    radius = disk_radius(mean_pattern) if radius is None else checks.positive(radius, "disk_radius")
    _require_inside(radius, scan.geometry.detector_shape)
    geometry, find = scan.geometry, {"py4dstem": py4dstem_disks, "pyxem": pyxem_disks}[detector]
    options = detection_options(detector, radius, options or {})
    clear = clear_of_mask(geometry, radius)
    kept = geometry.kept_positions.reshape(geometry.scan_shape)
    find, pieces = find(_sample(scan, kept), radius, options), []
    for rows in _blocks(scan):
        wanted = np.argwhere(kept[rows]) + (rows.start, 0)
        if len(wanted):
            block = _read(scan, rows, slice(None))[kept[rows]]
            pieces += [(index, clear(peaks)) for index, peaks in zip(wanted, find(block))]
        if tick is not None:
            tick(rows.stop - rows.start)
    disks = _assemble(scan, pieces)
    return disks, {"detector": detector, "disk_radius": radius, "options": {k: _plain(v) for k, v in options.items()}}


def _choose(kind, detector):
    if detector is None:
        if kind not in DETECTORS:
            raise ValueError(
                f"a scan from {kind} has no detector of Bragg disks: give vectors, or detector='py4dstem' or 'pyxem'"
            )
        detector = kind
    checks.choice(detector, "detector", DETECTORS)
    if importlib.util.find_spec(_PACKAGES[detector]) is None:
        package = _PACKAGES[detector]
        raise ImportError(
            f"detector={detector!r} needs the package {package}, which is not installed{unless_python(package)}"
        )
    return detector


def detection_options(detector, radius, given):
    """What the host's detector is told, from the radius of the disks."""
    if not isinstance(given, dict):
        raise TypeError(f"detection must be a dict of arguments of the host's detector, got {type(given).__name__}")
    apart, edge = 1.5 * radius, max(1, round(radius / 2))
    if detector == "py4dstem":
        ours = {"subpixel": "poly", "sigma_cc": min(max(radius / 4, 0.5), 2.0), "minPeakSpacing": max(apart, 2.0)}
        ours |= {"edgeBoundary": edge, "minRelativeIntensity": 0.0, "maxNumPeaks": 200}
    else:
        threshold = float(np.clip(2.5 / (2 * round(radius) + 1), *_CORRELATION))
        ours = {"method": "local_max", "threshold_abs": threshold, "min_distance": max(2, round(apart))}
        ours |= {"exclude_border": edge}
    return {**ours, **given}


def _plain(value):
    return value if isinstance(value, (str, bool, int, float, type(None))) else str(value)


def _blocks(scan):
    """Slices of scan rows, whole chunks of what is chunked."""
    rows = scan.shape[0]
    step = max(1, _BLOCK_BYTES // max(1, scan.nbytes // rows))
    chunks = getattr(scan.patterns, "chunks", None)
    if chunks:
        step = max(step, chunks[0][0] if isinstance(chunks[0], tuple) else chunks[0])
    return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]


def told(function, *args, **options):
    """The answer of a host's function; what it does not understand is said in terms of `detection`."""
    try:
        return function(*args, **options)
    except (TypeError, AssertionError) as error:
        raise TypeError(f"detection must hold arguments that {function.__name__} takes: {error}") from error


def _require_inside(radius, shape):
    if 2 * max(1, round(radius)) + 1 > min(shape):
        raise ValueError(f"disk_radius must be below half of the detector of {shape[0]} x {shape[1]} pixels, got {radius:g}")


def _read(scan, rows, cols):
    """Some patterns (rows, cols, det_row, det_col) as floats, excluded pixels 0."""
    block = np.asarray(scan.patterns[rows, cols]).astype(np.float32)
    if scan.geometry.detector_mask is not None:
        block[..., scan.geometry.detector_mask] = 0
    return block


def _sample(scan, kept, most=16):
    """Patterns (n, det_row, det_col) from all over the scan."""
    places = np.argwhere(kept)
    places = places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)]
    return np.stack([_read(scan, slice(i, i + 1), slice(j, j + 1))[0, 0] for i, j in places])


def py4dstem_disks(sample, radius, options):
    """A function of blocks: (n, det_row, det_col) to lists of (row, col, intensity)."""
    from py4DSTEM.braggvectors.probe import Probe

    shape = sample.shape[1:]
    probe = Probe.generate_synthetic_probe(radius, max(1.0, radius / 4), shape)
    kernel = probe.get_kernel(mode="sigmoid", origin=(shape[0] / 2, shape[1] / 2), radii=(radius, 2 * radius))
    if "minAbsoluteIntensity" not in options:
        options["minAbsoluteIntensity"] = _ABOVE_NOISE * _noise(sample, kernel)

    return correlated_with(kernel, options)


def correlated_with(kernel, options):
    """py4DSTEM's detector with a template: a function of blocks, as `py4dstem_disks` gives it."""
    from py4DSTEM.braggvectors import find_Bragg_disks

    def find(block):
        for peaks in told(find_Bragg_disks, block, kernel, **options):
            yield np.stack([peaks.data["qx"], peaks.data["qy"], peaks.data["intensity"]], axis=1)

    return find


def _noise(sample, kernel):
    """Spread of the correlation where there is no disk, which is nearly everywhere: two thirds lie within it."""
    correlation = np.fft.ifft2(np.fft.fft2(sample) * np.conj(np.fft.fft2(kernel))).real
    return float(np.median(np.percentile(np.abs(correlation), 68.3, axis=(1, 2))))


def pyxem_disks(sample, radius, options):
    from pyxem.signals import Diffraction2D

    disk = max(1, round(radius))

    def find(block):
        quiet = {"show_progressbar": False}
        # The correlation has no scale, but the squares that it is made of must be numbers.
        largest = float(block.max(initial=0))
        scaled = block / largest if largest > _LARGE else block
        matched = Diffraction2D(scaled[None]).template_match_disk(disk_r=disk, subtract_min=False, **quiet)
        found = told(matched.find_peaks, interactive=False, get_intensity=False, **quiet, **options)
        for pattern, peaks in zip(block, found.data.ravel()):
            peaks = np.asarray(peaks, float).reshape(-1, 2)  # a row of NaN where there is no peak
            yield _measured(pattern, peaks[np.isfinite(peaks).all(1)], radius)

    return find


def _measured(pattern, peaks, radius):
    """(row, col, intensity) of the disks at some pixels, above the median of the ring round each and above its noise."""
    reach = math.ceil(2 * radius)
    row, col = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(row, col)
    disk, ring = distance <= max(1.0, radius + 0.5), (distance > 1.3 * radius) & (distance <= 2 * radius + 0.5)
    padded = np.pad(pattern.astype(float), reach, constant_values=np.nan)
    out, noise = np.empty((len(peaks), 3)), np.empty(len(peaks))
    for i, (r, c) in enumerate(np.rint(peaks).astype(int)):
        window = padded[r : r + 2 * reach + 1, c : c + 2 * reach + 1]
        around = window[ring & np.isfinite(window)]
        above = np.nan_to_num(window - (np.median(around) if around.size else 0.0)) * disk
        weight = np.maximum(above, 0)
        total = weight.sum() or 1.0
        noise[i] = np.std(around) / math.sqrt(disk.sum()) if around.size else 0.0
        out[i] = r + (weight * row).sum() / total, c + (weight * col).sum() / total, above.sum() / disk.sum()
    return out[(out[:, 2] > 0) & (out[:, 2] > _ABOVE_NOISE * noise)]


def clear_of_mask(geometry, radius):
    """A function of peaks (n, 3): those whose disk holds no excluded pixel."""
    if geometry.detector_mask is None:
        return lambda peaks: peaks
    far = scipy.ndimage.distance_transform_edt(~geometry.detector_mask) > radius

    def clear(peaks):
        row, col = (np.clip(np.rint(peaks[:, i]).astype(int), 0, far.shape[i] - 1) for i in (0, 1))
        return peaks[far[row, col]]

    return clear


def _assemble(scan, pieces):
    """BraggDisks from (scan index, peaks) pairs."""
    geometry = scan.geometry
    index = np.array([i for i, _ in pieces]).reshape(-1, 2)
    centres = np.broadcast_to(geometry.centre, (len(index), 2)) if scan.centres is None else scan.centres[tuple(index.T)]
    peaks = [p - [*centre, 0] for (_, p), centre in zip(pieces, centres)]
    position = np.repeat(index[:, 0] * geometry.scan_shape[1] + index[:, 1], [len(p) for p in peaks])
    row, col, intensity = np.concatenate(peaks).T
    return BraggDisks(geometry.scan_shape, position, row, col, np.maximum(intensity, 0), pixel_size=1.0)
