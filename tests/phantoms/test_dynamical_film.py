"""Films that scatter dynamically: do they obey the physics that they are said to obey?"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from unmix4d import phantoms
from unmix4d.phantoms._build import make_detector
from unmix4d.phantoms._layers import Disk, pixels_of, through
from unmix4d.phantoms._two_beam import MATERIALS, Reflections, reflections, shared_out, two_beam
from unmix4d.scores import true_grains

FILM = Path(__file__).parents[2] / "../shared/data/ag_film_sparse.npz"
SMALL = dict(scan_shape=(14, 12), detector_shape=(49, 45))
FLAT = dict(wedge=0.0, thickness_variation=0.0, bending_mrad=0.0, background=0.0, edge=0.0, mean_free_path=1e9)
POINT = Disk(np.zeros((1, 2)), np.ones(1))


def crystal(*vectors, extinction=300.0):
    return Reflections(np.array(vectors, float), np.full(len(vectors), extinction))


def one(layers, thickness):
    """Beams behind layers at one position, as a dict of vectors."""
    vectors, beams = through(layers, [np.array([t]) for t in thickness], np.zeros((1, 2)), POINT)
    return {tuple(v.round(6)): b for v, b in zip(vectors, beams[0, :, 0])}


def test_two_beam_limits():
    s, xi = 0.004, 300.0
    thin = 2.0
    kinematical = (np.pi * thin / xi * np.sinc(s * thin)) ** 2
    assert two_beam(s, thin, xi) == pytest.approx(kinematical, rel=1e-3)
    t = np.linspace(0, 900, 901)
    assert np.allclose(two_beam(0.0, t, xi), np.sin(np.pi * t / xi) ** 2, atol=1e-12)
    # Off the Bragg condition the fringes are closer and weaker: the effective extinction distance.
    off = two_beam(s, t, xi)
    assert off.max() == pytest.approx(1 / (1 + (s * xi) ** 2), rel=1e-3)
    assert t[1:][np.argmin(off[1:400])] == pytest.approx(1 / np.hypot(s, 1 / xi), abs=1)


def test_nothing_is_lost():
    rng = np.random.default_rng(0)
    direct, diffracted = shared_out(rng.random((5, 7, 3)))
    assert np.allclose(direct + diffracted.sum(axis=1), 1) and (diffracted >= 0).all()
    # One beam is that of two beams; two weak ones do not know of each other.
    assert shared_out(np.array([[[0.3]]]))[0].item() == pytest.approx(0.7)
    assert np.allclose(shared_out(np.array([[[1e-3], [2e-3]]]))[1].ravel(), [1e-3, 2e-3], rtol=2e-3)
    upper, lower = (reflections("Ag", Rotation.random(random_state=i).as_matrix(), 1.0).near(0.05, 200.0) for i in (1, 2))
    vectors, beams = through([upper, lower], [np.array([150.0, 90.0]), np.array([80.0, 200.0])], np.zeros((2, 2)),
                             Disk.of(2.0, 0.03))  # fmt: skip
    assert np.allclose(beams.sum(axis=1), 1, atol=1e-5) and (beams >= 0).all() and len(vectors) == beams.shape[1]


def test_extinction_distances_are_those_of_tables():
    # Williams and Carter, Table 13.2, at 100 keV (111 of fcc, 110 of bcc), times the ratio of velocities at 300 keV.
    for name, expected in {"Ag": 224, "Al": 563, "Au": 183, "Fe": 286}.items():
        material = MATERIALS[name]
        hkl = [1, 1, 1] if material.centring == "fcc" else [1, 1, 0]
        matrix = Rotation.align_vectors([[1, 0, 0]], [hkl])[0].as_matrix()
        found = reflections(name, matrix, 0.6)
        length = np.linalg.norm(found.vectors, axis=1)
        shortest = np.argmin(length)
        assert length[shortest] == pytest.approx(np.linalg.norm(hkl) / material.lattice_parameter)
        assert found.extinction[shortest] == pytest.approx(expected * 0.776 / 0.548, rel=0.12), name


def test_friedel_partners_differ_where_the_crystal_is_tilted():
    g = 0.42
    on_axis = crystal([g, 0, 0], [-g, 0, 0])
    assert np.ptp(on_axis.excitation()) == 0 and on_axis.excitation()[0] < 0  # both outside of the Ewald sphere
    tilted = crystal([g * np.cos(0.004), 0, g * np.sin(0.004)], [-g * np.cos(0.004), 0, -g * np.sin(0.004)])
    beams = one([tilted], [100.0])
    plus, minus = (beams[(sign * round(g * np.cos(0.004), 6), 0.0)] for sign in (1, -1))
    assert plus > 1.2 * minus
    # To tilt the crystal and to tilt the beam is the same.
    assert np.allclose(on_axis.excitation([-0.004 / 0.019687, 0.0]), tilted.excitation(), atol=1e-5)


def test_double_diffraction():
    upper, lower = crystal([0.3, 0, 0.001]), crystal([0.1, 0.25, 0.001])
    both = one([upper, lower], [120.0, 90.0])
    g1, g2, together = (0.3, 0.0), (0.1, 0.25), (0.4, 0.25)
    assert set(both) == {(0.0, 0.0), g1, g2, together}
    first = one([upper], [120.0])
    assert together not in first and together not in one([lower], [90.0])
    # What is there came from the beam of the upper crystal, which has become weaker by just that.
    second = two_beam(lower.excitation([0.3, 0.0])[0], 90.0, 300.0)
    assert both[together] == pytest.approx(first[g1] * second, rel=1e-4)
    assert both[g1] == pytest.approx(first[g1] * (1 - second), rel=1e-4)
    assert both[(0.0, 0.0)] < min(first[(0.0, 0.0)], one([lower], [90.0])[(0.0, 0.0)])
    # The lower one gets what the upper one let through.
    assert both[g2] == pytest.approx(first[(0.0, 0.0)] * one([lower], [90.0])[g2], rel=1e-4)


def test_disks_have_their_rocking_curves_in_them():
    disk = Disk.of(6.0, 0.03)
    assert disk.weights.sum() == pytest.approx(1) and np.abs(disk.weights @ disk.offsets).max() < 1e-9
    tilted = crystal([0.4, 0, 0.0])
    _, beams = through([tilted], [np.array([400.0])], np.zeros((1, 2)), disk)
    profile, along, across = beams[0, 1], *disk.offsets.T
    line = np.abs(across) < 0.01
    # s = 0 where the beam comes from half a scattering vector on the other side: towards one edge of the disk.
    assert profile[line][np.argmin(along[line])] > 2 * profile[line][np.argmax(along[line])]
    column = np.abs(along - 0.03) < 0.01
    assert np.ptp(profile[column]) < 1e-6  # nothing changes across the scattering vector
    detector = make_detector((64, 64), None, 0.03)
    drawn = pixels_of(detector, np.array([[0.2, -0.1]]), disk).sum(axis=0).A1.reshape(64, 64)
    row, col = np.indices((64, 64))
    assert drawn.sum() == pytest.approx(1, abs=1e-6)
    assert (drawn * row).sum() == pytest.approx(detector.centre[0] + 0.2 / 0.03, abs=1e-3)
    assert (drawn * col).sum() == pytest.approx(detector.centre[1] - 0.1 / 0.03, abs=1e-3)
    inside = drawn > 0.5 * drawn.max()
    assert inside.sum() == pytest.approx(np.pi * 6**2, rel=0.1) and drawn[inside].std() < 0.2 * drawn.max()


def test_turning_the_crystal_about_the_beam_turns_the_pattern():
    matrix = Rotation.random(random_state=3).as_matrix()
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])  # (row, column): down to the right, counter-clockwise
    detector, disk = make_detector((49, 49), None, None), Disk.of(1.5, 2.05 / 49)
    images = []
    for m in (matrix, quarter @ matrix):
        found = reflections("Ag", m, detector.q_max).near(0.1, 300.0)
        vectors, beams = through([found], [np.array([250.0])], np.zeros((1, 2)), disk)
        images.append((beams[:, 1:].ravel() @ pixels_of(detector, vectors[1:], disk)).reshape(49, 49))
    assert images[0].sum() > 0.01
    # Not to the last digit: the samples of a disk lie on a square grid, which a quarter of a turn leaves as it is.
    assert np.allclose(np.rot90(images[0]), images[1], atol=1e-6)


def test_dose_and_seeds():
    first, again, other = (phantoms.dynamical_film(n_grains=3, **SMALL, dose=500, seed=s) for s in (1, 1, 2))
    assert first.data.dtype == np.uint16 and np.array_equal(first.data, again.data)
    assert not np.array_equal(first.data, other.data)
    more = phantoms.dynamical_film(n_grains=3, **SMALL, dose=1000, seed=1)
    assert np.allclose(more.maps, first.maps) and np.allclose(more.patterns, 2 * first.patterns)
    expected = phantoms.dynamical_film(n_grains=3, **SMALL, dose=None, seed=1).data * (500 / 1e4)
    assert abs(first.data.mean() / expected.mean() - 1) < 5 / np.sqrt(expected.sum())
    assert 0.93 * 500 < expected.sum(axis=(2, 3)).mean() <= 500  # what is scattered past the detector is lost
    use = expected > 0.05
    chi2 = ((first.data - expected)[use] ** 2 / expected[use]).sum()
    assert abs(chi2 - use.sum()) < 5 * np.sqrt((2 + 1 / expected[use]).sum())


def test_truth():
    p = phantoms.dynamical_film(n_grains=4, scan_shape=(24, 22), detector_shape=(48, 48), overlap=0.6, dose=None, seed=1)
    assert p.names == ("background", "grain 1", "grain 2", "grain 3", "grain 4") and p.k == 5
    assert np.allclose(p.maps.sum(axis=0), 1) and (p.maps >= 0).all() and (p.patterns >= 0).all()
    assert p.thickness.shape == p.maps.shape and not p.thickness[0].any()
    assert np.allclose(p.maps[1:] / p.maps[1:].max(), p.thickness[1:] / p.thickness.max())
    assert np.isnan(p.orientations[0]).all()
    assert np.allclose(p.orientations[1:] @ p.orientations[1:].transpose(0, 2, 1), np.eye(3))
    # The pattern of a grain has its spots where its orientation puts them.
    detector = make_detector((48, 48), None, None)
    for matrix, pattern, bare in zip(p.orientations[1:], p.patterns[1:], [p.patterns[0]] * 4):
        found = reflections("Ag", matrix, 0.9)
        s = np.abs(found.excitation())
        row, col = (detector.centre + found.vectors[np.argmin(s), :2] / detector.pixel_size).round().astype(int)
        near = (slice(max(row - 2, 0), row + 3), slice(max(col - 2, 0), col + 3))
        assert pattern[near].sum() > bare[near].sum()


def test_it_is_not_linear_and_how_much_so():
    """A film without fringes is explained by one pattern for each grain, a thick wedge is not."""
    unexplained = []
    for options in (dict(thickness=1.0), dict(thickness=60.0, wedge=0.7)):
        p = phantoms.dynamical_film(n_grains=2, **SMALL, **{**FLAT, **options}, dose=None, seed=2)
        row, col = np.indices(p.detector_shape)
        far = np.hypot(row - p.centre[0], col - p.centre[1]) > 4
        grain = p.data[p.maps[1] > 0.5 * p.maps[1].max()][:, far].astype(float)
        values = np.linalg.svd(grain, compute_uv=False) ** 2
        unexplained.append(1 - values[0] / values.sum())
    assert unexplained[0] < 1e-6 and unexplained[1] > 0.05


def test_thickness_fringes_change_sign():
    """With the thickness, the intensity of a spot goes up and down again; the direct beam does the opposite."""
    found = crystal([0.42, 0, 0.0017], extinction=300.0)
    t = np.linspace(10, 600, 60)
    _, beams = through([found], [t], np.zeros((60, 2)), POINT)
    steps = np.diff(beams[:, 1, 0])
    assert (steps > 0).any() and (steps < 0).any() and np.corrcoef(beams[:, 0, 0], beams[:, 1, 0])[0, 1] < -0.99


def test_vacuum_and_support():
    options = dict(n_grains=3, scan_shape=(20, 20), detector_shape=(48, 48), vacuum=0.3, background=0.3, dose=None, edge=0.0)
    far = np.hypot(*(np.indices((48, 48)) - 23.5)) > 6
    with_film, oxide = (phantoms.dynamical_film(**options, support=s, seed=4) for s in (True, False))
    empty = ~with_film.thickness.any(axis=0)
    assert empty.mean() == pytest.approx(0.3, abs=0.02)
    assert (with_film.data[empty][:, far].sum(axis=1) > 0.1 * 1e4).all()
    assert oxide.data[empty][:, far].max() == 0 and oxide.data[~empty][:, far].sum() > 0
    assert np.allclose(oxide.data[empty].sum(axis=(1, 2)), 1e4)


def test_the_inelastic_background_grows_with_the_thickness():
    options = dict(n_grains=2, **SMALL, **{**FLAT, "mean_free_path": 100.0}, dose=None, seed=0)
    thin, thick = (phantoms.dynamical_film(**options, thickness=t) for t in (5.0, 20.0))
    between = np.median(thin.data, axis=(2, 3)), np.median(thick.data, axis=(2, 3))
    assert np.allclose(between[1] / between[0], (1 - np.exp(-0.2)) / (1 - np.exp(-0.05)), rtol=0.05)


@pytest.mark.slow
@pytest.mark.skipif(not FILM.exists(), reason="the multislice film is not here")
def test_multislice_patterns_are_predicted():
    """Where one silver grain of a multislice film is alone, its known orientation and thickness give its pattern."""
    with np.load(FILM) as file:
        counts = file["counts"].reshape(64, 64, 68, 2, 68, 2).sum(axis=(3, 5)) / float(file["dose"])
        atoms, step, matrices = file["thickness"], float(file["step"]), Rotation.from_quat(file["rotations"]).as_matrix()
    detector, disk = make_detector((68, 68), (33.75, 33.75), 0.025), Disk.of(2.1, 0.025)
    far = np.hypot(*(np.indices((68, 68)) - 33.75)) > 5
    alike, total = [], []
    for atom, matrix in zip(atoms, matrices):
        alone = (atom > 0.5 * atom.max()) & (atoms.sum(axis=0) - atom < 0.15 * atom)
        if alone.sum() < 10:
            continue
        thickness = atom[alone] * 4.086**3 / 4 / step**2
        found = reflections("Ag", matrix, 1.2)
        # Its electrons travel along +z.
        found = Reflections(found.vectors * [1, 1, -1], found.extinction).near(0.06, thickness.max())
        vectors, beams = through([found], [thickness], np.zeros((alone.sum(), 2)), disk)
        predicted = (beams.mean(axis=0).ravel() @ pixels_of(detector, vectors, disk)).reshape(68, 68)[far]
        measured = counts[alone].mean(axis=0)[far]
        alike.append(np.corrcoef(predicted, measured)[0, 1])
        total.append(predicted.sum() / measured.sum())
    assert len(alike) >= 8 and np.median(alike) > 0.95 and 0.6 < np.median(total) < 1.3


def test_cases_table():
    table = phantoms.cases("dynamical")
    assert len(table) >= 12 and not set(table) & set(phantoms.cases())
    for name, entry in table.items():
        assert set(entry) == {"description", "builder", "parameters", "seeds", "unseen_seeds"}, name
        assert entry["builder"] == "dynamical_film" and len(entry["seeds"]) == len(entry["unseen_seeds"]) == 2
        assert not set(entry["seeds"]) & set(entry["unseen_seeds"])
    json.dumps(table)
    with pytest.raises(ValueError, match="kind must be one of kinematical, dynamical, found 'all'"):
        phantoms.cases("all")


@pytest.mark.parametrize(
    "name", [n if n == "film_overlap" else pytest.param(n, marks=pytest.mark.slow) for n in phantoms.cases("dynamical")]
)
def test_every_case_builds(name):
    entry = phantoms.cases("dynamical")[name]
    for seed in [None] if name == "film_overlap" else [*entry["seeds"], *entry["unseen_seeds"]]:
        p = phantoms.case(name, seed)
        assert p.settings["case"] == name and true_grains(p.maps[1:]).any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_grains": 0}, "n_grains must be at least 1"),
        ({"n_grains": 200}, "n_grains must leave each grain some positions"),
        ({"materials": ()}, "materials must be one or more of Ag, Al, Au, Fe"),
        ({"materials": ("Zz",)}, "materials must be .* found"),
        ({"thickness": 0}, "thickness must be a number above 0"),
        ({"wedge": 1.0}, "wedge must be .* below 1"),
        ({"overlap": -0.1}, "overlap must be"),
        ({"support": 1}, "support must be True or False"),
        ({"disk_radius": np.nan}, "disk_radius must be"),
        ({"lattice_parameter": 0.4}, "lattice_parameter must be"),
        ({"scan_shape": (3, 3)}, "scan_shape must be 2 integers of at least 4"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        phantoms.dynamical_film(**{**SMALL, **options})
