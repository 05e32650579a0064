"""Series of scans against the truth: identity of grains, onset and end, joint against single scans, known patterns.

::

    python benchmarks/series/run.py [--only N ...] [--quick] [--out FILE.md]

Prints Markdown tables. Everything is simulated.
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.command import parser, run
from common.tables import markdown_table

_SEEDS, _SCANS, _SHAPE = range(5), 20, {"scan_shape": (20, 20), "detector_shape": (48, 48)}
_THERE, _GONE = 0.2, 0.02  # of a position, the largest value of a true map: a grain is there, or is not
_FOUND = 0.7  # correlation of a map with the true one


def film_of(dose, seed, n_scans=_SCANS, **more):
    """A series, and a view of it."""
    from unmix4d import Unmix, phantoms

    film = phantoms.series(n_scans=n_scans, dose=dose, seed=seed, **_SHAPE, **more)
    return film, Unmix(film.data, centre=film[0].centre)


def joined(parts):
    """Maps of all scans side by side."""
    return np.concatenate(list(parts), axis=1)


def course_item(args, folder, report, goals):
    """Which grain is where in which scan, of 20."""
    from unmix4d import scores
    from unmix4d.constraints import SmoothMaps

    rows = []
    for dose in (1000, 200, 100):
        right, away, correlations = [], [], []
        for seed in _SEEDS[:1] if args.quick else _SEEDS:
            film, view = film_of(dose, seed)
            result = view.nmf(6, constraints=[SmoothMaps(sigma=0.8)], random_state=0)
            pairs, r = scores.match_maps(joined(one.maps for one in result.scans), joined(film.maps))
            series = result.series(min_size=4)
            correlations.append(r)
            largest = film.maps.max((2, 3))[:, 1:]
            known = (largest > _THERE) | (largest < _GONE)
            right.append((series.present[:, pairs[1:]] == (largest > _THERE))[known])
            away += np.abs(series.table["onset"][pairs] - film.onset)[film.onset > 0].tolist()
            away += np.abs(series.table["end"][pairs] - film.end)[film.end < _SCANS - 1].tolist()
        right, away = np.concatenate(right), np.array(away)
        rows.append([
            str(dose), str(right.size), f"{100 * right.mean():.1f} %", f"{100 * np.mean(away <= 1):.0f} %",
            f"{np.mean(correlations):.3f}", f"{np.min(correlations):.3f}",
        ])  # fmt: skip
    head = ["electrons a pattern", "grain-scans", "told right", "onset and end within one scan", "map r, mean", "least"]
    report(f"## 1. Identity over 20 scans\n\n`nmf(6, constraints=[SmoothMaps(sigma=0.8)])`, `series(min_size=4)`, of five "
           f"series.\n\n{markdown_table(head, rows)}\n")  # fmt: skip


def joint_item(args, folder, report, goals):
    """A weak grain: all scans together, and each by itself."""
    from unmix4d import Unmix, scores
    from unmix4d.constraints import SmoothMaps

    rows, smooth = [], [SmoothMaps(sigma=1)]
    for dose in (200, 100, 50):
        both, single = [], []
        for seed in _SEEDS[:1] if args.quick else _SEEDS:
            film, view = film_of(dose, seed, n_scans=10, weak=0.2)
            result = view.nmf(6, constraints=smooth, random_state=0)
            both.append(scores.match_maps(joined(one.maps for one in result.scans), joined(film.maps))[1][1])
            for scan in film:
                alone = Unmix(scan.data, centre=scan.centre).nmf(5, constraints=smooth, random_state=0)
                single.append(scores.match_maps(alone.maps, scan.maps)[1][1])
        cells = [[f"{np.mean(values):.2f}", f"{np.mean(np.array(values) > _FOUND):.0%}"] for values in (both, single)]
        rows.append([str(dose), *cells[0], *cells[1]])
    head = ["electrons a pattern", "ten scans together: r", "found", "each by itself: r", "found"]
    report("## 2. A weak grain\n\nA grain with 12 % of the intensity where it is.")
    report(f"It is found when its map correlates by {_FOUND} or more.\n")
    report(markdown_table(head, rows) + "\n")


def known_item(args, folder, report, goals):
    """Known patterns: what is called unexplained."""
    from unmix4d import Unmix, phantoms

    rows = []
    for dose in (50, 400, 4000):
        false, found = [], []
        for seed in _SEEDS[:1] if args.quick else _SEEDS:
            film = phantoms.polycrystal(
                n_grains=5, scan_shape=(24, 20), detector_shape=(48, 44), overlap=0.3, direct_beam=0.3, dose=dose, seed=seed
            )
            view = Unmix(film.data, centre=film.centre)
            false.append(view.fit(film.patterns).unexplained.mean())
            lacking = view.fit(film.patterns[:-1])
            found.append(lacking.unexplained[film.maps[-1] > 0.5].mean())
        rows.append([str(dose), f"{np.mean(false):.2%}", f"{np.mean(found):.0%}"])
    head = ["electrons a pattern", "unexplained, all patterns known", "unexplained where more than half is a grain unknown"]
    report(f"## 3. Known patterns\n\n`fit` of films of five grains with a direct beam.\n\n{markdown_table(head, rows)}\n")


def tracks_item(args, folder, report, goals):
    """Grains that drift with the specimen: their numbers, and the drift."""
    from unmix4d import scores
    from unmix4d.constraints import SmoothMaps

    rows, drift = [], (0.25, -0.15)
    truth = np.arange(_SCANS)[:, None] * np.array(drift)
    for dose in (1000, 200, 100):
        right, away, error = [], [], []
        for seed in _SEEDS[:1] if args.quick else _SEEDS:
            film, view = film_of(dose, seed, drift=drift)
            result = view.nmf(6, constraints=[SmoothMaps(sigma=0.8)], random_state=0)
            pairs, _ = scores.match_maps(joined(one.maps for one in result.scans), joined(film.maps))
            tracks = result.track_grains(min_size=4)
            error.append(np.abs(tracks.drift - truth).max())
            largest = film.maps.max((2, 3))
            for true in range(1, 6):
                own = np.flatnonzero(tracks.component == pairs[true])
                size = tracks.positions[:, own]
                # One grain, so the one that is there most is it: any other number for it is wrong.
                there = size[:, size.sum(0).argmax()] > 0 if own.size else np.zeros(_SCANS, bool)
                known = (largest[:, true] > _THERE) | (largest[:, true] < _GONE)
                right.append((there == (largest[:, true] > _THERE))[known])
            turned = [np.flatnonzero(tracks.component == pairs[i]) for i in (4, 5)]
            away.append(any(tracks.goes[a] in turned[1] and tracks.ends[a] == "is replaced" for a in turned[0]))
        right = np.concatenate(right)
        cells = [f"{100 * right.mean():.1f} %", f"{sum(away)} of {len(away)}", f"{np.mean(error):.2f}"]
        rows.append([str(dose), str(right.size), *cells])
    head = [
        "electrons a pattern",
        "grain-scans",
        "right, with one number",
        "rotated grain: replaced by itself",
        "drift error",
    ]
    report(f"## 4. Grains followed over {_SCANS} scans\n\n`track_grains(min_size=4)`. The specimen drifts by {drift}")
    report("positions (row, column) a scan. The drift error is the largest of all scans, the mean of the series.\n")
    report(markdown_table(head, rows) + "\n")


def along_item(args, folder, report, goals):
    """Smoothing along the series."""
    from unmix4d import scores
    from unmix4d.constraints import SmoothMaps

    rows = []
    for dose in (100, 50, 20):
        cells = []
        for between in (None, 0.7, 1.5):
            r = []
            for seed in _SEEDS[:1] if args.quick else _SEEDS:
                film, view = film_of(dose, seed)
                smooth = [SmoothMaps(sigma=0.8, between_scans=between)]
                result = view.nmf(6, constraints=smooth, random_state=0)
                r.append(scores.match_maps(joined(one.maps for one in result.scans), joined(film.maps))[1])
            cells.append(f"{np.mean(r):.3f} / {np.min(r):.2f}")
        rows.append([str(dose), *cells])
    head = ["electrons a pattern", "within scans only", "between_scans=0.7", "between_scans=1.5"]
    report("## 5. Smoothing along the series\n\n`SmoothMaps(sigma=0.8, between_scans=...)`, of five series without drift.")
    report("Correlation of the maps with the true ones: mean / least.\n")
    report(markdown_table(head, rows) + "\n")


def two_steps_item(args, folder, report, goals):
    """Patterns without the constraint first, and then smooth maps of them."""
    from unmix4d import scores
    from unmix4d.constraints import SmoothMaps

    rows = []
    for dose in (1000, 200, 100):
        found = [[], [], []]
        for seed in _SEEDS[:1] if args.quick else _SEEDS:
            film, view = film_of(dose, seed)
            truth, smooth = joined(film.maps), [SmoothMaps(sigma=0.8)]
            first = view.nmf(6, random_state=0)
            along = [SmoothMaps(sigma=0.8, between_scans=1.0)]
            made = [
                view.nmf(6, constraints=smooth, random_state=0),
                view.nmf(known=first, constraints=smooth, random_state=0),
                view.nmf(known=first, constraints=along, random_state=0),
            ]
            for own, result in zip(found, made):
                own.append(scores.match_maps(joined(one.maps for one in result.scans), truth)[1])
        rows.append([str(dose), *(f"{np.mean(r):.3f} / {np.min(r):.2f}" for r in found)])
    head = ["electrons a pattern", "in one step", "in two steps", "in two steps, between_scans=1"]
    report("## 6. Smooth maps in two steps\n\n`u.nmf(known=u.nmf(6), constraints=[SmoothMaps(sigma=0.8)])`: the patterns")
    report("are found without the constraint. Correlation of the maps with the true ones: mean / least.\n")
    report(markdown_table(head, rows) + "\n")


def doses_item(args, folder, report, goals):
    """Scans of unlike doses: estimated doses, and maps with and without."""
    from unmix4d import Unmix, phantoms, scores
    from unmix4d.constraints import SmoothMaps

    rows = []
    for name, doses in (("1000, then 100", [1000] + 7 * [100]), ("30 to 3000", [1000, 100, 100, 300, 100, 100, 30, 3000])):
        off, plain, taken = [], [], []
        for seed in _SEEDS[:1] if args.quick else _SEEDS:
            film = phantoms.series(n_scans=8, dose=doses, seed=seed, **_SHAPE)
            truth = joined(film.maps)
            for own, how in ((plain, {}), (taken, {"doses": "estimate"})):
                view = Unmix(film.data, centre=film[0].centre, **how)
                result = view.nmf(6, constraints=[SmoothMaps(sigma=0.8)], random_state=0)
                relative = 1 if how else np.array(doses)
                maps = [one.maps / d for one, d in zip(result.scans, np.broadcast_to(relative, len(doses)))]
                own.append(scores.match_maps(joined(maps), truth)[1])
            told = np.array(view.scan.host.record["doses"]["values"])
            off.append(np.abs(told * doses[0] / np.array(doses) - 1).max())
        cells = [f"{np.mean(r):.3f} / {np.min(r):.2f}" for r in (plain, taken)]
        rows.append([name, f"{100 * np.max(off):.1f} %", *cells])
    head = ["electrons a pattern", "largest error of a dose", "as counted, divided afterwards", 'doses="estimate"']
    report("## 7. Doses\n\nEight scans. Correlation of the maps with the true ones: mean / least.\n")
    report(markdown_table(head, rows) + "\n")


def memory_item(args, folder, report, goals):
    """Memory of more and more scans on the disk."""
    import dask.array as da
    import h5py
    import zarr
    from common.memory import PeakMemory

    from unmix4d import Unmix, phantoms

    film = phantoms.polycrystal(
        n_grains=4, scan_shape=(48, 64) if args.quick else (128, 128), detector_shape=(128, 128), dose=2000, overlap=0.3,
        direct_beam=0.2, seed=0,
    )  # fmt: skip
    counts, chunks = film.data.astype(np.uint16), (4, 32, 128, 128)
    with h5py.File(folder / "scan.h5", "w") as file:
        file.create_dataset("scan", data=counts, chunks=chunks)
    zarr.open(folder / "scan.zarr", mode="w", shape=counts.shape, chunks=chunks, dtype="u2")[:] = counts

    def scans(kind, n):
        if kind == "HDF5":
            return [h5py.File(folder / "scan.h5", "r")["scan"] for _ in range(n)]
        # One file stands for many: each must be a graph of its own, or dask reads it once for all.
        return [da.from_zarr(folder / "scan.zarr", name=f"scan-{n}-{i}") for i in range(n)]

    rows = []
    for kind in ("HDF5", "zarr, with dask"):
        for n in (2, 5) if args.quick else (1, 5, 20):
            view = Unmix(scans(kind, n), centre=film.centre).prepare(direct_beam=4, keep=False)
            with PeakMemory() as memory:
                result = view.nmf(4, random_state=0)
            passes = result.settings["passes"]
            rows.append([kind, str(n), f"{view.scan.nbytes / 1e9:.1f} GB", f"{memory.extra / 1e6:.0f} MB", str(passes)])
    report(f"## 8. Memory\n\n`nmf(4)` of scans of {counts.nbytes / 1e9:.1f} GB, which are read in every pass.")
    report("Peak above what was resident before.\n")
    report(markdown_table(["files", "scans", "in all", "extra memory", "passes"], rows) + "\n")


ITEMS = {
    1: course_item, 2: joint_item, 3: known_item, 4: tracks_item, 5: along_item, 6: two_steps_item, 7: doses_item,
    8: memory_item,
}  # fmt: skip
INTRODUCTION = (
    "# Series of scans, against the truth\n\n`phantoms.series`: an amorphous film in which one grain stays, one grows, one "
    "vanishes and one turns."
)


def main(arguments=None):
    """The tables; 1 where a goal is missed."""
    args = parser(__doc__, items=ITEMS).parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(ITEMS, INTRODUCTION, args)


if __name__ == "__main__":
    sys.exit(main())
