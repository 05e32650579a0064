"""What a CIF file from elsewhere may hold: checked before any reader of a host sees it.

diffpy.structure, which orix and pyxem read CIF files with, evaluates symmetry operators as Python code.
"""

from __future__ import annotations

import io
import math
import re
from contextlib import redirect_stdout

import numpy as np

__all__ = ["atomic_number", "checked_text"]

_ELEMENTS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf "
).split()
_OPERATORS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_LENGTHS = tuple(f"_cell_length_{axis}" for axis in "abc")
_ANGLES = tuple(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma"))
_FRACTIONS = tuple(f"_atom_site_fract_{axis}" for axis in "xyz")
# One term of an operator: x, y or z, or a number that may be a fraction; at most six digits, so that none is absurd.
_TERM = r"[+-]?(?:[xyz]|\d{1,6}(?:\.\d{0,6})?(?:/\d{1,6})?|\.\d{1,6})"
_OPERATOR = re.compile(f"{_TERM}(?:[+-]{_TERM.removeprefix('[+-]?')})*")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\(\d+\))?")
_MOST_BYTES = 10 << 20  # structures of the open databases have a few kB; with reflections, some MB
_MOST_ATOMS = 10_000  # sites times operators: the reader compares all of them with each other
_MOST_OPERATORS = 192  # of a face-centred cubic cell
_LONGEST = 1000.0  # of a cell, in Å
_FARTHEST = 100.0  # of an atom, in cells


def atomic_number(element: str, path: str) -> int:
    """The atomic number of an element as a CIF file writes it (``Co3+``).

    Raises ValueError when there is no such element.
    """
    symbol = re.sub(r"[^A-Za-z]", "", str(element)).capitalize()
    if symbol not in _ELEMENTS:
        raise ValueError(f"{path} has an atom of unknown element {element!r}")
    return _ELEMENTS.index(symbol) + 1


def checked_text(path: str) -> str:
    """The text of a CIF file after a look at its cells, atoms and symmetry operators.

    Raises OSError when it cannot be opened.
    Raises ValueError when it is not a CIF file, or when a reader would run code, never end or return nonsense.
    """
    with open(path, "rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_BYTES >> 20} MB, which no CIF file of one crystal is")
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    crystals = 0
    for block in _blocks(text, path):
        # A reader takes the first block with atoms; operators are looked at wherever they stand.
        operators = [one for name in _OPERATORS for one in _values(block, name)]
        for operator in operators:
            _check_operator(operator, path)
        if "_atom_site_label" in block:
            crystals += 1
            _check_cell(block, path)
            _check_atoms(block, len(operators), path)
    if not crystals:
        raise ValueError(f"{path} cannot be read as a CIF file: it holds no atoms")
    return text


def _blocks(text, path):
    from CifFile import CifFile  # what diffpy.structure itself reads the file with

    try:
        with redirect_stdout(io.StringIO()):  # it prints where it stumbled
            file = CifFile(io.StringIO(text), grammar="auto")
        return [file[name] for name in file.keys()]
    except Exception as error:  # whatever it does with what is no CIF
        raise ValueError(f"{path} cannot be read as a CIF file: {' '.join(str(error).split())[:200]}") from error


def _values(block, name):
    """What a block holds under a name: a list, of one where it is not a loop."""
    if name not in block:
        return []
    value = block[name]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _check_operator(operator, path):
    rule = f"{path} has the symmetry operator {str(operator)[:60]!r}: it must be three sums of x, y, z and fractions"
    parts = str(operator).lower().replace(" ", "").split(",")
    if len(parts) != 3 or not all(_OPERATOR.fullmatch(part) for part in parts):
        raise ValueError(f"{rule}, as in 'x, 1/2-y, 1/2+z'")
    rotation = np.array([[part.count(axis) - 2 * part.count(f"-{axis}") for axis in "xyz"] for part in parts])
    if round(abs(np.linalg.det(rotation))) != 1 or re.search(r"/0+(?!\d)", operator):
        raise ValueError(f"{rule} that are a rotation and a shift")


def _number(value, what, path):
    match = _NUMBER.fullmatch(str(value).strip())
    number = float(match[1]) if match else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{path} has {what} {str(value)[:40]!r}: it must be a finite number")
    return number


def _one(block, name, path):
    values = _values(block, name)
    if len(values) != 1:
        raise ValueError(f"{path} must have one {name}, found {len(values)}")
    return _number(values[0], name, path)


def _check_cell(block, path):
    lengths = [_one(block, name, path) for name in _LENGTHS]
    angles = [_one(block, name, path) for name in _ANGLES]
    if not all(0 < length <= _LONGEST for length in lengths):
        raise ValueError(f"{path} has a cell of {lengths} Å: each length must be above 0 and at most {_LONGEST:g} Å")
    cosines = np.cos(np.radians(angles))
    volume = 1 - (cosines**2).sum() + 2 * cosines.prod()  # squared, of a cell with edges of 1
    if not all(0 < angle < 180 for angle in angles) or not volume > 1e-6:
        raise ValueError(f"{path} has a cell with the angles {angles} degrees: no cell has them")


def _check_atoms(block, n_operators, path):
    labels = _values(block, "_atom_site_label")
    columns = [_values(block, name) for name in _FRACTIONS]
    if not labels or any(len(column) != len(labels) for column in columns):
        raise ValueError(f"{path} must give {', '.join(_FRACTIONS)} of each of its {len(labels)} atoms")
    if n_operators > _MOST_OPERATORS or len(labels) * max(n_operators, 1) > _MOST_ATOMS:
        raise ValueError(
            f"{path} has {len(labels)} atoms and {n_operators} symmetry operators: at most {_MOST_OPERATORS} operators, "
            f"and {_MOST_ATOMS} atoms times operators, can be read"
        )
    for name, column in zip(_FRACTIONS, columns):
        for value in column:
            if abs(_number(value, name, path)) > _FARTHEST:
                raise ValueError(f"{path} has {name} {value!r}: it must be within {_FARTHEST:g} cells")
    for value in _values(block, "_atom_site_occupancy"):
        if str(value).strip() not in ("?", ".") and not 0 <= _number(value, "_atom_site_occupancy", path) <= 1.01:
            raise ValueError(f"{path} has _atom_site_occupancy {value!r}: it must be between 0 and 1")
