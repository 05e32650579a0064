"""Colours of directions in a crystal and their key: those of orix for its phases, else one for every corner zone axis."""

from __future__ import annotations

import math

import numpy as np

from . import of_quantem

__all__ = ["colours", "key"]


def colours(directions, phase, symmetry) -> np.ndarray:
    """RGB (n, 3), 0 to 1, of directions (n, 3) in the frame of the crystal.

    directions (ndarray (n, 3)): Cartesian.
    phase (orix Phase, Crystal of py4DSTEM or quantem, or None): A Phase has the TSL colours of orix. A Crystal
        mixes one colour for each corner of its range of zone axes, as py4DSTEM does. None: red, green and blue along x, y
        and z.
    symmetry: ndarray (m, 3, 3).
    """
    directions = np.asarray(directions, float)
    if phase is None:
        return np.abs(directions) / np.abs(directions).max(1, keepdims=True)
    if hasattr(phase, "point_group"):
        from orix.plot import DirectionColorKeyTSL
        from orix.vector import Vector3d

        return np.asarray(DirectionColorKeyTSL(phase.point_group.laue).direction2color(Vector3d(directions)))[..., :3]
    shares = _shares(directions, _corners(phase), symmetry)
    shares = np.clip(shares, 0, None) ** 0.7  # brighter in the middle
    return shares / np.maximum(shares.max(1, keepdims=True), 1e-12)


def _corners(crystal):
    """The three zone axes (3, 3) that span the range of a crystal, with a plan or without."""
    from .match_py4dstem import zone_axis_range
    from .phase_symmetry import symmetry_of_crystal

    given = getattr(crystal, "orientation_zone_axis_range", None)
    if given is None:
        given = zone_axis_range(symmetry_of_crystal(crystal))["zone_axis_range"]
    corners = np.eye(3)[::-1] if given is None or isinstance(given, str) else np.asarray(given, float)
    corners = np.vstack([[0, 0, 1], corners]) if len(corners) == 2 else corners
    return corners / np.linalg.norm(corners, axis=1, keepdims=True)


def _shares(directions, corners, symmetry=None):
    """Coefficients (n, 3) of directions in the corners, of the equivalent one that lies farthest inside."""
    symmetry = np.eye(3)[None] if symmetry is None else np.asarray(symmetry, float)
    both = np.concatenate([symmetry, -symmetry])
    equivalent = np.einsum("mji,nj->nmi", both, directions) @ np.linalg.inv(corners)
    best = equivalent.min(2).argmax(1)
    return equivalent[np.arange(len(directions)), best]


def key(phase, symmetry, *, size=200):
    """The key as an image in stereographic projection.

    Returns image (ndarray (rows, cols, 4)): RGBA, transparent outside of the fundamental sector; row 0 on top.
    Returns extent (left, right, bottom, top): For ``imshow``.
    Returns labels (list of ((x, y), str)): Corners of the sector.
    """
    corners, names = _labelled(phase)
    arcs = np.array([[-1, -1], [1, 1]])
    if len(corners) >= 3:
        pairs = zip(corners, np.roll(corners, -1, axis=0))
        between = [_unit(a * (1 - t) + b * t) for a, b in pairs for t in np.linspace(0, 1, 12)]
        arcs = np.array([_project(one) for one in between])
    (left, bottom), (right, top) = arcs.min(0), arcs.max(0)
    x, y = np.meshgrid(np.linspace(left, right, size), np.linspace(top, bottom, size))
    square = x**2 + y**2
    directions = np.stack([2 * x, 2 * y, 1 - square], -1).reshape(-1, 3) / (1 + square).reshape(-1, 1)
    inside = (square.ravel() <= 1 + 1e-9) & _inside(directions, phase)
    image = np.zeros((directions.shape[0], 4))
    image[inside, :3] = colours(directions[inside], phase, symmetry)
    image[inside, 3] = 1
    labels = [(tuple(_project(corner)), name) for corner, name in zip(corners, names)]
    return image.reshape(size, size, 4), (left, right, bottom, top), labels


def _unit(vector):
    return vector / np.linalg.norm(vector)


def _project(direction):
    x, y, z = _unit(np.asarray(direction, float))
    return np.array([x, y]) / (1 + abs(z))


def _inside(directions, phase):
    if hasattr(phase, "point_group"):
        from orix.vector import Vector3d

        return np.asarray(Vector3d(directions) <= phase.point_group.laue.fundamental_sector).ravel()
    corners = np.eye(3) if phase is None else _corners(phase)
    return (directions @ np.linalg.inv(corners) >= -1e-6).all(1)


def _labelled(phase):
    """Corners (n, 3), Cartesian, and their indices as text."""
    if phase is None:
        return np.eye(3), ["x", "y", "z"]
    if hasattr(phase, "point_group"):
        vertices = np.asarray(phase.point_group.laue.fundamental_sector.vertices.data, float).reshape(-1, 3)
        lattice = np.asarray(phase.structure.lattice.base, float)
    else:
        lattice = of_quantem.cell_of(phase) if of_quantem.is_crystal(phase) else np.asarray(phase.lat_real, float)
        vertices = _corners(phase)
    return vertices, [_indices(vertex @ np.linalg.inv(lattice)) for vertex in vertices]


def _indices(vector):
    """Small whole numbers along a direction of the lattice, "[0 1 1]"."""
    vector = vector / np.abs(vector).max()
    for n in range(1, 8):
        whole = vector * n
        if np.abs(whole - whole.round()).max() < 0.03 * n:
            break
    whole = whole.round().astype(int)
    divisor = math.gcd(*(abs(int(v)) for v in whole)) or 1
    return "[" + " ".join(str(v // divisor) for v in whole) + "]"
