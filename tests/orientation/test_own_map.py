"""A finished map of every position, in the axes of the program that made it, made better by the components."""

import warnings

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import unmix4d
from support import orientation_scene as scene
from unmix4d import UnmixWarning
from unmix4d.core.geometry import Calibration
from unmix4d.orientation import laue_rotations, misorientation_deg
from unmix4d.orientation.changes import REASONS
from unmix4d.orientation.map_frames import FRAMES, into_scan

CUBIC = laue_rotations(np.eye(3))
HEAD = {
    "astar": ["# File created from ACOM RES results", "# Phase 1", "# MaterialName  Ag", "# Formula  Ag", "# Symmetry  43",
              "# LatticeConstants  4.085 4.085 4.085 90.000 90.000 90.000", "# GRID: SqrGrid", "#"],
    "edax": ["# TEM_PIXperUM  1.0", "# Phase 1", "# MaterialName  silver", "# Formula  Ag", "# Symmetry  43",
             "# LatticeConstants  4.085 4.085 4.085 90.000 90.000 90.000", "# GRID: SqrGrid", "#"],
    "oxford": ["Channel Text File", "Prj unnamed", "JobMode\tGrid", "XCells\t16", "YCells\t12", "XStep\t2", "YStep\t2",
               "AcqE1\t0", "AcqE2\t0", "AcqE3\t0", "Euler angles refer to Sample Coordinate system (CS0)!", "Phases\t1",
               "4.085;4.085;4.085\t90;90;90\tsilver\t11\t225",
               "Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS"],
}  # fmt: skip
ENDING = {"astar": ".ang", "edax": ".ang", "oxford": ".ctf"}


@pytest.fixture(scope="module")
def unmixed():
    return scene.result(scene.scan())


def at_positions(noise_deg=0.0, wrong=0.0, seed=0):
    """Matrices (12, 16, 3, 3) of the stronger grain of each position, and where they are strays."""
    rng = np.random.default_rng(seed)
    matrices = scene.TRUTH[scene.maps().argmax(0)].reshape(-1, 3, 3)
    matrices = Rotation.from_rotvec(np.radians(noise_deg) * rng.normal(size=(192, 3))).as_matrix() @ matrices
    stray = rng.random(192) < wrong
    matrices[stray] = Rotation.random(int(stray.sum()), random_state=seed).as_matrix()
    return matrices.reshape(*scene.SCAN, 3, 3), stray.reshape(scene.SCAN)


def written(path, program, matrices, missing=()):
    """A file as the program writes it: Bunge angles in its own axes, positions that are not indexed as it marks them."""
    row, col = np.indices(scene.SCAN).reshape(2, -1)
    angles = Rotation.from_matrix(FRAMES[program].T @ matrices.reshape(-1, 3, 3)).as_euler("ZXZ") % (2 * np.pi)
    lines = list(HEAD[program])
    for i, (one, x, y) in enumerate(zip(angles, 2.0 * col, 2.0 * row)):
        known, turns = i not in missing, " ".join(f"{a:.5f}" for a in one)
        if program == "astar":
            lines.append(f"{turns} {x:.5f} {y:.5f} {300.0 * known:.1f} 0.500 1 50")
        elif program == "edax":
            lines.append(f"{turns} {x:.5f} {y:.5f} 900.0 {0.8 if known else -1:.3f} 0 1 1.2")
        else:
            turns = "\t".join(f"{a:.4f}" for a in np.degrees(one))
            lines.append(f"{int(known)}\t{x:.4f}\t{y:.4f}\t8\t0\t{turns}\t0.5\t100\t200")
    path = path / f"scan{ENDING[program]}"
    path.write_text("\n".join(lines) + "\n")
    return path


def errors(found, unmixed):
    return [float(misorientation_deg(found.matches[c].matrix, m, CUBIC)) for c, m in zip(scene.order(unmixed), scene.TRUTH)]


@pytest.mark.parametrize("program", ["astar", "edax", "oxford"])
def test_a_scan_written_by_a_program_and_read_back(pyxem, unmixed, tmp_path, program):
    path = written(tmp_path, program, at_positions()[0], missing=[3])
    with pytest.warns(UnmixWarning, match=f"axes of '{program}'.*pass frame=, or crystal="):
        found = unmixed.index(path)
    assert max(errors(found, unmixed)) < 0.1
    assert found.settings["frame"] == program and (found.second[:, 6] >= 0).all()
    assert found.change[0, 3] == REASONS.index("was not indexed")
    assert np.array_equal(unmixed.index(str(path), frame=program).matrices(), found.matrices(), equal_nan=True)


