"""Shares of the intensity that do not add up to one are said, by whatever method."""

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.constraints import SumToOne


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=3, scan_shape=(12, 12), detector_shape=(32, 32), dose=50, seed=0)


def test_shares_of_few_electrons(film):
    view = Unmix(film.data, centre=film.centre)
    assert abs(view.nmf(3, random_state=0).explained.sum() - 1) < 0.1
    with pytest.warns(UnmixWarning) as said:
        result = view.vca(3, sum_to_one=True, random_state=0)
    messages = [str(w.message) for w in said]
    assert abs(result.explained.sum() - 1) > 0.1
    assert any("of vca account for" in m and "sum_to_one keeps them from fitting the data" in m for m in messages)


def test_one_corner_of_many_leaves_some_out():
    crystal = phantoms.case("twins").data[::2, ::2]
    with pytest.warns(UnmixWarning, match="the rest is in none of them: ask for more components"):
        assert Unmix(crystal).vca(1, random_state=0).explained.sum() < 0.9


def test_a_constraint_that_does_not_fit_is_named():
    thick = np.linspace(0.05, 3, 12)[:, None, None, None] * np.ones((1, 12, 1, 1))
    data = np.random.default_rng(0).poisson(20 * thick * np.random.default_rng(1).random((16, 16)))
    with pytest.warns(UnmixWarning) as said:
        Unmix(data, centre=(7.5, 7.5)).nmf(2, constraints=[SumToOne()], random_state=0)
    assert any("SumToOne does not fit the data" in str(w.message) for w in said)
