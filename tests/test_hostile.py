"""Hostile input: every public method answers within its contract, or refuses in one clear sentence of its own."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import unmix4d  # noqa: E402
import unmix4d.results.quality  # noqa: E402
from hostile_calls import AFTER, DRAWING, FEATURES, OF_FEATURES, VIEW_CALLS  # noqa: E402
from hostile_judge import Broken, clear_refusal, run_case  # noqa: E402
from hostile_more_calls import COSTLY_AFTER, COSTLY_VIEW_CALLS, OF_ANSWERS, OF_RESULTS  # noqa: E402
from hostile_scenarios import scenarios  # noqa: E402
from strategies import ScanCase  # noqa: E402
from unmix4d import Unmix  # noqa: E402

settings.register_profile(
    "suite", max_examples=300, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # cases are small as they are: making them smaller takes minutes
)  # fmt: skip
SUITE = settings.get_profile("suite")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cases")


@SUITE
@given(st.data())
def test_an_answer_or_one_clear_sentence(folder, data):
    run_case(*data.draw(scenarios()), folder)


def test_the_judge_sees_what_it_should():
    def error_of(function):
        try:
            function()
        except Exception as error:
            return error

    scan = np.ones((2, 2, 3, 3))
    assert clear_refusal(error_of(lambda: Unmix(scan).svd(99))) == ""
    assert "raised in" in clear_refusal(error_of(lambda: np.concatenate([])))
    assert "no error for a user" in clear_refusal(error_of(lambda: {}["x"]))
    with pytest.raises(Broken, match="the input was changed"):
        run_case(_Spoiling(), {}, [("mean_pattern", {})], [], None)


class _Spoiling(ScanCase):
    def obj(self, folder, array):
        """A method that writes into its input would look like this."""
        array = array.view(_Spoiled)
        return array, lambda: array.__setitem__((0, 0, 0, 0), 77)


class _Spoiled(np.ndarray):
    """Only to have a class of its own."""


WRONG_ARGUMENTS = [
    ("svd", {"n": 0}), ("svd", {"n": 1.5}), ("svd", {"n": True}), ("svd", {"n": None}), ("svd", {"n": 10**9}),
    ("svd", {"n": 2, "precision": "half"}), ("pca", {"n": "3"}), ("pca", {"n": 2, "random_state": -1}), ("scree", {"n": -1}),
    ("ica", {"n": 2, "on": "both"}), ("ica", {"n": 2, "n_starts": 0}), ("ica", {"n": 2, "tol": float("nan")}),
    ("vca", {"n": 2, "projection": "none"}), ("vca", {"n": 99}), ("vca", {"n": 2, "random_state": 1.5}),
    ("nmf", {"n": 99}), ("nmf", {"n": float("inf")}), ("nmf", {"n": 2, "init": "good"}), ("nmf", {"n": 2, "weights": 1}),
    ("nmf", {"n": 2, "objective": "l1"}), ("nmf", {"n": 2, "smooth": -1}), ("nmf", {"n": 2, "smooth": "x"}),
    ("nmf", {"n": 2, "constraints": [3]}), ("nmf", {"n": 2, "constraints": 3}), ("nmf", {"n": 2, "tol": -1}),
    ("nmf", {"n": 2, "max_iter": 0}), ("nmf", {"n": 2, "compression": "x"}), ("nmf", {"n": 2, "init": (1, 2)}),
    ("nmf", {"n": 2, "init": None}), ("nmf", {"n": 2, "init": ((), ())}), ("nmf", {"n": 2, "precision": None}),
    ("nmf", {"n": 2, "init": (np.full((2, 3, 4), np.nan), np.ones((2, 5, 6)))}),
    ("nmf_series", {"ns": []}), ("nmf_series", {"ns": 3}), ("nmf_series", {"ns": [2, 99]}), ("nmf_series", {"ns": "23"}),
    ("merge_nmf", {"initial_components": 1}), ("merge_nmf", {"initial_components": "many"}),
    ("merge_nmf", {"initial_components": 4, "threshold": -2}), ("merge_nmf", {"initial_components": 4, "n_runs": 0}),
    ("compress", {"rank": 0}), ("compress", {"rank": 2, "weights": "heavy"}),
    ("fuzzy_cmeans", {"n_clusters": 0}), ("fuzzy_cmeans", {"n_clusters": 99}), ("fuzzy_cmeans", {"n_clusters": 2, "m": 1}),
    ("fuzzy_cmeans", {"n_clusters": 2, "contrast": 1}), ("fuzzy_cmeans", {"n_clusters": 2, "covariance": "full"}),
    ("fuzzy_cmeans", {"n_clusters": 2, "n_svd": 99}), ("fuzzy_validity", {"ns": [1, 2]}), ("fuzzy_validity", {"ns": []}),
    ("split_counts", {"fraction": 1}), ("split_counts", {"fraction": "x"}), ("noise_deviation", {"n": 0}),
    ("virtual_image", {"spots": [], "radius": 1}), ("virtual_image", {"spots": [(1, 1)], "radius": "x"}),
    ("angular_average", {"sector_deg": 7}), ("angular_average", {"rings": [(3, 1)]}), ("angular_average", {"rings": 3}),
    ("radial_variance", {"kind": "x"}), ("radial_variance", {"radial_step": 0}), ("symmetry", {"orders": ()}),
    ("symmetry", {"orders": (0,)}), ("polar", {"n_azimuth": 0, "r_min": 0}), ("polar", {"n_azimuth": 3}),
    ("polar", {"radial_step": 1e-9}), ("polar", {"r_min": 3, "r_max": 1}),
    ("prepare", {"bin": 0}), ("prepare", {"bin": 4}), ("prepare", {"crop": 3}), ("prepare", {"crop": ((2, 1), (0, 2))}),
    ("prepare", {"annulus": 5}), ("prepare", {"annulus": (3, 1)}), ("prepare", {"direct_beam": "x"}),
    ("prepare", {"direct_beam": 1e9}), ("prepare", {"gain": 0}), ("prepare", {"average_neighbours": 2}),
    ("prepare", {"hot_pixels": 0.5}), ("prepare", {"align": True}), ("prepare", {"align": np.zeros((3, 4))}),
    ("prepare", {"scan_mask": np.ones((3, 4), bool)}), ("prepare", {"detector_mask": np.ones((5, 6), bool)}),
    ("prepare", {"scan_mask": np.zeros((4, 3), bool)}), ("prepare", {"detector_mask": np.full((5, 6), np.nan)}),
    ("prepare", {"redraw_peaks": -1}), ("at_positions", {"keep": np.zeros((3, 4), bool)}),
]  # fmt: skip


@pytest.mark.parametrize("name, options", WRONG_ARGUMENTS, ids=lambda v: str(v)[:40])
def test_wrong_arguments_are_refused_before_anything_is_read(name, options):
    """The scan cannot be read at all: an error about the argument shows that nobody tried."""
    import dask.array as da

    def never(block):
        raise AssertionError("the scan was read")

    ones = da.ones((3, 4, 5, 6), chunks=(1, 2, 5, 6), dtype="u2")
    view = Unmix(ones.map_blocks(never, dtype="u2", meta=np.empty((0, 0, 0, 0), "u2")), centre=(2, 2.5))
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(view, name)(**options)
    assert clear_refusal(caught.value) == ""
    assert "was read" not in str(caught.value)


def _public_methods(cls):
    return {name for name in dir(cls) if not name.startswith("_") and callable(getattr(cls, name))}


def test_every_method_of_a_view_is_attacked():
    """A new method cannot be left out by forgetting it."""
    attacked = {"prepare", *VIEW_CALLS, *COSTLY_VIEW_CALLS}
    assert _public_methods(Unmix) - {"matrix"} == attacked
    from unmix4d.views.feature_view import FeatureView

    assert _public_methods(FeatureView) - {"matrix"} == attacked | set(OF_FEATURES)
    assert set(FEATURES) <= attacked


def test_every_method_of_an_answer_is_attacked():
    results = (unmix4d.Decomposition, unmix4d.FuzzyClusters, unmix4d.MergedDecomposition)
    attacked = {*AFTER, *DRAWING, *COSTLY_AFTER, *OF_RESULTS}
    inside = {"save", "read_head", "saved_head"}  # "save and load"
    assert set.union(*map(_public_methods, results)) - inside <= attacked
    for name, table in OF_ANSWERS.items():
        cls = getattr(unmix4d.results, name, None) or getattr(unmix4d.results.quality, name)
        assert _public_methods(cls) == set(table), name


# What the generated cases found, one test each.


def test_a_detector_of_one_pixel_has_no_rings():
    with pytest.raises(ValueError, match="rings must be given"), pytest.warns(unmix4d.UnmixWarning, match="corner"):
        Unmix(np.ones((2, 3, 1, 1)), centre=(0, 0)).angular_average()


def test_a_centre_far_outside_leaves_no_rings():
    with pytest.raises(ValueError, match="rings must"), pytest.warns(unmix4d.UnmixWarning, match="outside the detector"):
        Unmix(np.random.default_rng(0).poisson(4, (2, 1, 5, 9)), centre=(-5.5, 99)).angular_average()


def test_persist_says_that_the_scan_could_not_be_read(tmp_path):
    scan = ScanCase(holder="broken dask")
    with pytest.raises(OSError, match="the scan could not be read: OSError: the disk is gone") as caught:
        Unmix(scan.obj(tmp_path, scan.array())[0]).persist()
    assert clear_refusal(caught.value) == ""


def test_a_probe_wider_than_the_scan_needs_no_memory():
    view = Unmix(np.random.default_rng(0).poisson(4, (4, 5, 6, 7)))
    from unmix4d.constraints import SmoothMaps

    for sigma in (1e6, 1e300):
        smooth = SmoothMaps(sigma=sigma).bind(view.geometry)
        image = np.random.default_rng(1).random((20, 1))
        assert np.allclose(smooth.smooth(image), image.mean(), rtol=1e-9)  # everything within the scan weighs the same
        assert np.isfinite(view.nmf(2, smooth=sigma, random_state=0, max_iter=3).maps).all()


def test_smoothing_does_not_change_where_the_kernel_is_cut_at_the_scan():
    from unmix4d.constraints import SmoothMaps
    from unmix4d.constraints._smoothing import Convolution, gaussian
    from unmix4d.core.geometry import ScanGeometry

    geometry, image = ScanGeometry((5, 6), (3, 3)), np.random.default_rng(0).random((30, 1))
    long = Convolution((5, 6), np.outer(gaussian(4.0), gaussian(4.0)), np.ones(30, bool))
    assert np.allclose(SmoothMaps(sigma=4.0).bind(geometry).smooth(image), long(image), rtol=1e-12)


def test_names_beyond_ascii_and_units_without_dimension(tmp_path):
    counts = np.random.default_rng(0).poisson(4, (3, 4, 5, 6))
    view = Unmix(counts, step=np.array(0.25), step_unit="ünit ☃", pixel_size=np.float32(2))
    result = view.nmf(2, random_state=0, max_iter=2)
    result.save(tmp_path / "ŕ☃.h5")
    assert unmix4d.load(tmp_path / "ŕ☃.h5").geometry.calibration.step_unit == "ünit ☃"
    assert "ünit ☃" in repr(result)


def test_runs_that_begin_where_nothing_is_are_no_answer():
    counts = np.zeros((5, 4, 4, 4), "i2")
    counts.flat[1162 % counts.size] = 100
    for seed in range(6):
        try:
            result = Unmix(counts).merge_nmf(2, n_runs=2, as_published=True, random_state=seed)
        except ValueError as error:
            assert clear_refusal(error) == "" and "found no component" in str(error)
        else:
            assert result.k == 1 and result.labels().max() == 0


def test_a_centre_a_million_pixels_away_is_refused_at_once():
    counts = np.random.default_rng(0).poisson(4, (2, 3, 4, 7))
    for name in ("angular_average", "radial_variance", "symmetry", "polar"):
        view = Unmix(counts, centre=(1e6, 0))
        with pytest.raises(ValueError, match="centre must be within 30 detector sizes"), pytest.warns(unmix4d.UnmixWarning):
            getattr(view, name)()


def test_steps_far_below_a_pixel_are_refused():
    view = Unmix(np.random.default_rng(0).poisson(4, (2, 3, 9, 9)), centre=(4, 4))
    for name in ("radial_variance", "symmetry", "polar"):
        with pytest.raises(ValueError, match="radial_step must be at least 0.01 pixels"):
            getattr(view, name)(radial_step=1e-300, r_min=0)


def test_a_virtual_image_of_infinite_values_is_refused_with_their_place():
    scan = np.ones((3, 4, 8, 9))
    scan[2, 1, 7, 7] = np.inf  # outside the disk: times zero it would be NaN
    with pytest.raises(ValueError, match=r"must be finite, .* position \(2, 1\)"):
        Unmix(scan).virtual_image((1, 1), 2)


def test_yen_of_values_that_are_nearly_alike_is_quiet():
    from unmix4d.maps import threshold

    rng = np.random.default_rng(0)
    for scale in (1.0, 1e33, 1e-30):
        nearly = scale * (1 + 1e-15 * rng.integers(0, 3, 9))
        for values in (np.array([0.0, 0.0, scale]), scale * np.array([-1.0, 1.0, 1.0]), nearly):
            assert not np.isnan(threshold(values))


def test_what_pca_of_three_huge_patterns_says_of_single_positions():
    case = ScanCase(shape=(1, 3, 3, 6), dtype="f8", fill="huge", seed=42)
    means = Unmix(case.array()).pca(3).mean_patterns(single=True)
    assert means.shape == (3, 3, 6) and not np.isinf(means).any()
