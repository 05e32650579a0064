"""``.bragg_disks`` of `Unmix`, and the view that ``Unmix(vectors)`` makes."""

from __future__ import annotations

import dataclasses

from ..core import checks
from ..core.centre import require_centre
from ..core.geometry import ScanGeometry
from ..core.scan import HostRecord
from ..core.units import PIXELS, canonical_unit, in_pixels, is_calibrated
from ..features.bragg_disks import INTENSITIES, BraggDisks
from ..features.bragg_raster import BraggFeatures, bragg_features
from ..hosts import bragg_vectors

__all__ = ["BraggDiskMethods", "become_view_of_vectors", "features_of_vectors", "is_bragg_vectors"]

_BIN = 3  # detector pixels, Bruefach 2022


class BraggDiskMethods:
    """Bragg disks as features."""

    def bragg_disks(
        self, vectors=None, *, bin: int | None = None, intensity: str = "sum", spread=None, q_min=None, q_max=None,
        centre=None, detector: str | None = None, disk_radius=None, detection: dict | None = None,
    ):  # fmt: skip
        """A raster of the Bragg disks of every position, as features (Bruefach 2022, "BD").

        Parameters
        ----------
        vectors : py4DSTEM BraggVectors or PointListArray, or pyxem DiffractionVectors, optional
            Of the same scan. They are used as their own calibration has them: centred, and with the ellipse taken out.
            What was prepared on the detector (crop, bin, masks) does not touch them; the scan mask does. Without vectors
            they are found now, on the patterns of this view, with the host's own detector.
        bin : int, optional
            A cell of the raster is bin x bin detector pixels of this view; 3 by default. Of a view that was made from
            vectors alone: cells of its raster; 1 by default.
        intensity : {"sum", "sqrt", "binary"}
            What a vector brings: its intensity, the square root of it, or 1.
        spread : float or str, optional
            A vector is shared among the cells whose middles are nearer than this, the nearer the more (a hat function), in
            pixels of this view or with a unit; in whole cells, two by default, one at least, which is bilinear. 0: all of it
            goes to the cell that it falls into, as in the paper.
        q_min, q_max : float or str, optional
            Shortest and longest vectors that are used, in pixels of this view or with a unit. By default those shorter
            than half of the smallest usual distance of two disks are left out, the direct beam that is, and with them
            what lies under a mask of the direct beam. 0 keeps the direct beam.
        centre : (float, float), optional
            Place of the direct beam in the vectors, (row, column), where they do not know it.
        detector : {"py4dstem", "pyxem"}, optional
            Whose detector finds the disks; by default that of the host the scan came from.
        disk_radius : float or str, optional
            Of the disks; by default that of the direct beam in the mean pattern.
        detection : dict, optional
            Arguments of ``find_Bragg_disks`` (py4DSTEM) or of ``find_peaks`` (pyxem) in place of ours.

        Returns
        -------
        FeatureView
            The raster is its image: (2 n + 1, 2 m + 1) cells with the direct beam in the middle. Component patterns of a
            view of vectors alone are fitted to the same raster without the spread.

        Raises
        ------
        ValueError
            When the vectors belong to another scan, have no origin or no unit that fits this view, are NaN or negative,
            or none is left; when a scan without a host has to find them and no detector is named.
        TypeError
            When `vectors` are of no known kind.

        Warns
        -----
        UnmixWarning
            When more than half of the positions hold no vector.

        Notes
        -----
        Why vectors are spread: a disk that is found half a pixel aside must not look like another disk. On a simulated film
        of silver (16 overlapping grains, told k) maps of NMF reach a correlation of 0.50 with the truth without, 0.71 when
        shared by one cell, and 0.79 by two.

        Intensities of py4DSTEM are correlations with a probe; those found with pyxem's detector here are mean intensities
        of disks above their surroundings. Neither is a number of electrons: weights from counting statistics do not apply.

        Examples
        --------
        >>> from unmix4d import Unmix
        >>> from unmix4d.features.bragg_disks import BraggDisks
        >>> import numpy as np
        >>> u = Unmix(np.ones((1, 2, 9, 9)), centre=(4, 4))
        >>> disks = BraggDisks((1, 2), [0, 0, 1], [0.0, 2.0, 2.1], [0.0, 3.0, 3.0], [9.0, 1.0, 3.0])
        >>> u.bragg_disks(disks, bin=1).shape
        (1, 2, 9, 9)
        """
        checks.choice(intensity, "intensity", INTENSITIES)
        geometry, own = self.geometry, getattr(self, "features", None)
        if own is not None and (vectors is not None or not _without_scan(own)):
            self._require_patterns("bragg_disks")
        bin = checks.count((_BIN if own is None else 1) if bin is None else bin, "bin")
        how = {"cell": [bin * s for s in geometry.calibration.pixel_size], "intensity": intensity}
        for name, value in (("q_min", q_min), ("q_max", q_max), ("spread", spread)):
            if value is not None:
                pixels = in_pixels(value, geometry.pixel_length, geometry.calibration.pixel_unit, name)
                how[name] = checks.positive(pixels, name, zero=name != "q_max") * geometry.pixel_length
        if own is not None:
            return _view(_alone(own.disks, geometry, own.host, **how))
        if geometry.polar:
            raise ValueError(
                "bragg_disks needs patterns in rows and columns, but the axes of this scan are azimuth and radius"
            )
        if vectors is None:
            require_centre(geometry, "bragg_disks")
            disks, found = self._found_disks(detector, disk_radius, detection)
        else:
            disks, found = _given_disks(vectors, geometry, centre), {"detector": None}
        how.setdefault("q_min", _default_q_min(disks, geometry))
        return _view(bragg_features(disks, geometry, source=self, settings={"bin": bin, **found}, **how))

    def _found_disks(self, detector, radius, options):
        from ..hosts.disk_detection import find_disks

        geometry = self.geometry
        if radius is not None:
            radius = in_pixels(radius, geometry.pixel_length, geometry.calibration.pixel_unit, "disk_radius")
        with self._progress(geometry.scan_shape[0], "Bragg disks") as tick:
            disks, settings = find_disks(
                self.scan, None if radius else self.mean_pattern(), detector=detector, radius=radius, options=options,
                tick=tick,
            )  # fmt: skip
        calibration = geometry.calibration
        return disks.scaled(calibration.pixel_size, calibration.pixel_unit).made_round(geometry.ellipse), settings


