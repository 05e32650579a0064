"""Orientations and each step towards them, by name: what `tests/reference/orientations.json` keeps.

Those of pyxem begin with "pyxem" and those of py4DSTEM with "py4dstem"; the rest needs NumPy and SciPy only.
"""

import copy
import dataclasses
import functools
import os
import tempfile
import types

import numpy as np
from scipy.spatial.transform import Rotation

from unmix4d import compare_orientations
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.orientation import Match, Painting, cif_checks, colours, crystal_from_cif, laue_rotations, merge_orientations
from unmix4d.orientation import geometry as frames
from unmix4d.orientation.convert import on_scan
from unmix4d.orientation.disk_likeness import DiskLikeness
from unmix4d.orientation.disks import component_disks, radius_of, typical_radius
from unmix4d.orientation.from_cif import phases_from_cif
from unmix4d.orientation.in_plane import rotated_templates
from unmix4d.orientation.pattern_likeness import PatternLikeness, SmoothedPattern, best_shape, farthest
from unmix4d.orientation.phase_names import renamed, told_apart
from unmix4d.orientation.phase_symmetry import symmetry_of_phase
from unmix4d.orientation.ranking import candidates, rank, refined
from unmix4d.orientation.record import Candidate, Proposals, Rival, choose_phase
from unmix4d.orientation.reflections import Reflections
from unmix4d.orientation.sources import paint, presence, representative_patterns
from unmix4d.orientation.symmetry import (
    angles_deg,
    apart,
    as_quaternion,
    mean_orientation,
    misorientation_deg,
)
from unmix4d.orientation.vectors import gathered

from . import orientation_scene as scene
from .answer_cases import few, file_of, forged_arrays, forged_head, frame, table
from .figure_cases import answer, comparison, made, orientations

__all__ = ["CASES"]

CUBIC = laue_rotations(np.eye(3))
HALF = 3**0.5 / 2
HEXAGONAL = np.array([[3, 0, 0], [-1.5, 3 * HALF, 0], [0, 0, 5.0]])
TURNS = Rotation.from_euler(
    "ZXZ", [[10, 20, 30], [80, 5, 40], [-60, 70, 0], [12, 21, 28], [0.5, 0, 0]], degrees=True
).as_matrix()
GENERAL = Rotation.random(12, random_state=4).as_matrix()


@functools.cache
def small_scan():
    """The scene on fewer positions."""
    return scene.scan()[::3, ::2]


@functools.cache
def unmixed():
    return scene.result(small_scan())


@functools.cache
def reflections(reach=1.4):
    n = range(-6, 7)
    hkl = [(h, k, l) for h in n for k in n for l in n if len({h % 2, k % 2, l % 2}) == 1 and (h, k, l) != (0, 0, 0)]
    g = np.array(hkl) / scene.A
    length = np.linalg.norm(g, axis=1)
    return Reflections(g[length < reach], np.exp(-3 * length[length < reach]), scene.WAVELENGTH, width=0.02)


def place(mask=None, ellipse=None, pixel=(scene.PIXEL, scene.PIXEL), centre=scene.CENTRE, unit="1/Å", **facts):
    calibration = Calibration(pixel_size=pixel, pixel_unit=unit, **{"rotation_deg": None, "flip": False, **facts})
    return ScanGeometry((1, 1), scene.SIZE, centre=centre, ellipse=ellipse, detector_mask=mask, calibration=calibration)


@functools.cache
def pattern(turn=0.0, flip=False, which=0):
    return 2e4 * scene.pattern(scene.TRUTH[which], turn_deg=turn, flip=flip) + 0.5


def smoothed(which=0, radius=1.3, q_min=0.1, q_max=None, turn=0.0, **facts):
    return SmoothedPattern(
        pattern(turn, facts.get("flip", False), which), place(**facts), radius=radius, q_min=q_min, q_max=q_max
    )


def masked():
    mask = np.zeros(scene.SIZE, bool)
    mask[40:60, :30] = True
    return mask


def alike(**how):
    """Numbers of a smoothed pattern, and likenesses of the truth and of others."""
    one = smoothed(**how)
    likeness = PatternLikeness(reflections(), one)
    tried = np.concatenate([scene.TRUTH, GENERAL])
    q, amplitude = likeness.strongest(tried[:3], 8)
    return {
        "norm": one.norm,
        "reach": one.reach,
        "sigma": one.sigma,
        "at": one.at(np.array([[0.1, 0.2], [0.5, -0.3], [9.0, 9.0]])),
        "overlap": one.overlap(np.array([[0.1, 0.2], [0.1, 0.23], [0.5, -0.3]])),
        "polar": one.polar(24),
        "values": likeness.values(tried),
        "wider": likeness.wider(2.0).values(tried),
        "of shape": likeness.of_shape(("gaussian", 0.02)).values(tried),
        "strongest": [np.sort(np.hypot(*np.moveaxis(q, -1, 0)), axis=1), amplitude],
    }


def vectors(which=0):
    return np.column_stack(scene.spots(scene.TRUTH[which]))


def by_disks(**how):
    likeness = DiskLikeness(reflections(), vectors(how.pop("which", 0)), **how)
    tried = np.concatenate([scene.TRUTH, GENERAL])
    return [likeness.values(tried), likeness.wider(2.0).values(tried)]


