"""Hostile input: every public method answers within its contract, or refuses in one clear sentence of its own."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import seed as seeded  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import unmix4d  # noqa: E402
import unmix4d.results.quality  # noqa: E402
from support.hostile_calls import AFTER, DRAWING, FEATURES, OF_FEATURES, VIEW_CALLS  # noqa: E402
from support.hostile_judge import Broken, clear_refusal, run_case  # noqa: E402
from support.hostile_more_calls import COSTLY_AFTER, COSTLY_VIEW_CALLS, OF_ANSWERS, OF_RESULTS  # noqa: E402
from support.hostile_scenarios import scenarios  # noqa: E402
from support.seeds import SEED  # noqa: E402
from support.strategies import ScanCase  # noqa: E402
from unmix4d import Unmix  # noqa: E402

OPTIONS = dict(
    database=None, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # cases are small as they are: making them smaller takes minutes
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cases")


@settings(max_examples=15, derandomize=True, **OPTIONS)
@given(st.data())
def test_an_answer_or_one_clear_sentence(folder, data):
    run_case(*data.draw(scenarios()), folder)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_new_cases_every_day(folder, part):
    @seeded(4 * SEED + part)
    @settings(max_examples=75, **OPTIONS)
    @given(st.data())
    def answer_or_sentence(data):
        run_case(*data.draw(scenarios()), folder)

    answer_or_sentence()


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

    # Made from pixels, or of pixels only: not there on features.
    of_pixels = {"prepare", "persist", "split_counts", "region", "noise_deviation", "virtual_image", "maximum_pattern"}
    of_pixels |= {"simulated_patterns"}
    of_pixels |= {name for name in FEATURES if name != "bragg_disks"}
    assert _public_methods(FeatureView) - {"matrix"} == attacked - of_pixels | set(OF_FEATURES)
    assert set(FEATURES) <= attacked


def test_every_method_of_an_answer_is_attacked():
    results = (unmix4d.Decomposition, unmix4d.FittedDecomposition, unmix4d.FuzzyClusters, unmix4d.MergedDecomposition)
    attacked = {*AFTER, *DRAWING, *COSTLY_AFTER, *OF_RESULTS}
    inside = {"save", "save_ang", "to_dataframe"}  # "save and load", test_next_steps; what pandas makes of a table
    of_tables = {"to_csv"}  # attacked on results: there is one for all
    assert set.union(*map(_public_methods, results)) - inside <= attacked
    for name, table in OF_ANSWERS.items():
        cls = getattr(unmix4d.results.quality, name, None) or getattr(unmix4d, name)
        assert _public_methods(cls) - inside - of_tables == set(table), name