def test_the_axes_are_tried_on_the_patterns(pyxem, unmixed, tmp_path):
    path, silver = written(tmp_path, "astar", at_positions()[0]), scene.silver_phase()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = unmixed.index(path, crystal=silver)
    assert max(errors(found, unmixed)) < 0.6 and min(match.fit for match in found.matches) > 0.8
    text = path.read_text().replace("ACOM", "TSL").replace(" 1 50", " 1 50 0").splitlines()
    other = tmp_path / "other.ang"
    other.write_text("\n".join(text))
    with pytest.warns(UnmixWarning, match="fit the patterns better when they are rotated by 90 degrees"):
        unmixed.index(other, crystal=silver)


def test_votes_are_weighted_by_the_maps_and_overlaps_get_both(pyxem, unmixed):
    """A noisy map, a third of it strays: each orientation within the standard error of its votes, and what would change."""
    matrices, stray = at_positions(noise_deg=1.0, wrong=0.33)
    full = crystal_map(matrices)
    found = unmixed.index(full, refine=False)
    assert max(errors(found, unmixed)) < 0.6  # 1 degree each axis, some 40 votes
    assert (found.second[:, 5:8] >= 0).all() and found.host == "pyxem"
    said = dict(zip(zip(found.changes["row"], found.changes["col"]), found.changes["reason"]))
    assert {said.get(tuple(place)) for place in np.argwhere(stray & (found.second < 0))} <= {REASONS[6], REASONS[5]}
    kept = (found.change == 0) & ~stray
    assert kept.sum() > 0.7 * (~stray & (found.second < 0)).sum()
    assert "it would change at" in repr(found)


def crystal_map(matrices):
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation as Orix

    row, col = np.indices(matrices.shape[:2])
    passive = np.swapaxes(FRAMES["pyxem"].T @ matrices.reshape(-1, 3, 3), -1, -2)
    return CrystalMap(
        Orix.from_matrix(passive), x=2.0 * col.ravel(), y=2.0 * row.ravel(), phase_list=PhaseList(scene.silver_phase()),
        phase_id=np.zeros(row.size, int),
    )  # fmt: skip


@pytest.mark.parametrize(("turn", "flip"), [(30.0, False), (-20.0, True)])
def test_the_detector_is_turned_into_the_scan(pyxem, turn, flip):
    """pyxem matches on the detector as it is; where its rotation and flip are known, so is how that lies on the scan."""
    raw = scene.result(scene.scan(turn_deg=turn, flip=flip)[::4, ::2])
    found, calibration = raw.index(simulated(8)), Calibration(rotation_deg=turn, flip=flip)
    order = np.corrcoef(np.nan_to_num(raw.maps).reshape(3, -1), scene.maps()[:, ::4, ::2].reshape(3, -1))[:3, 3:].argmax(0)
    for component, truth in zip(order, scene.TRUTH):
        passive = np.swapaxes(FRAMES["pyxem"].T @ found.matches[component].matrix, -1, -2)
        assert misorientation_deg(into_scan(passive, "pyxem", calibration), truth, CUBIC) < 1.5


@pytest.mark.slow
def test_a_map_of_pyxem_with_many_matches(pyxem, unmixed):
    """Its own result of every position; with templates 6 degrees apart one grain is found nowhere, and that is said."""
    full = by_pyxem(6)
    with pytest.warns(UnmixWarning, match="better that no position of the map votes for"):
        found = unmixed.index(full)
    away, order = errors(found, unmixed), scene.order(unmixed)
    assert sorted(away)[1] < 1 and found.host == "pyxem" and set(found.phases) == {"silver"}
    assert all(error < 1 or found.matches[c].orientation_ambiguous for c, error in zip(order, away))
    with pytest.warns(UnmixWarning):
        again = unmixed.index(full.to_crystal_map(), refine=False)
    assert again.settings["frame"] == "pyxem" and np.isfinite(again.first).all()


def simulated(degrees):
    from orix.sampling import get_sample_reduced_fundamental

    silver = scene.silver_phase()
    return scene.simulate(silver, get_sample_reduced_fundamental(degrees, point_group=silver.point_group))


