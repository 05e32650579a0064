"""All templates of a host at all in-plane angles against one whole pattern. NumPy only.

A host proposes the in-plane angle at which its own score is best, and few zone axes. Where few disks were found, or one of
them is strong, the right orientation may not be among them; looking everywhere takes a fraction of a second per pattern.
"""

from __future__ import annotations

import numpy as np

from .pattern_likeness import PatternLikeness
from .symmetry import apart

__all__ = ["rotated_templates"]

_ANGLES = 120  # 3 degrees, refined later; no table
_SPOTS = 40  # the strongest of a template; no table
_WIDER = 1.5  # than the spots and relrods: templates are some degrees apart
_SHAPE = ("lorentzian", 0.01)
_BLOCK = 32  # templates at a time, a size of work: no answer depends on it
_LOOKED_AT = 33  # orientations, the most alike, for each different one that is sought among them; no table


def rotated_templates(likeness: PatternLikeness, library, symmetry, *, best=12, different_deg=5.0) -> np.ndarray:
    """The orientations (n, 3, 3) that are most alike and clearly different, best first.

    library (ndarray (m, 3, 3)): One orientation for every zone axis, at any in-plane angle; their mirror images are looked
        at too, which a library of one part of the sphere leaves out.
    symmetry: ndarray (s, 3, 3).
    best: int.
    different_deg: float.
    """
    wide = likeness.of_shape(_SHAPE).wider(_WIDER)
    # Half a turn about an axis across the beam takes a crystal's pattern to its mirror image.
    library = np.concatenate([library, np.diag([-1.0, 1.0, -1.0]) @ library])
    values = np.concatenate([_rotated(wide, library[i : i + _BLOCK]) for i in range(0, len(library), _BLOCK)])
    order = np.argsort(-values, axis=None)[: best * _LOOKED_AT]
    template, angle = np.unravel_index(order, values.shape)
    matrices = _about_the_beam(2 * np.pi * angle / _ANGLES) @ library[template]
    return matrices[apart(matrices, range(len(matrices)), symmetry, different_deg, best)]


def _rotated(likeness, library):
    """Likeness (m, angles) of every template rotated from the rows towards the columns."""
    q, amplitude = likeness.strongest(library, _SPOTS)
    smooth, covered, step = likeness.pattern.polar(_ANGLES)
    radius = np.rint(np.hypot(q[..., 0], q[..., 1]) / step).astype(int)
    inside = radius < len(smooth)
    amplitude, radius = np.where(inside, amplitude, 0), np.where(inside, radius, 0)
    azimuth = np.rint(np.arctan2(q[..., 1], q[..., 0]) * (_ANGLES / (2 * np.pi))).astype(int)
    place = (azimuth[..., None] + np.arange(_ANGLES)) % _ANGLES
    place += _ANGLES * radius[..., None]
    amplitude = amplitude.astype(np.float32)
    product = (amplitude[:, None] @ smooth.ravel()[place])[:, 0]
    diagonal = (amplitude[:, None] ** 2 @ covered.ravel()[place])[:, 0]
    overlap = likeness.pattern.overlap(q)
    together = ((amplitude[:, None] @ overlap)[:, 0] * amplitude).sum(1) / np.maximum((amplitude**2).sum(1), 1e-300)
    norm = np.sqrt(np.maximum(diagonal * together[:, None], 1e-300)) * likeness.pattern.norm
    return np.where(diagonal > 0.2 * (amplitude**2).sum(1)[:, None], product / norm, 0.0)


def _about_the_beam(angles):
    c, s = np.cos(angles), np.sin(angles)
    out = np.zeros((len(angles), 3, 3))
    out[:, 0, 0], out[:, 0, 1], out[:, 1, 0], out[:, 1, 1], out[:, 2, 2] = c, -s, s, c, 1
    return out
