"""Orientations by py4DSTEM, and what needs no host: symmetry, painting, sources, errors."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import unmix4d
from support import orientation_scene as scene
from unmix4d import Unmix
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.orientation import laue_rotations, mean_orientation, misorientation_deg
from unmix4d.orientation.disk_likeness import DiskLikeness
from unmix4d.orientation.geometry import detector_to_scan, pixels_to_vectors, to_scan_frame
from unmix4d.orientation.in_plane import rotated_templates
from unmix4d.orientation.match_py4dstem import zone_axis_range
from unmix4d.orientation.pattern_likeness import PatternLikeness, SmoothedPattern
from unmix4d.orientation.ranking import rank
from unmix4d.orientation.reflections import Reflections
from unmix4d.orientation.sources import paint, representative_patterns
from unmix4d.orientation.symmetry import as_quaternion

CUBIC = laue_rotations(np.eye(3))


@pytest.fixture(scope="module")
def film():
    return scene.scan()


@pytest.fixture(scope="module")
def unmixed(film):
    return scene.result(film)


@pytest.fixture(scope="module")
def silver(py4dstem):
    return py4dstem.process.diffraction.Crystal(np.array(scene.ATOMS), 47, scene.A)


@pytest.fixture(scope="module")
def indexed(unmixed, silver):
    return unmixed.index(silver)


def errors(found, order):
    return [float(misorientation_deg(found.matches[c].matrix, m, CUBIC)) for c, m in zip(order, scene.TRUTH)]


# what needs no host


@pytest.mark.parametrize(
    ("lattice", "n"),
    [(4 * np.eye(3), 24), (np.diag([3.0, 3, 5]), 8), (np.diag([3.0, 4, 5]), 4), ([[3, 0, 0], [-1.5, 3 * 0.75**0.5, 0], [0,
    0, 5]], 12),
     ([[3, 0, 0], [0, 4, 0], [-1, 0, 5]], 2), ([[3, 0, 0], [0.5, 4, 0], [-1, 0.7, 5]], 1)],
)  # fmt: skip
def test_symmetry_of_a_lattice(lattice, n):
    found = laue_rotations(np.array(lattice, float))
    assert len(found) == n
    assert np.allclose(found @ found.transpose(0, 2, 1), np.eye(3)) and np.allclose(np.linalg.det(found), 1)


_HALF = 3**0.5 / 2
_HEXAGONAL = np.array([[3, 0, 0], [-1.5, 3 * _HALF, 0], [0, 0, 5]])


def _rotations(*turns):
    """The group that some rotations generate: (axis, order)."""
    group = [np.eye(3)]
    steps = [Rotation.from_rotvec(2 * np.pi / n * np.array(axis, float)).as_matrix() for axis, n in turns]
    for one in group:
        for step in steps:
            new = one @ step
            if not any(np.allclose(new, known) for known in group):
                group.append(new)
    return np.array(group)


@pytest.mark.parametrize(
    ("symmetry", "order"),
    [(laue_rotations(np.eye(3)), 24), (_rotations(((1, 0, 0), 2), ((0, 0, 1), 2), (np.ones(3) / 3**0.5, 3)), 12),
     (laue_rotations(_HEXAGONAL), 12), (_rotations(((0, 0, 1), 6)), 6), (laue_rotations(np.diag([3.0, 3, 5])), 8),
     (_rotations(((0, 0, 1), 4)), 4), (laue_rotations(np.diag([3.0, 4, 5])), 4)],
)  # fmt: skip
def test_every_direction_is_in_the_range_of_zone_axes(symmetry, order):
    """With the crystal's rotations and Friedel's law; and none of them more than twice: the range is not too large."""
    assert len(symmetry) == order
    corners = np.vstack([[0, 0, 1], zone_axis_range(symmetry)["zone_axis_range"]])
    directions = np.random.default_rng(0).normal(size=(400, 3))
    equivalent = np.einsum("sij,nj->nsi", np.concatenate([symmetry, -symmetry]), directions)
    inside = (np.linalg.solve(corners.T, equivalent[..., None])[..., 0] > -1e-9).all(-1).sum(1)
    assert inside.min() >= 1 and inside.max() <= 2


@pytest.mark.parametrize(
    ("symmetry", "kind"),
    [(_rotations(((0, 0, 1), 3)), "fiber"), (_rotations(((0, 0, 1), 3), ((1, 0, 0), 2)), "fiber"),
     (_rotations(((0, 1, 0), 2)), "half"), (_rotations(((0, 0, 1), 2)), "full"), (np.eye(3)[None], "full")],
)  # fmt: skip
def test_range_of_zone_axes_that_is_no_triangle(symmetry, kind):
    assert zone_axis_range(symmetry)["zone_axis_range"] == kind


@pytest.mark.parametrize(
    ("positions", "kinds", "order"),
    [
        ([[0, 0, 0]], None, 24),
        ([[0.1, 0.2, 0.3]], None, 24),  # wherever the origin is
        ([[0, 0, 0], [0.5, 0.5, 0.5]], [0, 1], 24),
        ([[0, 0, 0], [0.5, 0.5, 0.0]], None, 8),
        ([[0, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0.5]], [0, 0, 1], 8),
        ([[0, 0, 0], [0.5, 0.5, 0.52]], [0, 1], 8),  # polar, but Friedel's law adds the inversion
        ([[0, 0, 0], [0.3, 0.2, 0.1]], [0, 1], 1),
        ([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0],
          *(np.array([[1, 1, 1], [1, 3, 3], [3, 1, 3], [3, 3, 1]]) / 4)], [0, 0, 0, 0, 1, 1, 1, 1], 24),
    ],
)  # fmt: skip
def test_atoms_take_symmetry_away(positions, kinds, order):
    assert len(laue_rotations(4 * np.eye(3), positions, kinds)) == order


def test_misorientation_is_that_of_the_nearest_equivalent():
    turns = Rotation.random(40, random_state=0).as_matrix()
    small = Rotation.from_rotvec(np.radians(3) * np.array([0.6, 0, 0.8])).as_matrix()
    equivalent = turns @ small @ CUBIC[np.arange(40) % 24]
    assert np.allclose(misorientation_deg(turns, equivalent, CUBIC), 3, atol=1e-9)
    assert misorientation_deg(turns, Rotation.random(40, random_state=1).as_matrix(), CUBIC).max() < 62.81  # Mackenzie
    assert np.isnan(misorientation_deg(np.full((3, 3), np.nan), np.eye(3), CUBIC))


def test_mean_of_equivalents_with_strays():
    rng = np.random.default_rng(0)
    truth = Rotation.random(random_state=2).as_matrix()
    near = truth @ Rotation.from_rotvec(np.radians(1) * rng.normal(size=(60, 3))).as_matrix()
    near = near @ CUBIC[rng.integers(24, size=60)]
    mean, spread = mean_orientation(np.concatenate([near, Rotation.random(15, random_state=3).as_matrix()]), CUBIC)
    assert misorientation_deg(mean, truth, CUBIC) < 0.5
    assert 1 < spread < 3
    with pytest.raises(ValueError, match="at least one orientation"):
        mean_orientation(np.empty((0, 3, 3)))


def test_quaternions_return():
    matrices = Rotation.random(5, random_state=0).as_matrix()
    assert np.allclose(Rotation.from_quat(as_quaternion(matrices)).as_matrix(), matrices)
    assert np.isnan(as_quaternion(np.full((2, 3, 3), np.nan))).all()


def reflections():
    """Those of the scene, with the structure factors that it takes."""
    n = range(-6, 7)
    hkl = [(h, k, l) for h in n for k in n for l in n if len({h % 2, k % 2, l % 2}) == 1 and (h, k, l) != (0, 0, 0)]
    g = np.array(hkl) / scene.A
    length = np.linalg.norm(g, axis=1)
    return Reflections(g[length < 1.4], np.exp(-3 * length[length < 1.4]), scene.WAVELENGTH, width=0.02)


def test_disks_and_refinement_find_the_orientation():
    for truth in scene.TRUTH:
        vectors = np.column_stack(scene.spots(truth))
        likeness = DiskLikeness(reflections(), vectors)
        assert likeness.values(truth)[0] > 0.99
        off = Rotation.from_rotvec(np.radians([1.5, -1.0, 0.8])).as_matrix() @ truth
        candidates = np.stack([Rotation.random(random_state=4).as_matrix(), off])
        (matrix, fit, index), (_, other, _) = rank(likeness, candidates, CUBIC)
        assert index == 1 and fit > 0.98 and other < 0.9
        assert misorientation_deg(matrix, truth, CUBIC) < 0.3
    assert DiskLikeness(reflections(), np.empty((0, 3))).values(truth)[0] == 0


def smoothed(pattern, q_min=0.1, **facts):
    facts = {"rotation_deg": None, "flip": False, **facts}
    calibration = Calibration(pixel_size=(scene.PIXEL, scene.PIXEL), pixel_unit="1/Å", **facts)
    geometry = ScanGeometry((1, 1), scene.SIZE, centre=scene.CENTRE, calibration=calibration)
    return SmoothedPattern(pattern, geometry, radius=1.3, q_min=q_min)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("turn", "flip"), [(0, False), (37, False), (-20, True)])
def test_whole_pattern_finds_the_orientation(turn, flip):
    """In counts, on a background that falls off, however the detector lies."""
    rng = np.random.default_rng(1)
    length = np.hypot(*(np.moveaxis(np.indices(scene.SIZE), 0, -1) - scene.CENTRE).T).T * scene.PIXEL
    for truth in scene.TRUTH:
        expected = 2e4 * scene.pattern(truth, turn_deg=turn, flip=flip) + 3 * np.exp(-3 * length)
        pattern = rng.poisson(expected).astype(float)
        likeness = PatternLikeness(reflections(), smoothed(pattern, rotation_deg=turn, flip=flip))
        off = Rotation.from_rotvec(np.radians([1.5, -1.0, 0.8])).as_matrix() @ truth
        candidates = np.concatenate([Rotation.random(20, random_state=4).as_matrix(), off[None]])
        matrix, fit, index = rank(likeness, candidates, CUBIC)[0]
        assert index == 20 and 0.6 < fit <= 1
        assert misorientation_deg(matrix, truth, CUBIC) < 0.5


def test_templates_are_turned_in_the_plane():
    """Zone axes at any in-plane angle, one of them mirrored: the truth is found, and nothing else is as good."""
    for truth in scene.TRUTH:
        likeness = PatternLikeness(reflections(), smoothed(2e4 * scene.pattern(truth, turn_deg=25), rotation_deg=25))
        turned = Rotation.from_euler("z", 131, degrees=True).as_matrix() @ truth
        others = Rotation.random(30, random_state=1).as_matrix()
        for one in (turned, np.diag([-1.0, 1, -1]) @ turned):
            found = rotated_templates(likeness, np.concatenate([others, one[None]]), CUBIC)
            assert misorientation_deg(found[0], truth, CUBIC) < 4  # in steps of 3 degrees, with wide spots
            apart = [misorientation_deg(a, b, CUBIC) for i, a in enumerate(found) for b in found[:i]]
            assert len(found) > 3 and min(apart) > 5


@pytest.mark.slow
def test_one_shape_of_the_excitation_is_taken_for_all(unmixed, silver):
    found = unmixed.index(silver)
    assert found.settings["shape"] == "gaussian, 0.02 1/Å"  # which the scene was made with
    assert unmixed.index(silver, rank="disks").settings["shape"] is None


def test_likeness_of_a_simulation_with_itself_is_one():
    """A pattern of the shape that is assumed: Gaussian amplitudes, without background or noise."""
    kind = reflections()
    for truth in scene.TRUTH:
        q, error = (one[0] for one in kind.excited(truth))
        amplitude = np.sqrt(kind.intensity / (1 + (error / 0.01) ** 2))
        row, col = np.indices(scene.SIZE)
        image = np.zeros(scene.SIZE)
        for (y, x), a in zip(q / scene.PIXEL, amplitude * (amplitude > 0.05 * amplitude.max())):
            image += a * np.exp(-((row - scene.CENTRE[0] - y) ** 2 + (col - scene.CENTRE[1] - x) ** 2) / (2 * 0.91**2))
        exact = PatternLikeness(kind, smoothed(image**2)).values(truth)[0]
        assert 0.97 < exact <= 1
        assert PatternLikeness(kind, smoothed(image**2 * 1e6)).values(truth)[0] == pytest.approx(exact)


def test_likeness_where_there_is_nothing():
    empty = PatternLikeness(reflections(), smoothed(np.zeros(scene.SIZE)))
    assert empty.values(scene.TRUTH).tolist() == [0, 0, 0] and empty.wider(2.0).values(scene.TRUTH).tolist() == [0, 0, 0]
    beyond = PatternLikeness(reflections(), smoothed(scene.pattern(scene.TRUTH[0]), q_min=9.0))
    assert beyond.values(scene.TRUTH).tolist() == [0, 0, 0]


def test_painting(unmixed):
    order = scene.order(unmixed)
    painted = paint(unmixed, [True] * 3)
    assert (painted.first[:, 0] == order[0]).all() and (painted.first[:, -1] == order[2]).all()
    for col, pair in ((6, order[:2]), (11, order[1:])):
        assert {tuple(sorted(p)) for p in zip(painted.first[:, col], painted.second[:, col])} == {tuple(sorted(pair))}
    assert (painted.second[:, [0, 8, -1]] == -1).all()
    assert (painted.weight + painted.second_weight <= 1 + 1e-6).all()
    for number in range(painted.grain.max() + 1):
        assert len(np.unique(painted.first[painted.grain == number])) == 1
    without = paint(unmixed, np.arange(3) != order[1])
    assert not (without.first == order[1]).any() and (without.first[:, 8] == -1).all()


@pytest.mark.slow
def test_a_calibration_that_is_off_by_one_per_cent(film, silver):
    """Vectors on the detector are 1.01 times as long as the calibration says: that is found, and no degree is lost."""
    unmixed = scene.result(film, pixel_size=1.01 * scene.PIXEL)
    found = unmixed.index(silver, distortion=True)
    told = found.settings["distortion_found"]
    assert told["scale"] == pytest.approx(1.01, abs=2e-3)
    assert abs(told["strain"]) < 3e-3 and abs(told["shear"]) < 3e-3
    assert max(errors(found, scene.order(unmixed))) < 0.6
    with pytest.raises(ValueError, match="distortion needs whole patterns"):
        unmixed.index(silver, distortion=True, rank="disks")


def test_components_that_are_asked_for(unmixed, silver):
    order = scene.order(unmixed)
    found = unmixed.index(silver, components=[order[0], order[2]], rank="host")
    assert [one.component for one in found.matches if one.matched] == sorted([order[0], order[2]])
    assert found.settings["not_indexed"] == [order[1]] and not (found.first == order[1]).any()
    with pytest.raises(ValueError, match="components must be"):
        unmixed.index(silver, components=[7], rank="host")


def test_sources(unmixed):
    patterns, used, n = representative_patterns(unmixed, None)
    assert used == ("single",) * 3 and (n >= 10).all() and np.isfinite(patterns).all()
    assert representative_patterns(unmixed, None, enough=10_000)[1] == ("component",) * 3
    assert representative_patterns(unmixed, "mean")[1] == ("mean",) * 3
    single = representative_patterns(unmixed, "single")[0]
    assert np.allclose(single, np.nan_to_num(unmixed.mean_patterns(single=True)))


def test_excluded_pixels_are_zero_for_the_matcher(film):
    mask = np.zeros(film.shape[2:], bool)
    mask[:20] = True
    view = Unmix(film, centre=scene.CENTRE, pixel_size=scene.PIXEL, pixel_unit="1/Å").prepare(detector_mask=mask)
    patterns, _, _ = representative_patterns(view.nmf(3, random_state=0), None)
    assert (patterns[:, :20] == 0).all()


def test_frame_of_the_scan_is_that_of_py4dstem(py4dstem):
    rng = np.random.default_rng(0)
    q = rng.normal(size=(20, 2))
    for flip in (False, True):
        vectors = py4dstem.BraggVectors((1, 1), (64, 64))
        data = np.zeros(20, dtype=[("qx", float), ("qy", float), ("intensity", float)])
        data["qx"], data["qy"] = q.T
        vectors._v_uncal[0, 0].add(data)
        cal = vectors.calibration
        cal.set_origin((0, 0))
        cal.set_Q_pixel_size(1.0)
        cal.set_QR_rotation_degrees(-25.0)
        cal.set_QR_flip(flip)
        theirs = vectors.get_vectors(0, 0, center=True, ellipse=False, pixel=False, rotate=True).data
        ours = to_scan_frame(q, Calibration(rotation_deg=25.0, flip=flip))
        assert np.allclose(ours, np.stack([theirs["qx"], theirs["qy"]], 1))
    assert np.allclose(detector_to_scan(Calibration()), np.eye(3))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"source": "best"}, ValueError, "source must be one of"),
        ({"gamma": -1}, ValueError, "gamma"),
        ({"q_max": "x"}, TypeError, "q_max"),
        ({"rank": "me"}, ValueError, "rank must be one of"),
        ({"phase_gap": np.nan}, ValueError, "phase_gap"),
        ({"refine": 1}, TypeError, "refine"),
        ({"candidates": 0}, ValueError, "candidates"),
        ({"plan": {"nonsense": 1}}, TypeError, "plan must hold"),
        ({"probe": np.ones((3, 3))}, ValueError, "probe must have the shape"),
        ({"detection": [1]}, TypeError, "detection must be a dict"),
        ({"disk_radius": 0}, ValueError, "disk_radius"),
    ],
)
def test_bad_arguments_are_named(unmixed, silver, options, error, match):
    with pytest.raises(error, match=match):
        unmixed.index(silver, **options)


def test_what_cannot_be_indexed(film, unmixed, silver):
    for wrong in (None, 3, [], {}, [silver, 3], np.eye(3)):
        with pytest.raises(TypeError, match="simulation must be"):
            unmixed.index(wrong)
    with pytest.raises(ValueError, match="calibrated"):
        Unmix(film, centre=scene.CENTRE).nmf(3, random_state=0).index(silver)
    with pytest.raises(ValueError, match="reciprocal length"):
        scene.result(film, pixel_unit="mrad").index(silver)
    with pytest.raises(ValueError, match="both signs"):
        Unmix(film, centre=scene.CENTRE, pixel_size=scene.PIXEL, pixel_unit="1/Å").svd(3).index(silver)


def test_a_loaded_result_indexes_its_components(unmixed, silver, tmp_path):
    unmixed.save(tmp_path / "run.h5")
    loaded = unmix4d.load(tmp_path / "run.h5")
    found = loaded.index(silver, candidates=8)
    assert {match.source for match in found.matches} == {"component"}
    assert max(errors(found, scene.order(unmixed))) < 2
    with pytest.raises(ValueError, match="needs the scan"):
        loaded.index(silver, source="single")


# by py4DSTEM


def test_known_orientations_are_found(indexed, unmixed):
    assert max(errors(indexed, scene.order(unmixed))) < 0.5
    assert not indexed.ambiguous.any() and indexed.orientation_ambiguous.dtype == bool
    assert min(match.fit for match in indexed.matches) > 0.8
    assert all(match.n_positions >= 10 for match in indexed.matches)


def test_the_host_alone_stays_on_its_grid(unmixed, silver):
    found = unmixed.index(silver, rank="host")
    assert max(errors(found, scene.order(unmixed))) < 4  # its grid is 2 degrees, and its kernel 0.08 1/Å


def test_orientation_map(indexed, unmixed, silver):
    native = unmixed.orientations(silver)
    assert type(native).__name__ == "OrientationMap" and native.matrix.shape == (*scene.SCAN, 2, 3, 3)
    assert np.allclose(native.matrix[0, 0, 0].T, indexed.matches[indexed.first[0, 0]].matrix)
    assert ((native.corr[:, :, 1] > 0) == (indexed.second >= 0)).all()
    assert np.allclose(indexed.matrices()[0, 0], native.matrix[0, 0, 0].T)
    with pytest.raises(TypeError, match="pyxem"):
        _ = indexed.crystal_map
    assert "3 of 3 components" in repr(indexed)


def test_the_input_is_not_changed(unmixed, silver):
    before = unmixed.patterns.copy(), set(vars(silver))
    unmixed.index(silver, candidates=2)
    assert np.array_equal(before[0], unmixed.patterns, equal_nan=True) and before[1] == set(vars(silver))


def test_rotation_and_flip_of_the_detector_are_taken_out(py4dstem, silver, unmixed):
    data = scene.scan(turn_deg=30.0, flip=True)
    cube = py4dstem.DataCube(data)
    cube.calibration.set_origin((scene.CENTRE[0], scene.CENTRE[1]))
    centre = scene.CENTRE
    cube.calibration.set_Q_pixel_size(scene.PIXEL)
    cube.calibration.set_Q_pixel_units("A^-1")
    cube.calibration.set_QR_rotation_degrees(-30.0)
    cube.calibration.set_QR_flip(True)
    result = cube.unmix.nmf(3, random_state=0)
    assert result.geometry.centre == pytest.approx(centre)
    found = result.index(silver)
    assert max(errors(found, scene.order(result))) < 1
    assert "frame of the scan" in repr(found)


@pytest.mark.slow
def test_a_measured_probe(unmixed, silver):
    row, col = np.indices(scene.SIZE)
    probe = np.exp(-((row - 40) ** 2 + (col - 50) ** 2) / (2 * 0.9**2))
    found = unmixed.index(silver, probe=probe, candidates=12)
    assert max(errors(found, scene.order(unmixed))) < 1.5


@pytest.mark.slow
def test_phases_and_their_gap(py4dstem, unmixed, silver):
    other = py4dstem.process.diffraction.Crystal(np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), 26, 2.87)
    same = py4dstem.process.diffraction.Crystal(np.array(scene.ATOMS), 47, scene.A * 1.001)
    found = unmixed.index({"iron": other, "silver": silver}, candidates=8)
    assert {match.phase for match in found.matches} == {"silver"}
    assert {match.second_phase for match in found.matches} == {"iron"}
    assert min(match.gap for match in found.matches) > 0.1
    maps = found.to_host()
    assert set(maps) == {"iron", "silver"} and not maps["iron"].corr.any()
    alike = unmixed.index([silver, same], candidates=8)
    assert alike.ambiguous.all() and max(match.gap for match in alike.matches) < 0.05


def test_amorphous_components_are_not_indexed(silver):
    data = scene.scan()
    data[:, 8:] = np.random.default_rng(0).poisson(3.0, data[:, 8:].shape)
    view = Unmix(data, centre=scene.CENTRE, pixel_size=scene.PIXEL, pixel_unit="1/Å")
    found = view.nmf(3, random_state=0).index(silver, disk_radius=1.1, candidates=4)
    halo = [m for m in found.matches if not m.matched or m.fit < 0.5]
    assert halo and len(halo) < 3


# measured vectors, existing maps, comparison


@pytest.fixture(scope="module")
def vectors(py4dstem, film):
    """Bragg vectors of every position, as a host's PointListArray: those of the simulation, with noise, some missing."""
    from emdfile import PointListArray

    rng = np.random.default_rng(0)
    dtype = np.dtype([("qx", float), ("qy", float), ("intensity", float)])
    out = PointListArray(dtype=dtype, shape=scene.SCAN)
    weights = scene.maps()
    for i, j in np.ndindex(*scene.SCAN):
        for share, truth in zip(weights[:, i, j], scene.TRUTH):
            q, intensity = scene.spots(truth)
            seen = (share * intensity > 0.01 * intensity.max()) & (rng.random(len(q)) < 0.9)
            data = np.zeros(seen.sum(), dtype)
            data["qx"], data["qy"] = (q[seen] + rng.normal(0, 0.004, (seen.sum(), 2))).T
            data["intensity"] = share * intensity[seen]
            out[i, j].add(data)
    return out


