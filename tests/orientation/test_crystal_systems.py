"""Crystals of every system, with several atoms, through both hosts; several phases of one lattice; names empty or alike."""

import numpy as np
import pytest

from support import crystal_systems as systems
from support import orientation_scene as scene
from unmix4d.orientation import laue_rotations, misorientation_deg
from unmix4d.orientation.coverage import completed, everywhere


def errors(found, result):
    """Degrees of the orientation and of its rival to the truth; 180 without one."""
    out = []
    for component, truth in zip(systems.order(result), systems.TRUTH):
        match = found.matches[component]
        both = [match.matrix] + ([] if match.rival is None else [match.rival.matrix])
        out.append([float(misorientation_deg(one, truth, found.symmetry[match.phase])) for one in both] + [180.0])
    return np.array([one[:2] for one in out])


def equivalents(name):
    cell, _, atoms = systems.CRYSTALS[name]
    kinds = [z for _, z, _ in atoms]
    return laue_rotations(systems.base_of(cell), [place for *_, place in atoms], kinds)


@pytest.mark.parametrize("name", systems.CRYSTALS)
def test_atoms_are_where_they_were_given(pyxem, name):
    """orix turns the cell and leaves atoms where they were, so that their fractions change."""
    from unmix4d.orientation.phase_reflections import atoms_of

    elements, places, _ = atoms_of(systems.phase(name))
    given = {(element, *np.round(np.array(place) % 1, 3) % 1) for element, _, place in systems.CRYSTALS[name][2]}
    assert {(element, *np.round(place, 3) % 1) for element, place in zip(elements, places)} == given
    assert len(elements) == len(given)


def test_atoms_of_an_asymmetric_unit_or_of_a_turned_cell(pyxem):
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    from unmix4d.orientation.phase_reflections import atoms_of

    cell, group, atoms = systems.CRYSTALS["hexagonal"]
    for lattice in (Lattice(*cell), Lattice(base=systems.base_of(cell))):
        unit = Structure([Atom(element, place) for element, _, place in (atoms[0], atoms[2])], lattice)
        elements, places, _ = atoms_of(Phase("x", space_group=group, structure=unit).deepcopy())
        assert sorted(elements) == ["S"] * 4 + ["W"] * 2
        assert sorted(map(tuple, np.round(places, 3))) == sorted(tuple(np.round(place, 3)) for *_, place in atoms)


@pytest.mark.parametrize("name", systems.CRYSTALS)
def test_reflections_have_the_symmetry_of_the_crystal(pyxem, name):
    """All equivalents are there, and as strong: diffsims' list lacks some of hexagonal cells, and mixes monoclinic ones."""
    from unmix4d.orientation.phase_reflections import reflections_of_phase

    found = reflections_of_phase(systems.phase(name), 0.9, scene.WAVELENGTH)
    strong = found.intensity > 1e-3 * found.intensity.max()
    assert strong.sum() > 10
    for rotation in equivalents(name):
        for sign in (1, -1):
            away = np.linalg.norm(found.g[strong][:, None] @ (sign * rotation.T) - found.g[None], axis=-1)
            assert away.min(1).max() < 1e-6
            assert np.allclose(found.intensity[away.argmin(1)], found.intensity[strong], rtol=1e-6)


