"""Metrics of likeness and noise: against scikit-image and piq, under masks, for batches, and with hostile input."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from unmix4d import image_quality as quality

ROOT = Path(__file__).parents[2]
REFERENCE = json.loads((ROOT / "tests" / "reference" / "image_quality_piq.json").read_text(encoding="utf-8"))["pairs"]
sys.path.insert(0, str(ROOT / "benchmarks" / "checks"))
from reference_image_quality import images as reference_images  # noqa: E402

NAMES = list(quality.METRICS)


def some(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def value(name, a, b, mask=None, data_range=1.0):
    return quality.pairwise(a, b, name, data_range=data_range, mask=mask)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: f"{row['kind']}-{'x'.join(map(str, row['shape']))}")
def test_gmsd_and_mdsi_are_those_of_piq(row):
    pair = reference_images(row["kind"], row["shape"], row["seed"])
    for name in ("gmsd", "mdsi"):
        assert value(name, *pair) == pytest.approx(row[name], abs=1e-9)
        assert value(name, *(1000 * image for image in pair), data_range=1000) == pytest.approx(row[name], abs=1e-6)


def test_the_reference_reaches_far():
    """Values over the whole range, or the comparison would say little."""
    for name, least, most in (("gmsd", 0.01, 0.2), ("mdsi", 0.2, 0.45)):
        values = [row[name] for row in REFERENCE]
        assert min(values) < least and max(values) > most


@pytest.mark.parametrize("shape", [(7, 7), (20, 33), (64, 48)])
def test_ssim_and_psnr_are_those_of_scikit_image(shape):
    a, b = some(*shape), some(*shape, seed=1)
    b = 0.7 * a + 0.3 * b
    assert quality.ssim(a, b, data_range=2) == pytest.approx(structural_similarity(a, b, data_range=2), abs=1e-12)
    assert quality.psnr(a, b, data_range=2) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=2), abs=1e-10)


def test_cross_correlation_is_pearson():
    a, b = some(20, 31), some(20, 31, seed=1)
    expected = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert quality.cross_correlation(a, b) == pytest.approx(expected, abs=1e-12)
    assert quality.cross_correlation(a, 5 - 3 * a) == pytest.approx(-1, abs=1e-12)
    assert np.isnan(quality.cross_correlation(a, np.full_like(a, 0.3)))


@pytest.mark.parametrize("name", NAMES)
def test_equal_images_have_the_value_that_is_promised_and_others_are_worse(name):
    metric, image = quality.METRICS[name], some(24, 30)
    assert value(name, image, image) == pytest.approx(metric.identical, abs=1e-12)
    near, far = (value(name, image, np.clip(image + s * (some(24, 30, seed=2) - 0.5), 0, 1)) for s in (0.1, 0.8))
    sign = 1 if metric.direction == "higher" else -1
    assert sign * metric.identical > sign * near > sign * far


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(40, 41), (400, 390)], ids=["small", "averaged"])
def test_what_is_under_the_mask_cannot_influence_the_answer(name, shape):
    a, b = some(*shape), some(*shape, seed=1)
    mask = np.zeros(shape, bool)
    mask[10:16, 12:19] = mask[30, 30] = mask[:3, :5] = mask[-1, -1] = True
    plain = value(name, a, b, mask)
    assert np.isfinite(plain)
    for fill in (0.0, 1e12, np.nan):
        assert value(name, np.where(mask, fill, a), np.where(mask, -fill, b), mask) == plain
    # NaN alone excludes as the mask does, in either image.
    assert value(name, np.where(mask, np.nan, a), b) == plain
    assert value(name, a, np.where(mask, np.nan, b)) == plain


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_leaves_out_what_differs_there(name):
    """Images that differ under the mask alone are equal; the edge of the mask makes no structure of its own."""
    a = some(40, 40)
    mask = np.hypot(*(np.indices(a.shape) - 19.5)) < 6
    assert value(name, a, np.where(mask, 9.0, a), mask) == pytest.approx(quality.METRICS[name].identical, abs=1e-9)
    bright, dark = 0.9 + 0.01 * a, 0.9 + 0.01 * some(40, 40, seed=3)
    if name in ("gmsd", "mdsi"):
        half = np.zeros(a.shape, bool)
        half[:, 20:] = True
        whole, part = value(name, bright, dark), value(name, bright, dark, half)
        assert part == pytest.approx(whole, rel=0.25)


def test_scattered_dead_pixels_change_ssim_little():
    a = some(60, 60)
    b = np.clip(a + 0.2 * (some(60, 60, seed=1) - 0.5), 0, 1)
    mask = some(60, 60, seed=2) < 0.03
    for name, tolerance in (("ssim", 0.01), ("gmsd", 0.01), ("mdsi", 0.01), ("cross_correlation", 0.005)):
        assert value(name, a, b, mask) == pytest.approx(value(name, a, b), abs=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_batches_are_the_single_pairs(name):
    a, b = some(3, 4, 20, 22), some(4, 20, 22, seed=1)
    b[1, :3, :3] = np.nan
    b[2, 8:, 8:] = np.nan
    answer = value(name, a, b)
    assert answer.shape == (3, 4)
    single = [[value(name, a[i, j], b[j]) for j in range(4)] for i in range(3)]
    assert_allclose(answer, single, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_matrix_is_all_pairs_and_symmetric(name):
    images = some(5, 24, 25)
    images[:, :4, :4] = np.nan
    images[3] = np.nan
    images[4, 20, :6] = np.nan
    matrix = quality.similarity_matrix(images, name, data_range=1)
    assert_array_equal(matrix, matrix.T)
    assert np.isnan(matrix[3]).all()
    known = [0, 1, 2, 4]
    assert_array_equal(np.diag(matrix)[known], quality.METRICS[name].identical)
    for i, j in ((0, 2), (1, 4)):
        both = (value(name, images[i], images[j]) + value(name, images[j], images[i])) / 2
        assert matrix[i, j] == pytest.approx(both, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cross_correlation"])
def test_no_data_range_means_the_largest_kept_value(name):
    images = 300 * some(3, 20, 20)
    mask = np.zeros((20, 20), bool)
    mask[0, 0] = True
    images[:, 0, 0] = 1e6
    largest = images[:, ~mask].max()
    assert_allclose(
        quality.similarity_matrix(images, name, mask=mask),
        quality.similarity_matrix(images, name, mask=mask, data_range=largest), rtol=1e-12,
    )  # fmt: skip
    per_pair = quality.pairwise(images, images[::-1], name, data_range=[100.0, 200.0, 300.0], mask=mask)
    assert per_pair[2] == pytest.approx(value(name, images[2], images[0], mask, 300.0), rel=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_other_types_are_taken_and_not_changed(dtype):
    a, b = ((200 * some(16, 16, seed=s)).astype(dtype) for s in (0, 1))
    copy = a.copy()
    for name in NAMES:
        assert value(name, a, b, data_range=255) == value(name, a.astype(float), b.astype(float), data_range=255)
    assert_array_equal(a, copy)


def test_noise_deviation_of_white_noise_is_its_deviation():
    noise = np.random.default_rng(0).normal(0, 3.0, (4, 200, 200))
    plane = np.add.outer(np.arange(200.0), 2 * np.arange(200.0))
    assert_allclose(quality.noise_deviation(noise + plane), 3.0, rtol=0.03)
    assert quality.noise_deviation(plane) == pytest.approx(0, abs=1e-9)
    assert quality.noise_deviation(noise).shape == (4,)


def test_noise_deviation_is_immerkaers_sum():
    image = some(9, 12)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    total = sum(abs((image[i : i + 3, j : j + 3] * kernel).sum()) for i in range(7) for j in range(10))
    expected = np.sqrt(np.pi / 2) * total / (6 * 7 * 10)
    assert quality.noise_deviation(image) == pytest.approx(expected, rel=1e-12)


def test_noise_deviation_leaves_the_mask_out():
    image = np.random.default_rng(0).normal(0, 2.0, (60, 70))
    mask = np.zeros(image.shape, bool)
    mask[20:30, 20:30] = mask[0, 0] = mask[50, 50] = True
    answer = quality.noise_deviation(image, mask=mask)
    assert answer == pytest.approx(2.0, rel=0.05)
    assert quality.noise_deviation(np.where(mask, 1e9, image), mask=mask) == answer
    assert quality.noise_deviation(np.where(mask, np.nan, image)) == answer
    assert np.isnan(quality.noise_deviation(np.full((5, 5), np.nan)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"a": some(5, 5), "b": some(5, 5)}, ValueError, "a must be images .* at least 7 x 7 pixels"),
        ({"b": some(20, 21)}, ValueError, r"a and b must be images of the same shape, .* got \(20, 20\) and \(20, 21\)"),
        ({"b": some(3, 20, 20), "a": some(2, 20, 20)}, ValueError, "batches that fit"),
        ({"a": np.full((20, 20), np.inf)}, ValueError, "a must not hold infinite values, got 400"),
        ({"a": some(20, 20) + 1j}, TypeError, "a must hold real numbers"),
        ({"a": [[1, 2], [3]]}, (ValueError, TypeError), "a must"),
        ({"data_range": 0}, ValueError, "data_range must be above 0 and finite, got 0"),
        ({"data_range": np.nan}, ValueError, "data_range must be above 0"),
        ({"data_range": "1"}, ValueError, "data_range must be above 0"),
        ({"data_range": [1, 2]}, ValueError, "one per pair of images"),
        ({"mask": np.ones((20, 20))}, ValueError, "mask excludes everything"),
        ({"mask": np.ones((20, 21))}, ValueError, "mask must have the shape"),
    ],
)
def test_wrong_input_is_one_sentence(arguments, error, message):
    arguments = {"a": some(20, 20), "b": some(20, 20, seed=1), "data_range": 1.0, **arguments}
    with pytest.raises(error, match=message):
        quality.ssim(arguments.pop("a"), arguments.pop("b"), **arguments)


def test_names_and_shapes_of_a_set_are_checked():
    with pytest.raises(ValueError, match="metric must be one of 'ssim', .* got 'SSIM'"):
        quality.similarity_matrix(some(2, 20, 20), "SSIM")
    with pytest.raises(ValueError, match=r"images must have the shape \(n, rows, cols\), got \(20, 20\)"):
        quality.similarity_matrix(some(20, 20), "ssim")
    with pytest.raises(TypeError, match="data_range"):
        quality.ssim(some(20, 20), some(20, 20))
    assert_array_equal(quality.similarity_matrix(np.zeros((2, 8, 8)), "gmsd"), 0)
    assert quality.similarity_matrix(some(1, 20, 20), "ssim").tolist() == [[1.0]]


def test_nothing_left_is_nan():
    a = some(20, 20)
    checkers = np.indices(a.shape).sum(0) % 2 == 0
    assert np.isnan(quality.mdsi(a, a, data_range=1, mask=checkers))
    assert np.isnan(quality.ssim(a, np.full_like(a, np.nan), data_range=1))


def test_an_empty_background_makes_different_patterns_look_alike():
    """Why similarity is also judged on square roots, inside the annulus: five grains of a film, without noise."""
    from unmix4d import phantoms

    film = phantoms.polycrystal(
        n_grains=5, scan_shape=(30, 28), detector_shape=(80, 76), background=0.2, dose=3e3, overlap=0.4, spot_width=3.0,
        seed=0,
    )  # fmt: skip
    grains = film.patterns[1:]
    radius = np.hypot(*(np.indices((80, 76)) - np.reshape(film.centre, (2, 1, 1))))
    pairs = np.triu_indices(5, 1)
    plain = quality.similarity_matrix(grains, "ssim")[pairs].mean()
    roots = quality.similarity_matrix(np.sqrt(grains), "ssim", mask=(radius < 6) | (radius > 30))[pairs].mean()
    assert plain > 0.8 and roots < 0.65


def test_cross_correlation_does_not_know_the_unit_of_the_data():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 12, 15))
    expected = quality.cross_correlation(a, b)
    for scale in (1e-20, 1e20):
        assert quality.cross_correlation(a * scale, b * scale) == pytest.approx(expected)
