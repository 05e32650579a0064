"""What is read from the components and written beside them: grains, overlap, orientations."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from ..core.messages import warn
from ..plots.axes import figure_of
from ..storage.atomic import replacing
from .summary import write_columns

__all__ = ["asked_for", "save_figure"]


def asked_for(result, *, grains: bool, overlap: bool, phases: dict, folder: str) -> tuple[dict[str, Any], list[str]]:
    """(what was made, by its option; sentences of what could not be made)."""
    makers: dict[str, Callable[[], Any]] = {}
    if grains:
        makers["grains"] = partial(_grains, result, folder)
    if overlap:
        makers["overlap"] = partial(_overlap, result, folder)
    if phases:
        makers["cif"] = partial(_orientations, result, phases, folder)
    made, missing = {}, []
    for name, make in makers.items():
        # One that a result does not have must not cost the others, nor the report.
        try:
            made[name] = make()
        except ValueError as error:
            missing.append(f"--{name}: {error}")
    return made, missing


def save_figure(drawn, path: str) -> None:
    """The figure of what was drawn, written and closed."""
    import matplotlib.pyplot as plt

    figure = figure_of(drawn)
    try:
        with replacing(path, "the figure") as file:
            figure.savefig(file, format="png", dpi=110)
    finally:
        plt.close(figure)


def _map_of(found, path):
    """The figure of what was found; a line scan has none, which is not a fault of its tables."""
    try:
        save_figure(found.plot(), path)
    except ValueError as error:
        warn(f"{os.path.basename(path)} is left out: {error}")


def _grains(result, folder):
    found = result.grains()
    found.to_csv(os.path.join(folder, "grains.csv"))
    _map_of(found, os.path.join(folder, "grains.png"))
    return found


def _overlap(result, folder):
    found = result.overlap()
    heading = {"area": f"area ({found.area_unit})"}
    areas = {heading.get(name, name): column.tolist() for name, column in found.areas.items()}
    write_columns(os.path.join(folder, "overlap.csv"), areas)
    _map_of(found, os.path.join(folder, "overlap.png"))
    return found


def _orientations(result, phases, folder):
    found = result.index(phases)
    names = ("component", "phase", "source", "n_positions", "score", "fit", "error_deg", "second_phase", "gap", "ambiguity")
    columns = {name: [getattr(match, name) for match in found.matches] for name in names}
    columns |= {name: list(found.table[name]) for name in ("rival_deg", "log_ratio")}
    for name in ("ambiguous", "orientation_ambiguous"):
        columns[name] = [int(getattr(match, name)) for match in found.matches]
    for i, name in enumerate(("x", "y", "z", "w")):  # scalar last, as in SciPy
        columns[f"quaternion_{name}"] = [float(match.quaternion[i]) for match in found.matches]
        rivals = [match.quaternion if match.rival is None else match.rival.quaternion for match in found.matches]
        columns[f"rival_quaternion_{name}"] = [float(one[i]) for one in rivals]
    write_columns(os.path.join(folder, "orientations.csv"), columns)
    _map_of(found, os.path.join(folder, "orientations.png"))
    return found
