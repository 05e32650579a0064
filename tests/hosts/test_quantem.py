"""quantem itself, where it is installed; elsewhere its datasets are known by what they look like (test_hosts.py)."""

import warnings

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what it imports
    pytest.importorskip("quantem", reason="quantem cannot be installed beside the other hosts", exc_type=ImportError)
    torch = pytest.importorskip("torch", exc_type=ImportError)
    from quantem.core.datastructures import Dataset2d, Dataset3d, Dataset4dstem
    from quantem.diffraction.bragg_vectors import BraggVectors

KNOWN = {"origin": (4, -6, -0.4, -0.55), "sampling": (2, 3, 0.05, 0.05), "units": ["nm", "nm", "A^-1", "A^-1"]}


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=3, scan_shape=(8, 9), detector_shape=(20, 24), dose=2000, seed=3)


@pytest.fixture
def dataset(film):
    return Dataset4dstem.from_array(film.data, name="film", **KNOWN)


def test_the_attribute_and_the_calibration(dataset, film):
    view = dataset.unmix
    known = view.geometry.calibration
    assert isinstance(view, Unmix) and Dataset4dstem.unmix is Unmix and view.scan.patterns is dataset.array
    assert (known.step, known.step_unit, known.scan_origin) == ((2.0, 3.0), "nm", (4.0, -6.0))
    assert known.pixel_size == (0.05, 0.05) and known.pixel_unit == "1/Å"
    assert view.geometry.centre == pytest.approx((8, 11)) and view.geometry.centre_known
    assert "quantem" in view.nmf(2, random_state=0).settings["versions"]


def test_rotation_and_ellipse(dataset):
    """Its rotation takes detector vectors to the scan, ours the other way; its ellipse turns clockwise on screen."""
    dataset.metadata.update(q_to_r_rotation_ccw_deg=30.0, q_transpose=True, ellipticity=(1.1, 1.0, 20.0))
    geometry = dataset.unmix.geometry
    assert geometry.calibration.rotation_deg == -30.0 and geometry.calibration.flip is True
    assert geometry.ellipse == pytest.approx((1.1, 1.0, 160.0))


def test_the_ellipse_is_the_one_that_quantem_takes_out(film):
    """A ring that is long along its ellipse is round for our radius, and one circle in its polar transform."""
    from quantem.core.datastructures.polar4dstem import dataset4dstem_polar_transform

    plain = Dataset4dstem.from_array(np.ones((1, 1, 61, 61), np.float32), **{**KNOWN, "origin": (0, 0, -1.5, -1.5)})
    plain.metadata["ellipticity"] = (1.25, 1.0, 25.0)
    radius = plain.unmix.geometry.radius() * np.sqrt(1 / 1.25)  # of the minor axis
    ring = np.exp(-(((radius - 14) / 1.5) ** 2)).astype(np.float32)
    polar = dataset4dstem_polar_transform(
        Dataset4dstem.from_array(ring[None, None], **KNOWN), 30, 30, ellipse_params=(1.25, 1.0, 25.0), num_annular_bins=36
    )
    peak = np.asarray(polar.array)[0, 0].argmax(1)
    assert np.ptp(peak) <= 1 and abs(np.median(peak) - 14) <= 1


def test_results_are_datasets(dataset):
    result = dataset.unmix.nmf(3, random_state=0)
    maps, patterns = result.to_host()
    assert type(maps) is type(patterns) is Dataset3d
    assert np.array_equal(maps.array, result.maps) and np.array_equal(patterns.array, result.patterns)
    assert maps.sampling.tolist() == [1, 2, 3] and maps.origin.tolist() == [0, 4, -6]
    assert list(maps.units) == ["index", "nm", "nm"] and list(patterns.units) == ["index", "A^-1", "A^-1"]
    assert patterns.origin.tolist() == pytest.approx([0, -0.4, -0.55])
    assert maps.name == "film - nmf maps" and maps.metadata["unmix4d"]["settings"]["random_state"] == 0
    binned = dataset.unmix.prepare(bin=2).nmf(2, random_state=0).to_host()[1]
    assert binned.sampling.tolist() == pytest.approx([1, 0.1, 0.1])
    assert binned.origin.tolist() == pytest.approx([0, -0.375, -0.525])  # the middle of two pixels


