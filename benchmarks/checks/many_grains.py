"""What thousands of grains take: peak memory over the result, and time, of everything that is read from them.

::

    python benchmarks/checks/many_grains.py

A scan of 256 x 256 positions with 7396 single positions of one component apart from one another, and 12 large grains of a
second one over them.
"""

import time
import tracemalloc
import warnings

import numpy as np


def scan(side=256, every=3):
    """Counts (256, 256, 12, 12) and the result that takes them apart."""
    from unmix4d import Unmix

    maps = np.zeros((2, side, side), np.float32)
    maps[0, :-1:every, :-1:every] = 1
    for start in range(0, 240, 60):
        for column in range(0, 180, 60):
            maps[1, start : start + 40, column : column + 40] = 1
    patterns = np.zeros((2, 12, 12), np.float32)
    patterns[0, 2:4, 2:4], patterns[1, 8:10, 7:9] = 50, 40
    counts = np.random.default_rng(0).poisson(np.einsum("krc,kde->rcde", maps, patterns)).astype(np.uint8)
    return Unmix(counts, centre=(5.5, 5.5)).nmf(2, random_state=0)


def main():
    """Print one line for each call."""
    import matplotlib

    matplotlib.use("Agg")
    warnings.simplefilter("ignore")
    found = scan()
    found.grains(min_size=1)  # imports
    made = {}
    steps = {
        "grains()": lambda: made.update(g=found.grains(min_size=1)),
        "repr, table": lambda: repr(made["g"]),
        "labels()": lambda: made["g"].labels(),
        "mean_patterns()": lambda: made["g"].mean_patterns(),
        "dissimilarity()": lambda: made["g"].dissimilarity(),
        "plot(), drawn": lambda: made["g"].plot().figure.canvas.draw(),
        "plot_sizes()": lambda: made["g"].plot_sizes(),
        "to_host(chosen=[0])": lambda: made["g"].to_host(chosen=[0]),
    }
    for name, step in steps.items():
        begin = time.perf_counter()
        step()
        seconds = time.perf_counter() - begin
        vars(made["g"]).pop("table", None)
        tracemalloc.start()
        step()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"{name:20s} {seconds:6.2f} s   peak {peak:6.1f} MB")
    print(f"{len(made['g'])} grains; their masks would take {len(made['g']) * 65536 / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
