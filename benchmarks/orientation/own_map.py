"""A finished map of a host, made better by the components: silver films, pyxem at every position.

::

    python benchmarks/orientation/own_map.py --data DIR [--films overlap sparse dense] [--starts N]

Prints a Markdown table: share of the positions within 5 degrees of a grain there, judged as in `run.py`, for the map as
pyxem makes it (its first match, and its first two), for the components indexed with the simulation, and for the map given to
`index`; and processor seconds of each in one process.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from common.scans import film_file, film_view
from common.tables import markdown_table
from matching import PRESENT, Q_MAX, WITHIN, errors, silver_simulation
from scipy.spatial.transform import Rotation

from unmix4d import UnmixWarning
from unmix4d.orientation.convert import on_scan
from unmix4d.orientation.match_pyxem import polar_patterns

_MATCHES = 10  # of pyxem, at every position
_RUNS = 4  # as in run.py


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--films", nargs="+", default=["overlap", "sparse", "dense"])
    arguments.add_argument("--starts", type=int, default=2)
    given, rows, simulation = arguments.parse_args(), [], silver_simulation()
    for film in given.films:
        rows += of_film(given.data, film, simulation, given.starts)
    print(markdown_table(["film", "orientations", "one grain", "overlap", "second grain", "processor s"], rows))


def of_film(data, name, simulation, starts):
    """The rows of one film."""
    (view, thickness), file = film_view(data, name), film_file(data, name)
    truth = np.diag([-1.0, -1.0, 1.0]) @ Rotation.from_quat(file["rotations"]).as_matrix()
    rows = []
    full, seconds = timed(lambda: pyxem_map(file["counts"], view.geometry, simulation))
    matrices = on_scan(full).matrices
    rows.append([name, "pyxem, first match", *judged(matrices[..., :1, :, :], thickness, truth), seconds])
    rows.append([name, "pyxem, two matches", *judged(matrices[..., :2, :, :], thickness, truth), seconds])
    for start in range(starts):
        result, unmixing = timed(
            lambda start=start: view.angular_average().merge_nmf(n_runs=_RUNS, random_state=start).consensus()
        )
        for what, call in (("the simulation", simulation), ("that map", full)):
            found, seconds = timed(lambda call=call, result=result: result.index(call))
            both = np.stack([found.matrices("first"), found.matrices("second")], 2)
            told = judged(both, thickness, truth)
            rows.append([name, f"components of start {start}, {what}", *told, seconds + unmixing])
    return rows


def timed(call):
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)
        answer = call()
    return answer, round(time.process_time() - start, 1)


def pyxem_map(counts, geometry, simulation):
    """What ``get_orientation`` gives for the scan."""
    shape = counts.shape[:2]
    polar = polar_patterns(counts.reshape(-1, *counts.shape[2:]).astype(np.float32), geometry, q_max=Q_MAX)
    axes = [{"size": n, "units": "Å", "navigate": True} for n in shape]
    axes += [axis.get_axis_dictionary() for axis in polar.axes_manager.signal_axes[::-1]]
    polar = type(polar)(
        polar.data.reshape(*shape, *polar.data.shape[1:]), axes=axes, metadata=polar.metadata.as_dictionary()
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return polar.get_orientation(simulation, n_best=_MATCHES, show_progressbar=False)


def judged(matrices, thickness, truth):
    """Shares of the positions within 5 degrees: of the thickest grain, single and overlap; of the second one, any match."""
    rows, cols, n = matrices.shape[:3]
    here = thickness.reshape(len(truth), -1).T
    order, present = np.argsort(-here, axis=1), (here > PRESENT).sum(1)
    flat = matrices.reshape(rows * cols, n, 3, 3)
    away = np.stack([errors(flat[:, i], truth) for i in range(n)], 1)
    each = np.arange(rows * cols)
    first, second = away[each, 0, order[:, 0]] <= WITHIN, away[each, :, order[:, 1]].min(1) <= WITHIN
    single, overlap = present == 1, present > 1
    return [f"{x.mean():.2f}" for x in (first[single], first[overlap], second[overlap])]


if __name__ == "__main__":
    main()
