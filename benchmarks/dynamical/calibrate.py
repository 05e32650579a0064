"""Whether a component is a grain: the constants of `unmix4d.decomposition.grain_probability`, and how well they hold.

::

    python benchmarks/dynamical/calibrate.py [--fit] [--out FILE.md]

With ``--fit`` the logistic regression is fitted anew on the tuning seeds of the dynamical cases, on kinematical films and
on the multislice films of the data folder, and its constants are printed. The reliability is measured on seeds that nothing
was chosen on, with the constants of the package.
"""

import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import Report, need_files, parser
from common.scans import film_view
from common.tables import machine_facts, markdown_table
from programs import FILMS

INTRODUCTION = """# Is a component a grain?

Made by `python benchmarks/dynamical/calibrate.py`. `grain_probability` of every component of a consensus of 8 runs, beside
what it is: a grain, when it is matched to one (Hungarian assignment) with a map correlation above 0.7. Scans: the standard
dynamical cases with their unseen seeds, and kinematical films (`phantoms.polycrystal`, 5 to 40 grains, overlap 0.2 to 0.8)
with seeds 20 and 21; angular averages of all, pixels of one seed each. The constants come from other seeds,
and from the three multislice films.
"""
_RUNS = 8
_EDGES = (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0001)


def jobs(fit, data):
    """(family, name, seed, pixels too, data) of all scans to fit or to measure on; seeds of films are of the runs."""
    from unmix4d import phantoms

    table = phantoms.cases("dynamical")
    found = []
    for name, case in table.items():
        seeds = (*case["seeds"], 2, 3) if fit else case["unseen_seeds"]
        found += [("dynamical", name, seed, i == 0) for i, seed in enumerate(seeds)]
    for n in (5, 10, 20, 40):
        for overlap in (0.2, 0.5, 0.8):
            seeds = (10, 11) if fit else (20, 21)
            found += [("kinematical", (n, overlap), seed, i == 0) for i, seed in enumerate(seeds)]
    if fit:
        need_files(data, *(f"ag_film_{name}.npz" for name in FILMS))
        found += [("multislice", name, seed, False) for name in FILMS for seed in range(3)]
    return [(*one, data) for one in found]


def components(job):
    """A list of (family, features, signs of the components, whether they are grains, number of grains, name) of one scan."""
    family, name, seed, pixels, data = job
    view, truth = film_view(data, name) if family == "multislice" else _scan(family, name, seed)
    out, start = [], seed if family == "multislice" else 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for features in ("angular averages", "pixels")[: 1 + pixels]:
            try:
                source = view if features == "pixels" else view.angular_average()
                out.append((family, features, *_signs(source, truth, start), len(truth), name))
            except ValueError as error:  # no component in half of the runs
                print(f"{name}, {seed}, {features}: {error}", file=sys.stderr)
    return out


def _scan(family, name, seed):
    from programs import phantom_scan

    from unmix4d import Unmix, phantoms

    if family == "dynamical":
        return phantom_scan(name, seed)
    p = phantoms.polycrystal(n_grains=name[0], overlap=name[1], seed=seed)
    grains = [i for i, one in enumerate(p.names) if "grain" in str(one)]
    return Unmix(p.data, centre=p.centre).prepare(direct_beam=4), p.maps[grains]


def _signs(view, truth, seed):
    from unmix4d.decomposition.consensus import consensus
    from unmix4d.scores.matching import assign, similarity

    runs = view.merge_nmf(n_runs=_RUNS, random_state=seed)
    found = consensus(runs._problem, runs.runs)
    truth = truth.reshape(len(truth), -1)[:, view.geometry.kept_positions]
    pairs, r = assign(similarity(found.maps.T.astype(float), truth.astype(float), centred=True))
    is_one = np.zeros(found.maps.shape[1], bool)
    is_one[pairs[(pairs >= 0) & (r > 0.7)]] = True
    return found.signs, is_one


def measured(which):
    """All components of the scans, two scans at a time."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return [one for found in pool.map(components, which) for one in found]


def fitted(found):
    """Weights and offset of a logistic regression on all of them."""
    from sklearn.linear_model import LogisticRegression

    signs, is_one = np.concatenate([one[2] for one in found]), np.concatenate([one[3] for one in found])
    mean, spread = signs.mean(axis=0), signs.std(axis=0)
    regression = LogisticRegression(C=1).fit((signs - mean) / spread, is_one)
    weights = regression.coef_[0] / spread
    return weights, float(regression.intercept_[0] - mean @ weights)


def reliability(found):
    """Rows of a reliability table for components with a probability in each bin."""
    from unmix4d.decomposition.grain_probability import grain_probability

    chance, is_one = (np.concatenate(part) for part in zip(*((grain_probability(one[2]), one[3]) for one in found)))
    rows = []
    for low, high in zip(_EDGES[:-1], _EDGES[1:]):
        here = (chance >= low) & (chance < high)
        told = [f"{chance[here].mean():.2f}", f"{is_one[here].mean():.2f}"] if here.any() else ["-", "-"]
        rows.append([f"{low:g} to {min(high, 1):g}", int(here.sum()), *told])
    return rows


def numbers_of_grains(found, constants=None):
    """How many components are called grains, beside how many grains are among them and in the scan."""
    from scipy.special import expit

    from unmix4d.decomposition.grain_probability import count_interval, grain_probability

    called, true, real, inside = [], [], [], []
    for _, _, signs, is_one, grains, _ in found:
        chance = grain_probability(signs) if constants is None else expit(signs @ constants[0] + constants[1])
        low, high = count_interval(chance)
        called.append((chance >= 0.5).sum())
        true.append(is_one.sum())
        real.append(grains)
        inside.append(low <= is_one.sum() <= high)
    called, true, real = map(np.array, (called, true, real))
    return [
        len(found), f"{np.mean(called - true):+.2f}", f"{np.abs(called - true).mean():.2f}", f"{np.mean(inside):.2f}",
        f"{np.mean(called - real):+.2f}", f"{(np.abs(called - real) <= 3).mean():.2f}",
    ]  # fmt: skip


def main(arguments=None):
    """Fit, or measure."""
    line = parser(__doc__, quick="the first four scans")
    line.add_argument("--fit", action="store_true", help="fit the constants anew and print them")
    args = line.parse_args(arguments)
    which = jobs(args.fit, args.data)
    found = measured(which[:4] if args.quick else which)
    report = Report(args.out)
    if args.fit:
        weights, offset = fitted(found)
        for name in FILMS:  # what the others say of each film
            constants = fitted([one for one in found if one[5] != name])
            rows = numbers_of_grains([one for one in found if one[5] == name], constants)
            print(f"{name}, fitted without it: {rows}")
        print(f"_WEIGHTS = np.array([{', '.join(f'{w:.3f}' for w in weights)}])\n_OFFSET = {offset:.3f}")
    report(INTRODUCTION if not args.fit else "On the seeds of the fit:\n")
    report(machine_facts() + "\n")
    kinds = list(dict.fromkeys((one[0], one[1]) for one in found))
    for kind in (None, *kinds):
        some = [one for one in found if kind is None or one[:2] == kind]
        report(f"## {'All' if kind is None else ', '.join(kind)}\n")
        report(
            markdown_table(["probability", "components", "mean probability", "share that are grains"], reliability(some))
            + "\n"
        )
        header = ["scans", "called grains - found", "distance, mean", "found within the interval of 90 %",
                  "called - in the scan", "within 3"]  # fmt: skip
        report(markdown_table(header, [numbers_of_grains(some)]) + "\n")
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
