"""Orientations that quantem found, where it is installed: its frame, its maps given to ours, and maps back."""

import warnings

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import unmix4d
from support import orientation_scene as scene
from unmix4d.core.geometry import Calibration
from unmix4d.orientation import laue_rotations, misorientation_deg
from unmix4d.orientation.convert import on_scan

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what it imports
    pytest.importorskip("quantem", reason="quantem cannot be installed beside the other hosts", exc_type=ImportError)
    pytest.importorskip("spglib", reason="quantem's crystals need spglib", exc_type=ImportError)
    import torch
    from ase import Atoms
    from quantem.core.datastructures import Vector
    from quantem.diffraction.crystal import Crystal
    from quantem.diffraction.crystal_map import CrystalMap
    from quantem.diffraction.orientation import OrientationMap
    from quantem.diffraction.rotations import quat_from_matrix, quat_to_matrix

CUBIC = laue_rotations(np.eye(3))


def crystal_of(cell, numbers, places, name):
    made = Crystal.from_ase(Atoms(numbers, scaled_positions=places, cell=cell, pbc=True), name=name, verbose=False)
    return made.calculate_structure_factors(k_max=scene.REACH)


@pytest.fixture(scope="module")
def silver():
    return crystal_of([scene.A] * 3, [47] * 4, scene.ATOMS, "silver")


def peaks_of(matrices):
    """Peaks as quantem has them, calibrated, of spots that no host has simulated."""
    cells = [[np.vstack([np.column_stack(scene.spots(one)), [0, 0, 5]]) for one in row] for row in matrices]
    return Vector.from_data(cells, fields=["qx", "qy", "intensity"], units=["A^-1", "A^-1", "counts"], dtype=torch.float64)


def known(crystal, matrices, noise_deg=0.0):
    """An OrientationMap (12, 16) that holds these orientations, as if it had found them."""
    shape = matrices.shape[:2]
    peaks = Vector.from_shape(shape, fields=["qx", "qy", "intensity"], units=["A^-1", "A^-1", "counts"])
    out = OrientationMap.from_vectors(peaks, crystal, energy_ev=300e3)
    turns = Rotation.from_rotvec(np.radians(noise_deg) * np.random.default_rng(0).normal(size=(matrices[..., 0, 0].size, 3)))
    out.quats = quat_from_matrix(torch.as_tensor(turns.as_matrix().reshape(matrices.shape) @ matrices))[:, :, None]
    out.corr = torch.full((*shape, 1), 0.9, dtype=torch.float64)
    out.computed = torch.ones(shape, dtype=torch.bool)
    return out


@pytest.fixture(scope="module")
def larger():
    return crystal_of([scene.A * 4 / 3] * 3, [47] * 4, scene.ATOMS, "larger")


@pytest.fixture(scope="module")
def unmixed():
    return scene.result(scene.scan())


@pytest.fixture(scope="module")
def full():
    return scene.TRUTH[scene.maps().argmax(0)]


def errors(found, unmixed):
    return [float(misorientation_deg(found.matches[c].matrix, m, CUBIC)) for c, m in zip(scene.order(unmixed), scene.TRUTH)]


def test_its_frame_is_ours(silver, larger):
    """Measured: what it finds in spots that no host has simulated, and which of two crystals its fit chooses."""
    found = CrystalMap.from_vectors(peaks_of([scene.TRUTH]), [larger, silver], energy_ev=300e3)
    found.build_plan(angle_step_zone_axis_deg=3, angle_step_in_plane_deg=3)
    found.match_orientations(num_matches=2, progress_bar=False)
    alone = on_scan(found["silver"], (1, 3))
    assert misorientation_deg(alone.matrices[0, :, 0], scene.TRUTH, CUBIC).max() < 2 and alone.names == ("silver",)
    have = on_scan(found.fit(progress_bar=False))
    assert have.names == ("larger", "silver") and have.phase[0, :, 0].tolist() == [1, 1, 1]
    assert np.array_equal(have.matrices[0, :, 0], alone.matrices[0, :, 0])


def test_a_map_given_to_index(silver, full, unmixed):
    found = unmixed.index(known(silver, full, noise_deg=1.0))
    assert found.host == "quantem" and max(errors(found, unmixed)) < 0.6 and min(one.fit for one in found.matches) > 0.8
    assert (found.second[:, 5:8] >= 0).all() and len(found.symmetry["silver"]) == 24
    votes = unmixed.index(known(silver, full), refine=False)
    assert max(errors(votes, unmixed)) < 0.1


def test_merged_and_compared(silver, full, unmixed):
    existing = known(silver, full, noise_deg=0.5)
    existing.computed[3, 2] = False
    merged = unmix4d.merge_orientations(unmixed, existing)
    assert max(errors(merged, unmixed)) < 0.3 and np.nanmax(merged.disagreement_deg) < 5
    assert merged.changes["reason"].tolist().count("was not indexed") == 1
    away = unmix4d.compare_orientations(merged, existing)
    assert away.table["agree_any"][0] == 1 and np.isnan(away.misorientation_deg[3, 2])


