"""Orientations as matrices: misorientation, mean and spread in the symmetry of a crystal. NumPy only, no host.

An orientation is an active rotation (3, 3) from the crystal to the laboratory: ``M @ v_crystal`` is the vector in the frame
of (row, column, z), with z = row x column, towards the viewer of a pattern that is drawn with row 0 on top; the electrons
travel along -z, as in py4DSTEM. The crystal frame has x along a and z along c*, as in py4DSTEM and orix. Symmetry acts on
the right: ``M @ S`` is the same crystal for every S of its group.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["angles_deg", "apart", "as_quaternion", "laue_rotations", "mean_orientation",
           "misorientation_deg", "nearest_rotation"]  # fmt: skip

_ROUNDS = 30  # of the mean orientation at most; it ends where nothing moves


def laue_rotations(
    lattice: ArrayLike, positions: ArrayLike | None = None, kinds: ArrayLike | None = None, tolerance: float = 1e-3
) -> np.ndarray:
    """Compute the rotations that map the diffraction of a crystal onto itself.

    Parameters
    ----------
    lattice : ndarray (3, 3)
        Cell vectors in rows, Cartesian.
    positions : ndarray (n, 3), optional
        Fractional coordinates of all atoms of the cell. Without them, the symmetry is that of the lattice.
    kinds : ndarray of int (n,), optional
        Kind (element and occupancy) of each atom. By default all atoms are the same.
    tolerance : float
        Relative tolerance of lengths and (ten times that, relative to the shortest edge) of the coordinates of atoms.

    Returns
    -------
    ndarray (m, 3, 3)
        Proper rotations in the Cartesian frame of the crystal. Kinematical diffraction cannot distinguish a crystal from
        its inverse, so this is the Laue group without improper rotations.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.orientation.symmetry import laue_rotations
    >>> len(laue_rotations(4.0 * np.eye(3))), len(laue_rotations(np.diag([3.0, 3.0, 5.0])))
    (24, 8)
    >>> len(laue_rotations(4.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.52]], [0, 1]))
    8
    """
    lattice = np.asarray(lattice, float)
    metric = lattice @ lattice.T
    lengths = np.sqrt(np.diag(metric))
    atoms = None if positions is None else _Atoms(positions, kinds, 10 * tolerance * lengths.min() / lengths)
    candidates = _integer_vectors(lattice, lengths, tolerance)
    found = []
    for rows in itertools.product(*candidates):
        whole = np.array(rows)
        # Lattice vectors go to lattice vectors of the same lengths and angles.
        if round(np.linalg.det(whole)) != 1:
            continue
        if np.abs(whole @ metric @ whole.T - metric).max() > 3 * tolerance * metric.max():
            continue
        if atoms is None or any(atoms.same_after(sign * whole) for sign in (1, -1)):
            found.append(nearest_rotation((np.linalg.inv(lattice) @ whole @ lattice).T))
    return np.array(found)


def _integer_vectors(lattice, lengths, tolerance):
    """For every cell vector, the integer combinations that are as long."""
    reach = range(-2, 3)
    grid = np.array(list(itertools.product(reach, reach, reach)))
    norms = np.linalg.norm(grid @ lattice, axis=1)
    return [grid[np.abs(norms - length) < tolerance * length] for length in lengths]


class _Atoms:
    """The atoms of a cell, and whether they are the same after a rotation and some shift."""

    def __init__(self, positions, kinds, within):
        self.positions = np.asarray(positions, float).reshape(-1, 3)
        self.kinds = np.zeros(len(self.positions), int) if kinds is None else np.asarray(kinds)
        self.within = within
        values, counts = np.unique(self.kinds, return_counts=True)
        # Of the rarest kind there are the fewest shifts to try.
        self.rarest = np.flatnonzero(self.kinds == values[counts.argmin()]) if len(values) else []

    def same_after(self, whole):
        """Whether they are, where the cell vectors become these whole-numbered sums of them."""
        if not len(self.positions):
            return True
        moved = self.positions @ whole
        return any(self._same(moved + self.positions[one] - moved[self.rarest[0]]) for one in self.rarest)

    def _same(self, moved):
        apart = moved[:, None] - self.positions
        near = (np.abs(apart - np.rint(apart)) < self.within).all(-1)
        return bool((near & (self.kinds[:, None] == self.kinds)).any(1).all())


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) that is nearest to a matrix."""
    u, _, v = np.linalg.svd(matrix)
    return u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v


def angles_deg(matrices) -> np.ndarray:
    """Rotation angle of matrices (..., 3, 3), degrees."""
    matrices = np.asarray(matrices, float)
    cosine = (np.trace(matrices, axis1=-2, axis2=-1) - 1) / 2
    # The skew part is precise where the angle is small and the cosine is flat.
    skew = matrices - np.swapaxes(matrices, -1, -2)
    sine = np.sqrt((skew**2).sum((-2, -1)) / 8)
    return np.degrees(np.arctan2(sine, cosine))


