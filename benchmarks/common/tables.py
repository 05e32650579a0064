"""Aligned Markdown tables, and the facts about the machine that the numbers were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import psutil

__all__ = ["component_table", "machine_facts", "markdown_table", "megabytes", "whole"]

_PACKAGES = ("numpy", "scipy", "scikit-learn", "dask", "zarr", "hyperspy", "pyxem", "py4DSTEM")


def markdown_table(header, rows):
    """A Markdown table whose columns line up; cells that are numbers are flush right."""
    cells = [[str(c) for c in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    right = [i > 0 and all(_is_number(row[i]) for row in cells[1:]) for i in range(len(header))]
    lines = [
        "| " + " | ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _is_number(cell):
    return not cell or cell == "-" or cell.lstrip("-")[:1].isdigit()


def megabytes(n_bytes):
    """Decimal megabytes, as text."""
    return f"{n_bytes / 1e6:.0f}"


def whole(seconds):
    """Seconds as text, with as many digits as make sense."""
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.1f}"


def component_table(names, columns):
    """Map correlation / pattern cosine of every true component, a column per program.

    Parameters
    ----------
    names : list of str
    columns : dict
        Program to a dict with ``map_correlation`` and ``pattern_cosine``.
    """
    rows = [
        [name, *(f"{c['map_correlation'][i]:.3f} / {c['pattern_cosine'][i]:.3f}" for c in columns.values())]
        for i, name in enumerate(names)
    ]
    means = [f"{np.mean(c['map_correlation']):.3f} / {np.mean(c['pattern_cosine']):.3f}" for c in columns.values()]
    return markdown_table(["map r / pattern cos", *columns], [*rows, ["**mean**", *means]])


def machine_facts():
    """Cores, memory, interpreter and versions, as Markdown list items."""
    import unmix4d

    versions = [f"unmix4d {unmix4d.__version__}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"{package} not installed")
    memory = psutil.virtual_memory().total / 1e9
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return "\n".join(
        [
            f"- {os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()}"
            f", Python {platform.python_version()}; load average at the start {load:.1f}",
            f"- {', '.join(versions)}",
        ]
    )
