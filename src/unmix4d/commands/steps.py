"""The steps of one scan: view, plan, computation, files."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass

from ..core import checks
from ..core.units import in_pixels
from ..methods.arguments import bound_constraints, bound_smoothing, components
from ..methods.choose_k import default_numbers
from .answers import asked_for, save_figure
from .resuming import FOLDER
from .saying import say
from .summary import write_columns

__all__ = ["Plan", "compute", "opened", "opened_together", "planned"]

# The first two are always made.
_WRITTEN = (
    "report.html", "result.unmix.h5", "choice.png", "components.png", "composite.png", "convergence.png", "grains.csv",
    "grains.png", "orientations.csv", "orientations.png", "overlap.csv", "overlap.png",
    "series.csv", "series.png",
)  # fmt: skip


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
    grains, overlap : bool
        Whether they are wanted.
    phases : dict
        What components are indexed with.
    checkpoint : bool
        Whether methods keep what they have, in the folder of the file, and go on from it.
    """

    method: str
    number: int | None
    tried: range | None
    options: dict
    grains: bool
    overlap: bool
    phases: dict
    checkpoint: bool = False


def opened(file, chosen, wanted):
    """The prepared view of a file; nothing of its patterns is read, unless they are wanted in memory or as features."""
    return _prepared(_as_it_is(file, chosen, wanted), chosen, wanted)


def opened_together(files, chosen, wanted):
    """The prepared view of several files as one, and the errors of those that cannot be opened, by their names."""
    from ..views.unmix import Unmix

    views, failed = [], {}
    for file in files:
        try:
            views.append(_as_it_is(file, chosen, wanted))
        except (ValueError, TypeError, OSError) as error:
            failed[file] = error
    if not views:
        raise next(iter(failed.values()))
    doses = chosen.doses
    if isinstance(doses, list) and len(doses) == len(files):
        doses = [dose for file, dose in zip(files, doses) if file not in failed]
    view = Unmix(views, skip_unreadable=chosen.skip_unreadable, doses=doses)
    return _prepared(view, chosen, wanted), failed


def _as_it_is(file, chosen, wanted):
    from ..hosts.opening import open_scan
    from ..views.unmix import Unmix

    say(f"opening {file} ...")
    scan = open_scan(file, host=chosen.host, dataset=chosen.dataset, scan_shape=wanted.scan_shape)
    view = Unmix(scan, **wanted.facts)
    view = view if wanted.voltage is None else Unmix(_with_beam_energy(view.scan, wanted.voltage))
    return view if chosen.flyback is None else _without_flyback(view, chosen.flyback)


def _without_flyback(view, n):
    cols = view.geometry.scan_shape[1]
    return view.region(cols=(0, cols - checks.count(n, "--flyback", maximum=cols - 1)))


def _prepared(view, chosen, wanted):
    if wanted.preparation:
        view = view.prepare(**wanted.preparation)
    if chosen.in_memory:
        view = view.persist()
    say(_told(view))
    return view


def _with_beam_energy(scan, energy):
    geometry = scan.geometry
    return scan.replace(geometry=geometry.replace(calibration=geometry.calibration.with_changes(beam_energy=energy)))


def _told(thing) -> str:
    """Its repr without the methods to call next."""
    return "\n".join(line for line in repr(thing).splitlines() if not line.startswith(("  .", "  [i].", "  features: .")))


def planned(view, chosen, wanted):
    """(the view or its features, Plan): what is wanted, checked against the scan."""
    calibration = view.geometry.calibration
    for name, width in wanted.widths.items():
        in_pixels(width, max(calibration.step), calibration.step_unit, name)
    phases = _phases(view, wanted)
    if chosen.features:
        view = getattr(view, chosen.features)(**({} if chosen.detector is None else {"detector": chosen.detector}))
    number, tried = _number(view, chosen)
    # What does not fit the scan is said before anything is computed.
    bound_constraints(wanted.options.get("constraints", ()), view.geometry)
    bound_smoothing(wanted.options.get("smooth"), view.geometry)
    return view, Plan(
        chosen.method, number, tried, wanted.options, chosen.grains, chosen.overlap, phases, chosen.checkpoint
    )  # fmt: skip


def _phases(view, wanted):
    if not wanted.cif:
        return {}
    from ..orientation.from_cif import phases_from_cif

    energy = view.geometry.calibration.beam_energy
    if not energy:
        raise ValueError("--cif needs the voltage of the microscope, which the file does not hold: give --voltage '300 kV'")
    return phases_from_cif(wanted.cif, view.geometry, beam_energy=energy)


