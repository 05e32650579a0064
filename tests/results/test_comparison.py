"""Two answers compared: of two runs, two scans, two programs."""

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms


@pytest.fixture(scope="module")
def phantom():
    return phantoms.polycrystal(
        n_grains=4, scan_shape=(20, 16), detector_shape=(48, 44), overlap=0.3, direct_beam=0.3, dose=2000, seed=2
    )


@pytest.fixture(scope="module")
def result(phantom):
    return Unmix(phantom.data, centre=phantom.centre).prepare(direct_beam=3).nmf(5, random_state=0)


def test_two_runs(result):
    other = result.source.nmf(5, init="vca", random_state=3)
    shuffled = other.reorder([3, 1, 4, 0, 2])
    found = unmix4d.compare(result, shuffled)
    assert found.by == "both" and len(found.pairs) == 5 and found.only_first == found.only_second == ()
    assert found.table["map_correlation"].min() > 0.9 and found.scores.min() > 0.9
    for i, j in found.pairs:  # numpy's own numbers
        there = np.corrcoef(result.maps[i].ravel(), shuffled.maps[j].ravel())[0, 1]
        assert found.map_correlation[i, j] == pytest.approx(there, abs=1e-6)


def test_what_one_has_and_the_other_has_not(result):
    found = unmix4d.compare(result.drop([1], refit=False), result.drop([3], refit=False).rename({0: "film"}))
    assert (found.only_first, found.only_second) == ((2,), (1,))
    table = found.table
    assert table["first"].tolist()[-2:] == [2, -1] and np.isnan(table["map_correlation"][-2:]).all()
    assert "film" in table["second_name"] and "only in the first: 2" in repr(found)


def test_programs_that_give_arrays(result, phantom):
    with_patterns = unmix4d.compare(result, (phantom.maps, phantom.patterns))
    assert with_patterns.by == "both" and len(with_patterns.pairs) >= 4
    maps = unmix4d.compare(phantom.maps[:3], result)
    assert maps.by == "maps" and len(maps.pairs) == 3 and np.isnan(maps.pattern_similarity).all()
    assert maps.plot().shape == (2, 5) and with_patterns.plot().shape == (4, len(with_patterns.rows))
    assert unmix4d.compare(phantom.maps, phantom.maps[::-1]).pairs == tuple((i, 4 - i) for i in range(5))


def test_a_decomposed_signal_is_the_other_program(pyxem, phantom):
    signal = phantom.to_pyxem()
    signal.change_dtype("float32")
    signal.decomposition(algorithm="NMF", output_dimension=5, print_info=False, max_iter=2000, tol=1e-2)
    ours = signal.unmix.nmf(5, random_state=0)
    found = unmix4d.compare(ours, signal)
    assert found.by == "both" and len(found.pairs) >= 4
    loadings, factors = signal.get_decomposition_loadings(), signal.get_decomposition_factors()
    assert unmix4d.compare(ours, (loadings, factors)).pairs == found.pairs
    with pytest.raises(ValueError, match="second must be a result, maps"):
        unmix4d.compare(ours, phantom.to_pyxem())  # nobody has decomposed it


def test_slices_of_py4dstem(py4dstem, phantom):
    ours = phantom.to_py4dstem().unmix.nmf(5, random_state=0)
    assert len(unmix4d.compare(ours, ours.to_host()).pairs) == 5
    assert len(unmix4d.compare(ours, ours.to_host()[0]).pairs) == 5


def test_two_scans_in_which_everything_is_rotated(result):
    turned = np.rot90(result.source.scan.patterns[:12], 1, axes=(2, 3))
    row, col = result.geometry.centre
    view = Unmix(turned, centre=(43 - col, row)).prepare(direct_beam=3)
    other = view.nmf(5, random_state=0)
    with pytest.raises(ValueError, match="a detector of 44 x 48 pixels instead of 48 x 44"):
        unmix4d.compare(result, other, rotated=True)
    found = unmix4d.compare(result, other, rotated=True, resample=True, least=0.8)
    assert found.by == "patterns" and np.isnan(found.map_correlation).all() and len(found.pairs) >= 3
    angles = [found.angle_deg[i, j] for i, j in found.pairs if found.rotated_similarity[i, j] > 0.9]
    assert np.allclose(np.mod(np.array(angles) + 90 + 60, 120) - 60, 0, atol=3) or np.allclose(
        np.mod(np.array(angles) + 90 + 30, 60) - 30, 0, atol=3
    )


BAD = {
    "shapes": (lambda r: unmix4d.compare(r, r.maps[:, 1:]), r"scans of the same shape, got \(20, 16\) and \(19, 16\)"),
    "patterns": (lambda r: unmix4d.compare(r, r.maps, by="patterns"), "needs patterns of both"),
    "numbers": (lambda r: unmix4d.compare(r, (r.maps, r.patterns[1:])), "as many patterns as maps, got 4 and 5"),
    "dimensions": (lambda r: unmix4d.compare(r.maps[0], r), r"got the shape \(20, 16\)"),
    "least": (lambda r: unmix4d.compare(r, r, least=-1), "least must be at least 0"),
    "grid": (lambda r: unmix4d.compare(r, (r.maps, r.patterns[:, 1:])), "the patterns of second must have the shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_compared_is_refused(result, name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call(result)
    with pytest.raises(TypeError, match="first must be a result, maps"):
        unmix4d.compare("a", result)
