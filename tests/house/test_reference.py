"""The same numbers as before, in every environment, in memory and lazily, with one thread and with two."""

import json
from pathlib import Path

import numpy as np
import pytest

from support.reference_runs import RUNS, numbers_of, reference_scan, run
from unmix4d.engine import threads

KEPT = json.loads((Path(__file__).parents[1] / "reference" / "methods.json").read_text(encoding="utf-8"))
# Iterations carry rounding on; ICA and fuzzy clustering end where their steps become small, not at an exact point.
RTOL = {"ica": 1e-4, "fuzzy_cmeans": 1e-4, "fuzzy, Gustafson-Kessel": 1e-4}


def close(name, found, kept):
    assert found["k"] == kept["k"]
    rtol = RTOL.get(name, 1e-6)
    for key in set(kept) - {"k"}:
        one, other = np.asarray(found[key]), np.asarray(kept[key])
        scale = np.nanmax(np.abs(other), initial=1e-12)
        assert np.allclose(one, other, rtol=rtol, atol=rtol * scale, equal_nan=True), f"{name}: {key}"


@pytest.mark.parametrize("name", RUNS)
def test_no_number_has_drifted(name):
    close(name, numbers_of(run(name, reference_scan().data)), KEPT[name])


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cores", [2, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", RUNS)
def test_lazily_and_with_any_number_of_threads(name, cores, monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: cores)
    close(name, numbers_of(run(name, reference_scan().to_dask(chunks=(2, 4, 10, 26)))), KEPT[name])
    close(name, numbers_of(run(name, np.asarray(reference_scan().data))), KEPT[name])


def test_nothing_is_kept_that_is_not_run():
    assert set(KEPT) == set(RUNS)
