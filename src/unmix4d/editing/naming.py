"""What components are called, in which order they stand, and which of them are background. Nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.text import writable
from .answer import recorded
from .arguments import components_of, require_editable, which_of
from .edits import Edit

__all__ = ["background", "rename", "reorder"]

_LONGEST = 40  # characters of a name that a figure has room for; no table


def rename(result: Any, names: Mapping[int | str, str | None]) -> Any:
    """Give components names, which figures, tables, reports, host objects and files then carry.

    Parameters
    ----------
    names : dict of int or str -> str
        For each component, by its number or the name it had, what it is called; None or an empty text takes the name away.

    Returns
    -------
    Decomposition
        A new answer; this one is unchanged.

    Raises
    ------
    ValueError, TypeError
        When there is no such component, a name is used twice, is a number, or is longer than 40 characters.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> result.rename({0: "matrix", 2: "twin"}).names
    ('matrix', '1', 'twin')
    """
    if not isinstance(names, Mapping) or not names:
        raise TypeError(f'names must be a dict such as {{0: "matrix"}}, got {names!r}')
    given = {}
    for component, name in names.items():
        i = which_of(result, component, "each key of names")
        if i in given:
            raise ValueError(f"names must name each component once, got {i} more than once")
        given[i] = _checked(name)
    known = list(result.settings.get("names") or [""] * result.k)
    for i, name in given.items():
        known[i] = name
    twice = [name for name in known if name and known.count(name) > 1]
    if twice:
        raise ValueError(f"names must be different, got {twice[0]!r} twice")
    edit = Edit("rename", {"names": {str(i): name for i, name in given.items()}}, (result.k,) * 2, (result.loss,) * 2)
    return recorded(result, edit, _same(result), settings={"names": known})


def _checked(name):
    if name is None:
        return ""
    if not isinstance(name, str):
        raise TypeError(f"a name must be a string, got {name!r}")
    name = " ".join(writable(name).split())
    if len(name) > _LONGEST:
        raise ValueError(f"a name must have at most {_LONGEST} characters, got {len(name)}")
    if name.lstrip("+-").isdecimal():
        raise ValueError(f"a name must not be a number, which would be taken for that of a component, got {name!r}")
    return name


def reorder(result: Any, order: Sequence[int | str]) -> Any:
    """Put the components into another order.

    Parameters
    ----------
    order : sequence of int or str
        All components by their numbers or names: the first one named becomes component 0.

    Returns
    -------
    Decomposition
        A new answer; this one is unchanged.

    Raises
    ------
    ValueError, TypeError
        When a component is missing or named twice.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> other = result.reorder([2, 0, 1])
    >>> bool((other.maps[0] == result.maps[2]).all())
    True
    """
    entries = components_of(result, order, "order")
    if len(entries) != result.k:
        missing = sorted({*range(result.k)} - set(entries))
        raise ValueError(f"order must name all {result.k} components, got none of {', '.join(map(str, missing))}")
    chosen = [which_of(result, one, "order") for one in (order.tolist() if isinstance(order, np.ndarray) else order)]
    origins = [(i,) for i in chosen]
    fields = {name: getattr(result, name)[chosen] for name in ("maps", "patterns", "explained")}
    if result.features is not None:
        fields["features"] = result.features[chosen]
    edit = Edit("reorder", {"order": chosen}, (result.k,) * 2, (result.loss,) * 2)
    return recorded(result, edit, origins, **fields, **result._edited_fields(origins, set()))


def background(result: Any, components: Sequence[int | str]) -> Any:
    """Say which components are background: they stay, and take no part in labels, overlap and grains.

    Beam, amorphous support, vacuum and matrix, say. What is spread over the scan is found by `grains` and `overlap`
    themselves; this says it for sure, and of what is not spread out.

    Parameters
    ----------
    components : sequence of int or str
        All that are background, by their numbers or names; ``[]``: none is.

    Returns
    -------
    Decomposition
        A new answer; this one is unchanged.

    Raises
    ------
    ValueError, TypeError
        When there is no such component, one is named twice, all are named, or components have both signs.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> bool((result.background([0]).labels() != 0).all())
    True
    """
    require_editable(result, "background")
    chosen = components_of(result, components, "components", least=0)
    if len(chosen) == result.k:
        raise ValueError(f"components must leave at least one that is not a background, got all {result.k}")
    edit = Edit("background", {"components": chosen}, (result.k,) * 2, (result.loss,) * 2)
    return recorded(result, edit, _same(result), settings={"background": chosen})


def _same(result):
    return [(i,) for i in range(result.k)]