def off(degrees=(1.5, -1.0, 0.8)):
    return Rotation.from_rotvec(np.radians(degrees)).as_matrix() @ scene.TRUTH[0]


def ranked(likeness, **how):
    tried = np.concatenate([GENERAL[:4], off()[None], off((0.2, 0.1, 0))[None]])
    return rank(likeness, tried, CUBIC, **how)


def proposed(phase="silver", scores=(5.0, 4.0, 3.0), matrices=None, known=True):
    matrices = np.concatenate([off()[None], GENERAL[:2]]) if matrices is None else matrices
    return Proposals(
        phase,
        matrices,
        np.array(scores),
        reflections() if known else None,
        CUBIC,
        matrices[:2],
        lambda i, matrix: [i, np.round(matrix[0], 3)],
    )


def told(found):
    """Candidates without what hosts said, but for ours."""
    rows, shape = found
    return {
        "shape": shape,
        "rows": [
            [None if one is None else few(one, "phase", "matrix", "score", "fit") | _rival(one) for one in row]
            for row in rows
        ],
        "native": [[None if one is None else one.native for one in row] for row in rows],
    }


def _rival(one):
    return {"rival": None if one.rival is None else few(one.rival, "matrix", "fit", "away_deg", "log_ratio")}


def choose(*fits, scores=None, rivals=None, gaps=(0.05, 20.0)):
    scores, rivals = scores or [1.0] * len(fits), rivals or [9.0] * len(fits)
    rivals = [Rival(GENERAL[0], 0.5 * fit, 50.0, ratio) for fit, ratio in zip(fits, rivals)]
    found = [None, *(Candidate(f"p{i}", np.eye(3), s, f, r) for i, (f, s, r) in enumerate(zip(fits, scores, rivals)))]
    match = choose_phase(3, "mean", 7, found, phase_gap=gaps[0], odds=gaps[1])
    return _match(match)


def _match(match):
    names = (
        "component",
        "source",
        "n_positions",
        "phase",
        "matrix",
        "score",
        "fit",
        "gap",
        "second_phase",
        "ambiguous",
        "orientation_ambiguous",
        "ambiguity",
        "decided_by",
        "spread_deg",
        "matched",
        "quaternion",
    )
    others = [few(one, "phase", "score", "fit") for one in match.candidates]
    return few(match, *names) | _rival(match) | {"candidates": others}


def said(found):
    """What an `Orientations` says, without the time it took and without what the hosts said."""
    return {
        "matches": [_match(match) for match in found.matches],
        "first": found.first,
        "second": found.second,
        "weight": found.weight,
        "grain": found.painting.grain,
        "matrices": [np.abs(found.matrices(which)) for which in ("first", "second")],
        "quaternions": np.abs(found.quaternions()),
        "properties": found.properties(),
        "table": table(found),
        "phases": list(found.phases),
        "symmetry": {name: len(one) for name, one in found.symmetry.items()},
        "settings": dict(found.settings),
        "host": found.host,
        "disagreement": found.disagreement_deg,
        "flagged": found.flagged,
        "repr": "\n".join(line for line in repr(found).splitlines() if not line.endswith(" s")),
    }


# with pyxem


@functools.cache
def simulation(degrees=20):
    from orix.sampling import get_sample_reduced_fundamental

    phase = scene.silver_phase()
    return scene.simulate(phase, get_sample_reduced_fundamental(degrees, point_group=phase.point_group))


@functools.cache
def two_simulations():
    from orix.sampling import get_sample_reduced_fundamental

    phases = scene.two_phases(name="silver")
    return [scene.simulate(phase, get_sample_reduced_fundamental(25, point_group=phase.point_group)) for phase in phases]


@functools.cache
def by_pyxem(**how):
    """Within a short reach, since the transform of pyxem takes its time for each ring."""
    return unmixed().index(simulation(), **{"q_max": 0.6, **how})


@functools.cache
def of_two():
    return unmixed().index(two_simulations(), source="component", phase_gap=0.3, q_max=0.8, rank="host")


# with py4DSTEM


@functools.cache
def silver():
    from py4DSTEM.process.diffraction import Crystal

    return Crystal(np.array(scene.ATOMS), 47, scene.A)


PLAN = {"angle_step_zone_axis": 8.0, "angle_step_in_plane": 4.0}


@functools.cache
def by_py4dstem(**how):
    return unmixed().index(silver(), plan=PLAN, **how)


@functools.cache
def crystals():
    from py4DSTEM.process.diffraction import Crystal

    return {"silver": silver(), "larger": Crystal(np.array(scene.ATOMS), 47, scene.A * 4 / 3)}


def crystal(lattice, n_atoms=1):
    """A crystal of some cell, for its zone axes and colours."""
    from py4DSTEM.process.diffraction import Crystal

    return Crystal(np.array([[0.0, 0, 0]]), 47, lattice)


