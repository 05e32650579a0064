"""Replay and undo edits."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import constraints as known_constraints
from ..core import checks
from ..core.messages import UnmixWarning
from .edits import Edit, Edits, as_edits, unpacked_pattern

__all__ = ["replay", "undo", "with_history"]

MOST_BYTES = 256 << 20  # of arrays kept for `undo`, beside those of the answer, of the first one and of the last before it


def undo(result: Any, n: int = 1) -> Any:
    """Return the result as it was before its last edits.

    The original result is kept, and so are the last results as long as their arrays take no more than 256 MB together.
    Earlier ones are computed again by replaying their edits, which gives identical numbers.

    Parameters
    ----------
    n : int
        Number of edits to undo.

    Returns
    -------
    Decomposition
        The previous result. Undoing all edits returns the original object.

    Raises
    ------
    ValueError
        If there are fewer edits, or if the result was loaded from a file, which does not contain the previous result: use
        ``unmix4d.replay(r.edits[:-1], raw)`` with the original result instead.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> result.merge([0, 2]).undo() is result
    True
    """
    done = len(result.edits)
    if not done:
        raise ValueError("undo needs an edit, but this result has none")
    n = checks.count(n, "n", maximum=done, why=", the number of edits")
    before = [one for one in result._before if len(one.edits) <= done - n]
    if not before:
        raise ValueError(
            "undo needs the previous result, which a saved result does not contain: replay all edits but the last on the "
            f"original result, unmix4d.replay(r.edits[:-{n}], raw)"
        )
    *earlier, last = before
    found = dataclasses.replace(last, _before=tuple(earlier)) if earlier else last
    todo = result.edits[len(last.edits) : done - n]
    if not len(todo):
        return found
    # An edit that was made without reading the scan left it out; one of these may need it.
    linked = next((one for one in (result, *result._before) if one.source is not None), found)
    found = dataclasses.replace(found, source=linked.source, _view=linked._view)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)  # said when they were done first
        return replay(todo, found)


def with_history(result: Any) -> tuple[Any, ...]:
    """Return what a result made from this one keeps for `undo`: previous results without their own history, oldest first."""
    answers: list[Any] = list(result._before)
    answers.append(dataclasses.replace(result, _before=()) if answers else result)
    first, more = answers[0], answers[1:]
    seen, held = set(map(id, _arrays_of(first))), 0
    kept: list[Any] = []
    for one in reversed(more):
        new = {id(array): array.nbytes for array in _arrays_of(one) if id(array) not in seen}
        held, seen = held + sum(new.values()), seen | new.keys()
        if kept and held > MOST_BYTES and _can_be_replayed(one.edits[-1]):
            continue
        kept.insert(0, one)
    return (first, *kept)


def _arrays_of(result):
    return [value for value in vars(result).values() if isinstance(value, np.ndarray)]


def _can_be_replayed(edit):
    try:
        _arguments(edit)
    except ValueError:
        return False
    return True


def replay(edits: Edits | Iterable[Edit | dict], result: Any) -> Any:
    """Apply recorded edits to the result on which they were made, or to a similar one.

    Parameters
    ----------
    edits : Edits
        ``r.edits`` of an edited result, a slice of it, or the output of ``r.edits.to_json()``.
    result : Decomposition
        The result to edit. If it is the original result with the same data, the numbers are identical to the last bit.

    Returns
    -------
    Decomposition
        The edited result. Its record contains the edits that `result` already had, followed by these.

    Raises
    ------
    ValueError, TypeError
        If `edits` are not edits, if the result does not have the number of components that they start with, or if an edit
        cannot be applied to it.

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
        raise TypeError(f"result must be a result with components, got {type(result).__name__}")
    for number, edit in enumerate(todo):
        if edit.components[0] != result.k:
            raise ValueError(
                f"edits must fit the result: edit {number}, {edit.code}, was made on {edit.components[0]} components, got "
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
