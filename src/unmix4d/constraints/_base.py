"""The base class of the constraints, and what they are shown when a run is over."""

from __future__ import annotations

import hashlib
import inspect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core import checks
from ..core.geometry import ScanGeometry

__all__ = ["Constraint", "Evidence"]

_SMALL = 100  # entries of an array that settings spell out; larger ones are recorded by a fingerprint


@dataclass(frozen=True, eq=False)
class Evidence:
    """Results of a finished run, from which a constraint can decide whether it was valid for the data.

    Excluded pixels and positions are NaN in all arrays.

    Attributes
    ----------
    geometry : ScanGeometry
    patterns : ndarray (k, det_row * det_col)
        Least-squares patterns for the final maps. They are neither constrained nor clipped, so they may be negative.
    pattern_errors : ndarray (k, det_row * det_col)
        Standard errors of these patterns.
    maps : ndarray (scan_row * scan_col, k)
        The final maps.
    free_maps : ndarray (scan_row * scan_col, k)
        Least-squares maps for the final patterns, neither constrained nor clipped.
    totals : ndarray (scan_row * scan_col,)
        Sum of every measured pattern.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.constraints import Evidence, SumToOne
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> maps = np.full((6, 2), 0.5)
    >>> seen = Evidence(ScanGeometry((2, 3), (4, 4)), np.ones((2, 16)), np.ones((2, 16)), maps, maps, np.ones(6))
    >>> SumToOne().bind(seen.geometry).check(seen)  # the maps sum to 1: nothing to warn of
    """

    geometry: ScanGeometry
    patterns: np.ndarray
    pattern_errors: np.ndarray
    maps: np.ndarray
    free_maps: np.ndarray
    totals: np.ndarray


