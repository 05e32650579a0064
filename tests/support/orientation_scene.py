"""A small film of silver grains in known orientations, simulated without a host, so that no convention of theirs takes part.

Electrons travel along -z, lab x = row, y = column, z = row x column; kinematical, Gaussian relrods.
"""

import itertools
import warnings

import numpy as np
from scipy.spatial.transform import Rotation

A, WAVELENGTH, PIXEL, SIZE, REACH = 4.0853, 0.019687, 0.032, (96, 92), 1.4
CENTRE = (47.3, 44.6)
ATOMS = ([0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0])
SCAN = (12, 16)
TRUTH = Rotation.from_euler("ZXZ", [[20, 14, 33], [75, 40, 10], [-50, 31, 62]], degrees=True).as_matrix()
CIF = """data_Ag
_cell_length_a 4.0853
_cell_length_b 4.0853
_cell_length_c 4.0853
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_space_group_IT_number 225
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ag1 Ag 0 0 0
"""


def spots(matrix, width=0.02):
    """(row, column) in 1/Å and intensity of the spots of one grain; matrix: active, crystal to lab."""
    n = int(REACH * A) + 1
    hkl = np.array([h for h in itertools.product(range(-n, n + 1), repeat=3) if len({i % 2 for i in h}) == 1 and any(h)])
    g = hkl / A
    length = np.linalg.norm(g, axis=1)
    g, length = g[length < REACH], length[length < REACH]
    lab = g @ np.asarray(matrix).T
    error = lab[:, 2] - WAVELENGTH * length**2 / 2
    intensity = np.exp(-((error / width) ** 2) / 2 - 3 * length)
    keep = intensity > 1e-3 * intensity.max()
    return lab[keep, :2], intensity[keep]


def pattern(matrix, sigma=0.9, turn_deg=0.0, flip=False):
    """(det_row, det_col), sum 1; the detector turned so that scan direction t appears at t + turn_deg, then flipped."""
    q, intensity = spots(matrix)
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    q = q @ np.array([[c, -s], [s, c]]).T
    q = q[:, ::-1] if flip else q
    row, col = np.indices(SIZE)
    image = np.zeros(SIZE)
    for (y, x), strength in zip(q / PIXEL, intensity):
        image += strength * np.exp(-((row - CENTRE[0] - y) ** 2 + (col - CENTRE[1] - x) ** 2) / (2 * sigma**2))
    return image / image.sum()


def maps():
    """(3, 12, 16): three bands, each overlapping the next half and half over three columns (5 to 7, 10 to 12)."""
    col = np.arange(SCAN[1])
    edges = np.interp(col, [4, 5, 7, 8], [0, 0.5, 0.5, 1]), np.interp(col, [9, 10, 12, 13], [0, 0.5, 0.5, 1])
    bands = np.array([1 - edges[0], edges[0] * (1 - edges[1]), edges[1]])
    return np.repeat(bands[:, None], SCAN[0], axis=1)


def scan(dose=2e4, seed=0, **options):
    """uint16 counts (12, 16, 96, 92)."""
    patterns = np.array([pattern(matrix, **options) for matrix in TRUTH])
    expected = dose * np.einsum("kij,krc->ijrc", maps(), patterns)
    return np.random.default_rng(seed).poisson(expected + 0.02).astype(np.uint16)


def result(data, **facts):
    """Three components of it, in the order of TRUTH."""
    from unmix4d import Unmix

    facts = {"centre": CENTRE, "pixel_size": PIXEL, "pixel_unit": "1/Å", "step": 2.0, "step_unit": "nm", **facts}
    return Unmix(data, **facts).nmf(3, random_state=0)


def order(decomposition):
    """Which component is which grain."""
    wanted = maps().reshape(3, -1)
    return np.corrcoef(np.nan_to_num(decomposition.maps).reshape(3, -1), wanted)[:3, 3:].argmax(0)


def silver_phase():
    """Of orix."""
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    lattice = Lattice(A, A, A, 90, 90, 90)
    return Phase("silver", space_group=225, structure=Structure([Atom("Ag", p) for p in ATOMS], lattice))


def two_phases(**kind):
    """Silver, and the same cubic cell a third larger, of the same name."""
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    atoms = [Atom("Ag", one) for one in ([0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0])]
    cells = [Lattice(a, a, a, 90, 90, 90) for a in (A * 4 / 3, A)]
    return [Phase(space_group=225, structure=Structure(atoms, cell), **kind) for cell in cells]


def simulate(phase, rotations):
    """What a user of pyxem makes with diffsims."""
    from diffsims.generators.simulation_generator import SimulationGenerator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SimulationGenerator(300, minimum_intensity=1e-3).calculate_diffraction2d(
            phase, rotations, reciprocal_radius=REACH, max_excitation_error=0.03, with_direct_beam=False
        )
