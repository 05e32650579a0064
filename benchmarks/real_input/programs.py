"""The programs that are compared, each run in a separate process.

``run_script("real_input/programs.py", PROGRAM, CASE_FOLDER, ANSWER_FOLDER)`` unmixes one case with one program. Imports and
loading come before the clock starts; memory is what was needed on top of the loaded scan (or of nothing, where the
program reads from disk). Every answer is judged by the same functions: `unmix4d.scores.score`, and the mean
squared error over all positions and all pixels outside the direct beam, in the same arithmetic.
"""

import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from common.judge import exact_loss, scored
from common.peers import SEED, hyperspy_nmf, sklearn_nmf
from common.process import measured, run_script
from common.scans import Case

__all__ = ["NEEDS", "PROGRAMS", "SEEDS", "run_program"]


def _unmix(view, k, seed=SEED, **options):
    result = view.nmf(k, random_state=seed, **options)
    return {"": (result.patterns, result.maps, max(len(c) for c in result.convergence))}


def unmix_array(case, **options):
    """unmix4d on a NumPy array."""
    view = case.view(case.counts())
    return lambda: _unmix(view, case.facts["k"], **options)


def unmix_host(make, case, **options):
    """unmix4d on a lazy pyxem signal or on a py4DSTEM DataCube, as their users call it."""
    scan = make(case)
    import unmix4d  # noqa: F401  (gives it .unmix)

    facts = case.facts
    return lambda: _unmix(scan.unmix.prepare(direct_beam=facts["direct_beam"]), facts["k"], **options)


def _lazy_signal(case):
    return case.pyxem_signal(lazy=True)


_FIXED = {"max_iter": 60, "tol": 0}


def hyperspy(case, lazy):
    """HyperSpy's own ``decomposition(algorithm="NMF")``."""
    from sklearn.decomposition import NMF  # noqa: F401  (imported before the clock starts)

    signal = case.pyxem_signal(lazy)
    mask = case.detector_mask(signal.data)

    def run():
        signal.change_dtype("float32")  # integers are refused
        return {"": (*hyperspy_nmf(signal, case.facts["k"], mask), None)}

    return run


def sklearn(case, stages=None, seed=SEED, **options):
    """scikit-learn's NMF ("cd") on the matrix of the same pixels, its answer kept after this number of iterations.

    Without `stages`, one run with its own stopping rule. With them the tolerance is 0, and every stage
    goes on from the matrices of the last one: the same as one long run, as the solver has no other memory.
    """
    from sklearn.decomposition import NMF  # noqa: F401  (imported before the clock starts)

    counts, k = case.counts(), case.facts["k"]
    mask = case.detector_mask(counts)

    def images(maps, components):
        patterns = np.zeros((k, *mask.shape), components.dtype)
        patterns[:, ~mask] = components
        return patterns, maps.T.reshape(-1, *counts.shape[:2])

    def run():
        matrix = counts[:, :, ~mask].reshape(-1, (~mask).sum()).astype(np.float32)
        if stages is None:
            maps, patterns, iterations = sklearn_nmf(matrix, k, random_state=seed, **options)
            return {"": (*images(maps, patterns), iterations)}
        answers, started, done, found = {}, time.perf_counter(), 0, None
        for stage in stages:
            found = sklearn_nmf(matrix, k, found, random_state=seed, max_iter=stage - done, tol=0, **options)[:2]
            answers[f"{stage} iterations"] = (*images(*found), stage, time.perf_counter() - started)
            done = stage
        return answers

    return run


_STAGES = (60, 200, 500)
SEEDS = (1, 2, 3)  # of the random starts that are compared one to one
_RANDOM = {"init": "random", "max_iter": 200, "tol": 0}
_SKLEARN_OWN = "scikit-learn, its defaults (nndsvda, tol 1e-4)"

# What each program is called in the tables; the function prepares everything and returns what is to be timed.
PROGRAMS = {
    "unmix4d, lazy pyxem signal": lambda case: unmix_host(_lazy_signal, case),
    "unmix4d, py4DSTEM DataCube": lambda case: unmix_host(Case.datacube, case),
    "unmix4d, lazy pyxem signal, 60 iterations": lambda case: unmix_host(_lazy_signal, case, **_FIXED),
    "unmix4d, py4DSTEM DataCube, 60 iterations": lambda case: unmix_host(Case.datacube, case, **_FIXED),
    "HyperSpy NMF, eager": lambda case: hyperspy(case, lazy=False),
    "HyperSpy NMF, lazy": lambda case: hyperspy(case, lazy=True),
    _SKLEARN_OWN: sklearn,
    "scikit-learn, nndsvd": lambda case: sklearn(case, _STAGES, init="nndsvd"),
    "scikit-learn, nndsvda": lambda case: sklearn(case, _STAGES, init="nndsvda"),
    "scikit-learn, random": lambda case: sklearn(case, _STAGES, init="random"),
    "unmix4d, defaults": unmix_array,
    "unmix4d, 60 iterations": lambda case: unmix_array(case, **_FIXED),
    "unmix4d, 500 iterations": lambda case: unmix_array(case, max_iter=500, tol=0),
    "unmix4d, n_starts=3": lambda case: unmix_array(case, n_starts=3),
}
for _seed in SEEDS:
    PROGRAMS[f"unmix4d, random, 200 iterations, seed {_seed}"] = partial(unmix_array, seed=_seed, **_RANDOM)
    PROGRAMS[f"scikit-learn, random, 200 iterations, seed {_seed}"] = partial(sklearn, seed=_seed, **_RANDOM)
NEEDS = {"pyxem": "pyxem", "HyperSpy": "pyxem", "py4DSTEM": "py4DSTEM"}


def _measure(program, case):
    """Run one program; its answers with time, memory, scores and loss, as (facts, patterns, maps)."""
    answers, seconds, memory = measured(PROGRAMS[program](case))
    counts = case.counts()
    view, mask = case.view(counts), case.detector_mask(counts)
    truth = case.truth(mask)
    for label, (patterns, maps, iterations, *own_time) in answers.items():
        scores = scored(np.where(mask, np.nan, patterns), maps, truth)
        facts = {
            "label": label, "seconds": own_time[0] if own_time else seconds, "extra": memory.extra,
            "iterations": iterations, "loss": exact_loss(view, patterns, maps), "found": scores.found,
            "map_correlation": scores.map_correlation.tolist(), "pattern_cosine": scores.pattern_cosine.tolist(),
            "mean_map_correlation": scores.mean_map_correlation,
        }  # fmt: skip
        yield facts, patterns, maps


def run_program(program, case):
    """Run a program on a case in a separate process.

    Returns
    -------
    list of dict
        One per answer, with the measured numbers, ``program``, ``patterns`` and ``maps``.

    Raises
    ------
    Failed
        When the process ends with an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        answers = run_script("real_input/programs.py", program, case.folder, folder)
        for i, facts in enumerate(answers):
            with np.load(Path(folder) / f"{i}.npz") as file:
                facts.update(program=program, patterns=file["patterns"], maps=file["maps"])
    return answers


def main(program, case_folder, answer_folder):
    """The part that runs in the process of the program."""
    everything = []
    for i, (facts, patterns, maps) in enumerate(_measure(program, Case(case_folder))):
        everything.append(facts)
        np.savez(Path(answer_folder) / f"{i}.npz", patterns=patterns, maps=maps)
    print(json.dumps(everything))


if __name__ == "__main__":
    main(*sys.argv[1:])