def test_what_is_read_from_a_result_goes_back_too(dataset):
    result = dataset.unmix.nmf(3, random_state=0)
    ratio, first, second = result.overlap().to_host()
    assert {type(one) for one in (ratio, first, second)} == {Dataset2d} and ratio.sampling.tolist() == [2, 3]
    masks, labels = result.grains(min_size=2).to_host()
    assert type(masks) is Dataset3d and type(labels) is Dataset2d and labels.shape == (8, 9)


def test_a_saved_result_gives_datasets(dataset, tmp_path):
    dataset.unmix.svd(2).save(tmp_path / "run.h5")
    maps, _ = unmix4d.load(tmp_path / "run.h5").to_host()
    assert type(maps) is Dataset3d and list(maps.units) == ["index", "nm", "nm"]


def test_tensors_are_taken_as_they_lie(film):
    data = torch.from_numpy(film.data.astype(np.float32))
    view = Unmix(data)
    assert np.shares_memory(view.scan.patterns, data.numpy())
    dataset = Dataset4dstem.from_tensor(data.requires_grad_(), name="film", **KNOWN)
    assert np.array_equal(np.asarray(dataset.unmix.scan.patterns), film.data)
    assert np.allclose(dataset.unmix.nmf(2, random_state=0).maps, Unmix(film.data).nmf(2, random_state=0).maps, atol=1e-4)


@pytest.fixture(scope="module")
def found():
    """Disks of a pattern with four spots around (20, 24), found by quantem."""
    rows, cols = np.indices((41, 49))
    data = np.zeros((2, 3, 41, 49), np.float32)
    for (row, col), height in {(20, 24): 9, (8, 24): 3, (32, 24): 3, (20, 36): 2, (20, 12): 2}.items():
        data += height * (np.hypot(rows - row, cols - col) <= 2.5)
    dataset = Dataset4dstem.from_array(data, name="spots", sampling=(2, 2, 0.05, 0.05), units=KNOWN["units"])
    vectors = BraggVectors.from_dataset(dataset)
    vectors.make_template_synthetic(radius=2.5)
    vectors.detect_disks(min_spacing=5, min_abs_intensity=0.5, progressbar=False, subpixel="parabolic")
    return vectors


def test_bragg_vectors_are_features(found):
    with pytest.raises(ValueError, match="pixels of an unknown origin"):
        Unmix(found)
    view = Unmix(found, centre=(20, 24), q_max="0.8 1/Å")
    assert view.is_features and view.geometry.calibration.step == (2.0, 2.0)
    by_dataset = Unmix(found.dataset, centre=(20, 24)).bragg_disks(found)
    assert by_dataset.nmf(1, random_state=0).maps.shape == (1, 2, 3)
    from unmix4d.hosts import bragg_vectors

    disks = bragg_vectors.read(found, centre=(20, 24)).disks
    # Disks lie at 12 pixels of 0.05 1/Å from the direct beam.
    far = np.hypot(disks.q_row, disks.q_col) > 0.1
    assert disks.unit == "1/Å" and len(disks.position) == 5 * 6
    assert np.hypot(disks.q_row, disks.q_col)[far] == pytest.approx(np.full(far.sum(), 0.6), abs=0.02)


def test_a_vector_alone(found):
    from unmix4d.hosts import bragg_vectors

    disks = bragg_vectors.read(found.peaks, centre=(20, 24)).disks
    assert disks.scan_shape == (2, 3) and disks.unit == "px" and np.bincount(disks.position).tolist() == [5] * 6
    found.origin = np.array([20.0, 24.0])
    try:
        assert bragg_vectors.read(found).disks.q_row.min() == pytest.approx(-0.6, abs=0.02)
    finally:
        found.origin = None


def test_peaks_that_were_not_looked_for(dataset):
    with pytest.raises(ValueError, match="hold no peaks yet: call their detect_disks"):
        Unmix(BraggVectors.from_dataset(dataset))
