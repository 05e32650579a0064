"""Orientations, number by number, without a host: what a changed axis, bound or sign would show."""

import dataclasses
import inspect

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from support import orientation_scene as scene
from unmix4d import Orientations, compare_orientations
from unmix4d.core.geometry import ScanGeometry
from unmix4d.orientation import Match, Painting, colours, crystal_from_cif, laue_rotations
from unmix4d.orientation.symmetry import angles_deg, as_quaternion, mean_orientation

TURNS = Rotation.from_euler("ZXZ", [[10, 20, 30], [80, 5, 40], [-60, 70, 0], [0.001, 0, 0]], degrees=True)


def test_the_places_of_atoms_count_in_lengths():
    """A shift of 0.02 of an edge of 40 Å is 0.8 Å: another place, where the shortest edge is 4 Å."""
    cube = 4.0 * np.eye(3)
    assert len(laue_rotations(cube, [[0, 0, 0], [0.5, 0.5, 0.5]], [0, 1])) == 24
    assert len(laue_rotations(cube, [[0, 0, 0], [0.5, 0.5, 0.52]], [0, 1])) == 8
    long = np.diag([4.0, 4.0, 40.0])
    assert len(laue_rotations(long, [[0, 0, 0], [0.5, 0.5, 0.5]], [0, 1])) == 8
    assert len(laue_rotations(long, [[0, 0, 0], [0.5, 0.5, 0.52], [0.2, 0.1, 0.3]], [0, 1, 2])) < 8


def test_angles_of_matrices_of_any_shape():
    matrices = TURNS.as_matrix()
    expected = np.degrees(TURNS.magnitude())
    np.testing.assert_allclose(angles_deg(matrices), expected, atol=1e-9)
    np.testing.assert_allclose(angles_deg(matrices.reshape(2, 2, 3, 3)), expected.reshape(2, 2), atol=1e-9)
    assert angles_deg(matrices[0]) == pytest.approx(expected[0])


def test_quaternions_are_nan_where_a_matrix_is():
    matrices = TURNS.as_matrix()
    matrices[1, 2, 0] = np.nan
    found = as_quaternion(matrices)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(Rotation.from_quat(found[[0, 2, 3]]).as_matrix(), matrices[[0, 2, 3]], atol=1e-12)


def test_the_mean_starts_at_the_middle_of_the_many():
    """The first orientation is a far one: the mean is that of the others."""
    turns = Rotation.from_euler("z", [[140], [3], [5], [7], [-150], [4], [6]], degrees=True).as_matrix()
    mean, spread = mean_orientation(turns)
    assert np.degrees(np.arctan2(mean[1, 0], mean[0, 0])) == pytest.approx(5, abs=1e-6)
    assert spread == pytest.approx(2, abs=1e-6)


def painted(turns, second=None, shape=(2, 2)):
    first = np.array([[0, 0], [1, 1]])
    second = np.full(shape, -1) if second is None else second
    present = np.array([(first == i) | (second == i) for i in range(len(turns))])
    weight, other = np.full(shape, 0.7), np.where(second >= 0, 0.3, 0.0)
    painting = Painting(first, second, weight, other, first.copy(), present)
    matrices = Rotation.from_euler("z", np.reshape(turns, (-1, 1)), degrees=True).as_matrix()
    matches = tuple(Match(i, "mean", 2, "silver", matrix) for i, matrix in enumerate(matrices))
    cubic = {"silver": laue_rotations(np.eye(3))}
    return Orientations("pyxem", matches, painting, ScanGeometry(shape, (8, 8)), cubic, {"silver": None})


def test_the_nearest_of_several_where_some_positions_have_one_only():
    ours = painted([0.0, 30.0, 12.0], second=np.array([[2, -1], [-1, 2]]))
    full = dataclasses.replace(painted([10.0, 30.0, 12.0]), matches=painted([10.0, 36.0, 12.0]).matches)
    compared = compare_orientations(ours, full)
    np.testing.assert_allclose(compared.misorientation_deg, [[10, 10], [6, 6]], atol=1e-6)
    np.testing.assert_allclose(compared.nearest_deg, [[2, 10], [6, 6]], atol=1e-6)
    assert compared.overlap.tolist() == [[True, False], [False, True]]


def test_orientations_agree_within_five_degrees():
    assert inspect.signature(compare_orientations).parameters["agree_within"].default == 5.0
    full = dataclasses.replace(painted([0.0, 30.0]), matches=painted([4.9, 35.1]).matches)
    compared = compare_orientations(painted([0.0, 30.0]), full)
    assert compared.agrees.tolist() == [[True, True], [False, False]]


def test_the_key_of_directions_is_transparent_outside_of_its_sector():
    image, extent, labels = colours.key(None, None, size=21)
    assert image.shape == (21, 21, 4) and set(np.unique(image[..., 3])) == {0.0, 1.0}
    inside = image[..., 3] == 1
    assert (image[~inside] == 0).all() and (image[inside][:, :3].max(1) > 0.5).all() and len(labels) == 3


def test_atoms_times_operators_of_a_cif_file_are_bounded(tmp_path):
    pytest.importorskip("diffpy.structure")
    pytest.importorskip("pyxem")
    cell = "\n".join(line for line in scene.CIF.splitlines() if line.startswith("_cell"))
    operators = "\n".join(["loop_", "_symmetry_equiv_pos_as_xyz", *(f"'x+{i}/99,y,z'" for i in range(90))])
    sites = "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    sites += "\n".join(f"Ag{i} Ag 0.{i:03d} 0 0" for i in range(130))
    (tmp_path / "many.cif").write_text("\n".join(["data_many", cell, operators, sites]))
    with pytest.raises(ValueError, match="130 atoms and 90 symmetry operators: at most 192 .* 10000 atoms times"):
        crystal_from_cif(tmp_path / "many.cif", host="pyxem")


def test_what_is_not_matched_has_no_orientation():
    none = Match(0, "component", 0)
    assert none.matrix.shape == (3, 3) and np.isnan(none.matrix).all() and np.isnan(none.quaternion).all()