def misorientation_deg(a: ArrayLike, b: ArrayLike, symmetry: ArrayLike | None = None) -> np.ndarray:
    """Compute the smallest angle between two orientations among all that are equivalent by symmetry.

    Parameters
    ----------
    a, b : array_like (..., 3, 3)
        Active rotations from the crystal to the laboratory. The leading shapes are broadcast.
    symmetry : ndarray (m, 3, 3), optional
        Proper rotations of the crystal. By default only the identity.

    Returns
    -------
    ndarray (...)
        Angle in degrees; NaN where a or b is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from unmix4d.orientation.symmetry import laue_rotations, misorientation_deg
    >>> quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    >>> float(misorientation_deg(np.eye(3), quarter))
    90.0
    >>> float(misorientation_deg(np.eye(3), quarter, laue_rotations(np.eye(3))))
    0.0
    """
    between = np.swapaxes(np.asarray(a, float), -1, -2) @ np.asarray(b, float)
    symmetry = np.eye(3)[None] if symmetry is None else np.asarray(symmetry, float)
    # The largest trace is the smallest angle; only for that one is the angle needed.
    traces = between.reshape(*between.shape[:-2], 9) @ np.swapaxes(symmetry, 1, 2).reshape(-1, 9).T
    best = symmetry[np.nan_to_num(traces, nan=-9).argmax(-1)]
    return angles_deg(between @ best)


def apart(matrices, order, symmetry, different_deg: float, most: int) -> list[int]:
    """The first orientations in an order that are clearly different from one another."""
    taken: list[int] = []
    for i in order:
        if not taken or misorientation_deg(matrices[i], matrices[taken], symmetry).min() > different_deg:
            taken.append(int(i))
        if len(taken) == most:
            break
    return taken


def mean_orientation(
    matrices: ArrayLike, symmetry: ArrayLike | None = None, *, weights: ArrayLike | None = None
) -> tuple[np.ndarray, float]:
    """Compute the mean of orientations and their spread, with equivalent orientations taken as one.

    Parameters
    ----------
    matrices : array_like (n, 3, 3)
        Orientations.
    symmetry : ndarray (m, 3, 3), optional
        Proper rotations of the crystal. By default only the identity.
    weights : array_like (n,), optional
        Weights of the orientations.

    Returns
    -------
    mean : ndarray (3, 3)
        Mean of the largest group that agrees. It starts with the orientation that is nearest to most others, and takes the
        mean of all within three times their median distance (at least 2 degrees) until it no longer moves. Outliers, as
        pattern matching produces them, do not affect it.
    spread_deg : float
        Median distance of all orientations to the mean, degrees.

    Raises
    ------
    ValueError
        If there is no orientation.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.spatial.transform import Rotation
    >>> from unmix4d.orientation.symmetry import mean_orientation
    >>> turns = np.radians([[0, 0, 10], [0, 0, 12], [0, 0, 14], [0, 0, 80]])
    >>> mean, spread = mean_orientation(Rotation.from_rotvec(turns).as_matrix())
    >>> round(float(np.degrees(np.arctan2(mean[1, 0], mean[0, 0]))), 3), round(spread, 3)
    (12.0, 2.0)
    """
    matrices = np.asarray(matrices, float).reshape(-1, 3, 3)
    if not len(matrices):
        raise ValueError("matrices must have at least one orientation, got none")
    weights = np.ones(len(matrices)) if weights is None else np.asarray(weights, float)
    some = matrices[np.linspace(0, len(matrices) - 1, min(len(matrices), 60)).astype(int)]
    near = misorientation_deg(some[:, None], matrices[None], symmetry)
    mean = some[np.median(np.minimum(near, 15.0), axis=1).argmin()]
    for _ in range(_ROUNDS):
        away = misorientation_deg(mean, matrices, symmetry)
        inside = away <= max(3 * np.median(away), 2.0)
        moved = nearest_rotation(np.tensordot(weights[inside], _equivalents(mean, matrices[inside], symmetry), 1))
        step, mean = float(angles_deg(mean.T @ moved)), moved
        if step < 1e-6:
            break
    return mean, float(np.median(misorientation_deg(mean, matrices, symmetry)))


def _equivalents(reference, matrices, symmetry):
    """Of every orientation the equivalent that is nearest to the reference."""
    if symmetry is None:
        return matrices
    symmetry = np.asarray(symmetry, float)
    traces = np.einsum("ji,njk,mki->nm", reference, matrices, symmetry)
    return matrices @ symmetry[traces.argmax(1)]


def as_quaternion(matrix) -> np.ndarray:
    """Quaternions (..., 4), scalar last as in SciPy, of matrices (..., 3, 3)."""
    from scipy.spatial.transform import Rotation

    matrix = np.asarray(matrix, float)
    flat = matrix.reshape(-1, 3, 3)
    out = np.full((len(flat), 4), math.nan)
    good = np.isfinite(flat).all((1, 2))
    if good.any():
        out[good] = Rotation.from_matrix(flat[good]).as_quat()
    return out.reshape(*matrix.shape[:-2], 4)