def test_the_answer_goes_back_and_is_saved(silver, full, unmixed, tmp_path):
    found = unmixed.index(known(silver, full))
    native = found.to_host()
    assert type(native) is OrientationMap and native.crystal.name == "silver" and native.quats.shape[:2] == scene.SCAN
    there = found.first >= 0
    again = quat_to_matrix(native.quats[..., 0, :]).numpy()
    assert misorientation_deg(again[there], found.matrices("first")[there], CUBIC).max() < 1e-4
    assert np.array_equal(native.computed.numpy(), there)
    both = unmix4d.compare_orientations(found, native)
    assert both.table["median_deg"][0] < 1e-4
    with pytest.raises(TypeError, match="these are of quantem: use orientation_map"):
        _ = found.crystal_map
    found.save(tmp_path / "found.h5")
    loaded = unmix4d.load(tmp_path / "found.h5")
    assert type(loaded.phases["silver"]) is Crystal and np.allclose(loaded.to_host().quats, native.quats)
    found.save_ang(tmp_path / "found.ang")
    assert "LatticeConstants  4.0853 4.0853" in (tmp_path / "found.ang").read_text()
    assert found.plot().get_title() == "direction along the beam"


def test_a_cell_that_lies_otherwise(full, unmixed):
    """Ours have x along a; the same crystal in another frame is the same orientation."""
    turn = Rotation.from_euler("ZXZ", [30, 50, 70], degrees=True).as_matrix()
    lying = crystal_of(scene.A * turn.T, [47] * 4, scene.ATOMS, "silver")
    existing = known(lying, full @ turn.T)
    assert np.allclose(on_scan(existing).matrices[..., 0, :, :], full, atol=1e-6)
    found = unmixed.index(existing)
    assert max(errors(found, unmixed)) < 0.6 and min(one.fit for one in found.matches) > 0.8
    back = quat_to_matrix(found.to_host().quats[..., 0, :]).numpy() @ turn
    there = found.first >= 0
    assert misorientation_deg(back[there], found.matrices("first")[there], CUBIC).max() < 1e-4


def test_two_crystals_after_their_fit(silver, larger, full, unmixed):
    both = CrystalMap.from_orientation_maps([known(larger, np.broadcast_to(np.eye(3), full.shape)), known(silver, full)])
    with pytest.raises(ValueError, match=r"has 2 crystals, but no decision between them: call its fit\(\) first"):
        unmixed.index(both)
    from quantem.diffraction.phase import PhaseMap

    both.phases = PhaseMap.from_orientation_maps(both.orientation_maps)
    both.phases.phase_index = torch.ones(scene.SCAN, dtype=torch.long)
    both.phases.phase_index[0, 0] = -1
    both.phases.phase_weights = torch.zeros((*scene.SCAN, 2), dtype=torch.float64)
    both.phases.phase_weights[..., 1] = 1.0
    both.phases.phase_weights[5, 5, 0] = 0.5
    have = on_scan(both)
    assert have.names == ("larger", "silver") and have.phase[0, 0].tolist() == [-1, -1]
    assert have.phase[1, 1].tolist() == [1, -1] and have.phase[5, 5].tolist() == [1, 0]
    found = unmixed.index(both)
    assert {one.phase for one in found.matches} == {"silver"} and max(errors(found, unmixed)) < 0.6
    assert set(found.to_host()) == {"larger", "silver"}


def test_a_map_of_the_detector_is_turned_into_the_scan(silver, full):
    """Where its peaks were not turned and the dataset knows the rotation; not where quantem has done it."""
    existing, calibration = known(silver, full), Calibration(rotation_deg=-30.0, flip=False)
    for told, turn in ((None, 0.0), (30.0, 0.0), (0.0, 30.0)):
        existing.metadata["peaks"] = {} if told is None else {"rotation_ccw_deg": told, "q_transpose": False}
        wanted = Rotation.from_euler("z", turn, degrees=True).as_matrix() @ full
        assert np.allclose(on_scan(existing, calibration=calibration).matrices[..., 0, :, :], wanted, atol=1e-6)


def test_maps_without_an_answer(silver, unmixed):
    empty = OrientationMap.from_vectors(peaks_of([scene.TRUTH]), silver, energy_ev=300e3)
    with pytest.raises(ValueError, match="has no orientations yet: call its build_plan"):
        unmixed.index(empty)
    with pytest.raises(ValueError, match=r"is of a scan of \(1, 3\), expected \(12, 16\)"):
        unmixed.index(known(silver, scene.TRUTH[None]))


def test_a_crystal_of_quantem_for_the_map_of_another_program(silver, unmixed):
    """As the crystal of a file, whose phase has no atoms of its own."""
    from unmix4d.orientation.own_patterns import Rematch

    have = on_scan(known(silver, scene.TRUTH[scene.maps().argmax(0)]))
    options = {"source": None, "enough": 10, "q_min": None, "q_max": None, "disk_radius": None}
    likeness = Rematch(unmixed, {"silver": silver}, **options).likenesses(have)[scene.order(unmixed)[0]]["silver"]
    right, wrong = likeness.values(np.stack([scene.TRUTH[0], scene.TRUTH[1]]))
    assert right > 0.8 > wrong + 0.2
