"""Scree: how much each principal component explains, and where the elbow is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..plots import scree
from ..storage.table_file import to_csv
from .forms import SETTINGS, Arrays, Field
from .saved import Form, savable, save

__all__ = ["SCREE", "Scree", "find_elbow", "find_noise"]

SCREE = 30  # components, as many as `Unmix.scree` has by default; no table
_ROUNDING = 1e-12  # of the largest: what is below it is rounding
# What a break of the slope is; the paper only says of neighbours that they are "relatively similar". All three were chosen
# so that `phantoms.bent_wire` has one after 3 components at 35 mrad of precession, after 4 at 9 mrad, and none without.
_STEP = 5.0  # of neighbours
_SHARP = 3.75  # of the drop and the mean of those that follow
_FOLLOWING = 4  # drops, at least
# The drop that ends the signal must be this many times larger than the drops among the components behind it (no
# table).
_CLEAR = 3.0


_FIELDS: dict[str, Field] = {"explained": Arrays("f", ("n",)), "settings": SETTINGS, "judged": Arrays("f", optional=True)}


@savable(Form(_FIELDS, lambda scree: {"n": len(scree.explained)}))
@spelled
@dataclass(frozen=True, eq=False)
class Scree:
    """Scree plot of a scan (Martineau 2019, Fig. 2a).

    Attributes
    ----------
    explained : ndarray of float64 (n,)
        Fraction of the total sum of squares of each SVD component, in descending order.
    settings : dict
        Settings of the computation.
    judged : ndarray of float64 or None
        The first 30 values, from which `elbow` and `noise_begins` are computed for any length of `explained`. None:
        `explained`.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> scree = Unmix(phantoms.random_scan(shape=(5, 6, 10, 20), seed=0).data).scree(10)
    >>> scree.explained.shape
    (10,)
    """

    explained: np.ndarray
    settings: dict
    judged: np.ndarray | None = None

    plot = scree
    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    @property
    def table(self) -> Table:
        """Read-only table with the columns ``component``, counted from 0, and ``explained``."""
        return Table({"component": range(len(self.explained)), "explained": self.explained})

    @property
    def elbow(self) -> int | None:
        """Number of components before the elbow, or None if there is no clear elbow."""
        return find_elbow(self._judged)

    @property
    def noise_begins(self) -> int | None:
        """Number of components that stand out of the noise, or None if they fade into it or are more than 15."""
        return find_noise(self._judged)

    @property
    def _judged(self):
        return (self.explained if self.judged is None else self.judged)[:SCREE]

    def __repr__(self):
        elbow = "no clear elbow" if self.elbow is None else f"elbow after {self.elbow}"
        elbow += "" if self.noise_begins is None else f", noise after {self.noise_begins}"
        head = ", ".join(f"{v:.3g}" for v in self.explained[:6])
        more = ", ..." if len(self.explained) > 6 else ""
        return f"<Scree of {len(self.explained)} components, {elbow}: {head}{more}>"


def find_noise(explained: ArrayLike) -> int | None:
    """Where the components stop standing out of the noise, on the logarithm of the explained fraction.

    The second half of the components is taken as the tail. The noise begins behind the last component whose drop to the next
    one is at least three times the largest drop within the tail; a scan whose components fade slowly into the noise has no
    such place.

    explained (array-like (n,)): Descending; at least 6 values above rounding.
    """
    explained = np.asarray(explained, float)
    visible = explained[explained > explained.max(initial=0) * _ROUNDING]
    if visible.size < explained.size and visible.size:
        return int(visible.size)  # no noise at all: the rank is the answer
    if visible.size < 6:
        return None
    drops = -np.diff(np.log(visible))
    half = drops.size // 2
    clear = np.flatnonzero(drops[:half] >= _CLEAR * max(drops[half:].max(), 1e-12))
    return int(clear[-1]) + 1 if clear.size else None


def find_elbow(explained: ArrayLike) -> int | None:
    """Where the slope breaks: the components before it explain much, those behind it relatively little.

    The last component before the break explains at least five times what the next one does, and this drop (of the
    logarithm) is several times the mean of the drops that follow, as many as there are components before the break, and
    at least four. Of several breaks the sharpest counts.

    explained (array-like (n,)): Descending; at least 6 values.
    """
    explained = np.asarray(explained, float)
    if explained.size < 6 or not explained.max() > 0:
        return None
    drops = -np.diff(np.log10(np.maximum(explained, explained.max() * _ROUNDING)))
    found, sharpest = None, _SHARP
    for n in range(1, drops.size - _FOLLOWING + 1):
        following = max(drops[n : n + max(n, _FOLLOWING)].mean(), 1e-9)
        if drops[n - 1] >= np.log10(_STEP) and drops[n - 1] >= sharpest * following:
            found, sharpest = n, drops[n - 1] / following
    return found
