"""Orientations by pyxem, and both hosts beside each other."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import unmix4d
from support import orientation_scene as scene
from unmix4d.orientation import laue_rotations, misorientation_deg
from unmix4d.orientation.geometry import from_orix_matrix, to_orix_matrix

CUBIC = laue_rotations(np.eye(3))


@pytest.fixture(scope="module")
def unmixed():
    return scene.result(scene.scan())


def simulated(degrees):
    """Silver at directions so many degrees apart."""
    from orix.sampling import get_sample_reduced_fundamental

    phase = scene.silver_phase()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return scene.simulate(phase, get_sample_reduced_fundamental(degrees, point_group=phase.point_group))


@pytest.fixture(scope="module")
def simulation(pyxem):
    return simulated(2)


@pytest.fixture(scope="module")
def coarse(pyxem):
    """Where the orientations themselves do not matter."""
    return simulated(8)


@pytest.fixture(scope="module")
def indexed(unmixed, simulation):
    return unmixed.index(simulation)


def errors(found, order):
    return [float(misorientation_deg(found.matches[c].matrix, m, CUBIC)) for c, m in zip(order, scene.TRUTH)]


def test_known_orientations_are_found(indexed, unmixed):
    assert max(errors(indexed, scene.order(unmixed))) < 2.5  # templates every 2 degrees
    assert indexed.host == "pyxem" and set(indexed.symmetry) == {"silver"} and len(indexed.symmetry["silver"]) == 24


def test_hyperspy_says_nothing_of_calls_that_are_ours(unmixed, coarse):
    """ "The function you applied does not take into account the difference of scales": the user has applied none."""
    import logging

    said, log = [], logging.getLogger("hyperspy.signal")
    watch, before = logging.Handler(), log.level
    log.setLevel(logging.WARNING)  # as in a notebook
    watch.emit = said.append
    log.addHandler(watch)
    try:
        unmixed.index(coarse)
    finally:
        after = log.level
        log.removeHandler(watch)
        log.setLevel(before)
    assert not said and after == logging.WARNING


@pytest.mark.slow
@pytest.mark.parametrize("limits", [{"q_min": 1.35}, {"q_max": 0.05}, {"q_min": 0}, {"disk_radius": 30}])
def test_where_little_or_nothing_can_be_compared(unmixed, coarse, limits):
    """Without warnings, and never NaN: the fit is what it is."""
    found = unmixed.index(coarse, **limits)
    assert all(np.isfinite(match.fit) and match.fit <= 1 for match in found.matches)
    assert all(np.isfinite(match.matrix).all() for match in found.matches if match.matched)


def test_the_host_alone(unmixed, simulation):
    found = unmixed.index(simulation, rank="host")
    assert max(errors(found, scene.order(unmixed))) < 4


@pytest.mark.slow
def test_rotations_of_templates_are_in_the_convention_of_the_host(pyxem, simulation):
    """A template turned in the plane must come back as itself, however this version of pyxem counts azimuths."""
    from pyxem.signals.indexation_results import rotation_from_orientation_map

    library = np.atleast_2d(simulation.rotations.data)
    found, wanted = [], []
    for index in (40, 150, 260):
        spots, row, col = simulation.coordinates[index], *np.indices(scene.SIZE)
        image = np.zeros(scene.SIZE)
        for (x, y, _), strength in zip(spots.data, spots.intensity):  # x to the right, y up
            image += strength * np.exp(-((row - 47 + y / scene.PIXEL) ** 2 + (col - 45 - x / scene.PIXEL) ** 2) / 2)
        signal = pyxem.signals.ElectronDiffraction2D(image[None])
        signal.calibration(scale=scene.PIXEL, units="$A^{-1}$", center=(45, 47))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            polar = signal.get_azimuthal_integral2d(npt=44, radial_range=(0, 1.4), inplace=False, show_progressbar=False)
            row = (
                (polar**0.5)
                .get_orientation(simulation, n_best=-1, frac_keep=1.0, show_progressbar=False)
                .data.reshape(-1, 4)
            )
        row = row[row[:, 0] == index]
        from orix.quaternion import Rotation as Orix

        found.append(from_orix_matrix(Orix(rotation_from_orientation_map(row, library)).to_matrix())[0])
        # orix keeps lab to crystal; (x right, y up) is (-row, column) here
        wanted.append(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]) @ simulation.rotations[index].to_matrix()[0].T)
    assert (misorientation_deg(np.array(found), np.array(wanted), CUBIC) < 1.5).all()


def test_crystal_map(indexed, unmixed, simulation):
    cm = indexed.to_host()
    assert type(cm).__name__ == "CrystalMap" and cm.shape == scene.SCAN and cm.rotations_per_point == 2
    assert (cm.dx, cm.dy, cm.scan_unit) == (2.0, 2.0, "nm") and cm.phases[0].name == "silver"
    assert (cm.prop["component"].reshape(scene.SCAN) == indexed.first).all()
    assert (cm.prop["second_component"].reshape(scene.SCAN)[:, 6] >= 0).all()
    first = from_orix_matrix(cm.rotations[:, 0].to_matrix()).reshape(*scene.SCAN, 3, 3)
    assert np.allclose(first, indexed.matrices(), atol=1e-6)
    assert {"weight", "score", "fit", "grain_id", "ambiguous", "second_weight"} <= set(cm.prop)
    with pytest.raises(TypeError, match="py4DSTEM"):
        _ = indexed.orientation_map


@pytest.mark.slow
def test_the_map_is_written_for_mtex_and_edax(indexed, tmp_path):
    """As .ang through orix: what is read again has the same positions, phases and orientations."""
    import orix.io

    cm = indexed.to_host()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of orix, on several properties
        orix.io.save(tmp_path / "film.ang", cm)
        read = orix.io.load(tmp_path / "film.ang")
    best = cm.rotations if cm.rotations_per_point == 1 else cm.rotations[:, 0]
    assert np.degrees(read.rotations.angle_with(best)).max() < 0.01 and read.shape == cm.shape
    assert read.phases.names == cm.phases.names


def test_the_simple_call_gives_the_native_map(unmixed, coarse):
    cm = unmixed.orientations(coarse)
    assert np.allclose(cm.rotations.data, unmixed.index(coarse).crystal_map.rotations.data)


def test_excluded_positions_are_not_in_the_data(coarse):
    mask = np.zeros(scene.SCAN, bool)
    mask[3:5, 2:9] = True
    view = unmix4d.Unmix(
        scene.scan(), centre=scene.CENTRE, pixel_size=scene.PIXEL, pixel_unit="1/Å", step=2.0, step_unit="nm"
    ).prepare(scan_mask=mask)  # fmt: skip
    found = view.nmf(3, random_state=0).index(coarse)
    cm = found.crystal_map
    assert (cm.is_in_data.reshape(scene.SCAN) == ~mask).all()
    compared = unmix4d.compare_orientations(found, cm)
    assert np.isnan(compared.misorientation_deg[mask]).all() and compared.misorientation_deg[~mask].max() < 1e-4


def test_orix_matrices_return():
    matrices = Rotation.random(6, random_state=0).as_matrix()
    assert np.allclose(from_orix_matrix(to_orix_matrix(matrices)), matrices)


@pytest.mark.slow
def test_several_phases(unmixed, coarse):
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase
    from orix.sampling import get_sample_reduced_fundamental

    iron = Phase("iron", space_group=229, structure=Structure(
        [Atom("Fe", [0, 0, 0]), Atom("Fe", [0.5, 0.5, 0.5])], Lattice(2.87, 2.87, 2.87, 90, 90, 90)))  # fmt: skip
    silver = scene.silver_phase()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = [get_sample_reduced_fundamental(4, point_group=phase.point_group) for phase in (iron, silver)]
    found = unmixed.index(scene.simulate([iron, silver], both))
    assert list(found.phases) == ["iron", "silver"]
    assert {match.phase for match in found.matches} == {"silver"} and min(match.gap for match in found.matches) > 0.03
    assert set(np.unique(found.crystal_map.phase_id)) == {1}
    named = unmixed.index({"a": scene.simulate(iron, both[0]), "b": coarse})
    assert {match.phase for match in named.matches} == {"b"}


@pytest.mark.slow  # of crystal maps: test_phase_names
@pytest.mark.parametrize(
    "kind, names",
    [({"name": "silver"}, ["silver", "silver 2"]), ({}, ["phase 1", "phase 2"])],
)
@pytest.mark.parametrize("given", ["one simulation", "a list"])
def test_phases_of_one_name_or_of_none(pyxem, unmixed, kind, names, given):
    from orix.sampling import get_sample_reduced_fundamental

    phases = scene.two_phases(**kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        turns = get_sample_reduced_fundamental(6, point_group=phases[0].point_group)
        one = scene.simulate(phases, [turns, turns])
        simulations = one if given == "one simulation" else [scene.simulate(phase, turns) for phase in phases]
    found = unmixed.index(simulations)
    assert list(found.phases) == names
    assert {match.phase for match in found.matches} == {names[1]}
    cm = found.crystal_map
    assert set(np.unique(cm.phase_id)) == {1} and cm.phases[1].name == names[1]
    assert cm.phases[1].structure.lattice.a == pytest.approx(scene.A)
    assert [p.name for p in phases] == [kind.get("name", "")] * 2  # what was given is as it was


def test_errors(unmixed, simulation):
    with pytest.raises(ValueError, match="vectors need a py4DSTEM Crystal"):
        unmixed.index(simulation, vectors=3)
    with pytest.raises(ValueError, match="q_min must be below q_max"):
        unmixed.index(simulation, q_min=2.0)
    with pytest.raises(ValueError, match="background must be one of"):
        unmixed.index(simulation, background="rolling ball")


def test_an_existing_crystal_map_is_merged(unmixed, indexed):
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation as Orix

    rng = np.random.default_rng(0)
    turns = Rotation.from_rotvec(np.radians(1) * rng.normal(size=(192, 3))).as_matrix()
    matrices = turns @ indexed.matrices().reshape(-1, 3, 3)
    wrong = rng.random(192) < 0.2
    matrices[wrong] = Rotation.random(int(wrong.sum()), random_state=0).as_matrix()
    row, col = np.indices(scene.SCAN)
    full = CrystalMap(
        Orix.from_matrix(to_orix_matrix(matrices)), x=2.0 * col.ravel(), y=2.0 * row.ravel(),
        phase_list=PhaseList(scene.silver_phase()), phase_id=np.zeros(192, int),
    )  # fmt: skip
    merged = unmix4d.merge_orientations(unmixed, full)
    away = [misorientation_deg(a.matrix, b.matrix, CUBIC) for a, b in zip(merged.matches, indexed.matches)]
    assert max(away) < 1 and merged.host == "pyxem"
    wrong = wrong.reshape(scene.SCAN)
    assert (merged.flagged & wrong).sum() >= 0.95 * wrong.sum() and (merged.flagged & ~wrong).mean() < 0.02
    assert {"flagged", "disagreement_deg"} <= set(merged.crystal_map.prop)
    compared = unmix4d.compare_orientations(indexed, full, full_time_s=2.0)
    assert compared.agrees[~wrong].mean() > 0.98


def test_both_hosts_agree(unmixed, indexed, py4dstem):
    crystal = py4dstem.process.diffraction.Crystal(np.array(scene.ATOMS), 47, scene.A)
    theirs = unmixed.index(crystal)
    compared = unmix4d.compare_orientations(indexed, theirs.to_host(), crystal=crystal, agree_within=3.0)
    assert compared.agrees.all()


@pytest.mark.parametrize("way", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_orientations_travel(indexed, way):
    again = way(indexed)
    assert np.array_equal(again.matrices(), indexed.matrices(), equal_nan=True) and repr(again) == repr(indexed)
    assert (again.crystal_map.phase_id == indexed.crystal_map.phase_id).all()


def test_figure(indexed):
    ax = indexed.plot()
    assert "beam" in ax.get_title() and len(ax.figure.axes) >= 2


def test_phase_from_cif(pyxem, tmp_path):
    from unmix4d.orientation import crystal_from_cif

    path = tmp_path / "silver.cif"
    path.write_text(scene.CIF)
    assert crystal_from_cif(path, host="pyxem").point_group.name == "m-3m"


def test_a_percentile_of_rings_is_taken_away(pyxem):
    """pyxem has no percentile of its own, and refused to work without one."""
    from unmix4d.core.geometry import Calibration, ScanGeometry
    from unmix4d.orientation.match_pyxem import polar_patterns

    calibration = Calibration(pixel_size=(0.1, 0.1), pixel_unit="1/Å")
    geometry = ScanGeometry((1, 2), (21, 21), centre=(10, 10), calibration=calibration)
    patterns = np.full((2, 21, 21), 7.0)
    patterns[:, 10, 16] = 50
    polar = polar_patterns(patterns, geometry, q_max=0.9, gamma=1.0, background="radial percentile").data
    assert np.median(polar) == pytest.approx(0, abs=1e-6) and polar.max() > 1


def test_a_power_that_no_number_holds_is_refused(pyxem):
    from unmix4d.core.geometry import Calibration, ScanGeometry
    from unmix4d.orientation.match_pyxem import polar_patterns

    calibration = Calibration(pixel_size=(0.1, 0.1), pixel_unit="1/Å")
    geometry = ScanGeometry((1, 2), (21, 21), centre=(10, 10), calibration=calibration)
    patterns = np.full((2, 21, 21), 1e30)
    with pytest.raises(ValueError, match="gamma must leave numbers below 1e100, got 20 for values"):
        polar_patterns(patterns, geometry, q_max=0.9, gamma=20.0)
