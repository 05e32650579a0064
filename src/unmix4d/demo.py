"""The demo: a polycrystal with a direct beam, unmixed through every host that is installed, and scored against the truth."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import warnings

import numpy as np

from . import phantoms, scores
from .plots.axes import figure_of
from .storage.atomic import replacing

__all__ = ["run"]

_CASE = "direct_beam"
_BEAM_RADIUS = 4  # pixels
_SEED = 0  # any


def run(folder: str) -> int:
    """Run the demo and write its files to `folder`; returns 0 when the truth was recovered, 1 otherwise."""
    import matplotlib

    matplotlib.use("Agg")
    folder = os.path.abspath(folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        print(f"--out {folder!r} cannot be made: {error.strerror}", file=sys.stderr)
        return 2
    phantom = phantoms.case(_CASE)
    print(f"simulated: {phantom.k - 1} overlapping grains, {phantom!r}, 80 % of the dose in the direct beam")
    results = {}
    for name, package, convert in (
        ("pyxem, lazy", "pyxem", lambda: phantom.to_pyxem(lazy=True)),
        ("py4DSTEM", "py4DSTEM", phantom.to_py4dstem),
    ):
        if importlib.util.find_spec(package) is None:
            print(f"\n{package} is not installed here: left out")
        else:
            results[name] = _through(name, convert, phantom, folder)
    if not results:
        results["plain array"] = _through("plain array", lambda: phantom, phantom, folder)
    worst = _compare(results)
    found = [scores.score(result, phantom) for result in results.values()]
    print(f"\nfigures and results are in {folder}")
    for name in sorted(os.listdir(folder)):
        print(f"  {name}")
    return 0 if worst < 1e-3 and all(s.found >= phantom.k - 1 for s in found) else 1


def _through(name, convert, phantom, folder):
    """One host: convert, scree, NMF, score, figures, native results, file."""
    print(f"\n--- through {name} " + "-" * 60)
    print("importing the host, which takes a while the first time ...", flush=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the hosts' own imports
        host = convert()
    unmix = host.unmix if hasattr(host, "unmix") else _plain(phantom)
    view = unmix.prepare(direct_beam=_BEAM_RADIUS)
    print(view)
    start = time.perf_counter()
    scree = view.scree()
    print(scree)
    # The background is in every position: it has no change of its own to be told by, and the scree counts the grains.
    result = view.nmf(scree.elbow or phantom.k - 1, n_starts=2, random_state=_SEED)
    print(f"{result}\n  took {time.perf_counter() - start:.1f} s\n")
    print(scores.score(result, phantom))
    maps, patterns = result.to_host()
    print(f"\nnative results: {type(maps).__name__} and {type(patterns).__name__}")
    tag = name.split(",")[0].replace(" ", "-")
    figures = {
        "components": result.plot(), "scree": scree.plot(), "convergence": result.plot_convergence(),
    }  # fmt: skip
    for what, drawn in figures.items():
        with replacing(os.path.join(folder, f"{what}-{tag}.png"), "the figure") as file:
            figure_of(drawn).savefig(file, format="png", dpi=110)
    result.save(os.path.join(folder, f"result-{tag}.h5"))
    return result


def _plain(phantom):
    from .views.unmix import Unmix

    return Unmix(
        phantom.data, centre=phantom.centre, pixel_size=phantom.pixel_size, pixel_unit=phantom.pixel_unit,
        step=phantom.step, step_unit=phantom.step_unit,
    )  # fmt: skip


def _compare(results):
    """Largest difference between the maps of the hosts."""
    first, *others = results.values()
    if not others:
        return 0.0
    worst = max(float(np.nanmax(np.abs(first.maps - other.maps))) for other in others)
    print(f"\nlargest difference between the maps of the hosts: {worst:.2g} (maps have maximum 1)")
    return worst
