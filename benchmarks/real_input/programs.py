"""The programs that are compared, each run in a process of its own.

``python peers.py PROGRAM CASE_FOLDER ANSWER_FOLDER`` unmixes one case with one program. Imports and loading
come before the clock starts; memory is what was needed on top of the loaded scan (or of nothing, where the
program reads from disk). Every answer is judged by the same functions: `unmix4d.scores.score`, and the mean
squared error over all positions and all pixels outside the direct beam, in the same arithmetic.
"""

import json
import subprocess
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from memory import PeakMemory
from scans import Case

__all__ = ["Failed", "PROGRAMS", "SEEDS", "run_program"]

SEED = 0


class Failed(RuntimeError):
    """A program did not deliver; the message is the last line it wrote."""


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
    from pyxem.signals import Diffraction2D
    from sklearn.decomposition import NMF  # noqa: F401  (imported before the clock starts)

    signal = case.pyxem_signal(lazy)
    # As a signal: HyperSpy transposes a mask given as an array.
    mask = Diffraction2D(case.detector_mask(signal.data))

    def run():
        signal.change_dtype("float32")  # integers are refused
        k = case.facts["k"]
        signal.decomposition(algorithm="NMF", output_dimension=k, signal_mask=mask, print_info=False, random_state=SEED)
        learned = signal.learning_results
        shape = signal.data.shape
        patterns = np.nan_to_num(np.asarray(learned.factors).T.reshape(-1, *shape[2:]))
        return {"": (patterns, np.asarray(learned.loadings).T.reshape(-1, *shape[:2]), None)}

    return run


def sklearn_nmf(case, stages=None, seed=SEED, **options):
    """scikit-learn's NMF ("cd") on the matrix of the same pixels, its answer kept after so many iterations.

    Without `stages`, one run with its own stopping rule. With them the tolerance is 0, and every stage
    goes on from the matrices of the last one: the same as one long run, as the solver has no other memory.
    """
    from sklearn.decomposition import NMF

    counts = case.counts()
    mask = case.detector_mask(counts)

    def answer(model, maps):
        patterns = np.zeros((len(model.components_), *mask.shape), model.components_.dtype)
        patterns[:, ~mask] = model.components_
        return patterns, maps.T.reshape(-1, *counts.shape[:2])

    def run():
        matrix = counts[:, :, ~mask].reshape(-1, (~mask).sum()).astype(np.float32)
        if stages is None:
            model = NMF(case.facts["k"], random_state=seed, **options)
            return {"": (*answer(model, model.fit_transform(matrix)), model.n_iter_)}
        answers, started, done, start = {}, time.perf_counter(), 0, {}
        for stage in stages:
            model = NMF(case.facts["k"], random_state=seed, max_iter=stage - done, tol=0, **options)
            maps = model.fit_transform(matrix, **start)
            answers[f"{stage} iterations"] = (*answer(model, maps), stage, time.perf_counter() - started)
            done, options["init"] = stage, "custom"
            start = {"W": maps.copy(), "H": model.components_.copy()}
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
    _SKLEARN_OWN: sklearn_nmf,
    "scikit-learn, nndsvd": lambda case: sklearn_nmf(case, _STAGES, init="nndsvd"),
    "scikit-learn, nndsvda": lambda case: sklearn_nmf(case, _STAGES, init="nndsvda"),
    "scikit-learn, random": lambda case: sklearn_nmf(case, _STAGES, init="random"),
    "unmix4d, defaults": unmix_array,
    "unmix4d, 60 iterations": lambda case: unmix_array(case, **_FIXED),
    "unmix4d, 500 iterations": lambda case: unmix_array(case, max_iter=500, tol=0),
    "unmix4d, n_starts=3": lambda case: unmix_array(case, n_starts=3),
}
for _seed in SEEDS:
    PROGRAMS[f"unmix4d, random, 200 iterations, seed {_seed}"] = partial(unmix_array, seed=_seed, **_RANDOM)
    PROGRAMS[f"scikit-learn, random, 200 iterations, seed {_seed}"] = partial(sklearn_nmf, seed=_seed, **_RANDOM)
NEEDS = {"pyxem": "pyxem", "HyperSpy": "pyxem", "py4DSTEM": "py4DSTEM"}


def exact_loss(view, patterns, maps):
    """Mean of (data - maps x patterns)**2 over all positions and kept pixels."""
    matrix = view.matrix()
    keep = view.geometry.kept_pixels.reshape(view.shape[2:])
    squares = matrix.squared_residuals(maps.reshape(len(maps), -1).T, patterns[:, keep])
    return float(squares.sum() / np.prod(matrix.shape, dtype=float))


def _measure(program, case):
    """Run one program; its answers with time, memory, scores and loss, as (facts, patterns, maps)."""
    from unmix4d.scores import score

    run = PROGRAMS[program](case)
    with warnings.catch_warnings(), PeakMemory() as memory:
        warnings.simplefilter("ignore")  # "did not converge" is what the iterations in the table are for
        started = time.perf_counter()
        answers = run()
        seconds = time.perf_counter() - started
    counts = case.counts()
    view, mask = case.view(counts), case.detector_mask(counts)
    truth = case.truth(mask)
    for label, (patterns, maps, iterations, *own_time) in answers.items():
        facts = {
            "label": label, "seconds": own_time[0] if own_time else seconds, "extra": memory.extra,
            "iterations": iterations, "loss": exact_loss(view, patterns, maps),
        }  # fmt: skip
        facts.update(_scores(score, patterns, maps, truth, mask))
        yield facts, patterns, maps


def _scores(score, patterns, maps, truth, mask):
    if not hasattr(truth, "patterns"):
        # No true patterns: the cosines mean nothing and are not shown.
        truth.patterns = np.ones((len(truth.maps), *patterns.shape[1:]))
    result = score((np.where(mask, np.nan, patterns), maps), truth)
    return {
        "found": result.found,
        "map_correlation": result.map_correlation.tolist(),
        "pattern_cosine": result.pattern_cosine.tolist(),
        "mean_map_correlation": result.mean_map_correlation,
    }


def run_program(program, case):
    """Run a program on a case in a process of its own.

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
        command = [sys.executable, str(Path(__file__).resolve()), program, str(case.folder), folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise Failed(lines[-1])
        answers = json.loads((Path(folder) / "facts.json").read_text())
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
    (Path(answer_folder) / "facts.json").write_text(json.dumps(everything))


if __name__ == "__main__":
    main(*sys.argv[1:])
