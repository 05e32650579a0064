"""The table of several scans: what came out of each, or what went wrong."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass

from ..core.text import writable
from ..storage.atomic import replacing

__all__ = ["NAME", "Outcome", "table_text", "write_columns", "write_summary"]

NAME = "summary.csv"


@dataclass
class Outcome:
    """One file: a row of the table, filled as far as the run came.

    Attributes
    ----------
    file : str
    code : int
        Exit code of this file.
    shape : str
    method : str
    k : int or None
    how_sure : str
        Of the number of components: ``given``, what `choose_k` is, how many runs or indices agree.
    grains : int or None
    loss : float or None
    seconds : float
    went_wrong : str
    """

    file: str
    code: int = 0
    shape: str = ""
    method: str = ""
    k: int | None = None
    how_sure: str = ""
    grains: int | None = None
    loss: float | None = None
    seconds: float = 0.0
    went_wrong: str = ""


_HEADINGS = ("file", "shape", "method", "k", "how sure", "grains", "loss", "seconds", "what went wrong")


def _row(one, loss):
    empty = "" if one.loss is None else loss(one.loss)
    cells = (one.file, one.shape, one.method, one.k, one.how_sure, one.grains, empty, f"{one.seconds:.1f}", one.went_wrong)
    return ["" if cell is None else str(cell) for cell in cells]


def table_text(outcomes) -> str:
    """The table for a screen, columns aligned."""
    rows = [_HEADINGS, *(_row(one, "{:.4g}".format) for one in outcomes)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def write_summary(folder: str, outcomes) -> None:
    """``summary.csv`` of the scans so far; an older one is replaced."""
    os.makedirs(folder, exist_ok=True)
    _write(os.path.join(folder, NAME), [_HEADINGS, *(_row(one, repr) for one in outcomes)])


def write_columns(path: str, columns) -> None:
    """A table as a dict of columns of one length, with their names as the header."""
    _write(path, [list(columns), *zip(*columns.values())])


def _write(path, rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    with replacing(path, "the table") as file:
        file.write(writable(text.getvalue()).encode("utf-8"))
