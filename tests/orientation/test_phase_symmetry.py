"""The symmetry of crystals of every system, with all, some or no atoms, is the same with both hosts."""

import warnings

import numpy as np
import pytest

from unmix4d import UnmixWarning
from unmix4d.orientation.phase_symmetry import symmetry_of_crystal, symmetry_of_phase

pytest.importorskip("orix")

T = 1 / 3
CRYSTALS = {
    # cell, space group, all atoms (element, position) or only those of the asymmetric unit, order of the Laue rotations
    "fcc": ((3.61, 3.61, 3.61, 90, 90, 90), 225, [("Cu", (0, 0, 0)), ("Cu", (0, 0.5, 0.5)), ("Cu", (0.5, 0, 0.5)),
            ("Cu", (0.5, 0.5, 0))], 24),
    "pyrite-like": ((5.4, 5.4, 5.4, 90, 90, 90), 205, None, 12),
    "rutile": ((4.594, 4.594, 2.959, 90, 90, 90), 136, [("Ti", (0, 0, 0)), ("Ti", (0.5, 0.5, 0.5)), ("O", (0.305, 0.305, 0)),
               ("O", (0.695, 0.695, 0)), ("O", (0.805, 0.195, 0.5)), ("O", (0.195, 0.805, 0.5))], 8),
    "scheelite-like": ((5.24, 5.24, 11.4, 90, 90, 90), 88, None, 4),
    "hcp": ((3.2094, 3.2094, 5.2108, 90, 90, 120), 194, [("Mg", (T, 2 * T, 0.25)), ("Mg", (2 * T, T, 0.75))], 12),
    "apatite-like": ((9.4, 9.4, 6.9, 90, 90, 120), 176, None, 6),
    "sapphire-like": ((4.76, 4.76, 12.99, 90, 90, 120), 167, None, 6),
    "rhombohedral cell": ((4.1, 4.1, 4.1, 70, 70, 70), 166, [("As", (0.23, 0.23, 0.23)), ("As", (0.77, 0.77, 0.77))], 6),
    "quartz-like": ((4.91, 4.91, 5.40, 90, 90, 120), 152, None, 6),
    "dolomite-like": ((4.8, 4.8, 16.0, 90, 90, 120), 148, None, 3),
    "olivine-like": ((4.75, 10.2, 5.98, 90, 90, 90), 62, None, 4),
    "CuO": ((4.68, 3.42, 5.13, 90, 99.5, 90), 15, [("Cu", (0.25, 0.25, 0)), ("Cu", (0.75, 0.75, 0)),
            ("Cu", (0.25, 0.75, 0.5)), ("Cu", (0.75, 0.25, 0.5)), ("O", (0, 0.418, 0.25)),
            ("O", (0, 0.582, 0.75)), ("O", (0.5, 0.918, 0.25)),
            ("O", (0.5, 0.082, 0.75))], 2),
    "unique axis c": ((4.68, 5.13, 3.42, 90, 90, 99.5), 15, None, 2),
    "triclinic": ((4.0, 5.0, 6.0, 80, 95, 103), 2, [("Al", (0.1, 0.2, 0.3)), ("Al", (0.9, 0.8, 0.7))], 1),
}  # fmt: skip
UNIT = [("Si", (0.1, 0.23, 0.31)), ("O", (0.4, 0.05, 0.12))]  # of no symmetry, as an asymmetric unit is


def phase_of(cell, group, atoms, **kind):
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    structure = Structure([Atom(element, position) for element, position in atoms], Lattice(*cell))
    return Phase("x", structure=structure, **kind or {"space_group": group})


