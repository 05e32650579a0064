"""Features: a few numbers of every pattern, with what they are and where they came from; computed when first needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..frame import Frame
from ..matrix import PatternMatrix
from ..scan import HostRecord

__all__ = ["Features", "FeatureMatrix", "feature_frame"]


@dataclass(frozen=True, eq=False)
class Features:
    """A few numbers of every pattern of a view, instead of its pixels.

    Attributes
    ----------
    kind : str
        ``"angular_average"``, ``"radial_variance"``, ``"symmetry"``, ``"polar"``, ``"bragg_disks"``, ``"concatenated"`` ...
    frame : Frame
        Scan side as the view's; the detector side is the image that the features make, (1, n) where they make none.
        Features that are dropped are its excluded pixels.
    compute : callable
        Without arguments; returns ndarray (n_positions, n_features) of the kept positions and features, float32 or (of a
        view in double precision) float64. Called once, when the features are first used.
    settings : dict
        How they were made, in JSON types.
    source : Unmix or None
        The view the features came from, to whose patterns component patterns are fitted. None: the features are images of
        patterns themselves (Bragg vectors without a scan).
    host : HostRecord
        Where the data came from, for features without a source.
    per_count : ndarray (n_features,) or None
        Variance of a feature relative to its mean, for patterns of counts: 1 / n for the mean of n pixels. None where
        nobody knows.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.features import Features, feature_frame
    >>> from unmix4d.frame import Frame
    >>> frame = feature_frame(Frame((2, 3), (40, 40)), (1, 4))
    >>> Features("ones", frame, lambda: np.ones((6, 4), np.float32)).values.shape
    (6, 4)
    """

    kind: str
    frame: Frame
    compute: Callable
    settings: dict = field(default_factory=dict)
    source: object = None
    host: HostRecord = HostRecord()
    per_count: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n_positions, n_features), what is excluded left out."""
        return self.frame.n_positions, self.frame.n_pixels

    @cached_property
    def values(self) -> np.ndarray:
        """The features (n_positions, n_features), computed once; read-only.

        Raises
        ------
        ValueError
            When a feature is NaN or infinite; says at which scan position.
        MemoryError
            When they do not fit.
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
        places = np.argwhere(self.frame.kept_positions.reshape(self.frame.scan_shape))[bad]
        raise ValueError(
            f"the scan must be finite, but {len(places)} pattern(s) hold NaN or infinite values, the first at scan "
            f"position ({places[0][0]}, {places[0][1]}): exclude them with prepare(detector_mask=...) or "
            "prepare(scan_mask=...) before the features are made"
        )

    def matrix(self, precision: str = "single") -> FeatureMatrix:
        """The features as what every solver works on.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.features import Features, feature_frame
        >>> from unmix4d.frame import Frame
        >>> features = Features("ones", feature_frame(Frame((2, 3), (40, 40)), (1, 4)), lambda: np.ones((6, 4), np.float32))
        >>> features.matrix().shape
        (6, 4)
        """
        return FeatureMatrix(self.values, self.frame, precision)

    def record(self) -> dict:
        """What the settings of a result say of the features, in JSON types.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.features import Features, feature_frame
        >>> from unmix4d.frame import Frame
        >>> features = Features("ones", feature_frame(Frame((2, 3), (40, 40)), (1, 4)), lambda: np.ones((6, 4), np.float32))
        >>> features.record()
        {'kind': 'ones', 'shape': [1, 4], 'dropped': 0}
        """
        shape, dropped = list(self.frame.detector_shape), int((~self.frame.kept_pixels).sum())
        return {"kind": self.kind, "shape": shape, "dropped": dropped, **self.settings}


class FeatureMatrix(PatternMatrix):
    """Features as a matrix X (n_positions, n_features) with the products of `PatternMatrix`; held in memory.

    Parameters
    ----------
    values : ndarray (n_positions, n_features)
    frame : Frame
        Whose kept positions and pixels they are.
    precision : {"single", "double"}

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.features import FeatureMatrix
    >>> from unmix4d.frame import Frame
    >>> mask = np.array([[False, True, False]])
    >>> X = FeatureMatrix(np.ones((2, 2), np.float32), Frame((1, 2), (1, 3), detector_mask=mask))
    >>> X.times(np.ones((2, 1))).ravel().tolist()
    [2.0, 2.0]
    """

    def __init__(self, values, frame: Frame, precision: str = "single"):
        n_positions, n_features = values.shape
        # Kept positions and features only, as if they were a scan of one row of detector pixels: nothing is expanded.
        super().__init__(values.reshape(n_positions, 1, 1, n_features), Frame((n_positions, 1), (1, n_features)), precision)
        self.frame = frame


def feature_frame(frame: Frame, shape, mask=None, *, polar: bool = False) -> Frame:
    """The frame of features of a view: its scan side, and an image of features instead of a detector.

    Parameters
    ----------
    frame : Frame
        Of the view.
    shape : (int, int)
        Of the image that the features make.
    mask : ndarray of bool, optional
        True = dropped.
    polar : bool
        Rows are azimuths and columns radii.

    Returns
    -------
    Frame
        With ``features=True``: there is no detector, and no centre to rely on.

    Examples
    --------
    >>> from unmix4d.features import feature_frame
    >>> from unmix4d.frame import Frame
    >>> feature_frame(Frame((2, 3), (40, 40)), (1, 4)).detector_shape
    (1, 4)
    """
    ours = frame.calibration
    return Frame(
        frame.scan_shape, shape, scan_mask=frame.scan_mask, detector_mask=None if mask is None or not mask.any() else mask,
        polar=polar, features=True,
        calibration=type(ours)(
            step=ours.step, step_unit=ours.step_unit, scan_origin=ours.scan_origin, beam_energy=ours.beam_energy,
            convergence_angle=ours.convergence_angle, precession_angle=ours.precession_angle,
        ),
    )  # fmt: skip
