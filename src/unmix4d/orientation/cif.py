"""Crystals from CIF files, checked and then read with diffpy.structure, which comes with pyxem and orix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..core import checks
from ..core.messages import warn
from ..core.version import unless_python
from .cif_checks import atomic_number, checked_text
from .phase_symmetry import symmetry_of_phase
from .symmetry import laue_rotations

__all__ = ["crystal_from_cif"]


def crystal_from_cif(path: str | os.PathLike[str], *, host: str = "py4dstem") -> Any:
    """Read a crystal from a CIF file, as an object of py4DSTEM or pyxem.

    Parameters
    ----------
    path : str or path-like
        Path of the CIF file.
    host : {"py4dstem", "pyxem"}
        ``"py4dstem"`` returns a py4DSTEM ``Crystal`` with all atoms of the cell and their occupancies, without structure
        factors or orientation plan (`Decomposition.index` computes them, or call ``calculate_structure_factors`` and
        ``orientation_plan``). ``"pyxem"`` returns an orix ``Phase``, for diffsims.

    Returns
    -------
    py4DSTEM Crystal or orix Phase

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is not a CIF file that diffpy.structure can read, if it has no cell or no atoms, if a symmetry operator is
        anything but x, y, z and fractions, or if a cell, a coordinate, an occupancy or an element is impossible.
    ImportError
        If the package of the host, or diffpy.structure, is not installed.

    Notes
    -----
    diffpy.structure evaluates symmetry operators as Python code. Every operator is therefore checked before that package
    reads the file, so files from unknown sources are safe to read, with either host.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from unmix4d.orientation import crystal_from_cif
    >>> lines = ["data_polonium", "_symmetry_space_group_name_H-M 'P m -3 m'"]
    >>> lines += [f"_cell_length_{axis} 3.36" for axis in "abc"]
    >>> lines += [f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma")]
    >>> lines += ["loop_", "_atom_site_label", "_atom_site_type_symbol"]
    >>> lines += [f"_atom_site_fract_{axis}" for axis in "xyz"] + ["Po1 Po 0 0 0"]
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     path = Path(folder) / "polonium.cif"
    ...     _ = path.write_text(chr(10).join(lines))
    ...     phase = crystal_from_cif(path, host="pyxem")
    >>> phase.point_group.name  # doctest: +SKIP
    'm-3m'
    """
    checks.choice(host, "host", ("py4dstem", "pyxem"))
    path = os.fspath(path)
    structure, space_group = _read(path)
    numbers = [atomic_number(atom.element, path) for atom in structure]
    if host == "pyxem":
        try:
            from orix.crystal_map import Phase
        except ImportError as error:
            raise ImportError(
                f"host='pyxem' needs orix, which comes with pyxem ({error}){unless_python('pyxem')}"
            ) from error
        symmetric = _rotations_of_atoms(structure, numbers)  # before orix moves the atoms
        phase = Phase(Path(path).stem, space_group, structure=structure)
        if symmetric > (1 if phase.point_group is None else len(symmetry_of_phase(phase))) == 1:
            warn(
                f"{path} has no symmetry in its space group, but atoms that {symmetric} rotations leave alike, as where all "
                "atoms of a cell are listed: set phase.space_group, or equivalent orientations count as different ones"
            )
        return phase
    try:
        from py4DSTEM.process.diffraction import Crystal
    except ImportError as error:
        raise ImportError(
            f"host='py4dstem' needs py4DSTEM, which cannot be imported ({error}){unless_python('py4DSTEM')}"
        ) from error
    positions = np.array([atom.xyz for atom in structure], float) % 1.0
    occupancy = [float(atom.occupancy) for atom in structure]
    return Crystal(positions, numbers, np.array(structure.lattice.abcABG(), float), occupancy=occupancy)


def _rotations_of_atoms(structure, numbers):
    places = np.array([atom.xyz for atom in structure], float).reshape(-1, 3)
    kinds = np.stack([numbers, [float(atom.occupancy) for atom in structure]], axis=1).reshape(-1, 2)
    return len(laue_rotations(structure.lattice.base, places, np.unique(kinds, axis=0, return_inverse=True)[1].ravel()))


def _read(path):
    """The atoms of the cell as a diffpy structure, and the number of the space group."""
    try:
        from diffpy.structure.parsers import getParser
    except ImportError as error:
        raise ImportError(f"crystal_from_cif needs diffpy.structure, which comes with pyxem ({error})") from error
    # What was checked is what is read: the file may change in between.
    text, parser = checked_text(path), getParser("cif")
    try:
        structure = parser.parse(text)
        number = parser.spacegroup.number
    except Exception as error:  # whatever the reader does with what is no CIF
        raise ValueError(f"{path} cannot be read as a CIF file: {error}") from error
    # Thousands count the settings of a group; a group made of the file's own operators has no number.
    return structure, number and number % 1000
