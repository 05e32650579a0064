"""Items 4 and 5: measured Bragg vectors without a scan, and what py4DSTEM's iterative NMF does."""

import warnings

import numpy as np
from common.command import need_packages
from common.peers import iterative_nmf
from common.process import timed
from common.scans import cathode_vectors
from common.tables import markdown_table

__all__ = ["cathode_item", "faults_item"]


def cathode_item(args, folder, report, goals):
    """A particle of a battery cathode."""
    vectors = cathode_vectors(args.data)
    from unmix4d import Unmix

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        def run():
            result = Unmix(vectors, step=1, step_unit="px").merge_nmf(n_runs=25, random_state=0).consensus()
            return result, result.grains(min_size=25)

        (result, grains), seconds = timed(run)
    if args.figures:
        args.figures.mkdir(exist_ok=True)
        grains.plot().figure.savefig(args.figures / "cathode_grains.png", dpi=100)
        result.plot(range(min(12, result.k)))[0, 0].figure.savefig(args.figures / "cathode_components.png", dpi=70)
    report("## 4. Bragg vectors of a battery cathode, measured\n\n"
           f"80 x 58 positions, 121 390 vectors; no truth. "
           f"`Unmix(vectors).merge_nmf(n_runs=25).consensus().grains(min_size=25)`:\n"
           f"{seconds:.1f} s. Started with {result.settings['initial_components']} components, {result.k} "
           f"agreed on by at least half of the runs\n"
           f"(mean stability {result.stability.mean():.2f}, mean agreement {result.agreement.mean():.2f}), "
           f"{len(grains.masks)} grains of 25 positions or more\n"
           "(`--figures DIR` draws them). The ten largest:\n")  # fmt: skip
    table, order = grains.table, np.argsort(-np.asarray(grains.table["n_positions"]))[:10]
    names = ("component", "n_positions", "equivalent_diameter", "feret_max", "eccentricity", "overlap")
    report(markdown_table(names, [[f"{float(table[name][i]):.4g}" for name in names] for i in order]))
    goals("cathode: seconds of the whole run", seconds, most=60, form="{:.1f}")


def faults_item(args, folder, report, goals):
    """The four faults of the peer, on a matrix small enough to follow."""
    need_packages("py4DSTEM")
    from unmix4d import Unmix

    rng = np.random.default_rng(0)
    truth = np.kron(np.eye(3), np.ones((1, 40)))
    counts = rng.poisson(truth.T @ rng.gamma(1.0, 20.0, (3, 60)))
    view = Unmix(counts.reshape(10, 12, 1, 60).astype("uint16"), centre=(0, 29.5))
    ours = view.merge_nmf(12, n_runs=4, random_state=0)
    theirs = iterative_nmf(counts.astype(float), 12, 0.3, 4)
    total = counts.sum()

    def share(run):
        return (run.maps.sum(0) * run.patterns.sum(1)).sum() / total

    shares = ", ".join(f"{share(run):.3f}" for run in ours.runs)
    differ = [f"{max(_differ(models)):.2g}" for models in (theirs, [run.maps for run in ours.runs])]
    rows = [
        ["components left", _left(theirs), ", ".join(str(run.k) for run in ours.runs) + " of 3"],
        ["patterns come back with the maps", "no: maps alone", f"{ours.patterns.shape[0]} patterns"],
        ["intensity of the answer, share of the data", "cannot be said without patterns", shares],
        ["largest difference of summed maps between models", *differ],
    ]
    report("## 5. What py4DSTEM's iterative NMF does\n\n"
           "Three disjoint grains, started with 12 components, four models. Read in its source (0.14.18, "
           "`_nmf_single`): from the second\n"
           "round on it factorises the *maps* of the last round instead of the data, and the last "
           "factorisation is left out when nothing\n"
           "is merged any more; of several merged columns only those of the last row of the list are deleted, "
           "so that intensity is\n"
           "counted twice. `tests/decomposition/test_merging.py` has a test of ours for each.\n")  # fmt: skip
    report(markdown_table(["", "py4DSTEM", "unmix4d"], rows))


def _left(models):
    return ", ".join(str(maps.shape[1]) for maps in models) + " of 3"


def _differ(models):
    """Largest differences of sorted column sums between the first model and the others."""
    sums = [np.sort(maps.sum(0))[::-1] for maps in models]
    return [float(np.abs(sums[0][: min(len(sums[0]), len(s))] - s[: min(len(sums[0]), len(s))]).max()) for s in sums[1:]]
