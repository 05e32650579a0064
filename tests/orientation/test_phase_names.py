"""Phases of one name, or of none, stay two: in a simulation, in a crystal map, in what comes back."""

import warnings

import numpy as np
import pytest

import unmix4d
from support import orientation_scene as scene
from unmix4d.orientation.phase_names import told_apart


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a 2", "a 3"]),
        (["a", "a 2", "a"], ["a", "a 2", "a 3"]),
        (["a", "a", "a 2"], ["a", "a 3", "a 2"]),
        (["", None, " "], ["phase 1", "phase 2", "phase 3"]),
        (["", "phase 1"], ["phase 1 2", "phase 1"]),
        ([1, "1"], ["1", "1 2"]),
        ([], []),
    ],
)
def test_every_name_stands_for_one(names, expected):
    assert told_apart(names) == expected


@pytest.fixture(scope="module")
def unmixed():
    return scene.result(scene.scan())


def two_phases(**kind):
    """Silver, and the same cubic cell a third larger, of the same name."""
    from diffpy.structure import Atom, Lattice, Structure
    from orix.crystal_map import Phase

    atoms = [Atom("Ag", one) for one in ([0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0])]
    cells = [Lattice(a, a, a, 90, 90, 90) for a in (scene.A * 4 / 3, scene.A)]
    return [Phase(space_group=225, structure=Structure(atoms, cell), **kind) for cell in cells]


@pytest.mark.parametrize("kind, names", [({"name": "silver"}, ["silver", "silver 2"]), ({}, ["phase 1", "phase 2"])])
@pytest.mark.parametrize("given", ["one simulation", pytest.param("a list", marks=pytest.mark.slow)])
def test_simulations(pyxem, unmixed, kind, names, given):
    from orix.sampling import get_sample_reduced_fundamental

    phases = two_phases(**kind)
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


def test_crystal_maps(pyxem, unmixed):
    """Half of the scan is of each phase: neither takes the other's place."""
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation

    row, col = np.indices(scene.SCAN)
    truth = unmixed.labels().ravel() % 2
    cm = CrystalMap(
        Rotation.identity((row.size,)), x=col.ravel(), y=row.ravel(), phase_id=truth,
        phase_list=PhaseList(phases=two_phases(name="silver"), ids=[0, 1]),
    )  # fmt: skip
    merged = unmix4d.merge_orientations(unmixed, cm)
    assert list(merged.phases) == ["silver", "silver 2"]
    expected = [["silver", "silver 2"][i % 2] for i in range(unmixed.k)]
    assert [match.phase for match in merged.matches] == expected
    native = merged.crystal_map
    assert native.phases.names == ["silver", "silver 2"] and len(set(native.phases.colors)) == 2
    assert (native.phase_id == truth).all()
    assert unmix4d.compare_orientations(merged, cm).agrees[unmixed.labels() >= 0].all()
