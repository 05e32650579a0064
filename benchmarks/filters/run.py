"""What filters of single patterns gain and cost: noise, loss against the data that were not filtered, weak components.

::

    python benchmarks/filters/run.py [--quick] [--out FILE.md]

Every fit is judged on the raw scan and against the truth of the phantom, never on the filtered scan alone.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import Report, parser
from common.tables import machine_facts, markdown_table

FILTERS = {
    "none": {},
    "hot_pixels": {"hot_pixels": True},
    "average 3x3": {"average_neighbours": 3},
    "redraw": {"redraw_peaks": True},
    "average + redraw": {"average_neighbours": 3, "redraw_peaks": True},
}
FIRST_REPAIRED = {"hot_pixels + redraw": {"hot_pixels": True, "redraw_peaks": True}}
HEADER = [
    "filter", "noise", "loss there", "loss, raw", "loss, refit", "map r", "weakest r", "weakest r, raw maps", "pattern cos",
]  # fmt: skip
SEEDS = (0, 1)


def builders():
    """Name, phantom of a seed, and what its weakest component is."""
    from unmix4d import phantoms

    def film(seed, **more):
        return phantoms.polycrystal(
            n_grains=5, overlap=0.4, scan_shape=(30, 28), detector_shape=(80, 76), spot_width=3.0, seed=seed, **more
        )

    yield "Crystals of 9, 3 and 1 % in a glass, 1e4 electrons (`kimoto_A`)", lambda seed: phantoms.case("kimoto_A", seed)
    yield "The same, 3e3 electrons (`kimoto_C`)", lambda seed: phantoms.case("kimoto_C", seed)
    yield "The same, 1e3 electrons (`kimoto_D`)", lambda seed: phantoms.case("kimoto_D", seed)
    yield (
        "The same at 1e4 electrons, areas of 2 x 2 positions",
        lambda seed: phantoms.kimoto(scan_shape=(12, 12), edge=0.3, ratios=(0.3, 0.2, 0.1), seed=seed),
    )
    yield "Film of 5 grains on a background, 3e3 electrons", lambda seed: film(seed, background=0.2, dose=3e3)
    yield "Film of 5 grains without background, 300 electrons", lambda seed: film(seed, background=0.0, dose=300)
    yield (
        "Film of 5 grains on a background, 3e3 electrons, 30 hot pixels",
        lambda seed: with_hot_pixels(film(seed, background=0.2, dose=3e3)),
    )


def with_hot_pixels(phantom, n=30, value=2000):
    """The phantom with so many pixels that are hot in every second pattern."""
    import dataclasses

    rng = np.random.default_rng(0)
    data = np.array(phantom.data)
    flat = data.reshape(-1, np.prod(data.shape[2:]))
    pixels = rng.choice(flat.shape[1], n, replace=False)
    struck = rng.random((len(flat), n)) < 0.5
    flat[:, pixels] = np.where(struck, value, flat[:, pixels])
    return dataclasses.replace(phantom, data=data)


def judge(phantom, raw, arguments):
    """One row of numbers: a fit to the filtered view, judged on the raw one."""
    from unmix4d.decomposition.nnls import nnls_rows
    from unmix4d.scores import score

    view = raw.prepare(**arguments).persist() if arguments else raw
    result = view.nmf(phantom.k, n_starts=3, random_state=0)
    geometry, X = raw.geometry, raw.matrix().gather().astype(float)
    maps, patterns = geometry.from_maps(result.maps).astype(float), geometry.from_images(result.patterns).astype(float)

    def loss(maps, patterns):
        return float(np.mean((X - maps @ patterns) ** 2))

    refitted = nnls_rows(X.T @ maps, maps.T @ maps).T
    raw_maps = geometry.to_maps(nnls_rows(X @ patterns.T, patterns @ patterns.T))
    found = score(result, phantom)
    weakest = int(np.argmin([phantom.maps[i].sum() * phantom.patterns[i].sum() for i in range(phantom.k)]))
    on_raw = score((result.patterns, raw_maps), phantom)
    return np.array(
        [view.noise_deviation(), result.loss, loss(maps, patterns), loss(maps, refitted), found.mean_map_correlation,
         found.map_correlation[weakest], on_raw.map_correlation[weakest], found.mean_pattern_cosine]
    )  # fmt: skip


def table(build, seeds, filters):
    """The rows of one case, means over the seeds; losses relative to that of the fit without a filter."""
    from unmix4d import Unmix

    numbers = {name: [] for name in filters}
    for seed in seeds:
        phantom = build(seed)
        raw = Unmix(phantom.data, centre=phantom.centre)
        for name, arguments in filters.items():
            numbers[name].append(judge(phantom, raw, arguments))
    means = {name: np.mean(rows, axis=0) for name, rows in numbers.items()}
    plain = means["none"]
    rows = []
    for name, m in means.items():
        losses = [f"{m[1] / plain[1]:.3f}", f"{m[2] / plain[2]:.4f}", f"{m[3] / plain[2]:.4f}"]
        rows.append([name, f"{m[0]:.3g}", *losses, *(f"{v:.3f}" for v in m[4:])])
    return markdown_table(HEADER, rows), means


INTRODUCTION = """# Filters

Made by `python benchmarks/filters/run.py`; every number is measured, means over {seeds} seed(s). NMF with the true number of
components (3 starts) is fitted to the filtered view, and judged on the data that were **not** filtered:

- *noise*: `noise_deviation()` of the filtered view, counts. *loss there*: mean squared error on the filtered view, relative
  to that without a filter on the raw one. Neither shows whether the filter helps;
- *loss, raw*: error of the same maps and patterns on the raw scan, relative to the fit without a filter. *loss, refit*: with
  the patterns fitted again to the raw scan, so that only the maps are judged. With hot pixels neither means much: what
  describes them is rewarded;
- *map r*: mean correlation with the true maps; *weakest r*: that of the component with the least intensity; *weakest r, raw
  maps*: with the patterns of the filtered fit, but maps fitted to the raw scan; *pattern cos*: mean cosine with the truth.

"""


def verdict(means):
    """In words, filter by filter: what the weakest component and all together gain or lose, beyond 0.02 in r."""
    plain, lines = means["none"], []
    for name, m in means.items():
        if name == "none":
            continue
        loss = f"loss with refitted patterns {100 * (m[3] / plain[2] - 1):+.2f} %"
        whom = [(word, plain[i], m[i]) for word, i in (("the weakest", 5), ("all", 4)) if abs(m[i] - plain[i]) >= 0.02]
        words = [f"{'helps' if new > old else '**harms**'} {word} ({old:.2f} to {new:.2f})" for word, old, new in whom]
        lines.append(f"- {name} {', '.join(words) or 'changes little'}; {loss}")
    return "\n".join(lines)


def main(arguments=None):
    """Run all cases; returns the exit code."""
    args = parser(__doc__, quick="one seed").parse_args(arguments)
    report, seeds, start = Report(args.out), SEEDS[: 1 if args.quick else None], time.perf_counter()
    report(INTRODUCTION.format(seeds=len(seeds)) + machine_facts() + "\n")
    for title, build in builders():
        text, means = table(build, seeds, FILTERS | (FIRST_REPAIRED if "hot pixels" in title else {}))
        report(f"## {title}\n\n{text}\n\n{verdict(means)}\n")
        report.write()
    print(f"took {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