def is_bragg_vectors(obj) -> bool:
    """True for what ``Unmix(vectors)`` takes without a scan."""
    return isinstance(obj, BraggDisks) or bragg_vectors.matches(obj)


def become_view_of_vectors(view, vectors, **facts) -> None:
    """Make the `Unmix` that is being made a view of features; see `features_of_vectors` for the facts."""
    from ..views.feature_view import FeatureView

    features = features_of_vectors(vectors, **facts)
    # ``Unmix(vectors)`` has the methods of a view of features, without a second name for users to know.
    view.__class__ = FeatureView
    FeatureView.__init__(view, features)


def features_of_vectors(
    vectors, *, q_max=None, centre=None, pixel_size=None, pixel_unit=None, step=None, step_unit=None
) -> BraggFeatures:
    """Features of Bragg vectors without a scan, for ``Unmix(vectors)``.

    Parameters
    ----------
    vectors : py4DSTEM BraggVectors or PointListArray, pyxem DiffractionVectors, or BraggDisks
    q_max : float or str, optional
        Longest vector that is used, in the unit of the vectors or with one.
    centre : (float, float), optional
        Place of the direct beam in the vectors.
    pixel_size : float or (float, float), optional
        Size of a cell of the raster, in the unit of the vectors. By default three detector pixels where their size is
        known, and a fifth of the smallest usual distance of two disks where it is not.
    pixel_unit : str, optional
        Unit of the vectors, instead of what they say.
    step, step_unit
        As for `Unmix`.

    Returns
    -------
    BraggFeatures
        With a geometry that is a detector: calibrated, and with the direct beam in its middle.

    Raises
    ------
    TypeError, ValueError
        As `BraggDiskMethods.bragg_disks`.
    """
    found = _read(vectors, centre=centre, unit=pixel_unit)
    disks, known = found.disks, found.calibration
    changes = {}
    if step is not None:
        changes["step"] = tuple(checks.positive(v, "step") for v in checks.pair(step, "step"))
    if step_unit is not None:
        changes["step_unit"] = canonical_unit(step_unit)
    if pixel_size is not None:
        cell = tuple(checks.positive(v, "pixel_size") for v in checks.pair(pixel_size, "pixel_size"))
    else:
        cell = None if disks.pixel_size is None else tuple(_BIN * v for v in disks.pixel_size)
    geometry = ScanGeometry(disks.scan_shape, (1, 1), calibration=dataclasses.replace(known, **changes))
    return _alone(disks, geometry, found.host, cell=cell, q_max=_length(q_max, disks.unit))


