"""What users of the hosts do next with a map of orientations, and files of it."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from support import crystal_systems as systems
from unmix4d import Orientations
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.orientation import (
    Match,
    Painting,
    laue_rotations,
    load_orientation_map,
    misorientation_deg,
    save_orientation_map,
)
from unmix4d.orientation.convert import native_of, on_scan
from unmix4d.orientation.record import Candidate

TURNS = Rotation.from_euler("ZXZ", [[0, 0, 0], [12, 0, 0], [40, 30, 20]], degrees=True).as_matrix()


def painted(host, name="tetragonal", phase=None):
    """Three grains side by side on 4 x 6 positions, the second 12 degrees from the first; the last column is empty."""
    cell, _, atoms = systems.CRYSTALS[name]
    symmetry = laue_rotations(systems.base_of(cell), [place for *_, place in atoms], [z for _, z, _ in atoms])
    first = np.repeat([[0, 0, 1, 1, 2, -1]], 4, axis=0)
    second = np.where(np.arange(6) == 2, 0, -1) * np.ones((4, 1), int)
    grain = first.copy()
    painting = Painting(first, second, np.where(first >= 0, 0.8, 0), np.where(second >= 0, 0.2, 0), grain,
                        np.array([(first == i) | (second == i) for i in range(3)]))  # fmt: skip
    matches = [
        Match(i, "single", 12, name, m, 5.0, 0.9, candidates=(Candidate(name, m, 5.0, 0.9, 0.5, native_of(host, m, 5.0)),))
        for i, m in enumerate(TURNS)
    ]
    calibration = Calibration(step=(2.0, 3.0), step_unit="nm")
    geometry = ScanGeometry((4, 6), (8, 8), calibration=calibration)
    return Orientations(host, tuple(matches), painting, geometry, {name: symmetry}, {name: phase}, {})


def test_a_crystal_map_is_what_orix_takes(pyxem, tmp_path):
    """Figures, a file and back, misorientations and their mean to the neighbours (KAM), and segments."""
    from matplotlib import pyplot as plt
    from orix import io as orix_io
    from orix.plot import IPFColorKeyTSL

    cm = painted("pyxem", phase=systems.phase("tetragonal")).to_host()
    for value in (None, "weight", IPFColorKeyTSL(cm.phases[0].point_group).orientation2color(cm["tetragonal"].orientations)):
        (cm if value is None or isinstance(value, str) else cm["tetragonal"]).plot(value)
        plt.close("all")
    orix_io.save(tmp_path / "map.h5", cm)
    again = orix_io.load(tmp_path / "map.h5")
    assert np.allclose(again.rotations.data, cm.rotations.data) and set(again.prop) == set(cm.prop)
    assert again.phases[0].name == "tetragonal" and again.phases[0].point_group.name == "4/mmm"

    # Of pairs of neighbours along a row, and the mean over them.
    row = cm[0, :5].orientations
    step = row[:-1].angle_with(row[1:], degrees=True)
    assert np.round(step[:3], 3).tolist() == [0, 12, 0] and step[3] > 20
    kam = np.convolve(step, [1, 1])[1:-1] / 2
    assert np.round(kam[:2], 3).tolist() == [6, 6]
    sizes = {int(one): int((cm["indexed"].grain_id == one).sum()) for one in np.unique(cm["indexed"].grain_id)}
    assert sizes == {0: 8, 1: 8, 2: 4} and not cm.is_indexed.reshape(4, 6)[:, 5].any()


def test_an_orientation_map_of_py4dstem_is_saved_and_read(py4dstem, tmp_path):
    om = painted("py4dstem").to_host()
    save_orientation_map(om, tmp_path / "map.h5")
    again = load_orientation_map(str(tmp_path / "map.h5"))
    for name in ("matrix", "family", "corr", "inds", "mirror", "angles"):
        one, other = getattr(om, name), getattr(again, name)
        assert np.array_equal(one, other) and one.dtype == other.dtype
    assert np.array_equal(py4dstem.read(tmp_path / "map.h5").tree("corr").data, om.corr)
    (tmp_path / "other.h5").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="must be an orientation map that save_orientation_map wrote"):
        load_orientation_map(tmp_path / "other.h5")
    with pytest.raises(TypeError, match="must be an OrientationMap of py4DSTEM, got int"):
        save_orientation_map(3, tmp_path / "x.h5")


def test_grains_are_clustered_by_py4dstem_without_pymatgen(py4dstem):
    """Of the crystal that `index` keeps, which has the symmetry that py4DSTEM makes with pymatgen only."""
    from unmix4d.orientation.match_py4dstem import prepared

    given = systems.crystal("tetragonal")
    crystal = prepared(given, q_max=0.8, beam_energy=300.0, plan={"angle_step_zone_axis": 15, "angle_step_in_plane": 10})
    assert len(crystal.symmetry_operators) == 8 and not hasattr(given, "symmetry_operators")
    crystal.orientation_map = painted("py4dstem").to_host()
    crystal.cluster_grains(angle_tolerance_deg=5.0, progress_bar=False)
    sizes = [len(one[0]) if isinstance(one, tuple) else np.shape(one)[1] for one in crystal.cluster_inds]
    assert sorted(sizes) == [4, 8, 12]  # the runner-up of a column belongs to the grain beside it


@pytest.mark.parametrize("name", systems.CRYSTALS)
@pytest.mark.parametrize("host", ["pyxem", "py4dstem"])
def test_an_ang_file_is_read_back_in_the_axes_of_edax(pyxem, tmp_path, name, host):
    found = painted(host, name, phase=systems.phase(name))
    found.save_ang(tmp_path / "film.ang")
    back = on_scan(tmp_path / "film.ang", (4, 6))
    assert len(back.symmetry[name]) == len(found.symmetry[name])
    assert back.frame == "edax" and back.names == (name,)
    away = misorientation_deg(back.matrices[:, :5, 0], found.matrices()[:, :5], found.symmetry[name])
    assert away.max() < 1e-2 and (back.phase[:, 5] == -1).all()
    assert "pymatgen" not in __import__("sys").modules


def test_all_groups_have_a_number_of_edax():
    from unmix4d.orientation.map_export import _edax_group

    wanted = {
        "hexagonal": "62",
        "trigonal": "32",
        "tetragonal": "42",
        "orthorhombic": "22",
        "monoclinic": "20",
        "triclinic": "1",
    }
    for name, number in wanted.items():
        cell, _, atoms = systems.CRYSTALS[name]
        symmetry = laue_rotations(systems.base_of(cell), [place for *_, place in atoms], [z for _, z, _ in atoms])
        assert _edax_group(symmetry) == number
    assert _edax_group(laue_rotations(np.eye(3))) == "43" and _edax_group(None) == "1"


def test_a_scan_that_orix_wrote_does_not_say_its_axes(pyxem, tmp_path):
    from orix import io as orix_io

    orix_io.save(tmp_path / "orix.ang", painted("pyxem", phase=systems.phase("tetragonal")).to_host())
    with pytest.raises(ValueError, match="written by orix and does not say in which axes: pass frame="):
        on_scan(tmp_path / "orix.ang")
    again = on_scan(tmp_path / "orix.ang", frame="scan")
    assert (
        misorientation_deg(again.matrices[:, :5, 0], painted("pyxem").matrices()[:, :5], again.symmetry["tetragonal"]).max()
        < 1e-2
    )
