"""Antiparallel domains of a polar crystal: the odd part of the patterns beside their pixels.

::

    python benchmarks/polarity/run.py [--quick] [--out FILE.md]

Labels of positions are compared with the true domains by the adjusted Rand index (ARI). Seeds 0 to 3 were looked at while
the feature was made, 10 to 13 were not.
"""

import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import Report, parser
from common.tables import machine_facts, markdown_table

SEEDS = {"0 to 3": range(4), "10 to 13, never looked at": range(10, 14)}
CASES = {
    "100 electrons": {"dose": 1e2},
    "300 electrons": {"dose": 3e2},
    "1000 electrons": {"dose": 1e3},
    "1e4 electrons": {"dose": 1e4},
    "1000, centre off by 0.5 pixels": {"dose": 1e3, "off": (0.35, 0.35)},
    "1e4, centre off by 0.5 pixels": {"dose": 1e4, "off": (0.35, 0.35)},
    "1000, centre off by 1 pixel": {"dose": 1e3, "off": (0.7, 0.7)},
    "1000, bent by 10 mrad": {"dose": 1e3, "bending_mrad": 10.0},
    "1000, bent by 40 mrad": {"dose": 1e3, "bending_mrad": 40.0},
    "1000, weak polarity (0.15)": {"dose": 1e3, "polarity": 0.15},
    "1e4, weak polarity (0.15)": {"dose": 1e4, "polarity": 0.15},
}


def truth_of(phantom):
    """0 where the domain is up, 1 where it is down, of every position."""
    up, down = (phantom.maps[phantom.phases == sign].sum(axis=0) for sign in (1, 2))
    return (down > up).astype(int).ravel()


def merged_by_truth(labels, truth):
    """More labels than domains, each given to the domain that most of its positions have: more than any user can know."""
    return np.choose(labels, [int(truth[labels == k].mean() > 0.5) if (labels == k).any() else 0 for k in range(5)])


def likelier(phantom, counts):
    """The domain whose true pattern, with the true thickness and background, is the likelier: what the counts can tell."""
    X = counts.reshape(len(truth_of(phantom)), -1).astype(float)
    maps, patterns = phantom.maps.reshape(phantom.k, -1).T, phantom.patterns.reshape(phantom.k, -1)
    ups, downs = np.flatnonzero(phantom.phases == 1), np.flatnonzero(phantom.phases == 2)
    other = np.flatnonzero(phantom.phases == 0)
    crystal = maps[:, ups] + maps[:, downs]
    ahead = np.zeros(len(X))
    for sign, which in ((1, downs), (-1, ups)):
        mean = np.maximum(crystal @ patterns[which] + maps[:, other] @ patterns[other], 1e-12)
        ahead += sign * (X * np.log(mean) - mean).sum(axis=1)
    return (ahead > 0).astype(int)


def answers(phantom, centre):
    """Labels of every position by each method."""
    from unmix4d import Unmix

    u, truth = Unmix(phantom.data, centre=centre), truth_of(phantom)

    def odd(view, **more):
        return view.friedel_odd(**more)

    def clusters(view, k=2):
        return view.fuzzy_cmeans(k, contrast=0.5, random_state=0).labels().ravel()

    def components(view, k=2):
        return view.nmf(k, random_state=0).labels().ravel()

    pixels = u.prepare(direct_beam=5)
    yield "**odd part**, clusters", lambda: clusters(odd(u))
    yield "odd part, halves, nmf", lambda: components(odd(u, halves=True))
    yield "odd part of 3 x 3 means, clusters", lambda: clusters(odd(u.prepare(average_neighbours=3)))
    yield "pixels, clusters", lambda: clusters(pixels)
    yield "pixels, nmf", lambda: components(pixels)
    yield "pixels, 4 clusters, merged by the truth", lambda: merged_by_truth(clusters(pixels, 4), truth)
    yield "pixels, nmf of 4, merged by the truth", lambda: merged_by_truth(components(pixels, 4), truth)
    yield "likelihood ratio, patterns and maps known", lambda: likelier(phantom, phantom.data)


def scores_of(case, seed):
    """ARI of every method."""
    from unmix4d import phantoms
    from unmix4d.scores import adjusted_rand_index

    options = dict(case)
    off = options.pop("off", (0, 0))
    phantom = phantoms.antiparallel_domains(**options, seed=seed)
    centre = tuple(np.add(phantom.centre, off))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: adjusted_rand_index(run(), truth_of(phantom)) for name, run in answers(phantom, centre)}


INTRODUCTION = """# Antiparallel domains

Made by `python benchmarks/polarity/run.py`. `phantoms.antiparallel_domains`: 36 x 32 positions, two domains whose patterns
are each other rotated by 180 degrees (opposite spots differ by up to a factor of 2), thickness varying by 40 %, an amorphous
layer. Adjusted Rand index of the labels against the domains, means over four seeds, and the lowest of the odd part. *Merged
by the truth*: more components than domains, each given to its domain by the truth, which no user has. *Likelihood ratio*:
patterns, thickness and background are known, of every position only the sign is not; nothing that looks at single positions
can do better.

"""


def main(arguments=None):
    """Run all cases; returns the exit code."""
    args = parser(__doc__, quick="one seed of each half, three cases").parse_args(arguments)
    report, start = Report(args.out), time.perf_counter()
    report(INTRODUCTION + machine_facts() + "\n")
    cases = dict(list(CASES.items())[:3]) if args.quick else CASES
    for title, seeds in SEEDS.items():
        rows, names = [], None
        for name, case in cases.items():
            found = [scores_of(case, seed) for seed in list(seeds)[: 1 if args.quick else None]]
            names = list(found[0])
            lowest = min(one[names[0]] for one in found)
            rows.append([name, *(f"{np.mean([one[n] for one in found]):.3f}" for n in names), f"{lowest:.3f}"])
        report(f"## Seeds {title}\n\n{markdown_table(['case', *names, 'lowest of the odd part'], rows)}\n")
        report.write()
    print(f"took {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
