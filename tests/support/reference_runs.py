"""The runs whose numbers are kept in tests/reference/methods.json, and what is kept of each."""

import warnings

import numpy as np

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.constraints import NoDarkSpots, SmoothMaps

__all__ = ["RUNS", "numbers_of", "reference_scan", "run", "view_of"]

DOUBLE = {"precision": "double", "random_state": 3}
RUNS = {
    "svd": lambda u: u.svd(3, **DOUBLE),
    "pca": lambda u: u.pca(3, **DOUBLE),
    "ica": lambda u: u.ica(3, n_starts=2, **DOUBLE),
    "vca": lambda u: u.vca(3, **DOUBLE),
    "nmf": lambda u: u.nmf(3, n_starts=2, max_iter=20, **DOUBLE),
    "nmf, constrained": lambda u: u.nmf(3, max_iter=10, constraints=[SmoothMaps(sigma=0.6), NoDarkSpots()], **DOUBLE),
    "nmf, exact": lambda u: u.nmf(3, max_iter=10, exact=True, weights="poisson", **DOUBLE),
    "nmf, kl": lambda u: u.nmf(3, max_iter=10, objective="kl", **DOUBLE),
    "merge_nmf": lambda u: u.merge_nmf(5, n_runs=3, **DOUBLE),
    "fuzzy_cmeans": lambda u: u.fuzzy_cmeans(3, n_starts=3, **DOUBLE),
    "fuzzy, Gustafson-Kessel": lambda u: u.fuzzy_cmeans(3, n_starts=3, covariance="gustafson-kessel", **DOUBLE),
    "angular_average, nmf": lambda u: u.angular_average(30, rings=[(3, 6), (6, 9)]).nmf(3, max_iter=10, **DOUBLE),
}
POSITIONS, PIXELS = ([0, 3, 6, 2, 5], [0, 4, 8, 7, 1]), ([1, 9, 12, 18, 5], [2, 8, 15, 24, 20])


def reference_scan():
    """Three components, 7 x 9 positions, 20 x 26 pixels."""
    return phantoms.random_scan(shape=(7, 9, 20, 26), k=3, dose=2000, seed=3)


def view_of(data):
    """The view that every run is of: a masked beam and one excluded position."""
    mask = np.zeros((7, 9), bool)
    mask[4, 4] = True
    return Unmix(data, centre=(9.5, 12.5)).prepare(direct_beam=2, scan_mask=mask)


def run(name, data):
    """The result of one of the runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", unmix4d.UnmixWarning)  # what these runs say of the scan is not the matter here
        return RUNS[name](view_of(data))


def numbers_of(result) -> dict:
    """A few numbers that say whether the answer has changed; the sign of a component is free."""
    maps, patterns = result.maps[(slice(None), *POSITIONS)], result.patterns[(slice(None), *PIXELS)]
    return {
        "k": result.k,
        "loss": float(result.loss),
        "explained": result.explained.tolist(),
        "maps": np.abs(maps).round(12).tolist(),
        "patterns": np.abs(patterns).tolist(),
        "map_squares": np.nansum(result.maps**2, axis=(1, 2)).tolist(),
        "pattern_squares": np.nansum(result.patterns**2, axis=(1, 2)).tolist(),
    }