def test_vectors_gathered_per_component(unmixed, vectors, silver):
    lists = unmixed.group_braggvectors(vectors)
    order = scene.order(unmixed)
    assert [type(one).__name__ for one in lists] == ["PointList"] * 3
    for component, truth in zip(order, scene.TRUTH):
        q, intensity = scene.spots(truth)
        strong = q[intensity > 0.05 * intensity.max()]
        mine = np.stack([lists[component].data["qx"], lists[component].data["qy"]], 1)
        nearest = np.linalg.norm(strong[:, None] - mine[None], axis=-1).min(1)
        assert nearest.max() < 0.01
        stray = np.linalg.norm(mine[:, None] - q[None], axis=-1).min(1)
        assert stray.max() < 0.02  # nothing of the neighbours
    found = unmixed.index(silver, vectors=vectors)
    with pytest.raises(ValueError, match="rank must be .disks. or .host. with vectors"):
        unmixed.index(silver, vectors=vectors, rank="pattern")
    assert {match.source for match in found.matches} == {"vectors"}
    assert max(errors(found, order)) < 1.5


def test_vectors_of_another_scan(unmixed, py4dstem):
    from emdfile import PointListArray

    other = PointListArray(dtype=np.dtype([("qx", float), ("qy", float), ("intensity", float)]), shape=(2, 2))
    one = np.zeros(2, other.dtype)
    one["qx"], one["qy"] = [-0.1, 0.1], [0.1, -0.1]
    other[0, 0].add(one)
    with pytest.raises(ValueError, match="must be of a scan of"):
        unmixed.group_braggvectors(other)
    with pytest.raises(ValueError, match="min_share"):
        unmixed.group_braggvectors(other, min_share=2)


