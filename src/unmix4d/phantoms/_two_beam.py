"""Diffraction of one crystal in the two-beam approximation: excitation errors, extinction distances, thickness fringes.

Vectors are (row, column, z = row x column) in 1/angstrom, the electrons travel along -z, lengths are in angstrom.
Williams and Carter, Transmission Electron Microscopy (2009), chapters 13 and 23, has all of this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._patterns import BEAM_ENERGY, WAVELENGTH, allowed

FAINT = 2e-3  # reflections that nowhere reach this share of the beam are not drawn
_GAMMA = 1 + BEAM_ENERGY / 510.999  # relativistic mass of the electron
_DEBYE_WALLER = 0.6  # angstrom^2, B of a metal at room temperature
_ATOMS = {"fcc": 4, "bcc": 2}  # in the cubic cell, all in phase where a reflection is allowed


@dataclass(frozen=True)
class Material:
    """A cubic metal: centring, lattice parameter (angstrom), electron scattering factor.

    The scattering factor is the sum of a exp(-b (g / 2)^2), angstrom (Peng, Ren, Dudarev and Whelan, Acta Cryst. A 52
    (1996) 257).
    """

    centring: str
    lattice_parameter: float
    gaussians: tuple

    def scattering_factor(self, g):
        """Of an atom for scattering vectors of length g (1/angstrom), angstrom."""
        return sum(a * np.exp(-b * (g / 2) ** 2) for a, b in self.gaussians)


MATERIALS = {
    "Ag": Material(
        "fcc", 4.086, ((0.2739, 0.0881), (1.0503, 0.8028), (3.1564, 4.4451), (2.7543, 18.7011), (1.4328, 79.2633))
    ),
    "Al": Material(
        "fcc", 4.050, ((0.1165, 0.1295), (0.5504, 1.2619), (1.0179, 6.8242), (2.6295, 28.4577), (1.5711, 88.475))
    ),
    "Au": Material(
        "fcc", 4.078, ((0.3055, 0.0596), (1.3945, 0.5827), (2.9617, 3.1035), (3.899, 11.9693), (2.0026, 47.9106))
    ),
    "Fe": Material("bcc", 2.866, ((0.1929, 0.1087), (0.8239, 1.0806), (1.8689, 4.7637), (2.3694, 22.85), (1.906, 76.7309))),
}


@dataclass(frozen=True)
class Reflections:
    """Reflections of a crystal in one orientation: vectors (n, 3) and extinction distances (n,)."""

    vectors: np.ndarray
    extinction: np.ndarray

    def kept(self, use):
        """Some of them."""
        return Reflections(self.vectors[use], self.extinction[use])

    def excitation(self, incident=(0.0, 0.0)):
        """Excitation errors (..., n) where the incident beam has the transverse wave vectors `incident` (..., 2).

        Distance of the reciprocal lattice point from the Ewald sphere along the beam, positive inside. A crystal that is
        tilted by an angle, a beam from another point of the aperture and a beam that was scattered before are all the
        same here: an incident beam with another transverse wave vector.
        """
        flat = self.vectors[:, 2] - 0.5 * WAVELENGTH * (self.vectors**2).sum(axis=1)
        return flat - WAVELENGTH * np.asarray(incident) @ self.vectors[:, :2].T

    def near(self, reach, thickness):
        """Those that can be seen where the incident beam is within `reach` (1/angstrom) of the axis.

        thickness: The largest one; thin crystals have weak beams whatever the excitation error.
        """
        return self.kept(self.most(reach, thickness) > FAINT)

    def most(self, reach, thickness):
        """Largest intensity that each of them can have there."""
        spread = WAVELENGTH * reach * np.linalg.norm(self.vectors[:, :2], axis=1)
        least = np.maximum(np.abs(self.excitation()) - spread, 0)
        return np.minimum(1 / (1 + (least * self.extinction) ** 2), (np.pi * thickness / self.extinction) ** 2)


def reflections(name, matrix, q_max, lattice_parameter=None):
    """Reflections of a material within `q_max` of the axis, and close to the Ewald sphere.

    The extinction distance is pi V / (wavelength F), with the structure factor F for electrons of this energy.

    name (str): Key of `MATERIALS`.
    matrix (ndarray (3, 3)): Active rotation from the crystal to (row, column, z).
    Returns Reflections.
    """
    material = MATERIALS[name]
    a = lattice_parameter or material.lattice_parameter
    axis = np.arange(-int(np.ceil(q_max * a)), int(np.ceil(q_max * a)) + 1)
    hkl = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = hkl[allowed(hkl, material.centring) & hkl.any(axis=1)]
    vectors = hkl / a @ np.asarray(matrix).T
    length = np.linalg.norm(vectors, axis=1)
    near = (np.linalg.norm(vectors[:, :2], axis=1) <= q_max) & (np.abs(vectors[:, 2]) < 0.1)
    vectors, length = vectors[near], length[near]
    damped = material.scattering_factor(length) * np.exp(-_DEBYE_WALLER * (length / 2) ** 2)
    factor = _GAMMA * _ATOMS[material.centring] * damped
    return Reflections(vectors, np.pi * a**3 / (WAVELENGTH * factor))


def two_beam(excitation, thickness, extinction):
    """Intensity of a beam behind a crystal, as a share of the incident one (Howie and Whelan 1961, without absorption).

    sin^2(pi t w) / (xi w)^2 with w^2 = s^2 + 1 / xi^2. It oscillates with the thickness, with the period xi at s = 0, and
    is the kinematical (pi t / xi)^2 sinc^2(s t) where the crystal is thin.
    """
    w2 = excitation**2 + 1 / extinction**2
    return np.sin(np.pi * thickness * np.sqrt(w2)) ** 2 / (extinction**2 * w2)


def shared_out(intensity):
    """Direct beam, and the diffracted ones (..., n, m) such that all of them sum to 1.

    Two-beam intensities know nothing of each other, and may sum to more than what came in. Each beam takes its share of what
    the others left: 1 - prod(1 - I) is scattered, in the ratio of the I. For one beam nothing changes.
    """
    direct = np.prod(1 - intensity, axis=-2)
    total = intensity.sum(axis=-2)
    factor = np.divide(1 - direct, total, out=np.ones_like(total), where=total > 0)
    return direct, intensity * factor[..., None, :]
