"""Simulated patterns of known crystals as what is fitted: drawn where the detector has them, from both hosts."""

import numpy as np
import pytest

from support import orientation_scene as scene
from unmix4d import Unmix, UnmixWarning, phantoms

FACTS = {"centre": scene.CENTRE, "pixel_size": scene.PIXEL, "pixel_unit": "1/Å", "step": 2.0, "step_unit": "nm"}


@pytest.fixture(scope="module")
def view():
    return Unmix(scene.scan(), **FACTS)


def of_diffsims():
    from orix.quaternion import Rotation

    from unmix4d.orientation.geometry import to_orix_matrix

    return scene.simulate(scene.silver_phase(), Rotation.from_matrix(to_orix_matrix(scene.TRUTH)))


def of_py4dstem():
    crystal = py4dstem_crystal()
    made = (crystal.generate_diffraction_pattern(orientation_matrix=m.T, sigma_excitation_error=0.02) for m in scene.TRUTH)
    return {f"grain {i}": peaks for i, peaks in enumerate(made)}


def py4dstem_crystal():
    from py4DSTEM.process.diffraction import Crystal

    crystal = Crystal(np.array(scene.ATOMS, float), 47, scene.A)
    crystal.setup_diffraction(300e3)
    crystal.calculate_structure_factors(scene.REACH)
    return crystal


KINDS = {"pyxem": (of_diffsims, "silver 1", 0.6), "py4dstem": (of_py4dstem, "grain 1", 0.99)}


@pytest.mark.filterwarnings("ignore:the . components:unmix4d.UnmixWarning")  # simulated intensities are not exact
@pytest.mark.parametrize("host", KINDS)
def test_known_phases_are_unmixed(request, view, host):
    """Truth: three grains in known orientations; another simulation than either host's."""
    request.getfixturevalue(host)
    made, name, least = KINDS[host]
    known = made()
    patterns = view.simulated_patterns(known, disk_radius=1.1)
    assert list(patterns)[1] == name and all(one.sum() == pytest.approx(1) for one in patterns.values())
    for one, matrix in zip(patterns.values(), scene.TRUTH):
        true = scene.pattern(matrix)
        # Excitation falls otherwise in diffsims; turned or mirrored, the cosine is below 0.1.
        assert (one * true).sum() / np.linalg.norm(one) / np.linalg.norm(true) > least
    with pytest.warns(UnmixWarning, match="unexplained: "):
        fitted = view.fit(known if host == "py4dstem" else patterns)
    assert fitted.names[1] == name
    for found in (fitted, view.nmf(known=patterns, new=1, random_state=0)):
        r = [np.corrcoef(m.ravel(), true.ravel())[0, 1] for m, true in zip(found.maps, scene.maps())]
        assert min(r) > 0.99


CALIBRATIONS = [{"pixel_size": (0.032, 0.04)}, {"pixel_size": 0.32, "pixel_unit": "1/nm"}, {"ellipse": (1.1, 1, 20)}]


@pytest.mark.parametrize("facts", CALIBRATIONS, ids=str)
def test_spots_lie_where_the_calibration_says(facts):
    from unmix4d.orientation.geometry import pixels_to_vectors
    from unmix4d.orientation.simulated_patterns import drawn

    geometry = Unmix(np.ones((1, 2, *scene.SIZE), np.uint8), **{**FACTS, **facts}).geometry
    q = np.array([0.5, -0.3])
    image = drawn(np.array([[*q, 2.0]]), geometry, 1.5)
    place = [(image * index).sum() for index in np.indices(image.shape)]
    assert pixels_to_vectors(geometry) @ (place - np.array(geometry.centre)) == pytest.approx(q, abs=0.002)


def test_phases_of_one_rotation_are_named(pyxem):
    from orix.quaternion import Rotation

    one = scene.simulate(scene.two_phases(name="fcc"), [Rotation.identity(), Rotation.identity()])
    view = Unmix(scene.scan(), **FACTS)
    assert len(view.simulated_patterns(one, disk_radius=1)) == 2
    single = scene.simulate(scene.silver_phase(), Rotation.identity())
    assert list(view.simulated_patterns({"Ag": single}, disk_radius=1)) == ["Ag"]


def test_the_radius_is_that_of_the_direct_beam(py4dstem):
    film = phantoms.polycrystal(n_grains=2, scan_shape=(4, 4), detector_shape=(64, 64), direct_beam=0.4, dose=None, seed=0)
    view = Unmix(film.data, centre=film.centre, pixel_size=0.03, pixel_unit="1/Å")
    one = py4dstem_crystal().generate_diffraction_pattern(zone_axis_lattice=[0, 0, 1])
    patterns = view.simulated_patterns([one])
    assert list(patterns) == ["0"] and patterns["0"].shape == (64, 64)


def test_what_is_no_pattern_is_refused(view, py4dstem):
    crystal = py4dstem_crystal()
    with pytest.raises(ValueError, match="a py4DSTEM Crystal has no orientation: give the patterns"):
        view.fit(crystal)
    peaks = crystal.generate_diffraction_pattern(zone_axis_lattice=[0, 0, 1])
    with pytest.raises(TypeError, match="simulated patterns must be a diffsims Simulation2D or .*got int"):
        view.simulated_patterns([peaks, 3], disk_radius=1)
    with pytest.raises(ValueError, match="orientations need a calibrated detector|calibrated"):
        Unmix(scene.scan(), centre=scene.CENTRE).simulated_patterns(peaks, disk_radius=1)
    far = Unmix(scene.scan(), **{**FACTS, "pixel_size": 1e-4})
    with pytest.raises(ValueError, match="'' has no spot on the detector: compare their calibrations"):
        far.simulated_patterns(peaks, disk_radius=1)
    with pytest.warns(UnmixWarning, match="simulated_patterns needs the centre of the patterns, which is not known"):
        Unmix(scene.scan(), pixel_size=scene.PIXEL, pixel_unit="1/Å").simulated_patterns(peaks, disk_radius=1)