@pytest.fixture
def existing(indexed):
    """A noisy map of every position: 1 degree of noise, a fifth of the positions wrong."""
    rng = np.random.default_rng(1)
    native = indexed.to_host()
    noise = Rotation.from_rotvec(np.radians(1) * rng.normal(size=(192, 3))).as_matrix().reshape(*scene.SCAN, 3, 3)
    native.matrix[:, :, 0] = native.matrix[:, :, 0] @ noise
    wrong = rng.random(scene.SCAN) < 0.2
    native.matrix[wrong, 0] = Rotation.random(int(wrong.sum()), random_state=0).as_matrix()
    return native, wrong


def test_an_existing_map_is_merged(unmixed, silver, existing):
    native, wrong = existing
    merged = unmix4d.merge_orientations(unmixed, native, crystal=silver)
    assert max(errors(merged, scene.order(unmixed))) < 1
    assert (merged.flagged & wrong).sum() >= 0.95 * wrong.sum() and (merged.flagged & ~wrong).mean() < 0.02
    assert all(1 < match.spread_deg < 4 for match in merged.matches)
    assert (merged.second[:, 6] >= 0).all() and merged.to_host().corr[0, 6, 1] > 0
    assert "disagrees" in repr(merged)


def test_comparison_with_a_full_run(indexed, existing, silver):
    native, wrong = existing
    compared = unmix4d.compare_orientations(indexed, native, full_time_s=3.0)
    assert compared.agrees[~wrong].mean() > 0.99 and compared.agrees[wrong].mean() < 0.1
    assert (compared.overlap == (indexed.second >= 0)).all() and compared.time_s[1] == 3.0
    table = compared.table
    assert list(table["positions"]) == ["all", "single", "overlap"] and table["compared"][0] == 192
    assert table["compared"][1] + table["compared"][2] == 192
    left, right = compared.plot()
    assert right.get_xlabel().startswith("misorientation")


