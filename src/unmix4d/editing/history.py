"""Edits done again, and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import constraints as known_constraints
from ..core import checks
from .edits import Edit, Edits, as_edits, unpacked_pattern

__all__ = ["replay", "undo"]


def undo(result: Any, n: int = 1) -> Any:
    """The answer as it was before its last edits.

    Parameters
    ----------
    n : int
        How many are taken back.

    Returns
    -------
    Decomposition
        The very answer of before.

    Raises
    ------
    ValueError
        When there are fewer edits, or the answer was loaded from a file, which holds what the edits made and not what was
        before: ``unmix4d.replay(r.edits[:-1], raw)`` makes it again from the answer that was edited first.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> result.merge([0, 2]).undo() is result
    True
    """
    done = len(result.edits)
    if not done:
        raise ValueError("undo needs an edit to take back, and this answer has none")
    n, before = checks.count(n, "n", maximum=done, why=", the number of edits"), result
    for _ in range(n):
        if before._before is None:
            raise ValueError(
                "undo needs the answer of before, which a saved result does not hold: replay all edits but the last on the "
                f"answer that was edited first, unmix4d.replay(r.edits[:-{n}], raw)"
            )
        before = before._before
    return before


def replay(edits: Edits | Iterable[Edit | dict], result: Any) -> Any:
    """Do recorded edits again, on the answer they were made on or on one like it.

    Parameters
    ----------
    edits : Edits
        ``r.edits`` of an edited answer, some of them, or what ``r.edits.to_json()`` gives.
    result : Decomposition
        On the answer that was edited, with the same data, the edits give the same numbers to the last bit.

    Returns
    -------
    Decomposition
        With the edits that `result` had before, and these.

    Raises
    ------
    ValueError, TypeError
        When these are not edits, the answer has not as many components as they begin with, or an edit cannot be done on it.

    Examples
    --------
    >>> import unmix4d
    >>> from unmix4d import Unmix, phantoms
    >>> raw = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(4, random_state=0)
    >>> edited = raw.merge([1, 3]).rename({0: "matrix"})
    >>> again = unmix4d.replay(edited.edits, raw)
    >>> bool((again.maps == edited.maps).all()), again.names == edited.names
    (True, True)
    """
    todo = as_edits(edits)
    if not hasattr(result, "edits"):
        raise TypeError(f"result must be an answer with components, got {type(result).__name__}")
    for number, edit in enumerate(todo):
        if edit.components[0] != result.k:
            raise ValueError(
                f"edits must fit the answer: edit {number}, {edit.code}, was made on {edit.components[0]} components, got "
                f"{result.k}"
            )
        result = getattr(result, edit.call)(**_arguments(edit))
    return result


def _arguments(edit):
    """Those of a call, from their record."""
    found = dict(edit.arguments)
    if edit.call == "rename" and isinstance(found.get("names"), dict):
        found["names"] = {_number(key): name for key, name in found["names"].items()}
    if edit.call == "replace":
        found["pattern"] = unpacked_pattern(found.get("pattern"))
    if "constraints" in found:
        found["constraints"] = [_constraint(told) for told in found["constraints"]]
    return found


def _number(key):
    return int(key) if key.isdecimal() else key


def _constraint(told):
    """A constraint of the package from its settings; what those do not hold cannot be made again."""
    name = told.get("name") if isinstance(told, dict) else None
    given = {key: value for key, value in told.items() if key != "name"} if isinstance(told, dict) else {}
    whole = all(not isinstance(value, dict) for value in given.values())
    if name not in known_constraints.__all__ or name in ("Constraint", "Evidence") or not whole:
        raise ValueError(
            f"replay cannot make the constraint {name!r} again, of which only the settings were recorded: replay the edits "
            "before it, and call .refit(constraints=[...]) yourself"
        )
    return getattr(known_constraints, name)(**given)
