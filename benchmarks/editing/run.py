"""Edits by hand against the truth: which pairs are parts of one grain, what merging them does, what a wrong merge costs.

::

    python benchmarks/editing/run.py [--only N ...] [--quick] [--data DIR] [--out FILE.md]

Prints Markdown tables. The silver films are skipped with their reason where the data folder is absent.
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import need_files, parser, run
from common.tables import markdown_table

_FIRST = (1, 2, 3, 5)  # suggestions that are looked at
_OURS = 0.5  # correlation of a map with that of a grain, from which on the component is of that grain
_ACCEPTED = 0.5  # certainty down to which the suggestions are taken, one after the other
_FILMS = ("ag_film_sparse.npz", "ag_film_overlap.npz", "ag_film_dense.npz")


def owners(result, truth):
    """The grain that each component is of, -1 where it is of none."""
    maps = np.nan_to_num(result.intensities).reshape(result.k, -1)
    found = np.corrcoef(maps, truth.reshape(len(truth), -1))[: result.k, result.k :]
    return np.where(np.nan_to_num(found.max(1)) >= _OURS, np.nan_to_num(found).argmax(1), -1)


def pairs_of(result, truth):
    """The suggested merges, and whether the two are of one grain; how many such pairs there are."""
    of = owners(result, truth)
    right = [bool(of[i] == of[j] and of[i] >= 0) for i, j in result.suggest().merges]
    whole = sum(int(n * (n - 1) / 2) for n in np.bincount(of[of >= 0], minlength=1))
    return right, whole


def accepted(result, **how):
    """The answer after taking the most certain merge again and again; the truth is not asked."""
    for _ in range(result.k - 1):
        found = [one for one in result.suggest() if one.action == "merge"]
        if not found or found[0].certainty < _ACCEPTED:
            break
        result = result.merge(list(found[0].components), **how)
    return result


def by_a_person(result, truth, **how):
    """The answer after taking the right ones of the suggested merges, the most certain first, as long as there are some."""
    for _ in range(result.k - 1):
        of = owners(result, truth)
        right = [pair for pair in result.suggest().merges if of[pair[0]] == of[pair[1]] >= 0]
        if not right:
            break
        result = result.merge(right[0], **how)
    return result


def mean_correlation(result, truth):
    """Mean over the grains of the correlation with the component that fits best.

    A component may be the best of two: one for each grain would reward spare parts, which stand for a grain that was not
    found.
    """
    maps = np.nan_to_num(result.intensities).reshape(result.k, -1)
    return float(np.nan_to_num(np.corrcoef(maps, truth.reshape(len(truth), -1))[: result.k, result.k :]).max(0).mean())


def row(label, result, truth):
    """One line of the table, which pairs were right, and by how much the right merges raised the score."""
    right, whole = pairs_of(result, truth)
    precision = [f"{np.mean(right[:n]):.2f}" if len(right) >= n else "-" for n in _FIRST]
    edited = [take(**how) for how in ({"refit": False}, {}) for take in (
        lambda **how: by_a_person(result, truth, **how), lambda **how: accepted(result, **how)
    )]  # fmt: skip
    scores = [mean_correlation(one, truth) for one in (result, *edited)]
    cells = [f"{score:.3f}, {one.k}" for score, one in zip(scores, (result, *edited))]
    return [label, str(len(truth)), str(whole), *precision, *cells], right, scores[1] - scores[0]


HEAD = ["scan, answer", "grains", "pairs of one grain", *[f"precision at {n}" for n in _FIRST],
        "mean map r, components", "right merges", "all merges", "right ones, refitted", "all, refitted"]  # fmt: skip


def phantom_item(args, folder, report, goals):
    """Polycrystals with more components than grains."""
    from unmix4d import Unmix, phantoms

    rows, first, costs = [], [], {True: [], False: []}
    for seed in (70,) if args.quick else (70, 71, 72, 73):
        for dose, background in ((3e3, 0.0), (3e2, 0.0), (3e3, 0.3)):
            film = phantoms.polycrystal(
                n_grains=8, scan_shape=(40, 36), detector_shape=(64, 60), background=background, dose=dose, seed=seed
            )
            truth = np.array(film.maps)[1 if background else 0 :]
            view = Unmix(film.data, centre=film.centre).prepare(direct_beam=3)
            result = view.nmf(13, random_state=0)
            line, right, _ = row(f"seed {seed}, {dose:g} electrons, halo {background:g}: `nmf(13)`", result, truth)
            rows.append(line)
            first += right[:1]
            of = owners(result, truth)
            for i, j in zip(*np.triu_indices(result.k, 1)):
                if of[i] >= 0 and of[j] >= 0:
                    cost = result.merge([i, j]).edits[-1].where
                    costs[bool(of[i] == of[j])].append(cost)
    report(f"## 1. Polycrystal phantoms\n\n{markdown_table(HEAD, rows)}\n")
    report(cost_table(costs))
    goals("the first suggestion is right", float(np.mean(first)), least=0.9)
    goals("right merges, 95 % of them, times the error", float(np.nanpercentile(costs[True], 95)), most=1.1)


def cost_table(costs):
    """What a merge does to the squared error where the two are the strongest."""
    lines = []
    for name, same in (("right merges, parts of one grain", True), ("wrong merges, two grains", False)):
        known = np.array([cost for cost in costs[same] if np.isfinite(cost)])
        shown = [f"{value:.3f}" for value in np.percentile(known, (5, 50, 95))] if known.size else ["-"] * 3
        over = f"{100 * np.mean(known > 1.1):.0f} %" if known.size else "-"
        lines.append([name, str(known.size), *shown, over])
    head = ["merge", "pairs", "5 %", "median", "95 %", "above 1.1, with a warning"]
    return f"Squared error after over before, where the two are the strongest:\n\n{markdown_table(head, lines)}\n"


def film_item(args, folder, report, goals):
    """Silver films, multislice simulation."""
    found = []
    for name in _FILMS[:1] if args.quick else _FILMS:
        need_files(args.data, name)
        found += film_rows(args.data / name, name, args.quick)
    report(f"## 2. Silver films\n\n{markdown_table(HEAD, [line for line, *_ in found])}\n")
    goals(
        "silver films: the first suggestion is right",
        float(np.mean([right[0] for _, right, _ in found if right])),
        least=0.9,
    )
    goals("silver films: right merges raise the mean map r by", float(np.mean([gain for *_, gain in found])), least=0.0)


def dynamical_item(args, folder, report, goals):
    """Films that scatter dynamically, with seeds on which nothing was fitted."""
    from unmix4d import Unmix, phantoms

    found = []
    for seed in (200,) if args.quick else (200, 201, 202, 203):
        film = phantoms.dynamical_film(
            n_grains=12, scan_shape=(48, 44), overlap=(0.0, 1.0, 2.0)[seed % 3], dose=1e4, seed=seed
        )
        features = Unmix(film.data, centre=film.centre).prepare(direct_beam=4).angular_average()
        truth = np.array(film.maps)[1:]
        for label, result in (
            ("angular averages, `nmf(18)`", features.nmf(18, random_state=0)),
            ("angular averages, `merge_nmf().consensus()`", features.merge_nmf(n_runs=6, random_state=0).consensus()),
        ):
            found.append(row(f"seed {seed}: {label}", result, truth))
    report(f"## 3. Films that scatter dynamically\n\n{markdown_table(HEAD, [line for line, *_ in found])}\n")
    goals("dynamical films: right merges raise the mean map r by", float(np.mean([gain for *_, gain in found])), least=0.0)


def film_rows(path, name, quick):
    """NMF of pixels and consensus of angular averages, of one film."""
    from unmix4d import Unmix

    with np.load(path) as file:
        counts, thickness = file["counts"], file["thickness"].astype(float)
        centre = (counts.shape[2] / 2,) * 2
    view = Unmix(counts, centre=centre).prepare(direct_beam=10, bin=2)
    answers = {
        "`nmf(24)`": lambda: view.nmf(24, random_state=0),
        "angular averages, `nmf(24)`": lambda: view.angular_average().nmf(24, random_state=0),
        "angular averages, `merge_nmf().consensus()`": lambda: view.angular_average().merge_nmf(
            n_runs=3 if quick else 6, random_state=0
        ).consensus(),
    }  # fmt: skip
    return [row(f"{name.removesuffix('.npz')}: {label}", make(), thickness) for label, make in answers.items()]


ITEMS = {1: phantom_item, 2: film_item, 3: dynamical_item}
INTRODUCTION = (
    "# Editing by hand, against the truth\n\n`r.suggest()` on answers with more components than grains. A component is of "
    f"the grain whose map it correlates with best, by {_OURS} or more; a pair is right when both are of one grain. The "
    "certainty was fitted on phantoms with other seeds, and not on the silver films.\nThe last columns, mean over the "
    "grains of the correlation with the best component, and how many components there are: the answer as it was; with the "
    "right ones of the suggested merges taken one after the other, as a person would who sees them; with the most certain "
    f"one taken again and again, down to a certainty of {_ACCEPTED}, without asking anyone; with `refit=False`, then fitted "
    "again after each."
)


def main(arguments=None):
    """The tables; 1 where a goal is missed."""
    args = parser(__doc__, items=ITEMS).parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(ITEMS, INTRODUCTION, args)


if __name__ == "__main__":
    sys.exit(main())
