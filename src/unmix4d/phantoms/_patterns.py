"""Diffraction patterns: kinematical spots, amorphous halo, direct beam, beam stop.

In-plane coordinates here are x to the right and y *upwards* in 1/angstrom, so that angles are
counter-clockwise as seen on screen with row 0 on top; only `Detector` turns them into rows and columns.
"""

from dataclasses import dataclass

import numpy as np

WAVELENGTH = 0.019687  # angstrom: relativistic electrons of the next line
BEAM_ENERGY = 300.0  # keV
DIRECT_BEAM_FWHM = 3.0  # pixels
DIFFUSE = 0.15  # share of a crystal's scattering that is thermal diffuse; ours, from no table

# (centring, lattice parameter in angstrom); a phase takes one of them, scaled by a few per cent.
LATTICES = (("fcc", 4.09), ("bcc", 2.87), ("diamond", 5.43), ("fcc", 3.61), ("bcc", 3.31), ("fcc", 5.64))
ZONES = ((0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 1, 2), (0, 1, 3), (0, 1, 2), (1, 1, 3), (1, 2, 3))  # of low indices


@dataclass(frozen=True)
class Detector:
    """Detector geometry: shape (rows, columns), centre (row, col) in pixels, pixel size in 1/angstrom."""

    shape: tuple
    centre: tuple
    pixel_size: float

    @property
    def q_max(self):
        """Largest scattering vector that reaches a corner, 1/angstrom."""
        far = [max(c, n - 1 - c) for c, n in zip(self.centre, self.shape)]
        return float(np.hypot(*far)) * self.pixel_size

    def q(self):
        """Length of the scattering vector at each pixel, 1/angstrom, (det_row, det_col)."""
        row, col = np.indices(self.shape)
        return np.hypot(row - self.centre[0], col - self.centre[1]) * self.pixel_size

    def spots(self, xy, intensity, fwhm):
        """Sum of Gaussian spots of integrated `intensity` at `xy` (1/angstrom), `fwhm` in pixels."""
        sigma = fwhm / 2.3548
        row = self.centre[0] - xy[:, 1] / self.pixel_size
        col = self.centre[1] + xy[:, 0] / self.pixel_size
        # A Gaussian is separable: two thin matrices and one product instead of one image per spot.
        along_rows = np.exp(-0.5 * ((np.arange(self.shape[0])[:, None] - row) / sigma) ** 2)
        along_cols = np.exp(-0.5 * ((np.arange(self.shape[1])[:, None] - col) / sigma) ** 2)
        return (along_rows * (intensity / (2 * np.pi * sigma**2))) @ along_cols.T

    def direct_beam(self, fwhm=DIRECT_BEAM_FWHM):
        """Direct beam of total intensity 1."""
        return unit(self.spots(np.zeros((1, 2)), np.ones(1), fwhm))

    def halo(self, radius=0.42, width=0.055):
        """Amorphous pattern of total intensity 1: two rings on small-angle and diffuse intensity."""
        q = self.q()
        first = np.exp(-0.5 * ((q - radius) / width) ** 2)
        second = 0.30 * np.exp(-0.5 * ((q - 1.72 * radius) / (2.1 * width)) ** 2)
        diffuse = 0.9 * np.exp(-q / (0.42 * radius)) + 0.10 / (1 + (q / 0.6) ** 2) ** 2
        return unit(first + second + diffuse)

    def diffuse(self, width=0.28):
        """Thermal diffuse intensity under a crystal's spots, total 1."""
        return unit(1 / (1 + (self.q() / width) ** 2) ** 2)

    def beam_stop(self, radius, bar=3):
        """Boolean mask, True = excluded: a disk of `radius` pixels, a bar down to the edge."""
        row, col = np.indices(self.shape)
        row, col = row - self.centre[0], col - self.centre[1]
        return (np.hypot(row, col) <= radius) | ((row > 0) & (np.abs(col) <= bar / 2))


def unit(pattern):
    """Scale a pattern to total intensity 1."""
    total = pattern.sum()
    if not total > 0:
        raise ValueError(f"pixel_size must let a spot reach the detector {pattern.shape}, found none")
    return pattern / total


def rotate(xy, angle_deg):
    """Turn in-plane vectors counter-clockwise (x right, y up)."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return xy @ np.array([[c, s], [-s, c]])


def mirror(xy, axis_deg):
    """Reflect in-plane vectors on the line through the centre at `axis_deg`."""
    c, s = np.cos(2 * np.deg2rad(axis_deg)), np.sin(2 * np.deg2rad(axis_deg))
    return xy @ np.array([[c, s], [s, -c]])


@dataclass(frozen=True)
class Crystal:
    """Reflections of one crystal looked at along one zone axis, kinematical.

    `xyz` (n, 3): scattering vectors in 1/angstrom, the beam along z; `strength` (n,): squared structure
    factor; `s_width`: width of the rocking curve in 1/angstrom (one over the thickness, and larger for
    wedges).
    """

    xyz: np.ndarray
    strength: np.ndarray
    s_width: float = 0.012

    def intensity(self, tilt_mrad=(0.0, 0.0), precession_mrad=0.0):
        """Intensity of each reflection at a tilt of the crystal, averaged over the precession circle.

        The excitation error is s = -(g_z + tilt . g) - wavelength g^2 / 2; a rocking curve exp(-(s /
        width)^2) weights the reflection, which draws the Laue circle of a tilted crystal.
        """
        tilt = np.asarray(tilt_mrad, float)[None] * 1e-3
        if precession_mrad:
            turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
            tilt = tilt + precession_mrad * 1e-3 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        flat = self.xyz[:, 2] + 0.5 * WAVELENGTH * (self.xyz**2).sum(axis=1)
        s = flat[:, None] + self.xyz[:, :2] @ tilt.T
        return self.strength * np.exp(-((s / self.s_width) ** 2)).mean(axis=1)


def allowed(hkl, centring):
    """Squared structure factor, 0 or 1 (diamond: mixed parities and the quasi-forbidden vanish)."""
    odd = hkl % 2
    if centring == "bcc":
        return hkl.sum(axis=1) % 2 == 0
    unmixed = (odd.sum(axis=1) == 0) | (odd.sum(axis=1) == 3)
    if centring == "diamond":
        return unmixed & ((odd.sum(axis=1) == 3) | (hkl.sum(axis=1) % 4 == 0))
    return unmixed


def make_crystal(centring, a, zone, q_max, s_width=0.012):
    """Crystal of a cubic lattice along `zone` (three integers), lattice parameter `a` in angstrom."""
    z = np.asarray(zone, float) / np.linalg.norm(zone)
    # The in-plane x axis is any direction normal to the zone, chosen in one fixed way.
    x = np.cross([0.0, 0.0, 1.0] if abs(z[2]) < 0.9 else [0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x)
    n = int(np.ceil(q_max * a))
    axis = np.arange(-n, n + 1)
    hkl = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = hkl[allowed(hkl, centring) & hkl.any(axis=1)]
    xyz = hkl / a @ np.stack([x, np.cross(z, x), z], axis=1)
    q = np.linalg.norm(xyz, axis=1)
    # Other Laue zones stay out of reach on the detector, whatever the tilts used here.
    keep = (q <= q_max) & (np.abs(xyz[:, 2]) < 0.08)
    xyz, q = xyz[keep], q[keep]
    return Crystal(xyz, 1 / (1 + (q / 0.38) ** 2) ** 2 * np.exp(-0.5 * q**2), s_width)