def braggs(**how):
    """The spots of the strongest component at every position, as py4DSTEM finds them."""
    from py4DSTEM import Calibration as Theirs
    from py4DSTEM.braggvectors import BraggVectors

    result = unmixed()
    rows, cols = result.geometry.scan_shape
    known = Theirs()
    known.set_Q_pixel_size(scene.PIXEL)
    known.set_Q_pixel_units("A^-1")
    known.set_origin(scene.CENTRE)
    found = BraggVectors((rows, cols), scene.SIZE, calibration=known)
    fields = [("qx", float), ("qy", float), ("intensity", float)]
    truth = scene.maps()[:, ::3, ::2]
    for i, j in np.ndindex(rows, cols):
        for which in np.flatnonzero(truth[:, i, j] > 0.2):
            q, strength = scene.spots(scene.TRUTH[which])
            entries = np.zeros(len(q), dtype=fields)
            entries["qx"], entries["qy"] = (q / scene.PIXEL + scene.CENTRE + 0.1 * ((i + j) % 3 - 1)).T
            entries["intensity"] = 100 * strength * truth[which, i, j]
            found._v_uncal[i, j].add(entries)
    return found


# maps of positions


def painted(turns, second=None, shape=(2, 2), phase="silver", host="pyxem"):
    from unmix4d import Orientations

    first = np.array([[0, 0], [1, 1]])
    second = np.full(shape, -1) if second is None else second
    present = np.array([(first == i) | (second == i) for i in range(len(turns))])
    painting = Painting(first, second, np.full(shape, 0.7), np.where(second >= 0, 0.3, 0.0), first.copy(), present)
    matrices = Rotation.from_euler("z", np.reshape(turns, (-1, 1)), degrees=True).as_matrix()
    names = [phase] * len(turns) if isinstance(phase, str) else phase
    matches = tuple(
        Match(i, "mean", 2, name, matrix, score=3.0 - i) for i, (matrix, name) in enumerate(zip(matrices, names))
    )
    return Orientations(
        host, matches, painting, ScanGeometry(shape, (8, 8)), {name: CUBIC for name in names}, {name: None for name in names}
    )


def crystal_map(shape=(4, 8), two=False, holes=False):
    """What template matching of the whole scan would give: the truth, a little off, with a stray."""
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation as Orix

    which = scene.maps()[:, ::3, ::2].argmax(0)
    turns = Rotation.from_rotvec(np.radians(np.linspace(-1, 1, 32)[:, None] * [[0.6, 0, 0.8]])).as_matrix()
    matrices = turns @ scene.TRUTH[which.ravel()]
    matrices[5] = GENERAL[0]
    row, col = np.indices(shape)
    kept = np.ones(32, bool)
    kept[7] = not holes
    phases = [scene.silver_phase(), *([scene.two_phases(name="larger")[0]] if two else [])]
    ids = np.where(which.ravel() == 2, int(two), 0)
    return CrystalMap(
        rotations=Orix.from_matrix(frames.to_orix_matrix(matrices)),
        phase_id=ids,
        x=col.ravel() * 4.0,
        y=row.ravel() * 6.0,
        phase_list=PhaseList(phases=phases, ids=list(range(len(phases)))),
        prop={"score": np.linspace(0.5, 1, 32)},
        is_in_data=kept,
    )


def orientation_map():
    from py4DSTEM.process.diffraction.utils import OrientationMap

    out = OrientationMap(4, 8, 2)
    which = scene.maps()[:, ::3, ::2].argmax(0)
    out.matrix[..., 0, :, :] = np.swapaxes(scene.TRUTH[which], -1, -2)
    out.matrix[..., 1, :, :] = np.swapaxes(GENERAL[:1], -1, -2)
    out.corr[..., 0], out.corr[..., 1] = 5.0, np.arange(8) % 2
    out.corr[0, 0] = 0
    return out


def summary(found):
    return few(found, "matrices", "phase", "score", "names", "host") | {
        "symmetry": {name: len(one) for name, one in found.symmetry.items()}
    }


# symmetries and names of phases


def phase(name="x", cell=(4, 4, 4, 90, 90, 90), **group):
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    structure = Structure([Atom("Ag", [0, 0, 0])], Lattice(*cell)) if cell else None
    return Phase(name, structure=structure, **group)


CELLS = {
    "cubic": (4, 4, 4, 90, 90, 90),
    "tetragonal": (4, 4, 6, 90, 90, 90),
    "orthorhombic": (3, 4, 5, 90, 90, 90),
    "hexagonal": (3, 3, 5, 90, 90, 120),
    "monoclinic": (3, 4, 5, 90, 100, 90),
    "monoclinic along c": (3, 4, 5, 90, 90, 100),
    "rhombohedral": (4, 4, 4, 70, 70, 70),
    "triclinic": (3, 4, 5, 80, 95, 100),
}
GROUPS = {
    "cubic": [225, 200],
    "tetragonal": [123, 75],
    "orthorhombic": [47],
    "hexagonal": [194, 168, 148],
    "monoclinic": [14],
    "monoclinic along c": [14],
    "rhombohedral": [166],
    "triclinic": [2],
}


def bases():
    from diffpy.structure import Lattice

    return {name: laue_rotations(Lattice(*cell).base) for name, cell in CELLS.items()}


def axes(symmetry):
    return np.sort(np.degrees(Rotation.from_matrix(symmetry).magnitude()))


def zone_axes(symmetry):
    from unmix4d.orientation.match_py4dstem import zone_axis_range

    return zone_axis_range(symmetry)


# CIF files


