"""Details of maps, weights and recommendations that mutation testing (benchmarks/checks/mutants.py) found unguarded."""

from types import SimpleNamespace

import numpy as np
import pytest

from unmix4d.choose_k.decision import decide
from unmix4d.constraints import SmoothMaps
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.core.messages import UnmixWarning
from unmix4d.engine import compression
from unmix4d.engine.matrix import PatternMatrix
from unmix4d.engine.weights import Weights
from unmix4d.maps import pair_table


def test_pairs_that_overlap_alike_are_ordered_by_where_they_are_the_largest():
    ratio = np.full((1, 5), 0.5)
    first, second = np.array([[0, 1, 1, 2, 2]]), np.array([[1, 2, 2, 3, 3]])
    table = pair_table(ratio, first, second, threshold=0.9)  # no position is above
    assert table["component"].tolist() == [1, 2, 0] and table["n_positions"].tolist() == [2, 2, 1]


def test_the_mean_ratio_of_a_pair_at_one_position_is_that_ratio():
    table = pair_table(np.array([[0.8, np.nan]]), np.array([[0, 0]]), np.array([[1, -1]]), threshold=0.5)
    assert table["mean_ratio"].tolist() == [0.8]


def test_pairs_that_are_alike_in_all_are_in_the_order_of_their_numbers():
    first, second = np.array([[3, 2, 0, 1]]), np.array([[2, 1, 3, 0]])
    table = pair_table(np.full((1, 4), 0.5), first, second, threshold=0.2, area=4.0)
    assert list(zip(table["component"].tolist(), table["partner"].tolist())) == [(0, 1), (0, 3), (1, 2), (2, 3)]
    assert table["area"].tolist() == table["area_above"].tolist() == [4.0] * 4


def evidence(above, sizes, ks=(2, 3, 4)):
    return SimpleNamespace(
        ks=np.array(ks), above_noise=above, sizes=np.array(sizes, float), table={},
        similarities=[{"cosine_sqrt": np.eye(k)} for k in ks],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("above", "said"), [(0, "nothing stands out of the noise"), (1, "1 directions of the scan stand out of the noise")]
)
def test_what_stands_out_is_said(above, said):
    votes = dict.fromkeys(("held_out", "loss_knee", "distinct", "stable", "coherent")) | {"noise_edge": 2}
    choice = decide(evidence(above, [3.0, 0.5, 0.4]), votes, why_not="no counts")
    assert choice.reasons[0].startswith(said) and not any("weakest direction is so close" in one for one in choice.reasons)


PAIRS = [(0, 1), (0, 2), (1, 3), (2, 3)]


@pytest.mark.parametrize(("n", "named"), [(1, ""), (3, ", 0 and 2, 1 and 3"), (4, ", 0 and 2, 1 and 3, ...")])
def test_three_pairs_of_patterns_that_are_nearly_the_same_are_named(n, named):
    seen = evidence(4, [3.0, 3, 3, 3, 0.5], ks=(3, 4, 5))
    for i, j in PAIRS[:n]:
        seen.similarities[1]["cosine_sqrt"][i, j] = 1.0
    votes = dict.fromkeys(("held_out", "loss_knee", "distinct", "stable", "coherent")) | {"noise_edge": 4}
    choice = decide(seen, votes, why_not="no counts")
    assert choice.reasons[-1].endswith("nearly the same: 0 and 1" + named) and choice.confidence == "ambiguous"


def test_the_floor_of_the_subspace_is_what_white_noise_reaches():
    """Directions below it need not converge; a floor that is too high would leave weak components half found."""
    noise = np.random.default_rng(0).normal(size=(300, 200))
    matrix = SimpleNamespace(norm2=(noise**2).sum(), shape=noise.shape)
    largest = np.linalg.svd(noise, compute_uv=False)[0] ** 2
    floor = compression._floor(matrix)
    assert floor(np.zeros(3)) == pytest.approx(largest, rel=0.05)
    assert floor(np.array([matrix.norm2 / 2])) == pytest.approx(largest / 2, rel=0.05)
    assert floor(np.array([2 * matrix.norm2])) == 0


def test_zeros_have_singular_vectors_that_are_numbers():
    low = compression.LowRank(np.zeros((6, 2)), np.eye(2, 5), None, None, 0.0, 0.0, 0.0)
    left, values, right = low.svd()
    assert np.all(left == 0) and np.all(values == 0) and np.isfinite(right).all()


def test_bright_positions_count_less_unless_told_otherwise():
    rng = np.random.default_rng(0)
    data = rng.poisson(20 * rng.random((6, 7, 5, 4)) * np.linspace(1, 30, 42).reshape(6, 7, 1, 1))
    low = [compression.compress(PatternMatrix(data, ScanGeometry((6, 7), (5, 4))), 3, weights="poisson", **how)
           for how in ({}, {"position_weights": True}, {"position_weights": False})]  # fmt: skip
    assert low[0].norm2 == low[1].norm2 != low[2].norm2


def test_a_probe_as_wide_as_the_step_is_no_reason_to_warn():
    geometry = ScanGeometry((5, 6), (8, 8))
    SmoothMaps(probe_fwhm=1.0).bind(geometry)
    with pytest.warns(UnmixWarning, match="the scan step is larger than the probe"):
        SmoothMaps(probe_fwhm=0.99).bind(geometry)


def test_a_cutoff_that_the_scan_step_can_just_show_is_no_reason_to_warn():
    geometry = ScanGeometry((5, 6), (8, 8), calibration=Calibration(step=(2.0, 2.0), step_unit="nm"))
    SmoothMaps(cutoff="0.25 1/nm").bind(geometry)
    with pytest.warns(UnmixWarning, match="is beyond what the scan step can show"):
        SmoothMaps(cutoff="0.26 1/nm").bind(geometry)


@pytest.mark.parametrize("published", [False, True])
def test_a_sigma_of_zero_leaves_an_axis_as_it_is(published):
    rule = SmoothMaps(sigma=(0.0, 0.8), as_published=published).bind(ScanGeometry((5, 7), (8, 8)))
    maps = np.zeros((5, 7))
    maps[2, 3] = 1.0
    smooth = rule.project(maps.reshape(-1, 1)).reshape(5, 7)
    assert smooth[2, 3] < 0.6 and smooth[2].sum() == pytest.approx(1, abs=2e-3)
    assert np.abs(np.delete(smooth, 2, axis=0)).max() < 1e-12


def test_a_cutoff_is_at_most_half_a_cycle_per_position():
    assert SmoothMaps(cutoff=0.5).cutoff == 0.5
    with pytest.raises(ValueError, match="cutoff must be at most 0.5 cycles per position, got 0.51"):
        SmoothMaps(cutoff=0.51)


def test_a_compressed_scan_tells_its_shape():
    low = compression.LowRank(np.zeros((6, 2)), np.eye(2, 5), Weights(), None, 0.0, 0.0, 0.0)
    assert repr(low) == "LowRank(6 x 5, rank 2, weights none)"
    assert low.leading(2) is low and low.leading(1).rank == 1


def test_a_given_kernel_cannot_be_changed_afterwards():
    given = np.ones((3, 3))
    rule = SmoothMaps(kernel=given)
    assert not rule.kernel.flags.writeable and given.flags.writeable
