"""Two orientations where a pattern has two, what decides between them, and how well one is known. No host takes part."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from unmix4d import Orientations
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.orientation import Match, Painting, Rival, decided_by_tilt, laue_rotations, misorientation_deg
from unmix4d.orientation.copies import half_turns
from unmix4d.orientation.likelihood import weighed
from unmix4d.orientation.neighbours import decided_by_neighbours, twin_rotations
from unmix4d.orientation.pattern_model import Experiment, PatternModel
from unmix4d.orientation.record import Candidate, choose_phase
from unmix4d.orientation.refinement import radius_within
from unmix4d.orientation.reflections import Reflections
from unmix4d.orientation.twins import twin_laws_of

CUBIC = laue_rotations(np.eye(3))
A, WAVELENGTH, PIXEL, SIZE, CENTRE = 4.0853, 0.019687, 0.03, (96, 96), (47.3, 48.1)


def silver(reach=1.9):
    n = range(-int(reach * A) - 1, int(reach * A) + 2)
    hkl = np.array([h for h in itertools.product(n, repeat=3) if len({i % 2 for i in h}) == 1 and any(h)])
    length = np.linalg.norm(hkl / A, axis=1)
    return Reflections((hkl / A)[length < reach], np.exp(-3 * length[length < reach]), WAVELENGTH)


SILVER = silver()


def near(axis, tilt_deg=0.0, azimuth_deg=35.0):
    """An orientation with a zone axis near the beam."""
    axis = np.array(axis, float) / np.linalg.norm(axis)
    across = [np.cos(np.radians(azimuth_deg)), np.sin(np.radians(azimuth_deg)), 0]
    tilt = Rotation.from_rotvec(np.radians(tilt_deg) * np.array(across))
    return (tilt * Rotation.from_euler("z", 20, degrees=True) * Rotation.align_vectors([[0, 0, 1]], [axis])[0]).as_matrix()


def model(pattern, gain):
    calibration = Calibration(pixel_size=(PIXEL, PIXEL), pixel_unit="1/Å")
    geometry = ScanGeometry((1, 1), SIZE, centre=CENTRE, calibration=calibration)
    return PatternModel(pattern, geometry, gain=gain, radius=2.0, q_min=0.1)


def measured(matrix, dose=5e3, n=50, seed=0, **seen):
    """The mean of n patterns in counts."""
    seen = {"kind": "gaussian", "width": 0.015, "radius": 1.0, **seen}
    image = model(np.ones(SIZE), 1.0).image(SILVER, matrix, Experiment(**seen))
    expected = n * (dose * image / image.sum() + 0.02)
    return model(np.random.default_rng(seed).poisson(expected) / n, 1 / n)


def found(pattern, truth, **options):
    """From a step of a grid away."""
    start = Rotation.from_rotvec(np.radians([0.7, -0.5, 0.6])).as_matrix() @ truth
    seen = Experiment("gaussian", 0.02, 1.0)
    return weighed(SILVER, pattern, start[None], CUBIC, seen, different_deg=5.0, **options)


@pytest.mark.parametrize(("axis", "away"), [((1, 1, 2), 60.0), ((0, 1, 3), 36.87)])
def test_a_pattern_that_is_its_own_half_turn_has_two_answers(axis, away):
    truth = near(axis)
    told = found(measured(truth), truth)
    assert told.log_ratio < 0.1
    both = [float(misorientation_deg(one.matrix, truth, CUBIC)) for one in (told.best, told.rival)]
    assert min(both) < 0.2 and max(both) == pytest.approx(away, abs=0.5)


def test_reflections_of_upper_layers_decide():
    """Six degrees off the zone axis planes are excited that are not their own image; with few counts they are not seen."""
    truth = near((1, 1, 2), 6.0)
    many, few = (found(measured(truth, dose=dose), truth) for dose in (5e3, 3))
    assert many.log_ratio > 10 and misorientation_deg(many.best.matrix, truth, CUBIC) < 0.1
    assert few.log_ratio < np.log(20)


def test_a_model_error_takes_certainty_away():
    truth = near((1, 1, 2), 6.0)
    exact, doubtful = (found(measured(truth), truth, model_error=error) for error in (None, 0.5))
    assert exact.best.model_error == 0.02 and doubtful.best.model_error == 0.5
    assert doubtful.log_ratio < 0.1 * exact.log_ratio and doubtful.best.error_deg > 3 * exact.best.error_deg


def test_copies_that_are_equivalent_are_no_rivals():
    assert all(misorientation_deg(one, near((0, 0, 1)), CUBIC) < 1e-3 for one in half_turns(SILVER, near((0, 0, 1)), most=1))
    told = found(measured(near((0, 1, 1), 1.0)), near((0, 1, 1), 1.0))
    assert told.rival is None or told.log_ratio > 10


@pytest.mark.parametrize("kind", ["gaussian", "lorentzian"])
@pytest.mark.parametrize(("width", "offset"), [(0.01, (0.4, -0.2)), (0.03, (0.2, 0.1))])
def test_width_and_centre_are_fitted(kind, width, offset):
    truth = near((1, 2, 3), 2.0)
    best = found(measured(truth, kind=kind, width=width, offset=offset), truth).best
    assert misorientation_deg(best.matrix, truth, CUBIC) < 0.1
    assert (best.seen.kind, best.seen.width) == (kind, pytest.approx(width, rel=0.1))
    np.testing.assert_allclose(best.seen.offset, offset, atol=0.03)


def test_scale_and_ellipse_are_fitted_where_they_are_asked_for():
    truth = near((1, 2, 3), 2.0)
    pattern = measured(truth, scale=1.01, strain=(0.01, -0.006))
    best = found(pattern, truth, fit=("width", "scale", "strain", "shear")).best
    assert best.seen.scale == pytest.approx(1.01, abs=1e-3)
    np.testing.assert_allclose(best.seen.strain, (0.01, -0.006), atol=1e-3)


@pytest.mark.slow
def test_nine_of_ten_truths_are_within_their_error():
    within = []
    for i in range(20):
        truth = near(((1, 1, 2), (0, 1, 1), (1, 2, 3), (0, 1, 3))[i % 4], 1 + i / 4, 18.0 * i)
        told = found(measured(truth, dose=20, seed=i), truth)
        away = min(float(misorientation_deg(one.matrix, truth, CUBIC)) for one in (told.best, told.rival or told.best))
        within.append(away <= told.best.error_deg)
    assert np.mean(within) >= 0.85


def test_the_radius_that_holds_a_share_of_normal_vectors():
    covariance = np.diag([0.01, 0.04, 1.0])
    drawn = np.random.default_rng(0).multivariate_normal(np.zeros(3), covariance, 20_000)
    assert np.mean(np.linalg.norm(drawn, axis=1) < radius_within(covariance)) == pytest.approx(0.9, abs=0.02)


def test_flags():
    def flagged(log_ratio, error_deg=0.3):
        rival = None if log_ratio is None else Rival(near((1, 1, 1)), 0.8, 60.0, log_ratio)
        one = Candidate("silver", np.eye(3), 1.0, 0.9, rival, error_deg=error_deg)
        match = choose_phase(0, "single", 12, [one], phase_gap=0.05, odds=20.0)
        return match.orientation_ambiguous, match.two_possible, match.decided_by

    assert flagged(0.0) == flagged(float("nan")) == flagged(np.log(19.0)) == (True, True, "")
    assert flagged(np.log(21.0)) == flagged(None) == (False, False, "likelihood")
    assert flagged(9.0, error_deg=2.5) == (True, False, "likelihood")
    assert Rival(np.eye(3), 0.8, 60.0, np.log(3.0)).ambiguity == pytest.approx(0.25)


# neighbours

TWIN = Rotation.from_rotvec(np.radians(60) * np.ones(3) / 3**0.5).as_matrix()
FIRST = np.repeat([[0, 0, 0, 1, 1, 1, 2, 2]], 4, axis=0)
OTHER = Rotation.from_euler("ZXZ", [75, 40, 10], degrees=True).as_matrix()


def matched(component, matrix, rival=None):
    told = None if rival is None else Rival(rival, 0.9, float(misorientation_deg(matrix, rival, CUBIC)), 0.1)
    one = Candidate("silver", matrix, 1.0, 0.9, told)
    return choose_phase(component, "single", 9, [one], phase_gap=0.05, odds=20.0)


def painting():
    none = np.full(FIRST.shape, -1)
    present = np.array([FIRST == i for i in range(3)])
    return Painting(FIRST, none, np.ones(FIRST.shape), np.zeros(FIRST.shape), FIRST.copy(), present)


def decided(*matches, laws=()):
    return decided_by_neighbours(matches, painting(), {"silver": CUBIC}, {"silver": twin_rotations(laws)})


def test_a_neighbour_of_the_same_orientation_decides():
    """A bent grain in two components: the second one is that copy which continues the first."""
    truth, copy = near((1, 1, 2)), half_turns(SILVER, near((1, 1, 2)))[0]
    first, second, _ = decided(matched(0, truth), matched(1, copy, truth), matched(2, OTHER))
    assert misorientation_deg(second.matrix, truth, CUBIC) < 1e-3 and second.decided_by == "neighbours"
    assert not second.orientation_ambiguous and np.allclose(second.rival.matrix, copy) and second.rival.log_ratio == -0.1
    assert np.allclose(second.candidates[0].matrix, truth) and first.decided_by == "likelihood"


def test_a_twin_decides_where_its_law_is_given():
    truth = OTHER @ TWIN
    given = matched(0, OTHER), matched(1, truth, half_turns(SILVER, near((0, 1, 3)))[0]), matched(2, near((0, 0, 1)))
    assert decided(*given)[1].decided_by == ""
    told = decided(*given, laws=[((1, 1, 1), 60)])[1]
    assert told.decided_by == "neighbours" and np.allclose(told.matrix, truth)


def test_a_decided_neighbour_decides_the_next_one():
    truth, copy = near((1, 1, 2)), half_turns(SILVER, near((1, 1, 2)))[0]
    told = decided(matched(0, truth), matched(1, copy, truth), matched(2, copy, truth))
    assert [one.decided_by for one in told] == ["likelihood", "neighbours", "neighbours"]
    assert misorientation_deg(told[2].matrix, truth, CUBIC) < 1e-3


@pytest.mark.parametrize("case", ["none fits", "both fit", "both are open", "neighbours contradict"])
def test_where_neighbours_do_not_decide(case):
    truth, laws = near((1, 1, 1)), ()
    copy = half_turns(SILVER, truth)[0]
    open_one, first, last = matched(1, truth, copy), matched(0, OTHER), matched(2, near((0, 0, 1)))
    if case == "both fit":  # the copy of [111] is its twin: what it lies beside may be either
        first, laws = matched(0, truth), [((1, 1, 1), 60)]
    elif case == "both are open":
        first = matched(0, truth, copy)
    elif case == "neighbours contradict":
        first, last = matched(0, truth), matched(2, copy)
    told = decided(first, open_one, last, laws=laws)[1]
    assert told.orientation_ambiguous and told.decided_by == "" and np.allclose(told.matrix, truth)


@pytest.mark.parametrize("laws", [[3], [((1, 1, 1),)], [((0, 0, 0), 60)], [((1, 1, 1), np.nan)], ["ab"]])
def test_laws_that_are_none(laws):
    with pytest.raises(ValueError, match="twin_laws must hold"):
        twin_rotations(laws)


@pytest.mark.parametrize(
    ("cell", "atoms", "angles"),
    [
        ("cubic", None, {60.0}),
        ("cubic, m-3", [[0, 0, 0], [0.1, 0.3, 0], [0.9, 0.3, 0], [0, 0.1, 0.3], [0, 0.9, 0.3], [0.3, 0, 0.1], [0.3, 0, 0.9],
                        [0.1, 0.7, 0], [0.9, 0.7, 0], [0, 0.1, 0.7], [0, 0.9, 0.7], [0.7, 0, 0.1], [0.7, 0, 0.9]],
         {60.0, 90.0}),
        ("tetragonal", None, set()),
        ("tetragonal, 4/m", [[0, 0, 0], [0.1, 0.3, 0], [0.9, 0.7, 0], [0.7, 0.1, 0], [0.3, 0.9, 0]], {180.0}),
        ("hexagonal", None, set()),
        ("orthorhombic", None, set()),
    ],
)  # fmt: skip
def test_twin_laws_of_a_phase(cell, atoms, angles):
    """Sigma 3 of cubic crystals, and what a group lacks of the symmetry of its lattice; each law takes the lattice, or for
    Sigma 3 one point of three, onto itself."""
    lattice = {"cubic": np.eye(3), "tetragonal": np.diag([1, 1, 1.4]), "orthorhombic": np.diag([1, 1.2, 1.5]),
               "hexagonal": np.array([[1, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, 1.6]])}[cell.split(",")[0]]  # fmt: skip
    symmetry = laue_rotations(4 * lattice, atoms)
    laws = twin_laws_of(symmetry)
    told = Rotation.from_matrix(laws).magnitude() * 180 / np.pi
    assert told[0] == 0 and {round(one, 3) for one in told[1:]} == angles
    whole = laue_rotations(lattice)
    for law in laws[1:]:
        assert misorientation_deg(law, np.eye(3), symmetry) > 5
        if "," in cell and round(Rotation.from_matrix(law).magnitude() * 180 / np.pi) != 60:
            assert misorientation_deg(law, np.eye(3), whole) < 1e-3


# a second tilt


def tilted_scan(*matches):
    return Orientations("pyxem", matches, painting(), ScanGeometry(FIRST.shape, (8, 8)), {"silver": CUBIC}, {"silver": None})


def test_a_second_tilt_decides():
    """Found again from patterns: of [112] half a turn is another crystal when it is tilted by 15 degrees."""
    truth, angle = near((1, 1, 2)), 15.0
    turn = Rotation.from_rotvec([0, np.radians(angle), 0]).as_matrix()
    first, second = (found(measured(one), one) for one in (truth, turn @ truth))
    copy = max((first.best, first.rival), key=lambda one: misorientation_deg(one.matrix, truth, CUBIC)).matrix
    here = tilted_scan(matched(0, OTHER), matched(1, copy, truth), matched(2, near((0, 0, 1))))
    there = tilted_scan(
        matched(0, turn @ OTHER), matched(1, second.best.matrix, second.rival.matrix), matched(2, turn @ near((0, 0, 1)))
    )
    told = decided_by_tilt(here, there, (0, 1, 0), angle)
    assert told[1].decided_by == "tilt" and misorientation_deg(told[1].matrix, truth, CUBIC) < 0.5
    assert told[0] is here[0] and "decided by tilt: component 1" in repr(told)
    assert decided_by_tilt(here, there, (1, 0, 0), angle)[1].decided_by == ""  # no answer fits after another tilt
    assert decided_by_tilt(here, here, (0, 1, 0), 0.0)[1].decided_by == ""  # both do


def test_what_a_second_tilt_refuses():
    here = tilted_scan(matched(0, OTHER), matched(1, OTHER), matched(2, OTHER))
    with pytest.raises(ValueError, match="axis must be three finite numbers"):
        decided_by_tilt(here, here, (0, 0, 0), 3.0)
    with pytest.raises(ValueError, match="angle_deg"):
        decided_by_tilt(here, here, (1, 0, 0), np.nan)


# both on the scan


def orientations():
    truth, copy = near((1, 1, 2)), half_turns(SILVER, near((1, 1, 2)))[0]
    matches = matched(0, OTHER), matched(1, truth, copy), matched(2, near((0, 0, 1)))
    where = dataclasses.replace(painting(), second=np.where(FIRST == 0, 1, -1))
    return Orientations("pyxem", matches, where, ScanGeometry(FIRST.shape, (8, 8)), {"silver": CUBIC}, {"silver": None})


def test_both_are_painted():
    both = orientations()
    assert np.allclose(both.ambiguity[0], [0, 0, 0, *[1 / (1 + np.exp(0.1))] * 3, 0, 0])
    rivals = both.matrices("rival")
    assert np.allclose(rivals[0, 3], both[1].rival.matrix) and np.isnan(rivals[FIRST != 1]).all()
    assert both.table["rival_deg"][1] == pytest.approx(60, abs=0.5) and np.isnan(both.table["rival_deg"][0])
    assert "orientation ambiguous: component 1" in repr(both)


def test_a_crystal_map_has_them_best_first():
    pytest.importorskip("orix")
    from orix.crystal_map import Phase

    from unmix4d.orientation.convert import on_scan
    from unmix4d.orientation.geometry import from_orix_matrix

    both = dataclasses.replace(orientations(), phases={"silver": Phase("silver", point_group="m-3m")})
    cm = both.crystal_map
    assert cm.rotations_per_point == 3  # the first, and the second with its rival
    assert cm.prop["rotations_listed"].reshape(FIRST.shape)[0].tolist() == [3, 3, 3, 2, 2, 2, 1, 1]
    matrices = from_orix_matrix(cm.rotations.to_matrix()).reshape(*FIRST.shape, 3, 3, 3)
    np.testing.assert_allclose(matrices[0, 3], [both[1].matrix, both[1].rival.matrix, both[1].matrix], atol=1e-6)
    np.testing.assert_allclose(matrices[0, 0], [both[0].matrix, both[1].matrix, both[1].rival.matrix], atol=1e-6)
    again = on_scan(cm)
    assert (again.phase >= 0).sum(-1)[0].tolist() == [3, 3, 3, 2, 2, 2, 1, 1]
    alone = dataclasses.replace(both, painting=painting())
    assert alone.crystal_map.rotations_per_point == 2


def test_both_are_saved(tmp_path):
    pytest.importorskip("orix")
    from orix.crystal_map import Phase

    import unmix4d

    both = dataclasses.replace(orientations(), phases={"silver": Phase("silver", point_group="m-3m")})
    both.save(tmp_path / "both.h5")
    again = unmix4d.load(tmp_path / "both.h5")
    assert np.allclose(again[1].rival.matrix, both[1].rival.matrix) and again[1].rival.log_ratio == 0.1
    assert again[0].rival is None and again[1].two_possible and again[0].decided_by == "likelihood"


def test_a_match_without_a_rival_is_certain():
    assert Match(0, "single", 3, "silver", np.eye(3)).ambiguity == 0
