"""The steps of ``run``: folder, scan, plan, computation, files."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass

from ..core import checks
from ..core.units import parse_length
from ..methods.arguments import components
from ..plots.axes import figure_of
from ..storage.atomic import replacing

__all__ = ["Plan", "writable_folder", "opened", "planned", "compute"]

_RANGE = (2, 12)  # numbers that auto tries


@dataclass(frozen=True)
class Plan:
    """What will be computed, checked.

    Attributes
    ----------
    method : str
    number : int or None
        Of components; None: chosen from `tried`, or by the method itself.
    tried : range or None
    options : dict
        Keywords of the method.
    """

    method: str
    number: int | None
    tried: range | None
    options: dict


def writable_folder(chosen) -> str:
    """The folder of ``--out``, not yet made; OSError where nothing can be written to it."""
    stem = os.path.splitext(os.path.basename(os.path.normpath(chosen.file)))[0]
    folder = existing = os.path.abspath(checks.file_name(chosen.out or f"unmix4d-{stem}", "--out"))
    # A command that is wrong for another reason is to leave no folder behind: the one above is tried.
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OSError(f"--out {folder!r} cannot be written to: {error.strerror or error}") from error
    return folder


def opened(chosen):
    """The prepared view of the file; nothing of its patterns is read."""
    from ..hosts.opening import open_scan
    from ..views.unmix import Unmix

    # Whatever is wrong with a length is said before a host is imported, which takes a while.
    facts = _calibration(chosen)
    preparation = _preparation(chosen)
    print(f"opening {chosen.file} ...", flush=True)
    view = Unmix(open_scan(chosen.file, host=chosen.host, dataset=chosen.dataset), **facts)
    if preparation:
        view = view.prepare(**preparation)
    if chosen.in_memory:
        view = view.persist()
    print(_told(view), flush=True)
    return getattr(view, chosen.features)() if chosen.features else view


def _told(thing) -> str:
    """Its repr without the methods to call next."""
    return "\n".join(line for line in repr(thing).splitlines() if not line.startswith(("  .", "  features: .")))


def _calibration(chosen):
    facts = {} if chosen.centre is None else {"centre": tuple(chosen.centre)}
    for name, text in (("pixel_size", chosen.pixel_size), ("step", chosen.step)):
        if text is not None:
            size, unit = parse_length(text, f"--{name.replace('_', '-')}")
            facts[name], facts[name.replace("_size", "") + "_unit"] = size, unit
    return facts


def _preparation(chosen):
    given = {
        "direct_beam": None if chosen.direct_beam is None else _length(chosen.direct_beam, "--direct-beam"),
        "annulus": None if chosen.annulus is None else tuple(_length(text, "--annulus") for text in chosen.annulus),
        "bin": chosen.bin,
    }
    return {name: value for name, value in given.items() if value is not None}


def _length(text, name):
    """A number of pixels, a text with a unit, or None for none."""
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        parse_length(text, name)
        return text


def planned(view, chosen) -> Plan:
    """The arguments of the method, checked against the scan."""
    number, tried = _number(view, chosen)
    seed = checks.seed(chosen.seed)
    options = {"random_state": seed}
    if chosen.starts is not None:
        if chosen.method in ("svd", "vca"):
            raise ValueError(f"--starts is for nmf, fuzzy and merge, got --method {chosen.method}")
        options["n_runs" if chosen.method == "merge" else "n_starts"] = checks.count(chosen.starts, "--starts")
    return Plan(chosen.method, number, tried, options)


def _number(view, chosen):
    """(number, None) or (None, numbers to try)."""
    wanted = chosen.components
    if isinstance(wanted, int):
        return components(view, wanted, "--components"), None
    if chosen.method == "svd" or (chosen.method == "merge" and wanted != "auto"):
        also = "" if chosen.method == "svd" else " or auto"
        raise ValueError(f"--components must be a number{also} for {chosen.method}")
    if chosen.method == "merge":
        return None, None
    most = min(view.geometry.n_positions, view.geometry.n_pixels)
    if wanted == "auto":
        low, high = _RANGE[0], min(_RANGE[1], most)
    else:
        high = components(view, wanted[1], "--components")
        low = checks.count(wanted[0], "--components", minimum=2 if chosen.method == "fuzzy" else 1, maximum=high)
    return None, range(low, high + 1)


def compute(view, plan: Plan, folder: str) -> None:
    """Decompose, and write result, figures and report."""
    import matplotlib

    matplotlib.use("Agg")
    os.makedirs(folder, exist_ok=True)
    start = time.perf_counter()
    result, choice = _decomposed(view, plan)
    print(f"{_told(result)}\ncomputed in {time.perf_counter() - start:.1f} s; writing to {folder}", flush=True)
    result.save(os.path.join(folder, "result.unmix.h5"))
    _figures(result, choice, folder)
    from ..results.k_choice import KChoice

    result.report(os.path.join(folder, "report.html"), choice=choice if isinstance(choice, KChoice) else None)
    print("\n".join(f"  {name}" for name in sorted(os.listdir(folder))))


def _decomposed(view, plan):
    """(result, what its number was chosen by or None)."""
    number, choice, options = plan.number, None, plan.options
    if plan.method == "merge":
        merged = view.merge_nmf("auto" if number is None else number, **options)
        return merged.consensus(), None
    if plan.method == "fuzzy" and number is None:
        choice = view.fuzzy_validity(plan.tried, **options)
        print(choice)
        return choice[choice.suggested], choice
    if number is None:
        choice = view.choose_k(plan.tried, random_state=options["random_state"])
        print(choice)
        number = choice.recommended
    method = {"nmf": view.nmf, "vca": view.vca, "svd": view.svd, "fuzzy": view.fuzzy_cmeans}[plan.method]
    return method(number, **options), choice


def _figures(result, choice, folder):
    import matplotlib.pyplot as plt

    drawings = {"components": result.plot, "composite": result.composite, "convergence": result.plot_convergence}
    if choice is not None:
        drawings["choice"] = choice.plot
    for name, draw in drawings.items():
        try:
            drawn = figure_of(draw())
        except ValueError:
            continue  # of signed components, or of a method that is not iterative: the report says so
        with replacing(os.path.join(folder, f"{name}.png"), "the figure") as file:
            drawn.savefig(file, format="png", dpi=110)
        plt.close(drawn)
