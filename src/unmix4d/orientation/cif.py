"""Crystals from CIF files, read with diffpy.structure (which comes with pyxem and orix), without pymatgen."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from ..core import checks

__all__ = ["crystal_from_cif"]

_ELEMENTS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf "
).split()


def crystal_from_cif(path: str | os.PathLike[str], *, host: str = "py4dstem") -> Any:
    """The crystal of a CIF file, as an object of a host.

    Parameters
    ----------
    path : str or path-like
    host : {"py4dstem", "pyxem"}
        A py4DSTEM ``Crystal`` with all atoms of the cell and their occupancies, without structure factors or orientation
        plan (`Decomposition.index` makes them, or ``calculate_structure_factors`` and ``orientation_plan``); or an orix
        ``Phase``, for diffsims.

    Returns
    -------
    py4DSTEM Crystal or orix Phase

    Raises
    ------
    OSError
        When the file cannot be opened.
    ValueError
        When it is no CIF file that diffpy.structure can read, or an element is unknown.
    ImportError
        When the package of the host, or diffpy.structure, is not installed.

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
    with open(path, "rb"):
        pass
    structure, phase = _read(path, host)
    if host == "pyxem":
        return phase
    try:
        from py4DSTEM.process.diffraction import Crystal
    except ImportError as error:
        raise ImportError(f"host='py4dstem' needs py4DSTEM, which cannot be imported ({error})") from error
    positions = np.array([atom.xyz for atom in structure], float) % 1.0
    numbers = [_number(atom.element, path) for atom in structure]
    occupancy = [float(atom.occupancy) for atom in structure]
    return Crystal(positions, numbers, np.array(structure.lattice.abcABG(), float), occupancy=occupancy)


def _read(path, host):
    try:
        from diffpy.structure import loadStructure
    except ImportError as error:
        raise ImportError(f"crystal_from_cif needs diffpy.structure, which comes with pyxem ({error})") from error
    try:
        structure = loadStructure(path, fmt="cif")
        if host == "pyxem":
            from orix.crystal_map import Phase

            return structure, Phase.from_cif(path)
    except ImportError as error:
        raise ImportError(f"host='pyxem' needs orix, which comes with pyxem ({error})") from error
    except Exception as error:  # whatever the reader does with what is no CIF
        raise ValueError(f"{path} cannot be read as a CIF file: {error}") from error
    if not len(structure):
        raise ValueError(f"{path} holds no atoms")
    return structure, None


def _number(element, path):
    symbol = re.sub(r"[^A-Za-z]", "", str(element)).capitalize()
    if symbol not in _ELEMENTS:
        raise ValueError(f"{path} has an atom of unknown element {element!r}")
    return _ELEMENTS.index(symbol) + 1
