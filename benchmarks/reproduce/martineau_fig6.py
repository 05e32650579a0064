"""Martineau 2019, Fig. 6: two crystals that share spots; the exact factorisation is not unique.

``python benchmarks/reproduce/martineau_fig6.py [--starts 20] [--out FILE.md] [--figure FILE.png]``
"""

from dataclasses import dataclass, replace

import numpy as np
from _figures import line_scans
from _measures import view_of
from _report import Fact, Report, parser, run
from common.peers import sklearn_nmf

from unmix4d import phantoms
from unmix4d.constraints import SumToOne

UNIQUE, CLOSE = 0.05, 0.95  # relative height of the common spots: nearly none, or those of the true crystal


BRIGHTER = 2.0
NNDSVD, NNDSVD_BRIGHT = "ours, NNDSVD", "ours, NNDSVD, brighter left crystal"
RANDOM, SUMMED = "ours, random", "ours, random, SumToOne()"


@dataclass(frozen=True)
class Solution:
    """An answer with the component of the common spots first.

    Attributes
    ----------
    patterns, maps : ndarray
    leak : float
        Unique spots in the first pattern, relative to its common ones: 0 where it holds the common spots only.
    common : float
        Height of the common spots in the second pattern, relative to its unique ones: 0 for the unique spots alone, 1 for
        the true crystal.
    cosine : float
        Of the second pattern with that crystal.
    loss : float
        Mean squared error relative to the mean square of the data.
    """

    patterns: np.ndarray
    maps: np.ndarray
    leak: float
    common: float
    cosine: float
    loss: float


def judge(patterns, maps, phantom):
    """Which component is which, from the heights of common and unique spots."""
    left, right = phantom.patterns
    common, unique = left > 0, (right > 0) & (left == 0)
    heights = np.array([[p[at] @ right[at] / (right[at] @ right[at]) for at in (common, unique)] for p in patterns])
    order = np.argsort(heights[:, 1] / np.maximum(heights.sum(axis=1), 1e-30))
    patterns, maps, heights = patterns[order], maps[order], heights[order]
    rest = phantom.data - np.tensordot(maps, patterns, axes=(0, 0))
    cosine = (patterns[1] * right).sum() / (np.linalg.norm(patterns[1]) * np.linalg.norm(right))
    return Solution(
        patterns, maps, heights[0, 1] / heights[0, 0], heights[1, 0] / heights[1, 1], float(cosine),
        float((rest**2).mean() / (phantom.data.astype(float) ** 2).mean()),
    )  # fmt: skip


def brighter(phantom, factor):
    """The same scan with all spots of the left crystal brighter by a factor, so that common spots are not equally high."""
    left, right = phantom.patterns
    patterns = np.stack([factor * left, right])
    return replace(phantom, patterns=patterns, data=np.tensordot(phantom.maps, patterns, axes=(0, 0)))


def ours(phantom, **options):
    """By `nmf`, iterated until the noise-free data are fitted."""
    options = {"max_iter": 1000, "tol": 1e-7, "precision": "double", "weights": "none", "smooth": 0, **options}
    result = view_of(phantom).nmf(2, **options)
    return judge(result.patterns, result.maps, phantom)


def scikit_learn(phantom, init, seed=0):
    """By scikit-learn's coordinate descent, as in the paper; maps with maximum 1."""
    X = phantom.data.reshape(-1, phantom.patterns[0].size).astype(float)
    maps, patterns, _ = sklearn_nmf(X, 2, init=init, max_iter=1000, tol=0, random_state=seed)
    size = maps.max(axis=0)
    patterns = (patterns * size[:, None]).reshape(phantom.patterns.shape)
    return judge(patterns, (maps / size).T.reshape(phantom.maps.shape), phantom)


def single(solution):
    """Table cells of one solution."""
    return [f"{solution.leak:.3f}", f"{solution.common:.3f}", f"{solution.cosine:.3f}", f"{solution.loss:.0e}"]


def spread(solutions):
    """Table cells of many: their range."""
    columns = [[getattr(s, name) for s in solutions] for name in ("leak", "common", "cosine")]
    return [*(f"{min(c):.3f} to {max(c):.3f}" for c in columns), f"{max(s.loss for s in solutions):.0e} at most"]