class Constraint:
    """Base class of constraints: prior knowledge about patterns or maps.

    Any object with `on`, `bind`, `project` and `settings` can be used as a constraint. If you derive from this class, you
    only need to write `__init__` (which stores each argument under its own name) and `project`.

    Attributes
    ----------
    on : {"patterns", "maps"}
        Whether the constraint acts on patterns or on maps.
    geometry : ScanGeometry or None
        The geometry that the constraint is bound to.
    fixes_scale : bool
        Whether the constraint sets the scale of the maps. If True, the solver does not rescale them.
    n_fixed : int
        Number of components with given patterns. The solver keeps them in the first places.
    smoothing : bool
        Whether the constraint has the methods ``smooth(maps) -> maps``, the linear part of the projection, and
        ``adjoint(maps)``, its transpose. The solver uses them to find the subspace.

    Notes
    -----
    The solver alternates between least squares, clipping at zero and `project` (Kimoto et al. 2025, steps 4 and 6).
    `project` runs in every iteration, so compute everything that does not depend on the values in `bind`. Constraints are
    applied in the order of the list. The result does not have to be the nearest point that fulfils the constraint, but it
    must be finite and at least 0.

    Examples
    --------
    Maps that know no more than so many levels:

    >>> import numpy as np
    >>> from unmix4d.constraints import Constraint
    >>> class Levels(Constraint):
    ...     on = "maps"
    ...     def __init__(self, n):
    ...         self.n = n
    ...     def project(self, A):
    ...         top = A.max(0)
    ...         return np.round(A / np.where(top > 0, top, 1) * self.n) / self.n * top
    >>> Levels(4)
    Levels(n=4)
    >>> Levels(4).settings()
    {'name': 'Levels', 'n': 4}
    """

    on = ""
    geometry: ScanGeometry = None  # type: ignore[assignment]  # until it is bound
    fixes_scale = False
    n_fixed: int = 0
    smoothing = False

    def bind(self, geometry: ScanGeometry) -> Constraint:
        """Adapt the constraint to a scan. This is called once before the first iteration, and again for another scan.

        Parameters
        ----------
        geometry : ScanGeometry
            Shapes, masks, centre and calibration.

        Returns
        -------
        Constraint
            Itself.

        Raises
        ------
        ValueError
            If the constraint does not fit the geometry.

        Examples
        --------
        >>> from unmix4d.constraints import Sparse
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> rule = Sparse(0.1).bind(ScanGeometry((2, 3), (4, 4)))
        >>> rule.geometry.detector_shape
        (4, 4)
        """
        checks.choice(self.on, f"on of {type(self).__name__}", ("patterns", "maps"))
        self.geometry = geometry
        return self

    def project(self, A: np.ndarray) -> np.ndarray:
        """Return the patterns or maps that fulfil the constraint.

        Parameters
        ----------
        A : ndarray (k, det_row * det_col) or (scan_row * scan_col, k)
            All patterns or all maps, at least 0. Excluded pixels or positions are 0. Do not write to this array.

        Returns
        -------
        ndarray
            Array of the same shape and dtype. Values at excluded entries are ignored.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.constraints import SumToOne
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> SumToOne().bind(ScanGeometry((1, 2), (4, 4))).project(np.array([[1.0, 2.0], [0.5, 0.5]]))
        array([[0. , 1. ],
               [0.5, 0.5]])
        """
        raise NotImplementedError(f"{type(self).__name__} must have a method project(A)")

    def check(self, evidence: Evidence) -> None:
        """Warn if the data contradict the constraint. This is called once after the run.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.constraints import Evidence, SumToOne
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> maps = np.full((6, 2), 0.5)
        >>> seen = Evidence(ScanGeometry((2, 3), (4, 4)), np.ones((2, 16)), np.ones((2, 16)), maps, maps, np.ones(6))
        >>> SumToOne().bind(seen.geometry).check(seen)  # the maps sum to 1: nothing to warn of
        """

    def settings(self) -> dict:
        """Return the name and all arguments in JSON types; large arrays as shape and fingerprint.

        Examples
        --------
        >>> from unmix4d.constraints import SmoothMaps
        >>> SmoothMaps(sigma=1.5).settings()["sigma"]
        [1.5, 1.5]
        """
        arguments = inspect.signature(type(self)).parameters
        return {"name": type(self).__name__, **{name: _to_json(getattr(self, name)) for name in arguments}}

    def images(self, A: np.ndarray) -> np.ndarray:
        """Return patterns as images (k, det_row, det_col), or maps as images (k, scan_row, scan_col), read-only.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.constraints import Sparse
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> rule = Sparse(0.1, on="maps").bind(ScanGeometry((2, 3), (4, 4)))
        >>> rule.images(np.ones((6, 2))).shape
        (2, 2, 3)
        """
        A = self._fitting(A)
        if self.on == "patterns":
            return A.reshape(-1, *self.geometry.detector_shape)
        return A.T.reshape(-1, *self.geometry.scan_shape)

    def flat(self, images: np.ndarray) -> np.ndarray:
        """Convert images (k, rows, cols) to the matrix that `project` returns; the inverse of `images`.

        Examples
        --------
        >>> import numpy as np
        >>> from unmix4d.constraints import Sparse
        >>> from unmix4d.core.geometry import ScanGeometry
        >>> rule = Sparse(0.1, on="maps").bind(ScanGeometry((2, 3), (4, 4)))
        >>> rule.flat(np.ones((2, 2, 3))).shape
        (6, 2)
        """
        flat = np.asarray(images).reshape(len(images), -1)
        return np.ascontiguousarray(flat if self.on == "patterns" else flat.T)

    def __repr__(self) -> str:
        arguments = {name: value for name, value in self.settings().items() if name != "name"}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"

    def _fitting(self, A: ArrayLike) -> np.ndarray:
        """`A` as an array, once it is sure that it belongs to the geometry."""
        if self.geometry is None:
            raise ValueError(f"{type(self).__name__} must be bound to a scan before it is used: call bind(geometry) first")
        A = np.asarray(A)
        A = A if A.dtype.kind == "f" else A.astype(np.float64)
        size = math.prod(self.geometry.detector_shape if self.on == "patterns" else self.geometry.scan_shape)
        if A.ndim != 2 or A.shape[1 if self.on == "patterns" else 0] != size:
            wanted = f"(k, {size})" if self.on == "patterns" else f"({size}, k)"
            raise ValueError(f"A must have the shape {wanted} for {type(self).__name__}, got {A.shape}")
        return A


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.size <= _SMALL:
            return value.tolist()
        fingerprint = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return {"shape": list(value.shape), "dtype": str(value.dtype), "sha256": fingerprint}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)):
        return [_to_json(entry) for entry in value]
    return value
