"""Items 7 and 8: weak grains, and a direct beam that is not masked, on the cases of Kimoto 2025.

``run_script("engine/grains.py", CASE, SEED, PROGRAM)`` unmixes one case with one program, in a separate process.
"""

import importlib.util
import json
import sys
import warnings
from functools import partial

import numpy as np
from common.peers import both_constraints, hyperspy_nmf, sklearn_nmf
from common.process import run_script, timed, tried
from common.tables import markdown_table

__all__ = ["beam_item", "grains_item"]

SEEDS = (0, 1, 2)
_GRAINS = ("amorphous", "9 % grain", "3 % grain", "1 % grain")
_CONSTRAINED, _PLAIN = "unmix4d, constrained", "unmix4d, defaults"
_SKLEARN, _NNDSVD, _HYPERSPY = "scikit-learn, defaults (nndsvda)", "scikit-learn, nndsvd", "HyperSpy NMF, eager"


def _unmix(phantom, constraints=()):
    from unmix4d import Unmix

    return Unmix(phantom.data, centre=phantom.centre).nmf(phantom.k, constraints=constraints, random_state=0)


def _constrained(phantom):
    return _unmix(phantom, both_constraints())


def _sklearn(phantom, init=None):
    X = phantom.data.reshape(np.prod(phantom.scan_shape), -1).astype(np.float32)
    maps, patterns, _ = sklearn_nmf(X, phantom.k, init=init)
    return patterns.reshape(phantom.k, *phantom.detector_shape), maps.T.reshape(phantom.k, *phantom.scan_shape)


def _hyperspy(phantom):
    signal = phantom.to_pyxem()
    signal.change_dtype("float32")  # integers are refused
    return hyperspy_nmf(signal, phantom.k)


_PROGRAMS = {
    _CONSTRAINED: _constrained,
    _PLAIN: _unmix,
    _SKLEARN: _sklearn,
    _NNDSVD: partial(_sklearn, init="nndsvd"),
    _HYPERSPY: _hyperspy,
}


def _run(case, seed, program):
    from unmix4d import phantoms
    from unmix4d.scores import score

    phantom = phantoms.case(case, int(seed))
    answer, seconds = timed(lambda: _PROGRAMS[program](phantom))
    result = score(answer, phantom)
    return {
        "seconds": seconds,
        "map_correlation": result.map_correlation.tolist(),
        "pattern_cosine": result.pattern_cosine.tolist(),
    }


def _case_table(case, programs, seeds, report):
    """Map correlation of every grain per program; returns (program, seed, grain) arrays by program."""
    columns = tried(programs, lambda p: [run_script("engine/grains.py", case, seed, p) for seed in seeds], report)
    r = {program: np.array([a["map_correlation"] for a in answers]) for program, answers in columns.items()}
    cosine = {program: np.array([a["pattern_cosine"] for a in answers]) for program, answers in columns.items()}
    rows = [
        [grain, *(f"{r[p][:, i].mean():.3f} ({r[p][:, i].min():.3f}) / {cosine[p][:, i].mean():.3f}" for p in columns)]
        for i, grain in enumerate(_GRAINS)
    ]
    rows.append(["time (s)", *(f"{np.mean([a['seconds'] for a in answers]):.1f}" for answers in columns.values())])
    report(f"\n### {case}\n\n" + markdown_table(["map r (lowest) / pattern cos", *columns], rows))
    return r


def _seeds(quick):
    return SEEDS[:1] if quick else SEEDS


def _describe(seeds, report):
    report(
        f"36 x 36 positions, 128 x 128 pixels, k = 4, all pixels for every program, seeds {', '.join(map(str, seeds))}.\n"
        "Cells: mean map correlation over the seeds (the lowest of them) / mean pattern cosine. Goals are judged by the\n"
        "lowest. Constrained: `constraints=[SmoothMaps(sigma=1), NoDarkSpots()]`, defaults otherwise."
    )


def _goal(goals, found, case, program, grain, least):
    lowest = float(found[program][:, _GRAINS.index(grain)].min())
    goals(f"{case}, map correlation of the {grain}, {program}, lowest of the seeds", lowest, least=least, by_size=False)


def _programs(report):
    programs = [_CONSTRAINED, _PLAIN, _SKLEARN, _NNDSVD]
    if importlib.util.find_spec("pyxem"):
        return [*programs, _HYPERSPY]
    report("- skipped: HyperSpy: pyxem is not installed")
    return programs


def grains_item(args, folder, report, goals):
    """Item 7."""
    seeds = _seeds(args.quick)
    report("## 7. Weak grains\n\nCase A: 1e4 electrons per pattern, case C: 3e3; no direct beam.\n")
    _describe(seeds, report)
    programs = _programs(report)
    for case, least in (("kimoto_A", 0.9), ("kimoto_C", 0.75)):
        found = _case_table(case, programs, seeds, report)
        _goal(goals, found, case, _CONSTRAINED, "1 % grain", least)


def beam_item(args, folder, report, goals):
    """Item 8."""
    seeds = _seeds(args.quick)
    report("## 8. A direct beam that is not masked\n\nCase B: half of the dose in the direct beam, case F: 90 %.\n")
    _describe(seeds, report)
    report("The beam is part of every pattern: cosines are large for any spots.")
    for case, grain in (("kimoto_B", "3 % grain"), ("kimoto_F", "9 % grain")):
        found = _case_table(case, [_CONSTRAINED, _PLAIN, _SKLEARN, _NNDSVD], seeds, report)
        for program in (_CONSTRAINED, _PLAIN):
            _goal(goals, found, case, program, grain, 0.9)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(_run(*sys.argv[1:])))
