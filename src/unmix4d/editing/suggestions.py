"""Suggested edits of a result as a table; none of them is applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.arrays import set_frozen_state
from ..core.rows import Row, pick
from ..core.spelling import spelled
from ..core.tables import Table, to_dataframe
from ..results.forms import Json, are, are_counts, is_number
from ..results.saved import Form, savable, save
from ..storage.table_file import to_csv

__all__ = ["ACTIONS", "Suggestion", "Suggestions"]

ACTIONS = ("merge", "split", "drop", "background")
_NUMBERS = (
    "certainty", "correlation", "edges", "similarity", "rotated", "angle_deg", "near", "error", "strength", "coherence",
)  # fmt: skip
_SHOWN = 12  # lines of a repr that are read


class Suggestion(Row):
    """One suggestion.

    Attributes
    ----------
    action : str
        ``"merge"``, ``"split"``, ``"drop"`` or ``"background"``.
    components : tuple of int
        Components it concerns.
    certainty : float
        Certainty from 0 to 1, comparable between suggestions of one kind.
    code : str
        The call that applies it.
    reason : str
        Short explanation.
    correlation, similarity, ...
        Further numbers, see `Suggestions.table`.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> found = Unmix(film.data, centre=film.centre).nmf(4, random_state=0).suggest()
    >>> found[0].action, found[0].components
    ('merge', (2, 3))
    """


def _good(rows):
    names = {"action", "components", "names", "reason", *_NUMBERS}
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and row.keys() == names
        and row["action"] in ACTIONS
        and are_counts(row["components"])
        and are(str, row["names"])
        and isinstance(row["reason"], str)
        and all(row[name] is None or is_number(row[name]) for name in _NUMBERS)
        for row in rows
    )


_FORM = Form({"rows": Json(_good, lambda rows: tuple(rows)), "note": Json(lambda note: isinstance(note, str))})


@savable(_FORM)
@spelled
@dataclass(frozen=True, eq=False)
class Suggestions:
    """Suggested edits, the most certain first.

    Attributes
    ----------
    rows : tuple of dict
        One dictionary per suggestion.
    note : str
        What could not be examined, and why.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> found = Unmix(film.data, centre=film.centre).nmf(4, random_state=0).suggest()
    >>> found[0].code
    'merge([2, 3])'
    """

    rows: tuple
    note: str = ""

    save = save
    to_dataframe = to_dataframe
    to_csv = to_csv

    __setstate__ = set_frozen_state

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Suggestion]:
        return map(self._one, range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Return one `Suggestion`, or a list of them."""
        return pick(key, len(self), "suggestion", self._one)

    def _one(self, i):
        row = self.rows[i]
        return Suggestion(**{**row, "components": tuple(row["components"]), "code": _code(row)})

    @property
    def merges(self) -> list[tuple[int, ...]]:
        """Pairs of components that may belong together, the most certain first."""
        return [one.components for one in self if one.action == "merge"]

    @property
    def table(self) -> Table:
        """Read-only table with one row per suggestion; numbers that do not apply to its kind are NaN.

        The columns are ``suggestion``, ``code`` and ``certainty``. For pairs there are also ``correlation`` of the maps and
        of their ``edges``, which is lower the more of these are boundaries between the two; ``similarity`` of the unrotated
        spots, and the largest one when they are ``rotated`` by ``angle_deg``; ``near``, the share of the smaller component
        within two positions of the other; and ``error``, the approximate factor by which the merge increases the squared
        error where the weaker one is. For a split, ``similarity`` is that of the two parts. ``strength`` is relative to
        noise, and ``coherence`` is the correlation of a map with the mean of its neighbours.
        """
        nan = float("nan")
        numbers = {name: [nan if row[name] is None else row[name] for row in self.rows] for name in _NUMBERS}
        return Table({"suggestion": range(len(self)), "code": [_code(row) for row in self.rows], **numbers})

    def __repr__(self) -> str:
        lines = [f"<Suggestions: {len(self)}, the most certain first; none is applied>"]
        lines += [f"  {row['certainty']:.2f}  {_code(row)}  {row['reason']}" for row in self.rows[:_SHOWN]]
        more = len(self) - _SHOWN
        lines += [f"  ... {more} more: .table"] if more > 0 else []
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])


def _code(row):
    if row["action"] == "split":
        return f"split({row['components'][0]})"
    return f"{row['action']}({list(row['components'])})"