def _number(view, chosen):
    """(number, None) or (None, numbers to try)."""
    asked, least = chosen.components, 2 if chosen.method == "fuzzy" else 1
    if isinstance(asked, int):
        return components(view, asked, "--components"), None
    if chosen.method == "merge":
        return None, None
    if asked == "auto":
        return None, default_numbers(view)[least - 1 :]
    high = components(view, asked[1], "--components")
    low = checks.count(asked[0], "--components", minimum=least, maximum=high)
    return None, range(low, high + 1)


def compute(view, plan: Plan, folder: str) -> dict:
    """Decompose, and write result, figures and report; what the table of several scans says of it.

    Raises ValueError at the end, when all else is written, of what was asked for and this result does not have.
    """
    import matplotlib

    matplotlib.use("Agg")
    os.makedirs(folder, exist_ok=True)
    start = time.perf_counter()
    result, choice, how_sure = _decomposed(view, plan, folder)
    say(f"{_told(result)}\ncomputed in {time.perf_counter() - start:.1f} s; writing to {folder}")
    result.save(os.path.join(folder, "result.unmix.h5"))
    _remove_older(folder)
    _figures(result, choice, folder)
    _series(result, folder)
    made, missing = asked_for(result, grains=plan.grains, overlap=plan.overlap, phases=plan.phases, folder=folder)
    for found in made.values():
        say(_told(found))
    from ..results.k_choice import KChoice

    result.report(
        os.path.join(folder, "report.html"), choice=choice if isinstance(choice, KChoice) else None,
        grains=made.get("grains"), orientations=made.get("cif"),
    )  # fmt: skip
    say("\n".join(f"  {name}" for name in _WRITTEN if os.path.exists(os.path.join(folder, name))))
    if missing:
        raise ValueError("; ".join(missing))
    grains = len(made["grains"]) if "grains" in made else None
    return {"k": result.k, "how_sure": how_sure, "grains": grains, "loss": float(result.loss)}


def _remove_older(folder):
    """What an earlier run has left beside the result that is new now, and which this one may not make."""
    for name in _WRITTEN[2:]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))


def _kept(plan, folder, name):
    """Where a method keeps what it has, as its keyword."""
    if not plan.checkpoint:
        return {}
    os.makedirs(os.path.join(folder, FOLDER), exist_ok=True)
    return {"checkpoint": os.path.join(folder, FOLDER, name)}


def _decomposed(view, plan, folder):
    """(result, what its number was chosen by or None, how sure that number is)."""
    number, choice, how_sure = plan.number, None, "given"
    options = plan.options | (_kept(plan, folder, plan.method) if plan.method in ("nmf", "merge") else {})
    if plan.method == "merge":
        merged = view.merge_nmf("auto" if number is None else number, **options)
        agreed = merged.consensus()
        return agreed, None, f"in {100 * agreed.stability.mean():.0f} % of {len(merged.runs)} runs"
    if plan.method == "fuzzy" and number is None:
        choice = view.fuzzy_validity(plan.tried, **options)
        say(str(choice))
        agreeing = list(choice.votes.values()).count(choice.suggested)
        return choice[choice.suggested], choice, f"best of {agreeing} of {len(choice.votes)} indices"
    if number is None:
        kept = _kept(plan, folder, "choose_k")
        choice = view.choose_k(plan.tried, random_state=options["random_state"], **kept)
        say(str(choice))
        number, how_sure = choice.recommended, choice.confidence
    method = {
        "nmf": view.nmf, "vca": view.vca, "ica": view.ica, "pca": view.pca, "svd": view.svd, "fuzzy": view.fuzzy_cmeans,
    }[plan.method]  # fmt: skip
    return method(number, **options), choice, how_sure


def _series(result, folder):
    """Of several scans as one: the course of each component."""
    if not result.geometry.scans or result.signed:
        return
    series = result.series()
    say(_told(series))
    write_columns(os.path.join(folder, "series.csv"), series.table)
    save_figure(series.plot(), os.path.join(folder, "series.png"))


def _figures(result, choice, folder):
    drawings = {"components": result.plot, "composite": result.composite, "convergence": result.plot_convergence}
    if choice is not None:
        drawings["choice"] = choice.plot
    for name, draw in drawings.items():
        try:
            drawn = draw()
        except ValueError:
            continue  # of signed components, or of a method that is not iterative: the report says so
        save_figure(drawn, os.path.join(folder, f"{name}.png"))
