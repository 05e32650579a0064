"""Tables of answers as CSV files."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

from ..core.text import writable
from .atomic import replacing

__all__ = ["to_csv"]


def to_csv(self: Any, path: str | os.PathLike[str]) -> None:
    """Write the table to a CSV file with units in the header.

    Numbers are written with all digits, and booleans as 0 and 1. An existing file is only replaced at the end.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
        If the file cannot be written. An existing file is then not changed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> grains = Unmix(film.data, step=2.0, step_unit="nm").nmf(3, random_state=0).grains()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     grains.to_csv(Path(folder) / "grains.csv")
    ...     lines = (Path(folder) / "grains.csv").read_text(encoding="utf-8").splitlines()
    >>> len(lines), lines[0].split(",")[:4]
    (4, ['grain', 'component', 'n_positions', 'area (nm²)'])
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(self.table.headings)
    columns = [column.tolist() for column in self.table.values()]
    writer.writerows([_written(value) for value in row] for row in zip(*columns))
    with replacing(path, "the table") as file:
        file.write(writable(text.getvalue()).encode("utf-8"))


def _written(value):
    """Numbers with all their digits, flags as 0 and 1; texts, and what else a column holds, as they are."""
    if isinstance(value, float):
        return repr(value)
    return int(value) if isinstance(value, bool) else value
