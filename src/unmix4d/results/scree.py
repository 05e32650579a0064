"""Scree: how much each principal component explains, and where the elbow is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..plots import scree
from ..storage.table_file import to_csv
from .forms import SETTINGS, Arrays
from .saved import Form, savable, save

__all__ = ["SCREE", "Scree", "find_elbow"]

SCREE = 30  # components, as many as `Unmix.scree` has by default; no table
# The drop that ends the signal must be this many times larger than the drops among the components behind it (no
# table).
_CLEAR = 3.0


@savable(Form({"explained": Arrays("f", ("n",)), "settings": SETTINGS}, lambda scree: {"n": len(scree.explained)}))
@spelled
@dataclass(frozen=True, eq=False)
class Scree:
    """The scree plot of a scan (Martineau 2019, Fig. 2a).

    Attributes
    ----------
    explained : ndarray of float64 (n,)
        Fraction of the total sum of squares of each component of the SVD, descending.
    settings : dict
        How it was computed.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> scree = Unmix(phantoms.random_scan(shape=(5, 6, 10, 20), seed=0).data).scree(10)
    >>> scree.explained.shape
    (10,)
    """

    explained: np.ndarray
    settings: dict

    plot = scree
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    @property
    def table(self) -> Table:
        """``component``, counted from 0, and ``explained``, as a dict of columns; read-only."""
        return Table({"component": range(len(self.explained)), "explained": self.explained})

    @property
    def elbow(self) -> int | None:
        """Number of components before the elbow of the curve, or None if the elbow is not clear."""
        return find_elbow(self.explained)

    def __repr__(self):
        elbow = "no clear elbow" if self.elbow is None else f"elbow after {self.elbow}"
        head = ", ".join(f"{v:.3g}" for v in self.explained[:6])
        more = ", ..." if len(self.explained) > 6 else ""
        return f"<Scree of {len(self.explained)} components, {elbow}: {head}{more}>"


def find_elbow(explained: ArrayLike) -> int | None:
    """Where the components stop standing out of the noise, on the logarithm of the explained fraction.

    The second half of the components is taken as the tail. The elbow is the last component whose drop to the next one is
    at least three times the largest drop within the tail; a scan whose components fade slowly into the noise has none.

    explained (array-like (n,)): Descending; at least 6 values above rounding.
    """
    explained = np.asarray(explained, float)
    visible = explained[explained > explained.max(initial=0) * 1e-12]
    if visible.size < explained.size and visible.size:
        return int(visible.size)  # no noise at all: the rank is the answer
    if visible.size < 6:
        return None
    drops = -np.diff(np.log(visible))
    half = drops.size // 2
    clear = np.flatnonzero(drops[:half] >= _CLEAR * max(drops[half:].max(), 1e-12))
    return int(clear[-1]) + 1 if clear.size else None