def solutions(phantom, starts):
    """One answer from every start that is no matter of chance, and many from random ones."""
    bright = brighter(phantom, BRIGHTER)
    first = {
        NNDSVD: ours(phantom, random_state=0),
        NNDSVD_BRIGHT: ours(bright, random_state=0),
        "ours, vertex components": ours(phantom, init="vca", random_state=0),
        "scikit-learn, NNDSVD": scikit_learn(phantom, "nndsvd"),
        "scikit-learn, NNDSVD, brighter left crystal": scikit_learn(bright, "nndsvd"),
        "scikit-learn, NNDSVDa": scikit_learn(phantom, "nndsvda"),
    }
    seeds, summed = range(starts), [SumToOne()]
    many = {
        RANDOM: [ours(phantom, init="random", random_state=seed) for seed in seeds],
        "scikit-learn, random": [scikit_learn(phantom, "random", seed) for seed in seeds],
        SUMMED: [ours(phantom, init="random", constraints=summed, random_state=seed) for seed in seeds],
    }
    return first, many


def make(options):
    """The report."""
    phantom = phantoms.martineau_fig6()
    first, many = solutions(phantom, options.starts)
    rows = [[name, 1, *single(solution)] for name, solution in first.items()]
    rows += [[name, len(each), *spread(each)] for name, each in many.items()]
    header = (
        "start", "runs", "unique spots in component 0", "common spots in component 1", "cosine of component 1 and crystal",
        "squared error, relative",
    )  # fmt: skip
    return Report(
        "Martineau 2019, Fig. 6: shared spots",
        "The left crystal has every second spot (in both directions) of the right one, and no unique spot; no noise. "
        "Heights are relative to the other spots of the same component: 0 and 1 are the truth, 0 and 0 the factors of "
        f"the paper. *Brighter*: all spots of the left crystal are {BRIGHTER:g} times as high.",
        [("", header, rows)], facts(first, many), NOTES, lambda path: line_scans(shown(first, many, phantom), path),
    )  # fmt: skip


def facts(first, many):
    """The text on Fig. 6."""
    random = many[RANDOM]
    free = [*first.values(), *random, *many["scikit-learn, random"]]
    pure = sum(s.leak < UNIQUE for s in free)
    low, high = min(s.common for s in random), max(s.common for s in random)
    alone, whole = sum(s.common < UNIQUE for s in random), sum(s.common > CLOSE for s in random)
    truth = sum(s.common > CLOSE for s in many[SUMMED])
    return [
        Fact("a factor containing all the common reflections", f"{pure} of {len(free)} runs", pure == len(free)),
        Fact(
            "a factor containing the reflections unique to one end member: NNDSVD, left crystal brighter",
            f"common spots {first[NNDSVD_BRIGHT].common:.2f} of the unique ones", first[NNDSVD_BRIGHT].common < UNIQUE,
        ),
        Fact(
            "the same: NNDSVD, equal heights", f"{first[NNDSVD].common:.2f}: the true crystal",
            first[NNDSVD].common < UNIQUE, expected=False,
        ),
        Fact(
            "the same: random starts", f"{alone} of {len(random)}, {whole} the true crystal; {low:.2f} to {high:.2f}",
            alone > len(random) / 2, expected=False,
        ),
        Fact(
            "NMF components should not be analysed quantitatively",
            f"common spots {low:.2f} to {high:.2f} high at a relative error of at most {max(s.loss for s in random):.0e}",
            high - low > 0.1,
        ),
        Fact(
            "a sum-to-one constraint may mitigate this",
            f"the true crystal from {truth} of {len(many[SUMMED])} random starts",
            truth == len(many[SUMMED]),
        ),
    ]  # fmt: skip


def shown(first, many, phantom):
    """NNDSVD on both scans, and the random start that is farthest from the truth."""
    farthest = min(many[RANDOM], key=lambda s: s.common)
    chosen = {NNDSVD: first[NNDSVD], NNDSVD_BRIGHT: first[NNDSVD_BRIGHT], "ours, one of the random starts": farthest}
    return {f"{name}: common spots {s.common:.2f}": (s.patterns, s.maps, phantom) for name, s in chosen.items()}


NOTES = [
    "Exact solutions form a line. Where only the left crystal is, only common spots are seen, so one component must be "
    "these: the left crystal itself. The other may hold the unique spots with any share of the common ones, from 0 (the "
    "paper's factors) to 1 (the true crystal): the first map makes up for it. The error cannot choose among them.",
    "The paper used coordinate descent from NNDSVD and does not give the heights and numbers of its spots. NNDSVD begins "
    "with the positive or the negative part of the second singular pair, whichever is larger: unique spots, or common ones. "
    "With a brighter left crystal (or one with half of the spots instead of a quarter) it is the unique spots, and both "
    "programs give the paper's factors; with equal heights it is the common ones, and both give the truth, by luck.",
    "What can choose is a further fact: here both crystals together are equally thick everywhere, as `SumToOne()` says.",
]


if __name__ == "__main__":
    raise SystemExit(run(make, parser(__doc__, starts=20)))
