"""Orientation maps as files of other programs: .ang without orix or pymatgen, and py4DSTEM's OrientationMap as EMD."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import Any

import numpy as np

from ..core import checks
from ..core.checks import is_a
from ..storage.atomic import replacing
from . import of_quantem
from .match_py4dstem import turns

__all__ = ["load_orientation_map", "save_ang", "save_orientation_map"]

# What an OrientationMap consists of, and the shape of each for one match.
_FIELDS: dict[str, tuple[int, ...]] = {
    "matrix": (3, 3), "family": (3, 3), "corr": (), "inds": (2,), "mirror": (), "angles": (3,),
}  # fmt: skip
_NOT_INDEXED = 4 * np.pi  # so EDAX writes all three angles


def save_ang(found: Any, path: Any, which: str = "first") -> None:
    """Write the orientations to an .ang file, in the axes of EDAX: x along the rows, y along the columns, z to the viewer.

    OIM, MTEX, orix and `index` can read it. Neither a host nor pymatgen is needed.

    Parameters
    ----------
    path : str or path-like
        Path of the file.
    which : {"first", "second"}
        Whether to write the first component of each position or the second one. Positions without one are marked as not
        indexed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from unmix4d import Orientations
    >>> from unmix4d.core.geometry import ScanGeometry
    >>> from unmix4d.orientation import Match, Painting, laue_rotations
    >>> first, none = np.array([[0, 0, -1]]), np.full((1, 3), -1)
    >>> painting = Painting(first, none, np.array([[0.9, 0.8, 0]]), np.zeros((1, 3)), first, (first >= 0)[None])
    >>> match, geometry = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), ScanGeometry((1, 3), (8, 8))
    >>> found = Orientations("pyxem", (match,), painting, geometry, {"silver": laue_rotations(np.eye(3))}, {"silver": None})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found.save_ang(Path(folder) / "film.ang")
    ...     lines = (Path(folder) / "film.ang").read_text().splitlines()
    >>> [line.split()[:3] for line in lines if not line.startswith("#")][0]
    ['0.00000', '0.00000', '0.00000']
    """
    index = getattr(found, checks.choice(which, "which", ("first", "second")))
    rows, cols = found.geometry.scan_shape
    step = found.geometry.calibration.step
    names = list(found.phases)
    by_component = [names.index(match.phase) + 1 if match.matched else 0 for match in found.matches] + [0]
    quality = np.array([(match.score, match.fit) for match in found.matches] + [(0.0, -1.0)])[index]
    quality[index < 0] = (0.0, -1.0)
    row, col = np.indices((rows, cols))
    columns = [_bunge(found.matrices(which)), (col * step[1])[..., None], (row * step[0])[..., None], quality,
               np.array(by_component)[index][..., None], np.zeros((rows, cols, 2))]  # fmt: skip
    data = np.concatenate(columns, axis=-1).reshape(rows * cols, -1)
    head = [line for i, name in enumerate(names) for line in _phase_lines(i + 1, name, found)]
    head += ["GRID: SqrGrid", f"XSTEP: {step[1]:.6f}", f"YSTEP: {step[0]:.6f}", f"NCOLS_ODD: {cols}", f"NCOLS_EVEN: {cols}",
             f"NROWS: {rows}", "", "OPERATOR: unmix4d", ""]  # fmt: skip
    with replacing(path, "the orientations") as file:
        forms = ["%.5f"] * 5 + ["%.4f", "%.4f", "%d", "%d", "%.3f"]
        np.savetxt(file, data, fmt=forms, header="\n".join(head), comments="# ")


def _bunge(matrices):
    """Bunge's angles (..., 3), radians, of active rotations from the crystal to (row, column, z)."""
    from scipy.spatial.transform import Rotation

    out = np.full((*matrices.shape[:-2], 3), _NOT_INDEXED)
    good = np.isfinite(matrices).all((-2, -1))
    if good.any():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of two angles about one axis, one is 0
            out[good] = Rotation.from_matrix(matrices[good]).as_euler("ZXZ") % (2 * np.pi)
    return out


def _phase_lines(number, name, found):
    cell = _cell(found.phases[name])
    return [f"Phase {number}", f"MaterialName  {name}", f"Formula  {name}", "Info",
            f"Symmetry  {_edax_group(found.symmetry.get(name))}",
            "LatticeConstants  " + " ".join(f"{value:.4f}" for value in cell), "NumberFamilies  0"]  # fmt: skip


