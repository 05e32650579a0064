"""What a host matches patterns with, made from CIF files: crystals of py4DSTEM, or templates for pyxem."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .cif import crystal_from_cif
from .coverage import completed
from .geometry import from_orix_matrix, to_inverse_angstrom, to_orix_matrix
from .phase_names import told_apart
from .phase_symmetry import symmetry_of_phase

if TYPE_CHECKING:
    from ..core.geometry import ScanGeometry

__all__ = ["phases_from_cif"]

_STEP_DEG = 2.0  # between templates, as between the zone axes of py4DSTEM
_EXCITATION_ERROR = 0.03  # 1/Å, as in benchmarks/orientation
_FAINTEST = 1e-3  # of the brightest reflection, as there


def phases_from_cif(
    paths: Sequence[str | os.PathLike[str]], geometry: ScanGeometry, *, beam_energy: float, host: str | None = None
) -> dict[str, Any]:
    """Return the phases of CIF files in the form that `Decomposition.index` accepts, by the names of the files.

    geometry: Geometry of the scan; templates reach to the nearest edge of its detector.
    beam_energy: keV.
    host: Host for the matching; by default py4DSTEM if it is installed (its orientations were closer to the truth, see the
        guide), otherwise pyxem.
    Returns dict: py4DSTEM Crystals, or diffsims simulations with a template every 2 degrees.
    Raises ValueError, OSError as `crystal_from_cif`, and if the detector is not calibrated in a reciprocal length.
    Raises ImportError if neither host is installed, or diffpy.structure, which reads the files, is not.
    """
    size = to_inverse_angstrom(geometry)
    host = _installed() if host is None else host
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the hosts' own imports
        phases = [crystal_from_cif(path, host=host) for path in paths]
        if host == "pyxem":
            edges = [min(c, n - 1 - c) * s for c, n, s in zip(geometry.centre, geometry.detector_shape, size)]
            phases = [_templates(phase, beam_energy, min(edges)) for phase in phases]
    names = [os.path.splitext(os.path.basename(os.fspath(path)))[0] for path in paths]
    return dict(zip(told_apart(names), phases))


def _installed():
    for host, packages in (("py4dstem", ["py4DSTEM"]), ("pyxem", ["pyxem", "diffsims"])):
        if all(importlib.util.find_spec(package) for package in packages):
            return host
    raise ImportError("orientations need py4DSTEM or pyxem, and neither is installed")


def _templates(phase, beam_energy, reach):
    from diffsims.generators.simulation_generator import SimulationGenerator
    from orix.quaternion import Rotation
    from orix.sampling import get_sample_reduced_fundamental

    if not reach > 0:
        raise ValueError("the centre must lie on the detector for orientations: give centre=(row, col)")
    grid = get_sample_reduced_fundamental(_STEP_DEG, point_group=phase.point_group)
    # orix knows one setting of each point group.
    grid = Rotation.from_matrix(to_orix_matrix(completed(from_orix_matrix(grid.to_matrix()), symmetry_of_phase(phase))))
    try:
        return SimulationGenerator(beam_energy, minimum_intensity=_FAINTEST).calculate_diffraction2d(
            phase, grid, reciprocal_radius=reach, max_excitation_error=_EXCITATION_ERROR, with_direct_beam=False
        )
    except ValueError as error:  # of diffsims, which looks for the strongest of no reflections
        raise ValueError(
            f"templates of a phase must reach its nearest reflections in all directions, but the detector reaches to "
            f"{reach:.3g} 1/Å: give the centre if that is wrong, or match with py4DSTEM"
        ) from error
