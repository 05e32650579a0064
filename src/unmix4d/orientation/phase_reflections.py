"""Reflections of an orix Phase: all of them, of all atoms of its cell, where they are.

diffsims' own list lacks some reflections of hexagonal cells and shares intensities in the families of orix's point group,
which is that of another setting for a monoclinic cell with its axis along b; atoms of a Phase may be those of the asymmetric
unit only, and orix writes them in another cell (docs/dev/upstream.md). Hence they are counted here; scattering factors are
those of diffsims.
"""

from __future__ import annotations

import numpy as np

from ..core.messages import warn
from .reflections import Reflections

__all__ = ["atoms_of", "given_base", "reflections_of_phase", "say_if_displaced", "wavelength_of"]

_DISPLACED = 0.01  # in fractions of the cell
_SAME_PLACE = 1e-3  # in fractions of the cell, of two atoms that are one


def wavelength_of(beam_energy: float | None) -> float:
    """Return the wavelength in Å of electrons of an energy in keV; 300 keV if it is not known."""
    energy = 1e3 * (beam_energy or 300.0)
    return float(12.2642596 / np.sqrt(energy * (1 + 9.78475598e-7 * energy)))


def atoms_of(phase):
    """Elements, places (n, 3) in fractions of the cell, and occupancies of all atoms of a cell.

    orix keeps atoms at their Cartesian places while it turns the cell to x along a and z along c*, so that fractions change;
    here they are those of the cell as it was given. Atoms of an asymmetric unit are repeated by the space group.
    """
    kinds = [(str(atom.element), float(atom.occupancy)) for atom in phase.structure]
    kinds, places = _all_atoms(phase, kinds, _places(phase))
    return [kind[0] for kind in kinds], places % 1.0, np.array([kind[1] for kind in kinds], float)


def _places(phase):
    """Fractions (n, 3) of the atoms that are listed, as they were given.

    A phase that orix has read from its own file no longer says which cell that was: then the atoms lie where the space group
    makes the fewest of them, or, where that does not tell, where diffsims takes them to be.
    """
    now = np.array([atom.xyz for atom in phase.structure], float).reshape(-1, 3)
    lattice, given = phase.structure.lattice, given_base(phase)
    known, usual = (now @ lattice.base @ np.linalg.inv(one) for one in (given, lattice.stdbase))
    if not np.allclose(given, lattice.base, atol=_SAME_PLACE) or np.allclose(known, usual, atol=_SAME_PLACE):
        return known
    kinds = [(str(atom.element), float(atom.occupancy)) for atom in phase.structure]
    counts = [len(_all_atoms(phase, kinds, one)[0]) for one in (known, usual)]
    return known if counts[0] < counts[1] else usual


def _all_atoms(phase, kinds, places):
    if phase.space_group is None or not len(places):
        return kinds, places
    return _repeated(kinds, places, phase.space_group)


def given_base(phase) -> np.ndarray:
    """Cell vectors in rows as they were given, before orix turned them."""
    return np.asarray(getattr(phase, "_diffpy_lattice", phase.structure.lattice.base), float)


def say_if_displaced(phase) -> None:
    """Warn where diffsims has simulated with atoms at other places than the phase has them.

    It undoes what orix does to a cell of lengths and angles, also where the cell was given with x along a.
    """
    lattice = phase.structure.lattice
    now = np.array([atom.xyz for atom in phase.structure], float).reshape(-1, 3)
    off = now @ lattice.base @ np.linalg.inv(lattice.stdbase) - _places(phase)
    if len(off) > 1 and np.abs((off - off[0]) - np.rint(off - off[0])).max() > _DISPLACED:
        warn(
            f"the templates of phase {phase.name!r} were simulated with displaced atoms, because its cell was given as "
            "vectors: give its structure Lattice(a, b, c, alpha, beta, gamma), or use crystal_from_cif, and simulate again"
        )


def _repeated(kinds, places, group):
    """By the operators of a space group, each place once."""
    out_kinds, out = [], np.zeros((0, 3))
    for kind, place in zip(kinds, places):
        for operator in group.iter_symops():
            moved = operator.R @ place + operator.t
            apart = out - moved
            same = (np.abs(apart - np.rint(apart)) < _SAME_PLACE).all(1)
            if not any(out_kinds[i] == kind for i in np.flatnonzero(same)):
                out_kinds.append(kind)
                out = np.vstack([out, moved])
    return out_kinds, out


def reflections_of_phase(phase, q_max: float, wavelength: float) -> Reflections | None:
    """All reflections up to `q_max` in 1/Å; None where the phase has no atoms or an element that diffsims does not know."""
    if not len(phase.structure):
        return None
    from diffpy.structure import Atom, Lattice, Structure
    from diffsims.utils.sim_utils import get_kinematical_intensities

    elements, places, occupancy = atoms_of(phase)
    base = np.asarray(phase.structure.lattice.base, float)
    hkl = _indices(base, q_max)
    g = hkl @ np.linalg.inv(base).T
    length = np.linalg.norm(g, axis=1)
    # diffsims undoes what orix does to atoms: in a cell of this form there is nothing to undo.
    cell = Lattice(*phase.structure.lattice.abcABG())
    atoms = [Atom(one, place, occupancy=share) for one, place, share in zip(elements, places, occupancy)]
    try:
        intensity = get_kinematical_intensities(Structure(atoms, cell), hkl, length)
    except Exception:  # an element that its tables do not know, for example
        return None
    kept = intensity > 1e-12 * max(float(intensity.max(initial=0)), 1e-300)
    return Reflections(g[kept], np.asarray(intensity[kept], float), wavelength)


def _indices(base, q_max):
    """All hkl (n, 3) but 0 with vectors up to `q_max`."""
    reach = [int(np.floor(q_max * np.linalg.norm(one) + 1e-9)) for one in base]
    hkl = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(hkl @ np.linalg.inv(base).T, axis=1)
    return hkl[(length > 0) & (length <= q_max * (1 + 1e-9))]
