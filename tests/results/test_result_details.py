"""Answers, number by number: what a changed operator in them would show."""

import numpy as np
import pytest
from scipy import stats

import unmix4d
from unmix4d import Unmix, phantoms


def result_of(k=2):
    return Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=k, dose=2000, seed=0).data).nmf(k, random_state=0)


@pytest.mark.filterwarnings("ignore:grains takes component")  # two components of random patterns
def test_grains_are_themselves_and_nothing_else():
    grains, again = result_of().grains(min_size=1), result_of().grains(min_size=1)
    assert grains == grains and grains != again and len({grains, again}) == 2


def test_the_log_likelihood_is_that_of_poisson():
    scan = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, dose=2000, seed=0)
    fit, held_out = Unmix(scan.data).split_counts(random_state=0)
    result = fit.nmf(2, random_state=0)
    counts = np.asarray(held_out.scan.patterns)
    expected = np.einsum("krc,kij->rcij", result.maps, result.patterns).astype(float)
    scale = np.asarray(held_out.scan.patterns).sum() / np.asarray(fit.scan.patterns).sum()
    sure = expected > 0.05  # below, what is expected is bounded
    found = result.log_likelihood(held_out)
    direct = stats.poisson.logpmf(counts, np.maximum(expected, 1e-3) * round(float(scale), 1))
    assert abs(found - direct.mean()) < 0.05 * abs(direct.mean()) and sure.mean() > 0.5


def test_a_saved_result_of_many_components(tmp_path):
    result = result_of(3)
    result.save(tmp_path / "r.h5")
    assert unmix4d.load(tmp_path / "r.h5").patterns.shape == (3, 10, 20)
