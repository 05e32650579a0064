"""One scan with a known answer, unmixed in every way: map correlations, grains found, number of components."""

import time
import warnings

import numpy as np
from common.peers import best_fit, sklearn_nmf
from common.scans import film_view

__all__ = ["FILMS", "phantom_scan", "unmixed"]

FILMS = ("sparse", "overlap", "dense")
_BEYOND_DISK = 2.5  # pixels around the disk of the direct beam that are masked as well


def phantom_scan(name, seed):
    """View of a standard case, direct beam masked, and the thickness of its grains."""
    from unmix4d import Unmix, phantoms

    p = phantoms.case(name, seed)
    view = Unmix(p.data, centre=p.centre, pixel_size=p.pixel_size, pixel_unit="1/A", step=p.step, step_unit="nm")
    return view.prepare(direct_beam=p.settings["disk_radius"] + _BEYOND_DISK), p.thickness[1:]


def unmixed(job):
    """All answers for one scan, as a dict.

    Parameters
    ----------
    job : (name, seed, data, n_runs)
        Seed None: a film of the data folder.
    """
    name, seed, data, n_runs = job
    view, truth = film_view(data, name) if seed is None else phantom_scan(name, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features = view.angular_average()
        if seed is None:
            view = view.prepare(bin=2)  # as many pixels as the standard cases have
        answers = _merged("AA", features, truth, n_runs) | _merged("pixels", view, truth, n_runs)
        answers["scikit-learn"] = _tried(_scikit_learn, view, truth)
        answers["oracle"] = max((_oracle(source, truth) for source in (features, view)), key=lambda one: one["r"])
    return {"name": name, "seed": seed, "grains": len(truth), "answers": answers}


def _scored(maps, truth, seconds=None):
    from unmix4d.scores import map_correlation

    if not len(maps):
        return {"k": 0, "r": 0.0, "found": 0, "seconds": seconds}
    r = map_correlation(maps, truth)
    return {"k": len(maps), "r": float(np.mean(r)), "found": int((r > 0.7).sum()), "seconds": seconds}


def _tried(program, *arguments):
    """An answer, or that there was none, which is no grain found."""
    try:
        return program(*arguments)
    except ValueError as error:
        return {"k": 0, "r": 0.0, "found": 0, "seconds": None, "error": str(error)}


def _merged(label, view, truth, n_runs):
    """`merge_nmf` and its consensus, the run that it chose, and the best of its runs by the truth."""
    started = time.perf_counter()
    try:
        runs = view.merge_nmf(n_runs=n_runs, random_state=0)
    except ValueError as error:
        failed = {"k": 0, "r": 0.0, "found": 0, "seconds": None, "error": str(error)}
        return {label: failed, f"{label}, its run": failed, f"{label}, best run": failed}
    agreed = _tried(lambda: _scored(runs.consensus().maps, truth, time.perf_counter() - started))
    each = [_scored(run.maps.T.reshape(-1, *truth.shape[1:]), truth) for run in runs.runs]
    best = max(each, key=lambda one: one["r"])
    return {label: agreed, f"{label}, its run": _scored(runs.maps, truth), f"{label}, best run": best}


def _scikit_learn(view, truth):
    values, started = view.matrix().gather(), time.perf_counter()
    maps = sklearn_nmf(values, len(truth) + 1, max_iter=300)[0]
    return _scored(maps.T.reshape(-1, *truth.shape[1:]), truth, time.perf_counter() - started)


def _oracle(view, truth):
    return _scored(best_fit(view.matrix().gather(), truth), truth)