@pytest.mark.parametrize("name", systems.CRYSTALS)
def test_no_zone_axis_is_left_out(pyxem, name):
    """Of what orix cuts out nothing is missing; what a user has cut off is added."""
    from orix.sampling import get_sample_reduced_fundamental

    from unmix4d.orientation.geometry import from_orix_matrix

    symmetry, phase = equivalents(name), systems.phase(name)
    library = from_orix_matrix(get_sample_reduced_fundamental(4, point_group=phase.point_group).to_matrix())
    assert len(completed(library, symmetry)) == len(library)
    middle = library[:, 2].mean(0) / np.linalg.norm(library[:, 2].mean(0))
    near = np.argsort(-(library[:, 2] @ middle))
    full = completed(library[near[: len(near) * 2 // 3]], symmetry)
    axes = np.concatenate([sign * full[:, 2] @ one for one in symmetry for sign in (1, -1)])
    directions = np.random.default_rng(0).normal(size=(300, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert np.degrees(np.arccos(np.clip((directions @ axes.T).max(1), -1, 1))).max() < 8
    assert len(everywhere(symmetry, 8.0)) < 2 * 4 * np.pi / np.radians(8) ** 2 / (2 * len(symmetry)) + 20


@pytest.mark.slow
@pytest.mark.parametrize("name", systems.CRYSTALS)
@pytest.mark.parametrize("host", ["pyxem", "py4dstem"])
def test_crystals_of_every_system_are_indexed(name, host, request):
    request.getfixturevalue(host)
    result = systems.result(name)
    found = result.index(systems.simulation(name, 4) if host == "pyxem" else systems.crystal(name))
    away = errors(found, result)
    # A copy that fits as well is taken by chance: then the other one is the rival.
    doubt = np.array([found.matches[c].orientation_ambiguous for c in systems.order(result)])
    assert (away[:, 0] < 2).sum() >= 2 and ((away[:, 0] < 2) | ((away[:, 1] < 2) & doubt)).all()


@pytest.mark.slow
def test_phases_of_one_lattice_and_of_one_name(pyxem, py4dstem):
    """Cells of one lattice with other atoms, all of them without a name or of one."""
    import copy

    result = systems.result(["tetragonal", "tetragonal", "hexagonal"])
    body = copy.deepcopy(systems.CRYSTALS)
    systems.CRYSTALS["half"] = (body["tetragonal"][0], 136, body["tetragonal"][2][:2])
    try:
        for called in ("", "x"):
            simulations = [systems.simulation(name, 5, called) for name in ("half", "tetragonal", "hexagonal")]
            found = result.index(simulations, rank="pattern")
            assert len(found.phases) == 3 and set(found.crystal_map.phases.names) <= set(found.phases)
            names = list(found.phases)
            order = systems.order(result)
            assert [names.index(found.matches[c].phase) for c in order] == [1, 1, 2]
        crystals = [systems.crystal(name) for name in ("half", "tetragonal", "hexagonal")]
        found = result.index(crystals)
        assert [found.matches[c].phase for c in order] == ["crystal 1", "crystal 1", "crystal 2"]
    finally:
        del systems.CRYSTALS["half"]


@pytest.mark.parametrize("name", systems.CRYSTALS)
def test_a_phase_that_orix_has_saved_and_read(pyxem, tmp_path, name):
    """Its file keeps the turned cell only."""
    from orix import io as orix_io
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation

    from unmix4d.orientation.phase_reflections import atoms_of

    phase = systems.phase(name)
    cm = CrystalMap(Rotation.identity((2,)), x=np.array([0.0, 1]), phase_list=PhaseList(phase))
    orix_io.save(tmp_path / "map.h5", cm)
    again = orix_io.load(tmp_path / "map.h5").phases[0]
    assert atoms_of(again)[0] == atoms_of(phase)[0]
    apart = atoms_of(again)[1] - atoms_of(phase)[1]
    assert np.abs(apart - np.rint(apart)).max() < 1e-6


def test_a_phase_is_the_same_after_it_was_saved(pyxem):
    from unmix4d.orientation.phase_reflections import atoms_of
    from unmix4d.orientation.saved_phases import SavedPhase

    saved = SavedPhase()
    for name in ("hexagonal", "monoclinic"):
        one = systems.phase(name)
        told = saved.write(one, "x", {})
        saved.claims(told, "x", {}, {})
        again = saved.read(told, "x", {})
        assert np.allclose(again.structure.lattice.base, one.structure.lattice.base)
        assert np.allclose(again.structure.xyz, one.structure.xyz) and np.allclose(atoms_of(again)[1], atoms_of(one)[1])


def test_templates_with_displaced_atoms_are_told(pyxem):
    """diffsims undoes what orix does to a cell of lengths and angles, also where orix had nothing to do."""
    import warnings

    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    from unmix4d import UnmixWarning
    from unmix4d.orientation.phase_reflections import say_if_displaced

    cell, group, atoms = systems.CRYSTALS["hexagonal"]
    given = Structure([Atom(element, place) for element, _, place in atoms], Lattice(base=systems.base_of(cell)))
    with pytest.warns(UnmixWarning, match="displaced atoms.*Lattice\\(a, b, c, alpha, beta, gamma\\)"):
        say_if_displaced(Phase("x", space_group=group, structure=given))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in systems.CRYSTALS:
            say_if_displaced(systems.phase(name))
