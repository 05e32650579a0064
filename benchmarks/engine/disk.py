"""Items 4 to 6: lazy input against HyperSpy, growth with the size of the scan, and `dask.distributed`."""

import shutil

import numpy as np
from common.command import Skipped, need_disk, need_packages
from common.large import K, on_disk, read_scan, unmix_scan, write_scan
from common.process import Failed, run_script
from common.tables import component_table, markdown_table, megabytes, whole
from scan import make_case

__all__ = ["distributed_item", "growth_item", "lazy_item"]

_SAME = 1e-3  # of the largest value, in single precision
_FLAT = 1.25  # largest over smallest peak memory
_ITERATIONS = 80
# uint16, each twice the one before.
_GROWTH = {
    False: [(64, 128, 256, 256), (128, 128, 256, 256), (128, 256, 256, 256), (256, 256, 256, 256), (256, 512, 256, 256)],
    True: [(48, 48, 64, 64), (48, 96, 64, 64), (96, 96, 64, 64)],
}
_DISTRIBUTED = {False: (128, 128, 256, 256), True: (48, 96, 64, 64)}


def _room(folder, shape):
    """Half of the size in memory must be free: the counts are sparse and compress to less than a tenth."""
    need_disk(folder, float(np.prod(shape, dtype=float)))


def lazy_item(args, folder, report, goals):
    """Item 4."""
    report("## 4. Lazy zarr input, against HyperSpy's lazy NMF\n")
    need_packages("pyxem", "zarr")
    case = make_case(folder / "scan", args.quick)
    counts = case.lazy_counts()
    report(
        f"The scan of item 1 in a zarr store ({counts.nbytes / 1e9:.2f} GB of float32, chunks of "
        f"{' x '.join(map(str, counts.chunksize))}),\nas a lazy pyxem signal. HyperSpy: "
        '`decomposition(algorithm="NMF", output_dimension=8)`, one pass of learning\n'
        "and one of projection. Both with their defaults. A cosine is that of the pattern that suits the true one best.\n"
    )
    ours = run_script("engine/programs.py", "unmix4d-lazy", case.folder)
    try:
        theirs = run_script("engine/programs.py", "hyperspy-lazy", case.folder)
    except Failed as error:
        raise Skipped(f"HyperSpy failed: {error}") from error
    rows = [
        [name, whole(r["seconds"]), f"{r['seconds'] / theirs['seconds']:.2f}", megabytes(r["extra"]), r.get("passes", "-"),
         f"{r['loss']:.6f}"]
        for name, r in (("unmix4d", ours), ("HyperSpy lazy NMF", theirs))
    ]  # fmt: skip
    report(markdown_table(["program", "time (s)", "times HyperSpy", "extra (MB)", "passes", "loss"], rows))
    columns = {
        name: {"map_correlation": r["map_correlation"], "pattern_cosine": r["best_cosine"]}
        for name, r in (("unmix4d", ours), ("HyperSpy lazy NMF", theirs))
    }
    names = case.facts["names"]
    report("\nMap correlation / pattern cosine of every true component:\n\n" + component_table(names, columns))
    better = sum(a > b for a, b in zip(ours["best_cosine"], theirs["best_cosine"]))
    goals(f"components of {len(names)} with a better pattern than HyperSpy's", better, least=len(names), form="{:.0f}",
          by_size=False)  # fmt: skip
    goals("times the time of HyperSpy's single run", ours["seconds"] / theirs["seconds"], most=3)


