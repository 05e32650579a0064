"""Multislice patterns of another material and at another convergence angle, for the cases that take a file of patterns.

::

    pip install abtem        # the extra unmix4d[benchmarks]; in an environment of its own it may take a newer NumPy
    python multislice.py TiO2 1.5 patterns.npz
    python robustness.py "300 electrons" patterns.npz 32

abTEM, frozen atoms, one probe position per zone axis, 200 keV, a slab of 60 angstrom; 256 x 256 pixels up to 28 mrad, centre
(127.5, 127.5), each pattern of sum 1, as the file of WS2.
"""

import sys

import numpy as np
from scipy.ndimage import map_coordinates

WIDTH, THICKNESS = 115.0, 60.0  # angstrom: a pixel of 0.22 mrad, and a probe that fits
SIDE, LARGEST = 256, 28.0  # pixels, mrad
ENERGY = 200e3

# Elements, fractional coordinates, space group, cell; zone axes.
MATERIALS = {
    "TiO2": (
        ("Ti", "O"), ((0, 0, 0), (0.3053, 0.3053, 0)), 136, (4.594, 4.594, 2.959, 90, 90, 90),
        ((0, 0, 1), (1, 0, 0), (1, 1, 0)),
    ),
    "Si": (("Si",), ((0, 0, 0),), 227, (5.431, 5.431, 5.431, 90, 90, 90), ((0, 0, 1), (1, 1, 0), (1, 1, 1))),
    "MgO": (
        ("Mg", "O"), ((0, 0, 0), (0.5, 0.5, 0.5)), 225, (4.212, 4.212, 4.212, 90, 90, 90), ((0, 0, 1), (1, 1, 0), (1, 1, 1)),
    ),
}  # fmt: skip


def slab(material, zone):
    """Atoms with the zone axis along z, wide and thick enough; edges are far outside the probe."""
    from ase.build import surface
    from ase.spacegroup import crystal

    elements, places, group, cell, _ = MATERIALS[material]
    whole = crystal(elements, basis=places, spacegroup=group, cellpar=cell)
    layer = surface(whole, zone, layers=1, periodic=True)
    spacing = layer.cell[2, 2]
    thick = surface(whole, zone, layers=max(1, round(THICKNESS / spacing)), periodic=True)
    across = [int(np.ceil(2.5 * WIDTH / np.linalg.norm(row))) for row in thick.cell[:2]]
    many = thick.repeat((*across, 1))
    middle = many.cell[:2].sum(axis=0)[:2] / 2
    xy = many.positions[:, :2] - middle + WIDTH / 2
    kept = many[((xy >= 0) & (xy < WIDTH)).all(axis=1)]
    kept.positions[:, :2] -= middle - WIDTH / 2
    kept.set_cell([WIDTH, WIDTH, many.cell[2, 2] + 4.0])
    kept.positions[:, 2] += 2.0 - kept.positions[:, 2].min()
    return kept


def pattern(material, zone, convergence_mrad):
    """Intensities (SIDE, SIDE) with the sum 1."""
    import abtem

    potential = abtem.Potential(slab(material, zone), gpts=768, slice_thickness=1.5, projection="infinite")
    probe = abtem.Probe(energy=ENERGY, semiangle_cutoff=convergence_mrad, gpts=768, extent=WIDTH)
    waves = probe.multislice(potential, scan=abtem.CustomScan([(WIDTH / 2, WIDTH / 2)]), lazy=False)
    found = waves.diffraction_patterns(max_angle=1.3 * LARGEST, block_direct=False)
    image = np.asarray(found.array, float).squeeze()
    step = found.angular_sampling  # mrad, of rows and columns
    centre = [n // 2 for n in image.shape]
    at = (np.arange(SIDE) - (SIDE - 1) / 2) * LARGEST / (SIDE / 2)
    rows, cols = np.meshgrid(at / step[0] + centre[0], at / step[1] + centre[1], indexing="ij")
    out = np.maximum(map_coordinates(image, [rows, cols], order=3), 0)
    return out / out.sum()


def main(material, convergence_mrad, path):
    """Write the patterns of all zone axes of a material."""
    zones = MATERIALS[material][-1]
    patterns = np.stack([pattern(material, zone, convergence_mrad) for zone in zones]).astype(np.float32)
    # Binned by 2, as the cases have it, and a pixel or two for the edge.
    np.savez_compressed(path, patterns=patterns, r_min=convergence_mrad / (LARGEST / SIDE * 2) / 2 + 1.6)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