def test_maps_of_other_kinds_are_refused(unmixed, indexed, silver):
    for call in (lambda: unmix4d.merge_orientations(unmixed, np.eye(3)), lambda: unmix4d.compare_orientations(indexed, None),
                 lambda: unmix4d.compare_orientations(np.eye(3), indexed),
                 lambda: unmix4d.merge_orientations(unmixed, indexed, crystal=3)):  # fmt: skip
        with pytest.raises(TypeError, match="must be"):
            call()
    small = indexed.to_host()
    small.matrix, small.corr = small.matrix[:4], small.corr[:4]
    with pytest.raises(ValueError, match="is of a scan of"):
        unmix4d.compare_orientations(indexed, small)


def test_figure(indexed):
    ax = indexed.plot()
    assert "beam" in ax.get_title() and len(ax.figure.axes) >= 2
    assert indexed.plot(direction="row", which="second").get_title().endswith("second component")
    with pytest.raises(ValueError, match="direction"):
        indexed.plot(direction="x")


def test_crystal_from_cif(py4dstem, tmp_path):
    pytest.importorskip("diffpy.structure")
    from unmix4d.orientation import crystal_from_cif

    path = tmp_path / "silver.cif"
    path.write_text(scene.CIF)
    crystal = crystal_from_cif(path)
    assert len(crystal.positions) == 4 and set(crystal.numbers) == {47} and crystal.cell[0] == pytest.approx(4.0853)
    with pytest.raises(OSError):
        crystal_from_cif(tmp_path / "absent.cif")
    (tmp_path / "bad.cif").write_text("nothing of use")
    with pytest.raises(ValueError, match="CIF"):
        crystal_from_cif(tmp_path / "bad.cif")
    with pytest.raises(ValueError, match="host must be one of"):
        crystal_from_cif(path, host="abtem")


def test_vectors_of_oblong_flipped_pixels():
    calibration = Calibration(pixel_size=(0.1, 0.2), pixel_unit="1/nm", flip=True)
    geometry = ScanGeometry((1, 1), (8, 8), centre=(4, 4), calibration=calibration)
    assert pixels_to_vectors(geometry).round(3).tolist() == [[0.0, 0.02], [0.01, 0.0]]
