"""Features: a few numbers instead of all pixels of every pattern, of all positions or some, alone or side by side."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..core import checks
from ..core.arrays import set_frozen_state
from ..core.geometry import ScanGeometry
from ..core.scan import HostRecord
from ..core.series import geometry_of, host_of
from ..engine.matrix import PatternMatrix

__all__ = ["Features", "FeatureMatrix", "feature_geometry", "at_positions", "concatenated", "of_each_scan"]


@dataclass(frozen=True, eq=False)
class Features:
    """Features of every pattern of a view, to decompose instead of its pixels.

    Attributes
    ----------
    kind : str
        ``"angular_average"``, ``"radial_variance"``, ``"symmetry"``, ``"polar"``, ``"bragg_disks"``, ``"concatenated"`` ...
    geometry : ScanGeometry
        Geometry with the scan of the view. Its detector shape is that of the image of the features, or (1, n) if they do
        not form an image. Features that are dropped are its excluded pixels.
    compute : callable
        Function without arguments that returns an ndarray (n_positions, n_features) of the kept positions and features,
        float32 or (for a view in double precision) float64. It is called once, when the features are first used.
    settings : dict
        Arguments with which the features were computed, in JSON types.
    source : Unmix or None
        View from which the features were computed, and to which component patterns are fitted. With None, the features are
        images of patterns (Bragg vectors without a scan).
    host : HostRecord
        Origin of the data, for features without a source.
    additive : bool
        Whether the features of a sum of patterns are the sum of their features, as for means but not for variances.
    per_count : ndarray (n_features,) or None
        Variance of a feature relative to its mean, for patterns of counts: 1 / n for the mean of n pixels. None if it is
        not known.
    signed : bool
        Whether they have both signs, so that only SVD, PCA, ICA and clustering can be used.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.features import Features, feature_geometry
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> geometry = feature_geometry(ScanGeometry((2, 3), (40, 40)), (1, 4))
    >>> Features("ones", geometry, lambda: np.ones((6, 4), np.float32)).values.shape
    (6, 4)
    """

    kind: str
    geometry: ScanGeometry
    compute: Callable
    settings: dict = field(default_factory=dict)
    source: Any = None
    host: HostRecord = HostRecord()
    additive: bool = True
    per_count: np.ndarray | None = None
    signed: bool = False

    __setstate__ = set_frozen_state

    @property
    def shape(self) -> tuple[int, int]:
        """(n_positions, n_features), what is excluded left out."""
        return self.geometry.n_positions, self.geometry.n_pixels

    @cached_property
    def values(self) -> np.ndarray:
        """The features (n_positions, n_features), computed once; read-only.

        Raises
        ------
        ValueError
            If a feature is NaN or infinite; says at which scan position.
        MemoryError
            If they do not fit.
        """
        try:
            values = np.ascontiguousarray(self.compute())
        except MemoryError:
            needed = f"the features need {4e-9 * math.prod(self.shape):.3g} GB of memory or more, which is not free"
            raise MemoryError(f"{needed}: ask for fewer of them, or crop the scan") from None
        if values.shape != self.shape or values.dtype not in (np.float32, np.float64):
            raise ValueError(
                f"compute of {self.kind} features must return float32 or float64 of the shape {self.shape}, got "
                f"{values.dtype} of the shape {values.shape}"
            )
        self._refuse_not_finite(values)
        values.setflags(write=False)
        return values

    def _refuse_not_finite(self, values):
        bad = ~np.isfinite(values.sum(axis=1, dtype=np.float64))
        if not bad.any():
            return
        places = np.argwhere(self.geometry.kept_positions.reshape(self.geometry.scan_shape))[bad]
        raise ValueError(
            f"the scan must be finite, but {len(places)} pattern(s) hold NaN or infinite values, the first at scan "
            f"position ({places[0][0]}, {places[0][1]}): exclude them with prepare(detector_mask=...) or "
            "prepare(scan_mask=...) before the features are made"
        )

    def matrix(self, precision: str = "single") -> FeatureMatrix:
        """The features as what every solver works on."""
        return FeatureMatrix(self.values, self.geometry, precision, self.signed)

    def record(self) -> dict:
        """What the settings of a result say of the features, in JSON types."""
        shape, dropped = list(self.geometry.detector_shape), int((~self.geometry.kept_pixels).sum())
        return {"kind": self.kind, "shape": shape, "dropped": dropped, **self.settings}


class FeatureMatrix(PatternMatrix):
    """Features as a matrix X (n_positions, n_features) with the products of `PatternMatrix`; held in memory.

    Parameters
    ----------
    values : ndarray (n_positions, n_features)
    geometry : ScanGeometry
        Whose kept positions and pixels they are.
    precision : {"single", "double"}
    signed : bool
        Whether they have both signs because of what they are.
    """

    def __init__(self, values, geometry: ScanGeometry, precision: str = "single", signed: bool = False):
        n_positions, n_features = values.shape
        # Kept positions and features only, as if they were a scan of one row of detector pixels: nothing is expanded.
        super().__init__(
            values.reshape(n_positions, 1, 1, n_features), ScanGeometry((n_positions, 1), (1, n_features)), precision
        )
        self.geometry = geometry
        if signed:
            self._REMEDY = "use fuzzy_cmeans, svd, pca or ica for features with both signs, or make them with halves=True"


def feature_geometry(geometry: ScanGeometry, shape, mask=None, *, polar: bool = False) -> ScanGeometry:
    """The geometry of features of a view: its scan side, and an image of features instead of a detector.

    geometry: Of the view.
    shape (int, int): Of the image that the features make.
    mask (ndarray of bool): True = dropped.
    polar: Rows are azimuths and columns radii.
    Returns ScanGeometry: With ``features=True``: there is no detector, and no centre to rely on.
    """
    ours = geometry.calibration
    return ScanGeometry(
        geometry.scan_shape, shape, scan_mask=geometry.scan_mask,
        detector_mask=None if mask is None or not mask.any() else mask,
        polar=polar, features=True, scans=geometry.scans,
        calibration=type(ours)(
            step=ours.step, step_unit=ours.step_unit, scan_origin=ours.scan_origin, beam_energy=ours.beam_energy,
            convergence_angle=ours.convergence_angle, precession_angle=ours.precession_angle,
        ),
    )  # fmt: skip


def at_positions(features: Features, keep) -> Features:
    """The same features, of some of the positions only; scales that were taken over all positions stay.

    keep (bool array (scan_row, scan_col)): True = kept; what is excluded already stays excluded.
    Raises ValueError when nothing is kept, or the shape is another.
    """
    geometry = features.geometry
    mask = checks.mask(~np.asarray(keep, bool), "keep (what it leaves out)", geometry.scan_shape)
    mask |= ~geometry.kept_positions.reshape(geometry.scan_shape)  # type: ignore[operator]
    if mask.all():
        raise ValueError(
            f"keep must leave at least one of the {geometry.n_positions} positions that are kept so far, got none"
        )
    rows = ~mask.ravel()[geometry.kept_positions]
    source = None if features.source is None else features.source.at_positions(~mask)
    return dataclasses.replace(
        features,
        geometry=dataclasses.replace(geometry, scan_mask=mask),
        compute=partial(_chosen, features, rows),
        source=source,
    )


def of_each_scan(features: Features) -> list[Features]:
    """The features of each of several scans, as numbers that are made already; of one scan, themselves."""
    geometry = features.geometry
    if not geometry.scans:
        return [features]
    kept, found = geometry.kept_positions.reshape(geometry.scan_shape), []
    for i, part in enumerate(geometry.scans):
        here = np.zeros(geometry.scan_shape, bool)
        here[part.rows, part.cols] = True
        found.append(Features(
            features.kind, geometry_of(geometry, i), partial(_chosen, features, here[kept]), features.settings, None,
            host_of(features.host, i), features.additive, features.per_count, features.signed,
        ))  # fmt: skip
    return found


def _chosen(features, rows):
    return features.values[rows]


def concatenated(blocks, weights) -> Features:
    """Features side by side, with so much say of each block in a least-squares fit.

    Each block is scaled so that its sum of squares is that of the first one, whatever its unit and its number of features,
    and then multiplied by its weight.

    blocks (sequence of Features): Of the same scan positions.
    weights (sequence of float): At least 0; blocks of weight 0 are left out. Only their ratios to the first positive one
        count.
    Returns Features: Of the shape (1, n_features), dropped features left out; its source is that of the first block.
    Raises ValueError when the blocks are of different positions, or no weight is positive.
    """
    first = blocks[0].geometry
    for block in blocks[1:]:
        same = block.geometry.scan_shape == first.scan_shape
        if not same or not np.array_equal(block.geometry.kept_positions, first.kept_positions):
            raise ValueError(
                "features must be of the same scan positions to be concatenated, got "
                f"{first.n_positions} of {first.scan_shape} and {block.geometry.n_positions} of {block.geometry.scan_shape}"
            )
    kept = [(block, float(weight)) for block, weight in zip(blocks, weights) if weight > 0]
    if not kept:
        raise ValueError(f"weights must hold a value above 0, got {list(weights)}")
    sizes = [block.geometry.n_pixels for block, _ in kept]
    settings = {"blocks": [{"weight": weight, "features": n, **block.record()} for (block, weight), n in zip(kept, sizes)]}
    geometry = feature_geometry(first, (1, sum(sizes)))
    additive = all(block.additive for block, _ in kept)
    return Features(
        "concatenated", geometry, partial(_side_by_side, kept), settings, blocks[0].source, blocks[0].host, additive,
        signed=any(block.signed for block, _ in kept),
    )  # fmt: skip


def _side_by_side(kept):
    norms = [np.sqrt(np.square(block.values, dtype=np.float64).sum()) for block, _ in kept]
    size, weight = norms[0], kept[0][1]
    parts = []
    for (block, own), norm in zip(kept, norms):
        factor = own / weight * size / norm if norm > 0 else 1.0
        parts.append(block.values * block.values.dtype.type(factor))
    return np.concatenate(parts, axis=1)
