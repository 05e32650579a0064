"""What the options ask for, read and checked against each other before a host is imported, which takes a while."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from ..constraints import Friedel, NoDarkSpots, SmoothMaps, Sparse, SumToOne
from ..core import checks
from ..core.units import parse_length

__all__ = ["Wanted", "wanted"]

# Which methods an option is for; of what follows, all that differ from what argparse has when nothing is given.
_FOR = {
    "smooth": ("nmf",), "smooth_maps": ("nmf",), "no_dark_spots": ("nmf",), "friedel": ("nmf",), "sparse": ("nmf",),
    "sum_to_one": ("nmf", "vca"), "starts": ("nmf", "fuzzy", "merge", "vca", "ica"),
    "grains": ("nmf", "fuzzy", "merge", "vca"), "overlap": ("nmf", "fuzzy", "merge", "vca"),
    "cif": ("nmf", "fuzzy", "merge", "vca"),
}  # fmt: skip
_OF_PIXELS = ("no_dark_spots", "friedel")
_VOLTS = {"v": 1e-3, "kv": 1.0, "kev": 1.0, "mv": 1e3}
_LOWEST, _HIGHEST = 1.0, 10_000.0  # kV: a unit that was forgotten lies outside


@dataclass(frozen=True)
class Wanted:
    """What is asked for, of every file alike.

    Attributes
    ----------
    facts : dict
        Keywords of `Unmix`: what the caller knows better than the file.
    preparation : dict
        Keywords of `prepare`.
    options : dict
        Keywords of the method.
    widths : dict
        What is measured in steps of the scan, by its option.
    scan_shape : (int, int) or None
    cif : list of str
        Crystals to index the components with.
    voltage : float or None
        kV.
    """

    facts: dict[str, Any]
    preparation: dict[str, Any]
    options: dict[str, Any]
    widths: dict[str, float | str]
    scan_shape: tuple[int, int] | None
    cif: list[str]
    voltage: float | None


def wanted(chosen) -> Wanted:
    """Options as arguments; ValueError, TypeError or OSError in one sentence where they cannot be met by any scan."""
    _refuse_what_does_not_fit(chosen)
    given = ((_option(name), getattr(chosen, name)) for name in ("smooth", "smooth_maps"))
    widths = {name: _width(text, name) for name, text in given if text is not None}
    return Wanted(
        _facts(chosen), _preparation(chosen), _options(chosen, widths), widths, _scan_shape(chosen), _crystals(chosen),
        _voltage(chosen),
    )  # fmt: skip


def _refuse_what_does_not_fit(chosen):
    method, number = chosen.method, chosen.components
    for name, methods in _FOR.items():
        if getattr(chosen, name) not in (None, False) and method not in methods:
            raise ValueError(f"{_option(name)} is for {_listed(methods)}, got --method {method}")
    for name in _OF_PIXELS:
        if chosen.features and getattr(chosen, name):
            raise ValueError(f"{_option(name)} needs the pixels of patterns, got --features {chosen.features}")
    if not isinstance(number, int) and (method in ("pca", "svd") or (method == "merge" and number != "auto")):
        raise ValueError(f"--components must be a number{' or auto' if method == 'merge' else ''} for {method}")
    if chosen.detector is not None and chosen.features != "bragg_disks":
        raise ValueError("--detector finds Bragg disks: leave it out, or add --features bragg_disks")
    if chosen.doses is not None and not chosen.together:
        raise ValueError("--doses are of several scans: leave it out, or add --together")
    if chosen.voltage is not None and not chosen.cif:
        raise ValueError("--voltage has no part in a run without --cif: leave it out, or name a crystal")


def _option(name):
    return "--" + name.replace("_", "-")


def _listed(words):
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _facts(chosen):
    facts = {} if chosen.centre is None else {"centre": tuple(chosen.centre)}
    for name, text in (("pixel_size", chosen.pixel_size), ("step", chosen.step)):
        if text is not None:
            size, unit = parse_length(text, _option(name))
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
    """A number of pixels or positions, a string with a unit, or None for none."""
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        parse_length(text, name)
        return text


def _width(text, name):
    """A length above 0."""
    length = _length(text, name)
    number = parse_length(length, name)[0] if isinstance(length, str) else length
    if number is None:
        raise ValueError(f"{name} must be a number of positions or a string such as '2 nm', got {text!r}")
    checks.positive(number, name)
    return length


def _options(chosen, widths):
    options: dict[str, Any] = {} if chosen.method in ("pca", "svd") else {"random_state": checks.seed(chosen.seed)}
    if chosen.starts is not None:
        options["n_runs" if chosen.method == "merge" else "n_starts"] = checks.count(chosen.starts, "--starts")
    if "--smooth" in widths:
        options["smooth"] = widths["--smooth"]
    if chosen.method == "vca" and chosen.sum_to_one:
        options["sum_to_one"] = True
    constraints = _constraints(chosen, widths) if chosen.method == "nmf" else []
    return {**options, "constraints": constraints} if constraints else options


def _constraints(chosen, widths):
    """In an order in which each leaves what the one before has made of the same patterns or maps."""
    out: list[Any] = []
    if chosen.no_dark_spots:
        out.append(NoDarkSpots())
    if chosen.friedel:
        out.append(Friedel())
    if chosen.sparse is not None:
        out.append(Sparse(checks.fraction(chosen.sparse, "--sparse")))
    if "--smooth-maps" in widths:
        out.append(SmoothMaps(probe_fwhm=widths["--smooth-maps"]))
    if chosen.sum_to_one:
        out.append(SumToOne())
    return out


def _scan_shape(chosen):
    if chosen.scan_shape is None:
        return None
    rows, cols = (checks.count(n, "--scan-shape") for n in chosen.scan_shape)
    return rows, cols


def _crystals(chosen):
    for path in chosen.cif or []:
        if not os.path.isfile(checks.file_name(path, "--cif")):
            raise OSError(f"there is no file {path!r} for --cif")
    return list(chosen.cif or [])


def _voltage(chosen):
    if chosen.voltage is None:
        return None
    found = re.fullmatch(r"\s*(\d+\.?\d*(?:[eE]\d+)?)\s*([a-zA-Z]+)\s*", chosen.voltage)
    if not found or found[2].lower() not in _VOLTS:
        raise ValueError(f"--voltage must be a string such as '300 kV', got {chosen.voltage!r}")
    voltage = float(found[1]) * _VOLTS[found[2].lower()]
    if not _LOWEST <= voltage <= _HIGHEST:
        raise ValueError(f"--voltage must be from {_LOWEST:g} kV to {_HIGHEST:g} kV, got {chosen.voltage!r}")
    return voltage
