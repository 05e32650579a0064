"""The demo: a polycrystal with a direct beam, unmixed through every host that is installed, and scored against the truth."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import time
import warnings

import numpy as np

from . import phantoms, scores
from .constraints import NoDarkSpots, SmoothMaps
from .plots.axes import figure_of
from .storage.atomic import replacing

__all__ = ["run"]

_CASE = "direct_beam"
_BEAM_RADIUS = 4  # pixels
_PROBE = "3 nm"  # one and a half positions: neighbours share it
_SEED = 0  # any


def run(folder: str) -> int:
    """Run the demo and write its files to `folder`; returns 0 when the truth was recovered, 1 otherwise."""
    import matplotlib

    matplotlib.use("Agg")
    folder = os.path.abspath(folder)
    try:
        _make_empty_of_ours(folder)
    except OSError as error:
        print(f"--out {folder!r} cannot be made: {error.strerror}", file=sys.stderr)
        return 2
    phantom = phantoms.case(_CASE)
    grains = phantom.k - 1
    print(f"simulated: {grains} overlapping grains on an amorphous film, 80 % of the dose in the direct beam, {phantom!r}")
    results: dict = {}
    written: list[str] = []
    for name, package, convert in (
        ("pyxem, lazy", "pyxem", lambda: phantom.to_pyxem(lazy=True)),
        ("py4DSTEM", "py4DSTEM", phantom.to_py4dstem),
    ):
        if importlib.util.find_spec(package) is None:
            print(f"\n{package} is not installed here: left out")
        else:
            results[name] = _through(name, convert, phantom, folder, written)
    if not results:
        results["plain array"] = _through("plain array", lambda: phantom, phantom, folder, written)
    worst = _compare(results)
    print("\nin short:")
    found = [_in_words(name, scores.score(result, phantom)) for name, result in results.items()]
    print(f"\nfigures and results of this run are in {folder}")
    for name in sorted(written):
        print(f"  {name}")
    return 0 if worst < 1e-3 and all(found) else 1


def _make_empty_of_ours(folder):
    """The folder, without the files of an earlier run: its hosts may not be installed any more."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        if re.fullmatch(r"(components|scree|convergence|result)-(pyxem|py4DSTEM|plain-array)\.(png|h5)", name):
            os.remove(os.path.join(folder, name))


def _through(name, convert, phantom, folder, written):
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
    # A film that is everywhere has no change of its own to stand out by.
    k = (scree.noise_begins or phantom.k - 1) + 1
    print(f"\nunmixed into {k}: those that stand out, and what is everywhere; maps as smooth as the probe, no dark spots")
    result = view.nmf(k, constraints=[SmoothMaps(probe_fwhm=_PROBE), NoDarkSpots()], random_state=_SEED)
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
    written += [*(f"{what}-{tag}.png" for what in figures), f"result-{tag}.h5"]
    return result


def _in_words(name, score):
    """What was found, in a sentence; True where it is everything."""
    film, *grains = score.map_correlation
    n = int(np.sum(np.array(grains) > score.threshold))
    told = f"found, its map correlates with the truth by {film:.2f}" if film > score.threshold else "not found"
    print(f"  {name}: {n} of {len(grains)} grains found, maps correlate with the truth by {min(grains):.3f} or better;")
    print(f"    the amorphous film below them: {told}")
    return score.found == len(score.names)


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
