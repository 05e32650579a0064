"""Aligned Markdown tables, and the facts about the machine that the numbers were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import psutil

__all__ = ["machine_facts", "markdown_table", "megabytes"]

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