def _cell(phase):
    """a, b, c in Å and three angles in degrees; a cube of 1 Å of a phase that nothing is known of."""
    if hasattr(phase, "structure"):
        return phase.structure.lattice.abcABG()
    if of_quantem.is_crystal(phase):
        return phase.atoms.cell.cellpar()
    return (1, 1, 1, 90, 90, 90) if phase is None else phase.cell


def _edax_group(symmetry):
    """The number that EDAX has for a Laue group."""
    if symmetry is None:
        return "1"
    order, axes = len(symmetry), {n: {axis for axis, m in turns(symmetry) if m == n} for n in (2, 3, 4, 6)}
    if order == 12:
        return "23" if len(axes[3]) == 4 else "62"
    if order == 6:
        return "6" if axes[6] else "32"
    if order == 4:
        return "4" if axes[4] else "22"
    if order == 2:
        return "2" if (0, 0, 1) in axes[2] else "20"
    return {24: "43", 8: "42", 3: "3"}.get(order, "1")


def save_orientation_map(orientation_map: Any, path: Any) -> None:
    """Save a py4DSTEM OrientationMap as an EMD file of arrays, because ``py4DSTEM.save`` refuses it.

    ``py4DSTEM.read`` opens the file as a tree of arrays (``matrix``, ``family``, ``corr``, ``inds``, ``mirror``,
    ``angles``), and `load_orientation_map` returns the map. Use `Orientations.save` to save everything that `unmix4d` knows
    about the orientations.

    Parameters
    ----------
    orientation_map : py4DSTEM OrientationMap
        The map to save.
    path : str or path-like
        Path of the file.

    Raises
    ------
    TypeError
        If it is not an OrientationMap of py4DSTEM.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from py4DSTEM.process.diffraction.utils import OrientationMap  # doctest: +SKIP
    >>> from unmix4d.orientation import load_orientation_map, save_orientation_map
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     save_orientation_map(OrientationMap(2, 3, 1), Path(folder) / "map.h5")
    ...     load_orientation_map(Path(folder) / "map.h5").corr.shape
    (2, 3, 1)
    """
    if not is_a(orientation_map, "py4DSTEM.process.diffraction.utils", "OrientationMap"):
        raise TypeError(f"orientation_map must be an OrientationMap of py4DSTEM, got {type(orientation_map).__name__}")
    import emdfile

    root = emdfile.Root(name="orientation_map")
    for name in _FIELDS:
        values = np.asarray(getattr(orientation_map, name))
        root.tree(emdfile.Array(values.astype(np.uint8) if values.dtype == bool else values, name=name))
    with replacing(path, "the orientation map") as file, tempfile.TemporaryDirectory() as folder:
        whole = os.path.join(folder, "map.h5")
        emdfile.save(whole, root, mode="w")
        with open(whole, "rb") as written:
            file.write(written.read())


def load_orientation_map(path: Any) -> Any:
    """Load a py4DSTEM OrientationMap from a file that `save_orientation_map` wrote.

    Parameters
    ----------
    path : str or path-like
        Path of the file.

    Returns
    -------
    py4DSTEM OrientationMap

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is not such a file.

    Examples
    --------
    >>> from unmix4d.orientation import load_orientation_map
    >>> load_orientation_map("no such file.h5")
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'no such file.h5'
    """
    import h5py

    path = checks.file_name(path)
    with open(path, "rb"):
        pass
    try:
        with h5py.File(path, "r") as file:
            group = file["orientation_map"]
            found = {name: np.asarray(group[name]["data"]) for name in _FIELDS}
    except (KeyError, OSError) as error:
        raise ValueError(f"{path} must be an orientation map that save_orientation_map wrote: {error}") from error
    shape = found["corr"].shape
    if len(shape) != 3 or any(found[name].shape != (*shape, *each) for name, each in _FIELDS.items()):
        raise ValueError(f"{path} must hold one orientation map, but its arrays are of different scans")
    from py4DSTEM.process.diffraction.utils import OrientationMap

    out = OrientationMap(*shape)
    for name, values in found.items():
        setattr(out, name, values.astype(getattr(out, name).dtype))
    return out
