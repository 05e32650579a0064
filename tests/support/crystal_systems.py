"""Crystals of every system with several atoms, and films of them simulated without a host, as `orientation_scene` is."""

import itertools

import numpy as np
from scipy.spatial.transform import Rotation

from . import orientation_scene as scene

T = 1 / 3
# cell, space group, atoms (element, number, place) of the whole cell
CRYSTALS = {
    "hexagonal": ((3.153, 3.153, 12.32, 90, 90, 120), 194, [("W", 74, (T, 2 * T, 0.25)), ("W", 74, (2 * T, T, 0.75)),
        ("S", 16, (T, 2 * T, 0.623)), ("S", 16, (2 * T, T, 0.123)), ("S", 16, (2 * T, T, 0.377)),
        ("S", 16, (T, 2 * T, 0.877))]),
    "trigonal": ((4.546, 4.546, 11.862, 90, 90, 120), 166, [("Bi", 83, (x, y, (z + s * 0.234) % 1)) for s in (1, -1)
        for x, y, z in ((0, 0, 0), (2 * T, T, T), (T, 2 * T, 2 * T))]),
    "tetragonal": ((4.594, 4.594, 2.959, 90, 90, 90), 136, [("Ti", 22, (0, 0, 0)), ("Ti", 22, (0.5, 0.5, 0.5)),
        ("O", 8, (0.305, 0.305, 0)), ("O", 8, (0.695, 0.695, 0)), ("O", 8, (0.805, 0.195, 0.5)),
        ("O", 8, (0.195, 0.805, 0.5))]),
    "orthorhombic": ((2.8536, 5.8695, 4.9548, 90, 90, 90), 63, [("U", 92, (0, 0.1025, 0.25)), ("U", 92, (0, 0.8975, 0.75)),
        ("U", 92, (0.5, 0.6025, 0.25)), ("U", 92, (0.5, 0.3975, 0.75))]),
    "monoclinic": ((4.684, 3.423, 5.129, 90, 99.54, 90), 15, [("Cu", 29, (0.25, 0.25, 0)), ("Cu", 29, (0.75, 0.75, 0)),
        ("Cu", 29, (0.25, 0.75, 0.5)), ("Cu", 29, (0.75, 0.25, 0.5)), ("O", 8, (0, 0.418, 0.25)), ("O", 8, (0, 0.582, 0.75)),
        ("O", 8, (0.5, 0.918, 0.25)), ("O", 8, (0.5, 0.082, 0.75))]),
    "triclinic": ((4.0, 5.0, 6.0, 80, 95, 103), 2, [("Cu", 29, (0.1, 0.2, 0.3)), ("Cu", 29, (0.9, 0.8, 0.7))]),
}  # fmt: skip
TRUTH = Rotation.from_euler("ZXZ", [[20, 64, 33], [75, 40, 10], [-50, 131, 62]], degrees=True).as_matrix()
_REACH = 1.4


def base_of(cell):
    """Cell vectors in rows, x along a and z along c*."""
    a, b, c, alpha, beta, gamma = *cell[:3], *np.radians(cell[3:])
    cos, sin = np.cos, np.sin
    y = (cos(alpha) - cos(beta) * cos(gamma)) / sin(gamma)
    z = np.sqrt(1 - cos(beta) ** 2 - y**2)
    return np.array([[a, 0, 0], [b * cos(gamma), b * sin(gamma), 0], [c * cos(beta), c * y, c * z]])


def spots(name, matrix, width=0.015):
    """(row, column) in 1/Å and intensity of the spots of one grain."""
    cell, _, atoms = CRYSTALS[name]
    base = base_of(cell)
    n = [int(_REACH * np.linalg.norm(one)) + 1 for one in base]
    hkl = np.array([h for h in itertools.product(*(range(-i, i + 1) for i in n)) if any(h)])
    g = hkl @ np.linalg.inv(base).T
    length = np.linalg.norm(g, axis=1)
    hkl, g, length = (one[length < _REACH] for one in (hkl, g, length))
    factor = sum(z * np.exp(2j * np.pi * hkl @ np.array(place)) for _, z, place in atoms) * np.exp(-1.2 * length)
    lab = g @ np.asarray(matrix).T
    error = lab[:, 2] - scene.WAVELENGTH * length**2 / 2
    intensity = np.abs(factor) ** 2 * np.exp(-((error / width) ** 2) / 2)
    keep = intensity > 1e-3 * intensity.max()
    return lab[keep, :2], intensity[keep]


def pattern(name, matrix, sigma=0.9):
    """(det_row, det_col), sum 1."""
    q, intensity = spots(name, matrix)
    row, col = np.indices(scene.SIZE)
    place = q / scene.PIXEL + scene.CENTRE
    image = np.zeros(scene.SIZE)
    for (y, x), strength in zip(place, intensity):
        image += strength * np.exp(-((row - y) ** 2 + (col - x) ** 2) / (2 * sigma**2))
    return image / image.sum()


def result(names, dose=4e4, seed=0):
    """Three components, grains of these crystals (one name for all, or three), on a quarter of the scene."""
    names = [names] * 3 if isinstance(names, str) else names
    patterns = np.array([pattern(name, matrix) for name, matrix in zip(names, TRUTH)])
    expected = dose * np.einsum("kij,krc->ijrc", maps(), patterns)
    return scene.result(np.random.default_rng(seed).poisson(expected + 0.02).astype(np.uint16))


def maps():
    return scene.maps()[:, ::3]


def order(decomposition):
    """Which component is which grain."""
    wanted = maps().reshape(3, -1)
    return np.corrcoef(np.nan_to_num(decomposition.maps).reshape(3, -1), wanted)[:3, 3:].argmax(0)


def phase(name, called=None):
    """Of orix."""
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    cell, group, atoms = CRYSTALS[name]
    structure = Structure([Atom(element, place) for element, _, place in atoms], Lattice(*cell))
    return Phase(name if called is None else called, space_group=group, structure=structure)


def simulation(name, degrees, called=None):
    """As a user of pyxem makes it, of the part of the sphere that orix cuts out."""
    from orix.sampling import get_sample_reduced_fundamental

    one = phase(name, called)
    return scene.simulate(one, get_sample_reduced_fundamental(degrees, point_group=one.point_group))


def crystal(name):
    """Of py4DSTEM."""
    from py4DSTEM.process.diffraction import Crystal

    cell, _, atoms = CRYSTALS[name]
    return Crystal(np.array([place for *_, place in atoms]), np.array([z for _, z, _ in atoms]), np.array(cell))
