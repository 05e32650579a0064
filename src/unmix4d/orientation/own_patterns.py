"""The patterns of the components, ready to be matched with the orientations that a map has."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from . import of_quantem
from .disks import radius_of
from .geometry import to_inverse_angstrom
from .match_py4dstem import is_crystal
from .match_pyxem import is_simulation
from .pattern_likeness import PatternLikeness, SmoothedPattern, farthest
from .phase_reflections import reflections_of_phase, wavelength_of
from .reflections import Reflections
from .sources import representative_patterns

__all__ = ["Rematch"]

_DIRECT_BEAM = 0.1  # 1/Å: nearer to the centre than any reflection of a cell of less than 10 Å


class Rematch:
    """What the phases of a map are made of, and the likeness of each component's pattern with them.

    Parameters
    ----------
    result : Decomposition
    crystal : py4DSTEM Crystal, orix Phase, diffsims Simulation2D, or dict of them by phase, or None
    source, enough, q_min, q_max, disk_radius
        As those of `index`.
    """

    def __init__(self, result: Any, crystal: Any, **options: Any):
        self._result, self._given, self._options = result, crystal, options
        given = list(crystal.values()) if isinstance(crystal, dict) else [] if crystal is None else [crystal]
        for one in given:
            if not (is_crystal(one) or is_simulation(one) or _is_phase(one) or of_quantem.is_crystal(one)):
                raise TypeError(
                    "crystal must be a Crystal of py4DSTEM or quantem, an orix Phase or a diffsims Simulation2D, or a "
                    f"dict of them by the names of the phases, got {type(one).__name__}"
                )
        # Whose orientations an OrientationMap of py4DSTEM holds.
        self.crystal = given[0] if len(given) == 1 and is_crystal(given[0]) else None

    def likenesses(self, have) -> list[dict]:
        """For every component {phase: PatternLikeness}; empty where patterns or phases are not there to be compared."""
        nothing: list[dict] = [{} for _ in range(self._result.k)]
        made_of = self._made_of(have)
        if not made_of or not _is_calibrated(self._result.geometry):
            return nothing
        reflections = self._reflections(made_of)
        if not reflections:
            return nothing
        options, geometry = self._options, self._result.geometry
        patterns, _, _ = representative_patterns(self._result, options["source"], enough=options["enough"])
        radius = radius_of(patterns, geometry, disk_radius=options["disk_radius"])
        q_min = _DIRECT_BEAM if options["q_min"] is None else options["q_min"]
        smoothed = [SmoothedPattern(one, geometry, radius=radius, q_min=q_min, q_max=options["q_max"]) for one in patterns]
        return [{name: PatternLikeness(g, pattern=one) for name, g in reflections.items()} for one in smoothed]

    def _made_of(self, have):
        """{phase: what it is made of}, of what the user gave and of what the map knows."""
        given = self._given
        if isinstance(given, dict):
            unknown = sorted(set(map(str, given)) - set(have.names))
            if unknown:
                raise ValueError(
                    f"crystal has {', '.join(map(repr, unknown))}, but the phases of the map are "
                    f"{', '.join(map(repr, have.names))}: they have no phase in common by these names"
                )
            return {**have.phases, **given}
        if given is not None:
            if len(have.names) > 1:
                raise ValueError(
                    f"crystal must be a dict by the names of the phases for a map of several ({', '.join(have.names)}), got "
                    f"one {type(given).__name__}"
                )
            return {have.names[0]: given}
        return dict(have.phases)

    def _reflections(self, made_of):
        geometry = self._result.geometry
        q_max = self._options["q_max"] or farthest(geometry)
        wavelength = wavelength_of(geometry.calibration.beam_energy)
        found = {name: _reflections(one, q_max, wavelength) for name, one in made_of.items()}
        return {name: one for name, one in found.items() if one is not None}


def _reflections(one, q_max, wavelength):
    if is_simulation(one):
        one = one.phases
    if _is_phase(one):
        return reflections_of_phase(one, q_max, wavelength)
    if of_quantem.is_crystal(one):
        return of_quantem.reflections_of(one, q_max, wavelength)
    if not is_crystal(one):
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        one = copy.copy(one)
        one.calculate_structure_factors(q_max)
    return Reflections(one.g_vec_all.T, np.asarray(one.struct_factors_int, float), wavelength)


def _is_phase(one):
    return hasattr(one, "point_group") and hasattr(one, "structure")


def _is_calibrated(geometry):
    try:
        to_inverse_angstrom(geometry)
    except ValueError:
        return False
    return True