def by_pyxem(n_best):
    from unmix4d.orientation.match_pyxem import polar_patterns

    patterns, geometry = scene.scan().reshape(-1, *scene.SIZE).astype(float), scene.result(scene.scan()).geometry
    polar = polar_patterns(patterns, geometry, q_max=0.9)
    data = polar.data.reshape(*scene.SCAN, *polar.data.shape[1:])
    polar = type(polar)(data, axes=_axes(polar), metadata=polar.metadata.as_dictionary())
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return polar.get_orientation(simulated(6), n_best=n_best, frac_keep=1.0, show_progressbar=False)


def _axes(polar):
    scan = [{"size": n, "scale": 2.0, "units": "nm", "navigate": True} for n in scene.SCAN]
    return scan + [axis.get_axis_dictionary() for axis in polar.axes_manager.signal_axes[::-1]]


def test_a_map_of_py4dstem(py4dstem, unmixed):
    from py4DSTEM.process.diffraction import Crystal
    from py4DSTEM.process.diffraction.utils import OrientationMap

    silver, (matrices, _) = Crystal(np.array(scene.ATOMS), 47, scene.A), at_positions(1.0, 0.2)
    full = OrientationMap(*scene.SCAN, 2)
    full.matrix[:, :, 0], full.corr[:, :, 0] = np.swapaxes(matrices, -1, -2), 5.0
    second = scene.TRUTH[np.argsort(scene.maps(), axis=0)[1]]
    full.matrix[:, :, 1], full.corr[:, :, 1] = (
        np.swapaxes(second, -1, -2),
        np.where(np.sort(scene.maps(), 0)[1] > 0.2, 3.0, 0),
    )
    found = unmixed.index(full, crystal=silver)
    assert max(errors(found, unmixed)) < 0.6 and found.host == "py4dstem"
    native = unmixed.orientations(full, crystal=silver)
    assert type(native).__name__ == "OrientationMap" and (native.corr[0, 6] > 0).all()
    with pytest.warns(UnmixWarning, match="does not say of which crystal it is.*pass crystal="):
        alone = unmixed.index(full)
    assert alone.k == 3 and not alone.symmetry


def test_what_cannot_be_used_is_one_sentence(pyxem, unmixed, tmp_path):
    matrices, _ = at_positions()
    full = crystal_map(matrices)
    nothing = written(tmp_path, "astar", matrices, missing=range(192))
    for call, message in (
        (lambda: unmixed.index(crystal_map(matrices[:6])), r"is of a scan of \(6, 16\), expected \(12, 16\)"),
        (lambda: unmixed.index(nothing), "has no indexed position"),
        (
            lambda: unmixed.index(full, crystal={"gold": scene.silver_phase()}),
            "'gold', but the phases of the map are 'silver'",
        ),
        (lambda: unmixed.index(full, frame="tsl"), "frame must be one of"),
        (lambda: unmixed.index(str(tmp_path / "scan.txt")), "must end with one of .ang, .ctf"),
        (lambda: unmixed.index(3), "simulation must be a diffsims Simulation2D"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            call()
    with pytest.raises(TypeError, match="crystal must be a Crystal of py4DSTEM or quantem, an orix Phase"):
        unmixed.index(full, crystal=3)
    (tmp_path / "bad.ang").write_text("nothing of use")
    with pytest.raises(ValueError, match="cannot be read as a map of orientations"):
        unmixed.index(tmp_path / "bad.ang")


def test_merge_orientations_says_what_it_would_change(pyxem, unmixed, tmp_path):
    matrices, stray = at_positions(wrong=0.2)
    matrices[2, 2] = np.diag([-1.0, -1, 1]) @ scene.TRUTH[0]
    merged = unmix4d.merge_orientations(unmixed, crystal_map(matrices))
    reasons = dict(zip(zip(merged.changes["row"], merged.changes["col"]), merged.changes["reason"]))
    assert reasons[2, 2] == "half a turn about the beam"
    shared = {reasons[row, 6] for row in range(12) if not stray[row, 6]}
    assert shared <= {"a second orientation is added", "the orientation of the other component there comes second"}
    merged.save(tmp_path / "merged.h5")
    again = unmix4d.load(tmp_path / "merged.h5")
    assert (again.change == merged.change).all() and again.changes["reason"].tolist() == merged.changes["reason"].tolist()