def cif(more="_space_group_IT_number 225", host="pyxem", name="silver.cif", text=None, **cell):
    """What is read from a file, or said of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        text = scene.CIF if text is None else text
        for key, value in cell.items():
            text = "\n".join(
                f"{line.split()[0]} {value}" if line.split()[:1] == [f"_cell_{key}"] else line for line in text.splitlines()
            )
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("_space_group_IT_number 225", more))
        try:
            return crystal_from_cif(path, host=host) if host else cif_checks.checked_text(path)[:20]
        except (ValueError, OSError) as error:
            return f"{type(error).__name__}: {str(error).replace(folder + os.sep, '')}"


def operators(*lines, name="_symmetry_equiv_pos_as_xyz"):
    return "\n".join(["loop_", name, *(f'"{line}"' for line in lines)])


def site(*values, extra=""):
    """The atoms of the scene replaced by others."""
    head = scene.CIF[: scene.CIF.index("loop_")]
    names = ["_atom_site_label", "_atom_site_type_symbol", *(f"_atom_site_fract_{axis}" for axis in "xyz"), *extra.split()]
    return "\n".join([head, "loop_", *names, *values])


def crystal_numbers(found):
    return (
        found
        if isinstance(found, str)
        else {name: np.asarray(getattr(found, name), float) for name in ("positions", "numbers", "cell", "occupancy")}
    )


def from_files(host, pixel=0.02):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("silver.cif", "other.cif")]
        for path in paths:
            with open(path, "w", encoding="utf-8") as file:
                file.write(scene.CIF)
        found = phases_from_cif(paths, place(pixel=(pixel, pixel)), beam_energy=200.0, host=host)
    if host == "py4dstem":
        return {name: crystal_numbers(one) for name, one in found.items()}
    return {
        name: [len(one.rotations.data), one.reciporical_radius, one.phases.name, len(one.coordinates[0].data)]
        for name, one in found.items()
    }


def strict(call):
    """The text of a refusal as an answer, where what follows matters too."""
    try:
        return call()
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


OPERATORS = (
    "x,y",
    "x,y,z,x",
    "x,y,__import__('os')",
    "x+y,y,z",
    "x,x,z",
    "1/0+x,y,z",
    "x,1/2-y,0.25+z",
    "-x, -y, -z",
    "X,Y,Z+.5",
    "2x,y,z",
    "x,y,z+1234567",
)
SITES = {
    "plain": "Ag1 Ag 0 0 0",
    "far": "Ag1 Ag 101 0 0",
    "at the end": "Ag1 Ag 100 0 0",
    "no number": "Ag1 Ag ? 0 0",
    "element": "Q1 Q 0 0 0",
    "charged": "Co1 Co3+ 0.5(2) 0 1e-2",
    "infinite": "Ag1 Ag inf 0 0",
}

CASES = {
    # frames
    "frames": lambda: [
        [frames.from_orix_matrix(TURNS), frames.to_orix_matrix(TURNS), frames.from_py4dstem_matrix(TURNS)],
        [frames.detector_to_scan(Calibration(rotation_deg=one)) for one in (None, 30.0, -75.0)],
    ],
    "vectors in the scan": lambda: [
        frames.to_scan_frame([[1.0, 0.2], [0.0, 1.0]], Calibration(rotation_deg=turn, flip=flip))
        for turn in (None, 20.0)
        for flip in (None, False, True)
        if not (turn is None and flip)
    ],
    "pixels to vectors": lambda: [
        frames.pixels_to_vectors(place(**how))
        for how in (
            {},
            {"pixel": (0.2, 0.3), "unit": "1/nm"},
            {"ellipse": (1.2, 0.9, 25.0)},
            {"ellipse": (1.2, 0.9, 25.0), "rotation_deg": 15.0, "flip": True},
        )
    ],
    "no unit": lambda: frames.to_inverse_angstrom(place(unit="px")),
    "unit of an angle": lambda: frames.to_inverse_angstrom(place(unit="mrad")),
    # symmetry
    "lattices": bases,
    "atoms": lambda: [
        len(laue_rotations(4 * np.eye(3), positions, kinds))
        for positions, kinds in (
            ([[0, 0, 0], [0.5, 0.5, 0]], None),
            ([[0, 0, 0], [0.5, 0.5, 0.52]], [0, 1]),
            ([[0, 0, 0], [0.3, 0.2, 0.1]], [0, 1]),
            ([[0, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0.5]], [0, 0, 1]),
            ([], None),
            ([[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]], [1, 0]),
        )
    ],
    "tolerance": lambda: [
        len(laue_rotations(np.diag([4, 4, 4 * (1 + d)]), tolerance=t)) for d in (0.0005, 0.002) for t in (1e-4, 1e-3, 1e-2)
    ],
    "angles": lambda: [
        angles_deg(TURNS),
        misorientation_deg(TURNS[0], TURNS),
        misorientation_deg(TURNS[:, None], TURNS[None], CUBIC),
        misorientation_deg(GENERAL, GENERAL[::-1], laue_rotations(HEXAGONAL)),
    ],
    "apart": lambda: [
        apart(TURNS, order, CUBIC, far, most)
        for order in (range(5), [4, 3, 0])
        for far in (1.0, 5.0, 40.0)
        for most in (2, 9)
    ],
    "means": lambda: [
        mean_orientation(TURNS[[0, 3, 3, 0, 1]]),
        mean_orientation(TURNS[[0, 3]] @ CUBIC[[3, 8]], CUBIC, weights=[1.0, 3.0]),
        mean_orientation(np.concatenate([GENERAL[:5], TURNS[[0, 3, 0, 3, 0, 3, 3]]]), CUBIC),
    ],
    "mean of none": lambda: mean_orientation(np.empty((0, 3, 3))),
    "quaternions": lambda: [
        as_quaternion(TURNS),
        as_quaternion(np.full((2, 3, 3), np.nan)),
        as_quaternion(GENERAL.reshape(3, 4, 3, 3)),
    ],
    # likeness
    "reflections": lambda: (
        [np.sort(part, axis=None)[::400] for part in reflections().excited(TURNS[:2])]
        + [reflections().excited(TURNS[0])[1].shape]
    ),
    "pattern": alike,
    "pattern, second": lambda: alike(which=1, radius=2.0),
    "pattern, turned": lambda: alike(turn=37.0, rotation_deg=37.0),
    "pattern, flipped": lambda: alike(turn=-20.0, rotation_deg=-20.0, flip=True),
    "pattern, masked": lambda: alike(mask=masked(), q_max=1.1),
    "pattern, elliptic": lambda: alike(ellipse=(1.05, 0.97, 30.0), q_min=0.0),
    "pattern, nothing": lambda: PatternLikeness(
        reflections(), SmoothedPattern(np.zeros(scene.SIZE), place(), radius=1.3)
    ).values(TURNS),
    "pattern, outside": lambda: few(smoothed(q_min=9.0), "norm", "reach"),
    "farthest": lambda: [farthest(place()), farthest(place(pixel=(0.02, 0.04), centre=(10.0, 80.0)))],
    "shape": lambda: best_shape([PatternLikeness(reflections(), smoothed(which)) for which in (0, 1)], scene.TRUTH[:2]),
    "disks": by_disks,
    "disks, second": lambda: by_disks(which=1, q_max=0.8),
    "disks of nothing": lambda: [
        DiskLikeness(reflections(), np.empty((0, 3))).values(TURNS),
        DiskLikeness(reflections(), [[0.3, 0.2, 0.0]]).values(TURNS),
    ],
    "in the plane": lambda: rotated_templates(
        PatternLikeness(reflections(), smoothed()), np.concatenate([scene.TRUTH, GENERAL[:4]]), CUBIC, best=5
    ),
    "in the plane, turned": lambda: rotated_templates(
        PatternLikeness(reflections(), smoothed(turn=25.0, rotation_deg=25.0)),
        scene.TRUTH[:1],
        CUBIC,
        best=3,
        different_deg=20.0,
    ),
    # ranking
    "refined": lambda: [
        refined(PatternLikeness(reflections(), smoothed()), off()),
        refined(DiskLikeness(reflections(), vectors()), off((0.4, 0.3, -0.4))),
    ],
    "ranked by pattern": lambda: ranked(PatternLikeness(reflections(), smoothed())),
    "ranked by disks": lambda: [ranked(DiskLikeness(reflections(), vectors()), refine=one) for one in (True, False)],
    "ranked, best of two": lambda: ranked(DiskLikeness(reflections(), vectors()), best=2, different_deg=30.0),
    "candidates by score": lambda: told(candidates([[proposed(), None]], None)),
    "candidates by score, alike": lambda: told(
        candidates([[proposed(matrices=np.stack([off(), off((0.5, 0, 0)), GENERAL[0]]))]], None)
    ),
    "candidates by score, one": lambda: told(candidates([[proposed(scores=(5.0,), matrices=off()[None])]], None)),
    "candidates by disks": lambda: told(
        candidates([[proposed(), None, proposed("other", known=False)]], [lambda kind: DiskLikeness(kind, vectors())])
    ),
    "candidates by the host": lambda: told(
        candidates([[proposed()]], [lambda kind: DiskLikeness(kind, vectors())], by_host=True)
    ),
    "candidates by pattern": lambda: told(
        candidates(
            [[proposed()], [proposed(matrices=np.stack([scene.TRUTH[1], GENERAL[0], GENERAL[1]]))]],
            [lambda kind, which=which: PatternLikeness(kind, smoothed(which)) for which in (0, 1)],
            refine=False,
        )
    ),
    # which phase
    "phases": lambda: [
        choose(0.9),
        choose(0.5, 0.9),
        choose(0.9, 0.87),
        choose(0.9, 0.8, rivals=[0.1, 9.0]),
        choose(0.9, 0.8, rivals=[4.0, 9.0]),
    ],
    "phases, none": lambda: [choose(), choose(0.5, scores=[0.0]), choose(0.0, 0.0), choose(0.9, 0.855, gaps=(0.05, 1e5))],
    # which positions
    "presence": lambda: [presence(made(3)), presence(answer("nmf")), presence(answer("fuzzy"))],
    "presence, signed": lambda: presence(answer("svd")),
    "sources": lambda: [
        representative_patterns(answer("nmf"), source, enough=enough)
        for source in (None, "single", "mean", "component")
        for enough in (1, 30)
    ],
    "sources, unlinked": lambda: representative_patterns(dataclasses.replace(answer("nmf"), source=None), None),
    "sources, none such": lambda: representative_patterns(answer("nmf"), "none"),
    "painted": lambda: [vars(paint(made(3), usable)) for usable in ([True] * 3, [True, False, True], [False] * 3)],
    "painted, masked": lambda: vars(paint(answer("nmf"), [True] * 4)),
    "painted, one": lambda: vars(paint(made(1), [True])),
    # whole answers
    "orientations": lambda: said(painted([0.0, 30.0], np.array([[1, -1], [-1, 0]]))),
    "orientations, parts": lambda: [
        len(painted([0.0, 30.0])),
        [match.component for match in painted([0.0, 30.0])],
        _match(painted([0.0, 30.0])[1]),
    ],
    "orientations, frame": lambda: frame(painted([0.0, 30.0])),
    "orientations, no number": lambda: painted([0.0, 30.0])[2],
    "orientations, maps": lambda: strict(lambda: painted([0.0, 30.0]).orientation_map()),
    "orientations, third": lambda: painted([0.0, 30.0]).matrices("third"),
    "compared": lambda: [compare(10.0), compare(10.0, agree_within=12.0, full_time_s=9.0), compare(95.0)],
    "compared, seconds": lambda: compare_orientations(
        painted([0.0, 30.0, 12.0], np.array([[2, -1], [-1, 2]])), painted([10.0, 36.0])
    ),
    "compared, other phases": lambda: compare_orientations(
        painted([0.0, 30.0], phase=["silver", "gold"]), painted([10.0, 36.0])
    ),
    "compared, another phase": lambda: compare_orientations(painted([0.0, 30.0], phase="gold"), painted([10.0, 36.0])),
    "compared, nothing": lambda: compare_orientations(painted([0.0, 30.0]), np.ones(3)),
    "compared, no orientations": lambda: compare_orientations(np.ones(3), painted([0.0, 30.0])),
    "compared, negative": lambda: compare(1.0, agree_within=-1.0),
    "compared, another scan": lambda: on_scan(painted([0.0, 30.0]), (2, 3)),
    "comparison, frame": lambda: [frame(comparison()), table(comparison(agree=10.0))],
    "on the scan": lambda: summary(on_scan(painted([0.0, 30.0], np.array([[1, -1], [-1, 0]])))),
    # names
    "names": lambda: [told_apart(names) for names in (["a", "a", "a"], ["", None, "phase 1"], [" a ", "a 2", "a"], ["b"])],
    # colours
    "colours, no phase": lambda: colours.colours(np.array([[1.0, 2.0, -4.0], [0.0, 0.0, 1.0]]), None, None),
    "key, no phase": lambda: colours.key(None, None, size=15),
    "pyxem, colours": lambda: [
        colours.colours(GENERAL[:, :, 0], phase(cell=None, point_group=one), CUBIC) for one in ("m-3m", "6/mmm", "-1")
    ],
    "pyxem, keys": lambda: [
        colours.key(phase(cell=CELLS[cell], space_group=number), None, size=25)
        for cell, number in (("cubic", 225), ("hexagonal", 194), ("orthorhombic", 47), ("triclinic", 2))
    ],
    "py4dstem, colours": lambda: [
        colours.colours(GENERAL[:, :, 0], crystal(cell), symmetry)
        for cell, symmetry in (
            ([4.0], CUBIC),
            ([3, 3, 5, 90, 90, 120], laue_rotations(HEXAGONAL)),
            ([3, 4, 5, 80, 95, 100], np.eye(3)[None]),
        )
    ],
    "py4dstem, keys": lambda: [
        colours.key(crystal(cell), symmetry, size=25)
        for cell, symmetry in (
            ([4.0], CUBIC),
            ([3, 3, 5, 90, 90, 120], laue_rotations(HEXAGONAL)),
            ([3, 4, 5, 80, 95, 100], np.eye(3)[None]),
        )
    ],
    "pyxem, key of a figure": lambda: orientations().colour_key("silver"),
    "pyxem, key of none such": lambda: orientations().colour_key("gold"),
    # symmetries of phases
    "pyxem, groups": lambda: {
        f"{cell} {number}": [len(found), found.sum((1, 2))]
        for cell, numbers in GROUPS.items()
        for number in numbers
        for found in [symmetry_of_phase(phase(cell=CELLS[cell], space_group=number))]
    },
    "pyxem, groups without a cell": lambda: [
        len(symmetry_of_phase(phase(cell=None, space_group=one))) for one in (225, 194, 166, 14, 2)
    ],
    "pyxem, point groups": lambda: [
        axes(symmetry_of_phase(phase(cell=CELLS[cell], point_group=one)))
        for cell, one in (("cubic", "m-3m"), ("hexagonal", "6/mmm"), ("monoclinic", "2/m"), ("tetragonal", "4/m"))
    ],
    "pyxem, point group of another cell": lambda: len(
        symmetry_of_phase(phase(cell=CELLS["orthorhombic"], point_group="m-3m"))
    ),
    "pyxem, no group": lambda: symmetry_of_phase(phase()),
    "py4dstem, zone axes": lambda: {name: zone_axes(one) for name, one in bases().items()},
    "py4dstem, zone axes of turns": lambda: [
        zone_axes(Rotation.from_rotvec(np.radians(one) * np.array(axis)).as_matrix())
        for one, axis in (
            ([[0], [180]], [0, 0, 1]),
            ([[0], [180]], [0, 1, 0]),
            ([[0], [120], [240]], [0, 0, 1]),
            ([[0], [90], [180], [270]], [0, 0, 1]),
            ([[0], [60], [120], [180], [240], [300]], [0, 0, 1]),
        )
    ],
    "pyxem, renamed": lambda: [
        few(one, "name", "color") for one in renamed([phase("a"), phase("b"), phase("a")], ["u", "v", "w"])
    ],
    # disks of component patterns
    "radius": lambda: [
        typical_radius([pattern(), pattern(which=1)]),
        radius_of([pattern()], place(), disk_radius=3.0),
        radius_of(None, place(), probe=(np.hypot(*(np.indices(scene.SIZE) - 40)) < 3.2) * 2.0),
    ],
    "radius of none": lambda: typical_radius([np.ones(scene.SIZE)]),
    "radius of a wrong probe": lambda: radius_of(None, place(), probe=np.ones((3, 3))),
    "radius of an empty probe": lambda: radius_of(None, place(), probe=np.zeros(scene.SIZE)),
    "py4dstem, disks": lambda: [
        component_disks(np.stack([pattern(), pattern(which=2)]), place(**how), **more)
        for how, more in (({}, {}), ({"mask": masked(), "ellipse": (1.05, 0.97, 30.0)}, {"q_min": 0.3, "disk_radius": 2.0}))
    ],
    "py4dstem, disks of a probe": lambda: component_disks(
        pattern()[None], place(), probe=np.exp(-((np.indices(scene.SIZE) - 44) ** 2).sum(0) / 3.0)
    ),
    "pyxem, disks": lambda: component_disks(pattern()[None], place(), detector="pyxem", detection={"min_distance": 4}),
    "py4dstem, gathered": lambda: [
        gathered(unmixed(), braggs(), **how)
        for how in ({}, {"single": False, "min_share": 0.6}, {"single": True, "q_min": 0.5})
    ],
    "py4dstem, grouped": lambda: list(unmixed().group_braggvectors(braggs(), min_share=0.5)),
    "py4dstem, gathered of too much": lambda: gathered(unmixed(), braggs(), min_share=1.1),
    "py4dstem, gathered of another scan": lambda: gathered(made(2, signed=False), braggs()),
    # by pyxem
    "pyxem, indexed": lambda: said(by_pyxem()),
    "pyxem, indexed by the host": lambda: said(by_pyxem(rank="host", gamma=0.7, source="component")),
    "pyxem, indexed by disks": lambda: said(by_pyxem(rank="disks", q_min=0.2, source="mean", refine=False)),
    "pyxem, indexed on rings": lambda: said(by_pyxem(rank="host", background="radial median")),
    "pyxem, indexed, percentile": lambda: said(by_pyxem(rank="host", background="radial percentile", enough=1000)),
    "pyxem, indexed, two phases": lambda: said(of_two()),
    "pyxem, map": lambda: by_pyxem().to_host(),
    "pyxem, map of two": lambda: of_two().to_host(),
    "pyxem, saved": lambda: file_of(of_two()),
    "pyxem, forged": lambda: forged_head(small(of_two())),
    "pyxem, forged arrays": lambda: forged_arrays(of_two()),
    "pyxem, on the scan": lambda: [
        summary(on_scan(crystal_map(two=two, holes=holes))) for two, holes in ((False, False), (True, True))
    ],
    "pyxem, our own map on the scan": lambda: summary(on_scan(of_two().to_host())),
    "pyxem, merged": lambda: said(merge_orientations(unmixed(), crystal_map())),
    "pyxem, merged, two phases": lambda: said(
        merge_orientations(unmixed(), crystal_map(two=True, holes=True), enough=1000, disagree_deg=1.0)
    ),
    "pyxem, compared": lambda: compared(crystal_map()),
    "pyxem, merged, another scan": lambda: merge_orientations(made(2), crystal_map()),
    "pyxem, merged of nothing": lambda: merge_orientations(made(2), np.ones(3)),
    "pyxem, gamma": lambda: unmixed().index(simulation(), gamma=1e3, q_max=0.5),
    "pyxem, q_min": lambda: unmixed().index(simulation(), q_min=2.0, q_max=1.0),
    "pyxem, vectors": lambda: unmixed().index(simulation(), vectors=1),
    "pyxem, no rank": lambda: unmixed().index(simulation(), rank="none"),
    "pyxem, few peaks": lambda: unmixed().index(simulation(), min_peaks=1),
    "pyxem, gap": lambda: unmixed().index(simulation(), phase_gap=-0.1),
    "nothing to match": lambda: made(2).index(np.ones(3)),
    "nothing at all": lambda: made(2).index([]),
    # by py4DSTEM
    "py4dstem, indexed": lambda: said(by_py4dstem()),
    "py4dstem, indexed by the host": lambda: said(by_py4dstem(rank="host", source="component", min_peaks=5)),
    "py4dstem, indexed by disks": lambda: said(
        by_py4dstem(rank="disks", q_max=1.0, source="mean", candidates=6, refine=False)
    ),
    "py4dstem, indexed with vectors": lambda: said(unmixed().index(silver(), plan=PLAN, vectors=braggs())),
    "py4dstem, indexed, two phases": lambda: said(
        unmixed().index(crystals(), plan=PLAN, rank="disks", source="component", candidates=3)
    ),
    "py4dstem, turned": lambda: turned("py4dstem"),
    "py4dstem, too few peaks": lambda: said(by_py4dstem(rank="host", min_peaks=1000)),
    "py4dstem, map": lambda: by_py4dstem().to_host(),
    "py4dstem, saved": lambda: file_of(by_py4dstem()),
    "py4dstem, forged": lambda: forged_head(small(by_py4dstem())),
    "py4dstem, forged arrays": lambda: forged_arrays(by_py4dstem()),
    "py4dstem, on the scan": lambda: [summary(on_scan(orientation_map(), crystal=one)) for one in (None, silver())],
    "py4dstem, merged": lambda: said(merge_orientations(unmixed(), orientation_map(), crystal=silver())),
    "py4dstem, compared": lambda: few(
        compare_orientations(by_py4dstem(), orientation_map()), "misorientation_deg", "nearest_deg", "overlap", "agrees"
    ),
    "py4dstem, no crystal": lambda: on_scan(orientation_map(), crystal=3),
    "py4dstem, pattern of vectors": lambda: unmixed().index(silver(), vectors=braggs(), rank="pattern"),
    "py4dstem, wrong plan": lambda: strict(lambda: unmixed().index(silver(), plan={"nonsense": 1}))[:70],
    # CIF files
    "pyxem, CIF": cif,
    "py4dstem, CIF": lambda: crystal_numbers(cif(host="py4dstem")),
    "pyxem, CIF files": lambda: from_files("pyxem"),
    "pyxem, CIF files of a small detector": lambda: from_files("pyxem", 0.01),
    "py4dstem, CIF files": lambda: from_files("py4dstem"),
    "pyxem, CIF operators": lambda: {one: cif(operators("x,y,z", one), host=None) for one in OPERATORS},
    "pyxem, CIF operators, other name": lambda: cif(
        operators("x,y,z", "y,y,z", name="_space_group_symop_operation_xyz"), host=None
    ),
    "pyxem, CIF sites": lambda: {name: cif(text=site(one), host=None) for name, one in SITES.items()},
    "py4dstem, CIF sites": lambda: {
        name: crystal_numbers(cif(text=site(SITES[name]), host="py4dstem")) for name in ("charged", "element")
    },
    "pyxem, CIF occupancy": lambda: {
        one: cif(text=site(f"Ag1 Ag 0 0 0 {one}", extra="_atom_site_occupancy"), host=None)
        for one in ("1", "1.01", "1.02", "-0.1", "?", ".", "x")
    },
    "pyxem, CIF cells": lambda: [
        cif(host=None, **one)
        for one in (
            {"length_a": 0},
            {"length_b": 1000},
            {"length_c": 1000.5},
            {"angle_alpha": 180},
            {"angle_beta": 0},
            {"angle_gamma": "90(3)"},
            {"angle_gamma": 1e-3},
            {"length_a": "four"},
        )
    ],
    "pyxem, CIF nothing": lambda: [
        cif(text=one, host=None) for one in ("", "data_x\n_cell_length_a 3\n", "no CIF at all 'x")
    ],
    "pyxem, CIF twice": lambda: cif(
        text=scene.CIF.replace("_cell_length_a 4.0853", "loop_\n_cell_length_a\n4\n5\n"), host=None
    ),
    "pyxem, CIF without places": lambda: cif(
        text=scene.CIF.replace("_atom_site_fract_z\nAg1 Ag 0 0 0", "Ag1 Ag 0 0"), host=None
    ),
    "elements": lambda: [cif_checks.atomic_number(one, "it") for one in ("Ag", "co3+", "H", "CF2-")],
    "no element": lambda: cif_checks.atomic_number("Q", "it"),
}


def compare(turn, **how):
    full = dataclasses.replace(painted([turn, 30.0]), matches=painted([turn, 30.0 + turn / 2]).matches)
    found = compare_orientations(painted([0.0, 30.0]), full, **how)
    return few(found, "misorientation_deg", "nearest_deg", "overlap", "agrees", "agree_within")


def compared(full):
    return few(compare_orientations(by_pyxem(), full), "misorientation_deg", "nearest_deg", "overlap", "agrees")


def small(found):
    """With one match, so that forging takes no time."""
    found = copy.copy(found)
    first = dataclasses.replace(found.matches[0], candidates=found.matches[0].candidates[:1])
    painting = {name: np.array(one) for name, one in vars(found.painting).items()}
    for name in ("first", "second", "grain"):
        painting[name][painting[name] > 0] = -1
    painting["present"] = painting["present"][:1]
    return dataclasses.replace(found, matches=(first,), painting=Painting(**painting))


def turned(host):
    """The same crystals on a detector that lies otherwise: the same orientations in the scan."""
    result = unmixed()
    patterns = np.array([pattern(20.0, True, which) for which in scene.order(unmixed_order(result))])
    calibration = dataclasses.replace(result.geometry.calibration, rotation_deg=20.0, flip=True)
    result = dataclasses.replace(
        result, patterns=patterns, geometry=result.geometry.replace(calibration=calibration), source=None
    )
    given = simulation() if host == "pyxem" else silver()
    return said(
        result.index(given, source="component", **({"q_max": 0.8, "refine": False} if host == "pyxem" else {"plan": PLAN}))
    )


def unmixed_order(result):
    return types.SimpleNamespace(maps=np.repeat(np.repeat(result.maps, 3, 1), 2, 2))
