"""Sections of words and numbers: the summary, all settings, the papers to cite."""

from __future__ import annotations

import json

import numpy as np

from . import page

__all__ = ["summary", "settings", "citation", "described"]

_MOST_ENTRIES, _MOST_CHARACTERS = 12, 160


def summary(parts) -> str:
    """What was done to which scan, on one screen."""
    result = parts.result
    geometry, calibration, said = result.geometry, result.geometry.calibration, result.settings
    (rows, cols), (det_rows, det_cols) = geometry.scan_shape, geometry.detector_shape
    out = geometry.kept_positions.size - geometry.n_positions, geometry.kept_pixels.size - geometry.n_pixels
    origin = "" if geometry.centre_known else " (not known: the middle of the detector)"
    pairs = [
        ("scan", result.host.name or "without a title"),
        ("from", result.host.kind),
        ("positions", f"{rows} x {cols}, {calibration.describe_step()}; {out[0]} excluded"),
        ("detector", f"{det_rows} x {det_cols} pixels, {calibration.describe_pixel()}; {out[1]} excluded"),
        ("centre (row, column)", f"({geometry.centre[0]:.2f}, {geometry.centre[1]:.2f}) pixels{origin}"),
        ("preparation", preparation(said.get("view", {}).get("preparation", []))),
        ("method", described(result)),
    ]
    if "features" in said:
        pairs.append(("features", said["features"].get("kind", "").replace("_", " ")))
    of = " of the features" if result.features is not None else ""
    pairs.append(("mean squared error", f"{result.loss:.6g}{of}"))
    if result.losses.size > 1:
        pairs.append(("starts", f"{result.losses.size}, from {result.losses.min():.6g} to {result.losses.max():.6g}"))
    if result.distinguishable is not None:
        weak = ", ".join(map(str, np.flatnonzero(~result.distinguishable)))
        pairs.append(("not distinguishable from noise", f"component {weak}" if weak else "none"))
    if result.edits:
        pairs.append(("edited by hand", "; ".join(map(str, result.edits))))
    if result.settings.get("background"):
        pairs.append(("background", ", ".join(result.names[i] for i in result.settings["background"])))
    pairs.append(("seed", str(said.get("random_state"))))
    pairs.append(("data", "linked" if result.source is not None else "not linked: the result was loaded without them"))
    return page.facts(pairs)


def described(result) -> str:
    """Method and number of components in words."""
    return f"{result.meaning.label or result.method}, {result.k} {result.meaning.component}{'' if result.k == 1 else 's'}"


def preparation(steps) -> str:
    """The preparations of a view in one line."""
    told = [", ".join(f"{name} = {_text(value)}" for name, value in step.items()) for step in steps]
    return "; ".join(told) or "none"


def settings(parts) -> str:
    """Everything that is needed to repeat the run, in tables, and once more to be copied."""
    plain = {name: value for name, value in parts.result.settings.items() if not _is_group(value)}
    tables = [page.facts((name, _text(value)) for name, value in plain.items())]
    for name, value in parts.result.settings.items():
        if _is_group(value):
            tables.append(f"<h3>{page.escape(name)}</h3>")
            tables.append(page.facts((key, _text(entry)) for key, entry in value.items()))
    whole = json.dumps(parts.result.settings, ensure_ascii=False, indent=1, default=str)
    return "\n".join([*tables, page.folded("All settings as JSON", whole)])


def _is_group(value):
    return isinstance(value, dict) and len(value) > 0


def _text(value) -> str:
    """A setting in one line, cut where it is long: all of it is in the JSON below."""
    if isinstance(value, (list, tuple)):
        some = ", ".join(_text(entry) for entry in value[:_MOST_ENTRIES])
        more = f", ... ({len(value)} in all)" if len(value) > _MOST_ENTRIES else ""
        text = f"[{some}{more}]" if value else "none"
    elif isinstance(value, dict):
        text = ", ".join(f"{name} {_text(entry)}" for name, entry in value.items())
    elif isinstance(value, bool) or value is None:
        text = {True: "yes", False: "no", None: "none"}[value]
    else:
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " ..."


def citation(parts) -> str:
    """The papers that describe what was used."""
    papers = [f"<li>{page.citation(line)}</li>" for line in parts.result.citation.splitlines()]
    return "<ol>\n" + "\n".join(papers) + "\n</ol>"
