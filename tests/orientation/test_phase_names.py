"""Phases of one name, or of none, stay two: in a simulation, in a crystal map, in what comes back."""

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


def test_crystal_maps(pyxem, unmixed):
    """Half of the scan is of each phase: neither takes the other's place."""
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.quaternion import Rotation

    row, col = np.indices(scene.SCAN)
    truth = unmixed.labels().ravel() % 2
    cm = CrystalMap(
        Rotation.identity((row.size,)), x=col.ravel(), y=row.ravel(), phase_id=truth,
        phase_list=PhaseList(phases=scene.two_phases(name="silver"), ids=[0, 1]),
    )  # fmt: skip
    merged = unmix4d.merge_orientations(unmixed, cm)
    assert list(merged.phases) == ["silver", "silver 2"]
    expected = [["silver", "silver 2"][i % 2] for i in range(unmixed.k)]
    assert [match.phase for match in merged.matches] == expected
    native = merged.crystal_map
    assert native.phases.names == ["silver", "silver 2"] and len(set(native.phases.colors)) == 2
    alone = merged.second < 0  # where two share a position the first need not be the brighter one, which was given
    assert (native.phase_id == truth)[alone.ravel()].all() and alone.mean() > 0.5
    assert unmix4d.compare_orientations(merged, cm).agrees[alone & (merged.first >= 0)].all()