def _alone(disks, geometry, host, *, cell=None, intensity="sum", spread=None, **how):
    """Features of vectors without a scan. Patterns are fitted to a raster that is not spread: what was measured."""
    cell = checks.pair(disks.default_cell() if cell is None else cell, "pixel_size")
    measured = "binary" if disks.intensity is None else "sum"
    sharp = bragg_features(
        disks, geometry, cell=cell, intensity=measured, spread=min(cell), host=host, drop_empty=False, **how
    )
    source = _view(sharp)
    return bragg_features(disks, geometry, cell=cell, intensity=intensity, spread=spread, source=source, host=host, **how)


def _without_scan(features):
    """True for the features of `_alone`, whose vectors can be put on another raster."""
    return isinstance(features, BraggFeatures) and hasattr(features.source, "features")


def _length(q_max, unit):
    if q_max is None:
        return None
    # Of one unit and not of pixels: there is no detector.
    return checks.positive(in_pixels(q_max, 1.0, unit, "q_max"), "q_max")


def _read(vectors, **more) -> bragg_vectors.FoundVectors:
    if isinstance(vectors, BraggDisks):
        return bragg_vectors.FoundVectors(vectors, HostRecord("array"))
    return bragg_vectors.read(vectors, **more)


def _given_disks(vectors, geometry, centre):
    """Vectors of the scan of a view, in the pixel unit of the view."""
    found = _read(vectors, centre=centre, default=geometry)
    disks = found.disks
    if disks.scan_shape != geometry.scan_shape:
        raise ValueError(
            f"vectors must belong to the scan of {geometry.scan_shape} positions, got vectors of {disks.scan_shape} "
            "positions"
        )
    ours = geometry.calibration
    same_grid = found.detector_shape in (None, geometry.detector_shape)
    if not is_calibrated(disks.unit) and is_calibrated(ours.pixel_unit) and same_grid:
        disks = disks.scaled(ours.pixel_size, ours.pixel_unit)
    elif is_calibrated(disks.unit) and not is_calibrated(ours.pixel_unit) and same_grid and disks.pixel_size is not None:
        disks = disks.scaled([1 / size for size in disks.pixel_size], PIXELS)
    elif not is_calibrated(disks.unit) and not same_grid:
        raise ValueError(
            f"vectors are pixels of a detector of {found.detector_shape}, but this view has {geometry.detector_shape}: "
            "calibrate them and the scan, or use a view that is neither cropped nor binned"
        )
    disks = disks.in_unit(ours.pixel_unit)
    return disks if found.round else disks.made_round(geometry.ellipse)


def _default_q_min(disks, geometry):
    """Half the distance of two disks, and what lies under a mask of the direct beam."""
    masked = (
        float(geometry.radius().ravel()[geometry.kept_pixels].min()) * geometry.pixel_length
        if geometry.centre_known
        else 0.0
    )
    beam = masked if masked > geometry.pixel_length else 0.0  # less is no mask, but a centre between pixels
    return max(beam, (disks.spacing() or 0.0) / 2)


def _view(features):
    from ..views.feature_view import FeatureView

    return FeatureView(features)
