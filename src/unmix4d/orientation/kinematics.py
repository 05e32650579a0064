"""How alike measured disks and a kinematical simulation are, for candidates that a host's matcher proposes. NumPy only.

The scores of the hosts reward simulated spots that are measured. With the few disks of one grain on a small detector, many
orientations have a bright spot or two in the right places. With k patterns there is time to ask the other way round too:
what is simulated must be measured, and what is measured simulated.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from .symmetry import misorientation_deg

__all__ = ["Reflections", "rank"]

_POWER = 0.5  # of intensities: thick crystals scatter many times, so that strong and weak disks are nearer to each other
_WEAK = 0.003  # simulated spots below this share of the strongest one are not looked for
_BLUR = 2.0  # how much wider spots and relrods are while candidates are a grid step away from the truth
_STEPS_DEG = (1.0, 0.5, 0.25)


@dataclass(frozen=True, eq=False)
class Reflections:
    """Reflections of one crystal, and how they are excited.

    Attributes
    ----------
    g : ndarray (n, 3)
        Reciprocal lattice vectors in the Cartesian crystal frame, 1/Å.
    intensity : ndarray (n,)
        Squared structure factors.
    wavelength : float
        Å.
    width : float
        Standard deviation of the excitation error, 1/Å: about one over the thickness.
    spot : float
        Distance at which a simulated and a measured disk count as half the same, 1/Å.
    """

    g: np.ndarray
    intensity: np.ndarray
    wavelength: float
    width: float = 0.015
    spot: float = 0.02

    def spots(self, matrix, q_min: float, q_max: float):
        """Vectors (m, 2), (row, column) in 1/Å, and intensities (m,) of the excited reflections between two lengths."""
        turned = self.g @ np.asarray(matrix, float).T
        square = (turned**2).sum(1)
        error = turned[:, 2] - self.wavelength * square / 2
        length = np.hypot(turned[:, 0], turned[:, 1])
        intensity = self.intensity * np.exp(-((error / self.width) ** 2) / 2)
        inside = (length >= q_min) & (length <= q_max)
        if inside.any():
            inside &= intensity > _WEAK * intensity[inside].max()
        return turned[inside, :2], intensity[inside]

    def likeness(self, matrix, vectors, q_max: float | None = None) -> float:
        """Cosine between measured and simulated disks, each a Gaussian of the square root of its intensity: 0 to 1.

        Parameters
        ----------
        matrix : ndarray (3, 3)
            Active rotation from the crystal to (row, column, z).
        vectors : ndarray (n, 3)
            q_row, q_col in 1/Å, intensity.
        q_max : float, optional
            Up to where disks could have been measured; the longest that was by default.
        """
        vectors = np.asarray(vectors, float).reshape(-1, 3)
        if not len(vectors):
            return 0.0
        length = np.hypot(vectors[:, 0], vectors[:, 1])
        reach = length.max() + self.spot if q_max is None else q_max
        q, intensity = self.spots(matrix, length.min() - self.spot, reach)
        if not len(q):
            return 0.0
        ours, theirs = np.maximum(vectors[:, 2], 0) ** _POWER, intensity**_POWER
        norm = self._overlap(vectors[:, :2], ours, vectors[:, :2], ours) * self._overlap(q, theirs, q, theirs)
        return float(self._overlap(vectors[:, :2], ours, q, theirs) / np.sqrt(norm)) if norm > 0 else 0.0

    def _overlap(self, a, u, b, v):
        distance = ((a[:, None] - b[None]) ** 2).sum(-1)
        return float(u @ np.exp(-distance * (np.log(2) / self.spot**2)) @ v)

    def blurred(self) -> Reflections:
        """With wider spots and relrods, for orientations that are only about right."""
        return dataclasses.replace(self, width=_BLUR * self.width, spot=_BLUR * self.spot)

    def refined(self, matrix, vectors, q_max=None) -> tuple[np.ndarray, float]:
        """The orientation nearby that is most alike, by steps about three axes that become smaller, and its likeness."""
        matrix, best = np.asarray(matrix, float), self.likeness(matrix, vectors, q_max)
        for step in _STEPS_DEG:
            for _ in range(8):
                tried = [(turn @ matrix) for turn in _small_turns(step)]
                values = [self.likeness(one, vectors, q_max) for one in tried]
                i = int(np.argmax(values))
                if values[i] <= best + 1e-6:
                    break
                matrix, best = tried[i], values[i]
        return matrix, best


def _small_turns(step_deg):
    """Rotations by plus and minus one step about the three axes of the laboratory."""
    from scipy.spatial.transform import Rotation

    axes = np.vstack([np.eye(3), -np.eye(3)])
    return Rotation.from_rotvec(np.radians(step_deg) * axes).as_matrix()


def rank(reflections, matrices, vectors, symmetry, *, q_max=None, refine=True, different_deg=5.0, best=6):
    """Candidates by likeness: the best one refined, and how near the best clearly different one comes.

    Parameters
    ----------
    reflections : Reflections
    matrices : ndarray (n, 3, 3)
        Candidates, the host's best first.
    vectors : ndarray (m, 3)
    symmetry : ndarray (s, 3, 3)
    q_max : float, optional
    refine : bool
        Whether the candidates that are looked at are refined; else the host's grid stays.
    different_deg : float
        From here on an orientation is another one.
    best : int
        How many are looked at closely, by their likeness as they are and by that of wider spots and relrods; and the
        host's best.

    Returns
    -------
    matrix : ndarray (3, 3)
    fit : float
    rival : float
        Likeness of the best other orientation as a share of `fit`; NaN where there is none.
    index : int
        Which candidate it came from.
    """
    taken = [0]
    for kind in (reflections, reflections.blurred()):
        values = np.array([kind.likeness(one, vectors, q_max) for one in matrices])
        order = np.argsort(-values, kind="stable")
        taken += [i for i in _apart(matrices, order, symmetry, different_deg, best) if i not in taken]
    found = [(matrices[i], reflections.likeness(matrices[i], vectors, q_max), i) for i in taken]
    if refine:
        found = [(*reflections.refined(one, vectors, q_max), i) for one, _, i in found]
    found.sort(key=lambda one: -one[1])
    matrix, fit, index = found[0]
    others = [one[1] for one in found[1:] if misorientation_deg(matrix, one[0], symmetry) > different_deg]
    rival = others[0] / fit if others and fit > 0 else float("nan")
    return matrix, float(fit), float(rival), int(index)


def _apart(matrices, order, symmetry, different_deg, most):
    """The first candidates in an order that are clearly different from one another."""
    taken = []
    for i in order:
        if all(misorientation_deg(matrices[i], matrices[j], symmetry) > different_deg for j in taken):
            taken.append(int(i))
        if len(taken) == most:
            break
    return taken