def growth_item(args, folder, report, goals):
    """Item 5: sizes double; every store is deleted before the next one is written."""
    shapes = _GROWTH[args.quick]
    report(f"## 5. Growth: {', '.join(f'{2 * np.prod(s) / 1e9:.3g}' for s in shapes)} GB\n")
    need_packages("zarr")
    report(
        "`phantoms.large_scan`, uint16 in zarr, 2e3 electrons per pattern, more and more scan positions; NMF, k = 8, one\n"
        f"start, {_ITERATIONS} iterations, tol = 0, as a dask array, `prepare(keep=False)`. Reading: every\n"
        "chunk once with dask. Peak: resident memory of the whole process,\n"
        "interpreter and imports included; before: of the same process when the scan is open. The counts compress well\n"
        "and have just been written: reading is decompression, not the disk.\n"
    )
    rows, sizes, times, peaks, ratios = [], [], [], [], []
    for shape in shapes:
        try:
            _room(folder, shape)
        except Skipped as reason:
            report(f"- skipped: {2 * np.prod(shape) / 1e9:.1f} GB: {reason}")
            goals.missing(f"growth at {2 * np.prod(shape) / 1e9:.1f} GB", reason)
            continue
        store = folder / "scan.zarr"
        write_scan(store, shape)
        stored = on_disk(store)
        once, r = read_scan(store), unmix_scan(store, "dask", _ITERATIONS)
        shutil.rmtree(store)
        sizes, times, peaks = [*sizes, r["bytes"]], [*times, r["seconds"]], [*peaks, r["peak"]]
        ratios.append(r["seconds"] / once)
        rows.append([
            f"{r['bytes'] / 1e9:.3g}", f"{stored / 1e9:.2f}", shape[0] * shape[1], r["passes"], whole(r["seconds"]),
            f"{r['seconds'] / once:.1f}",
            f"{r['seconds'] / r['passes'] / r['bytes'] * 1e9:.3f}", megabytes(r["ready"]), megabytes(r["peak"]),
            f"{np.mean(r['map_correlation']):.3f}", f"{r['found']} of {K}",
        ])  # fmt: skip
    header = ["GB of counts", "GB on disk", "positions", "passes", "time (s)", "times reading", "s per pass and GB",
              "before (MB)", "peak (MB)", "mean map r", "found"]  # fmt: skip
    report(markdown_table(header, rows))
    if len(rows) < 2:
        raise Skipped("fewer than two sizes could be run")
    slope = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    report(f"\nSlope of log time over log size: {slope:.3f}.")
    goals("time of the largest scan over that of reading it once", ratios[-1], most=7, form="{:.1f}")
    goals("distance of the slope from 1", abs(slope - 1), most=0.1)
    goals("largest over smallest peak memory", max(peaks) / min(peaks), most=_FLAT)


def distributed_item(args, folder, report, goals):
    """Item 6."""
    report("## 6. `dask.distributed`, two processes, against threads\n")
    need_packages("distributed", "zarr")
    shape = _DISTRIBUTED[args.quick]
    _room(folder, shape)
    store = folder / "scan.zarr"
    write_scan(store, shape)
    found = {}
    for name in ("threads", "processes"):
        found[name] = run_script("engine/cluster.py", store, name, folder / f"{name}.npz")
    report(
        f"`phantoms.large_scan`, {' x '.join(map(str, shape))}, uint16 in zarr, as a dask array; NMF, k = 8, defaults.\n"
        "The cluster (`LocalCluster(n_workers=2, threads_per_worker=1)`) is up and has imported unmix4d before the clock\n"
        "starts; so has the process with threads.\n"
    )
    with np.load(folder / "threads.npz") as one, np.load(folder / "processes.npz") as other:
        differences = {what: float(np.abs(one[what] - other[what]).max() / np.abs(one[what]).max()) for what in one.files}
    ratio = found["processes"]["seconds"] / found["threads"]["seconds"]
    rows = [
        [name, whole(r["seconds"]), f"{r['seconds'] / found['threads']['seconds']:.2f}",
         " + ".join(map(whole, r["worked"])) or "-", r["passes"], r["iterations"], f"{r['loss']:.9f}", f"{r['map_r']:.3f}"]
        for name, r in found.items()
    ]  # fmt: skip
    header = ["scheduler", "time (s)", "times threads", "CPU of the workers (s)", "passes", "iterations", "loss",
              "mean map r"]  # fmt: skip
    report(markdown_table(header, rows))
    text = ", ".join(f"{what} {value:.1e}" for what, value in differences.items())
    report(f"\nLargest difference as a fraction of the largest value: {text}.")
    goals("largest difference of maps and patterns", max(differences.values()), most=_SAME, form="{:.1e}", by_size=False)
    losses = [r["loss"] for r in found.values()]
    goals("relative difference of the loss", abs(losses[1] / losses[0] - 1), most=1e-6, form="{:.1e}", by_size=False)
    goals("times the time of threads", ratio, most=1.6)
