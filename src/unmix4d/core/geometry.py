"""Where the numbers belong: shapes, masks, centre and calibration of a scan, without its data.

A `ScanGeometry` travels with every matrix and every result. It turns the rows and columns of a matrix back into images and
maps, with NaN where something was excluded, so that no solver needs to know about images and no result about solvers.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from .arrays import freeze, set_frozen_state
from .units import PIXELS, is_calibrated

__all__ = ["Calibration", "ScanGeometry", "ScanPart"]


@dataclass(frozen=True)
class Calibration:
    """Steps, pixel sizes and microscope parameters of a scan.

    Attributes
    ----------
    step, pixel_size : (float, float)
        Distance between probe positions, and between detector pixels, along (row, column).
    step_unit, pixel_unit : str
        Units of the step and the pixel size; ``"px"`` means not calibrated.
    scan_origin : (float, float)
        Calibrated coordinate of probe position (0, 0). Coordinates increase with the position.
    detector_origin : (float, float) or None
        Calibrated coordinate of detector pixel (0, 0) in the host. With None it is minus the centre.
    beam_energy : float or None
        Beam energy in keV.
    convergence_angle : float or None
        Semi-convergence angle in mrad.
    precession_angle : float or None
        Precession angle in degrees.
    rotation_deg : float or None
        Rotation between scan and detector: a direction at the angle t in the scan is at t + rotation_deg on the detector,
        in degrees counter-clockwise.
    flip : bool or None
        Whether detector rows and columns are exchanged after that rotation.
    """

    step: tuple[float, float] = (1.0, 1.0)
    step_unit: str = PIXELS
    pixel_size: tuple[float, float] = (1.0, 1.0)
    pixel_unit: str = PIXELS
    scan_origin: tuple[float, float] = (0.0, 0.0)
    detector_origin: tuple[float, float] | None = None
    beam_energy: float | None = None
    convergence_angle: float | None = None
    precession_angle: float | None = None
    rotation_deg: float | None = None
    flip: bool | None = None

    def with_changes(self, **changes) -> Calibration:
        """A copy with some fields changed; position (0, 0) stays as many positions from the zero as it was.

        An origin is a number of steps: with another step, or a step in another unit, it is another number.
        """
        if "step" in changes and "scan_origin" not in changes:
            origin = (o / old * new for o, old, new in zip(self.scan_origin, self.step, changes["step"]))
            changes["scan_origin"] = tuple(origin)
        return dataclasses.replace(self, **changes)

    def describe_step(self) -> str:
        return _describe(self.step, self.step_unit, "step")

    def describe_pixel(self) -> str:
        return _describe(self.pixel_size, self.pixel_unit, "pixel")


def _describe(size, unit, word) -> str:
    if not is_calibrated(unit):
        return f"{word} not calibrated"
    sizes = f"{size[0]:.4g}" if math.isclose(size[0], size[1], rel_tol=1e-6) else f"{size[0]:.4g} x {size[1]:.4g}"
    return f"{sizes} {unit} per {word}"


@dataclass(frozen=True)
class ScanPart:
    """Place of one of several scans in the frame that contains them one below the other, with its calibration.

    Attributes
    ----------
    row : int
        First row of the scan in the frame. The first column is always 0.
    shape : (int, int)
        Shape of the scan.
    step, step_unit, scan_origin
        As for `Calibration`.
    name : str
        Name of the scan.
    """

    row: int
    shape: tuple[int, int]
    step: tuple[float, float] = (1.0, 1.0)
    step_unit: str = PIXELS
    scan_origin: tuple[float, float] = (0.0, 0.0)
    name: str = ""

    @property
    def rows(self) -> slice:
        return slice(self.row, self.row + self.shape[0])

    @property
    def cols(self) -> slice:
        return slice(0, self.shape[1])


@dataclass(frozen=True, eq=False)
class ScanGeometry:
    """Shapes, masks, centre, ellipse and calibration of one view of a scan.

    Attributes
    ----------
    scan_shape, detector_shape : (int, int)
        Numbers of rows and columns of probe positions and of detector pixels.
    scan_mask, detector_mask : ndarray of bool or None
        Masks, True = excluded.
    centre : (float, float)
        Position of the direct beam on the detector, (row, column) in pixels of this view. By default the middle of the
        detector.
    centre_known : bool
        Whether the centre is known.
    ellipse : (float, float, float) or None
        Semi-axes a, b (only their ratio is used) and the angle of a in degrees, counter-clockwise as seen on screen with
        row 0 on top.
    calibration : Calibration
        Calibration of scan and detector.
    polar : bool
        Whether the detector axes are azimuth and radius. There is then no centre.
    features : bool
        Whether the "pixels" are features of patterns. There is then no detector.
    redrawn : bool
        Whether patterns are spots on a zero background (redrawn, or Bragg vectors without a scan), so that values between
        the spots have no meaning.
    scans : tuple of ScanPart
        Places of several scans in one frame. Positions between them are excluded.
    """

    scan_shape: tuple[int, int]
    detector_shape: tuple[int, int]
    scan_mask: np.ndarray | None = None
    detector_mask: np.ndarray | None = None
    centre: tuple[float, float] = None  # type: ignore[assignment]  # the middle of the detector
    centre_known: bool | None = None
    ellipse: tuple[float, float, float] | None = None
    calibration: Calibration = Calibration()
    polar: bool = False
    features: bool = False
    redrawn: bool = False
    scans: tuple[ScanPart, ...] = field(default=(), repr=False)

    __setstate__ = set_frozen_state

    def __post_init__(self):
        object.__setattr__(self, "scan_shape", tuple(int(v) for v in self.scan_shape))
        object.__setattr__(self, "detector_shape", tuple(int(v) for v in self.detector_shape))
        freeze(self, ("scan_mask", "detector_mask"))
        if self.centre_known is None:
            object.__setattr__(self, "centre_known", self.centre is not None)
        if self.centre is None:
            object.__setattr__(self, "centre", tuple((size - 1) / 2 for size in self.detector_shape))

    def replace(self, **changes) -> ScanGeometry:
        """Return a copy with some fields changed. If the shape of the frame changes, `scans` is empty."""
        if "scan_shape" in changes:
            changes.setdefault("scans", ())
        return dataclasses.replace(self, **changes)

    def radius(self) -> np.ndarray:
        """Distance of every detector pixel from the centre, (det_row, det_col), in pixels.

        Along the ellipse where one is known; pixels that are not square count with their calibrated size.
        """
        size = np.asarray(self.calibration.pixel_size)
        size = size / np.sqrt(size.prod())
        rows, cols = (np.arange(n) - c for n, c in zip(self.detector_shape, self.centre))
        down, right = np.meshgrid(rows * size[0], cols * size[1], indexing="ij")
        if self.ellipse is None:
            return np.hypot(down, right)
        a, b, angle = self.ellipse[0], self.ellipse[1], np.deg2rad(self.ellipse[2])
        along = right * np.cos(angle) - down * np.sin(angle)
        across = right * np.sin(angle) + down * np.cos(angle)
        return np.hypot(along / a, across / b) * np.sqrt(a * b)

    @property
    def pixel_length(self) -> float:
        """Calibrated length of one pixel of `radius`."""
        return math.sqrt(math.prod(self.calibration.pixel_size))

    @property
    def scan_slices(self) -> list[tuple[slice, slice]]:
        """Rows and columns that belong together: those of each scan, where there are several."""
        whole = slice(0, self.scan_shape[0]), slice(0, self.scan_shape[1])
        return [(part.rows, part.cols) for part in self.scans] or [whole]

    def place(self, row: int, col: int) -> str:
        """Return a position in words, within its own scan if there are several."""
        for i, part in enumerate(self.scans):
            if part.rows.start <= row < part.rows.stop:
                return f"({row - part.row}, {col}) of scan {i}"
        return f"({row}, {col})"

    @property
    def kept_positions(self) -> np.ndarray:
        """Boolean (n_scan,): True where a probe position takes part."""
        return _kept(self.scan_mask, self.scan_shape)

    @property
    def kept_pixels(self) -> np.ndarray:
        """Boolean (n_detector,): True where a detector pixel takes part."""
        return _kept(self.detector_mask, self.detector_shape)

    @property
    def n_positions(self) -> int:
        return int(self.kept_positions.sum())

    @property
    def n_pixels(self) -> int:
        return int(self.kept_pixels.sum())

    def to_images(self, rows) -> np.ndarray:
        """Convert (k, n_pixels) to images (k, det_row, det_col), with NaN at excluded pixels."""
        return _expand(rows, self.kept_pixels, self.detector_shape)

    def to_maps(self, columns) -> np.ndarray:
        """Convert (n_positions, k) to maps (k, scan_row, scan_col), with NaN at excluded positions."""
        return _expand(np.asarray(columns).T, self.kept_positions, self.scan_shape)

    def from_images(self, images) -> np.ndarray:
        """Convert images (k, det_row, det_col) to (k, n_pixels)."""
        images = np.asarray(images)
        return np.ascontiguousarray(images.reshape(len(images), -1)[:, self.kept_pixels])

    def from_maps(self, maps) -> np.ndarray:
        """Convert maps (k, scan_row, scan_col) to (n_positions, k)."""
        maps = np.asarray(maps)
        return np.ascontiguousarray(maps.reshape(len(maps), -1)[:, self.kept_positions].T)


def _kept(mask, shape):
    return np.ones(math.prod(shape), bool) if mask is None else ~mask.ravel()


def _expand(rows, kept, shape):
    rows = np.asarray(rows)
    if kept.all():
        return np.array(rows).reshape(len(rows), *shape)
    out = np.full((len(rows), kept.size), np.nan, rows.dtype)
    out[:, kept] = rows
    return out.reshape(len(rows), *shape)
