"""Phases of the hosts as JSON, and back where the host is installed."""

from __future__ import annotations

import numpy as np

from ..core.tensors import plain as to_numpy
from ..results.forms import are_numbers, is_number, plain, require
from . import of_quantem
from .phase_reflections import given_base

__all__ = ["SavedPhase"]

_MOST_ATOMS = 100_000  # more of them is a file made to keep a reader busy
_RANGE = "orientation_zone_axis_range"


class SavedPhase:
    """A field that is an orix Phase, a Crystal of py4DSTEM (without its plan, but for its corners) or quantem, or None.

    Without the host it is None after loading: colours are those of no crystal then, and the map of that host cannot be made.
    """

    def write(self, value, name, arrays):
        if hasattr(value, "point_group"):
            return _of_orix(value)
        if of_quantem.is_crystal(value):
            return _of_quantem(value)
        return None if value is None else _of_py4dstem(value)

    def claims(self, told, name, sizes, shapes):
        if told is not None:
            require(isinstance(told, dict) and told.get("host") in _READ, "a phase")
            _require(told)
        return {}

    def read(self, told, name, arrays):
        if told is None:
            return None
        try:
            return _READ[told["host"]](told)
        except ImportError:
            return None

    def linked(self, value, link):
        return value


def _of_orix(phase):
    group, structure = phase.space_group, phase.structure
    return {
        "host": "pyxem", "name": phase.name, "colour": phase.color, "base": plain(structure.lattice.base),
        "given_base": plain(np.asarray(given_base(phase))),
        "space_group": None if group is None else int(group.number) % 1000,
        "point_group": None if phase.point_group is None else phase.point_group.name,
        "elements": [str(atom.element) for atom in structure],
        "positions": [plain(atom.xyz) for atom in structure], "occupancy": [float(atom.occupancy) for atom in structure],
    }  # fmt: skip


def _of_py4dstem(crystal):
    corners = getattr(crystal, _RANGE, None)
    return {
        "host": "py4dstem", "cell": [float(value) for value in crystal.cell], "numbers": plain(np.asarray(crystal.numbers)),
        "positions": plain(np.asarray(crystal.positions)), "occupancy": plain(np.asarray(crystal.occupancy)),
        "corners": plain(corners) if isinstance(corners, np.ndarray) else None,
    }  # fmt: skip


def _of_quantem(crystal):
    return {
        "host": "quantem", "name": str(crystal.name), "base": plain(np.asarray(crystal.atoms.cell)),
        "numbers": plain(to_numpy(crystal.numbers)), "positions": plain(to_numpy(crystal.positions_frac)),
        "occupancy": plain(to_numpy(crystal.occupancy)),
    }  # fmt: skip


def _require(told):
    n = len(told["positions"])
    require(n <= _MOST_ATOMS and all(are_numbers(xyz, 3) for xyz in told["positions"]), "the atoms of a phase")
    require(are_numbers(told["occupancy"], n), "the atoms of a phase")
    if told["host"] != "py4dstem":
        require(len(told["base"]) == 3 and all(are_numbers(row, 3) for row in told["base"]), "the cell of a phase")
        require(np.linalg.det(told["base"]) > 0, "the cell of a phase")
    if told["host"] == "pyxem":
        given = told.get("given_base", told["base"])
        require(
            isinstance(given, list) and len(given) == 3 and all(are_numbers(row, 3) for row in given), "the cell of a phase"
        )
        require(np.linalg.det(given) > 0, "the cell of a phase")
        require(len(told["elements"]) == n and all(isinstance(one, str) for one in told["elements"]), "the atoms of a phase")
        group = told["space_group"]
        require(group is None or (type(group) is int and 1 <= group <= 230), "the space group of a phase")
        require(all(isinstance(told[key], str) for key in ("name", "colour")), "the name of a phase")
        require(told["point_group"] is None or isinstance(told["point_group"], str), "the point group of a phase")
        return
    require(len(told["numbers"]) == n > 0 and all(is_number(one) and 1 <= one < 119 for one in told["numbers"]), "an atom")
    if told["host"] == "quantem":
        return require(isinstance(told["name"], str), "the name of a phase")
    require(are_numbers(told["cell"], 6) and min(told["cell"]) > 0, "the cell of a phase")
    corners = told["corners"]
    require(corners is None or (len(corners) in (2, 3) and all(are_numbers(one, 3) for one in corners)), "the zone axes")


def _orix(told):
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    # As it was given: orix turns the cell then, and atoms stay where they are, as they did before.
    given = told.get("given_base", told["base"])
    places = np.array(told["positions"], float).reshape(-1, 3) @ np.array(told["base"]) @ np.linalg.inv(given)
    atoms = zip(told["elements"], places, told["occupancy"])
    structure = Structure([Atom(element, xyz, occupancy=share) for element, xyz, share in atoms], Lattice(base=given))
    phase = Phase(told["name"], told["space_group"], None, structure, told["colour"])
    known = None if phase.point_group is None else phase.point_group.name
    if told["point_group"] != known:
        phase = Phase(told["name"], None, told["point_group"], structure, told["colour"])
    return phase


def _py4dstem(told):
    from py4DSTEM.process.diffraction import Crystal

    crystal = Crystal(
        np.array(told["positions"]), np.array(told["numbers"], int), np.array(told["cell"]), occupancy=told["occupancy"]
    )
    if told["corners"] is not None:
        setattr(crystal, _RANGE, np.array(told["corners"]))
    return crystal


def _quantem(told):
    from ase import Atoms
    from quantem.diffraction.crystal import Crystal

    atoms = Atoms(np.array(told["numbers"], int), scaled_positions=told["positions"], cell=told["base"], pbc=True)
    atoms.set_array("occupancy", np.array(told["occupancy"], float))
    return Crystal.from_ase(atoms, name=told["name"], verbose=False)


_READ = {"pyxem": _orix, "py4dstem": _py4dstem, "quantem": _quantem}