def is_a_group_of(rotations, cell):
    """Rotations that leave the reciprocal lattice, x along a and z along c*, as it is, products included."""
    a, b, c, alpha, beta, gamma = *cell[:3], *np.radians(cell[3:])
    upper = [[a * a, a * b * np.cos(gamma), a * c * np.cos(beta)], [0, b * b, b * c * np.cos(alpha)], [0, 0, c * c]]
    base = np.linalg.cholesky(np.triu(upper) + np.triu(upper, 1).T)
    whole = base @ np.swapaxes(rotations, -1, -2) @ np.linalg.inv(base)
    products = (rotations[:, None] @ rotations[None]).reshape(-1, 1, 3, 3)
    return np.allclose(whole, np.rint(whole), atol=1e-6) and (np.abs(products - rotations).max((-2, -1)).min(1) < 1e-6).all()


@pytest.mark.parametrize("name", CRYSTALS)
def test_a_phase_with_all_some_or_no_atoms(name):
    cell, group, atoms, order = CRYSTALS[name]
    for some in (atoms or UNIT, UNIT, []):
        found = symmetry_of_phase(phase_of(cell, group, some))
        assert len(found) == order and np.allclose(np.linalg.det(found), 1)
        assert is_a_group_of(found, cell)


@pytest.mark.parametrize("name", [name for name, (_, _, atoms, _) in CRYSTALS.items() if atoms])
def test_both_hosts_agree(py4dstem, name):
    cell, group, atoms, _ = CRYSTALS[name]
    numbers = {"Cu": 29, "O": 8, "Ti": 22, "Mg": 12, "As": 33, "Al": 13}
    crystal = py4dstem.process.diffraction.Crystal(
        np.array([position for _, position in atoms]), [numbers[element] for element, _ in atoms], np.array(cell)
    )
    ours, theirs = symmetry_of_crystal(crystal), symmetry_of_phase(phase_of(cell, group, atoms))
    assert len(ours) == len(theirs)
    assert (np.abs(ours[:, None] - theirs[None]).max((-2, -1)).min(1) < 1e-6).all()


def test_the_twofold_axis_of_a_monoclinic_cell_is_b():
    """orix has the point group 2/m with its axis along c."""
    found = symmetry_of_phase(phase_of((5.0, 3.4, 7.0, 90, 120, 90), 14, []))
    assert np.allclose(sorted(found.trace(axis1=1, axis2=2)), [-1, 3]) and np.allclose(found[:, 1, 1], 1)
    only_point_group = symmetry_of_phase(phase_of((5.0, 3.4, 7.0, 90, 120, 90), None, [], point_group="2/m"))
    assert (np.abs(found[:, None] - only_point_group).max((-2, -1)).min(1) < 1e-9).all() and len(only_point_group) == 2


def test_without_a_cell_the_group_alone_is_asked():
    from orix.crystal_map import Phase

    assert len(symmetry_of_phase(Phase("x", space_group=191))) == 12
    assert len(symmetry_of_phase(Phase("x", point_group="m-3m"))) == 24
    assert np.allclose(symmetry_of_phase(Phase("x", space_group=14))[:, 1, 1], 1)


def test_a_group_that_the_cell_does_not_have_is_told():
    phase = phase_of((3.0, 3.0, 5.0, 90, 90, 90), None, [], point_group="m-3m")
    with pytest.warns(UnmixWarning, match=r"'x' has the point group m-3m, which its cell .* does not have: 8 of 24"):
        assert len(symmetry_of_phase(phase)) == 8


@pytest.mark.slow
def test_every_setting_of_every_group_is_found():
    from diffpy.structure.spacegroups import SpaceGroupList

    cells = {"ORTHORHOMBIC": (4, 5, 6, 90, 90, 90), "TETRAGONAL": (4, 4, 6, 90, 90, 90), "CUBIC": (4, 4, 4, 90, 90, 90),
             "TRIGONAL": (4, 4, 6, 90, 90, 120), "HEXAGONAL": (4, 4, 6, 90, 90, 120)}  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnmixWarning)
        for number in {group.number for group in SpaceGroupList if group.number < 1000}:
            system = next(group.crystal_system for group in SpaceGroupList if group.number == number)
            if system in cells:
                phase = phase_of(cells[system], number, [])
                assert len(symmetry_of_phase(phase)) == phase.point_group.laue_proper_subgroup.size, number
